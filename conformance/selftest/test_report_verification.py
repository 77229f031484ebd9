"""Tests of `verify`: a report of a real run holds, and every way of tampering with it is noticed."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.configuration import Configuration, Roles
from conformance.execution.launcher import launch
from conformance.execution.reporting import report_of
from conformance.execution.verifying import verify
from conformance.faults.catalogue import catalogue
from conformance.faults.implementations import staged
from conformance.outcomes import CaseResult, Finding, Outcome
from conformance.report import Report, assemble, read
from conformance.report.canonical import canonical, digest
from conformance.report.evidence import with_evidence
from conformance.report.reader import load
from conformance.report.writer import write_json
from conformance.spec import requirements

POLLED, SELECTED = "active-folder-is-not-polled-by-status", "folder-is-active-before-work-in-it"


class _Silent:
    def expect(self, cases: int) -> None:
        """Nobody watches."""

    def finished(self, result: CaseResult) -> None:
        """Nobody watches."""


def _run(fault: str, role: Roles, output: Path, *select: str) -> Path:
    """Run some test cases against an implementation with a fault, in memory; returns the directory of the report."""
    found = catalogue()
    client = "given" if role is Roles.CLIENT else "none"
    settings = Configuration(client=client, role=role, select=select, output=output)
    with staged(found.faults[fault], found.hooks[fault]) as stage:
        session = launch(settings, _Silent(), stage)
        write_json(with_evidence(report_of(session, session.clock), output), output / "report.json")
    return output


@pytest.fixture(scope="module")
def client_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A client that fails by a law of the wire in one test case, and passes by one in another."""
    output = tmp_path_factory.mktemp("client")
    return _run("active-folder-polled-by-status", Roles.CLIENT, output, POLLED, SELECTED)


@pytest.fixture(scope="module")
def server_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server that breaks a law that holds at every moment, while a test case looks at something else."""
    output = tmp_path_factory.mktemp("server")
    return _run("numbers-follow-dates", Roles.SERVER, output, "numbers-follow-uids")


@dataclass(frozen=True)
class Copy:
    """A copy of a run's directory that may be tampered with."""

    directory: Path

    @property
    def file(self) -> Path:
        """The report."""
        return self.directory / "report.json"

    def wrong(self) -> str:
        """What does not hold, in words."""
        found = verify(*load(self.file), self.directory)
        return "\n".join(told for each in found.checks for told in each.wrong)

    def change(self, apply: Callable[[dict[str, Any]], None]) -> None:
        """Alter the report and mend the digest in its footer."""
        content = json.loads(self.file.read_text("utf-8"))
        apply(content)
        content["footer"]["digest"] = digest(content)
        self.file.write_text(canonical(content), "utf-8")

    def retell(self, *cases: CaseResult) -> None:
        """Write the report anew from these cases, with everything that is added up from them."""
        report = read(self.file)
        again = assemble(report.header, cases, requirements(), report.volatile)
        volatile = again.volatile.model_copy(update={"durations": report.volatile.durations})
        write_json(with_evidence(again.model_copy(update={"volatile": volatile}), self.directory), self.file)

    def rewrite(self, case: str, apply: Callable[[list[str]], list[str]]) -> None:
        """Alter the lines of a transcript, and mend the digests and quotations in the report."""
        report = read(self.file)
        path = self.directory / str(_case(report, case).transcript)
        path.write_text("\n".join(apply(path.read_text("ascii").splitlines())) + "\n", "ascii")
        write_json(with_evidence(report, self.directory), self.file)


def _copy(run: Path, directory: Path) -> Copy:
    shutil.copytree(run, directory / "copy")
    return Copy(directory / "copy")


@pytest.fixture
def client_copy(client_run: Path, tmp_path: Path) -> Copy:
    """A copy of the client's run."""
    return _copy(client_run, tmp_path)


@pytest.fixture
def server_copy(server_run: Path, tmp_path: Path) -> Copy:
    """A copy of the server's run."""
    return _copy(server_run, tmp_path)


def _case(report: Report, case: str) -> CaseResult:
    return next(each for each in report.cases if each.id == case)


def _with(case: CaseResult, findings: tuple[Finding, ...], outcome: Outcome) -> CaseResult:
    """The case as it would be with these findings."""
    green = {"findings": findings, "outcome": outcome, "reason": None, "expected": "", "observed": "", "deciding": None}
    return case.model_copy(update=green)


def _passed(finding: Finding) -> Finding:
    return Finding(requirement=finding.requirement, outcome=Outcome.PASS, law=finding.law)


@pytest.mark.parametrize("run", ["client_copy", "server_copy"])
def test_what_was_recorded_holds(run: str, request: pytest.FixtureRequest) -> None:
    """Nothing is wrong with an untouched report, and its failures were judged again."""
    copy: Copy = request.getfixturevalue(run)
    found = verify(*load(copy.file), copy.directory)
    assert [each.wrong for each in found.checks if each.wrong] == []
    assert found.holds
    assert found.laws
    assert any(each.law and each.outcome is Outcome.FAIL for case in read(copy.file).cases for each in case.findings)


def test_it_is_told_what_was_judged_again(client_copy: Copy) -> None:
    """Each test case is named with the laws that were applied again, and what only the run saw with the rest."""
    found = verify(*load(client_copy.file), client_copy.directory)
    assert found.laws == {POLLED: ("OP02-C6",), SELECTED: ("OP02-C1",)}
    assert not found.seen_live


def test_an_altered_transcript_is_noticed(client_copy: Copy) -> None:
    """One octet more in a transcript is not what was recorded."""
    transcript = client_copy.directory / str(_case(read(client_copy.file), SELECTED).transcript)
    with transcript.open("a") as file:
        file.write("#\n")
    assert "was altered" in client_copy.wrong()


def test_an_altered_deciding_line_is_noticed(client_copy: Copy) -> None:
    """The report quotes the line that decided, and the law no longer finds it."""
    report = read(client_copy.file)
    deciding = _case(report, POLLED).deciding
    assert deciding is not None
    transcript = client_copy.directory / deciding.transcript
    text = re.sub(rf"(?m)^( *{deciding.entry} .*) STATUS ", r"\1 XYZZY ", transcript.read_text("ascii"))
    transcript.write_text(text, "ascii")
    told = client_copy.wrong()
    assert f"entry {deciding.entry}: the report quotes" in told
    assert "the recorded wire does not show it" in told


def test_a_deciding_line_that_is_altered_everywhere_is_noticed(client_copy: Copy) -> None:
    """With digests and quotations mended, the law still tells that the wire does not show the failure."""
    client_copy.rewrite(POLLED, lambda lines: [line.replace(" STATUS ", " XYZZY ") for line in lines])
    assert client_copy.wrong().count("the recorded wire does not show it") == 1


def test_a_line_that_is_removed_is_noticed(client_copy: Copy) -> None:
    """The numbers of a transcript have no gap."""
    client_copy.rewrite(SELECTED, lambda lines: [*lines[:20], *lines[21:]])
    assert "cannot be judged again" in client_copy.wrong()


def test_a_line_that_is_removed_and_all_renumbered_is_noticed(client_copy: Copy) -> None:
    """Without the command that was wrong, and with all numbers mended, the wire shows something else."""

    def removed(lines: list[str]) -> list[str]:
        deciding = _case(read(client_copy.file), POLLED).deciding
        assert deciding is not None
        kept = [line for line in lines[1:] if int(line.split()[0]) != deciding.entry]
        return [lines[0], *(re.sub(r"^ *\d+", f"{number:5}", line) for number, line in enumerate(kept, 1))]

    client_copy.rewrite(POLLED, removed)
    assert "the recorded wire" in client_copy.wrong()


def test_a_missing_transcript_is_noticed(client_copy: Copy) -> None:
    """A report without its wire does not hold."""
    shutil.rmtree(client_copy.directory / "transcripts")
    assert "is not beside the report" in client_copy.wrong()


def test_a_transcript_of_nobody_is_noticed(client_copy: Copy) -> None:
    """What lies among the transcripts belongs to a test case."""
    (client_copy.directory / "transcripts" / "other.txt").write_text("# IMAP transcript, format 1\n")
    assert "no test case names it" in client_copy.wrong()


def _finding(content: dict[str, Any], case: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in content["cases"] if each["id"] == case)["findings"][0]
    return found


def _requirement(content: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in content["requirements"] if each["id"] == name)
    return found


@pytest.mark.parametrize(
    ("apply", "words"),
    [
        (lambda content: _finding(content, POLLED).update(outcome="pass", reason=None), "its findings come to pass"),
        (lambda content: _finding(content, POLLED).update(requirement="SYN-406"), "SYN-406: outcome is not_run"),
        (lambda content: _requirement(content, "OP02-C6").update(outcome="pass", reason=None), "OP02-C6: outcome is"),
        (lambda content: _requirement(content, "OP02-C6").update(cases=[]), "OP02-C6: cases is"),
        (lambda content: _requirement(content, "OP02-C6").update(text="do as you like"), "its text is not that"),
        (lambda content: _requirement(content, "OP02-C6").update(level="optional"), "its level is not that"),
        (lambda content: _requirement(content, "OP02-C6").update(remarks=["waived"]), "its remarks is not that"),
        (lambda content: content["header"]["sentences"][3].update(text="MAY"), "has other words"),
        (lambda content: content["verdict"].update(client="conformant", overall="conformant"), "does not follow"),
        (lambda content: content["requirements"].pop(), "is not in the report"),
        (lambda content: content["volatile"]["lines"].clear(), "the report quotes None"),
        (lambda content: content["volatile"]["transcripts"].clear(), "has no digest in the report"),
        (lambda content: _finding(content, POLLED)["deciding"].update(entry=99_999), "has no entry 99999"),
        (lambda content: _finding(content, POLLED)["deciding"].update(transcript="../x"), "is not beside the report"),
        (lambda content: _finding(content, SELECTED).update(law=None), "the report does not say it"),
        (lambda content: _finding(content, SELECTED).update(law="LAW-1"), "the recorded wire does not show it"),
    ],
)
def test_what_is_altered_in_one_place_is_noticed(
    apply: Callable[[dict[str, Any]], None], words: str, client_copy: Copy
) -> None:
    """Each statement has to agree with those that it rests on, whatever the footer says."""
    client_copy.change(apply)
    assert words in client_copy.wrong()


def test_a_failure_turned_into_a_pass_everywhere_is_noticed(client_copy: Copy) -> None:
    """With everything added up anew, the recorded wire still shows the failure."""
    polled, selected = (_case(read(client_copy.file), each) for each in (POLLED, SELECTED))
    client_copy.retell(_with(polled, tuple(map(_passed, polled.findings)), Outcome.PASS), selected)
    assert read(client_copy.file).verdict.client == "not-established"
    assert "the recorded wire shows OP02-C6 fail" in client_copy.wrong()


def test_a_finding_that_is_deleted_everywhere_is_noticed(client_copy: Copy) -> None:
    """The recorded wire shows what the report no longer says."""
    polled, selected = (_case(read(client_copy.file), each) for each in (POLLED, SELECTED))
    client_copy.retell(_with(polled, (), Outcome.NOT_RUN), selected)
    assert "the recorded wire shows OP02-C6 fail" in client_copy.wrong()


def test_a_case_that_is_deleted_everywhere_is_noticed(client_copy: Copy) -> None:
    """The suite knows which test cases such a run has."""
    report = read(client_copy.file)
    (client_copy.directory / str(_case(report, POLLED).transcript)).unlink()
    client_copy.retell(_case(report, SELECTED))
    assert client_copy.wrong() == f"{POLLED} is missing"


def test_a_case_that_the_suite_does_not_have_is_noticed(client_copy: Copy) -> None:
    """An invented test case proves nothing."""
    report = read(client_copy.file)
    invented = _case(report, SELECTED).model_copy(update={"id": "invented"})
    client_copy.retell(*report.cases, invented)
    assert "invented is no test case of such a run" in client_copy.wrong()


def _without_notes(lines: list[str]) -> list[str]:
    return [line.replace("judged by the wire", "nothing to see") for line in lines]


def test_a_pass_without_its_law_is_noticed(client_copy: Copy) -> None:
    """A test case that judges by a law cannot pass while its transcript does not tell of it."""
    selected = _case(read(client_copy.file), SELECTED)
    stripped = tuple(each.model_copy(update={"law": None}) for each in selected.findings)
    client_copy.retell(_case(read(client_copy.file), POLLED), _with(selected, stripped, Outcome.PASS))
    client_copy.rewrite(
        SELECTED, lambda lines: [line.replace("judged by the wire", "nothing to see") for line in lines]
    )
    assert "OP02-C1 passed, but the transcript does not tell that its law was applied" in client_copy.wrong()


def test_a_failure_beyond_the_words_is_noticed(client_copy: Copy) -> None:
    """No failure may rest on a requirement whose words cannot carry it."""
    lenient = next(each.id for each in requirements() if each.rests_on.value == "record")
    client_copy.change(lambda content: _finding(content, POLLED).update(requirement=lenient))
    assert "though no failure may rest on its words" in client_copy.wrong()


def test_what_watches_a_server_judges_again(server_copy: Copy) -> None:
    """A failure of a law that holds at every moment cannot be deleted either."""
    case = read(server_copy.file).cases[0]
    kept = tuple(_passed(each) for each in case.findings if each.law is None)
    server_copy.retell(_with(case, kept, Outcome.PASS))
    assert "the recorded wire shows OP02-S10 fail" in server_copy.wrong()


def test_a_server_that_nobody_watched_is_noticed(server_copy: Copy) -> None:
    """A test case cannot pass while its transcript does not tell that the server was watched."""
    case = read(server_copy.file).cases[0]
    server_copy.retell(_with(case, tuple(_passed(each) for each in case.findings if each.law is None), Outcome.PASS))
    server_copy.rewrite(case.id, _without_notes)
    assert "does not tell that the server was watched" in server_copy.wrong()


def test_another_requirement_set_is_said(client_copy: Copy) -> None:
    """What was made with another set is not held against this one, and that is told."""
    client_copy.change(lambda content: content["header"].update(requirement_set=hashlib.sha256().hexdigest()))
    found = verify(*load(client_copy.file), client_copy.directory)
    assert found.holds
    assert [each.remark for each in found.checks if each.remark] == [
        "not compared: this suite ships another requirement set",
        "not compared: the report was made by another version of the suite",
    ]


def test_what_is_said_to_follow_has_to_follow(client_copy: Copy) -> None:
    """A failure cannot be explained away by something that was done, or never tried."""

    def explained(content: dict[str, Any]) -> None:
        _finding(content, POLLED).update(
            outcome="inconclusive", reason="not-exercised", follows=["SYN-301"], observed="x (may follow from SYN-301)"
        )

    client_copy.change(explained)
    assert "OP02-C6 is said to follow from SYN-301" in client_copy.wrong()


def test_what_only_follows_has_to_be_brought_down(client_copy: Copy) -> None:
    """The rule on consequences is part of the outcome."""

    def followed(content: dict[str, Any]) -> None:
        _finding(content, SELECTED).update(
            outcome="fail", reason="contradiction", requirement="SYN-406", follows=["OP02-C6"]
        )

    client_copy.change(followed)
    assert f"{SELECTED} fails by what may only follow" in client_copy.wrong()
