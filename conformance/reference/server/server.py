"""The reference server on a loopback port: one background thread, one selector, any number of connections."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.reference.server.accounts import Account, Accounts
from conformance.reference.server.behaviour import Behaviour
from conformance.reference.server.engine import ServerConnection

_CHUNK = 256 * 1024
_JOIN_SECONDS = 1.0

ConnectionFactory = Callable[..., ServerConnection]


@dataclass(eq=False, slots=True)
class _Peer:
    """A socket, the connection it carries, and what could not be sent yet."""

    socket: socket.socket
    engine: ServerConnection
    unsent: bytearray = field(default_factory=bytearray)


class ReferenceServer:
    """An in-process IMAP server. Use it as a context manager, or call `start` and `stop`.

    `accounts` may be given to share or replace a store; `connection` makes the engine of each connection, called as
    `connection(accounts, behaviour, on_wake=...)`. Its methods may be called from any thread.
    """

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        accounts: Accounts | None = None,
        connection: ConnectionFactory = ServerConnection,
    ) -> None:
        self.behaviour = behaviour if behaviour is not None else Behaviour()
        self.accounts = accounts if accounts is not None else Accounts(self.behaviour)
        self.host = "127.0.0.1"
        self.port = 0
        self._connection = connection
        self._thread: threading.Thread | None = None

    def __enter__(self) -> ReferenceServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def greeting(self) -> bytes:
        """The line every connection is greeted with."""
        return self.connect().greeting()

    @property
    def endpoint(self) -> Endpoint:
        """Where the server listens. Raises RuntimeError before `start`."""
        if self._thread is None:
            raise RuntimeError("the server is not running; call start() first")
        return Endpoint(self.host, self.port)

    def start(self) -> None:
        """Listen on a free port; connections are accepted from here on. Raises RuntimeError when running already."""
        if self._thread is not None:
            raise RuntimeError("the server is running; stop it first")
        loop = _Loop(lambda wake: self._connection(self.accounts, self.behaviour, on_wake=wake))
        self.port = loop.port
        self._loop = loop
        self._thread = threading.Thread(target=loop.run, name="reference-server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and end the thread, within a second. Does nothing when not running.

        Raises RuntimeError when a connection ended by an error of the server's own, which is then the cause.
        """
        if self._thread is None:
            return
        self._loop.stop()
        self._thread.join(_JOIN_SECONDS)
        if self._thread.is_alive():
            raise RuntimeError(f"the server thread did not end within {_JOIN_SECONDS} s")
        self._thread = None
        if self._loop.failures:
            raise RuntimeError("a connection of the reference server failed") from self._loop.failures[0]

    def connect(self) -> ServerConnection:
        """A connection without a socket, to the same accounts; the server need not run."""
        return self._connection(self.accounts, self.behaviour)

    def add_account(self, user: str | None = None, password: str | None = None) -> Credentials:
        """A new account with an empty INBOX; see `Accounts.add`."""
        return self.accounts.add(user, password)

    def drop_account(self, user: str) -> None:
        """Remove an account; see `Accounts.drop`."""
        self.accounts.drop(user)

    def account(self, user: str) -> Account:
        """The account of a user, to look at or change while holding `accounts.lock`."""
        return self.accounts.account(user)

    def set_read_only(self, user: str, folder: str, read_only: bool) -> None:  # noqa: FBT001
        """Allow or forbid changes of a folder; see `Accounts.set_read_only`."""
        self.accounts.set_read_only(user, folder, read_only)

    def renew_uid_validity(self, user: str, folder: str) -> None:
        """Give a folder a greater UIDVALIDITY and new UIDs; see `Accounts.renew_uid_validity`."""
        self.accounts.renew_uid_validity(user, folder)

    def set_quota(self, user: str, octets: int | None) -> None:
        """Bound the octets of an account; see `Accounts.set_quota`."""
        self.accounts.set_quota(user, octets)


class _Loop:
    """The selector loop. Everything but `stop` and the wake-ups runs in its own thread."""

    def __init__(self, connect: Callable[[Callable[[], None]], ServerConnection]) -> None:
        self._connect = connect
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.settimeout(0)
        self.port: int = self._listener.getsockname()[1]
        self._doorbell, self._bell = socket.socketpair()
        self._doorbell.settimeout(0)
        self._bell.settimeout(0)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._doorbell, selectors.EVENT_READ, self._answer_bell)
        self._peers: set[_Peer] = set()
        self._awake: set[_Peer] = set()
        self._thread: int | None = None
        self._stopping = False
        self.failures: list[Exception] = []

    def run(self) -> None:
        """Serve until stopped."""
        self._thread = threading.get_ident()
        try:
            while not self._stopping:
                for key, _ in self._selector.select():
                    if isinstance(key.data, _Peer):
                        self._serve(key.data)
                    else:
                        key.data()
                while self._awake:
                    self._push(self._awake.pop())
        finally:
            self._close_all()

    def stop(self) -> None:
        """End `run` soon; callable from any thread."""
        self._stopping = True
        self._ring()

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # then the bell is ringing already, or nobody is there to hear it
            self._bell.send(b"!")

    def _answer_bell(self) -> None:
        self._doorbell.recv(_CHUNK)

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except OSError:
            return  # the client has gone again
        accepted.settimeout(0)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = _Peer(accepted, self._connect(lambda: self._wake(peer)))
        self._peers.add(peer)
        self._selector.register(accepted, selectors.EVENT_READ, peer)
        self._send(peer, peer.engine.greeting())

    def _wake(self, peer: _Peer) -> None:
        self._awake.add(peer)
        if threading.get_ident() != self._thread:
            self._ring()

    def _serve(self, peer: _Peer) -> None:
        if peer.unsent:
            self._send(peer, b"")
            return
        try:
            data = peer.socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(peer)
            return
        self._reply(peer, lambda: peer.engine.receive(data))

    def _push(self, peer: _Peer) -> None:
        if peer in self._peers:
            self._reply(peer, peer.engine.pending)

    def _reply(self, peer: _Peer, answer: Callable[[], bytes]) -> None:
        """Send what the engine says. Its failure ends this connection only, and is reported by `stop`."""
        try:
            octets = answer()
        except Exception as failure:  # whatever it is, the other connections go on
            self.failures.append(failure)
            self._close(peer)
        else:
            self._send(peer, octets)

    def _send(self, peer: _Peer, data: bytes) -> None:
        """Send what can be sent; while something is left nothing more is read from this client."""
        waited = bool(peer.unsent)
        try:
            if waited:
                peer.unsent += data
                del peer.unsent[: peer.socket.send(peer.unsent)]
            elif data:
                sent = peer.socket.send(data)
                if sent < len(data):
                    peer.unsent += memoryview(data)[sent:]
        except BlockingIOError:
            if not waited:
                peer.unsent += data
        except OSError:
            self._close(peer)
            return
        if bool(peer.unsent) != waited:
            events = selectors.EVENT_WRITE if peer.unsent else selectors.EVENT_READ
            self._selector.modify(peer.socket, events, peer)
        if peer.engine.closed and not peer.unsent:
            self._close(peer)

    def _close(self, peer: _Peer) -> None:
        if peer in self._peers:
            self._peers.discard(peer)
            self._selector.unregister(peer.socket)
            peer.socket.close()
            peer.engine.close()

    def _close_all(self) -> None:
        for peer in tuple(self._peers):
            if not peer.unsent and not peer.engine.closed:
                self._send(peer, peer.engine.farewell("the server stops"))
            self._close(peer)
        self._listener.close()
        self._selector.close()
        self._doorbell.close()
        self._bell.close()
