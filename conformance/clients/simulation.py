"""The adapter of the reference client in a simulation: all of it in memory and in the thread of its user."""

from __future__ import annotations

from threading import Event
from types import TracebackType
from typing import Self

from conformance.clients.embedded import EmbeddedClient
from conformance.imap.memory import MemoryEndpoint
from conformance.imap.mortal import Killed, mortal
from conformance.imap.transcript import Transcript
from conformance.problems import AdapterProblem
from conformance.reference.client.memory import MemoryClient
from conformance.reference.client.synchronizer import Synchronizer


class SimulatedClient(EmbeddedClient):
    """The reference client with local storage and base in memory, before any server.

    It does not run by itself, which needs a thread and time. Before a server in memory it can be killed.
    """

    def __init__(self, synchronizer: type[Synchronizer] = Synchronizer, transcript: Transcript | None = None) -> None:
        super().__init__(synchronizer, transcript)
        self._client: MemoryClient | None = None

    def __enter__(self) -> Self:
        self._client = MemoryClient(synchronizer=self.synchronizer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None

    @property
    def client(self) -> MemoryClient:
        """The client itself, with its local storage and base. Raises `AdapterProblem` outside the `with` block."""
        if self._client is None:
            raise AdapterProblem("the reference client is not started", "Use it as a context manager.")
        return self._client

    def synchronize_and_kill(self, moment: Event, timeout: float) -> bool:
        """One synchronization that ends in the middle of the client's code once `moment` is set and it sends or waits.

        Local storage and base stay as they are then. Returns False where it ended before. Raises `AdapterProblem` for
        an account whose server is not in memory.
        """
        endpoint = self._known_account().endpoint
        if not isinstance(endpoint, MemoryEndpoint):
            mend = "Use ReferenceClient, which has a process that can be killed, or a simulated server."
            raise AdapterProblem("the simulated client can be killed before a server in memory only", mend)
        try:
            self._synchronize(mortal(endpoint, moment), timeout)
        except Killed:
            return True
        return False
