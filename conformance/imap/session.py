"""The storage operations of OMA CPM System Description 5.5.2 over IMAP (RFC 3501, or RFC 9051 servers that speak rev1).

UIDPLUS, CONDSTORE, UNSELECT, LIST-STATUS, MULTIAPPEND, LITERAL+ and MOVE are used when offered and never needed.
imapclient does what it does right; LIST, STATUS, FETCH, STORE, APPEND and METADATA go over the wire beneath it, because
it cannot fetch `1:*`, rewrites bare line ends in stored objects, and knows no LIST-STATUS, UNCHANGEDSINCE or METADATA.
So do the selections, whose answers it would read a second time.
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property, partial
from types import TracebackType

from imapclient.datetime_util import datetime_to_INTERNALDATE

from conformance.imap.client import WireClient
from conformance.imap.data import UidSet, compact_uids, search_data, status_data
from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.errors import (
    ConnectionLost,
    ImapProblem,
    NotAnImapServer,
    OperationRefused,
    ResponseTooLarge,
    ServerStalled,
    SyntaxProblem,
)
from conformance.imap.names import Hierarchy, decode_name, encode_name, quote, same_folder
from conformance.imap.recorder import Recorder
from conformance.imap.results import (
    ActiveFolder,
    FetchedObject,
    FolderStatus,
    ListedFolder,
    ObjectMetadata,
    StoredAs,
    fetched,
)
from conformance.imap.syntax import Code, octets_of, pairs, text_of
from conformance.imap.wire import Exchange, WireConnection

__all__ = [
    "ActiveFolder",
    "FetchedObject",
    "FolderStatus",
    "ListedFolder",
    "ObjectMetadata",
    "StorageSession",
    "StoredAs",
]

_PROTOCOLS = frozenset({"IMAP4REV1", "IMAP4"})
_SET_LENGTH = 7500
_OBJECTS_A_COMMAND = 200
_BATCH_OBJECTS, _BATCH_OCTETS = 200, 32 * 2**20


class StorageSession:
    """One logged-in connection; made by `open`, ended by `close`, `abort` or the end of a `with` block.

    Every operation may raise `OperationRefused` (NO or BAD), `ConnectionLost`, `ServerStalled`, `SyntaxProblem` or
    `ResponseTooLarge`. The connection is reset when it is not certain any more which answer belongs to which command.
    """

    def __init__(self, wire: WireConnection, avoid: Collection[str] = ()) -> None:
        self._wire = wire
        self._active: ActiveFolder | None = None
        self.greeting = wire.greeting_octets.decode("utf-8", "replace").rstrip("\r\n")
        offered = wire.capabilities()
        if not offered & _PROTOCOLS:
            raise NotAnImapServer(f"the server does not offer IMAP4rev1, only {sorted(offered)}")
        self.capabilities = offered - {name.upper() for name in avoid}
        if {"ENABLE", "CONDSTORE"} <= self.capabilities:
            wire.command(b"ENABLE CONDSTORE")
        self.delimiter = self._find_delimiter()

    @classmethod
    def open(
        cls,
        endpoint: Endpoint,
        credentials: Credentials,
        *,
        timeout: float = 10.0,
        recorder: Recorder | None = None,
        avoid: Collection[str] = (),
        tls: ssl.SSLContext | None = None,
    ) -> StorageSession:
        """Connect and log in; capabilities in `avoid` are taken as not offered.

        `timeout` (seconds) bounds each command; an answer that keeps flowing may take longer. Also raises
        `LoginRefused` and `NotAnImapServer`. Certificates are verified unless `tls` says otherwise.
        """
        wire = WireConnection.open(endpoint, recorder=recorder, timeout=timeout, tls=tls)
        try:
            if wire.greeting.name != "PREAUTH":
                wire.authenticate(credentials)
            return cls(wire, avoid)
        except BaseException:
            wire.abort()
            raise

    @cached_property
    def _client(self) -> WireClient:
        return WireClient(self._wire, self.capabilities)

    def _offers(self, *names: str) -> bool:
        return all(name in self.capabilities for name in names)

    def _perform(self, operation: str, call: Callable[[], object]) -> Exchange:
        self._client.has_active_folder(active=self._active is not None)
        with _ResetWhenLost(self._wire):
            return self._client.perform(operation, call)

    def _change_selection(self, operation: str, line: bytes) -> Exchange:
        """A command after which another folder is selected, or none."""
        with _ResetWhenLost(self._wire):
            return self._wire.command(line, until_bye=True).require_ok(operation)

    def _command(self, operation: str, line: bytes, *literals: bytes) -> Exchange:
        return self._attempt(line, *literals).require_ok(operation)

    def _attempt(self, line: bytes, *literals: bytes) -> Exchange:
        with _ResetWhenLost(self._wire):
            return self._wire.command(line, *literals, non_synchronizing=self._offers("LITERAL+"))

    def _find_delimiter(self) -> str | None:
        """What `LIST "" ""` tells, or else any name that is listed."""
        for pattern in (b'""', b'"%"'):
            listed = self._command("list folders", b'LIST "" ' + pattern).named("LIST")
            if listed:
                return ListedFolder.read(listed[0]).delimiter
        return None

    # 5.5.2.9

    def list_folders(self, root: str = "") -> list[ListedFolder]:
        """The root folder and all below it; every folder of the account when no root is named."""
        listed = self._command("list folders", b'LIST "" ' + _pattern(root)).named("LIST")
        return self._below(root, map(ListedFolder.read, listed))

    def _below(self, root: str, folders: Iterable[ListedFolder]) -> list[ListedFolder]:
        hierarchy = Hierarchy(self.delimiter, root)
        return [folder for folder in folders if hierarchy.path(folder.name) is not None]

    def list_with_status(self, root: str = "") -> list[tuple[ListedFolder, FolderStatus | None]]:
        """As `list_folders`, each with its status; None for a folder that has none (not selectable, or just gone)."""
        if not self._offers("LIST-STATUS"):
            return [(folder, self._status_or_none(folder)) for folder in self.list_folders(root)]
        line = b'LIST "" ' + _pattern(root) + b" RETURN (STATUS (" + self._status_items() + b"))"
        answer = self._command("list folders", line)
        told = dict(status_data(response) for response in answer.named("STATUS"))
        by_name = {decode_name(wire_name): FolderStatus.read(items) for wire_name, items in told.items()}
        folders = self._below(root, map(ListedFolder.read, answer.named("LIST")))
        return [(folder, by_name.get(folder.name)) for folder in folders]

    def _status_or_none(self, folder: ListedFolder) -> FolderStatus | None:
        try:
            return self.status(folder.name) if folder.selectable else None
        except OperationRefused:
            return None

    def _status_items(self) -> bytes:
        return b"MESSAGES UIDNEXT UIDVALIDITY" + (b" HIGHESTMODSEQ" if self._offers("CONDSTORE") else b"")

    def status(self, name: str) -> FolderStatus:
        """Counters of a folder that need not be active."""
        answer = self._command("folder status", b"STATUS " + _name(name) + b" (" + self._status_items() + b")")
        told = [
            items
            for wire_name, items in map(status_data, answer.named("STATUS"))
            if same_folder(decode_name(wire_name), name)
        ]
        if not told:
            raise SyntaxProblem(f"no STATUS response about {name!r}", answer.text.encode())
        return FolderStatus.read(told[-1])

    # 5.5.2.8, 5.5.2.11

    def create_folder(self, name: str) -> None:
        """Create a folder, and on most servers the levels above it."""
        self._perform("create folder", lambda: self._client.create_folder(name))

    def remove_folder(self, name: str) -> None:
        """Remove a folder with its objects; when active it is left first, and nothing is expunged by that."""
        if self._active and same_folder(self._active.name, name):
            self.leave_folder()
        self._perform("remove folder", lambda: self._client.delete_folder(name))

    def rename_folder(self, old: str, new: str) -> None:
        """Rename a folder and those below it; renaming INBOX moves its objects (RFC 3501 6.3.5)."""
        if self._active and same_folder(self._active.name, old):
            self.leave_folder()
        self._perform("rename folder", lambda: self._client.rename_folder(old, new))

    # 5.5.2.2

    def set_active_folder(self, name: str, *, read_only: bool = False) -> ActiveFolder:
        """SELECT, or EXAMINE when `read_only`; when refused no folder is active any more."""
        self._active = None
        answer = self._select(name, read_only=read_only)
        self._active = ActiveFolder.read(name, answer.untagged, answer.code)
        return self._active

    def _select(self, name: str, *, read_only: bool) -> Exchange:
        return self._change_selection("set active folder", (b"EXAMINE " if read_only else b"SELECT ") + _name(name))

    def leave_folder(self) -> None:
        """Have no active folder; never expunges: UNSELECT, or EXAMINE and CLOSE without it."""
        left, self._active = self._active, None
        if left is None:
            return
        if self._offers("UNSELECT"):
            self._change_selection("leave folder", b"UNSELECT")
            return
        try:
            self._select(left.name, read_only=True)
        except OperationRefused:
            return  # A refused EXAMINE leaves no folder selected (RFC 3501 6.3.1), which is what was asked for.
        try:
            self._change_selection("leave folder", b"CLOSE")
        except OperationRefused:
            # Against RFC 3501 6.4.2; but a selection that fails ends the one before it (6.3.1).
            absent = f"{left.name}-{secrets.token_hex(8)}"
            with suppress(OperationRefused):
                self._select(absent, read_only=True)

    # 5.5.2.4

    def list_objects(self) -> list[ObjectMetadata]:
        """Metadata of every object in the active folder, in one command, by ascending UID."""
        return self.fetch_metadata()

    def fetch_metadata(
        self, uids: Iterable[int] | None = None, *, changed_since: int | None = None
    ) -> list[ObjectMetadata]:
        """Metadata of some or all objects by ascending UID; a server without CONDSTORE gives the unchanged ones too."""
        numbered = self._has_mod_sequences()
        items = b"(UID FLAGS RFC822.SIZE MODSEQ)" if numbered else b"(UID FLAGS RFC822.SIZE)"
        if changed_since is not None and numbered:
            items += b" (CHANGEDSINCE %d)" % changed_since
        found = []
        for uid_set in [b"1:*"] if uids is None else _uid_sets(uids):
            answer = self._command("fetch metadata", b"UID FETCH " + uid_set + b" " + items)
            wanted = UidSet.parse(uid_set.decode())
            found += [ObjectMetadata.read(uid, data) for uid, data in fetched(answer.untagged).items() if uid in wanted]
        return sorted(found, key=lambda one: one.uid)

    def _has_mod_sequences(self) -> bool:
        """Whether the active folder has any: with NOMODSEQ the server refuses what names them (RFC 7162 3.1.2.2)."""
        return self._offers("CONDSTORE") and self._active is not None and self._active.highest_modseq is not None

    def fetch_objects(self, uids: Iterable[int]) -> Iterator[FetchedObject]:
        r"""Whole objects, without setting `\Seen`, fetched a few hundred at a time as they are asked for.

        Objects that are not there (any more) are left out.
        """
        for uid_set in _uid_sets(uids, objects=_OBJECTS_A_COMMAND):
            answer = self._command("fetch object", b"UID FETCH " + uid_set + b" (UID FLAGS INTERNALDATE BODY.PEEK[])")
            for uid, items in fetched(answer.untagged).items():
                if items.get("BODY[]") is not None:
                    yield FetchedObject.read(uid, items)

    # 5.5.2.3

    def store_object(
        self, folder: str, octets: bytes, *, flags: Iterable[str] = (), date: datetime | None = None
    ) -> StoredAs | None:
        """APPEND, octet for octet; returns where the object went when the server says so (UIDPLUS)."""
        date_argument = b'"' + datetime_to_INTERNALDATE(date).encode() + b'" ' if date else b""
        line = b"APPEND " + _name(folder) + b" " + _flag_list(flags) + b" " + date_argument + b"{}"
        answer = self._command("store object", line, octets)
        return _stored(answer.code, 1)[0]

    def store_objects(self, folder: str, objects: Sequence[tuple[bytes, Iterable[str]]]) -> list[StoredAs | None]:
        """Many objects with their flags: MULTIAPPEND when offered, else pipelined with LITERAL+, else one by one."""
        if not self._offers("MULTIAPPEND") and not self._offers("LITERAL+"):
            return [self.store_object(folder, octets, flags=flags) for octets, flags in objects]
        store = self._multiappend if self._offers("MULTIAPPEND") else self._pipelined_appends
        return [stored for batch in _batches(objects) for stored in store(folder, batch)]

    def _multiappend(self, folder: str, objects: Sequence[tuple[bytes, Iterable[str]]]) -> list[StoredAs | None]:
        line = b"APPEND " + _name(folder) + b"".join(b" " + _flag_list(flags) + b" {}" for _, flags in objects)
        answer = self._command("store object", line, *(octets for octets, _ in objects))
        return _stored(answer.code, len(objects))

    def _pipelined_appends(self, folder: str, objects: Sequence[tuple[bytes, Iterable[str]]]) -> list[StoredAs | None]:
        start = b"APPEND " + _name(folder) + b" "
        with _ResetWhenLost(self._wire):
            answers = self._wire.pipeline([(start + _flag_list(flags) + b" {}", octets) for octets, flags in objects])
        return [_stored(answer.require_ok("store object").code, 1)[0] for answer in answers]

    # 5.5.2.6

    def remove_objects(self, uids: Iterable[int]) -> None:
        r"""Remove objects for good, and no others that carry `\Deleted`.

        Without UIDPLUS the mark is taken off the others for the moment of EXPUNGE; what another session marks in that
        moment is expunged too.
        """
        chosen = set(uids)
        if not chosen:
            return
        self.update_metadata(chosen, add=[r"\Deleted"])
        if self._offers("UIDPLUS"):
            for uid_set in _uid_sets(chosen):
                self._perform("remove object", partial(self._client.uid_expunge, [uid_set]))
            return
        others = set(self.search("DELETED")) - chosen
        self.update_metadata(others, remove=[r"\Deleted"])
        try:
            self._perform("remove object", self._client.expunge)
        finally:
            self.update_metadata(others, add=[r"\Deleted"])

    # 5.5.2.13

    def update_metadata(
        self,
        uids: Iterable[int],
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
        replace: Iterable[str] | None = None,
        unchanged_since: int | None = None,
    ) -> None:
        """Change flags.

        `unchanged_since` spares objects changed later and then raises with code `MODIFIED`; a `ValueError` without
        CONDSTORE.
        """
        if unchanged_since is not None and not self._offers("CONDSTORE"):
            raise ValueError("unchanged_since needs CONDSTORE, which the server does not offer; look at capabilities")
        condition = b"" if unchanged_since is None else b"(UNCHANGEDSINCE %d) " % unchanged_since
        chosen = set(uids)
        for item, flags in ((b"FLAGS.SILENT", replace), (b"+FLAGS.SILENT", add), (b"-FLAGS.SILENT", remove)):
            kept = None if flags is None else tuple(flags)
            if kept or (item == b"FLAGS.SILENT" and kept is not None):
                self._store(chosen, condition + item + b" " + _flag_list(kept or ()))

    def _store(self, uids: Iterable[int], change: bytes) -> None:
        for uid_set in _uid_sets(uids):
            answer = self._command("update metadata", b"UID STORE " + uid_set + b" " + change)
            if answer.code and answer.code.name == "MODIFIED":
                raise OperationRefused("update metadata", answer.status, "MODIFIED", answer.text)

    def search(self, criteria: str) -> list[int]:
        """UIDs that match criteria in RFC 3501 6.4.4 form (ASCII), ascending."""
        if not criteria.isascii():
            raise ValueError(f"search criteria are ASCII, not {criteria!r}")
        answer = self._perform("search", lambda: self._client.search(criteria))
        found = map(search_data, [*answer.named("SEARCH"), *answer.named("ESEARCH")])
        return sorted({uid for uids in found for uid in uids})

    def copy_objects(self, uids: Iterable[int], folder: str) -> None:
        """Copy objects of the active folder into another one."""
        for uid_set in _uid_sets(uids):
            self._perform("copy object", partial(self._client.copy, [uid_set], folder))

    def move_objects(self, uids: Iterable[int], folder: str) -> None:
        """Move objects of the active folder into another one: MOVE (RFC 6851), else copy and remove."""
        chosen = set(uids)
        if not self._offers("MOVE"):
            self.copy_objects(chosen, folder)
            self.remove_objects(chosen)
            return
        for uid_set in _uid_sets(chosen):
            self._perform("move object", partial(self._client.move, [uid_set], folder))

    # RFC 5464

    def get_folder_metadata(self, name: str, entry: str) -> bytes | None:
        """The value of one annotation such as `/private/comment`; None when there is none."""
        return self.get_folder_annotations(name, [entry]).get(entry)

    def get_folder_annotations(self, name: str, entries: Iterable[str]) -> dict[str, bytes]:
        """Those of the annotations named that a folder has, with their values."""
        wanted = {entry.upper(): entry for entry in entries}
        listed = b" ".join(quote(entry.encode()) for entry in wanted.values())
        found: dict[str, bytes] = {}
        answer = self._command("get folder metadata", b"GETMETADATA " + _name(name) + b" (" + listed + b")")
        for response in answer.named("METADATA"):
            if len(response.tokens) == 2 and isinstance(response.tokens[1], tuple):
                told = pairs(response.tokens[1])
                values = {wanted[each]: value for each, value in told.items() if each in wanted}
                found |= {entry: octets_of(value) for entry, value in values.items() if value is not None}
        return found

    def set_folder_metadata(self, name: str, entry: str, value: bytes | str | None) -> None:
        """Set one annotation; None removes it."""
        start = b"SETMETADATA " + _name(name) + b" (" + quote(entry.encode()) + b" "
        if value is None:
            self._command("set folder metadata", start + b"NIL)")
        else:
            octets = value.encode() if isinstance(value, str) else value
            self._command("set folder metadata", start + (b"~{})" if b"\0" in octets else b"{})"), octets)

    # RFC 5257

    def get_annotation(self, uid: int, entry: str, attribute: str) -> bytes | None:
        """The value of one annotation of an object in the active folder, such as `/comment` `value.priv`."""
        line = f"UID FETCH {uid} (UID ANNOTATION ({entry} {attribute}))"
        found = fetched(self._command("get annotation", line.encode()).untagged).get(uid, {})
        entries = found.get("ANNOTATION")
        attributes = pairs(entries).get(entry.upper()) if isinstance(entries, tuple) else None
        value = pairs(attributes).get(attribute.upper()) if isinstance(attributes, tuple) else None
        return None if value is None else octets_of(value)

    def set_annotation(self, uid: int, entry: str, attribute: str, value: bytes | None) -> None:
        """Set one annotation of an object in the active folder; None removes it."""
        line = f"UID STORE {uid} ANNOTATION ({entry} ({attribute} {'NIL' if value is None else '{}'}))"
        self._command("set annotation", line.encode(), *([] if value is None else [value]))

    def enable(self, *capabilities: str) -> frozenset[str]:
        """ENABLE (RFC 5161); returns what the server says it enabled. The active folder is left first."""
        self.leave_folder()
        answer = self._command("enable", b"ENABLE " + " ".join(capabilities).encode("ascii"))
        return frozenset(text_of(token).upper() for response in answer.named("ENABLED") for token in response.tokens)

    def noop(self) -> None:
        """NOOP: lets the server tell its news, and shows that it is there."""
        self._perform("noop", self._client.noop)

    def wait_for_notice(self, timeout: float) -> list[bytes]:
        """IDLE until the first notice or for `timeout` seconds; the untagged data responses as sent, none on silence.

        Without IDLE the news of one NOOP, at once.
        """
        with _ResetWhenLost(self._wire):
            units = self._wire.notices(timeout if self._offers("IDLE") else None)
        return [unit for unit in units if unit.split(b" ", 2)[1].upper() not in {b"OK", b"NO", b"BAD"}]

    def close(self) -> None:
        """LOGOUT as far as the server lets us, within two seconds, then close; safe to repeat."""
        self._active = None
        try:
            self._wire.command(b"LOGOUT", timeout=min(2.0, self._wire.timeout))
        except ImapProblem:
            pass
        finally:
            self._wire.close()

    def abort(self) -> None:
        """Reset the connection without a word."""
        self._active = None
        self._wire.abort()

    def __enter__(self) -> StorageSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _ResetWhenLost:
    """Reset a connection on which the next response could belong to anything."""

    def __init__(self, wire: WireConnection) -> None:
        self._wire = wire

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, (ConnectionLost, ServerStalled, SyntaxProblem, ResponseTooLarge, KeyboardInterrupt)):
            self._wire.abort()


def _name(name: str) -> bytes:
    return quote(encode_name(name))


def _pattern(root: str) -> bytes:
    """Below the root and a little more; a wildcard in the root's own name only widens it."""
    return quote(encode_name(root) + b"*")


def _flag_list(flags: Iterable[str]) -> bytes:
    r"""A list of flags; `\Recent` is the server's alone. Raises `ValueError` for what is no flag (RFC 3501 9)."""
    kept = sorted({flag for flag in flags if flag.lower() != r"\recent"})
    for flag in kept:
        if not flag or not flag.isascii() or any(mark in flag[1:] for mark in '(){ %*"\\]') or not flag.isprintable():
            raise ValueError(f"{flag!r} is no flag: flags are atoms, system flags start with a backslash")
    return b"(" + " ".join(kept).encode("ascii") + b")"


def _uid_sets(uids: Iterable[int], objects: int | None = None) -> Iterator[bytes]:
    """Sets short enough for a command line of 8000 octets (RFC 7162 4, RFC 2683 3.2.1.5), each of `objects` at most."""
    ascending = sorted(set(uids))
    step = objects or len(ascending) or 1
    for start in range(0, len(ascending), step):
        text = compact_uids(ascending[start : start + step])
        while len(text) > _SET_LENGTH:
            head, _, _ = text[:_SET_LENGTH].rpartition(",")
            yield head.encode()
            text = text[len(head) + 1 :]
        yield text.encode()


def _batches(objects: Sequence[tuple[bytes, Iterable[str]]]) -> Iterator[list[tuple[bytes, Iterable[str]]]]:
    batch: list[tuple[bytes, Iterable[str]]] = []
    size = 0
    for one in objects:
        if batch and (len(batch) == _BATCH_OBJECTS or size + len(one[0]) > _BATCH_OCTETS):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += len(one[0])
    if batch:
        yield batch


def _stored(code: Code | None, count: int) -> list[StoredAs | None]:
    """The APPENDUID of one command for `count` objects, in the order they were sent."""
    if code is None or code.name != "APPENDUID" or len(code.arguments) != 2:
        return [None] * count
    validity, uids = (text_of(argument) for argument in code.arguments)
    expanded = UidSet.parse(uids).expand()
    if not validity.isdigit() or len(expanded) != count:
        raise SyntaxProblem(f"APPENDUID is not about {count} object(s)", f"{validity} {uids}".encode())
    return [StoredAs(int(validity), uid) for uid in expanded]
