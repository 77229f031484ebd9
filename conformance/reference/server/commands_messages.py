"""Commands that change messages: STORE, EXPUNGE, COPY, MOVE, also by UID (RFC 3501 section 6.4; RFCs 4315, 6851)."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.reference.server.arguments import Arguments
from conformance.reference.server.commands_append import settable, target
from conformance.reference.server.errors import Refused
from conformance.reference.server.messages import Chosen, choose, shown_set
from conformance.reference.server.responses import number_set
from conformance.reference.server.sequences import contains
from conformance.reference.server.session import CommandRule, Outcome, Session, State
from conformance.reference.server.store import FlagOperation, Mailbox, Message

_OPERATIONS: dict[bytes, FlagOperation] = {b"+": "add", b"-": "remove"}


def store(session: Session, arguments: Arguments) -> Outcome:
    """STORE and UID STORE (6.4.6), with UNCHANGEDSINCE (RFC 7162 section 3.1.3)."""
    arguments.space()
    numbers = arguments.sequence_set()
    arguments.space()
    limit = _unchanged_since(arguments) if arguments.skip(b"(") else None
    operation = _OPERATIONS.get(arguments.peek(), "replace")
    arguments.skip(b"+") or arguments.skip(b"-")
    arguments.expect(b"FLAGS")
    silent = arguments.skip(b".SILENT")
    arguments.space()
    flags = settable(session, arguments.flags() if arguments.peek() == b"(" else _bare_flags(arguments))
    arguments.end()
    chosen = choose(session, numbers)
    if limit is not None:
        session.use_mod_sequences()
    mailbox = session.writable()
    present = chosen.still_there()
    failed = [pair for pair in present.numbered if limit is not None and pair[1].modseq > limit]
    allowed = [pair for pair in present.numbered if limit is None or pair[1].modseq <= limit]
    changed = mailbox.store([message for _, message in allowed], operation, flags, by=session.view)
    _tell_stored(session, allowed, changed, silent=silent, conditional=limit is not None)
    _tell_failed(session, failed)
    return _stored_text(session, chosen, failed, silent=silent)


def _unchanged_since(arguments: Arguments) -> int:
    arguments.expect(b"UNCHANGEDSINCE ")
    limit = arguments.mod_sequence()
    arguments.expect(b") ")
    return limit


def _bare_flags(arguments: Arguments) -> list[str]:
    flags = [arguments.flag()]
    while arguments.skip(b" "):
        flags.append(arguments.flag())
    return flags


def _tell_stored(
    session: Session, stored: list[tuple[int, Message]], changed: Sequence[Message], *, silent: bool, conditional: bool
) -> None:
    """Tell the new flags; with .SILENT only the new mod-sequences, to those who follow them."""
    session.tell_keywords()
    risen = set(map(id, changed))
    for number, message in stored:
        if not silent:
            session.selected.reported(message)
            session.tell_flags(number, message)
        elif session.condstore and session.behaviour.mod_sequences and (conditional or id(message) in risen):
            session.tell_flags(number, message, silent=True)


def _tell_failed(session: Session, failed: list[tuple[int, Message]]) -> None:
    """Spare the client a look at the messages that were changed before (RFC 7162 section 3.1.3, example 10)."""
    for number, message in failed:
        session.selected.reported(message)
        session.tell_flags(number, message)


def _stored_text(session: Session, chosen: Chosen, failed: list[tuple[int, Message]], *, silent: bool) -> str | None:
    code = f"MODIFIED {shown_set(session, failed)}" if failed else None
    if not silent and len(chosen.still_there().numbered) < len(chosen.numbered):
        raise Refused("some of the messages no longer exist", code or "EXPUNGEISSUED")
    return f"[{code}] some messages were changed before" if code else None


def expunge(session: Session, arguments: Arguments) -> Outcome:
    """EXPUNGE (6.4.3)."""
    arguments.end()
    mailbox = session.writable()
    return _expunge(session, mailbox, mailbox.deleted())


def uid_expunge(session: Session, arguments: Arguments) -> Outcome:
    """UID EXPUNGE (RFC 4315 section 2.1): of the messages marked, only those named."""
    arguments.space()
    numbers = arguments.sequence_set()
    arguments.end()
    mailbox = session.writable()
    ranges = choose(session, numbers).ranges
    return _expunge(session, mailbox, [message for message in mailbox.deleted() if contains(ranges, message.uid)])


def _expunge(session: Session, mailbox: Mailbox, messages: Sequence[Message]) -> Outcome:
    removed = mailbox.expunge(messages)
    if removed and session.qresync and session.behaviour.mod_sequences:
        return f"[HIGHESTMODSEQ {mailbox.highest_modseq}] expunged"
    return None


def copy(session: Session, arguments: Arguments) -> Outcome:
    """COPY and UID COPY (6.4.7): all or none, flags and dates kept."""
    chosen, mailbox = _transfer(session, arguments)
    messages = chosen.messages
    if not messages:
        return None
    session.user.check_room(mailbox, sum(message.size for message in messages))
    copies = mailbox.append([message.draft() for message in messages])
    code = _copy_uid(session, mailbox, messages, copies)
    return f"{code} copied" if code else None


def move(session: Session, arguments: Arguments) -> Outcome:
    """MOVE and UID MOVE (RFC 6851)."""
    chosen, mailbox = _transfer(session, arguments)
    source = session.writable()
    messages = chosen.messages
    if not messages:
        return None
    copies = session.user.move(source, messages, mailbox)
    code = _copy_uid(session, mailbox, messages, copies)
    if code:
        session.untagged(f"OK {code} moved".encode())
    if session.qresync and session.behaviour.mod_sequences:
        return f"[HIGHESTMODSEQ {source.highest_modseq}] moved"
    return None


def _transfer(session: Session, arguments: Arguments) -> tuple[Chosen, Mailbox]:
    arguments.space()
    numbers = arguments.sequence_set()
    arguments.space()
    name = arguments.folder()
    arguments.end()
    chosen = choose(session, numbers)
    chosen.check_still_there()
    return chosen, target(session.user, name)


def _copy_uid(session: Session, mailbox: Mailbox, messages: Sequence[Message], copies: Sequence[Message]) -> str | None:
    if not session.offers("UIDPLUS"):
        return None
    old, new = (number_set(message.uid for message in each).decode() for each in (messages, copies))
    return f"[COPYUID {mailbox.uid_validity} {old} {new}]"


COMMANDS = {
    "STORE": CommandRule(store, State.SELECTED, holds_removals=True),
    "UID STORE": CommandRule(store, State.SELECTED),
    "EXPUNGE": CommandRule(expunge, State.SELECTED),
    "UID EXPUNGE": CommandRule(uid_expunge, State.SELECTED, "UIDPLUS"),
    "COPY": CommandRule(copy, State.SELECTED),
    "UID COPY": CommandRule(copy, State.SELECTED),
    "MOVE": CommandRule(move, State.SELECTED, "MOVE"),
    "UID MOVE": CommandRule(move, State.SELECTED, "MOVE"),
}
