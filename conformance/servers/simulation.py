"""The suite's own reference server without sockets or threads: its clients are in the same process and thread."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from conformance.imap.errors import ConnectionLost
from conformance.imap.memory import EngineLink, MemoryEndpoint
from conformance.reference.server.accounts import Clock
from conformance.reference.server.server import ReferenceServer
from conformance.servers.protocol import Account
from conformance.servers.reference import ReferenceStorageServer

_FIRST_DATE = datetime(2024, 3, 4, 10, 15, tzinfo=UTC)


def steady_clock(start: datetime = _FIRST_DATE, step: timedelta = timedelta(seconds=1)) -> Clock:
    """A clock that shows the same dates every time: it goes on by one step whenever it is looked at."""
    looks = itertools.count()
    return lambda: start + next(looks) * step


class SimulatedServer(ReferenceStorageServer):
    """A `ReferenceServer` that is not started: connections to its accounts are made in memory.

    Two accounts answer the same commands with the same octets, dates included, unless a `clock` is given.
    """

    name = "simulation"

    def __init__(self, server: ReferenceServer | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(server)
        self._clock = clock
        self._is_up = False
        self._links: list[EngineLink] = []
        self._failures: list[Exception] = []

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Self:
        """The server that behaves as described, and tells the time. Raises `UsageProblem`."""
        server = ReferenceStorageServer.from_options(options).server
        return cls(server, clock=server.accounts.clock)

    def __enter__(self) -> Self:
        self._is_up = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_up = False
        for each in self._links:
            each.end(reset=False)
        failures, self._links, self._failures = self._failures, [], []
        if failures:
            raise RuntimeError("a connection of the simulated server failed") from failures[0]

    def identify(self) -> str:
        """For instance `conformance reference server 0.1.0, simulated`."""
        return f"{super().identify()}, simulated"

    def fresh_account(self) -> Account:
        """A new account with an empty INBOX."""
        self.server.accounts.clock = self._clock or steady_clock()
        return Account(MemoryEndpoint(link=self._link), self.server.add_account())

    def _link(self) -> EngineLink:
        if not self._is_up:
            raise ConnectionLost("the simulated server is not up; use it in a with block")
        link = EngineLink(self.server.connect(), self._failures.append)
        self._links = [*(each for each in self._links if not each.closed), link]
        return link
