"""Parts of servers whose objects and flags go wrong only after something else was done, each with one thing changed."""

from __future__ import annotations

import copy
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import ClassVar

from conformance.faults.hooks import Hook
from conformance.reference.server.accounts import Account
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.commands_append import append
from conformance.reference.server.commands_messages import copy as copy_messages
from conformance.reference.server.commands_select import close
from conformance.reference.server.engine import COMMANDS, ServerConnection
from conformance.reference.server.errors import Refused
from conformance.reference.server.session import CommandRule, Outcome, Session
from conformance.reference.server.store import Content, Draft, FlagOperation, Mailbox, Message, Watcher
from conformance.reference.server.view import MailboxView

_UIDNEXT = re.compile(rb"\[UIDNEXT (\d+)\]")
_APPEND = re.compile(rb'\w+ APPEND "([^"]*)"')


def _target(session: Session, arguments: Arguments) -> Mailbox | None:
    """The folder that a COPY names, if it is there; the arguments stay unread."""
    ahead = copy.copy(arguments)
    ahead.space()
    ahead.sequence_set()
    ahead.space()
    with suppress(Refused):
        return session.user.mailbox(ahead.folder())
    return None


class FallsBackAtTheEnd(ServerConnection):
    """The end of a connection takes UIDs back."""

    def close(self) -> None:
        account = self.session.account
        for mailbox in account.mailboxes.values() if account else ():
            mailbox.uid_next = max((each.uid for each in mailbox.messages), default=0) + 1
        super().close()

    def _complete(self, tag: bytes, name: str, rule: CommandRule, answer: str) -> None:
        super()._complete(tag, name, rule, answer)
        if self.closed:
            self.close()


class ValidityByName(Account):
    """UIDVALIDITY comes from the name."""

    def _new_mailbox(self, name: str) -> Mailbox:
        return self.mailbox_class(name, 1 + zlib.crc32(name.encode()) % 10**6, self.behaviour)


class LagsBehind(Mailbox):
    """Knows how many of its UIDs copies have taken."""

    copies = 0


def _copy_uncounted(session: Session, arguments: Arguments) -> Outcome:
    mailbox = _target(session, arguments)
    before = mailbox.uid_next if mailbox else 0
    outcome = copy_messages(session, arguments)
    if isinstance(mailbox, LagsBehind):
        mailbox.copies += mailbox.uid_next - before
    return outcome


def _lagging(name: str) -> Callable[[Session, Arguments], Outcome]:
    def serve(session: Session, arguments: Arguments) -> Outcome:
        start = len(session.output)
        outcome = COMMANDS[name].handler(session, arguments)
        lag = getattr(session.selected.mailbox, "copies", 0)
        told = [_UIDNEXT.sub(lambda found: b"[UIDNEXT %d]" % (int(found[1]) - lag), each) for each in session.output]
        session.output[start:] = told[start:]
        return outcome

    return serve


UIDNEXT_WITHOUT_COPIES = Hook(
    mailbox=LagsBehind,
    commands=dict.fromkeys(("COPY", "UID COPY"), _copy_uncounted)
    | {name: _lagging(name) for name in ("SELECT", "EXAMINE")},
)


def number_for_uid(session: Session, text: str) -> str:
    """APPENDUID with the number of the last object of its folder in place of the UID."""
    for mailbox in session.user.mailboxes.values():
        told = f"APPENDUID {mailbox.uid_validity}"
        text = re.sub(rf"{told} \d+\]", f"{told} {len(mailbox.messages)}]", text)
    return text


def copy_telling_sources(session: Session, arguments: Arguments) -> Outcome:
    """COPY whose COPYUID names the same UIDs twice."""
    outcome = copy_messages(session, arguments)
    if not isinstance(outcome, str):
        return outcome
    return re.sub(r"COPYUID (\d+) (\S+) [^\]]+\]", r"COPYUID \1 \2 \2]", outcome)


class KnowsInterruption(ServerConnection):
    """Knows what it has heard of a command that is not complete."""

    heard = b""

    def receive(self, data: bytes) -> bytes:
        self.heard = data if _APPEND.match(data) else self.heard + data if self.heard else b""
        answer = super().receive(data)
        self.heard = b"" if re.search(rb"^A\d+ ", answer, re.MULTILINE) else self.heard
        return answer

    def close(self) -> None:
        named = _APPEND.match(self.heard)
        if named and self.session.account is not None:
            with suppress(Refused):
                self.interrupted(self.session.account.mailbox(named[1].decode()))
        self.heard = b""
        super().close()

    def interrupted(self, mailbox: Mailbox) -> None:
        """The connection ended inside an APPEND to this folder."""


class InterruptionTakesUid(KnowsInterruption):
    """Uses up a UID for nothing."""

    def interrupted(self, mailbox: Mailbox) -> None:
        mailbox.uid_next += 1


class KeepsTheFirst(KnowsInterruption):
    """Stores the first of several objects."""

    def interrupted(self, mailbox: Mailbox) -> None:
        size = int(re.findall(rb"\{(\d+)\}\r\n", self.heard)[0])
        rest = self.heard.split(b"}\r\n", 1)[1]
        if len(rest) > size:
            mailbox.append([Draft(Content(rest[:size]), frozenset(), datetime.now(UTC))])


class BeginsAgainWhenEmpty(Mailbox):
    """Begins again from UID 1 when nothing is left."""

    def expunge(self, messages: Collection[Message]) -> list[Message]:
        gone = super().expunge(messages)
        if not self.messages:
            self.uid_next = 1
        return gone


class SharesFlags(Mailbox):
    """Flags belong to octets."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        octets = {each.content.octets for each in messages}
        alike = [each for each in self.messages if each.content.octets in octets]
        return super().store(alike, operation, flags, by)


class KnowsCopies(Account):
    """Knows the folders in which the copies of an object lie."""

    def _put(self, mailbox: Mailbox) -> Mailbox:
        mailbox = super()._put(mailbox)
        if isinstance(mailbox, HasCopies):
            mailbox.account = self
        return mailbox


class HasCopies(Mailbox):
    """Copies have the very content of their source."""

    account: Account | None = None

    def elsewhere(self, messages: Iterable[Message]) -> list[tuple[Mailbox, list[Message]]]:
        """The copies of messages in other folders."""
        contents = {id(each.content) for each in messages}
        others = [each for each in self.account.mailboxes.values() if each is not self] if self.account else []
        return [(each, [one for one in each.messages if id(one.content) in contents]) for each in others]


class FlagsReachCopies(HasCopies):
    """A flag that is added is added to the copies, too."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        named, given = list(messages), list(flags)
        for mailbox, copies in self.elsewhere(named) if operation == "add" else ():
            Mailbox.store(mailbox, copies, operation, given)
        return super().store(named, operation, given, by)


class TakesTheCopies(HasCopies):
    """What is removed is removed everywhere."""

    def expunge(self, messages: Collection[Message]) -> list[Message]:
        for mailbox, copies in self.elsewhere(messages):
            Mailbox.expunge(mailbox, copies)
        return super().expunge(messages)


def copy_without_flags(session: Session, arguments: Arguments) -> Outcome:
    """COPY of the octets alone."""
    mailbox = _target(session, arguments)
    before = mailbox.uid_next if mailbox else 0
    outcome = copy_messages(session, arguments)
    for each in mailbox.messages if mailbox else ():
        each.flags = each.flags if each.uid < before else frozenset()
    return outcome


def copy_with_old_modseq(session: Session, arguments: Arguments) -> Outcome:
    """COPY that raises no mod-sequence."""
    mailbox = _target(session, arguments)
    before = mailbox.highest_modseq if mailbox else 0
    outcome = copy_messages(session, arguments)
    if mailbox is not None:
        mailbox.highest_modseq = before
        for each in mailbox.messages:
            each.modseq = min(each.modseq, before)
    return outcome


class RenameLosesFlags(Account):
    """Flags are kept by name."""

    def rename(self, name: str, new_name: str) -> None:
        super().rename(name, new_name)
        for each in self.mailbox(new_name).messages:
            each.flags = frozenset()


class RemembersView(MailboxView):
    """Knows what flags there were when its folder was selected, and what its own session changed since."""

    def __init__(self, mailbox: Mailbox, wake: Callable[[], None], *, examine: bool) -> None:
        super().__init__(mailbox, wake, examine=examine)
        self.selected = {each.uid: each.flags for each in mailbox.messages}
        self.before: dict[int, frozenset[str]] = {}

    def take_back(self) -> None:
        """Undo what its own session changed."""
        for each in self.mailbox.messages:
            each.flags = self.before.get(each.uid, each.flags)


class RemembersChanges(Mailbox):
    """Tells each view what its own session changes."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        named = list(messages)
        if isinstance(by, RemembersView):
            by.before = {each.uid: each.flags for each in named} | by.before
        return super().store(named, operation, flags, by)


class FlagsEndWithConnection(ServerConnection):
    """The end of a connection takes back what it changed in the folder that it had selected."""

    def close(self) -> None:
        self._take_back()
        super().close()

    def _complete(self, tag: bytes, name: str, rule: CommandRule, answer: str) -> None:
        if name == "LOGOUT":
            self._take_back()
        super()._complete(tag, name, rule, answer)

    def _take_back(self) -> None:
        if isinstance(self.session.view, RemembersView):
            self.session.view.take_back()


def close_losing_flags(session: Session, arguments: Arguments) -> Outcome:
    """CLOSE that does not write the flags."""
    view = session.selected
    outcome = close(session, arguments)
    if isinstance(view, RemembersView):
        view.take_back()
    return outcome


class ForgetsSilentChanges(Session):
    """Takes back what was changed by .SILENT when its folder is left."""

    def deselect(self) -> None:
        view = self.view
        if isinstance(view, RemembersView):
            view.before = {uid: flags for uid, flags in view.before.items() if uid in vars(self).get("silent", ())}
            view.take_back()
        vars(self).pop("silent", None)
        super().deselect()


def store_noting_silence(name: str) -> Callable[[Session, Arguments], Outcome]:
    """STORE that knows what was changed silently."""

    def serve(session: Session, arguments: Arguments) -> Outcome:
        told = copy.copy(arguments)
        view, before = session.selected, dict(getattr(session.selected, "before", {}))
        outcome = COMMANDS[name].handler(session, arguments)
        told.space()
        told.sequence_set()
        told.space()
        if re.match(rb"[-+]?FLAGS\.SILENT", told._line[told._position :]):
            vars(session).setdefault("silent", set()).update(set(getattr(view, "before", {})) - set(before))
        return outcome

    return serve


class LosesUpdates(Mailbox):
    """Adds to, and takes from, the flags that the changing session knew when it selected the folder."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        if not isinstance(by, RemembersView):
            return super().store(messages, operation, flags, by)
        changed, given = [], self.known_flags(flags)
        for each in messages:
            known = by.selected.get(each.uid, each.flags)
            after = {"add": known | given, "remove": known - given, "replace": given}[operation]
            changed += super().store([each], "replace", after, by)
            by.selected[each.uid] = each.flags
        return changed


class KeywordsGoWithFlags(Mailbox):
    """Taking away a system flag takes the keywords, too."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        given = list(flags)
        if operation == "remove" and any(flag.startswith("\\") for flag in given):
            given += self.keywords.values()
        return super().store(messages, operation, given, by)


class TakesAllFlags(Mailbox):
    """Taking away one flag of several takes all."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        named, given = list(messages), list(flags)
        if operation == "remove":
            given += [flag for each in named for flag in each.flags if set(given) & each.flags]
        return super().store(named, operation, given, by)


class ReplacementAdds(Mailbox):
    """Replacing is adding, unless there is nothing to add."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        given = list(flags)
        return super().store(messages, "add" if operation == "replace" and given else operation, given, by)


class RemembersMarks(Mailbox):
    r"""Keeps in mind what was once marked `\Deleted`."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        changed = super().store(messages, operation, flags, by)
        once: set[int] = vars(self).setdefault("once", set())
        once.update(each.uid for each in self.messages if "\\Deleted" in each.flags)
        return changed

    def deleted(self) -> list[Message]:
        once = vars(self).get("once", ())
        return [each for each in self.messages if each.uid in once or "\\Deleted" in each.flags]


class ReturnsWithTheNext(Mailbox):
    """Brings back, with a new object, the newest of those that were removed last."""

    lost: ClassVar[Message | None] = None

    def expunge(self, messages: Collection[Message]) -> list[Message]:
        gone = super().expunge(messages)
        vars(self)["lost"] = gone[-1] if gone else None
        return gone

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        lost: Message | None = vars(self).pop("lost", None)
        return super().append([*([lost.draft()] if lost else []), *drafts])[-len(drafts) :]


class TakesTheEqual(Mailbox):
    """Removes whatever has the octets of what it removes."""

    def expunge(self, messages: Collection[Message]) -> list[Message]:
        octets = {each.content.octets for each in messages}
        return super().expunge([each for each in self.messages if each.content.octets in octets])


class NextGetsTheLost(Mailbox):
    """Gives the first object that is stored after a removal the octets of what was removed."""

    def expunge(self, messages: Collection[Message]) -> list[Message]:
        gone = super().expunge(messages)
        vars(self)["free"] = gone[-1].content.octets if gone else None
        return gone

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        free = vars(self).pop("free", None)
        added = super().append(drafts)
        if free is not None:
            added[0].content = Content(free)
        return added


def append_here_too(session: Session, arguments: Arguments) -> Outcome:
    """APPEND to another folder, and to the active one."""
    ahead = copy.copy(arguments)
    ahead.space()
    name = ahead.folder()
    outcome = append(session, arguments)
    stored = session.user.mailbox(name)
    if session.view is not None and session.view.mailbox is not stored:
        session.view.mailbox.append([stored.messages[-1].draft()])
    return outcome


class SteadyRemovals(Mailbox):
    """Flags that are taken away raise no mod-sequence."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        before, modseqs = self.highest_modseq, {each.uid: each.modseq for each in self.messages}
        changed = super().store(messages, operation, flags, by)
        if operation == "remove":
            self.highest_modseq = before
            for each in changed:
                each.modseq = modseqs[each.uid]
        return changed


class ForgetsARemoval(Mailbox):
    """Keeps no record of the last of several that are removed at once."""

    def expunge(self, messages: Collection[Message]) -> list[Message]:
        gone = super().expunge(messages)
        if len(gone) > 1:
            self.expunge_log.pop()
        return gone
