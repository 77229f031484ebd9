"""Local storage: a Maildir-like directory a folder, an object a file, made visible by one rename.

Maildir's info letters hold the system flags; keywords lie in a file beside the object, the annotations of a folder in
one beside its objects. Objects from the server are staged apart from the user's own unfinished ones, so that an
interrupted synchronization can finish what it began.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from conformance.model.folders import FolderPath
from conformance.reference.client.escape import directory_of, is_level, path_of
from conformance.reference.client.local import LocalObject, NoSuchFolder, NoSuchObject

__all__ = ["FileObject", "LocalObject", "NoSuchFolder", "NoSuchObject", "Storage", "system_flags", "usual_spelling"]

_LETTERS = {"\\draft": "D", "\\flagged": "F", "$forwarded": "P", "\\answered": "R", "\\seen": "S", "\\deleted": "T"}
_FLAGS = {"D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
_KEYWORDS = ".keywords"
_OBJECTS = "cur"
_ANNOTATIONS = ".annotations"
_count = itertools.count()


def usual_spelling(flag: str) -> str:
    """A flag as it is read back: one that has a letter is the same in any letter case."""
    letter = _LETTERS.get(flag.lower())
    return _FLAGS[letter] if letter else flag


def system_flags(flags: Iterable[str]) -> frozenset[str]:
    """The letters of those flags that have one, which are part of an object's file name."""
    return frozenset(_LETTERS[flag.lower()] for flag in flags if flag.lower() in _LETTERS)


@dataclass(frozen=True, slots=True)
class FileObject(LocalObject):
    """One object as a file."""

    file: Path

    def read(self) -> bytes:
        """The octets. Raises `NoSuchObject`."""
        try:
            return self.file.read_bytes()
        except FileNotFoundError:
            raise NoSuchObject(f"{self.file} is gone") from None


class Storage:
    """Folders and objects below one directory, which is made when missing."""

    def __init__(self, directory: Path) -> None:
        self._top = directory / "folders"
        self._tmp = directory / "tmp"
        self._arriving = directory / "arriving"
        self._trash = directory / "trash"
        self._make()

    def _make(self) -> None:
        for each in (self._top, self._tmp, self._arriving, self._trash):
            each.mkdir(parents=True, exist_ok=True)

    def clear(self) -> None:
        """Forget everything."""
        for each in (self._top, self._tmp, self._arriving, self._trash):
            shutil.rmtree(each)
        self._make()

    def folders(self) -> set[FolderPath]:
        """The paths of all folders."""
        return {path_of(self._top, Path(at)) for at in self._walk(str(self._top))}

    def _walk(self, directory: str) -> Iterator[str]:
        for entry in os.scandir(directory):
            if entry.name == _OBJECTS:
                yield directory
            elif is_level(entry.name):
                yield from self._walk(entry.path)

    def _cur(self, path: FolderPath) -> Path:
        return directory_of(self._top, path) / _OBJECTS

    def has(self, path: FolderPath) -> bool:
        """Whether the folder exists; a mere superior of folders is none."""
        return self._cur(path).is_dir()

    def create(self, path: FolderPath) -> None:
        """Make one folder; nothing happens when it exists."""
        self._cur(path).mkdir(parents=True, exist_ok=True)

    def remove(self, path: FolderPath, *, inferiors: bool = True) -> None:
        """Remove a folder with its objects at once, and its inferiors unless told otherwise. Raises `NoSuchFolder`."""
        if not self.has(path):
            raise NoSuchFolder(f"no folder {path} in local storage")
        directory = directory_of(self._top, path)
        doomed = directory if inferiors else directory / _OBJECTS
        removed = self._trash / _unique()
        doomed.rename(removed)
        self._prune(doomed.parent)
        shutil.rmtree(removed)

    def _prune(self, directory: Path) -> None:
        """Remove directories that no folder needs any more."""
        while directory != self._top:
            try:
                directory.rmdir()
            except OSError:
                return
            directory = directory.parent

    def rename(self, old: FolderPath, new: FolderPath) -> None:
        """Rename a folder with its inferiors. Raises `NoSuchFolder`, and `FileExistsError` where `new` is in use."""
        if not self.has(old):
            raise NoSuchFolder(f"no folder {old} in local storage")
        source, target = directory_of(self._top, old), directory_of(self._top, new)
        if target.exists() or new[: len(old)] == old:
            raise FileExistsError(f"the folder {old} cannot become {new}")
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
        self._prune(source.parent)

    def objects(self, path: FolderPath) -> dict[str, LocalObject]:
        """The objects of a folder by handle, in the order they came. Raises `NoSuchFolder`."""
        cur = self._cur(path)
        try:
            names = {entry.name for entry in os.scandir(cur)} - {_ANNOTATIONS}
        except FileNotFoundError:
            raise NoSuchFolder(f"no folder {path} in local storage") from None
        keyworded = {name.removesuffix(_KEYWORDS) for name in names if name.endswith(_KEYWORDS)}
        found = (_local_object(cur, name, keyworded) for name in sorted(names) if not name.endswith(_KEYWORDS))
        return {each.handle: each for each in found}

    def annotations(self, path: FolderPath) -> dict[str, bytes]:
        """The values of a folder's annotations, by entry."""
        try:
            written = json.loads((self._cur(path) / _ANNOTATIONS).read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return {entry: value.encode("latin-1") for entry, value in written.items()}

    def annotate(self, path: FolderPath, entry: str, value: bytes | None) -> None:
        """Give one annotation of a folder this value, or with None remove it. Raises `NoSuchFolder`."""
        changed = {**self.annotations(path), entry: value}
        written = {each: octets.decode("latin-1") for each, octets in changed.items() if octets is not None}
        unfinished = self._tmp / _unique()
        unfinished.write_text(json.dumps(written), "utf-8")
        try:
            unfinished.rename(self._cur(path) / _ANNOTATIONS)
        except FileNotFoundError:
            unfinished.unlink()
            raise NoSuchFolder(f"no folder {path} in local storage") from None

    def find(self, path: FolderPath, handle: str) -> LocalObject:
        """One object by its handle. Raises `NoSuchFolder` and `NoSuchObject`."""
        try:
            return self.objects(path)[handle]
        except KeyError:
            raise NoSuchObject(f"no object {handle!r} in folder {path}") from None

    def put(self, path: FolderPath, octets: bytes, flags: Iterable[str] = ()) -> LocalObject:
        """Add an object; it is there whole or not at all. Raises `NoSuchFolder`."""
        return self._move_in(path, self._write(self._tmp, octets, flags))

    def stage(self, octets: bytes, flags: Iterable[str] = ()) -> LocalObject:
        """Write an object that came from the server, not yet visible in any folder."""
        return self._write(self._arriving, octets, flags)

    def staged(self) -> list[LocalObject]:
        """What an interrupted synchronization staged and did not reveal."""
        names = {entry.name for entry in os.scandir(self._arriving)}
        keyworded = {name.removesuffix(_KEYWORDS) for name in names if name.endswith(_KEYWORDS)}
        return [_local_object(self._arriving, name, keyworded) for name in sorted(names) if ":2," in name]

    def reveal(self, path: FolderPath, staged: LocalObject) -> LocalObject:
        """Make a staged object visible in its folder. Raises `NoSuchFolder`."""
        return self._move_in(path, staged)

    def remove_object(self, each: LocalObject) -> None:
        """Remove an object, staged or not; one that is gone already is no error."""
        _file(each).unlink(missing_ok=True)
        _keyword_file(each).unlink(missing_ok=True)

    def set_flags(self, each: LocalObject, flags: Iterable[str]) -> LocalObject:
        """Give an object these flags instead of those it has. Raises `NoSuchObject`."""
        file = _file(each)
        changed = FileObject(each.handle, frozenset(flags), file.with_name(_file_name(each.handle, flags)))
        self._write_keywords(changed)
        try:
            file.rename(changed.file)
        except FileNotFoundError:
            _keyword_file(changed).unlink(missing_ok=True)
            raise NoSuchObject(f"{file} is gone") from None
        return changed

    def _write(self, directory: Path, octets: bytes, flags: Iterable[str]) -> FileObject:
        handle = _unique()
        written = FileObject(handle, frozenset(flags), directory / _file_name(handle, flags))
        self._write_keywords(written)
        unfinished = self._tmp / handle
        unfinished.write_bytes(octets)
        unfinished.rename(written.file)
        return written

    def _write_keywords(self, each: LocalObject) -> None:
        keywords = sorted(flag for flag in each.flags if flag.lower() not in _LETTERS)
        if keywords:
            unfinished = self._tmp / (each.handle + _KEYWORDS)
            unfinished.write_text("\n".join(keywords), "utf-8")
            unfinished.rename(_keyword_file(each))
        else:
            _keyword_file(each).unlink(missing_ok=True)

    def _move_in(self, path: FolderPath, each: LocalObject) -> LocalObject:
        file = _file(each)
        moved = FileObject(each.handle, each.flags, self._cur(path) / file.name)
        try:
            if _keyword_file(each).exists():
                _keyword_file(each).rename(_keyword_file(moved))
            file.rename(moved.file)
        except FileNotFoundError:
            self.remove_object(each)
            raise NoSuchFolder(f"no folder {path} in local storage") from None
        return moved


def _unique() -> str:
    """A name never given before; names sort in the order they were given."""
    return f"{time.time_ns():020}.{os.getpid()}_{next(_count):08}"


def _file_name(handle: str, flags: Iterable[str]) -> str:
    return f"{handle}:2,{''.join(sorted(system_flags(flags)))}"


def _file(each: LocalObject) -> Path:
    if not isinstance(each, FileObject):
        raise TypeError(f"the object {each.handle} is of another local storage")
    return each.file


def _keyword_file(each: LocalObject) -> Path:
    return _file(each).with_name(each.handle + _KEYWORDS)


def _local_object(directory: Path, name: str, keyworded: set[str]) -> FileObject:
    handle, _, letters = name.partition(":2,")
    flags = {_FLAGS[letter] for letter in letters}
    if handle in keyworded:
        flags |= _keywords(directory / (handle + _KEYWORDS))
    return FileObject(handle, frozenset(flags), directory / name)


def _keywords(file: Path) -> set[str]:
    try:
        return set(file.read_text("utf-8").split("\n"))
    except FileNotFoundError:
        return set()
