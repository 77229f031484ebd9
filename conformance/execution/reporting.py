"""From a finished run to its report on disk."""

from __future__ import annotations

from conformance.execution.clock import Clock
from conformance.execution.header import header_of
from conformance.execution.session import ConformanceSession
from conformance.faults.results import published
from conformance.report import Files, Report, assemble, write
from conformance.spec import requirements


def report_of(session: ConformanceSession, clock: Clock) -> Report:
    """The report of everything that the session gathered."""
    roles = session.judged_roles()
    header = header_of(session.configuration, session.observed, roles)
    selftest = published()
    return assemble(
        header,
        session.results.values(),
        requirements(),
        clock.volatile(),
        secrets=session.configuration.secrets(),
        faults=selftest.counts() if selftest else None,
    )


def write_report(session: ConformanceSession, clock: Clock) -> tuple[Report, Files]:
    """Write the report in all its forms into the run's output directory."""
    report = report_of(session, clock)
    return report, write(report, session.configuration.output)
