"""The server adapters: what they start works and ends with them, and every failure is told with its mend."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from urllib.parse import quote

import pytest

from conformance import adapters
from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.errors import ConnectionLost, OperationRefused
from conformance.imap.session import StorageSession
from conformance.imap.wire import WireConnection
from conformance.problems import AdapterProblem, UsageProblem
from conformance.selftest import abilities
from conformance.selftest.abilities import OBJECT, log_in
from conformance.selftest.imap_servers import scripted
from conformance.selftest.programs import eventually, group_of, or_skip, running
from conformance.servers import cyrus, dovecot, traces
from conformance.servers.cyrus import CyrusServer
from conformance.servers.dovecot import DovecotServer
from conformance.servers.location import parse
from conformance.servers.process import PrivateServer
from conformance.servers.protocol import Ability, AbilityMissing, Account, StorageServer
from conformance.servers.reference import ReferenceStorageServer
from conformance.servers.registry import open_server
from conformance.servers.remote import RemoteServer

PRIVATE: list[Callable[[], PrivateServer]] = [DovecotServer, CyrusServer]


@pytest.fixture(autouse=True)
def _records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of runs are kept apart from those of this machine's user."""
    monkeypatch.setattr(traces, "_SHARED", tmp_path)


def names(session: StorageSession) -> set[str]:
    """The names of all folders."""
    return {each.name for each in session.list_folders()}


def name_of(account: Account, session: StorageSession, *levels: str) -> str:
    """A folder below the account's root."""
    return (session.delimiter or "").join((*account.root, *levels))


@pytest.fixture(scope="module", params=["reference", "dovecot", "cyrus"])
def server(request: pytest.FixtureRequest) -> Iterator[StorageServer]:
    """Each server that the suite starts by itself."""
    opened = open_server(request.param, {})
    if isinstance(opened, PrivateServer):
        or_skip(opened.program)
    with opened:
        yield opened


def test_a_fresh_account_is_empty_and_its_own(server: StorageServer) -> None:
    """Two accounts of one server do not see each other, and hold nothing but INBOX."""
    one, other = server.fresh_account(), server.fresh_account()
    with log_in(one) as first, log_in(other) as second:
        assert names(first) == {"INBOX"}
        first.create_folder("Grüße/a b")
        first.store_object("Grüße/a b", OBJECT, flags=["\\Seen", "keyword"])
        assert names(second) == {"INBOX"}
        assert "Grüße/a b" in names(first)


def test_releasing_an_account_removes_what_it_held(server: StorageServer) -> None:
    """After release nobody finds the folders of the account."""
    account = server.fresh_account()
    with log_in(account) as session:
        session.create_folder("a/b")
        session.store_object("a/b", OBJECT)
    server.release(account)
    if isinstance(server, PrivateServer):
        with log_in(account) as session:
            assert names(session) == {"INBOX"}


def test_the_server_is_identified_by_name_and_version(server: StorageServer) -> None:
    """The report can say what was tested."""
    assert any(character.isdigit() for character in server.identify())
    assert server.name in server.identify().lower()


def test_a_read_only_folder_takes_no_object(server: StorageServer) -> None:
    """READ_ONLY: APPEND is refused, the folder's objects stay, other folders are as before."""
    assert Ability.READ_ONLY in server.abilities
    account = server.fresh_account()
    with log_in(account) as session:
        for folder in ("fixed", "free"):
            session.create_folder(folder)
            session.store_object(folder, OBJECT)
    server.set_read_only(account, "fixed")
    with log_in(account) as session:
        with pytest.raises(OperationRefused):
            session.store_object("fixed", OBJECT)
        session.store_object("free", OBJECT)
        assert session.set_active_folder("fixed", read_only=True).exists == 1


def test_a_quota_refuses_what_does_not_fit(server: StorageServer) -> None:
    """QUOTA: also right after a login, as a server may remember what it knew of the user."""
    assert Ability.QUOTA in server.abilities
    abilities.limit(server)


def test_a_new_uid_validity_is_greater_and_keeps_the_objects(server: StorageServer) -> None:
    """NEW_UID_VALIDITY: or the adapter says that it cannot."""
    account = server.fresh_account()
    with log_in(account) as session:
        session.create_folder("Grüße")
        session.store_object("Grüße", OBJECT)
    if Ability.NEW_UID_VALIDITY not in server.abilities:
        with pytest.raises(AbilityMissing):
            server.renew_uid_validity(account, "Grüße")
        return
    abilities.renew(server, account, "Grüße")


def test_a_restart_ends_sessions_and_keeps_mail(server: StorageServer) -> None:
    """RESTART: the same endpoint, the same content, no old connection; or the adapter says that it cannot."""
    if Ability.RESTART not in server.abilities:
        with pytest.raises(AbilityMissing):
            server.restart()
        return
    account = server.fresh_account()
    session = log_in(account)
    session.create_folder("kept")
    session.store_object("kept", OBJECT)
    server.restart()
    with pytest.raises(ConnectionLost):
        session.noop()
    with log_in(account) as session:
        assert session.set_active_folder("kept").exists == 1


@pytest.mark.parametrize("make", PRIVATE)
def test_two_servers_run_side_by_side_and_leave_nothing(make: Callable[[], PrivateServer]) -> None:
    """Each has its own port and store; after the end no process, no listener and no directory is left."""
    with running(make()) as one, running(make()) as other:
        accounts = [each.fresh_account() for each in (one, other)]
        assert accounts[0].endpoint != accounts[1].endpoint
        with log_in(accounts[0]) as session:
            session.create_folder("only-here")
            with log_in(accounts[1]) as second:
                assert names(second) == {"INBOX"}
                leader, directory = _leader(other), other._directory
                assert len(group_of(leader)) > 1
                other.__exit__(None, None, None)
                with pytest.raises(ConnectionLost):
                    second.noop()
            assert names(session) == {"INBOX", "only-here"}
        assert eventually(lambda: not group_of(leader))
        assert not directory.exists()
        with pytest.raises(ConnectionLost):
            WireConnection.open(accounts[1].endpoint, timeout=1)


def _leader(server: PrivateServer) -> int:
    """The process id of the server program itself, whose process group is all that it started."""
    keeper = server._process._keeper
    assert keeper is not None
    (child,) = Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text().split()
    return int(child)


@pytest.mark.parametrize("make", PRIVATE)
def test_a_server_ends_with_a_suite_that_is_killed(make: type[PrivateServer]) -> None:
    """SIGKILL leaves the suite no time to clean up; server and directory go all the same."""
    or_skip(make().program)
    script = (
        f"from {make.__module__} import {make.__name__} as Server\n"
        "import sys\n"
        "server = Server().__enter__()\n"
        "print(server._endpoint.port, server._directory, flush=True)\n"
        "sys.stdin.read()\n"
    )
    suite = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert suite.stdout is not None
    port, directory = suite.stdout.readline().split()
    WireConnection.open(Endpoint("127.0.0.1", int(port)), timeout=5).close()
    suite.kill()
    suite.communicate()
    assert eventually(lambda: not Path(directory).exists())
    with pytest.raises(ConnectionLost):
        WireConnection.open(Endpoint("127.0.0.1", int(port)), timeout=1)


def test_a_server_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The problem quotes the program's own words, and nothing is left running."""
    server = DovecotServer()
    or_skip(server.program)
    monkeypatch.setattr(dovecot, "render", lambda *_, **__: "no_such_setting = yes\n")
    with pytest.raises(AdapterProblem, match=r"Dovecot did not start: it ended .*no_such_setting"), server:
        pytest.fail("it started")
    assert not server._directory.exists()
    assert server._process._keeper is None


@pytest.mark.parametrize(
    ("make", "module", "mend"),
    [(DovecotServer, dovecot, "apt-get install dovecot-imapd"), (CyrusServer, cyrus, "apt-get install cyrus-imapd")],
)
def test_a_missing_program_is_told_with_the_package_to_install(
    make: type[PrivateServer], module: object, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an empty PATH and nothing in the usual places."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CPM_CYRUS", raising=False)
    monkeypatch.setattr(module, "_SYSTEM_DIRECTORIES", ())
    with pytest.raises(AdapterProblem) as told, make():
        pytest.fail("it started")
    assert mend in told.value.mend


def test_a_dovecot_of_an_unknown_version_is_refused(tmp_path: Path) -> None:
    """Its configuration would be guesswork."""
    program = tmp_path / "dovecot"
    program.write_text("#!/bin/sh\necho '1.9.2 (abc)'\n")
    program.chmod(0o755)
    with pytest.raises(AdapterProblem, match=r"version '1\.9\.2") as told, DovecotServer(str(program)):
        pytest.fail("it started")
    assert "2.3 or 2.4" in told.value.mend


def test_an_empty_option_means_nothing() -> None:
    """A set without members, and no delimiter at all."""
    with ReferenceStorageServer.from_options({"delimiter": "", "extensions": ""}) as server:
        assert server.server.behaviour.delimiter is None
        assert not server.server.behaviour.extensions


def test_the_reference_server_takes_legal_variations() -> None:
    """Options reach the server's behaviour: a text, a number, a truth value and a list."""
    options = {"delimiter": ".", "first_uid": "7", "idle_push": "no", "extensions": "UIDPLUS,ID"}
    with ReferenceStorageServer.from_options(options) as server:
        account = server.fresh_account()
        with log_in(account) as session:
            stored = session.store_object("INBOX", OBJECT)
            assert session.delimiter == "."
            assert stored is not None
            assert stored.uid == 7
            assert "CONDSTORE" not in session.capabilities


@pytest.mark.parametrize("options", [{"first_uid": "many"}, {"name_style": "gothic"}, {"first_uid": "0"}])
def test_an_illegal_variation_is_told(options: dict[str, str]) -> None:
    """The problem names the option."""
    with pytest.raises(UsageProblem, match=next(iter(options))):
        open_server("reference", options)


def url(account: Account, root: str = "", scheme: str = "imap", password: str | None = None) -> str:
    """A URL to an account of a private server."""
    user, secret = account.credentials.user, quote(password or account.credentials.password, safe="")
    return f"{scheme}://{user}:{secret}@{account.endpoint.host}:{account.endpoint.port}/{root}"


@pytest.mark.parametrize(
    ("spec", "endpoint", "root"),
    [
        ("imap://u:p@host/", Endpoint("host", 143, "starttls"), ()),
        ("imap://u:p@127.0.0.1/", Endpoint("127.0.0.1", 143), ()),
        ("imaps://u:p@host", Endpoint("host", 993, "tls"), ()),
        ("imap+starttls://u:p@host:14/a", Endpoint("host", 14, "starttls"), ("a",)),
        ("imap://u:p@host/a/b?starttls=1", Endpoint("host", 143, "starttls"), ("a", "b")),
        ("imap://u:p@[::1]:1143/a%2Fb/%C3%BC%20x/", Endpoint("::1", 1143), ("a/b", "ü x")),
    ],
)
def test_a_url_says_where_and_how(spec: str, endpoint: Endpoint, root: tuple[str, ...]) -> None:
    """Schemes, default ports, IPv6 hosts in brackets, percent-decoded levels."""
    location = parse(spec)
    assert (location.endpoint, location.root) == (endpoint, root)


@pytest.mark.parametrize(
    ("spec", "user", "password"),
    [
        ("imap://u%40x.org:p%3A%2F%25@h", "u@x.org", "p:/%"),
        ("imap://u@x.org:p@ss@h", "u@x.org", "p@ss"),
        ("imap://u:@h", "u", ""),
        ("imap://u@h", "u", "from the environment"),
    ],
)
def test_user_and_password_are_decoded(spec: str, user: str, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that the URL leaves out comes from the environment."""
    monkeypatch.setenv("CPM_SERVER_PASSWORD", "from the environment")
    assert parse(spec).credentials == Credentials(user, password)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("imap://user:s3cret@host:port/", "cannot be read"),
        ("imap://user:s3cret@host:99999/", "cannot be read"),
        ("imap://user:s3/cret@host/", "cannot be read"),
        ("imap://user:s3cret@[::1/", "cannot be read"),
        ("imap://user:s3cret@host:0/", "cannot be read"),
        ("imap://user:s3cret@ex..ample/", "cannot be read"),
        (f"imap://user:s3cret@{'h' * 300}/", "cannot be read"),
        ("imap://us%00er:s3cret@host/", "control character"),
        ("imap://user:s3cret#@host/", "cannot be read"),
        ("imap://user:s3cret@/root", "no host"),
        ("imap://host/root", "names no user"),
        ("pop3://user:s3cret@host/", "unknown scheme 'pop3'"),
        ("imap://user:s3cret@host/?tls=1", "query"),
        ("imaps://user:s3cret@host/?starttls=1", "query"),
        ("imap://user:s3cret@host/a#b", "bare #"),
        ("imap://user@host/", "no password"),
    ],
)
def test_a_bad_url_is_told_without_its_password(spec: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong and how to write it, and nothing that could be the password."""
    monkeypatch.delenv("CPM_SERVER_PASSWORD", raising=False)
    with pytest.raises(UsageProblem, match=told) as raised:
        open_server(spec, {})
    assert "s3" not in str(raised.value)
    assert raised.value.mend


@pytest.mark.parametrize("root", ["", "mine", "mine/deep%20down"])
def test_a_remote_server_is_left_as_it_was(server: StorageServer, root: str) -> None:
    """The suite makes roots of its own below the one given, and at the end everything else is untouched."""
    own = server.fresh_account()
    with log_in(own) as session:
        for folder in ("mine", "mine/deep down", "mine/cpm-neighbour", "other"):
            session.create_folder(folder)
        session.store_object("other", OBJECT)
        before, subscribed = names(session), session._wire.command(b'LSUB "" "*"').untagged
        with open_server(url(own, root), {}) as remote:
            released, forgotten = remote.fresh_account(), remote.fresh_account()
            assert not released.created
            assert "/".join(released.root).startswith(root.replace("%20", " "))
            for account in (released, forgotten):
                folder = name_of(account, session, "Grüße", "b c", "d")
                session.create_folder(folder)
                session.store_object(folder, OBJECT)
            session._wire.command(b'SUBSCRIBE "%s"' % name_of(forgotten, session).encode())
            remote.release(released)
            assert not any(name.startswith(name_of(released, session)) for name in names(session))
            assert name_of(forgotten, session) in names(session)
        assert names(session) == before
        assert session._wire.command(b'LSUB "" "*"').untagged == subscribed
        assert session.set_active_folder("other").exists == 1


def test_a_missing_root_is_made_and_removed(server: StorageServer) -> None:
    """Levels that the run created go again, except those that hold something else by then."""
    own = server.fresh_account()
    with log_in(own) as session:
        session.create_folder("kept")
        with open_server(url(own, "kept/new/deep"), {}) as remote:
            assert name_of(remote.fresh_account(), session) in names(session)
            session.create_folder("kept/new/of-another-user")
        assert names(session) == {"INBOX", "kept", "kept/new", "kept/new/of-another-user"}


def test_a_remote_root_lies_in_the_personal_namespace() -> None:
    """Where names begin with `INBOX.` the root does, too, whether or not the URL says so."""
    with ReferenceStorageServer.from_options({"delimiter": ".", "personal_prefix": "INBOX."}) as server:
        own = server.fresh_account()
        with log_in(own) as session:
            session.create_folder("INBOX.mine")
            for root in ("", "mine", "INBOX/mine"):
                with open_server(url(own, root), {}) as remote:
                    account = remote.fresh_account()
                    assert account.root[:-1] == (("INBOX", "mine") if root else ("INBOX",))
                    assert name_of(account, session) in names(session)
            assert names(session) == {"INBOX", "INBOX.mine"}


def test_a_remote_session_that_was_ended_is_opened_anew() -> None:
    """A server may log idle users out in the middle of a run."""
    server = DovecotServer()
    with running(server):
        own = server.fresh_account()
        with open_server(url(own), {}) as remote:
            account = remote.fresh_account()
            server.restart()
            assert remote.fresh_account().root != account.root
            remote.release(account)
        with log_in(own) as session:
            assert names(session) == {"INBOX"}


def test_what_cannot_be_removed_is_named() -> None:
    """A root that stays is an error of the run, not a silence."""
    with ReferenceStorageServer() as server:
        own = server.fresh_account()
        remote = open_server(url(own), {})
        account = remote.__enter__().fresh_account()
        with log_in(own) as session:
            session.create_folder(name_of(account, session, "a"))
        server.set_read_only(own, f"{account.root[0]}/a")
        with pytest.raises(AdapterProblem, match=r"could not remove cpm-\w{14}-1/a") as told:
            remote.__exit__(None, None, None)
        assert "by hand" in told.value.mend


def test_an_earlier_failure_is_not_hidden() -> None:
    """A failure while leaving does not hide the one that led there."""
    with ReferenceStorageServer() as server:
        own = server.fresh_account()
        remote = open_server(url(own), {})
        account = remote.__enter__().fresh_account()
        server.set_read_only(own, account.root[0])
        first = KeyError("the first failure")
        remote.__exit__(KeyError, first, None)
        assert "could not remove" in first.__notes__[0]


def test_an_unreachable_server_is_told() -> None:
    """Nobody listens there."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(AdapterProblem, match=rf"127\.0\.0\.1:{port} cannot be reached: .*refused") as told:
            open_server(f"imap://user:s3cret@127.0.0.1:{port}/", {}).__enter__()
    assert "check host and port" in told.value.mend
    assert "s3cret" not in str(told.value)


def test_another_protocol_is_told_with_what_came() -> None:
    """The greeting of a web server is quoted."""
    with scripted(lambda peer: peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as endpoint:
        spec = f"imap://user:s3cret@127.0.0.1:{endpoint.port}/"
        with pytest.raises(AdapterProblem, match=r"is no IMAP server: .*HTTP/1\.1 400") as told:
            open_server(spec, {}).__enter__()
    assert "check the port" in told.value.mend


def _silent(peer: socket.socket) -> None:
    peer.recv(1)


def test_a_silent_server_is_told() -> None:
    """A server that waits for TLS says nothing; the time to wait is bounded."""
    with scripted(_silent) as endpoint:
        location = parse(f"imap://user:s3cret@127.0.0.1:{endpoint.port}/")
        with pytest.raises(AdapterProblem, match=r"cannot be reached: no .* within 0\.2 s") as told:
            RemoteServer(location, timeout=0.2).__enter__()
    assert "imaps://" in told.value.mend


def test_a_busy_server_is_told() -> None:
    """A greeting of BYE is quoted."""
    with scripted(lambda peer: peer.sendall(b"* BYE too many connections\r\n")) as endpoint:
        spec = f"imap://user:s3cret@127.0.0.1:{endpoint.port}/"
        with pytest.raises(AdapterProblem, match="too many connections"):
            open_server(spec, {}).__enter__()


@pytest.mark.parametrize(
    ("change", "told", "mend"),
    [
        ({"password": "s3cret/"}, r"refuses the login of 'user\d+'", "check user and password"),
        ({"root": f"made/{'x' * 5000}"}, r"has no folder 'made/x+': .* too long", "create it"),
        ({"root": "a%2Fb"}, "root folder in the URL: 'a/b' cannot be one level", "separate levels"),
        ({"scheme": "imaps"}, "cannot be reached: TLS with 127.0.0.1 failed: .* is not TLS", "imap+starttls://"),
        ({"scheme": "imap+starttls"}, "STARTTLS: the server answered BAD", "imaps://"),
    ],
)
def test_what_the_server_refuses_is_told(change: dict[str, str], told: str, mend: str) -> None:
    """Login, root folder and TLS, each with its mend and never with a password."""
    with ReferenceStorageServer() as server:
        account = server.fresh_account()
        with pytest.raises(AdapterProblem, match=told) as raised:
            open_server(url(account, **change), {}).__enter__()
        with log_in(account) as session:
            assert names(session) == {"INBOX"}
    assert mend in raised.value.mend
    for secret in ("s3cret", account.credentials.password):
        assert f":{secret}" not in str(raised.value)


def test_a_remote_server_has_no_abilities() -> None:
    """Whatever goes beyond IMAP is refused, not silently left out."""
    remote = open_server("imap://u:p@127.0.0.1/", {})
    account = Account(Endpoint("127.0.0.1", 143), Credentials("u", "p"))
    assert not remote.abilities
    for act in (
        remote.restart,
        lambda: remote.set_read_only(account, "a"),
        lambda: remote.set_quota(account, 1),
        lambda: remote.renew_uid_validity(account, "a"),
    ):
        with pytest.raises(AbilityMissing):
            act()


@pytest.mark.parametrize(
    ("spec", "options", "told", "mend"),
    [
        ("dovecott", {}, "no server adapter 'dovecott'", "did you mean dovecot?"),
        ("Reference", {}, "no server adapter 'Reference'", "did you mean reference?"),
        ("zebra", {}, "no server adapter 'zebra'", "cyrus, dovecot, imap://"),
        ("contained", {}, "no server adapter 'contained'", "reference"),
        ("dovecot", {"programm": "x"}, "'dovecot' has no option 'programm'", "did you mean program?"),
        ("imap://u:p@h/", {"x": "y"}, "has no option 'x'", "it can be authentication, ca"),
    ],
)
def test_an_unknown_name_or_option_is_told_with_the_known_ones(
    spec: str, options: dict[str, str], told: str, mend: str
) -> None:
    """The nearest name first."""
    with pytest.raises(UsageProblem, match=told) as raised:
        open_server(spec, options)
    assert mend in raised.value.mend


def test_another_package_can_bring_an_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point of the group is a name like any other; one that cannot be loaded is a problem with its mend."""
    points = [
        EntryPoint("mine", "conformance.servers.reference:ReferenceStorageServer", "cpm_conformance.servers"),
        EntryPoint("broken", "no_such_module:Server", "cpm_conformance.servers"),
    ]

    def entry_points(group: str, name: str | None = None) -> list[EntryPoint]:
        return [point for point in points if point.group == group and name in (None, point.name)]

    monkeypatch.setattr(adapters, "entry_points", entry_points)
    assert isinstance(open_server("mine", {"delimiter": "."}), ReferenceStorageServer)
    with pytest.raises(AdapterProblem, match="'broken' of another package") as told:
        open_server("broken", {})
    assert "cpm_conformance.servers" in told.value.mend
    with pytest.raises(UsageProblem) as usage:
        open_server("min", {})
    assert "did you mean mine?" in usage.value.mend


def test_a_suite_ends_on_an_interrupt_without_a_server_left() -> None:
    """Ctrl-C reaches the suite alone; the server goes when the suite does."""
    server = DovecotServer()
    or_skip(server.program)
    leaders = []

    def run() -> None:
        with server:
            leaders.append(_leader(server))
            assert os.getpgid(leaders[0]) != os.getpgid(0)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert eventually(lambda: not group_of(leaders[0]))
