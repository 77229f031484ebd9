"""Servers that change metadata wrongly, or tell of it wrongly: the reference server with one part replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from conformance.faults.hooks import Hook
from conformance.reference.server.accounts import Account
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.behaviour import SETTABLE_SYSTEM_FLAGS
from conformance.reference.server.commands_append import append
from conformance.reference.server.commands_messages import store
from conformance.reference.server.commands_session import capabilities
from conformance.reference.server.engine import ServerConnection
from conformance.reference.server.errors import NotUnderstood, Refused
from conformance.reference.server.fetch import fetch
from conformance.reference.server.responses import nstring
from conformance.reference.server.session import CommandRule, Handler, Outcome, Session
from conformance.reference.server.store import SYSTEM_FLAGS, FlagOperation, Mailbox, Message, Watcher
from conformance.reference.server.view import MailboxView
from conformance.servers.protocol import Ability
from conformance.servers.reference import ReferenceStorageServer

Storing = Callable[[list[Message], FlagOperation, list[str]], tuple[list[Message], FlagOperation, list[str]]]


def storing(change: Storing) -> Hook:
    """A server that stores something else than it is told."""

    class Wrong(Mailbox):
        def store(
            self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
        ) -> list[Message]:
            return super().store(*change(list(messages), operation, list(flags)), by)

    return Hook(mailbox=Wrong)


def hearing(pattern: bytes, replacement: bytes | Callable[[re.Match[bytes]], bytes]) -> Hook:
    """A server that hears something else than the client says."""
    compiled = re.compile(pattern)

    class Wrong(ServerConnection):
        def receive(self, data: bytes) -> bytes:
            return super().receive(compiled.sub(replacement, data))

    return Hook(connection=Wrong)


def saying(pattern: bytes, replacement: bytes) -> Hook:
    """A server that sends something else than it means to."""
    compiled = re.compile(pattern)
    return Hook(rewrite=lambda octets: compiled.sub(replacement, octets))


def without_empty_lists(session: Session, arguments: Arguments) -> Outcome:
    """STORE with an empty list of flags is not understood."""
    if arguments._line.endswith(b"()"):
        raise NotUnderstood("a flag expected")
    return store(session, arguments)


def store_telling_its_argument(session: Session, arguments: Arguments) -> Outcome:
    """STORE that answers with the flags of the command."""
    named = re.search(rb"FLAGS \(?([^()]*)\)?$", arguments._line)
    start = len(session.output)
    outcome = store(session, arguments)
    if named is not None:
        shown = [re.sub(rb"FLAGS \([^)]*\)", lambda _: b"FLAGS (%b)" % named[1], each) for each in session.output]
        session.output[start:] = shown[start:]
    return outcome


class OwnCopy(MailboxView):
    """Every session has its own flags."""

    def __init__(self, mailbox: Mailbox, wake: Callable[[], None], *, examine: bool) -> None:
        super().__init__(mailbox, wake, examine=examine)
        self.messages = [replace(each) for each in self.messages]


class ForgetfulAtTheEnd(Session):
    """Flags are lost when their folder is left."""

    def deselect(self) -> None:
        view = self.view
        super().deselect()
        if view is not None and not view.read_only:
            for message in view.mailbox.messages:
                message.flags = frozenset()


class NotToldOfFlags(MailboxView):
    """What others change is not told."""

    def flagged(self, messages: Sequence[Message]) -> None:
        """Nobody is told."""


class TellsNoUid(Session):
    """Notices of flags have no UID, not even in answer to UID STORE."""

    def tell_flags(self, number: int, message: Message, *, silent: bool = False) -> None:
        by_uid, self.uid_command = self.uid_command, False
        super().tell_flags(number, message, silent=silent)
        self.uid_command = by_uid


class KeepsEverything(Mailbox):
    """Flags are kept whether they are permanent or not."""

    def _known_flag(self, flag: str) -> str | None:
        return SYSTEM_FLAGS.get(flag.lower()) or super()._known_flag(flag)


class ListsOnlySystemFlags(Session):
    """PERMANENTFLAGS hides what is kept besides the system flags."""

    def permanent_flags_line(self) -> bytes:
        return b"OK [PERMANENTFLAGS (" + " ".join(SETTABLE_SYSTEM_FLAGS).encode() + b")] flags kept"


class WritesUnderExamine(Session):
    """EXAMINE and rights do not keep from changing."""

    def writable(self) -> Mailbox:
        return self.selected.mailbox


class DropsKeywords(Mailbox):
    r"""New keywords are dropped, though `\*` is announced."""

    def _known_flag(self, flag: str) -> str | None:
        return super()._known_flag(flag) if flag.startswith("\\") else None


class KeywordsByCase(Mailbox):
    """Keywords that differ in case are different ones."""

    def _known_flag(self, flag: str) -> str | None:
        return super()._known_flag(flag) if flag.startswith("\\") else self.keywords.setdefault(flag, flag)


class FewKeywords(DropsKeywords):
    """After the tenth keyword of a folder the others are dropped."""

    def _known_flag(self, flag: str) -> str | None:
        known = len(self.keywords) < 10 or flag.lower() in self.keywords
        return Mailbox._known_flag(self, flag) if known else super()._known_flag(flag)


class HidesKeywords(Session):
    """FLAGS holds the system flags only."""

    def flags_line(self) -> bytes:
        return b"FLAGS (" + " ".join(SETTABLE_SYSTEM_FLAGS).encode() + b")"


class SameModSequence(Mailbox):
    """A change of flags has no mod-sequence of its own."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        before = {each: each.modseq for each in self.messages}
        changed = super().store(messages, operation, flags, by)
        for message in changed:
            message.modseq = before[message]
        return changed


class EveryModSequence(Mailbox):
    """A change of one object counts as a change of all."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        changed = super().store(messages, operation, flags, by)
        for message in self.messages:
            message.modseq = self.highest_modseq
        return changed


def annotating(change: Callable[[dict[str, bytes | None]], dict[str, bytes | None]]) -> Hook:
    """A server that keeps other metadata of folders than it is told."""

    class Wrong(Mailbox):
        def annotate(self, changes: dict[str, bytes | None]) -> None:
            super().annotate(change(changes))

    return Hook(mailbox=Wrong)


class MetadataOfTheSession(ServerConnection):
    """Metadata of folders is lost with the session that set it."""

    def _complete(self, tag: bytes, name: str, rule: CommandRule, answer: str) -> None:
        super()._complete(tag, name, rule, answer)
        if self.closed:
            self.close()

    def close(self) -> None:
        account = self.session.account
        super().close()
        for mailbox in account.mailboxes.values() if account else ():
            mailbox.annotations.clear()


class OwnMetadata(ServerConnection):
    """Each session has comments of its own."""

    def receive(self, data: bytes) -> bytes:
        own = b"/private/c%d" % id(self)
        return super().receive(data.replace(b"/private/comment", own)).replace(own, b"/private/comment")


class MetadataOfTheAccount(Account):
    """All folders share their metadata."""

    def mailbox(self, name: str) -> Mailbox:
        found = super().mailbox(name)
        found.annotations = self.annotations
        return found


def refused(_session: Session, _arguments: Arguments) -> Outcome:
    """The command is announced, and refused."""
    raise Refused("not today")


class OutOfOrder(ServerConnection):
    """Of commands that come together, those that only look run first."""

    def receive(self, data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        if not (len(lines) > 1 and b" UID STORE " in data):
            return super().receive(data)
        return b"".join(super(OutOfOrder, self).receive(line) for line in sorted(lines, key=_changes))


class OnlyTheFirst(ServerConnection):
    """Of commands that come together, changes after the first are answered and not done."""

    def receive(self, data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        if len(lines) > 1 and b" UID STORE " in data:
            data = lines[0] + b"".join(_harmless(line) for line in lines[1:])
        return super().receive(data)


def _changes(line: bytes) -> bool:
    return b" FETCH " not in line


def _harmless(line: bytes) -> bytes:
    return line.split()[0] + b" NOOP\r\n" if b" STORE " in line or b"EXPUNGE" in line else line


class Restarting(ReferenceStorageServer):
    """A server that can be stopped and started, as far as a client can tell."""

    abilities = ReferenceStorageServer.abilities | {Ability.RESTART}
    forgets = False

    def restart(self) -> None:
        """Forget what was not written down, if anything."""
        if self.forgets:
            with self.server.accounts.lock:
                for account in self.server.accounts._accounts.values():
                    for mailbox in account.mailboxes.values():
                        for message in mailbox.messages:
                            message.flags -= {"\\Seen"}


@dataclass(frozen=True)
class Annotating(Hook):
    """What is wrong in a server whose messages can be annotated; without the fault they still can."""

    @property
    def removed(self) -> Hook:
        """The same server with right annotations."""
        return with_annotations()


Annotations = dict[tuple[int, str], bytes]
_STORE = re.compile(rb"UID STORE (\d+) ANNOTATION \(/comment \((value\.\w+) (NIL|\{\d+\+?\})\)\)", re.IGNORECASE)
_APPEND = re.compile(rb" ANNOTATION \(/comment \([^)]*\)\)")


def with_annotations(keep: Callable[[Annotations, tuple[int, str], bytes], None] = dict.__setitem__) -> Hook:
    """A server whose messages can be annotated (RFC 5257); `keep` stores a value."""
    kept: dict[Mailbox, Annotations] = {}

    def capability(session: Session, arguments: Arguments) -> Outcome:
        arguments.end()
        session.untagged(f"CAPABILITY {capabilities(session)} ANNOTATE-EXPERIMENT-1".encode())
        return None

    def annotate(session: Session, arguments: Arguments) -> Outcome:
        match = _STORE.search(arguments._line)
        if match is None:
            return store(session, arguments)
        values = kept.setdefault(session.selected.mailbox, {})
        place = int(match[1]), match[2].decode()
        if match[3] == b"NIL":
            values.pop(place, None)
        else:
            keep(values, place, next(arguments._literals))
        return None

    def show(session: Session, arguments: Arguments) -> Outcome:
        if b"ANNOTATION" not in arguments._line:
            return fetch(session, arguments)
        values = kept.get(session.selected.mailbox, {})
        for number, message in enumerate(session.selected.messages, 1):
            shown = [name + b" " + _string(values.get((message.uid, name.decode()))) for name in _ATTRIBUTES]
            comment = b"(/comment (" + b" ".join(shown) + b"))"
            session.untagged(b"%d FETCH (UID %d ANNOTATION %b)" % (number, message.uid, comment))
        return None

    def append_annotated(session: Session, arguments: Arguments) -> Outcome:
        given = _APPEND.search(arguments._line)
        name = arguments._line.split(b'"')[1].decode()
        arguments._line = _APPEND.sub(b"", arguments._line)
        outcome = append(session, arguments)
        mailbox = session.user.mailbox(name)
        for attribute, value in re.findall(rb'(value\.\w+) "([^"]*)"', given[0]) if given else ():
            keep(kept.setdefault(mailbox, {}), (mailbox.messages[-1].uid, attribute.decode()), value)
        return outcome

    commands: dict[str, Handler] = {
        "CAPABILITY": capability,
        "UID STORE": annotate,
        "UID FETCH": show,
        "APPEND": append_annotated,
    }
    return Annotating(commands=commands)


def without_annotations_of_stored_objects() -> Hook:
    """A server that keeps annotations, but not those that an object is stored with."""

    def append_bare(session: Session, arguments: Arguments) -> Outcome:
        arguments._line = _APPEND.sub(b"", arguments._line)
        return append(session, arguments)

    annotating = with_annotations()
    return replace(annotating, commands={**annotating.commands, "APPEND": append_bare})


_ATTRIBUTES = (b"value.priv", b"value.shared")


def _string(value: bytes | None) -> bytes:
    return nstring(value) if value is None else b"{%d}\r\n%b" % (len(value), value)


def mixed(values: Annotations, place: tuple[int, str], value: bytes) -> None:
    """The private and the shared value are one."""
    for name in _ATTRIBUTES:
        values[place[0], name.decode()] = value


def altered(values: Annotations, place: tuple[int, str], value: bytes) -> None:
    """Quotes are changed."""
    values[place] = value.replace(b'"', b"'")


def dropped(_values: Annotations, _place: tuple[int, str], _value: bytes) -> None:
    """Nothing is kept."""


def storing_with(handler: Handler) -> Hook:
    """A fault of STORE and UID STORE."""
    return Hook(commands={"STORE": handler, "UID STORE": handler})
