"""From a finished run to its report on disk."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from conformance.execution.header import header_of
from conformance.execution.session import ConformanceSession
from conformance.report import Files, Report, Volatile, assemble, write
from conformance.spec import requirements


class Clock:
    """Start time and duration of a run."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self._start = time.perf_counter()

    def volatile(self) -> Volatile:
        """The volatile part of the report."""
        return Volatile(
            started=self.started.isoformat(timespec="seconds"),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.perf_counter() - self._start, 1),
        )


def report_of(session: ConformanceSession, clock: Clock) -> Report:
    """The report of everything that the session gathered."""
    roles = session.judged_roles()
    header = header_of(session.configuration, session.observed, roles)
    return assemble(
        header, session.results.values(), requirements(), clock.volatile(), secrets=session.configuration.secrets()
    )


def write_report(session: ConformanceSession, clock: Clock) -> tuple[Report, Files]:
    """Write the report in all its forms into the run's output directory."""
    report = report_of(session, clock)
    return report, write(report, session.configuration.output)
