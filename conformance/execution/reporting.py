"""From a finished run to its report on disk."""

from __future__ import annotations

from conformance.configuration import Configuration
from conformance.execution.clock import Clock
from conformance.execution.header import header_of
from conformance.execution.launcher import launch
from conformance.execution.session import ConformanceSession
from conformance.faults.results import published
from conformance.outcomes import CaseResult
from conformance.report import Files, Report, assemble, write
from conformance.scenario.stage import Stage
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


def unwatched(configuration: Configuration, stage: Stage) -> Report:
    """Run the selected cases on a stage, while nobody watches; the report of them."""
    session = launch(configuration, _Nobody(), stage)
    return report_of(session, session.clock)


class _Nobody:
    def expect(self, cases: int) -> None:
        """Nobody watches."""

    def finished(self, result: CaseResult) -> None:
        """Nobody watches."""


def write_report(session: ConformanceSession, clock: Clock) -> tuple[Report, Files]:
    """Write the report in all its forms into the run's output directory."""
    report = report_of(session, clock)
    return report, write(report, session.configuration.output)
