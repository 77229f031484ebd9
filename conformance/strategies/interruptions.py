"""Where a synchronization can be interrupted, given what it will have to do, and what can happen there."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.model.history import Act
from conformance.model.states import Side
from conformance.strategies.draft import Draft

_ANY = (Act.BYE, Act.KILL, Act.CHANGE)
COMMAND = (Act.CUT_BEFORE, Act.CUT_INSIDE, Act.STALL, *_ANY)
REFUSABLE = (*COMMAND, Act.NO)
STORING = (*REFUSABLE, Act.OVERQUOTA)
RESPONSE = (Act.CUT_BEFORE, Act.CUT_INSIDE, Act.CUT_AFTER, Act.STALL, *_ANY)


@dataclass(frozen=True, slots=True)
class Stage:
    """A place, by its name in `conformance.scenario.places`, what can happen there, and how many may come before."""

    place: str
    acts: tuple[Act, ...]
    most_skipped: int = 0


ANYWHERE = (
    (Stage("a unit", RESPONSE, 30), Stage("a command", COMMAND, 10)),
    (Stage("the answer to the login", RESPONSE), Stage("LOGOUT", COMMAND)),
    (
        Stage("LIST", REFUSABLE, 2),
        Stage("a line of the list of folders", RESPONSE, 3),
        Stage("the answer to LIST", RESPONSE, 2),
    ),
    (
        Stage("the selection of a folder", REFUSABLE, 1),
        Stage("the answer to the selection of a folder", RESPONSE, 1),
        Stage("a request of metadata", REFUSABLE, 1),
        Stage("the metadata of an object", RESPONSE, 3),
        Stage("the answer to a request of metadata", RESPONSE, 1),
    ),
)
"""The places that every synchronization comes to, in groups that are equally likely."""

_BY_WORK: dict[tuple[Side, str], tuple[Stage, ...]] = {
    (Side.SERVER, "add"): (
        Stage("the request of a body", REFUSABLE, 1),
        Stage("a body", RESPONSE, 2),
        Stage("the answer after the bodies", RESPONSE, 1),
    ),
    (Side.LOCAL, "add"): (Stage("a store", STORING, 2), Stage("the answer to a store", RESPONSE, 2)),
    (Side.LOCAL, "remove"): (
        Stage("the mark for removal", REFUSABLE),
        Stage("the answer to the mark for removal", RESPONSE),
        Stage("EXPUNGE", REFUSABLE),
        Stage("the expunge", COMMAND),
        Stage("the answer to the expunge", RESPONSE),
    ),
    (Side.LOCAL, "flag"): (
        Stage("a change of flags", REFUSABLE, 1),
        Stage("the answer to a change of flags", RESPONSE, 1),
    ),
    (Side.LOCAL, "create folder"): (Stage("CREATE", STORING, 1), Stage("the answer to CREATE", RESPONSE, 1)),
    (Side.LOCAL, "remove folder"): (Stage("DELETE", REFUSABLE, 1), Stage("the answer to DELETE", RESPONSE, 1)),
    (Side.SERVER, "remove folder"): (Stage("a line of the list of folders", RESPONSE, 3),),
}


def stages(draft: Draft) -> list[tuple[Stage, ...]]:
    """For each thing that a synchronization now has to do, the places that it comes to."""
    pending = {side: draft.pending(side) for side in Side}
    return [found for (side, work), found in _BY_WORK.items() if work in pending[side]]
