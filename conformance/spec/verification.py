"""The machine check of the specification: words are quoted truly, and every demand has a case, a plan or a reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from conformance.spec.loading import Specification, specification
from conformance.spec.pinned_text import change_request_section, folded, rfc_sections
from conformance.spec.records import CHANGE_REQUEST, RFC3501, Basis, Level, Quote, Requirement

CLAUSES = frozenset(f"5.5.2.{number}" for number in (2, 3, 4, 6, 8, 9, 11, 13, 20))
"""Clauses that are not places in the pinned text: the operations 5.5.2.20 cites, and itself."""

EXCLUSIONS = frozenset({"not-normative", "untestable", "duplicate-of", "out-of-scope"})

_PROVENANCE = re.compile(r"verbatim|derived|observed|public:RFC\d+|reconstructed:(high|medium|low)")
_CONDITION = re.compile(r"(not )?\S+( (and|or) (not )?\S+)*")
_STRENGTH = {"MUST": "MUST|REQUIRED|NOT permitted|NEVER", "SHOULD": "SHOULD", "MAY": "MAY|OPTIONAL"}
_KEYWORDS = frozenset({"SHALL", "MUST", "MAY", "SHOULD", "NOTE", "will", "descriptive"})

Cases = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: what kind, at which record, sentence or case, and the mend."""

    kind: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}: {self.message}"


def verify(cases: Cases | None = None, spec: Specification | None = None) -> list[Problem]:
    """Check the specification, and with `cases` (case id to requirement ids) its cover by test cases.

    Without `cases`, whether a record has a case cannot be known and is not checked. An empty list means no problem.
    """
    spec = spec or specification()
    checks: tuple[Callable[[Specification], Iterator[Problem]], ...] = (
        _identifiers,
        _sentences,
        _comments,
        _quotes,
        _references,
        _bases,
    )
    problems = [problem for check in checks for problem in check(spec)]
    return problems if cases is None else problems + list(_cover(spec, cases))


def _identifiers(spec: Specification) -> Iterator[Problem]:
    present = Counter(record.id for record in spec.requirements)
    expected = set(spec.expected_ids)
    for identifier, count in present.items():
        if count > 1:
            yield Problem("duplicate id", identifier, f"{count} records; keep one")
        if identifier not in expected:
            yield Problem("unexpected id", identifier, "not in expected-ids.txt; add it there or correct the id")
    for identifier in sorted(expected - set(present)):
        yield Problem("missing id", identifier, "in expected-ids.txt without a record; restore the record")


def _sentences(spec: Specification) -> Iterator[Problem]:
    text = change_request_section(spec.change_request)
    quotes = [quote for record in spec.requirements for quote in record.quotes]
    for sentence in spec.sentences:
        if sentence.text not in text:
            yield Problem("sentence not pinned", sentence.id, "its text differs from the pinned change request")
        if not any(quote.section == sentence.clause and quote.text in sentence.text for quote in quotes):
            yield Problem("sentence without requirement", sentence.id, "no record quotes it; add one")


def _comments(spec: Specification) -> Iterator[Problem]:
    known = {record.id for record in spec.requirements}
    found = {comment.id for comment in spec.comments}
    for missing in sorted({"C314", "C315", "C316"} - found):
        yield Problem("comment unanswered", missing, "no [[comment]] in sentences.toml")
    for comment in spec.comments:
        if not comment.answered_by:
            yield Problem("comment unanswered", comment.id, "name the requirements that answer it")
        if comment.text not in folded(spec.change_request):
            yield Problem("comment not pinned", comment.id, "its text differs from the pinned change request")
        for identifier in comment.answered_by:
            if identifier not in known:
                yield Problem("comment unanswered", comment.id, f"answered by unknown requirement {identifier}")


def _quotes(spec: Specification) -> Iterator[Problem]:
    places = _places(spec)
    for record in spec.requirements:
        for quote in record.quotes:
            fault = _quote_fault(quote, places)
            if fault:
                yield Problem("quote not pinned", record.id, f'"{quote.text[:60]}": {fault}')
        if record.clause.startswith(f"{CHANGE_REQUEST}-") and not _quotes_from(record, record.clause):
            yield Problem("quote not pinned", record.id, f"quotes nothing from its clause {record.clause}")
        if not _keyword_stands(record, spec):
            yield Problem("keyword", record.id, f"{record.keyword} governs none of its quotes")


def _places(spec: Specification) -> dict[tuple[str, str], str]:
    """(document, section) to the folded words that stand there."""
    places = {(RFC3501, number): text for number, text in rfc_sections(spec.rfc3501).items()}
    for item in spec.sentences:
        key = (CHANGE_REQUEST, item.clause)
        places[key] = f"{places.get(key, '')}\n{item.text}"
    places.update({(CHANGE_REQUEST, comment.id): comment.text for comment in spec.comments})
    return places


def _quote_fault(quote: Quote, places: Mapping[tuple[str, str], str]) -> str:
    if not quote.pinned:
        shipped = quote.document in (CHANGE_REQUEST, RFC3501)
        return "its document is pinned; remove pinned = false" if shipped else ""
    place = places.get((quote.document, quote.section))
    if place is None:
        return f"no section {quote.section} of {quote.document} is pinned"
    if quote.text and quote.text in place:
        return ""
    found = [f"{name} {part}" for (name, part), text in places.items() if quote.text and quote.text in text]
    return f"not in {quote.document} {quote.section}; found in: {', '.join(found) or 'no pinned text'}"


def _quotes_from(record: Requirement, section: str) -> bool:
    return any(quote.section == section for quote in record.quotes)


def _keyword_stands(record: Requirement, spec: Specification) -> bool:
    """Whether the keyword governs a quote: by its sentence in 5.5.2.20, by the words themselves in an RFC."""
    if record.keyword == "descriptive":
        return True
    governed = [item for item in spec.sentences if item.keyword == record.keyword]
    strength = _STRENGTH.get(record.keyword, record.keyword)
    return any(
        any(quote.section == item.clause and quote.text in item.text for item in governed)
        if quote.document == CHANGE_REQUEST
        else re.search(strength, quote.text) is not None
        for quote in record.quotes
    )


def _references(spec: Specification) -> Iterator[Problem]:
    items = {item.name for item in spec.ics}
    ambiguities = {ambiguity.id for ambiguity in spec.ambiguities}
    clauses = CLAUSES | {sentence.clause for sentence in spec.sentences}
    for record in spec.requirements:
        if record.condition and not _CONDITION.fullmatch(record.condition):
            yield Problem("condition", record.id, f"{record.condition!r} is not names joined by and, or, not")
        for name in sorted(record.condition_items - items):
            yield Problem("unknown ICS item", record.id, f"{name!r} is not in ics.toml")
        for name in record.ambiguities:
            if name not in ambiguities:
                yield Problem("unknown ambiguity", record.id, f"{name!r} is not in ambiguities.toml")
        if record.clause not in clauses:
            yield Problem("unknown clause", record.id, f"{record.clause!r} is no clause of 5.5.2")
        if record.keyword not in _KEYWORDS:
            yield Problem("keyword", record.id, f"{record.keyword!r} is none of {', '.join(sorted(_KEYWORDS))}")
        if not _PROVENANCE.fullmatch(record.provenance):
            yield Problem("provenance", record.id, f"{record.provenance!r} is no known provenance")
        if not record.roles:
            yield Problem("role", record.id, "binds no role; name client, server or both")
        if record.excluded:
            yield from _exclusion(record, spec)


def _exclusion(record: Requirement, spec: Specification) -> Iterator[Problem]:
    assert record.excluded is not None
    reason = record.excluded
    if reason.kind not in EXCLUSIONS or not reason.why:
        yield Problem("exclusion", record.id, f"needs a reason and a kind of {', '.join(sorted(EXCLUSIONS))}")
    original = next((other for other in spec.requirements if other.id == reason.of), None)
    if (reason.kind == "duplicate-of") is not (original is not None and original.excluded is None):
        yield Problem("exclusion", record.id, "a duplicate names the record, itself not excluded, that stays")


def _bases(spec: Specification) -> Iterator[Problem]:
    """A failure rests on quoted words: of 5.5.2.20, of RFC 3501, or of another RFC that is named."""
    for record in spec.requirements:
        derived = record.provenance == "derived"
        if derived and not (record.derivation and any(quote.document == CHANGE_REQUEST for quote in record.quotes)):
            yield Problem("derivation", record.id, "derived from no quoted words of 5.5.2.20, or without the steps")
        if not derived and record.derivation:
            yield Problem("derivation", record.id, "steps are given but the provenance is not derived")
        if record.rests_on is Basis.FAIL and not _may_fail(record):
            yield Problem("no basis to fail", record.id, "lower rests_on, or quote the words a failure rests on")
        if record.rests_on is Basis.FAIL and record.level is Level.OPTIONAL and not record.condition:
            yield Problem("no basis to fail", record.id, "what is optional fails only where the ICS claims it")


def _may_fail(record: Requirement) -> bool:
    weak = record.provenance == "observed" or record.provenance.startswith("reconstructed")
    lenient = record.level is Level.RECOMMENDED or record.keyword in ("SHOULD", "NOTE")
    return not weak and not lenient and any(quote.text for quote in record.quotes)


def _cover(spec: Specification, cases: Cases) -> Iterator[Problem]:
    judged = {identifier for named in cases.values() for identifier in named}
    known = {record.id for record in spec.requirements}
    for case, named in cases.items():
        if not named:
            yield Problem("case without requirement", case, "name the requirements it judges")
        for identifier in sorted(set(named) - known):
            yield Problem("unknown requirement", case, f"judges {identifier}, which has no record")
    for record in spec.requirements:
        stated = record.planned or record.excluded is not None
        if record.planned and record.excluded:
            yield Problem("plan and exclusion", record.id, "keep one of the two")
        if record.id not in judged and not stated:
            yield Problem("requirement without case", record.id, "add a case, planned = true, or an exclusion")
        if record.id in judged and record.planned:
            yield Problem("stale plan", record.id, "a case judges it; remove planned = true")
        if record.id in judged and record.excluded:
            yield Problem("stale exclusion", record.id, "a case judges it; remove the exclusion")
