"""A child process that is spoken to in lines: one line there, one line back, bounded in time and in memory.

Its standard error is drained all the time and its end kept, for the messages of whatever goes wrong. It leads a process
group of its own, which is killed with it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event
from typing import BinaryIO, cast

from conformance.problems import AdapterProblem

LINE_LIMIT = 256 * 2**20
"""The longest line that is read, in octets."""

_SAID_LIMIT, _SAID_LINES = 8192, 8
_CHUNK = 65536
_GRACE = 1.0
_FAREWELL = 5.0
_MEND = "the adapter has to follow the protocol; see fixtures/clients/stdio/PROTOCOL.md"


class Silence(Exception):
    """The child did not answer in time."""


class Child:
    """A running child process. Every method that speaks to it raises `AdapterProblem` with the last it said."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], line_limit: int = LINE_LIMIT) -> None:
        self.line_limit = line_limit
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environment),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise AdapterProblem(
                f"the client's adapter {command[0]!r} cannot be started: {error}",
                "give the command line of a program that can be run: --client 'stdio:COMMAND'",
            ) from error
        pipes = self._process.stdin, self._process.stdout, self._process.stderr
        self._input, self._output, self._errors = (cast("BinaryIO", pipe) for pipe in pipes)
        os.set_blocking(self._input.fileno(), False)
        self._lines: Queue[bytes] = Queue(maxsize=1)
        self._alarm = Event()
        self._said = b""
        self._ended, self._errors_read = Event(), Event()
        self._left_processes = self._stopped = False
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._read, self._drain, self._watch)]
        for thread in self._threads:
            thread.start()

    def exchange(self, line: bytes, timeout: float) -> bytes:
        """Send a line and return the next one that comes. Raises `Silence` if none comes within `timeout` seconds."""
        end = time.monotonic() + timeout
        self.send(line, timeout)
        try:
            answer = self._lines.get(timeout=max(0.0, end - time.monotonic()))
        except Empty:
            raise Silence(f"no answer within {timeout:g} s{self.last_words()}") from None
        return self._whole(answer)

    def send(self, line: bytes, timeout: float) -> None:
        """Send a line. Raises `Silence` if the child does not take it within `timeout` seconds."""
        end, left = time.monotonic() + timeout, memoryview(line)
        writable = select.poll()
        writable.register(self._input, select.POLLOUT)
        while left:
            if not writable.poll(max(0.0, end - time.monotonic()) * 1000):
                raise Silence(f"it does not read its input{self.last_words()}")
            try:
                left = left[os.write(self._input.fileno(), left[:_CHUNK]) :]
            except BlockingIOError:
                continue
            except OSError:
                # It closed its input: what it answered before, or how it ended, tells more than that.
                return

    def is_silent_until(self, moment: Event, timeout: float) -> bool:
        """Wait for the moment, for a line, or for the end of the child; whether no line came and it still runs."""
        self._alarm = moment
        if self._lines.empty():
            moment.wait(timeout)
        return self._lines.empty() and not self._ended.is_set()

    def _whole(self, line: bytes) -> bytes:
        if line.endswith(b"\n"):
            return line
        if len(line) > self.line_limit:
            raise self.problem(f"wrote a line of more than {self.line_limit} octets")
        self._ended.wait(_GRACE + _FAREWELL)
        raise self.problem(f"{self._how_it_ended()}{' in the middle of a line' if line else ''}")

    def _how_it_ended(self) -> str:
        code = self._process.poll()
        if code is None:
            return "closed its standard output"
        return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def problem(self, what: str) -> AdapterProblem:
        """A problem of the adapter, with the last that it said."""
        if self._ended.is_set():
            self._errors_read.wait(_GRACE)
        return AdapterProblem(f"the client's adapter {what}{self.last_words()}", _MEND)

    def last_words(self) -> str:
        """The last lines of its standard error, ready to be put after a sentence."""
        lines = self._said.decode("utf-8", "replace").strip().splitlines()[-_SAID_LINES:]
        return "".join(
            ["; the last lines of its standard error:", *(f"\n    {each}" for each in lines)] if lines else []
        )

    def _read(self) -> None:
        line = b"\n"
        while line.endswith(b"\n") and not self._stopped:
            line = self._output.readline(self.line_limit + 1)
            while not self._stopped:
                with suppress(Full):
                    self._lines.put(line, timeout=_GRACE)
                    break
            self._alarm.set()

    def _drain(self) -> None:
        while chunk := os.read(self._errors.fileno(), _CHUNK):
            self._said = (self._said + chunk)[-_SAID_LIMIT:]
        self._errors_read.set()

    def _watch(self) -> None:
        self._process.wait()
        self._left_processes = not self._stopped and not _comes_to_an_end(self._process.pid)
        _kill_group(self._process.pid)
        self._ended.set()
        self._alarm.set()

    def farewell(self) -> AdapterProblem | None:
        """End its input, wait for it to end, and end whatever is left; what was wrong with its end, if anything."""
        with suppress(OSError):
            self._input.close()
        problem = None
        if not self._ended.wait(_FAREWELL + _GRACE):
            problem = self.problem(f"did not end within {_FAREWELL:g} s after the end of its input")
        elif self._process.returncode:
            problem = self.problem(f"{self._how_it_ended()} after the end of its input")
        elif self._left_processes:
            problem = self.problem("left processes running when it ended; they were killed")
        self.kill()
        return problem

    def kill(self) -> None:
        """Kill the child with its process group, and let go of everything; safe to repeat."""
        self._stopped = True
        if not self._ended.is_set():
            _kill_group(self._process.pid)
        self._process.wait()
        for thread in self._threads:
            thread.join(2 * _GRACE)
        with suppress(OSError):
            self._input.close()
        if not any(thread.is_alive() for thread in self._threads):
            self._output.close()
            self._errors.close()


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _comes_to_an_end(group: int) -> bool:
    """Whether no process of a group is left, at the latest after a moment."""
    pause = threading.Event()
    return any(not _lives(group) or pause.wait(0.02) for _ in range(int(_GRACE / 0.02)))


def _lives(group: int) -> bool:
    """Whether a process of the group runs; one that ended and that nobody waited for does not."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    found = [_state(stat) for stat in Path("/proc").glob("[0-9]*/stat")]
    return not found or any(each[1] == group and each[0] != "Z" for each in found if each)


def _state(stat: Path) -> tuple[str, int] | None:
    """State and process group of a process, as Linux tells them."""
    try:
        fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[2])
