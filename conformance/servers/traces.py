"""What a run may leave where others work, and how it is known for its own: the names of its folders, and its record.

The name of a root folder tells which run made it and bears a checksum, so that no folder of anybody else has one like
it. As long as the run lives it holds a lock on its record, a file of this machine that says what else it made.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO

from conformance.model.folders import FolderPath
from conformance.problems import AdapterProblem

_FOLDER = re.compile(r"(cpm-([0-9a-f]{4})[0-9a-f]{6})([0-9a-f]{4})(?:-\d{1,9})?", re.IGNORECASE)
_SHARED = Path("/tmp")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:4]


def here() -> str:
    """Four letters for this machine and user, who can see whether a run of theirs lives."""
    return _digest(f"{platform.node()} {os.getuid()}")


def new_run() -> str:
    """The name of a new run; its root folders are called so, with `-` and a number after it."""
    name = f"cpm-{here()}{secrets.token_hex(3)}"
    return name + _digest(name)


def run_of(path: FolderPath) -> tuple[str, FolderPath] | None:
    """The run that made a folder and the root folder that it lies in, None for what no run made.

    A server may show the letters of a name in any case (RFC 3501 5.1).
    """
    for depth, level in enumerate(path, start=1):
        told = _FOLDER.fullmatch(level)
        if told and _digest(told[1].lower()) == told[3].lower():
            return (told[1] + told[3]).lower(), path[:depth]
    return None


def is_of_here(run: str) -> bool:
    """Whether a run is one of this machine and user."""
    return run.startswith(f"cpm-{here()}")


@dataclass
class Record:
    """What one run did on which server; `made` are the folders above its own that it found missing."""

    run: str
    server: str
    user: str
    made: list[FolderPath] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return directory() / f"{self.run}.json"

    def begin(self) -> None:
        """Write and lock it, as long as this process lives. Raises `AdapterProblem`."""
        try:
            self._file: IO[str] = self.path.open("w")
        except OSError as error:
            raise AdapterProblem(f"{self.path}: {error.strerror}", f"make {directory()} a place to write to") from None
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self.write()

    def write(self) -> None:
        """Keep what it says now; written before the deed, so that nothing is done that is not told."""
        told = {"server": self.server, "user": self.user, "made": [list(path) for path in self.made]}
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps(told))
        self._file.flush()

    def end(self, *, clean: bool) -> None:
        """The run is over; what was not cleaned up stays recorded."""
        if clean:
            self.forget()
        self._file.close()

    def forget(self) -> None:
        """Nothing is left of the run."""
        self.path.unlink(missing_ok=True)


def directory() -> Path:
    """Where records are kept: one place for all runs of a user. Raises `AdapterProblem` where others could write."""
    place = _SHARED if os.access(_SHARED, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    path = place / f"cpm-conformance-{os.getuid()}"
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = path.lstat()
    if status.st_uid != os.getuid() or not path.is_dir() or path.is_symlink():
        raise AdapterProblem(f"{path} is not a directory of yours", "remove it, or have it removed")
    return path


def lives(run: str) -> bool:
    """Whether a run of this machine and user holds its lock."""
    try:
        with (directory() / f"{run}.json").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def dead_records() -> Iterator[Record]:
    """The records of runs that ended without cleaning up. One that cannot be read says nothing."""
    for path in sorted(directory().glob("cpm-*.json")):
        if run_of((path.stem,)) and not lives(path.stem):
            with suppress(OSError, ValueError, KeyError, TypeError):
                told = json.loads(path.read_text())
                yield Record(path.stem, str(told["server"]), str(told["user"]), [tuple(each) for each in told["made"]])
