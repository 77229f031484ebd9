"""Clients that go wrong where a folder was renamed or made again, in a first run, or without notifications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from conformance.faults.client.histories import NoAnnotations, Remembering
from conformance.faults.client.interruption import STATE
from conformance.faults.hooks import ClientHook, Hook
from conformance.imap.errors import OperationRefused
from conformance.imap.results import fetched
from conformance.imap.session import FetchedObject
from conformance.imap.wire import Exchange
from conformance.model.folders import FolderPath
from conformance.model.oracle import Row
from conformance.reference.client.base import BaseObject
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.local import LocalObject
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.report import SynchronizationProblem
from conformance.reference.client.synchronizer import Synchronizer
from conformance.reference.server import Behaviour
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.commands_select import select
from conformance.reference.server.session import Outcome, Session

# Renamed


class BaseTakenOver(FolderStep):
    """A new folder of the server takes over the base of a removed one with the same UIDVALIDITY."""

    def create_locally(self, paths: list[FolderPath]) -> None:
        base = self.context.base
        known = {each.uid_validity: path for path, each in base.folders().items() if path not in self.names}
        super().create_locally(paths)
        for path in paths:
            validity = self.context.session.status(self.names[path]).uid_validity
            if validity in known:
                base.renumber(path, validity)
                base.write(path, base.objects(known[validity]).values())


class RenamedIsNotRemoved(FolderStep):
    """Keeps in local storage a removed folder whose UIDVALIDITY is still there under another name."""

    def remove_locally(self, paths: list[FolderPath]) -> None:
        there = {self.context.session.status(name).uid_validity for name in self.names.values()}
        known = self.context.base.folders()
        super().remove_locally([path for path in paths if known[path].uid_validity not in there])


class KnownForEver(ObjectStep):
    """An object that was once on the server counts as stored there, in whatever folder it is now."""

    beside: ClassVar[dict[str, object]] = {"annotation_step": NoAnnotations}

    def _know(self, *rows: BaseObject) -> None:
        super()._know(*rows)
        for row in rows:
            self.context.base.annotate(STATE, row.handle, b"known")

    def _local_news(self) -> Iterator[LocalObject]:
        known = self.context.base.annotations(STATE)
        return (each for each in super()._local_news() if each.handle not in known)


class RenamedBack(FolderStep):
    """A folder that was renamed locally gets its old name back."""

    def _rows(self) -> dict[Row, list[FolderPath]]:
        rows, storage, base = super()._rows(), self.context.storage, self.context.base
        for old in rows[Row.REMOVED_LOCALLY]:
            for new in rows[Row.NEW_LOCALLY]:
                if base.objects(old) and base.objects(old).keys() == storage.objects(new).keys():
                    storage.rename(new, old)
        return super()._rows()


class OldUidsKept(ObjectStep):
    """A new UIDVALIDITY is written down, and the UIDs stay."""

    def activate(self) -> None:
        rows = self.context.base.objects(self.path)
        super().activate()
        self.context.base.write(self.path, rows.values())
        self.rows = self.context.base.objects(self.path)


class OldObjectsStored(ObjectStep):
    """With a new UIDVALIDITY all local objects count as new."""

    def activate(self) -> None:
        super().activate()
        lost = [handle for handle, row in self.rows.items() if row.uid is None]
        self.context.base.forget(self.path, lost)
        self.rows = self.context.base.objects(self.path)


class OldObjectsKept(ObjectStep):
    """With a new UIDVALIDITY nothing counts as removed on the server."""

    def _gone_on_server(self, row: BaseObject) -> bool:
        return row.uid is not None and super()._gone_on_server(row)


class RemovedWhereFewer(Remembering):
    """Looks for removed objects only where the server holds fewer than in the last run."""

    def activate(self) -> None:
        super().activate()
        self.fewer = len(self.server) < self.recall("exists")
        self.remember("exists", len(self.server))

    def remove_locally(self) -> None:
        if self.fewer:
            super().remove_locally()


# A first run


class _FirstRun(Synchronizer):
    """Does something else where the base is empty."""

    def run(self) -> None:
        if not self.context.base.folders():
            self.prepare()
        super().run()

    def prepare(self) -> None:
        """What it does before a first run."""
        raise NotImplementedError


class LocalEmptied(_FirstRun):
    """Empties local storage before a first run."""

    def prepare(self) -> None:
        for path in self.context.storage.folders():
            self.context.storage.remove(path, inferiors=False)


class ServerEmptied(_FirstRun):
    """Empties the server before a first run with a local storage that holds anything."""

    def prepare(self) -> None:
        session = self.context.session
        if not self.context.storage.folders():
            return
        for each in session.list_folders(self.context.hierarchy.root):
            try:
                session.remove_folder(each.name)
            except OperationRefused:
                continue


class OldOnesPassedOver(ObjectStep):
    """Does not store what local storage held before a first run."""

    def _local_news(self) -> Iterator[LocalObject]:
        old = self.context.base.annotations(STATE)
        return (each for each in super()._local_news() if each.handle not in old)


class StayingLocally(_FirstRun):
    """What local storage held before a first run is never stored on the server."""

    object_step = OldOnesPassedOver
    annotation_step = NoAnnotations  # type: ignore[assignment]

    def prepare(self) -> None:
        storage = self.context.storage
        for handle in [handle for path in storage.folders() for handle in storage.objects(path)]:
            self.context.base.annotate(STATE, handle, b"old")


class UnknownFoldersDeleted(FolderStep):
    """Deletes folders of the server that local storage does not hold, where it holds any."""

    def create_locally(self, paths: list[FolderPath]) -> None:
        if not self.context.storage.folders():
            super().create_locally(paths)
            return
        for path in reversed(paths):
            try:
                self.context.session.remove_folder(self.names.pop(path))
            except OperationRefused:
                continue


class UnknownFoldersRemoved(FolderStep):
    """Removes local folders that the server does not hold."""

    def create_on_server(self, paths: list[FolderPath]) -> None:
        for path in paths:
            self.context.storage.remove(path, inferiors=False)


class UnknownObjectsRemoved(ObjectStep):
    """Removes local objects that the server does not hold."""

    def store_new(self) -> None:
        for each in list(self._local_news()):
            self.context.storage.remove_object(self.local.pop(each.handle))


# Without notifications, and with too many


class NeedsIdle(Synchronizer):
    """Does not synchronize with a server without IDLE."""

    def run(self) -> None:
        if "IDLE" not in self.context.session.capabilities:
            raise SynchronizationProblem("the server does not offer IDLE")
        super().run()


class WaitsForNotices(Synchronizer):
    """After its first run it synchronizes only where the server has told of a change."""

    def run(self) -> None:
        if not self.context.base.folders() or self.context.session._attempt(b"NOOP").untagged:
            super().run()


class OnlyLocalNews(ObjectStep):
    """Looks at objects of the server only in a folder that it sees for the first time; later ones are told of."""

    def fetch_new(self) -> None:
        if not self.rows:
            super().fetch_new()


class TakesWhatIsPushed(ObjectStep):
    """Stores objects that the server sends unasked, and asks for the others only."""

    def activate(self) -> None:
        session, told = self.context.session, list[Exchange]()
        selected = session._select

        def listening(name: str, *, read_only: bool) -> Exchange:
            told.append(selected(name, read_only=read_only))
            return told[-1]

        session._select = listening  # type: ignore[method-assign]
        super().activate()
        session._select = selected  # type: ignore[method-assign]
        self.pushed = {
            uid: FetchedObject.read(uid, items) for uid, items in fetched(told[0].untagged).items() if "BODY[]" in items
        }

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        yield from (self.pushed[uid] for uid in uids if uid in self.pushed)
        rest = [uid for uid in uids if uid not in self.pushed]
        if rest:
            yield from super()._fetch(rest)


def select_and_push(session: Session, arguments: Arguments) -> Outcome:
    """SELECT that sends all objects besides, which nobody asked for."""
    outcome = select(session, arguments, examine=False)
    for number, each in enumerate(session.selected.mailbox.messages, 1):
        octets = each.content.octets
        told = b"%d FETCH (UID %d FLAGS " % (number, each.uid) + session.flags_of(each)
        session.untagged(told + b" BODY[] {%d}\r\n" % len(octets) + octets + b")")
    return outcome


HOOKS = {
    "unasked-objects-are-stored": ClientHook(TakesWhatIsPushed, server=Hook(commands={"SELECT": select_and_push})),
    "synchronizes-only-when-told": WaitsForNotices,
    "server-without-idle-ends-the-run": NeedsIdle,
    "new-objects-only-by-notices": OnlyLocalNews,
    "new-name-takes-over-base": BaseTakenOver,
    "old-name-kept-beside-new": RenamedIsNotRemoved,
    "objects-known-in-any-folder": KnownForEver,
    "local-rename-is-undone": RenamedBack,
    "uids-outlive-their-uidvalidity": OldUidsKept,
    "old-content-stored-in-new-folder": OldObjectsStored,
    "old-content-stays-locally": OldObjectsKept,
    "removals-only-where-fewer-objects": ClientHook(
        RemovedWhereFewer, server=Hook(behaviour=Behaviour(recreate_keeps_uid_validity=True))
    ),
    "first-run-empties-local-storage": LocalEmptied,
    "first-run-empties-the-server": ServerEmptied,
    "first-run-leaves-local-objects": StayingLocally,
    "folders-unknown-locally-deleted": UnknownFoldersDeleted,
    "folders-unknown-on-server-removed": UnknownFoldersRemoved,
    "objects-unknown-on-server-removed": UnknownObjectsRemoved,
}
