"""The adapter of the reference client, in this process."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from conformance.clients.embedded import CLAIMS, EmbeddedClient
from conformance.clients.process import run_and_kill
from conformance.clients.protocol import SyncResult
from conformance.imap.memory import MemoryEndpoint
from conformance.imap.transcript import Transcript
from conformance.model.triggers import Triggers
from conformance.problems import AdapterProblem
from conformance.programs import private_directory
from conformance.reference.client.background import Background
from conformance.reference.client.client import Client
from conformance.reference.client.synchronizer import Synchronizer
from conformance.servers.protocol import Account

_TRIGGERS = ("trigger.periodic", "trigger.local-change", "trigger.notification")


class ReferenceClient(EmbeddedClient):
    """The reference client on a directory of its own, where it can be killed, and can run by itself in `background`."""

    claims = (*CLAIMS, *_TRIGGERS)

    def __init__(
        self,
        synchronizer: type[Synchronizer] = Synchronizer,
        transcript: Transcript | None = None,
        background: type[Background] = Background,
    ) -> None:
        super().__init__(synchronizer, transcript)
        self._kind_of_background = background
        self._background: Background | None = None
        self._directory: Path | None = None
        self._client: Client | None = None

    def __enter__(self) -> Self:
        self._directory = private_directory("reference-client")
        self._client = Client(self._directory, synchronizer=self.synchronizer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._client is not None:
            self._client.close()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._client = self._directory = None

    @property
    def client(self) -> Client:
        """The client itself, with its local storage and base. Raises `AdapterProblem` outside the `with` block."""
        if self._client is None:
            raise AdapterProblem("the reference client is not started", "Use it as a context manager.")
        return self._client

    def reset(self, account: Account) -> None:
        """Forget everything: empty local storage, no base, the default policy."""
        self.stop()
        super().reset(account)

    def synchronize_and_kill(self, moment: Event, timeout: float) -> bool:
        """Run the client's command line form on the same directory, and kill it; a policy is not followed then."""
        account, directory = self._account_elsewhere(), self.client.directory
        at, who = account.endpoint, account.credentials
        command = [sys.executable, "-m", "conformance.reference.client", str(directory), "--host", at.host]
        command += ["--port", str(at.port), "--security", at.security, "--user", who.user]
        command += [part for level in account.root for part in ("--root", level)]
        environment = {"CPM_PASSWORD": who.password, "PYTHONPATH": os.pathsep.join(sys.path)}
        return run_and_kill(command, directory, moment, timeout, environment)

    def start(self, triggers: Triggers) -> None:
        """Synchronize upon these triggers from now on."""
        self.stop()
        account = self._account_elsewhere()
        self._background = self._kind_of_background(
            self.client.directory,
            triggers,
            account.endpoint,
            account.credentials,
            account.root,
            policy=self._policy,
            synchronizer=self.synchronizer,
        )
        self._background.start()

    def stop(self) -> Sequence[SyncResult]:
        """End that; the results of what ran. Raises what ended it before."""
        background, self._background = self._background, None
        if background is None:
            return ()
        background.stop()
        return tuple(SyncResult(each.success, str(each)) for each in background.reports)

    def _account_elsewhere(self) -> Account:
        """The account, if its server can be reached from another process or thread."""
        account = self._known_account()
        if isinstance(account.endpoint, MemoryEndpoint):
            mend = "Use SimulatedClient, or a server that listens on a port."
            raise AdapterProblem("a server in memory is reached from the thread that it is in only", mend)
        return account
