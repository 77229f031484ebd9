"""The options that commands share: which implementations, and how they are configured."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from conformance.configuration import Configuration, Profile, Roles, adapter_options, read

Command = TypeVar("Command", bound=Callable[..., Any])

_SHARED = (
    click.option("--config", type=click.Path(path_type=Path), help="TOML file; the command line wins over it."),
    click.option(
        "--server", metavar="S", help="reference (default), dovecot, cyrus, or imap[s]://user:password@host:port/root."
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


def implementations(command: Command) -> Command:
    """Add the options that name the implementations under test."""
    for option in reversed(_SHARED):
        command = option(command)
    return command


def configuration(config: Path | None, options: tuple[str, ...], **given: Any) -> Configuration:
    """The configuration that file and command line spell together; options that were not given say nothing."""
    overrides = {key: value for key, value in given.items() if value not in (None, ())}
    return read(config, overrides | adapter_options(options))


def with_seed(settings: Configuration, given: int | None) -> Configuration:
    """The configuration with a seed of its own where a nightly run was given none; the report tells it."""
    if settings.profile is not Profile.NIGHTLY or given is not None or "seed" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"seed": secrets.randbelow(2**32)})


ROLE = click.Choice([each.value for each in Roles])
PROFILE = click.Choice([each.value for each in Profile if each is not Profile.REPLAY])
