"""Tests of the results for Allure: where each stands in the standard, its status, steps, evidence and history."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conformance.outcomes import Known, Outcome, Reason
from conformance.report import Report, Volatile, assemble
from conformance.report.allure import STATUSES, write_allure
from conformance.report.allure_files import categories, properties
from conformance.selftest.report_examples import (
    HOSTILE,
    TRANSCRIPT,
    MadeUpRequirement,
    case,
    every_case,
    every_outcome,
    finding,
    header,
    hostile,
    report,
    transcript_text,
)

STATUS = {
    "removed-on-server": "failed",
    "broken": "broken",
    "undecided": "broken",
    "not-claimed": "skipped",
    "not-reached": "skipped",
    "warned": "passed",
    "passed": "passed",
}


def results(made: Report, place: Path) -> dict[str, dict[str, Any]]:
    """The results by the id of their case, with a transcript beside the report."""
    (place / TRANSCRIPT).parent.mkdir(parents=True, exist_ok=True)
    (place / TRANSCRIPT).write_text(transcript_text(), "utf-8")
    found = [json.loads(path.read_text("utf-8")) for path in write_allure(made, place).glob("*-result.json")]
    return {each["fullName"].partition("#")[2]: each for each in found}


def labels(result: dict[str, Any], name: str) -> list[str]:
    """The values of one kind of label."""
    return [each["value"] for each in result["labels"] if each["name"] == name]


def attachment(place: Path, result: dict[str, Any], name: str) -> str:
    """The text of an attachment."""
    source: str = next(each["source"] for each in result["attachments"] if each["name"] == name)
    return Path(place, "allure-results", source).read_text("utf-8")


def test_each_outcome_has_its_status(tmp_path: Path) -> None:
    """What is inconclusive is broken, what is not applicable is skipped, and each tells its reason."""
    found = results(every_outcome(), tmp_path)
    assert {name: each["status"] for name, each in found.items()} == STATUS
    assert set(STATUSES) == set(Outcome)
    assert found["undecided"]["statusDetails"]["message"].startswith("flaky: ")
    assert found["undecided"]["statusDetails"]["flaky"] is True
    assert found["not-claimed"]["statusDetails"]["message"].startswith("not-claimed: ")
    assert "still in local storage" in found["removed-on-server"]["statusDetails"]["trace"]
    assert "statusDetails" not in found["passed"]


def test_a_failure_of_the_baseline_is_known(tmp_path: Path) -> None:
    """It stays a failure, is marked as known, and tells why."""
    known = Known(why="accepted for now", issue="https://example.test/1")
    failures = [finding("SYN-1", Outcome.FAIL, Reason.CONTRADICTION, known=each) for each in (known, None)]
    cases = [case("old", failures[0]), case("new", failures[1])]
    found = results(report([MadeUpRequirement("SYN-1")], cases), tmp_path)
    assert [found[each]["status"] for each in ("old", "new")] == ["failed", "failed"]
    assert [found[each]["statusDetails"]["known"] for each in ("old", "new")] == [True, False]
    assert "known: accepted for now https://example.test/1" in found["old"]["statusDetails"]["trace"]


def test_what_was_asked_for_and_did_not_run_is_broken(tmp_path: Path) -> None:
    """A case without a result is never green."""
    made = report([MadeUpRequirement("SYN-1")], [case("one", requirements=("SYN-1",), reason=Reason.NOT_EXERCISED)])
    assert results(made, tmp_path)["one"]["status"] == "broken"


def test_a_case_stands_in_its_role_section_and_clause(tmp_path: Path) -> None:
    """Epic, feature and story lead from the role over the section to the clause; the keyword gives the severity."""
    requirements = [MadeUpRequirement("SYN-1"), MadeUpRequirement("SYN-2", clause="5.5.2.20-3e", level="optional")]
    requirements += [MadeUpRequirement("OP02-C1", clause="5.5.2.2", level="informative")]
    findings = [finding(each.id, Outcome.PASS) for each in requirements]
    made = report(requirements, [case("all", *findings, role="client"), case("last", findings[2], role="client")])
    found = results(made, tmp_path)
    assert labels(found["all"], "epic") == ["Message storage client"]
    assert labels(found["all"], "feature") == ["5.5.2.20 Synchronization"]
    assert labels(found["all"], "story") == ["5.5.2.20-3c", "5.5.2.20-3e"]
    assert labels(found["last"], "feature") == ["5.5.2.2 Set active folder"]
    assert [labels(found[each], "severity") for each in ("all", "last")] == [["critical"], ["trivial"]]
    assert labels(found["all"], "tag") == ["SYN-1", "SYN-2", "OP02-C1"]


def test_operations_and_judgements_are_steps(tmp_path: Path) -> None:
    """First what was done, then what was found of each requirement."""
    steps = results(every_outcome(), tmp_path)["removed-on-server"]["steps"]
    assert [(each["name"], each["status"]) for each in steps] == [
        ("remove an object on the server", "passed"),
        ("synchronize", "passed"),
        ("SYN-1: fail", "failed"),
        ("SYN-2: pass", "passed"),
    ]
    assert "observed: The object is still in local storage." in steps[2]["statusDetails"]["trace"]


def test_the_evidence_is_attached(tmp_path: Path) -> None:
    """Clause text, the wire around the deciding entry, the transcript, examples, remarks, and how to replay it."""
    failed = results(every_outcome(), tmp_path)["removed-on-server"]
    assert "remove from local storage" in attachment(tmp_path, failed, "clause text of SYN-1")
    assert re.search(r"^→ 9 S line of entry 9", attachment(tmp_path, failed, "wire, entry 9"), re.MULTILINE)
    assert attachment(tmp_path, failed, "transcript") == transcript_text()
    assert "cpm-conformance replay" in attachment(tmp_path, failed, "replay")
    assert json.loads(attachment(tmp_path, failed, "examples"))["run"] == 50
    assert "CONDSTORE" in attachment(tmp_path, failed, "remarks")


def test_a_counterexample_is_attached(tmp_path: Path) -> None:
    """The file that `replay` takes stands beside the failure."""
    (tmp_path / "counterexamples").mkdir()
    (tmp_path / "counterexamples" / "removed-on-server.json").write_text("{}")
    assert attachment(tmp_path, results(every_outcome(), tmp_path)["removed-on-server"], "counterexample") == "{}"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "transcripts/none.txt"])
def test_nothing_outside_the_report_is_attached(name: str, tmp_path: Path) -> None:
    """A name that leads out of the directory, or to nothing, is left out."""
    made = report([MadeUpRequirement("SYN-1")], [case("one", finding("SYN-1", Outcome.PASS), transcript=name)])
    assert [each["name"] for each in results(made, tmp_path)["one"]["attachments"]] == ["clause text of SYN-1"]


def test_history_follows_the_case_alone(tmp_path: Path) -> None:
    """Another seed, machine, time or directory leaves the history of a case as it is; parameters make another one."""
    requirement = MadeUpRequirement("SYN-1")
    cases = [case(name, finding("SYN-1", Outcome.PASS)) for name in ("one", "two[a]", "two[b]")]
    other = assemble(header("client", seed=8), cases, [requirement], Volatile(started="2027-01-01T00:00:00Z"))
    first, second = results(report([requirement], cases), tmp_path / "a"), results(other, tmp_path / "b")
    identities = [
        {name: (each["historyId"], each["testCaseId"]) for name, each in it.items()} for it in (first, second)
    ]
    assert identities[0] == identities[1]
    assert len(set(identities[0].values())) == 3
    assert first["two[a]"]["testCaseId"] == first["two[b]"]["testCaseId"] != first["one"]["testCaseId"]
    assert not {each["uuid"] for each in first.values()} & {each["uuid"] for each in second.values()}


def test_the_same_report_gives_the_same_files(tmp_path: Path) -> None:
    """Nothing depends on chance or on the machine, and an older result does not stay."""
    contents = []
    for _ in range(2):
        results(every_outcome(), tmp_path)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / "allure-results").iterdir()})
        (tmp_path / "allure-results" / "old-result.json").write_text("{}")
    assert contents[0] == contents[1]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_every_reason_has_its_category(tmp_path: Path) -> None:
    """The message of each result that is no plain pass falls into exactly one category."""
    matching = Counter(
        category["name"]
        for each in results(every_outcome(), tmp_path).values()
        for category in categories()
        if "statusDetails" in each and re.fullmatch(category["messageRegex"], each["statusDetails"]["message"])
    )
    assert sum(matching.values()) == len([each for each in every_case() if each.outcome is not Outcome.PASS])
    assert len({each["name"] for each in categories()}) == len(Reason)


def test_the_environment_is_a_properties_file(tmp_path: Path) -> None:
    """Implementations, verdicts, profile and seed, in the escapes of Java."""
    results(every_outcome(), tmp_path)
    text = (tmp_path / "allure-results" / "environment.properties").read_text("ascii")
    assert "Verdict.of.the.client = not conformant\n" in text
    assert "Seed = 7\n" in text
    assert properties([("a b=c", "é\\n\U0001f600\n=")]) == "a.b.c = \\u00e9\\u005cn\\ud83d\\ude00 =\n"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_shown_and_bounded(text: str, tmp_path: Path) -> None:
    """Every result is JSON of bearable size without control characters, and no description holds outside markup."""
    for each in results(hostile(text), tmp_path).values():
        assert "<script" not in each["description"]
    files = list((tmp_path / "allure-results").iterdir())
    written = [path.read_text("utf-8") for path in files]
    assert sum(map(len, written)) < 500_000
    assert not any(character in each for each in written for character in "\x00\x1b\x9b\u202e")
