"""What changed between two reports: new failures, fixed ones, what no longer runs, and what is no longer there.

Only content counts, nothing volatile. A failure is one requirement in one test case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from conformance.outcomes import CaseResult, Finding, Frozen, Outcome
from conformance.report.model import Report, RequirementResult
from conformance.report.wording import VERDICTS, word

_EXECUTED = (Outcome.PASS, Outcome.FAIL, Outcome.WARN, Outcome.INCONCLUSIVE, Outcome.ERROR)
_GOOD = (Outcome.PASS, Outcome.WARN)


class Failure(Frozen):
    """One requirement that fails in one test case, or did: what was expected, and what is or was observed."""

    requirement: str
    case: str
    title: str
    expected: str
    observed: str
    now: str = ""


class Change(Frozen):
    """One test case or requirement whose outcome changed; the outcomes are told with their reasons."""

    id: str
    title: str
    before: str
    after: str


class Comparison(Frozen):
    """All changes from one report to another, each list sorted.

    `context` tells how the runs themselves differ: `seed: 7, then 8`. `otherwise` are failures that remain, with
    another observation; `unproven` those that are not seen any more, though nothing shows that they are fixed.
    """

    context: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    new: tuple[Failure, ...] = ()
    fixed: tuple[Failure, ...] = ()
    unproven: tuple[Failure, ...] = ()
    otherwise: tuple[Failure, ...] = ()
    vanished: tuple[Change, ...] = ()
    not_run: tuple[Change, ...] = ()
    appeared: tuple[Change, ...] = ()
    requirements: tuple[Change, ...] = ()

    @property
    def is_worse(self) -> bool:
        """Whether anything fails anew, or was executed before and is not there now."""
        return bool(self.new or self.vanished)

    @property
    def is_empty(self) -> bool:
        """Whether the reports say the same."""
        return self == Comparison()


class _Place(NamedTuple):
    requirement: str
    case: str


def compare(before: Report, after: Report) -> Comparison:
    """What changed from one report to another."""
    old, new = _failures(before), _failures(after)
    old_cases, new_cases = _cases(before), _cases(after)
    gone = [place for place in sorted(old) if place not in new]
    return Comparison(
        context=tuple(_context(before, after)),
        verdicts=tuple(_verdicts(before, after)),
        new=tuple(_failure(after, place, new[place]) for place in sorted(new) if place not in old),
        fixed=tuple(_failure(before, place, old[place]) for place in gone if _is_good(new_cases, place)),
        unproven=tuple(
            _failure(before, place, old[place]).model_copy(update={"now": _now(new_cases, place)})
            for place in gone
            if not _is_good(new_cases, place)
        ),
        otherwise=tuple(
            _failure(after, place, new[place])
            for place in sorted(new)
            if place in old and _told(old[place]) != _told(new[place])
        ),
        vanished=tuple(_gone(old_cases, new_cases)),
        not_run=tuple(_not_run(old_cases, new_cases)),
        appeared=tuple(_appeared(old_cases, new_cases)),
        requirements=tuple(_requirements(before, after)),
    )


def _cases(report: Report) -> dict[str, CaseResult]:
    return {case.id: case for case in sorted(report.cases, key=lambda case: case.id)}


def _failures(report: Report) -> dict[_Place, list[Finding]]:
    found: dict[_Place, list[Finding]] = {}
    for case in report.cases:
        for finding in case.findings:
            if finding.outcome is Outcome.FAIL:
                found.setdefault(_Place(finding.requirement, case.id), []).append(finding)
    return found


def _failure(report: Report, place: _Place, findings: list[Finding]) -> Failure:
    titles = {each.id: each.title for each in report.requirements}
    first = findings[0]
    return Failure(
        requirement=place.requirement,
        case=place.case,
        title=titles.get(place.requirement, ""),
        expected=first.expected,
        observed=first.observed,
    )


def _told(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(each.expected, each.observed) for each in findings}


def _outcomes(cases: Mapping[str, CaseResult], place: _Place) -> set[Outcome]:
    case = cases.get(place.case)
    return {each.outcome for each in case.findings if each.requirement == place.requirement} if case else set()


def _is_good(cases: Mapping[str, CaseResult], place: _Place) -> bool:
    outcomes = _outcomes(cases, place)
    return bool(outcomes) and outcomes <= set(_GOOD)


def _now(cases: Mapping[str, CaseResult], place: _Place) -> str:
    outcomes = _outcomes(cases, place)
    if not outcomes:
        return "not judged" if place.case in cases else "the test case is not there"
    return ", ".join(sorted(map(word, outcomes)))


def _is_executed(case: CaseResult | None) -> bool:
    return case is not None and case.outcome in _EXECUTED


def _gone(old: Mapping[str, CaseResult], new: Mapping[str, CaseResult]) -> Iterator[Change]:
    for name, case in old.items():
        if _is_executed(case) and name not in new:
            yield Change(id=name, title=case.title, before=_outcome(case), after="not there")


def _not_run(old: Mapping[str, CaseResult], new: Mapping[str, CaseResult]) -> Iterator[Change]:
    for name, case in old.items():
        if _is_executed(case) and name in new and not _is_executed(new[name]):
            yield Change(id=name, title=case.title, before=_outcome(case), after=_outcome(new[name]))


def _appeared(old: Mapping[str, CaseResult], new: Mapping[str, CaseResult]) -> Iterator[Change]:
    for name, case in new.items():
        if _is_executed(case) and not _is_executed(old.get(name)):
            former = _outcome(old[name]) if name in old else "not there"
            yield Change(id=name, title=case.title, before=former, after=_outcome(case))


def _requirements(before: Report, after: Report) -> Iterator[Change]:
    old = {each.id: each for each in before.requirements}
    new = {each.id: each for each in after.requirements}
    for name in sorted({*old, *new}):
        former, later = (_outcome(each[name]) if name in each else "not in the set" for each in (old, new))
        if former != later:
            yield Change(id=name, title=(new.get(name) or old[name]).title, before=former, after=later)


def _outcome(result: CaseResult | RequirementResult) -> str:
    told = f"{word(result.outcome)} ({result.reason})" if result.reason else word(result.outcome)
    by_role = getattr(result, "by_role", {})
    return told + "".join(f", {role} {word(each.outcome)}" for role, each in sorted(by_role.items()))


def _verdicts(before: Report, after: Report) -> Iterator[str]:
    for role in ("server", "client", "overall"):
        old, new = getattr(before.verdict, role), getattr(after.verdict, role)
        if old != new:
            yield f"{role}: {VERDICTS[old]}, then {VERDICTS[new]}"


_CONTEXT = {
    "suite": "suite",
    "requirement_set": "requirement set",
    "profile": "profile",
    "seed": "seed",
    "roles": "roles",
    "selection": "selection",
    "shards": "shards",
    "server": "server",
    "client": "client",
    "ics": "claims (ICS)",
    "pixit": "settings (PIXIT)",
}


def _context(before: Report, after: Report) -> Iterator[str]:
    old, new = (report.header.model_dump(mode="json") for report in (before, after))
    for key, name in _CONTEXT.items():
        yield from _apart(name, old[key], new[key])


def _apart(name: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _apart(f"{name}, {key}", old.get(key), new.get(key))
    elif old != new:
        yield f"{name}: {_shown(old)}, then {_shown(new)}"


def _shown(value: Any) -> str:
    if value is None or value in ([], ""):
        return "none"
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
