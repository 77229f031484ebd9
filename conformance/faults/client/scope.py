"""Clients that move the wrong objects, change them on their way, or misread their policy (SYN-101 to SYN-110)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from conformance.faults.client.storing import Storing
from conformance.faults.hooks import ClientHook, Step
from conformance.imap.session import FetchedObject, StoredAs
from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind
from conformance.model.oracle import Row
from conformance.model.policy import Direction, Policy
from conformance.model.states import Flags
from conformance.reference.client.base import BaseObject
from conformance.reference.client.content import kind_of, wire_form
from conformance.reference.client.context import Context
from conformance.reference.client.flags import folded, travelling
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.local import LocalObject
from conformance.reference.client.matching import Orphans
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer

# Kinds


class OnlyMessagesFetched(ObjectStep):
    """Only CPM Messages are stored locally."""

    fetched: ClassVar[frozenset[ObjectKind]] = frozenset({ObjectKind.MESSAGE})

    def download(self, each: FetchedObject) -> None:
        if kind_of(each.octets) in self.fetched:
            super().download(each)


class MediaNotFetched(OnlyMessagesFetched):
    """An object that is no CPM entity is dropped."""

    fetched = frozenset(ObjectKind) - {ObjectKind.MEDIA}


class FilesNotFetched(OnlyMessagesFetched):
    """A multipart entity is no message, and is dropped."""

    fetched = frozenset(ObjectKind) - {ObjectKind.FILE_TRANSFER}


class GroupStatesNotFetched(OnlyMessagesFetched):
    """Group state objects are not fetched."""

    fetched = frozenset(ObjectKind) - {ObjectKind.GROUP_STATE}


class SessionInfoNotFetched(OnlyMessagesFetched):
    """An object without any text to show is dropped."""

    fetched = frozenset(ObjectKind) - {ObjectKind.SESSION_INFO}


class OnlyMessagesStored(ObjectStep):
    """Only CPM Messages are stored on the server."""

    sent: ClassVar[frozenset[ObjectKind]] = frozenset({ObjectKind.MESSAGE})

    def _local_news(self) -> Iterator[LocalObject]:
        return (each for each in super()._local_news() if kind_of(each.read()) in self.sent)


class SessionObjectsNotStored(OnlyMessagesStored):
    """Session info and group state objects stay in local storage."""

    sent = frozenset(ObjectKind) - {ObjectKind.SESSION_INFO, ObjectKind.GROUP_STATE}


class MediaWithoutHeader(Storing):
    """Of a media object only the media is stored."""

    def sent(self, octets: bytes) -> bytes:
        is_media = kind_of(octets) is ObjectKind.MEDIA
        return octets.partition(b"\r\n\r\n")[2] if is_media else wire_form(octets)


class SecondGroupStateDropped(ObjectStep):
    """A group state of the same size as one that is there is a duplicate."""

    def download(self, each: FetchedObject) -> None:
        same = [row for row in self.rows.values() if (row.kind, row.size) == (kind_of(each.octets), len(each.octets))]
        if not same or same[0].kind is not ObjectKind.GROUP_STATE:
            super().download(each)


# Fidelity


class _Altered(ObjectStep):
    """Stores locally what `altered` makes of an object of the server."""

    def altered(self, octets: bytes) -> bytes:
        raise NotImplementedError

    def download(self, each: FetchedObject) -> None:
        super().download(replace(each, octets=self.altered(each.octets)))


class FetchedAsLatin(_Altered):
    """What is fetched is read as Latin-1 and written as UTF-8."""

    def altered(self, octets: bytes) -> bytes:
        return octets.decode("latin-1").encode()


class FetchedAsUtf8(_Altered):
    """What is fetched is read as UTF-8, whatever it is, with a mark for each octet that is none."""

    def altered(self, octets: bytes) -> bytes:
        return octets.decode("utf-8", "replace").encode()


class LastLineEndLost(_Altered):
    """The last line end of what is fetched is lost."""

    def altered(self, octets: bytes) -> bytes:
        return octets.removesuffix(b"\r\n")


class LineEndAdded(_Altered):
    """A line end is added to what is fetched."""

    def altered(self, octets: bytes) -> bytes:
        return octets + b"\r\n"


class LoneDotEnds(_Altered):
    """A line with a lone dot ends what is fetched, as in SMTP."""

    def altered(self, octets: bytes) -> bytes:
        head, dot, _ = octets.partition(b"\r\n.\r\n")
        return head + b"\r\n" if dot else octets


class LineEndsTrimmed(_Altered):
    """Spaces at the end of lines are lost."""

    def altered(self, octets: bytes) -> bytes:
        return re.sub(rb"[ \t]+\r\n", b"\r\n", octets)


class FieldsUnfolded(_Altered):
    """Folded header fields become one line."""

    def altered(self, octets: bytes) -> bytes:
        head, blank, body = octets.partition(b"\r\n\r\n")
        return re.sub(rb"\r\n[ \t]+", b" ", head) + blank + body


class LongLinesCut(Storing):
    """Lines are cut at the 998 octets that a message may have in one."""

    def sent(self, octets: bytes) -> bytes:
        return b"\r\n".join(line[:998] for line in wire_form(octets).split(b"\r\n"))


class LineEndSent(Storing):
    """The line end after the literal is counted into it."""

    def sent(self, octets: bytes) -> bytes:
        return wire_form(octets) + b"\r\n"


class OwnMessageIdSent(Storing):
    """What is stored gets a Message-ID of the client's own."""

    def sent(self, octets: bytes) -> bytes:
        return re.sub(rb"(?m)^Message-ID: .*\r$", b"Message-ID: <own-%d@client.test>\r" % len(octets), octets, count=1)


class DateAdded(Storing):
    """What is stored gets a field with the date of its store."""

    def sent(self, octets: bytes) -> bytes:
        return b"X-Stored: Mon, 04 Mar 2024 10:15:00 +0000\r\n" + wire_form(octets)


_ANNOUNCED = re.compile(rb"\{(\d+)(\+?)\}\r\n")


def _sent_in_characters(octets: bytes) -> bytes:
    """Announces a literal with its number of characters."""
    found = _ANNOUNCED.search(octets)
    if not found or b" APPEND " not in octets[: found.start()]:
        return octets
    literal = octets[found.end() : found.end() + int(found[1])]
    size = len(literal.decode("utf-8", "replace"))
    return octets[: found.start()] + b"{%d%s}\r\n" % (size, found[2]) + octets[found.end() :]


def _heard_in_characters(octets: bytes) -> bytes:
    """Makes whoever counts octets read as far as one who counts characters."""
    heard, at = bytearray(), 0
    while found := _ANNOUNCED.search(octets, at):
        literal = octets[found.end() : found.end() + int(found[1])]
        surplus = len(literal) - len(literal.decode("utf-8", "replace"))
        heard += octets[at : found.start()] + b"{%d}\r\n" % (len(literal) + surplus) + literal
        at = found.end() + len(literal)
    return bytes(heard + octets[at:])


# Places


class _Elsewhere(ObjectStep):
    """Stores locally in the folder that `place` tells."""

    @property
    def place(self) -> FolderPath:
        raise NotImplementedError

    def download(self, each: FetchedObject) -> None:
        storage = self.context.storage
        staged = storage.stage(each.octets, travelling(each.flags))
        row = BaseObject(staged.handle, each.uid, "", len(each.octets), kind_of(each.octets), folded(each.flags))
        self._know(row)
        revealed = storage.reveal(self.place, staged)
        if self.place == self.path:
            self.local[revealed.handle] = revealed


class FetchedIntoFirstFolder(_Elsewhere):
    """All that is fetched is stored in the first folder."""

    @property
    def place(self) -> FolderPath:
        return min(self.context.storage.folders())


class FetchedIntoSuperior(_Elsewhere):
    """What is fetched from a nested folder is stored in the outermost one."""

    @property
    def place(self) -> FolderPath:
        return self.path[:1]


class StoredInInbox(Storing):
    """All that is new in local storage is stored in INBOX."""

    def store(self, octets: bytes, flags: Flags) -> StoredAs | None:
        return self.context.session.store_object("INBOX", octets, flags=sorted(flags))


class OnlyFirstLevel(FolderStep):
    """Folders below the first level are not synchronized."""

    def _rows(self) -> dict[Row, list[FolderPath]]:
        return {row: [path for path in paths if len(path) == 1] for row, paths in super()._rows().items()}


class PrefixDoubled(FolderStep):
    """The first level of a nested folder is put before its path once more."""

    def list_folders(self) -> None:
        super().list_folders()
        self._double()

    def create_on_server(self, paths: list[FolderPath]) -> None:
        super().create_on_server(paths)
        self._double()

    def _double(self) -> None:
        nested = {path for path in self.names if len(path) > 1 and path[0] != path[1]}
        self.names = {path[:1] * (path in nested) + path: name for path, name in self.names.items()}


# Policies


class _OtherPolicy(Synchronizer):
    """Follows what `understood` makes of its policy."""

    def __init__(self, context: Context) -> None:
        super().__init__(replace(context, policy=self.understood(context.policy)))

    def understood(self, policy: Policy) -> Policy:
        raise NotImplementedError


class KindsIgnored(_OtherPolicy):
    """Every kind of object moves, whatever the policy says."""

    def understood(self, policy: Policy) -> Policy:
        return replace(policy, kinds=frozenset(ObjectKind))


class DirectionIgnored(_OtherPolicy):
    """News move both ways, whatever the policy says."""

    def understood(self, policy: Policy) -> Policy:
        return replace(policy, direction=Direction.BOTH)


class SizeIgnored(_OtherPolicy):
    """Objects of every size move, whatever the policy says."""

    def understood(self, policy: Policy) -> Policy:
        return replace(policy, max_size=None)


class FoldersIgnored(_OtherPolicy):
    """All folders are synchronized, whatever the policy says."""

    def understood(self, policy: Policy) -> Policy:
        return replace(policy, folders=None)


class LimitExcluded(_OtherPolicy):
    """An object whose size is the limit does not move."""

    def understood(self, policy: Policy) -> Policy:
        return replace(policy, max_size=policy.max_size and policy.max_size - 1)


class LimitRoundedUp(_OtherPolicy):
    """The limit counts in whole kibibytes."""

    def understood(self, policy: Policy) -> Policy:
        return replace(policy, max_size=policy.max_size and -(-policy.max_size // 1024) * 1024)


class _Exactly(Policy):
    """A policy that names folders without their inferiors."""

    def admits_folder(self, path: FolderPath) -> bool:
        return self.folders is None or path in self.folders


class InferiorsLeftOut(_OtherPolicy):
    """The inferiors of a folder that is to be synchronized are left out."""

    def understood(self, policy: Policy) -> Policy:
        return _Exactly(policy.kinds, policy.direction, policy.max_size, policy.folders)


class ExcludedRemovedLocally(ObjectStep):
    """What the policy excludes counts as removed on the server."""

    def _gone_on_server(self, row: BaseObject) -> bool:
        return super()._gone_on_server(row) or not self.context.admits(row.kind, row.size)


class ExcludedRemovedOnServer(ObjectStep):
    """What the policy excludes counts as removed locally."""

    def _gone_locally(self, row: BaseObject) -> bool:
        return super()._gone_locally(row) or not self.context.admits(row.kind, row.size)


class ExcludedStopsItsFolder(ObjectStep):
    """A folder that holds an object of an excluded kind is left out."""

    def fetch_new(self) -> None:
        if all(kind_of(each.read()) in self.context.policy.kinds for each in self.local.values()):
            super().fetch_new()
        else:
            self.server, self.local, self.rows = {}, {}, {}


class ExcludedKindStored(ObjectStep):
    """An excluded kind is not fetched, but stored all the same."""

    def _admits(self, each: LocalObject) -> bool:
        return self.context.admits_size(len(each.read()))


class OutsideRemovedLocally(FolderStep):
    """Folders that the policy leaves out are removed from local storage."""

    def change_folders(self) -> None:
        super().change_folders()
        for path in self.context.base.folders().keys() & self.context.storage.folders():
            if not self.context.policy.admits_folder(path):
                self.context.storage.remove(path, inferiors=False)


class OutsideRemovedOnServer(FolderStep):
    """Folders that the policy leaves out are removed from the server."""

    def change_folders(self) -> None:
        super().change_folders()
        for path in self.context.base.folders().keys() & self.names.keys():
            if not self.context.policy.admits_folder(path):
                self.context.session.remove_folder(self.names.pop(path))


class _Heedless(ObjectStep):
    """Does a step of the synchronization as if the policy let news move both ways."""

    def _as_both_ways(self) -> Context:
        return replace(self.context, policy=replace(self.context.policy, direction=Direction.BOTH))


class UploadOnlyRemoves(_Heedless):
    """Where it may only upload, what was removed on the server is removed locally all the same."""

    def remove_locally(self) -> None:
        kept, self.context = self.context, self._as_both_ways()
        super().remove_locally()
        self.context = kept


class UploadOnlyFetches(_Heedless):
    """Where it may only upload, new objects are fetched all the same."""

    def fetch_new(self) -> None:
        kept, self.context = self.context, self._as_both_ways()
        super().fetch_new()
        self.context = kept


class _Writable(_Heedless):
    """Selects each folder to change it, which is not wrong."""

    def activate(self) -> None:
        kept, self.context = self.context, self._as_both_ways()
        super().activate()
        self.context = kept


class DownloadOnlyExpunges(_Writable):
    """Where it may only download, what was removed locally is removed from the server all the same."""

    def remove_on_server(self) -> None:
        kept, self.context = self.context, self._as_both_ways()
        super().remove_on_server()
        self.context = kept


class FlagsBothWays(_Writable):
    """Flags move both ways, whatever the policy says."""

    def update_metadata(self) -> None:
        kept, self.context = self.context, self._as_both_ways()
        super().update_metadata()
        self.context = kept


# A policy that becomes wider


class ExcludedKnown(ObjectStep):
    """What is left on the server for the policy is known, and later counts as removed locally."""

    def _wanted(self, unknown: list[int], orphans: Orphans) -> list[int]:
        wanted = super()._wanted(unknown, orphans)
        excluded_kinds = list(frozenset(ObjectKind) - self.context.policy.kinds) or [ObjectKind.MESSAGE]
        for uid in set(unknown) - set(wanted):
            size = self.server[uid].size or 0
            self._know(BaseObject(f"excluded-{uid}", uid, "", size, excluded_kinds[0]))
        return wanted


class HeldBackKnown(ObjectStep):
    """What is left in local storage for the policy is known, and later counts as removed on the server."""

    def store_new(self) -> None:
        super().store_new()
        for number, handle in enumerate(self.local.keys() - self.rows.keys()):
            octets = self.local[handle].read()
            self._know(BaseObject(handle, 2**32 - 2 - number, "", len(octets), kind_of(octets)))


HOOKS: dict[str, ClientHook | Step] = {
    "only-messages-fetched": OnlyMessagesFetched,
    "media-objects-not-fetched": MediaNotFetched,
    "file-transfers-not-fetched": FilesNotFetched,
    "group-states-not-fetched": GroupStatesNotFetched,
    "objects-without-text-not-fetched": SessionInfoNotFetched,
    "only-messages-stored": OnlyMessagesStored,
    "session-objects-not-stored": SessionObjectsNotStored,
    "media-stored-without-header": MediaWithoutHeader,
    "second-group-state-dropped": SecondGroupStateDropped,
    "fetched-octets-read-as-latin": FetchedAsLatin,
    "fetched-octets-read-as-utf-8": FetchedAsUtf8,
    "last-line-end-lost": LastLineEndLost,
    "line-end-added-when-fetched": LineEndAdded,
    "lone-dot-ends-an-object": LoneDotEnds,
    "trailing-spaces-lost": LineEndsTrimmed,
    "folded-fields-become-one-line": FieldsUnfolded,
    "literal-heard-in-characters": ClientHook(hears=_heard_in_characters),
    "literal-announced-in-characters": ClientHook(sends=_sent_in_characters),
    "long-lines-cut-when-stored": LongLinesCut,
    "line-end-counted-into-object": LineEndSent,
    "message-id-rewritten-when-stored": OwnMessageIdSent,
    "field-added-when-stored": DateAdded,
    "everything-fetched-into-first-folder": FetchedIntoFirstFolder,
    "nested-objects-fetched-into-superior": FetchedIntoSuperior,
    "everything-stored-in-inbox": StoredInInbox,
    "only-first-level-of-folders": OnlyFirstLevel,
    "path-prefix-doubled": PrefixDoubled,
    "policy-of-kinds-ignored": KindsIgnored,
    "policy-of-direction-ignored": DirectionIgnored,
    "policy-of-size-ignored": SizeIgnored,
    "policy-of-folders-ignored": FoldersIgnored,
    "size-limit-itself-excluded": LimitExcluded,
    "size-limit-rounded-up": LimitRoundedUp,
    "inferiors-of-chosen-folder-excluded": InferiorsLeftOut,
    "excluded-objects-removed-locally": ExcludedRemovedLocally,
    "excluded-objects-removed-on-server": ExcludedRemovedOnServer,
    "excluded-object-stops-its-folder": ExcludedStopsItsFolder,
    "excluded-kind-stored-all-the-same": ExcludedKindStored,
    "excluded-folders-removed-locally": OutsideRemovedLocally,
    "excluded-folders-removed-on-server": OutsideRemovedOnServer,
    "upload-only-removes-locally": UploadOnlyRemoves,
    "upload-only-fetches": UploadOnlyFetches,
    "download-only-expunges": DownloadOnlyExpunges,
    "flags-move-in-forbidden-direction": FlagsBothWays,
    "excluded-objects-known-as-fetched": ExcludedKnown,
    "excluded-objects-known-as-stored": HeldBackKnown,
}
