"""Store states: what a store is meant to hold (by symbolic item) and what was seen in it (by content).

A `StoreState` is the model's side: every item has a name that stays the same wherever copies of it lie. A `Snapshot`
is an observation of local storage or of the server: contents and flags, no names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from conformance.model.folders import FolderPath, display, is_below
from conformance.model.objects import StoredObject

Flags = frozenset[str]
NO_FLAGS: Flags = frozenset()
SYSTEM_FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "\\Draft")


class Side(StrEnum):
    """One of the two stores that are synchronized."""

    LOCAL = "local storage"
    SERVER = "server"


def normal_flags(flags: Iterable[str]) -> Flags:
    r"""Flags as they are compared: without `\Recent`, letter case ignored (RFC 3501 2.3.2)."""
    return frozenset(flag.lower() for flag in flags) - {"\\recent"}


def is_permanent(flag: str, permanent: Iterable[str] | None) -> bool:
    r"""Whether a server keeps a flag (RFC 3501 7.1): it lists it, or `\*` for every keyword; without a list it does."""
    if permanent is None:
        return True
    listed = {each.lower() for each in permanent}
    return flag.lower() in listed or ("\\*" in listed and not flag.startswith("\\"))


@dataclass(frozen=True, slots=True)
class Item:
    """One object in a folder of a modelled store; `name` is its symbolic handle, unique in a scenario."""

    name: str
    content: StoredObject
    flags: Flags = NO_FLAGS

    def flagged(self, *flags: str) -> Item:
        """The same item with these flags added."""
        return replace(self, flags=self.flags | set(flags))

    def has(self, flag: str) -> bool:
        """Whether the item has a flag, letter case ignored."""
        return flag.lower() in normal_flags(self.flags)

    def changed(self, add: Iterable[str], remove: Iterable[str]) -> Item:
        """The same item with flags added and removed, letter case ignored."""
        gone = normal_flags(remove)
        kept = frozenset(flag for flag in self.flags if flag.lower() not in gone)
        return replace(self, flags=kept | {flag for flag in add if not self.has(flag)})


@dataclass(frozen=True)
class StoreState:
    """Folders and the items in them, by folder path and item name. Every operation gives a new state."""

    folders: Mapping[FolderPath, Mapping[str, Item]] = field(default_factory=dict)

    def with_folder(self, path: FolderPath) -> StoreState:
        """The state with an empty folder added; one that exists stays as it is."""
        return StoreState({**self.folders, path: self.folders.get(path, {})})

    def without_folder(self, path: FolderPath) -> StoreState:
        """The state without this folder, its items, and all its inferiors."""
        kept = {at: items for at, items in self.folders.items() if at != path and not is_below(at, path)}
        return StoreState(kept)

    def put(self, path: FolderPath, *items: Item) -> StoreState:
        """The state with items added, or replaced where one of the same name lies in that folder."""
        added = {**self.folders.get(path, {}), **{item.name: item for item in items}}
        return StoreState({**self.folders, path: added})

    def remove(self, path: FolderPath, name: str) -> StoreState:
        """The state without the named item. Raises `KeyError` if it is not there."""
        left = dict(self.folders[path])
        del left[name]
        return StoreState({**self.folders, path: left})

    def get(self, path: FolderPath, name: str) -> Item | None:
        """The item, or None."""
        return self.folders.get(path, {}).get(name)

    def items(self) -> Iterator[tuple[FolderPath, Item]]:
        """All items with their folders."""
        for path, items in self.folders.items():
            for item in items.values():
                yield path, item


@dataclass(frozen=True, slots=True)
class ObservedObject:
    """One object as a store showed it; `handle` is the store's own name for it (a UID, a file)."""

    octets: bytes = field(repr=False)
    flags: Flags = NO_FLAGS
    handle: str = ""


@dataclass(frozen=True)
class Snapshot:
    """What a store held at one moment: its folders, and the objects of each in the store's own order."""

    folders: Mapping[FolderPath, tuple[ObservedObject, ...]] = field(default_factory=dict)

    def objects(self) -> Iterator[tuple[FolderPath, ObservedObject]]:
        """All objects with their folders."""
        for path, objects in self.folders.items():
            for each in objects:
                yield path, each

    def describe(self) -> str:
        """One line a folder, for reports."""
        lines = (f"{display(path)}: {len(objects)} objects" for path, objects in sorted(self.folders.items()))
        return "; ".join(lines) or "no folders"
