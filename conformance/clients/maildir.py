"""A Maildir tree as local storage, as synchronizers use it: a directory a folder, a file an object, flags in its name.

Folders lie in one another as their paths say (mbsync: `SubFolders Verbatim`, OfflineIMAP: `sep = /`).
"""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from conformance.clients.program import ProgramClient
from conformance.imap.names import decode_name, encode_name
from conformance.model.folders import FolderPath, ancestors, display
from conformance.model.states import Flags, ObservedObject, Snapshot
from conformance.problems import AdapterProblem
from conformance.servers.protocol import Account

_LETTERS = {
    "\\draft": "D",
    "\\flagged": "F",
    "$forwarded": "P",
    "\\answered": "R",
    "\\seen": "S",
    "\\deleted": "T",
}
_PARTS = ("cur", "new", "tmp")
_QUIET_SECONDS = 10
_INFO = ":2,"
_MEND = "take paths and handles from a snapshot, and levels that a file system can hold"


class Maildir:
    """The tree below `top`. An object's handle is good until a synchronization or a change of its flags.

    Directory names are modified UTF-7, or UTF-8 if `utf8` is true. `keywords` gives further flags letters of their own.
    Raises `AdapterProblem` for what is not there, and for a name that cannot be a directory.
    """

    def __init__(self, top: Path, keywords: Mapping[str, str] | None = None, *, utf8: bool = False) -> None:
        self.top, self._utf8 = top, utf8
        self._letter = {**_LETTERS, **{flag.lower(): letter for flag, letter in (keywords or {}).items()}}
        self._flag = {letter: flag for flag, letter in self._letter.items()}
        self._numbers = itertools.count(1)

    def directory(self, path: FolderPath) -> Path:
        """The directory of a folder."""
        levels = [level if self._utf8 else encode_name(level).decode("ascii") for level in path]
        for level in levels:
            if (
                level in (*_PARTS, "", ".", "..")
                or "/" in level
                or len(os.fsencode(level)) > os.pathconf("/", "PC_NAME_MAX")
            ):
                raise AdapterProblem(f"a Maildir cannot hold a folder named {level!r}", _MEND)
        return self.top.joinpath(*levels)

    def folders(self) -> Iterator[FolderPath]:
        """All folders, superiors first; a directory without `cur` is only a level of hierarchy."""
        yield from self._directories()

    def _directories(self) -> dict[FolderPath, Path]:
        """Each folder with the directory that it really is: a synchronizer may have made one with an 8-bit name."""
        return {tuple(self._level(each) for each in here.relative_to(self.top).parts): here for here in self._walk()}

    def _level(self, name: str) -> str:
        octets = os.fsencode(name)
        return octets.decode("utf-8", "replace") if self._utf8 else decode_name(octets)

    def _walk(self) -> Iterator[Path]:
        for current, names, _ in os.walk(self.top):
            here = Path(current)
            if here != self.top and "cur" in names:
                yield here
            names[:] = sorted(name for name in names if name not in _PARTS)

    def create_folder(self, path: FolderPath) -> None:
        """Make a folder and those of its superiors that are missing."""
        for each in [*ancestors(path), path]:
            for part in _PARTS:
                (self.directory(each) / part).mkdir(parents=True, exist_ok=True)

    def remove_folder(self, path: FolderPath) -> None:
        """Remove a folder with its objects and inferiors."""
        with _told(path):
            shutil.rmtree(self.directory(path))

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Give a folder, with its inferiors, another name; superiors that are missing are made."""
        if len(new) > 1:
            self.create_folder(new[:-1])
        with _told(old):
            self.directory(old).rename(self.directory(new))

    def put(self, path: FolderPath, octets: bytes, flags: Flags) -> None:
        """Add an object, there at once and whole. Line ends become LF, as everywhere in a Maildir.

        Flags without a letter of their own are not kept.
        """
        directory = self.directory(path)
        name = f"{int(time.time())}.{os.getpid()}_{next(self._numbers)}.conformance"
        with _told(path):
            (directory / "tmp" / name).write_bytes(octets.replace(b"\r\n", b"\n"))
            (directory / "tmp" / name).rename(directory / "cur" / f"{name}{_INFO}{self._letters(flags)}")

    def remove(self, path: FolderPath, handle: str) -> None:
        """Remove an object."""
        with _told(path):
            (self.directory(path) / handle).unlink()

    def set_flags(self, path: FolderPath, handle: str, add: Iterable[str], remove: Iterable[str]) -> None:
        """Set and clear flags of an object, which renames its file."""
        file = self.directory(path) / handle
        base, _, letters = file.name.partition(_INFO)
        kept = (set(letters) | set(self._letters(add))) - set(self._letters(remove))
        with _told(path):
            file.rename(self.directory(path) / "cur" / f"{base}{_INFO}{''.join(sorted(kept))}")

    def snapshot(self) -> Snapshot:
        """All folders with their objects, as the files are."""
        return Snapshot({path: tuple(self._objects(here)) for path, here in self._directories().items()})

    def _objects(self, directory: Path) -> Iterator[ObservedObject]:
        # A synchronizer may deliver into `new` with flags already in the name.
        for part in ("cur", "new"):
            for file in sorted((directory / part).iterdir()):
                letters = file.name.partition(_INFO)[2]
                flags = frozenset(self._flag[letter] for letter in letters if letter in self._flag)
                yield ObservedObject(file.read_bytes(), flags, f"{part}/{file.name}")

    def look_quiet(self) -> None:
        """Date the directories back: mbsync waits out the second in which one was changed, and need not here."""
        then = time.time() - _QUIET_SECONDS
        for here in self._walk():
            for part in ("cur", "new"):
                os.utime(here / part, (then, then))

    def _letters(self, flags: Iterable[str]) -> str:
        return "".join(sorted({self._letter[flag.lower()] for flag in flags if flag.lower() in self._letter}))


@contextmanager
def _told(path: FolderPath) -> Iterator[None]:
    """Turn an error of the file system into a problem that names the folder."""
    try:
        yield
    except OSError as error:
        raise AdapterProblem(f"local storage, folder {display(path)}: {error}", _MEND) from error


class MaildirClient(ProgramClient):
    """A program that synchronizes a Maildir: what the user does to local storage is done to its files."""

    _maildir: Maildir | None = None

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._maildir = None
        super().__exit__(kind, problem, trace)

    @property
    def _local(self) -> Maildir:
        """One Maildir for the whole life of a local storage: it numbers the objects that it names."""
        if self._maildir is None:
            raise AdapterProblem(f"the {self.name} adapter is not started", "use it as a context manager")
        return self._maildir

    def _places(self, account: Account) -> Mapping[str, object]:  # noqa: ARG002
        self._maildir = self._made(self._place / "mail")
        self._maildir.top.mkdir()
        return {}

    def _made(self, top: Path) -> Maildir:
        return Maildir(top)
