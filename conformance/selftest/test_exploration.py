"""Random exploration shrinks a failure, confirms it on fresh state, and is never green without evidence."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import strategies as st

from conformance.outcomes import Outcome, Reason
from conformance.scenario.effort import Effort
from conformance.scenario.exploration import Exploration
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.spec import requirement

REQUIREMENT = "SYN-417"


def _judge() -> Judge:
    return Judge(requirement, "")


def _exploration(seed: int = 1, examples: int = 50) -> Exploration:
    return Exploration(_judge(), Effort(examples), seed, _judge)


def test_a_fault_is_found_shrunk_and_confirmed() -> None:
    """The smallest failing example is the one that is reported, and it failed every time again."""
    exploration = _exploration()

    def example(value: int, judge: Judge) -> Iterable[str]:
        judge.step(f"value {value}")
        if value >= 10:
            judge.contradicted(REQUIREMENT, "less than ten", str(value))
        return ["drawn"]

    exploration.explore(st.integers(0, 1000), example, [REQUIREMENT])
    assert exploration.judge.outcome_of(REQUIREMENT) is Outcome.FAIL
    assert exploration.judge.steps == ["value 10"]
    assert exploration.judge.reproduced is not None
    assert exploration.judge.reproduced.times == 3


def test_a_failure_that_does_not_come_back_is_flaky() -> None:
    """A failure that fresh state does not show again is inconclusive, with its rate."""
    exploration = _exploration()
    attempts: list[int] = []

    def example(value: int, judge: Judge) -> Iterable[str]:
        attempts.append(value)
        if len(attempts) == 5:
            judge.contradicted(REQUIREMENT, "no failure", "one")
        return []

    exploration.explore(st.integers(), example, [REQUIREMENT])
    (finding,) = exploration.judge.findings
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.FLAKY)
    assert "0 of 3 times" in finding.observed


def test_what_was_never_exercised_is_not_green() -> None:
    """A required event that no example showed makes the case inconclusive."""
    exploration = _exploration()
    exploration.explore(st.integers(), lambda _value, _judge: ["drawn"], [REQUIREMENT], ["drawn", "removed"])
    (finding,) = exploration.judge.findings
    assert (finding.outcome, finding.reason) == (Outcome.INCONCLUSIVE, Reason.NOT_EXERCISED)
    assert "removed" in finding.expected


def test_the_same_seed_draws_the_same_examples() -> None:
    """A seed decides the draws; another seed draws others."""

    def draws(seed: int) -> list[int]:
        seen: list[int] = []

        def example(value: int, _judge: Judge) -> Iterable[str]:
            seen.append(value)
            return []

        _exploration(seed).explore(st.integers(), example, [REQUIREMENT])
        return seen

    assert draws(7) == draws(7)
    assert draws(7) != draws(8)


def test_every_example_is_counted() -> None:
    """The report tells how many examples ran and what they exercised."""
    exploration = _exploration(examples=20)
    exploration.explore(st.integers(), lambda _value, _judge: ["drawn"], [REQUIREMENT])
    assert exploration.judge.examples is not None
    assert exploration.judge.examples.run == 20
    assert exploration.judge.examples.exercised == {"drawn": 20}


def test_what_stops_an_example_stops_the_exploration() -> None:
    """An example that cannot be run is neither a failure nor a pass: its problem is raised, and nothing else is run."""
    exploration = _exploration()

    def example(value: int, _judge: Judge) -> Iterable[str]:
        raise PreconditionNotReached(f"no base for {value}")

    with pytest.raises(PreconditionNotReached):
        exploration.explore(st.integers(), example, [REQUIREMENT])
    assert exploration.run == 1
    assert not exploration.judge.findings
