"""Judge a test case again, long after its run, from its recorded wire alone, by the laws that judged it live.

What else a test case judged rests on what only the run saw: local storage, what the server held, and what was asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.clients.protocol import SyncResult
from conformance.imap.transcript import Transcript
from conformance.outcomes import CaseResult, Finding, Outcome
from conformance.report.assembly import masked
from conformance.scenario.applied import Applied, laws_applied
from conformance.scenario.judge import Judge
from conformance.scenario.scenario import SyncRun
from conformance.scenario.watch import PREFIX, WATCH, Watch
from conformance.scenario.wire_laws import LAWS, rule
from conformance.spec import requirement

Key = tuple[str | None, str, Outcome, str | None, str, str, int | None]


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What came of judging one test case again: the laws that were applied, and what does not agree, in words."""

    laws: tuple[str, ...]
    disagreements: tuple[str, ...] = ()


def rejudge(case: CaseResult, transcript: Transcript, *, same_suite: bool = True) -> Rejudged:
    """Apply the laws that the transcript tells of, and compare with what the report says.

    Of another version of the suite nobody knows which laws it had.
    """
    applied = laws_applied(transcript)
    found = [finding for each in applied for finding in _findings(each, transcript, case.transcript or "")]
    reported = [each for each in case.findings if each.law is not None]
    unjudged = _unjudged(case, transcript, applied) if same_suite else ()
    told = [*unjudged, *_differences(found, reported, among_others=_is_random(case))]
    return Rejudged(tuple(dict.fromkeys(each.law for each in applied)), tuple(told))


def _findings(applied: Applied, transcript: Transcript, name: str) -> list[Finding]:
    judge = Judge(requirement, name)
    if applied.law == WATCH:
        for first, last in applied.spans:
            Watch(judge, transcript, first).look(last)
    elif applied.law in LAWS:
        runs = [SyncRun(SyncResult(success=True), transcript, first, last) for first, last in applied.spans]
        rule(judge, applied.law, runs)
    return [masked(each, ()) for each in judge.findings]


def _unjudged(case: CaseResult, transcript: Transcript, applied: list[Applied]) -> Iterator[str]:
    """Laws that were not applied though the test case applies them, or that nobody knows."""
    names = {each.law for each in applied}
    for unknown in sorted(names - {*LAWS, WATCH}):
        yield f"the transcript names the law {unknown!r}, which this suite does not know"
    for name, law in LAWS.items():
        green = any(each.requirement == name and each.outcome is Outcome.PASS for each in case.findings)
        if law.case == case.id.partition("[")[0] and green and name not in names:
            yield f"{name} passed, but the transcript does not tell that its law was applied"
    watched = any(each.connection.startswith(PREFIX) for each in transcript.entries())
    if watched and WATCH not in names and case.outcome is Outcome.PASS:
        yield "the case passed, but the transcript does not tell that the server was watched"


def _is_random(case: CaseResult) -> bool:
    """Whether only some of many examples stand in the report."""
    return case.examples is not None


def _differences(found: list[Finding], reported: list[Finding], *, among_others: bool) -> Iterator[str]:
    wire, report = Counter(map(_key, found)), Counter(map(_key, reported))
    for key in report:
        if key not in wire:
            yield f"the report says {_told(key)}; the recorded wire does not show it"
    for key in wire:
        if key not in report and not among_others:
            yield f"the recorded wire shows {_told(key)}; the report does not say it"


def _key(finding: Finding) -> Key:
    entry = finding.deciding.entry if finding.deciding else None
    reason = str(finding.reason) if finding.reason else None
    return (
        finding.law, finding.requirement, finding.outcome, reason, finding.expected, finding.observed, entry
    )  # fmt: skip


def _told(key: Key) -> str:
    _, name, outcome, _, expected, observed, entry = key
    place = f", entry {entry}" if entry is not None else ""
    return f"{name} {outcome}" + (f" (expected {expected}; observed {observed}{place})" if observed else "")
