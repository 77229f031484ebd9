"""Tests of the clause text: cut into phrases without losing a word or a requirement."""

from __future__ import annotations

from conformance import spec
from conformance.outcomes import Outcome
from conformance.report import RequirementResult, Sentence
from conformance.report.clause_text import SentencePart, clause_text, places_of
from conformance.report.model import Quote

TEXT = "create or remove folders in local storage and on the server, as described elsewhere."
STEP = Sentence(id="5.5.2.20-2", clause="5.5.2.20-2", text=TEXT)
FOLDERS, LOCAL, BOTH = "create or remove folders", "folders in local storage", TEXT[:-1]


def result(name: str, outcome: Outcome, *quotes: str, clause: str = STEP.clause) -> RequirementResult:
    """A requirement that quotes these words of the step."""
    quoted = tuple(Quote(document="5.5.2.20", section=clause, source="", text=words) for words in quotes)
    return RequirementResult(
        id=name, clause=clause, role="client", keyword="SHALL", level="mandatory", title="", text="", source="",
        outcome=outcome, quotes=quoted,
    )  # fmt: skip


def cut(*results: RequirementResult) -> SentencePart:
    """The one sentence, cut by these requirements."""
    (part,) = clause_text((STEP,), results)
    return part


def marked(part: SentencePart) -> list[tuple[str, Outcome | None]]:
    """The pieces that are linked, with their outcomes."""
    return [(piece.text, piece.outcome) for piece in part.pieces if piece.quoted]


def test_no_word_is_lost() -> None:
    """The pieces together are the sentence, however the quotations overlap."""
    part = cut(result("A", Outcome.PASS, FOLDERS), result("B", Outcome.FAIL, LOCAL), result("C", Outcome.WARN, BOTH))
    assert "".join(piece.text for piece in part.pieces) == TEXT


def test_a_piece_has_the_worst_outcome_of_all_that_quote_it() -> None:
    """Where quotations overlap, the worst colours the words and is what the link leads to."""
    part = cut(result("A", Outcome.PASS, BOTH), result("B", Outcome.FAIL, "in local storage"))
    assert marked(part)[1] == ("in local storage", Outcome.FAIL)
    assert part.pieces[2].quoted is not None
    assert [one.id for one in part.pieces[2].quoted.requirements] == ["B"]
    assert part.outcome is Outcome.FAIL


def test_a_narrow_pass_does_not_hide_a_wide_failure() -> None:
    """The link leads to the failure, though the narrower quotation passed."""
    part = cut(result("A", Outcome.FAIL, BOTH), result("B", Outcome.PASS, "in local storage"))
    assert {outcome for _, outcome in marked(part)} == {Outcome.FAIL}
    assert {one.id for piece in part.pieces if piece.quoted for one in piece.quoted.requirements} == {"A"}


def test_words_that_nobody_quotes_are_plain() -> None:
    """They have no link and no colour."""
    assert marked(cut(result("A", Outcome.PASS, FOLDERS))) == [(FOLDERS, Outcome.PASS)]
    assert marked(cut()) == []


def test_a_requirement_that_quotes_other_documents_is_not_lost() -> None:
    """It stands beside the first sentence of its clause."""
    assert [one.id for one in cut(result("A", Outcome.PASS, "no such words")).besides] == ["A"]


def test_places_are_named_once() -> None:
    """Two quotations of one sentence are one place, which leads to the first."""
    part = cut(result("A", Outcome.PASS, FOLDERS, "on the server"))
    assert [(place, quoted.words) for place, quoted in places_of([part])["A"]] == [("step 2", FOLDERS)]


def test_every_requirement_of_the_clause_stands_in_its_text() -> None:
    """Each pinned sentence is linked, and each requirement of 5.5.2.20 is reached from one."""
    results = [
        RequirementResult.model_validate({
            "id": each.id, "clause": each.clause, "role": "+".join(sorted(each.roles)), "keyword": each.keyword,
            "level": each.level, "title": each.title, "text": each.sentence, "source": each.source,
            "outcome": Outcome.PASS,
            "quotes": [{"document": one.document, "section": one.section, "source": one.source, "text": one.text}
                       for one in each.quotes],
        })
        for each in spec.requirements()
    ]  # fmt: skip
    sentences = [Sentence(id=each.id, clause=each.clause, text=each.text) for each in spec.sentences()]
    parts = clause_text(sentences, results)
    assert all(any(piece.quoted for piece in part.pieces) for part in parts)
    reached = {one.id for part in parts for group in (*(each.requirements for each in part.quoted), part.besides)
               for one in group}  # fmt: skip
    assert {each.id for each in results if each.clause.startswith("5.5.2.20")} <= reached
    assert all("".join(piece.text for piece in part.pieces) == part.sentence.text for part in parts)
