"""What the page shows, worked out from a report: the template only lays it out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from conformance.outcomes import CaseResult, Deciding, Observation, Outcome, Reason, Verdict
from conformance.report import wording
from conformance.report.aggregation import Judged, severest
from conformance.report.model import Report, RequirementResult, Role, Sentence
from conformance.report.text import one_line
from conformance.report.transcripts import Transcripts, WireLine
from conformance.spec.records import natural_order

_TOLD_IN_FULL = (Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.WARN)
_MOST_INLINE = 400
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
class SentencePart:
    """A sentence of the standard, what became of it, and the requirements drawn from it."""

    sentence: Sentence
    outcome: Outcome
    step: str
    requirements: list[RequirementResult]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a case found about one requirement, or about itself where `requirement` is None."""

    requirement: RequirementResult | None
    outcome: Outcome
    reason: Reason | None
    expected: str
    observed: str
    deciding: Deciding | None
    wire: list[WireLine] | None


@dataclass(frozen=True, slots=True)
class CasePart:
    """A case that is told in full; `wire` is its whole transcript where that is short enough to stand inline."""

    case: CaseResult
    judgements: list[Judgement]
    passed: list[str]
    wire: list[WireLine] | None
    entries: int


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
        return [self._sentence(sentence) for sentence in self.report.header.sentences]

    def _sentence(self, sentence: Sentence) -> SentencePart:
        beside = [other for other in self.report.header.sentences if other.clause == sentence.clause]
        mine = [one for one in self.requirements if one.clause == sentence.clause and _home(one, beside) is sentence]
        outcome = severest(Judged(one.outcome, None) for one in mine if one.reason is not Reason.EXCLUDED)
        step = sentence.clause.rpartition("-")[2]
        return SentencePart(sentence, outcome.outcome if outcome else Outcome.NOT_RUN, step, mine)

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

    @cached_property
    def pixit(self) -> list[tuple[str, str]]:
        """Names and values of the PIXIT."""
        values = sorted(self.report.header.pixit.items())
        return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in values]

    def _case(self, case: CaseResult) -> CasePart:
        judgements = self._judgements(case)
        passed = [finding.requirement for finding in case.findings if finding.outcome is Outcome.PASS]
        entries = self._transcripts.entries(case.transcript) if case.transcript else None
        count = len(entries or ())
        inline = count <= min(_MOST_INLINE, self._inline_left)
        self._inline_left -= count if inline else 0
        return CasePart(case, judgements, passed, entries if inline else None, count)

    def _judgements(self, case: CaseResult) -> list[Judgement]:
        by_id = {one.id: one for one in self.report.requirements}
        judgements = [
            self._judgement(
                by_id[finding.requirement],
                Judged(finding.outcome, finding.reason),
                finding.expected,
                finding.observed,
                finding.deciding,
            )
            for finding in case.findings
            if finding.outcome is not Outcome.PASS
        ]
        if judgements:
            return sorted(judgements, key=lambda one: list(wording.SIGNS).index(one.outcome))
        own = Judged(case.outcome, case.reason)
        return [self._judgement(None, own, case.expected, case.observed, case.deciding)]

    def _judgement(
        self, about: RequirementResult | None, judged: Judged, expected: str, observed: str, deciding: Deciding | None
    ) -> Judgement:
        wire = self._transcripts.excerpt(deciding.transcript, deciding.entry) if deciding else None
        return Judgement(about, judged.outcome, judged.reason, expected, observed, deciding, wire)


def _rows(requirements: Iterable[RequirementResult]) -> list[Row]:
    counted: dict[Outcome, dict[str, int]] = {}
    for one in requirements:
        counts = counted.setdefault(one.outcome, dict.fromkeys(wording.LEVELS, 0))
        counts[one.level] += 1
    return [Row(outcome, tuple(counted[outcome].values())) for outcome in wording.SIGNS if outcome in counted]


def _home(requirement: RequirementResult, sentences: list[Sentence]) -> Sentence:
    quoted = " ".join(requirement.text.split(" […] ")[0].split())
    return next((sentence for sentence in sentences if quoted in " ".join(sentence.text.split())), sentences[0])
