"""Clients that settle otherwise what the text leaves open: conflicts, a new UIDVALIDITY, equal objects."""

from __future__ import annotations

from conformance.faults.client.flags import Merging
from conformance.imap.session import FetchedObject
from conformance.model.folders import FolderPath
from conformance.model.states import Flags
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import kind_of
from conformance.reference.client.flags import folded, merge_flags
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.matching import Orphans
from conformance.reference.client.object_step import Change, ObjectStep
from conformance.reference.client.report import SynchronizationProblem
from conformance.reference.client.synchronizer import Synchronizer


class ChangeWins(ObjectStep):
    """An object that one side removed while the other changed its flags is kept: it is new to the side without it."""

    def activate(self) -> None:
        super().activate()
        kept = [row.handle for row in self.rows.values() if row.uid is not None and self._has_changed(row)]
        self.context.base.forget(self.path, kept)
        for handle in kept:
            del self.rows[handle]

    def _has_changed(self, row: BaseObject) -> bool:
        here, there = self.local.get(row.handle), self.server.get(row.uid or 0)
        if here is not None and there is None:
            return folded(here.flags) != row.flags
        return there is not None and here is None and folded(there.flags) != row.flags


class _OneSideWins(Merging):
    """Takes one side's flags where both sides changed some of an object and objects move both ways."""

    def winner(self, local: Flags, server: Flags) -> Flags:
        """The flags that both sides get."""
        raise NotImplementedError

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        both = self.winner(local, server) if base not in (local, server) else merge_flags(base, local, server)
        return both, both

    def merge(self, row: BaseObject) -> Change:
        two_ways = self.context.downloads and self.context.uploads
        return super().merge(row) if two_ways else ObjectStep.merge(self, row)


class ServerWins(_OneSideWins):
    """Where both sides changed flags of an object, both get the server's."""

    def winner(self, local: Flags, server: Flags) -> Flags:
        del local
        return server


class ClientWins(_OneSideWins):
    """Where both sides changed flags of an object, both get the client's."""

    def winner(self, local: Flags, server: Flags) -> Flags:
        del server
        return local


class RemovalOfFoldersWins(FolderStep):
    """A folder that one side removed goes, whatever the other side has put into it meanwhile."""

    def has_local_news(self, path: FolderPath) -> bool:
        del path
        return False

    def has_server_news(self, path: FolderPath) -> bool:
        del path
        return False


class KeepsBoth(ObjectStep):
    """Equal objects that came on both sides stay two, each of which is carried over."""

    def _receive(self, each: FetchedObject, orphans: Orphans) -> None:
        waiting = {row.handle for row in self.rows.values() if row.uid is None}
        waiting |= {row.handle for row in self.context.base.uploads(self.path)}
        known = Orphans([row for row in orphans if row.handle in waiting], self.local)
        adopted = known.adopt(each)
        if adopted is None:
            if self.context.downloads and self._admits_octets(each):
                self.download(each)
            return
        super()._receive(each, orphans)

    def _admits_octets(self, each: FetchedObject) -> bool:
        return self.context.admits(kind_of(each.octets), len(each.octets))


class StartsAnew(ObjectStep):
    """After a new UIDVALIDITY what came from the server is dropped and fetched again; news of local storage stay."""

    def activate(self) -> None:
        context = self.context
        before = context.base.folders()[self.path].uid_validity
        super().activate()
        if before is None or before == self.active.uid_validity or not (context.downloads and context.moves_everything):
            return
        for row in self.rows.values():
            if row.handle in self.local:
                context.storage.remove_object(self.local.pop(row.handle))
        context.base.forget(self.path, list(self.rows))
        self.rows = {}


class _NumbersAnew(FolderStep):
    """What it makes on the server is new, whatever was known under the name."""

    def _note_creation(self, path: FolderPath, refusal: str | None) -> None:
        super()._note_creation(path, refusal)
        if path in self.names and refusal is None:
            self.context.base.renumber(path, None)


class RefusesNewIdentifiers(Synchronizer):
    """Looks at each UIDVALIDITY first; a new one ends the run with an error before anything is changed."""

    folder_step = _NumbersAnew

    def run(self) -> None:
        self.recover()
        self.folders.list_folders()
        for path, folder in self.context.base.folders().items():
            name = self.folders.names.get(path)
            if name is not None and folder.uid_validity is not None:
                self._check(name, folder.uid_validity)
        super().run()

    def _check(self, name: str, known: int) -> None:
        if self.context.session.status(name).uid_validity != known:
            raise SynchronizationProblem(f"the server has renumbered {name}; nothing was changed")


class MarksOnly(ObjectStep):
    r"""Removal on the server means `\Deleted`; nothing is expunged, and what is marked counts as removed."""

    def activate(self) -> None:
        super().activate()
        self.server = {uid: each for uid, each in self.server.items() if "\\Deleted" not in each.flags}

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        self.context.session.update_metadata([row.uid for row in rows if row.uid is not None], add=["\\Deleted"])
        self.context.base.forget(self.path, [row.handle for row in rows])
        for row in rows:
            del self.rows[row.handle]
        self.context.report.counters.removed_on_server += len(rows)
