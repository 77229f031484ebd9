"""An interceptor at a literal: it can end a command that waits for leave, before the server has seen any of it."""

from __future__ import annotations

import pytest

from conformance.imap.errors import ConnectionLost, OperationRefused, ServerStalled
from conformance.imap.framing import Direction
from conformance.imap.interception import Action, Answer, Cut, Forward, HangUp, LiteralInterceptor, Replace, Stall
from conformance.imap.session import StorageSession
from conformance.imap.wire import WireConnection
from conformance.selftest.transports import TRANSPORTS, Transport, Way, way

OLD = frozenset({"LITERAL+", "MULTIAPPEND"})
OBJECT = b"Subject: x\r\n\r\ntext\r\n"
ANSWERED = b"answered by the proxy; the server does not see this command"

every_transport = pytest.mark.parametrize("transport", TRANSPORTS)


class AtLiteral:
    """Does something at the first literal of an APPEND, once, and remembers all that it was asked."""

    def __init__(self, action: Action | None) -> None:
        self.action, self.asked, self.commands = action, list[tuple[str, bytes]](), list[bytes]()

    def __call__(self, _: str, direction: Direction, unit: bytes) -> Action | None:
        if direction == "C":
            self.commands.append(unit)
        return None

    def at_literal(self, connection: str, beginning: bytes) -> Action | None:
        """Remember it, and act if it is the first APPEND."""
        self.asked.append((connection, beginning))
        action, self.action = (self.action, None) if b"APPEND" in beginning else (None, self.action)
        return action


def _wire(way: Way, timeout: float = 5.0) -> WireConnection:
    wire = WireConnection.open(way.proxy.endpoint, timeout=timeout)
    wire.login(way.account.credentials)
    return wire


def _held(way: Way) -> int | None:
    with StorageSession.open(way.account.endpoint, way.account.credentials) as session:
        return session.status("INBOX").messages


@every_transport
def test_a_refusal_instead_of_leave(transport: Transport) -> None:
    """The client hears the refusal and goes on; the server never hears of the command, and all of it is recorded."""
    interceptor = AtLiteral(Answer(b"* 7 EXISTS\r\nA2 NO [OVERQUOTA] full\r\n"))
    with way(transport, interceptor) as done:
        wire = _wire(done)
        refused = wire.command(b"APPEND INBOX {}", OBJECT)
        assert (refused.told, refused.named("EXISTS")[0].number) == ("NO [OVERQUOTA]", 7)
        assert wire.command(b"NOOP").ok
        assert _held(done) == 0
        assert wire.command(b"APPEND INBOX {}", OBJECT).ok
        assert _held(done) == 1
        wire.close()
    beginning = b"A2 APPEND INBOX {%d}\r\n" % len(OBJECT)
    assert interceptor.asked == [("client-1", beginning), ("client-1", beginning.replace(b"A2", b"A4"))]
    assert not any(command.startswith(b"A2 ") for command in interceptor.commands)
    at = done.commands().index(beginning)
    assert done.commands()[at + 1] == b"A3 NOOP\r\n"
    recorded = [each.octets for each in done.transcript.entries()]
    after = recorded[recorded.index(beginning) + 1 :]
    assert after[:3] == [ANSWERED, b"* 7 EXISTS\r\n", b"A2 NO [OVERQUOTA] full\r\n"]


@every_transport
def test_a_session_takes_it_for_the_answer_of_the_server(transport: Transport) -> None:
    """What the client does with it is what it does with any refusal."""
    interceptor = AtLiteral(Answer(b"A6 NO [OVERQUOTA] full\r\n"))
    with (
        way(transport, interceptor, hide=OLD) as done,
        StorageSession.open(done.proxy.endpoint, done.account.credentials) as session,
    ):
        with pytest.raises(OperationRefused) as refused:
            session.store_object("INBOX", OBJECT)
        assert refused.value.code == "OVERQUOTA"
        session.store_object("INBOX", OBJECT)
    assert [beginning[:2] for _, beginning in interceptor.asked] == [b"A6", b"A7"]


@every_transport
@pytest.mark.parametrize("action", [None, Forward()])
def test_going_on(transport: Transport, action: Action | None) -> None:
    """Without an action the command goes on, is asked about once, and is shown whole."""
    interceptor = AtLiteral(action)
    with way(transport, interceptor) as done:
        with WireConnection.open(done.proxy.endpoint) as wire:
            user, password = done.account.credentials.user.encode(), done.account.credentials.password.encode()
            assert wire.command(b"LOGIN {} {}", user, password).ok
            assert wire.command(b"APPEND INBOX {}", OBJECT).ok
        assert done.proxy.wait_idle(5.0)
    assert [beginning for _, beginning in interceptor.asked] == [
        b"A1 LOGIN {%d}\r\n" % len(user),
        b"A2 APPEND INBOX {%d}\r\n" % len(OBJECT),
    ]
    assert [command[:8] for command in interceptor.commands] == [b"A1 LOGIN", b"A2 APPEN"]


@every_transport
def test_a_literal_that_does_not_wait(transport: Transport) -> None:
    """A non-synchronizing literal (RFC 7888) is no moment to answer at."""
    interceptor = AtLiteral(Answer(b"A2 NO too late\r\n"))
    with way(transport, interceptor) as done:
        wire = _wire(done)
        assert wire.command(b"APPEND INBOX {}", OBJECT, non_synchronizing=True).ok
        wire.close()
    assert interceptor.asked == []


@every_transport
def test_a_cut_at_a_literal(transport: Transport) -> None:
    """Both sides are reset, and the beginning is recorded with what became of it."""
    with way(transport, AtLiteral(Cut(9))) as done:
        with pytest.raises(ConnectionLost):
            _wire(done).command(b"APPEND INBOX {}", OBJECT)
        assert done.proxy.wait_idle(5.0)
        assert _held(done) == 0
    assert done.commands()[-1] == b"A2 APPEND INBOX {%d}\r\n" % len(OBJECT)
    entry = next(each for each in done.transcript.entries() if each.octets == done.commands()[-1]).number
    assert done.notes()[-1] == b"cut: entry %d was passed on up to octet 9" % entry


@every_transport
def test_silence_at_a_literal(transport: Transport) -> None:
    """The client never gets leave."""
    with way(transport, AtLiteral(Stall())) as done:
        wire = _wire(done, 0.3)
        with pytest.raises(ServerStalled):
            wire.command(b"APPEND INBOX {}", OBJECT)
        wire.abort()
        assert _held(done) == 0
    assert any(note.startswith(b"stalled") for note in done.notes())


@every_transport
def test_a_farewell_at_a_literal(transport: Transport) -> None:
    """The client hears BYE in place of `+`."""
    with way(transport, AtLiteral(HangUp(b"* BYE the server goes down\r\n"))) as done:
        wire = _wire(done)
        assert wire.command(b"APPEND INBOX {}", OBJECT).status == "BYE"
        wire.close()
    assert done.notes()[-1] == b"closed"


@every_transport
def test_nothing_complete_to_replace(transport: Transport) -> None:
    """To replace a beginning is a mistake of the interceptor, which is told like any other."""
    with way(transport, AtLiteral(Replace(b"A2 NOOP\r\n"))) as done:
        with pytest.raises(ConnectionLost):
            _wire(done).command(b"APPEND INBOX {}", OBJECT)
        assert done.proxy.wait_idle(5.0)
        (problem,) = done.proxy.problems
    assert "cannot be replaced" in str(problem)


@every_transport
def test_a_change_meanwhile(transport: Transport) -> None:
    """The server may change while the client waits for leave."""

    class Meanwhile(AtLiteral):
        def at_literal(self, connection: str, beginning: bytes) -> Action | None:
            with StorageSession.open(done.account.endpoint, done.account.credentials) as other:
                other.store_object("INBOX", OBJECT)
            return super().at_literal(connection, beginning)

    with way(transport, Meanwhile(None)) as done:
        wire = _wire(done)
        assert wire.command(b"APPEND INBOX {}", OBJECT).ok
        wire.close()
        assert _held(done) == 2


def test_who_is_asked() -> None:
    """An interceptor is asked at literals if it has the method, whatever else it is."""
    assert isinstance(AtLiteral(None), LiteralInterceptor)
    assert not isinstance(lambda _, __, ___: None, LiteralInterceptor)
