"""Every point at which the reference synchronization of a client can be cut, counted and tried once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from conformance.imap.framing import Direction
from conformance.model.history import Act, History
from conformance.scenario.exercised import possible
from conformance.scenario.exploration import Exploration, Required
from conformance.scenario.history_run import HistoryRun, run_history
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.scenario.scenario import Scenario
from conformance.strategies.reference_history import cut_at, reference_history
from conformance.strategies.simplification import simpler

INSIDE, BOTH = (Act.CUT_INSIDE,), (Act.CUT_BEFORE, Act.CUT_INSIDE)


class _Counter:
    """Counts the units that pass."""

    def __init__(self) -> None:
        self.units = 0

    def __call__(self, connection: str, direction: Direction, unit: bytes) -> None:  # noqa: ARG002
        self.units += 1


def units_of(scenario: Scenario) -> int:
    """How many units, of both directions, the client's reference synchronization has."""
    history, counter = reference_history(unclaimed=scenario.stage.unclaimed_of_client), _Counter()
    run = HistoryRun(scenario)
    run.run(History(history.base, history.steps[:-1]))
    if scenario.findings.differences:
        raise PreconditionNotReached("the base of the reference synchronization could not be established")
    scenario.disturb(counter, "count what passes")
    return counter.units


class CutPoints:
    """Tries the cut points of one part of all, so that parts can be tried side by side."""

    def __init__(self, exploration: Exploration, open_scenario: Callable[[Judge], Scenario]) -> None:
        self.exploration, self._open = exploration, open_scenario

    def cover(self, part: int, parts: int, requirements: Iterable[str], required: Required = ()) -> None:
        """Cut inside, and in a thorough run before, every unit whose number leaves `part` when divided by `parts`."""
        exploration = self.exploration
        acts = BOTH if exploration.effort.thorough else INSIDE
        scenario = self._open(exploration.fresh_judge())
        units, unclaimed = units_of(scenario), scenario.stage.unclaimed_of_client
        points = [cut_at(unit, act, unclaimed) for unit in range(part, units, parts) for act in acts]
        points = points[::2] + points[1::2]
        exploration.judge.step(
            f"{units} commands and responses; the connection is cut at each of them, {len(points)} of the cuts here"
        )
        exploration.cover(
            points, self._example, requirements, possible(required, unclaimed), partial(simpler, conflicts=False)
        )

    def _example(self, history: History, judge: Judge) -> list[str]:
        return run_history(history, self._open(judge))
