"""One reference server behind a recording proxy, over sockets or in memory, for tests that both ways are the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from conformance.imap.interception import Interceptor
from conformance.imap.proxies import Proxy, proxy_before
from conformance.imap.transcript import Transcript
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.servers.protocol import Account
from conformance.servers.reference import ReferenceStorageServer
from conformance.servers.simulation import SimulatedServer, steady_clock

Transport = Literal["sockets", "memory"]
TRANSPORTS: tuple[Transport, ...] = ("sockets", "memory")


@dataclass(frozen=True)
class Way:
    """A proxy before a fresh account, whose own endpoint leads past the proxy."""

    proxy: Proxy
    account: Account
    transcript: Transcript = field(default_factory=Transcript)

    def told(self) -> list[tuple[str, str, bytes]]:
        """Connection, direction and octets of all that was recorded, but for addresses.

        Connections come one after the other and the ends of their sides last: over sockets either may be first.
        """
        found = [(each.connection, each.direction, _without_address(each.octets)) for each in self.transcript.entries()]
        return sorted(found, key=lambda each: (each[0], each[2] if each[2].endswith(b"has ended its side") else b""))

    def notes(self) -> list[bytes]:
        """The notes of the proxy."""
        return [each.octets for each in self.transcript.entries() if each.direction == "!"]

    def commands(self) -> list[bytes]:
        """The commands that were recorded."""
        return [each.octets for each in self.transcript.entries() if each.direction == "C"]


def _without_address(octets: bytes) -> bytes:
    return b"opened" if octets.startswith(b"opened to ") else octets


@contextmanager
def way(
    transport: Transport,
    intercept: Interceptor | None = None,
    *,
    hide: frozenset[str] = frozenset(),
    behaviour: Behaviour | None = None,
) -> Iterator[Way]:
    """A server with one account and the same dates every time."""
    server = ReferenceServer(behaviour)
    server.accounts.clock = steady_clock()
    simulated, transcript = transport == "memory", Transcript()
    with SimulatedServer(server) if simulated else ReferenceStorageServer(server) as adapter:
        account = adapter.fresh_account()
        transcript.protect(account.credentials.password)
        proxy = proxy_before(account.endpoint, transcript)
        proxy.intercept, proxy.hide = intercept, hide
        with proxy:
            yield Way(proxy, account, transcript)
            assert proxy.wait_idle(5.0)
