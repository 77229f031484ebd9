"""A connection without sockets: a client and a server in one thread, where whatever is sent is answered at once.

Nothing ever waits. Who reads where nothing is to come has waited in vain, and is told of a timeout immediately.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from conformance.imap.endpoint import Endpoint

_LINGER = struct.Struct("ii")
Buffer = bytes | bytearray | memoryview


class Engine(Protocol):
    """The server's side of one connection without any I/O, such as `ServerConnection` of the reference server."""

    closed: bool

    def greeting(self) -> bytes:
        """What the server says first."""
        ...

    def receive(self, data: bytes, /) -> bytes:
        """Take octets of the client; what the server says to them."""
        ...

    def pending(self) -> bytes:
        """What the server says without being asked."""
        ...

    def close(self) -> None:
        """The client is gone."""
        ...


class Link(Protocol):
    """What is behind the client's end of a connection.

    `closed` tells that nothing more comes, `cut` that this is so because the connection was reset.
    """

    @property
    def closed(self) -> bool: ...

    @property
    def cut(self) -> bool: ...

    def greeting(self) -> bytes:
        """What comes first."""
        ...

    def receive(self, octets: bytes, *, unread: bool = False) -> bytes:
        """Octets of the client; what comes back. `unread` tells that it has not read all that came before."""
        ...

    def pending(self) -> bytes:
        """What comes unasked."""
        ...

    def end(self, *, reset: bool) -> None:
        """The client sends no more, in order or by a reset; safe to repeat."""
        ...


class EngineLink:
    """An engine itself. One that raises an error ends this connection only; `failed` is told, as nobody else is."""

    def __init__(self, engine: Engine, failed: Callable[[Exception], None]) -> None:
        self._engine, self._failed = engine, failed

    @property
    def closed(self) -> bool:
        return self._engine.closed

    @property
    def cut(self) -> bool:
        return False

    def greeting(self) -> bytes:
        return self._engine.greeting()

    def receive(self, octets: bytes, *, unread: bool = False) -> bytes:  # noqa: ARG002
        return b"" if self._engine.closed else self._said(lambda: self._engine.receive(octets))

    def pending(self) -> bytes:
        return b"" if self._engine.closed else self._said(self._engine.pending)

    def _said(self, ask: Callable[[], bytes]) -> bytes:
        try:
            return ask()
        except Exception as error:  # whatever it is, the other connections go on
            self._engine.close()
            self._failed(error)
            return b""

    def end(self, *, reset: bool) -> None:  # noqa: ARG002
        if not self._engine.closed:
            self._engine.close()


class MemorySocket:
    """The client's end of a connection, to be used like a socket.

    `recv` gives what is there, else `b""` after the end, and raises `ConnectionResetError` after a cut; where nothing
    is to come it raises `TimeoutError` at once, whatever the timeout is.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._inbox = bytearray(link.greeting())
        self._is_open = True
        self._resets = False

    def sendall(self, octets: Buffer, /) -> None:
        """Give the server octets. A server that has closed hears nothing of them."""
        self._require_open()
        if self._link.cut:
            raise reset_by_peer()
        self._inbox += self._link.receive(bytes(octets), unread=bool(self._inbox))

    def send(self, octets: Buffer, /) -> int:
        """Give the server all octets; returns how many these are."""
        self.sendall(octets)
        return len(octets)

    def recv(self, size: int, /) -> bytes:
        """At most `size` octets."""
        self._require_open()
        if not self._inbox:
            self._inbox += self._link.pending()
        if self._inbox:
            octets = bytes(self._inbox[:size])
            del self._inbox[:size]
            return octets
        if self._link.cut:
            raise reset_by_peer()
        if self._link.closed:
            return b""
        raise TimeoutError("nothing is to come")

    def settimeout(self, seconds: float | None, /) -> None:
        """Nothing is ever waited for."""

    def setsockopt(self, level: int, name: int, value: int | bytes, /) -> None:
        """Of all options only SO_LINGER means something here: whether `close` is a reset."""
        if (level, name) == (socket.SOL_SOCKET, socket.SO_LINGER) and isinstance(value, bytes):
            self._resets = _LINGER.unpack(value) == (1, 0)

    def getsockopt(self, level: int, name: int, /) -> int:  # noqa: ARG002
        """No option has a value here."""
        return 0

    def shutdown(self, how: int, /) -> None:
        """End the stream to the server, which then ends its own."""
        self._require_open()
        if how != socket.SHUT_RD:
            self._link.end(reset=False)

    def close(self) -> None:
        """End the connection; safe to repeat."""
        if self._is_open:
            self._is_open = False
            self._link.end(reset=self._resets)

    def _require_open(self) -> None:
        if not self._is_open:
            raise OSError(errno.EBADF, "the connection is closed on this side")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEndpoint(Endpoint):
    """A server in this process; `link` begins a connection to it. Host and port are only told, never used."""

    host: str = "memory"
    port: int = 0
    link: Callable[[], Link] = field(repr=False)

    def connect(self) -> MemorySocket:
        """A connection that was greeted already. Raises an `ImapProblem` where the server is not there."""
        return MemorySocket(self.link())


def reset_by_peer() -> ConnectionResetError:
    """The error of a socket whose other side broke the connection off."""
    return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
