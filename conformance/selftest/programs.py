"""Programs of this machine in tests: where one is missing a test is skipped with the reason, or fails if told so."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from conformance.problems import AdapterProblem
from conformance.servers.process import PrivateServer

REQUIRED = "CPM_REQUIRE_PROGRAMS"
T = TypeVar("T")


def or_skip(find: Callable[[], T], required: str = REQUIRED) -> T:
    """The result of `find`; its `AdapterProblem` skips the test, or fails it when the variable `required` is 1."""
    try:
        return find()
    except AdapterProblem as problem:
        if os.environ.get(required) == "1":
            pytest.fail(f"{required}=1, and {problem}")
        pytest.skip(problem.text)


@contextmanager
def running(server: PrivateServer) -> Iterator[PrivateServer]:
    """The server, started; its program missing skips the test."""
    or_skip(server.program)
    with server:
        yield server


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether the condition comes true within the time."""
    pause = threading.Event()
    return any(condition() or pause.wait(0.02) for _ in range(int(seconds / 0.02)))


def group_of(leader: int) -> list[int]:
    """The living processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found
