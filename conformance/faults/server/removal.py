"""Servers that remove objects wrongly, or tell of it wrongly: the reference server with one part replaced."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from conformance.reference.server.accounts import Account
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.commands_messages import _expunge, expunge, store
from conformance.reference.server.commands_select import close, unselect
from conformance.reference.server.engine import ServerConnection
from conformance.reference.server.errors import Refused
from conformance.reference.server.messages import choose
from conformance.reference.server.parser import LiteralAnnounced
from conformance.reference.server.session import CommandRule, Outcome, Session
from conformance.reference.server.store import Draft, Mailbox, Message
from conformance.reference.server.view import MailboxView


def marking(change: Callable[[list[Message], Mailbox], list[Message]]) -> type[Mailbox]:
    """A folder that takes other objects for the marked ones."""

    class Wrong(Mailbox):
        def deleted(self) -> list[Message]:
            return change(super().deleted(), self)

    return Wrong


def store_that_removes(session: Session, arguments: Arguments) -> Outcome:
    """Marking removes at once."""
    outcome = store(session, arguments)
    mailbox = session.selected.mailbox
    mailbox.expunge(mailbox.deleted())
    return outcome


class Revived(Mailbox):
    """What was expunged is back when the folder is selected again."""

    def expunge(self, messages: Collection[Message]) -> list[Message]:
        before = self.messages
        gone = super().expunge(messages)
        self.messages = [replace(each, expunged_at=0) for each in before]
        return gone


class UidsUsedAgain(Mailbox):
    """The next UID follows the highest that is there now."""

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        self.uid_next = max((each.uid for each in self.messages), default=0) + 1
        return super().append(drafts)


class ExpungedAtTheEnd(Session):
    """Marked objects go whenever their folder is left."""

    def deselect(self) -> None:
        mailbox = self.view.mailbox if self.view is not None and not self.view.read_only else None
        super().deselect()
        if mailbox is not None:
            mailbox.expunge(mailbox.deleted())


class ReadOnlyForgotten(Session):
    """EXAMINE does not keep from changing."""

    def writable(self) -> Mailbox:
        return self.selected.mailbox


def uid_expunge_of_all_marked(session: Session, arguments: Arguments) -> Outcome:
    """UID EXPUNGE takes no notice of its UIDs."""
    arguments.space()
    arguments.sequence_set()
    return expunge(session, arguments)


def uid_expunge_of_unmarked(session: Session, arguments: Arguments) -> Outcome:
    """UID EXPUNGE takes no notice of the marks."""
    arguments.space()
    numbers = arguments.sequence_set()
    return _expunge(session, session.writable(), choose(session, numbers).messages)


class MoveThatCopies(Account):
    """MOVE leaves the objects where they were."""

    def move(self, source: Mailbox, messages: Sequence[Message], target: Mailbox) -> list[Message]:  # noqa: ARG002
        return target.append([message.draft() for message in messages])


class MoveThatExpunges(Account):
    """MOVE also removes what is marked."""

    def move(self, source: Mailbox, messages: Sequence[Message], target: Mailbox) -> list[Message]:
        copies = super().move(source, messages, target)
        source.expunge(source.deleted())
        return copies


class OneNoticeShort(Session):
    """The last of several removals is not told."""

    def _tell_removed(self, removed: list[tuple[int, Message]]) -> None:
        super()._tell_removed(removed[:-1])


class NumbersOfBefore(Session):
    """Notices do not count the ones before them."""

    def _tell_removed(self, removed: list[tuple[int, Message]]) -> None:
        for number, _ in removed:
            self.untagged(b"%d EXPUNGE" % number)


class UidsForNumbers(Session):
    """Notices of removals name UIDs."""

    def _tell_removed(self, removed: list[tuple[int, Message]]) -> None:
        for _, message in removed:
            self.untagged(b"%d EXPUNGE" % message.uid)


class NeverRenumbered(MailboxView):
    """Message numbers stay until the folder is selected again."""

    def take_removed(self) -> list[tuple[int, Message]]:
        before = list(self.messages)
        removed = super().take_removed()
        self.messages = before
        return removed


class RenumberedUntold(MailboxView):
    """Message numbers move when another session expunges, and nobody is told."""

    def expunged(self, messages: Sequence[Message]) -> None:
        self.messages = [each for each in self.messages if each not in messages]


class Eager(ServerConnection):
    """Tells removals as soon as they happen."""

    def pending(self) -> bytes:
        self.session.tell_updates(removals=True)
        return super().pending()


class EagerInTheMiddle(ServerConnection):
    """Renumbers in the middle of an answer to FETCH."""

    kept = b""

    def receive(self, data: bytes) -> bytes:
        octets = super().receive(data)
        if b" FETCH 1:* (UID BODY" in data:
            middle = octets.index(b"* 2 FETCH")
            octets, self.kept = octets[:middle], octets[middle:]
        return octets

    def pending(self) -> bytes:
        if self.kept:
            self.session.tell_updates(removals=True)
        kept, self.kept = self.kept, b""
        return super().pending() + kept


class EagerForLiterals(ServerConnection):
    """Tells removals together with the continuation request."""

    def _announced(self, event: LiteralAnnounced) -> None:
        super()._announced(event)
        self.session.tell_updates(removals=True)


def eager_in(*names: str) -> type[ServerConnection]:
    """Tells removals in answer to these commands, too."""

    class EagerInCommands(ServerConnection):
        def _complete(self, tag: bytes, name: str, rule: CommandRule, answer: str) -> None:
            super()._complete(
                tag, name, replace(rule, holds_removals=rule.holds_removals and name not in names), answer
            )

    return EagerInCommands


class OnlyOwnRemovals(ServerConnection):
    """A session is told of removals by nothing but its own EXPUNGE."""

    def _may_tell_removals(self, name: str) -> bool:
        return name.endswith(("EXPUNGE", "MOVE"))


def store_that_refuses_the_vanished(session: Session, arguments: Arguments) -> Outcome:
    """UID STORE is refused when a UID is not there."""
    ahead = copy.copy(arguments)
    ahead.space()
    messages = session.selected.mailbox.messages
    known = {each.uid for each in messages}
    ranges = ahead.sequence_set().resolved(messages[-1].uid if messages else 1)
    if any(low == high and low not in known for low, high in ranges):
        raise Refused("no such object")
    return store(session, arguments)


class VanishedTakenForFirst(ServerConnection):
    """UID STORE on one UID that is not there changes the first object."""

    def receive(self, data: bytes) -> bytes:
        view = self.session.view
        named = re.search(rb"UID STORE (\d+),", data)
        if view is not None and named and int(named[1]) not in {each.uid for each in view.mailbox.messages}:
            data = data.replace(named[1] + b",", b"%d," % view.messages[0].uid, 1)
        return super().receive(data)


def close_that_removes_anyway(session: Session, arguments: Arguments) -> Outcome:
    """CLOSE expunges under EXAMINE, too."""
    arguments.end()
    mailbox = session.selected.mailbox
    mailbox.expunge(mailbox.deleted())
    session.deselect()
    return None


def close_that_tells(session: Session, arguments: Arguments) -> Outcome:
    """CLOSE tells what it removes."""
    if not session.selected.read_only:
        session.selected.mailbox.expunge(session.selected.mailbox.deleted())
    session.tell_updates(removals=True)
    return close(session, arguments)


def close_that_stays(session: Session, arguments: Arguments) -> Outcome:
    """CLOSE leaves the folder active."""
    arguments.end()
    if not session.selected.read_only:
        session.selected.mailbox.expunge(session.selected.mailbox.deleted())
        session.selected.take_removed()
    return None


def close_that_needs_write(session: Session, arguments: Arguments) -> Outcome:
    """CLOSE is refused under EXAMINE."""
    session.writable()
    return close(session, arguments)


def close_that_removes_nothing(session: Session, arguments: Arguments) -> Outcome:
    """CLOSE does what UNSELECT does."""
    return unselect(session, arguments)


def expunge_that_only_tells(session: Session, arguments: Arguments) -> Outcome:
    """EXPUNGE tells of removals that do not happen."""
    arguments.end()
    for message in session.selected.mailbox.deleted():
        session.untagged(b"%d EXPUNGE" % (session.selected.number(message.uid) or 1))
    return None
