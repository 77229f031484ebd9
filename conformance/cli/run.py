"""`cpm-conformance run`: run the test cases against a server and a client, and write the report."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import click

from conformance.cli.options import PROFILE, ROLE, configuration, implementations, with_seed
from conformance.configuration import Configuration
from conformance.problems import COULD_NOT_RUN, Problem, UsageProblem


@click.command()
@implementations
@click.option("--role", type=ROLE, help="Judge the server, the client, or all (default).")
@click.option("--profile", type=PROFILE, help="How much random exploration; quick by default.")
@click.option(
    "--seed", type=click.IntRange(min=0), help="Seed of all random draws; nightly runs choose one of their own."
)
@click.option("--select", multiple=True, metavar="ID", help="Only this requirement, test case or clause; repeatable.")
@click.option("--output", type=click.Path(path_type=Path), help="Directory of the report; reports/latest by default.")
@click.option("-n", "workers", type=click.IntRange(0, 64), help="Parallel processes.")
def run(config: Path | None, options: tuple[str, ...], **given: Any) -> None:
    """Judge a storage server and a storage client, and write report.json, report.html, junit.xml and Allure results."""
    settings = with_seed(configuration(config, options, **given), given.get("seed"))
    raise click.exceptions.Exit(execute(settings))


def execute(settings: Configuration) -> int:
    """Run the test cases in this process; returns the exit code of the run."""
    from conformance.cli.progress import Progress
    from conformance.execution.launcher import launch
    from conformance.execution.reporting import write_report
    from conformance.report import exit_code, verdict_lines

    _check_selection(settings)
    _clear(settings.output)
    click.echo(f"profile {settings.profile.value}, seed {settings.seed} (the same seed draws the same again: --seed N)")
    with Progress(sys.stdout) as progress:
        session = launch(settings, progress)
    report, files = write_report(session, session.clock)
    click.echo("\n".join(verdict_lines(report, [*files, settings.output / "allure-results"])))
    code = exit_code(report)
    if session.left_behind is None:
        return code
    click.echo(f"cpm-conformance: {session.left_behind}", err=True)
    return code or COULD_NOT_RUN


def _check_selection(settings: Configuration) -> None:
    from conformance.execution.launcher import selectable

    known = selectable() if settings.select else frozenset()
    for each in settings.select:
        if each not in known:
            raise UsageProblem(
                f"--select {each!r} names no requirement, test case or clause", "see `cpm-conformance list`"
            )


_OURS = ("report.json", "report.html", "junit.xml", "summary.md", "transcripts", "counterexamples", "allure-results")


def _clear(output: Path) -> None:
    """Remove an earlier report, and nothing else, so that no old file is taken for one of this run."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name in _OURS:
            path = output / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise Problem(f"{output}: {error.strerror}", "give --output a directory that can be written to") from None
