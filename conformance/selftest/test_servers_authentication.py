"""How the suite logs in: the best mechanism offered or the one asked for, and the proxy where a client cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.errors import LoginRefused
from conformance.imap.proxy import RecordingProxy
from conformance.imap.sasl import choose, converse
from conformance.imap.transcript import Transcript
from conformance.imap.wire import WireConnection
from conformance.problems import AdapterProblem
from conformance.reference.server.server import ReferenceServer
from conformance.selftest.accounts_of_others import run
from conformance.selftest.sasl_servers import Mechanism, authenticating, external, oauthbearer, plain, scram, xoauth2
from conformance.selftest.tls_servers import Authority
from conformance.servers.location import parse
from conformance.servers.remote import RemoteServer

PASSWORD, TOKEN = "pa55word!", "t0ken-of-the-user"


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    """The server behind, with the account `u`."""
    with ReferenceServer() as started:
        started.add_account("u", PASSWORD)
        yield started


ALL: Mapping[str, Mechanism] = {
    "PLAIN": plain("u", PASSWORD),
    "SCRAM-SHA-1": scram("u", PASSWORD, "SCRAM-SHA-1"),
    "SCRAM-SHA-256": scram("u", PASSWORD),
    "XOAUTH2": xoauth2("u", TOKEN),
    "OAUTHBEARER": oauthbearer("u", TOKEN),
    "EXTERNAL": external,
}


@pytest.mark.parametrize("extra", ["LOGINDISABLED", "LOGINDISABLED SASL-IR"])
@pytest.mark.parametrize("name", ALL)
def test_each_mechanism_lets_us_in(server: ReferenceServer, name: str, extra: str) -> None:
    """With and without the initial response in the command (RFC 4959)."""
    who = Credentials("u", PASSWORD, token=TOKEN if "OAUTH" in name else "", mechanism=name)  # type: ignore[arg-type]
    with (
        authenticating(server.endpoint, server.account("u").credentials, {name: ALL[name]}, extra=extra) as port,
        WireConnection.open(Endpoint("127.0.0.1", port)) as wire,
    ):
        assert wire.authenticate(who).ok
        assert wire.mechanism == name
        assert "IDLE" in wire.capabilities()


@pytest.mark.parametrize(
    ("offered", "who", "chosen"),
    [
        ("AUTH=PLAIN AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256", Credentials("u", "p"), "SCRAM-SHA-256"),
        ("AUTH=PLAIN AUTH=SCRAM-SHA-1", Credentials("u", "p"), "SCRAM-SHA-1"),
        ("AUTH=PLAIN", Credentials("u", "p"), "LOGIN"),
        ("AUTH=PLAIN LOGINDISABLED", Credentials("u", "p"), "PLAIN"),
        ("AUTH=PLAIN AUTH=XOAUTH2", Credentials("u", "p", token="t"), "XOAUTH2"),
        ("AUTH=OAUTHBEARER AUTH=XOAUTH2", Credentials("u", token="t"), "OAUTHBEARER"),
        ("AUTH=SCRAM-SHA-256 AUTH=PLAIN", Credentials("u", "p", mechanism="PLAIN"), "PLAIN"),
        ("", Credentials("u", "p"), "LOGIN"),
    ],
)
def test_the_best_mechanism_is_chosen(offered: str, who: Credentials, chosen: str) -> None:
    """A token before a password, and SCRAM before what shows the password to the server."""
    assert choose(who, frozenset(offered.split())) == chosen


@pytest.mark.parametrize(
    ("offered", "who", "told"),
    [
        ("LOGINDISABLED", Credentials("u", "p"), "no way to log in is offered here"),
        ("LOGINDISABLED AUTH=GSSAPI", Credentials("u", "p"), "only GSSAPI"),
        ("AUTH=PLAIN", Credentials("u", token="t"), "OAUTHBEARER or XOAUTH2 is not offered here, only PLAIN, LOGIN"),
        ("AUTH=PLAIN", Credentials("u", "p", mechanism="SCRAM-SHA-256"), "SCRAM-SHA-256 is not offered"),
    ],
)
def test_what_is_not_offered_is_told(offered: str, who: Credentials, told: str) -> None:
    """With what is offered instead."""
    with pytest.raises(LoginRefused, match=told):
        choose(who, frozenset(offered.split()))


@pytest.mark.parametrize(
    ("mechanisms", "who", "mend"),
    [
        ({"SCRAM-SHA-256": scram("u", "another")}, {}, "server.authentication"),
        ({"SCRAM-SHA-256": scram("u", PASSWORD, honest=False)}, {}, "check user and password"),
        ({"OAUTHBEARER": oauthbearer("u", "another")}, {"CPM_SERVER_TOKEN": TOKEN}, "fresh token"),
        ({"XOAUTH2": xoauth2("u", "another")}, {"CPM_SERVER_TOKEN": TOKEN}, "fresh token"),
        ({"OAUTHBEARER": oauthbearer("u", TOKEN)}, {}, "-O server.authentication"),
    ],
    ids=["password", "dishonest server", "token", "old token", "no token"],
)
def test_a_refused_login_is_told(
    server: ReferenceServer,
    monkeypatch: pytest.MonkeyPatch,
    mechanisms: Mapping[str, Mechanism],
    who: dict[str, str],
    mend: str,
) -> None:
    """With the mend for what was shown, and without it."""
    monkeypatch.delenv("CPM_SERVER_TOKEN", raising=False)
    for name, value in who.items():
        monkeypatch.setenv(name, value)
    with authenticating(server.endpoint, server.account("u").credentials, mechanisms) as port:
        location = parse(f"imap://u:{PASSWORD}@127.0.0.1:{port}/")
        with pytest.raises(AdapterProblem) as told:
            RemoteServer(location, 2.0).__enter__()
    assert mend in told.value.mend
    assert PASSWORD not in str(told.value)
    assert TOKEN not in str(told.value)


def test_scram_asks_for_no_endless_computation() -> None:
    """A server that wants a billion iterations is refused at once."""
    conversation = converse("SCRAM-SHA-256", Credentials("u", "p"))
    nonce = conversation.answer(b"").decode().rpartition("r=")[2]
    with pytest.raises(LoginRefused, match="iterations"):
        conversation.answer(f"r={nonce}x,s=c2FsdA==,i=1000000000".encode())


def test_what_scram_cannot_spell_is_told() -> None:
    """SASLprep forbids control characters (RFC 4013)."""
    with pytest.raises(LoginRefused, match="control characters"):
        converse("SCRAM-SHA-256", Credentials("u", "p\x07"))


def test_a_user_name_with_separators_is_spelled_for_oauthbearer() -> None:
    """RFC 5801 4: `=` and `,` are written =3D and =2C."""
    who = Credentials("a,b=c", token="t")
    assert converse("OAUTHBEARER", who, "h", 1).answer(b"").startswith(b"n,a=a=2Cb=3Dc,\1host=h\1port=1\1")


@pytest.fixture
def door(server: ReferenceServer) -> Iterator[RecordingProxy]:
    """A proxy that logs in to a server for tokens."""
    who = Credentials("u", token=TOKEN)
    mechanisms = {"OAUTHBEARER": ALL["OAUTHBEARER"]}
    with (
        authenticating(server.endpoint, server.account("u").credentials, mechanisms) as port,
        RecordingProxy(Endpoint("127.0.0.1", port), Transcript(), logs_in_as=who) as proxy,
    ):
        yield proxy


def test_the_proxy_logs_in_where_a_client_cannot(door: RecordingProxy) -> None:
    """The client sees a server for passwords, and shows the one that the suite made up."""
    assert door.door is not None
    with WireConnection.open(door.endpoint) as wire:
        assert b"AUTH=" not in wire.greeting_octets
        assert "LOGINDISABLED" not in wire.capabilities()
        assert wire.authenticate(door.door).ok
        assert wire.mechanism == "LOGIN"
        assert wire.command(b"CREATE {}", b"Folder").ok
        assert wire.command(b"DELETE Folder").ok
    text = "\n".join(map(str, door.transcript.entries()))
    assert "logged in by the proxy" in text
    assert TOKEN not in text
    assert door.door.password not in text


@pytest.mark.parametrize(
    "line", [b"SELECT INBOX", b"LOGIN u wrong", b"LOGIN u", b"AUTHENTICATE PLAIN", b"LOGIN {} {}", b"CREATE {}", b"((("]
)
def test_the_proxy_lets_nobody_in_without_the_password(door: RecordingProxy, line: bytes) -> None:
    """Whatever comes before the login is refused by the proxy, and the server sees none of it."""
    assert door.door is not None
    with WireConnection.open(door.endpoint) as wire:
        assert wire.command(line, *[b"x"] * line.count(b"{}")).status in ("NO", "BAD")
        assert wire.command(b"SELECT INBOX").status == "NO"
        assert wire.login(door.door).ok
        assert wire.command(b"SELECT INBOX").ok


def test_a_run_against_a_server_for_tokens_with_a_private_authority(server: ReferenceServer, tmp_path: Path) -> None:
    """TLS and OAUTHBEARER alone: server and client are judged, no file and no line holds the token."""
    authority = Authority(tmp_path)
    with authenticating(
        server.endpoint, server.account("u").credentials, {"OAUTHBEARER": ALL["OAUTHBEARER"]}, authority.server()
    ) as port:
        where = ("--server", f"imaps://u@127.0.0.1:{port}/root", "-O", f"server.ca={authority.file}")
        checked = run("doctor", *where, cwd=tmp_path, CPM_SERVER_TOKEN=TOKEN)
        assert checked.returncode == 0, checked.stdout
        assert "login: user u by OAUTHBEARER; the proxy does so for a client" in checked.stdout
        select = ("--select", "SYN-406", "--select", "OP02-S2", "--output", str(tmp_path / "out"))
        done = run("run", *where, *select, cwd=tmp_path, CPM_SERVER_TOKEN=TOKEN)
    assert done.returncode == 2, done.stdout + done.stderr
    report = (tmp_path / "out" / "report.json").read_text("utf-8")
    assert "which logs in to the server in another way" in report
    assert '"outcome": "fail"' not in report
    assert '"outcome": "error"' not in report
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes(), path
    assert server.account("u").names().keys() == {"INBOX"}
