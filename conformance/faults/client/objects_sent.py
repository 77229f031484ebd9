"""Clients that are wrong about which local objects are new or removed, or what an object is (SYN-408 to SYN-415)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from conformance.faults.client.storing import Storing
from conformance.faults.hooks import ClientHook, Step
from conformance.imap.errors import OperationRefused
from conformance.imap.session import FetchedObject, StoredAs
from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind
from conformance.model.states import Flags
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import digest, wire_form
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.local import LocalObject
from conformance.reference.client.matching import Orphans
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.server_folders import name_for

DELETED = "\\Deleted"

# New in local storage


class NothingStored(ObjectStep):
    """Nothing is stored on the server."""

    def store_new(self) -> None:
        """Nothing."""


class FewStored(ObjectStep):
    """A run stores twenty objects of a folder at most."""

    def _local_news(self) -> Iterator[LocalObject]:
        return (each for _, each in zip(range(20), super()._local_news(), strict=False))


class OlderNotStored(ObjectStep):
    """An object that bears a date before the last run is not new."""

    def _local_news(self) -> Iterator[LocalObject]:
        return (each for each in super()._local_news() if not self.rows or not _is_old(each.read()))


def _is_old(octets: bytes) -> bool:
    date = re.search(rb"(?m)^Date: (.*)\r$", octets)
    return date is not None and parsedate_to_datetime(date[1].decode()) < datetime.now(UTC)


class NewFoldersStayEmpty(ObjectStep):
    """Nothing is stored in a folder that is empty on the server."""

    def store_new(self) -> None:
        if self.server:
            super().store_new()


class StoredElsewhereAndMoved(Storing):
    """A new object is stored in INBOX, and copied to its folder from there."""

    def store(self, octets: bytes, flags: Flags) -> StoredAs | None:
        session = self.context.session
        stored = session.store_object("INBOX", octets, flags=sorted(flags))
        assert stored is not None
        session.set_active_folder("INBOX")
        session.copy_objects([stored.uid], self.name)
        session.remove_objects([stored.uid])
        session.set_active_folder(self.name)
        return None


# Own uploads


class UploadsUnnumbered(ObjectStep):
    """Without UIDPLUS it does not know what it has stored, and fetches it as new."""

    def recognize(self, uploads: list[BaseObject]) -> None:
        self._know(*uploads)

    def _orphans(self, *, anything: bool) -> Orphans:  # noqa: ARG002
        return Orphans([], [])


class UploadsNumberedByUidNext(ObjectStep):
    """The UID of what it stores is UIDNEXT of the selection, whoever else stores something meanwhile."""

    def store_one(self, row: BaseObject) -> bool:
        is_stored = super().store_one(row)
        if is_stored:
            self._know(replace(row, uid=(self.active.uid_next or 0) + len(self.stored) - 1))
        return is_stored


# Removed locally


class NothingRemovedOnServer(ObjectStep):
    """Nothing is removed from the server."""

    def remove_on_server(self) -> None:
        """Nothing."""


class RemovedFetchedAgain(ObjectStep):
    """What was removed locally is new there, and is fetched again."""

    def activate(self) -> None:
        super().activate()
        gone = self.rows.keys() - self.local.keys()
        self.context.base.forget(self.path, gone)
        self.rows = {handle: row for handle, row in self.rows.items() if handle not in gone}


class OneRemovalARun(ObjectStep):
    """A run removes one object of a folder from the server."""

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        super().remove_many_on_server(rows[:1])


class _RemovingOtherwise(ObjectStep):
    """Removes objects from the server by `expunge`."""

    def expunge(self, uids: list[int]) -> None:
        raise NotImplementedError

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        self.expunge([row.uid for row in rows if row.uid])
        self.context.base.forget(self.path, [row.handle for row in rows])
        for row in rows:
            del self.rows[row.handle]


class PlainExpunge(_RemovingOtherwise):
    r"""All that carries \Deleted is expunged, though UIDPLUS is there."""

    def expunge(self, uids: list[int]) -> None:
        self.context.session.update_metadata(uids, add=[DELETED])
        self.context.session._attempt(b"EXPUNGE")


class ExpungedByClosing(_RemovingOtherwise):
    """CLOSE expunges what was marked, by whomever."""

    def expunge(self, uids: list[int]) -> None:
        self.context.session.update_metadata(uids, add=[DELETED])
        self.context.session._attempt(b"CLOSE")
        self.context.session.set_active_folder(self.name)


class RemovedOneByOneByNumber(_RemovingOtherwise):
    """Each object is removed by the number that it had before the first one went."""

    def expunge(self, uids: list[int]) -> None:
        numbers = {uid: number for number, uid in enumerate(sorted(self.server), 1)}
        for uid in sorted(uids):
            self.context.session._attempt(b"STORE %d +FLAGS (\\Deleted)" % numbers[uid])
            self.context.session._attempt(b"EXPUNGE")


class RangeExpunged(_RemovingOtherwise):
    """All from the first to the last object that were removed locally are expunged, and lose their UID in the base."""

    def expunge(self, uids: list[int]) -> None:
        self.context.session.remove_objects(range(min(uids), max(uids) + 1))
        between = [row for row in self.rows.values() if row.uid and min(uids) < row.uid < max(uids)]
        self._know(*(replace(row, uid=None) for row in between))

    def _gone_on_server(self, row: BaseObject) -> bool:
        return row.uid is not None and super()._gone_on_server(row)


class NewestRemovedInstead(_RemovingOtherwise):
    """As many objects are removed as are missing locally, but the newest ones."""

    def expunge(self, uids: list[int]) -> None:
        self.context.session.remove_objects(sorted(self.server)[-len(uids) :])


# The order of the steps


class StoredBeforeCreated(FolderStep):
    """A folder is created once an object could not be stored in it."""

    def create_on_server(self, paths: list[FolderPath]) -> None:
        storage, session = self.context.storage, self.context.session
        for path in paths:
            for each in storage.objects(path).values():
                try:
                    session.store_object(name_for(path, self.context.hierarchy), wire_form(each.read()))
                except OperationRefused:
                    break
        super().create_on_server(paths)


# Equal content, and alien objects


class EqualFetchedOnce(ObjectStep):
    """Content that local storage holds in another folder is not stored locally once more."""

    def download(self, each: FetchedObject) -> None:
        if digest(each.octets) not in _elsewhere(self):
            super().download(each)


class EqualStoredOnce(ObjectStep):
    """Content that the server holds in another folder is not stored on the server once more."""

    def store_one(self, row: BaseObject) -> bool:
        if row.digest not in _elsewhere(self):
            return super().store_one(row)
        self.context.base.withdraw(self.path, [row.handle])
        return False


class EqualRemovedAsDuplicate(ObjectStep):
    """An object with the Message-ID of one in another folder is removed from the server."""

    def download(self, each: FetchedObject) -> None:
        if digest(each.octets) in _elsewhere(self):
            self.context.session.remove_objects([each.uid])
            del self.server[each.uid]
        else:
            super().download(each)


def _elsewhere(step: ObjectStep) -> set[str]:
    base = step.context.base
    return {row.digest for path in base.folders() if path != step.path for row in base.objects(path).values()}


class FetchedCut(ObjectStep):
    """An object that is fetched is cut at one mebibyte."""

    def download(self, each: FetchedObject) -> None:
        super().download(replace(each, octets=each.octets[: 2**20]))


class LargeGivenUp(ObjectStep):
    """An object of more than four mebibytes takes too long, and counts as fetched."""

    def download(self, each: FetchedObject) -> None:
        if len(each.octets) <= 2**22:
            super().download(each)


class StoredCut(Storing):
    """An object that is stored is cut at 64 KiB."""

    def sent(self, octets: bytes) -> bytes:
        return wire_form(octets)[: 2**16]


class StoredInSevenBits(Storing):
    """The eighth bit of what is stored is lost."""

    def sent(self, octets: bytes) -> bytes:
        return bytes(each & 0x7F for each in wire_form(octets))


class BodilessSkipped(ObjectStep):
    """An object without a body is none."""

    def _local_news(self) -> Iterator[LocalObject]:
        return (each for each in super()._local_news() if each.read().partition(b"\r\n\r\n")[2])

    def download(self, each: FetchedObject) -> None:
        if each.octets.partition(b"\r\n\r\n")[2]:
            super().download(each)


class AliensRemoved(ObjectStep):
    """An object without a Message-ID is invalid, and is removed from the server."""

    def download(self, each: FetchedObject) -> None:
        if b"\nmessage-id:" in b"\n" + each.octets.lower():
            super().download(each)
        else:
            self.context.session.remove_objects([each.uid])
            del self.server[each.uid]


class AliensForgotten(ObjectStep):
    """An object without a Message-ID is known and not stored locally, and so counts as removed there."""

    def download(self, each: FetchedObject) -> None:
        if b"\nmessage-id:" in b"\n" + each.octets.lower():
            super().download(each)
        else:
            self._know(BaseObject(f"alien-{each.uid}", each.uid, "", len(each.octets), ObjectKind.MESSAGE))


HOOKS: dict[str, ClientHook | Step] = {
    "nothing-is-stored": NothingStored,
    "twenty-objects-stored-a-run": FewStored,
    "older-objects-not-stored": OlderNotStored,
    "empty-server-folders-stay-empty": NewFoldersStayEmpty,
    "stored-elsewhere-and-copied": StoredElsewhereAndMoved,
    "no-uids-without-uidplus": UploadsUnnumbered,
    "uids-of-uploads-by-uidnext": UploadsNumberedByUidNext,
    "nothing-is-removed-on-server": NothingRemovedOnServer,
    "removed-locally-fetched-again": RemovedFetchedAgain,
    "one-removal-a-run": OneRemovalARun,
    "plain-expunge-despite-uidplus": PlainExpunge,
    "expunged-by-closing": ExpungedByClosing,
    "removed-one-by-one-by-number": RemovedOneByOneByNumber,
    "range-of-removed-uids-expunged": RangeExpunged,
    "newest-removed-on-server-instead": NewestRemovedInstead,
    "stored-before-folder-is-created": StoredBeforeCreated,
    "equal-content-fetched-into-one-folder": EqualFetchedOnce,
    "equal-content-stored-in-one-folder": EqualStoredOnce,
    "equal-content-removed-as-duplicate": EqualRemovedAsDuplicate,
    "fetched-objects-cut-at-one-mebibyte": FetchedCut,
    "large-objects-given-up-silently": LargeGivenUp,
    "stored-objects-cut-at-64-kib": StoredCut,
    "eighth-bit-lost-when-stored": StoredInSevenBits,
    "objects-without-body-skipped": BodilessSkipped,
    "alien-objects-removed-on-server": AliensRemoved,
    "alien-objects-count-as-removed": AliensForgotten,
}
