"""What `--select` takes, the same for every command."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.problems import UsageProblem


def check_selection(select: Iterable[str]) -> None:
    """Raise `UsageProblem` for what names no requirement, test case or clause."""
    from conformance.execution.launcher import selectable

    for each in select:
        if each not in selectable():
            raise UsageProblem(
                f"--select {each!r} names no requirement, test case or clause", "see `cpm-conformance list`"
            )
