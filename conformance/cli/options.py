"""The options that commands share: which implementations, and how they are configured."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from conformance.configuration import Configuration, Profile, Roles, adapter_options, read
from conformance.problems import Problem
from conformance.secrecy import without
from conformance.servers.location import OPTIONS as URL_SERVER_OPTIONS

Command = TypeVar("Command", bound=Callable[..., Any])

_SHARED = (
    click.option("--config", type=click.Path(path_type=Path), help="TOML file; the command line wins over it."),
    click.option(
        "--server",
        metavar="S",
        help="reference (default), dovecot, cyrus, container:NAME, or imap[s]://user:password@host:port/root, whose "
        "options `doctor --help` shows.",
    ),
    click.option(
        "--client",
        metavar="C",
        help="reference (default), mbsync, offlineimap, interimap, stdio:COMMAND, manual, none.",
    ),
    click.option(
        "-O", "options", multiple=True, metavar="KEY=VALUE", help="Adapter option, for the client or server.KEY."
    ),
)


URL_OPTIONS = "\b\nFor a server given by its URL:\n" + "\n".join(
    f"  -O server.{name}=…\n      {text}" for name, text in URL_SERVER_OPTIONS.items()
)
"""What `--help` tells of the options of a running server."""


def implementations(command: Command) -> Command:
    """Add the options that name the implementations under test."""
    for option in reversed(_SHARED):
        command = option(command)
    return command


def configuration(config: Path | None, options: tuple[str, ...], **given: Any) -> Configuration:
    """The configuration that file and command line spell together; options that were not given say nothing."""
    overrides = {key: value for key, value in given.items() if value not in (None, ())}
    return read(config, overrides | adapter_options(options))


@contextmanager
def without_secrets(settings: Configuration) -> Iterator[None]:
    """Whatever goes wrong inside is told without the secrets of the configuration, even if a server repeats them."""
    try:
        yield
    except Problem as problem:
        hidden = settings.secrets()
        problem.text, problem.mend = without(problem.text, hidden), without(problem.mend, hidden)
        raise


def with_seed(settings: Configuration, given: int | None) -> Configuration:
    """The configuration with a seed of its own where a nightly run was given none; the report tells it."""
    if settings.profile is not Profile.NIGHTLY or given is not None or "seed" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"seed": secrets.randbelow(2**32)})


_DELIVERY = (
    click.option(
        "--baseline",
        type=click.Path(path_type=Path),
        help="TOML file of known failures; only what is new, or stale in it, gives exit code 1.",
    ),
    click.option("--sign", type=click.Path(path_type=Path), metavar="KEY", help="Sign report.json with this SSH key."),
)


def delivery(command: Command) -> Command:
    """Add the options that say what is done with a report in the end."""
    for option in reversed(_DELIVERY):
        command = option(command)
    return command


ROLE = click.Choice([each.value for each in Roles])
PROFILE = click.Choice([each.value for each in Profile if each is not Profile.REPLAY])
