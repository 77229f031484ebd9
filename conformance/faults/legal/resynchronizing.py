"""Clients that use CONDSTORE and QRESYNC (RFC 7162), or have several commands in flight (RFC 3501 5.5)."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.faults.legal.changing import StoresMany
from conformance.imap.data import vanished_data
from conformance.imap.names import encode_name, quote
from conformance.imap.results import ActiveFolder, ObjectMetadata, fetched
from conformance.imap.wire import Exchange
from conformance.model.folders import FolderPath
from conformance.model.states import Flags
from conformance.reference.client.base import Base
from conformance.reference.client.context import Context
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer


@dataclass(frozen=True)
class _Seen:
    """What the server held at the last look: sizes and flags by UID, under a UIDVALIDITY and a mod-sequence."""

    version: int
    modseq: int
    objects: dict[int, tuple[int, Flags]]


def _recall(base: Base, place: FolderPath) -> _Seen:
    told = base.annotations(place)
    objects: dict[int, tuple[int, Flags]] = {}
    for uid, value in told.items():
        if uid.isdigit():
            size, *flags = value.decode().split()
            objects[int(uid)] = int(size), frozenset(flags)
    return _Seen(int(told.get("version", b"0")), int(told.get("modseq", b"0")), objects)


def _remember(base: Base, place: FolderPath, seen: _Seen) -> None:
    now = {str(uid): " ".join([str(size), *sorted(flags)]).encode() for uid, (size, flags) in seen.objects.items()}
    now |= {"version": str(seen.version).encode(), "modseq": str(seen.modseq).encode()}
    before = base.annotations(place)
    for entry in {*before, *now}:
        if before.get(entry) != now.get(entry):
            base.annotate(place, entry, now.get(entry))


class KnowsChanges(ObjectStep):
    """Asks a server with CONDSTORE for what changed only, and searches for what is there (RFC 7162 3.1)."""

    def activate(self) -> None:
        base, place = self.context.base, ("", "seen", self.name)
        self.seen = _recall(base, place)
        self.select()
        if self.active.uid_validity != base.folders()[self.path].uid_validity:
            base.renumber(self.path, self.active.uid_validity)
        self.local, self.rows = self.context.storage.objects(self.path), base.objects(self.path)
        is_known = self.seen.modseq and self.active.highest_modseq and self.seen.version == self.active.uid_validity
        if is_known:
            self.update()
        else:
            listed = self.context.session.list_objects() if self.active.exists != 0 else []
            self.server = {each.uid: each for each in listed}
        now = {uid: (each.size or 0, each.flags) for uid, each in self.server.items()}
        _remember(base, place, _Seen(self.active.uid_validity or 0, self.active.highest_modseq or 0, now))

    def select(self) -> None:
        """Set the folder active."""
        read_only = not self.context.uploads
        self.active = self.context.session.set_active_folder(self.name, read_only=read_only)

    def update(self) -> None:
        """See what the server holds, knowing what it held."""
        session = self.context.session
        there = set(session.search("ALL")) if self.active.exists else set()
        changed = session.fetch_metadata(changed_since=self.seen.modseq) if there else []
        self.merge_in(there, {each.uid: each for each in changed})

    def merge_in(self, there: set[int], changed: dict[int, ObjectMetadata]) -> None:
        """Take what is known of the objects that are there, and what was told of those that changed."""
        known = {uid: ObjectMetadata(uid, flags, size, None) for uid, (size, flags) in self.seen.objects.items()}
        missing = there - changed.keys() - known.keys()
        untold = self.context.session.fetch_metadata(missing) if missing else []
        found = known | changed | {each.uid: each for each in untold}
        self.server = {uid: found[uid] for uid in sorted(there) if uid in found}


class _Resynchronizes(KnowsChanges):
    """Lets the selection tell what vanished and changed (RFC 7162 3.2.5)."""

    def select(self) -> None:
        session, seen = self.context.session, self.seen
        self.told: Exchange | None = None
        if not seen.modseq or "QRESYNC" not in session.capabilities:
            super().select()
            return
        verb = b"SELECT " if self.context.uploads else b"EXAMINE "
        line = verb + quote(encode_name(self.name)) + b" (QRESYNC (%d %d))" % (seen.version, seen.modseq)
        session._active = None
        self.told = session._change_selection("set active folder", line)
        self.active = session._active = ActiveFolder.read(self.name, self.told.untagged, self.told.code)

    def update(self) -> None:
        if self.told is None:
            super().update()
            return
        gone = [vanished_data(each)[1] for each in self.told.named("VANISHED")]
        changed = {uid: ObjectMetadata.read(uid, items) for uid, items in fetched(self.told.untagged).items()}
        there = {uid for uid in self.seen.objects if not any(uid in each for each in gone)} | changed.keys()
        old = {uid: each for uid, each in changed.items() if uid in self.seen.objects}
        self.merge_in(there, old)


class QuickResynchronization(Synchronizer):
    """Enables QRESYNC and selects with what it knows of a folder."""

    object_step = _Resynchronizes

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        if "QRESYNC" in context.session.capabilities:
            context.session._command("enable", b"ENABLE QRESYNC")


class SelectsAndLists(ObjectStep):
    """Sends SELECT and the FETCH of all metadata at once."""

    def activate(self) -> None:
        context, base = self.context, self.context.base
        verb = b"SELECT " if context.uploads else b"EXAMINE "
        commands = [verb + quote(encode_name(self.name)), b"UID FETCH 1:* (UID FLAGS RFC822.SIZE)"]
        context.session._active = None
        selected, listed = context.session._wire.pipeline(commands)
        selected.require_ok("set active folder")
        self.active = ActiveFolder.read(self.name, selected.untagged, selected.code)
        context.session._active = self.active
        if self.active.uid_validity != base.folders()[self.path].uid_validity:
            base.renumber(self.path, self.active.uid_validity)
        told = fetched(listed.require_ok("fetch metadata").untagged)
        self.server = {uid: ObjectMetadata.read(uid, items) for uid, items in sorted(told.items())}
        self.local, self.rows = context.storage.objects(self.path), base.objects(self.path)


class StoresInAPipeline(StoresMany):
    """Has several APPENDs in flight (RFC 7888)."""

    def store_new(self) -> None:
        session = self.context.session
        offered, session.capabilities = session.capabilities, session.capabilities - {"MULTIAPPEND"}
        try:
            super().store_new()
        finally:
            session.capabilities = offered
