"""GETMETADATA and SETMETADATA: annotations of folders and of the server (RFC 5464)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.reference.server.arguments import Arguments
from conformance.reference.server.errors import NotUnderstood, Refused
from conformance.reference.server.responses import nstring, string
from conformance.reference.server.session import LOGGED_IN, CommandRule, Outcome, Session
from conformance.reference.server.store import Mailbox

_DEPTHS = {"0": 0, "1": 1, "INFINITY": None}
_MOST_ENTRIES = 1000


@dataclass(slots=True)
class _Options:
    """MAXSIZE in octets and DEPTH in levels; None is without bound."""

    max_size: int | None = None
    depth: int | None = 0


def get_metadata(session: Session, arguments: Arguments) -> Outcome:
    """GETMETADATA. Its options are taken before the folder, as the grammar has it, or after, as the examples do."""
    arguments.space()
    options = _Options()
    if arguments.peek() == b"(":
        _read_options(arguments, options)
        arguments.space()
    name = arguments.folder()
    arguments.space()
    entries = _entries_or_options(arguments, options)
    arguments.end()
    annotations = _holder(session, name)[1]
    wanted = dict(_chosen(annotations, entries, options))
    too_long = [len(value or b"") for value in wanted.values() if _exceeds(value, options)]
    shown = {entry: value for entry, value in wanted.items() if not _exceeds(value, options)}
    if shown:
        values = b" ".join(entry.encode() + b" " + _value(value) for entry, value in shown.items())
        session.untagged(b"METADATA " + string(session.user.naming.canonical(name).encode()) + b" (" + values + b")")
    return f"[METADATA LONGENTRIES {max(too_long)}] GETMETADATA completed" if too_long else None


def _exceeds(value: bytes | None, options: _Options) -> bool:
    return options.max_size is not None and len(value or b"") > options.max_size


def _value(value: bytes | None) -> bytes:
    if value is not None and b"\0" in value:
        return b"~{%d}\r\n%b" % (len(value), value)
    return nstring(value)


def _entries_or_options(arguments: Arguments, options: _Options) -> list[str]:
    if arguments.peek() != b"(":
        return [_entry(arguments)]
    first = arguments.listed(lambda: _entry_or_option(arguments, options))
    entries = [entry for entry in first if entry is not None]
    if len(entries) == len(first):
        return entries
    if entries:
        raise NotUnderstood("entries and options cannot share a list")
    arguments.space()
    return _entries_or_options(arguments, options)


def _entry_or_option(arguments: Arguments, options: _Options) -> str | None:
    if arguments.peek() in (b"/", b'"', b"{"):
        return _entry(arguments)
    _read_option(arguments, options)
    return None


def _read_options(arguments: Arguments, options: _Options) -> None:
    arguments.listed(lambda: _read_option(arguments, options))


def _read_option(arguments: Arguments, options: _Options) -> None:
    option = arguments.word()
    arguments.space()
    if option == "MAXSIZE":
        options.max_size = arguments.number()
    elif option == "DEPTH":
        depth = arguments.word()
        if depth not in _DEPTHS:
            raise NotUnderstood("DEPTH is 0, 1 or infinity")
        options.depth = _DEPTHS[depth]
    else:
        raise NotUnderstood(f"the option {option} is not offered")


def _entry(arguments: Arguments) -> str:
    """An entry name, in lower case since case does not matter (RFC 5464 section 3.2)."""
    octets = arguments.astring().lower()
    entry = octets.decode("latin-1")
    plain = octets.isascii() and not any(octet < 0x20 for octet in octets)
    if not plain or any(each in entry for each in ("*", "%", "//")) or entry.endswith("/"):
        raise NotUnderstood("this is not an annotation entry name")
    if not entry.startswith(("/private/", "/shared/")):
        raise NotUnderstood("entry names begin with /private/ or /shared/")
    return entry


def _chosen(annotations: dict[str, bytes], entries: list[str], options: _Options) -> Iterator[tuple[str, bytes | None]]:
    """The entries asked for, NIL where there is none, and with a depth those below them."""
    for entry in entries:
        if options.depth == 0 or entry in annotations:
            yield entry, annotations.get(entry)
        for name, value in sorted(annotations.items()):
            levels = name[len(entry) :].count("/")
            if name.startswith(entry + "/") and (options.depth is None or levels <= options.depth):
                yield name, value


def set_metadata(session: Session, arguments: Arguments) -> Outcome:
    """SETMETADATA: all changes or none; NIL removes."""
    arguments.space()
    name = arguments.folder()
    arguments.space()
    changes = dict(arguments.listed(lambda: _change(arguments)))
    arguments.end()
    mailbox, annotations = _holder(session, name)
    if any(value is not None and len(value) > session.behaviour.max_annotation for value in changes.values()):
        raise Refused("the value is too long", f"METADATA MAXSIZE {session.behaviour.max_annotation}")
    if len(annotations.keys() | changes.keys()) > _MOST_ENTRIES:
        raise Refused("there are too many entries", "METADATA TOOMANY")
    if mailbox is not None:
        mailbox.annotate(changes)
    else:
        session.user.annotate(changes)
    return None


def _change(arguments: Arguments) -> tuple[str, bytes | None]:
    entry = _entry(arguments)
    arguments.space()
    return entry, arguments.value()


def _holder(session: Session, name: str) -> tuple[Mailbox | None, dict[str, bytes]]:
    """The folder named, or with the empty name the server, and its annotations."""
    if not name:
        return None, session.user.annotations
    mailbox = session.user.mailbox(name)
    return mailbox, mailbox.annotations


COMMANDS = {
    "GETMETADATA": CommandRule(get_metadata, LOGGED_IN, "METADATA"),
    "SETMETADATA": CommandRule(set_metadata, LOGGED_IN, "METADATA"),
}
