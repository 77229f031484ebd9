"""A raw client connection on our own framing: every octet as the caller wants it, every wait and size bounded."""

from __future__ import annotations

import base64
import re
import selectors
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from conformance.imap.endpoint import Credentials, Endpoint, Mechanism
from conformance.imap.errors import (
    ConnectionLost,
    LoginRefused,
    NotAnImapServer,
    OperationRefused,
    ResponseTooLarge,
    ServerStalled,
    SyntaxProblem,
)
from conformance.imap.framing import Framer
from conformance.imap.memory import MemoryEndpoint, MemorySocket
from conformance.imap.names import quote
from conformance.imap.recorder import Recorder
from conformance.imap.sasl import Conversation, choose, converse
from conformance.imap.syntax import Code, Response, parse_response, text_of

LITERAL_LIMIT = 64 * 2**20
LINE_LIMIT = 8 * 2**20
RESPONSE_LIMIT = 30_000
# A command may take its timeout, and longer only while data flows at this rate (octets a second): a trickle is a stall.
SLOWEST_RATE = 64 * 1024
_CHUNK = 256 * 1024
_MOST_CHALLENGES = 10
_PLACE = re.compile(rb'"(?:[^"\\]|\\.)*"|(\{\})')


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command's outcome: `status` is OK, NO, BAD or BYE; `entry` the transcript number of its last response, or 0."""

    tag: str
    status: str
    code: Code | None
    text: str
    untagged: tuple[Response, ...]
    entry: int

    @property
    def ok(self) -> bool:
        """Whether the status is OK."""
        return self.status == "OK"

    @property
    def told(self) -> str:
        """The status and its code, such as `NO [NONEXISTENT]`; the text after it may differ from run to run."""
        return f"{self.status} [{self.code.name}]" if self.code else self.status

    def named(self, name: str) -> list[Response]:
        """The untagged responses of one name."""
        return [response for response in self.untagged if response.name == name]

    def require_ok(self, operation: str) -> Exchange:
        """Return itself, or raise: `ConnectionLost` for BYE, `OperationRefused` for NO and BAD."""
        if self.status == "BYE":
            raise ConnectionLost(f"{operation}: the server said BYE {self.text}")
        if not self.ok:
            raise OperationRefused(operation, self.status, self.code.name if self.code else None, self.text)
        return self


class _Patience:
    """The time left for one command: `timeout`, stretched by what has arrived."""

    def __init__(self, timeout: float) -> None:
        self.timeout, self._start, self._octets = timeout, time.monotonic(), 0

    def arrived(self, octets: int) -> None:
        self._octets += octets

    def pause(self, seconds: float) -> None:
        """What we waited ourselves is not the server's."""
        self._start += seconds

    def left(self, waiting_for: str) -> float:
        left = self._start + self.timeout + self._octets / SLOWEST_RATE - time.monotonic()
        if left <= 0:
            raise ServerStalled(waiting_for, self.timeout)
        return min(left, self.timeout)


class WireConnection:
    """One connection to a server; `open` reads the greeting into `greeting`."""

    def __init__(
        self, sock: socket.socket | MemorySocket, *, recorder: Recorder | None = None, timeout: float = 10.0
    ) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket, self.recorder, self.timeout = sock, recorder, timeout
        self.greeting: Response
        self.greeting_octets = b""
        self.endpoint: Endpoint | None = None
        self.mechanism: Mechanism = ""
        self.takes_password = True
        self.last_entry = 0
        self._framer = Framer("S", literal_limit=LITERAL_LIMIT, line_limit=LINE_LIMIT)
        self._units: deque[bytes] = deque()
        self._patience = _Patience(timeout)
        self._tags = 0
        self._idle_tag: str | None = None
        self._open = True

    @classmethod
    def open(
        cls,
        endpoint: Endpoint,
        *,
        recorder: Recorder | None = None,
        timeout: float = 10.0,
        tls: ssl.SSLContext | None = None,
    ) -> WireConnection:
        """Connect, with TLS as the endpoint says, or else with the context `tls`; be greeted."""
        if endpoint.pace:
            endpoint.pace.wait()
        connection = cls(connect(endpoint, timeout, tls), recorder=recorder, timeout=timeout)
        try:
            connection._begin(endpoint, tls)
        except BaseException:
            connection.abort()
            raise
        return connection

    def _begin(self, endpoint: Endpoint, tls: ssl.SSLContext | None) -> None:
        self.endpoint = endpoint
        if self.recorder:
            self.recorder.note(f"opened to {endpoint.host}:{endpoint.port}")
        self._read_greeting()
        if endpoint.security == "starttls":
            self.command(b"STARTTLS").require_ok("STARTTLS")
            self.start_tls(endpoint.certified_name, tls or endpoint.context())

    def _read_greeting(self) -> None:
        try:
            self.greeting_octets = self.read_unit()
            self.greeting = parse_response(self.greeting_octets)
        except (SyntaxProblem, ResponseTooLarge) as error:
            raise NotAnImapServer(f"the greeting is not IMAP: {error}") from error
        if self.greeting.kind != "untagged" or self.greeting.name not in {"OK", "PREAUTH", "BYE"}:
            raise NotAnImapServer(f"the greeting is not OK, PREAUTH or BYE: {self.greeting_octets[:80]!r}")
        if self.greeting.name == "BYE":
            raise ConnectionLost(f"the server greets with BYE {self.greeting.text}")

    def start_tls(self, host: str, tls: ssl.SSLContext | None = None) -> None:
        """Put TLS under the connection; plaintext that came with the answer to STARTTLS is an error (an injection)."""
        if self._units or self._framer.tail:
            raise SyntaxProblem("plaintext after STARTTLS", b"".join(self._units) + self._framer.tail)
        if isinstance(self.socket, MemorySocket):
            raise ConnectionLost("TLS cannot be put under a connection in memory; take an endpoint with security none")
        self.socket = secure(self.socket, host, self.timeout, tls or ssl.create_default_context())
        if self.recorder:
            self.recorder.note("TLS started")

    def be_patient(self, timeout: float | None = None) -> None:
        """Start the clock anew, as each command does."""
        self._patience = _Patience(self.timeout if timeout is None else timeout)

    def next_tag(self) -> str:
        """A fresh tag, counting from A1, when it is time for one more command."""
        if self.endpoint is not None and self.endpoint.pace:
            self._patience.pause(self.endpoint.pace.wait())
        self._tags += 1
        return f"A{self._tags}"

    def send(self, octets: bytes) -> None:
        """Send octets as they are, reading meanwhile so that neither side waits for the other for ever."""
        if not self._open:
            raise ConnectionLost("the connection is already closed")
        if self.recorder:
            self.recorder.sent(octets)
        try:
            if isinstance(self.socket, (ssl.SSLSocket, MemorySocket)):
                self.socket.settimeout(self._patience.left("readiness to take a command"))
                self.socket.sendall(octets)
            else:
                self._send_and_read(self.socket, memoryview(octets))
        except TimeoutError as error:
            raise ServerStalled("readiness to take a command", self.timeout) from error
        except OSError as error:
            raise self._lost(f"while sending: {error}") from error

    def _send_and_read(self, sock: socket.socket, view: memoryview) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while view:
                ready = selector.select(self._patience.left("readiness to take a command"))
                for _, events in ready:
                    if events & selectors.EVENT_READ:
                        self._fill("answer")
                    if events & selectors.EVENT_WRITE:
                        sent = sock.send(view[:_CHUNK])
                        self._patience.arrived(sent)
                        view = view[sent:]

    def _fill(self, waiting_for: str) -> None:
        try:
            self.socket.settimeout(self._patience.left(waiting_for))
            octets = self.socket.recv(_CHUNK)
        except TimeoutError as error:
            raise ServerStalled(waiting_for, self._patience.timeout) from error
        except OSError as error:
            raise self._lost(str(error)) from error
        if not octets:
            raise self._lost("closed by the server")
        self._patience.arrived(len(octets))
        self._units.extend(self._framer.feed(octets))

    def _lost(self, why: str) -> ConnectionLost:
        if self.recorder and self._framer.tail:
            self.recorder.received(self._framer.abandon())
        self._shut(f"lost: {why}")
        return ConnectionLost(f"the connection is lost: {why}")

    def read_unit(self, waiting_for: str = "answer") -> bytes:
        """The next response as sent. Raises `ConnectionLost`, `ServerStalled` or `ResponseTooLarge`."""
        while not self._units:
            if not self._open:
                raise ConnectionLost("the connection is already closed")
            self._fill(waiting_for)
        unit = self._units.popleft()
        if self.recorder:
            entries = self.recorder.received(unit)
            self.last_entry = entries[-1].number if entries else 0
        return unit

    def read_response(self, timeout: float | None = None) -> Response:
        """The next response, read within `timeout` seconds (the connection's own by default)."""
        self.be_patient(timeout)
        return parse_response(self.read_unit())

    def login(self, credentials: Credentials) -> Exchange:
        """LOGIN; raises `LoginRefused`."""
        user, password = credentials.user.encode(), credentials.password.encode()
        try:
            exchange = self.command(b"LOGIN " + quote(user) + b" " + quote(password))
        except ValueError:
            exchange = self.command(b"LOGIN {} {}", user, password)
        return _logged_in("LOGIN", exchange)

    def authenticate(self, credentials: Credentials) -> Exchange:
        """Log in by the mechanism of the credentials, or the best one offered; raises `LoginRefused`."""
        offered = self.capabilities()
        self.mechanism = choose(credentials, offered)
        shows_password = self.mechanism != "EXTERNAL" and not credentials.token
        self.takes_password = shows_password and ("LOGINDISABLED" not in offered or "AUTH=PLAIN" in offered)
        if self.mechanism == "LOGIN":
            return self.login(credentials)
        host, port = (self.endpoint.host, self.endpoint.port) if self.endpoint else ("", 0)
        conversation = converse(self.mechanism, credentials, host, port)
        answer = self._converse(conversation, initial="SASL-IR" in offered)
        conversation.end()
        return answer

    def _converse(self, conversation: Conversation, *, initial: bool) -> Exchange:
        """AUTHENTICATE (RFC 3501 6.2.2), with the initial response in the command where that is offered (RFC 4959)."""
        self.be_patient()
        tag, untagged = self.next_tag(), list[Response]()
        told = b""
        if initial:
            told = b" " + (base64.b64encode(conversation.answer(b"")) or b"=")
        self.send(f"{tag} AUTHENTICATE {self.mechanism}".encode() + told + b"\r\n")
        for _ in range(_MOST_CHALLENGES):
            answer = self._response_to(tag, untagged)
            while not isinstance(answer, Exchange) and answer.kind != "continuation":
                answer = self._response_to(tag, untagged)
            if isinstance(answer, Exchange):
                return _logged_in("AUTHENTICATE", answer)
            self.send(base64.b64encode(conversation.answer(_challenge(answer))) + b"\r\n")
        raise LoginRefused("AUTHENTICATE", "NO", None, f"more than {_MOST_CHALLENGES} challenges")

    def capabilities(self) -> frozenset[str]:
        """What the server offers now, in upper case."""
        answer = self.command(b"CAPABILITY").require_ok("CAPABILITY")
        tokens = (token for response in answer.named("CAPABILITY") for token in response.tokens)
        return frozenset(text_of(token).upper() for token in tokens if not isinstance(token, tuple))

    def command(
        self,
        line: bytes,
        *literals: bytes,
        non_synchronizing: bool = False,
        timeout: float | None = None,
        until_bye: bool = False,
    ) -> Exchange:
        """Send a command (without tag and line end) and read to its tagged response.

        Literals stand where the line says `{}`, or after its end. They wait for `+` each, unless `non_synchronizing`
        (RFC 7888). With `until_bye` a BYE is the outcome at once, else when the connection has ended. A response that
        cannot be read raises `SyntaxProblem`.
        """
        self.be_patient(timeout)
        tag = self.next_tag()
        chunks = _chunks(tag, line, literals, plus=non_synchronizing)
        untagged: list[Response] = []
        if non_synchronizing:
            chunks = [b"".join(chunks)]
        for number, chunk in enumerate(chunks):
            if number:
                refused = self._await_continuation(tag, untagged)
                if refused:
                    return refused
            self.send(chunk)
        return self.finish(tag, untagged, until_bye=until_bye)

    def _await_continuation(self, tag: str, untagged: list[Response]) -> Exchange | None:
        while True:
            response = self._response_to(tag, untagged)
            if isinstance(response, Exchange):
                return response
            if response.kind == "continuation":
                return None

    def finish(self, tag: str, untagged: list[Response] | None = None, *, until_bye: bool = False) -> Exchange:
        """Read to the tagged response of a command already sent; `until_bye` as in `command`."""
        collected = [] if untagged is None else untagged
        while True:
            response = self._response_to(tag, collected)
            if isinstance(response, Exchange):
                return response
            if until_bye and response.name == "BYE":
                return self._farewell(tag, response, collected)

    def _response_to(self, tag: str, untagged: list[Response]) -> Exchange | Response:
        try:
            response = parse_response(self.read_unit())
        except ConnectionLost:
            farewell = next((one for one in reversed(untagged) if one.name == "BYE"), None)
            if farewell is None:
                raise
            return self._farewell(tag, farewell, untagged)
        if response.kind == "tagged":
            if response.tag != tag:
                raise SyntaxProblem(f"an answer to {response.tag} where {tag} is open", response.tag.encode())
            return Exchange(tag, response.name, response.code, response.text, tuple(untagged), self.last_entry)
        if response.kind == "untagged":
            untagged.append(response)
            if len(untagged) > RESPONSE_LIMIT:
                raise ResponseTooLarge("an answer", len(untagged), RESPONSE_LIMIT)
        return response

    def _farewell(self, tag: str, bye: Response, untagged: list[Response]) -> Exchange:
        return Exchange(tag, "BYE", bye.code, bye.text, tuple(untagged), self.last_entry)

    def pipeline(
        self, commands: Sequence[bytes | tuple[bytes, ...]], *, timeout: float | None = None
    ) -> list[Exchange]:
        """Send all commands at once, then read all answers in order; literals go without waiting (RFC 7888)."""
        self.be_patient(timeout)
        tags, octets = [], bytearray()
        for command in commands:
            line, *literals = command if isinstance(command, tuple) else (command,)
            tags.append(self.next_tag())
            octets += b"".join(_chunks(tags[-1], line, literals, plus=True))
        self.send(bytes(octets))
        return [self.finish(tag) for tag in tags]

    def idle(self) -> None:
        """Enter IDLE (RFC 2177) and wait for the `+`; read notices with `read_response`, leave with `done`."""
        self.be_patient()
        tag = self.next_tag()
        self.send(f"{tag} IDLE\r\n".encode())
        refused = self._await_continuation(tag, [])
        if refused:
            raise OperationRefused("IDLE", refused.status, refused.code.name if refused.code else None, refused.text)
        self._idle_tag = tag

    def done(self) -> Exchange:
        """Leave IDLE; the notices that came since the last read are in `untagged`."""
        if self._idle_tag is None:
            raise ValueError("done() without idle()")
        self.be_patient()
        tag, self._idle_tag = self._idle_tag, None
        self.send(b"DONE\r\n")
        return self.finish(tag)

    def notices(self, timeout: float | None) -> list[bytes]:
        """The untagged responses, as sent, of an IDLE that ends with the first of them or after `timeout` seconds.

        With None, those of a NOOP.
        """
        if timeout is None:
            self.be_patient()
            tag = self.next_tag()
            self.send(f"{tag} NOOP\r\n".encode())
            return self._units_before(tag, [])
        self.idle()
        tag, self._idle_tag = str(self._idle_tag), None
        self.be_patient(timeout)
        try:
            units = [self.read_unit("notice")]
        except ServerStalled:
            units = []
        self.be_patient()
        self.send(b"DONE\r\n")
        return self._units_before(tag, units)

    def _units_before(self, tag: str, units: list[bytes]) -> list[bytes]:
        while len(units) < RESPONSE_LIMIT:
            unit = self.read_unit()
            if unit.startswith(tag.encode() + b" "):
                return units
            if unit.startswith(b"* "):
                units.append(unit)
        raise ResponseTooLarge("an answer", len(units), RESPONSE_LIMIT)

    def interrupt(self) -> None:
        """From another thread: whoever waits on this connection finds it lost."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close without LOGOUT; safe to repeat."""
        self._shut("closed")

    def abort(self) -> None:
        """Reset the connection (RST), as a client that dies does."""
        with suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._shut("reset")

    def _shut(self, how: str) -> None:
        if not self._open:
            return
        self._open = False
        self.socket.close()
        if self.recorder:
            self.recorder.closed(how)

    def __enter__(self) -> WireConnection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(endpoint: Endpoint, timeout: float, tls: ssl.SSLContext | None = None) -> socket.socket | MemorySocket:
    """A connected socket, with TLS on it if the endpoint says `tls` (but not `starttls`)."""
    if isinstance(endpoint, MemoryEndpoint):
        return endpoint.connect()
    return connect_over_tcp(endpoint, timeout, tls)


def connect_over_tcp(endpoint: Endpoint, timeout: float, tls: ssl.SSLContext | None = None) -> socket.socket:
    """The same for an endpoint that is not in memory."""
    sock = _connect(endpoint, timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if endpoint.security != "tls":
        return sock
    try:
        return secure(sock, endpoint.certified_name, timeout, tls or endpoint.context())
    except BaseException:
        sock.close()
        raise


def secure(sock: socket.socket, host: str, timeout: float, tls: ssl.SSLContext) -> ssl.SSLSocket:
    """The same connection under TLS; closes it and raises `ConnectionLost` or `ServerStalled` when that fails."""
    try:
        sock.settimeout(timeout)
        return tls.wrap_socket(sock, server_hostname=host)
    except TimeoutError as error:
        sock.close()
        raise ServerStalled("TLS handshake", timeout) from error
    except OSError as error:
        sock.close()
        raise ConnectionLost(f"TLS with {host} failed: {error}") from error


def _connect(endpoint: Endpoint, timeout: float) -> socket.socket:
    where = f"{endpoint.host}:{endpoint.port}"
    try:
        return socket.create_connection((endpoint.host, endpoint.port), timeout)
    except TimeoutError as error:
        raise ServerStalled(f"connection to {where}", timeout) from error
    except OSError as error:
        raise ConnectionLost(f"cannot connect to {where}: {error}; is the server running there?") from error


def _challenge(answer: Response) -> bytes:
    """What a continuation request asks (RFC 3501 6.2.2); a text for people, where nothing is asked, is no challenge."""
    try:
        return base64.b64decode(answer.text.strip(), validate=True)
    except ValueError:
        return b""


def _logged_in(operation: str, answer: Exchange) -> Exchange:
    if not answer.ok:
        raise LoginRefused(operation, answer.status, answer.code.name if answer.code else None, answer.text)
    return answer


def _chunks(tag: str, line: bytes, literals: Sequence[bytes], *, plus: bool) -> list[bytes]:
    """The command cut after each literal announcement."""
    texts = _split_at_places(line) if literals else [line]
    if len(texts) == 1 and len(literals) == 1:
        texts = [line.rstrip(b" ") + b" ", b""]
    if len(texts) != len(literals) + 1:
        raise ValueError(f"{len(literals)} literals for {len(texts) - 1} places in {line!r}")
    chunks, start = [], tag.encode() + b" "
    for text, literal in zip(texts, literals, strict=False):
        chunks.append(start + text + b"{%d%s}\r\n" % (len(literal), b"+" if plus else b""))
        start = literal
    return [*chunks, start + texts[-1] + b"\r\n"]


def _split_at_places(line: bytes) -> list[bytes]:
    texts, start = [], 0
    for match in _PLACE.finditer(line):
        if match[1]:
            texts.append(line[start : match.start()])
            start = match.end()
    return [*texts, line[start:]]
