"""Clients that list or create folders wrongly, or deal wrongly with what both sides did (steps 1 and 2 of 5.5.2.20)."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.faults.hooks import ClientHook, Hook, replacing
from conformance.faults.server.folders import NeedsSuperiors
from conformance.imap.errors import OperationRefused
from conformance.imap.names import encode_name, quote
from conformance.imap.session import ListedFolder
from conformance.model.folders import FolderPath, is_below, outermost_first
from conformance.model.oracle import Row
from conformance.reference.client.context import Context
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.report import SynchronizationProblem
from conformance.reference.client.server_folders import INBOX, name_for
from conformance.reference.client.synchronizer import Synchronizer
from conformance.reference.server import Behaviour


def leaves(paths: Iterable[FolderPath]) -> list[FolderPath]:
    """The paths without an inferior among them, outermost first."""
    every = list(paths)
    return [path for path in outermost_first(every) if not any(is_below(other, path) for other in every)]


def tops(paths: Iterable[FolderPath]) -> list[FolderPath]:
    """The paths without a superior among them, outermost first."""
    every = list(paths)
    return [path for path in outermost_first(every) if not any(is_below(path, other) for other in every)]


class PartlyListed(FolderStep):
    """Takes a part of each list for all of it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        listed = context.session.list_folders
        context.session.list_folders = lambda root="": self.part(listed(root))  # type: ignore[method-assign]

    def part(self, listing: list[ListedFolder]) -> list[ListedFolder]:
        """What it takes of a list."""
        raise NotImplementedError

    def superiors(self, each: ListedFolder) -> list[str]:
        """The names above a name, outermost first."""
        delimiter = each.delimiter or ""
        levels = each.name.split(delimiter) if delimiter else [each.name]
        return [delimiter.join(levels[:depth]) for depth in range(1, len(levels))]


# The list


class ListedOnce(FolderStep):
    """Requests the list in the first run only, and goes on with what it knows of it."""

    def list_folders(self) -> None:
        known = self.context.base.folders()
        if known:
            self.names = {path: each.name for path, each in known.items()}
        else:
            super().list_folders()

    def create_on_server(self, paths: list[FolderPath]) -> None:
        names, _ = self._send_creations(paths)
        self.names |= names
        for path, name in names.items():
            self.context.base.add_folder(path, name)


class AskedOneByOne(ListedOnce):
    """Asks for the STATUS of each folder that it knows instead of for the list."""

    def list_folders(self) -> None:
        super().list_folders()
        for path, name in list(self.names.items()):
            try:
                self.context.session.status(name)
            except OperationRefused:
                del self.names[path]


class CreatedBeforeListing(FolderStep):
    """Creates the new local folders on the server before it requests the list."""

    def list_folders(self) -> None:
        known = self.context.base.folders()
        news = [path for path in outermost_first(self.context.storage.folders()) if path not in known]
        for path in news if known else []:
            self._send_creations([path])
        super().list_folders()


class WorksBeforeListing(Synchronizer):
    """Synchronizes the folders that it knows before it requests the list."""

    def run(self) -> None:
        self.folders.names = {path: each.name for path, each in self.context.base.folders().items()}
        for path in self.resulting_folders():
            self.synchronize_folder(path)
        super().run()


class Subscribing(FolderStep):
    """Subscribes the folders that it creates."""

    def _send_creations(self, paths: list[FolderPath]) -> tuple[dict[FolderPath, str], dict[FolderPath, str]]:
        sent, refusals = super()._send_creations(paths)
        for name in sent.values():
            self.context.session._command("subscribe", b"SUBSCRIBE " + quote(encode_name(name)))
        return sent, refusals


class StopsAtUnselectable(PartlyListed):
    r"""Does not look below a name that is `\Noselect`."""

    def part(self, listing: list[ListedFolder]) -> list[ListedFolder]:
        closed = {each.name for each in listing if not each.selectable}
        return [each for each in listing if closed.isdisjoint(self.superiors(each))]


class NeedsHasChildren(PartlyListed):
    r"""Looks below a name only where `\HasChildren` says that something is there."""

    def part(self, listing: list[ListedFolder]) -> list[ListedFolder]:
        opened = {each.name for each in listing if "\\haschildren" in each.attributes}
        return [each for each in listing if opened.issuperset(self.superiors(each))]


class ForgetsUnlistedSuperiors(PartlyListed):
    """Builds a tree of the list, in which a folder below a name that is not listed has no place."""

    def part(self, listing: list[ListedFolder]) -> list[ListedFolder]:
        names = {each.name for each in listing}
        return [each for each in listing if names.issuperset(self.superiors(each))]


class OnlyFilled(PartlyListed):
    """Lists with STATUS, and takes no notice of folders without objects."""

    def part(self, listing: list[ListedFolder]) -> list[ListedFolder]:
        status = self.context.session._status_or_none
        found = [(each, status(each)) for each in listing]
        return [each for each, told in found if told is None or told.messages or each.name == "INBOX"]


# New folders


class NoneLocally(FolderStep):
    """Makes no folder in local storage."""

    def create_locally(self, paths: list[FolderPath]) -> None:
        """Nothing."""


class NoneOnServer(FolderStep):
    """Makes no folder on the server."""

    def create_on_server(self, paths: list[FolderPath]) -> None:
        """Nothing."""


class FilledLocally(FolderStep):
    """Makes no folder in local storage before it holds an object on the server."""

    def create_locally(self, paths: list[FolderPath]) -> None:
        super().create_locally([path for path in paths if self.context.session.status(self.names[path]).messages])


class FilledOnServer(FolderStep):
    """Makes no folder on the server before it holds an object in local storage."""

    def create_on_server(self, paths: list[FolderPath]) -> None:
        super().create_on_server([path for path in paths if self.context.storage.objects(path)])


class AsksForValidity(FolderStep):
    """Asks for the UIDVALIDITY of each folder that it created on the server."""

    def _note_creation(self, path: FolderPath, refusal: str | None) -> None:
        super()._note_creation(path, refusal)
        if path in self.names:
            self.context.base.renumber(path, self.context.session.status(self.names[path]).uid_validity)


class NeverVisited(Synchronizer):
    """Passes over folders of unknown UIDVALIDITY, which are all that came from the server."""

    folder_step = AsksForValidity

    def resulting_folders(self) -> list[FolderPath]:
        known = self.context.base.folders()
        return [path for path in super().resulting_folders() if known[path].uid_validity is not None]


class StoredWithoutCreate(FolderStep):
    """Stores into new folders without creating them, and does not understand TRYCREATE."""

    def create_on_server(self, paths: list[FolderPath]) -> None:
        for path in paths:
            for each in self.context.storage.objects(path).values():
                try:
                    self.context.session.store_object(name_for(path, self.context.hierarchy), each.read())
                except OperationRefused as error:
                    self.context.report.problem(str(error))


class TrailingDelimiter(FolderStep):
    """Creates a folder with the delimiter at the end, and takes that for its name."""

    def list_folders(self) -> None:
        super().list_folders()
        self.names |= {path: each.name for path, each in self.context.base.folders().items() if path in self.names}

    def create_on_server(self, paths: list[FolderPath]) -> None:
        for path in paths:
            name = name_for(path, self.context.hierarchy) + (self.context.hierarchy.delimiter or "")
            self.context.session.create_folder(name)
            self.context.base.add_folder(path, name)
            self.names[path] = name


class InnermostFirst(FolderStep):
    """Creates inferiors before their superiors, and each folder once, whatever the server says."""

    def create_on_server(self, paths: list[FolderPath]) -> None:
        tried = self.context.base.folders()
        super().create_on_server([path for path in reversed(paths) if path not in tried])

    def _note_creation(self, path: FolderPath, refusal: str | None) -> None:
        del refusal
        self.context.base.add_folder(path, name_for(path, self.context.hierarchy))


class LeavesLocally(FolderStep):
    """Makes a folder in local storage only where the server has none below it."""

    def create_locally(self, paths: list[FolderPath]) -> None:
        innermost = leaves(self.names)
        super().create_locally([path for path in paths if path in innermost])


class LeavesOnServer(FolderStep):
    """Creates only the innermost of new folders on the server, as if their superiors came with them."""

    def create_on_server(self, paths: list[FolderPath]) -> None:
        innermost = leaves(paths)
        super().create_on_server(innermost)
        for path in paths:
            if path not in innermost:
                self.context.base.add_folder(path, name_for(path, self.context.hierarchy))


class TopsOnServer(FolderStep):
    """Creates folders of the first level only."""

    def create_on_server(self, paths: list[FolderPath]) -> None:
        super().create_on_server([path for path in paths if len(path) == 1])


# Changes on both sides


class ExistingEndsTheRun(FolderStep):
    """Creates a folder that both sides have made; the refusal ends the run."""

    def _rows(self) -> dict[Row, list[FolderPath]]:
        rows = super()._rows()
        for path in rows[Row.NEW_ON_BOTH]:
            self.context.session.create_folder(self.names[path])
        return rows


class Numbered(FolderStep):
    """Gives a local folder that the server has made too another name."""

    def _rows(self) -> dict[Row, list[FolderPath]]:
        for path in super()._rows()[Row.NEW_ON_BOTH]:
            self.context.storage.rename(path, (*path[:-1], f"{path[-1]} (1)"))
        return super()._rows()


class LocalOverwritten(FolderStep):
    """Empties a local folder that the server has made too."""

    def _rows(self) -> dict[Row, list[FolderPath]]:
        rows = super()._rows()
        for path in rows[Row.NEW_ON_BOTH]:
            for each in self.context.storage.objects(path).values():
                self.context.storage.remove_object(each)
        return rows


class ServerOverwritten(FolderStep):
    """Empties a folder of the server that local storage has made too."""

    def _rows(self) -> dict[Row, list[FolderPath]]:
        rows, session = super()._rows(), self.context.session
        for path in rows[Row.NEW_ON_BOTH]:
            session.set_active_folder(self.names[path])
            session.remove_objects([each.uid for each in session.list_objects()])
            session.leave_folder()
        return rows


class NeverJoined(FolderStep):
    """Does nothing about a folder that both sides have made."""

    def _rows(self) -> dict[Row, list[FolderPath]]:
        return {**super()._rows(), Row.NEW_ON_BOTH: []}


class MissingEndsTheRun(FolderStep):
    """Deletes a folder that both sides have removed; the refusal ends the run."""

    def _rows(self) -> dict[Row, list[FolderPath]]:
        rows = super()._rows()
        for path in rows[Row.REMOVED_ON_BOTH]:
            self.context.session.remove_folder(self.context.base.folders()[path].name)
        return rows


class Resurrected(FolderStep):
    """Makes on both sides again what both have removed."""

    def _rows(self) -> dict[Row, list[FolderPath]]:
        rows = super()._rows()
        gone, rows[Row.REMOVED_ON_BOTH] = rows[Row.REMOVED_ON_BOTH], []
        for path in gone:
            self.context.storage.create(path)
        self.create_on_server(gone)
        return rows


# Nothing to change


class Refreshed(FolderStep):
    """Deletes each folder and creates it again, to store everything anew."""

    def _rows(self) -> dict[Row, list[FolderPath]]:
        rows, base = super()._rows(), self.context.base
        for path in rows[Row.KEPT]:
            if path != INBOX and not self.has_server_news(path):
                self.context.session.remove_folder(self.names[path])
                self.context.session.create_folder(self.names[path])
                base.drop_folder(path)
                base.add_folder(path, self.names[path])
        return rows


class RenamedAndBack(FolderStep):
    """Renames each folder and back, to see whether it may change it."""

    def _rows(self) -> dict[Row, list[FolderPath]]:
        rows = super()._rows()
        for path in rows[Row.KEPT]:
            if path != INBOX:
                self.context.session.rename_folder(self.names[path], "in use")
                self.context.session.rename_folder("in use", self.names[path])
        return rows


class LockFolder(FolderStep):
    """Creates a folder as a lock while it changes folders, and removes it then."""

    def change_folders(self) -> None:
        self.context.session.create_folder("lock")
        super().change_folders()
        self.context.session.remove_folder("lock")


# INBOX, and what the server refuses


class InboxRemoved(FolderStep):
    """Has no INBOX in local storage, takes it for removed, and ends the run where the server refuses."""

    def create_locally(self, paths: list[FolderPath]) -> None:
        super().create_locally(paths)
        if self.context.storage.has(INBOX) and not self.context.storage.objects(INBOX):
            self.context.storage.remove(INBOX, inferiors=False)

    def remove_one_on_server(self, path: FolderPath) -> None:
        if path != INBOX:
            super().remove_one_on_server(path)
            return
        try:
            self.context.session.remove_folder("INBOX")
        except OperationRefused as error:
            self.inbox_refused(error)

    def inbox_refused(self, error: OperationRefused) -> None:
        """What follows the refusal."""
        raise SynchronizationProblem("INBOX cannot be removed") from error


class InboxRemovedAgain(InboxRemoved):
    """Goes on where the server refuses, and tries it again in each run."""

    def inbox_refused(self, error: OperationRefused) -> None:
        self.context.report.problem(str(error))


class LocalInboxFollowed(FolderStep):
    """Removes INBOX from the server like any folder that was removed locally, and ends the run where it is refused."""

    def remove_one_on_server(self, path: FolderPath) -> None:
        if path == INBOX:
            try:
                self.context.session.remove_folder("INBOX")
            except OperationRefused as error:
                raise SynchronizationProblem("INBOX cannot be removed") from error
        super().remove_one_on_server(path)


class RefusedIsRemoved(FolderStep):
    """Removes from local storage a folder that the server refused to create."""

    def _note_creation(self, path: FolderPath, refusal: str | None) -> None:
        super()._note_creation(path, refusal)
        if refusal and path not in self.names:
            self.context.storage.remove(path, inferiors=False)


HOOKS = {
    "list-requested-only-once": ListedOnce,
    "known-folders-asked-one-by-one": AskedOneByOne,
    "folders-created-before-the-list": CreatedBeforeListing,
    "folders-synchronized-before-the-list": WorksBeforeListing,
    "one-level-listed": ClientHook(sends=replacing(b'LIST "" "*"', b'LIST "" "%"')),
    "subscriptions-taken-for-the-list": ClientHook(
        Subscribing, sends=replacing(b' LIST "" "*"', b' LSUB "" "*"'), hears=replacing(b"* LSUB ", b"* LIST ")
    ),
    "nothing-listed-below-unselectable-names": StopsAtUnselectable,
    "inferiors-only-where-announced": ClientHook(
        NeedsHasChildren, server=Hook(behaviour=Behaviour().without("CHILDREN"))
    ),
    "no-folder-created-locally": NoneLocally,
    "empty-server-folder-not-created": FilledLocally,
    "new-server-folder-never-visited": NeverVisited,
    "no-folder-created-on-server": NoneOnServer,
    "empty-local-folder-not-created": FilledOnServer,
    "stored-without-creating-the-folder": StoredWithoutCreate,
    "trailing-delimiter-taken-for-name": TrailingDelimiter,
    "inferiors-created-before-superiors": ClientHook(InnermostFirst, server=Hook(account=NeedsSuperiors)),
    "only-innermost-created-locally": LeavesLocally,
    "only-innermost-created-on-server": LeavesOnServer,
    "only-first-level-created-on-server": TopsOnServer,
    "empty-server-folders-ignored": OnlyFilled,
    "existing-folder-ends-the-run": ExistingEndsTheRun,
    "existing-folder-gets-a-number": Numbered,
    "existing-local-folder-overwritten": LocalOverwritten,
    "existing-server-folder-overwritten": ServerOverwritten,
    "existing-folders-never-joined": NeverJoined,
    "missing-folder-ends-the-run": MissingEndsTheRun,
    "folder-resurrected-from-base": Resurrected,
    "folders-deleted-and-created-anew": Refreshed,
    "folders-renamed-and-back": RenamedAndBack,
    "folder-created-as-a-lock": LockFolder,
    "refused-inbox-removal-ends-run": InboxRemoved,
    "inbox-deleted-in-each-run": InboxRemovedAgain,
    "locally-removed-inbox-deleted": LocalInboxFollowed,
    "refused-folder-removed-locally": RefusedIsRemoved,
    "below-unlisted-superior-forgotten": ClientHook(
        ForgetsUnlistedSuperiors, server=Hook(behaviour=Behaviour(noselect_matches_star=False))
    ),
}
