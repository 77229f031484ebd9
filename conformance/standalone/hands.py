"""The script's own hands on the server: a look that changes nothing, and the edits of a second client of the user."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from typing import NamedTuple

from conformance.standalone.imap import (
    ANSWER_SECONDS,
    Location,
    Refused,
    ServerLost,
    Session,
    decode_name,
    encode_name,
    quote,
    tokens,
)
from conformance.standalone.wording import CouldNotRun

Path = tuple[str, ...]
UID_VALIDITY = re.compile(rb"\[UIDVALIDITY (\d+)\]", re.IGNORECASE)
UID_NEXT = re.compile(rb"\[UIDNEXT (\d+)\]", re.IGNORECASE)
PERMANENT_FLAGS = re.compile(rb"\[PERMANENTFLAGS \(([^)]*)\)", re.IGNORECASE)
DELETED = "\\Deleted"


class Observed(NamedTuple):
    """One object as a store showed it; `handle` is the store's own name for it."""

    octets: bytes
    flags: frozenset[str]
    handle: str


Seen = dict[Path, list[Observed]]


def told_path(path: Iterable[str]) -> str:
    """A folder as a reader sees it."""
    return "/".join(path)


def with_inbox(levels: Iterable[str]) -> Path:
    """The levels of a name; INBOX is the one without regard to case (RFC 3501 5.1)."""
    first, *rest = [*levels, ""]
    return tuple(("INBOX" if first.upper() == "INBOX" else first, *rest)[: len(rest)])


class Hands:
    """What one account holds below a fresh folder, which `begin` makes and `end` removes."""

    def __init__(self, location: Location, seconds: float = ANSWER_SECONDS) -> None:
        self._location, self._seconds = location, seconds
        self._session: Session | None = None
        self._made: list[Path] = []
        self._delimiter = ""
        self.root: Path = ()
        self.marks: dict[Path, tuple[bytes, bytes]] = {}

    # The session, and names

    @property
    def session(self) -> Session:
        """The session, opened when it is first needed."""
        if self._session is None:
            self._session = Session(self._location, self._seconds)
            listed = [tokens(unit) for unit in self._session.command(b'LIST "" ""') if unit[:7].upper() == b"* LIST "]
            delimiter = listed[0][3] if listed and len(listed[0]) > 3 else None
            self._delimiter = (delimiter or b"").decode("ascii", "replace")
        return self._session

    def close(self) -> None:
        """End the session; the next use opens another one."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def command(self, line: bytes) -> list[bytes]:
        """The untagged responses to a command."""
        return self.session.command(line)

    def name(self, path: Path) -> bytes:
        """The quoted name of a folder below the fresh one."""
        return self._name((*self.root, *path))

    def _name(self, levels: Path) -> bytes:
        if len(levels) > 1 and not self._delimiter:
            raise CouldNotRun("the server has no hierarchy of folders", "take another server")
        if any(self._delimiter and self._delimiter in level for level in levels):
            text = f"the server can have no folder {told_path(levels)!r}: its delimiter is {self._delimiter!r}"
            raise CouldNotRun(text, "take a server with another hierarchy delimiter")
        return quote(encode_name(self._delimiter.join(levels)))

    # The fresh folder

    def begin(self) -> None:
        """Make the fresh folder, and what is missing of the one that the URL names."""
        self.close()
        session = self.session
        top = (*self._prefix(session), *with_inbox(self._location.root))
        fresh = (*top, f"cpm-{secrets.token_hex(6)}")
        try:
            for depth in range(len(self._prefix(session)) + 1, len(fresh) + 1):
                if not self._listed(fresh[:depth]):
                    self.command(b"CREATE " + self._name(fresh[:depth]))
                    self._made.append(fresh[:depth])
        except Refused as refusal:
            mend = "let the URL name a folder below which the user may create folders"
            raise CouldNotRun(f"the folder {told_path(fresh[:depth])!r} cannot be created: {refusal}", mend) from None
        self.root = fresh

    def _prefix(self, session: Session) -> Path:
        """The levels that the personal namespace puts before every name (RFC 2342), unless the URL names them."""
        if b"NAMESPACE" not in session.offers:
            return ()
        for unit in self.command(b"NAMESPACE"):
            told = tokens(unit)
            if len(told) > 2 and told[2]:
                levels = tuple(filter(None, self._split(decode_name(told[2][0][0] or b""))))
                return () if self._location.root[: len(levels)] == levels else levels
        return ()

    def _split(self, name: str) -> Path:
        return with_inbox(name.split(self._delimiter) if self._delimiter else [name])

    def _listed(self, levels: Path, command: bytes = b"LIST") -> dict[Path, bool]:
        """The folders at and below some levels, each with whether it can be selected."""
        found = {}
        name = encode_name(self._delimiter.join(levels))
        for unit in self.command(command + b' "" ' + quote(name + b"*")):
            told = tokens(unit)
            if len(told) < 5 or told[1].upper() != command:
                continue
            path = self._split(decode_name(told[4] or b"NIL"))
            unselectable = {b"\\noselect", b"\\nonexistent"} & {each.lower() for each in told[2]}
            if path[: len(levels)] == levels:
                found[path] = not unselectable
        return found

    def end(self) -> None:
        """Remove the fresh folder with everything in it, and the others that were made, if nothing else is there."""
        self.close()
        made, self._made = self._made, []
        if not made:
            return
        for levels in [self.root] if self.root in made else []:
            self._unsubscribe(levels)
            for path in sorted(self._listed(levels), key=len, reverse=True):
                self._try(b"DELETE " + self._name(path))
            if self._listed(levels):
                raise CouldNotRun(f"the folder {told_path(levels)!r} could not be removed", "remove it by hand")
        for levels in reversed([each for each in made if each != self.root]):
            if set(self._listed(levels)) == {levels}:
                self._try(b"DELETE " + self._name(levels))
        self.close()

    def _unsubscribe(self, levels: Path) -> None:
        """Take off the subscriptions that the client has made."""
        for path in self._listed(levels, b"LSUB"):
            self._try(b"UNSUBSCRIBE " + self._name(path))

    def _try(self, line: bytes) -> None:
        try:
            self.command(line)
        except Refused:
            return

    # Looking

    def folders(self) -> dict[Path, bool]:
        """The folders below the fresh one, each with whether it can be selected."""
        listed = self._listed(self.root)
        return {path[len(self.root) :]: can for path, can in listed.items() if len(path) > len(self.root)}

    def snapshot(self) -> Seen:
        """All folders with their objects; `marks` then holds UIDVALIDITY and UIDNEXT of each."""
        try:
            return self._snapshot()
        except ServerLost:
            self.close()
            return self._snapshot()

    def _snapshot(self) -> Seen:
        seen: Seen = {}
        self.marks = {}
        for path in sorted(path for path, can in self.folders().items() if can):
            try:
                told = b"".join(self.command(b"EXAMINE " + self.name(path)))
            except Refused:
                continue
            self.marks[path] = _first(UID_VALIDITY, told), _first(UID_NEXT, told)
            seen[path] = self._objects()
            self._try(b"CLOSE")
        return seen

    def _objects(self) -> list[Observed]:
        found: dict[bytes, dict[bytes, object]] = {}
        for unit in self.command(b"UID FETCH 1:* (UID FLAGS BODY.PEEK[])"):
            told = tokens(unit)
            if len(told) > 3 and told[2].upper() == b"FETCH":
                keys = [each.upper() if isinstance(each, bytes) else b"" for each in told[3][::2]]
                items = dict(zip(keys, told[3][1::2]))  # noqa: B905  (Python 3.9 has no `strict`)
                found.setdefault(items.get(b"UID", b""), {}).update(items)
        return [_fetched(uid, items) for uid, items in found.items() if isinstance(items.get(b"BODY[]"), bytes)]

    def permanent_flags(self, path: Path) -> frozenset[str] | None:
        """The flags that a folder keeps, in lower case; None for all (RFC 3501 6.3.1)."""
        told = PERMANENT_FLAGS.search(b"".join(self.command(b"SELECT " + self.name(path))))
        self._leave(path)
        return frozenset(told[1].decode("utf-8", "replace").lower().split()) if told else None

    def _leave(self, path: Path) -> None:
        """Have no folder selected: CLOSE removes nothing where it was selected to be looked at only."""
        self.command(b"EXAMINE " + self.name(path))
        self._try(b"CLOSE")

    # Editing

    def create_folder(self, path: Path) -> None:
        """Make a folder and those of its superiors that are missing."""
        there = self.folders()
        for depth in range(1, len(path) + 1):
            if not there.get(path[:depth]):
                self.command(b"CREATE " + self.name(path[:depth]))

    def remove_folder(self, path: Path) -> None:
        """Remove a folder with everything in it and below it."""
        below = [each for each, can in self.folders().items() if each[: len(path)] == path and can]
        for each in sorted(below, key=len, reverse=True):
            self.command(b"DELETE " + self.name(each))

    def rename_folder(self, path: Path, target: Path) -> None:
        """Rename a folder."""
        self.command(b"RENAME " + self.name(path) + b" " + self.name(target))

    def put(self, path: Path, octets: bytes, flags: Iterable[str]) -> None:
        """Store an object in a folder, which is made if it is missing."""
        self.create_folder(path)
        self.session.append(self.name(path), " ".join(flags), octets)

    def remove(self, path: Path, uid: str) -> None:
        """Remove an object for good, and no other that is marked."""
        self.command(b"SELECT " + self.name(path))
        self._remove(uid.encode("ascii"))
        self._leave(path)

    def _remove(self, uid: bytes) -> None:
        self._store(uid, b"+", DELETED)
        if b"UIDPLUS" in self.session.offers:
            self.command(b"UID EXPUNGE " + uid)
            return
        marked = [tokens(unit) for unit in self.command(b"UID SEARCH DELETED")]
        others = b",".join(each for told in marked for each in told[2:] if told[1] == b"SEARCH" and each != uid)
        if others:
            self._store(others, b"-", DELETED)
        self.command(b"EXPUNGE")
        if others:
            self._store(others, b"+", DELETED)

    def move(self, path: Path, uid: str, target: Path) -> None:
        """Move an object: copy it, then remove it."""
        self.create_folder(target)
        self.command(b"SELECT " + self.name(path))
        self.command(b"UID COPY " + uid.encode("ascii") + b" " + self.name(target))
        self._remove(uid.encode("ascii"))
        self._leave(path)

    def change_flag(self, path: Path, uid: str, flag: str, on: bool) -> None:  # noqa: FBT001  (as the history says it)
        """Set or clear a flag of an object."""
        self.command(b"SELECT " + self.name(path))
        self._store(uid.encode("ascii"), b"+" if on else b"-", flag)
        self._leave(path)

    def _store(self, uids: bytes, sign: bytes, flag: str) -> None:
        self.command(b"UID STORE " + uids + b" " + sign + b"FLAGS.SILENT (" + flag.encode("ascii") + b")")

    def renew_uid_validity(self, path: Path) -> None:
        """Give a folder a new UIDVALIDITY and its objects new UIDs: it is made anew, and they are copied back."""
        before = self._validity(path)
        aside = self._name((*self.root[:-1], f"{self.root[-1]}-aside"))
        self.command(b"CREATE " + aside)
        self._made.append((*self.root[:-1], f"{self.root[-1]}-aside"))
        self._copy_all(self.name(path), aside)
        self.command(b"DELETE " + self.name(path))
        self.command(b"CREATE " + self.name(path))
        self._copy_all(aside, self.name(path))
        self._made.pop()
        self.command(b"DELETE " + aside)
        if self._validity(path) == before:
            raise CouldNotRun("this server gives a folder that is made anew the UIDVALIDITY of before", "take another")

    def _validity(self, path: Path) -> bytes:
        told = b"".join(self.command(b"EXAMINE " + self.name(path)))
        self._try(b"CLOSE")
        return _first(UID_VALIDITY, told)

    def _copy_all(self, source: bytes, target: bytes) -> None:
        told = b"".join(self.command(b"EXAMINE " + source))
        if not re.search(rb"\* 0 EXISTS", told):
            self.command(b"UID COPY 1:* " + target)
        self._try(b"CLOSE")


def _first(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    match = pattern.search(text)
    return match[1] if match else b""


def _fetched(uid: bytes, items: dict[bytes, object]) -> Observed:
    body, flags = items[b"BODY[]"], items.get(b"FLAGS")
    names = [each.decode("utf-8", "replace") for each in flags] if isinstance(flags, list) else []
    return Observed(body if isinstance(body, bytes) else b"", frozenset(names), uid.decode("ascii"))
