"""The recording proxy before any server: over sockets, or in memory where the server is."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.interception import Interceptor
from conformance.imap.memory import MemoryEndpoint
from conformance.imap.memory_proxy import MemoryProxy
from conformance.imap.proxy import RecordingProxy
from conformance.imap.transcript import Transcript


class Proxy(Protocol):
    """What both proxies have in common; a context manager.

    `intercept` and `hide` (capabilities, in capitals) take effect with the next connection. `connections` counts all
    there were, `problems` holds what interceptors raised. `door` is what clients log in with where the proxy has logged
    in to the server for them.
    """

    intercept: Interceptor | None
    hide: frozenset[str]
    connections: int
    problems: list[Exception]
    transcript: Transcript
    door: Credentials | None

    @property
    def endpoint(self) -> Endpoint:
        """Where clients connect; raises `ValueError` when the proxy is not started."""
        ...

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no connection is open, at most `timeout` seconds; whether that came true."""
        ...

    def __enter__(self) -> Proxy: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def proxy_before(
    upstream: Endpoint,
    transcript: Transcript,
    *,
    name: str = "client",
    host: str = "127.0.0.1",
    logs_in_as: Credentials | None = None,
) -> Proxy:
    """The proxy before this server, not started yet; one over sockets listens on `host`.

    With `logs_in_as` it logs in to the server itself, see `RecordingProxy`; a server in memory takes every password.
    """
    if isinstance(upstream, MemoryEndpoint):
        return MemoryProxy(upstream, transcript, name=name)
    return RecordingProxy(upstream, transcript, name=name, host=host, logs_in_as=logs_in_as)
