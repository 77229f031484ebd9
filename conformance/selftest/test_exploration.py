"""Random exploration shrinks a failure, confirms it on fresh state, and is never green without evidence."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import hypothesis
import pytest
from hypothesis import Phase
from hypothesis import strategies as st

from conformance.configuration import Profile
from conformance.outcomes import Outcome, Reason
from conformance.scenario.effort import EFFORTS, Effort
from conformance.scenario.exploration import PATIENCE, Counterexample, Exploration
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


def test_a_failure_is_made_as_simple_as_it_can_be() -> None:
    """Where it is known what is simpler, that is tried instead, and the first one found is kept beside it."""
    kept: list[Counterexample[object]] = []

    def keep(found: Counterexample[object]) -> str:
        kept.append(found)
        return "kept.json"

    exploration = Exploration(_judge(), Effort(50), 1, _judge, keep)

    def example(value: int, judge: Judge) -> Iterable[str]:
        if value >= 10:
            judge.contradicted(REQUIREMENT, "less than ten", str(value))
        return []

    exploration.explore(
        st.integers(0, 1000), example, [REQUIREMENT], simpler=lambda value: [value // 2, value - 1] if value else []
    )
    (found,) = kept
    assert found.value == 10
    assert isinstance(found.drawn, int)
    assert found.drawn >= 10
    assert exploration.judge.replay == "kept.json"


def test_what_else_fails_is_found_apart_from_it() -> None:
    """After one failure the rest is explored, and what passes there is told apart from what was left out."""
    exploration = _exploration()
    left = ["folder", "object", "flag"]

    def example(value: str, judge: Judge) -> Iterable[str]:
        if value != "flag":
            judge.contradicted({"folder": "SYN-703", "object": "SYN-704"}[value], "done", "not done")
        return ["drawn"]

    def apart_from(value: str) -> st.SearchStrategy[str]:
        left.remove(value)
        return st.sampled_from(left)

    requirements = ["SYN-703", "SYN-704", "SYN-705"]
    exploration.explore(st.sampled_from(left), example, requirements, ["drawn"], lambda _: [], apart_from)
    outcomes = [exploration.judge.outcome_of(each) for each in requirements]
    assert outcomes == [Outcome.FAIL, Outcome.FAIL, Outcome.PASS]


def test_each_requirement_needs_its_own_evidence() -> None:
    """What was exercised for one requirement establishes nothing for another."""
    exploration = _exploration(examples=5)
    exploration.explore(
        st.integers(),
        lambda _value, _judge: ["fetched"],
        ["SYN-706", "SYN-707"],
        {"SYN-706": ["fetched"], "SYN-707": ["stored"]},
    )
    judge = exploration.judge
    assert [judge.outcome_of(each) for each in ("SYN-706", "SYN-707")] == [Outcome.PASS, Outcome.INCONCLUSIVE]
    assert exploration.run == 5 * PATIENCE


def test_a_failing_example_is_no_evidence() -> None:
    """What only failing examples exercised was not established by any."""
    exploration = _exploration(examples=5)

    def example(_value: int, judge: Judge) -> Iterable[str]:
        judge.contradicted("SYN-703", "no failure", "one")
        return ["removed"]

    exploration.explore(st.integers(), example, ["SYN-703", "SYN-705"], ["removed"])
    assert exploration.judge.outcome_of("SYN-705") is Outcome.INCONCLUSIVE


def test_what_one_example_leaves_open_stays_open() -> None:
    """An example that decides nothing about a requirement keeps the others from establishing it."""
    exploration = _exploration(examples=10)
    seen: list[int] = []

    def example(value: int, judge: Judge) -> Iterable[str]:
        seen.append(value)
        if len(seen) == 3:
            judge.undecided(REQUIREMENT, "one copy", "two")
        return []

    exploration.explore(st.integers(), example, [REQUIREMENT])
    assert exploration.judge.outcome_of(REQUIREMENT) is Outcome.INCONCLUSIVE


def test_time_is_bounded() -> None:
    """When the time for a case is over no further example is begun, and the report says so."""
    exploration = Exploration(_judge(), Effort(50, seconds=0.0), 1, _judge)
    exploration.explore(st.integers(), lambda _value, _judge: [], [REQUIREMENT])
    assert exploration.run == 1
    assert "1 of 50 examples" in exploration.judge.remarks[0]


def test_a_rate_is_kept() -> None:
    """Examples begin no faster than the rate allows."""
    exploration = Exploration(_judge(), Effort(4, rate=60 * 20), 1, _judge)
    begun: list[float] = []

    def example(_value: int, _judge: Judge) -> Iterable[str]:
        begun.append(time.monotonic())
        return []

    exploration.explore(st.integers(), example, [REQUIREMENT])
    assert begun[-1] - begun[0] >= 3 / 20 - 0.01


def test_all_of_a_given_list_is_run() -> None:
    """What can be listed is covered, each once, and a failure among it is told."""
    exploration = _exploration()
    seen: list[int] = []

    def example(value: int, judge: Judge) -> Iterable[str]:
        seen.append(value)
        if value == 7:
            judge.contradicted(REQUIREMENT, "any but seven", "seven")
        return []

    exploration.cover(range(5), example, [REQUIREMENT])
    assert seen == [0, 1, 2, 3, 4]
    assert exploration.judge.outcome_of(REQUIREMENT) is Outcome.PASS
    again = _exploration()
    again.cover([6, 7, 8], example, [REQUIREMENT])
    assert again.judge.outcome_of(REQUIREMENT) is Outcome.FAIL
    assert 8 not in seen


def test_the_digest_tells_the_operations() -> None:
    """The same seed has the same digest of all that was drawn, another seed another one."""

    def digest(seed: int) -> str:
        exploration = _exploration(seed)
        exploration.explore(st.integers(), lambda _value, _judge: [], [REQUIREMENT])
        assert exploration.judge.examples is not None
        return exploration.judge.examples.operations

    assert digest(7) == digest(7)
    assert digest(7) != digest(8)


@pytest.mark.parametrize("profile", list(Profile))
def test_every_profile_is_one_of_hypothesis(profile: Profile) -> None:
    """Each profile is registered with Hypothesis, without a database, and remote ones never shrink."""
    registered = hypothesis.settings.get_profile(f"cpm-{profile.value}")
    assert registered.database is None
    assert registered.max_examples == EFFORTS[profile].examples
    assert (Phase.shrink in registered.phases) == EFFORTS[profile].shrink
    assert not EFFORTS[Profile.REMOTE].shrink


DIGESTS = """
from conformance.configuration import Profile
from conformance.scenario.effort import Effort
from conformance.scenario.exploration import Exploration
from conformance.scenario.judge import Judge
from conformance.model.history import Act
from conformance.spec import requirement
from conformance.strategies.histories import Shape, histories
from conformance.strategies.store_sequences import sequences

for strategy in (histories(Shape(rounds=2, conflicts=True, acts=tuple(Act))), sequences()):
    exploration = Exploration(Judge(requirement, ""), Effort(60), 7, lambda: Judge(requirement, ""))
    exploration.explore(strategy, lambda value, judge: [], ["SYN-417"])
    print(exploration.judge.examples.operations)
"""


def _digests(before: str = "", **environment: str) -> str:
    """What a process of its own prints for one seed, after running some code first."""
    return subprocess.run(
        [sys.executable, "-c", before + DIGESTS],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_digest_is_the_same_in_every_process() -> None:
    """Two reports of one seed and suite tell the same operations, however Python orders its sets."""
    told = {_digests(PYTHONHASHSEED=seed) for seed in ("1", "2", "3")}
    assert len(told) == 1, told


def test_the_digest_is_the_same_whatever_else_is_loaded(tmp_path: Path) -> None:
    """An implementer's own modules, and the constants that stand in them, change no draw."""
    constants = ", ".join(str(7**power) for power in range(2, 22))
    (tmp_path / "implementation.py").write_text(f"CONSTANTS = [{constants}]\n")
    loaded = f"import sys; sys.path.append({str(tmp_path)!r}); import implementation\n"
    assert _digests(loaded) == _digests()
