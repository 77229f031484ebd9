"""Editing one side of a synchronization: the operations of a user on a store, and what its model then holds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable

from conformance.model.folders import FolderPath, ancestors, display, outermost_first
from conformance.model.objects import KIND_ITEMS
from conformance.model.states import Flags, Item, Side, StoreState

Tell = Callable[[str], None]
Require = Callable[[Iterable[str]], None]
_DIRECTION = {Side.LOCAL: "direction.upload", Side.SERVER: "direction.download"}


class StoreSide(ABC):
    """One side: its model `state`, and the operations of a user or of a second client on it.

    Before each of them `require` is given the ICS items that a client has to claim so that it is its business; it
    raises where one is not claimed.
    """

    side: Side

    def __init__(self, tell: Tell) -> None:
        self.state = StoreState()
        self.require: Require = lambda _: None
        self._tell = tell

    def _require(self, *items: str) -> None:
        self.require((_DIRECTION[self.side], *items))

    def _require_of_user(self, *items: str) -> None:
        """Folders of local storage are the user's; those of the server are made and removed by any client."""
        self._require(*(items if self.side is Side.LOCAL else ()))

    def create_folder(self, path: FolderPath) -> None:
        """Make an empty folder; superiors that are missing are made first."""
        for each in [*ancestors(path), path]:
            if each not in self.state.folders:
                self._require_of_user("folder.create")
                self._create_folder(each)
                self.state = self.state.with_folder(each)
                self._told(f"create folder {display(each)}")

    def remove_folder(self, path: FolderPath) -> None:
        """Remove a folder with everything in it and below it."""
        self._require_of_user("folder.remove")
        self._remove_folder(path)
        self.state = self.state.without_folder(path)
        self._told(f"remove folder {display(path)}")

    def put(self, path: FolderPath, *items: Item) -> None:
        """Add objects to a folder, which is made if it is missing."""
        self._require(*(KIND_ITEMS[item.content.kind] for item in items))
        self.create_folder(path)
        self._put(path, items)
        self.state = self.state.put(path, *items)
        for item in items:
            self._told(f"add {item.name} to {display(path)}{_with(item.flags)}")

    def remove(self, path: FolderPath, *names: str) -> None:
        """Remove objects, named by their items."""
        self._require()
        for name in names:
            self._remove(path, self._item(path, name))
            self.state = self.state.remove(path, name)
            self._told(f"remove {name} from {display(path)}")

    def set_flags(self, path: FolderPath, name: str, add: Collection[str] = (), remove: Collection[str] = ()) -> None:
        """Set and clear flags of an object."""
        self._require()
        item = self._item(path, name)
        self._set_flags(path, item, add, remove)
        self.state = self.state.put(path, item.changed(add, remove))
        changes = [f"set {flag}" for flag in sorted(add)] + [f"clear {flag}" for flag in sorted(remove)]
        self._told(f"{' and '.join(changes)} on {name} in {display(path)}")

    def move(self, name: str, source: FolderPath, target: FolderPath) -> None:
        """Move an object to another folder: in synchronization it is removed here and new there."""
        self._require()
        item = self._item(source, name)
        self.create_folder(target)
        self._move(source, target, item)
        self.state = self.state.remove(source, name).put(target, item)
        self._told(f"move {name} from {display(source)} to {display(target)}")

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Rename a folder; in synchronization that is one folder removed and one created (5.5.2.20 step 2)."""
        self._require_of_user("folder.create", "folder.remove")
        self._rename_folder(old, new)
        moved = {path: items for path, items in self.state.folders.items() if path[: len(old)] == old}
        self.state = self.state.without_folder(old)
        for path in outermost_first(moved):
            self.state = self.state.with_folder(new + path[len(old) :]).put(
                new + path[len(old) :], *moved[path].values()
            )
        self._told(f"rename folder {display(old)} to {display(new)}")

    def _item(self, path: FolderPath, name: str) -> Item:
        item = self.state.get(path, name)
        if item is None:
            raise LookupError(f"no {name} in {display(path)} in the model of the {self.side}")
        return item

    def _told(self, text: str) -> None:
        self._tell(f"{'on the server' if self.side is Side.SERVER else 'in local storage'}: {text}")

    @abstractmethod
    def _create_folder(self, path: FolderPath) -> None: ...

    @abstractmethod
    def _remove_folder(self, path: FolderPath) -> None: ...

    @abstractmethod
    def _rename_folder(self, old: FolderPath, new: FolderPath) -> None: ...

    @abstractmethod
    def _put(self, path: FolderPath, items: Collection[Item]) -> None: ...

    @abstractmethod
    def _remove(self, path: FolderPath, item: Item) -> None: ...

    @abstractmethod
    def _move(self, source: FolderPath, target: FolderPath, item: Item) -> None: ...

    @abstractmethod
    def _set_flags(self, path: FolderPath, item: Item, add: Collection[str], remove: Collection[str]) -> None: ...


class ModelSide(StoreSide):
    """A side with nothing behind its model: for drawing and checking sequences of edits."""

    def __init__(self, side: Side, state: StoreState) -> None:
        super().__init__(lambda _: None)
        self.side, self.state = side, state

    def _create_folder(self, path: FolderPath) -> None: ...

    def _remove_folder(self, path: FolderPath) -> None: ...

    def _rename_folder(self, old: FolderPath, new: FolderPath) -> None: ...

    def _put(self, path: FolderPath, items: Collection[Item]) -> None: ...

    def _remove(self, path: FolderPath, item: Item) -> None: ...

    def _move(self, source: FolderPath, target: FolderPath, item: Item) -> None: ...

    def _set_flags(self, path: FolderPath, item: Item, add: Collection[str], remove: Collection[str]) -> None: ...


def _with(flags: Flags) -> str:
    return f" with {' '.join(sorted(flags))}" if flags else ""
