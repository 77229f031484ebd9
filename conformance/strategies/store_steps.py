"""The steps of a sequence of storage operations by several sessions of one user, as data with symbolic names.

A step never holds what a server chooses, such as UIDs. One that does not apply to what is there when it is run, or that
needs what the server does not offer, is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from conformance.model.folders import FolderPath, display
from conformance.model.states import NO_FLAGS, Flags, Item
from conformance.model.stored import FlagChange

KEYWORD = "Work"
FLAGS = ("\\Flagged", "\\Deleted", "\\Seen", "\\Answered", "\\Draft", KEYWORD)

By = Literal["uid", "number"]
Leaving = Literal["close", "unselect"]
Ending = Literal["logout", "abrupt"]
Looking = Literal["news", "select", "examine"]
Reading = Literal["whole", "peek", "part", "header", "size"]
Resynchronizing = Literal["changes", "vanished", "select"]


def _flags(flags: Flags) -> str:
    return " ".join(sorted(flags)) or "no flags"


def _named(names: tuple[str, ...], by: By = "uid") -> str:
    return ", ".join(names) + (" by number" if by == "number" else "")


@dataclass(frozen=True, slots=True)
class Create:
    """Create a folder; one that is there has to be refused."""

    session: int
    path: FolderPath

    def __str__(self) -> str:
        return f"session {self.session} creates folder {display(self.path)}"


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a folder with whatever it holds, but not what is below it; one that is not there has to be refused."""

    session: int
    path: FolderPath

    def __str__(self) -> str:
        return f"session {self.session} removes folder {display(self.path)}"


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a folder, and with it what is below, another name."""

    session: int
    path: FolderPath
    to: FolderPath

    def __str__(self) -> str:
        return f"session {self.session} renames folder {display(self.path)} to {display(self.to)}"


@dataclass(frozen=True, slots=True)
class Append:
    """Store objects: by one command where the server can, else one by one."""

    session: int
    path: FolderPath
    items: tuple[Item, ...]

    def __str__(self) -> str:
        items = ", ".join(f"{item.name} with {_flags(item.flags)}" for item in self.items)
        return f"session {self.session} stores {items} in {display(self.path)}"


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Begin to store objects, and lose the connection after so many octets of the last one; none may be stored."""

    session: int
    path: FolderPath
    items: tuple[Item, ...]
    octets: int

    def __str__(self) -> str:
        names = _named(tuple(item.name for item in self.items))
        where = f"after {self.octets} octets of {self.items[-1].name}"
        return f"session {self.session} stores {names} in {display(self.path)} and is cut off {where}"


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy objects to a folder."""

    session: int
    path: FolderPath
    names: tuple[str, ...]
    to: FolderPath
    by: By = "uid"

    def __str__(self) -> str:
        what = f"{_named(self.names, self.by)} from {display(self.path)}"
        return f"session {self.session} copies {what} to {display(self.to)}"


@dataclass(frozen=True, slots=True)
class Move:
    """Move objects to a folder (RFC 6851)."""

    session: int
    path: FolderPath
    names: tuple[str, ...]
    to: FolderPath
    by: By = "uid"

    def __str__(self) -> str:
        what = f"{_named(self.names, self.by)} from {display(self.path)}"
        return f"session {self.session} moves {what} to {display(self.to)}"


@dataclass(frozen=True, slots=True)
class Change:
    """Add, remove or replace flags of objects.

    With `unchanged`, only of those that have not changed since the session last selected the folder.
    """

    session: int
    path: FolderPath
    names: tuple[str, ...]
    how: FlagChange
    flags: Flags = NO_FLAGS
    by: By = "uid"
    silent: bool = False
    unchanged: bool = False

    def __str__(self) -> str:
        what = f"{self.how}{'.SILENT' if self.silent else ''} ({' '.join(sorted(self.flags))})"
        condition = ", where unchanged," if self.unchanged else ""
        objects = f"{_named(self.names, self.by)} in {display(self.path)}"
        return f"session {self.session} stores {what}{condition} on {objects}"


@dataclass(frozen=True, slots=True)
class Expunge:
    r"""Expunge what is marked `\Deleted`: everything, or (RFC 4315) only of the named objects."""

    session: int
    path: FolderPath
    names: tuple[str, ...] | None = None

    def __str__(self) -> str:
        what = "what is marked" if self.names is None else f"what is marked of {_named(self.names)}"
        return f"session {self.session} expunges {what} in {display(self.path)}"


@dataclass(frozen=True, slots=True)
class Close:
    """Leave a folder, active for reading and writing or for reading only: by CLOSE, or without expunging anything."""

    session: int
    path: FolderPath
    how: Leaving = "close"
    examine: bool = False

    def __str__(self) -> str:
        verb = "closes" if self.how == "close" else "leaves"
        mode = ", active for reading only" if self.examine else ""
        return f"session {self.session} {verb} {display(self.path)}{mode}"


@dataclass(frozen=True, slots=True)
class Read:
    r"""Fetch something of objects: the whole, which sets `\Seen`, or what does not."""

    session: int
    path: FolderPath
    names: tuple[str, ...]
    what: Reading = "peek"
    by: By = "uid"

    def __str__(self) -> str:
        what = {
            "whole": "reads",
            "peek": "peeks at",
            "part": "peeks at a part of",
            "header": "peeks at the header of",
            "size": "asks the size of",
        }[self.what]
        return f"session {self.session} {what} {_named(self.names, self.by)} in {display(self.path)}"


@dataclass(frozen=True, slots=True)
class Look:
    """See everything in a folder: with `news` in the one that is active, after NOOP, else after selecting it anew."""

    session: int
    path: FolderPath
    how: Looking = "news"

    def __str__(self) -> str:
        verb = {"news": "looks at", "select": "selects", "examine": "examines"}[self.how]
        return f"session {self.session} {verb} {display(self.path)}"


@dataclass(frozen=True, slots=True)
class Resync:
    """Learn what changed in a folder since the session last selected it, by its mod-sequence of then (RFC 7162).

    By FETCH CHANGEDSINCE (`changes`), with VANISHED (`vanished`), or by the QRESYNC parameter of SELECT (`select`).
    """

    session: int
    path: FolderPath
    how: Resynchronizing = "changes"

    def __str__(self) -> str:
        way = {"changes": "what changed", "vanished": "what changed and vanished", "select": "by selecting it,"}
        verb = {"changes": "asks", "vanished": "asks", "select": "resynchronizes"}[self.how]
        return f"session {self.session} {verb} {way[self.how]} in {display(self.path)} since it last selected it"


@dataclass(frozen=True, slots=True)
class Search:
    """Search a folder for the objects with a flag, without it, or for all."""

    session: int
    path: FolderPath
    flag: str = ""
    has: bool = True
    by: By = "uid"

    def __str__(self) -> str:
        what = f"objects {'with' if self.has else 'without'} {self.flag}" if self.flag else "all objects"
        return f"session {self.session} searches {display(self.path)} for {what}"


@dataclass(frozen=True, slots=True)
class Status:
    """Ask the status of a folder that is not active."""

    session: int
    path: FolderPath

    def __str__(self) -> str:
        return f"session {self.session} asks the status of {display(self.path)}"


@dataclass(frozen=True, slots=True)
class Listing:
    """List the folders."""

    session: int

    def __str__(self) -> str:
        return f"session {self.session} lists the folders"


@dataclass(frozen=True, slots=True)
class Reconnect:
    """End the connection, by LOGOUT or without a word, and open another."""

    session: int
    how: Ending = "logout"

    def __str__(self) -> str:
        how = "logs out" if self.how == "logout" else "loses its connection"
        return f"session {self.session} {how} and connects anew"


Step = (
    Create
    | Delete
    | Rename
    | Append
    | Interrupt
    | Copy
    | Move
    | Change
    | Expunge
    | Close
    | Read
    | Look
    | Resync
    | Search
    | Status
    | Listing
    | Reconnect
)
