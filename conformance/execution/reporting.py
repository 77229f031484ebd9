"""From a finished run to its report on disk."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from conformance.configuration import Configuration
from conformance.execution.clock import Clock
from conformance.execution.header import header_of
from conformance.execution.launcher import launch
from conformance.execution.session import ConformanceSession
from conformance.faults.results import published
from conformance.outcomes import CaseResult
from conformance.problems import Problem
from conformance.report import Report, assemble, write
from conformance.report.baseline import compared, read_baseline
from conformance.report.evidence import with_evidence
from conformance.report.signature import check_key, sign
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


def write_report(session: ConformanceSession, clock: Clock) -> tuple[Report, list[Path]]:
    """Write the report in all its forms into the run's output directory, and sign it if that is wanted."""
    settings = session.configuration
    return deliver(report_of(session, clock), settings.output, settings.baseline, settings.sign)


def deliver(report: Report, output: Path, baseline: Path | None, key: Path | None) -> tuple[Report, list[Path]]:
    """Tie a report to the wire in its directory and compare it with a baseline; write it in all its forms, and sign it.

    Returns what was written, and where. Raises `Problem` for a file that cannot be read or written.
    """
    report = with_evidence(report, output)
    if baseline is not None:
        report = compared(report, read_baseline(baseline), datetime.now(UTC).date())
    try:
        files = write(report, output)
    except OSError as error:
        raise Problem(f"{output}: {error.strerror}", "give --output a directory that can be written to") from None
    return report, [*files, *([sign(files.json, key)] if key else [])]


def check_delivery(baseline: Path | None, key: Path | None) -> None:
    """Raise `Problem` for a baseline that cannot be read or a key that cannot sign, before anything is run."""
    if baseline is not None:
        read_baseline(baseline)
    if key is not None:
        check_key(key)
