"""A badge that states the verdict in words: as an SVG picture, and as the JSON that badge services read."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from conformance.outcomes import Verdict
from conformance.report.canonical import canonical
from conformance.report.model import Report
from conformance.report.wording import VERDICTS, verdict_of

LABEL = "CPM message storage"
# Contrast with white text is at least 4.5 to 1.
_COLOURS = {
    Verdict.CONFORMANT: "#1a7f37",
    Verdict.NOT_CONFORMANT: "#b3261e",
    Verdict.NOT_ESTABLISHED: "#8a5a00",
}
_WIDTHS = {"narrow": "fijlrt.,: '|I", "wide": "mwMW"}
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
)


def message(report: Report) -> str:
    """The verdict in words, of each role by name: `server conformant, client not established`."""
    told = [f"{role} {VERDICTS[verdict_of(report, role)]}" for role in report.header.roles]
    return ", ".join(told) or VERDICTS[Verdict.NOT_ESTABLISHED]


def badge(report: Report) -> str:
    """The picture, with a title for those who do not see it."""
    text = message(report)
    label, value = _width(LABEL) + 12, _width(text) + 12
    colour = _COLOURS[report.verdict.overall]
    picture = _TEMPLATES.get_template("badge.svg.j2")
    return picture.render(label=LABEL, text=text, colour=colour, label_width=label, text_width=value) + "\n"


def endpoint(report: Report) -> str:
    """The JSON of a Shields endpoint (https://shields.io/badges/endpoint-badge)."""
    colour = _COLOURS[report.verdict.overall]
    return canonical({"schemaVersion": 1, "label": LABEL, "message": message(report), "color": colour})


def _width(text: str) -> int:
    """About how many pixels the text is wide in 11 px Verdana; the picture fits the text to it."""
    return round(sum(4 if each in _WIDTHS["narrow"] else 10 if each in _WIDTHS["wide"] else 7 for each in text))
