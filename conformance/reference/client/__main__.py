"""One synchronization from the command line, on a durable directory: a process that can be killed at any point."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal, get_args

import click

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.reference.client.client import Client, TimeExceeded

Security = Literal["none", "tls", "starttls"]
_PASSWORD = "CPM_PASSWORD"


def _password(file: Path | None) -> str:
    """The password from a file that only its owner can read, else from the environment; never from the arguments."""
    if file is None:
        if _PASSWORD not in os.environ:
            raise click.UsageError(f"no password: set {_PASSWORD} or name a file with --password-file")
        return os.environ[_PASSWORD]
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise click.UsageError(f"{file} can be read by others; run: chmod 600 {file}")
    return file.read_text("utf-8").rstrip("\r\n")


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=143, show_default=True)
@click.option("--security", type=click.Choice(get_args(Security)), default="none", show_default=True)
@click.option("--user", required=True)
@click.option("--password-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A 0600 file.")
@click.option("--root", multiple=True, metavar="LEVEL", help="The folder to work below; once a level, outermost first.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=60.0, show_default=True, help="Seconds.")
def main(
    directory: Path,
    host: str,
    port: int,
    security: Security,
    user: str,
    password_file: Path | None,
    root: tuple[str, ...],
    timeout: float,
) -> None:
    """Synchronize DIRECTORY with a message storage server, once. Exit status 1 when anything could not be done.

    The password is read from --password-file, or from the environment variable CPM_PASSWORD.
    """
    credentials = Credentials(user, _password(password_file))
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Client(directory) as client:
        try:
            report = client.synchronize(Endpoint(host, port, security), credentials, root, timeout=timeout)
        except TimeExceeded as error:
            raise click.ClickException(str(error)) from None
    click.echo(str(report))
    if not report.success:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
