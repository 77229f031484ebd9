"""What one user's store holds, as storage operations change it: items by folder, in the order they were stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from conformance.model.folders import FolderPath, is_below
from conformance.model.states import Flags, Item

FlagChange = Literal["+FLAGS", "-FLAGS", "FLAGS"]
DELETED = "\\Deleted"


@dataclass
class StoredModel:
    """The items of each folder; `nested` is false where a server has no hierarchy, so that no folder is below another.

    A name is given once in a folder, also when its item is gone. Operations do not check: `may_...` says what is valid.
    """

    folders: dict[FolderPath, dict[str, Item]] = field(default_factory=dict)
    nested: bool = True
    given: dict[FolderPath, set[str]] = field(default_factory=dict)

    def inferiors(self, path: FolderPath) -> list[FolderPath]:
        """The folders below a path, outermost first."""
        return sorted(each for each in self.folders if self.nested and is_below(each, path))

    def has_superiors(self, path: FolderPath) -> bool:
        """Whether every level above a path is a folder."""
        return not self.nested or all(path[:depth] in self.folders for depth in range(1, len(path)))

    def may_rename(self, path: FolderPath, to: FolderPath) -> bool:
        """Whether a folder can get this name: it is free, nothing lies below it, and it is not below the folder."""
        free = to not in self.folders and not self.inferiors(to) and self.has_superiors(to)
        return path in self.folders and free and not (self.nested and is_below(to, path))

    def create(self, path: FolderPath) -> None:
        """A new, empty folder."""
        self.folders[path], self.given[path] = {}, set()

    def delete(self, path: FolderPath) -> None:
        """The folder and its items are gone; what is below it stays."""
        del self.folders[path], self.given[path]

    def renamed(self, path: FolderPath, to: FolderPath) -> dict[FolderPath, FolderPath]:
        """The new path of the folder and of everything below it."""
        return {each: to + each[len(path) :] for each in (path, *self.inferiors(path))}

    def rename(self, path: FolderPath, to: FolderPath) -> None:
        """The folder and everything below it get other paths."""
        for old, new in self.renamed(path, to).items():
            self.folders[new], self.given[new] = self.folders.pop(old), self.given.pop(old)

    def append(self, path: FolderPath, items: Iterable[Item]) -> None:
        """Items are added at the end."""
        for item in items:
            self.folders[path][item.name] = item
            self.given[path].add(item.name)

    def copies(self, path: FolderPath, names: Iterable[str], to: FolderPath) -> tuple[Item, ...]:
        """What copying adds: an item keeps its name where that was never given, else it gets primes."""
        taken, copies = set(self.given[to]), list[Item]()
        for name in names:
            new = name
            while new in taken:
                new += "'"
            taken.add(new)
            copies.append(replace(self.folders[path][name], name=new))
        return tuple(copies)

    def change(self, path: FolderPath, names: Iterable[str], how: FlagChange, flags: Flags) -> None:
        """Flags are added, removed or replaced."""
        for name in names:
            before = self.folders[path][name]
            gone = {"+FLAGS": frozenset[str](), "-FLAGS": flags, "FLAGS": before.flags}[how]
            added = frozenset[str]() if how == "-FLAGS" else flags
            self.folders[path][name] = before.changed((), gone).changed(added, ())

    def marked(self, path: FolderPath) -> list[str]:
        r"""The names of the items with `\Deleted`."""
        return [name for name, item in self.folders[path].items() if item.has(DELETED)]

    def remove(self, path: FolderPath, names: Collection[str]) -> None:
        """Items are gone for good."""
        for name in names:
            del self.folders[path][name]
