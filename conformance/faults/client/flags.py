"""Clients that bring flags together wrongly (SYN-501 to SYN-517, OP13-C1 to OP13-C3)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

from conformance.faults.client.histories import Remembering
from conformance.faults.hooks import ClientHook, Hook, Step, replacing
from conformance.imap.errors import OperationRefused, SyntaxProblem
from conformance.imap.session import FetchedObject, ObjectMetadata
from conformance.model.states import Flags
from conformance.reference.client.base import BaseObject
from conformance.reference.client.flags import folded, merge_flags, spelled
from conformance.reference.client.object_step import Change, ObjectStep
from conformance.reference.server import Behaviour

SEEN, DELETED = "\\seen", "\\deleted"


class Merging(ObjectStep):
    """Brings the flags of an object together in a way of its own, by `ends`."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        """The flags that local storage, and then the server, are to have in the end."""
        raise NotImplementedError

    def merge(self, row: BaseObject) -> Change:
        assert row.uid is not None
        here, there = self.local[row.handle].flags, self.server[row.uid].flags
        local, server = folded(here), folded(there)
        mine, theirs = self.ends(row.flags, local, server)
        if mine != local:
            self.set_local_flags(row.handle, mine, there)
        add, remove = spelled(theirs - server, here), spelled(server - theirs, there)
        return self._permitted(add), self._permitted(remove)


# From the server to local storage


class OnlySeen(Merging):
    r"""Of the flags that change on the server only `\Seen` is taken over."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        seen = frozenset({SEEN})
        return merge_flags(base, local, (base - seen) | (server & seen)), merge_flags(base, local, server)


class OnlyUp(Merging):
    """Flags that change on the server are not taken over."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        return local, merge_flags(base, local, server)


class LocalForBoth(Merging):
    """Both sides get the flags of local storage."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        del base, server
        return local, local


class OnlyWithNews(ObjectStep):
    """Flags are looked at only where objects were fetched or stored."""

    def update_metadata(self) -> None:
        counters = self.context.report.counters
        if counters.downloaded or counters.uploaded:
            super().update_metadata()


class Either(Merging):
    """Both sides get what either has."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        del base
        return local | server, local | server


class NeverClearedLocally(Merging):
    """Local flags are set and never cleared."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        merged = merge_flags(base, local, server)
        return local | merged, merged


# From local storage to the server


class ServerForBoth(Merging):
    """Both sides get the flags of the server."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        del base, local
        return server, server


class Gated(Remembering):
    """Remembers HIGHESTMODSEQ as it was before the client's own changes, in the way in which the client reads it."""

    @staticmethod
    def read(number: int) -> int:
        """The mod-sequence that a number is taken for."""
        return number

    def activate(self) -> None:
        super().activate()
        self.since = self.recall("modseq")
        self.remember("modseq", self.read(self.active.highest_modseq or 0))

    def is_unchanged(self, each: ObjectMetadata) -> bool:
        """Whether an object seems to be as it was at the last synchronization."""
        return bool(self.since) and each.modseq is not None and self.read(each.modseq) <= self.since


class LocalNeedsServer(Gated):
    """Local flags are looked at only where the object changed on the server."""

    def merge(self, row: BaseObject) -> Change:
        assert row.uid is not None
        return (frozenset(), frozenset()) if self.is_unchanged(self.server[row.uid]) else super().merge(row)


class NeverClearedOnServer(Merging):
    """-FLAGS is never sent."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        merged = merge_flags(base, local, server)
        return merged, merged | server


class ClearedSetAgain(Merging):
    """What was cleared locally is set again from the server."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        merged = merge_flags(base, local, server) | server
        return merged, merged


# Several flags, and keywords


class SystemFlagsOnly(Merging):
    """Keywords stay where they are."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        merged = _system(merge_flags(base, local, server))
        return merged | (local - _system(local)), merged | (server - _system(server))


class ReplacedByKnown(Merging):
    """A local change replaces the flags on the server by the system flags that the client knows."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        merged = merge_flags(base, local, server)
        return merged, merged if local == base else frozenset(each for each in merged if each in _KNOWN)


_KNOWN = frozenset({SEEN, "\\answered", "\\flagged", "\\draft"})


class NewFlagsReplace(Merging):
    """Flags that were set locally replace those on the server."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        merged = merge_flags(base, local, server)
        return merged, local - base or merged


class UnknownWiped(Merging):
    """A local change takes flags with a backslash that the client does not know from the server."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        merged = merge_flags(base, local, server)
        return merged, merged if local == base else merged - (_system(merged) - _KNOWN)


class ReportMarkDropped(Merging):
    """A local change takes $MDNSent from the server."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        merged = merge_flags(base, local, server)
        return merged, merged if local == base else merged - {"$mdnsent"}


class OneOfSeveral(Merging):
    """Of several flags that were set on the server the first is taken over, and the others look cleared locally."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        merged = merge_flags(base, local, server)
        return merged - set(sorted(server - base - local)[1:]), merged

    def _after(self, row: BaseObject) -> BaseObject:
        assert row.uid is not None
        return replace(row, flags=folded(self.server[row.uid].flags))


def _system(flags: Flags) -> Flags:
    return frozenset(flag for flag in flags if flag.startswith("\\"))


# With new objects


class FetchedUnread(ObjectStep):
    """A new object of the server is stored locally without its flags."""

    def download(self, each: FetchedObject) -> None:
        super().download(each)
        row = next(row for row in self.rows.values() if row.uid == each.uid)
        self.set_local_flags(row.handle, self.kept(row.flags), each.flags)

    def kept(self, flags: Flags) -> Flags:
        """The flags that it is stored with."""
        del flags
        return frozenset()


class FetchedSeenOnly(FetchedUnread):
    r"""A new object of the server keeps nothing but `\Seen`."""

    def kept(self, flags: Flags) -> Flags:
        return flags & {SEEN}


class FetchedIsRead(FetchedUnread):
    r"""A new object of the server is `\Seen` once it is in local storage."""

    def kept(self, flags: Flags) -> Flags:
        return flags | {SEEN}


class StoredUnread(ObjectStep):
    """New local objects are stored without flags, which the base holds all the same."""

    is_storing = False

    def store_one(self, row: BaseObject) -> bool:
        self.is_storing = True
        stored = super().store_one(row)
        self.is_storing = False
        return stored

    def _permitted(self, flags: Flags) -> Flags:
        return frozenset() if self.is_storing else super()._permitted(flags)

    def _see_stored_flags(self) -> None:
        """They are taken for stored."""


class StoredSeen(ObjectStep):
    r"""New local objects are stored with `\Seen`, as what the user wrote."""

    def store_one(self, row: BaseObject) -> bool:
        self.set_local_flags(row.handle, folded(self.local[row.handle].flags) | {SEEN}, frozenset())
        return super().store_one(row)


# What is asked for


class ChangedFetchedWhole(ObjectStep):
    """Objects whose flags changed on the server are fetched whole."""

    def update_metadata(self) -> None:
        changed = [row for row in self.rows.values() if self._changed_on_server(row)]
        self.look([row.uid for row in changed if row.uid is not None])
        super().update_metadata()

    def _changed_on_server(self, row: BaseObject) -> bool:
        return row.uid in self.server and folded(self.server[row.uid].flags) != row.flags

    def look(self, uids: list[int]) -> None:
        """Look at these objects."""
        list(self.context.session.fetch_objects(uids))


class StructureAndText(ChangedFetchedWhole):
    """Of objects whose flags changed on the server structure and text are fetched."""

    def look(self, uids: list[int]) -> None:
        for uid in uids:
            self.context.session._attempt(f"UID FETCH {uid} (BODYSTRUCTURE BODY.PEEK[TEXT])".encode())


# Changes on both sides


class LeftAlone(Merging):
    """An object that both sides changed is left as it is on each."""

    def ends(self, base: Flags, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        if base in (local, server):
            merged = merge_flags(base, local, server)
            return merged, merged
        return self.clash(local, server)

    def clash(self, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        """What becomes of flags that both sides changed."""
        return local, server


class Exchanged(LeftAlone):
    """Where both sides changed an object, each gets the flags of the other."""

    def clash(self, local: Flags, server: Flags) -> tuple[Flags, Flags]:
        return server, local


class OldCondition(Remembering):
    """Flags are changed only if the object is as it was when the folder was first looked at."""

    def activate(self) -> None:
        super().activate()
        self.first = self.recall("modseq") or self.active.highest_modseq or 0
        self.remember("modseq", self.first)

    def push(self, add: Flags, remove: Flags, rows: list[BaseObject]) -> None:
        for row in rows:
            try:
                self.context.session.update_metadata(
                    [row.uid or 0], add=sorted(add), remove=sorted(remove), unchanged_since=self.first
                )
            except OperationRefused:
                continue
            super().push(add, remove, [row])


# Recent


class RecentCleared(ObjectStep):
    r"""What was fetched is not recent any more: `\Recent` is cleared."""

    def download(self, each: FetchedObject) -> None:
        super().download(each)
        self.context.session._attempt(f"UID STORE {each.uid} -FLAGS.SILENT (\\Recent)".encode())


class RecentIsChange(Remembering):
    r"""Where objects are not `\Recent` any more, all flags of the folder are written again."""

    def update_metadata(self) -> None:
        super().update_metadata()
        recent = self.active.recent or 0
        if recent < self.recall("recent"):
            for uid, each in self.server.items():
                self.context.session.update_metadata([uid], add=sorted(folded(each.flags)))
        self.remember("recent", recent)


# Mod-sequences


class ChangedSince(Gated):
    """Takes the flags of the server from the base where an object seems unchanged."""

    def activate(self) -> None:
        super().activate()
        rows = {row.uid: row for row in self.rows.values()}
        for uid, each in self.server.items():
            if uid in rows and self.is_unchanged(each):
                self.server[uid] = replace(each, flags=rows[uid].flags)


class AlwaysNumbered(ObjectStep):
    """Flags are asked for by mod-sequence, offered or not."""

    def update_metadata(self) -> None:
        since = b"UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE 1)"
        self.context.session._command("fetch metadata", since)
        super().update_metadata()


class UnnumberedIsUnchanged(ChangedSince):
    """What has no mod-sequence is taken for unchanged."""

    def is_unchanged(self, each: ObjectMetadata) -> bool:
        return each.modseq is None or super().is_unchanged(each)


class OfFloatingPoint(ChangedSince):
    """Mod-sequences are floating-point numbers."""

    @staticmethod
    def read(number: int) -> int:
        return int(float(number))


class Of31Bits(ChangedSince):
    """A mod-sequence of more than 31 bits is taken for the largest one of 31."""

    @staticmethod
    def read(number: int) -> int:
        return min(number, 2**31 - 1)


class Of32Bits(ChangedSince):
    """Mod-sequences lose what is above 32 bits."""

    @staticmethod
    def read(number: int) -> int:
        return number & 0xFFFFFFFF


class SinceOwnChange(ChangedSince):
    """HIGHESTMODSEQ is remembered as it is after the client's own changes."""

    def push(self, add: Flags, remove: Flags, rows: list[BaseObject]) -> None:
        super().push(add, remove, rows)
        self.remember("modseq", self.context.session.status(self.name).highest_modseq or 0)


# Needless changes


class AllStored(ObjectStep):
    """The flags of every object are set again in each run."""

    def update_metadata(self) -> None:
        super().update_metadata()
        for uid, each in self.server.items():
            if flags := folded(each.flags):
                self.context.session.update_metadata([uid], add=sorted(flags))


class ByLetterCase(ObjectStep):
    """Flags are written in lower case, and again where the server shows them otherwise."""

    def update_metadata(self) -> None:
        super().update_metadata()
        for uid, each in self.server.items():
            if other := {flag.lower() for flag in each.flags} - each.flags - {"\\recent"}:
                self.context.session.update_metadata([uid], add=sorted(other))


class Unmarked(ObjectStep):
    r"""`\Deleted` is cleared from every object that is to stay."""

    def update_metadata(self) -> None:
        super().update_metadata()
        if kept := [row.uid for row in self.rows.values() if row.uid in self.server]:
            self.context.session.update_metadata([uid for uid in kept if uid], remove=[DELETED])


# In flight together


class Together(ObjectStep):
    """Flags are changed and asked for without waiting in between."""

    order: ClassVar[int] = 1

    def push(self, add: Flags, remove: Flags, rows: list[BaseObject]) -> None:
        named = ",".join(str(row.uid) for row in rows)
        change = f"UID STORE {named} +FLAGS.SILENT ({' '.join(sorted(add))})"
        question = f"UID FETCH {named} (UID FLAGS)"
        self.context.session._wire.pipeline([line.encode() for line in (change, question)[:: self.order]])
        super().push(frozenset(), remove, rows)
        for row in rows:
            assert row.uid is not None
            flags = folded(self.server[row.uid].flags) | folded(add)
            self.server[row.uid] = replace(self.server[row.uid], flags=flags)


class AskedFirst(Together):
    """Flags are asked for, and changed before the answer is there."""

    order = -1


# What servers may send


class UnknownBreaks(ObjectStep):
    """A flag with a backslash that the client does not know ends the run."""

    def activate(self) -> None:
        super().activate()
        flags = frozenset[str]().union(*(folded(each.flags) for each in self.server.values()))
        if unknown := _system(flags) - _KNOWN:
            raise SyntaxProblem("an unknown flag", " ".join(sorted(unknown)).encode())


def _recent_with_stores(octets: bytes) -> bytes:
    return re.sub(rb'(APPEND "[^"]*" \()([^)])', rb"\1\\Recent \2", octets)


_FAR_UIDS = Hook(behaviour=Behaviour(first_uid=1_000_001))

HOOKS: dict[str, ClientHook | Step] = {
    "only-seen-is-taken-over": OnlySeen,
    "flags-go-up-only": OnlyUp,
    "local-flags-for-both-sides": LocalForBoth,
    "metadata-needs-new-objects": OnlyWithNews,
    "flags-merged-by-or": Either,
    "flags-never-cleared-locally": NeverClearedLocally,
    "server-flags-for-both-sides": ServerForBoth,
    "local-flags-need-server-change": LocalNeedsServer,
    "flags-set-by-sequence-number": ClientHook(sends=replacing(b" UID STORE ", b" STORE "), server=_FAR_UIDS),
    "flags-never-cleared-on-server": NeverClearedOnServer,
    "cleared-flags-set-again": ClearedSetAgain,
    "keywords-do-not-travel": SystemFlagsOnly,
    "replaced-by-known-flags": ReplacedByKnown,
    "flags-replaced-by-new-ones": NewFlagsReplace,
    "unknown-flags-wiped-on-change": UnknownWiped,
    "report-mark-lost-on-change": ReportMarkDropped,
    "one-of-several-flags": OneOfSeveral,
    "fetched-without-flags": FetchedUnread,
    "fetched-with-seen-only": FetchedSeenOnly,
    "fetched-counts-as-read": FetchedIsRead,
    "stored-without-flags": StoredUnread,
    "stored-as-seen": StoredSeen,
    "changed-objects-fetched-whole": ChangedFetchedWhole,
    "changed-objects-fetched-as-text": StructureAndText,
    "fetch-without-peek": ClientHook(sends=replacing(b"BODY.PEEK[", b"BODY[")),
    "fetch-of-rfc822": ClientHook(
        sends=replacing(b"BODY.PEEK[]", b"RFC822"), hears=replacing(b"RFC822 {", b"BODY[] {")
    ),
    "flags-exchanged-in-conflict": Exchanged,
    "flags-left-alone-in-conflict": LeftAlone,
    "flags-stored-on-old-condition": OldCondition,
    "recent-sent-with-changes": ClientHook(sends=replacing(b"+FLAGS.SILENT (", b"+FLAGS.SILENT (\\Recent ")),
    "recent-sent-with-stores": ClientHook(sends=_recent_with_stores),
    "recent-cleared-after-fetch": RecentCleared,
    "recent-taken-for-change": RecentIsChange,
    "unnumbered-is-unchanged": UnnumberedIsUnchanged,
    "mod-sequences-as-floating-point": OfFloatingPoint,
    "mod-sequences-of-31-bits": Of31Bits,
    "mod-sequences-of-32-bits": Of32Bits,
    "mod-sequence-after-own-change": SinceOwnChange,
    "changed-since-always-asked": AlwaysNumbered,
    "all-flags-stored-every-run": AllStored,
    "flags-compared-by-letter-case": ByLetterCase,
    "deleted-mark-cleared-every-run": Unmarked,
    "unknown-flag-breaks-the-run": UnknownBreaks,
    "flags-changed-then-asked-at-once": Together,
    "flags-asked-then-changed-at-once": AskedFirst,
}
