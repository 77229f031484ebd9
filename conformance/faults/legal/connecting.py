"""Clients that connect otherwise: with several connections, again after a failure, or that add to what they store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Self
from weakref import WeakKeyDictionary

from conformance.clients.protocol import ClientIdentity, SyncResult
from conformance.clients.simulation import SimulatedClient
from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.recorder import Recorder
from conformance.imap.session import FetchedObject, StorageSession
from conformance.model.equality import Equality
from conformance.model.folders import FolderPath
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import digest
from conformance.reference.client.matching import Orphans
from conformance.reference.client.memory import MemoryClient
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer


class TriesAgain(SimulatedClient):
    """A failed synchronization is tried once more at once, within the same run."""

    def _synchronize(self, endpoint: Endpoint, timeout: float) -> SyncResult:
        first = super()._synchronize(endpoint, timeout)
        return first if first.success else super()._synchronize(endpoint, timeout)


_doors: WeakKeyDictionary[StorageSession, tuple[Endpoint, Credentials]] = WeakKeyDictionary()


class _Connecting(MemoryClient):
    """Remembers where each of its sessions leads."""

    @contextmanager
    def _session(
        self, endpoint: Endpoint, credentials: Credentials, timeout: float, recorder: Recorder | None
    ) -> Iterator[StorageSession]:
        with super()._session(endpoint, credentials, timeout, recorder) as session:
            _doors[session] = endpoint, credentials
            yield session


class SeveralConnections(SimulatedClient):
    """Makes a further connection for each folder, while the first one stays open."""

    def __enter__(self) -> Self:
        self._client = _Connecting(synchronizer=self.synchronizer)
        return self


class AConnectionAFolder(Synchronizer):
    """Synchronizes each folder over a connection of its own."""

    def synchronize_folder(self, path: FolderPath) -> None:
        whole = self.context
        with StorageSession.open(*_doors[whole.session]) as session:
            self.context = replace(whole, session=session)
            try:
                super().synchronize_folder(path)
            finally:
                self.context = whole


class AddsHeader(ObjectStep):
    """Adds a header field of its own to every object that it stores, on either side."""

    FIELD = b"X-Client-ID: 1\r\n"

    def _receive(self, each: FetchedObject, orphans: Orphans) -> None:
        super()._receive(replace(each, octets=each.octets.removeprefix(self.FIELD)), orphans)

    def download(self, each: FetchedObject) -> None:
        super().download(replace(each, octets=self.FIELD + each.octets))
        row = next(row for row in self.rows.values() if row.uid == each.uid)
        self._know(replace(row, digest=digest(each.octets), size=len(each.octets)))

    def store_one(self, row: BaseObject) -> bool:
        session = self.context.session
        plain = session.store_object
        session.store_object = lambda name, octets, **more: plain(name, self.FIELD + octets, **more)  # type: ignore[method-assign]
        try:
            return super().store_one(row)
        finally:
            del session.store_object


class ComparesContent(SimulatedClient):
    """A client whose adapter declares that objects are the same if headers that name them and content are."""

    def hello(self) -> ClientIdentity:
        return replace(super().hello(), equality=Equality.MIME)
