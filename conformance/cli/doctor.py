"""`cpm-conformance doctor`: check everything that a run needs, one line a check, each with its mend; judges nothing."""

from __future__ import annotations

import json
from pathlib import Path

import click

from conformance.cli.options import configuration, implementations
from conformance.problems import COULD_NOT_RUN


@click.command()
@implementations
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def doctor(
    config: Path | None, options: tuple[str, ...], server: str | None, client: str | None, *, as_json: bool
) -> None:
    """Check reach, login, rights and the honesty of the adapters, each line ok or with its mend."""
    from conformance.execution.preflight import examine

    settings = configuration(config, options, server=server, client=client)
    checks = list(examine(settings))
    if as_json:
        click.echo(json.dumps([each.model_dump() for each in checks], indent=2))
    else:
        for each in checks:
            click.echo(f"{'ok  ' if each.ok else 'FAIL'} {each.name}: {each.detail}")
            if not each.ok and each.mend:
                click.echo(f"       → {each.mend}")
    if not all(each.ok for each in checks):
        raise click.exceptions.Exit(COULD_NOT_RUN)
