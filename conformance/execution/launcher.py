"""Start pytest on the suite's own test cases, apart from any pytest configuration in the working directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Protocol

import pytest

from conformance.cases import registry
from conformance.configuration import Configuration
from conformance.execution.session import ConformanceSession
from conformance.outcomes import CaseResult
from conformance.problems import Problem
from conformance.scenario.stage import Stage
from conformance.spec import requirements

CASES = Path(registry.__file__).parent
_DISTURBING = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "HYPOTHESIS_PROFILE")


class Watcher(Protocol):
    """Whoever shows how a run comes along."""

    def expect(self, cases: int) -> None:
        """So many test cases will run."""
        ...

    def finished(self, result: CaseResult) -> None:
        """A test case has ended."""
        ...


@cache
def selectable() -> frozenset[str]:
    """Every requirement id, test case id and clause, with the clauses that hold it."""
    clauses = {each.clause for each in requirements()}
    wholes = {clause.partition("-")[0] for clause in clauses}
    return frozenset({each.id for each in requirements()} | clauses | wholes | set(registry.declarations()))


class _Announcer:
    """Tells the watcher how many cases were collected, in this process or on the workers."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """The cases of a run without workers."""
        if session.items:
            self.watcher.expect(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """The cases of a run with workers; every worker collects them all."""
        self.watcher.expect(len(ids))


def launch(configuration: Configuration, watcher: Watcher, stage: Stage | None = None) -> ConformanceSession:
    """Run all selected cases; returns the session with their results. Raises `Problem` if nothing could be run.

    With a `stage` its implementations are judged, and stay up.
    """
    session = ConformanceSession(configuration, stage=stage)
    session.watchers.append(watcher.finished)
    if configuration.workers:
        session.review_first()
    else:
        session.open_stage()
    said = StringIO()
    try:
        with undisturbed(), redirect_stdout(said):
            code = pytest.main(arguments(configuration), plugins=[_Announcer(watcher), session])
    finally:
        session.close_stage()
    _check(code, session, said.getvalue())
    return session


def arguments(configuration: Configuration) -> list[str]:
    """The command line of pytest for a run."""
    plugins = ["conformance.plugin"]
    plugins += ["xdist.plugin"] if configuration.workers else []
    return [
        *map(str, registry.files(configuration.select)),
        f"--rootdir={CASES}",
        f"--confcutdir={CASES}",
        f"--config-file={CASES / 'pytest.ini'}",
        *(argument for plugin in plugins for argument in ("-p", plugin)),
        "-p",
        "no:cacheprovider",
        "-q",
        "--tb=short",
        "-p",
        "no:unraisableexception",
        f"--cpm-settings={configuration.model_dump_json()}",
        *([f"-n{configuration.workers}"] if configuration.workers else []),
    ]


@contextmanager
def undisturbed() -> Iterator[None]:
    """Without the environment's pytest settings, and with no plugin but the named ones."""
    saved = {name: os.environ.pop(name) for name in _DISTURBING if name in os.environ}
    autoload = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        os.environ.update(saved)
        if autoload is None:
            del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]


def _check(code: int | pytest.ExitCode, session: ConformanceSession, said: str) -> None:
    if session.problem is not None:
        raise session.problem
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
        tail = "\n".join(said.strip().splitlines()[-15:])
        raise Problem(f"the test cases could not be run:\n{tail}", "this is an error of the suite; please report it")
