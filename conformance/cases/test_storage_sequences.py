"""The eight cited operations in random sequences: several sessions of one user against a model of the store."""

from __future__ import annotations

from collections.abc import Callable

from conformance.cases.declaration import server_case
from conformance.scenario.exploration import Exploration
from conformance.scenario.judge import Judge
from conformance.scenario.storage import Storage
from conformance.scenario.store_machine import StoreMachine
from conformance.strategies.store_sequences import sequences
from conformance.strategies.store_simpler import simpler
from conformance.strategies.store_steps import Step

REQUIREMENTS = (
    "OP02-S1",
    "OP02-S4",
    "OP02-S8",
    "OP02-S10",
    "OP03-S1",
    "OP06-S1",
    "OP08-S1",
    "OP11-S1",
    "OP13-S1",
    "SYN-802",
)
EXERCISED = ("create", "delete", "append", "change", "expunge", "look", "resync", "settle")


@server_case("random-sequences-of-operations", *REQUIREMENTS)
def test_random_sequences_of_operations(exploration: Exploration, fresh_storage: Callable[[Judge], Storage]) -> None:
    """A server shows all sessions what the operations so far have made, whatever their order."""

    def run(steps: tuple[Step, ...], judge: Judge) -> list[str]:
        return StoreMachine(fresh_storage(judge), judge).run(steps)

    effort = exploration.effort = exploration.effort.for_sequences()
    exploration.explore(sequences(effort.sessions, effort.steps), run, REQUIREMENTS, EXERCISED, simpler)
