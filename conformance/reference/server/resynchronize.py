"""What changed since a mod-sequence: VANISHED (EARLIER) and changed flags (RFC 7162 sections 3.2.5 and 3.2.6)."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.reference.server.responses import number_set, range_set
from conformance.reference.server.sequences import Range, contains, missing_between, select_by_uid
from conformance.reference.server.session import Session


def tell_vanished(session: Session, known: Sequence[Range], modseq: int) -> None:
    """Name the UIDs of `known` whose messages were removed after the mod-sequence.

    Where the behaviour says so, name all that are not there: RFC 7162 section 5.1 lets servers remember nothing.
    """
    mailbox = session.selected.mailbox
    if session.behaviour.vanished_reports_all:
        present = [message.uid for message in mailbox.messages]
        bounded = [(low, min(high, mailbox.uid_next - 1)) for low, high in known]
        shown = range_set(gap for low, high in bounded for gap in missing_between(present, low, high))
    else:
        removed = {uid for when, uid in mailbox.expunge_log if when > modseq and contains(known, uid)}
        shown = number_set(sorted(removed))
    if shown:
        session.untagged(b"VANISHED (EARLIER) " + shown)


def tell_changes(session: Session, known: Sequence[Range], modseq: int) -> None:
    """Send UID, FLAGS and MODSEQ of the messages of `known` that changed after the mod-sequence."""
    messages = session.selected.messages
    for index in select_by_uid(messages, known):
        if messages[index].modseq > modseq:
            session.tell_flags(index + 1, messages[index])
