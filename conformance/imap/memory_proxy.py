"""The recording proxy in front of a server in memory: what `RecordingProxy` does, in the client's own thread."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

from conformance.imap.endpoint import Credentials
from conformance.imap.errors import ImapProblem
from conformance.imap.interception import Interceptor
from conformance.imap.memory import Link, MemoryEndpoint, reset_by_peer
from conformance.imap.recorder import Recorder
from conformance.imap.relay_core import CLOSED, RelayCore
from conformance.imap.transcript import Transcript


class MemoryProxy:
    """Relays to `upstream`; its connections are `client-1`, `client-2` and so on.

    `intercept` and `hide` take effect with the next connection and mean what they mean to `RecordingProxy`. An
    interceptor is called in the middle of the client's own sending or reading, and may use any other connection.
    """

    def __init__(
        self,
        upstream: MemoryEndpoint,
        transcript: Transcript,
        *,
        name: str = "client",
        intercept: Interceptor | None = None,
        hide: Iterable[str] = (),
    ) -> None:
        self.upstream, self.transcript, self.name, self.intercept = upstream, transcript, name, intercept
        self.hide = frozenset(pattern.upper() for pattern in hide)
        self.connections = 0
        self.door: Credentials | None = None
        self.problems: list[Exception] = []
        self._open: list[_Relayed] = []
        self._endpoint: MemoryEndpoint | None = None

    @property
    def endpoint(self) -> MemoryEndpoint:
        """Where clients connect; raises `ValueError` when the proxy is not started."""
        if self._endpoint is None:
            raise ValueError("the proxy is not started; use it in a with block or call start()")
        return self._endpoint

    def start(self) -> MemoryProxy:
        """Begin to take connections."""
        self._endpoint = MemoryEndpoint(link=self._link)
        return self

    def stop(self) -> None:
        """Cut every connection and take no more; safe to repeat."""
        self._endpoint = None
        for each in self._still_open():
            each.stop()

    def wait_idle(self, timeout: float) -> bool:  # noqa: ARG002
        """Whether no connection is open. There is nothing to wait for: nobody else does anything meanwhile."""
        return not self._still_open()

    def _still_open(self) -> list[_Relayed]:
        self._open = [each for each in self._open if not each.finished]
        return self._open

    def _link(self) -> Link:
        self.connections += 1
        recorder = Recorder(self.transcript, f"{self.name}-{self.connections}")
        recorder.note(f"opened to {self.upstream.host}:{self.upstream.port}")
        try:
            if self._endpoint is None:
                raise ImapProblem("the proxy was stopped")
            server = self.upstream.link()
        except ImapProblem as error:
            recorder.closed(f"cut: {error}")
            return _Refused()
        core = RelayCore(recorder, intercept=self.intercept, hide=self.hide)
        relayed = _Relayed(core, server, self.problems)
        self._open.append(relayed)
        return relayed

    def __enter__(self) -> MemoryProxy:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Refused:
    """A connection that is reset at once."""

    closed = cut = True

    def greeting(self) -> bytes:
        return b""

    def receive(self, octets: bytes, *, unread: bool = False) -> bytes:  # noqa: ARG002
        return b""

    def pending(self) -> bytes:
        return b""

    def end(self, *, reset: bool) -> None:
        """It is over already."""


class _Relayed:
    """A connection to the server with a relay in between."""

    def __init__(self, core: RelayCore, server: Link, problems: list[Exception]) -> None:
        self._core, self._server, self._problems = core, server, problems
        self.finished = False

    @property
    def closed(self) -> bool:
        return self._core.over is not None or self._core.down.ended

    @property
    def cut(self) -> bool:
        return self._core.is_cut

    def greeting(self) -> bytes:
        return self._relayed(from_server=self._server.greeting())

    def receive(self, octets: bytes, *, unread: bool = False) -> bytes:
        return self._relayed(from_client=octets, unread=unread)

    def pending(self) -> bytes:
        return b"" if self.closed else self._relayed(from_server=self._server.pending())

    def _relayed(self, *, from_client: bytes = b"", from_server: bytes = b"", unread: bool = False) -> bytes:
        """What the client gets."""
        core = self._core
        if self.finished:
            return b""
        try:
            if from_client:
                core.take(core.up, from_client, unread=unread)
            self._take_from_server(from_server)
            while core.up.output and core.over is None:
                self._take_from_server(self._server.receive(core.up.take_output()))
        except Exception as error:  # whatever an interceptor raises must not be taken for the client's own failure
            self._problems.append(error)
            core.fail(error)
        if core.over is not None:
            return self._last_words()
        return core.down.take_output()

    def _take_from_server(self, octets: bytes) -> None:
        core = self._core
        if octets:
            core.take(core.down, octets)
        if core.over is None and self._server.closed and not core.down.ended:
            core.end(core.down)

    def _last_words(self) -> bytes:
        core = self._core
        if core.last is core.up:
            self._server.receive(core.up.take_output())
        self._finish()
        return core.down.take_output() if core.last is core.down else b""

    def end(self, *, reset: bool) -> None:
        core = self._core
        if self.finished:
            return
        if reset:
            core.reset(core.up, str(reset_by_peer()))
        else:
            self._end_in_order()
        self._finish()

    def _end_in_order(self) -> None:
        core = self._core
        core.end(core.up)
        if core.up.output:
            self._server.receive(core.up.take_output())
        self._server.end(reset=False)
        if not core.down.ended:
            core.end(core.down)

    def stop(self) -> None:
        """Reset both sides."""
        self._core.over = "cut: the proxy was stopped"
        self._finish()

    def _finish(self) -> None:
        self.finished = True
        self._core.abandon()
        self._server.end(reset=self._core.is_cut)
        self._core.recorder.closed(self._core.over or CLOSED)
