"""The clause as it stands in the document, cut into the phrases that requirements quote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from conformance.outcomes import Outcome, Reason
from conformance.report.aggregation import Judged, severest
from conformance.report.model import RequirementResult, Sentence

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Quoted:
    """Words of one sentence, and the requirements that quote exactly these; `id` differs within a clause."""

    id: str
    words: str
    outcome: Outcome
    requirements: tuple[RequirementResult, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a sentence with the worst outcome of all that quote it; no `quoted` where nobody does."""

    text: str
    outcome: Outcome | None = None
    quoted: Quoted | None = None


@dataclass(frozen=True, slots=True)
class SentencePart:
    """A sentence: its pieces in reading order, what is quoted of it, and what is drawn from its clause besides."""

    sentence: Sentence
    outcome: Outcome
    pieces: tuple[Piece, ...]
    quoted: tuple[Quoted, ...]
    besides: tuple[RequirementResult, ...]

    @property
    def step(self) -> str:
        """`p1`, `2`, `3c` or `note`."""
        return self.sentence.clause.rpartition("-")[2]

    @property
    def marker(self) -> str:
        """What stands before it in the document: `2.` or `c.`, nothing before a paragraph."""
        return f"{self.step[-1]}." if self.step[0].isdigit() else ""

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        if self.step.startswith("p"):
            _, is_sentence, number = self.sentence.id.rpartition("-s")
            return f"paragraph {self.step[1:]}" + (f", sentence {number}" if is_sentence else "")
        return "NOTE" if self.step == "note" else f"step {self.step}"


@dataclass
class _Found:
    """The requirements that quote a sentence, by the span of their words in it, and those that quote none."""

    spans: dict[Span, list[RequirementResult]] = field(default_factory=lambda: defaultdict(list))
    besides: list[RequirementResult] = field(default_factory=list)


def clause_text(sentences: Sequence[Sentence], requirements: Iterable[RequirementResult]) -> list[SentencePart]:
    """The sentences in reading order. Every requirement of their clauses stands at least once."""
    found = {sentence.id: _Found() for sentence in sentences}
    for requirement in requirements:
        places = list(_places(requirement, sentences))
        for sentence, span in places:
            if requirement not in found[sentence.id].spans[span]:
                found[sentence.id].spans[span].append(requirement)
        home = next((each for each in sentences if each.clause == requirement.clause), None)
        if not places and home is not None:
            found[home.id].besides.append(requirement)
    return [_part(sentence, found[sentence.id]) for sentence in sentences]


def places_of(parts: Iterable[SentencePart]) -> Mapping[str, list[tuple[str, Quoted]]]:
    """Where the words of each requirement stand, by its id: each sentence in words, and the first quotation there."""
    places: dict[str, list[tuple[str, Quoted]]] = defaultdict(list)
    for part in parts:
        for quoted in part.quoted:
            for requirement in quoted.requirements:
                if part.place not in (place for place, _ in places[requirement.id]):
                    places[requirement.id].append((part.place, quoted))
    return places


def _places(requirement: RequirementResult, sentences: Iterable[Sentence]) -> Iterable[tuple[Sentence, Span]]:
    for quote in requirement.quotes:
        words = _plain(quote.text)
        for sentence in sentences:
            if sentence.clause == quote.section and words and words in _plain(sentence.text):
                start = _plain(sentence.text).index(words)
                yield sentence, (start, start + len(words))
                break


def _part(sentence: Sentence, found: _Found) -> SentencePart:
    text = _plain(sentence.text)
    quoted = {
        span: Quoted(f"{sentence.id}-{number}", text[slice(*span)], _worst(found.spans[span]), tuple(found.spans[span]))
        for number, span in enumerate(sorted(found.spans), start=1)
    }
    everyone = [*(each for one in found.spans.values() for each in one), *found.besides]
    pieces = tuple(_pieces(text, quoted))
    return SentencePart(sentence, _worst(everyone), pieces, tuple(quoted.values()), tuple(found.besides))


def _pieces(text: str, quoted: Mapping[Span, Quoted]) -> Iterable[Piece]:
    ends = sorted({0, len(text), *(end for span in quoted for end in span)})
    for start, end in pairwise(ends):
        words = text[start:end]
        over = [span for span in quoted if span[0] <= start and end <= span[1]]
        if not over or " " not in words.strip():
            yield Piece(words)
            continue
        blank = len(words) - len(words.lstrip())
        if blank:
            yield Piece(words[:blank])
        outcome = _severest(quoted[span].outcome for span in over)
        worst = [span for span in over if quoted[span].outcome is outcome]
        narrowest = min(worst, key=lambda span: span[1] - span[0])
        yield Piece(words.strip(), outcome, quoted[narrowest])
        yield Piece(words[len(words.rstrip()) :])


def _worst(requirements: Iterable[RequirementResult]) -> Outcome:
    return _severest(one.outcome for one in requirements if one.reason is not Reason.EXCLUDED)


def _severest(outcomes: Iterable[Outcome]) -> Outcome:
    worst = severest(Judged(outcome, None) for outcome in outcomes)
    return worst.outcome if worst else Outcome.NOT_RUN


def _plain(text: str) -> str:
    return " ".join(text.split())
