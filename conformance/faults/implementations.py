"""From a hook to running implementations: in memory wherever that will do, on loopback where sockets or time matter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from conformance.clients.protocol import StorageClient, SyncResult
from conformance.clients.reference import ReferenceClient
from conformance.clients.registry import open_client
from conformance.clients.simulation import SimulatedClient
from conformance.faults.catalogue import Fault
from conformance.faults.hooks import ClientHook, Hook, Rewrite, faulty
from conformance.imap.endpoint import Endpoint
from conformance.imap.memory import Link, MemoryEndpoint
from conformance.problems import Problem
from conformance.scenario.stage import Bounds, Stage
from conformance.servers.protocol import StorageServer
from conformance.servers.registry import open_server
from conformance.servers.simulation import SimulatedServer, steady_clock
from conformance.spec import Role

BOUNDS = Bounds(synchronize=10.0, answer=5.0, reaction=1.5)
"""How long a fault on loopback is waited for; it may keep an implementation from ever answering."""


class ProgramMissing(Exception):
    """The real program of a fault is not installed, or does not run here."""


@contextmanager
def staged(fault: Fault, hook: Hook | ClientHook | None, *, is_wrong: bool = True) -> Iterator[Stage]:
    """The stage on which a fault is tried: with its hook, or a real program whose settings are wrong, or as they were.

    Raises `ProgramMissing`.
    """
    with ExitStack() as up:
        if hook is None:
            yield _programs(fault, up, is_wrong=is_wrong)
            return
        of_server = hook if isinstance(hook, Hook) else hook.server
        server = up.enter_context(_server(of_server, on_loopback=fault.loopback))
        client = _client(hook, on_loopback=fault.loopback) if isinstance(hook, ClientHook) else None
        yield Stage(server, up.enter_context(client) if client else None, bounds=BOUNDS)


def _server(hook: Hook, *, on_loopback: bool) -> StorageServer:
    return faulty(hook) if on_loopback else in_memory(hook)


def in_memory(hook: Hook) -> SimulatedServer:
    """A server with a hook in memory, whose clock is right at first and then goes on whenever it is looked at."""
    clock = steady_clock(datetime.now(UTC).replace(microsecond=0), timedelta(milliseconds=1))
    return SimulatedServer(faulty(hook).server, clock=clock)


def _client(hook: ClientHook, *, on_loopback: bool) -> StorageClient:
    if on_loopback:
        return ReferenceClient(hook.synchronizer, background=hook.background)
    return RewritingClient(hook)


def _programs(fault: Fault, up: ExitStack, *, is_wrong: bool) -> Stage:
    options = dict(fault.options) if is_wrong else {}
    of_client = fault.role is Role.CLIENT
    try:
        server = up.enter_context(open_server(fault.server, {} if of_client else options))
        client = open_client(fault.client or "none", options if of_client else {})
        return Stage(server, up.enter_context(client) if client else None, bounds=BOUNDS)
    except Problem as problem:
        raise ProgramMissing(str(problem)) from problem


class RewritingClient(SimulatedClient):
    """A simulated client, between which and the wire a fault may change what is sent and heard."""

    def __init__(self, hook: ClientHook) -> None:
        super().__init__(hook.synchronizer)
        self._hook = hook

    def _synchronize(self, endpoint: Endpoint, timeout: float) -> SyncResult:
        if not isinstance(endpoint, MemoryEndpoint):
            return super()._synchronize(endpoint, timeout)
        sends, hears = self._hook.sends or bytes, self._hook.hears or bytes
        return super()._synchronize(replace(endpoint, link=lambda: _Rewritten(endpoint.link(), sends, hears)), timeout)


class _Rewritten:
    """A connection on which one end says and hears other octets than it means to and is sent."""

    def __init__(self, link: Link, sends: Rewrite, hears: Rewrite) -> None:
        self._link, self._sends, self._hears = link, sends, hears

    @property
    def closed(self) -> bool:
        return self._link.closed

    @property
    def cut(self) -> bool:
        return self._link.cut

    def greeting(self) -> bytes:
        return self._hears(self._link.greeting())

    def receive(self, octets: bytes, *, unread: bool = False) -> bytes:
        return self._hears(self._link.receive(self._sends(octets), unread=unread))

    def pending(self) -> bytes:
        return self._hears(self._link.pending())

    def end(self, *, reset: bool) -> None:
        self._link.end(reset=reset)
