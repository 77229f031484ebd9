"""A comparison of two reports in words: for a terminal, and in Markdown for the job pages of CI systems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from conformance.report.comparison import Change, Comparison, Failure
from conformance.report.text import in_markdown, one_line

_MOST = 100

_FAILURES = (
    ("new", "New failures"),
    ("otherwise", "Still failing, with another observation"),
    ("fixed", "Fixed"),
    ("unproven", "Failed before, not seen now, but not shown to be fixed"),
)
_CHANGES = (
    ("vanished", "Vanished: test cases that were executed before and are not there now"),
    ("not_run", "Newly not run: test cases that were executed before"),
    ("appeared", "Newly executed test cases"),
    ("requirements", "Requirements with another outcome"),
)
_MISLEADING = "The runs themselves differ, which can be the cause of what follows"


def comparison_lines(found: Comparison) -> list[str]:
    """The comparison as lines for a terminal."""
    return list(_lines(found, one_line, "{}:", "  {}"))


def comparison_markdown(found: Comparison) -> str:
    """The comparison in Markdown."""
    return "\n".join(["# Changes between two reports", "", *_lines(found, in_markdown, "## {}\n", "- {}")]) + "\n"


def _lines(found: Comparison, shown: Callable[[str], str], heading: str, item: str) -> Iterator[str]:
    yield _summary(found)
    for told, name in ((found.context, _MISLEADING), (found.verdicts, "Verdicts")):
        yield from _section(name, map(shown, told), heading, item)
    for key, name in _FAILURES:
        failures: tuple[Failure, ...] = getattr(found, key)
        yield from _section(f"{name} ({len(failures)})", (shown(_failure(each)) for each in failures), heading, item)
    for key, name in _CHANGES:
        changes: tuple[Change, ...] = getattr(found, key)
        yield from _section(f"{name} ({len(changes)})", (shown(_change(each)) for each in changes), heading, item)


def _summary(found: Comparison) -> str:
    if found.is_empty:
        return "The reports say the same."
    counts = (
        (len(found.new), "new failure" if len(found.new) == 1 else "new failures"),
        (len(found.fixed), "fixed"),
        (len(found.not_run), "newly not run"),
        (len(found.vanished), "vanished"),
    )
    return ", ".join(f"{count} {name}" for count, name in counts) + "."


def _section(name: str, told: Iterable[str], heading: str, item: str) -> Iterator[str]:
    lines = list(told)
    if lines:
        yield from ("", heading.format(name))
        yield from (item.format(line) for line in lines[:_MOST])
        if len(lines) > _MOST:
            yield item.format(f"and {len(lines) - _MOST} more")


def _failure(each: Failure) -> str:
    now = f"; now {each.now}" if each.now else ""
    return f"{each.requirement} in {each.case}: {each.title}; expected {each.expected}; observed {each.observed}{now}"


def _change(each: Change) -> str:
    return f"{each.id}: {each.before}, now {each.after}"
