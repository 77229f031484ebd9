"""Parts of servers whose sessions, folder names and answers go wrong only after something else was done."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence

from conformance.faults.hooks import Hook
from conformance.faults.server.sequence_parts import RemembersView
from conformance.reference.server.accounts import Account
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.commands_folders import status
from conformance.reference.server.commands_list import list_folders
from conformance.reference.server.commands_messages import _expunge, store
from conformance.reference.server.commands_select import close
from conformance.reference.server.engine import COMMANDS
from conformance.reference.server.fetch import fetch
from conformance.reference.server.session import Outcome, Session
from conformance.reference.server.store import Mailbox, Message
from conformance.reference.server.view import MailboxView


def fetch_that_sees(session: Session, arguments: Arguments) -> Outcome:
    r"""FETCH by number that takes BODY.PEEK[] for BODY[]."""
    return _with(fetch, arguments, rb"BODY\.PEEK\[", rb"BODY[")(session)


def _with(
    handler: Callable[[Session, Arguments], Outcome], arguments: Arguments, pattern: bytes, by: bytes
) -> Callable[[Session], Outcome]:
    """A command with other words in its line."""
    changed = copy.copy(arguments)
    changed._line = re.sub(pattern, by, arguments._line)
    return lambda session: handler(session, changed)


class SeesAdditionsOnly(MailboxView):
    """Keeps the flags that were there when the folder was selected, and those that others add."""

    def __init__(self, mailbox: Mailbox, wake: Callable[[], None], *, examine: bool) -> None:
        super().__init__(mailbox, wake, examine=examine)
        self.shown = {each.uid: each.flags for each in mailbox.messages}

    def flagged(self, messages: Sequence[Message]) -> None:
        super().flagged(messages)
        self.shown |= {each.uid: each.flags | self.shown.get(each.uid, frozenset()) for each in messages}
        vars(self).setdefault("others", set()).update(each.uid for each in messages)


class ShowsWhatItSaw(Session):
    """Shows flags as its view has them."""

    def flags_of(self, message: Message) -> bytes:
        view = self.selected
        known = view.shown.get(message.uid, frozenset()) if isinstance(view, SeesAdditionsOnly) else frozenset()
        shown = copy.copy(message)
        shown.flags = message.flags | (known if message.uid in vars(view).get("others", ()) else frozenset())
        return super().flags_of(shown)


def store_counting_the_removed(session: Session, arguments: Arguments) -> Outcome:
    """STORE by number that still counts the object that the session's last removal was told of."""
    view = session.selected
    shift = vars(view).get("shift", 0)
    kept = view.messages
    if shift and len(kept) > 1:
        view.messages = [kept[-1], *kept[:-1]]
    try:
        return store(session, arguments)
    finally:
        view.messages = kept


class CountsRemovals(MailboxView):
    """Knows that removals were told."""

    def take_removed(self) -> list[tuple[int, Message]]:
        removed = super().take_removed()
        if removed:
            vars(self)["shift"] = len(removed)
        return removed


def expunge_of_own_marks(session: Session, arguments: Arguments) -> Outcome:
    """EXPUNGE of what the session marked itself."""
    arguments.end()
    mailbox, own = session.writable(), getattr(session.selected, "before", {})
    return _expunge(session, mailbox, [each for each in mailbox.deleted() if each.uid in own])


def expunge_of_what_was_selected(session: Session, arguments: Arguments) -> Outcome:
    """EXPUNGE of what was there when the folder was selected."""
    arguments.end()
    mailbox, there = session.writable(), getattr(session.selected, "selected", {})
    return _expunge(session, mailbox, [each for each in mailbox.deleted() if each.uid in there])


def close_of_own_marks(session: Session, arguments: Arguments) -> Outcome:
    """CLOSE that expunges what the session marked itself."""
    view = session.selected
    own = getattr(view, "before", {})
    others = [each for each in view.mailbox.deleted() if each.uid not in own]
    flags = {each.uid: each.flags for each in others}
    for each in others:
        each.flags = each.flags - {"\\Deleted"}
    outcome = close(session, arguments)
    for each in others:
        each.flags = flags[each.uid]
    return outcome


def close_without_log(session: Session, arguments: Arguments) -> Outcome:
    """CLOSE of which no record is kept."""
    mailbox = session.selected.mailbox
    kept = list(mailbox.expunge_log)
    outcome = close(session, arguments)
    mailbox.expunge_log = kept
    return outcome


class RemovesInferiors(Account):
    """Removes the inferiors as well."""

    def delete(self, name: str) -> None:
        for inferior in self._inferiors(self.naming.key(name)):
            super().delete(self.mailboxes[inferior].name)
        super().delete(name)


class RemovesByPrefix(Account):
    """Removes whatever begins with the name and is not below it."""

    def delete(self, name: str) -> None:
        below = self.naming.below(name)
        others = [each for each in self.mailboxes if each.startswith(name) and each != name]
        super().delete(name)
        for each in others:
            if not each.startswith(below):
                super().delete(each)


class RenameLeavesInferiors(Account):
    """Renames the folder alone."""

    def rename(self, name: str, new_name: str) -> None:
        inferiors = {each: self.mailboxes.pop(each) for each in self._inferiors(name)}
        super().rename(name, new_name)
        self.mailboxes |= inferiors


class RenameLosesObjects(Account):
    """Creates the new name and removes the old one."""

    def rename(self, name: str, new_name: str) -> None:
        super().rename(name, new_name)
        renamed = self.mailbox(new_name)
        renamed.messages = renamed.messages[:-1]


class RenamesByPrefix(Account):
    """Renames whatever begins with the name."""

    def rename(self, name: str, new_name: str) -> None:
        super().rename(name, new_name)
        for each in [each for each in self.mailboxes if each.startswith(name) and not new_name.startswith(each)]:
            super().rename(each, new_name + each[len(name) :])


class OldNameStays(Account):
    """Keeps the old name for the folder."""

    def rename(self, name: str, new_name: str) -> None:
        super().rename(name, new_name)
        self.mailboxes[self.naming.key(name)] = self.mailbox(new_name)


class Undead(Account):
    """Gives back what was in a folder when it is created again."""

    def delete(self, name: str) -> None:
        vars(self).setdefault("dead", {})[name] = self.mailbox(name)
        super().delete(name)

    def create(self, name: str) -> Mailbox:
        made = super().create(name)
        former: Mailbox | None = vars(self).get("dead", {}).pop(name, None)
        if former is not None and former.messages:
            made.append([message.draft() for message in former.messages])
        return made


class EmptiesExisting(Account):
    """Refuses a name that exists, and empties the folder."""

    def create(self, name: str) -> Mailbox:
        existing = self.mailboxes.get(self.naming.key(name))
        if existing is not None:
            existing.expunge(existing.messages)
        return super().create(name)


class FindsInAnyCase(Account):
    """Finds the first folder whose name is the same but for letter case."""

    def mailbox(self, name: str) -> Mailbox:
        found = [each for each in self.mailboxes if each.lower() == name.lower()]
        return super().mailbox(found[0] if found else name)


def append_creating(session: Session, name: str) -> Outcome:
    """The folder is created if there was one of the name."""
    if name in vars(session.user).get("once", ()):
        session.user.create(name)
    return None


class KnowsFormerNames(Account):
    """Knows what was removed."""

    def delete(self, name: str) -> None:
        super().delete(name)
        vars(self).setdefault("once", set()).add(name)


def stale_list(session: Session, arguments: Arguments) -> Outcome:
    """LIST of what there was at the session's first one."""
    names = session.user.names
    kept = vars(session).setdefault("names", names())
    session.user.names = lambda: kept  # type: ignore[method-assign]
    try:
        return list_folders(session, arguments)
    finally:
        session.user.names = names  # type: ignore[method-assign]


def fetch_since_the_last_removal(session: Session, arguments: Arguments) -> Outcome:
    """CHANGEDSINCE with the mod-sequence of the last removal, if that is later."""
    last = max((when for when, _ in session.selected.mailbox.expunge_log), default=0)
    found = re.search(rb"CHANGEDSINCE (\d+)", arguments._line)
    if found is None:
        return fetch(session, arguments)
    return _with(fetch, arguments, rb"CHANGEDSINCE \d+", b"CHANGEDSINCE %d" % max(int(found[1]), last))(session)


def fetch_of_own_changes(session: Session, arguments: Arguments) -> Outcome:
    """CHANGEDSINCE that passes over what other sessions flagged while the folder was open."""
    start, own = len(session.output), getattr(session.selected, "before", {})
    known = getattr(session.selected, "selected", {})
    outcome = fetch(session, arguments)
    if b"CHANGEDSINCE" not in arguments._line:
        return outcome

    def is_others(line: bytes) -> bool:
        found = re.search(rb"UID (\d+)", line)
        return found is not None and int(found[1]) in known and int(found[1]) not in own

    session.output[start:] = [each for each in session.output[start:] if not is_others(each)]
    return outcome


def store_unconditionally(session: Session, arguments: Arguments) -> Outcome:
    """STORE that takes no notice of UNCHANGEDSINCE."""
    return _with(store, arguments, rb"UNCHANGEDSINCE \d+", b"UNCHANGEDSINCE %d" % 2**62)(session)


def stale_status(session: Session, arguments: Arguments) -> Outcome:
    """STATUS as it was told before, as long as UIDNEXT is the same."""
    ahead = copy.copy(arguments)
    ahead.space()
    mailbox = session.user.mailbox(ahead.folder())
    start = len(session.output)
    outcome = status(session, arguments)
    known = vars(mailbox).setdefault("told", {})
    session.output[start:] = known.setdefault(mailbox.uid_next, session.output[start:])
    return outcome


def stale_search(name: str) -> Callable[[Session, Arguments], Outcome]:
    """SEARCH that goes by the flags of the time of selection."""

    def serve(session: Session, arguments: Arguments) -> Outcome:
        view = session.selected
        then = view.selected if isinstance(view, RemembersView) else {}
        now = {each.uid: each.flags for each in view.messages}
        for each in view.messages:
            each.flags = then.get(each.uid, each.flags)
        try:
            return COMMANDS[name].handler(session, arguments)
        finally:
            for each in view.messages:
                each.flags = now[each.uid]

    return serve


def parts_that_go_on(session: Session, arguments: Arguments) -> Outcome:
    """FETCH of a part that begins one octet later every time."""
    if b"]<" not in arguments._line:
        return fetch(session, arguments)
    read = vars(session)["read"] = vars(session).get("read", -1) + 1
    found = re.search(rb"\]<(\d+)\.", arguments._line)
    begin = int(found[1]) if found else 0
    changed = _with(fetch, arguments, rb"\]<\d+\.", b"]<%d." % (begin + read))
    start = len(session.output)
    outcome = changed(session)
    told, meant = b"]<%d>" % (begin + read), b"]<%d>" % begin
    session.output[start:] = [each.replace(told, meant) for each in session.output[start:]]
    return outcome


class TellsOneThing(Session):
    """Tells of removals or of additions, not of both at once."""

    def tell_updates(self, *, removals: bool) -> None:
        start = len(self.output)
        super().tell_updates(removals=removals)
        told = self.output[start:]
        if any(each.endswith((b" EXPUNGE\r\n",)) or b"VANISHED" in each for each in told):
            self.output[start:] = [each for each in told if not each.endswith(b" EXISTS\r\n")]


PARTS_GO_ON = Hook(commands=dict.fromkeys(("FETCH", "UID FETCH"), parts_that_go_on))
