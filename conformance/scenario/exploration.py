"""Random exploration: Hypothesis draws, each example runs on a fresh account, a failure is shrunk and then confirmed.

A failure counts only if its smallest example fails again every time on fresh state. The example database is not used:
the same seed and suite give the same draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.errors import Flaky, FlakyFailure
from hypothesis.strategies import SearchStrategy

from conformance.outcomes import Examples, Finding, Outcome, Reason, Reproduced
from conformance.scenario.effort import Effort
from conformance.scenario.judge import Judge

Drawn = TypeVar("Drawn")
CONFIRMATIONS = 3


class _Contradiction(Exception):
    """An example that ended with a failure; not an assertion, so that nothing takes it for one of the suite."""


class Exploration:
    """Runs one property over many drawn examples and gives the judge the result of the smallest failing one."""

    def __init__(self, judge: Judge, effort: Effort, seed: int, fresh_judge: Callable[[], Judge]) -> None:
        self.judge, self.effort, self.seed, self.fresh_judge = judge, effort, seed, fresh_judge
        self.exercised: Counter[str] = Counter()
        self.run = 0

    def explore(
        self,
        strategy: SearchStrategy[Drawn],
        example: Callable[[Drawn, Judge], Iterable[str]],
        requirements: Iterable[str],
        required: Iterable[str] = (),
    ) -> None:
        """Run `example` on drawn values; it returns the names of what it exercised.

        The requirements pass if no example contradicts anything and everything in `required` was exercised.
        """
        failing: list[tuple[Drawn, Judge]] = []
        broken: list[Exception] = []

        def attempt(value: Drawn) -> None:
            if broken:
                return
            try:
                judge = self._attempt(value, example)
            except Exception as problem:  # whatever it is, it ends the exploration and is raised below
                broken.append(problem)
                return
            if _failures(judge):
                failing.append((value, judge))
                raise _Contradiction

        with suppress(_Contradiction, Flaky, FlakyFailure):
            hypothesis.seed(self.seed)(self._settings()(hypothesis.given(strategy)(attempt)))()
        if broken:
            raise broken[0]
        if failing:
            self._confirm(*failing[-1], example)
        self.judge.examples = Examples(
            run=self.run, planned=self.effort.examples, exercised=dict(sorted(self.exercised.items()))
        )
        if not failing:
            self._pass(tuple(requirements), [each for each in required if not self.exercised[each]])

    def _attempt(self, value: Drawn, example: Callable[[Drawn, Judge], Iterable[str]]) -> Judge:
        judge = self.fresh_judge()
        self.run += 1
        self.exercised.update(example(value, judge))
        return judge

    def _settings(self) -> hypothesis.settings:
        phases = {Phase.explicit, Phase.generate} | ({Phase.shrink} if self.effort.shrink else set())
        return hypothesis.settings(
            max_examples=self.effort.examples,
            deadline=None,
            database=None,
            derandomize=False,
            print_blob=False,
            report_multiple_bugs=False,
            phases=sorted(phases, key=lambda phase: phase.value),
            verbosity=Verbosity.quiet,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )

    def _confirm(self, value: Drawn, judge: Judge, example: Callable[[Drawn, Judge], Iterable[str]]) -> None:
        """Repeat the smallest failing example on fresh state; what does not come back every time is flaky."""
        again = [bool(_failures(self._attempt(value, example))) for _ in range(CONFIRMATIONS)]
        self.judge.reproduced = Reproduced(times=sum(again), of=CONFIRMATIONS)
        self.judge.steps = judge.steps
        self.judge.adopt(judge.findings if all(again) else [_flaky(each, again) for each in _failures(judge)])

    def _pass(self, requirements: tuple[str, ...], missing: list[str]) -> None:
        if not missing:
            self.judge.passed(*requirements)
            return
        for requirement in requirements:
            expected = f"examples that exercise {', '.join(missing)}"
            self.judge.undecided(requirement, expected, f"none in {self.run}", Reason.NOT_EXERCISED)


def _failures(judge: Judge) -> list[Finding]:
    return [each for each in judge.findings if each.outcome is Outcome.FAIL]


def _flaky(finding: Finding, again: list[bool]) -> Finding:
    observed = f"{finding.observed}; on fresh state it came back {sum(again)} of {len(again)} times"
    return finding.model_copy(update={"outcome": Outcome.INCONCLUSIVE, "reason": Reason.FLAKY, "observed": observed})
