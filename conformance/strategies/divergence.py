"""Correlated divergence: one base state, then independent changes on both sides of it.

Independent random stores rarely meet; stores that start from one base and are changed apart meet all the time. The
draws depend on the model only, never on what an implementation answers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from hypothesis import strategies as st

from conformance.model.folders import FolderPath, display, is_below
from conformance.model.objects import ObjectKind, of_kind
from conformance.model.states import SYSTEM_FLAGS, Item, Side, StoreState

FOLDER_PATHS: tuple[FolderPath, ...] = (
    ("Alpha",),
    ("Alpha", "Session"),
    ("Beta",),
    ("Gamma é",),
    ("Gamma é", "x & y"),
)
NEW_FOLDER_PATHS: tuple[FolderPath, ...] = (("Delta",), ("Beta", "Deep"), ("Epsilon 会",))
MAX_ITEMS, MAX_CHANGES = 6, 6


class EditableStore(Protocol):
    """One side of a synchronization as a change needs it: its model state, and the operations of a user."""

    state: StoreState

    def create_folder(self, path: FolderPath) -> None: ...

    def remove_folder(self, path: FolderPath) -> None: ...

    def put(self, path: FolderPath, *items: Item) -> None: ...

    def remove(self, path: FolderPath, *names: str) -> None: ...

    def set_flags(
        self, path: FolderPath, name: str, add: Collection[str] = (), remove: Collection[str] = ()
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class AddObject:
    """Add a new object to a folder, which may be new itself."""

    path: FolderPath
    item: Item

    def apply(self, side: EditableStore) -> str:
        """Do it; returns what was exercised."""
        side.put(self.path, self.item)
        return "object added"


@dataclass(frozen=True, slots=True)
class RemoveObject:
    """Remove an object of the base."""

    path: FolderPath
    name: str

    def apply(self, side: EditableStore) -> str:
        """Do it; returns what was exercised."""
        side.remove(self.path, self.name)
        return "object removed"


@dataclass(frozen=True, slots=True)
class ToggleFlag:
    """Set a flag of an object of the base, or clear it if the base has it."""

    path: FolderPath
    name: str
    flag: str

    def apply(self, side: EditableStore) -> str:
        """Do it; returns what was exercised."""
        item = side.state.get(self.path, self.name)
        if item is not None and item.has(self.flag):
            side.set_flags(self.path, self.name, remove=[self.flag])
            return "flag cleared"
        side.set_flags(self.path, self.name, add=[self.flag])
        return "flag set"


@dataclass(frozen=True, slots=True)
class AddFolder:
    """Create an empty folder."""

    path: FolderPath

    def apply(self, side: EditableStore) -> str:
        """Do it; returns what was exercised."""
        side.create_folder(self.path)
        return "folder created"


@dataclass(frozen=True, slots=True)
class RemoveFolder:
    """Remove a folder of the base with all it holds."""

    path: FolderPath

    def apply(self, side: EditableStore) -> str:
        """Do it; returns what was exercised."""
        side.remove_folder(self.path)
        return "folder removed"


Change = AddObject | RemoveObject | ToggleFlag | AddFolder | RemoveFolder


@dataclass(frozen=True)
class Divergence:
    """A base state and the changes made to each side of it, in the order they are made."""

    base: StoreState
    changes: tuple[tuple[Side, Change], ...]

    def __repr__(self) -> str:
        changes = "; ".join(f"{side}: {change}" for side, change in self.changes)
        return f"base {[(display(path), sorted(items)) for path, items in self.base.folders.items()]}; {changes}"


@st.composite
def bases(draw: st.DrawFn, flags: tuple[str, ...] = SYSTEM_FLAGS) -> StoreState:
    """A base of one to five folders and some objects of all kinds, now and then two with equal octets."""
    state = StoreState()
    for path in draw(st.lists(st.sampled_from(FOLDER_PATHS), unique=True, min_size=1)):
        for depth in range(1, len(path) + 1):
            state = state.with_folder(path[:depth])
    places = st.sampled_from(sorted(state.folders))
    contents = st.tuples(st.sampled_from(list(ObjectKind)), st.integers(1, 9))
    drawn = draw(st.lists(st.tuples(places, contents, _flag_sets(flags)), max_size=MAX_ITEMS))
    for number, (path, (kind, identity), item_flags) in enumerate(drawn, 1):
        state = state.put(path, Item(f"base-{number}", of_kind(kind, f"object-{identity}"), item_flags))
    return state


def _flag_sets(flags: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(flags), max_size=2)


@st.composite
def conflict_free(draw: st.DrawFn, flags: tuple[str, ...] = SYSTEM_FLAGS) -> Divergence:
    """A divergence in which no object or folder is touched on both sides, so that one result is required."""
    base = draw(bases(flags))
    free = _Free(base)
    changes: list[tuple[Side, Change]] = []
    for number in range(draw(st.integers(1, MAX_CHANGES))):
        side = draw(st.sampled_from(list(Side)))
        options = _options(free, f"new-{number}", flags)
        change = draw(options[draw(st.sampled_from(sorted(options)))])
        free.touch(change)
        changes.append((side, change))
    return Divergence(base, tuple(changes))


class _Free:
    """What of a base is still untouched by any change."""

    def __init__(self, base: StoreState) -> None:
        self.base = base
        self.removed: set[FolderPath] = set()
        self.filled: set[FolderPath] = set()
        self.objects = [(path, item.name) for path, item in base.items()]

    def folders(self) -> list[FolderPath]:
        """Folders, of the base or new, that something may be added to."""
        every = [*sorted(self.base.folders), *NEW_FOLDER_PATHS]
        return [path for path in every if not self._is_removed(path)]

    def untouched_folders(self) -> list[FolderPath]:
        """Folders of the base in which nothing was touched and nothing added, at any depth."""
        whole = {(path, item.name) for path, item in self.base.items()}
        touched = {path for path, _ in whole - set(self.objects)} | self.filled
        return [
            path
            for path in sorted(self.base.folders)
            if not self._is_removed(path) and not any(at == path or is_below(at, path) for at in touched)
        ]

    def touch(self, change: Change) -> None:
        """Whatever the change concerns is no longer free."""
        path = change.path
        if isinstance(change, RemoveObject | ToggleFlag):
            equal = _equals(self.base, path, change.name)
            self.objects = [at for at in self.objects if at not in equal]
        elif isinstance(change, RemoveFolder):
            self.removed.add(path)
            self.objects = [at for at in self.objects if at[0] != path and not is_below(at[0], path)]
        else:
            self.filled.add(path)

    def _is_removed(self, path: FolderPath) -> bool:
        return any(path == each or is_below(path, each) for each in self.removed)


def _equals(base: StoreState, path: FolderPath, name: str) -> set[tuple[FolderPath, str]]:
    """The item and all others in its folder with equal octets: they cannot be told apart from outside."""
    item = base.folders[path][name]
    return {(path, other.name) for other in base.folders[path].values() if other.content == item.content}


def _options(free: _Free, name: str, flags: tuple[str, ...]) -> dict[str, st.SearchStrategy[Change]]:
    """The kinds of change that are possible now, each with its strategy."""
    new_items = st.builds(
        lambda kind, item_flags: Item(name, of_kind(kind, name), item_flags),
        st.sampled_from(list(ObjectKind)),
        _flag_sets(flags),
    )
    new_folders = [path for path in free.folders() if path not in free.base.folders]
    options: dict[str, st.SearchStrategy[Change]] = {}
    if free.folders():
        options["add object"] = st.builds(AddObject, st.sampled_from(free.folders()), new_items)
    if new_folders:
        options["create folder"] = st.sampled_from(new_folders).map(AddFolder)
    if free.objects:
        held = st.sampled_from(free.objects)
        options["remove object"] = held.map(lambda at: RemoveObject(*at))
        options["toggle flag"] = st.builds(
            lambda at, flag: ToggleFlag(at[0], at[1], flag), held, st.sampled_from(flags)
        )
    if free.untouched_folders():
        options["remove folder"] = st.sampled_from(free.untouched_folders()).map(RemoveFolder)
    return options


Apply = Callable[[Side], EditableStore]


def apply(divergence: Divergence, side: Apply) -> list[str]:
    """Make the changes in their order; returns what was exercised, by name."""
    return [f"{change.apply(side(where))} {_WHERE[where]}" for where, change in divergence.changes]


_WHERE = {Side.LOCAL: "locally", Side.SERVER: "on the server"}
