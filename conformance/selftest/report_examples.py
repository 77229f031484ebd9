"""Made-up requirements, cases and reports for the tests of `conformance.report`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.outcomes import CaseResult, Deciding, Examples, Finding, Observation, Outcome, Reason, Reproduced
from conformance.report import Claim, ClientFacts, Header, Report, Sentence, ServerFacts, Suite, Volatile, assemble
from conformance.report.records import QuoteRecord

STEP_3C = "remove from local storage all the objects that have been removed from the Message Storage Server"
TRANSCRIPT = "transcripts/removed-on-server.txt"


@dataclass(frozen=True)
class MadeUpExclusion:
    """Why a made-up requirement is not tested."""

    kind: str = "untestable"
    why: str = "No observable point."


@dataclass(frozen=True)
class MadeUpRequirement:
    """A requirement record with just the attributes that reports need."""

    id: str
    roles: Collection[str] = ("client",)
    level: str = "mandatory"
    rests_on: str = "fail"
    title: str = "Objects removed on the server leave local storage"
    clause: str = "5.5.2.20-3c"
    keyword: str = "SHALL"
    sentence: str = STEP_3C
    source: str = "CR OMA-COM-CPM-2010-0583, step 3c"
    provenance: str = "verbatim"
    remark: str = ""
    ambiguities: Collection[str] = ()
    excluded: MadeUpExclusion | None = None
    planned: bool = False
    quotes: Sequence[QuoteRecord] = ()
    derivation: Sequence[str] = ()
    condition: str = ""
    wrong: Sequence[str] = ()


def finding(requirement: str, outcome: Outcome, reason: Reason | None = None, **more: Any) -> Finding:
    """A finding; what is left out is empty."""
    return Finding(requirement=requirement, outcome=outcome, reason=reason, **more)


def case(case_id: str, *findings: Finding, **more: Any) -> CaseResult:
    """A case that declares what it has findings on, with the worst outcome of them."""
    values: dict[str, Any] = {
        "id": case_id,
        "title": f"Case {case_id}",
        "requirements": tuple(dict.fromkeys(each.requirement for each in findings)),
        "outcome": min((each.outcome for each in findings), key=list(Outcome).index, default=Outcome.NOT_RUN),
        "reason": next((each.reason for each in findings), None),
        "findings": findings,
    }
    return CaseResult(**{**values, **more})


def header(*roles: str, **more: Any) -> Header:
    """A header with made-up implementations in both roles."""
    values: dict[str, Any] = {
        "suite": Suite(name="cpm-sync-conformance", version="0.1.0"),
        "requirement_set": "7d87d621c533238a",
        "document": "CR OMA-COM-CPM-2010-0583 on CPM System Description 5.5.2.20",
        "sentences": (Sentence(id="5.5.2.20-3c", clause="5.5.2.20-3c", text=STEP_3C + ","),),
        "server": ServerFacts(adapter="dovecot", identity="Dovecot 2.3.19.1", capabilities=("IMAP4rev1", "UIDPLUS")),
        "client": ClientFacts(adapter="stdio", name="Pocket", version="3.2", equality="octets"),
        "roles": roles,
        "ics": {"kind.message": Claim(claimed=True, source="default")},
        "pixit": {"answer_timeout": 30},
        "profile": "ci",
        "seed": 7,
    }
    return Header(**{**values, **more})


def report(
    requirements: Iterable[MadeUpRequirement],
    cases: Iterable[CaseResult],
    roles: Collection[str] = ("client",),
    **more: Any,
) -> Report:
    """A report of made-up results."""
    return assemble(header(*roles, **more), cases, requirements, Volatile(started="2026-03-01T10:00:00Z", seconds=1.5))


def every_outcome() -> Report:
    """A report that holds every outcome of requirements and cases."""
    requirements = [MadeUpRequirement(f"SYN-{number}", clause="5.5.2.20-3c") for number in range(1, 8)]
    requirements += [
        MadeUpRequirement("SYN-8", excluded=MadeUpExclusion()),
        MadeUpRequirement("SYN-9", planned=True, remark="Recorded only.", ambiguities=("A7",)),
        MadeUpRequirement("SYN-10", roles=("client", "server"), level="recommended", rests_on="warn"),
        MadeUpRequirement("OP02-S1", roles=("server",), clause="5.5.2.2", source="RFC 3501 6.3.1"),
    ]
    return report(requirements, every_case(), ("server", "client"))


def every_case() -> list[CaseResult]:
    """One case of each outcome, out of order."""
    deciding = Deciding(transcript=TRANSCRIPT, entry=9)
    failed = finding(
        "SYN-1",
        Outcome.FAIL,
        Reason.CONTRADICTION,
        expected="The object is gone from local storage.",
        observed="The object is still in local storage.",
        deciding=deciding,
    )
    return [
        case("undecided", finding("SYN-3", Outcome.INCONCLUSIVE, Reason.FLAKY, observed="failed 1 of 3 times")),
        case("passed", finding("SYN-5", Outcome.PASS), finding("OP02-S1", Outcome.PASS), duration=0.25),
        case("warned", finding("SYN-4", Outcome.WARN, Reason.RECOMMENDATION, observed="fetched whole objects")),
        case(
            "removed-on-server",
            failed,
            finding("SYN-2", Outcome.PASS),
            steps=("remove an object on the server", "synchronize"),
            remarks=("The client used CONDSTORE.",),
            profile=(Observation(topic="DELETE of INBOX", observed="NO [CANNOT]"),) * 2,
            transcript=TRANSCRIPT,
            examples=Examples(run=50, planned=50, exercised={"removed on server": 12}),
            reproduced=Reproduced(times=3, of=3),
            replay="cpm-conformance replay counterexamples/removed-on-server.json",
            duration=1.0,
        ),
        case("broken", finding("SYN-2", Outcome.ERROR, Reason.SUITE), error="Traceback\nKeyError: 'x'"),
        case("not-claimed", finding("SYN-6", Outcome.NOT_APPLICABLE, Reason.NOT_CLAIMED)),
        case("not-reached", requirements=("SYN-7",), reason=Reason.NOT_SELECTED),
    ]


HOSTILE = {
    "markup": "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>&amp;\"'",
    "ends": "]]> --> */ </testsuites> ``` \r\n::error::x\n# heading | cell",
    "terminal": "\x1b[31m\x1b]0;owned\x07\x9b31m\x08\x7f",
    "control": "\x00\x01\x0b\x0c\ufffe\uffff",
    "direction": "\u202eabc\u2066\u200f",
    "surrogate": "\ud800 \udcff",
    "template": "{{ 7*7 }} {% raw %} ${jndi:x} %s \\u0041",
    "endless": "x" * 10_000_000,
}
"""What a server may send to break a report or whoever reads it."""


def hostile(text: str) -> Report:
    """A report of a failure, a warning and an error with this text wherever an implementation can put some."""
    failed = finding("SYN-1", Outcome.FAIL, Reason.CONTRADICTION, expected=text, observed=text)
    warned = finding("SYN-2", Outcome.WARN, Reason.RECOMMENDATION, expected=text, observed=text)
    cases = [
        case("one", failed, title=text, replay=text, error=text, steps=(text,), remarks=(text,)),
        case("two", warned, profile=(Observation(topic=text, observed=text),)),
        case("three", finding("SYN-3", Outcome.ERROR, Reason.SUITE, observed=text), error=text),
        case("four", finding("SYN-4", Outcome.NOT_APPLICABLE, Reason.NOT_CLAIMED, observed=text)),
    ]
    server = ServerFacts(adapter="remote", identity=text, greeting=text, capabilities=("IMAP4rev1", text))
    client = ClientFacts(adapter="stdio", name=text, version=text, remark=text)
    requirements = [MadeUpRequirement(f"SYN-{number}") for number in range(1, 5)]
    return report(requirements, cases, server=server, client=client, pixit={"server_options": {"root": text}})


def transcript_text(entries: int = 30) -> str:
    """A transcript in the text form of `conformance.imap.transcript`."""
    lines = (
        f"{number:5} {number / 100:.4f} client-1 {'CS'[number % 2]} line of entry {number}\\r\\n\n"
        for number in range(1, entries + 1)
    )
    return "# IMAP transcript, format 1\n" + "".join(lines)
