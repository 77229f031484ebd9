"""What only follows from something that is never done is held against that alone, and nothing else is excused."""

from __future__ import annotations

from conformance.outcomes import CaseResult, Outcome, Reason, Verdict
from conformance.report import Report
from conformance.selftest.report_examples import MadeUpRequirement, case, finding, report

UPLOAD, NAMES, CAUSE = "SYN-1", "SYN-2", "SYN-3"


def _judged(*cases: CaseResult) -> Report:
    return report([MadeUpRequirement(each) for each in (UPLOAD, NAMES, CAUSE)], cases)


def _outcomes(made: Report) -> dict[str, Outcome]:
    return {each.id: each.outcome for each in made.requirements}


def _names(*follows: str) -> CaseResult:
    return case("names", finding(NAMES, Outcome.FAIL, Reason.CONTRADICTION, observed="no copy", follows=follows))


def test_a_consequence_of_what_is_never_done_is_not_exercised() -> None:
    """The plain requirement fails; the narrower one was not exercised, and the report says because of what."""
    made = _judged(case("upload", finding(UPLOAD, Outcome.FAIL, Reason.CONTRADICTION)), _names(UPLOAD))
    assert _outcomes(made) == {UPLOAD: Outcome.FAIL, NAMES: Outcome.INCONCLUSIVE, CAUSE: Outcome.NOT_RUN}
    (names,) = [each for each in made.cases if each.id == "names"]
    assert (names.outcome, names.reason) == (Outcome.INCONCLUSIVE, Reason.NOT_EXERCISED)
    assert f"may follow from {UPLOAD}" in names.findings[0].observed
    assert UPLOAD in names.remarks[-1]
    assert made.verdict.client is Verdict.NOT_CONFORMANT


def test_a_contradiction_stands_where_the_plain_requirement_is_met() -> None:
    """Uploads work, and those to the special name do not: that is about the name."""
    made = _judged(case("upload", finding(UPLOAD, Outcome.PASS)), _names(UPLOAD))
    assert _outcomes(made)[NAMES] is Outcome.FAIL


def test_a_contradiction_stands_where_the_plain_requirement_is_met_elsewhere() -> None:
    """Uploads fail in one test case and pass in another: they are done, so nothing is excused by them."""
    upload = finding(UPLOAD, Outcome.FAIL, Reason.CONTRADICTION)
    made = _judged(case("large", upload), case("small", finding(UPLOAD, Outcome.PASS)), _names(UPLOAD))
    assert _outcomes(made)[NAMES] is Outcome.FAIL


def test_a_contradiction_stands_where_the_plain_requirement_was_not_judged() -> None:
    """A run over one test case only, or one in which the plain test case was inconclusive."""
    assert _outcomes(_judged(_names(UPLOAD)))[NAMES] is Outcome.FAIL
    undecided = case("upload", finding(UPLOAD, Outcome.INCONCLUSIVE, Reason.PRECONDITION))
    assert _outcomes(_judged(undecided, _names(UPLOAD)))[NAMES] is Outcome.FAIL


def test_two_consequences_do_not_excuse_each_other() -> None:
    """What follows from something else is no proof that this is never done."""
    upload = finding(UPLOAD, Outcome.FAIL, Reason.CONTRADICTION, follows=(NAMES,))
    made = _judged(case("upload", upload), _names(UPLOAD))
    assert _outcomes(made) == {UPLOAD: Outcome.FAIL, NAMES: Outcome.FAIL, CAUSE: Outcome.NOT_RUN}


def test_one_missing_step_relieves_the_whole_test_case_but_not_what_stands_by_itself() -> None:
    """A synchronization that stops at a step leaves the others undone; a plain contradiction in it still counts."""
    mixed = case(
        "mixed",
        finding(NAMES, Outcome.FAIL, Reason.CONTRADICTION, follows=(UPLOAD,)),
        finding(NAMES, Outcome.FAIL, Reason.CONTRADICTION, observed="lost", follows=("SYN-9",)),
        finding(CAUSE, Outcome.FAIL, Reason.CONTRADICTION),
    )
    made = _judged(case("upload", finding(UPLOAD, Outcome.FAIL, Reason.CONTRADICTION)), mixed)
    assert _outcomes(made) == {UPLOAD: Outcome.FAIL, NAMES: Outcome.INCONCLUSIVE, CAUSE: Outcome.FAIL}
    assert {each.id: each.outcome for each in made.cases} == {"upload": Outcome.FAIL, "mixed": Outcome.FAIL}
