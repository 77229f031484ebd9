"""Verify a report: what it says of itself, of its requirement set and test cases, and judging again offline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.execution.collecting import cases_of
from conformance.execution.header import suite_version
from conformance.execution.rejudging import Rejudged, rejudge
from conformance.imap.transcript import Transcript
from conformance.outcomes import CaseResult
from conformance.report import Report
from conformance.report.transcripts import place_of
from conformance.report.verification import Check, Shipped, checks
from conformance.spec import requirement_set_digest, requirements, sentences


@dataclass
class Verification:
    """The checks, the laws that were applied again in each test case, and the findings that no law of the wire gave."""

    checks: list[Check]
    laws: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seen_live: dict[str, list[str]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not any(each.wrong for each in self.checks)


def verify(content: dict[str, Any], report: Report, directory: Path) -> Verification:
    """Verify a report that stands in `directory`, whose JSON values are `content`."""
    shipped = Shipped(requirement_set_digest(), requirements(), sentences())
    found = Verification(list(checks(content, report, directory, shipped)))
    same_suite = _is_of_this_suite(report)
    found.checks.append(_completeness(report, same_suite=same_suite))
    wrong: list[str] = []
    for case in report.cases:
        again = _rejudged(case, directory, same_suite=same_suite)
        wrong += (f"{case.id}: {each}" for each in again.disagreements)
        if again.laws:
            found.laws[case.id] = again.laws
        if live := sorted({each.requirement for each in case.findings if each.law is None}):
            found.seen_live[case.id] = live
    found.checks.append(Check("what the recorded wire shows by itself is what was judged", tuple(wrong)))
    return found


def _is_of_this_suite(report: Report) -> bool:
    header = report.header
    return (header.suite.version, header.requirement_set) == (suite_version(), requirement_set_digest())


def _completeness(report: Report, *, same_suite: bool) -> Check:
    name = "the test cases are all of those that the run has"
    if not same_suite:
        return Check(name, remark="not compared: the report was made by another version of the suite")
    return Check(name, tuple(_missing(cases_of(report.header), [case.id for case in report.cases])))


def _missing(expected: list[str], held: list[str]) -> Iterator[str]:
    yield from (f"{each} is missing" for each in expected if each not in held)
    yield from (f"{each} is no test case of such a run" for each in held if each not in expected)


def _rejudged(case: CaseResult, directory: Path, *, same_suite: bool) -> Rejudged:
    place = place_of(directory, case.transcript) if case.transcript else None
    if place is None:
        unfounded = any(each.law for each in case.findings)
        return Rejudged((), ("it was judged by the wire, but has no transcript",) if unfounded else ())
    try:
        return rejudge(case, Transcript.read(place), same_suite=same_suite)
    except Exception as problem:  # an altered transcript may hold anything
        return Rejudged((), (f"{case.transcript} cannot be judged again: {problem}",))
