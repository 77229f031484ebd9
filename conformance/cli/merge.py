"""`cpm-conformance merge`: put the reports of the shards of one run together."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.cli.options import delivery
from conformance.cli.run import clear
from conformance.problems import UsageProblem


@click.command(short_help="Merge the reports of all shards of a run.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="REPORT...")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("reports/merged"),
    show_default=True,
    help="Directory of the merged report.",
)
@delivery
def merge(files: tuple[Path, ...], output: Path, baseline: Path | None, sign: Path | None) -> None:
    """Merge the report.json of all shards of a run; the result is that of a run that was not divided.

    Exit codes are those of `run`. While a shard is missing, nothing is conformant.
    """
    from conformance.execution.reporting import check_delivery, deliver
    from conformance.report import exit_code, read, verdict_lines
    from conformance.report.merging import Part, check_evidence, copy_evidence, merged

    parts = [Part(file, read(file)) for file in files]
    report = merged(parts)
    check_evidence(parts)
    check_delivery(baseline, sign)
    if any(file.parent.resolve() == output.resolve() for file in files):
        raise UsageProblem(f"--output {output} holds one of the shards", "give a directory of its own")
    clear(output)
    copy_evidence(parts, output)
    report, written = deliver(report, output, baseline, sign)
    click.echo("\n".join(verdict_lines(report, written)))
    raise click.exceptions.Exit(exit_code(report))
