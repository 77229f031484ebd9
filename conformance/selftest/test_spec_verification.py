"""The machine check of the specification passes the shipped data and notices every kind of doctored data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import conformance.spec as spec
from conformance.spec import Basis, Exclusion, Quote, Requirement, Specification, verification
from conformance.spec.__main__ import main
from conformance.spec.pinned_text import rfc_sections
from conformance.spec.verification import verify

SHIPPED = spec.specification()


def doctored(identifier: str, **changes: Any) -> Specification:
    """The shipped specification with one record changed."""
    assert identifier in SHIPPED.expected_ids
    return replace(
        SHIPPED,
        requirements=tuple(
            replace(record, **changes) if record.id == identifier else record for record in SHIPPED.requirements
        ),
    )


def without(keep: Callable[[Requirement], bool]) -> Specification:
    """The shipped specification with the records that satisfy `keep` only."""
    return replace(SHIPPED, requirements=tuple(filter(keep, SHIPPED.requirements)))


def found(specification: Specification, cases: verification.Cases | None = None) -> set[tuple[str, str]]:
    """(kind, where) of every problem."""
    return {(problem.kind, problem.where) for problem in verify(cases, specification)}


def settled() -> Specification:
    """The shipped specification as if no case were planned: every record is free to be judged."""
    return replace(SHIPPED, requirements=tuple(replace(record, planned=False) for record in SHIPPED.requirements))


def judged_once() -> dict[str, list[str]]:
    """A case for each record that is not excluded."""
    return {f"case-{record.id}": [record.id] for record in SHIPPED.requirements if not record.excluded}


def test_shipped_data_has_no_problem() -> None:
    """The real specification passes its own check."""
    assert [str(problem) for problem in verify()] == []


def test_command_prints_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m conformance.spec` succeeds on the shipped data and counts it."""
    assert main() == 0
    assert f"{len(SHIPPED.requirements)} requirements, 0 problems" in capsys.readouterr().out


def test_command_fails_on_a_problem(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A problem is printed and makes the exit code 1."""
    problem = verification.Problem("missing id", "SYN-101", "restore the record")
    monkeypatch.setattr("conformance.spec.__main__.verify", lambda: [problem])
    assert main() == 1
    assert "SYN-101: missing id: restore the record" in capsys.readouterr().out


def test_duplicate_missing_and_unexpected_ids_are_noticed() -> None:
    """A record twice, a record gone, and a record nobody expects are three problems."""
    first = SHIPPED.requirements[0]
    assert found(replace(SHIPPED, requirements=(*SHIPPED.requirements, first))) == {("duplicate id", first.id)}
    assert ("missing id", "SYN-803") in found(without(lambda record: record.id != "SYN-803"))
    assert ("unexpected id", "SYN-999") in found(doctored("SYN-803", id="SYN-999"))


@pytest.mark.parametrize("sentence", SHIPPED.sentences, ids=lambda sentence: sentence.id)
def test_sentence_without_requirement_is_noticed(sentence: spec.Sentence) -> None:
    """When no record quotes a sentence any more, the check says which sentence."""
    bare = replace(
        SHIPPED,
        requirements=tuple(
            replace(record, quotes=tuple(q for q in record.quotes if q.text not in sentence.text))
            for record in SHIPPED.requirements
        ),
    )
    assert ("sentence without requirement", sentence.id) in found(bare)


def test_changed_sentence_and_comment_are_noticed() -> None:
    """A sentence or comment that is not word for word in the change request is a problem."""
    sentences = (replace(SHIPPED.sentences[0], text="Objects SHALL be synchronised."), *SHIPPED.sentences[1:])
    assert ("sentence not pinned", "5.5.2.20-p1-s1") in found(replace(SHIPPED, sentences=sentences))
    comments = (replace(SHIPPED.comments[0], text="This is too simple."), *SHIPPED.comments[1:])
    assert found(replace(SHIPPED, comments=comments)) == {("comment not pinned", "C314")}


def test_unanswered_comments_are_noticed() -> None:
    """A comment that is gone, has no answer, or names an unknown requirement is unanswered."""
    first, second, third = SHIPPED.comments
    assert ("comment unanswered", "C316") in found(replace(SHIPPED, comments=(first, second)))
    for answered_by in ((), ("SYN-999",)):
        changed = (first, second, replace(third, answered_by=answered_by))
        assert ("comment unanswered", "C316") in found(replace(SHIPPED, comments=changed))


@pytest.mark.parametrize(
    ("quote", "reason"),
    [
        (Quote("A server SHALL do as it likes.", "RFC 3501", "6.3.11"), "found in: no pinned text"),
        (Quote("no partial appending is permitted", "RFC 3501", "6.3.1"), "found in: RFC 3501 6.3.11"),
        (Quote("no partial appending is permitted", "RFC 3501", "6.3"), "found in: RFC 3501 6.3.11"),
        (Quote("no partial appending is permitted", "RFC 3501", "99.1"), "no section 99.1"),
        (Quote("words from memory", "RFC 7162", "3.1"), "no section 3.1 of RFC 7162 is pinned"),
        (Quote("words from memory", "RFC 3501", "6.3.11", pinned=False), "its document is pinned"),
        (Quote("", "RFC 3501", "6.3.11"), "not in RFC 3501 6.3.11"),
    ],
)
def test_untrue_quote_is_noticed(quote: Quote, reason: str) -> None:
    """Words that are not in the named section of the pinned text are a problem, with where they are."""
    own = spec.requirement("OP03-S2").quotes
    problems = verify(None, doctored("OP03-S2", quotes=(*own, quote)))
    assert [(problem.kind, problem.where) for problem in problems] == [("quote not pinned", "OP03-S2")]
    assert reason in problems[0].message


def test_quote_of_another_clause_is_noticed() -> None:
    """A record of step 3c that quotes step 3b only does not rest on its clause."""
    other = spec.requirement("SYN-403").quotes
    assert ("quote not pinned", "SYN-406") in found(doctored("SYN-406", quotes=other))


def test_keyword_that_governs_no_quote_is_noticed() -> None:
    """A SHOULD of the RFC recorded as MUST, and a MAY of the text recorded as SHALL, are noticed."""
    assert ("keyword", "OP03-S9") in found(doctored("OP03-S9", keyword="MUST"))
    assert ("keyword", "SYN-206") in found(doctored("SYN-206", keyword="SHALL"))
    assert ("keyword", "OP03-S9") in found(doctored("OP03-S9", keyword="OUGHT"))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"condition": "COMPRESS"}, "unknown ICS item"),
        ({"condition": "CONDSTORE UIDPLUS"}, "condition"),
        ({"ambiguities": ("A99",)}, "unknown ambiguity"),
        ({"clause": "5.5.2.7"}, "unknown clause"),
        ({"provenance": "memory"}, "provenance"),
        ({"roles": ()}, "role"),
        ({"derivation": ("So it is.",)}, "derivation"),
        ({"excluded": Exclusion("boring", "It is."), "planned": False}, "exclusion"),
        ({"excluded": Exclusion("untestable", ""), "planned": False}, "exclusion"),
        ({"excluded": Exclusion("duplicate-of", "The same.", of="SYN-999"), "planned": False}, "exclusion"),
        ({"excluded": Exclusion("duplicate-of", "The same.", of="SYN-617"), "planned": False}, "exclusion"),
    ],
)
def test_bad_reference_is_noticed(changes: dict[str, Any], kind: str) -> None:
    """Names outside the closed lists are problems of the record that uses them."""
    assert (kind, "OP03-S2") in found(doctored("OP03-S2", **changes))


@pytest.mark.parametrize(
    ("identifier", "changes"),
    [
        ("OP03-C1", {"rests_on": Basis.FAIL}),
        ("OP03-S9", {"rests_on": Basis.FAIL}),
        ("SYN-508", {"rests_on": Basis.FAIL}),
        ("SYN-206", {"condition": ""}),
        ("OP03-S2", {"quotes": ()}),
        ("OP02-S5", {"quotes": (Quote("", "RFC 7162", "3.1.2", pinned=False),)}),
    ],
)
def test_failure_without_basis_is_noticed(identifier: str, changes: dict[str, Any]) -> None:
    """Reconstruction, SHOULD, NOTE, an unclaimed option or no words at all cannot carry a failure."""
    assert ("no basis to fail", identifier) in found(doctored(identifier, **changes))


def test_derivation_without_quoted_words_is_noticed() -> None:
    """A derived record needs words of 5.5.2.20 and the steps from them."""
    assert ("derivation", "SYN-407") in found(doctored("SYN-407", derivation=()))
    rfc_only = spec.requirement("OP03-S2").quotes
    assert ("derivation", "SYN-407") in found(doctored("SYN-407", quotes=rfc_only))


def test_full_cover_has_no_problem() -> None:
    """A case for each record, and no plan left, is what the check asks for in the end."""
    assert found(settled(), judged_once()) == set()


def test_requirement_without_case_is_noticed() -> None:
    """A record that no case names, that is neither planned nor excluded, is a problem."""
    cases = judged_once()
    del cases["case-SYN-406"]
    assert found(settled(), cases) == {("requirement without case", "SYN-406")}


def test_plan_fills_in_until_a_case_comes() -> None:
    """A planned record needs no case; with one its plan is stale."""
    planned = doctored("SYN-406", planned=True)
    others = replace(
        planned,
        requirements=tuple(r if r.id == "SYN-406" else replace(r, planned=False) for r in planned.requirements),
    )
    cases = judged_once()
    assert found(others, cases) == {("stale plan", "SYN-406")}
    del cases["case-SYN-406"]
    assert found(others, cases) == set()


def test_excluded_requirement_must_stay_without_case_and_plan() -> None:
    """A record is excluded, planned or judged: two of them at once is a problem."""
    assert found(settled(), {**judged_once(), "extra": ["SYN-617"]}) == {("stale exclusion", "SYN-617")}
    both = replace(settled(), requirements=tuple(replace(r, planned=r.id == "SYN-617") for r in SHIPPED.requirements))
    assert found(both, judged_once()) == {("plan and exclusion", "SYN-617")}


def test_case_that_names_no_record_is_noticed() -> None:
    """A case with no requirement, or with one that has no record, is a problem of the case."""
    cases = {**judged_once(), "aimless": [], "mistaken": ["SYN-999"]}
    expected = {("case without requirement", "aimless"), ("unknown requirement", "mistaken")}
    assert found(settled(), cases) == expected


def test_rfc_sections_are_their_own_text() -> None:
    """Page breaks are folded away, comments of the grammar too, and a section excludes its subsections."""
    sections = rfc_sections(SHIPPED.rfc3501)
    assert "if the CREATE is successful. If the mailbox is currently selected" in sections["6.3.11"]
    assert "Server implementations MUST NOT generate flag-extension flags" in sections["9"]
    assert "any string with NUL characters" in sections["4.3.1"]
    assert "any string with NUL characters" not in sections["4.3"]
    assert "[Page" not in "".join(sections.values())
