"""Tests of JUnit XML: each outcome has its element, and the file is never greener than the run."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from conformance.outcomes import Outcome, Reason
from conformance.report import Report
from conformance.report.junit import CASES, VERDICT, junit
from conformance.selftest.report_examples import (
    HOSTILE,
    MadeUpRequirement,
    case,
    every_outcome,
    finding,
    hostile,
    report,
)


def parsed(made: Report) -> ET.Element:
    """The file as a CI system reads it."""
    return ET.fromstring(junit(made).encode())


def entry(root: ET.Element, name: str) -> ET.Element:
    """The test case with this name."""
    return next(each for each in root.iter("testcase") if each.get("name") == name)


def told(root: ET.Element, name: str) -> list[tuple[str, str | None]]:
    """Tag and type of what a test case holds besides its properties."""
    return [(child.tag, child.get("type")) for child in entry(root, name) if child.tag != "properties"]


def single(outcome: Outcome, reason: Reason | None = None) -> ET.Element:
    """The file of a report of one case without findings."""
    made = case("one", requirements=("SYN-1",), outcome=outcome, reason=reason)
    return parsed(report([MadeUpRequirement("SYN-1")], [made]))


def test_each_outcome_has_its_element() -> None:
    """Only a contradiction is a failure, and nothing undecided is green."""
    root = parsed(every_outcome())
    assert told(root, "removed-on-server") == [("failure", "contradiction")]
    assert told(root, "broken") == [("error", "error-of-the-suite")]
    assert told(root, "undecided") == [("error", "inconclusive:flaky")]
    assert told(root, "not-claimed") == [("skipped", "not-claimed")]
    assert told(root, "not-reached") == [("skipped", "not-selected")]
    assert told(root, "warned") == [("system-out", None)]
    assert told(root, "passed") == []


@pytest.mark.parametrize("reason", [None, Reason.NOT_EXERCISED, Reason.NO_CASE, Reason.CONNECTION])
def test_a_case_that_was_asked_for_and_did_not_run_is_not_green(reason: Reason | None) -> None:
    """What was selected and has no result is an error, as what is inconclusive is."""
    assert told(single(Outcome.NOT_RUN, reason), "one") == [("error", f"inconclusive:{reason or 'unknown'}")]


@pytest.mark.parametrize("reason", list(Reason))
def test_no_inconclusive_case_is_green(reason: Reason) -> None:
    """Whatever the reason, an inconclusive case is an error that names it."""
    assert told(single(Outcome.INCONCLUSIVE, reason), "one") == [("error", f"inconclusive:{reason}")]


def test_the_verdict_of_each_role_is_an_entry() -> None:
    """A role that is conformant passes, one that is not fails, with the sentence that says so."""
    root = parsed(every_outcome())
    assert told(root, "the server is conformant") == []
    assert told(root, "the client is conformant") == [("failure", "not-conformant")]
    assert "1 of 7 applicable mandatory requirements failed" in (
        entry(root, "the client is conformant").findtext("failure") or ""
    )


def test_a_verdict_that_is_not_established_is_an_error() -> None:
    """A requirement without a test case shows in no case, so the verdict tells it."""
    made = report(
        [MadeUpRequirement("SYN-1"), MadeUpRequirement("SYN-2", planned=True)],
        [case("one", finding("SYN-1", Outcome.PASS))],
    )
    root = parsed(made)
    assert told(root, "one") == []
    assert told(root, "the client is conformant") == [("error", "inconclusive:not-established")]
    assert "no test case yet: SYN-2" in (entry(root, "the client is conformant").findtext("error") or "")


@pytest.mark.parametrize("roles", [(), ("server",), ("client",), ("server", "client")])
def test_nothing_tested_is_not_green(roles: tuple[str, ...]) -> None:
    """A report without any case still holds an error."""
    root = parsed(report([], [], roles))
    assert len(list(root.iter("error"))) == max(1, len(roles))


def test_the_counts_are_those_of_the_elements() -> None:
    """What the suite says of itself is what it holds."""
    (suite,) = parsed(every_outcome()).iter("testsuite")
    tags = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    counted = {name: len(list(suite.iter(tag))) for name, tag in tags.items()}
    assert counted == {"tests": 9, "failures": 2, "errors": 2, "skipped": 2}
    assert {name: int(suite.get(name, "")) for name in tags} == counted
    assert {each.get("classname") for each in suite.iter("testcase")} == {CASES, VERDICT}


def test_a_ci_page_alone_is_enough_to_follow_a_failure() -> None:
    """Requirements, clauses, seed, replay, duration, what was observed and the deciding line stand in the entry."""
    element = entry(parsed(every_outcome()), "removed-on-server")
    assert {each.get("name"): each.get("value") for each in element.iter("property")} == {
        "requirements": "SYN-1 SYN-2",
        "clauses": "5.5.2.20-3c",
        "seed": "7",
        "replay": "cpm-conformance replay counterexamples/removed-on-server.json",
    }
    text = element.findtext("failure") or ""
    assert element.get("time") == "1.000"
    assert "observed: The object is still in local storage." in text
    assert "wire: transcripts/removed-on-server.txt entry 9" in text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_still_the_same_xml(text: str) -> None:
    """Whatever was observed, a parser reads the same elements, and control characters are shown as code points."""
    written = junit(hostile(text))
    root = ET.fromstring(written.encode())
    assert [each.tag for each in root.iter()] == [each.tag for each in parsed(hostile("plain")).iter()]
    assert not any(character in written for character in "\x00\x1b\x9b\u202e")
    assert len(written) < 200_000


def test_what_is_left_out_is_told() -> None:
    """A line of 10 MB is cut with a note of its size, and an escape character is shown by its number."""
    endless = entry(parsed(hostile(HOSTILE["endless"])), "one").findtext("failure") or ""
    assert "… 10,000,000 characters in all, the first 4,000 are shown" in endless
    assert "<U+001B>[31m" in (entry(parsed(hostile(HOSTILE["terminal"])), "one").findtext("failure") or "")
