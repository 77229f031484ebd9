"""Programs of this machine that adapters run: where they are, what they say, and a private place for their files."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from conformance.problems import AdapterProblem

_MEMORY = Path("/dev/shm")
_PREFIX = "cpm-conformance-"
_COMMAND_SECONDS = 20.0
_held: dict[Path, int] = {}


def find_program(name: str, mend: str, *, before: Sequence[str | Path] = (), after: Sequence[str | Path] = ()) -> Path:
    """The path of a program from PATH, or from directories before or after it. Raises `AdapterProblem`."""
    places = [*before, os.environ.get("PATH", os.defpath), *after]
    found = shutil.which(name, path=os.pathsep.join(str(place) for place in places if place))
    if found is None:
        raise AdapterProblem(f"the program {name} is not installed, or not where PATH leads", mend)
    return Path(found)


def run_program(program: Path, *arguments: str, mend: str) -> str:
    """The standard output of a short command. Raises `AdapterProblem` if it fails or takes longer than 20 s."""
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=True
        )
    except subprocess.CalledProcessError as error:
        said = str(error.stderr).strip() or f"exit code {error.returncode}"
        raise AdapterProblem(f"{program.name} {' '.join(arguments)}: {said}", mend) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AdapterProblem(f"{program} cannot be run: {error}", mend) from error
    return done.stdout


def private_directory(name: str) -> Path:
    """A new directory, in memory where the system has such a place. The caller removes it.

    This process holds a lock on it, so that what a killed one left is known for it.
    """
    in_memory = _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else None
    path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{name}-", dir=in_memory))
    for gone in [each for each in _held if not each.exists()]:
        os.close(_held.pop(gone))
    _held[path] = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(_held[path], fcntl.LOCK_EX)
    return path


def abandoned_directories() -> Iterator[Path]:
    """The private directories of this user that no living process holds."""
    places = {_MEMORY, Path(tempfile.gettempdir())}
    for path in sorted(path for place in places for path in place.glob(f"{_PREFIX}*-????????")):
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                mine = os.fstat(descriptor).st_uid == os.getuid()
            finally:
                os.close(descriptor)
            if mine:
                yield path
