"""Step 3 of 5.5.2.20 for one folder, 3a to 3f: the objects of both sides become the same, and their flags.

What is missing on one side was removed there only if the base knows it; else it is new on the other side. Every method
leaves stores and base so that a run ended there is completed by the next one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from conformance.imap.errors import OperationRefused
from conformance.imap.session import ActiveFolder, FetchedObject, ObjectMetadata
from conformance.model.folders import FolderPath, display
from conformance.model.states import Flags
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import KINDS, CannotTravel, digest, kind_of, travel_form, wire_form
from conformance.reference.client.context import Context
from conformance.reference.client.flags import agreed, folded, merge_flags, permitted, spelled, travelling
from conformance.reference.client.matching import Orphans, by_content, flags_surely_common, in_order
from conformance.reference.client.storage import LocalObject, NoSuchObject

Change = tuple[Flags, Flags]
"""Flags to set and flags to clear on the server."""


class ObjectStep:
    """One folder being synchronized: what either side holds, and the base's rows, kept up to date by every step."""

    def __init__(self, context: Context, path: FolderPath, name: str) -> None:
        self.context, self.path, self.name = context, path, name
        self.active: ActiveFolder
        self.server: dict[int, ObjectMetadata] = {}
        self.local: dict[str, LocalObject] = {}
        self.rows: dict[str, BaseObject] = {}
        self.lost: set[str] = set()
        self.stored: set[str] = set()

    def run(self) -> None:
        """All of step 3. Raises `OperationRefused` where the folder cannot be set active."""
        self.activate()
        self.fetch_new()
        self.remove_locally()
        self.store_new()
        self.remove_on_server()
        self.update_metadata()

    def activate(self) -> None:
        """3a: set the folder as the active folder (5.5.2.2) and see what it holds; new is what the base lacks."""
        context = self.context
        self.active = context.session.set_active_folder(self.name, read_only=not context.uploads)
        if self.active.uid_validity != context.base.folders()[self.path].uid_validity:
            context.base.renumber(self.path, self.active.uid_validity)
        listed = context.session.list_objects() if self.active.exists != 0 else []
        self.server = {each.uid: each for each in listed}
        self.local = context.storage.objects(self.path)
        self.rows = context.base.objects(self.path)

    # 3b

    def fetch_new(self) -> None:
        """3b: fetch what the base does not know (5.5.2.4); each is a local object's equal, or stored locally."""
        known = {row.uid for row in self.rows.values()}
        unknown = [uid for uid in self.server if uid not in known]
        orphans = self._orphans(anything=bool(unknown))
        wanted = self._wanted(unknown, orphans)
        fetched = 0
        for each in self._fetch(wanted):
            fetched += 1
            self._receive(each, orphans)
        if fetched == len(wanted):
            self._give_up(orphans)

    def _orphans(self, *, anything: bool) -> Orphans:
        """What waits for a UID: announced uploads, rows from before a new UIDVALIDITY, and new local objects."""
        waiting = {row.handle: row for row in self.rows.values() if row.uid is None}
        waiting |= {row.handle: row for row in self.context.base.uploads(self.path)}
        for each in self._local_news() if anything else ():
            waiting.setdefault(each.handle, _row(each.handle, travel_form(each.read())))
        return Orphans(waiting.values(), self.local)

    def _local_news(self) -> Iterator[LocalObject]:
        """New local objects that the policy lets move."""
        for handle, each in list(self.local.items()):
            if handle not in self.rows and self._admits(each):
                yield each

    def _admits(self, each: LocalObject) -> bool:
        if self.context.moves_everything:
            return True
        octets = each.read()
        return self.context.admits(kind_of(octets), len(octets))

    def _wanted(self, unknown: list[int], orphans: Orphans) -> list[int]:
        """The unknown objects to fetch; where nothing is downloaded only those that may be an orphan's equal."""
        excluded = self._of_excluded_kind(unknown)
        admitted = [uid for uid in unknown if uid not in excluded and self.context.admits_size(self.server[uid].size)]
        if self.context.downloads:
            return admitted
        sizes = orphans.sizes
        return [uid for uid in admitted if self.server[uid].size in sizes]

    def _of_excluded_kind(self, uids: list[int]) -> set[int]:
        """Of these objects those of a kind that must not move, told by the server without sending them."""
        admitted = self.context.policy.kinds
        if not uids or all(kind in admitted for _, kind in KINDS):
            return set()
        untold, excluded = set(uids), set()
        for text, kind in KINDS:
            found = untold & set(self.context.session.search(f'HEADER "Content-Type" "{text}"'))
            untold -= found
            excluded |= found if kind not in admitted else set()
        return excluded

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        """Whole objects; where the server refuses them together, one by one, passing over what is refused alone."""
        pending = set(uids)
        try:
            for each in self.context.session.fetch_objects(uids):
                pending.discard(each.uid)
                yield each
        except OperationRefused:
            for uid in sorted(pending):
                yield from self._fetch_one(uid)

    def _fetch_one(self, uid: int) -> Iterator[FetchedObject]:
        try:
            yield from self.context.session.fetch_objects([uid])
        except OperationRefused as error:
            self._problem(f"object {uid}: {error}")

    def _receive(self, each: FetchedObject, orphans: Orphans) -> None:
        adopted = orphans.adopt(each)
        if adopted is not None:
            self.adopt(adopted)
        elif self.context.downloads and self.context.admits(kind_of(each.octets), len(each.octets)):
            self.download(each)

    def adopt(self, row: BaseObject) -> None:
        """Know an object of the server as one that local storage holds, or held."""
        assert row.uid is not None
        flags = flags_surely_common(row.flags, self.server[row.uid].flags) if row.handle not in self.rows else row.flags
        self._know(replace(row, flags=flags))

    def download(self, each: FetchedObject) -> None:
        """Store a new object of the server locally, with its flags: staged, then known, then revealed."""
        storage = self.context.storage
        staged = storage.stage(each.octets, travelling(each.flags))
        row = _row(staged.handle, each.octets)
        self._know(replace(row, uid=each.uid, flags=folded(each.flags)))
        self.local[staged.handle] = storage.reveal(self.path, staged)
        self.server[each.uid] = replace(self.server[each.uid], flags=each.flags)
        self.context.report.counters.downloaded += 1

    def _know(self, *rows: BaseObject) -> None:
        self.context.base.write(self.path, rows)
        self.rows |= {row.handle: row for row in rows}

    def _give_up(self, orphans: Orphans) -> None:
        """What found no equal on the server: an upload that never took place, or an object removed there."""
        announced = self.context.base.uploads(self.path)
        uploads = {row.handle for row in announced if self.context.admits(row.kind, row.size)}
        if uploads:
            self.context.base.withdraw(self.path, uploads)
        self.lost = {row.handle for row in orphans if row.handle in self.rows}

    # 3c

    def remove_locally(self) -> None:
        """3c: remove from local storage what the base knows and the server does not hold any more."""
        gone = [row for row in self.rows.values() if self._gone_on_server(row)]
        removed = [row for row in gone if self.context.downloads or row.handle not in self.local]
        for row in removed:
            self.remove_one_locally(row)
        if removed:
            self.context.base.forget(self.path, [row.handle for row in removed])

    def _gone_on_server(self, row: BaseObject) -> bool:
        missing = row.uid not in self.server if row.uid is not None else row.handle in self.lost
        return missing and self.context.admits(row.kind, row.size)

    def remove_one_locally(self, row: BaseObject) -> None:
        """Remove one object from local storage; the base forgets it only afterwards."""
        del self.rows[row.handle]
        if row.handle in self.local:
            self.context.storage.remove_object(self.local.pop(row.handle))
            self.context.report.counters.removed_locally += 1

    # 3d

    def store_new(self) -> None:
        """3d: store new local objects on the server (5.5.2.3), their flags with them, after announcing all of them."""
        news = list(self._local_news()) if self.context.uploads else []
        if news and self.active.read_only:
            self._problem(f"{len(news)} new local objects wait: the folder is read-only")
            return
        prepared = [row for each in news if (row := self._prepare(each))]
        if not prepared:
            return
        self.context.base.announce(self.path, prepared)
        stored = [row for row in prepared if self.store_one(row)]
        unnumbered = [row for row in stored if row.handle not in self.rows]
        if unnumbered:
            self.recognize(unnumbered)

    def _prepare(self, each: LocalObject) -> BaseObject | None:
        try:
            octets = wire_form(each.read())
        except CannotTravel as error:
            self._problem(f"object {each.handle}: {error}")
            return None
        except NoSuchObject:
            return None
        return replace(_row(each.handle, octets), flags=folded(self._permitted(travelling(each.flags))))

    def _permitted(self, flags: Flags) -> Flags:
        # A read-only folder keeps no flag now; what waits must not look as if it could never be kept.
        permanent = None if self.active.read_only else self.active.permanent_flags
        return permitted(flags, self.active.flags, permanent)

    def store_one(self, row: BaseObject) -> bool:
        """Store one announced object; known at once where the server tells its UID (UIDPLUS)."""
        each = self.local[row.handle]
        try:
            octets, flags = wire_form(each.read()), self._permitted(travelling(each.flags))
            stored = self.context.session.store_object(self.name, octets, flags=sorted(flags))
        except OperationRefused as error:
            self.context.base.withdraw(self.path, [row.handle])
            self._problem(f"object {row.handle} stays in local storage: {error}")
            return False
        self.stored.add(row.handle)
        self.context.report.counters.uploaded += 1
        if stored and stored.uid_validity == self.active.uid_validity:
            self._know(replace(row, uid=stored.uid))
        return True

    def recognize(self, uploads: list[BaseObject]) -> None:
        """Find the UIDs of own uploads without UIDPLUS; whatever stays unknown is looked for again by the next run."""
        fresh = self._fresh()
        if len(fresh) < len(uploads):
            self.context.session.noop()
            fresh = self._fresh()
        found = in_order(uploads, fresh)
        if found is None:
            contents = {each.handle: wire_form(self.local[each.handle].read()) for each in uploads}
            found = by_content(uploads, contents, list(self._fetch([each.uid for each in fresh])))
        self._know(*found)
        for row in found:
            assert row.uid is not None
            self.server[row.uid] = next(each for each in fresh if each.uid == row.uid)
        if len(found) < len(uploads):
            self._problem(f"{len(uploads) - len(found)} stored objects are not found again on the server")

    def _fresh(self) -> list[ObjectMetadata]:
        known = {row.uid for row in self.rows.values()} | set(self.server)
        return [each for each in self.context.session.list_objects() if each.uid not in known]

    # 3e

    def remove_on_server(self) -> None:
        """3e: remove from the server what the base knows and local storage does not hold any more (5.5.2.6)."""
        rows = [row for row in self.rows.values() if self._gone_locally(row)] if self.context.uploads else []
        if rows and self.active.read_only:
            self._problem(f"{len(rows)} removed objects stay on the server: the folder is read-only")
        elif rows:
            self.remove_many_on_server(rows)

    def _gone_locally(self, row: BaseObject) -> bool:
        here = row.handle in self.local or row.uid not in self.server
        return not here and self.context.admits(row.kind, row.size)

    def remove_many_on_server(self, rows: list[BaseObject]) -> None:
        """Remove objects from the server; the base forgets them only afterwards."""
        try:
            self.context.session.remove_objects([row.uid for row in rows if row.uid is not None])
        except OperationRefused as error:
            self._problem(str(error))
            return
        self.context.base.forget(self.path, [row.handle for row in rows])
        for row in rows:
            del self.rows[row.handle]
        self.context.report.counters.removed_on_server += len(rows)

    # 3f

    def update_metadata(self) -> None:
        """3f: carry flags that one side changed since the base to the other side, and nothing else (5.5.2.13)."""
        self._see_stored_flags()
        changes: dict[Change, list[BaseObject]] = defaultdict(list)
        known: list[BaseObject] = []
        for row in list(self.rows.values()):
            if row.uid in self.server and row.handle in self.local and self.context.admits(row.kind, row.size):
                change = self.merge(row)
                if any(change):
                    changes[change].append(row)
                else:
                    known.append(row)
        for (add, remove), rows in changes.items():
            self.push(add, remove, rows)
            known += rows
        changed = [after for row in known if (after := self._after(row)) != row]
        if changed:
            self._know(*changed)

    def _see_stored_flags(self) -> None:
        """Look at the flags of objects just stored: a server need not keep those it was given (RFC 3501 6.3.11)."""
        flagged = [row for row in self.rows.values() if row.handle in self.stored and row.flags]
        for each in self.context.session.fetch_metadata([row.uid for row in flagged if row.uid]) if flagged else []:
            self.server[each.uid] = each
        for row in flagged:
            common = flags_surely_common(row.flags, self.server[row.uid].flags if row.uid in self.server else ())
            if common != row.flags:
                self._know(replace(row, flags=common))

    def merge(self, row: BaseObject) -> Change:
        """Bring local flags up to date; returns what is to be set and cleared on the server."""
        assert row.uid is not None
        here, there = self.local[row.handle].flags, self.server[row.uid].flags
        local, server = folded(here), folded(there)
        merged = merge_flags(row.flags, local, server)
        if self.context.downloads and merged != local:
            self.set_local_flags(row.handle, merged, there)
        if not self.context.uploads:
            return frozenset(), frozenset()
        add, remove = spelled(merged - server, here), spelled(server - merged, there)
        return self._permitted(add), self._permitted(remove)

    def set_local_flags(self, handle: str, merged: Flags, server: Flags) -> None:
        """Give a local object the merged flags; marks that do not travel stay."""
        each = self.local[handle]
        flags = (each.flags - travelling(each.flags)) | spelled(merged, each.flags, server)
        try:
            self.local[handle] = self.context.storage.set_flags(each, flags)
            self.context.report.counters.flags_changed_locally += 1
        except NoSuchObject:
            self.local[handle] = replace(each, flags=flags)

    def push(self, add: Flags, remove: Flags, rows: list[BaseObject]) -> None:
        """Set and clear flags of objects on the server; what is refused stays pending."""
        if self.active.read_only:
            self._problem(f"changed flags of {len(rows)} objects wait: the folder is read-only")
            return
        uids = [row.uid for row in rows if row.uid is not None]
        try:
            self.context.session.update_metadata(uids, add=sorted(add), remove=sorted(remove))
        except OperationRefused as error:
            self._problem(str(error))
            return
        for uid in uids:
            flags = (folded(self.server[uid].flags) | folded(add)) - folded(remove)
            self.server[uid] = replace(self.server[uid], flags=flags)
        self.context.report.counters.flags_changed_on_server += len(uids)

    def _after(self, row: BaseObject) -> BaseObject:
        assert row.uid is not None
        local, server = folded(self.local[row.handle].flags), folded(self.server[row.uid].flags)
        return replace(row, flags=agreed(row.flags, local, server))

    def _problem(self, what: str) -> None:
        self.context.report.problem(f"folder {display(self.path)}: {what}")


def _row(handle: str, octets: bytes) -> BaseObject:
    """What the base holds of an object in its wire form, before its UID and flags."""
    return BaseObject(handle, None, digest(octets), len(octets), kind_of(octets))
