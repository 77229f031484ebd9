"""A Maildir tree as local storage: one directory a folder, one file an object, flags in the file's name."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from conformance.imap.names import decode_name, encode_name
from conformance.model.folders import FolderPath, ancestors
from conformance.model.states import Flags, ObservedObject, Snapshot

LETTERS = {"\\draft": "D", "\\flagged": "F", "\\answered": "R", "\\seen": "S", "\\deleted": "T"}
NAMES = {letter: flag for flag, letter in LETTERS.items()}
_PARTS = ("cur", "new", "tmp")
_QUIET_SECONDS = 10
_INBOX: FolderPath = ("INBOX",)


class Maildir:
    """A tree of Maildir folders below `mail`, with `inbox` apart; directory names are modified UTF-7."""

    def __init__(self, mail: Path, inbox: Path | None) -> None:
        self.mail, self.inbox = mail, inbox
        self._numbers = itertools.count(1)

    def directory(self, path: FolderPath) -> Path:
        """The directory of a folder."""
        if path == _INBOX and self.inbox is not None:
            return self.inbox
        return self.mail.joinpath(*(encode_name(level).decode("ascii") for level in path))

    def folders(self) -> Iterator[FolderPath]:
        """All folders that exist."""
        if self.inbox is not None and (self.inbox / "cur").is_dir():
            yield _INBOX
        for current, names, _ in os.walk(self.mail):
            names[:] = [name for name in names if name not in _PARTS]
            place = Path(current)
            if place != self.mail and (place / "cur").is_dir():
                yield tuple(decode_name(os.fsencode(level)) for level in place.relative_to(self.mail).parts)

    def create(self, path: FolderPath) -> None:
        """Make a folder and the superiors it needs."""
        for each in [*ancestors(path), path]:
            for part in _PARTS:
                (self.directory(each) / part).mkdir(parents=True, exist_ok=True)

    def remove_folder(self, path: FolderPath) -> None:
        """Remove a folder with its inferiors."""
        shutil.rmtree(self.directory(path))

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Give a folder and its inferiors another name."""
        if len(new) > 1:
            self.create(new[:-1])
        self.directory(old).rename(self.directory(new))

    def put(self, path: FolderPath, octets: bytes, flags: Flags) -> None:
        """Add an object; it appears whole, by a rename out of `tmp`."""
        self.create(path)
        directory = self.directory(path)
        name = f"{int(time.time())}.{os.getpid()}_{next(self._numbers)}.conformance"
        letters = _letters(flags)
        (directory / "tmp" / name).write_bytes(octets.replace(b"\r\n", b"\n"))
        (directory / "tmp" / name).rename(directory / "cur" / f"{name}:2,{letters}")

    def remove(self, path: FolderPath, handle: str) -> None:
        """Remove an object."""
        (self.directory(path) / handle).unlink()

    def set_flags(self, path: FolderPath, handle: str, add: Iterable[str], remove: Iterable[str]) -> None:
        """Change flags, which renames the file."""
        file = self.directory(path) / handle
        flags = (_flags(file.name) | {flag.lower() for flag in add}) - {flag.lower() for flag in remove}
        base = file.name.partition(":2,")[0]
        file.rename(self.directory(path) / "cur" / f"{base}:2,{_letters(flags)}")

    def snapshot(self) -> Snapshot:
        """All folders and objects."""
        return Snapshot({path: tuple(self._objects(self.directory(path))) for path in self.folders()})

    def _objects(self, directory: Path) -> Iterator[ObservedObject]:
        for part in ("cur", "new"):
            for file in sorted((directory / part).iterdir()):
                flags = frozenset(_flags(file.name))
                yield ObservedObject(file.read_bytes(), flags, f"{part}/{file.name}")

    def look_quiet(self) -> None:
        """Date all directories back: a reader that trusts no directory changed in this second need not wait for it."""
        then = time.time() - _QUIET_SECONDS
        for path in self.folders():
            for part in ("cur", "new"):
                os.utime(self.directory(path) / part, (then, then))


def _letters(flags: Iterable[str]) -> str:
    return "".join(sorted(LETTERS[flag.lower()] for flag in flags if flag.lower() in LETTERS))


def _flags(name: str) -> set[str]:
    return {NAMES[letter] for letter in name.partition(":2,")[2] if letter in NAMES}
