"""From an interruption as a history tells it to what the proxy does, and to the requirement that it tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conformance.imap.errors import ImapProblem
from conformance.model.editing import StoreSide
from conformance.model.history import REFUSALS, Act, Interruption
from conformance.model.oracle import Doubts
from conformance.problems import ConfigurationProblem
from conformance.scenario import places as at
from conformance.scenario.disturbance import (
    Disturbance,
    Kill,
    cut_after,
    cut_before,
    cut_inside,
    fall_silent,
    meanwhile,
    refuse,
    say_bye,
)
from conformance.scenario.places import PLACES, Place

INTERRUPTIONS = (
    Act.CUT_BEFORE,
    Act.CUT_INSIDE,
    Act.CUT_AFTER,
    Act.NO,
    Act.OVERQUOTA,
    Act.BYE,
    Act.CHANGE,
)
"""What can befall any client at no great cost."""
_BREAKS_OFF = (Act.CUT_BEFORE, Act.CUT_INSIDE, Act.CUT_AFTER, Act.STALL)


@dataclass(frozen=True, slots=True)
class Trial:
    """What an interruption puts to the test.

    `requirement` is what a loss contradicts, None where only the plain requirements speak of it. It `covers` whatever
    is wrong in the end; after a refusal the plain requirements do, since what was refused is still to be done.
    """

    name: str
    requirement: str | None = None
    places: tuple[Place, ...] = ()
    acts: tuple[Act, ...] = _BREAKS_OFF

    @property
    def covers(self) -> bool:
        """Whether the requirement takes over what the plain ones say of the end state."""
        return self.requirement is not None and self.acts is not REFUSALS


TRIALS = (
    Trial("client killed", "SYN-711", acts=(Act.KILL,)),
    Trial("server said BYE", "SYN-715", acts=(Act.BYE,)),
    Trial("server changed during the run", "SYN-712", acts=(Act.CHANGE,)),
    Trial("folder refused", "SYN-323", (at.CREATE_COMMAND, at.DELETE_COMMAND), REFUSALS),
    Trial("store refused", "SYN-713", (at.APPEND_COMMAND,), REFUSALS),
    Trial("change of flags refused", "SYN-516", (at.STORE_COMMAND,), REFUSALS),
    Trial("another command refused", acts=REFUSALS),
    Trial("interrupted while fetching", "SYN-706", (at.FETCH_COMMAND, at.BODY_RESPONSE, at.FETCH_ANSWER)),
    Trial("interrupted while storing", "SYN-707", (at.APPEND_COMMAND, at.APPEND_ANSWER)),
    Trial(
        "interrupted in a removal",
        "SYN-709",
        (at.MARK_COMMAND, at.MARK_ANSWER, at.EXPUNGE_ALONE, at.EXPUNGE_COMMAND, at.EXPUNGE_ANSWER, at.MOVING_ANSWER),
    ),
    Trial(
        "interrupted in the folder step",
        "SYN-710",
        (
            at.LIST_COMMAND,
            at.LIST_RESPONSE,
            at.LIST_ANSWER,
            at.CREATE_COMMAND,
            at.CREATE_ANSWER,
            at.DELETE_COMMAND,
            at.DELETE_ANSWER,
        ),
    ),
    Trial("interrupted elsewhere"),
)
"""The first that matches decides; one that names no places stands for all of them."""


def trial_of(interruption: Interruption, happened_at: Callable[[Place], bool]) -> Trial:
    """What the interruption puts to the test, by the unit at which it happened."""
    possible = (each for each in TRIALS if interruption.act in each.acts)
    return next(each for each in possible if not each.places or any(map(happened_at, each.places)))


def doubts_after(interruption: Interruption, before: Doubts | None) -> Doubts:
    """What nobody can know any more once this has happened."""
    before = before or Doubts()
    killed = interruption.act is Act.KILL
    broken_off = killed or interruption.act in _BREAKS_OFF or interruption.act is Act.BYE
    refused = before.refused or interruption.act in REFUSALS
    return Doubts(before.new_locally + broken_off, before.new_on_server + killed, refused)


def place_of(interruption: Interruption) -> Place:
    """Where it happens. Raises `ConfigurationProblem` for a place that nobody knows."""
    if interruption.place not in PLACES:
        mend = f"a place is one of: {'; '.join(PLACES)}"
        raise ConfigurationProblem(f"no place on the wire is called {interruption.place!r}", mend)
    return PLACES[interruption.place]


class Meanwhile:
    """The edits of another client during the run; `problem` tells why they could not be made as they were drawn."""

    def __init__(self, interruption: Interruption, server: StoreSide) -> None:
        self._edits, self._server = interruption.edits, server
        self.problem: str | None = None

    def __call__(self) -> None:
        try:
            for edit in self._edits:
                edit.apply(self._server)
        except (LookupError, ImapProblem) as problem:
            self.problem = f"{edit}: {problem}"


_MADE: dict[Act, Callable[[Interruption, Place], Disturbance]] = {
    Act.CUT_BEFORE: lambda each, place: cut_before(place, skip=each.skip),
    Act.CUT_INSIDE: lambda each, place: cut_inside(place, skip=each.skip, permille=each.permille),
    Act.CUT_AFTER: lambda each, place: cut_after(place, skip=each.skip),
    Act.STALL: lambda each, place: fall_silent(place, skip=each.skip),
    Act.NO: lambda each, place: refuse(place, skip=each.skip),
    Act.OVERQUOTA: lambda each, place: refuse(place, b"NO [OVERQUOTA] there is no room", skip=each.skip),
    Act.BYE: lambda each, place: say_bye(place, skip=each.skip),
    Act.KILL: lambda each, place: Kill(place, skip=each.skip),
}


def disturbance_of(interruption: Interruption, change: Callable[[], None]) -> Disturbance:
    """What the proxy does; `change` makes the edits of an interruption that changes the server's content."""
    place = place_of(interruption)
    if interruption.act is Act.CHANGE:
        return meanwhile(place, change, skip=interruption.skip)
    return _MADE[interruption.act](interruption, place)
