"""IMAP (RFC 3501) as far as the script speaks it: units with the literals inside them, names, and a session."""

from __future__ import annotations

import base64
import ipaddress
import os
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from conformance.standalone.wording import CouldNotRun

PASSWORD_VARIABLE = "CPM_SERVER_PASSWORD"
ANSWER_SECONDS = 30.0
"""How long the server may take for one answer."""
URL_HELP = (
    "write --server imap://user:password@host:port/root, with imaps:// for TLS; imap:// is STARTTLS unless the "
    "server is on this machine, and imap+plain:// has no encryption at all; leave "
    f"the password out and set {PASSWORD_VARIABLE} if others can see your command line; in user and password write %2F "
    "for /, %3A for :, %40 for @ and %25 for %"
)
SECURITY = {"imap": 143, "imaps": 993, "imap+starttls": 143, "imap+plain": 143}
CHUNK = 65536
TOKEN = re.compile(rb' *(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r?\n|([^ ()"{\r\n]+))', re.DOTALL)
LONGEST_MARKER = 25
MARKERS = {
    "C": re.compile(rb"\{(\d{1,19})([+-]?)\}\r?\n\Z"),
    "S": re.compile(rb"\{(\d{1,19})()\}\r?\n\Z"),
}
# The text of a status response may end in something that looks like a literal; only its code can hold one.
STATUS_TEXT = re.compile(rb"(?:\+|(?:\*|[^\s{(\"]+) (?:OK|NO|BAD|BYE|PREAUTH)\b)(?! \[[^\]]*\Z)", re.IGNORECASE)


class Refused(Exception):
    """The server answered NO or BAD."""


class ServerLost(CouldNotRun):
    """The script's own connection to the server is over."""


@dataclass(frozen=True)
class Location:
    """What `--server` says."""

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    root: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_location(url: str, environment: Mapping[str, str] = os.environ) -> Location:
    """Read a URL. Raises `CouldNotRun`, which never shows it, as it may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise CouldNotRun("the URL of the server cannot be read", URL_HELP) from None
    if parts.scheme not in SECURITY or not parts.hostname or not parts.username or parts.query or parts.fragment:
        raise CouldNotRun("the URL of the server has no user or host, or says what nobody knows", URL_HELP)
    password = environment.get(PASSWORD_VARIABLE) if parts.password is None else unquote(parts.password)
    if password is None:
        raise CouldNotRun("no password for the server is given", URL_HELP)
    root = tuple(unquote(level) for level in parts.path.split("/") if level)
    port, scheme = port or SECURITY[parts.scheme], _scheme(parts.scheme, parts.hostname)
    return Location(scheme, parts.hostname, port, unquote(parts.username), password, root)


def _scheme(said: str, host: str) -> str:
    """Plain is what nobody gets without saying so, but on this machine itself (RFC 8314 3)."""
    if said != "imap":
        return said.replace("+plain", "")
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host.lower() == "localhost"
    return "imap" if here else "imap+starttls"


class Framer:
    """Cuts a stream into commands (`"C"`) or responses (`"S"`), each with the literals inside it."""

    def __init__(self, direction: str) -> None:
        self._direction = direction
        self.abandon()

    def abandon(self) -> None:
        """Give up the unit that is not finished."""
        self.unit, self.missing, self._line, self.paused = bytearray(), 0, 0, False

    @property
    def inside(self) -> bool:
        """Whether the unfinished unit has its first line, which announces a literal."""
        return self._line > 0

    def feed(self, octets: bytes) -> list[bytes]:
        """The units that these octets complete; `paused` tells that a client waits for leave to send a literal."""
        units = []
        while octets:
            self.paused = False
            if self.missing:
                taken, octets = octets[: self.missing], octets[self.missing :]
                self.unit += taken
                self.missing -= len(taken)
                self._line = len(self.unit)
                continue
            line, end, octets = octets.partition(b"\n")
            self.unit += line + end
            if end and not self._announces_literal():
                units.append(bytes(self.unit))
                self.abandon()
        return units

    def _announces_literal(self) -> bool:
        start = max(self._line, len(self.unit) - LONGEST_MARKER)
        marker = MARKERS[self._direction].search(self.unit, start)
        if marker is None or (self._direction == "S" and STATUS_TEXT.match(self.unit)):
            return False
        self.missing, self._line = int(marker[1]), len(self.unit)
        self.paused = not marker[2]
        return True


def tokens(unit: bytes) -> list[Any]:
    """A unit as nested lists of octets; the atom NIL is None, a literal and a quoted string are their content."""
    stack: list[list[Any]] = [[]]
    match = TOKEN.match(unit)
    while match:
        end = match.end()
        opened, closed, quoted, size, atom = match.groups()
        if opened:
            stack.append([])
        elif closed and len(stack) > 1:
            finished = stack.pop()
            stack[-1].append(finished)
        elif quoted is not None:
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL))
        elif size:
            end += int(size)
            stack[-1].append(unit[match.end() : end])
        elif atom:
            stack[-1].append(None if atom.upper() == b"NIL" else atom)
        match = TOKEN.match(unit, end)
    return stack[0]


def encode_name(name: str) -> bytes:
    """A folder's name in modified UTF-7 (RFC 3501 5.1.3)."""

    def shifted(match: re.Match[str]) -> str:
        text = base64.b64encode(match[0].encode("utf-16-be", "surrogatepass")).decode().rstrip("=")
        return f"&{text.replace('/', ',')}-"

    return re.sub(r"[^\x20-\x7e]+", shifted, name.replace("&", "&-")).encode("ascii")


def decode_name(wire: bytes) -> str:
    """The name in Unicode; what is not modified UTF-7 is taken as UTF-8."""

    def plain(match: re.Match[str]) -> str:
        text = match[1].replace(",", "/")
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-16-be", "replace") if text else "&"

    name = wire.decode("utf-8", "surrogateescape")
    return re.sub(r"&([A-Za-z0-9+,]*)-", plain, name) if name.isascii() else name


def quote(octets: bytes) -> bytes:
    """A quoted string."""
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def open_socket(location: Location, seconds: float) -> tuple[socket.socket, bytes]:
    """A connection to the server, and what it has said before the first command may be sent, if that is gone by."""
    sock = socket.create_connection((location.host, location.port), seconds)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        greeting = _start_tls(sock) if location.scheme == "imap+starttls" else b""
        if location.scheme != "imap":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=location.host)
    except BaseException:
        sock.close()
        raise
    return sock, greeting


def _start_tls(sock: socket.socket) -> bytes:
    """Ask for TLS (RFC 3501 6.2.1) octet by octet, so that nothing of it is taken; returns the greeting."""
    greeting = _line(sock)
    sock.sendall(b"S STARTTLS\r\n")
    answer = _line(sock)
    while answer.startswith(b"*"):
        answer = _line(sock)
    if not answer.upper().startswith(b"S OK"):
        raise OSError("the server refuses STARTTLS")
    return greeting


def _line(sock: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        octet = sock.recv(1)
        if not octet:
            raise OSError("the server closed the connection")
        line += octet
    return line


class Session:
    """One session of the script itself, logged in; every command is bounded in time."""

    def __init__(self, location: Location, seconds: float = ANSWER_SECONDS) -> None:
        self._where, self._seconds, self._tags = str(location), seconds, 0
        self._framer, self._units = Framer("S"), list[bytes]()
        self._begin()
        try:
            self._socket, greeting = open_socket(location, seconds)
        except OSError as error:
            raise self._lost(error) from error
        try:
            self._log_in(location, greeting or self._unit())
        except BaseException:
            self._socket.close()
            raise

    def _begin(self) -> None:
        self._end = time.monotonic() + self._seconds

    def _lost(self, error: object) -> ServerLost:
        mend = "check host and port, that the server runs, and whether it speaks TLS there (imaps:// or imap://)"
        if isinstance(error, ssl.SSLCertVerificationError):
            mend = "let the environment variable SSL_CERT_FILE name the certificate of the server's authority"
        return ServerLost(f"no IMAP server answers at {self._where}: {error}", mend)

    def _log_in(self, location: Location, greeting: bytes) -> None:
        if not re.match(rb"\* (OK|PREAUTH)\b", greeting, re.IGNORECASE):
            raise self._lost(f"its greeting is {greeting[:60]!r}")
        try:
            if not greeting.upper().startswith(b"* PREAUTH"):
                self._authenticate(location)
        except Refused as refusal:
            mend = f"check user and password. {URL_HELP}"
            text = f"the server at {self._where} refuses the login of {location.user!r}: {refusal}"
            raise CouldNotRun(text, mend) from None
        self.offers = self._capabilities()

    def _authenticate(self, location: Location) -> None:
        """LOGIN, or AUTHENTICATE PLAIN (RFC 4616) where it is disabled or cannot carry the password."""
        user, password = location.user.encode(), location.password.encode()
        offers = self._capabilities()
        quotable = (user + password).isascii() and not re.search(rb"[\r\n\0]", user + password)
        if b"LOGINDISABLED" in offers or (not quotable and b"AUTH=PLAIN" in offers):
            self.command(b"AUTHENTICATE PLAIN", base64.b64encode(b"\0" + user + b"\0" + password))
        else:
            self.command(b"LOGIN " + quote(user) + b" " + quote(password))

    def _capabilities(self) -> set[bytes]:
        return {each.upper() for unit in self.command(b"CAPABILITY") for each in unit.split()}

    def command(self, line: bytes, following: bytes | None = None) -> list[bytes]:
        """The untagged responses to a command; `following` is sent when the server asks for it.

        Raises `Refused` for NO and BAD, `ServerLost` where no answer comes.
        """
        self._begin()
        self._tags += 1
        tag, untagged = b"S%d" % self._tags, list[bytes]()
        self._send(tag + b" " + line + b"\r\n")
        while True:
            unit = self._unit()
            if unit.startswith(b"+") and following is not None:
                self._send(following + b"\r\n")
            elif unit.startswith(tag + b" "):
                break
            untagged.append(unit)
        status, _, text = unit[len(tag) + 1 :].partition(b" ")
        if status.upper() != b"OK":
            told = text.decode("utf-8", "replace").strip()
            raise Refused(f"{status.decode('ascii', 'replace')} {told} (to {line.split(b' ')[0].decode('ascii')})")
        return untagged

    def append(self, name: bytes, flags: str, octets: bytes) -> None:
        """Store an object."""
        line = b"APPEND " + name + b" (" + flags.encode("ascii") + b") {%d}" % len(octets)
        self.command(line, octets)

    def _send(self, octets: bytes) -> None:
        try:
            self._socket.settimeout(self._left())
            self._socket.sendall(octets)
        except OSError as error:
            raise self._lost(error) from error

    def _left(self) -> float:
        return max(0.01, self._end - time.monotonic())

    def _unit(self) -> bytes:
        while not self._units:
            try:
                self._socket.settimeout(self._left())
                octets = self._socket.recv(CHUNK)
            except OSError as error:
                raise self._lost(error) from error
            if not octets:
                raise self._lost("it closed the connection")
            self._units += self._framer.feed(octets)
        return self._units.pop(0)

    def close(self) -> None:
        """Log out as far as the server lets us, and close."""
        self._seconds = min(2.0, self._seconds)
        try:
            self.command(b"LOGOUT")
        except (CouldNotRun, Refused):
            pass
        finally:
            self._socket.close()
