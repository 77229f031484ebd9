"""The judge is never more severe than the text allows, and never greener than the evidence."""

from __future__ import annotations

import pytest

from conformance.outcomes import Outcome, Reason
from conformance.scenario.judge import ConformanceFailure, Judge, NotDecided
from conformance.spec import Basis, requirement, requirements


def _judge() -> Judge:
    return Judge(requirement, "transcripts/case.txt")


def _with_basis(basis: Basis) -> str:
    return next(each.id for each in requirements() if each.rests_on is basis)


@pytest.mark.parametrize(
    ("basis", "outcome"),
    [
        (Basis.FAIL, Outcome.FAIL),
        (Basis.WARN, Outcome.WARN),
        (Basis.INCONCLUSIVE, Outcome.INCONCLUSIVE),
        (Basis.RECORD, Outcome.PASS),
    ],
)
def test_a_contradiction_is_as_grave_as_its_record_allows(basis: Basis, outcome: Outcome) -> None:
    """What a contradiction amounts to is decided by what the requirement's words can carry."""
    judge = _judge()
    judge.contradicted(_with_basis(basis), "this", "that", 7)
    assert judge.findings[0].outcome is outcome
    assert judge.findings[0].deciding is not None


def test_a_failure_makes_the_case_fail() -> None:
    """One contradiction among passes is a failure of the case."""
    judge = _judge()
    judge.passed("SYN-407")
    judge.contradicted("SYN-406", "gone", "still there")
    with pytest.raises(ConformanceFailure, match="SYN-406: expected gone; observed still there"):
        judge.conclude()


def test_an_open_outcome_is_not_green() -> None:
    """What decides neither way is not counted as passed."""
    judge = _judge()
    judge.undecided("SYN-406", "gone", "marked", Reason.OPEN)
    with pytest.raises(NotDecided):
        judge.conclude()


def test_warnings_and_passes_conclude() -> None:
    """A warning does not fail a case."""
    judge = _judge()
    judge.passed("SYN-406")
    judge.recommended("SYN-702", "silence", "a fetch")
    judge.conclude()


def test_unknown_requirements_are_refused() -> None:
    """A finding about a requirement that no record describes is an error of the case."""
    with pytest.raises(LookupError, match="SYN-999"):
        _judge().passed("SYN-999")
