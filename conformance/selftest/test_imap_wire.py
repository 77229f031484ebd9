"""The raw connection against scripted servers: exact octets out, every bound kept, every failure told apart."""

from __future__ import annotations

import socket
import time

import pytest

from conformance.imap import wire as wire_module
from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.errors import (
    ConnectionLost,
    LoginRefused,
    NotAnImapServer,
    OperationRefused,
    ResponseTooLarge,
    ServerStalled,
    SyntaxProblem,
)
from conformance.imap.recorder import Recorder
from conformance.imap.transcript import Transcript
from conformance.imap.wire import WireConnection
from conformance.selftest.imap_servers import Script, scripted

GREETING = b"* OK ready\r\n"


def _read(connection: socket.socket, end: bytes) -> bytes:
    octets = b""
    while not octets.endswith(end):
        more = connection.recv(65536)
        if not more:
            raise OSError("the client closed")
        octets += more
    return octets


def _says(*steps: tuple[bytes, bytes]) -> Script:
    """A server that greets, then for each step waits for octets ending in the first and sends the second."""

    def script(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        for awaited, answer in steps:
            _read(connection, awaited)
            connection.sendall(answer)
        connection.recv(1)

    return script


def test_command_and_answer() -> None:
    """An exchange has the status, the code, the text, the untagged responses and the entry of its answer."""
    transcript = Transcript()
    script = _says((b"A1 SELECT x\r\n", b"* 3 EXISTS\r\n* OK [UIDNEXT 4] n\r\nA1 OK [READ-WRITE] done (now\r\n"))
    with scripted(script) as endpoint, WireConnection.open(endpoint, recorder=Recorder(transcript, "w")) as wire:
        assert wire.greeting.text == "ready"
        answer = wire.command(b"SELECT x")
        assert (answer.tag, answer.status, answer.text, answer.ok) == ("A1", "OK", "done (now", True)
        assert answer.code is not None
        assert answer.code.name == "READ-WRITE"
        assert [one.name for one in answer.untagged] == ["EXISTS", "OK"]
        assert answer.named("EXISTS")[0].number == 3
        assert transcript.excerpt(answer.entry, 0)[0].octets == b"A1 OK [READ-WRITE] done (now\r\n"


def test_synchronizing_literals_wait_for_leave() -> None:
    """Each literal goes out only after its `+`."""
    script = _says(
        (b"A1 APPEND {1}\r\n", b"+\r\n"), (b"x (\\Seen) {2}\r\n", b"* 1 EXISTS\r\n+ go\r\n"), (b"ab\r\n", b"A1 OK\r\n")
    )
    with scripted(script) as endpoint, WireConnection.open(endpoint) as wire:
        answer = wire.command(b"APPEND {} (\\Seen) {}", b"x", b"ab")
        assert answer.ok
        assert len(answer.untagged) == 1


def test_non_synchronizing_literals_go_at_once() -> None:
    """With LITERAL+ the whole command goes out in one piece; a `{}` in quotes is no place for one."""
    script = _says((b'A1 APPEND "{}" {2+}\r\nab\r\n', b"A1 OK\r\n"))
    with scripted(script) as endpoint, WireConnection.open(endpoint) as wire:
        assert wire.command(b'APPEND "{}"', b"ab", non_synchronizing=True).ok
        with pytest.raises(ValueError, match="2 literals for 1 places"):
            wire.command(b"APPEND {}", b"a", b"b")


def test_refused_literal_is_not_sent() -> None:
    """A NO instead of `+` ends the command, and the next one starts clean."""
    script = _says((b"A1 APPEND x {2}\r\n", b"A1 NO [TRYCREATE] none\r\n"), (b"A2 NOOP\r\n", b"A2 OK\r\n"))
    with scripted(script) as endpoint, WireConnection.open(endpoint) as wire:
        answer = wire.command(b"APPEND x {}", b"ab")
        with pytest.raises(OperationRefused, match=r"store: the server answered NO \[TRYCREATE\] none") as refused:
            answer.require_ok("store")
        assert refused.value.code == "TRYCREATE"
        assert wire.command(b"NOOP").ok


def test_pipelined_commands_are_answered_in_order() -> None:
    """All commands go out at once; each answer has the responses before it."""
    script = _says((b"A3 NOOP\r\n", b"* 1 EXISTS\r\nA1 OK\r\nA2 NO no\r\n* 2 EXISTS\r\nA3 OK\r\n"))
    with scripted(script) as endpoint, WireConnection.open(endpoint) as wire:
        answers = wire.pipeline([b"NOOP", (b"APPEND x", b"lit"), b"NOOP"])
        assert [(one.status, len(one.untagged)) for one in answers] == [("OK", 1), ("NO", 0), ("OK", 1)]


def test_large_pipelines_do_not_lock_up() -> None:
    """A server that answers while we still send is heard meanwhile, so that neither waits for the other."""

    def script(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        noise = b"* OK " + b"x" * 4000 + b"\r\n"
        connection.recv(20)
        for _ in range(4000):
            connection.sendall(noise)
        _read(connection, b"A2 NOOP\r\n")
        connection.sendall(b"A1 OK\r\nA2 OK\r\n")

    with scripted(script) as endpoint, WireConnection.open(endpoint) as wire:
        answers = wire.pipeline([(b"APPEND x", b"y" * 2**23), b"NOOP"])
        assert [len(one.untagged) for one in answers] == [4000, 0]


def test_idle() -> None:
    """IDLE waits for `+`, notices are read one by one, DONE ends it."""
    script = _says((b"A1 IDLE\r\n", b"+ idling\r\n* 4 EXISTS\r\n"), (b"DONE\r\n", b"* 5 EXISTS\r\nA1 OK\r\n"))
    with scripted(script) as endpoint, WireConnection.open(endpoint) as wire:
        wire.idle()
        assert wire.read_response().number == 4
        assert [one.number for one in wire.done().untagged] == [5]
        with pytest.raises(ValueError, match="idle"):
            wire.done()


def test_silence_is_a_stall() -> None:
    """A server that does not answer ends as `ServerStalled` after the timeout."""
    with scripted(_says((b"A1 NOOP\r\n", b"* 1 EXISTS\r\n"))) as endpoint, WireConnection.open(endpoint) as wire:
        with pytest.raises(ServerStalled) as stalled:
            wire.command(b"NOOP", timeout=0.1)
        assert stalled.value.timeout == 0.1


def test_a_trickle_is_a_stall() -> None:
    """The deadline is for the whole answer: an octet now and then does not stretch it."""

    def script(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        connection.settimeout(0.02)
        while True:
            connection.sendall(b"x")
            try:
                if not connection.recv(100):
                    return
            except TimeoutError:
                continue

    with scripted(script) as endpoint, WireConnection.open(endpoint) as wire:
        start = time.monotonic()
        with pytest.raises(ServerStalled):
            wire.command(b"NOOP", timeout=0.3)
        assert time.monotonic() - start < 2


def test_a_flood_of_responses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More untagged responses than the limit end as `ResponseTooLarge`, though each is small."""
    monkeypatch.setattr(wire_module, "RESPONSE_LIMIT", 100)
    with (
        scripted(_says((b"\r\n", b"* 1 EXISTS\r\n" * 200))) as endpoint,
        WireConnection.open(endpoint) as wire,
        pytest.raises(ResponseTooLarge, match="limit is 100"),
    ):
        wire.command(b"NOOP")


@pytest.mark.parametrize("announced", [b"* 1 FETCH (BODY[] {999999999}\r\n", b"* 1 FETCH (BODY[] {99999999999999}\r\n"])
def test_a_giant_literal_is_refused(announced: bytes) -> None:
    """A literal over 64 MiB is refused on its announcement."""
    with (
        scripted(_says((b"\r\n", announced))) as endpoint,
        WireConnection.open(endpoint) as wire,
        pytest.raises(ResponseTooLarge),
    ):
        wire.command(b"NOOP")


def test_bye_is_an_answer_and_a_lost_connection_is_not() -> None:
    """A server that says BYE and closes gives the status BYE; one that just closes raises."""

    def with_bye(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        _read(connection, b"\r\n")
        connection.sendall(b"* BYE [UNAVAILABLE] tired\r\n")

    def without(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        _read(connection, b"\r\n")

    with scripted(with_bye) as endpoint, WireConnection.open(endpoint) as wire:
        answer = wire.command(b"NOOP")
        assert (answer.status, answer.text, answer.code and answer.code.name) == ("BYE", "tired", "UNAVAILABLE")
    with scripted(without) as endpoint, WireConnection.open(endpoint) as wire:
        with pytest.raises(ConnectionLost):
            wire.command(b"NOOP")
        with pytest.raises(ConnectionLost, match="already closed"):
            wire.command(b"NOOP")


@pytest.mark.parametrize("answer", [b"garbage\r\n", b"A9 OK other tag\r\n", b"* 1 FETCH (((\r\n", b"\0\0\0\n"])
def test_garbage_is_named(answer: bytes) -> None:
    """An answer that is not IMAP, or answers another command, ends as `SyntaxProblem`."""
    with (
        scripted(_says((b"\r\n", answer))) as endpoint,
        WireConnection.open(endpoint) as wire,
        pytest.raises(SyntaxProblem),
    ):
        wire.command(b"NOOP")


@pytest.mark.parametrize(
    ("greeting", "error"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", NotAnImapServer),
        (b"+OK POP3\r\n", NotAnImapServer),
        (b"* 3 EXISTS\r\n", NotAnImapServer),
        (b"\x16\x03\x01" + b"\0" * 50 + b"\n", NotAnImapServer),
        (b"* BYE full\r\n", ConnectionLost),
        (b"", ConnectionLost),
        (b"* OK", ConnectionLost),
    ],
)
def test_greetings_that_are_none(greeting: bytes, error: type[Exception]) -> None:
    """What greets otherwise than an IMAP server is told apart from one that turns us away."""
    with scripted(lambda connection: connection.sendall(greeting)) as endpoint, pytest.raises(error):
        WireConnection.open(endpoint)


def test_nobody_there() -> None:
    """A refused connection names the address and what to look at."""
    with scripted(lambda _: None) as endpoint:
        gone = endpoint
    with pytest.raises(ConnectionLost, match="is the server running there"):
        WireConnection.open(Endpoint(gone.host, gone.port))


def test_login_quotes_or_sends_literals() -> None:
    """Quotes in a password are escaped; what cannot be quoted goes as a literal; refusals are `LoginRefused`."""
    script = _says(
        (b'A1 LOGIN "a b" "p\\"w"\r\n', b"A1 NO [AUTHENTICATIONFAILED] no\r\n"),
        (b"A2 LOGIN {1}\r\n", b"+\r\n"),
        (b"a {2}\r\n", b"+\r\n"),
        ("é\r\n".encode(), b"A2 OK in\r\n"),
    )
    with scripted(script) as endpoint, WireConnection.open(endpoint) as wire:
        with pytest.raises(LoginRefused) as refused:
            wire.login(Credentials("a b", 'p"w'))
        assert refused.value.code == "AUTHENTICATIONFAILED"
        assert 'p"w' not in str(refused.value)
        assert wire.login(Credentials("a", "é")).ok


def test_login_disabled() -> None:
    """Where LOGIN is disabled, AUTHENTICATE PLAIN is used if offered, and no password is sent otherwise."""
    plain = _says(
        (b"A1 CAPABILITY\r\n", b"* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN\r\nA1 OK\r\n"),
        (b"A2 AUTHENTICATE PLAIN\r\n", b"+ \r\n"),
        (b"AGpvZQBwYXNz\r\n", b"A2 OK in\r\n"),
    )
    transcript = Transcript()
    with scripted(plain) as endpoint, WireConnection.open(endpoint, recorder=Recorder(transcript, "w")) as wire:
        assert wire.authenticate(Credentials("joe", "pass")).ok
    assert not any(b"AGpv" in one.octets for one in transcript.entries())
    no_way = _says((b"A1 CAPABILITY\r\n", b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nA1 OK\r\n"))
    with (
        scripted(no_way) as endpoint,
        WireConnection.open(endpoint) as wire,
        pytest.raises(LoginRefused, match="try tls or starttls"),
    ):
        wire.authenticate(Credentials("joe", "pass"))


def test_plaintext_injected_after_starttls_is_noticed() -> None:
    """Responses sent along with the answer to STARTTLS are never taken as if they came under TLS."""
    script = _says((b"A1 STARTTLS\r\n", b"A1 OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"))
    with scripted(script) as endpoint, pytest.raises(SyntaxProblem, match="plaintext after STARTTLS"):
        WireConnection.open(Endpoint(endpoint.host, endpoint.port, "starttls"))


def test_abort_resets_and_no_delay_is_set() -> None:
    """`abort` reaches the server as a reset; small packets are never held back."""
    seen: list[BaseException] = []

    def script(connection: socket.socket) -> None:
        connection.sendall(GREETING)
        try:
            connection.recv(1)
        except ConnectionResetError as error:
            seen.append(error)

    with scripted(script) as endpoint:
        wire = WireConnection.open(endpoint)
        assert wire.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        wire.abort()
        wire.abort()
    assert seen
