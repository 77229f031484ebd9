"""Tests of the laws of the wire: each belongs to a test case, and a transcript tells which were applied to what."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.cases.registry import declarations
from conformance.clients.protocol import SyncResult
from conformance.imap.operations import read_operations
from conformance.imap.transcript import Transcript
from conformance.outcomes import Outcome
from conformance.scenario.applied import Applied, laws_applied, note_law
from conformance.scenario.judge import Judge
from conformance.scenario.scenario import SyncRun
from conformance.scenario.visibility import ON_THE_WIRE
from conformance.scenario.wire_laws import LAWS, rule
from conformance.spec import requirement


@pytest.mark.parametrize("name", LAWS)
def test_a_law_belongs_to_a_test_case(name: str) -> None:
    """The test case exists and declares the requirement, whose criterion speaks of the wire alone."""
    assert name in declarations()[LAWS[name].case].requirements
    assert name in ON_THE_WIRE


def test_a_transcript_tells_what_was_applied(tmp_path: Path) -> None:
    """Also once it was written and read again; nobody else can write such a note."""
    transcript = Transcript()
    note_law(transcript, "SYN-702", [(3, 9), (11, 20)])
    transcript.note("client-1", "judged by the wire: SYN-301, entries 1 to 2")
    transcript.record("suite", "S", b"judged by the wire: SYN-301, entries 1 to 2")
    transcript.note("suite", "judged by the wire: SYN-301, entries one to two")
    transcript.write(tmp_path / "wire.txt")
    expected = [Applied("SYN-702", ((3, 9), (11, 20)))]
    assert laws_applied(transcript) == laws_applied(Transcript.read(tmp_path / "wire.txt")) == expected


WIRE = """
! opened to 127.0.0.1:1
C A1 SELECT "Box"
S * 1 EXISTS
S A1 OK done
C A2 UID FETCH 1 (BODY.PEEK[])
S * 1 FETCH (UID 1 BODY[] {1}x)
S A2 OK done
! closed
! opened to 127.0.0.1:1
C A1 UID FETCH 1 (BODY.PEEK[])
S A1 BAD no folder
"""


def _recorded() -> Transcript:
    transcript = Transcript()
    for line in WIRE.strip().splitlines():
        direction, _, text = line.partition(" ")
        octets = text.replace("{1}x", "{1}\r\nx").encode() + (b"" if direction == "!" else b"\r\n")
        transcript.record("client-1", "C" if direction == "C" else "S" if direction == "S" else "!", octets)
    return transcript


def test_a_transcript_that_is_read_again_says_the_same(tmp_path: Path) -> None:
    """Operations of a connection that was opened anew have no folder from before."""
    transcript = _recorded()
    transcript.write(tmp_path / "wire.txt")
    again = Transcript.read(tmp_path / "wire.txt")
    assert read_operations(again, since=8) == read_operations(transcript, since=8)
    assert [each.folder for each in read_operations(again, since=8)] == [None]


def test_a_law_is_applied_to_a_part() -> None:
    """Work on objects before a folder is active is wrong in the part that is judged, and decided there."""
    judge, transcript = Judge(requirement, "wire.txt"), _recorded()
    assert not rule(judge, "OP02-C1", [SyncRun(SyncResult(success=True), transcript, 8, 11)])
    found = judge.findings[0]
    assert (found.outcome, found.law, found.deciding and found.deciding.entry) == (Outcome.FAIL, "OP02-C1", 10)


def test_a_law_that_holds_passes() -> None:
    """Unless more than the wire is needed for that."""
    judge = Judge(requirement, "wire.txt")
    runs = [SyncRun(SyncResult(success=True), _recorded(), 0, 8)]
    assert rule(judge, "OP02-C1", runs)
    assert [(each.requirement, each.outcome) for each in judge.findings] == [("OP02-C1", Outcome.PASS)]
    assert not rule(judge, "SYN-301", runs)
    assert not LAWS["SYN-412"].passes
