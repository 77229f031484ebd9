"""The client: what runs one synchronization over a new connection, on a directory with local storage and base."""

from __future__ import annotations

import fcntl
import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.errors import ImapProblem
from conformance.imap.names import Hierarchy
from conformance.imap.recorder import Recorder
from conformance.imap.session import StorageSession
from conformance.imap.wire import WireConnection
from conformance.model.folders import FolderPath
from conformance.model.policy import EVERYTHING, Policy
from conformance.reference.client.base import Base
from conformance.reference.client.context import Context
from conformance.reference.client.local import LocalStorage
from conformance.reference.client.report import Report, SynchronizationProblem
from conformance.reference.client.storage import Storage
from conformance.reference.client.synchronizer import Synchronizer


class TimeExceeded(Exception):
    """A synchronization that did not end in time; the connection was cut, the next run completes it."""


class BareClient:
    """A storage client on whatever holds its local storage and its base. Close it, or use it as a context manager."""

    def __init__(self, storage: LocalStorage, base: Base, synchronizer: type[Synchronizer]) -> None:
        self.storage, self.base, self.synchronizer = storage, base, synchronizer
        self._wire: WireConnection | None = None

    def close(self) -> None:
        """Close the base."""
        self.base.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def synchronize(
        self,
        endpoint: Endpoint,
        credentials: Credentials,
        root: FolderPath = (),
        policy: Policy = EVERYTHING,
        *,
        timeout: float = 60.0,
        recorder: Recorder | None = None,
    ) -> Report:
        """Run one synchronization; all that goes wrong stands in the report.

        `timeout` (seconds) bounds the whole run. Raises `TimeExceeded`.
        """
        report = Report()
        end = time.monotonic() + timeout
        try:
            with self._alone():
                self.base.bind(f"{credentials.user} {'/'.join(root)}".strip())
                with self._session(endpoint, credentials, timeout, recorder) as session:
                    self._run(session, root, policy, report)
        except (ImapProblem, SynchronizationProblem, OSError, sqlite3.Error) as error:
            if time.monotonic() >= end:
                raise TimeExceeded(f"the synchronization did not end within {timeout:g} s ({report})") from error
            report.problem(f"{type(error).__name__}: {error}")
        return report

    def interrupt(self) -> None:
        """From another thread: end the synchronization under way, if it has begun; the next one completes it."""
        if self._wire is not None:
            self._wire.interrupt()

    @contextmanager
    def _session(
        self, endpoint: Endpoint, credentials: Credentials, timeout: float, recorder: Recorder | None
    ) -> Iterator[StorageSession]:
        """A session that ends `timeout` seconds from now at the latest, and at once when something goes wrong."""
        end = time.monotonic() + timeout
        self._wire = wire = _BoundedConnection.open(endpoint, recorder=recorder, timeout=timeout)
        try:
            assert isinstance(wire, _BoundedConnection)
            wire.end = end
            if wire.greeting.name != "PREAUTH":
                wire.authenticate(credentials)
            session = StorageSession(wire)
            yield session
        except BaseException:
            wire.abort()
            raise
        session.close()

    def _run(self, session: StorageSession, root: FolderPath, policy: Policy, report: Report) -> None:
        delimiter = session.delimiter
        hierarchy = Hierarchy(delimiter, Hierarchy(delimiter).name(root))
        self.synchronizer(Context(session, hierarchy, self.storage, self.base, policy, report)).run()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One run at a time."""
        yield


class Client(BareClient):
    """A storage client on a durable directory, made when missing."""

    storage: Storage

    def __init__(
        self, directory: Path, *, synchronous: str = "OFF", synchronizer: type[Synchronizer] = Synchronizer
    ) -> None:
        self.directory = directory
        super().__init__(Storage(directory), Base(directory / "base.sqlite", synchronous=synchronous), synchronizer)
        self._lock = directory / "lock"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One run at a time on one directory."""
        with self._lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SynchronizationProblem("another synchronization runs on this directory; wait for it") from None
            yield


class _BoundedConnection(WireConnection):
    """A connection whose commands share one bound: `end`, on the monotonic clock."""

    end = math.inf

    def be_patient(self, timeout: float | None = None) -> None:
        own = self.timeout if timeout is None else timeout
        super().be_patient(min(own, self.end - time.monotonic()))
