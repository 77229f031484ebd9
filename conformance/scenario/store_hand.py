"""One session of a sequence of storage operations: its connection, its active folder, and what it was told of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from conformance.imap.data import fetch_items, vanished_data
from conformance.imap.errors import ConnectionLost
from conformance.imap.syntax import Response, Token, flags_of, number_of, octets_of
from conformance.imap.wire import Exchange
from conformance.model.folders import FolderPath
from conformance.scenario.storage import Selection, Storage, Tester, selection


@dataclass(frozen=True, slots=True)
class Shown:
    r"""One object as a FETCH showed it; flags are in lower case, without `\Recent`."""

    number: int
    uid: int
    flags: frozenset[str]
    octets: bytes
    modseq: int | None


@dataclass(frozen=True, slots=True)
class Point:
    """What a session keeps of a selection, to resynchronize from: the numbers told, and the UIDs by object."""

    at: int
    uid_validity: int
    modseq: int
    uids: dict[str, int]


@dataclass
class View:
    """The UIDs by message number as the session was told them (RFC 3501 7.4.1); None is one it does not know."""

    uids: list[int | None] = field(default_factory=list)
    removed: list[int | None] = field(default_factory=list)

    def follow(self, responses: Iterable[Response]) -> None:
        """Take EXISTS, EXPUNGE, VANISHED and FETCH with a UID into account."""
        for each in responses:
            if each.name == "EXISTS":
                self.uids += [None] * ((each.number or 0) - len(self.uids))
            elif each.name == "EXPUNGE" and 1 <= (each.number or 0) <= len(self.uids):
                self.removed.append(self.uids.pop((each.number or 0) - 1))
            elif each.name == "VANISHED":
                self._vanished(each)
            elif each.name == "FETCH" and 1 <= (each.number or 0) <= len(self.uids):
                uid = fetch_items(each).get("UID")
                self.uids[(each.number or 0) - 1] = self.uids[(each.number or 0) - 1] if uid is None else number_of(uid)

    def _vanished(self, response: Response) -> None:
        earlier, gone = vanished_data(response)
        if not earlier:
            self.removed += [uid for uid in self.uids if uid in gone]
            self.uids = [uid for uid in self.uids if uid not in gone]

    def number(self, uid: int) -> int | None:
        """The message number of a UID."""
        return self.uids.index(uid) + 1 if uid in self.uids else None

    def take_removed(self) -> list[int | None]:
        """The UIDs whose removal was told since this was last asked."""
        taken, self.removed = self.removed, []
        return taken


class Hand:
    """One session; it connects when it is first used, and anew after its connection has ended."""

    def __init__(self, storage: Storage, number: int) -> None:
        self.storage, self.number = storage, number
        self.is_used = False
        self.points: dict[FolderPath, Point] = {}
        self._tester: Tester | None = None
        self._forget()

    def _forget(self) -> None:
        self.active: FolderPath | None = None
        self.is_examining = self.is_numbering = self.is_resynchronizing = False
        self.has_modseqs = False
        self.view = View()
        self.abreast_at = -1

    def __str__(self) -> str:
        return f"session {self.number}"

    @property
    def tester(self) -> Tester:
        """The connection."""
        if self._tester is None:
            self._tester, self.is_used = self.storage.connect(), True
        return self._tester

    def offers(self, capability: str) -> bool:
        """Whether the server announces something to this session."""
        return capability in self.tester.capabilities

    def ask(self, line: bytes, *literals: bytes) -> Exchange:
        """One command; a connection that is lost counts as BYE."""
        try:
            answer = self.tester.ask(line, *literals)
        except ConnectionLost as lost:
            answer = Exchange("", "BYE", None, str(lost), (), 0)
        if answer.status == "BYE":
            self.drop()
        self.view.follow(answer.untagged)
        return answer

    def drop(self) -> None:
        """The connection has ended, or ends now without a word."""
        if self._tester is not None:
            self._tester.wire.close()
        self._tester = None
        self._forget()

    def reconnect(self) -> None:
        """Open another connection, at once: the server has then noticed that the former has ended."""
        self.drop()
        _ = self.tester

    def select(self, path: FolderPath, name: bytes, parameters: bytes = b"", *, examine: bool = False) -> Selection:
        """Set a folder active."""
        verb = b"EXAMINE " if examine else b"SELECT "
        told = selection(self.ask(verb + name + parameters))
        ok = told.answer.ok
        self.active, self.is_examining = path if ok else None, examine and ok
        self.view = View([None] * (told.exists or 0) if ok else [])
        self.is_numbering = self.is_numbering or (ok and bool(parameters))
        self.has_modseqs = told.highest_modseq is not None
        self.view.follow(each for each in told.answer.untagged if each.name == "FETCH")
        return told

    def forget_selection(self) -> None:
        """The folder was closed."""
        self.active, self.is_examining, self.view = None, False, View()

    def leave(self) -> None:
        """End the selection without removing anything: one that fails ends the one before (RFC 3501 6.3.1)."""
        if self.active is not None:
            self.ask(b"EXAMINE " + self.storage.name("No such folder"))
            self.forget_selection()


def shown_in(answer: Exchange) -> list[Shown]:
    """The objects whose UID, flags and octets an answer told, by message number; of an expunged one maybe none."""
    found: dict[int, dict[str, Token]] = {}
    numbers: dict[int, int] = {}
    for each in answer.named("FETCH"):
        items = fetch_items(each)
        if "UID" in items:
            uid = number_of(items["UID"])
            found.setdefault(uid, {}).update(items)
            numbers[uid] = each.number or 0
    shown = [_shown(numbers[uid], uid, items) for uid, items in found.items() if "BODY[]" in items and "FLAGS" in items]
    return sorted(shown, key=lambda each: each.number)


def _shown(number: int, uid: int, items: dict[str, Token]) -> Shown:
    body, modseq = items["BODY[]"], items.get("MODSEQ")
    flags = frozenset(each.lower() for each in flags_of(items["FLAGS"])) - {"\\recent"}
    octets = b"" if body is None else octets_of(body)
    return Shown(number, uid, flags, octets, None if modseq is None else number_of(modseq))
