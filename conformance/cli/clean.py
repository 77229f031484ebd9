"""`cpm-conformance clean`: remove what a run that was killed left, here and on a server given by its URL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click

from conformance.cli.options import configuration, without_secrets
from conformance.configuration import Configuration
from conformance.problems import COULD_NOT_RUN, AdapterProblem, UsageProblem


@click.command(short_help="Remove what killed runs left behind.")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file; the command line wins over it.")
@click.option("--server", metavar="URL", help="imap[s]://user:password@host:port; without it only this machine.")
@click.option("-O", "options", multiple=True, metavar="KEY=VALUE", help="server.KEY=VALUE, as for a run.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@click.option("--all", "everything", is_flag=True, help="Also what runs of other machines left, be they dead or not.")
def clean(
    config: Path | None, server: str | None, options: tuple[str, ...], *, dry_run: bool, everything: bool
) -> None:
    """Remove what runs left that were killed: folders on the server, subscriptions, containers and directories here.

    The suite's own folders are known by names with a checksum; nothing else is touched, and nothing is asked. What a
    run left that may still be at work stays. Exit codes: 0 nothing is left, 3 something is.
    """
    from conformance.report.text import visible

    if server is not None and "://" not in server:
        raise UsageProblem(f"--server {server!r} is no URL", "leave it out: what the suite starts ends with its run")
    settings = configuration(config, options, server=server)
    stays = False
    with without_secrets(settings):
        for line, is_left in chain(_here(dry=dry_run), _there(settings, dry=dry_run, everything=everything)):
            click.echo(visible(line))
            stays = stays or is_left
    if stays:
        raise click.exceptions.Exit(COULD_NOT_RUN)


def _here(*, dry: bool) -> list[tuple[str, bool]]:
    from conformance.programs import abandoned_directories
    from conformance.servers.engine import clean_engine

    told = [(f"{_did(dry)} container {name}", False) for name in clean_engine(dry=dry)]
    for path in abandoned_directories():
        if not dry:
            shutil.rmtree(path, ignore_errors=True)
        stays = path.exists() and not dry
        told.append((f"left     {path}: it cannot be removed" if stays else f"{_did(dry)} directory {path}", stays))
    return told


def _did(dry: bool) -> str:  # noqa: FBT001
    return "would remove" if dry else "removed"


def _there(settings: Configuration, *, dry: bool, everything: bool) -> Iterator[tuple[str, bool]]:
    from conformance.execution.opening import locations
    from conformance.servers.cleaning import Cleaning
    from conformance.servers.traces import dead_records

    accounts = locations(settings)
    for location in accounts:
        where = f"of {location.credentials.user} on {location}"
        with Cleaning(location, settings.answer_timeout, dry=dry, everything=everything) as cleaning:
            problem = None
            try:
                cleaning.clean()
            except AdapterProblem as error:  # raised again once it is told what was removed before
                problem = error
            done = cleaning.done
        yield from ((f"{_did(dry)} {each} {where}", False) for each in done.removed)
        yield from ((f"left     {name} {where}: {reason}", True) for name, reason in done.left)
        if problem is not None:
            raise problem
        if not done.removed and not done.left:
            yield f"nothing is left {where}", False
    known = {(str(each), each.credentials.user) for each in accounts}
    for record in dead_records():
        if (record.server, record.user) not in known:
            yield f"elsewhere: a dead run of {record.user} on {record.server}; give its URL to --server", False
