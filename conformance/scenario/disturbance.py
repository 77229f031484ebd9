"""Disturbances of a synchronization: at one place on the wire something happens that every client has to live with.

A disturbance is an interceptor for the recording proxy. It acts once and remembers whether the place was reached: what
was never disturbed establishes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from threading import Event

from conformance.clients.protocol import KillableClient, StorageClient, SyncResult
from conformance.imap.framing import Direction
from conformance.imap.interception import Action, Answer, Cut, HangUp, Stall
from conformance.outcomes import Reason
from conformance.scenario.judge import NotApplicable, PreconditionNotReached
from conformance.scenario.places import Place
from conformance.scenario.scenario import Scenario, SyncRun

Act = Callable[[bytes], Action | None]
_BEGINNING = 4000


class WireReader:
    """Tells which command each unit of a connection is, or answers; the base of every interceptor here."""

    def __init__(self) -> None:
        self._commands: dict[tuple[str, bytes], bytes] = {}

    def stands_at(self, place: Place, connection: str, direction: Direction, unit: bytes) -> bool:
        """Whether the unit is at the place. Every unit has to be shown to `read` before."""
        tag, _, rest = unit[:_BEGINNING].partition(b" ")
        if place.kind == "any":
            text: bytes | None = unit
        elif direction == "C":
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

    def __init__(self, place: Place, act: Act, told: str, *, skip: int = 0, refusal: Act | None = None) -> None:
        super().__init__()
        self.place, self.told, self.happened = place, f"{told} {place.told}", False
        self._act, self._skip, self._refusal = act, skip, refusal
        self._unit: tuple[str, Direction, bytes] | None = None

    def __call__(self, connection: str, direction: Direction, unit: bytes) -> Action | None:
        self.read(connection, direction, unit)
        if self.happened or not self.stands_at(self.place, connection, direction, unit):
            return None
        self._skip -= 1
        if self._skip >= 0:
            return None
        self.happened = True
        self._unit = (connection, direction, unit)
        return self._act(unit)

    def happened_at(self, place: Place) -> bool:
        """Whether the unit at which it happened stands at a place."""
        return self._unit is not None and self.stands_at(place, *self._unit)

    def at_literal(self, connection: str, beginning: bytes) -> Action | None:
        """Whether something happens to a command already where it waits for leave to send its literal."""
        if self.happened or self._skip or not self._refusal:
            return None
        if not self.stands_at(self.place, connection, "C", beginning):
            return None
        self.happened = True
        self._unit = (connection, "C", beginning)
        return self._refusal(beginning)


def cut_before(place: Place, *, skip: int = 0) -> Disturbance:
    """The connection is reset, and the unit is lost."""
    return Disturbance(place, lambda _: Cut(0), "cut the connection before", skip=skip)


def cut_inside(place: Place, *, skip: int = 0, permille: int = 500) -> Disturbance:
    """The connection is reset inside the unit, of which so much has passed, and never all of it."""

    def act(unit: bytes) -> Cut:
        return Cut(min(max(len(unit) * permille // 1000, 1), len(unit) - 1))

    return Disturbance(place, act, "cut the connection inside", skip=skip)


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


def refuse(place: Place, answer: bytes = b"NO [NOPERM] you may not", *, skip: int = 0) -> Disturbance:
    """The server does not get the command, and the client gets this answer to it."""

    def act(unit: bytes) -> Answer:
        return Answer(unit.partition(b" ")[0] + b" " + answer + b"\r\n")

    return Disturbance(place, act, "let the server refuse", skip=skip, refusal=act)


class Kill(Disturbance):
    """Holds the unit back, so that the client stays where it is, and gives the sign to kill it."""

    def __init__(self, place: Place, *, skip: int = 0) -> None:
        self.moment = Event()
        super().__init__(place, self._hold, "kill the client at", skip=skip)

    def _hold(self, _: bytes) -> Action:
        self.moment.set()
        return Stall()


def killable(client: StorageClient | None) -> KillableClient:
    """The client as one whose process can be killed. Raises `NotApplicable` where its adapter cannot do that."""
    if not isinstance(client, KillableClient):
        raise NotApplicable("the client's adapter cannot kill it", Reason.NO_ABILITY)
    return client


def killed_by(kill: Kill, scenario: Scenario) -> Callable[[], SyncResult]:
    """A synchronization whose process is killed as soon as the sign is given, for `Scenario.disturb`."""
    client = killable(scenario.client)

    def killed() -> SyncResult:
        running = client.synchronize_and_kill(kill.moment, scenario.stage.bounds.synchronize)
        return SyncResult(success=False, detail="killed" if running else "it ended before it could be killed")

    return killed


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
