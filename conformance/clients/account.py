"""An IMAP account as local storage, as programs use it that synchronize two servers with each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from conformance.imap.errors import ImapProblem
from conformance.imap.transcript import Transcript
from conformance.model.folders import FolderPath, ancestors, display
from conformance.model.states import Flags, Snapshot
from conformance.problems import AdapterProblem
from conformance.scenario.store import ServerStore
from conformance.servers.protocol import AbilityMissing, Account

_ANSWER_SECONDS = 10.0
_MEND = "take paths and handles from a snapshot, and names that an IMAP server can hold"


class LocalAccount:
    """The account, seen and changed by a client of its own; an object's handle is its UID.

    Raises `AdapterProblem` for what is not there or is refused, `AbilityMissing` for octets that IMAP cannot carry.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self._store = ServerStore(account, Transcript((account.credentials.password,)), _ANSWER_SECONDS)

    def close(self) -> None:
        """End its connections."""
        self._store.close()

    def snapshot(self) -> Snapshot:
        """All folders that can be selected, with their objects."""
        with _told(()):
            return self._store.snapshot()

    def create_folder(self, path: FolderPath) -> None:
        """Make a folder and those of its superiors that are missing or only names."""
        with _told(path):
            listed = self._store.folders()
            for each in [*ancestors(path), path]:
                if each not in listed or not listed[each].selectable:
                    self._store.create_folder(each)

    def remove_folder(self, path: FolderPath) -> None:
        """Remove a folder with its objects and inferiors."""
        self._require(path)
        with _told(path):
            self._store.remove_folder(path)

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Give a folder, with its inferiors, another name; superiors that are missing are made."""
        self._require(old)
        if len(new) > 1:
            self.create_folder(new[:-1])
        with _told(old):
            self._store.rename_folder(old, new)

    def put(self, path: FolderPath, octets: bytes, flags: Flags) -> None:
        """Store an object."""
        if b"\0" in octets:
            raise AbilityMissing("an IMAP account as local storage holds no NUL octets")
        with _told(path):
            self._store.second_client.store_object(self._store.name(path), octets, flags=sorted(flags))

    def remove(self, path: FolderPath, handle: str) -> None:
        """Remove an object for good."""
        with self._selected(path, handle) as uid:
            self._store.second_client.remove_objects([uid])

    def set_flags(self, path: FolderPath, handle: str, add: Iterable[str], remove: Iterable[str]) -> None:
        """Set and clear flags of an object."""
        with self._selected(path, handle) as uid:
            self._store.second_client.update_metadata([uid], add=sorted(add), remove=sorted(remove))

    def _require(self, path: FolderPath) -> None:
        with _told(path):
            if path not in self._store.folders():
                raise AdapterProblem(f"local storage has no folder {display(path)}", _MEND)

    @contextmanager
    def _selected(self, path: FolderPath, handle: str) -> Iterator[int]:
        with _told(path):
            session = self._store.second_client
            session.set_active_folder(self._store.name(path))
            if not handle.isdecimal() or int(handle) not in {each.uid for each in session.list_objects()}:
                session.leave_folder()
                raise AdapterProblem(f"local storage, folder {display(path)}: there is no object {handle!r}", _MEND)
            yield int(handle)
            session.leave_folder()


@contextmanager
def _told(path: FolderPath) -> Iterator[None]:
    """Turn an answer of the account's server into a problem that names the folder."""
    try:
        yield
    except (ImapProblem, ValueError) as error:
        raise AdapterProblem(f"local storage, folder {display(path)}: {error}", _MEND) from error
