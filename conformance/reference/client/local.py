"""What a synchronization needs of local storage: folders, objects that appear whole or not at all, annotations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from conformance.model.folders import FolderPath
from conformance.model.states import Flags


class NoSuchFolder(Exception):
    """A folder that local storage does not hold."""


class NoSuchObject(Exception):
    """An object that local storage does not hold (any more)."""


@dataclass(frozen=True, slots=True)
class LocalObject(ABC):
    """One object in local storage; its octets are read when asked for. `handle` stays the same when flags change."""

    handle: str
    flags: Flags

    @abstractmethod
    def read(self) -> bytes:
        """The octets. Raises `NoSuchObject`."""


class LocalStorage(Protocol):
    """Folders and objects; an object is given back to the storage that it came from."""

    def clear(self) -> None:
        """Forget everything."""
        ...

    def folders(self) -> set[FolderPath]:
        """The paths of all folders."""
        ...

    def has(self, path: FolderPath) -> bool:
        """Whether the folder exists; a mere superior of folders is none."""
        ...

    def create(self, path: FolderPath) -> None:
        """Make one folder; nothing happens when it exists. Raises `ValueError` for a path that no folder can have."""
        ...

    def remove(self, path: FolderPath, *, inferiors: bool = True) -> None:
        """Remove a folder with its objects at once, and its inferiors unless told otherwise. Raises `NoSuchFolder`."""
        ...

    def rename(self, old: FolderPath, new: FolderPath) -> None:
        """Rename a folder with its inferiors. Raises `NoSuchFolder`, and `FileExistsError` where `new` is in use."""
        ...

    def objects(self, path: FolderPath) -> dict[str, LocalObject]:
        """The objects of a folder by handle, in the order they came. Raises `NoSuchFolder`."""
        ...

    def annotations(self, path: FolderPath) -> dict[str, bytes]:
        """The values of a folder's annotations, by entry."""
        ...

    def annotate(self, path: FolderPath, entry: str, value: bytes | None) -> None:
        """Give one annotation of a folder this value, or with None remove it. Raises `NoSuchFolder`."""
        ...

    def find(self, path: FolderPath, handle: str) -> LocalObject:
        """One object by its handle. Raises `NoSuchFolder` and `NoSuchObject`."""
        ...

    def put(self, path: FolderPath, octets: bytes, flags: Iterable[str] = ()) -> LocalObject:
        """Add an object; it is there whole or not at all. Raises `NoSuchFolder`."""
        ...

    def stage(self, octets: bytes, flags: Iterable[str] = ()) -> LocalObject:
        """Write an object that came from the server, not yet visible in any folder."""
        ...

    def staged(self) -> list[LocalObject]:
        """What an interrupted synchronization staged and did not reveal."""
        ...

    def reveal(self, path: FolderPath, staged: LocalObject) -> LocalObject:
        """Make a staged object visible in its folder. Raises `NoSuchFolder`."""
        ...

    def remove_object(self, each: LocalObject) -> None:
        """Remove an object, staged or not; one that is gone already is no error."""
        ...

    def set_flags(self, each: LocalObject, flags: Iterable[str]) -> LocalObject:
        """Give an object these flags instead of those it has. Raises `NoSuchObject`."""
        ...
