"""Put the shards of one run together again: the report is that of a run that was not divided, but for what is volatile.

Shards that are not of the same run, or that contradict one another, are refused. While a shard is missing, nothing is
conformant.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.outcomes import CaseResult
from conformance.problems import ConfigurationProblem, Problem
from conformance.report.assembly import assemble, sealed
from conformance.report.evidence import recorded_in, wanted_lines
from conformance.report.model import Header, Report, Shards, Volatile
from conformance.report.restated import restated
from conformance.report.transcripts import place_of

_WHOLE_DIRECTORY = "keep report.json in the directory that the run wrote, with all that lies in it"
_SAME_RUN = "merge the shards of one run: the same command line but for --shard"
_COUNTEREXAMPLES = "counterexamples"


@dataclass(frozen=True, slots=True)
class Part:
    """One report and the file that it was read from."""

    file: Path
    report: Report


def merged(parts: Sequence[Part]) -> Report:
    """The report of all parts; raises `ConfigurationProblem` that names the difference if they are not of one run."""
    parts = sorted(parts, key=_numbers)
    headers = [part.report.header for part in parts]
    first = next((part for part in parts if part.report.cases), parts[0])
    for part in parts:
        _require_same_run(first, part)
    cases = _cases(parts)
    header = first.report.header.model_copy(update={"shards": _shards(headers)})
    requirements = [result for part in parts for result in part.report.requirements]
    facts = {each.id: each.faults for each in first.report.requirements if each.faults is not None}
    report = assemble(header, cases, restated(requirements), _volatile(parts), faults=facts)
    return _with_remarks(report, first.report)


def _numbers(part: Part) -> tuple[int, ...]:
    if part.report.header.shards is None:
        raise ConfigurationProblem(f"{part.file} is not a shard: it is the report of a whole run", _SAME_RUN)
    return part.report.header.shards.present


def _require_same_run(one: Part, other: Part) -> None:
    told = next(_differences(_of_the_run(one.report, other.report), _of_the_run(other.report, one.report)), None)
    if told is not None:
        place, here, there = told
        raise ConfigurationProblem(
            f"{one.file} and {other.file} are not of the same run: {place} is {_short(here)} in the one, "
            f"{_short(there)} in the other",
            _SAME_RUN,
        )


def _of_the_run(report: Report, other: Report) -> dict[str, Any]:
    """What has to be the same in every shard. A part without test cases never met the implementations."""
    header = report.header.model_dump(mode="json")
    of, header["shards"] = report.header.shards, None
    observed = ("server", "client", "ics", "static_review") if not (report.cases and other.cases) else ()
    kept = {key: value for key, value in header.items() if key not in observed}
    for server in filter(None, [kept.get("server")]):
        # Many servers greet each connection in other words.
        server["greeting"] = ""
    sentences = {each.id: (each.level, each.role, each.text) for each in report.requirements}
    return {"number of shards": of.of if of else None, **kept, "requirements": sentences}


def _differences(one: Any, other: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in [*one, *(key for key in other if key not in one)]:
            yield from _differences(one.get(key), other.get(key), f"{place}.{key}" if place else key)
    elif one != other:
        yield place.replace("_", " "), one, other


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _shards(headers: Sequence[Header]) -> Shards | None:
    """The shards that are there, None when all are."""
    given = [header.shards for header in headers if header.shards]
    present = tuple(sorted({number for each in given for number in each.present}))
    found = Shards(of=given[0].of, present=present)
    return found if found.missing else None


def _cases(parts: Sequence[Part]) -> list[CaseResult]:
    found: dict[str, tuple[CaseResult, Part]] = {}
    for part in parts:
        for case in map(_without_marks, part.report.cases):
            before = found.setdefault(case.id, (case, part))
            if before[0] != case:
                raise ConfigurationProblem(
                    f"{before[1].file} and {part.file} contradict each other: both hold the test case {case.id!r}, "
                    "with other results",
                    "merge each shard once",
                )
    return [case for case, _ in found.values()]


def _without_marks(case: CaseResult) -> CaseResult:
    """Without the marks of a baseline, which is given again when shards are merged."""
    findings = tuple(finding.model_copy(update={"known": None}) for finding in case.findings)
    return case.model_copy(update={"findings": findings})


def _volatile(parts: Sequence[Part]) -> Volatile:
    given = [part.report.volatile for part in parts]

    def union(name: str) -> dict[str, Any]:
        return {key: value for each in reversed(given) for key, value in getattr(each, name).items()}

    return Volatile(
        started=min((each.started for each in given if each.started), default=""),
        finished=max((each.finished for each in given), default=""),
        seconds=round(sum(each.seconds for each in given), 3),
        **{name: union(name) for name in ("durations", "facts", "transcripts", "lines")},
    )


def _with_remarks(report: Report, first: Report) -> Report:
    remarks = {each.id: each.remarks for each in first.requirements}
    requirements = tuple(each.model_copy(update={"remarks": remarks[each.id]}) for each in report.requirements)
    return sealed(report.model_copy(update={"requirements": requirements}))


def check_evidence(parts: Sequence[Part]) -> None:
    """Raise `ConfigurationProblem` for a transcript that is not beside its report, or not as it was written."""
    for part in parts:
        digests = part.report.volatile.transcripts
        for name in sorted(wanted_lines(part.report)):
            recorded = recorded_in(part.file.parent, name, frozenset())
            if recorded is None:
                raise ConfigurationProblem(f"{part.file} names {name!r}, which is not beside it", _WHOLE_DIRECTORY)
            if digests.get(name, recorded.digest) != recorded.digest:
                raise ConfigurationProblem(f"{part.file.parent / name} was altered after the run", _WHOLE_DIRECTORY)


def copy_evidence(parts: Sequence[Part], directory: Path) -> None:
    """Copy the transcripts that the reports name, and their counterexamples, to the directory of the merged report."""
    try:
        for part in reversed(parts):
            for name in wanted_lines(part.report):
                if place := place_of(part.file.parent, name):
                    _copy(place, directory / name)
            for file in sorted((part.file.parent / _COUNTEREXAMPLES).glob("*")):
                if file.is_file() and not file.is_symlink():
                    _copy(file, directory / _COUNTEREXAMPLES / file.name)
    except OSError as error:
        raise Problem(
            f"{error.filename}: {error.strerror}", "give --output a directory that can be written to"
        ) from None


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
