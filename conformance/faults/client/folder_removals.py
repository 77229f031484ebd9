"""Clients that remove folders wrongly (step 2 of 5.5.2.20): from one side, too few, too many, or emptied ones."""

from __future__ import annotations

from conformance.faults.client.folders import leaves, tops
from conformance.faults.hooks import ClientHook, Hook
from conformance.imap.names import encode_name, quote
from conformance.imap.session import ListedFolder
from conformance.model.folders import FolderPath, outermost_first
from conformance.model.oracle import Row
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.server_folders import INBOX
from conformance.reference.client.synchronizer import Synchronizer
from conformance.reference.server.accounts import Account
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.commands_folders import delete
from conformance.reference.server.errors import Refused
from conformance.reference.server.session import Outcome, Session

# Removed folders


class KeptLocally(FolderStep):
    """Never removes a folder from local storage."""

    def remove_locally(self, paths: list[FolderPath]) -> None:
        """Nothing."""


class KeptOnServer(FolderStep):
    """Never removes a folder from the server."""

    def remove_on_server(self, paths: list[FolderPath]) -> None:
        """Nothing."""


class MadeAgainOnServer(FolderStep):
    """Creates on the server again what was removed there."""

    def remove_locally(self, paths: list[FolderPath]) -> None:
        for path in paths:
            self.context.base.drop_folder(path)
        self.create_on_server(paths)


class MadeAgainLocally(FolderStep):
    """Makes in local storage again what was removed there."""

    def remove_on_server(self, paths: list[FolderPath]) -> None:
        for path in paths:
            self.context.base.drop_folder(path)
        self.create_locally(paths)


class OnlyEmptyLocally(FolderStep):
    """Removes a folder from local storage only where it is empty, as rmdir does."""

    def remove_locally(self, paths: list[FolderPath]) -> None:
        super().remove_locally([path for path in paths if not self.context.storage.objects(path)])


class OrphansLocally(FolderStep):
    """Moves the objects of a folder that it removes from local storage into another one."""

    def remove_locally(self, paths: list[FolderPath]) -> None:
        storage = self.context.storage
        for path in paths:
            home = min(storage.folders() - set(paths))
            for each in storage.objects(path).values():
                storage.put(home, each.read(), each.flags)
        super().remove_locally(paths)


class ExpungedOnServer(FolderStep):
    """Removes the objects of a folder from the server, and keeps the folder."""

    def remove_one_on_server(self, path: FolderPath) -> None:
        session = self.context.session
        session.set_active_folder(self.names[path])
        session.remove_objects([each.uid for each in session.list_objects()])
        session.leave_folder()


class Unsubscribed(FolderStep):
    """Unsubscribes a folder instead of removing it from the server."""

    def remove_one_on_server(self, path: FolderPath) -> None:
        self.context.session._attempt(b"UNSUBSCRIBE " + quote(encode_name(self.names[path])))
        self.context.base.drop_folder(path)


class RemovedWhileActive(FolderStep):
    """Deletes a folder while it is the active one, and does not look whether that worked."""

    def remove_one_on_server(self, path: FolderPath) -> None:
        session, name = self.context.session, self.names[path]
        session.set_active_folder(name)
        session._attempt(b"DELETE " + quote(encode_name(name)))
        session.leave_folder()
        self.context.base.drop_folder(path)


def refuses_the_active_folder(session: Session, arguments: Arguments) -> Outcome:
    """DELETE as many servers have it: the folder that is active cannot be deleted."""
    if session.view is not None:
        raise Refused("the folder is in use", "INUSE")
    return delete(session, arguments)


class HasInferiors(Account):
    """Removes no folder that has inferiors."""

    def delete(self, name: str) -> None:
        if self._inferiors(self.naming.key(name)):
            raise Refused("the folder has inferiors", "HASCHILDREN")
        super().delete(name)


class _SomeOnServer(FolderStep):
    """Deletes a part of the removed folders, and forgets all of them."""

    def deleted(self, paths: list[FolderPath]) -> list[FolderPath]:
        """What is deleted, in this order."""
        raise NotImplementedError

    def _remove_each_on_server(self, paths: list[FolderPath]) -> None:
        for path in self.deleted(paths):
            self.context.session._attempt(b"DELETE " + quote(encode_name(self.names[path])))
        for path in paths:
            self.context.base.drop_folder(path)


class TopsDeleted(_SomeOnServer):
    """Deletes the superior alone, as if its inferiors went with it."""

    def deleted(self, paths: list[FolderPath]) -> list[FolderPath]:
        return tops(paths)


class LeavesDeleted(_SomeOnServer):
    """Deletes the innermost folders alone."""

    def deleted(self, paths: list[FolderPath]) -> list[FolderPath]:
        return leaves(paths)


class OutermostDeletedFirst(_SomeOnServer):
    """Deletes superiors before their inferiors, and does not look whether that worked."""

    def deleted(self, paths: list[FolderPath]) -> list[FolderPath]:
        return outermost_first(paths)


class TopsRemovedLocally(FolderStep):
    """Removes the superior alone from local storage, and forgets the whole subtree."""

    def remove_locally(self, paths: list[FolderPath]) -> None:
        super().remove_locally(tops(paths))
        for path in paths:
            self.context.base.drop_folder(path)


class LeavesRemovedLocally(FolderStep):
    """Removes the innermost folders alone from local storage, and forgets the whole subtree."""

    def remove_locally(self, paths: list[FolderPath]) -> None:
        super().remove_locally(leaves(paths))
        for path in paths:
            self.context.base.drop_folder(path)


class InferiorsToo(FolderStep):
    """Removes a folder from local storage with everything below it."""

    def remove_locally(self, paths: list[FolderPath]) -> None:
        for path in tops(paths):
            self.context.storage.remove(path)
        for path in paths:
            self.context.base.drop_folder(path)


class _PrefixLocally(FolderStep):
    """Removes every local folder whose name begins like that of a removed one."""

    def remove_locally(self, paths: list[FolderPath]) -> None:
        for path in self.context.storage.folders():
            if any("/".join(path).startswith("/".join(each)) for each in paths):
                self.context.storage.remove(path, inferiors=False)
                self.forget(path, paths)

    def forget(self, path: FolderPath, paths: list[FolderPath]) -> None:
        """Let the base follow."""
        raise NotImplementedError


class PrefixRemoved(_PrefixLocally):
    """Forgets the removed folder alone, so that the others count as removed locally."""

    def forget(self, path: FolderPath, paths: list[FolderPath]) -> None:
        if path in paths:
            self.context.base.drop_folder(path)


class PrefixFetchedAgain(_PrefixLocally):
    """Forgets all of them, so that the others come back in the next run."""

    def forget(self, path: FolderPath, paths: list[FolderPath]) -> None:
        del paths
        self.context.base.drop_folder(path)


class PatternOnServer(FolderStep):
    """Deletes what a LIST of the removed name and `*` shows."""

    def _remove_each_on_server(self, paths: list[FolderPath]) -> None:
        session = self.context.session
        for path in tops(paths):
            pattern = quote(encode_name(self.names[path]) + b"*")
            for each in session._command("list folders", b'LIST "" ' + pattern).named("LIST"):
                session.remove_folder(ListedFolder.read(each).name)
        for path in paths:
            self.context.base.drop_folder(path)


class SuperiorMadeAgain(FolderStep):
    """Creates on the server again what is listed as a mere superior, as if nobody had removed it."""

    def remove_locally(self, paths: list[FolderPath]) -> None:
        shown = {self.context.hierarchy.path(each.name) for each in self._listing}
        again = [path for path in paths if path in shown]
        for path in again:
            self.context.base.drop_folder(path)
        self.create_on_server(again)
        super().remove_locally([path for path in paths if path not in again])


# Emptied folders


class EmptiedIsRemoved(FolderStep):
    """Takes a folder that was emptied for a removed one."""

    def _rows(self) -> dict[Row, list[FolderPath]]:
        rows = super()._rows()
        for path in list(rows[Row.KEPT]):
            if path != INBOX and self.context.base.objects(path) and not self.context.storage.objects(path):
                self.context.storage.remove(path, inferiors=False)
                rows[Row.KEPT].remove(path)
                rows[Row.REMOVED_LOCALLY].append(path)
        return rows


class DeletedWithLastObject(Synchronizer):
    """Removes a folder from both sides once its last object has gone."""

    def synchronize_folder(self, path: FolderPath) -> None:
        had = bool(self.context.base.objects(path))
        super().synchronize_folder(path)
        if had and not self.context.base.objects(path):
            self.context.session.remove_folder(self.folders.names[path])
            self.context.storage.remove(path, inferiors=False)
            self.context.base.drop_folder(path)


HOOKS = {
    "server-removal-of-folder-ignored": KeptLocally,
    "removed-server-folder-made-again": MadeAgainOnServer,
    "only-empty-folders-removed-locally": OnlyEmptyLocally,
    "objects-outlive-their-folder-locally": OrphansLocally,
    "local-removal-of-folder-ignored": KeptOnServer,
    "removed-local-folder-fetched-again": MadeAgainLocally,
    "folder-emptied-and-not-deleted": ExpungedOnServer,
    "folder-unsubscribed-and-not-deleted": Unsubscribed,
    "active-folder-deleted-in-vain": ClientHook(
        RemovedWhileActive, server=Hook(commands={"DELETE": refuses_the_active_folder})
    ),
    "only-superior-deleted-on-server": TopsDeleted,
    "only-innermost-deleted-on-server": LeavesDeleted,
    "superiors-deleted-before-inferiors": ClientHook(OutermostDeletedFirst, server=Hook(account=HasInferiors)),
    "only-superior-removed-locally": TopsRemovedLocally,
    "only-innermost-removed-locally": LeavesRemovedLocally,
    "emptied-local-folder-counts-as-removed": EmptiedIsRemoved,
    "folder-deleted-with-last-object": DeletedWithLastObject,
    "siblings-removed-by-prefix": PrefixRemoved,
    "siblings-fetched-again-after-removal": PrefixFetchedAgain,
    "siblings-deleted-by-pattern": PatternOnServer,
    "inferiors-removed-with-superior": InferiorsToo,
    "removed-superior-made-again": SuperiorMadeAgain,
}
