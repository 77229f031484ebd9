"""Clients that deal wrongly with what both sides did, with moves, or with a new UIDVALIDITY (SYN-601 to SYN-616)."""

from __future__ import annotations

import re
from dataclasses import replace

from conformance.faults.client.flags import Gated, Merging
from conformance.faults.client.histories import Remembering
from conformance.faults.hooks import ClientHook, Hook, Step
from conformance.imap.errors import OperationRefused
from conformance.imap.session import FetchedObject
from conformance.model.folders import FolderPath
from conformance.model.oracle import Row
from conformance.model.states import Flags
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import digest, travel_form
from conformance.reference.client.flags import folded, merge_flags
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.local import LocalObject
from conformance.reference.client.matching import Orphans
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.server import Behaviour

# Removals and changes


class RestoredFromCache(Remembering):
    """What neither side holds any more is put back into local storage from a cache."""

    def remove_one_locally(self, row: BaseObject) -> None:
        if row.handle not in self.local:
            self.context.storage.put(self.path, self.context.base.annotations(self.path)[row.handle])
        super().remove_one_locally(row)

    def update_metadata(self) -> None:
        super().update_metadata()
        for handle, each in self.local.items():
            self.context.base.annotate(self.path, handle, travel_form(each.read()))


class LastForMissing(ObjectStep):
    """An object to be removed that local storage does not hold is looked for, and the last one is taken for it."""

    def remove_one_locally(self, row: BaseObject) -> None:
        if row.handle not in self.local and self.local:
            self.context.storage.remove_object(self.local.pop(max(self.local)))
        super().remove_one_locally(row)


class MissingIsProblem(ObjectStep):
    """An object to be removed that local storage does not hold is a problem of the run."""

    def remove_one_locally(self, row: BaseObject) -> None:
        if row.handle not in self.local:
            self._problem(f"object {row.handle} cannot be removed: there is none")
        super().remove_one_locally(row)


class ChangedComesEmpty(ObjectStep):
    """Changed flags of an object that local storage does not hold make one without content there."""

    def remove_on_server(self) -> None:
        changed = [row for row in self.rows.values() if self._gone_locally(row) and self._has_changed(row)]
        super().remove_on_server()
        for row in changed:
            self.context.storage.put(self.path, b"", self.server[row.uid or 0].flags)

    def _has_changed(self, row: BaseObject) -> bool:
        return row.uid in self.server and folded(self.server[row.uid].flags) != row.flags


class RemovedOnOldCondition(Gated):
    r"""`\Deleted` is set only if the object is as it was at the last synchronization but one, which never succeeds."""

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        free = [row for row in rows if self.is_unchanged(self.server[row.uid or 0])]
        self.remember("modseq", self.since)
        if free:
            super().remove_many_on_server(free)


class MissingUidIsLast(ObjectStep):
    """Changed local flags of an object that the server does not hold are given to the last one there."""

    def remove_one_locally(self, row: BaseObject) -> None:
        each = self.local.get(row.handle)
        if each and self.server and folded(each.flags) != row.flags:
            self.context.session.update_metadata([max(self.server)], add=sorted(folded(each.flags) - row.flags))
        super().remove_one_locally(row)


class ChangesBeforeRemovals(ObjectStep):
    """Local flags are carried over first, and an object that the server does not hold ends the work on its folder."""

    def remove_locally(self) -> None:
        for row in self.rows.values():
            is_changed = row.handle in self.local and folded(self.local[row.handle].flags) != row.flags
            if is_changed and self._gone_on_server(row):
                raise OperationRefused("update metadata", "NO", None, f"no object {row.uid}")
        super().remove_locally()


class Toggled(Merging):
    """Each change of a flag toggles it, so that the same change of both sides is none."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        toggled = base ^ (base ^ local) ^ (base ^ server)
        return toggled, toggled


class ResetToBase(Merging):
    """Where both sides changed flags of an object, both get those of the last synchronization."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        merged = merge_flags(base, local, server)
        return (merged, merged) if base in (local, server) else (base, base)


# Folders


class LeftWithNews(FolderStep):
    """A folder that was removed locally stays on the server for its news, and is not made locally again."""

    def remove_one_on_server(self, path: FolderPath) -> None:
        if not self.has_server_news(path):
            super().remove_one_on_server(path)


class KeptWithNews(FolderStep):
    """A folder that was removed on the server stays locally for its news, and is not made on the server again."""

    def remove_locally(self, paths: list[FolderPath]) -> None:
        super().remove_locally([path for path in paths if not self.has_local_news(path)])


class NeverEmpties(Remembering):
    """Where all known objects of a folder went locally they are let alone, neither removed nor fetched again."""

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        if len(rows) < self.known:
            super().remove_many_on_server(rows)
            return
        for row in rows:
            self.remember(f"let alone {row.uid}", 1)
        self.context.base.forget(self.path, [row.handle for row in rows])

    def fetch_new(self) -> None:
        self.known = len(self.rows)
        super().fetch_new()

    def _wanted(self, unknown: list[int], orphans: Orphans) -> list[int]:
        return [uid for uid in super()._wanted(unknown, orphans) if not self.recall(f"let alone {uid}")]


class RenamedTwiceIsLeft(FolderStep):
    """Where a folder got other names on both sides, nothing is done about any folder."""

    def change_folders(self) -> None:
        rows = self._rows()
        if not _are_renamed_twice(rows):
            super().change_folders()


class RenamedTwiceIsRemoved(FolderStep):
    """Where a folder got other names on both sides, it counts as removed on both, whatever its name."""

    def change_folders(self) -> None:
        rows = self._rows()
        if _are_renamed_twice(rows):
            for path in rows[Row.NEW_ON_SERVER]:
                self.context.session.remove_folder(self.names.pop(path))
            for path in rows[Row.NEW_LOCALLY]:
                self.context.storage.remove(path)
        super().change_folders()


def _are_renamed_twice(rows: dict[Row, list[FolderPath]]) -> bool:
    return all(rows[row] for row in (Row.REMOVED_ON_BOTH, Row.NEW_ON_SERVER, Row.NEW_LOCALLY))


# The same object on both sides


class EqualNotFetched(ObjectStep):
    """An object of the server is not fetched where local storage has its equal, which is stored all the same."""

    def _receive(self, each: FetchedObject, orphans: Orphans) -> None:
        if digest(each.octets) not in {digest(travel_form(one.read())) for one in self.local.values()}:
            super()._receive(each, orphans)


class EqualNotStored(ObjectStep):
    """A local object is not stored where the server has its equal, which is fetched all the same."""

    def _receive(self, each: FetchedObject, orphans: Orphans) -> None:
        del orphans
        self.download(each)

    def store_new(self) -> None:
        held = {row.digest for row in self.rows.values()}
        self.local = {
            handle: each
            for handle, each in self.local.items()
            if handle in self.rows or digest(travel_form(each.read())) not in held
        }
        super().store_new()


# A new UIDVALIDITY


class NewValidity(ObjectStep):
    """Does something of its own where a known folder has a new UIDVALIDITY: `renumbered`."""

    is_new = False

    def activate(self) -> None:
        known = self.context.base.folders()[self.path].uid_validity
        super().activate()
        self.is_new = known not in (None, self.active.uid_validity)
        if self.is_new:
            self.renumbered()
            self.rows = self.context.base.objects(self.path)
            self.local = self.context.storage.objects(self.path)

    def renumbered(self) -> None:
        """What is done about it."""

    def forget_everything(self) -> None:
        """Take all objects of the folder out of the base."""
        self.context.base.forget(self.path, list(self.rows))

    def empty_local_folder(self) -> None:
        """Remove all objects of the folder from local storage."""
        for each in self.local.values():
            self.context.storage.remove_object(each)


class StoredAgain(NewValidity):
    """With a new UIDVALIDITY all local objects are stored again, and all of the server fetched again."""

    def renumbered(self) -> None:
        self.forget_everything()

    def _orphans(self, *, anything: bool) -> Orphans:
        return Orphans((), self.local) if self.is_new else super()._orphans(anything=anything)


class FetchedAgain(ObjectStep):
    """What lost its UID with a new UIDVALIDITY is let alone, and all objects of the server are fetched beside it."""

    def _orphans(self, *, anything: bool) -> Orphans:
        del anything
        return Orphans(self.context.base.uploads(self.path), self.local)


class EmptiedFirst(NewValidity):
    """With a new UIDVALIDITY local storage is emptied, and then looks as if all objects had been removed there."""

    def renumbered(self) -> None:
        self.empty_local_folder()


class StartedAnew(NewValidity):
    """With a new UIDVALIDITY local storage is emptied, new objects included, and fetched again."""

    def renumbered(self) -> None:
        self.empty_local_folder()
        self.forget_everything()


class UnmatchedStoredAgain(NewValidity):
    """With a new UIDVALIDITY local objects that the server does not hold any more are taken for new."""

    def _give_up(self, orphans: Orphans) -> None:
        super()._give_up(orphans)
        self.context.base.forget(self.path, self.lost)
        self.rows = {handle: row for handle, row in self.rows.items() if handle not in self.lost}
        self.lost = set()


class PendingSentFirst(ObjectStep):
    """What waits to be done on the server is sent by the old UIDs before UIDVALIDITY is looked at."""

    def activate(self) -> None:
        rows, local = self.context.base.objects(self.path), self.context.storage.objects(self.path)
        self.context.session.set_active_folder(self.name)
        self.send([row for row in rows.values() if row.uid is not None], local)
        super().activate()

    def send(self, rows: list[BaseObject], local: dict[str, LocalObject]) -> None:
        """Remove what was removed locally."""
        self.context.session.remove_objects([row.uid for row in rows if row.handle not in local and row.uid])


class FlagsSentFirst(PendingSentFirst):
    """Local flags are set by the old UIDs before UIDVALIDITY is looked at."""

    def send(self, rows: list[BaseObject], local: dict[str, LocalObject]) -> None:
        for row in rows:
            if row.handle in local and row.uid and (add := folded(local[row.handle].flags) - row.flags):
                self.context.session.update_metadata([row.uid], add=sorted(add))


def _saturated(octets: bytes) -> bytes:
    return re.sub(rb"(UIDVALIDITY|APPENDUID) (\d+)", lambda it: b"%b %d" % (it[1], min(int(it[2]), 2**31 - 1)), octets)


class SignedValidity(ObjectStep):
    """UIDVALIDITY is remembered as a signed number of 32 bits, and one above 2^31 - 1 is never as remembered."""

    def activate(self) -> None:
        super().activate()
        if (self.active.uid_validity or 0) >= 2**31:
            self.context.base.renumber(self.path, self.active.uid_validity)
            self.rows = self.context.base.objects(self.path)


# Moves


class Elsewhere(Remembering):
    """Knows which contents other folders hold."""

    def elsewhere(self) -> set[str]:
        """The digests that the base knows in other folders."""
        base = self.context.base
        paths = [path for path in base.folders() if path != self.path]
        return {row.digest for path in paths for row in base.objects(path).values()}


class MovedNotFetched(Elsewhere):
    """A new object of the server that another folder holds already counts as fetched."""

    def _wanted(self, unknown: list[int], orphans: Orphans) -> list[int]:
        return [uid for uid in super()._wanted(unknown, orphans) if not self.recall(f"moved {uid}")]

    def download(self, each: FetchedObject) -> None:
        if digest(each.octets) in self.elsewhere():
            self.remember(f"moved {each.uid}", 1)
        else:
            super().download(each)


class MovedStaysLocally(Elsewhere):
    """An object that left a folder of the server stays locally where another folder has its equal."""

    def _gone_on_server(self, row: BaseObject) -> bool:
        return super()._gone_on_server(row) and row.digest not in self.elsewhere()


class MovedNotStored(Elsewhere):
    """A new local object that another folder holds already counts as stored, and in the next run as removed."""

    def store_one(self, row: BaseObject) -> bool:
        if row.digest not in self.elsewhere():
            return super().store_one(row)
        self._know(replace(row, uid=2**31 + len(self.rows)))
        return True


class MovedStaysOnServer(ObjectStep):
    """An object that left a local folder stays on the server where another local folder has its equal."""

    def _gone_locally(self, row: BaseObject) -> bool:
        return super()._gone_locally(row) and row.digest not in self._digests()

    def _digests(self) -> set[str]:
        storage = self.context.storage
        folders = [storage.objects(path) for path in storage.folders() if path != self.path]
        return {digest(travel_form(each.read())) for objects in folders for each in objects.values()}


class RemovedEverywhere(Elsewhere):
    """An object that left a folder on both sides is removed from whatever folder it came to."""

    def remove_one_locally(self, row: BaseObject) -> None:
        if row.handle not in self.local:
            for path in self.context.base.folders():
                self.context.base.annotate(path, row.digest, b"1")
        super().remove_one_locally(row)

    def update_metadata(self) -> None:
        super().update_metadata()
        removed = [row for row in self.rows.values() if self.recall(row.digest)]
        for row in removed:
            self.context.storage.remove_object(self.local.pop(row.handle))
        self.remove_many_on_server(removed)


# Two clients


class Touching(Gated):
    """A change since the last look is answered by a touch, which is a change since the last look in the next run."""

    def update_metadata(self) -> None:
        super().update_metadata()
        if self.server and self.since and (self.active.highest_modseq or 0) > self.since:
            self.context.session.update_metadata([max(self.server)], add=["CpmTouched"])
            self.context.session.update_metadata([max(self.server)], remove=["CpmTouched"])


_FAR_VALIDITY = Hook(behaviour=Behaviour(first_uid_validity=2**31 + 5))

HOOKS: dict[str, ClientHook | Step] = {
    "removed-on-both-comes-back": RestoredFromCache,
    "missing-object-is-last-one": LastForMissing,
    "missing-object-is-a-problem": MissingIsProblem,
    "changed-flags-make-empty-object": ChangedComesEmpty,
    "removal-on-old-condition": RemovedOnOldCondition,
    "missing-uid-is-last-one": MissingUidIsLast,
    "changes-before-removals": ChangesBeforeRemovals,
    "same-change-cancels-out": Toggled,
    "conflict-resets-to-base": ResetToBase,
    "folder-with-news-stays-on-server": LeftWithNews,
    "folder-with-news-stays-locally": KeptWithNews,
    "server-folder-is-never-emptied": NeverEmpties,
    "equal-object-not-fetched": EqualNotFetched,
    "equal-object-not-stored": EqualNotStored,
    "stored-again-on-new-uidvalidity": StoredAgain,
    "fetched-again-on-new-uidvalidity": FetchedAgain,
    "emptied-on-new-uidvalidity": EmptiedFirst,
    "local-news-lost-on-new-uidvalidity": StartedAnew,
    "unmatched-objects-stored-again": UnmatchedStoredAgain,
    "removals-sent-before-uidvalidity": PendingSentFirst,
    "flags-sent-before-uidvalidity": FlagsSentFirst,
    "uidvalidity-of-31-bits": ClientHook(hears=_saturated, server=_FAR_VALIDITY),
    "uidvalidity-as-signed-number": SignedValidity,
    "moved-on-server-not-fetched": MovedNotFetched,
    "moved-on-server-stays-locally": MovedStaysLocally,
    "moved-locally-not-stored": MovedNotStored,
    "moved-locally-stays-on-server": MovedStaysOnServer,
    "moved-differently-is-removed": RemovedEverywhere,
    "renamed-differently-is-left": RenamedTwiceIsLeft,
    "renamed-differently-is-removed": RenamedTwiceIsRemoved,
    "changes-answered-by-touches": Touching,
}
