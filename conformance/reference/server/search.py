"""SEARCH and UID SEARCH (RFC 3501 section 6.4.4; MODSEQ of RFC 7162; RETURN of RFC 4731)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from conformance.reference.server.arguments import Arguments
from conformance.reference.server.dates import parse_date
from conformance.reference.server.errors import NotUnderstood, Refused
from conformance.reference.server.responses import number_set, string
from conformance.reference.server.searchtext import body_text, header_text, sent_date, whole_text
from conformance.reference.server.sequences import SequenceSet, contains
from conformance.reference.server.session import CommandRule, Outcome, Session, State
from conformance.reference.server.store import SYSTEM_FLAGS, Message

# A key reads its own arguments and gives a test of a message and its number.
Test = Callable[[int, Message], bool]

_CHARSETS = ("US-ASCII", "UTF-8")
_DEEPEST = 50
_FLAG_KEYS = {flag[1:].upper(): flag for flag in SYSTEM_FLAGS.values()}
_HEADER_KEYS = ("BCC", "CC", "FROM", "SUBJECT", "TO")
_DATE_KEYS: dict[str, Callable[[date, date], bool]] = {
    "BEFORE": lambda of, day: of < day,
    "ON": lambda of, day: of == day,
    "SINCE": lambda of, day: of >= day,
}
_RETURN_OPTIONS = ("MIN", "MAX", "ALL", "COUNT")


class _Keys:
    """Reads search keys into tests; `modseq` tells that MODSEQ was among them."""

    def __init__(self, session: Session, arguments: Arguments) -> None:
        self._session = session
        self._arguments = arguments
        self._charset = "US-ASCII"
        self._depth = 0
        self.modseq = False

    def program(self) -> Test:
        """All keys up to the end of the command: a message must pass every one."""
        if self._arguments.skip(b"CHARSET "):
            self._charset = self._arguments.astring().decode("latin-1").upper()
            if self._charset not in _CHARSETS:
                raise Refused("the character set is not known", f"BADCHARSET ({' '.join(_CHARSETS)})")
            self._arguments.space()
        tests = [self._key()]
        while self._arguments.skip(b" "):
            tests.append(self._key())
        return _all(tests)

    def _key(self) -> Test:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotUnderstood("search keys are nested too deep")
        try:
            return self._read_key()
        finally:
            self._depth -= 1

    def _read_key(self) -> Test:
        arguments = self._arguments
        if arguments.peek() == b"(":
            return _all(arguments.listed(self._key))
        if arguments.peek() in tuple(b"%d" % digit for digit in range(10)) or arguments.peek() == b"*":
            return self._numbers(arguments.sequence_set())
        word = arguments.word()
        for read in (self._flag_key, self._state_key, self._date_key, self._text_key, self._other_key):
            test = read(word)
            if test is not None:
                return test
        raise NotUnderstood(f"{word} is not a search key")

    def _flag_key(self, word: str) -> Test | None:
        if word in _FLAG_KEYS:
            flag = _FLAG_KEYS[word]
            return lambda _, message: flag in message.flags
        if word.startswith("UN") and word[2:] in _FLAG_KEYS:
            flag = _FLAG_KEYS[word[2:]]
            return lambda _, message: flag not in message.flags
        if word in ("KEYWORD", "UNKEYWORD"):
            self._arguments.space()
            keyword = self._arguments.atom().lower()
            wanted = word == "KEYWORD"
            return lambda _, message: (keyword in map(str.lower, message.flags)) == wanted
        return None

    def _state_key(self, word: str) -> Test | None:
        recent = self._session.selected.recent
        tests: dict[str, Test] = {
            "ALL": lambda _number, _message: True,
            "RECENT": lambda _, message: message.uid in recent,
            "OLD": lambda _, message: message.uid not in recent,
            "NEW": lambda _, message: message.uid in recent and "\\Seen" not in message.flags,
        }
        return tests.get(word)

    def _date_key(self, word: str) -> Test | None:
        compare = _DATE_KEYS.get(word.removeprefix("SENT"))
        if compare is None:
            return None
        self._arguments.space()
        day = self._date()
        if word.startswith("SENT"):
            return lambda _, message: (sent := sent_date(message.content)) is not None and compare(sent, day)
        return lambda _, message: compare(message.internal_date.date(), day)

    def _date(self) -> date:
        try:
            return parse_date(self._arguments.astring().decode("latin-1"))
        except ValueError as error:
            raise NotUnderstood(str(error)) from None

    def _text_key(self, word: str) -> Test | None:
        if word in _HEADER_KEYS:
            name, text = word.lower().encode(), self._text()
            return lambda _, message: text in (header_text(message.content, name) or "")
        if word == "HEADER":
            self._arguments.space()
            name = self._arguments.astring().lower()
            text = self._text()
            return lambda _, message: (found := header_text(message.content, name)) is not None and text in found
        if word in ("BODY", "TEXT"):
            read, text = (body_text if word == "BODY" else whole_text), self._text()
            return lambda _, message: text in read(message.content)
        return None

    def _text(self) -> str:
        self._arguments.space()
        return self._arguments.astring().decode("utf-8", "replace").casefold()

    def _other_key(self, word: str) -> Test | None:
        arguments = self._arguments
        if word == "NOT":
            arguments.space()
            test = self._key()
            return lambda number, message: not test(number, message)
        if word == "OR":
            arguments.space()
            one = self._key()
            arguments.space()
            other = self._key()
            return lambda number, message: one(number, message) or other(number, message)
        if word in ("LARGER", "SMALLER"):
            arguments.space()
            size = arguments.number()
            return lambda _, message: message.size > size if word == "LARGER" else message.size < size
        if word == "UID":
            arguments.space()
            return self._uids(arguments.sequence_set())
        return self._modseq() if word == "MODSEQ" else None

    def _modseq(self) -> Test:
        self._arguments.space()
        if self._arguments.peek() == b'"':
            self._arguments.string()
            self._arguments.space()
            if self._arguments.word() not in ("PRIV", "SHARED", "ALL"):
                raise NotUnderstood("priv, shared or all expected")
            self._arguments.space()
        limit = self._arguments.mod_sequence()
        self._session.use_mod_sequences()
        self.modseq = True
        return lambda _, message: message.modseq >= limit

    def _numbers(self, numbers: SequenceSet) -> Test:
        ranges = numbers.resolved(len(self._session.selected.messages))
        return lambda number, _: contains(ranges, number)

    def _uids(self, uids: SequenceSet) -> Test:
        messages = self._session.selected.messages
        ranges = uids.resolved(messages[-1].uid if messages else 0)
        return lambda _, message: contains(ranges, message.uid)


def _all(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda number, message: all(test(number, message) for test in tests)


def search(session: Session, arguments: Arguments) -> Outcome:
    """SEARCH and UID SEARCH."""
    arguments.space()
    options = _return_options(arguments) if session.offers("ESEARCH") and arguments.skip(b"RETURN (") else None
    keys = _Keys(session, arguments)
    test = keys.program()
    arguments.end()
    numbered = enumerate(session.selected.messages, 1)
    found = [(number, each) for number, each in numbered if not each.expunged_at and test(number, each)]
    numbers = [message.uid if session.uid_command else number for number, message in found]
    modseq = max((message.modseq for _, message in found), default=None) if keys.modseq else None
    if options is not None:
        session.untagged(_extended(session, options, numbers, modseq))
    else:
        shown = b"".join(b" %d" % number for number in numbers)
        session.untagged(b"SEARCH" + shown + (b" (MODSEQ %d)" % modseq if modseq is not None else b""))
    return None


def _return_options(arguments: Arguments) -> list[str]:
    options: list[str] = []
    while not arguments.skip(b")"):
        if options:
            arguments.space()
        options.append(arguments.word())
        if options[-1] not in _RETURN_OPTIONS:
            raise NotUnderstood(f"the SEARCH return option {options[-1]} is not offered")
    arguments.space()
    return options or ["ALL"]


def _extended(session: Session, options: list[str], numbers: list[int], modseq: int | None) -> bytes:
    line = b"ESEARCH (TAG " + string(session.tag) + b")" + (b" UID" if session.uid_command else b"")
    if numbers:
        values = {"MIN": b"%d" % numbers[0], "MAX": b"%d" % numbers[-1], "ALL": number_set(numbers)}
        line += b"".join(b" " + each.encode() + b" " + values[each] for each in _RETURN_OPTIONS[:3] if each in options)
    if "COUNT" in options:
        line += b" COUNT %d" % len(numbers)
    return line + (b" MODSEQ %d" % modseq if modseq is not None else b"")


COMMANDS = {
    "SEARCH": CommandRule(search, State.SELECTED, holds_removals=True),
    # RFC 7162 section 3.2.10.2: removals must wait when UID SEARCH holds message numbers.
    "UID SEARCH": CommandRule(search, State.SELECTED, holds_removals=True),
}
