"""Tests of baselines: known failures are bound to their reason, what is new or stale fails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from conformance.outcomes import CaseResult, Outcome, Reason, Verdict
from conformance.problems import ConfigurationProblem
from conformance.report import Report, Shards, Volatile, assemble, exit_code, read, verdict_lines, write
from conformance.report.baseline import Entry, baseline_text, bound_to, compared, gist, read_baseline
from conformance.selftest.report_examples import MadeUpRequirement, case, finding, header

TODAY = date(2026, 3, 1)
REQUIREMENTS = [
    MadeUpRequirement("SYN-1"),
    MadeUpRequirement("SYN-2"),
    MadeUpRequirement("OP02-S1", roles=("server",)),
]
EXPECTED, OBSERVED = "folder Archive, server: the folder is gone", "folder still there: UID 17 is there"
KNOWN = Entry(requirement="SYN-1", case="one", expected=EXPECTED, observed=OBSERVED, why="the server keeps it")


def made(cases: Sequence[CaseResult], **more: Any) -> Report:
    """A report of these cases."""
    return assemble(header("client", **more), cases, REQUIREMENTS, Volatile())


def failing(expected: str = EXPECTED, observed: str = OBSERVED, name: str = "one") -> CaseResult:
    """A case that fails so."""
    return case(name, finding("SYN-1", Outcome.FAIL, Reason.CONTRADICTION, expected=expected, observed=observed))


def ended(outcome: Outcome, reason: Reason | None = None) -> CaseResult:
    """The case that is known to fail, with another outcome."""
    return case("one", finding("SYN-1", outcome, reason))


def against(report: Report, *entries: Entry) -> Report:
    """The report against a baseline."""
    return compared(report, entries, TODAY)


def test_a_known_failure_stays_a_failure() -> None:
    """The verdict is what it was; the exit code is 0, and the first line says why."""
    report = against(made([failing()]), KNOWN)
    assert report.verdict.client is Verdict.NOT_CONFORMANT
    assert exit_code(made([failing()])) == 1
    assert exit_code(report) == 0
    lines = verdict_lines(report)
    assert lines[0] == "Against the baseline: 1 known failure, no new, no stale entry."
    assert "    known: the server keeps it" in lines
    assert "(1 failure known to the baseline, none new)" in lines[2]


def test_a_marked_report_is_a_whole_report(tmp_path: Path) -> None:
    """It is written and read like any other."""
    report = against(made([failing()]), KNOWN.model_copy(update={"expires": TODAY, "issue": "https://issues.test/1"}))
    assert read(write(report, tmp_path).json) == report


@pytest.mark.parametrize(
    "known",
    [
        failing("folder Beta/Deep, server: the folder is gone"),
        failing(observed="folder still there: UID 4711 is there"),
        failing("folder 7, server: the folder is gone", "folder still there: UID 1 is there"),
    ],
)
def test_what_differs_from_run_to_run_does_not_matter(known: CaseResult) -> None:
    """Another folder, another number: the failure is the same."""
    assert exit_code(against(made([known]), KNOWN)) == 0


@pytest.mark.parametrize(
    "new",
    [
        failing("folder Archive, server: the folder is there"),
        failing(observed="folder missing: it is not there"),
        failing(observed="the connection was lost"),
        failing(name="two"),
        case("one", finding("SYN-2", Outcome.FAIL, Reason.CONTRADICTION, expected=EXPECTED, observed=OBSERVED)),
        case("one", finding("SYN-1", Outcome.FAIL, Reason.FLAKY, expected=EXPECTED, observed=OBSERVED)),
    ],
)
def test_another_failure_is_new(new: CaseResult) -> None:
    """Another expectation, observation, reason, requirement or test case is no known failure."""
    report = against(made([new]), KNOWN)
    assert report.baseline
    assert report.baseline.new == 1
    assert exit_code(report) == 1


def test_a_new_failure_beside_a_known_one_counts() -> None:
    """In the same test case, too."""
    both = case(
        "one",
        finding("SYN-1", Outcome.FAIL, Reason.CONTRADICTION, expected=EXPECTED, observed=OBSERVED),
        finding("SYN-1", Outcome.FAIL, Reason.CONTRADICTION, expected=EXPECTED, observed="it came back"),
    )
    report = against(made([both]), KNOWN)
    assert report.baseline
    assert (report.baseline.known, report.baseline.new) == (1, 1)
    assert exit_code(report) == 1
    assert "(1 failure known to the baseline, 1 new)" in verdict_lines(report)[2]
    assert verdict_lines(report)[0] == "Against the baseline: 1 known failure, 1 new, no stale entry."


def test_an_entry_without_a_case_holds_in_all() -> None:
    """A requirement can be given up altogether."""
    everywhere = KNOWN.model_copy(update={"case": None})
    assert exit_code(against(made([failing(), failing(name="two")]), everywhere)) == 0


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.WARN, Outcome.NOT_APPLICABLE])
def test_a_failure_that_no_longer_occurs_is_stale(outcome: Outcome) -> None:
    """Its entry has to be removed, or the next regression would be hidden."""
    report = against(made([ended(outcome)]), KNOWN)
    assert exit_code(report) == 1
    lines = verdict_lines(report)
    assert "Remove from the baseline: 1 stale entry" in lines
    assert any("SYN-1 in one" in line and "no longer occurs" in line for line in lines)


@pytest.mark.parametrize(("outcome", "code"), [(Outcome.INCONCLUSIVE, 2), (Outcome.ERROR, 3), (Outcome.NOT_RUN, 2)])
def test_what_came_to_no_result_is_not_stale(outcome: Outcome, code: int) -> None:
    """A server that was away has fixed nothing; the exit code is what it is without a baseline."""
    report = against(made([ended(outcome, Reason.TIMEOUT)]), KNOWN)
    assert report.baseline
    assert report.baseline.stale == ()
    assert exit_code(report) == code


def test_an_error_of_the_suite_beside_known_failures_is_told() -> None:
    """Exit code 3: nobody knows what else would have failed."""
    broken = case("two", finding("SYN-2", Outcome.ERROR, Reason.SUITE))
    assert exit_code(against(made([failing(), broken]), KNOWN)) == 3


def test_a_role_that_was_never_exercised_is_not_green() -> None:
    """Known failures of the client say nothing of the server that was to be judged, too."""
    report = assemble(header("client", "server"), [failing()], REQUIREMENTS, Volatile())
    assert exit_code(against(report, KNOWN)) == 2


def test_a_shard_with_known_failures_is_not_green() -> None:
    """Nobody knows what the others hold."""
    assert exit_code(against(made([failing()], shards=Shards(of=2, present=(1,))), KNOWN)) == 2


def test_an_expired_entry_is_stale_and_holds_nothing() -> None:
    """The day of expiry is the last on which it holds."""
    expired = KNOWN.model_copy(update={"expires": date(2026, 2, 28)})
    report = against(made([failing()]), expired)
    assert report.baseline
    assert (report.baseline.known, report.baseline.new) == (0, 1)
    assert "it expired on 2026-02-28" in report.baseline.stale[0]
    assert exit_code(against(made([failing()]), KNOWN.model_copy(update={"expires": TODAY}))) == 0


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (KNOWN.model_copy(update={"requirement": "SYN-99"}), "there is no such requirement"),
        (KNOWN.model_copy(update={"case": "none"}), "no test case of that name judges it"),
        (KNOWN.model_copy(update={"requirement": "SYN-2"}), "no test case of that name judges it"),
        (KNOWN.model_copy(update={"observed": "something else"}), "this failure no longer occurs"),
    ],
)
def test_an_entry_that_matches_nothing_is_stale(entry: Entry, words: str) -> None:
    """A mistyped entry is no better than none."""
    report = against(made([failing()]), KNOWN, entry)
    assert report.baseline
    assert words in report.baseline.stale[0]
    assert exit_code(report) == 1


@pytest.mark.parametrize(
    ("entry", "more"),
    [
        (KNOWN.model_copy(update={"case": "two"}), {"selection": ("SYN-1",)}),
        (KNOWN.model_copy(update={"case": None, "observed": "elsewhere"}), {"selection": ("SYN-1",)}),
        (KNOWN.model_copy(update={"requirement": "OP02-S1", "case": "server"}), {}),
    ],
)
def test_what_was_left_out_makes_no_entry_stale(entry: Entry, more: dict[str, Any]) -> None:
    """A part of a run, or of the roles, says nothing of the rest."""
    report = against(made([failing()], **more), KNOWN, entry)
    assert report.baseline
    assert report.baseline.stale == ()


def test_without_failures_a_baseline_changes_nothing() -> None:
    """An empty file in a repository does no harm."""
    green = case("one", finding("SYN-1", Outcome.PASS), finding("SYN-2", Outcome.PASS))
    assert exit_code(against(made([green]))) == exit_code(made([green])) == 0


def test_a_first_file_holds_every_failure(tmp_path: Path) -> None:
    """Once the reasons are written, the run it was made from fails no more."""
    odd = 'the "folder"\n\\ is\t\u202e gone \U000e0001'
    report = made([failing(), failing(name="two", observed=odd), failing("no colon here", name="three[x.y]")])
    file = tmp_path / "known.toml"
    file.write_text(baseline_text(report).replace('why = ""', 'why = "known"'), "utf-8")
    assert len(read_baseline(file)) == 3
    assert exit_code(compared(report, read_baseline(file), TODAY)) == 0


def test_a_first_file_wants_its_reasons(tmp_path: Path) -> None:
    """Nobody accepts a failure without saying why."""
    file = tmp_path / "known.toml"
    file.write_text(baseline_text(made([failing()])), "utf-8")
    with pytest.raises(ConfigurationProblem, match=r"entry 1, why: .* say why the failure is accepted"):
        read_baseline(file)


GOOD = 'requirement = "SYN-1"\nexpected = "x"\nobserved = "y"\nwhy = "z"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("known = 1\n", "'known' is no list of entries"),
        ("[known]\n", "'known' is no list of entries"),
        ("[[unknown]]\n", "'unknown' is no list of entries"),
        ("[[known]]\n", "entry 1, requirement: Field required"),
        (f"[[known]]\n{GOOD}surprise = 1\n", "entry 1, surprise"),
        (f'[[known]]\n{GOOD}outcome = "warn"\n', "entry 1, outcome"),
        (f'[[known]]\n{GOOD}expires = "soon"\n', "entry 1, expires"),
        (f"[[known]]\n{GOOD}case = 7\n", "entry 1, case"),
        (f"[[known]]\n{GOOD}[[known]]\n{GOOD}", "entry 2 .* stands twice"),
        ("known = [1]\n", "entry 1, the entry"),
        ("[[known]\n", "is not TOML"),
        ("\udcff", "is not TOML"),
    ],
)
def test_a_wrong_file_is_a_problem(text: str, words: str, tmp_path: Path) -> None:
    """It names the file and the entry, and says how to mend it."""
    file = tmp_path / "known.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigurationProblem, match=words) as told:
        read_baseline(file)
    assert str(file) in str(told.value)
    assert told.value.mend


@pytest.mark.parametrize("name", ["none.toml", "."])
def test_a_file_that_cannot_be_read_is_a_problem(name: str, tmp_path: Path) -> None:
    """A missing file and a directory."""
    with pytest.raises(ConfigurationProblem, match="→ give --baseline"):
        read_baseline(tmp_path / name)


def test_a_date_is_a_date(tmp_path: Path) -> None:
    """As TOML spells it, without quotes."""
    file = tmp_path / "known.toml"
    file.write_text(f"[[known]]\n{GOOD}expires = 2027-01-31\n")
    assert read_baseline(file)[0].expires == date(2027, 1, 31)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("EXISTS 3 after 5", "EXISTS 17 after 21"),
        ("b'abc' is not b'd\\'ef'", "b'' is not b'x'"),
        ('the name "A" is gone', 'the name "B C" is gone'),
        ("message-1, message-2, message-3 are gone", "message-4 are gone"),
        ("two  spaces\nand a line", "two spaces and a line"),
    ],
)
def test_the_gist_of_two_runs_is_the_same(one: str, other: str) -> None:
    """Numbers, quoted text, and how many are listed are left out."""
    assert gist(one) == gist(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("it is there", "it is not there"), ("OK", "NO"), ("one copy", "no copy"), ("is not there", "is nothere")],
)
def test_the_gist_keeps_the_words(one: str, other: str) -> None:
    """What tells one failure from another stays."""
    assert gist(one) != gist(other)


def test_the_place_alone_is_left_out() -> None:
    """What stands before the first colon of what was expected, and nothing of what was observed."""
    assert bound_to("folder A, server: it is: gone", "missing: B") == ("it is: gone", "missing: B")
