"""Clients that never rest, lose or double objects, or cannot bear what servers and others do (SYN-701 to SYN-719)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from conformance.faults.client.interruption import STATE, OneByOne
from conformance.faults.hooks import ClientHook, Step
from conformance.imap.data import fetch_items
from conformance.imap.errors import OperationRefused, SyntaxProblem
from conformance.imap.session import FetchedObject, ObjectMetadata
from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind
from conformance.model.states import Flags
from conformance.reference.client.base import BaseObject
from conformance.reference.client.context import Context
from conformance.reference.client.flags import folded
from conformance.reference.client.matching import Orphans
from conformance.reference.client.object_step import Change, ObjectStep
from conformance.reference.client.report import SynchronizationProblem
from conformance.reference.client.synchronizer import Synchronizer

# A further run


class FlagsClearedAndSet(ObjectStep):
    """The flags of all objects are cleared on the server and set again in each run."""

    def update_metadata(self) -> None:
        super().update_metadata()
        for uid, each in self.server.items():
            if each.flags:
                self.context.session.update_metadata([uid], remove=sorted(each.flags))
                self.context.session.update_metadata([uid], add=sorted(each.flags))


class LockObject(ObjectStep):
    """Each run stores an object in every folder as a lock, and removes it at its end."""

    def run(self) -> None:
        lock = self.context.session.store_object(self.name, b"Subject: lock\r\n\r\nlock\r\n")
        self.context.session.set_active_folder(self.name)
        if lock:
            self.context.session.remove_objects([lock.uid])
        super().run()


class AllBodiesFetched(ObjectStep):
    """All objects are fetched in each run, to be compared."""

    def fetch_new(self) -> None:
        super().fetch_new()
        list(self._fetch(sorted(self.server)))


class NewestFetchedAgain(ObjectStep):
    """The newest object is fetched in each run, as by `UID FETCH n:*`."""

    def fetch_new(self) -> None:
        super().fetch_new()
        list(self._fetch([max(self.server)] if self.server else []))


# Both sides alike, nothing lost, nothing doubled


class FlaggedNotRemoved(ObjectStep):
    """What was removed locally and changed on the server stays there, and does not come back."""

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        same = [row for row in rows if row.uid is not None and folded(self.server[row.uid].flags) == row.flags]
        if same:
            super().remove_many_on_server(same)


class ChangedStaysLocally(ObjectStep):
    """What was removed on the server and changed locally stays in local storage, and is not stored again."""

    def _gone_on_server(self, row: BaseObject) -> bool:
        here = self.local.get(row.handle)
        return super()._gone_on_server(row) and (here is None or folded(here.flags) == row.flags)


class OnlyWhereTheServerChanged(ObjectStep):
    """A folder whose content on the server is as it was is not synchronized."""

    def run(self) -> None:
        status = self.context.session.status(self.name)
        now = f"{status.uid_validity} {status.uid_next} {status.messages} {status.highest_modseq}".encode()
        if self.context.base.annotations(STATE).get(self.name) == now:
            return
        super().run()
        self.context.base.annotate(STATE, self.name, now)


class UnknownHereIsRemoved(ObjectStep):
    """What the server holds and local storage does not counts as removed locally, whether it was ever there or not."""

    def fetch_new(self) -> None:
        if self.rows:
            known = {row.uid for row in self.rows.values()}
            self.context.session.remove_objects(self.server.keys() - known)
            self.server = {uid: each for uid, each in self.server.items() if uid in known}
        super().fetch_new()


class SameTextOnce(ObjectStep):
    """Of two objects with the same text and other headers the one on the server is removed as a duplicate."""

    def download(self, each: FetchedObject) -> None:
        if _text(each.octets) in {_text(one.read()) for one in self.local.values()}:
            self.context.session.remove_objects([each.uid])
            del self.server[each.uid]
        else:
            super().download(each)


def _text(octets: bytes) -> bytes:
    return octets.rpartition(b"\r\n\r\n")[2]


class BothRemovedAsDuplicates(ObjectStep):
    """Of an object that came to both sides the local copy is removed as a duplicate, and so the other one later."""

    def adopt(self, row: BaseObject) -> None:
        is_new = row.handle not in self.rows
        super().adopt(row)
        if is_new:
            self.context.storage.remove_object(self.local.pop(row.handle))


class OwnUploadsFetched(ObjectStep):
    """It stores before it fetches, and fetches what it has stored itself as new."""

    def run(self) -> None:
        self.activate()
        self.store_new()
        self._know(*(replace(self.rows[handle], uid=None) for handle in self.stored))
        super().run()

    def _orphans(self, *, anything: bool) -> Orphans:  # noqa: ARG002
        return Orphans([], [])


class StoredTwice(ObjectStep):
    """Each new object is sent twice."""

    def store_one(self, row: BaseObject) -> bool:
        self.context.session.store_object(self.name, self.local[row.handle].read(), flags=sorted(row.flags))
        return super().store_one(row)


# Changes meanwhile


class MissingBodyIsEmpty(OneByOne):
    """An object that is gone when its body is asked for is stored without octets."""

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        missing = set(uids)
        for each in super()._fetch(uids):
            missing.discard(each.uid)
            yield each
        for uid in missing:
            yield FetchedObject(uid, b"", frozenset(), None)


class MissingFolderMadeAgain(Synchronizer):
    """A folder that is gone when it is selected is made again, with all that local storage holds of it."""

    def synchronize_folder(self, path: FolderPath) -> None:
        name = self.folders.names[path]
        try:
            self.context.session.set_active_folder(name)
        except OperationRefused:
            self.context.session.create_folder(name)
            self.context.base.drop_folder(path)
            self.context.base.add_folder(path, name)
        super().synchronize_folder(path)


class BaseFromALaterLook(Synchronizer):
    """All that the server holds at the end of the run counts as synchronized, though some came meanwhile."""

    def run(self) -> None:
        super().run()
        context, base = self.context, self.context.base
        self.folders.list_folders()
        for path, name in self.folders.names.items():
            base.add_folder(path, name)
            active = context.session.set_active_folder(name)
            if base.folders()[path].uid_validity != active.uid_validity:
                base.renumber(path, active.uid_validity)
            known = {row.uid for row in base.objects(path).values()}
            uids = [each.uid for each in context.session.list_objects() if each.uid not in known]
            base.write(path, [BaseObject(f"seen-{uid}", uid, "", 0, ObjectKind.MESSAGE) for uid in uids])


class _Numbered(ObjectStep):
    """Reaches objects by the sequence numbers that they had when the folder was looked at."""

    numbers: dict[int, int]

    def activate(self) -> None:
        super().activate()
        self.numbers = {uid: number for number, uid in enumerate(sorted(self.server), 1)}


class FlagsByStaleNumbers(_Numbered):
    """Flags are set by the sequence numbers that objects had when the folder was looked at."""

    def push(self, add: Flags, remove: Flags, rows: list[BaseObject]) -> None:
        for row in rows:
            assert row.uid is not None
            for sign, flags in ((b"+", add), (b"-", remove)):
                line = b"STORE %d %sFLAGS (%s)" % (self.numbers[row.uid], sign, " ".join(sorted(flags)).encode())
                self.context.session._attempt(line)
            flags = (folded(self.server[row.uid].flags) | folded(add)) - folded(remove)
            self.server[row.uid] = replace(self.server[row.uid], flags=flags)


class BodiesByStaleNumbers(_Numbered):
    """Bodies are fetched by the sequence numbers that objects had, and filed under the UIDs that they had then."""

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        for uid in uids:
            self.context.session.noop()
            answer = self.context.session._attempt(b"FETCH %d (FLAGS BODY.PEEK[])" % self.numbers[uid])
            for response in answer.named("FETCH"):
                items = fetch_items(response)
                if items.get("BODY[]") is not None:
                    yield FetchedObject.read(uid, items)


class ExpungeNamesUids(ObjectStep):
    """The number of an EXPUNGE is read as a UID, and the object of that UID is removed locally."""

    def run(self) -> None:
        wire, heard = self.context.session._wire, list[bytes]()
        read_unit = wire.read_unit

        def listening(waiting_for: str = "answer") -> bytes:
            heard.append(read_unit(waiting_for))
            return heard[-1]

        vars(wire)["read_unit"] = listening
        try:
            super().run()
        finally:
            del vars(wire)["read_unit"]
        expunged = {int(unit.split()[1]) for unit in heard if unit.endswith(b" EXPUNGE\r\n")}
        for row in self.rows.values():
            if row.uid in expunged and row.handle in self.local:
                self.context.storage.remove_object(self.local[row.handle])


# Refusals, and folders that are read-only


class RefusedDropped(ObjectStep):
    """A new object that the server refuses to store is dropped from local storage."""

    def store_one(self, row: BaseObject) -> bool:
        stored = super().store_one(row)
        if not stored:
            self.context.storage.remove_object(self.local.pop(row.handle))
        return stored


class StopsForEver(Synchronizer):
    """After one refusal it never synchronizes again."""

    def run(self) -> None:
        if self.context.base.annotations(STATE):
            raise SynchronizationProblem("the server has refused a command")
        super().run()
        if not self.context.report.success:
            self.context.base.annotate(STATE, "refused", b"")


class ReadOnlySkipped(ObjectStep):
    """A folder that is read-only is not synchronized at all."""

    def fetch_new(self) -> None:
        if self.active.read_only:
            raise OperationRefused("set active folder", "NO", "READ-ONLY", "the folder is read-only")
        super().fetch_new()


class ReadOnlyDropsNews(ObjectStep):
    """New local objects in a folder that is read-only are dropped, and success is told."""

    def store_new(self) -> None:
        if not self.active.read_only:
            super().store_new()
            return
        for each in list(self._local_news()):
            self.context.storage.remove_object(self.local.pop(each.handle))


class ReadOnlyRevertsFlags(ObjectStep):
    """Local flags in a folder that is read-only become those of the server, and success is told."""

    def merge(self, row: BaseObject) -> Change:
        assert row.uid is not None
        if not self.active.read_only:
            return super().merge(row)
        there = self.server[row.uid].flags
        self.set_local_flags(row.handle, folded(there), there)
        return frozenset(), frozenset()


# Untagged data


class FiledByOrder(ObjectStep):
    """The first FETCH response belongs to the first object, the second to the second, whatever they say."""

    def activate(self) -> None:
        super().activate()
        uids = sorted(self.server)
        if uids:
            line = b"UID FETCH 1:* (UID FLAGS RFC822.SIZE)"
            told = map(fetch_items, self.context.session._attempt(line).named("FETCH"))
            flags = [ObjectMetadata.read(0, items).flags for items in told]
            self.server |= {uid: replace(self.server[uid], flags=each) for uid, each in zip(uids, flags, strict=False)}


def _ends_at_unknown_codes(octets: bytes) -> bytes:
    if b" [XYZZY " in octets:
        raise SyntaxProblem("an unknown response code", octets)
    return octets


def _ends_at_status_lines(octets: bytes) -> bytes:
    """Passes over the untagged data that follow an untagged NO."""
    kept, is_over = [], False
    for line in octets.splitlines(keepends=True):
        is_over = line.startswith(b"* ") and (is_over or line.startswith(b"* NO "))
        kept += [] if is_over else [line]
    return b"".join(kept)


# What it tells


class LaterFetchesFail(ObjectStep):
    """Nothing is fetched into a folder that was synchronized before, and success is told."""

    def __init__(self, context: Context, path: FolderPath, name: str) -> None:
        super().__init__(context, path, name)
        self._was_synchronized = bool(context.base.objects(path))

    def download(self, each: FetchedObject) -> None:
        if not self._was_synchronized:
            super().download(each)


HOOKS: dict[str, ClientHook | Step] = {
    "flags-cleared-and-set-again": FlagsClearedAndSet,
    "lock-object-in-every-run": LockObject,
    "all-bodies-fetched-every-run": AllBodiesFetched,
    "newest-object-fetched-every-run": NewestFetchedAgain,
    "flagged-object-is-not-removed": FlaggedNotRemoved,
    "changed-object-stays-locally": ChangedStaysLocally,
    "only-where-the-server-changed": OnlyWhereTheServerChanged,
    "unknown-locally-is-removed": UnknownHereIsRemoved,
    "same-text-taken-for-duplicate": SameTextOnce,
    "both-removed-as-duplicates": BothRemovedAsDuplicates,
    "own-uploads-fetched-as-new": OwnUploadsFetched,
    "every-new-object-sent-twice": StoredTwice,
    "missing-body-is-stored-empty": MissingBodyIsEmpty,
    "missing-folder-is-made-again": MissingFolderMadeAgain,
    "base-from-a-later-look": BaseFromALaterLook,
    "flags-by-stale-numbers": FlagsByStaleNumbers,
    "bodies-by-stale-numbers": BodiesByStaleNumbers,
    "expunge-numbers-read-as-uids": ExpungeNamesUids,
    "refused-object-is-dropped": RefusedDropped,
    "one-refusal-ends-all-later-runs": StopsForEver,
    "read-only-folder-is-skipped": ReadOnlySkipped,
    "read-only-folder-drops-news": ReadOnlyDropsNews,
    "read-only-folder-reverts-flags": ReadOnlyRevertsFlags,
    "fetch-responses-filed-by-order": FiledByOrder,
    "unknown-codes-end-the-run": ClientHook(hears=_ends_at_unknown_codes),
    "data-after-a-warning-ignored": ClientHook(hears=_ends_at_status_lines),
    "later-fetches-fail-silently": LaterFetchesFail,
}
