"""Commands on folders as a whole: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS (RFC 3501 section 6.3)."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.reference.server.arguments import Arguments
from conformance.reference.server.errors import NotUnderstood
from conformance.reference.server.responses import folder_name
from conformance.reference.server.session import LOGGED_IN, CommandRule, Outcome, Session
from conformance.reference.server.store import Mailbox

_STATUS_ITEMS = ("MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "HIGHESTMODSEQ")


def _only_folder(arguments: Arguments) -> str:
    arguments.space()
    name = arguments.folder()
    arguments.end()
    return name


def create(session: Session, arguments: Arguments) -> Outcome:
    """CREATE (6.3.3)."""
    session.user.create(_only_folder(arguments))
    return None


def delete(session: Session, arguments: Arguments) -> Outcome:
    """DELETE (6.3.4); a session that deletes the folder it has selected leaves it first."""
    name = _only_folder(arguments)
    doomed = session.user.mailboxes.get(session.user.naming.key(name))
    view = session.view
    session.user.delete(name)
    if view is not None and view.mailbox is doomed:
        session.deselect()
    return None


def rename(session: Session, arguments: Arguments) -> Outcome:
    """RENAME (6.3.5)."""
    arguments.space()
    name = arguments.folder()
    session.user.rename(name, _only_folder(arguments))
    return None


def subscribe(session: Session, arguments: Arguments) -> Outcome:
    """SUBSCRIBE (6.3.6)."""
    session.user.subscribe(_only_folder(arguments))
    return None


def unsubscribe(session: Session, arguments: Arguments) -> Outcome:
    """UNSUBSCRIBE (6.3.7)."""
    session.user.unsubscribe(_only_folder(arguments))
    return None


def status(session: Session, arguments: Arguments) -> Outcome:
    """STATUS (6.3.10): the folder is looked at, not selected."""
    arguments.space()
    name = arguments.folder()
    arguments.space()
    items = status_items(session, arguments)
    arguments.end()
    mailbox = session.user.mailbox(name)
    if "HIGHESTMODSEQ" in items:
        session.enable_condstore()
    session.untagged(status_line(session, mailbox, items))
    return None


def status_items(session: Session, arguments: Arguments) -> list[str]:
    """A parenthesized list of STATUS items."""
    items = arguments.listed(arguments.word)
    known = _STATUS_ITEMS if session.offers("CONDSTORE") else _STATUS_ITEMS[:-1]
    for item in items:
        if item not in known:
            raise NotUnderstood(f"{item} is not a STATUS item")
    return items


def status_line(session: Session, mailbox: Mailbox, items: Iterable[str]) -> bytes:
    """The STATUS response of a folder."""
    shown = b" ".join(f"{item} {_status_value(session, mailbox, item)}".encode() for item in items)
    return b"STATUS " + folder_name(mailbox.name, session.behaviour.name_style) + b" (" + shown + b")"


def _status_value(session: Session, mailbox: Mailbox, item: str) -> int:
    if item == "MESSAGES":
        return len(mailbox.messages)
    if item == "RECENT":
        return sum(message.uid >= mailbox.first_recent for message in mailbox.messages)
    if item == "UNSEEN":
        return sum("\\Seen" not in message.flags for message in mailbox.messages)
    if item == "HIGHESTMODSEQ":
        return mailbox.highest_modseq if session.behaviour.mod_sequences else 0
    return mailbox.uid_next if item == "UIDNEXT" else mailbox.uid_validity


COMMANDS = {
    "CREATE": CommandRule(create, LOGGED_IN),
    "DELETE": CommandRule(delete, LOGGED_IN),
    "RENAME": CommandRule(rename, LOGGED_IN),
    "SUBSCRIBE": CommandRule(subscribe, LOGGED_IN),
    "UNSUBSCRIBE": CommandRule(unsubscribe, LOGGED_IN),
    "STATUS": CommandRule(status, LOGGED_IN),
}
