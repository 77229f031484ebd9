"""`cpm-conformance replay`: run one saved counterexample again, several times, and say what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli.options import configuration, implementations, without_secrets
from conformance.configuration import Configuration, Profile
from conformance.secrecy import without

if TYPE_CHECKING:
    from conformance.scenario.counterexample import SavedCounterexample
    from conformance.scenario.rerun import Rerun

FIXED, REPRODUCED, FLAKY = 0, 1, 2


@click.command(short_help="Run a counterexample again.")
@click.argument("file", type=click.Path(path_type=Path))
@implementations
@click.option("--times", type=click.IntRange(1, 100), default=3, show_default=True, help="How often it is run.")
@click.option("--wire", type=click.Path(path_type=Path), help="Write the wire of the last run to this file.")
def replay(
    file: Path,
    config: Path | None,
    options: tuple[str, ...],
    server: str | None,
    client: str | None,
    times: int,
    wire: Path | None,
) -> None:
    """Run the counterexample in FILE again, against the server and client it names or others.

    Exit code 1 if it fails every time, 0 if it never does, 2 if it sometimes does or cannot be decided.
    """
    from conformance.report.text import visible
    from conformance.scenario.counterexample import read_counterexample

    saved = read_counterexample(file)
    where = {"server": server or saved.server.replace(":***@", "@"), "client": client or _client(saved)}
    settings = configuration(config, options, profile=Profile.REPLAY.value, **where)
    for line in saved.told[:-2]:
        click.echo(f"  {visible(line)}")
    with without_secrets(settings):
        code = _run(saved, settings, times, wire)
    raise click.exceptions.Exit(code)


def _client(saved: SavedCounterexample) -> str:
    """Where a server is judged, the client is the reference client, whatever was judged besides."""
    return saved.client if saved.role == "client" else "none"


def _run(saved: SavedCounterexample, settings: Configuration, times: int, wire: Path | None) -> int:
    from conformance.execution.opening import opened
    from conformance.report.text import visible
    from conformance.scenario.rerun import rerun

    with opened(settings, saved.role) as stage:
        runs = [_shown(number, times, rerun(saved, stage), stage.secrets) for number in range(1, times + 1)]
    if wire is not None:
        runs[-1].transcript.write(wire)
    failed = sum(bool(each.failures) for each in runs)
    open_ones = [one for each in runs for one in each.findings if one.outcome.value == "inconclusive"]
    if failed == times:
        click.echo(f"reproduced: {failed} of {times} times")
        return REPRODUCED
    if failed or open_ones:
        why = f"failed {failed} of {times} times" if failed else f"not decided: {visible(open_ones[0].observed)}"
        click.echo(f"flaky: {why}" if failed else why)
        return FLAKY
    click.echo(f"fixed, or not there: 0 of {times} times")
    return FIXED


def _shown(number: int, times: int, run: Rerun, secrets: tuple[str, ...]) -> Rerun:
    from conformance.report.text import one_line

    failures = run.failures
    click.echo(f"run {number} of {times}: {'fails' if failures else 'does not fail'}")
    for each in failures:
        expected, observed = (one_line(without(text, secrets)) for text in (each.expected, each.observed))
        click.echo(f"  {each.requirement}\n    expected: {expected}\n    observed: {observed}")
    return run
