"""Put a report together from the results of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from conformance.outcomes import CaseResult, Frozen
from conformance.report.aggregation import lowered, requirement_result, roles_judged, verdicts
from conformance.report.canonical import as_json, digest
from conformance.report.consequences import without_consequences
from conformance.report.model import FaultsFound, Footer, Header, Report, Volatile
from conformance.report.records import RequirementRecord
from conformance.report.text import cut
from conformance.secrecy import without

Part = TypeVar("Part", bound=Frozen)

LONGEST = 20_000
"""The most characters of one text in a report; the recorded wire beside it holds everything."""

# Names and the pinned words are ours, not the implementation's: a password that happens to be a common word must not
# change them.
_OURS = frozenset(
    {
        "id",
        "requirement",
        "requirements",
        "outcome",
        "reason",
        "document",
        "sentences",
        "ambiguities",
        "static_review",
        "question",
        "suite",
    }
)


def assemble(
    header: Header,
    case_results: Iterable[CaseResult],
    requirements: Iterable[RequirementRecord],
    volatile: Volatile,
    *,
    secrets: Iterable[str] = (),
    faults: Mapping[str, FaultsFound] | None = None,
) -> Report:
    """The report of a run. Each of `secrets` is masked wherever it stands in what the run produced.

    `faults` tells of each requirement how many seeded faults its test cases are known to find.

    Raises `ValueError` for two cases or requirements with one id, and for a case that names an unknown requirement.
    """
    hidden = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
    records = {record.id: record for record in sorted(requirements, key=lambda record: record.id)}
    told = [lowered(masked(case, hidden), records) for case in case_results]
    # What a whole run never saw done, another part of it may have seen.
    told = told if header.shards else without_consequences(told)
    cases = sorted(told, key=lambda case: case.id)
    case_roles = {case.id: roles_judged(case, records) for case in cases}
    results = tuple(
        requirement_result(record, cases, header.roles, case_roles).model_copy(
            update={"faults": (faults or {}).get(record.id)}
        )
        for record in records.values()
    )
    report = Report(
        header=masked(header, hidden),
        requirements=results,
        cases=tuple(case.model_copy(update={"duration": 0.0}) for case in cases),
        verdict=verdicts(results, cases, header.roles, partial=header.partial),
        volatile=masked(_with_durations(volatile, cases), hidden),
        footer=Footer(cases=len(cases), requirements=len(results), digest=""),
    )
    return sealed(report)


def sealed(report: Report) -> Report:
    """The report with the digest of its content in its footer."""
    footer = report.footer.model_copy(update={"digest": digest(as_json(report))})
    return report.model_copy(update={"footer": footer})


def masked(part: Part, secrets: Iterable[str]) -> Part:
    """The same part of a report without any of the secrets, longest first."""
    return type(part).model_validate(_masked_value(part.model_dump(), tuple(secrets)))


def _masked_value(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        value = " ".join(filter(None, cut(without(value, secrets), LONGEST)))
        # File names that are not UTF-8 come as lone surrogates, which no UTF-8 file can hold.
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, list | tuple):
        return [_masked_value(item, secrets) for item in value]
    if isinstance(value, Mapping):
        return {key: item if key in _OURS else _masked_value(item, secrets) for key, item in value.items()}
    return value


def _with_durations(volatile: Volatile, cases: Iterable[CaseResult]) -> Volatile:
    durations = {case.id: round(case.duration, 3) for case in cases if case.duration}
    return volatile.model_copy(update={"durations": {**volatile.durations, **durations}})
