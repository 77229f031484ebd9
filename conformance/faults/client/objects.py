"""Clients that are wrong about what is new or removed on the server (SYN-401 to SYN-407, SYN-416 to SYN-419)."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.faults.client.histories import Remembering
from conformance.faults.hooks import ClientHook, Step
from conformance.imap.errors import SyntaxProblem
from conformance.imap.results import fetched
from conformance.imap.session import FetchedObject
from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import digest, wire_form
from conformance.reference.client.context import Context
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.matching import Orphans
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer

DELETED = "\\Deleted"

# Folders that are set active


class EmptyFoldersSkipped(Synchronizer):
    """A folder that is empty in local storage is not set active."""

    def synchronize_folder(self, path: FolderPath) -> None:
        if self.context.storage.objects(path) or self.context.base.objects(path):
            super().synchronize_folder(path)


class OneFolderARun(Synchronizer):
    """A run ends after the first folder in which there was something to do."""

    _done = False

    def synchronize_folder(self, path: FolderPath) -> None:
        if not self._done:
            before = str(self.context.report.counters)
            super().synchronize_folder(path)
            self._done = str(self.context.report.counters) != before


class StoredWithoutSelection(Remembering):
    """Where STATUS tells nothing new, news of local storage are stored without setting the folder active."""

    def run(self) -> None:
        status = self.context.session.status(self.name)
        self.rows = self.context.base.objects(self.path)
        self.local = self.context.storage.objects(self.path)
        same = self.recall("messages") == status.messages and self.recall("next") == status.uid_next
        if same and self.rows and self.rows.keys() <= self.local.keys() != self.rows.keys():
            for each in list(self._local_news()):
                stored = self.context.session.store_object(self.name, wire_form(each.read()), flags=sorted(each.flags))
                assert stored is not None
                octets = each.read()
                self._know(BaseObject(each.handle, stored.uid, digest(octets), len(octets), ObjectKind.MESSAGE))
        else:
            super().run()
        status = self.context.session.status(self.name)
        self.remember("messages", status.messages or 0)
        self.remember("next", status.uid_next or 0)


# New objects of the server


class _Finding(ObjectStep):
    """Takes those objects for new that `is_new` tells of the ones that are unknown."""

    def is_new(self, uid: int) -> bool:
        raise NotImplementedError

    def _wanted(self, unknown: list[int], orphans: Orphans) -> list[int]:
        return super()._wanted([uid for uid in unknown if self.is_new(uid)], orphans)


class NewByRecent(_Finding):
    """There are new objects where some are recent."""

    def is_new(self, uid: int) -> bool:
        del uid
        return bool(self.active.recent)


class NewByCount(Remembering):
    """There are new objects where there are more than in the run before."""

    def _wanted(self, unknown: list[int], orphans: Orphans) -> list[int]:
        exists, before = self.active.exists or 0, self.recall("exists")
        self.remember("exists", exists)
        return super()._wanted(unknown if exists > before else [], orphans)


class NewByUnseen(_Finding):
    r"""New objects are those without \Seen."""

    def is_new(self, uid: int) -> bool:
        return "\\Seen" not in self.server[uid].flags


class NothingFetched(ObjectStep):
    """Nothing is fetched."""

    def fetch_new(self) -> None:
        """Nothing."""


class FirstPageFetched(ObjectStep):
    """A run fetches a hundred objects of a folder at most."""

    def _wanted(self, unknown: list[int], orphans: Orphans) -> list[int]:
        return super()._wanted(unknown, orphans)[:100]


class AlienEndsTheFetch(ObjectStep):
    """An object that has no Message-ID ends the fetch, and so do those after it."""

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        for each in super()._fetch(uids):
            if b"\nmessage-id:" not in each.octets.lower():
                raise SyntaxProblem("no message", each.octets[:80])
            yield each


class ChangedFolderFetchedWhole(ObjectStep):
    """Where one object is new, all of the folder are fetched."""

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        every = sorted(self.server) if uids else []
        return (each for each in super()._fetch(every) if each.uid in uids)


class OwnUploadFetchedBack(ObjectStep):
    """What it has stored is fetched, to see that it is there."""

    def store_new(self) -> None:
        super().store_new()
        list(self._fetch([row.uid for row in self.rows.values() if row.handle in self.stored and row.uid]))


# UIDs


class _FromLastOn(ObjectStep):
    """Fetches the UIDs from the last known one on, and takes whatever comes for new."""

    def bound(self) -> bytes:
        raise NotImplementedError

    def fetch_new(self) -> None:
        known = [row.uid for row in self.rows.values() if row.uid]
        if not known:
            super().fetch_new()
            return
        line = b"UID FETCH %d:%s (UID FLAGS INTERNALDATE BODY.PEEK[])" % (max(known) + 1, self.bound())
        for uid, items in fetched(self.context.session._attempt(line).untagged).items():
            self.download(FetchedObject.read(uid, items))


class UpToTheAsterisk(_FromLastOn):
    """`n:*` is taken to name new objects only."""

    def bound(self) -> bytes:
        return b"*"


class UpToUidNext(_FromLastOn):
    """A range that ends below UIDNEXT is taken to name new objects only, though without any it is reversed."""

    def bound(self) -> bytes:
        return b"%d" % ((self.active.uid_next or 1) - 1)


class SignedUids(_Finding):
    """A UID above 2^31 is negative, and so no new one."""

    def is_new(self, uid: int) -> bool:
        return uid < 2**31


class UidsWithoutGaps(_Finding):
    """The first UID that is missing after the known ones ends the new objects."""

    def is_new(self, uid: int) -> bool:
        known = {row.uid for row in self.rows.values() if row.uid}
        return all(each in self.server for each in range(max(known, default=uid) + 1, uid))


# Removed on the server


class NothingRemovedLocally(ObjectStep):
    """Nothing is removed locally."""

    def remove_locally(self) -> None:
        """Nothing."""


class RemovedStoredAgain(ObjectStep):
    """What was removed on the server is new there, and is stored again."""

    def remove_locally(self) -> None:
        gone = [row.handle for row in self.rows.values() if self._gone_on_server(row)]
        self.context.base.forget(self.path, gone)
        for handle in gone:
            del self.rows[handle]


class RemovedIfMarked(ObjectStep):
    r"""Only an object that carries \Deleted has been removed on the server."""

    def _gone_on_server(self, row: BaseObject) -> bool:
        return row.uid in self.server and DELETED in self.server[row.uid].flags


class RemovedByCount(Remembering):
    """Objects were removed on the server where there are fewer than in the run before."""

    def remove_locally(self) -> None:
        exists, before = self.active.exists or 0, self.recall("exists")
        self.remember("exists", exists)
        if exists < before:
            super().remove_locally()


class RemovedByNumber(ObjectStep):
    """Sequence numbers identify objects, so that those with the highest numbers are the removed ones."""

    def remove_locally(self) -> None:
        rows = list(self.rows.values())
        missing = [row for row in rows if self._gone_on_server(row)]
        highest = rows[len(rows) - len(missing) :]
        for row in highest:
            self.remove_one_locally(row)
        self.context.base.forget(self.path, [row.handle for row in highest])


class UnknownToServerRemoved(ObjectStep):
    """What the server does not hold was removed there, whether it was ever there or not."""

    def remove_locally(self) -> None:
        super().remove_locally()
        for handle in self.local.keys() - self.rows.keys():
            self.context.storage.remove_object(self.local.pop(handle))


class SameUidRemovedEverywhere(ObjectStep):
    """With an object that was removed on the server those of the same UID go from all folders of local storage."""

    def remove_one_locally(self, row: BaseObject) -> None:
        super().remove_one_locally(row)
        context = self.context
        for path in context.base.folders().keys() & context.storage.folders() - {self.path}:
            same = [each.handle for each in context.base.objects(path).values() if each.uid == row.uid]
            for handle in same & context.storage.objects(path).keys():
                context.storage.remove_object(context.storage.find(path, handle))


class _RangeRemoved(ObjectStep):
    """Deals apart with what lies between the first and the last UID that were removed on the server."""

    def between(self, row: BaseObject) -> None:
        raise NotImplementedError

    def remove_locally(self) -> None:
        gone = [row.uid for row in self.rows.values() if row.uid and self._gone_on_server(row)]
        super().remove_locally()
        for row in list(self.rows.values()):
            if gone and row.uid and min(gone) < row.uid < max(gone) and row.handle in self.local:
                self.between(row)


class RangeRemoved(_RangeRemoved):
    """All objects between the first and the last UID that were removed on the server are removed locally."""

    def between(self, row: BaseObject) -> None:
        self.remove_one_locally(row)


class RangeFetchedAnew(_RangeRemoved):
    """What lies between the first and the last removed UID leaves local storage until the next run fetches it."""

    def between(self, row: BaseObject) -> None:
        self.remove_one_locally(row)
        self.context.base.forget(self.path, [row.handle])


# Born and died, everything at once, marked, and anew


class PlaceholderForGap(Remembering):
    """For a UID below UIDNEXT that is not there an object without octets is stored locally."""

    def fetch_new(self) -> None:
        super().fetch_new()
        mark = self.recall("next")
        for uid in range(mark, self.active.uid_next or 0) if mark else ():
            if uid not in self.server:
                self.context.storage.put(self.path, b"\r\n")
        self.remember("next", self.active.uid_next or 0)


class GapRemovesNewest(Remembering):
    """For a UID below UIDNEXT that is not there the newest object is removed locally."""

    def fetch_new(self) -> None:
        super().fetch_new()
        mark = self.recall("next")
        missing = [uid for uid in range(mark, self.active.uid_next or 0) if mark and uid not in self.server]
        for row in list(self.rows.values())[len(self.rows) - len(missing) :]:
            self.remove_one_locally(row)
        self.remember("next", self.active.uid_next or 0)


class OneKindARun(ObjectStep):
    """In each folder a run ends after the first step in which there was something to do."""

    def run(self) -> None:
        self.activate()
        before = str(self.context.report.counters)
        steps = (self.fetch_new, self.remove_locally, self.store_new, self.remove_on_server, self.update_metadata)
        for step in steps:
            if str(self.context.report.counters) == before:
                step()


class MarkedFlaps(ObjectStep):
    r"""An object that carries \Deleted is fetched as new and removed as gone in each run."""

    def _gone_on_server(self, row: BaseObject) -> bool:
        return super()._gone_on_server(row) or DELETED in self.server[row.uid or 0].flags


class MarkedStoredAgain(ObjectStep):
    r"""An object that carries \Deleted is not there, and the local one is stored again."""

    def activate(self) -> None:
        super().activate()
        self.server = {uid: each for uid, each in self.server.items() if DELETED not in each.flags}
        gone = [row.handle for row in self.rows.values() if row.uid not in self.server]
        self.context.base.forget(self.path, gone)
        self.rows = {handle: row for handle, row in self.rows.items() if handle not in gone}


class EmptyStorageWipesServer(ObjectStep):
    """What a folder of local storage lacks was removed there, whether it was ever there or not."""

    def fetch_new(self) -> None:
        if not self.local and not self.rows:
            self.context.session.remove_objects(self.server)
            self.server = {}
        super().fetch_new()


class EmptyStorageRemovesFolders(FolderStep):
    """Where local storage has no folder at all, all of the server were removed there."""

    def change_folders(self) -> None:
        if not self.context.storage.folders():
            for path, name in sorted(self.names.items(), reverse=True):
                if path != ("INBOX",):
                    self.context.session.remove_folder(name)
                    del self.names[path]
        super().change_folders()


class OlderThanTheFirstRun(Remembering):
    """What was on the server before the first run is never fetched."""

    def __init__(self, context: Context, path: FolderPath, name: str) -> None:
        super().__init__(context, path, name)
        self._mark = 0

    def activate(self) -> None:
        super().activate()
        if not self.recall("first"):
            self.remember("first", self.active.uid_next or 1)
        self._mark = self.recall("first")

    def _wanted(self, unknown: list[int], orphans: Orphans) -> list[int]:
        return super()._wanted([uid for uid in unknown if uid >= self._mark], orphans)


HOOKS: dict[str, ClientHook | Step] = {
    "empty-folders-not-set-active": EmptyFoldersSkipped,
    "one-folder-with-news-a-run": OneFolderARun,
    "stored-without-a-selection": StoredWithoutSelection,
    "new-objects-by-recent": NewByRecent,
    "new-objects-by-count": NewByCount,
    "new-objects-by-unseen": NewByUnseen,
    "nothing-is-fetched": NothingFetched,
    "first-hundred-fetched": FirstPageFetched,
    "alien-object-ends-the-fetch": AlienEndsTheFetch,
    "changed-folder-fetched-whole": ChangedFolderFetchedWhole,
    "own-upload-fetched-back": OwnUploadFetchedBack,
    "last-object-stored-again": UpToTheAsterisk,
    "reversed-range-stored-again": UpToUidNext,
    "uids-of-31-bits": SignedUids,
    "fetch-ends-at-a-gap": UidsWithoutGaps,
    "nothing-is-removed-locally": NothingRemovedLocally,
    "removed-on-server-stored-again": RemovedStoredAgain,
    "removed-only-if-marked": RemovedIfMarked,
    "removals-by-count": RemovedByCount,
    "removals-by-sequence-number": RemovedByNumber,
    "unknown-to-server-is-removed": UnknownToServerRemoved,
    "same-uid-removed-everywhere": SameUidRemovedEverywhere,
    "range-of-removed-uids-filled": RangeRemoved,
    "range-of-removed-uids-fetched-anew": RangeFetchedAnew,
    "placeholder-for-missing-uid": PlaceholderForGap,
    "missing-uid-removes-newest": GapRemovesNewest,
    "one-kind-of-change-a-run": OneKindARun,
    "marked-object-flaps": MarkedFlaps,
    "marked-object-stored-again": MarkedStoredAgain,
    "empty-folder-wipes-server": EmptyStorageWipesServer,
    "empty-storage-removes-folders": EmptyStorageRemovesFolders,
    "older-than-first-run-not-fetched": OlderThanTheFirstRun,
}
