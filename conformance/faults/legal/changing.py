"""Clients that change the server otherwise than the reference client: by other commands, to the same end."""

from __future__ import annotations

from dataclasses import replace

from conformance.imap.errors import OperationRefused
from conformance.model.folders import FolderPath, is_below
from conformance.model.oracle import Row
from conformance.model.states import Flags
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import digest, travel_form, wire_form
from conformance.reference.client.flags import travelling
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.server_folders import INBOX, by_path, name_for
from conformance.reference.client.synchronizer import Synchronizer


class StoresMany(ObjectStep):
    """Stores all new objects of a folder in one APPEND (MULTIAPPEND), or else in a pipeline of them."""

    def store_new(self) -> None:
        news = list(self._local_news()) if self.context.uploads else []
        prepared = [] if self.active.read_only else [row for each in news if (row := self._prepare(each))]
        if len(prepared) < 2:
            super().store_new()
            return
        self.context.base.announce(self.path, prepared)
        contents = [self._content(row) for row in prepared]
        try:
            answers = self.context.session.store_objects(self.name, contents)
        except OperationRefused as error:
            if "MULTIAPPEND" not in self.context.session.capabilities:
                self._problem(f"{len(prepared)} objects: {error}")
                return
            self.context.base.withdraw(self.path, [row.handle for row in prepared])
            super().store_new()
            return
        for row, stored in zip(prepared, answers, strict=True):
            self.stored.add(row.handle)
            self.context.report.counters.uploaded += 1
            if stored and stored.uid_validity == self.active.uid_validity:
                self._know(replace(row, uid=stored.uid))
        unnumbered = [row for row in prepared if row.handle not in self.rows]
        if unnumbered:
            self.recognize(unnumbered)

    def _content(self, row: BaseObject) -> tuple[bytes, Flags]:
        each = self.local[row.handle]
        return wire_form(each.read()), self._permitted(travelling(each.flags))


class FlagsAfterwards(ObjectStep):
    """Stores an object without flags, and sets them by STORE."""

    storing = False

    def store_new(self) -> None:
        self.storing = True
        super().store_new()
        self.storing = False

    def _permitted(self, flags: Flags) -> Flags:
        return frozenset() if self.storing else super()._permitted(flags)

    def update_metadata(self) -> None:
        for each in self.context.session.list_objects() if self.stored else ():
            self.server[each.uid] = each
        super().update_metadata()


class FlagByFlag(ObjectStep):
    """Changes one flag of one object in a command, and lets the server tell the new flags."""

    def push(self, add: Flags, remove: Flags, rows: list[BaseObject]) -> None:
        for row in rows:
            for flag in sorted(add):
                super().push(frozenset({flag}), frozenset(), [row])
            for flag in sorted(remove):
                super().push(frozenset(), frozenset({flag}), [row])


class WholeFlagSets(ObjectStep):
    """Replaces the flags of an object by the merged ones, unless the object was changed meanwhile (UNCHANGEDSINCE)."""

    def push(self, add: Flags, remove: Flags, rows: list[BaseObject]) -> None:
        for row in rows:
            self._replace(add, remove, row)

    def _replace(self, add: Flags, remove: Flags, row: BaseObject) -> None:
        assert row.uid is not None
        modseq = self.server[row.uid].modseq
        if self.active.read_only or modseq is None or row.handle in self.stored:
            super().push(add, remove, [row])
            return
        cleared = {flag.lower() for flag in remove}
        flags = {flag for flag in self.server[row.uid].flags if flag.lower() not in cleared} | add
        try:
            self.context.session.update_metadata([row.uid], replace=sorted(flags), unchanged_since=modseq)
        except OperationRefused as error:
            self._problem(str(error))
            return
        self.server[row.uid] = replace(self.server[row.uid], flags=frozenset(flags), modseq=None)
        self.context.report.counters.flags_changed_on_server += 1


class RemovesOneByOne(ObjectStep):
    """Marks and expunges one object after the other."""

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        for row in rows:
            super().remove_many_on_server([row])


class PlainExpunge(ObjectStep):
    r"""Uses EXPUNGE, for which the marks of others are taken off for a moment, although UID EXPUNGE is offered."""

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        session = self.context.session
        offered, session.capabilities = session.capabilities, session.capabilities - {"UIDPLUS"}
        try:
            super().remove_many_on_server(rows)
        finally:
            session.capabilities = offered


class Renames(FolderStep):
    """Takes a folder that went locally while an equal one came for renamed, and renames it on the server."""

    def change_folders(self) -> None:
        if self.context.uploads and self.context.moves_everything:
            rows = self._rows()
            for old in rows[Row.REMOVED_LOCALLY]:
                new = next((each for each in rows[Row.NEW_LOCALLY] if self._is_renamed(old, each)), None)
                if new is not None and old in self.names and old != INBOX:
                    self._rename(old, new)
        super().change_folders()

    def _tree(self, path: FolderPath, *paths: FolderPath) -> set[FolderPath]:
        return {each[len(path) :] for each in paths if each == path or is_below(each, path)}

    def _is_renamed(self, old: FolderPath, new: FolderPath) -> bool:
        """Whether the whole tree is there under the new name, whatever the server has put into it meanwhile."""
        storage, base = self.context.storage, self.context.base
        trees = [self._tree(old, *base.folders()), self._tree(new, *storage.folders()), self._tree(old, *self.names)]
        if any(tree != trees[0] for tree in trees) or self._tree(new, *self.names):
            return False
        known = [self._digests(old + each) for each in sorted(trees[0])]
        return known == [self._held(new + each) for each in sorted(trees[0])] and any(known)

    def _digests(self, path: FolderPath) -> list[str]:
        return sorted(row.digest for row in self.context.base.objects(path).values())

    def _held(self, path: FolderPath) -> list[str]:
        return sorted(digest(travel_form(each.read())) for each in self.context.storage.objects(path).values())

    def _rename(self, old: FolderPath, new: FolderPath) -> None:
        context = self.context
        try:
            context.session.rename_folder(self.names[old], name_for(new, context.hierarchy))
        except (OperationRefused, ValueError):
            return
        for rest in self._tree(old, *context.base.folders()):
            rows = sorted(context.base.objects(old + rest).values(), key=lambda row: row.digest)
            context.base.drop_folder(old + rest)
            context.base.add_folder(new + rest, name_for(new + rest, context.hierarchy))
            held = {
                handle: digest(travel_form(each.read())) for handle, each in context.storage.objects(new + rest).items()
            }
            handles = sorted(held, key=lambda handle: held[handle])
            renamed = [replace(row, handle=handle, uid=None) for row, handle in zip(rows, handles, strict=True)]
            context.base.write(new + rest, renamed)
        self._listing = context.session.list_folders(context.hierarchy.root)
        self.names = by_path(self._listing, context.hierarchy, self._known())


class CopiesOnServer(Synchronizer):
    """Lets the server copy what was moved locally, so that it need not be stored again."""

    def resulting_folders(self) -> list[FolderPath]:
        resulting = super().resulting_folders()
        if self.context.uploads and self.context.downloads and self.context.moves_everything:
            for target in resulting:
                self._copy_into(target, resulting)
        return resulting

    def _copy_into(self, target: FolderPath, sources: list[FolderPath]) -> None:
        context = self.context
        known = context.base.objects(target)
        news = {
            digest(travel_form(each.read()))
            for handle, each in context.storage.objects(target).items()
            if handle not in known
        }
        for source in sources if news and not context.base.uploads(target) else ():
            gone = [
                row
                for handle, row in context.base.objects(source).items()
                if row.digest in news and row.uid and handle not in context.storage.objects(source)
            ]
            unique = {row.digest: row.uid for row in gone}
            if unique and source != target:
                news -= unique.keys()
                self._copy(source, target, [uid for uid in unique.values() if uid])

    def _copy(self, source: FolderPath, target: FolderPath, uids: list[int]) -> None:
        session, base, names = self.context.session, self.context.base, self.folders.names
        try:
            into = session.set_active_folder(names[target], read_only=True)
            held = {each.uid for each in session.list_objects()} if into.exists else set()
            if not held <= {row.uid for row in base.objects(target).values()}:
                return
            active = session.set_active_folder(names[source])
            if active.uid_validity == base.folders()[source].uid_validity:
                session.copy_objects(uids, names[target])
        except OperationRefused:
            return
