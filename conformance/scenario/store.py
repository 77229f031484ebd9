"""The suite's own hands on the server: an observer that changes nothing it looks at, and a second client that does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import cached_property
from types import TracebackType
from typing import Self

from conformance.imap.errors import ConnectionLost, OperationRefused
from conformance.imap.names import Hierarchy
from conformance.imap.recorder import Recorder
from conformance.imap.session import ActiveFolder, ListedFolder, StorageSession
from conformance.imap.transcript import Transcript
from conformance.model.equality import Equality
from conformance.model.folders import FolderPath, display, is_below, outermost_first
from conformance.model.states import Item, ObservedObject, Snapshot, StoreState, normal_flags
from conformance.servers.protocol import Account

INBOX: FolderPath = ("INBOX",)
FolderVersion = tuple[str, int | None]


class ServerStore:
    """What one account holds on the server, below the account's root.

    Looking is done with EXAMINE and BODY.PEEK[] on a connection of its own, changing on another one, as a second
    client of the same user would. Contents are read once for each (folder, UIDVALIDITY, UID), which name one immutable
    object (RFC 3501 2.3.1.1).
    """

    def __init__(self, account: Account, transcript: Transcript, timeout: float) -> None:
        self.account, self.transcript, self.timeout = account, transcript, timeout
        self._observer: StorageSession | None = None
        self._second: StorageSession | None = None
        self._contents: dict[tuple[FolderVersion, int], bytes] = {}
        self._permanent: dict[FolderPath, frozenset[str] | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End both connections."""
        for session in (self._observer, self._second):
            if session is not None:
                session.close()
        self._observer = self._second = None

    def _open(self, name: str) -> StorageSession:
        recorder = Recorder(self.transcript, f"{name}-1")
        account = self.account
        return StorageSession.open(account.endpoint, account.credentials, timeout=self.timeout, recorder=recorder)

    @property
    def second_client(self) -> StorageSession:
        """The session that changes the server's content, opened when it is first needed."""
        if self._second is None:
            self._second = self._open("second")
        return self._second

    @property
    def observer(self) -> StorageSession:
        """The session that only looks."""
        if self._observer is None:
            self._observer = self._open("observer")
        return self._observer

    @property
    def hierarchy(self) -> Hierarchy:
        """How paths below the account's root are spelled as names."""
        delimiter = self.observer.delimiter
        return Hierarchy(delimiter, (delimiter or "").join(self.account.root))

    def name(self, path: FolderPath) -> str:
        """The server's name of a path."""
        return self.hierarchy.name(path)

    def folders(self) -> dict[FolderPath, ListedFolder]:
        """All names below the root, selectable or not, by path."""
        hierarchy = self.hierarchy
        listed = ((hierarchy.path(each.name), each) for each in self.observer.list_folders(hierarchy.root))
        return {path: each for path, each in listed if path}

    @cached_property
    def furniture(self) -> frozenset[FolderPath]:
        """The names that the account came with; to be asked before anything is made."""
        return frozenset(self.folders())

    def snapshot(self) -> Snapshot:
        """All selectable folders with their objects. A connection that the server ended is opened anew once."""
        try:
            return self._snapshot()
        except ConnectionLost:
            self._observer = None
            return self._snapshot()

    def _snapshot(self) -> Snapshot:
        selectable = [(path, each) for path, each in self.folders().items() if each.selectable]
        seen = {path: self._objects(each.name) for path, each in selectable}
        return Snapshot({path: objects for path, objects in seen.items() if objects is not None})

    def _objects(self, name: str) -> tuple[ObservedObject, ...] | None:
        try:
            active = self.observer.set_active_folder(name, read_only=True)
        except OperationRefused:
            return None
        metadata = self.observer.list_objects() if active.exists else []
        self._read((name, active.uid_validity), [each.uid for each in metadata])
        self.observer.leave_folder()
        version = (name, active.uid_validity)
        return tuple(
            ObservedObject(self._contents[version, each.uid], normal_flags(each.flags), str(each.uid))
            for each in metadata
            if (version, each.uid) in self._contents
        )

    def _read(self, version: FolderVersion, uids: Iterable[int]) -> None:
        missing = [uid for uid in uids if (version, uid) not in self._contents]
        for each in self.observer.fetch_objects(missing) if missing else ():
            self._contents[version, each.uid] = each.octets

    def permanent_flags(self, path: FolderPath) -> frozenset[str] | None:
        """PERMANENTFLAGS of a read-write selection; None means that every flag can be kept (RFC 3501 6.3.1)."""
        if path not in self._permanent:
            self._permanent[path] = self._select(path).permanent_flags
            self.second_client.leave_folder()
        return self._permanent[path]

    def _select(self, path: FolderPath) -> ActiveFolder:
        return self.second_client.set_active_folder(self.name(path))

    def create_folder(self, path: FolderPath) -> None:
        """Create a folder."""
        self.second_client.create_folder(self.name(path))

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Rename a folder, inferiors included (RFC 3501 6.3.5)."""
        self.second_client.rename_folder(self.name(old), self.name(new))

    def remove_folder(self, path: FolderPath) -> None:
        """Remove a folder with its objects and its inferiors, inferiors first."""
        listed = self.folders()
        below = [each for each in listed if is_below(each, path)]
        for each in [*reversed(outermost_first(below)), path]:
            if each in listed and listed[each].selectable:
                self.second_client.remove_folder(self.name(each))

    def put(self, path: FolderPath, *items: Item) -> None:
        """Store objects with their flags."""
        self.second_client.store_objects(self.name(path), [(each.content.octets, sorted(each.flags)) for each in items])

    def remove(self, path: FolderPath, *items: Item) -> None:
        """Remove one stored copy of each item."""
        self._on_uids(path, items, self.second_client.remove_objects)

    def move(self, source: FolderPath, target: FolderPath, item: Item) -> None:
        """Move one stored copy of an item, by MOVE where it is offered, else by COPY and removal."""
        self._on_uids(source, [item], lambda uids: self.second_client.move_objects(uids, self.name(target)))

    def set_flags(self, path: FolderPath, item: Item, add: Collection[str], remove: Collection[str]) -> None:
        """Set and clear flags of one stored copy of an item."""
        self._on_uids(path, [item], lambda uids: self.second_client.update_metadata(uids, add=add, remove=remove))

    def uids(self, path: FolderPath, items: Iterable[Item]) -> list[int]:
        """The UIDs of one stored copy of each item. Raises `LookupError` where there is none."""
        free = list(self._objects(self.name(path)) or ())
        found = []
        for item in items:
            found.append(find(free, item, Equality.OCTETS) or find(free, item, Equality.MIME))
            if found[-1] is None:
                raise LookupError(f"{item.name} is not in folder {display(path)} on the server")
            free.remove(found[-1])
        return [int(each.handle) for each in found if each is not None]

    def _on_uids(self, path: FolderPath, items: Iterable[Item], operation: Callable[[list[int]], None]) -> None:
        uids = self.uids(path, items)
        self._select(path)
        operation(uids)
        self.second_client.leave_folder()

    def fill(self, state: StoreState) -> None:
        """Create all folders of a state, superiors first, and store its objects; nothing else was made before."""
        for path in outermost_first(state.folders):
            if path not in self.furniture and path != INBOX:
                self.create_folder(path)
            if state.folders[path]:
                self.put(path, *state.folders[path].values())


def find(objects: Iterable[ObservedObject], item: Item, equality: Equality) -> ObservedObject | None:
    """The observed object that is a copy of the item; among equals, one with the item's flags if there is one."""
    wanted = equality.identity(item.content.octets)
    copies = [each for each in objects if equality.identity(each.octets) == wanted]
    alike = [each for each in copies if normal_flags(each.flags) == normal_flags(item.flags)]
    return next(iter(alike or copies), None)
