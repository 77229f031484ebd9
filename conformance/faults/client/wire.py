"""Clients that send commands wrongly, or read responses wrongly (5.5.2.2, 5.5.2.3, 5.5.2.4 and 5.5.2.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from conformance.faults.client.histories import Remembering
from conformance.faults.client.interruption import OneByOne
from conformance.faults.client.storing import Storing
from conformance.faults.hooks import ClientHook, Rewrite, Step
from conformance.imap.data import compact_uids, fetch_items
from conformance.imap.errors import SyntaxProblem
from conformance.imap.names import encode_name, quote
from conformance.imap.session import FetchedObject, ObjectMetadata, StoredAs
from conformance.imap.syntax import Response, number_of
from conformance.model.states import Flags
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import wire_form
from conformance.reference.client.flags import folded
from conformance.reference.client.matching import Orphans
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer

_BODIES = b" (UID FLAGS INTERNALDATE BODY.PEEK[])"

# The active folder


class LooksBeforeSelection(ObjectStep):
    """The objects of a folder are asked for before it is selected."""

    def activate(self) -> None:
        self.context.session._attempt(b"UID FETCH 1:* (UID FLAGS)")
        super().activate()


class FlagsAfterLeaving(ObjectStep):
    """The folder is left before flags are changed in it."""

    def push(self, add: Flags, remove: Flags, rows: list[BaseObject]) -> None:
        self.context.session.leave_folder()
        super().push(add, remove, rows)


class PollsByStatus(ObjectStep):
    """The active folder is asked by STATUS whether something has come."""

    def fetch_new(self) -> None:
        super().fetch_new()
        self.context.session.status(self.name)


class StatusOfAll(Synchronizer):
    """At the end of a run the status of every folder is asked for, also of the one that is active."""

    def run(self) -> None:
        super().run()
        for name in self.folders.names.values():
            self.context.session.status(name)


class SizeOfTheEnd(Remembering):
    """What the folder holds at the end of a run, as it was told meanwhile, counts as fetched."""

    def fetch_new(self) -> None:
        known = {row.uid for row in self.rows.values()}
        size = self.recall("size") - len(known - self.server.keys())
        new = sorted(self.server)[max(size, 0) :]
        self.server = {uid: each for uid, each in self.server.items() if uid in known or uid in new}
        super().fetch_new()

    def update_metadata(self) -> None:
        super().update_metadata()
        self.remember("size", len(self.context.session.list_objects()))


class LateArrivalsKnown(ObjectStep):
    """An object that comes while bodies are fetched gets a row in the base, and no body."""

    def fetch_new(self) -> None:
        super().fetch_new()
        for each in self.context.session.list_objects():
            if each.uid not in self.server:
                kind = next(iter(self.context.policy.kinds))
                self.context.base.write(self.path, [BaseObject(f"late-{each.uid}", each.uid, "", each.size or 0, kind)])


class UidNextZero(ObjectStep):
    """Where UIDNEXT is not told, no UID lies below it."""

    def _wanted(self, unknown: list[int], orphans: Orphans) -> list[int]:
        return super()._wanted([uid for uid in unknown if uid < (self.active.uid_next or 0)], orphans)


class NoneIsPermanent(ObjectStep):
    """Where PERMANENTFLAGS is not told, no flag is kept."""

    def _permitted(self, flags: Flags) -> Flags:
        return super()._permitted(flags) if self.active.permanent_flags is not None else frozenset()


class NothingUnseen(ObjectStep):
    """Where UNSEEN is not told, nothing is new."""

    def _wanted(self, unknown: list[int], orphans: Orphans) -> list[int]:
        return super()._wanted(unknown if self.active.unseen else [], orphans)


def _last_line_only(octets: bytes) -> bytes:
    """Passes over the data of an answer that begins with an untagged OK or NO."""
    rest, _, last = octets.removesuffix(b"\r\n").rpartition(b"\r\n")
    return last + b"\r\n" if rest.startswith((b"* OK", b"* NO")) and not last.startswith(b"* ") else octets


def _ends_at_capabilities(octets: bytes) -> bytes:
    """Ends the run where capabilities come with other data."""
    lines = [line for line in octets.splitlines() if line.startswith(b"* ")]
    told = [line for line in lines if line.startswith(b"* CAPABILITY ")]
    if told and len(told) < len(lines):
        raise SyntaxProblem("capabilities that nobody asked for", told[0])
    return octets


def _coded_answers_are_failures(octets: bytes) -> bytes:
    return re.sub(rb"(?m)^(\w+) OK \[XYZZY ", rb"\1 NO [XYZZY ", octets)


def _ends_at_nested_codes(octets: bytes) -> bytes:
    if b"* OK [X-PLUGH (" in octets:
        raise SyntaxProblem("a list in a response code", octets[:80])
    return octets


# Stores


class LiteralAtOnce(Storing):
    """The literal is sent with the command, without waiting."""

    def store(self, octets: bytes, flags: Flags) -> StoredAs | None:
        wire = self.context.session._wire
        tag, named = wire.next_tag(), quote(encode_name(self.name))
        listed = " ".join(sorted(flags)).encode()
        wire.be_patient()
        wire.send(b"%s APPEND %s (%s) {%d}\r\n%s\r\n" % (tag.encode(), named, listed, len(octets), octets))
        wire.finish(tag).require_ok("store object")
        return None


class LiteralPlusTakenForGranted(ObjectStep):
    """LITERAL+ is used whether it is announced or not."""

    def activate(self) -> None:
        self.context.session.capabilities |= {"LITERAL+"}
        super().activate()


class LineFeedsSent(Storing):
    """Lines of what is stored end with LF."""

    def sent(self, octets: bytes) -> bytes:
        return wire_form(octets).replace(b"\r\n", b"\n")


class NulSent(Storing):
    """NUL octets are stored as they are."""

    def sent(self, octets: bytes) -> bytes:
        return octets if b"\0" in octets else wire_form(octets)


class BinaryLiteral(NulSent):
    """NUL octets are sent in a binary literal, whether that is announced or not."""

    def store(self, octets: bytes, flags: Flags) -> StoredAs | None:
        if b"\0" not in octets:
            return super().store(octets, flags)
        line = b"APPEND " + quote(encode_name(self.name)) + b" () ~{}"
        self.context.session._command("store object", line, octets)
        return None


# Fetches


def _asking(old: bytes, new: bytes) -> Rewrite:
    """Asks for another data item."""
    return lambda octets: octets.replace(old, new) if b" UID FETCH " in octets else octets


class SeenWhenFetched(ObjectStep):
    r"""What was fetched is marked as \Seen on the server."""

    def download(self, each: FetchedObject) -> None:
        super().download(each)
        self.context.session.update_metadata([each.uid], add=["\\Seen"])


class _Pipelining(ObjectStep):
    """Changes flags by a STORE that names sequence numbers, sent together with another command."""

    before = b"NOOP"

    def push(self, add: Flags, remove: Flags, rows: list[BaseObject]) -> None:
        numbers = {uid: number for number, uid in enumerate(sorted(self.server), 1)}
        for row in rows:
            assert row.uid is not None
            for sign, flags in ((b"+", add), (b"-", remove)):
                line = b"STORE %d %sFLAGS (%s)" % (numbers[row.uid], sign, " ".join(sorted(flags)).encode())
                self.context.session._wire.pipeline([self.before, line] if flags else [self.before])
            flags = (folded(self.server[row.uid].flags) | folded(add)) - folded(remove)
            self.server[row.uid] = replace(self.server[row.uid], flags=flags)


class StoreBehindNoop(_Pipelining):
    """NOOP and a STORE by sequence number are sent together."""


class StoreBehindUidFetch(_Pipelining):
    """UID FETCH and a STORE by sequence number are sent together."""

    before = b"UID FETCH 1:* (UID)"


class _Filing(ObjectStep):
    """Files bodies as `filed` tells."""

    def filed(self, uids: list[int], responses: list[Response]) -> Iterator[tuple[int, Response]]:
        raise NotImplementedError

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        if not uids:
            return
        answer = self.context.session._attempt(b"UID FETCH " + compact_uids(uids).encode() + _BODIES)
        for uid, response in self.filed(sorted(uids), answer.named("FETCH")):
            items = fetch_items(response)
            if items.get("BODY[]") is not None:
                self.server.setdefault(uid, ObjectMetadata(uid, frozenset(), None, None))
                yield FetchedObject.read(uid, items)


class NumberTakenForUid(_Filing):
    """The number of a FETCH response is taken for a UID."""

    def filed(self, uids: list[int], responses: list[Response]) -> Iterator[tuple[int, Response]]:
        del uids
        return ((each.number or 0, each) for each in responses)


class FiledInTheOrderAsked(_Filing):
    """The first FETCH response belongs to the first UID that was asked for, the second to the second."""

    def filed(self, uids: list[int], responses: list[Response]) -> Iterator[tuple[int, Response]]:
        return zip(uids, responses, strict=False)


class UidsCountedFromFirst(_Filing):
    """The UID of a body is the first one of the folder and as many more as there are objects before it."""

    def filed(self, uids: list[int], responses: list[Response]) -> Iterator[tuple[int, Response]]:
        first = min(self.server, default=uids[0])
        return ((first - 1 + (each.number or 0), each) for each in responses)


class UidExpectedFirst(_Filing):
    """A FETCH response in which UID is not the first item is passed over."""

    def filed(self, uids: list[int], responses: list[Response]) -> Iterator[tuple[int, Response]]:
        del uids
        for each in responses:
            items = fetch_items(each)
            if next(iter(items)) == "UID":
                yield number_of(items["UID"]), each


# EXPUNGE


class _Numbering(OneByOne):
    """Files what is fetched by its sequence number, and keeps the numbers as `expunged` tells."""

    def expunged(self, numbers: list[int], listed: list[int]) -> list[int]:
        raise NotImplementedError

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        listed = sorted(self.server)
        for uid in uids:
            answer = self.context.session._attempt(b"UID FETCH %d%s" % (uid, _BODIES))
            for response in answer.named("FETCH"):
                items, number = fetch_items(response), response.number or 0
                if items.get("BODY[]") is not None and number <= len(listed):
                    yield FetchedObject.read(listed[number - 1], items)
            listed = self.expunged([each.number or 0 for each in answer.named("EXPUNGE")], listed)


class ExpungeIgnored(_Numbering):
    """An EXPUNGE in a loop of fetches is ignored."""

    def expunged(self, numbers: list[int], listed: list[int]) -> list[int]:
        del numbers
        return listed


class FirstExpungeOnly(_Numbering):
    """Of several EXPUNGE in one answer only the first is recorded."""

    def expunged(self, numbers: list[int], listed: list[int]) -> list[int]:
        return [uid for number, uid in enumerate(listed, 1) if number not in numbers[:1]]


HOOKS: dict[str, ClientHook | Step] = {
    "fetch-sent-before-selection": LooksBeforeSelection,
    "folder-left-before-flags-change": FlagsAfterLeaving,
    "active-folder-polled-by-status": PollsByStatus,
    "status-of-all-at-the-end": StatusOfAll,
    "size-of-the-end-remembered": SizeOfTheEnd,
    "late-arrivals-known-without-body": LateArrivalsKnown,
    "missing-uidnext-read-as-zero": UidNextZero,
    "missing-permanentflags-read-as-none": NoneIsPermanent,
    "missing-unseen-read-as-nothing-new": NothingUnseen,
    "untagged-ok-taken-for-answer": ClientHook(hears=_last_line_only),
    "unasked-capabilities-end-the-run": ClientHook(hears=_ends_at_capabilities),
    "unknown-code-read-as-failure": ClientHook(hears=_coded_answers_are_failures),
    "nested-code-ends-the-run": ClientHook(hears=_ends_at_nested_codes),
    "literal-sent-without-waiting": LiteralAtOnce,
    "literal-plus-taken-for-granted": LiteralPlusTakenForGranted,
    "line-feeds-sent": LineFeedsSent,
    "nul-octets-sent-as-they-are": NulSent,
    "nul-octets-in-binary-literal": BinaryLiteral,
    "bodies-fetched-without-peek": ClientHook(sends=_asking(b"BODY.PEEK[]", b"BODY[]")),
    "bodies-fetched-as-rfc822": ClientHook(
        sends=_asking(b"BODY.PEEK[]", b"RFC822"), hears=lambda octets: octets.replace(b" RFC822 {", b" BODY[] {")
    ),
    "fetched-objects-marked-as-seen": SeenWhenFetched,
    "store-by-number-behind-noop": StoreBehindNoop,
    "store-by-number-behind-uid-fetch": StoreBehindUidFetch,
    "response-number-taken-for-uid": NumberTakenForUid,
    "bodies-filed-in-order-asked": FiledInTheOrderAsked,
    "uids-counted-from-the-first": UidsCountedFromFirst,
    "body-without-leading-uid-ignored": UidExpectedFirst,
    "expunge-in-fetches-ignored": ExpungeIgnored,
    "only-first-expunge-recorded": FirstExpungeOnly,
}
