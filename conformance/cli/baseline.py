"""`cpm-conformance baseline`: write a first file of known failures from a report."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Print a first file of known failures.")
@click.argument("report", type=click.Path(path_type=Path))
def baseline(report: Path) -> None:
    """Print an entry for each failure in REPORT, a report.json file, to be given to `run --baseline` later.

    Each entry needs a reason in `why`, which is written by hand, and may hold a link in `issue` and a date in
    `expires`. It is bound to requirement, test case, reason, and to what was expected and observed, without numbers,
    quoted text, and the place before the first colon of what was expected: these differ from run to run. An entry
    without `case` holds for all test cases.
    """
    from conformance.report import read
    from conformance.report.baseline import baseline_text

    click.echo(baseline_text(read(report)), nl=False)
