"""What a sequence of storage operations has shown so far: identifiers, mod-sequences, and when what was last seen.

Moments are counted by what was done: a later moment is a later operation. Symbolic names stand for objects throughout.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from conformance.model.equality import Equality
from conformance.model.folders import FolderPath
from conformance.model.states import Flags, Item, is_permanent, normal_flags


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done to a folder, or (without a path) by a session."""

    at: int
    kind: str
    path: FolderPath | None
    session: int
    names: frozenset[str] = frozenset()
    how: str = ""
    flags: Flags = frozenset()


@dataclass(slots=True)
class Record:
    """What was shown of one object: how it came, its UID, and when it, its flags and its mod-sequence were last seen.

    `changed_at` is when its flags last really changed, `named_at` when it was last named in a change.
    """

    came: str
    came_at: int
    changed_at: int
    named_at: int
    uid: int | None = None
    there_at: int = -1
    there_by: int = -1
    flags_at: int = -1
    flags_seen_by: dict[int, int] = field(default_factory=dict)
    modseq: int = 0
    modseq_at: int = -1

    @property
    def confirmed(self) -> bool:
        """Whether its flags were seen since it came."""
        return self.flags_at >= self.came_at

    def saw_flags(self, now: int, session: int) -> None:
        """A session was shown the right flags."""
        self.flags_at = self.flags_seen_by[session] = now


@dataclass(frozen=True, slots=True)
class Gone:
    """An object that was removed, by what it could be known again."""

    uid: int | None
    identity: str
    at: int


@dataclass(frozen=True, slots=True)
class Told:
    """A number that a selection told, when it did, and how many objects had been added by then."""

    value: int
    at: int
    additions: int


@dataclass(frozen=True, slots=True)
class Announced:
    """The UIDs that a code such as APPENDUID announced for an object."""

    uid_validity: int
    uid: int
    code: str
    entry: int


@dataclass
class Shelf:
    """One folder from its creation on; a name that is used again is another shelf."""

    maker: int
    created_at: int
    renamed: bool = False
    records: dict[str, Record] = field(default_factory=dict)
    gone: dict[str, Gone] = field(default_factory=dict)
    announced: dict[str, Announced] = field(default_factory=dict)
    additions: int = 0
    uid_validity: int | None = None
    uid_next: Told | None = None
    highest_modseq: Told | None = None
    permanent: frozenset[str] | None = None
    has_told_permanent: bool = False
    has_shown_uids: bool = False
    former_uids: dict[tuple[str, int], int] = field(default_factory=dict)

    def revalidate(self, uid_validity: int | None) -> None:
        """UIDVALIDITY is told; under another one objects have other UIDs, or those they had under it before."""
        former, self.uid_validity = self.uid_validity, uid_validity
        if former is None or uid_validity is None or former == uid_validity:
            return
        for name, record in self.records.items():
            if record.uid is not None:
                self.former_uids[name, former] = record.uid
            record.uid = self.former_uids.get((name, uid_validity))
            record.modseq_at = -1
        self.gone = {name: replace(each, uid=None) for name, each in self.gone.items()}
        self.uid_next = self.highest_modseq = None

    def name_of(self, uid: int) -> str | None:
        """The object that is there under a UID."""
        return next((name for name, record in self.records.items() if record.uid == uid), None)

    def gone_uids(self) -> set[int]:
        """The UIDs of what was removed."""
        return {each.uid for each in self.gone.values() if each.uid is not None}

    def keeps(self, flag: str) -> bool:
        """Whether the server says that it keeps a flag; true as long as it has said nothing (RFC 3501 7.1)."""
        return is_permanent(flag, self.permanent)

    def kept(self, flags: Iterable[str]) -> Flags:
        """Those of the flags that are kept, in lower case."""
        return frozenset(flag for flag in normal_flags(flags) if self.keeps(flag))


class Ledger:
    """The shelves of one account, and everything that was done to them."""

    def __init__(self) -> None:
        self.now = 0
        self.shelves: dict[FolderPath, Shelf] = {}
        self.events: list[Event] = []
        self.used: dict[tuple[FolderPath, int], int] = {}
        self.named: dict[tuple[FolderPath, int, int], str] = {}
        self.former: dict[FolderPath, set[str]] = {}
        self.cut_off: dict[FolderPath, list[bytes]] = {}
        self.renamed_paths: set[FolderPath] = set()
        self.absent: dict[FolderPath, tuple[int, str]] = {}

    def note(
        self,
        kind: str,
        session: int,
        path: FolderPath | None = None,
        names: Collection[str] = (),
        how: str = "",
        flags: Flags = frozenset(),
    ) -> None:
        """Something was done."""
        self.now += 1
        self.events.append(Event(self.now, kind, path, session, frozenset(names), how, normal_flags(flags)))

    def since(self, moment: int, *kinds: str) -> Iterator[Event]:
        """What was done after a moment, the latest first."""
        for event in reversed(self.events):
            if event.at <= moment:
                return
            if not kinds or event.kind in kinds:
                yield event

    def identities(self, event: Event) -> set[str]:
        """What the objects were that something removed."""
        gone = self.shelves[event.path].gone if event.path in self.shelves else {}
        return {gone[name].identity for name in event.names if name in gone}

    def created(self, path: FolderPath, session: int) -> None:
        """A folder is new."""
        self.note("create", session, path)
        self.absent.pop(path, None)
        self.shelves[path] = Shelf(session, self.now)

    def deleted(self, path: FolderPath, session: int, items: Iterable[Item]) -> None:
        """A folder was removed with what it held."""
        self.note("delete", session, path)
        self.absent[path] = session, "delete"
        shelf = self.shelves.pop(path)
        left = {each.identity for each in shelf.gone.values()} | {identity_of(item) for item in items}
        self.former.setdefault(path, set()).update(left)

    def renamed(self, paths: dict[FolderPath, FolderPath], session: int) -> None:
        """Folders got other names; RFC 3501 6.3.5 says nothing of their identifiers."""
        for old, new in paths.items():
            self.note("rename", session, new)
            self.absent[old] = session, "rename"
            self.absent.pop(new, None)
            shelf = self.shelves[new] = self.shelves.pop(old)
            shelf.maker = session
            shelf.renamed = True
            self.renamed_paths |= {old, new}
            shelf.uid_validity = shelf.uid_next = shelf.highest_modseq = None
            shelf.announced.clear()
            for record in shelf.records.values():
                record.uid, record.modseq_at = None, -1
            shelf.gone = {name: replace(each, uid=None) for name, each in shelf.gone.items()}

    def added(self, kind: str, path: FolderPath, session: int, items: Collection[Item]) -> None:
        """Objects came to a folder."""
        self.note(kind, session, path, [item.name for item in items])
        shelf = self.shelves[path]
        shelf.additions += len(items)
        for item in items:
            shelf.records[item.name] = Record(kind, self.now, self.now, self.now)

    def removed(self, kind: str, path: FolderPath, session: int, items: Collection[Item]) -> None:
        """Objects were removed from a folder."""
        self.note(kind, session, path, [item.name for item in items])
        shelf = self.shelves[path]
        for item in items:
            record = shelf.records.pop(item.name)
            shelf.announced.pop(item.name, None)
            shelf.gone[item.name] = Gone(record.uid, identity_of(item), self.now)

    def changed(self, path: FolderPath, named: Collection[str], really: Collection[str]) -> None:
        """Objects were named in the change of flags that was noted last; some of them really changed by it."""
        for name in named:
            self.shelves[path].records[name].named_at = self.now
        for name in really:
            self.shelves[path].records[name].changed_at = self.now


def identity_of(item: Item) -> str:
    """What an object is known by when it is seen."""
    return Equality.OCTETS.identity(item.content.octets)
