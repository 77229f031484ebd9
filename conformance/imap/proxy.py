"""A recording proxy in front of a server: octets pass unchanged and at once, units are recorded, faults can be put in.

Only CAPABILITY lists are edited, to hide what would blind the recording (COMPRESS, STARTTLS) and what the caller names.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType

from conformance.imap.door import HIDDEN, Door
from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.errors import ImapProblem
from conformance.imap.interception import Interceptor
from conformance.imap.memory import MemoryEndpoint
from conformance.imap.recorder import Recorder
from conformance.imap.relay import Relay
from conformance.imap.transcript import Transcript
from conformance.imap.wire import WireConnection, connect_over_tcp


class RecordingProxy:
    """Listens on `host` and relays to `upstream`; its connections are `client-1`, `client-2` and so on.

    Clients speak plain IMAP to it; TLS to the server is the proxy's (`tls` overrides what the endpoint says). So is the
    login with `logs_in_as`, if given: clients then log in to the proxy, with the credentials `door`.
    `intercept` is called with the connection's name, `"C"` or `"S"`, and each whole unit, on that connection's thread;
    it returns an action, or None to forward; a `LiteralInterceptor` is asked at literals, too. An error that it raises
    cuts the connection and is kept in `problems`.
    `hide` names capabilities to take out of every list, as shell patterns.
    """

    def __init__(
        self,
        upstream: Endpoint,
        transcript: Transcript,
        *,
        name: str = "client",
        tls: ssl.SSLContext | None = None,
        intercept: Interceptor | None = None,
        hide: Iterable[str] = (),
        timeout: float = 10.0,
        host: str = "127.0.0.1",
        logs_in_as: Credentials | None = None,
    ) -> None:
        if isinstance(upstream, MemoryEndpoint):
            raise ValueError("no socket leads to a server in memory; take the proxy that `proxy_before` gives")
        self.upstream, self.transcript, self.name, self.intercept = upstream, transcript, name, intercept
        self.host = host
        self.hide = frozenset(pattern.upper() for pattern in hide)
        self.connections = 0
        self.problems: list[Exception] = []
        self.door = Credentials(logs_in_as.user, secrets.token_hex(12)) if logs_in_as else None
        self._logs_in_as, self._tls, self._timeout = logs_in_as, tls, timeout
        self._changed = threading.Condition()
        self._open = 0
        self._relays: set[Relay] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Where clients connect; raises `ValueError` when the proxy is not started."""
        if self._listener is None:
            raise ValueError("the proxy is not started; use it in a with block or call start()")
        return Endpoint(self.host, self._listener.getsockname()[1])

    def start(self) -> RecordingProxy:
        """Begin to listen."""
        self._listener = socket.create_server((self.host, 0), backlog=128)
        self._spawn(self._accept, self._listener)
        return self

    def stop(self) -> None:
        """Cut every connection, stop listening, and wait until no thread is left; safe to repeat."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        with self._changed:
            for relay in self._relays:
                relay.stop()
        for thread in list(self._threads):
            thread.join(self._timeout + 5)

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no connection is open, at most `timeout` seconds; whether that came true.

        Then the server has ended its sessions too, or was cut off.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._open == 0, timeout)

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name=f"{self.name}-proxy", daemon=True)
        self._threads = [*(one for one in self._threads if one.is_alive()), thread]
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                self._open += 1
                recorder = Recorder(self.transcript, f"{self.name}-{self.connections}")
            self._spawn(self._serve, client, recorder)

    def _serve(self, client: socket.socket, recorder: Recorder) -> None:
        recorder.note(f"opened to {self.upstream.host}:{self.upstream.port}")
        try:
            server, greeting = self._connect()
        except ImapProblem as error:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            recorder.closed(f"cut: {error}")
        else:
            self._relay(self._relay_of(client, server, recorder), greeting)
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def _relay_of(self, client: socket.socket, server: socket.socket, recorder: Recorder) -> Relay:
        intercept = self.intercept
        if self.door is not None:
            recorder.note("logged in by the proxy; the client logs in to the proxy alone")
            intercept = Door(self.door, intercept)
        return Relay(client, server, recorder, intercept=intercept, hide=self._hidden(), pace=self.upstream.pace)

    def _relay(self, relay: Relay, greeting: bytes) -> None:
        with self._changed:
            self._relays.add(relay)
            if self._listener is None:
                relay.stop()
        try:
            relay.run(greeting)
        except Exception as error:
            # Whatever an interceptor raises must not vanish with its thread.
            self.problems.append(error)
        with self._changed:
            self._relays.discard(relay)

    def _connect(self) -> tuple[socket.socket, bytes]:
        if self.upstream.security == "starttls" or self._logs_in_as:
            wire = WireConnection.open(self.upstream, timeout=self._timeout, tls=self._tls)
            assert isinstance(wire.socket, socket.socket)
            self._log_in(wire)
            return wire.socket, wire.greeting_octets
        return connect_over_tcp(self.upstream, self._timeout, self._tls), b""

    def _log_in(self, wire: WireConnection) -> None:
        if self._logs_in_as is None or wire.greeting.name == "PREAUTH":
            return
        try:
            wire.authenticate(self._logs_in_as)
        except ImapProblem:
            wire.abort()
            raise

    def _hidden(self) -> frozenset[str]:
        """A greeting from before STARTTLS may forbid a login that is allowed by now."""
        if self.door is not None:
            return self.hide | HIDDEN
        return self.hide | ({"LOGINDISABLED"} if self.upstream.security == "starttls" else frozenset())

    def __enter__(self) -> RecordingProxy:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
