"""User preferences and service provider policies: what a synchronization is allowed to move (5.5.2.20 paragraph 1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from conformance.model.folders import FolderPath, is_below
from conformance.model.objects import ObjectKind
from conformance.model.states import Item


class Direction(StrEnum):
    """Which way news may travel."""

    BOTH = "both"
    DOWNLOAD = "download"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that a client can be told to follow; the default moves everything both ways.

    `max_size` is in octets. `folders` names the folders in scope, inferiors included; None means all.
    """

    kinds: frozenset[ObjectKind] = frozenset(ObjectKind)
    direction: Direction = Direction.BOTH
    max_size: int | None = None
    folders: frozenset[FolderPath] | None = None

    def admits_folder(self, path: FolderPath) -> bool:
        """Whether a folder is in scope."""
        return self.folders is None or any(path == each or is_below(path, each) for each in self.folders)

    def admits(self, path: FolderPath, item: Item) -> bool:
        """Whether an item in that folder may be moved at all."""
        small_enough = self.max_size is None or len(item.content.octets) <= self.max_size
        return item.content.kind in self.kinds and small_enough and self.admits_folder(path)


EVERYTHING = Policy()
