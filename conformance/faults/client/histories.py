"""Clients that are broken in one place, which only shows after two or three particular steps."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, cast

from conformance.faults.hooks import ClientHook, Step
from conformance.imap.errors import ConnectionLost, OperationRefused
from conformance.imap.session import FetchedObject, ListedFolder, ObjectMetadata
from conformance.imap.syntax import parse_response
from conformance.model.folders import FolderPath
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import digest
from conformance.reference.client.flags import folded
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.object_step import Change, ObjectStep
from conformance.reference.client.server_folders import by_path
from conformance.reference.client.synchronizer import Synchronizer


class NoAnnotations:
    """Folders have no annotations; those of the base are free for what a fault has to remember."""

    def __init__(self, *_: object) -> None: ...

    def run(self) -> None:
        """Nothing."""


class Remembering(ObjectStep):
    """Remembers a number of each folder from run to run."""

    beside: ClassVar[dict[str, object]] = {"annotation_step": NoAnnotations}

    def recall(self, name: str) -> int:
        """The number; 0 at first."""
        return int(self.context.base.annotations(self.path).get(name, b"0"))

    def remember(self, name: str, number: int) -> None:
        """Remember the number."""
        self.context.base.annotate(self.path, name, str(number).encode())


class MarkBeforeFetch(Remembering):
    """A mark above all UIDs is saved before the new objects are fetched."""

    def fetch_new(self) -> None:
        mark = self.recall("mark")
        self.remember("mark", self.active.uid_next or 0)
        known = {row.uid for row in self.rows.values()}
        self.server = {uid: each for uid, each in self.server.items() if uid in known or uid >= mark}
        super().fetch_new()


class MarkAtTheEnd(Remembering):
    """The mark that is saved is the one at the end of the run, whatever came in the meantime."""

    def fetch_new(self) -> None:
        mark, known = self.recall("mark"), {row.uid for row in self.rows.values()}
        self.server = {uid: each for uid, each in self.server.items() if uid in known or uid >= mark}
        super().fetch_new()

    def update_metadata(self) -> None:
        super().update_metadata()
        self.remember("mark", self.context.session.status(self.name).uid_next or 0)


class _Gated(Remembering):
    """Looks at the flags of those objects only that were changed since a saved mod-sequence."""

    def activate(self) -> None:
        super().activate()
        since = self.recall("modseq")
        flags = {row.uid: row.flags for row in self.rows.values()}
        self.server = {uid: self._seen(each, since, flags.get(uid)) for uid, each in self.server.items()}

    def _seen(self, each: ObjectMetadata, since: int, flags: frozenset[str] | None) -> ObjectMetadata:
        unchanged = since and flags is not None and (each.modseq or 0) <= since
        return replace(each, flags=frozenset(flags or ())) if unchanged else each


class ModSequenceBeforeFlags(_Gated):
    """HIGHESTMODSEQ is saved before the changes up to it are made."""

    def activate(self) -> None:
        super().activate()
        self.remember("modseq", self.active.highest_modseq or 0)


class ModSequenceOfTheEnd(_Gated):
    """HIGHESTMODSEQ is saved as it is at the end of the run, whatever others changed in the meantime."""

    def update_metadata(self) -> None:
        super().update_metadata()
        self.remember("modseq", self.context.session.status(self.name).highest_modseq or 0)


class ForgottenBeforeExpunge(ObjectStep):
    """The base forgets what was removed locally before the server has removed it."""

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        self.context.base.forget(self.path, [row.handle for row in rows])
        super().remove_many_on_server(rows)


class ForgottenBeforeLocalRemoval(ObjectStep):
    """The base forgets what was removed on the server before local storage has removed it."""

    def remove_locally(self) -> None:
        gone = [row.handle for row in self.rows.values() if self._gone_on_server(row)]
        self.context.base.forget(self.path, gone)
        super().remove_locally()


class EqualsUploadedOnce(ObjectStep):
    """A new object is not stored where one of the same content is known in the folder."""

    def store_one(self, row: BaseObject) -> bool:
        if any(each.digest == row.digest for each in self.rows.values()):
            self.context.base.withdraw(self.path, [row.handle])
            return False
        return super().store_one(row)


class EqualsDownloadedOnce(ObjectStep):
    """An object of the server is not stored locally where one of the same content is known in the folder."""

    def download(self, each: FetchedObject) -> None:
        if not any(row.digest == digest(each.octets) for row in self.rows.values()):
            super().download(each)


class EqualsRemovedTogether(ObjectStep):
    """With an object that was removed locally all of the same content go on the server."""

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        gone = {row.digest for row in rows}
        twins = [row for row in self.rows.values() if row.digest in gone and row.uid is not None]
        super().remove_many_on_server(twins)


class RefusedStoreForgotten(ObjectStep):
    """An object whose store was refused counts as stored, and so as removed on the server in the next run."""

    def store_one(self, row: BaseObject) -> bool:
        stored = super().store_one(row)
        if not stored:
            self._know(replace(row, uid=2**31 + len(self.rows)))
        return stored


class RefusedRemovalForgotten(ObjectStep):
    """The base forgets what was to be removed even where the server refused it."""

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        super().remove_many_on_server(rows)
        self.context.base.forget(self.path, [row.handle for row in rows])


class FlagsNotKept(ObjectStep):
    """The base does not learn the flags of an object that was downloaded, so that a flag cleared later returns."""

    def download(self, each: FetchedObject) -> None:
        super().download(each)
        handle = next(row.handle for row in self.rows.values() if row.uid == each.uid)
        self._know(replace(self.rows[handle], flags=frozenset()))

    def _after(self, row: BaseObject) -> BaseObject:
        return row


class SwappedIdentifiers(ObjectStep):
    """Of two objects that were stored in one run each is taken for the other."""

    def store_new(self) -> None:
        before = set(self.rows)
        super().store_new()
        new = [row for handle, row in self.rows.items() if handle not in before and row.uid is not None]
        for one, other in zip(new[::2], new[1::2], strict=False):
            self._know(replace(one, uid=None), replace(other, uid=None))
            self._know(replace(one, uid=other.uid), replace(other, uid=one.uid))


class NewUidValidityIgnored(ObjectStep):
    """UIDs keep their meaning whatever UIDVALIDITY is."""

    def activate(self) -> None:
        super().activate()

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        base = self.context.base
        self.context = replace(self.context, base=cast("type[object]", _NeverRenumbered(base)))  # type: ignore[arg-type]


class _NeverRenumbered:
    def __init__(self, base: object) -> None:
        self._base = base

    def __getattr__(self, name: str) -> object:
        return getattr(self._base, name)

    def renumber(self, *_: object) -> None:
        """Nothing."""


class FlagsOfEitherSide(ObjectStep):
    """Where the server changed flags of an object, local changes of flags in the same folder are taken back."""

    def update_metadata(self) -> None:
        known = [row for row in self.rows.values() if row.uid in self.server]
        self.server_wins = any(folded(self.server[row.uid or 0].flags) != row.flags for row in known)
        super().update_metadata()

    def merge(self, row: BaseObject) -> Change:
        assert row.uid is not None
        local, server = folded(self.local[row.handle].flags), folded(self.server[row.uid].flags)
        if self.server_wins and local != row.flags:
            self.set_local_flags(row.handle, server, self.server[row.uid].flags)
            return frozenset(), frozenset()
        return super().merge(row)


class NumbersForIdentifiers(ObjectStep):
    """Objects are removed on the server by the numbers that they had when the folder was listed."""

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        listed = sorted(self.server)
        numbers = [listed.index(row.uid) for row in rows if row.uid is not None]
        now = [each.uid for each in self.context.session.list_objects()]
        meant = [replace(row, uid=now[number]) for row, number in zip(rows, numbers, strict=True) if number < len(now)]
        super().remove_many_on_server(meant)


class BelievesCutLists(FolderStep):
    """What has come of the list of folders when the connection ends is taken for all of it."""

    def list_folders(self) -> None:
        wire = self.context.session._wire
        found: list[ListedFolder] = []
        tag = wire.next_tag()
        wire.send(tag.encode() + b' LIST "" "*"\r\n')
        try:
            while not (unit := wire.read_unit()).startswith(tag.encode()):
                response = parse_response(unit)
                found += [ListedFolder.read(response)] if response.name == "LIST" else []
        except ConnectionLost:
            pass
        self._listing = self.context.session._below(self.context.hierarchy.root, found)
        self.names = by_path(self._listing, self.context.hierarchy, self._known())


class BelievesRefusedLists(FolderStep):
    """A list of folders that is refused is an empty one."""

    def list_folders(self) -> None:
        try:
            super().list_folders()
        except OperationRefused:
            self.names = {}


class RefusedFoldersKnown(FolderStep):
    """A folder whose creation was refused counts as created, and so as removed on the server in the next run."""

    def _note_creation(self, path: FolderPath, refusal: str | None) -> None:
        super()._note_creation(path, refusal)
        self.context.base.add_folder(path, "/".join(path))


class BaseLostWithTheRun(Synchronizer):
    """Whatever ends a run early makes the client forget its base."""

    def run(self) -> None:
        try:
            super().run()
        except Exception:
            for path in self.context.base.folders():
                self.context.base.drop_folder(path)
            raise


class LocalNewsSeenOnce(Remembering):
    """What was new in local storage when a run was broken off counts as stored, and so as removed on the server."""

    def fetch_new(self) -> None:
        tried = [row for row in self.context.base.uploads(self.path) if row.handle in self.local]
        self._know(*(replace(row, uid=2**31 + number) for number, row in enumerate(tried)))
        super().fetch_new()


HOOKS: dict[str, ClientHook | Step] = {
    "mark-saved-before-the-fetch": MarkBeforeFetch,
    "mark-of-the-end-of-run": MarkAtTheEnd,
    "mod-sequence-saved-before-changes": ModSequenceBeforeFlags,
    "mod-sequence-of-the-end-of-run": ModSequenceOfTheEnd,
    "removal-forgotten-before-expunge": ForgottenBeforeExpunge,
    "removal-forgotten-before-local-removal": ForgottenBeforeLocalRemoval,
    "equal-objects-stored-once": EqualsUploadedOnce,
    "equal-objects-fetched-once": EqualsDownloadedOnce,
    "equal-objects-removed-together": EqualsRemovedTogether,
    "refused-store-counts-as-done": RefusedStoreForgotten,
    "refused-removal-counts-as-done": RefusedRemovalForgotten,
    "flags-of-downloads-not-in-base": FlagsNotKept,
    "uids-of-two-uploads-swapped": SwappedIdentifiers,
    "new-uidvalidity-ignored": NewUidValidityIgnored,
    "local-flags-lost-beside-others": FlagsOfEitherSide,
    "removals-by-stale-numbers": NumbersForIdentifiers,
    "cut-list-taken-for-whole": BelievesCutLists,
    "refused-list-taken-for-empty": BelievesRefusedLists,
    "refused-folder-counts-as-created": RefusedFoldersKnown,
    "base-lost-with-the-run": BaseLostWithTheRun,
    "interrupted-uploads-count-as-stored": LocalNewsSeenOnce,
}
