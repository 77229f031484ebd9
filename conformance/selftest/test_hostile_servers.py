"""Servers that flood, stall, close or talk nonsense: every test case ends, in bounded time and memory."""

from __future__ import annotations

import re
import resource
import time
from collections.abc import Callable

import pytest

from conformance.configuration import Roles
from conformance.faults.hooks import Hook, Rewrite, faulty
from conformance.outcomes import Outcome, Reason
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.session import Continuation, Session
from conformance.report import Report
from conformance.scenario.stage import Bounds
from conformance.selftest.running import judged

SELECT = ("OP02-S2", "OP04-S2", "OP09-S5")
BOUNDS = Bounds(synchronize=5.0, answer=0.5)
MOST_SECONDS, MOST_MEBIBYTES = 60.0, 500
_TAGGED = re.compile(rb"(?m)^(A\d+ (?:OK|NO|BAD))")


def _not_utf7(found: re.Match[bytes]) -> bytes:
    return found[1] + b'"&Jjo!\xff"'


def _when(pattern: bytes, change: Callable[[bytes], bytes]) -> Rewrite:
    """Change what is sent where it holds this pattern."""
    found = re.compile(pattern)
    return lambda octets: change(octets) if found.search(octets) else octets


def _stalls(session: Session, arguments: Arguments) -> Continuation:
    """A command that never ends."""
    return Continuation(b"wait", lambda _line: _stalls(session, arguments))


HOSTILE: dict[str, Hook] = {
    "announces 4 GiB": Hook(rewrite=_when(rb" FETCH \(", lambda each: re.sub(rb"\{\d+\}", b"{4294967295}", each))),
    "announces what is no number": Hook(
        rewrite=_when(rb" FETCH \(", lambda each: re.sub(rb"\{\d+\}", b"{9e99}", each))
    ),
    "floods with responses": Hook(rewrite=_when(rb"\* SEARCH", lambda each: b"* OK and on\r\n" * 40_000 + each)),
    "floods with one line": Hook(rewrite=_when(rb"\* SEARCH", lambda each: b"* OK " + b"x" * 20_000_000 + each)),
    "floods with parentheses": Hook(rewrite=_when(rb" FETCH \(", lambda each: b"* 1 FETCH " + b"(" * 500_000 + each)),
    "stalls at SELECT": Hook(commands={"SELECT": _stalls}),
    "stalls at LIST": Hook(commands={"LIST": _stalls}),
    "stalls in an answer": Hook(rewrite=_when(rb" FETCH \(", lambda each: each[:-20])),
    "says goodbye": Hook(rewrite=_when(rb" FETCH \(", lambda _: b"* BYE enough\r\n")),
    "answers another command": Hook(rewrite=_when(rb"\* SEARCH", lambda each: _TAGGED.sub(rb"X\1", each))),
    "lists names that are no modified UTF-7": Hook(
        rewrite=lambda each: re.sub(rb'(LIST \([^)]*\) "/" )"(?!INBOX)[^"]+"', _not_utf7, each)
    ),
    "sends binary noise": Hook(rewrite=_when(rb"\* FLAGS", lambda _: bytes(range(256)) * 40 + b"\r\n")),
}


def _judged(fault: Hook) -> Report:
    with faulty(fault) as server:
        return judged(server, select=SELECT, role=Roles.SERVER, bounds=BOUNDS)


def _mebibytes() -> int:
    """The most memory that this process has ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_server_is_survived(name: str) -> None:
    """No case passes by luck alone, none is an error of the suite, and time and memory stay bounded."""
    before, used = time.monotonic(), _mebibytes()
    report = _judged(HOSTILE[name])
    assert time.monotonic() - before < MOST_SECONDS
    assert _mebibytes() - used < MOST_MEBIBYTES
    outcomes = {each.outcome for each in report.cases}
    assert Outcome.ERROR not in outcomes
    assert outcomes & {Outcome.FAIL, Outcome.INCONCLUSIVE}
    assert all(each.reason and each.observed for each in report.cases if each.outcome is not Outcome.PASS)


ODD: dict[str, Hook] = {
    "unsolicited data everywhere": Hook(
        rewrite=lambda each: (
            each
            if b"BODY[]" in each or b"CAPABILITY" in each
            else _TAGGED.sub(rb"* OK [XNOISE 1 (2 3)] hello\r\n* CAPABILITY IMAP4rev1 XNOISE\r\n\1", each)
        )
    ),
    "names of responses in lower case": Hook(
        rewrite=lambda each: re.sub(
            rb"(?m)^\* (\d+) (EXISTS|RECENT|EXPUNGE)", lambda found: b"* " + found[1] + b" " + found[2].lower(), each
        )
    ),
    "long texts": Hook(rewrite=lambda each: _TAGGED.sub(rb"* OK " + b"x" * 5000 + rb"\r\n\1", each)),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_but_legal_server_passes(name: str) -> None:
    """What RFC 3501 lets a server send at any time changes no outcome."""
    report = _judged(ODD[name])
    assert {each.id: each.observed for each in report.cases if each.outcome is not Outcome.PASS} == {}


def test_timeouts_shorten_the_wait() -> None:
    """A server that stalls every time is not waited for as long each time, and the report says so."""
    with faulty(HOSTILE["stalls at SELECT"]) as server:
        report = judged(server, select=["OP02-S1", "OP02-S16"], role=Roles.SERVER, bounds=BOUNDS)
    late = [each for each in report.cases if each.reason is Reason.TIMEOUT]
    assert len(late) > len(report.cases) / 2
    assert any("timed out: from now on" in remark for each in report.cases for remark in each.remarks)
