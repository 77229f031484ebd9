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
from typing import IO

from conformance.clients.protocol import ClientTimeout

_SAID_LIMIT = 2000
_READ_OCTETS = 65536
_LAST_WORDS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended and the last of what it said."""

    code: int
    said: str


def run_bounded(command: Sequence[str], directory: Path, timeout: float, environment: Mapping[str, str]) -> Ended:
    """Run a program; after `timeout` seconds it and its children are killed and `ClientTimeout` is raised."""
    with _running(command, directory, environment) as (process, output):
        code = _code(process, timeout)
    if code is None:
        raise ClientTimeout(f"{command[0]} did not end within {timeout:g} s: {output.tail()}")
    return Ended(code, output.tail())


def _code(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None


def run_and_kill(
    command: Sequence[str], directory: Path, moment: Event, timeout: float, environment: Mapping[str, str]
) -> bool:
    """Run a program and kill it, children included, when `moment` is set or after `timeout` seconds.

    Returns whether it was still running then.
    """
    with _running(command, directory, environment) as (process, _):
        ended = threading.Thread(target=_set_at_end, args=(process, moment), daemon=True)
        ended.start()
        moment.wait(timeout)
        running = process.poll() is None
    ended.join()
    return running


def _set_at_end(process: subprocess.Popen[bytes], moment: Event) -> None:
    process.wait()
    moment.set()


class _Output(threading.Thread):
    """Reads what a program says, however much it is, and keeps the end of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._stream, self._end = stream, b""
        self.start()

    def run(self) -> None:
        with self._stream:
            while octets := os.read(self._stream.fileno(), _READ_OCTETS):
                self._end = (self._end + octets)[-_SAID_LIMIT:]

    def tail(self) -> str:
        """The last it said. A process that has left its session can still hold the stream; it is not waited for."""
        self.join(_LAST_WORDS_SECONDS)
        return self._end.decode("utf-8", "replace").strip()


@contextmanager
def _running(
    command: Sequence[str], directory: Path, environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], _Output]]:
    """A program in a session of its own, of which nothing is left afterwards."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=directory,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", **environment},
        start_new_session=True,
    )
    assert process.stdout is not None
    output = _Output(process.stdout)
    try:
        yield process, output
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
