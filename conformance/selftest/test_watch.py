"""The watch over the wire sees every broken law, and nothing where the wire only looks odd."""

from __future__ import annotations

import pytest

from conformance.imap.transcript import Transcript
from conformance.outcomes import Outcome
from conformance.scenario.judge import Judge
from conformance.scenario.watch import Watch
from conformance.spec import requirement

SELECTED = (
    "C A1 SELECT Box|S * 3 EXISTS|S * OK [UIDVALIDITY 7] ok|S * OK [UIDNEXT 9] ok|S * OK [HIGHESTMODSEQ 20] ok|"
    "S A1 OK [READ-WRITE] selected|C A2 UID FETCH 1:* (UID)|S * 1 FETCH (UID 3)|S * 2 FETCH (UID 5)|"
    "S * 3 FETCH (UID 8)|S A2 OK done|"
)
BROKEN = {
    "OP02-S12 a smaller EXISTS": "C A3 NOOP|S * 2 EXISTS|S A3 OK done",
    "OP02-S12 a smaller EXISTS than removals explain": "C A3 NOOP|S * 1 EXPUNGE|S * 1 EXISTS|S A3 OK done",
    "OP06-S2 a removal during FETCH": "C A3 FETCH 1 FLAGS|S * 2 EXPUNGE|S A3 OK done",
    "OP06-S2 a removal during STORE": "C A3 STORE 1 FLAGS ()|S * 2 EXPUNGE|S A3 OK done",
    "OP06-S2 a removal during SEARCH": "C A3 SEARCH ALL|S * 2 EXPUNGE|S * SEARCH 1|S A3 OK done",
    "OP06-S2 a removal out of the blue": "S * 2 EXPUNGE",
    "OP06-S4 a number that is not there": "C A3 NOOP|S * 4 EXPUNGE|S A3 OK done",
    "OP02-S10 a FETCH of a number that is not there": "C A3 NOOP|S * 4 FETCH (FLAGS ())|S A3 OK done",
    "OP02-S9 another UID for a number": "C A3 FETCH 2 UID|S * 2 FETCH (UID 6)|S A3 OK done",
    "OP02-S9 numbers that were not shifted": "C A3 NOOP|S * 1 EXPUNGE|S A3 OK|"
    "C A4 FETCH 2 UID|S * 2 FETCH (UID 5)|S A4 OK",
    "OP02-S10 UIDs that do not ascend": "C A3 NOOP|S * 4 EXISTS|S A3 OK|C A4 FETCH 4 UID|S * 4 FETCH (UID 4)|S A4 OK",
    "SYN-201 content unasked": "C A3 NOOP|S * 2 FETCH (UID 5 BODY[] {3}\r\nabc)|S A3 OK done",
    "OP02-S4 other octets": "C A3 UID FETCH 5 BODY[]|S * 2 FETCH (UID 5 BODY[] {3}\r\nabc)|S A3 OK|"
    "C A4 UID FETCH 5 BODY[]|S * 2 FETCH (UID 5 BODY[] {3}\r\nabd)|S A4 OK",
    "OP04-S5 another size": "C A3 UID FETCH 5 RFC822.SIZE|S * 2 FETCH (UID 5 RFC822.SIZE 10)|S A3 OK|"
    "C A4 UID FETCH 5 RFC822.SIZE|S * 2 FETCH (UID 5 RFC822.SIZE 11)|S A4 OK",
    "OP02-S8 a falling UIDNEXT": "C A3 STATUS Box (UIDNEXT)|S * STATUS Box (UIDNEXT 8 UIDVALIDITY 7)|S A3 OK",
    "OP02-S5 a falling HIGHESTMODSEQ": "C A3 SELECT Box|S * OK [HIGHESTMODSEQ 19] ok|S * OK [UIDVALIDITY 7] ok|S A3 OK",
    "OP02-S5 a falling mod-sequence": "C A3 FETCH 1 MODSEQ|S * 1 FETCH (MODSEQ (19))|S A3 OK|"
    "C A4 FETCH 1 MODSEQ|S * 1 FETCH (MODSEQ (18))|S A4 OK",
}
LEGAL = {
    "a removal during NOOP": "C A3 NOOP|S * 1 EXPUNGE|S * 2 EXISTS|S A3 OK|"
    "C A4 FETCH 1 UID|S * 1 FETCH (UID 5)|S A4 OK",
    "a removal during UID FETCH": "C A3 UID FETCH 3 FLAGS|S * 3 EXPUNGE|S A3 OK",
    "a removal during IDLE": "C A3 IDLE|S + idling|S * 3 EXPUNGE|C DONE|S A3 OK",
    "an unasked FETCH of flags": "C A3 NOOP|S * 2 FETCH (UID 5 FLAGS (\\Seen))|S A3 OK",
    "an object removed elsewhere": "C A3 UID FETCH 5 BODY[]|S * 2 FETCH (UID 5 BODY[] {3}\r\nabc)|S A3 OK|"
    "C A4 UID FETCH 5 BODY[]|S * 2 FETCH (UID 5 BODY[] NIL)|S A4 OK",
    "another folder": "C A3 SELECT Other|S * 1 EXISTS|S * OK [UIDVALIDITY 7] ok|S * OK [UIDNEXT 2] ok|S A3 OK|"
    "C A4 FETCH 1 UID|S * 1 FETCH (UID 1)|S A4 OK",
    "news of the folder that is left": "C A3 SELECT Box|S * 4 EXISTS|S * 3 EXISTS|S * OK [UIDVALIDITY 7] ok|S A3 OK",
    "a refused selection": "C A3 SELECT Other|S A3 NO no such folder|C A4 NOOP|S * 1 EXISTS|S A4 OK",
    "a renewed UIDVALIDITY": "C A3 SELECT Box|S * 0 EXISTS|S * OK [UIDNEXT 1] ok|S * OK [UIDVALIDITY 8] ok|S A3 OK",
    "a pipelined selection": "C A3 FETCH 1 UID|C A4 SELECT Other|S * 1 FETCH (UID 3)|S A3 OK|S * 0 EXISTS|S A4 OK",
    "vanished objects": "C A3 NOOP|S * VANISHED 3,8|S * 1 EXISTS|S A3 OK|C A4 FETCH 1 UID|S * 1 FETCH (UID 5)|S A4 OK",
    "vanished before": "C A3 UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)|S * VANISHED (EARLIER) 1,2|S A3 OK|"
    "C A4 NOOP|S * 3 EXISTS|S A4 OK",
    "a renamed folder": "C A3 RENAME Box Old|S A3 OK|C A4 SELECT Box|S * 0 EXISTS|S * OK [UIDVALIDITY 7] ok|"
    "S * OK [UIDNEXT 1] ok|S A4 OK",
    "no IMAP at all": "S garbage|C|S * 2 FETCH|C A3 NOOP|S A3 OK",
}


def _findings(wire: str) -> list[str]:
    judge, transcript = Judge(requirement, "test.txt"), Transcript()
    watch = Watch(judge, transcript)
    for unit in (SELECTED + wire).split("|"):
        direction, _, octets = unit.partition(" ")
        transcript.record("tester-1", "C" if direction == "C" else "S", octets.encode() + b"\r\n")
    watch.look()
    watch.look()
    return [each.requirement for each in judge.findings if each.outcome is Outcome.FAIL]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_law_is_seen(name: str) -> None:
    """The law that is broken is named, and it alone."""
    assert set(_findings(BROKEN[name])) == {name.partition(" ")[0]}


@pytest.mark.parametrize("name", LEGAL)
def test_what_is_legal_breaks_no_law(name: str) -> None:
    """Nothing is held against what RFC 3501 and its extensions allow."""
    assert _findings(LEGAL[name]) == []


def test_octets_are_compared_between_connections() -> None:
    """What one connection saw under a UID holds for all."""
    judge, transcript = Judge(requirement, "test.txt"), Transcript()
    for connection, octets in (("tester-1", b"abc"), ("tester-2", b"abd")):
        for unit in SELECTED.split("|")[:-1]:
            transcript.record(connection, "C" if unit[0] == "C" else "S", unit[2:].encode() + b"\r\n")
        transcript.record(connection, "C", b"A3 UID FETCH 5 BODY.PEEK[]\r\n")
        transcript.record(connection, "S", b"* 2 FETCH (UID 5 BODY[] {3}\r\n" + octets + b")\r\n")
        transcript.record(connection, "S", b"A3 OK done\r\n")
    Watch(judge, transcript).look()
    assert [each.requirement for each in judge.findings] == ["OP02-S4"]
