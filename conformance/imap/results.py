"""What the storage operations return, and how it is read from the responses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from imapclient.datetime_util import parse_to_datetime

from conformance.imap.data import fetch_items, list_data, vanished_data
from conformance.imap.names import decode_name
from conformance.imap.syntax import Code, Response, Token, flags_of, number_of, octets_of

_SYSTEM_FLAGS = {flag.lower(): flag for flag in (r"\Answered", r"\Deleted", r"\Draft", r"\Flagged", r"\Seen")}


@dataclass(frozen=True, slots=True)
class ListedFolder:
    r"""One folder of a listing; `name` is in Unicode, `attributes` in lower case such as `\noselect`."""

    name: str
    wire_name: bytes
    delimiter: str | None
    attributes: frozenset[str]

    @property
    def selectable(self) -> bool:
        """Whether it can be set active (RFC 3501 7.2.2, RFC 5258 3)."""
        return not self.attributes & {r"\noselect", r"\nonexistent"}

    @classmethod
    def read(cls, response: Response) -> ListedFolder:
        """From a LIST response."""
        data = list_data(response)
        return cls(decode_name(data.wire_name), data.wire_name, data.delimiter, data.attributes)


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """What STATUS tells; an item the server left out is None."""

    messages: int | None
    uid_next: int | None
    uid_validity: int | None
    highest_modseq: int | None = None

    @classmethod
    def read(cls, items: Mapping[str, int]) -> FolderStatus:
        """From the items of a STATUS response."""
        return cls(*(items.get(item) for item in ("MESSAGES", "UIDNEXT", "UIDVALIDITY", "HIGHESTMODSEQ")))


@dataclass(frozen=True, slots=True)
class ActiveFolder:
    """A folder set active; what the server did not say is None."""

    name: str
    exists: int | None
    recent: int | None
    uid_validity: int | None
    uid_next: int | None
    flags: frozenset[str]
    permanent_flags: frozenset[str] | None
    read_only: bool
    highest_modseq: int | None
    unseen: int | None

    @classmethod
    def read(cls, name: str, untagged: Iterable[Response], final: Code | None) -> ActiveFolder:
        """From the responses to SELECT or EXAMINE."""
        numbers: dict[str, int | None] = {}
        flags: dict[str, frozenset[str]] = {}
        for response in untagged:
            if response.number is not None:
                numbers[response.name] = response.number
            elif response.name == "FLAGS" and response.tokens:
                flags["FLAGS"] = canonical_flags(response.tokens[0])
            elif response.code and response.code.name == "PERMANENTFLAGS" and response.code.arguments:
                flags["PERMANENTFLAGS"] = canonical_flags(response.code.arguments[0])
            elif response.code and response.code.arguments and response.code.name in _SELECT_NUMBERS:
                numbers[response.code.name] = number_of(response.code.arguments[0])
        return cls(
            name,
            exists=numbers.get("EXISTS"),
            recent=numbers.get("RECENT"),
            uid_validity=numbers.get("UIDVALIDITY"),
            uid_next=numbers.get("UIDNEXT"),
            flags=flags.get("FLAGS", frozenset()),
            permanent_flags=flags.get("PERMANENTFLAGS"),
            read_only=final is not None and final.name == "READ-ONLY",
            highest_modseq=numbers.get("HIGHESTMODSEQ"),
            unseen=numbers.get("UNSEEN"),
        )


_SELECT_NUMBERS = frozenset({"UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ", "UNSEEN"})


@dataclass(frozen=True, slots=True)
class ObjectMetadata:
    r"""An object without its body; `flags` never holds `\Recent`."""

    uid: int
    flags: frozenset[str]
    size: int | None
    modseq: int | None

    @classmethod
    def read(cls, uid: int, items: Mapping[str, Token]) -> ObjectMetadata:
        """From the data items of a FETCH response."""
        size, modseq = items.get("RFC822.SIZE"), items.get("MODSEQ")
        return cls(
            uid,
            canonical_flags(items.get("FLAGS") or ()),
            None if size is None else number_of(size),
            None if modseq is None else number_of(modseq),
        )


@dataclass(frozen=True, slots=True)
class FetchedObject:
    """An object with its body, octet for octet as the server sent it."""

    uid: int
    octets: bytes
    flags: frozenset[str]
    internal_date: datetime | None

    @classmethod
    def read(cls, uid: int, items: Mapping[str, Token]) -> FetchedObject:
        """From the data items of a FETCH response."""
        flags = canonical_flags(items.get("FLAGS") or ())
        return cls(uid, octets_of(items["BODY[]"]), flags, read_date(items.get("INTERNALDATE")))


@dataclass(frozen=True, slots=True)
class StoredAs:
    """Where a stored object went (RFC 4315 3, APPENDUID and COPYUID)."""

    uid_validity: int
    uid: int


@lru_cache(maxsize=1024)
def canonical_flags(token: Token) -> frozenset[str]:
    r"""Flags with system flags in their usual spelling (they are case-insensitive) and without `\Recent`."""
    named = (_SYSTEM_FLAGS.get(flag.lower(), flag) for flag in flags_of(token))
    return frozenset(flag for flag in named if flag.lower() != r"\recent")


def read_date(token: Token) -> datetime | None:
    """An INTERNALDATE with its time zone, None when there is none or it is no date."""
    try:
        return None if token is None else _parsed_date(octets_of(token))
    except (ValueError, IndexError, TypeError):
        return None


@lru_cache(maxsize=1024)
def _parsed_date(octets: bytes) -> datetime:
    date: datetime = parse_to_datetime(octets, normalise=False)
    return date


def fetched(untagged: Iterable[Response]) -> dict[int, dict[str, Token]]:
    """The FETCH data of one answer by UID, later news merged in, objects expunged meanwhile left out."""
    found: dict[int, dict[str, Token]] = {}
    uids: dict[int, int] = {}
    for response in untagged:
        number = response.number or 0
        if response.name == "FETCH":
            items = fetch_items(response)
            if "UID" in items:
                uids[number] = number_of(items["UID"])
            if number in uids:
                found.setdefault(uids[number], {}).update(items)
        elif response.name == "EXPUNGE":
            found.pop(uids.pop(number, 0), None)
            uids = {one - (one > number): uid for one, uid in uids.items()}
        elif response.name == "VANISHED":
            gone = vanished_data(response)[1]
            found = {uid: items for uid, items in found.items() if uid not in gone}
    return found
