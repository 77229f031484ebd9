"""The reference client in this process, whatever holds its local storage and its base."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import ClassVar, Self

from conformance.clients.protocol import ClientIdentity, ClientTimeout, SyncResult
from conformance.imap.endpoint import Endpoint
from conformance.imap.recorder import Recorder
from conformance.imap.transcript import Transcript
from conformance.model.folders import FolderPath, ancestors
from conformance.model.policy import EVERYTHING, Policy
from conformance.model.states import Flags, ObservedObject, Snapshot
from conformance.problems import AdapterProblem
from conformance.reference.client.client import BareClient, TimeExceeded
from conformance.reference.client.local import LocalStorage, NoSuchFolder, NoSuchObject
from conformance.reference.client.report import Report
from conformance.reference.client.synchronizer import Synchronizer
from conformance.servers.protocol import Account

POLICIES = ("policy.kind", "policy.size", "policy.folder", "policy.direction")
CLAIMS = (*POLICIES, "durable-base", "flags.read-report-sent", "METADATA")
"""What the reference client does beyond the defaults of the implementation conformance statement, wherever it runs."""

_LOOKS = 10


class EmbeddedClient(ABC):
    """The reference client as a client under test; a context manager.

    A variant is judged by giving the `synchronizer` of its runs. With a transcript each run of `synchronize` is
    recorded there as the connection `client-1`, `client-2` and so on.
    """

    name = "reference"
    claims: ClassVar[tuple[str, ...]] = CLAIMS

    def __init__(self, synchronizer: type[Synchronizer] = Synchronizer, transcript: Transcript | None = None) -> None:
        self.synchronizer = synchronizer
        self._transcript, self._connections = transcript, 0
        self._account: Account | None = None
        self._policy = EVERYTHING
        self.last_report: Report | None = None

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    @abstractmethod
    def client(self) -> BareClient:
        """The client itself, with its local storage and base. Raises `AdapterProblem` outside the `with` block."""

    @property
    def _storage(self) -> LocalStorage:
        return self.client.storage

    def hello(self) -> ClientIdentity:
        """Name, version and claims."""
        try:
            number = version("cpm-sync-conformance")
        except PackageNotFoundError:
            number = "uninstalled"
        return ClientIdentity("cpm-conformance reference client", number, dict.fromkeys(self.claims, True))

    def reset(self, account: Account) -> None:
        """Forget everything: empty local storage, no base, the default policy."""
        self._storage.clear()
        self.client.base.clear()
        self._account, self._policy, self.last_report = account, EVERYTHING, None

    def snapshot(self) -> Snapshot:
        """Folders, objects and flags of local storage; looked at again while a synchronization changes it meanwhile."""
        for _ in range(_LOOKS):
            with suppress(NoSuchFolder, NoSuchObject, FileNotFoundError):
                return Snapshot({path: self._observed(path) for path in sorted(self._storage.folders())})
        raise AdapterProblem("local storage changes all the time", "Look at it while nothing else does.")

    def _observed(self, path: FolderPath) -> tuple[ObservedObject, ...]:
        objects = self._storage.objects(path).values()
        return tuple(ObservedObject(each.read(), each.flags, each.handle) for each in objects)

    def create_folder(self, path: FolderPath) -> None:
        """Make a folder, and its superiors where they are missing."""
        for each in (*ancestors(path), path):
            self._storage.create(each)

    def remove_folder(self, path: FolderPath) -> None:
        """Remove a folder with its objects and inferiors."""
        with _Named(path):
            self._storage.remove(path)

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Rename a folder with its inferiors; missing superiors of the new one are made."""
        with _Named(old):
            self._storage.rename(old, new)
        for each in ancestors(new):
            self._storage.create(each)

    def put(self, path: FolderPath, octets: bytes, flags: Flags = frozenset()) -> None:
        """Add an object to a folder."""
        with _Named(path):
            self._storage.put(path, octets, flags)

    def remove(self, path: FolderPath, handle: str) -> None:
        """Remove an object."""
        with _Named(path):
            self._storage.remove_object(self._storage.find(path, handle))

    def set_metadata(self, path: FolderPath, handle: str, add: Iterable[str], remove: Iterable[str]) -> None:
        """Set and clear flags of an object."""
        with _Named(path):
            each = self._storage.find(path, handle)
            cleared = {flag.lower() for flag in remove}
            new = {flag.lower() for flag in add}
            kept = {flag for flag in each.flags if flag.lower() not in cleared | new}
            self._storage.set_flags(each, kept | set(add))

    def folder_metadata(self, path: FolderPath) -> Mapping[str, bytes]:
        """The annotations of a folder."""
        return self._storage.annotations(path)

    def set_folder_metadata(self, path: FolderPath, entry: str, value: bytes | None) -> None:
        """Set or remove one annotation of a folder."""
        with _Named(path):
            self._storage.annotate(path, entry, value)

    def set_policy(self, policy: Policy) -> None:
        """Follow this policy from now on."""
        self._policy = policy

    def synchronize(self, timeout: float) -> SyncResult:
        """Run one synchronization. Raises `ClientTimeout`."""
        return self._synchronize(self._known_account().endpoint, timeout)

    def _synchronize(self, endpoint: Endpoint, timeout: float) -> SyncResult:
        account = self._known_account()
        self._connections += 1
        recorder = Recorder(self._transcript, f"client-{self._connections}") if self._transcript else None
        try:
            report = self.client.synchronize(
                endpoint, account.credentials, account.root, self._policy, timeout=timeout, recorder=recorder
            )
        except TimeExceeded as error:
            raise ClientTimeout(str(error)) from error
        self.last_report = report
        return SyncResult(report.success, str(report))

    def _known_account(self) -> Account:
        if self._account is None:
            raise AdapterProblem("the reference client has no account", "Call reset(account) first.")
        return self._account


class _Named:
    """Turn what local storage does not hold, or cannot, into a problem of the adapter's user."""

    def __init__(self, path: FolderPath) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(problem, (NoSuchFolder, NoSuchObject, FileExistsError)):
            raise AdapterProblem(f"local storage: {problem}", "Take paths and handles from a snapshot.") from problem
