"""A server that others use, too: an account for each process, a pace that is kept, and namespaces with prefixes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.configuration import Configuration, User, read
from conformance.execution.opening import locations, open_configured_server, user_of
from conformance.imap.endpoint import Endpoint
from conformance.imap.pace import Pace
from conformance.imap.proxy import RecordingProxy
from conformance.imap.session import StorageSession
from conformance.imap.transcript import Transcript
from conformance.imap.wire import WireConnection
from conformance.problems import AdapterProblem, ConfigurationProblem, UsageProblem
from conformance.reference.server.behaviour import Behaviour
from conformance.reference.server.server import ReferenceServer
from conformance.selftest.accounts_of_others import run, url
from conformance.servers.location import parse
from conformance.servers.remote import RemoteServer


@pytest.fixture
def server() -> Iterator[ReferenceServer]:
    """A reference server that stands for anybody's."""
    with ReferenceServer() as started:
        yield started


def settings_for(server: ReferenceServer, *names: str) -> Configuration:
    """A configuration with these accounts, each with a password of its own."""
    users = [User(user=name, password=server.add_account(name).password) for name in names]
    return Configuration(server=f"imap://127.0.0.1:{server.port}/root", client="none", accounts=tuple(users))


@pytest.mark.parametrize(("worker", "user"), [("gw0", "one"), ("gw1", "two"), ("gw2", "one"), (None, "one")])
def test_each_process_takes_an_account_of_its_own(
    server: ReferenceServer, monkeypatch: pytest.MonkeyPatch, worker: str | None, user: str
) -> None:
    """The first again, in a root folder of its own, where there are more processes than accounts."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    if worker:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    with open_configured_server(settings_for(server, "one", "two")) as opened:
        assert opened.fresh_account().credentials.user == user


def test_two_processes_judge_with_two_accounts(server: ReferenceServer, tmp_path: Path) -> None:
    """From a file; both accounts are as empty as before, and no password is in any file of the report."""
    passwords = {name: server.add_account(name, f"s3cret-of-{name}").password for name in ("one", "two")}
    file = tmp_path / "run.toml"
    file.write_text(
        f'server = "imap://127.0.0.1:{server.port}/root"\nclient = "none"\nworkers = 2\nselect = ["5.5.2.8"]\n'
        f'[server_options]\nrate = 500\n[[accounts]]\nuser = "one"\npassword = "{passwords["one"]}"\n'
        '[[accounts]]\nuser = "two"\npassword_variable = "LAB_TWO"\n'
    )
    output = tmp_path / "out"
    done = run("run", "--config", str(file), "--output", str(output), cwd=tmp_path, LAB_TWO=passwords["two"])
    assert done.returncode == 2, done.stdout + done.stderr
    assert all(server.account(name).names().keys() == {"INBOX"} for name in passwords)
    assert all(server.account(name)._next_validity > 2 for name in passwords), "both accounts were used"
    for path in output.rglob("*"):
        assert path.is_dir() or not any(each.encode() in path.read_bytes() for each in passwords.values()), path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('accounts = ["one"]', "accounts.0"),
        ('[[accounts]]\npassword = "s3cret"', "accounts.0.user"),
        ('[[accounts]]\nuser = "one"\npasword = "s3cret"', "accounts.0.pasword"),
        ('[[accounts]]\nuser = "one"\npassword = ["s3cret"]', "accounts.0.password"),
        ('[server_options]\npassword = ["s3cret"]', "server_options.password"),
    ],
)
def test_a_wrong_account_is_told_without_its_password(tmp_path: Path, text: str, told: str) -> None:
    """The key is named, the value is not shown."""
    file = tmp_path / "run.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationProblem, match=told) as problem:
        read(file, {})
    assert "s3cret" not in str(problem.value)


def test_an_account_needs_a_server_and_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that makes its own accounts takes none, and a variable that is not set is named."""
    monkeypatch.delenv("CPM_NO_SUCH_PASSWORD", raising=False)
    with pytest.raises(UsageProblem, match="makes its own"):
        user_of(Configuration(server="dovecot", accounts=(User(user="u", password="p"),)))
    unset = User(user="u", password_variable="CPM_NO_SUCH_PASSWORD")
    with pytest.raises(UsageProblem, match="CPM_NO_SUCH_PASSWORD is not set"):
        locations(Configuration(server="imap://h", accounts=(unset,)))


def test_secrets_of_accounts_are_known_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever they come from."""
    monkeypatch.setenv("LAB_TOKEN", "t0ken-in-a-variable")
    users = (User(user="a", password="pa55-in-a-file"), User(user="b", token_variable="LAB_TOKEN"))
    settings = Configuration(server="imap://h", accounts=users)
    assert {"t0ken-in-a-variable", "pa55-in-a-file"} <= set(settings.secrets())
    assert "pa55" not in f"{settings.redacted()} {settings!r}"


def _commands_take(endpoint: Endpoint, user: str, password: str, act: Callable[[WireConnection], object]) -> float:
    with WireConnection.open(endpoint) as wire:
        wire.command(f"LOGIN {user} {password}".encode())
        started = time.monotonic()
        act(wire)
        return time.monotonic() - started


def test_a_pace_is_kept_by_the_suite_and_by_its_proxy(server: ReferenceServer) -> None:
    """Twenty commands at fifty a second take at least 0.38 s, over a connection of ours or a client's."""
    who = server.add_account("u", "pa55word")
    paced = Endpoint("127.0.0.1", server.port, pace=Pace(50))

    def twenty(wire: WireConnection) -> None:
        for _ in range(20):
            wire.command(b"NOOP")

    assert _commands_take(paced, "u", who.password, twenty) > 0.37
    with RecordingProxy(paced, Transcript()) as proxy:
        assert _commands_take(proxy.endpoint, "u", who.password, twenty) > 0.37
    assert _commands_take(server.endpoint, "u", who.password, twenty) < 0.37


def test_the_pace_is_shared_by_connections_and_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of four processes has a quarter; every connection of one process waits for the same turn."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "4")
    endpoint = parse("imap://u:p@127.0.0.1", {"rate": "20"}).endpoint
    assert endpoint.pace is not None
    assert endpoint.pace.rate == 5
    assert endpoint == Endpoint("127.0.0.1", 143)


def test_waiting_for_a_turn_is_not_the_servers_delay(server: ReferenceServer) -> None:
    """A timeout shorter than the pace does not end the command."""
    who = server.add_account()
    paced = Endpoint("127.0.0.1", server.port, pace=Pace(4))
    with StorageSession.open(paced, who, timeout=0.2) as session:
        session.noop()


def test_a_prefix_that_no_namespace_tells_is_named_in_the_mend() -> None:
    """A server that lets nobody create folders at the top says no; the mend is to name the prefix in the URL."""
    behaviour = Behaviour(delimiter=".", personal_prefix="INBOX.", extensions=frozenset({"UIDPLUS"}))
    with ReferenceServer(behaviour) as server:
        who = server.add_account()
        with pytest.raises(AdapterProblem) as told, RemoteServer(parse(url(server, who))) as remote:
            remote.fresh_account()
        assert "prefix" in told.value.mend
        with RemoteServer(parse(url(server, who, "INBOX"))) as remote:
            assert remote.fresh_account().root[0] == "INBOX"
