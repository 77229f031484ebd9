"""Local storage in memory, with the same laws as the durable one, and a client on it: no file, no lock, no waiting."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from conformance.model.folders import FolderPath
from conformance.reference.client.base import Base
from conformance.reference.client.client import BareClient
from conformance.reference.client.escape import directory_of
from conformance.reference.client.local import LocalObject, NoSuchFolder, NoSuchObject
from conformance.reference.client.storage import system_flags, usual_spelling
from conformance.reference.client.synchronizer import Synchronizer

_NOWHERE = Path()


@dataclass(frozen=True, slots=True)
class MemoryObject(LocalObject):
    """An object as it was when it was looked at. Like a file, it is not found again where its system flags changed."""

    octets: bytes = field(repr=False)
    place: dict[str, MemoryObject] = field(repr=False, compare=False)

    @property
    def current(self) -> MemoryObject | None:
        """The object as it is now, None where it would not be found."""
        now = self.place.get(self.handle)
        return now if now is not None and system_flags(now.flags) == system_flags(self.flags) else None

    def read(self) -> bytes:
        if self.current is None:
            raise NoSuchObject(f"the object {self.handle} is gone")
        return self.octets


class MemoryStorage:
    """Folders and objects of one process. Handles are counted from the last `clear` on."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._folders: dict[FolderPath, dict[str, MemoryObject]] = {}
        self._annotations: dict[FolderPath, dict[str, bytes]] = {}
        self._staged: dict[str, MemoryObject] = {}
        self._numbers = itertools.count(1)

    def folders(self) -> set[FolderPath]:
        return set(self._folders)

    def has(self, path: FolderPath) -> bool:
        return path in self._folders

    def create(self, path: FolderPath) -> None:
        """Make one folder. Raises `ValueError` for the paths that durable storage refuses."""
        directory_of(_NOWHERE, path)
        self._folders.setdefault(path, {})

    def remove(self, path: FolderPath, *, inferiors: bool = True) -> None:
        self._folder(path)
        for each in self._below(path) if inferiors else [path]:
            self._folders.pop(each).clear()
            self._annotations.pop(each, None)

    def rename(self, old: FolderPath, new: FolderPath) -> None:
        self._folder(old)
        if new[: len(old)] == old or self._below(new):
            raise FileExistsError(f"the folder {old} cannot become {new}")
        directory_of(_NOWHERE, new)
        for path in self._below(old):
            renamed = new + path[len(old) :]
            moved = self._folders[renamed] = {}
            for each in self._folders[path].values():
                _keep(moved, each.handle, each.flags, each.octets)
            self._folders.pop(path).clear()
            self._annotations[renamed] = self._annotations.pop(path, {})

    def _below(self, path: FolderPath) -> list[FolderPath]:
        """The folder itself, if it is one, and its inferiors."""
        return [each for each in self._folders if each[: len(path)] == path]

    def objects(self, path: FolderPath) -> dict[str, LocalObject]:
        folder = self._folder(path)
        return {handle: folder[handle] for handle in sorted(folder)}

    def annotations(self, path: FolderPath) -> dict[str, bytes]:
        return dict(self._annotations.get(path, {}))

    def annotate(self, path: FolderPath, entry: str, value: bytes | None) -> None:
        self._folder(path)
        changed = {**self.annotations(path), entry: value}
        self._annotations[path] = {each: octets for each, octets in changed.items() if octets is not None}

    def find(self, path: FolderPath, handle: str) -> LocalObject:
        try:
            return self._folder(path)[handle]
        except KeyError:
            raise NoSuchObject(f"no object {handle!r} in folder {path}") from None

    def put(self, path: FolderPath, octets: bytes, flags: Iterable[str] = ()) -> LocalObject:
        return _keep(self._folder(path), self._new_handle(), flags, octets)

    def stage(self, octets: bytes, flags: Iterable[str] = ()) -> LocalObject:
        return _keep(self._staged, self._new_handle(), flags, octets)

    def staged(self) -> list[LocalObject]:
        return [self._staged[handle] for handle in sorted(self._staged)]

    def reveal(self, path: FolderPath, staged: LocalObject) -> LocalObject:
        found = _found(staged)
        if found is None or path not in self._folders:
            self.remove_object(staged)
            raise NoSuchFolder(f"no folder {path} in local storage")
        del found.place[found.handle]
        return _keep(self._folders[path], found.handle, found.flags, found.octets)

    def remove_object(self, each: LocalObject) -> None:
        found = _found(each)
        if found is not None:
            del found.place[found.handle]

    def set_flags(self, each: LocalObject, flags: Iterable[str]) -> LocalObject:
        found = _found(each)
        if found is None:
            raise NoSuchObject(f"the object {each.handle} is gone")
        return _keep(found.place, found.handle, flags, found.octets)

    def _folder(self, path: FolderPath) -> dict[str, MemoryObject]:
        try:
            return self._folders[path]
        except KeyError:
            raise NoSuchFolder(f"no folder {path} in local storage") from None

    def _new_handle(self) -> str:
        return f"{next(self._numbers):08}"


def _found(each: LocalObject) -> MemoryObject | None:
    if not isinstance(each, MemoryObject):
        raise TypeError(f"the object {each.handle} is of another local storage")
    return each.current


def _keep(place: dict[str, MemoryObject], handle: str, flags: Iterable[str], octets: bytes) -> MemoryObject:
    place[handle] = kept = MemoryObject(handle, frozenset(map(usual_spelling, flags)), octets, place)
    return kept


class MemoryClient(BareClient):
    """A storage client that lives as long as this object does. Close it, or use it as a context manager."""

    def __init__(self, *, synchronizer: type[Synchronizer] = Synchronizer) -> None:
        super().__init__(MemoryStorage(), Base.in_memory(), synchronizer)
