"""Connections in memory: what goes over them is the same as over sockets, and nothing ever waits."""

from __future__ import annotations

import struct
from socket import SHUT_RDWR, SHUT_WR, SO_LINGER, SOL_SOCKET

import pytest

from conformance.imap.errors import ConnectionLost, ImapProblem, NotAnImapServer, ServerStalled
from conformance.imap.framing import Direction
from conformance.imap.interception import Action, Answer, Cut, Forward, HangUp, Interceptor, Replace, Stall
from conformance.imap.memory import MemoryEndpoint, MemorySocket
from conformance.imap.memory_proxy import MemoryProxy
from conformance.imap.proxy import RecordingProxy
from conformance.imap.recorder import Recorder
from conformance.imap.relay_core import HASTY
from conformance.imap.session import StorageSession
from conformance.imap.transcript import Transcript
from conformance.imap.wire import WireConnection
from conformance.reference.server import ReferenceServer
from conformance.reference.server.engine import ServerConnection
from conformance.selftest.transports import TRANSPORTS, Transport, Way, way
from conformance.servers.simulation import SimulatedServer

OBJECT = b"Subject: x\r\n\r\ntext\r\n"
FOR_EVER = 10.0**9
OLD = frozenset({"LITERAL+", "MULTIAPPEND", "UIDPLUS"})


def _session(way: Way, timeout: float = 5.0) -> StorageSession:
    return StorageSession.open(way.proxy.endpoint, way.account.credentials, timeout=timeout)


def _wire(way: Way, timeout: float = 5.0) -> WireConnection:
    wire = WireConnection.open(way.proxy.endpoint, timeout=timeout)
    wire.authenticate(way.account.credentials)
    return wire


def _socket(way: Way) -> MemorySocket:
    endpoint = way.proxy.endpoint
    assert isinstance(endpoint, MemoryEndpoint)
    sock = endpoint.connect()
    sock.recv(10_000)
    return sock


def _at(where: bytes, action: Action, direction: Direction) -> Interceptor:
    return lambda _, way, unit: action if way == direction and where in unit else None


def _operate(way: Way) -> None:
    with _session(way) as session:
        session.create_folder("Gamma é")
        session.store_object("Gamma é", OBJECT, flags=["\\Seen", "work"])
        session.store_objects("Gamma é", [(OBJECT, [])] * 2)
        session.set_active_folder("Gamma é")
        session.update_metadata([1], add=["\\Flagged"])
        session.set_folder_metadata("Gamma é", "/private/comment", "two\r\nlines")
        session.remove_objects([2])
        assert len(list(session.fetch_objects([1, 3]))) == 2
        assert session.wait_for_notice(0.05) == []
        session.rename_folder("Gamma é", "Delta")
        session.remove_folder("Delta")
    _session(way).abort()


@pytest.mark.parametrize("hidden", [frozenset[str](), OLD])
def test_both_transports_record_the_same(hidden: frozenset[str]) -> None:
    """The same operations, with and without extensions, give the same transcript, and so does a reset."""
    told = []
    for transport in TRANSPORTS:
        with way(transport, hide=hidden) as done:
            _operate(done)
        told.append(done.told())
    assert told[0] == told[1]
    assert len(told[0]) > 50


def test_whoever_uses_the_connection_records_the_same() -> None:
    """The client's own transcript is the same, too."""
    told = []
    for transport in TRANSPORTS:
        own = Transcript(["secret"])
        with way(transport) as done:
            recorder = Recorder(own, "own-1")
            with StorageSession.open(done.proxy.endpoint, done.account.credentials, recorder=recorder) as session:
                session.set_active_folder("INBOX")
        told.append([(each.direction, each.octets) for each in own.entries()][1:])
    assert told[0] == told[1]


BYE = b"* BYE the server goes down\r\n"
ACTIONS: dict[str, Interceptor] = {
    "forward": _at(b"CREATE", Forward(), "C"),
    "replace a command": _at(b'CREATE "A"', Replace(b'A3 CREATE "B"\r\n'), "C"),
    "replace a response": _at(b"CREATE completed", Replace(b"A3 NO [OVERQUOTA] full\r\n"), "S"),
    "cut before a command": _at(b"CREATE", Cut(), "C"),
    "cut inside a command": _at(b"CREATE", Cut(5), "C"),
    "cut after a command": _at(b"CREATE", Cut(1000), "C"),
    "cut before a response": _at(b"CREATE completed", Cut(), "S"),
    "cut inside a response": _at(b"CREATE completed", Cut(5), "S"),
    "cut after a response": _at(b"CREATE completed", Cut(1000), "S"),
    "cut the greeting": _at(b"reference server ready", Cut(10), "S"),
    "cut in a literal": _at(OBJECT, Cut(), "C"),
    "answer": _at(b"CREATE", Answer(b"* 3 EXISTS\r\nA3 NO [OVERQUOTA] full\r\n"), "C"),
    "hang up at a command": _at(b"CREATE", HangUp(BYE), "C"),
    "hang up at a response": _at(b"CREATE completed", HangUp(BYE), "S"),
}


LINES: tuple[tuple[bytes, ...], ...] = ((b'CREATE "A"',), (b'APPEND "A" {}', OBJECT), (b'SELECT "A"',), (b"LOGOUT",))


def _converse(way: Way) -> list[str]:
    """What each of some commands came to, up to the first that ended the connection."""
    came: list[str] = []
    try:
        wire = _wire(way)
        for line, *literals in LINES:
            came.append(wire.command(line, *literals).told)
        wire.close()
    except ImapProblem as problem:
        came.append(type(problem).__name__)
    return came


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_does_the_same(action: str) -> None:
    """What the client hears, what the server does and what is recorded is the same over both transports."""
    seen = []
    for transport in TRANSPORTS:
        with way(transport, ACTIONS[action]) as done:
            came = _converse(done)
            assert done.proxy.wait_idle(5.0)
            with StorageSession.open(done.account.endpoint, done.account.credentials) as direct:
                held = direct.list_with_status()
        seen.append((came, held, done.told()))
    assert seen[0] == seen[1]


@pytest.mark.parametrize(("where", "direction"), [(b"NOOP", "C"), (b"NOOP completed", "S")])
def test_a_stall_is_noticed_at_once(where: bytes, direction: Direction) -> None:
    """Whoever waits for what never comes is told so immediately; the connection stays open, and is silent."""
    with way("memory", _at(where, Stall(), direction)) as done:
        with pytest.raises(ServerStalled):
            _wire(done, FOR_EVER).command(b"NOOP")
        assert not done.proxy.wait_idle(FOR_EVER)
        assert any(note.startswith(b"stalled") for note in done.notes())
        done.proxy.__exit__(None, None, None)
        assert done.notes()[-1] == b"cut: the proxy was stopped"
        with pytest.raises(ValueError, match="not started"):
            _ = done.proxy.endpoint


def test_a_greeting_that_never_comes() -> None:
    """The client gives up at once, and the connection is over."""
    with way("memory", _at(b"* OK", Stall(), "S")) as done:
        with pytest.raises(ServerStalled):
            WireConnection.open(done.proxy.endpoint, timeout=FOR_EVER)
        assert done.proxy.wait_idle(FOR_EVER)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_interceptor_that_fails_is_not_silent(transport: Transport) -> None:
    """Its error cuts the connection, and is kept for whoever runs the proxy."""

    def intercept(_: str, __: Direction, unit: bytes) -> Action | None:
        if b"NOOP" in unit:
            raise KeyError(unit)
        return None

    with way(transport, intercept) as done:
        with pytest.raises(ConnectionLost):
            _wire(done).command(b"NOOP")
        assert done.proxy.wait_idle(5.0)
        assert [type(problem) for problem in done.proxy.problems] == [KeyError]
    assert done.notes()[-1].startswith(b"cut: the interceptor failed with KeyError")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_interceptor_may_use_another_connection(transport: Transport) -> None:
    """What changes on the server while a unit waits is seen by the client in the answer to that unit."""

    class Meanwhile:
        def __init__(self) -> None:
            self.done: set[Direction] = set()

        def __call__(self, _: str, direction: Direction, unit: bytes) -> Action | None:
            if b"NOOP" in unit and direction not in self.done:
                self.done.add(direction)
                other.store_object("INBOX", OBJECT)
            return None

    with way(transport, Meanwhile()) as done:
        other = StorageSession.open(done.account.endpoint, done.account.credentials)
        wire = _wire(done)
        wire.command(b"SELECT INBOX")
        counts = [[each.number for each in wire.command(b"NOOP").named("EXISTS")] for _ in range(3)]
        other.close()
        wire.close()
    assert counts == [[1], [2], []]


def test_news_of_an_idle_come_without_waiting() -> None:
    """Whoever listens hears at once what happened, or that nothing did."""
    with way("memory") as done, _session(done, FOR_EVER) as listening:
        listening.set_active_folder("INBOX")
        assert listening.wait_for_notice(FOR_EVER) == []
        with StorageSession.open(done.account.endpoint, done.account.credentials) as other:
            other.store_object("INBOX", OBJECT)
        assert listening.wait_for_notice(FOR_EVER) == [b"* 1 EXISTS\r\n", b"* 1 RECENT\r\n"]


def test_a_folder_that_goes_away_ends_the_session() -> None:
    """A BYE that the server says by itself reaches the client before the end of the connection."""
    with SimulatedServer() as server:
        account = server.fresh_account()
        with WireConnection.open(account.endpoint) as wire:
            wire.login(account.credentials)
            wire.command(b"SELECT INBOX")
            server.renew_uid_validity(account, "INBOX")
            assert wire.read_unit().startswith(b"* BYE")
            with pytest.raises(ConnectionLost, match="closed by the server"):
                wire.read_unit()


def test_haste_is_noted() -> None:
    """Octets of a literal that come before `+` was read are noted, in whatever pieces they are sent."""
    literal = b"A1 LOGIN {4}\r\n"
    for pieces, noted in (([literal, b"user {6}\r\n"], 1), ([literal + b"user {6}\r\n"], 1), ([literal, b""], 0)):
        with way("memory") as done:
            sock = _socket(done)
            for piece in pieces:
                sock.sendall(piece)
            sock.close()
            assert done.notes().count(HASTY.encode()) == noted, pieces


def test_a_patient_client_is_not_hasty() -> None:
    """Who reads every `+` before the literal is not blamed."""
    with way("memory", hide=OLD) as done, _session(done) as session:
        session.store_object("INBOX", OBJECT)
        assert HASTY.encode() not in done.notes()


def test_the_socket_keeps_the_rules_of_sockets() -> None:
    """Pieces as large as asked for, all octets taken, errors once it is closed on either side."""
    with way("memory") as done:
        sock = _socket(done)
        sock.settimeout(FOR_EVER)
        assert sock.send(b"A1 NOOP\r\nA2 NOOP\r\n") == 18
        assert sock.recv(5) + sock.recv(1000) == b"A1 OK NOOP completed\r\nA2 OK NOOP completed\r\n"
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.shutdown(SHUT_WR)
        assert sock.recv(1) == b""
        sock.sendall(b"A3 NOOP\r\n")
        assert sock.recv(1) == b""
        sock.close()
        sock.close()
        for use in (lambda: sock.recv(1), lambda: sock.sendall(b"x"), lambda: sock.shutdown(SHUT_RDWR)):
            with pytest.raises(OSError, match="closed on this side"):
                use()


def test_a_reset_is_one() -> None:
    """SO_LINGER with no time makes a reset of the close, as it does for any socket."""
    with way("memory") as done:
        sock = _socket(done)
        sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        assert done.notes()[-1].startswith(b"reset by the client")


def test_a_server_that_is_not_up() -> None:
    """Before and after its time a simulated server cannot be reached, and a proxy cuts its clients off."""
    server = SimulatedServer()
    account = server.fresh_account()
    transcript = Transcript()
    assert isinstance(account.endpoint, MemoryEndpoint)
    with MemoryProxy(account.endpoint, transcript) as proxy:
        for endpoint in (account.endpoint, proxy.endpoint):
            with pytest.raises(ConnectionLost):
                WireConnection.open(endpoint)
        with server:
            open_still = StorageSession.open(proxy.endpoint, account.credentials)
        with pytest.raises(ConnectionLost):
            open_still.noop()
    assert b"cut: the simulated server is not up" in transcript.entries()[1].octets


def test_a_server_that_fails_ends_one_connection_and_is_told() -> None:
    """An error inside the server is no error of the client's; it is raised when the server is stopped."""

    class Failing(ServerConnection):
        def receive(self, data: bytes) -> bytes:
            if b"BREAK" in data:
                raise ZeroDivisionError
            return super().receive(data)

    def serve() -> None:
        with SimulatedServer(ReferenceServer(connection=Failing)) as server:
            account = server.fresh_account()
            with WireConnection.open(account.endpoint) as broken, WireConnection.open(account.endpoint) as other:
                with pytest.raises(ConnectionLost):
                    broken.command(b"BREAK")
                assert other.command(b"NOOP").ok

    with pytest.raises(RuntimeError) as failed:
        serve()
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_no_socket_leads_there() -> None:
    """The proxy over sockets refuses a server in memory, and TLS cannot be put under its connections."""
    with SimulatedServer() as server:
        endpoint = server.fresh_account().endpoint
        with pytest.raises(ValueError, match="proxy_before"):
            RecordingProxy(endpoint, Transcript())
        with WireConnection.open(endpoint) as wire, pytest.raises(ConnectionLost, match="in memory"):
            wire.start_tls("memory")


def test_a_proxy_before_a_proxy() -> None:
    """A proxy is a server like any other to the next one."""
    with way("memory") as done:
        outer = Transcript()
        assert isinstance(done.proxy.endpoint, MemoryEndpoint)
        with (
            MemoryProxy(done.proxy.endpoint, outer, hide=["idle"]) as proxy,
            StorageSession.open(proxy.endpoint, done.account.credentials) as session,
        ):
            assert "IDLE" not in session.capabilities
            session.noop()
        assert [each.octets for each in outer.entries() if each.direction == "C"][-1:] == done.commands()[-1:]


def test_what_is_no_imap_server_is_named() -> None:
    """A server without the protocol is refused when the session is opened."""
    with way("memory", hide=frozenset({"IMAP4REV1"})) as done, pytest.raises(NotAnImapServer, match="IMAP4rev1"):
        _session(done)


def test_what_cannot_be_sent_was_not_done() -> None:
    """A call that fails before anything is sent is no success, whatever was answered before."""
    with way("memory") as done, _session(done) as session:
        session.create_folder("A")
        with pytest.raises(ImapProblem):
            session.create_folder("\ud800")
