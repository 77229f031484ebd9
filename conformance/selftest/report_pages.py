"""A made-up report that has something to show in every part of the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from conformance.outcomes import Known
from conformance.report import Ambiguity, Claim, Report, Reviewed, Sentence
from conformance.report.html import html
from conformance.report.model import Compared
from conformance.selftest.report_examples import (
    STEP_3C,
    TRANSCRIPT,
    MadeUpExclusion,
    MadeUpRequirement,
    every_case,
    report,
    transcript_text,
)
from conformance.spec import Quote

PARAGRAPH = (
    Sentence(id="5.5.2.20-p1-s1", clause="5.5.2.20-p1", text="All objects SHALL be synchronized.", keyword="SHALL"),
    Sentence(id="5.5.2.20-p1-s2", clause="5.5.2.20-p1", text="This means all.", keyword="will"),
)
STEP = Sentence(id="5.5.2.20-3c", clause="5.5.2.20-3c", text=STEP_3C + ",", keyword="SHALL")
NARROW = "objects that have been removed"


def quote(text: str, section: str = "5.5.2.20-3c") -> Quote:
    """A quotation of the clause."""
    return Quote(text, "5.5.2.20", section)


def whole_page(directory: Path) -> str:
    """The page of `complete()`, made in a directory that holds its transcript."""
    (directory / TRANSCRIPT).parent.mkdir(parents=True)
    (directory / TRANSCRIPT).write_text(transcript_text(), encoding="ascii")
    return html(complete(), directory)


def complete() -> Report:
    """Every outcome, and every fact that a header, a requirement, a finding or a baseline can tell."""
    made = report(
        _requirements(),
        every_case(),
        ("server", "client"),
        sentences=(*PARAGRAPH, STEP),
        ambiguities=(
            Ambiguity(id="A7", text="Who wins?", reading="Nobody.", policy="inconclusive"),
            Ambiguity(id="A99", text="Touched by nothing.", reading="None.", policy="recorded"),
        ),
        ics={
            "server:IDLE": Claim(claimed=False, source="declared", question="Is IDLE supported?", observed=True),
            "client:kind.message": Claim(claimed=True, source="default", question="Are messages synchronized?"),
        },
        statement={"about": {"implementation": "Pocket"}, "client": {"kind.message": "yes"}},
        static_review=(
            Reviewed(role="server", rule="CAPABILITY agrees.", source="RFC 3501", holds=False, told="otherwise: IDLE"),
            Reviewed(role="client", rule="Objects are synchronized.", source="paragraph 1", holds=True),
            Reviewed(role="client", rule="Who knows?", source="paragraph 2", holds=None),
        ),
        pixit={"answer_timeout": 30, "server": "imap://user:***@127.0.0.1:143/", "server_options": {"tls": "starttls"}},
        selection=("SYN-1", "5.5.2.20-3c"),
    )
    known = Known(why="A known defect.", issue="POCKET-7", expires="2030-01-01")
    cases = tuple(
        each.model_copy(update={"findings": tuple(one.model_copy(update={"known": known}) for one in each.findings)})
        if each.id == "removed-on-server"
        else each
        for each in made.cases
    )
    return made.model_copy(update={"cases": cases, "baseline": Compared(known=1, new=0, stale=("SYN-9 passes now",))})


def _requirements() -> list[MadeUpRequirement]:
    first = MadeUpRequirement(
        "SYN-1",
        quotes=(quote(STEP_3C), quote(NARROW)),
        ambiguities=("A7",),
        condition="kind.message",
        wrong=("Only compares counts.", "Skips \\Seen."),
    )
    derived = replace(
        first, id="SYN-3", sentence="It is gone.", derivation=("Removed means gone.",), provenance="derived: one step"
    )
    rest = [MadeUpRequirement(f"SYN-{number}", wrong=("A slip.",)) for number in (2, 4, 5, 6, 7)]
    return [
        first,
        derived,
        *rest,
        MadeUpRequirement("SYN-8", excluded=MadeUpExclusion()),
        MadeUpRequirement("OP02-S1", roles=("server",), clause="5.5.2.2", source="RFC 3501 6.3.1", condition="IDLE"),
        MadeUpRequirement(
            "SYN-101",
            clause="5.5.2.20-p1",
            quotes=(quote("All objects SHALL be synchronized", "5.5.2.20-p1"),),
            planned=True,
        ),
    ]
