"""The client that runs by itself: one thread asks the triggers and synchronizes, so that no two runs ever overlap."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.model.folders import FolderPath
from conformance.model.policy import EVERYTHING, Policy
from conformance.model.triggers import Triggers
from conformance.reference.client.client import Client, TimeExceeded
from conformance.reference.client.listening import Listener
from conformance.reference.client.report import Report
from conformance.reference.client.server_folders import INBOX
from conformance.reference.client.synchronizer import Synchronizer
from conformance.reference.client.triggers import LocalChanges, Notifications, Pause, Timer, Trigger

_TICK = 0.05
_GRACE_SECONDS = 1.0
_LISTENING_TIMEOUT = 5.0


class Background:
    """Synchronizes a directory with an account upon triggers, between `start` and `stop`.

    It works on a `Client` of its own in the same directory. `reports` are those of its runs, in their order.
    """

    def __init__(
        self,
        directory: Path,
        triggers: Triggers,
        endpoint: Endpoint,
        credentials: Credentials,
        root: FolderPath = (),
        *,
        policy: Policy = EVERYTHING,
        synchronizer: type[Synchronizer] = Synchronizer,
        timeout: float = 60.0,
    ) -> None:
        self.directory, self.wanted = directory, triggers
        self.endpoint, self.credentials, self.root = endpoint, credentials, root
        self.policy, self.synchronizer, self.timeout = policy, synchronizer, timeout
        self.reports: list[Report] = []
        self._stopped = threading.Event()
        self._client: Client | None = None
        self._notifications: Notifications | None = None
        self._crash: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="reference-client", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with all connections; a run under way has a second to complete. Raises what ended the thread before."""
        self._stopped.set()
        self._thread.join(_GRACE_SECONDS)
        while self._thread.is_alive():
            self._interrupt()
            self._thread.join(_TICK)
        if self._crash is not None:
            raise self._crash

    def _interrupt(self) -> None:
        for each in (self._client, self._notifications):
            if each is not None:
                each.interrupt()

    def _work(self) -> None:
        try:
            with self.open() as client:
                self._client = client
                with self._triggers(client) as triggers:
                    self.run(client, triggers)
        except Exception as error:
            # Nobody reads what a thread raises: it is kept for whoever stops it.
            self._crash = error

    def open(self) -> Client:
        """The client that synchronizes."""
        return Client(self.directory, synchronizer=self.synchronizer)

    @contextmanager
    def _triggers(self, client: Client) -> Iterator[list[Trigger]]:
        self._notifications = self.notifications(client) if self.wanted.notifications else None
        found: list[Trigger] = [self._notifications] if self._notifications else []
        found += [self.timer(self.wanted.period)] if self.wanted.period else []
        found += [self.local_changes(client)] if self.wanted.local_changes else []
        try:
            yield found
        finally:
            if self._notifications:
                self._notifications.close()

    def timer(self, period: float) -> Trigger:
        """The periodic trigger."""
        return Timer(period)

    def local_changes(self, client: Client) -> Trigger:
        """The trigger upon changes to local storage."""
        return LocalChanges(client.storage)

    def notifications(self, client: Client) -> Notifications:
        """The trigger upon notifications of the server."""
        return Notifications(lambda: self._listen(client), self._problem)

    def _listen(self, client: Client) -> Listener | None:
        """Listen on INBOX, or else on the first folder that is known to both sides."""
        names = {path: each.name for path, each in client.base.folders().items()}
        if not self.root:
            names.setdefault(INBOX, "INBOX")
        path: FolderPath | None = INBOX if INBOX in names else min(names, default=None)
        if path is None:
            return None
        return Listener.open(self.endpoint, self.credentials, names[path], _LISTENING_TIMEOUT)

    def run(self, client: Client, triggers: list[Trigger]) -> None:
        """Synchronize whenever a trigger is due, and again some time after a failure, until stopped."""
        pause = Pause()
        every: list[Trigger] = [*triggers, pause]
        while not self._stopped.wait(_TICK if triggers else None):
            if any(each.is_due() for each in every):
                for each in every:
                    each.begin()
                report = self.synchronize(client)
                self.reports.append(report)
                pause.end(success=report.success)

    def synchronize(self, client: Client) -> Report:
        """One synchronization."""
        where, who = self.endpoint, self.credentials
        try:
            return client.synchronize(where, who, self.root, self.policy, timeout=self.timeout)
        except TimeExceeded as error:
            return self._failed(str(error))

    def _problem(self, what: str) -> None:
        self.reports.append(self._failed(what))

    def _failed(self, what: str) -> Report:
        report = Report()
        report.problem(what)
        return report
