"""5.5.2.20 on random states: one base, changes on both sides, and the oracle."""

from __future__ import annotations

from collections.abc import Callable

from conformance.cases.declaration import client_case
from conformance.model.states import SYSTEM_FLAGS, Side
from conformance.scenario.exploration import Exploration
from conformance.scenario.judge import Judge
from conformance.scenario.scenario import Scenario
from conformance.strategies.divergence import Divergence, apply, conflict_free

REQUIREMENTS = ("SYN-417", "SYN-703", "SYN-704", "SYN-705")
EXERCISED = tuple(
    f"{what} {where}"
    for what in ("object added", "object removed", "flag set")
    for where in ("locally", "on the server")
)


@client_case("random-divergence-without-conflict", *REQUIREMENTS)
def test_random_divergence_without_conflict(
    exploration: Exploration, fresh_scenario: Callable[[Judge], Scenario]
) -> None:
    """A client brings any two stores together that diverged without a conflict, as base and both sides demand."""

    def synchronized(divergence: Divergence, judge: Judge) -> list[str]:
        scenario = fresh_scenario(judge)
        if not scenario.begin(divergence.base):
            return []
        sides = {Side.LOCAL: scenario.on_client, Side.SERVER: scenario.on_server}
        exercised = apply(divergence, sides.__getitem__)
        scenario.synchronize()
        scenario.judge_end_state(*REQUIREMENTS)
        rows = {f"row {row.value}" for row in scenario.expectation.rows()}
        return [*exercised, *sorted(rows)]

    exploration.explore(conflict_free(SYSTEM_FLAGS), synchronized, REQUIREMENTS, EXERCISED)
