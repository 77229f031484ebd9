"""A short summary in Markdown, for the job pages of CI systems."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.outcomes import Outcome
from conformance.report.model import Report, Role
from conformance.report.text import in_markdown
from conformance.report.wording import (
    LEVELS,
    ROLES,
    SIGNS,
    VERDICT_SIGNS,
    VERDICTS,
    not_established,
    of_role,
    sentence,
    verdict_of,
    word,
)

_MOST_ROWS = 50


def summary(report: Report) -> str:
    """Verdicts, counts, failures, and what is not established."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield "# CPM conformance"
    for role in ROLES:
        verdict = verdict_of(report, role)
        heading = f"**{role.capitalize()}: {VERDICT_SIGNS[verdict]} {VERDICTS[verdict]}.**"
        yield from ("", f"{heading} {_escape(sentence(report, role))}")
    yield from _failures(report)
    for role in report.header.roles:
        yield from _counts(report, role)
        yield from _gaps(report, role)
    header = report.header
    seed = f", seed {header.seed}" if header.seed is not None else ""
    yield ""
    yield _escape(f"{header.suite.name} {header.suite.version}, profile {header.profile}{seed}, {header.document}")


def _failures(report: Report) -> Iterator[str]:
    failed = [one for one in report.requirements if one.outcome is Outcome.FAIL]
    if failed:
        yield from ("", "## Failed", "", "| Requirement | Clause | Sentence | Test cases |", "|---|---|---|---|")
    for one in failed[:_MOST_ROWS]:
        cells = (f"{one.id} {one.title}", one.clause, one.text, ", ".join(one.cases))
        yield f"| {' | '.join(_escape(cell) for cell in cells)} |"
    yield from _rest(len(failed))


def _counts(report: Report, role: Role) -> Iterator[str]:
    mine = of_role(report, role)
    yield from ("", f"## Requirements of the {role}", "", f"| Outcome | {' | '.join(LEVELS)} |", "|---|" + "---:|" * 4)
    for outcome, sign in SIGNS.items():
        counts = [sum(one.outcome is outcome and one.level == level for one in mine) for level in LEVELS]
        if any(counts):
            yield f"| {_escape(sign)} {word(outcome)} | {' | '.join(map(str, counts))} |"


def _gaps(report: Report, role: Role) -> Iterator[str]:
    gaps = not_established(report, role)
    if gaps:
        yield from ("", f"Not established for the {role}:", "")
    for gap in gaps:
        ids = [_escape(one.id) for one in gap.requirements]
        yield f"- {len(ids)} {gap.words}: {', '.join(ids[:_MOST_ROWS])}{' …' if len(ids) > _MOST_ROWS else ''}"


def _rest(count: int) -> Iterator[str]:
    if count > _MOST_ROWS:
        yield ""
        yield f"{count - _MOST_ROWS} more in report.html."


def _escape(text: str) -> str:
    return in_markdown(text, 300)
