"""Commands that open and leave a folder: SELECT, EXAMINE, CLOSE, UNSELECT, CHECK (RFC 3501 sections 6.3 and 6.4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from conformance.reference.server.arguments import Arguments
from conformance.reference.server.errors import NotUnderstood
from conformance.reference.server.resynchronize import tell_changes, tell_vanished
from conformance.reference.server.sequences import STAR, Range, SequenceSet
from conformance.reference.server.session import LOGGED_IN, CommandRule, Outcome, Session, State
from conformance.reference.server.view import MailboxView


@dataclass(frozen=True, slots=True)
class _Resync:
    """The QRESYNC parameter (RFC 7162 section 3.2.5): what the client knows."""

    uid_validity: int
    modseq: int
    known: SequenceSet | None
    matches: tuple[SequenceSet, SequenceSet] | None


def select(session: Session, arguments: Arguments, *, examine: bool) -> Outcome:
    """SELECT and EXAMINE. A NO leaves no folder selected, a BAD changes nothing."""
    arguments.space()
    name = arguments.folder()
    parameters = arguments.listed(lambda: _parameter(session, arguments)) if arguments.skip(b" ") else []
    arguments.end()
    _leave(session)
    view = session.select(session.user.mailbox(name), examine=examine)
    session.condstore = session.condstore or bool(parameters)
    _describe(session, view)
    for resync in filter(None, parameters):
        _resynchronize(session, view, resync)
    verb = "EXAMINE" if examine else "SELECT"
    return f"[{'READ-ONLY' if view.read_only else 'READ-WRITE'}] {verb} completed"


def _describe(session: Session, view: MailboxView) -> None:
    mailbox = view.mailbox
    unseen = next((n for n, message in enumerate(view.messages, 1) if "\\Seen" not in message.flags), None)
    lines = {
        "FLAGS": session.flags_line(),
        "EXISTS": b"%d EXISTS" % len(view.messages),
        "RECENT": b"%d RECENT" % len(view.recent),
        "UNSEEN": b"OK [UNSEEN %d] first unseen" % unseen if unseen else None,
        "PERMANENTFLAGS": session.permanent_flags_line(),
        "UIDNEXT": b"OK [UIDNEXT %d] next UID" % mailbox.uid_next,
        "UIDVALIDITY": b"OK [UIDVALIDITY %d] UIDs valid" % mailbox.uid_validity,
        "HIGHESTMODSEQ": _highest_modseq(session, view),
    }
    for item in session.behaviour.select_order:
        line = lines[item]
        if line is not None:
            session.untagged(line)


def _highest_modseq(session: Session, view: MailboxView) -> bytes | None:
    if not session.offers("CONDSTORE"):
        return None
    if not session.behaviour.mod_sequences:
        return b"OK [NOMODSEQ] no mod-sequences"
    return b"OK [HIGHESTMODSEQ %d] highest" % view.mailbox.highest_modseq


def _leave(session: Session) -> None:
    """Close the folder selected so far and, as RFC 7162 section 3.2.11 asks, say so."""
    if session.view is not None and (session.offers("QRESYNC") or session.offers("CONDSTORE")):
        session.untagged(b"OK [CLOSED] the previous folder is closed")
    session.deselect()


def _parameter(session: Session, arguments: Arguments) -> _Resync | None:
    """One parameter of RFC 7162: CONDSTORE, which says nothing more, or QRESYNC."""
    name = arguments.word()
    if name == "CONDSTORE" and session.offers("CONDSTORE"):
        return None
    if name != "QRESYNC" or not session.qresync:
        raise NotUnderstood(f"{name} is not offered or not enabled")
    arguments.expect(b" (")
    uid_validity = arguments.number()
    arguments.space()
    modseq = arguments.mod_sequence(zero=False)
    known, matches = None, None
    if arguments.peek() == b" " and not arguments.skip(b" ("):
        arguments.space()
        known = _without_star(arguments.sequence_set())
        if arguments.skip(b" ("):
            matches = _matches(arguments)
    elif arguments.peek() != b")":
        matches = _matches(arguments)
    arguments.expect(b")")
    return _Resync(uid_validity, modseq, known, matches)


def _matches(arguments: Arguments) -> tuple[SequenceSet, SequenceSet]:
    numbers = _without_star(arguments.sequence_set())
    arguments.space()
    uids = _without_star(arguments.sequence_set())
    arguments.expect(b")")
    return numbers, uids


def _without_star(numbers: SequenceSet) -> SequenceSet:
    if numbers.highest == STAR:
        raise NotUnderstood("* is not allowed here")
    return numbers


def _resynchronize(session: Session, view: MailboxView, resync: _Resync) -> None:
    if resync.uid_validity != view.mailbox.uid_validity or not session.behaviour.mod_sequences:
        return
    largest = view.mailbox.uid_next - 1
    known: list[Range] = resync.known.resolved(largest) if resync.known else [(1, largest)] if largest else []
    floor = _matched(view, *resync.matches) if resync.matches else 0
    tell_vanished(session, [(max(low, floor + 1), high) for low, high in known if high > floor], resync.modseq)
    tell_changes(session, known, resync.modseq)


def _matched(view: MailboxView, numbers: SequenceSet, uids: SequenceSet) -> int:
    """The highest UID up to which the client's sample of message numbers agrees with the folder (3.2.5.2)."""
    floor = 0
    for number, uid in zip(numbers, uids, strict=False):
        if number > len(view.messages) or view.messages[number - 1].uid != uid:
            break
        floor = uid
    return floor


def close(session: Session, arguments: Arguments) -> Outcome:
    """CLOSE (6.4.2): expunge without notices, unless the folder is read-only."""
    arguments.end()
    view = session.selected
    session.deselect()
    if not view.read_only and not view.mailbox.read_only:
        view.mailbox.expunge(view.mailbox.deleted())
    return None


def unselect(session: Session, arguments: Arguments) -> Outcome:
    """UNSELECT (RFC 3691): leave the folder as it is."""
    arguments.end()
    session.deselect()
    return None


def check(_session: Session, arguments: Arguments) -> Outcome:
    """CHECK (6.4.1): everything is always safe."""
    arguments.end()
    return None


COMMANDS = {
    "SELECT": CommandRule(partial(select, examine=False), LOGGED_IN),
    "EXAMINE": CommandRule(partial(select, examine=True), LOGGED_IN),
    "CLOSE": CommandRule(close, State.SELECTED),
    "UNSELECT": CommandRule(unselect, State.SELECTED, "UNSELECT"),
    "CHECK": CommandRule(check, State.SELECTED),
}
