"""5.5.2.20 with interruptions at random places: the next complete synchronization makes up for all of them."""

from __future__ import annotations

from conformance.cases.declaration import client_case
from conformance.model.history import Act
from conformance.scenario.disturbance import killable
from conformance.scenario.histories import Histories
from conformance.scenario.interrupting import INTERRUPTIONS

INTERRUPTED = {
    "SYN-706": ("interrupted while fetching",),
    "SYN-707": ("interrupted while storing",),
    "SYN-709": ("interrupted in a removal",),
    "SYN-710": ("interrupted in the folder step",),
    "SYN-712": ("server changed during the run",),
    "SYN-715": ("server said BYE",),
}
"""What has to occur for each requirement."""


@client_case("random-interruptions", *INTERRUPTED)
def test_random_interruptions(histories: Histories) -> None:
    """A client that was interrupted anywhere loses nothing, and makes both sides alike in the next complete run."""
    many = histories.times(3)
    many.explore(many.shape(acts=many.possible(INTERRUPTIONS)), tuple(INTERRUPTED), INTERRUPTED)


@client_case("random-kills", "SYN-711", needs=("durable-base",))
def test_random_kills(histories: Histories) -> None:
    """A client that was killed anywhere loses nothing, and makes both sides alike in the next complete run."""
    killable(histories.stage.client)
    few = histories.times(1 / 4)
    few.explore(few.shape(acts=(Act.KILL,)), ("SYN-711",), ("client killed",))
