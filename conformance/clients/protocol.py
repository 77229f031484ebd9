"""What the suite needs of a storage client under test: hands on its local storage, and one synchronization."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from conformance.model.equality import Equality
from conformance.model.folders import FolderPath
from conformance.model.policy import Policy
from conformance.model.states import Flags, Snapshot
from conformance.model.triggers import Triggers
from conformance.servers.protocol import Account


@dataclass(frozen=True)
class ClientIdentity:
    """Who the client is and what it claims (its ICS). A claim that is not listed takes the item's default."""

    name: str
    version: str
    claims: Mapping[str, bool] = field(default_factory=dict)
    equality: Equality = Equality.OCTETS
    remark: str = ""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What the client itself reported of one synchronization."""

    success: bool
    detail: str = ""


class ClientTimeout(Exception):
    """The synchronization did not end within its bound; whatever ran was ended."""


class AdapterCannot(Exception):
    """The adapter has no means to do or to see what every other one can: nothing can be said of the client then."""


class StorageClient(Protocol):
    """One storage client under test, with its local storage. A context manager.

    Local objects are named by the `handle` that `snapshot` gave them. Every method raises `AdapterProblem` when the
    adapter itself, not the client, is at fault.
    """

    name: str

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def hello(self) -> ClientIdentity:
        """Name, version and claims."""
        ...

    def reset(self, account: Account) -> None:
        """Forget everything: empty local storage, no base; from now on synchronize with this account."""
        ...

    def snapshot(self) -> Snapshot:
        """Folders, objects and flags of local storage."""
        ...

    def create_folder(self, path: FolderPath) -> None:
        """Make a folder, and its superiors where they are missing, in local storage."""
        ...

    def remove_folder(self, path: FolderPath) -> None:
        """Remove a folder with its objects and inferiors from local storage."""
        ...

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Rename a folder in local storage. Raises `NotImplementedError` where the client has no such thing."""
        ...

    def put(self, path: FolderPath, octets: bytes, flags: Flags = frozenset()) -> None:
        """Add an object to a folder of local storage."""
        ...

    def remove(self, path: FolderPath, handle: str) -> None:
        """Remove an object from local storage."""
        ...

    def set_metadata(self, path: FolderPath, handle: str, add: Iterable[str], remove: Iterable[str]) -> None:
        """Set and clear flags of an object in local storage."""
        ...

    def set_policy(self, policy: Policy) -> None:
        """Follow this policy from now on. Raises `NotImplementedError` where the client has no such control."""
        ...

    def synchronize(self, timeout: float) -> SyncResult:
        """Run one synchronization as on the user's request. Raises `ClientTimeout` after `timeout` seconds."""
        ...


def observes_local_storage(client: StorageClient) -> bool:
    """Whether local storage can be seen at all; an adapter for which it cannot says `observes_local_storage = False`.

    Its `snapshot` raises `AdapterCannot`, and an object of local storage is named to it by its subject.
    """
    return bool(getattr(client, "observes_local_storage", True))


def listening_address(client: StorageClient) -> str:
    """The address of this machine at which the client reaches the suite; an adapter of another machine's says which."""
    return str(getattr(client, "listening_address", "127.0.0.1"))


@runtime_checkable
class RefusingClient(Protocol):
    """What the adapter of a client that is reached through a protocol of its own may offer besides."""

    def refuses(self, operation: str) -> bool:
        """Whether an operation of this name, which nobody knows, is refused."""
        ...


@runtime_checkable
class KillableClient(Protocol):
    """What the adapter of a client with a process of its own may offer besides."""

    def synchronize_and_kill(self, moment: Event, timeout: float) -> bool:
        """Start one synchronization and kill its process as soon as `moment` is set; whether it was still running.

        It is killed after `timeout` seconds in any case. Local storage and base are left as the process left them.
        """
        ...


@runtime_checkable
class TriggeredClient(Protocol):
    """What the adapter of a client that can synchronize by itself may offer besides.

    Between `start` and `stop` local storage is seen and changed as ever, also while the client synchronizes, and
    `synchronize` is not called.
    """

    def start(self, triggers: Triggers) -> None:
        """Let the client run by itself and synchronize upon these triggers only.

        Raises `NotImplementedError` where the client, or its adapter, does not have one of them.
        """
        ...

    def stop(self) -> Sequence[SyncResult]:
        """End that, soon and with all connections; what the client told of the synchronizations that it began itself.

        Nothing is told of one that a client does not report. Without a `start` before, nothing happens.
        """
        ...


@runtime_checkable
class FolderMetadataClient(Protocol):
    """What the adapter of a client that claims METADATA has to offer besides.

    Entries are named as in RFC 5464, such as `/private/comment`; an empty value is not the same as none.
    """

    def folder_metadata(self, path: FolderPath) -> Mapping[str, bytes]:
        """The values of a folder's metadata in local storage, by entry."""
        ...

    def set_folder_metadata(self, path: FolderPath, entry: str, value: bytes | None) -> None:
        """Set one value of a folder's metadata in local storage, or with None remove it."""
        ...


Annotation = tuple[str, str]
"""A message annotation's entry and attribute (RFC 5257), such as `("/comment", "value.priv")`."""


@runtime_checkable
class AnnotatingClient(Protocol):
    """What the adapter of a client that claims ANNOTATE has to offer besides."""

    def annotations(self, path: FolderPath, handle: str) -> Mapping[Annotation, bytes]:
        """The values of an object's annotations in local storage."""
        ...

    def annotate(self, path: FolderPath, handle: str, annotation: Annotation, value: bytes | None) -> None:
        """Set one annotation of an object in local storage, or with None remove it."""
        ...
