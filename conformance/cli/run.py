"""`cpm-conformance run`: run the test cases against a server and a client, and write the report."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import click

from conformance.cli.options import (
    PROFILE,
    ROLE,
    configuration,
    delivery,
    implementations,
    with_seed,
    without_secrets,
)
from conformance.cli.selection import check_selection
from conformance.configuration import Configuration
from conformance.problems import COULD_NOT_RUN, Problem, UsageProblem
from conformance.secrecy import without


@click.command(short_help="Judge a server and a client, and write the report.")
@implementations
@click.option("--role", type=ROLE, help="Judge the server, the client, or all (default).")
@click.option("--profile", type=PROFILE, help="How much random exploration; quick by default.")
@click.option(
    "--seed", type=click.IntRange(min=0), help="Seed of all random draws; nightly runs choose one of their own."
)
@click.option("--select", multiple=True, metavar="ID", help="Only this requirement, test case or clause; repeatable.")
@click.option("--shard", metavar="I/N", help="Only the part I of N; `cpm-conformance merge` puts them together.")
@click.option("--ics", type=click.Path(path_type=Path), help="The implementation conformance statement, filled in.")
@click.option("--output", type=click.Path(path_type=Path), help="Directory of the report; reports/latest by default.")
@delivery
@click.option("-n", "workers", type=click.IntRange(0, 64), help="Parallel processes.")
def run(config: Path | None, options: tuple[str, ...], **given: Any) -> None:
    """Judge a storage server and a storage client, and write report.json, report.html and other forms of it."""
    said = configuration(config, options, **given)
    settings = with_seed(said, given.get("seed"))
    if settings.shard is not None and settings.seed != said.seed:
        raise UsageProblem("the shards of a nightly run need one seed", "give the same --seed to each of them")
    raise click.exceptions.Exit(execute(settings))


def execute(settings: Configuration) -> int:
    """Run the test cases in this process; returns the exit code of the run."""
    from conformance.cli.progress import Progress
    from conformance.execution.launcher import launch
    from conformance.execution.reporting import check_delivery, write_report
    from conformance.report import exit_code, verdict_lines
    from conformance.report.text import visible

    check_selection(settings.select)
    check_delivery(settings.baseline, settings.sign)
    clear(settings.output)
    click.echo(f"profile {settings.profile.value}, seed {settings.seed} (the same seed draws the same again: --seed N)")
    if settings.shard:
        click.echo(f"shard {settings.shard}: the verdict is that of all shards together (cpm-conformance merge)")
    with without_secrets(settings), Progress(sys.stdout) as progress:
        session = launch(settings, progress)
    report, files = write_report(session, session.clock)
    click.echo("\n".join(verdict_lines(report, files)))
    code = exit_code(report)
    if session.left_behind is None:
        return code
    click.echo(f"cpm-conformance: {without(visible(str(session.left_behind)), settings.secrets())}", err=True)
    return code or COULD_NOT_RUN


def clear(output: Path) -> None:
    """Remove an earlier report, and nothing else, so that no old file is taken for one of this run."""
    from conformance.report.files import NAMES

    try:
        output.mkdir(parents=True, exist_ok=True)
        for name in (*NAMES, "report.json.sig", "transcripts", "counterexamples"):
            path = output / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise Problem(f"{output}: {error.strerror}", "give --output a directory that can be written to") from None
