"""The two sides of a scenario: whatever is done to one is done to its model and to the real store alike."""

from __future__ import annotations

from collections.abc import Collection

from conformance.clients.protocol import StorageClient, observes_local_storage
from conformance.model.editing import StoreSide, Tell
from conformance.model.equality import Equality
from conformance.model.folders import FolderPath, display
from conformance.model.states import Item, Side
from conformance.scenario.store import ServerStore, find

__all__ = ["LocalSide", "ServerSide", "StoreSide"]


class ServerSide(StoreSide):
    """The server, changed by a second client of the same user."""

    side = Side.SERVER

    def __init__(self, store: ServerStore, tell: Tell) -> None:
        super().__init__(tell)
        self.store = store

    def _create_folder(self, path: FolderPath) -> None:
        if path not in self.store.folders():
            self.store.create_folder(path)

    def _remove_folder(self, path: FolderPath) -> None:
        self.store.remove_folder(path)

    def _rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        self.store.rename_folder(old, new)

    def _put(self, path: FolderPath, items: Collection[Item]) -> None:
        self.store.put(path, *items)

    def _remove(self, path: FolderPath, item: Item) -> None:
        self.store.remove(path, item)

    def _move(self, source: FolderPath, target: FolderPath, item: Item) -> None:
        self.store.move(source, target, item)

    def _set_flags(self, path: FolderPath, item: Item, add: Collection[str], remove: Collection[str]) -> None:
        self.store.set_flags(path, item, add, remove)


class LocalSide(StoreSide):
    """Local storage, changed through the client's adapter as its user would."""

    side = Side.LOCAL

    def __init__(self, client: StorageClient, equality: Equality, tell: Tell) -> None:
        super().__init__(tell)
        self.client, self.equality = client, equality

    def _create_folder(self, path: FolderPath) -> None:
        self.client.create_folder(path)

    def _remove_folder(self, path: FolderPath) -> None:
        self.client.remove_folder(path)

    def _rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        self.client.rename_folder(old, new)

    def _put(self, path: FolderPath, items: Collection[Item]) -> None:
        for item in items:
            self.client.put(path, item.content.octets, item.flags)

    def _remove(self, path: FolderPath, item: Item) -> None:
        self.client.remove(path, self._handle(path, item))

    def _move(self, source: FolderPath, target: FolderPath, item: Item) -> None:
        self._put(target, [item])
        self._remove(source, item)

    def _set_flags(self, path: FolderPath, item: Item, add: Collection[str], remove: Collection[str]) -> None:
        self.client.set_metadata(path, self._handle(path, item), frozenset(add), frozenset(remove))

    def _handle(self, path: FolderPath, item: Item) -> str:
        if not observes_local_storage(self.client):
            return item.content.subject
        found = find(self.client.snapshot().folders.get(path, ()), item, self.equality)
        if found is None:
            raise LookupError(f"{item.name} is not in folder {display(path)} of local storage")
        return found.handle
