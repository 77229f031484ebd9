"""Requirement records as a report retells them: enough to add up outcomes again without the set that they came from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from conformance.outcomes import Reason
from conformance.report.model import RequirementResult
from conformance.report.records import ExclusionRecord, QuoteRecord


@dataclass(frozen=True, slots=True)
class _Excluded:
    kind: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Restated:
    """A requirement record made of its result. Its findings were brought down already, so that any may rest on it."""

    result: RequirementResult
    excluded: ExclusionRecord | None
    planned: bool
    rests_on: str = "fail"
    provenance: str = "verbatim"
    remark: str | None = None

    @property
    def id(self) -> str:
        return self.result.id

    @property
    def title(self) -> str:
        return self.result.title

    @property
    def clause(self) -> str:
        return self.result.clause

    @property
    def roles(self) -> Collection[str]:
        return self.result.roles

    @property
    def keyword(self) -> str:
        return self.result.keyword

    @property
    def level(self) -> str:
        return self.result.level

    @property
    def sentence(self) -> str:
        return self.result.text

    @property
    def source(self) -> str:
        return self.result.source

    @property
    def quotes(self) -> Sequence[QuoteRecord]:
        return self.result.quotes

    @property
    def derivation(self) -> Sequence[str]:
        return self.result.derivation

    @property
    def condition(self) -> str:
        return self.result.condition

    @property
    def ambiguities(self) -> Collection[str]:
        return self.result.ambiguities

    @property
    def wrong(self) -> Sequence[str]:
        return self.result.causes


def restated(results: Iterable[RequirementResult]) -> list[Restated]:
    """One record for each requirement; of several results of one, in parts of a run, any tells why it has no case."""
    found: dict[str, Restated] = {}
    for each in results:
        before = found.get(each.id)
        is_excluded = each.reason is Reason.EXCLUDED or (before is not None and before.excluded is not None)
        is_planned = each.reason is Reason.NO_CASE or (before is not None and before.planned)
        found[each.id] = Restated(each, _Excluded() if is_excluded else None, is_planned)
    return list(found.values())
