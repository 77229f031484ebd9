"""Run a client program to its end within a bound, with everything it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from conformance.clients.protocol import ClientTimeout

_OUTPUT = "output.log"
_SAID_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended and the last of what it said."""

    code: int
    said: str


def run_bounded(command: Sequence[str], directory: Path, timeout: float, environment: Mapping[str, str]) -> Ended:
    """Run a program; after `timeout` seconds it and its children are killed and `ClientTimeout` is raised."""
    with _running(command, directory, environment) as process:
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            said = _tail(directory / _OUTPUT)
            raise ClientTimeout(f"{command[0]} did not end within {timeout:g} s: {said}") from None
    return Ended(code, _tail(directory / _OUTPUT))


def run_and_kill(
    command: Sequence[str], directory: Path, moment: Event, timeout: float, environment: Mapping[str, str]
) -> bool:
    """Run a program and kill it, children included, when `moment` is set or after `timeout` seconds.

    Returns whether it was still running then.
    """
    with _running(command, directory, environment) as process:
        ended = threading.Thread(target=_set_at_end, args=(process, moment), daemon=True)
        ended.start()
        moment.wait(timeout)
        running = process.poll() is None
    ended.join()
    return running


def _set_at_end(process: subprocess.Popen[bytes], moment: Event) -> None:
    process.wait()
    moment.set()


@contextmanager
def _running(
    command: Sequence[str], directory: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a session of its own, of which nothing is left afterwards."""
    with (directory / _OUTPUT).open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", **environment},
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _tail(output: Path) -> str:
    with output.open("rb") as file:
        file.seek(max(0, output.stat().st_size - _SAID_LIMIT))
        return file.read().decode("utf-8", "replace").strip()
