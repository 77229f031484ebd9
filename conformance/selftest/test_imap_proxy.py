"""The recording proxy: transparent, complete in what it records, exact in the faults it puts in."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.imap.endpoint import Endpoint
from conformance.imap.errors import ConnectionLost, OperationRefused, ServerStalled
from conformance.imap.framing import Direction
from conformance.imap.interception import Action, Answer, Cut, Interceptor, Replace, Stall
from conformance.imap.proxy import RecordingProxy
from conformance.imap.session import StorageSession
from conformance.imap.transcript import Transcript
from conformance.imap.wire import WireConnection
from conformance.selftest.imap_servers import PASSWORD, account, dovecot, needs_dovecot, scripted

CAPABILITIES = b"IMAP4rev1 IDLE COMPRESS=DEFLATE STARTTLS UIDPLUS LITERAL+"


@pytest.fixture(scope="module")
def server() -> Iterator[Endpoint]:
    """A private Dovecot."""
    with dovecot() as endpoint:
        yield endpoint


def _echo(connection: socket.socket) -> None:
    """A server that greets, then sends every octet back; at the end of the client's stream it says so and ends too."""
    connection.sendall(b"* OK [CAPABILITY %s] hi\r\n" % CAPABILITIES)
    while octets := connection.recv(65536):
        connection.sendall(octets)
    connection.sendall(b"* BYE end\r\n")


def _tiny(connection: socket.socket) -> None:
    """A server that answers CAPABILITY with a list, APPEND literals with `+` or NO, everything else with OK."""
    connection.sendall(b"* OK hi\r\n")
    with connection.makefile("rb") as lines:
        for line in lines:
            tag, name, *rest = line.split()
            if name == b"CAPABILITY":
                connection.sendall(b"* CAPABILITY " + CAPABILITIES + b"\r\n")
            elif rest and rest[-1].startswith(b"{"):
                if rest[0] == b"refused":
                    connection.sendall(tag + b" NO not there\r\n")
                    continue
                connection.sendall(b"" if rest[-1].endswith(b"+}") else b"+ go\r\n")
                lines.read(int(rest[-1].strip(b"{+}")) + 2)
            connection.sendall(b"* 1 FETCH (BODY[] {8}\r\n12345678)\r\n" if name == b"FETCH" else b"")
            connection.sendall(tag + b" OK [CAPABILITY %s] done\r\n" % CAPABILITIES)


def _receive(connection: socket.socket, size: int) -> bytes:
    octets = bytearray()
    while len(octets) < size and (more := connection.recv(size - len(octets))):
        octets += more
    return bytes(octets)


def _plain_client(proxy: RecordingProxy) -> socket.socket:
    client = socket.create_connection((proxy.endpoint.host, proxy.endpoint.port), 5)
    greeting = b""
    while not greeting.endswith(b"\n"):
        greeting += client.recv(1000)
    return client


def _intercept(when: bytes, action: Action, direction: Direction = "C") -> Interceptor:
    return lambda _, way, unit: action if way == direction and when in unit else None


def test_octets_pass_unchanged_and_without_waiting_for_a_unit() -> None:
    """A literal far from complete arrives on the other side octet for octet, and comes back."""
    transcript = Transcript()
    with scripted(_echo) as upstream, RecordingProxy(upstream, transcript) as proxy, _plain_client(proxy) as client:
        start = b"* X {1000000}\r\n" + os.urandom(5000)
        client.sendall(start)
        assert _receive(client, len(start)) == start
        client.sendall(b"x" * 995_000 + b"\r\n")
        assert _receive(client, 995_002) == b"x" * 995_000 + b"\r\n"
        assert [len(each.octets) for each in transcript.entries() if each.direction == "C"] == [len(start) + 995_002]


def test_half_close_is_passed_on() -> None:
    """The server hears the end of the client's stream and can still answer."""
    with scripted(_echo) as upstream, RecordingProxy(upstream, Transcript()) as proxy, _plain_client(proxy) as client:
        client.sendall(b"* unfinished")
        client.shutdown(socket.SHUT_WR)
        assert _receive(client, 1000) == b"* unfinished* BYE end\r\n"
        assert proxy.wait_idle(5)


def test_reset_is_passed_on() -> None:
    """A client that dies resets its server session too, and the transcript says who did it."""
    ended: list[str] = []
    over = threading.Event()

    def script(connection: socket.socket) -> None:
        connection.sendall(b"* OK hi\r\n")
        try:
            connection.recv(1)
        except ConnectionResetError:
            ended.append("reset")
        over.set()

    transcript = Transcript()
    with scripted(script) as upstream, RecordingProxy(upstream, transcript) as proxy:
        WireConnection.open(proxy.endpoint).abort()
        assert over.wait(5)
        assert proxy.wait_idle(5)
    assert ended == ["reset"]
    assert b"reset by the client" in transcript.entries()[-1].octets


def test_no_server_there() -> None:
    """A proxy without its server cuts the client off at once, and records why."""
    with scripted(_tiny) as upstream:
        pass
    transcript = Transcript()
    with RecordingProxy(upstream, transcript) as proxy:
        with pytest.raises(ConnectionLost):
            WireConnection.open(proxy.endpoint)
        assert proxy.wait_idle(5)
    assert b"cannot connect" in transcript.entries()[-1].octets


def test_connections_are_named_and_counted() -> None:
    """Connections at the same time are kept apart, by name and number; the wait ends when the last has."""
    transcript = Transcript()
    with scripted(_tiny) as upstream, RecordingProxy(upstream, transcript, name="phone") as proxy:
        for _ in range(3):
            WireConnection.open(proxy.endpoint).close()
        with WireConnection.open(proxy.endpoint) as wire:
            assert wire.command(b"NOOP").ok
            assert not proxy.wait_idle(0.01)
        assert proxy.wait_idle(5)
        assert proxy.connections == 4
    assert {one.connection for one in transcript.entries()} == {f"phone-{number}" for number in range(1, 5)}


def test_nothing_runs_after_stop() -> None:
    """Stopping cuts what is open, and leaves neither threads nor a listening port; it can be repeated."""
    with scripted(_tiny) as upstream:
        before = set(threading.enumerate())
        proxy = RecordingProxy(upstream, Transcript()).start()
        endpoint, wire = proxy.endpoint, WireConnection.open(proxy.endpoint)
        proxy.stop()
        proxy.stop()
        assert set(threading.enumerate()) <= before
        with pytest.raises(ConnectionLost):
            wire.command(b"NOOP")
        with pytest.raises(ConnectionLost):
            WireConnection.open(endpoint)
        with pytest.raises(ValueError, match="not started"):
            _ = proxy.endpoint


def test_capabilities_are_hidden_everywhere() -> None:
    """Hidden ones are gone from greeting, response and codes; COMPRESS and STARTTLS always, and their commands fail."""
    transcript = Transcript()
    with (
        scripted(_tiny) as upstream,
        RecordingProxy(upstream, transcript, hide={"uidplus", "LITERAL*"}) as proxy,
        WireConnection.open(proxy.endpoint) as wire,
    ):
        assert wire.capabilities() == {"IMAP4REV1", "IDLE"}
        answer = wire.command(b"NOOP")
        assert answer.code is not None
        assert answer.code.arguments == (b"IMAP4rev1", b"IDLE")
        assert answer.text == "done"
        assert [wire.command(line).status for line in (b"COMPRESS DEFLATE", b"STARTTLS", b"IDLEX")] == [
            "BAD",
            "BAD",
            "OK",
        ]
    with (
        scripted(_echo) as upstream,
        RecordingProxy(upstream, Transcript()) as proxy,
        WireConnection.open(proxy.endpoint) as wire,
    ):
        assert wire.greeting_octets == b"* OK [CAPABILITY IMAP4rev1 IDLE UIDPLUS LITERAL+] hi\r\n"


def test_cut_before_a_command() -> None:
    """The command never reaches the server, and both sides are reset; the entry that was cut is recorded."""
    reached: list[bytes] = []

    def script(connection: socket.socket) -> None:
        connection.sendall(b"* OK hi\r\n")
        while octets := connection.recv(1000):
            reached.append(octets)
            connection.sendall(octets.split()[0] + b" OK\r\n")

    transcript = Transcript()
    intercept = _intercept(b"EXPUNGE", Cut())
    with scripted(script) as upstream, RecordingProxy(upstream, transcript, intercept=intercept) as proxy:
        with WireConnection.open(proxy.endpoint) as wire:
            wire.command(b"NOOP")
            with pytest.raises(ConnectionLost):
                wire.command(b"EXPUNGE")
        assert proxy.wait_idle(5)
    assert reached == [b"A1 NOOP\r\n"]
    assert [one.octets for one in transcript.entries()][-2] == b"A2 EXPUNGE\r\n"
    assert b"cut" in transcript.entries()[-1].octets


def test_cut_in_a_literal_of_the_server() -> None:
    """The client gets exactly as many octets as were allowed."""
    intercept = _intercept(b"BODY[]", Cut(after=27), "S")
    with (
        scripted(_tiny) as upstream,
        RecordingProxy(upstream, Transcript(), intercept=intercept) as proxy,
        _plain_client(proxy) as client,
    ):
        client.sendall(b"A1 FETCH 1 BODY[]\r\n")
        assert _receive(client, 27) == b"* 1 FETCH (BODY[] {8}\r\n1234"
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_cut_after_a_synchronizing_literal_was_announced() -> None:
    """A client that waits for `+` is heard under an interceptor too; the cut then comes before its literal ends."""
    intercept = _intercept(b"ab", Cut())
    with (
        scripted(_tiny) as upstream,
        RecordingProxy(upstream, Transcript(), intercept=intercept) as proxy,
        WireConnection.open(proxy.endpoint) as wire,
    ):
        assert wire.command(b"APPEND x {}", b"cd").ok
        with pytest.raises(ConnectionLost):
            wire.command(b"APPEND x {}", b"ab")


def test_stall_replace_and_answer() -> None:
    """A unit can be kept back for good, changed, or answered without the server."""
    transcript = Transcript()
    actions: dict[bytes, Action] = {b"CHECK": Answer(b"* 9 EXISTS\r\nA1 NO not now\r\n"), b"NOOP": Stall()}

    def intercept(_: str, direction: Direction, unit: bytes) -> Action | None:
        if direction == "S" and unit.startswith(b"* CAPABILITY"):
            return Replace(b"* CAPABILITY IMAP4rev1 X\r\n")
        return next((action for name, action in actions.items() if direction == "C" and name in unit), None)

    with (
        scripted(_tiny) as upstream,
        RecordingProxy(upstream, transcript, intercept=intercept) as proxy,
        WireConnection.open(proxy.endpoint) as wire,
    ):
        checked = wire.command(b"CHECK")
        assert (checked.status, checked.named("EXISTS")[0].number) == ("NO", 9)
        assert wire.capabilities() == {"IMAP4REV1", "X"}
        with pytest.raises(ServerStalled):
            wire.command(b"NOOP", timeout=0.1)
    notes = [one.octets for one in transcript.entries() if one.direction == "!"]
    assert [any(word in note for note in notes) for word in (b"answered", b"replaced", b"stalled")] == [True] * 3


def test_an_interceptor_that_fails_is_not_silent() -> None:
    """An error of an interceptor cuts the connection, and is kept for whoever runs the proxy."""

    def intercept(_: str, direction: Direction, unit: bytes) -> Action | None:
        raise KeyError(direction, unit)

    with scripted(_tiny) as upstream, RecordingProxy(upstream, Transcript(), intercept=intercept) as proxy:
        with pytest.raises(ConnectionLost):
            WireConnection.open(proxy.endpoint)
        assert proxy.wait_idle(5)
        assert [type(problem) for problem in proxy.problems] == [KeyError]


def test_a_refused_literal_does_not_blind_the_proxy() -> None:
    """After a NO instead of `+` the next command is recorded as a command."""
    transcript = Transcript()
    with (
        scripted(_tiny) as upstream,
        RecordingProxy(upstream, transcript) as proxy,
        WireConnection.open(proxy.endpoint) as wire,
    ):
        assert wire.command(b"APPEND refused {}", b"abcdefghijklmnop").status == "NO"
        assert wire.command(b"NOOP").ok
        assert wire.command(b"COMPRESS DEFLATE").status == "BAD"
    said = [one.octets for one in transcript.entries() if one.direction == "C"]
    assert said == [b"A1 APPEND refused {16}\r\n", b"A2 NOOP\r\n", b"A3 COMPRESS DEFLATE\r\n"]


def _certificate(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", *subject, *kind], check=True, capture_output=True)
    return key, certificate


@pytest.mark.skipif(
    not any((Path(one) / "openssl").exists() for one in os.get_exec_path()), reason="no openssl program"
)
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_tls_to_the_server(tmp_path: Path, security: str) -> None:
    """The proxy speaks TLS to the server for a client that does not, and verifies certificates unless told not to."""
    key, certificate = _certificate(tmp_path)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certificate, key)

    def script(connection: socket.socket) -> None:
        if security == "starttls":
            connection.sendall(b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n")
            connection.recv(100)
            connection.sendall(b"A1 OK go\r\n")
        with serving.wrap_socket(connection, server_side=True) as secured:
            if security == "tls":
                secured.sendall(b"* OK [CAPABILITY IMAP4rev1] hi\r\n")
            while octets := secured.recv(65536):
                body = b"z" * 300_000
                secured.sendall(
                    b"* 1 FETCH (BODY[] {%d}\r\n%s)\r\n" % (len(body), body) + octets.split()[0] + b" OK\r\n"
                )

    trusting = ssl.create_default_context(cafile=str(certificate))
    with scripted(script) as upstream:
        endpoint = Endpoint(upstream.host, upstream.port, "tls" if security == "tls" else "starttls")
        with RecordingProxy(endpoint, Transcript(), tls=trusting) as proxy, WireConnection.open(proxy.endpoint) as wire:
            assert wire.greeting_octets == b"* OK [CAPABILITY IMAP4rev1] hi\r\n"
            assert wire.command(b"FETCH 1 BODY[]").ok
        with WireConnection.open(endpoint, tls=trusting) as direct:
            assert direct.command(b"NOOP").ok
        with pytest.raises(ConnectionLost, match="certificate"):
            WireConnection.open(endpoint)


@needs_dovecot
def test_twenty_megabytes_both_ways(server: Endpoint) -> None:
    """A literal of 20 MiB passes in both directions, and is recorded whole."""
    transcript = Transcript(secrets=[PASSWORD])
    octets = os.urandom(2**20).replace(b"\r", b"r").replace(b"\n", b"n").replace(b"\0", b"0") * 20
    with RecordingProxy(server, transcript) as proxy, StorageSession.open(proxy.endpoint, account("big")) as session:
        session.store_object("INBOX", octets)
        session.set_active_folder("INBOX")
        assert next(session.fetch_objects([1])).octets == octets
    carried = [one.direction for one in transcript.entries() if octets in one.octets]
    assert carried == ["C", "S"]
    assert not any(PASSWORD.encode() in one.octets for one in transcript.entries())


@needs_dovecot
def test_hidden_capabilities_change_what_a_session_does(server: Endpoint) -> None:
    """The same server without UIDPLUS and CONDSTORE is used the older way, and the outcome is the same."""
    transcript = Transcript()
    hide = {"UIDPLUS", "CONDSTORE", "QRESYNC", "MULTIAPPEND", "LITERAL+"}
    with (
        RecordingProxy(server, transcript, hide=hide) as proxy,
        StorageSession.open(proxy.endpoint, account("old")) as session,
    ):
        assert not session.capabilities & hide
        session.store_objects("INBOX", [(b"Subject: x\r\n\r\n", [])] * 3)
        session.set_active_folder("INBOX")
        session.remove_objects([2])
        assert [one.uid for one in session.list_objects()] == [1, 3]
    assert not any(b"UID EXPUNGE" in one.octets for one in transcript.entries() if one.direction == "C")


@needs_dovecot
def test_a_refusal_put_in_reaches_the_session(server: Endpoint) -> None:
    """An answer of the proxy in place of the server's is what the session reports."""

    def intercept(_: str, direction: Direction, unit: bytes) -> Action | None:
        refusal = unit.split(b" ")[0] + b" NO [OVERQUOTA] full\r\n"
        return Answer(refusal) if direction == "C" and b"CREATE" in unit else None

    with (
        RecordingProxy(server, Transcript(), intercept=intercept) as proxy,
        StorageSession.open(proxy.endpoint, account("full")) as session,
        pytest.raises(OperationRefused) as refused,
    ):
        session.create_folder("x")
    assert refused.value.code == "OVERQUOTA"
