"""What server test cases are written with: a fresh account and raw connections that speak in the eight operations.

A connection's methods that prepare something raise `PreconditionNotReached` when the server refuses; the stimulus of a
test case is sent with `ask`, whose answer is judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from conformance.imap.data import ListData, compact_uids, fetch_items, list_data
from conformance.imap.errors import ImapProblem
from conformance.imap.names import Hierarchy, decode_name, encode_name, quote, quote_escaped, same_spelling
from conformance.imap.recorder import Recorder
from conformance.imap.session import StorageSession
from conformance.imap.syntax import Response, Token, flags_of, number_of, octets_of
from conformance.imap.transcript import Transcript
from conformance.imap.wire import Exchange, WireConnection
from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind, of_kind
from conformance.model.states import SYSTEM_FLAGS, is_permanent
from conformance.scenario.judge import Judge, NotApplicable, PreconditionNotReached
from conformance.scenario.stage import Stage
from conformance.scenario.watch import PREFIX, Watch

Fetched = dict[str, Token]
_SYSTEM_FLAG = re.compile(r"\\\w+")


@dataclass(frozen=True)
class Selection:
    """What SELECT or EXAMINE told of a folder (RFC 3501 6.3.1); None is what it did not tell."""

    answer: Exchange
    exists: int | None
    recent: int | None
    flags: frozenset[str] | None
    uid_validity: int | None
    uid_next: int | None
    permanent_flags: frozenset[str] | None
    unseen: int | None
    highest_modseq: int | None
    no_modseq: bool

    @property
    def code(self) -> str:
        """The response code of the tagged OK, in upper case, or an empty string."""
        return self.answer.code.name.upper() if self.answer.code else ""

    def keeps(self, *flags: str) -> bool:
        r"""Whether flags are permanent: listed, or keywords that `\*` admits; without PERMANENTFLAGS all are."""
        return all(is_permanent(flag, self.permanent_flags) for flag in flags)

    def some_flag(self) -> str:
        """A flag that is permanent. Raises `NotApplicable` if no flag is."""
        flag = next((each for each in (*SYSTEM_FLAGS, "\\Deleted") if self.keeps(each)), None)
        if flag is None:
            raise NotApplicable("PERMANENTFLAGS lists no flag that could be changed")
        return flag


def selection(answer: Exchange) -> Selection:
    """Read the untagged responses of SELECT or EXAMINE."""
    codes = {each.code.name.upper(): each.code.arguments for each in answer.untagged if each.code}
    counts = {each.name.upper(): each.number for each in answer.untagged if each.number is not None}
    flags = next((flags_of(each.tokens[0]) for each in answer.named("FLAGS") if each.tokens), None)
    numbers = {name: number_of(arguments[0]) for name, arguments in codes.items() if name in _NUMBERS and arguments}
    permanent = codes.get("PERMANENTFLAGS")
    return Selection(
        answer,
        counts.get("EXISTS"),
        counts.get("RECENT"),
        flags,
        numbers.get("UIDVALIDITY"),
        numbers.get("UIDNEXT"),
        flags_of(permanent[0]) if permanent else None,
        numbers.get("UNSEEN"),
        numbers.get("HIGHESTMODSEQ"),
        "NOMODSEQ" in codes,
    )


_NUMBERS = ("UIDVALIDITY", "UIDNEXT", "UNSEEN", "HIGHESTMODSEQ")


class Tester:
    """One logged-in raw connection of the suite, with the operations spelled out."""

    __test__ = False  # or its name makes it a class of tests, which costs each run the time of a warning

    def __init__(self, wire: WireConnection, capabilities: frozenset[str]) -> None:
        self.wire, self.capabilities = wire, capabilities
        self._kept: frozenset[str] | None = None

    def ask(self, line: bytes, *literals: bytes, non_synchronizing: bool = False) -> Exchange:
        """Send one command and give the whole answer, whatever it is."""
        return self.wire.command(line, *literals, non_synchronizing=non_synchronizing)

    def must(self, line: bytes, *literals: bytes) -> Exchange:
        """Send a command of the preamble; anything but OK means that the precondition is not reached."""
        answer = self.ask(line, *literals)
        if not answer.ok:
            told = line.decode("ascii", "backslashreplace")
            raise PreconditionNotReached(f"{told}: the server answered {answer.status} {answer.text}")
        return answer

    def select(self, folder: bytes) -> Selection:
        """Set a folder active for reading and writing."""
        told = selection(self.must(b"SELECT " + folder))
        self._kept = told.permanent_flags
        return told

    def examine(self, folder: bytes) -> Selection:
        """Set a folder active for reading only."""
        return selection(self.must(b"EXAMINE " + folder))

    def create(self, folder: bytes) -> None:
        """Create a folder."""
        self.must(b"CREATE " + folder)

    def append(self, folder: bytes, octets: bytes, flags: Iterable[str] = (), date: str = "") -> Exchange:
        """Store an object; returns the answer, which may carry APPENDUID."""
        return self.must(append_line(folder, flags, date), octets)

    def fetch(self, uids: Iterable[int] | str, items: str = "UID FLAGS") -> dict[int, Fetched]:
        """The items of objects by UID; `uids` may be a set in IMAP's spelling."""
        wanted = uids if isinstance(uids, str) else compact_uids(uids)
        if not wanted:
            return {}
        return by_uid(self.must(f"UID FETCH {wanted} ({items})".encode()))

    def uids(self) -> list[int]:
        """The UIDs of the active folder, by sequence number."""
        found = self.must(b"UID SEARCH ALL")
        return sorted(number_of(token) for each in found.named("SEARCH") for token in each.tokens)

    def body(self, uid: int) -> bytes | None:
        """The octets of one object, fetched without side effect; None if it is not there."""
        return body_of(self.fetch([uid], "UID BODY.PEEK[]").get(uid, {}))

    def flags(self, uid: int) -> frozenset[str] | None:
        r"""The flags of one object without `\\Recent`, in lower case; None if it is not there."""
        found = self.fetch([uid], "UID FLAGS").get(uid)
        return None if found is None else plain_flags(found)

    def store(self, uids: Iterable[int], change: str) -> Exchange:
        r"""Change flags, for instance `+FLAGS (\\Seen)`; not applicable where the server does not keep one of them."""
        kept = {flag.lower() for flag in self._kept or ()}
        lost = [flag for flag in _SYSTEM_FLAG.findall(change) if self._kept is not None and flag.lower() not in kept]
        if lost:
            raise NotApplicable(f"the server does not keep {' '.join(lost)} (PERMANENTFLAGS)")
        return self.must(f"UID STORE {compact_uids(uids)} {change}".encode())

    def listing(self, pattern: bytes = b"*") -> list[ListData]:
        """The LIST responses for a pattern, in the order they came."""
        answer = self.must(b'LIST "" ' + quote(pattern))
        return [list_data(each) for each in answer.named("LIST")]

    def listed(self, pattern: bytes = b"*") -> dict[bytes, frozenset[str]]:
        """Names as sent and their attributes in lower case; with a name twice, the attributes of the last."""
        return {each.wire_name: each.attributes for each in self.listing(pattern)}


def append_line(folder: bytes, flags: Iterable[str] = (), date: str = "") -> bytes:
    """An APPEND command without its literal (RFC 3501 6.3.11)."""
    flag_list = " ".join(flags)
    parts = [b"APPEND", folder]
    parts += [f"({flag_list})".encode()] if flag_list else []
    parts += [f'"{date}"'.encode()] if date else []
    return b" ".join(parts) + b" {}"


def by_uid(answer: Exchange) -> dict[int, Fetched]:
    """The items of FETCH responses by UID; what came without a UID is left out, later items win."""
    found: dict[int, Fetched] = {}
    for each in answer.named("FETCH"):
        items = fetch_items(each)
        if "UID" in items:
            found.setdefault(number_of(items["UID"]), {}).update(items)
    return found


def uids_in_order(answer: Exchange) -> list[int]:
    """The UIDs of FETCH responses in the order of their message sequence numbers."""
    numbered = sorted(answer.named("FETCH"), key=lambda response: response.number or 0)
    return [number_of(items["UID"]) for items in map(fetch_items, numbered) if "UID" in items]


def body_of(items: Fetched) -> bytes | None:
    """The octets of BODY[], or None where there is none."""
    token = items.get("BODY[]")
    return None if token is None else octets_of(token)


def plain_flags(items: Fetched) -> frozenset[str]:
    r"""The FLAGS item without `\\Recent`, in lower case."""
    token = items.get("FLAGS")
    return frozenset() if token is None else frozenset(each.lower() for each in flags_of(token)) - {"\\recent"}


def notices(answer: Exchange, name: str) -> list[Response]:
    """The untagged responses of one name in an answer."""
    return answer.named(name)


class Storage:
    """A fresh account on the server under test and connections to it; a context manager."""

    def __init__(self, stage: Stage, judge: Judge, transcript: Transcript) -> None:
        self.stage, self.judge, self.transcript = stage, judge, transcript
        self.server = stage.server
        self.watch = Watch(judge, transcript, transcript.mark())
        judge.at_end.append(self.watch.conclude)
        self._resources = ExitStack()
        self._testers = 0

    def __enter__(self) -> Self:
        self.account = self.server.fresh_account()
        self._resources.callback(self.server.release, self.account)
        self.transcript.protect(self.account.credentials.password)
        with self.session() as session:
            delimiter = session.delimiter
        self.hierarchy = Hierarchy(delimiter, (delimiter or "").join(self.account.root))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    def session(self) -> StorageSession:
        """A session of the storage operations, as an ordinary client would use them."""
        account = self.account
        recorder = Recorder(self.transcript, "session-1")
        return StorageSession.open(
            account.endpoint, account.credentials, timeout=self.stage.bounds.answer, recorder=recorder
        )

    def connect(self) -> Tester:
        """One more logged-in raw connection; it is closed at the end of the test case."""
        self._testers += 1
        recorder = Recorder(self.transcript, f"{PREFIX}{self._testers}")
        wire = WireConnection.open(self.account.endpoint, recorder=recorder, timeout=self.stage.bounds.answer)
        self._resources.callback(wire.close)
        wire.authenticate(self.account.credentials)
        return Tester(wire, wire.capabilities())

    def name(self, *levels: str) -> bytes:
        """The quoted wire name of a path below the account's root."""
        return quote(encode_name(self.hierarchy.name(levels)))

    @property
    def nested(self) -> bool:
        """Whether folders can have inferiors."""
        return self.hierarchy.delimiter is not None

    @staticmethod
    def quoted(wire_name: bytes) -> bytes:
        """A listed name as a quoted string, octets above 127 included, without CR, LF and NUL, which none can hold."""
        return quote_escaped(wire_name.translate(None, b"\r\n\0"))

    def wire_name(self, *levels: str) -> bytes:
        """The wire name of a path, as LIST sends it."""
        return encode_name(self.hierarchy.name(levels))

    def path(self, wire_name: bytes) -> FolderPath | None:
        """The path of a listed name, None outside the account's root."""
        return self.hierarchy.path(decode_name(wire_name))

    def pattern(self, text: str) -> bytes:
        """A LIST pattern for names below the account's root."""
        root = self.hierarchy.root
        return encode_name(root + (self.hierarchy.delimiter or "") if root else "") + encode_name(text)

    def named(self, listing: Iterable[ListData], *levels: str) -> list[ListData]:
        """The LIST responses for one path, in any case that a server may give its letters."""
        wanted = self.wire_name(*levels)
        return [each for each in listing if same_spelling(each.wire_name, wanted)]

    def listed(self, tester: Tester, *levels: str) -> list[ListData]:
        r"""The LIST responses to the exact name of a path, without those marked `\Noselect`."""
        listing = tester.listing(self.wire_name(*levels))
        return [each for each in self.named(listing, *levels) if "\\noselect" not in each.attributes]

    def may_use_inbox(self) -> bool:
        """Whether INBOX is free for a test case: elsewhere a killed run would leave its object in somebody's."""
        return self.account.created

    def step(self, text: str) -> None:
        """Record what the test case does, in words."""
        self.judge.step(text)

    def folder(self, tester: Tester, *levels: str, objects: Sequence[bytes] = ()) -> bytes:
        """Create a folder that holds these objects; returns its quoted wire name."""
        folder = self.name(*(levels or ("Folder",)))
        tester.create(folder)
        for octets in objects:
            tester.append(folder, octets)
        return folder

    def filled(self, tester: Tester, count: int, *levels: str) -> tuple[bytes, list[int]]:
        """A new active folder with so many objects of every kind: its quoted wire name and the UIDs in order."""
        kinds = list(ObjectKind)
        octets = [of_kind(kinds[each % len(kinds)], f"filled-{each}").octets for each in range(count)]
        folder = self.folder(tester, *levels, objects=octets)
        tester.select(folder)
        uids = tester.uids()
        if len(uids) != count:
            raise PreconditionNotReached(f"{count} objects were stored, the folder holds {len(uids)}")
        return folder, uids

    def afresh(self, folder: bytes) -> dict[int, frozenset[str]]:
        """The objects of a folder, by UID, and their flags, as a session sees them that is opened now."""
        later = self.connect()
        later.examine(folder)
        return {uid: plain_flags(items) for uid, items in later.fetch("1:*", "UID FLAGS").items()}

    def is_alive(self, tester: Tester) -> bool:
        """Whether the connection still answers NOOP with OK."""
        try:
            return tester.ask(b"NOOP").ok
        except ImapProblem:
            return False
