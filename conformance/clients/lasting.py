"""The reference client with local storage that outlives its process, for those who start it again on what is left."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from conformance.clients.reference import ReferenceClient
from conformance.problems import AdapterProblem
from conformance.reference.client.client import Client
from conformance.servers.protocol import Account


@runtime_checkable
class Lasting(Protocol):
    """What an adapter offers besides whose local storage can be taken up by another process."""

    def keep_in(self, directory: Path) -> None:
        """Keep local storage in this directory; told before the adapter is entered."""
        ...

    def resume(self, account: Account) -> None:
        """Go on with the local storage that is there, and with this account."""
        ...


class LastingReferenceClient(ReferenceClient):
    """The reference client in a directory that is somebody else's to remove."""

    def keep_in(self, directory: Path) -> None:
        """Keep local storage there."""
        self._directory = directory / "local-storage"

    def __enter__(self) -> Self:
        if self._directory is None:
            raise AdapterProblem("the reference client has no place to keep its storage", "call keep_in(directory)")
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._client = Client(self._directory, synchronizer=self.synchronizer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._client is not None:
            self._client.close()
        self._client = None

    def resume(self, account: Account) -> None:
        """Go on with what the directory holds."""
        self._account = account
