"""The command line, one file a command."""

from __future__ import annotations

import signal
import sys
import threading

import click

from conformance.cli.adapter import adapter
from conformance.cli.baseline import baseline
from conformance.cli.clean import clean
from conformance.cli.describe import describe
from conformance.cli.diff import diff
from conformance.cli.doctor import doctor
from conformance.cli.listing import list_requirements
from conformance.cli.merge import merge
from conformance.cli.replay import replay
from conformance.cli.run import run
from conformance.cli.selftest import selftest
from conformance.cli.verify import verify
from conformance.problems import COULD_NOT_RUN, USAGE, Problem

_interrupted = threading.Event()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cpm-sync-conformance", prog_name="cpm-conformance")
def cli() -> None:
    """Conformance test suite for OMA CPM message-storage synchronization (5.5.2.20).

    Exit codes: 0 conformant, 1 not conformant, 2 not established, 3 could not run, 4 usage.
    """


cli.add_command(run)
cli.add_command(replay)
cli.add_command(diff)
cli.add_command(merge)
cli.add_command(verify)
cli.add_command(baseline)
cli.add_command(doctor)
cli.add_command(clean)
cli.add_command(list_requirements)
cli.add_command(describe)
cli.add_command(adapter)
cli.add_command(selftest)


def main() -> None:
    """The command `cpm-conformance`: no traceback for what the user can mend.

    Being told to end (SIGTERM), as by a job that is cancelled, is an interrupt: what was begun is cleaned up.
    """
    for told_to_end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told_to_end, _interrupt)
    try:
        # Without click's own error handling, `Exit` is not raised but its code returned.
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.Abort:
        _stop("interrupted", COULD_NOT_RUN)
    except click.ClickException as problem:
        problem.show()
        sys.exit(USAGE)
    except Problem as problem:
        _stop(str(problem), problem.exit_code)
    except KeyboardInterrupt:
        _stop("interrupted; no report was written", COULD_NOT_RUN)
    except Exception:
        # What an interrupt falls into may stumble over it, pytest for one.
        if not _interrupted.is_set():
            raise
        _stop("interrupted; no report was written", COULD_NOT_RUN)


def _interrupt(*_: object) -> None:
    _interrupted.set()
    raise KeyboardInterrupt


def _stop(text: str, code: int) -> None:
    from conformance.report.text import visible  # only an error needs it

    click.echo(f"cpm-conformance: {visible(text)}", err=True)
    sys.exit(code)
