"""The verdict as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike

from conformance.outcomes import CaseResult, Finding, Outcome
from conformance.report.model import Report, RequirementResult
from conformance.report.text import one_line
from conformance.report.wording import ROLES, SIGNS, Gap, counted, not_established, plural, sentence, word

_MOST_NAMED = 8


def verdict_lines(report: Report, files: Iterable[str | PathLike[str]] = ()) -> list[str]:
    """Verdict of each role, counts, what failed, what is not established, and where to read on."""
    lines = [*_baseline_line(report), *(one_line(sentence(report, role)) for role in ROLES)]
    lines += ["", f"requirements  {_counts(one.outcome for one in report.requirements)}"]
    lines += [f"test cases    {_counts(case.outcome for case in report.cases)}"]
    for requirement in report.requirements:
        if requirement.outcome is Outcome.FAIL:
            lines += ["", *_failure(report, requirement)]
    for case in report.cases:
        if case.outcome is Outcome.ERROR:
            lines += ["", *_error(case)]
    lines += _stale_lines(report)
    lines += _gap_lines(report)
    paths = [f"  {path}" for path in files]
    return [*lines, *(["", "Reports", *paths] if paths else [])]


def _baseline_line(report: Report) -> Iterator[str]:
    """What a run against a baseline comes to, before anything else."""
    compared = report.baseline
    if compared is not None:
        stale = plural(len(compared.stale), "stale entry", "stale entries") if compared.stale else "no stale entry"
        known = plural(compared.known, "known failure")
        yield f"Against the baseline: {known}, {compared.new or 'no'} new, {stale}."


def _stale_lines(report: Report) -> Iterator[str]:
    """What has to be removed from the baseline."""
    stale = report.baseline.stale if report.baseline else ()
    if stale:
        yield from ("", f"Remove from the baseline: {plural(len(stale), 'stale entry', 'stale entries')}")
        yield from (f"    {one_line(each)}" for each in stale)


def _counts(outcomes: Iterable[Outcome]) -> str:
    return "  ".join(f"{SIGNS[outcome]} {count} {word(outcome)}" for outcome, count in counted(outcomes)) or "none"


def _failure(report: Report, requirement: RequirementResult) -> Iterator[str]:
    about = ", ".join(filter(None, (requirement.clause, requirement.keyword, requirement.role)))
    yield one_line(f"{SIGNS[Outcome.FAIL]} {requirement.id} fail: {requirement.title} ({about})")
    yield f"    sentence: {one_line(requirement.text)}"
    for case in report.cases:
        for finding in case.findings:
            if finding.requirement == requirement.id and finding.outcome is Outcome.FAIL:
                yield from _finding(case, finding)


def _finding(case: CaseResult, finding: Finding) -> Iterator[str]:
    yield f"    expected: {one_line(finding.expected)}"
    yield f"    observed: {one_line(finding.observed)}"
    deciding = finding.deciding or case.deciding
    wire = f", wire: {one_line(deciding.transcript)} entry {deciding.entry}" if deciding else ""
    yield f"    test case: {one_line(case.id)}{wire}"
    if finding.known:
        issue = f" ({one_line(finding.known.issue)})" if finding.known.issue else ""
        yield f"    known: {one_line(finding.known.why)}{issue}"
    if case.replay:
        yield f"    replay: {one_line(case.replay)}"


def _error(case: CaseResult) -> Iterator[str]:
    yield one_line(f"{SIGNS[Outcome.ERROR]} {case.id}: error of the suite")
    last = (case.error or case.observed).strip().splitlines()[-1:]
    yield from (f"    {one_line(line)}" for line in last)


def _gap_lines(report: Report) -> Iterator[str]:
    for role in ROLES:
        gaps = not_established(report, role) if role in report.header.roles else []
        if gaps:
            total = sum(len(gap.requirements) for gap in gaps)
            yield ""
            yield f"Not established for the {role}: {plural(total, 'mandatory requirement')}"
            yield from map(_gap_line, gaps)


def _gap_line(gap: Gap) -> str:
    ids = [requirement.id for requirement in gap.requirements]
    more = f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else ""
    return f"  {len(ids):4} {gap.words}: {', '.join(ids[:_MOST_NAMED])}{more}"
