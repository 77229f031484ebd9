"""A reader who does what a page of the documentation says, in a directory of their own beside a server of their own.

Placeholders are chosen so that they are true here: the server has the user `user` with the password `password`. Only
`host:port`, or a host without port, is replaced by where it listens, with TLS for `imaps://`, and `COMMAND` by that of
the example adapter.
`FAST` is added to commands that would take minutes, and `NOT_RUN` names those that cannot be run in a test, and why.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from conformance.imap.endpoint import Endpoint
from conformance.model.history import RemoveObject
from conformance.model.states import Side
from conformance.reference.server import ReferenceServer
from conformance.scenario.script import client_script
from conformance.selftest.documents import ROOT, Command, File
from conformance.selftest.standalone_scripts import A, history, saved
from conformance.selftest.tls_servers import Authority, imaps

SECONDS = 120
ADAPTER = "python3 fixtures/clients/stdio/example.py"
FAST: Mapping[str, str] = {
    "cpm-conformance run": " --select SYN-406 --select OP08-S5",
    "cpm-conformance selftest": " --fault create-does-nothing",
}
"""What is added to a command that begins so, and selects nothing itself."""
NOT_RUN: Mapping[str, str] = {
    "python3 -m venv": "it makes an environment, which pip fills from a package index",
    ".venv/bin/pip": "it installs from a package index",
    ". .venv/bin/activate": "it is of use to a person's shell only",
    "tox": "it installs from a package index",
    "docker": "it needs a container engine and an image from a registry",
    "kubectl": "it needs a cluster",
    "cpm-conformance run --role client --client manual": "it needs a tester and a device",
    "cpm-conformance run --server container:dovecot": "it needs a container engine, and has tests of its own",
    "cpm-conformance run --server container:example/imap:1.2.3": "it needs an image that a reader has",
}
"""Why commands that begin so are not run."""
VERDICTS = ("cpm-conformance run", "cpm-conformance merge")
"""Commands that tell a verdict, which is not established where only a part is run."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a command; `code` is its exit code."""

    code: int
    printed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """A directory to work in, and the places of the server without and with TLS."""

    directory: Path
    plain: str
    tls: str

    def here(self, text: str, command: str | None = None) -> str:
        """The text with its placeholders replaced; those of what is printed are the ones of its command."""
        place = self.tls if "imaps://" in (command or text) else self.plain
        text = re.sub(r"@(host|127\.0\.0\.1)(?=/)", f"@{place}", text.replace("host:port", place))
        return text.replace("COMMAND", ADAPTER)

    def write(self, file: File) -> None:
        """Write a file that the page tells to write."""
        path = self.directory / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.here(file.text), "utf-8")

    def run(self, command: Command) -> Done:
        """Run a command line in a shell; standard error is printed to the same place."""
        self._keep_counterexample()
        self._keep_reports()
        done = subprocess.run(
            ["bash", "-c", self.here(command.text) + _added(command.text)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.directory,
            timeout=SECONDS,
            check=False,
            env=self._environment(command.text),
        )
        return Done(done.returncode, tuple(done.stdout.splitlines()))

    def _environment(self, command: str) -> dict[str, str]:
        """No settings of whoever runs the tests; a script finds the password where the page told to put it before."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CPM_", "PYTEST_"))}
        given = {"CPM_SERVER_PASSWORD": "password"} if command.startswith("python3 reports") else {}
        path = f"{self.directory / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {**kept, **given, "PATH": path, "HOME": str(self.directory), "PYTHONIOENCODING": "utf-8"}

    def _keep_counterexample(self) -> None:
        """The files that a run leaves where random search finds a failure; the next run removes them."""
        kept = self.directory / "reports/latest/counterexamples/random-interruptions-1.json"
        found = saved(history(RemoveObject(Side.SERVER, A, "old-1")), client="reference")
        found.write(kept)
        kept.with_suffix(".py").write_text(client_script(found), "utf-8")

    def _keep_reports(self) -> None:
        """The reports `old` and `new` of somebody, which are copies of the latest one here."""
        latest = self.directory / "reports/latest/report.json"
        for name in ("old", "new"):
            (self.directory / name).mkdir(exist_ok=True)
            if latest.exists():
                shutil.copy(latest, self.directory / name)


def _added(command: str) -> str:
    if "--select" in command or "--fault" in command:
        return ""
    return next((more for start, more in FAST.items() if f"{start} " in f"{command} "), "")


def reason_not_to_run(command: str) -> str | None:
    """Why a command cannot be run here, if it cannot."""
    return next((why for start, why in NOT_RUN.items() if f"{command} ".startswith(f"{start} ")), None)


def expected_codes(command: str) -> set[int]:
    """The exit codes of a command of which the page does not tell one."""
    return {0, 2} if any(each in command for each in VERDICTS) else {0}


@contextmanager
def reading(directory: Path) -> Iterator[Reader]:
    """A reader in a new directory that holds what a source tree and an installed suite give."""
    (directory / "fixtures").symlink_to(ROOT / "fixtures")
    commands(directory / "bin")
    authority = Authority(directory)
    with ReferenceServer() as server:
        for user in ("user", "second"):
            server.add_account(user, "password")
        endpoint = Endpoint("127.0.0.1", server.port)
        with imaps(endpoint, authority.server()) as port:
            yield Reader(directory, f"127.0.0.1:{server.port}", f"127.0.0.1:{port}")


def commands(directory: Path, python: str = "python3") -> None:
    """The commands of an environment in which the suite is installed."""
    directory.mkdir(parents=True)
    plugin = "" if entry_points(group="pytest11", name="cpm_conformance") else " -p conformance.plugin"
    for name, arguments in {"cpm-conformance": " -m conformance", python: "", "pytest": f" -m pytest{plugin}"}.items():
        path = directory / name
        path.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}"{arguments} "$@"\n')
        path.chmod(0o755)
