"""Disturbances of a synchronization: at one place on the wire something happens that every client has to live with.

A disturbance is an interceptor for the recording proxy. It acts once and remembers whether the place was reached: what
was never disturbed establishes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from conformance.imap.framing import Direction
from conformance.imap.proxy import Action, Cut, HangUp, Stall
from conformance.scenario.judge import PreconditionNotReached
from conformance.scenario.scenario import Scenario, SyncRun

Act = Callable[[bytes], Action | None]
_BEGINNING = 4000


@dataclass(frozen=True, slots=True)
class Place:
    """A kind of unit: a command, an untagged response, or the tagged answer to a command, by a pattern.

    `pattern` is matched, letter case ignored, against a command or a response without its tag or asterisk.
    """

    told: str
    kind: Literal["command", "untagged", "answer"]
    pattern: bytes


_BODY_FETCH = rb"(UID )?FETCH .*(BODY(\.PEEK)?\[[]T0-9]|BINARY|RFC822[ )\r])"

LIST_COMMAND = Place("LIST", "command", rb"LIST ")
LIST_RESPONSE = Place("a line of the list of folders", "untagged", rb"X?LIST ")
LIST_ANSWER = Place("the answer to LIST", "answer", rb"LIST ")
SELECT_COMMAND = Place("the first selection", "command", rb"(SELECT|EXAMINE) ")
SELECT_ANSWER = Place("the answer to the first selection", "answer", rb"(SELECT|EXAMINE) ")
FETCH_COMMAND = Place("the request of a body", "command", _BODY_FETCH)
BODY_RESPONSE = Place("a body", "untagged", rb"\d+ FETCH .*(BODY\[[]T0-9]|BINARY\[|RFC822 )")
FETCH_ANSWER = Place("the answer after the bodies", "answer", _BODY_FETCH)
APPEND_COMMAND = Place("a store", "command", rb"APPEND ")
APPEND_ANSWER = Place("the answer to a store", "answer", rb"APPEND ")
CREATE_COMMAND = Place("CREATE", "command", rb"CREATE ")
CREATE_ANSWER = Place("the answer to CREATE", "answer", rb"CREATE ")
DELETE_COMMAND = Place("DELETE", "command", rb"DELETE ")
DELETE_ANSWER = Place("the answer to DELETE", "answer", rb"DELETE ")
MARK_ANSWER = Place("the answer to the mark for removal", "answer", rb"(UID )?STORE .*\\Deleted")
MARK_COMMAND = Place("the mark for removal", "command", rb"(UID )?STORE .*\\Deleted")
STORE_COMMAND = Place("a change of flags", "command", rb"(UID )?STORE ")
MOVING_ANSWER = Place("the answer to the first half of a move", "answer", rb"((UID )?(COPY|MOVE)|APPEND) ")
LOGIN_ANSWER = Place("the answer to the login", "answer", rb"(LOGIN|AUTHENTICATE) ")


class WireReader:
    """Tells which command each unit of a connection is, or answers; the base of every interceptor here."""

    def __init__(self) -> None:
        self._commands: dict[tuple[str, bytes], bytes] = {}

    def stands_at(self, place: Place, connection: str, direction: Direction, unit: bytes) -> bool:
        """Whether the unit is at the place. Every unit has to be shown to `read` before."""
        tag, _, rest = unit[:_BEGINNING].partition(b" ")
        if direction == "C":
            text = rest if place.kind == "command" else None
        elif tag == b"*":
            text = rest if place.kind == "untagged" else None
        else:
            text = self._commands.get((connection, tag)) if place.kind == "answer" else None
        return text is not None and re.match(place.pattern, text, re.IGNORECASE | re.DOTALL) is not None

    def read(self, connection: str, direction: Direction, unit: bytes) -> None:
        """Remember a command for its answer."""
        if direction == "C":
            tag, _, rest = unit[:_BEGINNING].partition(b" ")
            self._commands[connection, tag] = rest

    def command_answered_by(self, connection: str, unit: bytes) -> bytes | None:
        """The command, without its tag, that a tagged response answers."""
        return self._commands.get((connection, unit.partition(b" ")[0]))


class Disturbance(WireReader):
    """Acts at the first unit that stands at a place, after `skip` others that do."""

    def __init__(self, place: Place, act: Act, told: str, *, skip: int = 0) -> None:
        super().__init__()
        self.place, self.told, self.happened = place, f"{told} {place.told}", False
        self._act, self._skip = act, skip

    def __call__(self, connection: str, direction: Direction, unit: bytes) -> Action | None:
        self.read(connection, direction, unit)
        if self.happened or not self.stands_at(self.place, connection, direction, unit):
            return None
        self._skip -= 1
        if self._skip >= 0:
            return None
        self.happened = True
        return self._act(unit)


def cut_before(place: Place, *, skip: int = 0) -> Disturbance:
    """The connection is reset, and the unit is lost."""
    return Disturbance(place, lambda _: Cut(0), "cut the connection before", skip=skip)


def cut_inside(place: Place, *, skip: int = 0) -> Disturbance:
    """The connection is reset in the middle of the unit."""
    return Disturbance(place, lambda unit: Cut(len(unit) // 2), "cut the connection inside", skip=skip)


def cut_after(place: Place, *, skip: int = 0) -> Disturbance:
    """The connection is reset right after the unit."""
    return Disturbance(place, lambda unit: Cut(len(unit)), "cut the connection after", skip=skip)


def fall_silent(place: Place, *, skip: int = 0) -> Disturbance:
    """The unit never comes, and nothing after it; the connection stays open."""
    return Disturbance(place, lambda _: Stall(), "let the connection fall silent before", skip=skip)


def say_bye(place: Place, *, skip: int = 0) -> Disturbance:
    """The server says BYE in place of the unit, and closes."""
    bye = HangUp(b"* BYE the server goes down\r\n")
    return Disturbance(place, lambda _: bye, "let the server say BYE in place of", skip=skip)


def meanwhile(place: Place, change: Callable[[], None], *, skip: int = 0) -> Disturbance:
    """Another client of the user changes the server's content while the unit waits."""

    def act(_: bytes) -> None:
        change()

    return Disturbance(place, act, "change the server's content before", skip=skip)


def interrupt(scenario: Scenario, disturbance: Disturbance, timeout: float | None = None) -> SyncRun:
    """One disturbed synchronization. Raises `PreconditionNotReached` if the client never came to the place."""
    run = scenario.disturb(disturbance, disturbance.told, timeout=timeout)
    if not disturbance.happened:
        raise PreconditionNotReached(f"the client never came to {disturbance.place.told}: {run.result.detail}")
    return run
