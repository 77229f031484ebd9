"""Tests of `diff`: each kind of change is told once, under its own name, and nothing volatile counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from conformance.outcomes import CaseResult, Finding, Outcome, Reason
from conformance.report import ClientFacts, Report, ServerFacts, Shards, Suite, Volatile, assemble
from conformance.report.comparison import Comparison, compare
from conformance.report.comparison_text import comparison_lines, comparison_markdown
from conformance.selftest.report_examples import MadeUpRequirement, case, every_outcome, finding, header, hostile

REQUIREMENTS = [MadeUpRequirement("SYN-1"), MadeUpRequirement("SYN-2"), MadeUpRequirement("SYN-3")]


def made(cases: Sequence[CaseResult], requirements: Sequence[MadeUpRequirement] = REQUIREMENTS, **more: Any) -> Report:
    """A report of these cases."""
    return assemble(header("client", **more), cases, requirements, Volatile())


def one(outcome: Outcome, **more: Any) -> list[CaseResult]:
    """One case that comes to this outcome."""
    return [case("one", _finding(outcome, **more), finding("SYN-2", Outcome.PASS))]


def _finding(outcome: Outcome, **more: Any) -> Finding:
    return finding("SYN-1", outcome, Reason.CONTRADICTION if outcome is Outcome.FAIL else None, **more)


def _filled(found: Comparison) -> set[str]:
    return {name for name in type(found).model_fields if getattr(found, name)} - {"requirements", "verdicts"}


PASSED, FAILED = one(Outcome.PASS), one(Outcome.FAIL, expected="gone", observed="there")
NOT_RUN = [case("one", requirements=("SYN-1", "SYN-2"), reason=Reason.NOT_SELECTED)]
NOT_CLAIMED = [case("one", finding("SYN-1", Outcome.NOT_APPLICABLE, Reason.NOT_CLAIMED))]


@pytest.mark.parametrize(
    ("before", "after", "filled", "worse"),
    [
        (PASSED, PASSED, set(), False),
        (FAILED, FAILED, set(), False),
        (PASSED, FAILED, {"new"}, True),
        (one(Outcome.INCONCLUSIVE), FAILED, {"new"}, True),
        (FAILED, PASSED, {"fixed"}, False),
        (FAILED, one(Outcome.WARN), {"fixed"}, False),
        (FAILED, one(Outcome.INCONCLUSIVE), {"unproven"}, False),
        (FAILED, one(Outcome.FAIL, expected="gone", observed="twice"), {"otherwise"}, False),
        (FAILED, [], {"unproven", "vanished"}, True),
        (FAILED, NOT_RUN, {"unproven", "not_run"}, False),
        (PASSED, NOT_RUN, {"not_run"}, False),
        (PASSED, NOT_CLAIMED, {"not_run"}, False),
        (PASSED, [], {"vanished"}, True),
        (one(Outcome.INCONCLUSIVE), [], {"vanished"}, True),
        (NOT_RUN, [], set(), False),
        (NOT_CLAIMED, [], set(), False),
        ([], PASSED, {"appeared"}, False),
        ([], FAILED, {"appeared", "new"}, True),
        (NOT_RUN, PASSED, {"appeared"}, False),
        (PASSED, one(Outcome.INCONCLUSIVE), set(), False),
    ],
)
def test_each_change_has_its_name(
    before: list[CaseResult], after: list[CaseResult], filled: set[str], *, worse: bool
) -> None:
    """New failures and vanished cases make it worse; nothing else does."""
    found = compare(made(before), made(after))
    assert _filled(found) == filled
    assert found.is_worse is worse


def test_a_second_test_case_that_fails_is_a_new_failure() -> None:
    """A requirement that failed already can fail in another test case."""
    other = case("two", _finding(Outcome.FAIL, observed="twice"))
    found = compare(made([*FAILED, case("two", finding("SYN-1", Outcome.PASS))]), made([*FAILED, other]))
    assert [(each.requirement, each.case, each.observed) for each in found.new] == [("SYN-1", "two", "twice")]


def test_the_same_report_says_the_same() -> None:
    """Whatever times and durations are."""
    first = every_outcome()
    later = first.model_copy(update={"volatile": Volatile(started="later", durations={"passed": 9.0})})
    assert compare(first, later).is_empty
    assert comparison_lines(compare(first, later)) == ["The reports say the same."]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"seed": 8}, "seed: 7, then 8"),
        ({"seed": None}, "seed: 7, then none"),
        ({"profile": "quick"}, "profile: ci, then quick"),
        ({"requirement_set": "other"}, "requirement set: 7d87d621c533238a, then other"),
        ({"suite": Suite(name="cpm-sync-conformance", version="0.2.0")}, "suite, version: 0.1.0, then 0.2.0"),
        ({"selection": ("SYN-1", "SYN-2")}, "selection: none, then SYN-1 SYN-2"),
        ({"shards": Shards(of=2, present=(1,))}, "shards: none, then {'of': 2, 'present': [1]}"),
        ({"server": ServerFacts(adapter="cyrus", identity="Cyrus")}, "server, adapter: dovecot, then cyrus"),
        ({"client": ClientFacts(adapter="stdio", name="Pocket", version="4")}, "client, version: 3.2, then 4"),
        ({"pixit": {"answer_timeout": 5}}, "settings (PIXIT), answer_timeout: 30, then 5"),
    ],
)
def test_other_runs_are_told_apart(more: dict[str, Any], told: str) -> None:
    """A reader who compares what cannot be compared is told so, first of all."""
    found = compare(made(PASSED), made(PASSED, **more))
    assert told in found.context
    lines = comparison_lines(found)
    assert lines[2].startswith("The runs themselves differ")
    assert f"  {told}" in lines


def test_requirements_that_come_and_go_are_told() -> None:
    """As between two requirement sets."""
    found = compare(made(PASSED, REQUIREMENTS[:2]), made(PASSED, REQUIREMENTS))
    assert [(each.id, each.before, each.after) for each in found.requirements] == [
        ("SYN-3", "not in the set", "not run (not-selected)")
    ]


def test_verdicts_are_told() -> None:
    """Of each role, and of the run."""
    green = [MadeUpRequirement("SYN-1"), MadeUpRequirement("SYN-2")]
    found = compare(made(PASSED, green), made(FAILED, green))
    assert found.verdicts == ("client: conformant, then not conformant", "overall: conformant, then not conformant")


def test_everything_is_sorted() -> None:
    """Two comparisons of the same reports read the same."""
    cases = [case(name, _finding(Outcome.FAIL)) for name in ("b", "c", "a")]
    found = compare(made([]), made(cases))
    assert [each.case for each in found.new] == ["a", "b", "c"]
    assert [each.id for each in found.appeared] == ["a", "b", "c"]


def test_in_words() -> None:
    """A failure is told with its requirement, test case, and what was expected and observed."""
    lines = comparison_lines(compare(made(PASSED), made(FAILED)))
    assert lines[0] == "1 new failure, 0 fixed, 0 newly not run, 0 vanished."
    assert "New failures (1):" in lines
    title = "Objects removed on the server leave local storage"
    assert f"  SYN-1 in one: {title}; expected gone; observed there" in lines


def test_in_json() -> None:
    """The comparison is data, too."""
    told = json.loads(compare(made(PASSED), made(FAILED)).model_dump_json())
    assert told["new"][0]["requirement"] == "SYN-1"
    assert told["fixed"] == []


def test_markdown_is_safe() -> None:
    """What a server sent does nothing in the page of a CI job."""
    text = "<b>x</b> | [a](http://evil.test) `c` @all #1 ![i](http://x.test)"
    told = comparison_markdown(compare(made(PASSED), hostile(text)))
    assert "<b>" not in told
    assert "http://" not in told
    assert "\\[a\\]" in told
    assert "## New failures" in told


def test_long_lists_are_cut() -> None:
    """Thousands of changes do not flood a page."""
    cases = [case(f"case-{number:04}", finding("SYN-1", Outcome.PASS)) for number in range(300)]
    lines = comparison_lines(compare(made([]), made(cases)))
    assert "Newly executed test cases (300):" in lines
    assert "  and 200 more" in lines
    assert len(lines) < 120
