"""What the page shows, worked out from a report: the template only lays it out."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from pydantic import JsonValue

from conformance.outcomes import CaseResult, Deciding, Finding, Known, Observation, Outcome, Reason, Verdict
from conformance.report import wording
from conformance.report.clause_text import Quoted, SentencePart, clause_text, places_of
from conformance.report.evidence import deciding_of, line_key
from conformance.report.model import Ambiguity, Claim, Report, RequirementResult, Role
from conformance.report.replaying import replay_command
from conformance.report.text import one_line
from conformance.report.transcripts import Transcripts, WireLine
from conformance.spec.records import natural_order

_TOLD_IN_FULL = (Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.WARN)
_MOST_INLINE = 400
_MOST_COMMANDS = 20
_MOST_INLINE_ON_PAGE = 20_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an outcome-by-level table."""

    outcome: Outcome
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RolePart:
    """Everything about one role at the top of the page."""

    role: Role
    verdict: Verdict | None
    sentence: str
    requirements: list[RequirementResult]
    rows: list[Row]
    open: list[wording.Gap]
    left_out: list[wording.Gap]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a case found about one requirement, or about itself where `requirement` is None.

    `wire` is the deciding line in its context, `line` that line as the report quotes it; both are empty where it was
    `repeated`, because the same line stands above.
    """

    requirement: RequirementResult | None
    outcome: Outcome
    reason: Reason | None
    expected: str
    observed: str
    deciding: Deciding | None
    wire: list[WireLine] | None
    line: str
    known: Known | None
    follows: tuple[str, ...]
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Folded:
    """What stands of a transcript in the page: all of its entries, or those around the ones that decided."""

    lines: list[WireLine]
    entries: int

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return len(self.lines) == self.entries

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of the entries that stand there."""
        return frozenset(line.number for line in self.lines if line.number is not None)


@dataclass(frozen=True, slots=True)
class CasePart:
    """A case that is told in full.

    `commands` are those of the deciding connection where the case tells no steps, `causes` the likely ones, each with
    the requirements that it would break; `folded` is the transcript, None where there is none that can be read.
    """

    case: CaseResult
    judgements: list[Judgement]
    passed: list[str]
    commands: list[WireLine]
    causes: dict[str, list[str]]
    replay: str
    folded: Folded | None


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the ICS, what is claimed of it, and the requirements that depend on it."""

    name: str
    claim: Claim
    requirements: list[RequirementResult]


@dataclass(frozen=True, slots=True)
class Touched:
    """A point that the text leaves open, and the requirements that touch it and were run."""

    ambiguity: Ambiguity
    requirements: list[RequirementResult]


class Page:
    """The parts of the page."""

    def __init__(self, report: Report, transcripts: Transcripts) -> None:
        self.report = report
        self._transcripts = transcripts
        self._inline_left = _MOST_INLINE_ON_PAGE

    @cached_property
    def requirements(self) -> list[RequirementResult]:
        """All requirements, `OP02-S2` before `OP02-S10`."""
        return sorted(self.report.requirements, key=lambda one: natural_order(one.id))

    @cached_property
    def roles(self) -> list[RolePart]:
        """The server, then the client."""
        return [self._role(role) for role in wording.ROLES]

    def _role(self, role: Role) -> RolePart:
        mine = wording.of_role(self.report, role)
        return RolePart(
            role=role,
            verdict=wording.verdict_of(self.report, role),
            sentence=wording.sentence(self.report, role),
            requirements=mine,
            rows=_rows(mine),
            open=wording.not_established(self.report, role),
            left_out=wording.left_out(self.report, role),
        )

    @cached_property
    def title(self) -> str:
        """The title of the document: what was tested, and the verdict."""
        names = (wording.subject(self.report, part.role) for part in self.roles if part.verdict)
        tested = ", ".join(name.removeprefix("The ") for name in names)
        verdict = wording.VERDICTS[self.report.verdict.overall]
        return one_line(f"CPM conformance: {tested or 'nothing tested'}: {verdict}", 200)

    @cached_property
    def sentences(self) -> list[SentencePart]:
        """The sentences of the clause in reading order."""
        return clause_text(self.report.header.sentences, self.requirements)

    @cached_property
    def places(self) -> Mapping[str, list[tuple[str, Quoted]]]:
        """Where the words of each requirement stand in the clause, by its id."""
        return places_of(self.sentences)

    @cached_property
    def by_id(self) -> dict[str, RequirementResult]:
        """The requirements by id."""
        return {one.id: one for one in self.report.requirements}

    @cached_property
    def ambiguities(self) -> list[Touched]:
        """The open points that this run touched, in their order."""
        run = [one for one in self.requirements if one.outcome is not Outcome.NOT_RUN]
        touched = [
            Touched(each, [one for one in run if each.id in one.ambiguities]) for each in self.report.header.ambiguities
        ]
        return [each for each in touched if each.requirements]

    @cached_property
    def registered(self) -> frozenset[str]:
        """The ids of the open points that the page tells of."""
        return frozenset(each.ambiguity.id for each in self.ambiguities)

    def claims_of(self, role: Role) -> list[Item]:
        """The items of the ICS that a role was asked about."""
        mine = [one.seen_by(role) for one in self.requirements if role in one.roles]
        named = ((key.partition(":"), claim) for key, claim in self.report.header.ics.items())
        return [
            Item(name, claim, [one for one in mine if name in one.condition.split()])
            for (scope, _, name), claim in named
            if scope == role
        ]

    @cached_property
    def clauses(self) -> list[tuple[str, list[RequirementResult]]]:
        """The requirements by clause, in the order of the requirement ids within."""
        groups: dict[str, list[RequirementResult]] = {}
        order = {sentence.clause: place for place, sentence in enumerate(self.report.header.sentences)}
        for one in self.requirements:
            groups.setdefault(one.clause, []).append(one)
        return sorted(groups.items(), key=lambda item: (order.get(item[0], len(order)), natural_order(item[0])))

    @cached_property
    def told(self) -> list[CasePart]:
        """The cases that failed, erred, decided nothing or warned, in this order."""
        cases = [case for case in self.report.cases if case.outcome in _TOLD_IN_FULL]
        cases.sort(key=lambda case: _TOLD_IN_FULL.index(case.outcome))
        return [self._case(case) for case in cases]

    @cached_property
    def not_told(self) -> list[CaseResult]:
        """The cases that did not apply or did not run."""
        return self._cases_with(Outcome.NOT_RUN, Outcome.NOT_APPLICABLE)

    @cached_property
    def passed(self) -> list[CaseResult]:
        """The cases that passed."""
        return self._cases_with(Outcome.PASS)

    def _cases_with(self, *outcomes: Outcome) -> list[CaseResult]:
        return [case for case in self.report.cases if case.outcome in outcomes]

    @cached_property
    def excluded(self) -> list[RequirementResult]:
        """The requirements that are excluded from testing."""
        return [one for one in self.requirements if one.reason is Reason.EXCLUDED]

    @cached_property
    def remarks(self) -> list[tuple[CaseResult, tuple[str, ...]]]:
        """What cases recorded and nobody judged."""
        return [(case, case.remarks) for case in self.report.cases if case.remarks]

    @cached_property
    def profile(self) -> list[tuple[CaseResult, Observation]]:
        """How the implementations behave where the text leaves it open, by topic; what was seen again stands once."""
        rows: dict[tuple[str, str], tuple[CaseResult, Observation]] = {}
        for case in self.report.cases:
            for each in case.profile:
                rows.setdefault((each.topic, each.observed), (case, each))
        return [rows[key] for key in sorted(rows)]

    def stated(self, role: Role) -> list[str]:
        """The capabilities that an implementation itself claims, whatever the server announces."""
        return [
            item.name
            for item in self.claims_of(role)
            if item.name.isupper() and item.claim.claimed and item.claim.source != "observed"
        ]

    def grouped(self, ids: Iterable[str]) -> list[tuple[str, list[tuple[str, str]]]]:
        """Cases by name, each with the variants of it that there are: the words in brackets, and the id."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for case_id in ids:
            name, bracket, variant = case_id.partition("[")
            group = name if bracket and variant.endswith("]") else case_id
            groups.setdefault(group, []).append((variant[:-1] if group != case_id else "", case_id))
        return list(groups.items())

    @cached_property
    def examples(self) -> tuple[int, int] | None:
        """How many examples the random cases ran, and how many were planned."""
        drawn = [case.examples for case in self.report.cases if case.examples]
        return (sum(each.run for each in drawn), sum(each.planned for each in drawn)) if drawn else None

    @cached_property
    def slowest(self) -> list[tuple[str, float]]:
        """The five cases that took longest, with seconds."""
        known = {case.id for case in self.report.cases}
        taken = [(name, seconds) for name, seconds in self.report.volatile.durations.items() if name in known]
        return sorted(taken, key=lambda each: -each[1])[:5]

    def levels_of(self, case: CaseResult) -> list[str]:
        """The levels of the requirements that a case judges."""
        return sorted({self.by_id[name].level for name in case.requirements})

    def clauses_of(self, case: CaseResult) -> list[str]:
        """The clauses of the requirements that a case judges."""
        return sorted({self.by_id[name].clause for name in case.requirements})

    def roles_of(self, case: CaseResult) -> list[str]:
        """The role that a case judges, or those that its requirements bind."""
        bound = {role for name in case.requirements for role in self.by_id[name].roles}
        return [case.role] if case.role else sorted(bound)

    @cached_property
    def pixit(self) -> list[tuple[str, str]]:
        """Names and values of the PIXIT."""
        values = sorted(self.report.header.pixit.items())
        return [(name, _plain_value(value)) for name, value in values]

    def _case(self, case: CaseResult) -> CasePart:
        judgements = self._judgements(case)
        told = {one.requirement.id for one in judgements if one.requirement is not None}
        passed = list(dict.fromkeys(each.requirement for each in case.findings if each.requirement not in told))
        return CasePart(
            case=case,
            judgements=judgements,
            passed=passed,
            commands=[] if case.steps else self._commands(case),
            causes=_causes(judgements),
            replay=replay_command(self.report, case),
            folded=self._folded(case),
        )

    def _commands(self, case: CaseResult) -> list[WireLine]:
        deciding = next(deciding_of(case), None)
        entries = (self._transcripts.entries(deciding.transcript) if deciding else None) or []
        last = next((place for place, line in enumerate(entries) if deciding and line.number == deciding.entry), -1)
        before = entries[: last + 1]
        sent = [line for line in before if line.direction == "C" and line.connection == before[-1].connection]
        return sent[-_MOST_COMMANDS:]

    def _folded(self, case: CaseResult) -> Folded | None:
        entries = self._transcripts.entries(case.transcript) if case.transcript else None
        if not entries or self._inline_left <= 0:
            return None
        decided = {each.entry for each in deciding_of(case) if each.transcript == case.transcript}
        lines = _window(entries, decided, min(_MOST_INLINE, self._inline_left))
        self._inline_left -= len(lines)
        return Folded([replace(line, decided=line.number in decided) for line in lines], len(entries))

    def _judgements(self, case: CaseResult) -> list[Judgement]:
        judgements = [self._judgement(each) for each in case.findings if each.outcome is not Outcome.PASS]
        judgements.sort(key=lambda one: list(wording.SIGNS).index(one.outcome))
        return _each_line_once(judgements or [self._judgement(case)])

    def _judgement(self, found: Finding | CaseResult) -> Judgement:
        finding, deciding = found if isinstance(found, Finding) else None, found.deciding
        wire = self._transcripts.excerpt(deciding.transcript, deciding.entry) if deciding else None
        quoted = self.report.volatile.lines.get(line_key(deciding.transcript, deciding.entry), "") if deciding else ""
        return Judgement(
            requirement=self.by_id[finding.requirement] if finding else None,
            outcome=found.outcome,
            reason=found.reason,
            expected=found.expected,
            observed=found.observed,
            deciding=deciding,
            wire=wire,
            line=quoted,
            known=finding.known if finding else None,
            follows=finding.follows if finding else (),
        )


def _plain_value(value: JsonValue) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={_plain_value(each)}" for name, each in sorted(value.items())) or "none"
    return value if isinstance(value, str) else json.dumps(value)


def _rows(requirements: Iterable[RequirementResult]) -> list[Row]:
    counted: dict[Outcome, dict[str, int]] = {}
    for one in requirements:
        counts = counted.setdefault(one.outcome, dict.fromkeys(wording.LEVELS, 0))
        counts[one.level] += 1
    return [Row(outcome, tuple(counted[outcome].values())) for outcome in wording.SIGNS if outcome in counted]


def _each_line_once(judgements: list[Judgement]) -> list[Judgement]:
    lines = [one.deciding for one in judgements]
    return [
        replace(one, wire=None, line="", repeated=True) if one.deciding and one.deciding in lines[:place] else one
        for place, one in enumerate(judgements)
    ]


def _causes(judgements: Iterable[Judgement]) -> dict[str, list[str]]:
    """Plausible wrong implementations for what was contradicted, and what usually lies behind other outcomes."""
    causes: dict[str, list[str]] = {}
    for one in judgements:
        if one.requirement is not None and one.outcome in (Outcome.FAIL, Outcome.WARN):
            for cause in one.requirement.causes:
                if one.requirement.id not in causes.setdefault(cause, []):
                    causes[cause].append(one.requirement.id)
        elif one.reason in wording.CAUSES:
            ids = causes.setdefault(wording.CAUSES[one.reason], [])
            ids += [one.requirement.id] if one.requirement else []
    return causes


def _window(entries: list[WireLine], decided: Collection[int], most: int) -> list[WireLine]:
    if len(entries) <= most:
        return entries
    first = next((place for place, line in enumerate(entries) if line.number in decided), 0)
    start = max(0, min(first - most // 2, len(entries) - most))
    return entries[start : start + most]
