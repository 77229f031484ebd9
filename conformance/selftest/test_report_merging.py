"""Tests of `merge`: shards add up to the report of a run that was not divided, or are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from conformance.outcomes import CaseResult, Finding, Outcome, Reason, Verdict
from conformance.problems import ConfigurationProblem
from conformance.report import (
    Report,
    Reviewed,
    ServerFacts,
    Shards,
    Volatile,
    assemble,
    exit_code,
    verdict_lines,
    write,
)
from conformance.report.baseline import Entry, compared
from conformance.report.canonical import as_json
from conformance.report.evidence import with_evidence
from conformance.report.merging import Part, check_evidence, copy_evidence, merged
from conformance.selftest.report_examples import (
    TRANSCRIPT,
    MadeUpExclusion,
    MadeUpRequirement,
    case,
    every_case,
    finding,
    header,
    transcript_text,
)

REQUIREMENTS = [
    *(MadeUpRequirement(f"SYN-{number}", clause="5.5.2.20-3c") for number in range(1, 8)),
    MadeUpRequirement("SYN-8", excluded=MadeUpExclusion()),
    MadeUpRequirement("SYN-9", planned=True, remark="Recorded only.", ambiguities=("A7",)),
    MadeUpRequirement("SYN-10", roles=("client", "server"), level="recommended", rests_on="warn"),
    MadeUpRequirement("OP02-S1", roles=("server",), clause="5.5.2.2", provenance="derived: from RFC 3501"),
]
ROLES = ("server", "client")


def whole(cases: Sequence[CaseResult], **more: Any) -> Report:
    """The report of an undivided run."""
    return assemble(header(*ROLES, **more), cases, REQUIREMENTS, Volatile(seconds=3.0))


def parts(cases: Sequence[CaseResult], of: int, **more: Any) -> list[Part]:
    """The same run, divided."""
    return [
        Part(Path(f"{number}/report.json"), _shard(cases[number - 1 :: of], number, of, **more))
        for number in range(1, of + 1)
    ]


def _shard(cases: Sequence[CaseResult], number: int, of: int, **more: Any) -> Report:
    shards = Shards(of=of, present=(number,))
    started = f"2026-03-01T10:00:0{number}Z"
    volatile = Volatile(started=started, finished=started, seconds=number)
    return assemble(header(*ROLES, shards=shards, **more), cases, REQUIREMENTS, volatile)


def _content(report: Report) -> dict[str, Any]:
    return {key: value for key, value in as_json(report).items() if key != "volatile"}


@pytest.mark.parametrize("of", [1, 2, 3, 7, 12])
def test_shards_add_up_to_the_whole(of: int) -> None:
    """With every outcome, and with shards that hold nothing, the content is that of an undivided run."""
    cases = every_case()
    assert _content(merged(parts(cases, of))) == _content(whole(cases))


def test_the_order_of_the_shards_does_not_matter() -> None:
    """Files come in the order that a shell lists them."""
    divided = parts(every_case(), 3)
    assert as_json(merged(divided)) == as_json(merged(divided[::-1]))


def test_merged_reports_can_be_merged_further() -> None:
    """Two of three, then the third."""
    first, second, third = parts(every_case(), 3)
    both = Part(Path("both/report.json"), merged([first, third]))
    assert _content(merged([both, second])) == _content(whole(every_case()))


def test_what_one_shard_never_saw_another_may_have_seen() -> None:
    """A failure that follows from what is never done stays one if it was done in another shard."""
    cases = [
        case("never", finding("SYN-1", Outcome.FAIL, Reason.CONTRADICTION)),
        case("sometimes", finding("SYN-1", Outcome.PASS)),
        case("narrow", finding("SYN-2", Outcome.FAIL, Reason.CONTRADICTION, follows=("SYN-1",))),
        case("other", finding("SYN-3", Outcome.PASS)),
    ]
    together = merged(parts(cases, 2))
    assert _content(together) == _content(whole(cases))
    assert next(each for each in together.cases if each.id == "narrow").outcome is Outcome.FAIL


def test_what_no_shard_saw_is_relieved_when_all_are_there() -> None:
    """The rule on consequences is applied to the whole run."""
    cases = [
        case("never", finding("SYN-1", Outcome.FAIL, Reason.CONTRADICTION)),
        case("narrow", finding("SYN-2", Outcome.FAIL, Reason.CONTRADICTION, follows=("SYN-1",))),
    ]
    together = merged(parts(cases, 2))
    assert _content(together) == _content(whole(cases))
    assert next(each for each in together.cases if each.id == "narrow").outcome is Outcome.INCONCLUSIVE


GREEN = [MadeUpRequirement("SYN-1"), MadeUpRequirement("SYN-2")]


def _green(number: int, of: int) -> Part:
    shards = Shards(of=of, present=(number,))
    made = case(f"case-{number}", finding(f"SYN-{number}", Outcome.PASS))
    report = assemble(header("client", shards=shards), [made], GREEN, Volatile())
    return Part(Path(f"{number}/report.json"), report)


def test_a_missing_shard_keeps_a_run_from_being_conformant() -> None:
    """Even where all requirements passed in those that are there, and it is said which one is missing."""
    assert merged([_green(1, 2), _green(2, 2)]).verdict.overall is Verdict.CONFORMANT
    together = merged([_green(1, 3), _green(2, 3)])
    assert together.verdict.overall is Verdict.NOT_ESTABLISHED
    assert exit_code(together) == 2
    assert "shard 3 of 3 is missing" in "\n".join(verdict_lines(together))


def test_one_shard_says_that_it_is_one() -> None:
    """A reader is not led to take a part for the whole."""
    assert "this is only shard 2 of 3" in "\n".join(verdict_lines(_green(2, 3).report))


def test_several_missing_shards_are_named() -> None:
    """Each of them."""
    together = merged([_green(1, 4), _green(2, 4)])
    assert "shards 3, 4 of 4 are missing" in "\n".join(verdict_lines(together))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"seed": 8}, "seed is 7 in the one, 8 in the other"),
        ({"profile": "quick"}, "profile is 'ci' in the one, 'quick' in the other"),
        ({"requirement_set": "0"}, "requirement set is"),
        ({"selection": ("SYN-1",)}, "selection is"),
        ({"pixit": {"answer_timeout": 10}}, "pixit.answer timeout is 30 in the one, 10 in the other"),
        ({"server": ServerFacts(adapter="dovecot", identity="Dovecot 2.4")}, "server.identity is 'Dovecot 2.3.19.1'"),
        ({"client": None}, "client is"),
        ({"ics": {}}, "ics.kind.message is"),
    ],
)
def test_shards_of_another_run_are_refused(more: dict[str, Any], words: str) -> None:
    """The message names the difference, and both files."""
    first, _ = parts(every_case(), 2)
    _, second = parts(every_case(), 2, **more)
    with pytest.raises(
        ConfigurationProblem, match=r"1/report\.json and 2/report\.json are not of the same run"
    ) as told:
        merged([first, second])
    assert words in str(told.value)
    assert told.value.mend


def test_another_number_of_shards_is_refused() -> None:
    """A half and a third are no run."""
    with pytest.raises(ConfigurationProblem, match="number of shards is 2 in the one, 3 in the other"):
        merged([parts(every_case(), 2)[0], parts(every_case(), 3)[1]])


def test_a_whole_run_is_refused() -> None:
    """It is no shard."""
    part = Part(Path("report.json"), whole(every_case()))
    with pytest.raises(ConfigurationProblem, match=r"report\.json is not a shard"):
        merged([part])


def test_greetings_may_differ() -> None:
    """Many servers greet each connection with other words."""
    facts = ServerFacts(adapter="remote", identity="x", greeting="hello 1")
    first, _ = parts(every_case(), 2, server=facts)
    _, second = parts(every_case(), 2, server=facts.model_copy(update={"greeting": "hello 2"}))
    assert merged([first, second]).header.shards is None


def test_a_shard_without_cases_may_not_know_the_implementations() -> None:
    """It never met them."""
    cases = every_case()[:1]
    reviewed = Reviewed(role="client", rule="It claims something.", source="", holds=True)
    first, _ = parts(cases, 2, static_review=(reviewed,))
    _, second = parts(cases, 2, server=None, client=None, ics={})
    assert _content(merged([second, first])) == _content(whole(cases, static_review=(reviewed,)))


def test_the_same_shard_twice_is_one() -> None:
    """Nothing is counted twice."""
    first, second = parts(every_case(), 2)
    assert _content(merged([first, second, first])) == _content(whole(every_case()))


def _contradicting(one: Finding) -> Part:
    return Part(Path("other/report.json"), _shard([case("passed", one)], 2, 2))


def test_shards_that_contradict_each_other_are_refused() -> None:
    """One test case with two results is in no single run."""
    first = Part(Path("1/report.json"), _shard([case("passed", finding("SYN-5", Outcome.PASS))], 1, 2))
    with pytest.raises(ConfigurationProblem, match="both hold the test case 'passed'"):
        merged([first, _contradicting(finding("SYN-5", Outcome.WARN))])


def _written(directory: Path, number: int, cases: Sequence[CaseResult]) -> Part:
    place = directory / str(number)
    for name in {each.transcript for each in cases if each.transcript}:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(transcript_text(), "ascii")
    (place / "counterexamples").mkdir(parents=True, exist_ok=True)
    (place / "counterexamples" / f"found-{number}.json").write_text("{}")
    report = with_evidence(_shard(cases, number, 2), place)
    return Part(write(report, place).json, report)


@pytest.fixture
def written(tmp_path: Path) -> list[Part]:
    """Two shards with their transcripts and counterexamples."""
    cases = every_case()
    return [_written(tmp_path, number, cases[number - 1 :: 2]) for number in (1, 2)]


def test_transcripts_and_counterexamples_come_along(written: list[Part], tmp_path: Path) -> None:
    """What a reader of the merged report needs lies beside it, with its digest and the deciding line."""
    check_evidence(written)
    copy_evidence(written, tmp_path / "merged")
    report = with_evidence(merged(written), tmp_path / "merged")
    assert (tmp_path / "merged" / TRANSCRIPT).read_text() == transcript_text()
    assert {each.name for each in (tmp_path / "merged" / "counterexamples").iterdir()} == {
        "found-1.json",
        "found-2.json",
    }
    assert report.volatile.transcripts == merged(written).volatile.transcripts
    assert report.volatile.lines == {f"{TRANSCRIPT}:9": "client-1 S line of entry 9\\r\\n"}


@pytest.mark.parametrize(
    ("harm", "words"), [(Path.unlink, "is not beside it"), (lambda file: file.write_text("other"), "was altered")]
)
def test_transcripts_that_are_not_those_of_the_run_are_refused(
    harm: Callable[[Path], object], words: str, written: list[Part]
) -> None:
    """A report without its wire, or with another, is not merged."""
    for part in written:
        if (file := part.file.parent / TRANSCRIPT).exists():
            harm(file)
    with pytest.raises(ConfigurationProblem, match=words):
        check_evidence(written)


def test_a_transcript_elsewhere_is_refused(written: list[Part]) -> None:
    """A name that leads out of the directory of the report is never followed."""
    part = written[0]
    case_there = part.report.cases[0].model_copy(update={"transcript": "../2/report.json"})
    report = part.report.model_copy(update={"cases": (case_there,)})
    with pytest.raises(ConfigurationProblem, match="is not beside it"):
        check_evidence([Part(part.file, report)])


STILL = "The object is still in local storage."


def test_marks_of_a_baseline_do_not_keep_shards_apart() -> None:
    """A baseline is given again when shards are merged."""
    divided = parts(every_case(), 2)
    known = Entry(requirement="SYN-1", expected="The object is gone from local storage.", observed=STILL, why="known")
    marked = [Part(each.file, compared(each.report, [known], date(2026, 3, 1))) for each in divided]
    assert any(each.known for part in marked for case in part.report.cases for each in case.findings)
    assert _content(merged([*divided, *marked])) == _content(whole(every_case()))
