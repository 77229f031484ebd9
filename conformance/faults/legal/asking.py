"""Clients that ask the server otherwise than the reference client: in other pieces, in another order, or for more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from conformance.imap.data import compact_uids
from conformance.imap.errors import ImapProblem, OperationRefused
from conformance.imap.names import encode_name, quote
from conformance.imap.results import FetchedObject, ObjectMetadata, fetched
from conformance.imap.syntax import octets_of
from conformance.model.folders import FolderPath
from conformance.reference.client.context import Context
from conformance.reference.client.flags import folded
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer

# Objects


class Fetching(ObjectStep):
    """Fetches objects in commands of its own."""

    def ask(self, uids: list[int], items: str) -> dict[int, dict[str, object]]:
        """The data items of objects, by UID and by name. Raises `OperationRefused`."""
        line = f"UID FETCH {compact_uids(uids)} ({items})".encode()
        answer = self.context.session._command("fetch object", line)
        return {uid: dict(data) for uid, data in fetched(answer.untagged).items()}

    def put_together(self, uid: int, octets: bytes) -> FetchedObject:
        """An object from its octets, with the flags that are known of it."""
        return FetchedObject(uid, octets, self.server[uid].flags, None)


class HeadersFirst(Fetching):
    """Fetches the headers of all new objects before their bodies."""

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        if uids:
            self.ask(uids, "UID RFC822.SIZE ENVELOPE BODY.PEEK[HEADER]")
        yield from super()._fetch(uids)


class HeaderAndText(Fetching):
    """Fetches the header and the text of an object, and never the whole."""

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        for uid in uids:
            items = self.ask([uid], "UID BODY.PEEK[HEADER] BODY.PEEK[TEXT]").get(uid, {})
            if "BODY[HEADER]" in items:
                parts = (items["BODY[HEADER]"], items["BODY[TEXT]"])
                yield self.put_together(uid, b"".join(octets_of(each) for each in parts))  # type: ignore[arg-type]


class InPieces(Fetching):
    """Fetches objects in pieces of a kibioctet."""

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        for uid in uids:
            size, whole = self.server[uid].size or 0, b""
            while len(whole) < size:
                items = self.ask([uid], f"UID BODY.PEEK[]<{len(whole)}.1024>").get(uid, {})
                piece = items.get(f"BODY[]<{len(whole)}>")
                if not piece:
                    break
                whole += octets_of(piece)  # type: ignore[arg-type]
            else:
                yield self.put_together(uid, whole)


class NewestFirst(ObjectStep):
    """Fetches one object in a command, the newest first."""

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        for uid in sorted(uids, reverse=True):
            yield from self._fetch_one(uid)


class NoPeek(Fetching):
    r"""Fetches BODY[] without PEEK from a folder that it has only examined, which sets no `\Seen` (RFC 3501 6.3.2)."""

    def _fetch(self, uids: list[int]) -> Iterator[FetchedObject]:
        if not uids:
            return
        session = self.context.session
        session.set_active_folder(self.name, read_only=True)
        for start in range(0, len(uids), 50):
            for uid, items in self.ask(uids[start : start + 50], "UID FLAGS INTERNALDATE BODY[]").items():
                if items.get("BODY[]") is not None:
                    yield FetchedObject.read(uid, items)  # type: ignore[arg-type]
        self.active = session.set_active_folder(self.name, read_only=not self.context.uploads)


# Metadata


class SearchesFirst(ObjectStep):
    """Searches for all UIDs, and then fetches the metadata of each."""

    def activate(self) -> None:
        super().activate()
        uids = self.context.session.search("ALL")
        listed = self.context.session.fetch_metadata(uids) if uids else []
        self.server = {each.uid: each for each in listed}


class ByNumbers(ObjectStep):
    """Lists what a folder holds by sequence numbers, with no other command in flight."""

    def activate(self) -> None:
        super().activate()
        if not self.active.exists:
            return
        line = b"FETCH 1:* (UID INTERNALDATE RFC822.SIZE FLAGS)"
        told = fetched(self.context.session._command("fetch metadata", line).untagged)
        self.server = {uid: ObjectMetadata.read(uid, items) for uid, items in told.items()}


class ExaminesFirst(ObjectStep):
    """Examines a folder and looks at it before it selects it."""

    def activate(self) -> None:
        examined = self.context.session.set_active_folder(self.name, read_only=True)
        if examined.exists:
            self.context.session.list_objects()
        super().activate()


class LooksAfterStoring(ObjectStep):
    """Looks at metadata and headers of all that came from the first object on that it stored."""

    def store_new(self) -> None:
        super().store_new()
        if self.stored:
            uids = [row.uid for row in self.rows.values() if row.handle in self.stored and row.uid]
            first = min(uids, default=1)
            self.ask_above(first)

    def ask_above(self, first: int) -> None:
        """Ask for metadata and headers of all objects from a UID on."""
        line = f"UID FETCH {first}:* (UID FLAGS INTERNALDATE BODY.PEEK[HEADER])".encode()
        self.context.session._command("fetch metadata", line)


# Whole runs


class MoreCommands(Synchronizer):
    """Sends commands that change nothing wherever it can: NOOP, CHECK, STATUS, LIST, LSUB, CAPABILITY, ID."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.say("CAPABILITY", 'LSUB "" *', 'LIST "" ""', "NOOP")
        if "ID" in context.session.capabilities:
            self.say('ID ("name" "a client" "version" "1")')
        if "NAMESPACE" in context.session.capabilities:
            self.say("NAMESPACE")

    def say(self, *lines: str) -> None:
        """Send commands, whatever comes of them."""
        for line in lines:
            with suppress(OperationRefused):
                self.context.session._command("look", line.encode())

    def synchronize_folder(self, path: FolderPath) -> None:
        name = self.folders.names[path]
        wire_name = quote(encode_name(name)).decode()
        self.say(f"STATUS {wire_name} (MESSAGES RECENT UNSEEN UIDNEXT UIDVALIDITY)", "NOOP")
        super().synchronize_folder(path)
        self.say("CHECK", "UID SEARCH DELETED", 'LIST "" *', "NOOP")


class Closes(Synchronizer):
    r"""Closes each folder in the end, by which nothing is expunged as nothing is marked `\Deleted` there."""

    def synchronize_folder(self, path: FolderPath) -> None:
        super().synchronize_folder(path)
        session = self.context.session
        with suppress(OperationRefused):
            session.set_active_folder(self.folders.names[path])
            if not session.search("DELETED"):
                session._change_selection("leave folder", b"CLOSE")
                session._active = None


class UsesNoExtension(Synchronizer):
    """Uses nothing but RFC 3501, and METADATA, whatever the server offers."""

    def __init__(self, context: Context) -> None:
        context.session.capabilities &= {"IMAP4REV1", "METADATA"}
        super().__init__(context)


class SaysNoFarewell(Synchronizer):
    """Ends the connection without LOGOUT."""

    def run(self) -> None:
        super().run()
        with suppress(ImapProblem):
            self.context.session.abort()


class SkipsUnchanged(Synchronizer):
    """Sets no folder active that STATUS and local storage show to be as the last run left it."""

    def synchronize_folder(self, path: FolderPath) -> None:
        context, name = self.context, self.folders.names[path]
        try:
            status = context.session.status(name)
        except OperationRefused:
            super().synchronize_folder(path)
            return
        told = f"{status.uid_validity} {status.uid_next} {status.messages} {status.highest_modseq}"
        usable = bool(status.highest_modseq) and context.moves_everything and context.uploads and context.downloads
        key = f"/seen/{name}"
        before = context.base.annotations(("", "status")).get(key)
        known = context.base.folders()[path].uid_validity == status.uid_validity
        if usable and known and before == told.encode() and self._is_settled(path):
            self.annotation_step(context, path, name).run()
            return
        problems = len(context.report.problems)
        super().synchronize_folder(path)
        value = told.encode() if len(context.report.problems) == problems else None
        context.base.annotate(("", "status"), key, value)

    def _is_settled(self, path: FolderPath) -> bool:
        base = self.context.base
        rows, local = base.objects(path), self.context.storage.objects(path)
        same = {each.handle: each.flags for each in rows.values() if each.uid}
        return not base.uploads(path) and same == {handle: folded(each.flags) for handle, each in local.items()}


class Subscribes(FolderStep):
    """Subscribes to the folders that it makes on the server."""

    def _note_creation(self, path: FolderPath, refusal: str | None) -> None:
        super()._note_creation(path, refusal)
        if path in self.names and refusal is None:
            line = b"SUBSCRIBE " + quote(encode_name(self.names[path]))
            self.context.session._command("subscribe", line)


# Octets

_COMMAND = re.compile(rb"^([A-Za-z0-9]+ )((?:UID )?[A-Z]+)(?= |\r)")


def in_lower_case(octets: bytes) -> bytes:
    """The name of a command in lower case."""
    return _COMMAND.sub(lambda found: found[1] + found[2].lower(), octets)
