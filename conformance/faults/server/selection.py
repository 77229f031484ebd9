"""Servers that set a folder active wrongly: the reference server with its selections, UIDs or notices broken."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from conformance.faults.hooks import Hook, Rewrite
from conformance.reference.server.accounts import Account
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.behaviour import SELECT_ITEMS, Behaviour
from conformance.reference.server.commands_folders import status
from conformance.reference.server.commands_select import select
from conformance.reference.server.commands_session import logout
from conformance.reference.server.engine import COMMANDS
from conformance.reference.server.errors import NotUnderstood, Refused
from conformance.reference.server.session import Outcome, Session
from conformance.reference.server.store import Draft, FlagOperation, Mailbox, Message, Watcher
from conformance.reference.server.view import MailboxView

Change = Callable[[Session, bytes], bytes]


class Selecting(Protocol):
    """What serves SELECT and EXAMINE."""

    def __call__(self, session: Session, arguments: Arguments, *, examine: bool) -> Outcome: ...


def replaced(pattern: bytes, replacement: bytes | Callable[[re.Match[bytes]], bytes]) -> Rewrite:
    """Sends something else for whatever matches."""
    compiled = re.compile(pattern, re.MULTILINE)
    return lambda octets: compiled.sub(replacement, octets)


def selecting(handler: Selecting) -> Hook:
    """A fault of SELECT and EXAMINE."""
    return Hook(commands={"SELECT": partial(handler, examine=False), "EXAMINE": partial(handler, examine=True)})


def telling(change: Change) -> Hook:
    """A fault in the responses to SELECT and EXAMINE, which are changed one by one."""

    def changed(session: Session, arguments: Arguments, *, examine: bool) -> Outcome:
        start = len(session.output)
        outcome = select(session, arguments, examine=examine)
        session.output[start:] = [change(session, each) for each in session.output[start:]]
        return outcome

    return selecting(changed)


def counts_the_account(session: Session, line: bytes) -> bytes:
    """EXISTS is the number of all objects of the user."""
    if not line.endswith(b" EXISTS\r\n"):
        return line
    return b"* %d EXISTS\r\n" % sum(len(each.messages) for each in session.user.mailboxes.values())


def counts_the_unseen(session: Session, line: bytes) -> bytes:
    """UNSEEN is how many objects are unseen."""
    unseen = sum("\\Seen" not in each.flags for each in session.selected.messages)
    return re.sub(rb"\[UNSEEN \d+\]", b"[UNSEEN %d]" % unseen, line)


def counts_all_as_recent(session: Session, line: bytes) -> bytes:
    r"""RECENT counts every object, whether it carries `\Recent` or not."""
    return b"* %d RECENT\r\n" % len(session.selected.messages) if line.endswith(b" RECENT\r\n") else line


def always_has_an_unseen(_session: Session, line: bytes) -> bytes:
    """UNSEEN is told though nothing is unseen."""
    return line + b"* OK [UNSEEN 1] first unseen\r\n" if line.endswith(b" EXISTS\r\n") else line


def remembering(pattern: bytes) -> Change:
    """The response that matches is the one that was given at the first selection of the folder."""
    first: dict[Mailbox, bytes] = {}

    def change(session: Session, line: bytes) -> bytes:
        return first.setdefault(session.selected.mailbox, line) if re.search(pattern, line) else line

    return change


@dataclass
class Failing:
    """What a selection of an unknown name does instead of failing rightly."""

    then: Callable[[Session, MailboxView | None, Refused], Outcome]

    def __call__(self, session: Session, arguments: Arguments, *, examine: bool) -> Outcome:
        view = session.view
        try:
            return select(session, arguments, examine=examine)
        except Refused as refusal:
            return self.then(session, view, refusal)


def keeps_the_old(session: Session, view: MailboxView | None, refusal: Refused) -> Outcome:
    """NO, and the folder is active that was before."""
    session.view = view
    raise refusal


def says_ok(_session: Session, _view: MailboxView | None, _refusal: Refused) -> Outcome:
    """OK, and no folder is active."""
    return "[READ-ONLY] nothing there"


def says_bad(_session: Session, _view: MailboxView | None, refusal: Refused) -> Outcome:
    """BAD instead of NO."""
    raise NotUnderstood(refusal.text)


def expunges_the_old(_session: Session, view: MailboxView | None, refusal: Refused) -> Outcome:
    """NO, and what was marked in the folder that was active is gone."""
    if view is not None:
        view.mailbox.expunge(view.mailbox.deleted())
    raise refusal


def creates(session: Session, arguments: Arguments, *, examine: bool) -> Outcome:
    """A name that is not there is created."""
    ahead = copy.copy(arguments)
    ahead.space()
    with suppress(Refused):
        session.user.create(ahead.folder())
    return select(session, arguments, examine=examine)


def keeps_the_first(session: Session, arguments: Arguments, *, examine: bool) -> Outcome:
    """While a folder is active another one is only described."""
    view = session.view
    outcome = select(session, arguments, examine=examine)
    session.view = view or session.view
    return outcome


class LevelsAreFolders(Account):
    """A level without a folder of its own can be selected, and is empty."""

    def mailbox(self, name: str) -> Mailbox:
        if name in self.names() and self.naming.key(name) not in self.mailboxes:
            return Mailbox(name, 7, self.behaviour)
        return super().mailbox(name)


def expunges_what_it_leaves(session: Session, arguments: Arguments, *, examine: bool) -> Outcome:
    """SELECT is CLOSE and SELECT."""
    if session.view is not None:
        session.view.mailbox.expunge(session.view.mailbox.deleted())
    return select(session, arguments, examine=examine)


def expunges_at_logout(session: Session, arguments: Arguments) -> Outcome:
    """LOGOUT is CLOSE and LOGOUT."""
    if session.view is not None:
        session.view.mailbox.expunge(session.view.mailbox.deleted())
    return logout(session, arguments)


def reads_all(
    session: Session, arguments: Arguments, *, examine: bool, when: Collection[bool] = (False, True)
) -> Outcome:
    r"""Whatever is in a selected folder becomes `\Seen`."""
    outcome = select(session, arguments, examine=examine)
    if examine in when:
        session.selected.mailbox.store(session.selected.messages, "add", ["\\Seen"])
    return outcome


class FallingBack(Mailbox):
    """UIDNEXT is the highest UID and one more."""

    def expunge(self, messages: Collection[Message]) -> list[Message]:
        gone = super().expunge(messages)
        self.uid_next = max((each.uid for each in self.messages), default=0) + 1
        return gone


class Renumbering(Mailbox):
    """UIDs are numbers: they close up when objects are removed."""

    def expunge(self, messages: Collection[Message]) -> list[Message]:
        gone = [copy.copy(each) for each in super().expunge(messages)]
        for uid, message in enumerate(self.messages, 1):
            message.uid = uid
        return gone


class Aging(Renumbering):
    """UIDs close up, and UIDVALIDITY falls."""

    def expunge(self, messages: Collection[Message]) -> list[Message]:
        self.uid_validity -= 1
        return super().expunge(messages)


class Descending(Mailbox):
    """Each new object has a lower UID than the one before, and comes first."""

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        lowest = min((each.uid for each in self.messages), default=100_000)
        added = super().append(drafts)
        for uid, message in enumerate(added, lowest - len(added)):
            message.uid = uid
        self.messages.sort(key=lambda message: message.uid)
        self.uid_next = 100_000
        return added


class Counting(Mailbox):
    """A change of flags counts as an addition."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        self.uid_next += 1
        return super().store(messages, operation, flags, by)


class OneValidity(Account):
    """Every folder has the same UIDVALIDITY."""

    def _take_validity(self) -> int:
        return 7


class FallingValidity(Account):
    """Every new folder has a lower UIDVALIDITY than the one before."""

    def _take_validity(self) -> int:
        return 100_000 - super()._take_validity()


def renews_validity(session: Session, arguments: Arguments, *, examine: bool) -> Outcome:
    """UIDVALIDITY is another one at every selection, though the UIDs stay."""
    for mailbox in session.user.mailboxes.values():
        mailbox.uid_validity += 1
    return select(session, arguments, examine=examine)


class SteadyFlags(Mailbox):
    """Changes of flags do not raise mod-sequences."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        before = self.highest_modseq
        changed = super().store(messages, operation, flags, by)
        self.highest_modseq = before
        for message in changed:
            message.modseq = min(message.modseq, before)
        return changed


class SteadyAdditions(Mailbox):
    """Additions do not raise mod-sequences."""

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        before = self.highest_modseq
        added = super().append(drafts)
        self.highest_modseq = before
        for message in added:
            message.modseq = before
        return added


class AlwaysWritable(MailboxView):
    """EXAMINE is SELECT."""

    def __init__(self, mailbox: Mailbox, wake: Callable[[], None], *, examine: bool) -> None:
        super().__init__(mailbox, wake, examine=False)
        self.read_only = False
        self.examine = examine


class TakesRecent(MailboxView):
    r"""EXAMINE takes `\Recent` like SELECT."""

    def _claim_recent(self, messages: Sequence[Message]) -> None:
        super()._claim_recent(messages)
        if messages:
            self.mailbox.first_recent = max(self.mailbox.first_recent, messages[-1].uid + 1)


def unguarded(*names: str) -> Hook:
    """Commands that do in a folder active by EXAMINE what they do elsewhere."""

    def serve(session: Session, arguments: Arguments, *, name: str) -> Outcome:
        view = session.view
        if view is None:
            return COMMANDS[name].handler(session, arguments)
        read_only, view.read_only = view.read_only, False
        outcome = COMMANDS[name].handler(session, arguments)
        view.read_only = read_only
        return outcome

    return Hook(commands={name: partial(serve, name=name) for name in names})


def raises_the_next(session: Session, arguments: Arguments, *, examine: bool) -> Outcome:
    """Each SELECT uses up a UID."""
    outcome = select(session, arguments, examine=examine)
    session.selected.mailbox.uid_next += 0 if examine else 1
    return outcome


class ByDate(MailboxView):
    """Objects are numbered by their dates."""

    def __init__(self, mailbox: Mailbox, wake: Callable[[], None], *, examine: bool) -> None:
        super().__init__(mailbox, wake, examine=examine)
        self.messages.sort(key=lambda message: message.internal_date)


class Updating(Session):
    """Changes what is told of the changes that others made; an empty line is not sent."""

    updating = False

    def tell_updates(self, *, removals: bool) -> None:
        self.updating = True
        super().tell_updates(removals=removals)
        self.updating = False

    def untagged(self, line: bytes) -> None:
        changed = self.update(line) if self.updating else line
        if changed:
            super().untagged(changed)

    def update(self, line: bytes) -> bytes:
        """What to tell instead."""
        return line


class TellsNoAdditions(Updating):
    """EXISTS is told by SELECT only."""

    def update(self, line: bytes) -> bytes:
        return b"" if line.endswith(b" EXISTS") else line


class TellsHowManyCame(Updating):
    """EXISTS is one too many."""

    def update(self, line: bytes) -> bytes:
        return b"%d EXISTS" % (int(line.split()[0]) + 1) if line.endswith(b" EXISTS") else line


class TellsEverySecondAddition(Updating):
    """Every second EXISTS is left out."""

    additions = 0

    def update(self, line: bytes) -> bytes:
        self.additions += line.endswith(b" EXISTS")
        return b"" if line.endswith(b" EXISTS") and self.additions % 2 else line


class TellsNoFlags(Updating):
    """Flags are told when asked for."""

    def update(self, line: bytes) -> bytes:
        return b"" if b" FETCH " in line else line


class TellsFlagsOfTheNext(Updating):
    """Flags are told with the number of the next object."""

    def update(self, line: bytes) -> bytes:
        return re.sub(rb"^(\d+) FETCH", lambda match: b"%d FETCH" % (int(match[1]) + 1), line)


class Reducing(Session):
    """What others removed is told by a smaller EXISTS."""

    def _tell_removed(self, removed: list[tuple[int, Message]]) -> None:
        if removed:
            self.untagged(b"%d EXISTS" % len(self.selected.messages))


class ReducingFirst(Session):
    """A smaller EXISTS comes before the EXPUNGE responses."""

    def _tell_removed(self, removed: list[tuple[int, Message]]) -> None:
        if removed:
            self.untagged(b"%d EXISTS" % len(self.selected.messages))
        super()._tell_removed(removed)


class ForgettingRemovals(Session):
    """What others removed is not told at all."""

    def _tell_removed(self, removed: list[tuple[int, Message]]) -> None:
        """Say nothing."""


def leaves_at_bad(session: Session, arguments: Arguments, *, name: str) -> Outcome:
    """A rejected command leaves no folder active."""
    try:
        return COMMANDS[name].handler(session, arguments)
    except NotUnderstood:
        session.deselect()
        raise


def protects_at_bad(session: Session, arguments: Arguments, *, examine: bool) -> Outcome:
    """A rejected EXAMINE makes the active folder read-only."""
    try:
        return select(session, arguments, examine=examine)
    except NotUnderstood:
        if examine and session.view is not None:
            session.view.read_only = True
        raise


def status_and(then: Callable[[Session, Mailbox], object]) -> Hook:
    """STATUS does something to the session or to the folder that it names."""

    def serve(session: Session, arguments: Arguments) -> Outcome:
        ahead = copy.copy(arguments)
        ahead.space()
        name = ahead.folder()
        outcome = status(session, arguments)
        then(session, session.user.mailbox(name))
        return outcome

    return Hook(commands={"STATUS": serve})


def takes_recent(_session: Session, mailbox: Mailbox) -> None:
    r"""`\Recent` is lost."""
    mailbox.first_recent = mailbox.uid_next


def protects(session: Session, _mailbox: Mailbox) -> None:
    """The active folder becomes read-only."""
    if session.view is not None:
        session.view.read_only = True


def reads(_session: Session, mailbox: Mailbox) -> None:
    r"""Everything becomes `\Seen`."""
    mailbox.store(mailbox.messages, "add", ["\\Seen"])


def knows_every_name(session: Session, arguments: Arguments) -> Outcome:
    """STATUS of an unknown name is OK."""
    with suppress(Refused):
        return status(session, arguments)
    return None


YOUNG = Behaviour(first_uid_validity=1000)
REVERSED = tuple(reversed(SELECT_ITEMS))
