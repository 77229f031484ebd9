"""Server programs of this machine, run privately: on their own port, ready when they greet, never left behind."""

from __future__ import annotations

import itertools
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import ClassVar

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.errors import ConnectionLost, ImapProblem
from conformance.imap.wire import WireConnection
from conformance.lifetime import Lifetime
from conformance.problems import AdapterProblem
from conformance.programs import private_directory
from conformance.servers.protocol import Account

_KEEPER = Path(__file__).with_name("keeper.py")
# Below the range that the system gives to outgoing connections, which could take a port between probing and listening.
_PORTS = range(15000, 32000)
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
_BETWEEN_TRIES = 0.01
_LOG_LINES = 5


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on. Raises `AdapterProblem` if none is found."""
    for port in random.Random(os.urandom(8)).sample(_PORTS, 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AdapterProblem("no free TCP port on 127.0.0.1", f"free one from {_PORTS.start} to {_PORTS.stop - 1}")


class ServerProcess:
    """One server program that keeps its files in `directory`; its output is appended to `directory`/output."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        endpoint: Endpoint,
        directory: Path,
        *,
        stop_signal: signal.Signals = signal.SIGQUIT,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.endpoint, self.directory = name, endpoint, directory
        self.greeting = ""
        self._command = [str(part) for part in (sys.executable, "-I", "-S", _KEEPER, int(stop_signal), directory)]
        self._command += [str(part) for part in command]
        self._environment = {**os.environ, **(environment or {})}
        self._log = directory / "output"
        self._keeper: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait for its greeting. Raises `AdapterProblem` with the end of its output, leaves nothing."""
        with self._log.open("ab") as output:
            self._keeper = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        try:
            self.greeting = self._await_greeting(self._keeper)
        except BaseException:
            self.stop()
            raise

    def _await_greeting(self, keeper: subprocess.Popen[bytes]) -> str:
        deadline = time.monotonic() + _START_SECONDS
        why = "it did not listen"
        while (left := deadline - time.monotonic()) > 0:
            try:
                with WireConnection.open(self.endpoint, timeout=left) as connection:
                    return connection.greeting.text
            except ConnectionLost as error:
                why = str(error)
            except ImapProblem as error:
                raise self._did_not_start(str(error)) from error
            with suppress(subprocess.TimeoutExpired):
                raise self._did_not_start(f"it ended with exit code {keeper.wait(_BETWEEN_TRIES)}")
        raise self._did_not_start(f"{why}, for {_START_SECONDS:g} s")

    def _did_not_start(self, why: str) -> AdapterProblem:
        lines = self._log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:]
        said = "; ".join(line.strip() for line in lines) or "nothing"
        return AdapterProblem(
            f"{self.name} did not start: {why}. It said: {said}",
            "mend what its output names, or install the program again",
        )

    def stop(self) -> None:
        """Stop it and wait until it is gone, within ten seconds. Safe to repeat."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        try:
            keeper.communicate(b"!", timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.communicate()
            raise AdapterProblem(f"{self.name} did not stop within {_STOP_SECONDS:g} s", "end it by hand") from None

    def restart(self) -> None:
        """Stop and start it; port and files stay the same."""
        self.stop()
        self.start()


class PrivateServer(Lifetime):
    """A server under test that is started for a run, in a directory of its own; every user name logs in."""

    _product: ClassVar[str]

    def __init__(self) -> None:
        self._password = secrets.token_hex(12)
        self._numbers = itertools.count(1)

    def _start(self, started: ExitStack) -> None:
        self._directory = private_directory(self._product.split()[0].lower())
        started.callback(shutil.rmtree, self._directory, ignore_errors=True)
        self._endpoint = Endpoint("127.0.0.1", free_port())
        command, environment = self._prepare()
        self._process = ServerProcess(self._product, command, self._endpoint, self._directory, environment=environment)
        started.callback(self._process.stop)
        self._process.start()

    @abstractmethod
    def program(self) -> Path:
        """Where the program lies. Raises `AdapterProblem` when it is not there."""

    @abstractmethod
    def _prepare(self) -> tuple[Sequence[str], Mapping[str, str]]:
        """Fill the directory; returns the command and additions to the environment. Raises `AdapterProblem`."""

    def fresh_account(self) -> Account:
        """A user name that was never used before."""
        return Account(self._endpoint, Credentials(f"user{next(self._numbers)}", self._password))

    def restart(self) -> None:
        """Stop and start it on the same port; mail stays."""
        self._process.restart()
