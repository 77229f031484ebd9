"""Who writes a random sequence of storage steps: what the store would hold by now, and how its next step is chosen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind, StoredObject, of_kind
from conformance.model.states import Flags, Item
from conformance.model.stored import StoredModel
from conformance.strategies.store_steps import (
    FLAGS,
    Append,
    Change,
    Close,
    Copy,
    Create,
    Delete,
    Expunge,
    Interrupt,
    Move,
    Reconnect,
    Rename,
    Step,
)

Chosen = TypeVar("Chosen")
OTHER_NAMES: tuple[FolderPath, ...] = (("D",), ("D", "b"))


@dataclass
class Author:
    """The state of a sequence that is being written, for a store that does everything that it is asked.

    `choose` draws a number below the one given. `favourites` are the flags that come most often, so that they meet.
    `active` is the folder that each session would have active.
    """

    choose: Callable[[int], int]
    sessions: int
    universe: tuple[FolderPath, ...]
    favourites: tuple[str, ...] = FLAGS
    model: StoredModel = field(default_factory=StoredModel)
    steps: list[Step] = field(default_factory=list)
    active: dict[int, FolderPath] = field(default_factory=dict)
    removed: dict[FolderPath, list[str]] = field(default_factory=dict)
    contents: list[StoredObject] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def pick(self, options: Sequence[Chosen]) -> Chosen:
        """One of the options."""
        return options[self.choose(len(options))] if len(options) > 1 else options[0]

    def chance(self, percent: int) -> bool:
        """True so often in a hundred times, to the next twentieth."""
        return self.choose(20) * 5 >= 100 - percent

    def session(self) -> int:
        """Any session."""
        return self.pick(range(self.sessions))

    def others(self, session: int) -> list[int]:
        """The other sessions, or the only one."""
        return [each for each in range(self.sessions) if each != session] or [session]

    def folder(self) -> FolderPath | None:
        """A folder: often the one that the last step was about."""
        last: FolderPath | None = getattr(self.steps[-1], "path", None) if self.steps else None
        if last in self.model.folders and self.chance(60):
            return last
        return self.pick(sorted(self.model.folders)) if self.model.folders else None

    def filled(self) -> list[FolderPath]:
        """The folders that hold something."""
        return sorted(path for path, items in self.model.folders.items() if items)

    def free(self) -> list[FolderPath]:
        """The paths that can be created, those outside the universe only if there are no others."""
        folders = self.model.folders
        inside = [each for each in self.universe if each not in folders and self.model.has_superiors(each)]
        return inside or [each for each in OTHER_NAMES if each not in folders and self.model.has_superiors(each)]

    def names(self, path: FolderPath) -> tuple[str, ...]:
        """Some of the objects of a folder: one, two, or all."""
        names = list(self.model.folders[path])
        if self.chance(20):
            return tuple(names)
        first = self.choose(len(names)) if len(names) > 1 else 0
        return tuple(names[first : first + (2 if self.chance(25) else 1)])

    def item(self, *, equal: bool = False) -> Item:
        """A new object, which may have the octets of another one."""
        name = f"object-{next(self.numbers)}"
        if self.contents and (equal or self.chance(10)):
            content = self.pick(self.contents)
        else:
            content = of_kind(ObjectKind.MESSAGE if self.chance(80) else self.pick(list(ObjectKind)), name)
        self.contents.append(content)
        return Item(name, content, self.flags() if self.chance(50) else frozenset())

    def flags(self) -> Flags:
        """One flag, or two, mostly of the favourites."""
        flags = self.favourites if self.chance(80) else FLAGS
        return frozenset({self.pick(flags), *([self.pick(flags)] if self.chance(30) else [])})

    def write(self, step: Step) -> None:
        """The step is the next one: do to the model what it would do to the store."""
        self.steps.append(step)
        self._apply(step)
        if isinstance(step, Close | Reconnect | Interrupt):
            self.active.pop(step.session, None)
        path = getattr(step, "path", None)
        if path in self.model.folders and not isinstance(step, Create | Append | Rename | Close | Interrupt):
            self.active[step.session] = path

    def _apply(self, step: Step) -> None:
        model = self.model
        match step:
            case Create(_, path) if path not in model.folders:
                model.create(path)
            case Delete(_, path) if path in model.folders:
                self._leave([path])
                model.delete(path)
            case Rename(_, path, to):
                self._leave(model.renamed(path, to))
                model.rename(path, to)
            case Append(_, path, items) if path in model.folders:
                model.append(path, items)
            case Change(_, path, names, how, flags):
                model.change(path, [name for name in names if name in model.folders[path]], how, flags)
            case Copy() | Move():
                model.append(step.to, model.copies(step.path, step.names, step.to))
                self._remove(step.path, step.names if isinstance(step, Move) else ())
            case Expunge(_, path, names):
                self._remove(path, [each for each in model.marked(path) if names is None or each in names])
            case Close(_, path, "close", examine=False):
                self._remove(path, model.marked(path))

    def _leave(self, paths: Collection[FolderPath]) -> None:
        self.active = {session: path for session, path in self.active.items() if path not in paths}

    def _remove(self, path: FolderPath, names: Sequence[str]) -> None:
        self.model.remove(path, names)
        self.removed.setdefault(path, []).extend(names)
