"""What the faults of 5.5.2.20 replace in a server: what it says unasked, names, interruptions, what sessions see."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace

from conformance.faults.hooks import Hook
from conformance.faults.server import metadata, store
from conformance.faults.server.folders import spelling
from conformance.faults.server.sequence_parts import KnowsInterruption
from conformance.imap.endpoint import Credentials
from conformance.imap.names import decode_name, encode_name
from conformance.reference.server import Behaviour
from conformance.reference.server.accounts import Account, Clock
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.engine import COMMANDS, ServerConnection
from conformance.reference.server.errors import NotUnderstood
from conformance.reference.server.session import CommandRule, Continuation, Handler, Outcome, Session
from conformance.reference.server.store import Content, Draft, Mailbox, Message
from conformance.reference.server.view import MailboxView

_MEGABYTE = 1024 * 1024


class SendsNewObjects(Session):
    """Sends new objects whole, without being asked."""

    def tell_updates(self, *, removals: bool) -> None:
        start = len(self.output)
        super().tell_updates(removals=removals)
        if any(each.endswith(b" EXISTS\r\n") for each in self.output[start:]):
            number, message = len(self.selected.messages), self.selected.messages[-1]
            octets = message.content.octets
            told = (number, message.uid, len(octets), octets)
            self.untagged(b"%d FETCH (UID %d BODY[] {%d}\r\n%b)" % told)


class ListsNewFolders(Session):
    """Lists new folders without being asked."""

    def tell_updates(self, *, removals: bool) -> None:
        super().tell_updates(removals=removals)
        if self.view is None:
            return
        known: set[str] = vars(self).setdefault("known", set(self.user.names()))
        for name in self.user.names().keys() - known:
            self.untagged(b'LIST () "/" "%b"' % name.encode())
            known.add(name)


def idle_without_end(_session: Session, arguments: Arguments) -> Outcome:
    """IDLE that does not know DONE."""
    arguments.end()

    def end(_line: bytes) -> Outcome:
        raise NotUnderstood("a command expected")

    return Continuation(b"idling", end, live=True)


class TellsNothingWhileIdling(ServerConnection):
    """Takes IDLE, and tells what has changed when it is over."""

    def pending(self) -> bytes:
        idling = self._waiting is not None and self._waiting.continuation.live
        return b"" if idling else super().pending()


class MiscountsWhileIdling(ServerConnection):
    """Tells a removal by a number that is one too high, where it tells it unasked."""

    def pending(self) -> bytes:
        return re.sub(rb"(?<=\* )\d+(?= EXPUNGE)", lambda number: b"%d" % (int(number[0]) + 1), super().pending())


def naming(change: Callable[[str], str]) -> Hook:
    """A server that takes names for other ones."""

    class Wrong(Account):
        def __init__(self, credentials: Credentials, behaviour: Behaviour, clock: Clock) -> None:
            super().__init__(credentials, behaviour, clock)
            canonical = self.naming.canonical
            self.naming.canonical = lambda name: canonical(change(name))  # type: ignore[method-assign]

    return Hook(account=Wrong)


def in_latin_1(name: str) -> str:
    """A name whose letters outside ISO 8859-1 are question marks."""
    return encode_name(decode_name(name.encode()).encode("latin-1", "replace").decode("latin-1")).decode()


def with_split_surrogates(name: bytes) -> bytes:
    """A name whose surrogates are encoded one by one."""

    def one_by_one(found: re.Match[bytes]) -> bytes:
        units = decode_name(found[0]).encode("utf-16-be")
        pairs = (units[at : at + 2] for at in range(0, len(units), 2))
        return b"".join(b"&" + b64encode(each).rstrip(b"=").replace(b"/", b",") + b"-" for each in pairs)

    return re.sub(rb"&2[^-]*-", one_by_one, name)


class DropsTheRepeated(Mailbox):
    """Takes the first object that comes after an interruption for one that it has, and says OK."""

    was_cut = False

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        added = super().append(drafts)
        if self.was_cut:
            self.messages = self.messages[: -len(added)]
        self.was_cut = False
        return added


class NotesInterruption(KnowsInterruption):
    """Tells a folder that an APPEND to it was interrupted."""

    def interrupted(self, mailbox: Mailbox) -> None:
        if isinstance(mailbox, DropsTheRepeated):
            mailbox.was_cut = True


class CutsOff(Mailbox):
    """Keeps the first megabyte of an object."""

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        return super().append([replace(each, content=Content(each.content.octets[:_MEGABYTE])) for each in drafts])


def one_too_high(found: re.Match[str]) -> str:
    """The UIDs of an APPENDUID, each raised by one."""
    return found[1] + " " + re.sub(r"\d+", lambda uid: str(int(uid[0]) + 1), found[2]) + "]"


class SelectsOnce(Session):
    """Shows of a folder, whenever it is selected, what was there the first time, and what the session stored."""

    def select(self, mailbox: Mailbox, *, examine: bool) -> MailboxView:
        view = super().select(mailbox, examine=examine)
        first: dict[Mailbox, int] = vars(self).setdefault("first", {})
        end = first.setdefault(mailbox, mailbox.uid_next)
        own: set[tuple[Mailbox, int]] = vars(self).get("own", set())
        view.messages = [each for each in view.messages if each.uid < end or (mailbox, each.uid) in own]
        return view


def noting_own(name: str) -> Handler:
    """A command whose session knows which objects it has stored by it."""

    def serve(session: Session, arguments: Arguments) -> Outcome:
        before = {each: each.uid_next for each in session.user.mailboxes.values()}
        outcome = COMMANDS[name].handler(session, arguments)
        own: set[tuple[Mailbox, int]] = vars(session).setdefault("own", set())
        own.update((each, uid) for each, first in before.items() for uid in range(first, each.uid_next))
        return outcome

    return serve


class KnowsFolders(Session):
    """Knows which folders there were when it began, and which it has created."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "account" and isinstance(value, Account):
            vars(self)["known"] = set(value.names())


def list_of_known_folders(session: Session, arguments: Arguments) -> Outcome:
    """LIST without the folders that another session has created since this one began."""
    names, known = session.user.names, vars(session)["known"]
    session.user.names = lambda: {name: each for name, each in names().items() if name in known}  # type: ignore[method-assign]
    try:
        return COMMANDS["LIST"].handler(session, arguments)
    finally:
        session.user.names = names  # type: ignore[method-assign]


def create_known_folder(session: Session, arguments: Arguments) -> Outcome:
    """CREATE whose session knows the folder."""
    before = set(session.user.names())
    outcome = COMMANDS["CREATE"].handler(session, arguments)
    vars(session)["known"] |= session.user.names().keys() - before
    return outcome


class RenewsAtTheEnd(ServerConnection):
    """LOGOUT renews the UIDVALIDITY of all folders."""

    def _complete(self, tag: bytes, name: str, rule: CommandRule, answer: str) -> None:
        account = self.session.account
        super()._complete(tag, name, rule, answer)
        for each in account.mailboxes.values() if account and name == "LOGOUT" else ():
            each.uid_validity += 1
            self.renew(each)

    def renew(self, mailbox: Mailbox) -> None:
        """UIDs stay as they were."""


class AssignsAnew(RenewsAtTheEnd):
    """LOGOUT also assigns the UIDs anew."""

    def renew(self, mailbox: Mailbox) -> None:
        for uid, each in enumerate(mailbox.messages, 1):
            each.uid = uid
        mailbox.uid_next = len(mailbox.messages) + 1


HOOKS = {
    "new-objects-are-sent-unasked": Hook(session=SendsNewObjects),
    "new-folders-are-listed-unasked": Hook(session=ListsNewFolders),
    "done-is-not-understood": Hook(commands={"IDLE": idle_without_end}),
    "nothing-is-told-while-idling": Hook(connection=TellsNothingWhileIdling),
    "removals-miscounted-while-idling": Hook(connection=MiscountsWhileIdling),
    "names-are-kept-in-latin-1": naming(in_latin_1),
    "surrogate-pairs-are-split": spelling(with_split_surrogates),
    "ampersand-is-listed-bare": spelling(lambda name: name.replace(b"&-", b"&")),
    "names-end-at-a-space": naming(lambda name: name.partition(" ")[0]),
    "backslashes-in-names-are-doubled": spelling(lambda name: name.replace(b"\\\\", b"\\" * 4)),
    "quotes-in-names-unescaped": spelling(lambda name: re.sub(rb"\\(.)", rb"\1", name)),
    "outer-spaces-are-trimmed": spelling(bytes.strip),
    "large-objects-are-cut-off": Hook(mailbox=CutsOff),
    "metadata-of-each-session": Hook(connection=metadata.OwnMetadata),
    "backslashes-vanish-from-metadata": metadata.annotating(
        lambda changes: {entry: value and value.replace(b"\\", b"") for entry, value in changes.items()}
    ),
    "removed-metadata-is-empty": metadata.annotating(
        lambda changes: {entry: value or b"" for entry, value in changes.items()}
    ),
    "annotations-of-stored-objects-lost": metadata.without_annotations_of_stored_objects(),
    "store-after-interruption-is-dropped": Hook(connection=NotesInterruption, mailbox=DropsTheRepeated),
    "appenduid-is-one-too-high": store.telling(
        lambda _, text: re.sub(r"(?<=APPENDUID )(\d+) (\S+)\]", one_too_high, text)
    ),
    "selection-shows-the-first-one": Hook(
        session=SelectsOnce,
        commands={name: noting_own(name) for name in ("APPEND", "COPY", "UID COPY", "MOVE", "UID MOVE")},
    ),
    "folders-of-others-are-not-listed": Hook(
        session=KnowsFolders, commands={"LIST": list_of_known_folders, "CREATE": create_known_folder}
    ),
    "validity-changes-with-each-session": Hook(connection=RenewsAtTheEnd),
    "uids-anew-in-each-session": Hook(connection=AssignsAnew),
}
