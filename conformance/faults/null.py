"""Implementations that do nothing, and say that all is well."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Self

from conformance.clients.protocol import ClientIdentity, SyncResult
from conformance.imap.endpoint import Credentials
from conformance.imap.memory import EngineLink, MemoryEndpoint
from conformance.model.folders import FolderPath, ancestors, is_below
from conformance.model.policy import Policy
from conformance.model.states import Flags, ObservedObject, Snapshot, normal_flags
from conformance.servers.protocol import Ability, Account


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


class NullEngine:
    """One connection of a server that answers OK to everything and keeps nothing."""

    def __init__(self) -> None:
        self.closed = False
        self._literal = 0
        self._line = b""

    def greeting(self) -> bytes:
        """It offers no extension."""
        return b"* OK [CAPABILITY IMAP4rev1] ready\r\n"

    def receive(self, data: bytes) -> bytes:
        """OK, and the capabilities where they are asked for; a literal is asked for and forgotten."""
        self._line += data
        said = b""
        self._skip()
        while not self.closed and not self._literal and b"\r\n" in self._line:
            said += self._answer()
            self._skip()
        return said

    def _skip(self) -> None:
        taken = min(self._literal, len(self._line))
        self._line, self._literal = self._line[taken:], self._literal - taken

    def _answer(self) -> bytes:
        line, _, self._line = self._line.partition(b"\r\n")
        if line.endswith(b"}"):
            self._literal = int(line[line.rindex(b"{") + 1 : -1])
            return b"+ go on\r\n"
        tag, _, command = line.partition(b" ")
        self.closed = command.upper() == b"LOGOUT"
        capability = b"* CAPABILITY IMAP4rev1\r\n" if command.upper() == b"CAPABILITY" else b""
        return capability + tag + b" OK done\r\n"

    def pending(self) -> bytes:
        """Nothing."""
        return b""

    def close(self) -> None:
        """The client is gone."""
        self.closed = True


class NullServer:
    """A server, in memory, that answers OK to everything and keeps nothing."""

    name = "null"
    abilities: frozenset[Ability] = frozenset()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def identify(self) -> str:
        """Its name."""
        return "null server"

    def fresh_account(self) -> Account:
        """Any name will do."""
        endpoint = MemoryEndpoint(link=lambda: EngineLink(NullEngine(), _fails))
        return Account(endpoint, Credentials("anybody", "anything"))

    def release(self, account: Account) -> None:
        """There is nothing to remove."""

    def restart(self) -> None:
        """Not offered."""

    def set_read_only(self, account: Account, folder: str) -> None:
        """Not offered."""

    def set_quota(self, account: Account, octets: int) -> None:
        """Not offered."""

    def renew_uid_validity(self, account: Account, folder: str) -> None:
        """Not offered."""


def _fails(problem: Exception) -> None:
    raise problem
