"""The laws that hold at every moment, read from the wire of all raw connections of a server test case.

Commands and answers are matched by tag. What cannot be known for sure is not judged: which folder a size belongs to
while a selection is under way, what an object holds that is being removed, what a renamed folder's numbers were.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conformance.imap.data import fetch_items, status_data, vanished_data
from conformance.imap.errors import SyntaxProblem
from conformance.imap.syntax import Command, Response, Token, number_of, octets_of, parse_command, parse_response
from conformance.imap.transcript import Entry, Transcript
from conformance.scenario.applied import note_law
from conformance.scenario.judge import Judge
from conformance.scenario.laws import Laws, Place, Told

# RFC 3501 7.4.1: no EXPUNGE while these answer; their UID forms may carry it.
HOLDS_REMOVALS = frozenset({"FETCH", "STORE", "SEARCH"})
PREFIX = "tester-"
"""How the names of the raw connections begin."""
WATCH = "watch"
"""The name of these laws together, in findings and transcripts."""
IMMUTABLE = ("BODY[]", "RFC822.SIZE", "INTERNALDATE")
SELECTIONS = frozenset({"SELECT", "EXAMINE"})
# What servers answer for an object that another session has removed (RFC 2180 4.1).
_EMPTY: tuple[Token, ...] = (None, b"", b"0")  # type: ignore[assignment]


@dataclass
class _Asked:
    command: Command
    entry: int

    @property
    def name(self) -> str:
        return self.command.name

    def folder(self) -> bytes | None:
        arguments = self.command.arguments
        return octets_of(arguments[0]) if arguments and not isinstance(arguments[0], tuple) else None


class _Connection:
    """One connection: the commands under way, the folder selected, and what is known of its objects."""

    def __init__(self, laws: Laws) -> None:
        self.laws, self.judge = laws, laws.judge
        self.asked: list[_Asked] = []
        self.place: Place | None = None
        self.size: int | None = None
        self.uids: list[int | None] = []
        self.modseqs: dict[tuple[Place, int], int] = {}
        self.told: dict[str, Told] = {}
        self.pushed = False

    def take(self, entry: Entry) -> None:
        """Follow one unit of the wire; one that cannot be read says nothing."""
        try:
            if entry.direction == "C":
                self._ask(parse_command(entry.octets), entry.number)
            elif entry.direction == "S":
                self._tell(parse_response(entry.octets), entry.number)
        except SyntaxProblem:
            return

    def _ask(self, command: Command, entry: int) -> None:
        if not command.tag or command.name == "DONE" or (self.asked and self.asked[-1].name == "AUTHENTICATE"):
            return
        self.asked.append(_Asked(command, entry))
        self.pushed |= command.name == "NOTIFY"
        self._begin_selection()

    def _begin_selection(self) -> None:
        if self.asked and self.asked[0].name in SELECTIONS:
            self._forget()

    def _forget(self) -> None:
        self.place, self.size, self.uids, self.told = None, None, [], {}

    def _tell(self, response: Response, entry: int) -> None:
        if response.kind == "tagged":
            self._answered(response)
        elif response.kind == "untagged":
            self._untagged(response, entry)

    def _answered(self, response: Response) -> None:
        asked = next((each for each in self.asked if each.command.tag == response.tag), None)
        if asked is None:
            return
        self.asked.remove(asked)
        left = asked.name in {"CLOSE", "UNSELECT"} and response.name == "OK"
        if left or (asked.name in SELECTIONS and response.name != "OK"):
            self._forget()
        if asked.name in SELECTIONS and response.name == "OK":
            self._selected(asked)
        elif asked.name == "RENAME":
            for name in asked.command.arguments:
                self.laws.renamed(octets_of(name))
        self._begin_selection()

    def _selected(self, asked: _Asked) -> None:
        folder, validity = asked.folder(), self.told.get("UIDVALIDITY")
        if folder is None:
            return
        self.place = (folder, validity.value if validity else None)
        for name in ("UIDNEXT", "HIGHESTMODSEQ"):
            if name in self.told:
                self.laws.never_falls(self.place, name, self.told[name].value, asked.entry, self.told[name].entry)

    def _untagged(self, response: Response, entry: int) -> None:
        number = response.number or 0
        if response.name == "EXISTS":
            self._exists(number, entry)
        elif response.name == "EXPUNGE":
            self._expunged(number, entry)
        elif response.name == "VANISHED":
            self._vanished(response)
        elif response.name == "FETCH":
            self._fetched(number, fetch_items(response), entry)
        elif response.name == "STATUS":
            self._status(*status_data(response), entry)
        elif response.code is not None:
            self._code(response, entry)

    def _exists(self, number: int, entry: int) -> None:
        selecting = bool(self.asked) and self.asked[0].name in SELECTIONS
        if self.size is not None and number < self.size and not selecting:
            expected = f"at least {self.size}, the last size less the removals since"
            self.judge.contradicted("OP02-S12", expected, f"EXISTS {number}", entry)
            self.uids = []
        self.size = number
        self.uids = [] if selecting else self.uids
        self.uids = [*self.uids[:number], *([None] * (number - len(self.uids)))]

    def _expunged(self, number: int, entry: int) -> None:
        held = all(each.name in HOLDS_REMOVALS and not each.command.uid for each in self.asked)
        if held and not self.pushed:
            names = sorted({each.name for each in self.asked})
            moment = f"during {' and '.join(names)}" if names else "with no command in progress"
            self.judge.contradicted("OP06-S2", "no EXPUNGE here (RFC 3501 7.4.1)", f"EXPUNGE {number} {moment}", entry)
        if self.size is None:
            return
        if not 1 <= number <= self.size:
            self.judge.contradicted("OP06-S4", f"a number from 1 to {self.size}", f"EXPUNGE {number}", entry)
            return
        self.size -= 1
        self.uids = self.uids[: number - 1] + self.uids[number:]

    def _vanished(self, response: Response) -> None:
        earlier, gone = vanished_data(response)
        if earlier or self.size is None:
            return
        known = sum(1 for uid in self.uids if uid in gone)
        wide = sum(high - low + 1 for low, high in gone.ranges)
        self.uids = [uid for uid in self.uids if uid not in gone]
        self.size = max(0, self.size - max(known, wide))
        self.uids = self.uids[: self.size] if None not in self.uids else []

    def _fetched(self, number: int, items: dict[str, Token], entry: int) -> None:
        self._content_unasked(items, entry)
        if self.size is None:
            return
        if not 1 <= number <= self.size:
            expected = f"FETCH with a number from 1 to {self.size}"
            self.judge.contradicted("OP02-S10", expected, f"{number} FETCH", entry)
            return
        uid = number_of(items["UID"]) if "UID" in items else None
        if uid is not None:
            self._numbered(number, uid, entry)
        self._valued(uid or self._uid(number), items, entry)

    def _content_unasked(self, items: dict[str, Token], entry: int) -> None:
        unasked = [name for name in items if name.startswith("BODY[") or name in ("RFC822", "RFC822.TEXT")]
        if unasked and not self.pushed and "FETCH" not in {each.name for each in self.asked}:
            expected = "object content only in answer to a command that asks for it"
            self.judge.contradicted("SYN-201", expected, f"{unasked[0]} unasked", entry)

    def _uid(self, number: int) -> int | None:
        return self.uids[number - 1] if number <= len(self.uids) else None

    def _numbered(self, number: int, uid: int, entry: int) -> None:
        self.uids += [None] * (number - len(self.uids))
        known = self.uids[number - 1]
        if known is not None and known != uid:
            expected = f"number {number} has UID {known} until something before it is removed"
            self.judge.contradicted("OP02-S9", expected, f"UID {uid}", entry)
            return
        below = max((each for each in self.uids[: number - 1] if each is not None), default=0)
        above = min((each for each in self.uids[number:] if each is not None), default=uid + 1)
        if not below < uid < above:
            expected = f"number {number} has a UID above {below} and below {above}"
            self.judge.contradicted("OP02-S10", expected, f"UID {uid}", entry)
        self.uids[number - 1] = uid

    def _valued(self, uid: int | None, items: dict[str, Token], entry: int) -> None:
        if uid is None or self.place is None:
            return
        for name in IMMUTABLE:
            if name in items and items[name] not in _EMPTY:
                self.laws.immutable(self.place, uid, name, items[name], entry)
        modseq = items.get("MODSEQ")
        if isinstance(modseq, tuple) and modseq:
            value, key = number_of(modseq[0]), (self.place, uid)
            former = self.modseqs.setdefault(key, value)
            if value < former:
                observed = f"{value} after {former}"
                self.judge.contradicted("OP02-S5", f"the mod-sequence of UID {uid} never falls", observed, entry)
            self.modseqs[key] = value

    def _status(self, name: bytes, items: dict[str, int], entry: int) -> None:
        asked = next((each.entry for each in self.asked if each.name in ("STATUS", "LIST")), None)
        if asked is None or "UIDVALIDITY" not in items:
            return
        for item in ("UIDNEXT", "HIGHESTMODSEQ"):
            if items.get(item):
                self.laws.never_falls((name, items["UIDVALIDITY"]), item, items[item], asked, entry)

    def _code(self, response: Response, entry: int) -> None:
        """Keep what a selection under way tells of its folder."""
        code = response.code
        if code and code.arguments and self.asked and self.asked[0].name in SELECTIONS:
            argument = code.arguments[0]
            if isinstance(argument, bytes) and argument.isdigit():
                self.told[code.name.upper()] = Told(int(argument), entry)


class Watch:
    """Follows the raw connections of one account through its transcript, from `since` on."""

    def __init__(self, judge: Judge, transcript: Transcript, since: int = 0, prefix: str = PREFIX) -> None:
        self.laws = Laws(judge)
        self._transcript, self._since, self._seen, self._prefix = transcript, since, since, prefix
        self._connections: dict[str, _Connection] = {}

    def conclude(self) -> None:
        """Judge everything that was said, and tell in the transcript that it was."""
        self.look()
        note_law(self._transcript, WATCH, [(self._since, self._seen)])

    def look(self, until: int | None = None) -> None:
        """Judge what was said since the last look, up to an entry."""
        entries = self._transcript.entries(since=self._seen, until=until)
        self._seen = entries[-1].number if entries else self._seen
        with self.laws.judge.by_law(WATCH):
            self._follow(each for each in entries if each.connection.startswith(self._prefix))

    def _follow(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._connections.setdefault(entry.connection, _Connection(self.laws)).take(entry)
