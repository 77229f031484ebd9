"""Correlated divergence: one base state, then independent changes on both sides of it.

Independent random stores rarely meet; stores that start from one base and are changed apart meet all the time. The
draws depend on the model only, never on what an implementation answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hypothesis import strategies as st

from conformance.model.folders import FolderPath, display, is_below
from conformance.model.objects import ObjectKind, of_kind
from conformance.model.states import SYSTEM_FLAGS, Item, Side, StoreState
from conformance.scenario.sides import StoreSide

FOLDER_PATHS: tuple[FolderPath, ...] = (
    ("Alpha",),
    ("Alpha", "Session"),
    ("Beta",),
    ("Gamma é",),
    ("Gamma é", "x & y"),
)
NEW_FOLDER_PATHS: tuple[FolderPath, ...] = (("Delta",), ("Beta", "Deep"), ("Epsilon 会",))
MAX_ITEMS, MAX_CHANGES = 5, 4


@dataclass(frozen=True, slots=True)
class AddObject:
    """Add a new object to a folder, which may be new itself."""

    path: FolderPath
    item: Item

    def apply(self, side: StoreSide) -> str:
        """Do it; returns what was exercised."""
        side.put(self.path, self.item)
        return "object added"


@dataclass(frozen=True, slots=True)
class RemoveObject:
    """Remove an object of the base."""

    path: FolderPath
    name: str

    def apply(self, side: StoreSide) -> str:
        """Do it; returns what was exercised."""
        side.remove(self.path, self.name)
        return "object removed"


@dataclass(frozen=True, slots=True)
class ToggleFlag:
    """Set a flag of an object of the base, or clear it if the base has it."""

    path: FolderPath
    name: str
    flag: str

    def apply(self, side: StoreSide) -> str:
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

    def apply(self, side: StoreSide) -> str:
        """Do it; returns what was exercised."""
        side.create_folder(self.path)
        return "folder created"


@dataclass(frozen=True, slots=True)
class RemoveFolder:
    """Remove a folder of the base with all it holds."""

    path: FolderPath

    def apply(self, side: StoreSide) -> str:
        """Do it; returns what was exercised."""
        side.remove_folder(self.path)
        return "folder removed"


Change = AddObject | RemoveObject | ToggleFlag | AddFolder | RemoveFolder
Drawn = TypeVar("Drawn")


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
    """A base of up to five folders and as many objects of all kinds, now and then two with equal octets."""
    state = StoreState({path: {} for path in draw(st.lists(st.sampled_from(FOLDER_PATHS), unique=True))})
    for path in list(state.folders):
        for depth in range(1, len(path)):
            state = state.with_folder(path[:depth])
    if not state.folders:
        return state
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
    changes: list[tuple[Side, Change]] = []
    touched: set[tuple[FolderPath, str]] = set()
    removed: set[FolderPath] = set()
    for number in range(draw(st.integers(0, MAX_CHANGES))):
        side = draw(st.sampled_from(list(Side)))
        change = draw(_change(base, f"new-{number}", flags))
        if _is_free(change, base, touched, removed):
            _touch(change, base, touched, removed)
            changes.append((side, change))
    return Divergence(base, tuple(changes))


def _change(base: StoreState, name: str, flags: tuple[str, ...]) -> st.SearchStrategy[Change]:
    folders = st.sampled_from([*sorted(base.folders), *NEW_FOLDER_PATHS])
    new_items = st.builds(
        lambda kind, item_flags: Item(name, of_kind(kind, name), item_flags),
        st.sampled_from(list(ObjectKind)),
        _flag_sets(flags),
    )
    options: list[st.SearchStrategy[Change]] = [
        st.builds(AddObject, folders, new_items),
        st.builds(AddFolder, st.sampled_from(NEW_FOLDER_PATHS)),
    ]
    held = [(path, item.name) for path, item in base.items()]
    if held:
        options += [
            st.sampled_from(held).map(lambda at: RemoveObject(*at)),
            st.builds(lambda at, flag: ToggleFlag(at[0], at[1], flag), st.sampled_from(held), st.sampled_from(flags)),
        ]
    if base.folders:
        options.append(st.sampled_from(sorted(base.folders)).map(RemoveFolder))
    return st.one_of(options)


_Keys = set[tuple[FolderPath, str]]


def _equals(base: StoreState, path: FolderPath, name: str) -> _Keys:
    """The item and all others in its folder with equal octets: they cannot be told apart from outside."""
    item = base.folders[path][name]
    return {(path, other.name) for other in base.folders[path].values() if other.content == item.content}


def _inside(base: StoreState, path: FolderPath) -> _Keys:
    return {(at, item.name) for at, item in base.items() if at == path or is_below(at, path)}


def _is_free(change: Change, base: StoreState, touched: _Keys, removed: set[FolderPath]) -> bool:
    path = change.path
    if any(path == each or is_below(path, each) for each in removed):
        return False
    if isinstance(change, RemoveObject | ToggleFlag):
        return not _equals(base, path, change.name) & touched
    if isinstance(change, RemoveFolder):
        return not any(at == path or is_below(at, path) for at, _ in touched)
    return True


def _touch(change: Change, base: StoreState, touched: _Keys, removed: set[FolderPath]) -> None:
    if isinstance(change, RemoveObject | ToggleFlag):
        touched |= _equals(base, change.path, change.name)
    elif isinstance(change, RemoveFolder):
        removed.add(change.path)
        touched |= _inside(base, change.path)
    elif isinstance(change, AddObject):
        touched.add((change.path, change.item.name))
    else:
        touched.add((change.path, ""))


Apply = Callable[[Side], StoreSide]


def apply(divergence: Divergence, side: Apply) -> list[str]:
    """Make the changes in their order; returns what was exercised, by name."""
    return [f"{change.apply(side(where))} {_WHERE[where]}" for where, change in divergence.changes]


_WHERE = {Side.LOCAL: "locally", Side.SERVER: "on the server"}
