"""LIST and LSUB, with LIST-EXTENDED, LIST-STATUS, CHILDREN (RFC 3501 sections 6.3.8, 6.3.9; RFCs 5258, 5819, 3348)."""

from __future__ import annotations

from dataclasses import dataclass, field

from conformance.reference.server.accounts import Account
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.commands_folders import status_items, status_line
from conformance.reference.server.errors import NotUnderstood
from conformance.reference.server.responses import folder_name, nstring
from conformance.reference.server.session import LOGGED_IN, CommandRule, Outcome, Session
from conformance.reference.server.store import Mailbox

_SELECTION_OPTIONS = {"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH"}


@dataclass(slots=True)
class _Request:
    """What one LIST asks for."""

    patterns: list[str]
    selection: set[str] = field(default_factory=set)
    subscribed: bool = False
    children: bool = False
    status: list[str] | None = None
    superiors: set[str] = field(default_factory=set)


def list_folders(session: Session, arguments: Arguments) -> Outcome:
    """LIST."""
    arguments.space()
    request = _read(session, arguments)
    arguments.end()
    if request.patterns == [""]:
        session.untagged(b"LIST (\\Noselect) " + _delimiter(session) + b' ""')
        return None
    if request.status is not None and "HIGHESTMODSEQ" in request.status:
        session.enable_condstore()
    naming = session.user.naming
    request.superiors = {above for name in session.user.names() for above in naming.superiors(name)}
    for name, mailbox in _selected_names(session.user, request).items():
        if any(_shown(session, pattern, name, mailbox) for pattern in request.patterns):
            _tell(session, request, name, mailbox)
    return None


def _read(session: Session, arguments: Arguments) -> _Request:
    selection: set[str] = set()
    extended = session.offers("LIST-EXTENDED")
    if extended and arguments.skip(b"("):
        selection = _selection(arguments)
        arguments.space()
    reference = arguments.folder()
    arguments.space()
    patterns = arguments.listed(arguments.pattern) if extended and arguments.peek() == b"(" else [arguments.pattern()]
    request = _Request([reference + pattern if pattern else "" for pattern in patterns], selection)
    request.subscribed = "SUBSCRIBED" in selection
    if extended and arguments.skip(b" RETURN ("):
        _read_return(session, arguments, request)
    return request


def _selection(arguments: Arguments) -> set[str]:
    options: set[str] = set()
    while not arguments.skip(b")"):
        if options:
            arguments.space()
        options.add(arguments.word())
    if not options <= _SELECTION_OPTIONS or options in ({"RECURSIVEMATCH"}, {"RECURSIVEMATCH", "REMOTE"}):
        raise NotUnderstood("these LIST selection options are not offered")
    return options


def _read_return(session: Session, arguments: Arguments, request: _Request) -> None:
    first = True
    while not arguments.skip(b")"):
        if not first:
            arguments.space()
        first = False
        option = arguments.word()
        if option == "STATUS" and session.offers("LIST-STATUS"):
            arguments.space()
            request.status = status_items(session, arguments)
        elif option == "SUBSCRIBED":
            request.subscribed = True
        elif option == "CHILDREN":
            request.children = True
        else:
            raise NotUnderstood(f"the LIST return option {option} is not offered")


def _selected_names(account: Account, request: _Request) -> dict[str, Mailbox | None]:
    names = account.names()
    if "SUBSCRIBED" not in request.selection:
        return names
    keys = {account.naming.key(name): name for name in names}
    spelled = {keys.get(key, name) for key, name in account.subscriptions.items()}
    if "RECURSIVEMATCH" in request.selection:
        spelled |= {superior for name in spelled for superior in account.naming.superiors(name) if superior in names}
    return {name: names.get(name) for name in sorted(spelled)}


def _shown(session: Session, pattern: str, name: str, mailbox: Mailbox | None) -> bool:
    """A level that is not a folder may be left out where `*` matches it (RFC 3501 section 6.3.4, example 2)."""
    if mailbox is None and "*" in pattern and not session.behaviour.noselect_matches_star:
        return False
    return session.user.naming.matches(pattern, name)


def _tell(session: Session, request: _Request, name: str, mailbox: Mailbox | None) -> None:
    line = b"LIST " + _attributes(session, request, name, mailbox) + b" " + _delimiter(session) + b" "
    line += folder_name(name, session.behaviour.name_style)
    if "RECURSIVEMATCH" in request.selection and _subscribed_below(session.user, name):
        line += b' ("CHILDINFO" ("SUBSCRIBED"))'
    session.untagged(line)
    if request.status is not None and mailbox is not None:
        session.untagged(status_line(session, mailbox, request.status))


def _attributes(session: Session, request: _Request, name: str, mailbox: Mailbox | None) -> bytes:
    account = session.user
    inferiors = name in request.superiors
    attributes: list[str] = []
    if mailbox is None:
        attributes.append("\\NonExistent" if request.selection and not inferiors else "\\Noselect")
    if request.subscribed and account.naming.key(name) in account.subscriptions:
        attributes.append("\\Subscribed")
    if request.children or session.offers("CHILDREN"):
        attributes.append("\\HasChildren" if inferiors else "\\HasNoChildren")
    return f"({' '.join(attributes)})".encode()


def _subscribed_below(account: Account, name: str) -> bool:
    below = account.naming.below(account.naming.key(name))
    return any(key.startswith(below) for key in account.subscriptions)


def list_subscribed(session: Session, arguments: Arguments) -> Outcome:
    r"""LSUB: subscribed names; with a final `%` also levels above them, marked `\Noselect`."""
    arguments.space()
    reference = arguments.folder()
    arguments.space()
    pattern = reference + arguments.pattern()
    arguments.end()
    account = session.user
    shown = {name: b"()" for name in account.subscriptions.values() if account.naming.matches(pattern, name)}
    if pattern.endswith("%"):
        for name in account.subscriptions.values():
            for superior in account.naming.superiors(name):
                if account.naming.matches(pattern, superior):
                    shown.setdefault(superior, b"(\\Noselect)")
    for name in sorted(shown):
        session.untagged(
            b"LSUB " + shown[name] + b" " + _delimiter(session) + b" " + folder_name(name, session.behaviour.name_style)
        )
    return None


def _delimiter(session: Session) -> bytes:
    return nstring(session.behaviour.delimiter.encode() if session.behaviour.delimiter else None)


COMMANDS = {
    "LIST": CommandRule(list_folders, LOGGED_IN),
    "LSUB": CommandRule(list_subscribed, LOGGED_IN),
}
