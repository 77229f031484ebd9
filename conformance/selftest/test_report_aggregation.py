"""Tests of the rules of judgement: findings to requirement outcomes, to verdicts, to the exit code."""

from __future__ import annotations

import pytest

from conformance.outcomes import CaseResult, Outcome, Reason, Verdict
from conformance.report import Report, exit_code
from conformance.report.model import RequirementResult
from conformance.selftest.report_examples import (
    MadeUpExclusion,
    MadeUpRequirement,
    case,
    every_outcome,
    finding,
    report,
)

FAIL, ERROR, INCONCLUSIVE, WARN, PASS = list(Outcome)[:5]
NOT_APPLICABLE, NOT_RUN = Outcome.NOT_APPLICABLE, Outcome.NOT_RUN


def one_requirement(cases: list[CaseResult], **more: object) -> RequirementResult:
    """What becomes of the requirement SYN-1 of a client."""
    requirement = MadeUpRequirement("SYN-1", **more)  # type: ignore[arg-type]
    return report([requirement], cases).requirements[0]


def of_outcomes(*outcomes: Outcome) -> Report:
    """A report of a client with one mandatory requirement for each outcome."""
    requirements = [MadeUpRequirement(f"SYN-{number}") for number in range(len(outcomes))]
    cases = [case(f"case-{number}", finding(f"SYN-{number}", outcome)) for number, outcome in enumerate(outcomes)]
    return report(requirements, cases)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ((PASS, FAIL, ERROR), FAIL),
        ((PASS, ERROR, INCONCLUSIVE), ERROR),
        ((PASS, INCONCLUSIVE, WARN), INCONCLUSIVE),
        ((PASS, NOT_RUN, WARN), NOT_RUN),
        ((PASS, WARN), WARN),
        ((PASS, NOT_APPLICABLE), PASS),
        ((NOT_APPLICABLE, NOT_APPLICABLE), NOT_APPLICABLE),
    ],
)
def test_a_requirement_takes_the_worst_outcome(outcomes: tuple[Outcome, ...], expected: Outcome) -> None:
    """The worst finding over all cases counts, in either order of the cases."""
    cases = [case(f"case-{number}", finding("SYN-1", outcome)) for number, outcome in enumerate(outcomes)]
    assert one_requirement(cases).outcome is expected
    assert one_requirement(cases[::-1]).outcome is expected


@pytest.mark.parametrize(
    ("outcome", "reason", "expected"),
    [
        (PASS, None, (INCONCLUSIVE, Reason.NOT_EXERCISED)),
        (FAIL, Reason.CONTRADICTION, (INCONCLUSIVE, Reason.NOT_EXERCISED)),
        (WARN, Reason.RECOMMENDATION, (INCONCLUSIVE, Reason.NOT_EXERCISED)),
        (INCONCLUSIVE, Reason.TIMEOUT, (INCONCLUSIVE, Reason.TIMEOUT)),
        (ERROR, None, (ERROR, Reason.SUITE)),
        (NOT_APPLICABLE, Reason.NO_ABILITY, (NOT_APPLICABLE, Reason.NO_ABILITY)),
        (NOT_RUN, None, (NOT_RUN, Reason.NOT_EXERCISED)),
    ],
)
def test_a_case_without_a_finding_never_establishes(
    outcome: Outcome, reason: Reason | None, expected: tuple[Outcome, Reason]
) -> None:
    """A declared requirement that got no finding takes the outcome of the case, and is never green by it."""
    result = one_requirement([case("silent", requirements=("SYN-1",), outcome=outcome, reason=reason)])
    assert (result.outcome, result.reason) == expected


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"excluded": MadeUpExclusion(), "planned": True}, Reason.EXCLUDED),
        ({"planned": True}, Reason.NO_CASE),
        ({"roles": ("server",)}, Reason.ROLE_NOT_TESTED),
        ({}, Reason.NOT_SELECTED),
    ],
)
def test_a_requirement_without_a_case_says_why(more: dict[str, object], reason: Reason) -> None:
    """No case result means not run, with the reason."""
    result = one_requirement([], **more)
    assert (result.outcome, result.reason) == (NOT_RUN, reason)


@pytest.mark.parametrize(
    ("rests_on", "expected"),
    [
        ("fail", (FAIL, Reason.CONTRADICTION)),
        ("warn", (WARN, Reason.RECOMMENDATION)),
        ("inconclusive", (INCONCLUSIVE, Reason.OPEN)),
        ("record", (INCONCLUSIVE, Reason.OPEN)),
    ],
)
def test_a_fail_is_brought_down_to_what_the_text_carries(rests_on: str, expected: tuple[Outcome, Reason]) -> None:
    """A finding cannot be graver than the words it rests on, and neither can its case."""
    made = report(
        [MadeUpRequirement("SYN-1", rests_on=rests_on)], [case("one", finding("SYN-1", FAIL, Reason.CONTRADICTION))]
    )
    assert (made.requirements[0].outcome, made.requirements[0].reason) == expected
    assert (made.cases[0].outcome, made.cases[0].reason) == expected
    assert bool(made.cases[0].remarks) is (rests_on != "fail")


def test_every_outcome_but_pass_has_a_reason() -> None:
    """A reader is never left without a reason, even where a producer gave none."""
    requirements = of_outcomes(*Outcome).requirements
    assert {one.outcome for one in requirements} == set(Outcome)
    assert all((one.reason is None) is (one.outcome is PASS) for one in requirements)


@pytest.mark.parametrize(
    ("outcomes", "verdict", "code"),
    [
        ((PASS, PASS), Verdict.CONFORMANT, 0),
        ((PASS, WARN), Verdict.CONFORMANT, 0),
        ((PASS, NOT_APPLICABLE), Verdict.CONFORMANT, 0),
        ((PASS, FAIL, ERROR, INCONCLUSIVE), Verdict.NOT_CONFORMANT, 1),
        ((PASS, INCONCLUSIVE), Verdict.NOT_ESTABLISHED, 2),
        ((PASS, NOT_RUN), Verdict.NOT_ESTABLISHED, 2),
        ((NOT_APPLICABLE, NOT_APPLICABLE), Verdict.NOT_ESTABLISHED, 2),
        ((WARN,), Verdict.NOT_ESTABLISHED, 2),
        ((), Verdict.NOT_ESTABLISHED, 2),
        ((PASS, ERROR), Verdict.NOT_ESTABLISHED, 3),
    ],
)
def test_verdict_and_exit_code(outcomes: tuple[Outcome, ...], verdict: Verdict, code: int) -> None:
    """The verdict of a role follows from the outcomes of its mandatory requirements, and the exit code from it."""
    made = of_outcomes(*outcomes)
    assert made.verdict.client is made.verdict.overall is verdict
    assert made.verdict.server is None
    assert exit_code(made) == code


def test_a_null_implementation_establishes_nothing() -> None:
    """An implementation that does nothing ends with every requirement inconclusive, and exit code 2."""
    made = of_outcomes(*[INCONCLUSIVE] * 20)
    assert made.verdict.overall is Verdict.NOT_ESTABLISHED
    assert exit_code(made) == 2


def test_a_partial_run_is_never_conformant() -> None:
    """With a selection the best verdict is not established, and a failure still counts."""
    requirement = MadeUpRequirement("SYN-1")
    passed = report([requirement], [case("one", finding("SYN-1", PASS))], selection=("SYN-1",))
    failed = report([requirement], [case("one", finding("SYN-1", FAIL))], selection=("SYN-1",))
    assert passed.verdict.overall is Verdict.NOT_ESTABLISHED
    assert failed.verdict.overall is Verdict.NOT_CONFORMANT


def test_nothing_tested_is_not_established() -> None:
    """Without a tested role every role's verdict is null."""
    made = report([MadeUpRequirement("SYN-1")], [], roles=())
    assert (made.verdict.server, made.verdict.client) == (None, None)
    assert exit_code(made) == 2


def test_planned_mandatory_requirements_prevent_conformance() -> None:
    """What has no test case yet is not established; what is excluded does not count."""
    passing = [case("one", finding("SYN-1", PASS))]
    planned = report([MadeUpRequirement("SYN-1"), MadeUpRequirement("SYN-2", planned=True)], passing)
    excluded = report([MadeUpRequirement("SYN-1"), MadeUpRequirement("SYN-2", excluded=MadeUpExclusion())], passing)
    assert planned.verdict.client is Verdict.NOT_ESTABLISHED
    assert excluded.verdict.client is Verdict.CONFORMANT


def test_levels_below_mandatory_count_only_when_they_fail() -> None:
    """An optional requirement may stay open, but one that was claimed and not served fails the role."""
    requirements = [MadeUpRequirement("SYN-1"), MadeUpRequirement("SYN-2", level="optional")]
    undecided = [case("one", finding("SYN-1", PASS)), case("two", finding("SYN-2", INCONCLUSIVE))]
    failed = [case("one", finding("SYN-1", PASS)), case("two", finding("SYN-2", FAIL))]
    assert report(requirements, undecided).verdict.client is Verdict.CONFORMANT
    assert report(requirements, failed).verdict.client is Verdict.NOT_CONFORMANT


def test_each_role_is_judged_by_its_own_requirements() -> None:
    """The client's failure says nothing of the server; overall is the worse of the two."""
    requirements = [MadeUpRequirement("SYN-1"), MadeUpRequirement("OP02-S1", roles=("server",))]
    cases = [case("one", finding("SYN-1", FAIL)), case("two", finding("OP02-S1", PASS))]
    verdict = report(requirements, cases, ("server", "client")).verdict
    assert (verdict.server, verdict.client, verdict.overall) == (
        Verdict.CONFORMANT,
        Verdict.NOT_CONFORMANT,
        Verdict.NOT_CONFORMANT,
    )


def test_a_shared_requirement_never_accuses_the_other_role() -> None:
    """A client case that fails a requirement of both roles fails the client alone."""
    shared = MadeUpRequirement("SYN-3", roles=("client", "server"))
    requirements = [MadeUpRequirement("SYN-1"), MadeUpRequirement("OP02-S1", roles=("server",)), shared]
    cases = [
        case("client", finding("SYN-1", PASS), finding("SYN-3", FAIL)),
        case("server", finding("OP02-S1", PASS)),
    ]
    made = report(requirements, cases, ("server", "client"))
    assert (made.verdict.server, made.verdict.client) == (Verdict.NOT_ESTABLISHED, Verdict.NOT_CONFORMANT)
    both = report(
        requirements,
        [*cases[:1], case("server", finding("OP02-S1", PASS), finding("SYN-3", PASS))],
        ("server", "client"),
    )
    assert (both.verdict.server, both.verdict.client) == (Verdict.CONFORMANT, Verdict.NOT_CONFORMANT)
    assert both.requirements[-1].outcome is FAIL


def test_cases_of_an_untested_role_do_not_weigh_on_a_shared_requirement() -> None:
    """Where only the server is under test, what is said of the other role is left aside."""
    shared = MadeUpRequirement("SYN-3", roles=("client", "server"))
    cases = [
        case("server", finding("SYN-3", PASS)),
        case("client", finding("SYN-3", NOT_RUN, Reason.ROLE_NOT_TESTED)),
    ]
    made = report([shared], cases, ("server",))
    assert (made.requirements[0].outcome, made.verdict.server) == (PASS, Verdict.CONFORMANT)


def test_an_error_outside_every_requirement_is_still_seen() -> None:
    """A case that broke before it judged anything leaves the run not established, with exit code 3."""
    made = report(
        [MadeUpRequirement("SYN-1")],
        [case("one", finding("SYN-1", PASS)), case("two", outcome=ERROR, error="Traceback")],
    )
    assert made.verdict.overall is Verdict.NOT_ESTABLISHED
    assert exit_code(made) == 3


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        ([case("one", finding("SYN-9", FAIL))], "test case one judges 'SYN-9'"),
        ([case("one", finding("SYN-1", PASS))] * 2, "case 'one' stands more than once"),
    ],
)
def test_results_that_cannot_be_placed_are_refused(cases: list[CaseResult], words: str) -> None:
    """A finding is never lost in silence."""
    with pytest.raises(ValueError, match=words):
        report([MadeUpRequirement("SYN-1")], cases)


def test_requirements_and_cases_are_sorted_and_durations_are_volatile() -> None:
    """Two runs with equal outcomes have equal content, in whatever order and time their cases ran."""
    made = every_outcome()
    assert [one.id for one in made.cases] == sorted(one.id for one in made.cases)
    assert [one.id for one in made.requirements] == sorted(one.id for one in made.requirements)
    assert made.volatile.durations == {"passed": 0.25, "removed-on-server": 1.0}
    assert not any(one.duration for one in made.cases)
