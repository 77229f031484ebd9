"""Run test cases of the suite in this process against given implementations."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from pathlib import Path

from conformance.clients.protocol import StorageClient
from conformance.configuration import Configuration, Profile, Roles
from conformance.execution.reporting import unwatched
from conformance.report import Report
from conformance.scenario.stage import Bounds, Stage
from conformance.servers.protocol import StorageServer

BOUNDS = Bounds(synchronize=20.0, answer=5.0)


def judged(
    server: StorageServer,
    client: StorageClient | None = None,
    select: Collection[str] = (),
    *,
    role: Roles = Roles.ALL,
    profile: Profile = Profile.QUICK,
    bounds: Bounds = BOUNDS,
) -> Report:
    """The report of a run over the selected requirements, clauses or cases; both implementations have to be up."""
    with tempfile.TemporaryDirectory(prefix="judged-") as output:
        configuration = Configuration(
            client="none" if client is None else "given",
            role=role,
            profile=profile,
            select=tuple(select),
            output=Path(output),
        )
        return unwatched(configuration, Stage(server, client, bounds=bounds))


def run_cases(
    server: StorageServer, client: StorageClient | None = None, select: Collection[str] = ()
) -> dict[str, str]:
    """The outcome of every requirement that was judged, by its id."""
    report = judged(server, client, select)
    return {each.id: each.outcome.value for each in report.requirements if each.outcome.value != "not_run"}
