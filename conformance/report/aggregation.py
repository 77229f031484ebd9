"""From findings to requirement outcomes to verdicts: the rules of judgement, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from conformance.outcomes import CaseResult, Finding, Outcome, Reason, Verdict
from conformance.report.model import Report, RequirementResult, Role, Verdicts
from conformance.report.records import QuoteRecord, RequirementRecord
from conformance.spec.records import natural_order

# A requirement with one case that passed and one that never ran is not established, hence `not_run` above `pass`.
_WORST_FIRST = (
    Outcome.FAIL,
    Outcome.ERROR,
    Outcome.INCONCLUSIVE,
    Outcome.NOT_RUN,
    Outcome.WARN,
    Outcome.PASS,
    Outcome.NOT_APPLICABLE,
)
_WORST_VERDICT_FIRST = (Verdict.NOT_CONFORMANT, Verdict.NOT_ESTABLISHED, Verdict.CONFORMANT)

_DEFAULT_REASON = {
    Outcome.FAIL: Reason.CONTRADICTION,
    Outcome.ERROR: Reason.SUITE,
    Outcome.INCONCLUSIVE: Reason.NOT_EXERCISED,
    Outcome.WARN: Reason.RECOMMENDATION,
    Outcome.NOT_APPLICABLE: Reason.NOT_CLAIMED,
    Outcome.NOT_RUN: Reason.NOT_EXERCISED,
}
_LOWERED = {
    "warn": (Outcome.WARN, Reason.RECOMMENDATION),
    "inconclusive": (Outcome.INCONCLUSIVE, Reason.OPEN),
    "record": (Outcome.INCONCLUSIVE, Reason.OPEN),
}


class Judged(NamedTuple):
    """An outcome and why."""

    outcome: Outcome
    reason: Reason | None


def severest(judged: Iterable[Judged]) -> Judged | None:
    """The worst: fail, error, inconclusive, not run, warn, pass, then not applicable; None of none at all."""
    return min(judged, key=lambda one: _WORST_FIRST.index(one.outcome), default=None)


def lowered(case: CaseResult, records: Mapping[str, RequirementRecord]) -> CaseResult:
    """The case with every `fail` that the words of its requirement cannot carry brought down to what they can.

    Raises `ValueError` for a requirement that is not in the set: its finding would be lost.
    """
    if unknown := {*case.requirements, *(finding.requirement for finding in case.findings)} - records.keys():
        raise ValueError(f"test case {case.id} judges {min(unknown)!r}, which is not in the requirement set")
    findings = tuple(_lowered_finding(finding, records[finding.requirement]) for finding in case.findings)
    changed = [new for old, new in zip(case.findings, findings, strict=True) if new is not old]
    if not changed:
        return case
    remarks = (*case.remarks, *(_lowering_remark(finding) for finding in changed))
    outcome, reason = case_outcome(case, findings)
    return case.model_copy(update={"findings": findings, "remarks": remarks, "outcome": outcome, "reason": reason})


def _lowered_finding(finding: Finding, record: RequirementRecord) -> Finding:
    if finding.outcome is not Outcome.FAIL or record.rests_on == "fail":
        return finding
    outcome, reason = _LOWERED[record.rests_on]
    return finding.model_copy(update={"outcome": outcome, "reason": reason})


def _lowering_remark(finding: Finding) -> str:
    return f"{finding.requirement}: brought down from fail to {finding.outcome}, all that the text can carry."


def case_outcome(case: CaseResult, findings: tuple[Finding, ...]) -> Judged:
    """The outcome of a case that had failed, after its findings were brought down."""
    judged = severest(Judged(finding.outcome, finding.reason) for finding in findings)
    if case.outcome is not Outcome.FAIL or judged is None:
        return Judged(case.outcome, case.reason)
    return judged


def requirement_result(
    record: RequirementRecord, cases: Sequence[CaseResult], tested: Collection[str], case_roles: Mapping[str, set[str]]
) -> RequirementResult:
    """The outcome of one requirement, from the cases that declare it or have findings on it.

    `tested` are the roles under test, `case_roles` the roles that each case judges.
    """
    mine = [case for case in cases if _concerns(case, record.id)]
    outcome, reason = _judged(record, mine, tested)
    shared = len(record.roles) > 1
    return RequirementResult.model_validate(
        {
            "id": record.id,
            "clause": record.clause,
            "role": "+".join(sorted(record.roles)),
            "keyword": record.keyword,
            "level": record.level,
            "title": record.title,
            "text": record.sentence,
            "source": _source(record),
            "outcome": outcome,
            "reason": reason,
            "by_role": {role: _judged_in_role(record, mine, role, case_roles) for role in tested} if shared else {},
            "cases": tuple(case.id for case in mine),
            "remarks": tuple(_remarks(record)),
            "quotes": tuple(_quote(each) for each in record.quotes),
            "derivation": tuple(record.derivation),
            "condition": record.condition,
            "ambiguities": tuple(sorted(record.ambiguities, key=natural_order)),
            "causes": tuple(record.wrong),
        }
    )


class Bound(Protocol):
    """A requirement, as far as it names the roles that it binds."""

    @property
    def roles(self) -> Collection[str]: ...


def roles_judged(case: CaseResult, records: Mapping[str, Bound]) -> set[str]:
    """The role that a case judges; where it does not say, those that all of its requirements bind, or any of them."""
    if case.role is not None:
        return {case.role}
    bound = [set(map(str, records[requirement].roles)) for requirement in case.requirements]
    return set.intersection(*bound) or set.union(*bound) if bound else set()


def _judged(record: RequirementRecord, cases: Sequence[CaseResult], tested: Collection[str]) -> Judged:
    judged = [one for case in cases for one in _contributions(case, record.id)]
    told = [one for one in judged if one.reason is not Reason.ROLE_NOT_TESTED]
    outcome, reason = severest(told or judged) or _without_case(record, tested)
    return Judged(outcome, None if outcome is Outcome.PASS else reason or _DEFAULT_REASON[outcome])


def _judged_in_role(
    record: RequirementRecord, cases: Sequence[CaseResult], role: str, case_roles: Mapping[str, set[str]]
) -> dict[str, Any]:
    own = [case for case in cases if role in case_roles[case.id]]
    judged = _judged(record, own or cases, {role})
    if not own and judged.outcome is Outcome.FAIL:
        # The other side was on trial there; its failure accuses nobody else.
        judged = Judged(Outcome.INCONCLUSIVE, Reason.NOT_EXERCISED)
    return judged._asdict()


def _concerns(case: CaseResult, requirement: str) -> bool:
    return requirement in case.requirements or any(finding.requirement == requirement for finding in case.findings)


def _contributions(case: CaseResult, requirement: str) -> list[Judged]:
    own = [Judged(finding.outcome, finding.reason) for finding in case.findings if finding.requirement == requirement]
    if own:
        return own
    if case.outcome in (Outcome.PASS, Outcome.FAIL, Outcome.WARN):
        return [Judged(Outcome.INCONCLUSIVE, Reason.NOT_EXERCISED)]
    return [Judged(case.outcome, case.reason)]


def _without_case(record: RequirementRecord, roles: Collection[str]) -> Judged:
    if record.excluded:
        return Judged(Outcome.NOT_RUN, Reason.EXCLUDED)
    if record.planned:
        return Judged(Outcome.NOT_RUN, Reason.NO_CASE)
    if not set(record.roles) & set(roles):
        return Judged(Outcome.NOT_RUN, Reason.ROLE_NOT_TESTED)
    return Judged(Outcome.NOT_RUN, Reason.NOT_SELECTED)


def _quote(quote: QuoteRecord) -> dict[str, str]:
    return {"document": quote.document, "section": quote.section, "source": quote.source, "text": quote.text}


def _source(record: RequirementRecord) -> str:
    # Words that stand in no document must not look like a quotation.
    kind = record.provenance.partition(":")[0]
    return f"{kind} from {record.source}" if kind in ("derived", "reconstructed") else record.source


def _remarks(record: RequirementRecord) -> Iterator[str]:
    if record.excluded:
        yield f"Excluded ({record.excluded.kind}): {record.excluded.why}"
    if record.remark:
        yield record.remark


def verdicts(
    requirements: Sequence[RequirementResult], cases: Iterable[CaseResult], roles: Iterable[str], *, partial: bool
) -> Verdicts:
    """The verdict of each tested role, and of the run: the worst of them."""
    tested = set(roles)
    server = role_verdict(requirements, "server", partial=partial) if "server" in tested else None
    client = role_verdict(requirements, "client", partial=partial) if "client" in tested else None
    given = [verdict for verdict in (server, client) if verdict is not None]
    if any(case.outcome is Outcome.ERROR for case in cases):
        given.append(Verdict.NOT_ESTABLISHED)
    overall = min(given, key=_WORST_VERDICT_FIRST.index, default=Verdict.NOT_ESTABLISHED)
    return Verdicts(server=server, client=client, overall=overall)


def role_verdict(requirements: Iterable[RequirementResult], role: Role, *, partial: bool) -> Verdict:
    """The verdict of one role.

    A `fail` of any level counts against it: what is optional fails only where it was claimed and not served, and
    what is informative only where words can be quoted. It is conformant only if every applicable mandatory requirement
    passed, at least one of them without a warning.
    """
    mine = [requirement.seen_by(role) for requirement in requirements if role in requirement.roles]
    outcomes = {requirement.outcome for requirement in mine}
    if Outcome.FAIL in outcomes:
        return Verdict.NOT_CONFORMANT
    demanded = {one.outcome for one in mine if one.level == "mandatory" and one.applicable}
    passed = Outcome.PASS in demanded and demanded <= {Outcome.PASS, Outcome.WARN}
    if passed and not partial and Outcome.ERROR not in outcomes:
        return Verdict.CONFORMANT
    return Verdict.NOT_ESTABLISHED


def exit_code(report: Report) -> int:
    """0 conformant, 1 not conformant, 2 not established, 3 an error of the suite where nothing failed.

    Against a baseline 1 for what is new or stale, and 0 where known failures are all that failed, each role under test
    was exercised, and no shard is missing.
    """
    compared = report.baseline
    if compared is not None and (compared.new or compared.stale):
        return 1
    only_known = compared is not None and compared.known > 0
    if report.verdict.overall is Verdict.NOT_CONFORMANT and not only_known:
        return 1
    outcomes = {*(case.outcome for case in report.cases), *(one.outcome for one in report.requirements)}
    if Outcome.ERROR in outcomes:
        return 3
    whole = report.header.shards is None and all(_is_exercised(report, role) for role in report.header.roles)
    only_known = only_known and whole
    return 0 if only_known or report.verdict.overall is Verdict.CONFORMANT else 2


def _is_exercised(report: Report, role: Role) -> bool:
    mine = [each.seen_by(role) for each in report.requirements if role in each.roles]
    return any(each.outcome in (Outcome.PASS, Outcome.FAIL, Outcome.WARN) for each in mine)
