"""Clients that are broken where a run ends early: cut off, hung up on, or killed (SYN-706 to SYN-711, SYN-715)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from conformance.faults.client.histories import BelievesCutLists, Remembering
from conformance.faults.hooks import ClientHook, Step
from conformance.imap.errors import ConnectionLost
from conformance.imap.session import FetchedObject
from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind
from conformance.model.oracle import Row
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import digest, kind_of
from conformance.reference.client.context import Context
from conformance.reference.client.flags import folded, travelling
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.local import LocalObject
from conformance.reference.client.matching import Orphans
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.report import SynchronizationProblem
from conformance.reference.client.synchronizer import Synchronizer

STATE: FolderPath = (" state",)
"""A place of the base that no folder needs, for what a client has to remember of its runs."""


class OneByOne(ObjectStep):
    """Fetches each object by a command of its own, which is not wrong."""

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        for uid in uids:
            yield from super()._fetch([uid])


# While it fetches


class PartialStored(OneByOne):
    """What has come of an object when the connection ends is stored, and its UID is done."""

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        for uid in uids:
            try:
                yield from super()._fetch([uid])
            except ConnectionLost:
                part = self.context.session._wire._framer.tail.partition(b"}\r\n")[2]
                if part:
                    self.download(FetchedObject(uid, part, frozenset(), None))
                raise


class NewestFirst(Remembering, OneByOne):
    """The newest object is fetched first, and what is older than the newest known one counts as fetched."""

    def fetch_new(self) -> None:
        mark, known = self.recall("mark"), {row.uid for row in self.rows.values()}
        self.server = {uid: each for uid, each in self.server.items() if uid in known or uid > mark}
        super().fetch_new()

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        return super()._fetch(sorted(uids, reverse=True))

    def download(self, each: FetchedObject) -> None:
        super().download(each)
        self.remember("mark", max(self.recall("mark"), each.uid))


class RowsBeforeBodies(ObjectStep):
    """The base knows the new objects before they are fetched; without an object locally they look removed there."""

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        self._know(*(BaseObject(_pending(uid), uid, "", 0, ObjectKind.MESSAGE) for uid in uids))
        return super()._fetch(uids)

    def _know(self, *rows: BaseObject) -> None:
        for row in rows:
            self.rows.pop(_pending(row.uid), None)
        super()._know(*rows)


def _pending(uid: int | None) -> str:
    return f"pending-{uid}"


class RevealedTogether(OneByOne):
    """Reveals what it fetched when all of it is there, which is not wrong; the base knows each object before."""

    def __init__(self, context: Context, path: FolderPath, name: str) -> None:
        super().__init__(context, path, name)
        self._unrevealed: list[LocalObject] = []

    def download(self, each: FetchedObject) -> None:
        staged = self.context.storage.stage(each.octets, travelling(each.flags))
        row = BaseObject(staged.handle, each.uid, digest(each.octets), len(each.octets), kind_of(each.octets))
        self.note(replace(row, flags=folded(each.flags)))
        self._unrevealed.append(staged)

    def note(self, row: BaseObject) -> None:
        """Know an object that is not revealed."""
        self._know(row)

    def fetch_new(self) -> None:
        super().fetch_new()
        for staged in self._unrevealed:
            self.local[staged.handle] = self.context.storage.reveal(self.path, staged)


class KnownTogether(RevealedTogether):
    """The base, too, knows what it fetched when all of it is there, which is not wrong."""

    def __init__(self, context: Context, path: FolderPath, name: str) -> None:
        super().__init__(context, path, name)
        self._unknown: list[BaseObject] = []

    def note(self, row: BaseObject) -> None:
        self._unknown.append(row)

    def fetch_new(self) -> None:
        super().fetch_new()
        self._know(*self._unknown)


class StagedThrownAway(Synchronizer):
    """What an interrupted run staged is thrown away although the base knows it, and so it looks removed locally."""

    object_step = RevealedTogether

    def recover(self) -> None:
        for staged in self.context.storage.staged():
            self.context.storage.remove_object(staged)


class StagedShownAnywhere(Synchronizer):
    """What an interrupted run staged is shown in the first folder, since nothing tells where it belongs."""

    object_step = KnownTogether

    def recover(self) -> None:
        for staged in self.context.storage.staged():
            self.context.storage.reveal(min(self.context.base.folders()), staged)


# While it stores


class StoredBeforeSent(ObjectStep):
    """An object counts as stored before it is sent, so that it looks removed on the server when it never came there."""

    def store_one(self, row: BaseObject) -> bool:
        self._know(row)
        return super().store_one(row)


class NeverTriedAgain(Remembering):
    """A store that was begun is never tried again, whatever became of it."""

    def store_one(self, row: BaseObject) -> bool:
        if self.recall(f"begun {row.handle}"):
            self.context.base.withdraw(self.path, [row.handle])
            return False
        self.remember(f"begun {row.handle}", 1)
        return super().store_one(row)


class BlindRetry(ObjectStep):
    """Whatever was stored without an answer is stored once more, without a look at what is there."""

    def _orphans(self, *, anything: bool) -> Orphans:  # noqa: ARG002
        self.context.base.withdraw(self.path, [row.handle for row in self.context.base.uploads(self.path)])
        return Orphans([], [])


class RolledBack(ObjectStep):
    """What was stored without an answer is removed from the server again, and then counts as removed there."""

    def adopt(self, row: BaseObject) -> None:
        assert row.uid is not None
        doubtful = row.handle in {each.handle for each in self.context.base.uploads(self.path)}
        super().adopt(row)
        if doubtful:
            self.context.session.remove_objects([row.uid])
            del self.server[row.uid]


class LeftoversCleared(Synchronizer):
    """Local objects whose store got no answer are taken for leftovers of the run before, and removed."""

    def recover(self) -> None:
        super().recover()
        for path in self.context.base.folders():
            for row in self.context.base.uploads(path):
                self.context.storage.remove_object(self.context.storage.find(path, row.handle))
                self.context.base.withdraw(path, [row.handle])


# While it removes


class ForgottenOnceMarked(ObjectStep):
    """The base forgets what was removed locally once it is marked for removal on the server."""

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        self.context.session.update_metadata([row.uid for row in rows if row.uid is not None], add=["\\Deleted"])
        self.context.base.forget(self.path, [row.handle for row in rows])
        super().remove_many_on_server(rows)


class MarkedIsDone(ForgottenOnceMarked):
    """What it has once marked for removal it takes for removed, and looks at no more."""

    def activate(self) -> None:
        super().activate()
        self.server = {uid: each for uid, each in self.server.items() if "\\Deleted" not in each.flags}


class TombstonesLost(Synchronizer):
    """What was removed locally is remembered by one run only, and forgotten when that ends early."""

    def run(self) -> None:
        try:
            super().run()
        except Exception:
            base, storage = self.context.base, self.context.storage
            for path in base.folders().keys() & storage.folders():
                base.forget(path, base.objects(path).keys() - storage.objects(path).keys())
            raise


# While it lists and changes folders


class CutListFollowed(BelievesCutLists):
    """What a list lacks when the connection ends is removed locally at once."""

    def change_folders(self) -> None:
        self.remove_locally(self._rows()[Row.REMOVED_ON_SERVER])
        super().change_folders()


class FoldersForgottenFirst(FolderStep):
    """The base forgets all folders that were removed locally before the server has removed any."""

    def _remove_each_on_server(self, paths: list[FolderPath]) -> None:
        for path in paths:
            self.context.base.drop_folder(path)
        for path in reversed(paths):
            self.context.session.remove_folder(self.names.pop(path))


# Upon BYE


def _is_bye(problem: Exception) -> bool:
    return "BYE" in str(problem)


class ByeCountsAsDone(ObjectStep):
    """A store that is answered by BYE counts as done."""

    def store_one(self, row: BaseObject) -> bool:
        try:
            return super().store_one(row)
        except ConnectionLost as problem:
            if _is_bye(problem):
                self._know(row)
            raise


class StartsAnewUponBye(Synchronizer):
    """BYE makes it empty local storage, to start anew."""

    def run(self) -> None:
        try:
            super().run()
        except ConnectionLost as problem:
            if _is_bye(problem):
                for path in self.context.storage.folders():
                    self.context.storage.remove(path, inferiors=False)
                for path in self.context.base.folders():
                    self.context.base.drop_folder(path)
            raise


class GivesUpUponBye(Synchronizer):
    """BYE makes it give up for ever."""

    def run(self) -> None:
        if self.context.base.annotations(STATE):
            raise SynchronizationProblem("the server has closed the account")
        try:
            super().run()
        except ConnectionLost as problem:
            if _is_bye(problem):
                self.context.base.annotate(STATE, "closed", b"")
            raise


# Killed


class _Marked(Synchronizer):
    """Marks the base while a run is under way, so that the next one can tell whether this one was killed."""

    def run(self) -> None:
        if self.context.base.annotations(STATE):
            self.after_a_kill()
        self.context.base.annotate(STATE, "running", b"")
        try:
            super().run()
        except Exception:
            self.context.base.annotate(STATE, "running", None)
            raise
        self.context.base.annotate(STATE, "running", None)

    def after_a_kill(self) -> None:
        raise NotImplementedError


class LockStays(_Marked):
    """The lock of a run that was killed stays, and no run begins any more."""

    def after_a_kill(self) -> None:
        raise SynchronizationProblem("another synchronization runs")


class Unrecognizing(ObjectStep):
    """What comes from the server is new, whatever local storage holds."""

    def _receive(self, each: FetchedObject, _: Orphans) -> None:
        super()._receive(each, Orphans([], []))


class EverythingAnew(_Marked):
    """After a kill the base counts as broken, and both sides are copied to each other as if both were new."""

    def after_a_kill(self) -> None:
        self.object_step = Unrecognizing
        for path in self.context.base.folders():
            self.context.base.drop_folder(path)


class ServerWinsAfterAKill(_Marked):
    """After a kill local storage counts as broken, and is emptied before the server's content is fetched again."""

    def after_a_kill(self) -> None:
        for path in self.context.storage.folders():
            self.context.storage.remove(path, inferiors=False)
        for path in self.context.base.folders():
            self.context.base.drop_folder(path)


# What it tells


class ErrorsSwallowed(Synchronizer):
    """Whatever ends a run early is swallowed, and success is told."""

    def run(self) -> None:
        with suppress(Exception):
            super().run()


HOOKS: dict[str, ClientHook | Step] = {
    "partial-object-stored": PartialStored,
    "newest-first-with-a-mark": NewestFirst,
    "rows-written-before-bodies": RowsBeforeBodies,
    "staged-objects-thrown-away": StagedThrownAway,
    "staged-objects-shown-anywhere": StagedShownAnywhere,
    "stored-before-it-is-sent": StoredBeforeSent,
    "interrupted-store-never-tried-again": NeverTriedAgain,
    "unanswered-stores-repeated-blindly": BlindRetry,
    "unanswered-stores-rolled-back": RolledBack,
    "unanswered-stores-cleared-locally": LeftoversCleared,
    "removal-forgotten-once-marked": ForgottenOnceMarked,
    "marks-taken-for-removals": MarkedIsDone,
    "tombstones-lost-with-the-run": TombstonesLost,
    "cut-list-followed-at-once": CutListFollowed,
    "removed-folders-forgotten-first": FoldersForgottenFirst,
    "store-answered-by-bye-counts": ByeCountsAsDone,
    "bye-empties-local-storage": StartsAnewUponBye,
    "bye-ends-all-later-runs": GivesUpUponBye,
    "lock-of-a-killed-run-stays": LockStays,
    "everything-copied-anew-after-kill": EverythingAnew,
    "local-storage-emptied-after-kill": ServerWinsAfterAKill,
    "success-told-after-an-abort": ErrorsSwallowed,
}
