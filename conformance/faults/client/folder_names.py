"""Clients that read, write or compare names of folders wrongly."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace

from conformance.faults.client.folders import PartlyListed
from conformance.faults.hooks import ClientHook, Hook, Rewrite, replacing
from conformance.imap.errors import OperationRefused
from conformance.imap.names import Hierarchy, decode_name, encode_name, quote
from conformance.imap.session import ListedFolder
from conformance.imap.syntax import Response
from conformance.model.folders import FolderPath, outermost_first
from conformance.reference.client.context import Context
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.report import SynchronizationProblem
from conformance.reference.client.synchronizer import Synchronizer

_SHIFT = re.compile(rb"&([A-Za-z0-9+,]*)-")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_TO_FOLDER = re.compile(rb'^(\S+ (?:SELECT|EXAMINE|CREATE|DELETE|APPEND|STATUS) )"((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_LISTED = re.compile(rb'^(\* LIST \([^)]*\) \S+ )"((?:[^"\\]|\\.)*)"(?=\r)', re.MULTILINE)


def _in_first_line(change: Rewrite) -> Rewrite:
    """Changes the first line of a command, not what follows it as a literal."""

    def rewrite(octets: bytes) -> bytes:
        line, end, rest = octets.partition(b"\r\n")
        return change(line) + end + rest

    return rewrite


def _shifted(change: Rewrite) -> Rewrite:
    """Writes every part of a name that is modified BASE64, or `&-`, in another way."""
    return _in_first_line(lambda line: _SHIFT.sub(lambda found: change(found[0]), line))


def _spelled(change: Callable[[str], bytes]) -> Rewrite:
    """Writes every name outside ASCII in another way."""

    def again(found: re.Match[bytes]) -> bytes:
        name = decode_name(found[1])
        return found[0] if name.isascii() else b'"' + change(name) + b'"'

    return _in_first_line(lambda line: _QUOTED.sub(again, line))


def _in_16_bits(shift: bytes) -> bytes:
    cut = "".join(chr(ord(each) & 0xFFFF) for each in decode_name(shift)).encode("utf-16-be")
    return shift if shift == b"&-" else b"&" + _base64(cut) + b"-"


def _base64(octets: bytes) -> bytes:
    return base64.b64encode(octets).rstrip(b"=").replace(b"/", b",")


def _without_accents(shift: bytes) -> bytes:
    plain = unicodedata.normalize("NFKD", decode_name(shift)).encode("ascii", "replace")
    return shift if shift == b"&-" else plain


def _in_one_shift(name: str) -> bytes:
    return b"&" + _base64(name.encode("utf-16-be")) + b"-"


def _listed(change: Callable[[bytes], bytes]) -> Rewrite:
    """Reads the content of a quoted name in a list in another way."""
    return lambda octets: _LISTED.sub(lambda found: found[1] + quote(change(found[2])), octets)


def _unescaped(octets: bytes) -> bytes:
    return re.sub(rb"\\(.)", rb"\1", octets)


class EncodedLocally(PartlyListed):
    """Local folders have the encoded names of the server, while local names are encoded when they are sent."""

    def part(self, listing: list[ListedFolder]) -> list[ListedFolder]:
        return [replace(each, name=each.wire_name.decode("latin-1")) for each in listing]


class LatinNames(PartlyListed):
    """Reads 8-bit names as Latin-1."""

    def part(self, listing: list[ListedFolder]) -> list[ListedFolder]:
        return [
            each if each.wire_name.isascii() else replace(each, name=each.wire_name.decode("latin-1"))
            for each in listing
        ]


class EightBitSkipped(PartlyListed):
    """Passes over 8-bit names."""

    def part(self, listing: list[ListedFolder]) -> list[ListedFolder]:
        return [each for each in listing if each.wire_name.isascii()]


class EightBitEndsTheRun(PartlyListed):
    """Takes an 8-bit name for a broken list."""

    def part(self, listing: list[ListedFolder]) -> list[ListedFolder]:
        if not all(each.wire_name.isascii() for each in listing):
            raise SynchronizationProblem("the list of folders is not in ASCII")
        return listing


class NilPassedOver(PartlyListed):
    """Takes the atom NIL for no name."""

    def part(self, listing: list[ListedFolder]) -> list[ListedFolder]:
        return [each for each in listing if each.wire_name != b"NIL"]


class NilIsNone(PartlyListed):
    """Takes the atom NIL for no value, and writes that as a name."""

    def part(self, listing: list[ListedFolder]) -> list[ListedFolder]:
        return [replace(each, name="None") if each.wire_name == b"NIL" else each for each in listing]


class _OtherHierarchy(Synchronizer):
    """Reads names by another hierarchy than the server's."""

    def hierarchy(self, right: Hierarchy) -> Hierarchy:
        """The hierarchy that it believes in."""
        raise NotImplementedError

    def __init__(self, context: Context) -> None:
        super().__init__(replace(context, hierarchy=self.hierarchy(context.hierarchy)))


def _named_locally(local: Callable[[str], str]) -> type[Synchronizer]:
    """Gives new folders of the server other names in local storage, level by level."""

    class Renaming(Hierarchy):
        def path(self, name: str) -> FolderPath | None:
            path = super().path(name)
            return path and tuple(map(local, path))

    class NamedLocally(_OtherHierarchy):
        def hierarchy(self, right: Hierarchy) -> Hierarchy:
            return Renaming(right.delimiter, right.root)

    return NamedLocally


class LookedForByPattern(FolderStep):
    """Creates no folder where a LIST of its name shows anything."""

    def create_on_server(self, paths: list[FolderPath]) -> None:
        super().create_on_server([path for path in paths if not self._shown(path)])

    def _shown(self, path: FolderPath) -> list[Response]:
        pattern = quote(encode_name(self.context.hierarchy.name(path)))
        return self.context.session._command("list folders", b'LIST "" ' + pattern).named("LIST")


# Hierarchy


class AlwaysSlash(_OtherHierarchy):
    """The delimiter is a slash."""

    def hierarchy(self, right: Hierarchy) -> Hierarchy:
        return Hierarchy("/", right.root)


class NeedsDelimiter(_OtherHierarchy):
    """Without a delimiter there is no synchronization."""

    def hierarchy(self, right: Hierarchy) -> Hierarchy:
        if right.delimiter is None:
            raise SynchronizationProblem("the delimiter is not a quoted character")
        return right


class WithoutRoot(_OtherHierarchy):
    """The prefix of the account's folders is a level of their names."""

    def hierarchy(self, right: Hierarchy) -> Hierarchy:
        return Hierarchy(right.delimiter)


class SlashWhenCreating(FolderStep):
    """Reads the server's delimiter, and joins the levels of new names by a slash."""

    def _send_creations(self, paths: list[FolderPath]) -> tuple[dict[FolderPath, str], dict[FolderPath, str]]:
        sent = {path: "/".join(path) for path in paths}
        for name in sent.values():
            self.context.session.create_folder(name)
        return sent, {}


class DelimiterInName(FolderStep):
    """Sends a local name that holds the delimiter as it is."""

    def _send_creations(self, paths: list[FolderPath]) -> tuple[dict[FolderPath, str], dict[FolderPath, str]]:
        sent = {path: (self.context.hierarchy.delimiter or "").join(path) for path in paths}
        refusals = {}
        for path, name in sent.items():
            try:
                self.context.session.create_folder(name)
            except OperationRefused as error:
                refusals[path] = str(error)
        return sent, refusals


# Names that cannot be selected


class UnselectableEndsTheRun(FolderStep):
    """Selects every name that is listed; a refusal ends the run."""

    def change_folders(self) -> None:
        for each in self._listing:
            self.context.session.set_active_folder(each.name, read_only=True)
        self.context.session.leave_folder()
        super().change_folders()


class UnselectableCreated(FolderStep):
    """Creates on the server what is listed and cannot be selected."""

    def list_folders(self) -> None:
        super().list_folders()
        for each in self._listing:
            if not each.selectable:
                self.context.session.create_folder(each.name)


class UnselectableDeleted(FolderStep):
    """Deletes what is listed and cannot be selected, in each run."""

    def list_folders(self) -> None:
        super().list_folders()
        for each in self._listing:
            if not each.selectable:
                self.context.session._attempt(b"DELETE " + quote(each.wire_name))


# Case


class InboxByTheLetter(_OtherHierarchy):
    """Compares INBOX by its letters, and has one of its own besides."""

    def hierarchy(self, right: Hierarchy) -> Hierarchy:
        class ToTheLetter(Hierarchy):
            def path(self, name: str) -> FolderPath | None:
                return (name,) if name.upper() == "INBOX" else super().path(name)

        return ToTheLetter(right.delimiter, right.root)


class KnownWithoutCase(FolderStep):
    """Knows folders by their names without case: the first one of both sides stands for the others."""

    def list_folders(self) -> None:
        super().list_folders()
        first: dict[str, FolderPath] = {}
        for path in sorted({*self.context.storage.folders(), *self.names}):
            first.setdefault("/".join(path).casefold(), path)
        self.names = {first["/".join(path).casefold()]: name for path, name in self.names.items()}


class SentInLowerCase(FolderStep):
    """Sends names of folders in lower case."""

    def list_folders(self) -> None:
        super().list_folders()
        self.names = {path: name if name == "INBOX" else name.lower() for path, name in self.names.items()}


class OneOfTwoCases(PartlyListed):
    """Of names that differ in case it takes the last one for all of them."""

    def part(self, listing: list[ListedFolder]) -> list[ListedFolder]:
        return list({each.name.casefold(): each for each in listing}.values())


class OnlyAsSent(FolderStep):
    """Takes a folder that it created for missing where the server lists it under another spelling."""

    def create_on_server(self, paths: list[FolderPath]) -> None:
        sent, refusals = self._send_creations(paths)
        listed = {each.name for each in self.context.session.list_folders(self.context.hierarchy.root)}
        self.names |= {path: name for path, name in sent.items() if name in listed}
        for path in sent:
            self._note_creation(path, refusals.get(path))


class SpelledAsSent(FolderStep):
    """Looks for a folder under the name that it sent, and in each run stores anew what is not there."""

    def create_on_server(self, paths: list[FolderPath]) -> None:
        self.names |= self._send_creations(paths)[0]
        for path in paths:
            self.context.base.add_folder(path, self.names[path])

    def remove_locally(self, paths: list[FolderPath]) -> None:
        for path in paths:
            self.context.base.drop_folder(path)
        self.create_on_server(outermost_first(paths))


HOOKS = {
    "unselectable-name-ends-the-run": UnselectableEndsTheRun,
    "unselectable-name-created-on-server": UnselectableCreated,
    "unselectable-name-deleted-each-run": UnselectableDeleted,
    "names-sent-in-plain-utf-7": ClientHook(
        sends=_shifted(lambda shift: b"&" if shift == b"&-" else b"+" + shift[1:].replace(b",", b"/"))
    ),
    "ampersand-sent-unescaped": ClientHook(sends=_shifted(lambda shift: b"&" if shift == b"&-" else shift)),
    "names-encoded-and-never-decoded": EncodedLocally,
    "names-cut-to-16-bit-characters": ClientHook(sends=_shifted(_in_16_bits)),
    "names-sent-without-accents": ClientHook(sends=_shifted(_without_accents)),
    "names-sent-as-raw-utf-8": ClientHook(sends=_shifted(lambda shift: decode_name(shift).encode())),
    "names-sent-as-latin-1": ClientHook(sends=_shifted(lambda shift: decode_name(shift).encode("latin-1", "replace"))),
    "whole-names-in-one-shift": ClientHook(sends=_spelled(_in_one_shift)),
    "last-shift-left-open": ClientHook(
        sends=_in_first_line(lambda line: re.sub(rb'(&[A-Za-z0-9+,]+)-"', rb'\1"', line))
    ),
    "ampersand-sent-as-a-shift": ClientHook(sends=_shifted(lambda shift: b"&ACY-" if shift == b"&-" else shift)),
    "slash-in-modified-base64": ClientHook(sends=_shifted(lambda shift: shift.replace(b",", b"/"))),
    "names-sent-unquoted": ClientHook(sends=_in_first_line(lambda line: _TO_FOLDER.sub(rb"\1\2", line))),
    "quoted-names-sent-unescaped": ClientHook(
        sends=_in_first_line(lambda line: _TO_FOLDER.sub(lambda m: m[1] + b'"' + _unescaped(m[2]) + b'"', line))
    ),
    "listed-names-not-unescaped": ClientHook(hears=_listed(bytes)),
    "listed-names-cut-at-space": ClientHook(hears=_listed(lambda name: _unescaped(name).partition(b" ")[0])),
    "long-names-cut-locally": _named_locally(lambda level: level[:64]),
    "special-characters-replaced-locally": _named_locally(lambda level: re.sub(r'[\\:*?"<>|%]', "_", level)),
    "outer-space-left-out-locally": _named_locally(str.strip),
    "names-looked-for-by-pattern": LookedForByPattern,
    "delimiter-taken-for-slash": AlwaysSlash,
    "levels-joined-by-slash": SlashWhenCreating,
    "delimiter-in-name-becomes-level": DelimiterInName,
    "missing-delimiter-ends-the-run": NeedsDelimiter,
    "prefix-becomes-a-level": WithoutRoot,
    "inbox-in-two-spellings": ClientHook(InboxByTheLetter, server=Hook(rewrite=replacing(b'"INBOX"', b'"Inbox"'))),
    "folders-known-without-case": KnownWithoutCase,
    "names-sent-in-lower-case": SentInLowerCase,
    "one-taken-of-two-cases": OneOfTwoCases,
    "eight-bit-names-read-as-latin-1": LatinNames,
    "eight-bit-names-passed-over": EightBitSkipped,
    "eight-bit-name-ends-the-run": EightBitEndsTheRun,
    "folder-named-nil-passed-over": NilPassedOver,
    "folder-named-nil-called-none": NilIsNone,
    "rewritten-name-never-recognized": OnlyAsSent,
    "rewritten-name-stored-again": SpelledAsSent,
}
