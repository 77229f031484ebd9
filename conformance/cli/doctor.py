"""`cpm-conformance doctor`: check everything that a run needs, one line a check, each with its mend; judges nothing."""

from __future__ import annotations

import json
from pathlib import Path

import click

from conformance.cli.options import URL_OPTIONS, configuration, implementations, without_secrets
from conformance.problems import COULD_NOT_RUN
from conformance.secrecy import without


@click.command(epilog=URL_OPTIONS, short_help="Check server and adapters: each line ok, or the mend.")
@implementations
@click.option("--json", "as_json", is_flag=True, help="A JSON list of name, ok, detail and mend.")
@click.option("--read-only", is_flag=True, help="Change nothing at all; rights and adapters are not tried then.")
def doctor(
    config: Path | None,
    options: tuple[str, ...],
    server: str | None,
    client: str | None,
    *,
    as_json: bool,
    read_only: bool,
) -> None:
    """Check reach, TLS, login, rights and the honesty of the adapters, each line ok or with its mend.

    On an account of others it only looks, but for one root folder of its own, in which it tries its rights and which it
    removes. Exit codes: 0 everything is as a run needs it, 3 something is not.
    """
    from conformance.execution.preflight import examine
    from conformance.report.text import one_line

    settings = configuration(config, options, server=server, client=client)
    hidden = settings.secrets()
    with without_secrets(settings):
        found = list(examine(settings, read_only=read_only))
    shown = [{"detail": one_line(without(each.detail, hidden)), "mend": without(each.mend, hidden)} for each in found]
    checks = [each.model_copy(update=told) for each, told in zip(found, shown, strict=True)]
    if as_json:
        click.echo(json.dumps([each.model_dump() for each in checks], indent=2))
    else:
        for each in checks:
            click.echo(f"{'ok  ' if each.ok else 'FAIL'} {each.name}: {each.detail}")
            if not each.ok and each.mend:
                click.echo(f"       → {each.mend}")
    if not all(each.ok for each in checks):
        raise click.exceptions.Exit(COULD_NOT_RUN)
