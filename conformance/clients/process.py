"""Run a client program to its end within a bound, with everything it starts."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from conformance.clients.protocol import ClientTimeout

_SAID_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended and the last of what it said."""

    code: int
    said: str


def run_bounded(command: Sequence[str], directory: Path, timeout: float, environment: Mapping[str, str]) -> Ended:
    """Run a program; after `timeout` seconds it and its children are killed and `ClientTimeout` is raised."""
    output = directory / "output.log"
    with output.open("wb") as file:
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
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ClientTimeout(f"{command[0]} did not end within {timeout:g} s: {_tail(output)}") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Ended(code, _tail(output))


def _tail(output: Path) -> str:
    with output.open("rb") as file:
        file.seek(max(0, output.stat().st_size - _SAID_LIMIT))
        return file.read().decode("utf-8", "replace").strip()
