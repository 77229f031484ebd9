"""Random exploration: Hypothesis draws, each example runs on a fresh account, a failure is made simpler and confirmed.

A failure counts only if its simplest example fails again every time on fresh state. The same seed and suite give the
same draws, and so the same operations, on any implementation.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Event
from typing import Generic, TypeVar

import hypothesis
from hypothesis.errors import Flaky, FlakyFailure
from hypothesis.strategies import SearchStrategy

from conformance.outcomes import Examples, Finding, Outcome, Reason, Reproduced
from conformance.scenario.counterexample import canonical
from conformance.scenario.effort import Effort
from conformance.scenario.judge import Judge
from conformance.scenario.reduction import reduce

Drawn = TypeVar("Drawn")
Opened = TypeVar("Opened")
Example = Callable[[Drawn, Judge], Iterable[str]]
Required = Iterable[str] | Mapping[str, Iterable[str]]
CONFIRMATIONS, MOST_FAILURES = 3, 4
PATIENCE = 10
"""How many times as many examples are run while something that is required was not exercised."""


@contextmanager
def one_at_a_time(open_in: Callable[[Judge, ExitStack], Opened]) -> Iterator[Callable[[Judge], Opened]]:
    """A way to open what one example needs, which ends what the example before it had; the last ends with the block."""
    with ExitStack() as resources:

        def open_one(judge: Judge) -> Opened:
            resources.close()
            return open_in(judge, resources)

        yield open_one


class _Ended(Exception):
    """What ends the exploration: a failure, or enough; not an assertion, so that nothing takes it for the suite's."""


@dataclass(frozen=True)
class Counterexample(Generic[Drawn]):
    """The simplest failing example, the one that was drawn, and how often the former failed again."""

    value: Drawn
    drawn: Drawn
    judge: Judge
    reproduced: Reproduced


class _Attempts(Generic[Drawn]):
    """The examples of one exploration as they are run: those that failed, and what kept one from being run."""

    def __init__(self, exploration: Exploration, example: Example[Drawn], is_enough: Callable[[], bool]) -> None:
        self.exploration, self.example, self._is_enough = exploration, example, is_enough
        self.failing: list[tuple[Drawn, Judge]] = []
        self.broken: list[Exception] = []

    def attempt(self, value: Drawn) -> None:
        """Run one example. Raises `_Ended` where that fails, and where no further one is to be run."""
        if self.broken or (not self.failing and self._is_enough()):
            raise _Ended
        try:
            judge = self.exploration.draw(value, self.example)
        except Exception as problem:  # whatever it is, it ends the exploration and is raised there
            self.broken.append(problem)
            raise _Ended from problem
        if _failures(judge):
            self.failing.append((value, judge))
            raise _Ended
        self.exploration.passed(judge)


class Exploration:
    """Runs one property over many drawn examples and gives the judge the result of the simplest failing one.

    `keep` is given each confirmed counterexample and returns where it is kept, None if it is not.
    """

    def __init__(
        self,
        judge: Judge,
        effort: Effort,
        seed: int,
        fresh_judge: Callable[[], Judge],
        keep: Callable[[Counterexample[object]], str | None] = lambda _: None,
    ) -> None:
        self.judge, self.effort, self.seed, self.fresh_judge, self.keep = judge, effort, seed, fresh_judge, keep
        self.exercised: Counter[str] = Counter()
        self.run = 0
        self._operations = hashlib.sha256()
        self._began = time.monotonic()
        self._others: list[Finding] = []

    def explore(
        self,
        strategy: SearchStrategy[Drawn],
        example: Example[Drawn],
        requirements: Iterable[str],
        required: Required = (),
        simpler: Callable[[Drawn], Iterable[Drawn]] | None = None,
        apart_from: Callable[[Drawn], SearchStrategy[Drawn] | None] = lambda _: None,
    ) -> None:
        """Run `example` on drawn values; it returns the names of what it exercised.

        The requirements pass if no example contradicts them and everything in `required`, which may be told apart by
        requirement, was exercised; until then up to `PATIENCE` times as many examples are run. With `simpler`, which
        gives what is simpler than a value, a failing example is made as simple as can be; without it Hypothesis shrinks
        it. Then the exploration goes on `apart_from` what failed, if that gives a strategy, to find what else there is.
        """
        for number in range(MOST_FAILURES):
            attempts = _Attempts(self, example, lambda: self._is_enough(required))
            self._run(strategy, attempts, self.seed + number, shrink=simpler is None)
            found = self._settle(attempts, simpler)
            remaining = apart_from(found) if found is not None else None
            if remaining is None or self._is_spent():
                break
            strategy = remaining
        self._report(self.effort.examples)
        self._conclude(tuple(requirements), required)

    def _run(self, strategy: SearchStrategy[Drawn], attempts: _Attempts[Drawn], seed: int, *, shrink: bool) -> None:
        with suppress(_Ended, Flaky, FlakyFailure):
            hypothesis.seed(seed)(self._settings(shrink=shrink)(hypothesis.given(strategy)(attempts.attempt)))()

    def cover(
        self,
        values: Sequence[Drawn],
        example: Example[Drawn],
        requirements: Iterable[str],
        required: Required = (),
        simpler: Callable[[Drawn], Iterable[Drawn]] | None = None,
    ) -> None:
        """Run `example` on each of these values, which are all there are, in four times the time."""
        attempts = _Attempts(self, example, lambda: self._is_spent(times=4))
        with suppress(_Ended):
            for value in values:
                attempts.attempt(value)
        self._settle(attempts, simpler)
        self._report(len(values))
        self._conclude(tuple(requirements), required)

    def _settle(self, attempts: _Attempts[Drawn], simpler: Callable[[Drawn], Iterable[Drawn]] | None) -> Drawn | None:
        """Make the failing example, if there is one, as simple as can be, and confirm it; returns the simplest."""
        if attempts.broken:
            raise attempts.broken[0]
        if not attempts.failing:
            return None
        simplest, judge = self._simplest(*attempts.failing[-1], attempts.example, simpler)
        self._confirm(simplest, judge, attempts.failing[0][0], attempts.example)
        return simplest

    def _report(self, planned: int) -> None:
        operations, exercised = self._operations.hexdigest()[:16], dict(sorted(self.exercised.items()))
        self.judge.examples = Examples(run=self.run, planned=planned, exercised=exercised, operations=operations)
        if self.run < planned:
            told = "; the time allowed was over" if self._is_spent() else ""
            self.judge.remark(f"{self.run} of {planned} examples were run{told}")

    def _settings(self, *, shrink: bool) -> hypothesis.settings:
        settings = self.effort.settings()
        phases = [each for each in settings.phases if shrink or each is not hypothesis.Phase.shrink]
        return hypothesis.settings(settings, phases=phases, max_examples=self.effort.examples * PATIENCE)

    def _is_enough(self, required: Required) -> bool:
        """Whether what is required was exercised, and as many examples were run as planned or as time allows.

        However slow an implementation is, some more time is spent on what is required; once something has failed, that
        decides, and no more than planned is done.
        """
        planned = self.run >= self.effort.examples or self._is_spent()
        if self.judge.findings and planned:
            return True
        wanted = {name for names in required.values() for name in names} if isinstance(required, Mapping) else required
        exercised = all(self.exercised[each] for each in wanted)
        return (exercised and planned) or self._is_spent(times=6)

    def _is_spent(self, times: int = 1) -> bool:
        """Whether the time for this case is over; a slow implementation is judged by fewer examples."""
        return self.run > 0 and time.monotonic() - self._began > self.effort.seconds * times

    def draw(self, value: Drawn, example: Example[Drawn]) -> Judge:
        """Run one drawn example, no sooner than the rate allows."""
        if self.effort.rate and self.run:
            due = self._began + self.run * 60 / self.effort.rate
            Event().wait(max(0.0, due - time.monotonic()))
        self._operations.update(canonical(value).encode())
        self.run += 1
        judge = self.fresh_judge()
        exercised = tuple(example(value, judge))
        if not _failures(judge):
            self.exercised.update(exercised)
        return judge

    def passed(self, judge: Judge) -> None:
        """Remember what an example left open, warned of or remarked."""
        self._others += [each for each in judge.findings if each.outcome is not Outcome.PASS]
        for each in judge.remarks:
            self.judge.remark(each)

    def _simplest(
        self,
        value: Drawn,
        judge: Judge,
        example: Example[Drawn],
        simpler: Callable[[Drawn], Iterable[Drawn]] | None,
    ) -> tuple[Drawn, Judge]:
        """The simplest example found that fails, and what its judge found."""
        if simpler is None or not self.effort.shrink:
            return value, judge
        last, end = judge, time.monotonic() + self.effort.seconds

        def fails(candidate: Drawn) -> bool:
            nonlocal last
            if time.monotonic() > end:
                return False
            again = self._again(candidate, example)
            if again is None or not _failures(again):
                return False
            last = again
            return True

        return reduce(value, simpler, fails, self.effort.simpler), last

    def _again(self, value: Drawn, example: Example[Drawn]) -> Judge | None:
        """One more run of an example; None where it broke off, which says nothing."""
        judge = self.fresh_judge()
        try:
            tuple(example(value, judge))
        except Exception:  # only whether it fails again is asked
            return None
        return judge

    def _confirm(self, value: Drawn, judge: Judge, drawn: Drawn, example: Example[Drawn]) -> None:
        """Repeat the simplest failing example on fresh state; what does not come back every time is flaky."""
        judges = [self._again(value, example) for _ in range(CONFIRMATIONS)]
        again = [each is not None and bool(_failures(each)) for each in judges]
        reproduced = Reproduced(times=sum(again), of=CONFIRMATIONS)
        kept = self.keep(Counterexample(value, drawn, judge, reproduced))
        self.judge.adopt(_failures(judge) if all(again) else [_flaky(each, again) for each in _failures(judge)])
        if self.judge.reproduced is None:
            self.judge.reproduced, self.judge.steps, self.judge.replay = reproduced, judge.steps, kept
        elif kept:
            self.judge.remark(f"a further counterexample: {kept}")

    def _conclude(self, requirements: tuple[str, ...], required: Required) -> None:
        """What no example contradicts passes, where it was exercised; what one left open stays open."""
        self.judge.adopt(_first_of_each(self._others))
        for requirement in requirements:
            wanted = required.get(requirement, ()) if isinstance(required, Mapping) else required
            missing = [each for each in wanted if not self.exercised[each]]
            if missing:
                expected = f"examples that exercise {', '.join(missing)}"
                self.judge.undecided(requirement, expected, f"none in {self.run}", Reason.NOT_EXERCISED)
            elif self.judge.outcome_of(requirement) is Outcome.NOT_RUN:
                self.judge.passed(requirement)


def _failures(judge: Judge) -> list[Finding]:
    return [each for each in judge.findings if each.outcome is Outcome.FAIL]


def _first_of_each(findings: Iterable[Finding]) -> list[Finding]:
    """One finding of each requirement and outcome: what many examples found alike stands once."""
    first: dict[tuple[str, Outcome, Reason | None], Finding] = {}
    for each in findings:
        first.setdefault((each.requirement, each.outcome, each.reason), each)
    return list(first.values())


def _flaky(finding: Finding, again: list[bool]) -> Finding:
    observed = f"{finding.observed}; on fresh state it came back {sum(again)} of {len(again)} times"
    return finding.model_copy(update={"outcome": Outcome.INCONCLUSIVE, "reason": Reason.FLAKY, "observed": observed})
