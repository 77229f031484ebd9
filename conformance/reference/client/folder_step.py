"""Steps 1 and 2 of 5.5.2.20: list the server's folders, and make the folders of both sides the same.

A folder that one side removed while the other put something new in it is kept: nothing new is ever discarded.
"""

from __future__ import annotations

from conformance.imap.errors import OperationRefused
from conformance.imap.session import ListedFolder
from conformance.model.folders import FolderPath, display, outermost_first
from conformance.model.oracle import Row
from conformance.reference.client.content import digest, travel_form
from conformance.reference.client.context import Context
from conformance.reference.client.report import SynchronizationProblem
from conformance.reference.client.server_folders import INBOX, by_path, name_for, spelled_otherwise


class ImplausibleListing(SynchronizationProblem):
    """A listing that would make everything look removed; nothing was changed."""


class FolderStep:
    """The folders of both sides, and what the policy lets become of each. `names` is the resulting list of folders."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.names: dict[FolderPath, str] = {}
        self.postponed: list[FolderPath] = []
        self._listing: list[ListedFolder] = []

    def list_folders(self) -> None:
        """Step 1 (5.5.2.9). Any failure ends the run: an incomplete list must never count as removal."""
        context = self.context
        self._listing = context.session.list_folders(context.hierarchy.root)
        if not self._listing and context.base.folders() and not context.session.list_folders():
            raise ImplausibleListing("the server lists nothing at all, not even INBOX; nothing was changed")
        self.names = by_path(self._listing, context.hierarchy, self._known())

    def _known(self) -> dict[str, FolderPath]:
        return {folder.name: path for path, folder in self.context.base.folders().items()}

    def change_folders(self) -> None:
        """Step 2: compare with the base and carry out each side's changes on the other."""
        rows = self._rows()
        for path in rows[Row.REMOVED_ON_BOTH]:
            self.context.base.drop_folder(path)
        for path in rows[Row.NEW_ON_BOTH]:
            self.context.base.add_folder(path, self.names[path])
        self.create_on_server(rows[Row.NEW_LOCALLY])
        self.create_locally(rows[Row.NEW_ON_SERVER])
        self.remove_locally(rows[Row.REMOVED_ON_SERVER])
        self.remove_on_server(rows[Row.REMOVED_LOCALLY])

    def _rows(self) -> dict[Row, list[FolderPath]]:
        base, local = self.context.base.folders(), self.context.storage.folders()
        rows: dict[Row, list[FolderPath]] = {row: [] for row in Row}
        for path in outermost_first({*base, *local, *self.names}):
            if self.context.policy.admits_folder(path):
                there = [True if path in side else None for side in (base, local, self.names)]
                rows[Row.of(*there)].append(path)
        return rows

    def create_locally(self, paths: list[FolderPath]) -> None:
        """Make new folders of the server in local storage, outermost first."""
        for path in paths if self.context.downloads else []:
            self.context.storage.create(path)
            self.context.base.add_folder(path, self.names[path])
            self.context.report.counters.folders_created_locally += 1

    def create_on_server(self, paths: list[FolderPath]) -> None:
        """Make new folders of local storage on the server (5.5.2.8), outermost first, and learn their names there."""
        if not paths or not self.context.uploads:
            return
        sent, refusals = self._send_creations(paths)
        before = {each.name for each in self._listing}
        self._listing = self.context.session.list_folders(self.context.hierarchy.root)
        listed = {each.name for each in self._listing}
        named = {
            (name if name in listed else spelled_otherwise(name, self._listing, before) or name): path
            for path, name in sent.items()
        }
        self.names = by_path(self._listing, self.context.hierarchy, {**self._known(), **named})
        for path in sent:
            self._note_creation(path, refusals.get(path))

    def _send_creations(self, paths: list[FolderPath]) -> tuple[dict[FolderPath, str], dict[FolderPath, str]]:
        sent: dict[FolderPath, str] = {}
        refusals: dict[FolderPath, str] = {}
        for path in paths:
            try:
                name = name_for(path, self.context.hierarchy)
                if name in self.names.values():
                    raise ValueError(f"the server has another folder named {name!r}")
                sent[path] = name
                self.context.session.create_folder(name)
            except OperationRefused as error:
                refusals[path] = str(error)
            except ValueError as error:
                self.context.report.problem(f"folder {display(path)}: {error}")
        return sent, refusals

    def _note_creation(self, path: FolderPath, refusal: str | None) -> None:
        """A refused folder that is listed all the same was made by somebody else in between."""
        if path in self.names:
            self.context.base.add_folder(path, self.names[path])
            self.context.report.counters.folders_created_on_server += 1
        else:
            reason = refusal or "created, but the server does not list it"
            self.context.report.problem(f"folder {display(path)}: {reason}")

    def remove_locally(self, paths: list[FolderPath]) -> None:
        """Remove from local storage what was removed on the server, innermost first."""
        if not self.context.downloads:
            return
        kept = [path for path in paths if self.has_local_news(path)]
        self.create_on_server(kept)
        for path in reversed(paths):
            if path not in kept:
                self.context.storage.remove(path, inferiors=False)
                self.context.base.drop_folder(path)
                self.context.report.counters.folders_removed_locally += 1

    def has_local_news(self, path: FolderPath) -> bool:
        """Whether the folder holds an object that the server never had, or that the policy keeps where it is."""
        settled = {row.handle for row in self.context.settled(path)}
        return any(handle not in settled for handle in self.context.storage.objects(path))

    def remove_on_server(self, paths: list[FolderPath]) -> None:
        """Remove from the server what was removed locally (5.5.2.11), innermost first.

        While objects of a removed folder still wait to be stored elsewhere (a renamed folder, a moved object), removal
        is postponed to the end of the run: at no time is there no copy on the server.
        """
        if not paths or not self.context.uploads:
            return
        if self._moved_away(paths):
            self.postponed = paths
            return
        self._remove_each_on_server(paths)

    def remove_postponed(self) -> list[FolderPath]:
        """Remove the folders whose objects had to be stored elsewhere first; returns those taken back for news."""
        postponed, self.postponed = self.postponed, []
        self._remove_each_on_server(postponed)
        return [path for path in postponed if self.context.storage.has(path)]

    def _remove_each_on_server(self, paths: list[FolderPath]) -> None:
        for path in reversed(paths):
            name = self.names[path]
            try:
                self.remove_one_on_server(path)
            except OperationRefused as error:
                self.context.refused(path, error, name)

    def remove_one_on_server(self, path: FolderPath) -> None:
        """Remove one folder, or take it back where the server has news; INBOX cannot be removed (RFC 3501 5.1)."""
        is_inbox = path == INBOX and not self.context.hierarchy.root
        if is_inbox or self.has_server_news(path):
            self.context.storage.create(path)
            return
        self.context.session.remove_folder(self.names[path])
        self.context.base.drop_folder(path)
        self.names.pop(path)
        self.context.report.counters.folders_removed_on_server += 1

    def has_server_news(self, path: FolderPath) -> bool:
        """Whether the folder holds an object that local storage never had, or that the policy keeps where it is."""
        context = self.context
        active = context.session.set_active_folder(self.names[path], read_only=True)
        objects = context.session.list_objects() if active.exists != 0 else []
        settled = context.settled(path)
        if active.uid_validity == context.base.folders()[path].uid_validity:
            news = not {each.uid for each in objects} <= {row.uid for row in settled}
        else:
            fetched = context.session.fetch_objects([each.uid for each in objects])
            news = not {digest(each.octets) for each in fetched} <= {row.digest for row in settled}
        context.session.leave_folder()
        return news

    def _moved_away(self, paths: list[FolderPath]) -> bool:
        """Whether local storage holds, not yet stored on the server, what lay in a removed folder."""
        removed = {row.digest for path in paths for row in self.context.base.objects(path).values()}
        return bool(removed) and not removed.isdisjoint(self._new_digests())

    def _new_digests(self) -> set[str]:
        context = self.context
        digests = set()
        for path in context.storage.folders():
            known = context.base.objects(path)
            objects = context.storage.objects(path)
            digests |= {digest(travel_form(each.read())) for handle, each in objects.items() if handle not in known}
        return digests
