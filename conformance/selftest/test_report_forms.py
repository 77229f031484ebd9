"""Tests of the short forms of a report for people: the Markdown summary, and the lines for a terminal."""

from __future__ import annotations

import pytest

from conformance.outcomes import Outcome
from conformance.report import Report, verdict_lines
from conformance.report.markdown import summary
from conformance.report.text import cut, one_line, visible
from conformance.selftest.report_examples import MadeUpRequirement, case, every_outcome, finding, hostile, report


def test_the_summary_tells_verdict_failures_and_gaps() -> None:
    """The page of a CI job has the verdict of each role, what failed, and what is not established."""
    text = summary(every_outcome())
    assert "**Client: ✗ not conformant.** The client (Pocket 3.2) is not conformant: 1 of 7" in text
    assert "**Server: ✓ conformant.**" in text
    assert "| SYN-1 Objects removed on the server leave local storage | 5.5.2.20-3c |" in text
    assert "- 1 no test case yet: SYN-9" in text
    assert "| ✗ fail | 1 | 0 | 0 | 0 |" in text


def test_the_summary_keeps_its_form_with_hostile_text() -> None:
    """Markup, table bars, mentions and line ends from outside do nothing."""
    text = summary(hostile("| <script> [x](https://example.org) @all `a`\n# heading"))
    assert "<script>" not in text
    assert "\n# heading" not in text
    assert "https://" not in text
    row = next(line for line in text.splitlines() if line.startswith("| SYN-1"))
    assert row.replace("\\|", "").count("|") == 5


def test_the_terminal_tells_verdict_counts_failures_and_files() -> None:
    """The last lines of a run answer what, why, what not, and where to read on."""
    lines = verdict_lines(every_outcome(), ["reports/report.html"])
    text = "\n".join(lines)
    assert lines[0] == "The server (Dovecot 2.3.19.1) is conformant: the one mandatory requirement that applies passed."
    assert lines[1].startswith("The client (Pocket 3.2) is not conformant: 1 of 7 applicable mandatory requirements")
    for words in (
        "✗ SYN-1 fail",
        "sentence: remove from local storage all the objects",
        "observed: The object is still in local storage.",
        "wire: transcripts/removed-on-server.txt entry 9",
        "▲ broken: error of the suite",
        "KeyError: 'x'",
        "Not established for the client: 4 mandatory requirements",
        "1 no test case yet: SYN-9",
        "reports/report.html",
    ):
        assert words in text


def test_a_terminal_is_not_moved_by_what_an_implementation_says() -> None:
    """Control sequences are shown as code points, and endless text is cut."""
    lines = verdict_lines(hostile("\x1b]0;owned\x07\u202e" + "x" * 100_000))
    assert not any("\x1b" in line or "\u202e" in line or "\n" in line for line in lines)
    assert any("<U+001B>]0;owned<U+0007><U+202E>" in line for line in lines)
    assert max(map(len, lines)) < 1_000


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (report([MadeUpRequirement("SYN-1")], [], roles=()), "The client was not tested."),
        (
            report([MadeUpRequirement("SYN-1")], [case("one", finding("SYN-1", Outcome.PASS))], selection=("x",)),
            "It is not established whether the client (Pocket 3.2) is conformant: "
            "only a selection of the test cases was run.",
        ),
        (
            report([MadeUpRequirement("SYN-1")], [case("one", finding("SYN-1", Outcome.NOT_APPLICABLE))]),
            "It is not established whether the client (Pocket 3.2) is conformant: no mandatory requirement applies.",
        ),
        (
            report([MadeUpRequirement("SYN-1")], [case("one", finding("SYN-1", Outcome.WARN))]),
            "It is not established whether the client (Pocket 3.2) is conformant: no mandatory requirement passed.",
        ),
        (
            report(
                [MadeUpRequirement("SYN-1"), MadeUpRequirement("SYN-2", level="optional")],
                [case("one", finding("SYN-1", Outcome.PASS)), case("two", finding("SYN-2", Outcome.FAIL))],
            ),
            "The client (Pocket 3.2) is not conformant: 1 other requirement failed.",
        ),
    ],
)
def test_the_verdict_sentence_gives_the_true_ground(made: Report, words: str) -> None:
    """Each way to a verdict has its own sentence."""
    assert words in verdict_lines(made)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\r\nb\tc", "a\nb\tc"), ("a\rb", "a<U+000D>b"), ("\u2066x\ud800", "<U+2066>x<U+D800>"), ("שלום é", "שלום é")],
)
def test_unseen_characters_become_visible(text: str, expected: str) -> None:
    """Controls are shown, and writing of any script is left alone."""
    assert visible(text) == expected


def test_cut_text_tells_its_size() -> None:
    """Nothing is dropped in silence."""
    assert cut("abc", 3) == ("abc", "")
    assert cut("x" * 2_000, 3) == ("xxx", "… 2,000 characters in all, the first 3 are shown")
    assert cut(" ".join(cut("x" * 2_000, 900)), 3) == ("xxx", "… 2,000 characters in all, the first 3 are shown")
    assert one_line("a\n b") == "a b"
