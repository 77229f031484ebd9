"""The exploration of random histories for one test case: what the implementations can be asked for, and its effort."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from hypothesis.strategies import SearchStrategy

from conformance.model.history import Act, Follow, History, Renumber, ReplaceDevice
from conformance.model.needs import needed_for
from conformance.model.objects import ObjectKind
from conformance.model.policy import Direction, Policy
from conformance.model.states import SYSTEM_FLAGS
from conformance.outcomes import Outcome
from conformance.scenario.exercised import possible
from conformance.scenario.exploration import Exploration, Required
from conformance.scenario.history_run import run_history
from conformance.scenario.judge import Judge
from conformance.scenario.scenario import Scenario
from conformance.scenario.stage import Stage
from conformance.servers.protocol import Ability
from conformance.strategies.histories import Shape, histories
from conformance.strategies.simplification import blamed, simpler

FEW_EDITS = 3
POLICIES: dict[str, tuple[Policy, ...]] = {
    "policy.direction": (Policy(direction=Direction.DOWNLOAD), Policy(direction=Direction.UPLOAD)),
    "policy.kind": (Policy(kinds=frozenset({ObjectKind.MESSAGE, ObjectKind.SESSION_INFO})),),
    "policy.size": (Policy(max_size=700),),
}
"""The policies that a client which claims the item is told to follow."""


class Histories:
    """Draws histories and runs each on a fresh account and on empty local storage."""

    def __init__(self, exploration: Exploration, stage: Stage, open_scenario: Callable[[Judge], Scenario]) -> None:
        self.exploration, self.stage, self._open = exploration, stage, open_scenario

    def times(self, factor: float) -> Histories:
        """The same with so many times as many examples: each costs much, or there are many, or few would say little."""
        self.exploration.effort = self.exploration.effort.times(factor)
        return self

    def shape(
        self,
        rounds: int | None = None,
        *,
        more_rounds: int = 0,
        conflicts: bool = False,
        acts: tuple[Act, ...] = (),
        specials: tuple[str, ...] = (),
    ) -> Shape:
        """A shape as large as the effort of this run allows.

        Where something is to happen during the run, few things are touched before, so that much is left to touch then.
        """
        effort = self.exploration.effort
        edits = min(effort.edits, FEW_EDITS) if acts else effort.edits
        return Shape(
            rounds or effort.rounds + more_rounds,
            edits,
            conflicts,
            acts,
            specials,
            unclaimed=self.stage.unclaimed_of_client,
            policies=self._policies() if Follow.SET in specials else (),
            flags=tuple(flag for flag in SYSTEM_FLAGS if self.stage.lens().holds_flag(flag)),
        )

    def _policies(self) -> tuple[Policy, ...]:
        unclaimed = self.stage.unclaimed_of_client
        offered = (policy for item, policies in POLICIES.items() if item not in unclaimed for policy in policies)
        return tuple(policy for policy in offered if unclaimed.isdisjoint(needed_for(policy)))

    def specials(self) -> tuple[str, ...]:
        """What can happen besides edits: a new UIDVALIDITY, another device, another policy."""
        renewed = (Renumber.kind,) if Ability.NEW_UID_VALIDITY in self.stage.server.abilities else ()
        replaced = () if "direction.download" in self.stage.unclaimed_of_client else (ReplaceDevice.kind,)
        return (*renewed, *replaced, *((Follow.SET,) if self._policies() else ()))

    def possible(self, acts: Iterable[Act]) -> tuple[Act, ...]:
        """These interruptions, and silence where the effort of this run allows for it."""
        return (*acts, Act.STALL) if self.exploration.effort.thorough else tuple(acts)

    def explore(self, shape: Shape, requirements: Iterable[str], required: Required) -> None:
        """Explore histories of that shape, flat ones where the server has no hierarchy."""
        if self._open(self.exploration.fresh_judge()).store.hierarchy.delimiter is None:
            shape = shape.flat()
        without: set[str] = set()

        def apart_from(found: History) -> SearchStrategy[History] | None:
            kind = blamed(found)
            if kind in without:
                return None
            without.add(kind)
            self.exploration.judge.remark(f"explored further without: {kind}")
            return histories(replace(shape, without=frozenset(without)))

        plainer, wanted = partial(simpler, conflicts=shape.conflicts), possible(required, shape.unclaimed)
        self.exploration.explore(histories(shape), self._example, requirements, wanted, plainer, apart_from)

    def _example(self, history: History, judge: Judge) -> list[str]:
        return run_history(history, self._open(judge))


class ServerHistories(Histories):
    """Histories of the reference client that judge the server alone."""

    def _example(self, history: History, judge: Judge) -> list[str]:
        return judge_server_by(history, self._open, judge)


def judge_server_by(history: History, open_scenario: Callable[[Judge], Scenario], judge: Judge) -> list[str]:
    """Run a history of the reference client: whatever is wrong in it contradicts SYN-801 of the server."""
    own = Judge(judge.record, judge.transcript)
    exercised = run_history(history, open_scenario(own))
    judge.steps += own.steps
    for each in own.findings:
        if each.outcome is Outcome.FAIL:
            entry = each.deciding.entry if each.deciding else None
            judge.contradicted("SYN-801", f"{each.requirement}: {each.expected}", each.observed, entry)
    return exercised
