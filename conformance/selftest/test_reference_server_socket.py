"""The reference server over real sockets: real client libraries, bad input, pushes, and a clean end."""

from __future__ import annotations

import imaplib
import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from imapclient import IMAPClient

from conformance.reference.server import Behaviour, ReferenceServer, ServerConnection
from conformance.selftest.reference_server_driver import MESSAGE

TIMEOUT = 5.0


@pytest.fixture
def server() -> Iterator[ReferenceServer]:
    """A running server with one account."""
    with ReferenceServer() as running:
        running.add_account("user", "secret")
        yield running


class Line:
    """A raw connection: what is sent is sent as it is, answers are read to a mark or to the end."""

    def __init__(self, server: ReferenceServer, *, login: bool = True) -> None:
        self.socket = socket.create_connection((server.host, server.port), TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""
        assert self.until(b"\r\n") == server.greeting
        if login:
            self.command(b"l LOGIN user secret")

    def until(self, mark: bytes) -> bytes:
        """Everything up to and with the mark; fails after TIMEOUT seconds or at the end of the stream."""
        while mark not in self._read:
            data = self.socket.recv(65536)
            assert data, f"the stream ended with {self._read!r}"
            self._read += data
        found, separator, self._read = self._read.partition(mark)
        return found + separator

    def command(self, octets: bytes) -> bytes:
        """Send a command line and return its answer up to the tagged line."""
        self.socket.sendall(octets + b"\r\n")
        tag = octets.split(b" ", 1)[0] + b" "
        answer = self.until(tag)
        return answer + self.until(b"\r\n")

    def to_the_end(self) -> bytes:
        """Everything until the server closes."""
        while data := self.socket.recv(65536):
            self._read += data
        return self._read


def test_imapclient_can_do_its_work(server: ReferenceServer) -> None:
    """The library imapclient: folders, append, fetch, flags, search, copy, move, expunge, idle, status."""
    with IMAPClient(server.host, server.port, ssl=False, timeout=TIMEOUT) as client:
        client.login("user", "secret")
        client.create_folder("Grüße & 日本/Köln")
        assert "Grüße & 日本/Köln" in [name for _, _, name in client.list_folders()]
        assert client.select_folder("Grüße & 日本/Köln")[b"EXISTS"] == 0
        response = client.append("Grüße & 日本/Köln", MESSAGE, flags=[rb"\Flagged", b"kw"])
        uid = int(re.findall(rb"APPENDUID \d+ (\d+)", response)[0])
        fetched = client.fetch([uid], ["BODY.PEEK[]", "FLAGS", "ENVELOPE", "BODYSTRUCTURE", "INTERNALDATE", "MODSEQ"])
        assert fetched[uid][b"BODY[]"] == MESSAGE
        assert set(fetched[uid][b"FLAGS"]) >= {rb"\Flagged", b"kw"}
        assert fetched[uid][b"ENVELOPE"].subject == b"one"
        assert client.search(["SUBJECT", "one"]) == [uid]
        assert client.add_flags([uid], [rb"\Seen"], silent=False)[uid]
        client.copy([uid], "INBOX")
        client.move([uid], "INBOX")
        assert client.folder_status("INBOX", ["MESSAGES", "HIGHESTMODSEQ"])[b"MESSAGES"] == 2
        client.select_folder("INBOX")
        client.delete_messages([1])
        assert client.uid_expunge([1])
        client.idle()
        with IMAPClient(server.host, server.port, ssl=False, timeout=TIMEOUT) as other:
            other.login("user", "secret")
            other.append("INBOX", MESSAGE)
        assert (2, b"EXISTS") in client.idle_check(timeout=TIMEOUT)
        client.idle_done()
        client.unselect_folder()
        assert client.namespace().personal == (("", "/"),)
        assert client.enable("QRESYNC") == [b"QRESYNC"]
        client.rename_folder("Grüße & 日本", "x")
        client.delete_folder("x/Köln")


def test_imaplib_can_do_its_work(server: ReferenceServer) -> None:
    """The library of the language, with synchronizing literals."""
    client = imaplib.IMAP4(server.host, server.port, timeout=TIMEOUT)
    client.authenticate("PLAIN", lambda _: b"\0user\0secret")
    assert client.append("INBOX", "(\\Seen)", imaplib.Time2Internaldate(0), MESSAGE)[0] == "OK"
    assert client.select("INBOX") == ("OK", [b"1"])
    status, data = client.fetch("1", "(RFC822 INTERNALDATE)")
    assert status == "OK"
    assert isinstance(data[0], tuple)
    assert data[0][1] == MESSAGE
    assert client.uid("STORE", "1", "+FLAGS", "(\\Deleted)")[0] == "OK"
    assert client.expunge() == ("OK", [b"1"])
    assert client.list()[0] == "OK"
    assert client.close()[0] == "OK"
    assert client.logout()[0] == "BYE"


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"\r\n", b"* BAD "),
        (b"garbage\r\n", b"* BAD "),
        (b"a\r\n", b"* BAD "),
        (b"a  NOOP\r\n", b"a BAD "),
        (b"a NONSENSE\r\n", b"a BAD "),
        (b"a NOOP x\r\n", b"a BAD "),
        (b"+ NOOP\r\n", b"* BAD "),
        (b"a UID NOOP\r\n", b"a BAD "),
        (b"a UID\r\n", b"a BAD "),
        (b"\xff\xfe\x00 NOOP\r\n", b"* BAD "),
        (b"a CREATE \x00\r\n", b"a BAD "),
        (b'a CREATE "open\r\n', b"a BAD "),
        (b"a CREATE {99999999999999999999}\r\n", b"a NO [TOOBIG]"),
        (b"a APPEND INBOX {99999999999}\r\n", b"a NO [TOOBIG]"),
        (b"a NOOP " + b"x" * 100_000 + b"\r\n", b"a BAD "),
        (b"x" * 100_000 + b"\r\n", b"* BAD "),
        (b"a NOOP\n", b"a OK "),
        (b"a CREATE {1}x\r\n", b"a BAD "),
        (b"a STARTTLS\r\n", b"a BAD "),
        (b"GET / HTTP/1.1\r\n", b"GET BAD "),
    ],
)
def test_bad_input_is_answered_and_survived(server: ReferenceServer, sent: bytes, answer: bytes) -> None:
    """Each piece of nonsense gets its answer, and the connection goes on as before."""
    line = Line(server)
    line.socket.sendall(sent)
    assert line.until(b"\r\n").startswith(answer)
    assert line.command(b"z NOOP") == b"z OK NOOP completed\r\n"


def test_a_large_literal_that_is_on_its_way_is_passed_over() -> None:
    """With a small bound a `{n+}` literal is refused, its octets are not taken for commands."""
    with ReferenceServer(Behaviour(max_literal=1000)) as server:
        server.add_account("user", "secret")
        line = Line(server)
        body = b"b LOGOUT\r\n" * 1000
        line.socket.sendall(b"a APPEND INBOX {%d+}\r\n" % len(body) + body + b"\r\n")
        assert line.until(b"\r\n").startswith(b"a NO [TOOBIG]")
        assert line.command(b"z NOOP") == b"z OK NOOP completed\r\n"


def test_a_connection_cut_in_a_literal(server: ReferenceServer) -> None:
    """Nothing of the message is stored, UIDNEXT stays."""
    line = Line(server)
    line.socket.sendall(b"a APPEND INBOX {100000+}\r\n" + b"x" * 50_000)
    line.socket.shutdown(socket.SHUT_WR)
    assert line.to_the_end() == b""
    assert b"(MESSAGES 0 UIDNEXT 1)" in Line(server).command(b"a STATUS INBOX (MESSAGES UIDNEXT)")


def test_a_thousand_pipelined_commands(server: ReferenceServer) -> None:
    """They are answered in order, also when they come octet by octet."""
    line = Line(server)
    line.socket.sendall(b"".join(b"t%d NOOP\r\n" % number for number in range(1000)) + b"end NOOP\r\n")
    tags = [each.split()[0] for each in line.until(b"end OK").split(b"\r\n")[:-1]]
    assert tags == [b"t%d" % number for number in range(1000)]
    line.until(b"\r\n")
    for octet in b"a NOOP\r\n":
        line.socket.sendall(bytes([octet]))
    assert line.until(b"\r\n") == b"a OK NOOP completed\r\n"


def test_a_client_that_does_not_read_holds_up_nobody(server: ReferenceServer) -> None:
    """Answers far beyond any buffer wait for their reader; other clients are served meanwhile, and nothing is lost."""
    line = Line(server)
    line.command(b"a APPEND INBOX {1000000+}\r\n" + b"x" * 1_000_000)
    line.command(b"b SELECT INBOX")
    line.socket.sendall(b"c FETCH 1 BODY.PEEK[]\r\n" * 30)
    assert Line(server).command(b"d NOOP") == b"d OK NOOP completed\r\n"
    for _ in range(30):
        assert len(line.until(b"c OK FETCH completed\r\n")) > 1_000_000


def test_idle_pushes_at_once(server: ReferenceServer) -> None:
    """Changes by another connection, and by the administrator of the tests, arrive without being asked for."""
    idle, other = Line(server), Line(server)
    idle.command(b"a SELECT INBOX")
    idle.socket.sendall(b"b IDLE\r\n")
    assert idle.until(b"\r\n") == b"+ idling\r\n"
    other.command(b"a APPEND INBOX (\\Deleted) {3+}\r\nabc")
    assert idle.until(b"RECENT\r\n") == b"* 1 EXISTS\r\n* 1 RECENT\r\n"
    other.command(b"b SELECT INBOX")
    other.command(b"c EXPUNGE")
    assert idle.until(b"\r\n") == b"* 1 EXPUNGE\r\n"
    server.renew_uid_validity("user", "INBOX")
    assert idle.to_the_end().startswith(b"* BYE ")


def test_administration_from_another_thread_is_atomic(server: ReferenceServer) -> None:
    """Commands and administrative changes at the same time leave a whole store."""
    line = Line(server)
    stop = threading.Event()

    def administer() -> None:
        while not stop.is_set():
            server.set_read_only("user", "INBOX", read_only=True)
            server.set_read_only("user", "INBOX", read_only=False)
            server.drop_account(server.add_account().user)

    thread = threading.Thread(target=administer)
    thread.start()
    try:
        answers = [line.command(b"a APPEND INBOX {3+}\r\nabc") for _ in range(200)]
    finally:
        stop.set()
        thread.join(TIMEOUT)
    stored = sum(answer.startswith(b"a OK") for answer in answers)
    assert stored + sum(b"a NO [NOPERM]" in answer for answer in answers) == 200
    assert b"(MESSAGES %d UIDNEXT %d)" % (stored, stored + 1) in line.command(b"b STATUS INBOX (MESSAGES UIDNEXT)")


def test_logout_closes_the_connection(server: ReferenceServer) -> None:
    """BYE, the tagged OK, and the end of the stream; what follows LOGOUT is not answered."""
    line = Line(server)
    line.socket.sendall(b"a LOGOUT\r\nb NOOP\r\n")
    assert line.to_the_end() == b"* BYE logging out\r\na OK LOGOUT completed\r\n"


def test_stop_ends_everything_in_time() -> None:
    """Idle clients get BYE, the thread ends within a second, the port is closed, and the server can start again."""
    server = ReferenceServer()
    server.add_account("user", "secret")
    server.start()
    with pytest.raises(RuntimeError, match="stop it first"):
        server.start()
    lines = [Line(server) for _ in range(20)]
    port = server.port
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 1
    for line in lines:
        assert line.to_the_end() == b"* BYE the server stops\r\n"
    with pytest.raises(OSError):
        socket.create_connection((server.host, port), TIMEOUT)
    assert not any(thread.name == "reference-server" for thread in threading.enumerate())
    server.stop()
    with server:
        assert server.endpoint.port == server.port
        assert Line(server).command(b"a NOOP").startswith(b"a OK")


def test_an_error_of_the_server_is_not_hidden() -> None:
    """It ends that connection alone, and `stop` raises it."""

    class Broken(ServerConnection):
        def receive(self, data: bytes) -> bytes:
            if b"BREAK" in data:
                raise ZeroDivisionError
            return super().receive(data)

    server = ReferenceServer(connection=Broken)
    server.add_account("user", "secret")
    server.start()
    one, other = Line(server), Line(server)
    one.socket.sendall(b"a BREAK\r\n")
    assert one.to_the_end() == b""
    assert other.command(b"a NOOP") == b"a OK NOOP completed\r\n"
    with pytest.raises(RuntimeError) as failure:
        server.stop()
    assert isinstance(failure.value.__cause__, ZeroDivisionError)


def test_accounts_are_cheap() -> None:
    """An account takes well under a millisecond."""
    server = ReferenceServer()
    started = time.perf_counter()
    for _ in range(500):
        server.add_account()
    assert time.perf_counter() - started < 0.5
