"""Clients that do the steps of a synchronization in another order, or in two runs; the text says "in general"."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

from conformance.model.folders import FolderPath, outermost_first
from conformance.model.policy import Direction
from conformance.reference.client.base import Base, BaseObject
from conformance.reference.client.context import Context
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer


class Orderly(ObjectStep):
    """Does the steps of a folder in an order of its own, but for a folder where UIDs have to be found first."""

    def run(self) -> None:
        self.activate()
        if self.context.base.uploads(self.path) or any(row.uid is None for row in self.rows.values()):
            self.usual_order()
        else:
            self.own_order()

    def usual_order(self) -> None:
        """3b to 3f as they stand."""
        self.fetch_new()
        self.remove_locally()
        self.store_new()
        self.remove_on_server()
        self.update_metadata()

    def own_order(self) -> None:
        """3b to 3f in another order."""
        self.usual_order()

    def _gone_on_server(self, row: BaseObject) -> bool:
        """What was just stored is there, though it was not yet when the folder was looked at."""
        return row.handle not in self.stored and super()._gone_on_server(row)


class StoresFirst(Orderly):
    """Changes the server before local storage: 3d and 3e come before 3b and 3c."""

    def own_order(self) -> None:
        self.store_new()
        self.remove_on_server()
        self.fetch_new()
        self.remove_locally()
        self.update_metadata()


class RemovesFirst(Orderly):
    """Removes on both sides before anything new is carried over: 3e and 3c come before 3b and 3d."""

    def own_order(self) -> None:
        self.remove_on_server()
        self.remove_locally()
        self.fetch_new()
        self.store_new()
        self.update_metadata()


class MetadataFirst(Orderly):
    """Carries flags over first and fetches last: the order is 3f, 3e, 3d, 3b, 3c."""

    def own_order(self) -> None:
        self.update_metadata()
        self.remove_on_server()
        self.store_new()
        self.fetch_new()
        self.remove_locally()
        if self.stored:
            self.update_metadata()


class _NewOnly(ObjectStep):
    """3a, 3b and 3d of one folder."""

    def run(self) -> None:
        self.activate()
        self.fetch_new()
        self.store_new()
        self._see_stored_flags()


class NewEverywhereFirst(Synchronizer):
    """Goes through all folders twice: what is new is carried over everywhere before anything is removed anywhere."""

    def run(self) -> None:
        self.recover()
        self.folders.list_folders()
        self.folders.change_folders()
        for step in (_NewOnly, ObjectStep):
            self.object_step = step
            for path in self.resulting_folders():
                self.synchronize_folder(path)
        for path in self.folders.remove_postponed():
            self.synchronize_folder(path)


class _CreatesAsItGoes(FolderStep):
    """Leaves the creation of each folder until its turn has come."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.waiting: list[FolderPath] = []

    def create_on_server(self, paths: list[FolderPath]) -> None:
        self.waiting += paths

    def create_now(self, path: FolderPath) -> None:
        """Create one folder."""
        super().create_on_server([path])


class FolderByFolder(Synchronizer):
    """Creates each folder on the server just before its objects are synchronized, after other folders were active."""

    def run(self) -> None:
        self.folders = folders = _CreatesAsItGoes(self.context)
        self.recover()
        folders.list_folders()
        folders.change_folders()
        for path in outermost_first({*self.resulting_folders(), *folders.waiting}):
            if path in folders.waiting:
                folders.create_now(path)
            if path in self.resulting_folders():
                self.synchronize_folder(path)
        for path in folders.remove_postponed():
            if path in folders.waiting:
                folders.create_now(path)
            self.synchronize_folder(path)


_runs: WeakKeyDictionary[Base, int] = WeakKeyDictionary()


class UploadsEveryOtherRun(Synchronizer):
    """Every other run only downloads; so two runs may be needed until both sides agree."""

    def __init__(self, context: Context) -> None:
        number = _runs[context.base] = _runs.get(context.base, 0) + 1
        if number % 2 and context.policy.direction is Direction.BOTH:
            context = replace(context, policy=replace(context.policy, direction=Direction.DOWNLOAD))
        super().__init__(context)


class _KeepsWhatWaits(FolderStep):
    """Removes no folder on the server while objects of it still wait to be stored elsewhere."""

    def remove_postponed(self) -> list[FolderPath]:
        if self._moved_away(self.postponed):
            return []
        return super().remove_postponed()


class FillsFoldersNextTime(Synchronizer):
    """Makes new folders in one run and synchronizes what is in them in the next one."""

    folder_step = _KeepsWhatWaits

    def run(self) -> None:
        self.known = set(self.context.base.folders())
        super().run()

    def resulting_folders(self) -> list[FolderPath]:
        return [path for path in super().resulting_folders() if path in self.known]
