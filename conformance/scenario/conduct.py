"""How a client conducts itself on the wire: its commands as they were sent, which were in flight together, and how.

This is about the commands themselves; what they do to the storage is told by `conformance.imap.operations`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conformance.imap.data import UID_LIMIT, UidSet
from conformance.imap.errors import SyntaxProblem
from conformance.imap.operations import Operation
from conformance.imap.syntax import Command, Literal, Token, parse_command
from conformance.imap.transcript import Entry
from conformance.scenario.scenario import SyncRun

_COMMAND = re.compile(rb"([A-Za-z0-9.:_/-]+) (?:(UID) )?([A-Za-z]+)[ \r\n]", re.IGNORECASE)
_STATUS = re.compile(rb"[^ ]+ (OK|NO|BAD)\b", re.IGNORECASE)
# RFC 3501 5.5: only these three never let an EXPUNGE come; their UID forms do.
_NUMBERED = frozenset({"FETCH", "STORE", "SEARCH"})
_NAMES_MESSAGES = frozenset({"FETCH", "STORE", "COPY", "MOVE"})


@dataclass(frozen=True, slots=True)
class Sent:
    """One command of a client, and when it was answered; `name` is in capitals, `UID FETCH` for instance.

    `answered` is the transcript entry of the tagged response, and a number above all others where there was none.
    """

    connection: str
    entry: int
    name: str
    octets: bytes
    answered: int = 2**62
    status: str = ""

    @property
    def parsed(self) -> Command | None:
        """The command with its arguments, None where its literals were never sent or it is no IMAP."""
        try:
            return parse_command(self.octets)
        except SyntaxProblem:
            return None

    def during(self, other: Sent) -> bool:
        """Whether this command was sent on the same connection while the other one was not answered yet."""
        return self.connection == other.connection and other.entry < self.entry < other.answered


def sent(runs: Iterable[SyncRun]) -> list[Sent]:
    """The commands that the client sent in these runs, by entry."""
    return sorted((each for run in runs for each in _of_run(run)), key=lambda each: each.entry)


def lists_folders(operation: Operation) -> bool:
    """Whether a LIST asks for folders, and not for the delimiter alone (RFC 3501 6.3.8)."""
    return operation.items[:2] != ("", "")


def heard(runs: Iterable[SyncRun], pattern: bytes) -> list[Entry]:
    """The responses to the client in these runs whose beginning matches a pattern, letter case ignored."""
    return [
        entry
        for run in runs
        for entry in run.transcript.entries("client-", run.first)
        if entry.number <= run.last and entry.direction == "S" and re.match(pattern, entry.octets, re.IGNORECASE)
    ]


def noted(runs: Iterable[SyncRun], text: str) -> list[Entry]:
    """The notes of the proxy with this text."""
    return [
        entry
        for run in runs
        for entry in run.transcript.entries("client-", run.first)
        if entry.number <= run.last and entry.direction == "!" and entry.octets == text.encode()
    ]


def _of_run(run: SyncRun) -> Iterator[Sent]:
    waiting: dict[tuple[str, bytes], Sent] = {}
    for entry in run.transcript.entries("client-", run.first):
        if entry.number > run.last:
            break
        tag = entry.octets.partition(b" ")[0]
        if entry.direction == "C":
            found = _COMMAND.match(entry.octets)
            if found:
                name = b" ".join(part.upper() for part in (found[2], found[3]) if part).decode()
                waiting[entry.connection, found[1]] = Sent(entry.connection, entry.number, name, entry.octets)
        elif entry.direction == "S" and (entry.connection, tag) in waiting:
            asked = waiting.pop((entry.connection, tag))
            status = _STATUS.match(entry.octets)
            answer = status[1].decode().upper() if status else ""
            yield Sent(asked.connection, asked.entry, asked.name, asked.octets, entry.number, answer)
    yield from waiting.values()


def literals(command: Sent) -> list[bytes]:
    """The literals of a command, in their order."""
    parsed = command.parsed
    return [bytes(token) for token in _flat(parsed.arguments if parsed else ()) if isinstance(token, Literal)]


def _flat(tokens: Iterable[Token]) -> Iterator[Token]:
    for token in tokens:
        if isinstance(token, tuple):
            yield from _flat(token)
        else:
            yield token


def risky_sequence_numbers(commands: list[Sent]) -> list[tuple[Sent, Sent]]:
    """Commands that name sequence numbers, with one in flight that an EXPUNGE may come in (RFC 3501 5.5)."""
    return [
        (each, other)
        for each in commands
        if each.name in _NAMES_MESSAGES
        for other in commands
        if other.name not in _NUMBERED and each.during(other)
    ]


def ambiguous_flags(commands: list[Sent]) -> list[tuple[Sent, Sent]]:
    """Commands that change and ask for the flags of the same objects, in flight together (RFC 3501 5.5)."""
    return [
        (each, other)
        for each in commands
        for other in commands
        if each.during(other) and _is_pair(each, other) and _share_objects(each, other)
    ]


def _is_pair(one: Sent, other: Sent) -> bool:
    verbs = {each.name.removeprefix("UID ") for each in (one, other)}
    fetch = one if "FETCH" in one.name else other
    uids = {each.name.startswith("UID ") for each in (one, other)}
    return verbs == {"FETCH", "STORE"} and len(uids) == 1 and b"FLAGS" in fetch.octets.upper()


def _share_objects(one: Sent, other: Sent) -> bool:
    first, second = _ranges(one), _ranges(other)
    return any(low <= end and start <= high for low, high in first for start, end in second)


def _ranges(command: Sent) -> tuple[tuple[int, int], ...]:
    """The objects that a FETCH or STORE names; all of them where that cannot be read, as for `$` (RFC 5182)."""
    text = command.octets.split(b" ")[3 if command.name.startswith("UID ") else 2]
    try:
        return UidSet.parse(text.decode("ascii")).ranges
    except (SyntaxProblem, UnicodeDecodeError):
        return ((1, UID_LIMIT),)
