"""Controls: implementations whose judgement is known beforehand."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Self

from conformance.clients.protocol import ClientIdentity, SyncResult
from conformance.model.folders import FolderPath, ancestors, is_below
from conformance.model.policy import Policy
from conformance.model.states import Flags, ObservedObject, Snapshot, normal_flags
from conformance.servers.protocol import Account


class NullClient:
    """A client with local storage in memory that does nothing when told to synchronize, and calls that a success."""

    name = "null"

    def __init__(self) -> None:
        self.folders: dict[FolderPath, dict[str, ObservedObject]] = {}
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.folders.clear()

    def hello(self) -> ClientIdentity:
        """It claims nothing beyond the defaults."""
        return ClientIdentity("null", "0")

    def reset(self, account: Account) -> None:  # noqa: ARG002
        """Empty local storage."""
        self.folders.clear()

    def snapshot(self) -> Snapshot:
        """What is in memory."""
        return Snapshot({path: tuple(objects.values()) for path, objects in self.folders.items()})

    def create_folder(self, path: FolderPath) -> None:
        """Make a folder and its superiors."""
        for each in (*ancestors(path), path):
            self.folders.setdefault(each, {})

    def remove_folder(self, path: FolderPath) -> None:
        """Remove a folder with its inferiors."""
        self.folders = {at: objects for at, objects in self.folders.items() if at != path and not is_below(at, path)}

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Rename a folder with its inferiors."""
        moved = {at: objects for at, objects in self.folders.items() if at == old or is_below(at, old)}
        self.remove_folder(old)
        self.create_folder(new)
        self.folders |= {new + at[len(old) :]: objects for at, objects in moved.items()}

    def put(self, path: FolderPath, octets: bytes, flags: Flags = frozenset()) -> None:
        """Add an object."""
        handle = str(next(self._numbers))
        self.folders[path][handle] = ObservedObject(octets, normal_flags(flags), handle)

    def remove(self, path: FolderPath, handle: str) -> None:
        """Remove an object."""
        del self.folders[path][handle]

    def set_metadata(self, path: FolderPath, handle: str, add: Iterable[str], remove: Iterable[str]) -> None:
        """Set and clear flags."""
        each = self.folders[path][handle]
        flags = (each.flags | normal_flags(add)) - normal_flags(remove)
        self.folders[path][handle] = replace(each, flags=flags)

    def set_policy(self, policy: Policy) -> None:
        """Every policy is followed by doing nothing."""

    def synchronize(self, timeout: float) -> SyncResult:  # noqa: ARG002
        """Do nothing."""
        return SyncResult(success=True)
