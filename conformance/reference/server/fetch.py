"""FETCH and UID FETCH (RFC 3501 sections 6.4.5 and 7.4.2; RFC 7162 sections 3.1.4 and 3.2.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from conformance.reference.server.arguments import Arguments
from conformance.reference.server.bodystructure import body_structure, envelope
from conformance.reference.server.dates import format_date_time
from conformance.reference.server.errors import NotUnderstood
from conformance.reference.server.messages import Chosen, choose
from conformance.reference.server.responses import literal, string
from conformance.reference.server.resynchronize import tell_vanished
from conformance.reference.server.sections import Section, read_section
from conformance.reference.server.session import CommandRule, Outcome, Session, State
from conformance.reference.server.store import Message

Item = Callable[[Session, Message], bytes]

_MACROS = {
    "ALL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"),
    "FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "FULL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"),
}
_SIMPLE_ITEMS: dict[str, Item] = {
    "FLAGS": lambda session, message: b"FLAGS " + session.flags_of(message),
    "UID": lambda _, message: b"UID %d" % message.uid,
    "MODSEQ": lambda _, message: b"MODSEQ (%d)" % message.modseq,
    "INTERNALDATE": lambda _, message: b"INTERNALDATE " + format_date_time(message.internal_date),
    "RFC822.SIZE": lambda _, message: b"RFC822.SIZE %d" % message.size,
    "ENVELOPE": lambda _, message: b"ENVELOPE " + envelope(message.content.root),
    "BODY": lambda _, message: b"BODY " + body_structure(message.content.root, extended=False),
    "BODYSTRUCTURE": lambda _, message: b"BODYSTRUCTURE " + body_structure(message.content.root, extended=True),
    "RFC822": lambda _, message: b"RFC822 " + literal(message.content.octets),
    "RFC822.HEADER": lambda _, message: b"RFC822.HEADER " + literal(message.content.root.header_octets),
    "RFC822.TEXT": lambda _, message: b"RFC822.TEXT " + literal(message.content.root.body_octets),
}
_READING_ITEMS = ("RFC822", "RFC822.TEXT")


@dataclass(slots=True)
class _Request:
    r"""What one FETCH asks for; `reads` tells that it sets `\Seen`."""

    items: dict[str, Item] = field(default_factory=dict)
    reads: bool = False
    changed_since: int | None = None
    vanished: bool = False


def fetch(session: Session, arguments: Arguments) -> Outcome:
    """FETCH and UID FETCH."""
    arguments.space()
    numbers = arguments.sequence_set()
    arguments.space()
    request = _Request()
    _read_items(arguments, request)
    if arguments.skip(b" ("):
        _read_modifiers(session, arguments, request)
    arguments.end()
    chosen = choose(session, numbers)
    _enable(session, request)
    if request.vanished:
        tell_vanished(session, chosen.ranges, request.changed_since or 0)
    if request.changed_since is not None:
        limit = request.changed_since
        chosen = Chosen([pair for pair in chosen.numbered if pair[1].modseq > limit], chosen.ranges)
    seen = _mark_seen(session, chosen) if request.reads else set()
    for number, message in chosen.numbered:
        _tell(session, request, number, message, newly_seen=id(message) in seen)
    return None


def _read_items(arguments: Arguments, request: _Request) -> None:
    if arguments.peek() == b"(":
        arguments.listed(lambda: _read_item(arguments, request))
        return
    for macro, items in _MACROS.items():
        if arguments.skip(macro.encode()):
            request.items.update((item, _SIMPLE_ITEMS[item]) for item in items)
            return
    _read_item(arguments, request)


def _read_item(arguments: Arguments, request: _Request) -> None:
    name = arguments.fetch_item()
    if name in ("BODY[", "BODY.PEEK["):
        section = read_section(arguments)
        request.items[section.name.decode("latin-1")] = _section_item(section)
        request.reads |= name == "BODY["
    elif name in _SIMPLE_ITEMS:
        request.items[name] = _SIMPLE_ITEMS[name]
        request.reads |= name in _READING_ITEMS
    else:
        raise NotUnderstood(f"{name} is not a FETCH item")


def _section_item(section: Section) -> Item:
    def item(_: Session, message: Message) -> bytes:
        octets = section.of(message.content)
        shown = b"NIL" if octets is None else literal(octets) if octets else string(octets)
        return section.name + b" " + shown

    return item


def _read_modifiers(session: Session, arguments: Arguments, request: _Request) -> None:
    while True:
        modifier = arguments.word()
        if modifier == "CHANGEDSINCE":
            arguments.space()
            request.changed_since = arguments.mod_sequence()
        elif modifier == "VANISHED" and session.qresync and session.uid_command:
            request.vanished = True
        else:
            raise NotUnderstood(f"the FETCH modifier {modifier} is not offered or not enabled here")
        if arguments.skip(b")"):
            break
        arguments.space()
    if request.vanished and request.changed_since is None:
        raise NotUnderstood("VANISHED needs CHANGEDSINCE")


def _enable(session: Session, request: _Request) -> None:
    if request.changed_since is not None:
        request.items["MODSEQ"] = _SIMPLE_ITEMS["MODSEQ"]
    if "MODSEQ" in request.items:
        session.use_mod_sequences()
    if session.uid_command:
        request.items = {"UID": _SIMPLE_ITEMS["UID"], **request.items}
    if session.behaviour.fetch_item_order == "reversed":
        request.items = dict(reversed(request.items.items()))


def _mark_seen(session: Session, chosen: Chosen) -> set[int]:
    r"""Set `\Seen` where reading does so, and return the identities of the messages it is new on."""
    view = session.selected
    if view.read_only or view.mailbox.read_only:
        return set()
    return set(map(id, view.mailbox.store(chosen.messages, "add", ["\\Seen"], by=view)))


def _tell(session: Session, request: _Request, number: int, message: Message, *, newly_seen: bool) -> None:
    items = request.items
    if newly_seen:
        added = ["FLAGS", *(["UID", "MODSEQ"] if session.condstore and session.behaviour.mod_sequences else [])]
        items = {**items, **{name: _SIMPLE_ITEMS[name] for name in added}}
    if "FLAGS" in items:
        session.selected.reported(message)
    session.untagged(b"%d FETCH (%b)" % (number, b" ".join([item(session, message) for item in items.values()])))


COMMANDS = {
    "FETCH": CommandRule(fetch, State.SELECTED, holds_removals=True),
    "UID FETCH": CommandRule(fetch, State.SELECTED),
}
