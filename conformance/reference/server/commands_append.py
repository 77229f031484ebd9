"""APPEND (RFC 3501 section 6.3.11) and MULTIAPPEND (RFC 3502): all messages are stored, or none."""

from __future__ import annotations

from conformance.reference.server.accounts import Account
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.dates import parse_date_time
from conformance.reference.server.errors import NotUnderstood, Refused
from conformance.reference.server.responses import number_set
from conformance.reference.server.session import LOGGED_IN, CommandRule, Outcome, Session
from conformance.reference.server.store import SYSTEM_FLAGS, Content, Draft, Mailbox


def append(session: Session, arguments: Arguments) -> Outcome:
    """APPEND."""
    arguments.space()
    name = arguments.folder()
    drafts = [_draft(session, arguments)]
    while session.offers("MULTIAPPEND") and arguments.peek():
        drafts.append(_draft(session, arguments))
    arguments.end()
    mailbox = target(session.user, name)
    if any(not draft.content.octets for draft in drafts):
        raise Refused("an empty message cannot be stored")
    messages = session.user.append(mailbox, drafts)
    if not session.offers("UIDPLUS"):
        return None
    uids = number_set(message.uid for message in messages).decode()
    return f"[APPENDUID {mailbox.uid_validity} {uids}] APPEND completed"


def check(session: Session, arguments: Arguments, octets: int) -> None:
    """Raise Refused if an APPEND that begins like this, with a message of so many octets, cannot be done."""
    arguments.space()
    mailbox = target(session.user, arguments.folder())
    session.user.check_room(mailbox, octets)


def target(account: Account, name: str) -> Mailbox:
    """The folder to store into; a missing one that could be created is refused with [TRYCREATE]."""
    found = account.mailboxes.get(account.naming.key(name))
    if found is None:
        account.naming.new(name)
        raise Refused("there is no such folder", "TRYCREATE")
    return found


def _draft(session: Session, arguments: Arguments) -> Draft:
    arguments.space()
    flags: list[str] = []
    if arguments.peek() == b"(":
        flags = settable(session, arguments.flags())
        arguments.space()
    moment = session.user.clock()
    if arguments.peek() == b'"':
        try:
            moment = parse_date_time(arguments.string().decode("latin-1"))
        except ValueError as error:
            raise NotUnderstood(str(error)) from None
        arguments.space()
    octets = arguments.literal()
    if octets is None:
        raise NotUnderstood("a message literal expected")
    return Draft(Content(octets), frozenset(flags), moment)


def settable(session: Session, flags: list[str]) -> list[str]:
    """The flags, if a client may set them all (RFC 3501 section 2.3.2). Raises NotUnderstood otherwise."""
    extensions = {flag.lower() for flag in session.behaviour.flag_extensions}
    for flag in flags:
        if flag.startswith("\\") and flag.lower() not in SYSTEM_FLAGS and flag.lower() not in extensions:
            raise NotUnderstood(f"{flag} is not a flag that can be set")
    return flags


COMMANDS = {"APPEND": CommandRule(append, LOGGED_IN)}
