"""Whether a report holds: what can be told from the report, the files beside it, and the requirement set.

Everything that was added up is added up again by the functions that did it first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from conformance.outcomes import CaseResult, Outcome, worst
from conformance.report.aggregation import requirement_result, roles_judged
from conformance.report.consequences import never_done, relieved_by, without_consequences
from conformance.report.evidence import Recorded, deciding_of, line_key, recorded_in, wanted_lines
from conformance.report.model import Report, RequirementResult
from conformance.report.reader import alterations
from conformance.report.records import RequirementRecord
from conformance.report.restated import restated

Wire = Mapping[str, Recorded | None]
"""What stands in each transcript that a report names; None where it cannot be read."""
_OF_THE_STANDARD = ("clause", "role", "keyword", "level", "title", "text", "source")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: its name, what does not hold, and a remark where there is one."""

    name: str
    wrong: tuple[str, ...] = ()
    remark: str = ""


class PinnedSentence(Protocol):
    """A sentence of the standard as the suite ships it."""

    @property
    def id(self) -> str: ...

    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Shipped:
    """The requirement set of this suite: its digest, records and sentences."""

    digest: str
    records: Sequence[RequirementRecord]
    sentences: Sequence[PinnedSentence]


def checks(content: dict[str, Any], report: Report, directory: Path, shipped: Shipped) -> Iterator[Check]:
    """All checks of a report that stands in `directory`, whose JSON values are `content`."""
    same_set = report.header.requirement_set == shipped.digest
    records = list(shipped.records) if same_set else list(restated(report.requirements))
    wire = {name: recorded_in(directory, name, numbers) for name, numbers in sorted(wanted_lines(report).items())}
    yield Check("the report is whole and agrees with its footer", tuple(alterations(content, report)))
    yield Check("each test case has the outcome of its findings", tuple(_case_outcomes(report)))
    yield Check("what follows from something else is held against that alone", tuple(_consequences(report)))
    yield Check("each requirement has the outcome of its test cases", tuple(_requirements(report, records)))
    yield (
        _standard(report, shipped)
        if same_set
        else Check("the words of the standard", remark="not compared: this suite ships another requirement set")
    )
    yield Check("each transcript is as it was recorded", tuple(_transcripts(report, directory, wire)))
    yield Check("each deciding line stands in its transcript", tuple(_lines(report, wire)))


def _case_outcomes(report: Report) -> Iterator[str]:
    for case in report.cases:
        outcome = worst(each.outcome for each in case.findings)
        if case.findings and case.outcome is not outcome:
            yield f"{case.id} is {case.outcome}, its findings come to {outcome}"
        elif case.findings and not _agrees_with_a_finding(case):
            yield f"{case.id}: what it expected, observed and names as deciding is not that of a finding"


def _agrees_with_a_finding(case: CaseResult) -> bool:
    if case.outcome in (Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.WARN, Outcome.NOT_APPLICABLE):
        # What was brought down kept the words of the failure that it was.
        return True
    told = (case.expected, case.observed, case.deciding)
    return any(told == (each.expected, each.observed, each.deciding) for each in case.findings)


def _consequences(report: Report) -> Iterator[str]:
    if not report.header.shards:
        for case, relieved in zip(report.cases, without_consequences(report.cases), strict=True):
            if case != relieved:
                yield f"{case.id} fails by what may only follow from something that is never done"
    never = never_done(report.cases)
    for case in report.cases:
        for finding in case.findings:
            if (causes := relieved_by(finding)) and not causes <= never:
                yield f"{case.id}: {finding.requirement} is said to follow from {', '.join(sorted(causes - never))}"


def _requirements(report: Report, records: Sequence[RequirementRecord]) -> Iterator[str]:
    by_id = {each.id: each for each in records}
    held = {each.id: each for each in report.requirements}
    for name in sorted(by_id.keys() - held.keys()):
        yield f"{name} is not in the report"
    if unknown := sorted(_judged(report) - by_id.keys()):
        yield f"{', '.join(unknown)}: not in the requirement set"
        return
    case_roles = {case.id: roles_judged(case, by_id) for case in report.cases}
    for name, record in by_id.items():
        if name in held:
            again = requirement_result(record, report.cases, report.header.roles, case_roles)
            yield from _unlike(held[name], again)


def _judged(report: Report) -> set[str]:
    named = {name for case in report.cases for name in case.requirements}
    return (
        named
        | {each.id for each in report.requirements}
        | {finding.requirement for case in report.cases for finding in case.findings}
    )


def _unlike(told: RequirementResult, again: RequirementResult) -> Iterator[str]:
    for key in ("outcome", "reason", "by_role", "cases"):
        if getattr(told, key) != getattr(again, key):
            yield f"{told.id}: {key} is {_shown(told, key)}, its test cases come to {_shown(again, key)}"


def _shown(result: RequirementResult, key: str) -> str:
    return str(result.model_dump(mode="json")[key])


def _standard(report: Report, shipped: Shipped) -> Check:
    return Check("the words of the standard are those of the requirement set", tuple(_misquoted(report, shipped)))


def _misquoted(report: Report, shipped: Shipped) -> Iterator[str]:
    pinned = {each.id: each.text for each in shipped.sentences}
    for each in report.header.sentences:
        if pinned.get(each.id) != each.text:
            yield f"sentence {each.id} has other words"
    records = {each.id: each for each in shipped.records}
    for result in report.requirements:
        if result.id in records:
            pristine = requirement_result(records[result.id], [], report.header.roles, {})
            yield from (
                f"{result.id}: its {key} is not that of the requirement set"
                for key in (*_OF_THE_STANDARD, "remarks")
                if getattr(result, key) != getattr(pristine, key)
            )
    yield from _too_grave(report, records)


def _too_grave(report: Report, records: Mapping[str, RequirementRecord]) -> Iterator[str]:
    for case in report.cases:
        for finding in case.findings:
            record = records.get(finding.requirement)
            if finding.outcome is Outcome.FAIL and record is not None and record.rests_on != "fail":
                yield f"{case.id}: {finding.requirement} fails, though no failure may rest on its words"


def _transcripts(report: Report, directory: Path, wire: Wire) -> Iterator[str]:
    digests = report.volatile.transcripts
    for name, recorded in wire.items():
        if recorded is None:
            yield f"{name} is not beside the report"
        elif name not in digests:
            yield f"{name} has no digest in the report"
        elif recorded.digest != digests[name]:
            yield f"{name} was altered: its digest is another than that in the report"
    yield from (f"{name} has a digest, but no test case names it" for name in sorted(digests.keys() - wire.keys()))
    there = {f"transcripts/{file.name}" for file in directory.glob("transcripts/*.txt")}
    yield from (f"{name} lies beside the report, but no test case names it" for name in sorted(there - wire.keys()))


def _lines(report: Report, wire: Wire) -> Iterator[str]:
    quoted = dict(report.volatile.lines)
    for name, numbers in sorted(wanted_lines(report).items()):
        recorded = wire[name]
        lines = recorded.lines if recorded else {}
        for number in sorted(numbers):
            told = quoted.pop(line_key(name, number), None)
            if number not in lines:
                yield f"{name} has no entry {number}"
            elif told != lines[number]:
                yield f"{name}, entry {number}: the report quotes {told!r}, the transcript has {lines[number]!r}"
    yield from (f"{key} is quoted, but no test case names it as deciding" for key in sorted(quoted))
    yield from _foreign(report)


def _foreign(report: Report) -> Iterator[str]:
    for case in report.cases:
        for each in deciding_of(case):
            if case.transcript is not None and each.transcript != case.transcript:
                yield f"{case.id} is decided by {each.transcript}, which is not its transcript"
