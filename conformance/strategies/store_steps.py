"""Random sequences of storage operations by several sessions of one user, drawn on a model of the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hypothesis import strategies as st

from conformance.model.folders import FolderPath, display, is_below
from conformance.model.objects import ObjectKind, of_kind
from conformance.model.states import SYSTEM_FLAGS, Flags, Item

PATHS: tuple[FolderPath, ...] = (("A",), ("A", "b"), ("Ünder",), ("with space",))
FlagChange = Literal["+FLAGS", "-FLAGS", "FLAGS"]


@dataclass(frozen=True, slots=True)
class Create:
    """Create a folder."""

    session: int
    path: FolderPath

    def __str__(self) -> str:
        return f"session {self.session} creates folder {display(self.path)}"


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a folder without inferiors, with whatever it holds."""

    session: int
    path: FolderPath

    def __str__(self) -> str:
        return f"session {self.session} removes folder {display(self.path)}"


@dataclass(frozen=True, slots=True)
class Append:
    """Store an object."""

    session: int
    path: FolderPath
    item: Item

    def __str__(self) -> str:
        flags = " ".join(sorted(self.item.flags)) or "no flags"
        return f"session {self.session} stores {self.item.name} in {display(self.path)} with {flags}"


@dataclass(frozen=True, slots=True)
class Change:
    """Add, remove or replace flags of objects."""

    session: int
    path: FolderPath
    names: tuple[str, ...]
    how: FlagChange
    flags: Flags

    def __str__(self) -> str:
        what = f"{self.how} ({' '.join(sorted(self.flags))})"
        return f"session {self.session} stores {what} on {', '.join(self.names)} in {display(self.path)}"


@dataclass(frozen=True, slots=True)
class Expunge:
    """Mark objects as deleted and expunge them."""

    session: int
    path: FolderPath
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"session {self.session} expunges {', '.join(self.names)} in {display(self.path)}"


@dataclass(frozen=True, slots=True)
class Refresh:
    """A session makes a folder active, or asks for news of the one it has active, and has to see its objects."""

    session: int
    path: FolderPath

    def __str__(self) -> str:
        return f"session {self.session} looks at {display(self.path)}"


@dataclass(frozen=True, slots=True)
class Settle:
    """All sessions look at everything and have to see what the model holds."""

    def __str__(self) -> str:
        return "all sessions look at everything"


Step = Create | Delete | Append | Change | Expunge | Refresh | Settle


@dataclass
class StoreModel:
    """What the store holds: the items of each folder in the order in which they were stored."""

    folders: dict[FolderPath, dict[str, Item]] = field(default_factory=dict)

    def apply(self, step: Step) -> None:
        """Do to the model what the step does to the store."""
        if isinstance(step, Create):
            self.folders[step.path] = {}
        elif isinstance(step, Delete):
            del self.folders[step.path]
        elif isinstance(step, Append):
            self.folders[step.path][step.item.name] = step.item
        elif isinstance(step, Change):
            self._change(step)
        elif isinstance(step, Expunge):
            for name in step.names:
                del self.folders[step.path][name]

    def _change(self, step: Change) -> None:
        items = self.folders[step.path]
        for name in step.names:
            before = items[name]
            gone = before.flags if step.how == "FLAGS" else step.flags if step.how == "-FLAGS" else frozenset[str]()
            added = frozenset[str]() if step.how == "-FLAGS" else step.flags
            items[name] = before.changed((), gone).changed(added, ())

    def leaves(self) -> list[FolderPath]:
        """The folders without inferiors."""
        return [path for path in self.folders if not any(is_below(other, path) for other in self.folders)]


@st.composite
def sequences(draw: st.DrawFn, sessions: int = 2, most: int = 14) -> tuple[Step, ...]:
    """A sequence that is valid on the model: nothing is created twice, nothing missing is touched."""
    model = StoreModel()
    steps: list[Step] = []
    for number in range(draw(st.integers(3, most))):
        options = _options(model, f"object-{number}", st.integers(0, sessions - 1))
        step = draw(options[draw(st.sampled_from(sorted(options)))])
        model.apply(step)
        steps.append(step)
    return (*steps, Settle())


def _options(model: StoreModel, name: str, sessions: st.SearchStrategy[int]) -> dict[str, st.SearchStrategy[Step]]:
    flags = st.frozensets(st.sampled_from(SYSTEM_FLAGS), max_size=3)
    free = [
        path
        for path in PATHS
        if path not in model.folders and all(path[:n] in model.folders for n in range(1, len(path)))
    ]
    filled = {path: sorted(items) for path, items in model.folders.items() if items}
    options: dict[str, st.SearchStrategy[Step]] = {}
    if free:
        options["create"] = st.builds(Create, sessions, st.sampled_from(free))
    if model.folders:
        items = st.builds(
            lambda kind, given: Item(name, of_kind(kind, name), given), st.sampled_from(list(ObjectKind)), flags
        )
        options["append"] = st.builds(Append, sessions, st.sampled_from(sorted(model.folders)), items)
        options["refresh"] = st.builds(Refresh, sessions, st.sampled_from(sorted(model.folders)))
        options["settle"] = st.just(Settle())
    if model.leaves() and len(model.folders) > 1:
        options["delete"] = st.builds(Delete, sessions, st.sampled_from(sorted(model.leaves())))
    if filled:
        places = st.sampled_from(sorted(filled)).flatmap(
            lambda path: st.tuples(st.just(path), st.lists(st.sampled_from(filled[path]), min_size=1, unique=True))
        )
        how = st.sampled_from(["+FLAGS", "-FLAGS", "FLAGS"])
        options["change"] = st.builds(
            lambda session, place, change, given: Change(session, place[0], tuple(place[1]), change, given),
            sessions,
            places,
            how,
            flags,
        )
        options["expunge"] = st.builds(
            lambda session, place: Expunge(session, place[0], tuple(place[1])), sessions, places
        )
    return options
