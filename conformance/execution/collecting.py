"""Which test cases a run has, without running any: collected by pytest and the suite's own selection, as in a run."""

from __future__ import annotations

from contextlib import redirect_stdout
from functools import cache
from io import StringIO

import pytest

from conformance.configuration import Configuration
from conformance.execution.launcher import arguments, undisturbed
from conformance.execution.session import ConformanceSession, case_id, shard_of
from conformance.report import Header


class _Collector:
    def __init__(self) -> None:
        self.ids: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep the ids of what would be run."""
        self.ids = sorted(map(case_id, session.items))


def cases_of(header: Header) -> list[str]:
    """The ids of the test cases that this suite has for a run with such a header."""
    if not header.roles:
        return []
    ids = _collected("all" if len(header.roles) > 1 else header.roles[0], header.selection)
    shards = header.shards
    if shards is None:
        return list(ids)
    return sorted(name for number in shards.present for name in shard_of(ids, number, shards.of))


@cache
def _collected(role: str, select: tuple[str, ...]) -> tuple[str, ...]:
    settings = Configuration.model_validate({"role": role, "select": select})
    collector = _Collector()
    with undisturbed(), redirect_stdout(StringIO()):
        pytest.main([*arguments(settings), "--collect-only"], plugins=[collector, ConformanceSession(settings)])
    return tuple(collector.ids)
