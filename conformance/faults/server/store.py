"""Servers that store objects wrongly: the reference server's own APPEND, with one thing done otherwise."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.utils import parsedate_to_datetime

from conformance.faults.hooks import Hook
from conformance.reference.server.accounts import Account
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.commands_append import append
from conformance.reference.server.engine import ServerConnection
from conformance.reference.server.errors import NotUnderstood, Refused
from conformance.reference.server.session import Outcome, Session
from conformance.reference.server.store import Content, Draft, Mailbox, Message
from conformance.reference.server.view import MailboxView

_CUT = re.compile(rb'APPEND "([^"]*)"[^\r\n]* \{(\d+)(\+?)\}\r\n')
_SECOND = re.compile(rb" \{\d+\}\r\n")
_AT_ONCE = re.compile(rb'(APPEND "([^"]*)") \{\d+\+\}\r\n')
_ANNOUNCED = re.compile(rb"\{(\d+)\}\r\n\Z")


def drafts(change: Callable[[Draft], Draft]) -> Hook:
    """Every stored object is changed before it is stored."""

    class Changing(Account):
        def append(self, mailbox: Mailbox, drafts: Sequence[Draft]) -> list[Message]:
            return super().append(mailbox, [change(each) for each in drafts])

    return Hook(account=Changing)


def content(alter: Callable[[bytes], bytes]) -> Hook:
    """Other octets are stored than came."""
    return drafts(lambda draft: replace(draft, content=Content(alter(draft.content.octets))))


def flags(alter: Callable[[frozenset[str]], frozenset[str]]) -> Hook:
    """Other flags are set than were given."""
    return drafts(lambda draft: replace(draft, flags=alter(draft.flags)))


def date(alter: Callable[[datetime], datetime]) -> Hook:
    """Another date is set than was given."""
    return drafts(lambda draft: replace(draft, internal_date=alter(draft.internal_date)))


def date_of_header(draft: Draft) -> Draft:
    """Dated by the Date field, where there is one."""
    header = message_from_bytes(draft.content.octets)["Date"]
    return replace(draft, internal_date=parsedate_to_datetime(header)) if header else draft


def seen_by_header(draft: Draft) -> Draft:
    r"""\Seen where the header says that the object was read."""
    return replace(draft, flags=draft.flags | {"\\Seen"}) if b"Status: RO" in draft.content.octets else draft


class RemembersFlags(Account):
    """Gives an object without flags those of the one before."""

    former = frozenset[str]()

    def append(self, mailbox: Mailbox, drafts: Sequence[Draft]) -> list[Message]:
        given = [replace(each, flags=each.flags or self.former) for each in drafts]
        self.former = given[-1].flags
        return super().append(mailbox, given)


class RemembersDates(Account):
    """Gives every object that comes without a date of its own the oldest date that was ever given."""

    oldest = datetime.max.replace(tzinfo=UTC)

    def append(self, mailbox: Mailbox, drafts: Sequence[Draft]) -> list[Message]:
        self.oldest = min(self.oldest, *(each.internal_date for each in drafts))
        given_before = self.clock() - timedelta(hours=1)
        dated = [
            each if each.internal_date < given_before else replace(each, internal_date=self.oldest) for each in drafts
        ]
        return super().append(mailbox, dated)


class OnlyTheFirst(Account):
    """Stores the first of several objects, and says OK."""

    def append(self, mailbox: Mailbox, drafts: Sequence[Draft]) -> list[Message]:
        return super().append(mailbox, drafts[:1])


class Backwards(Account):
    """Stores several objects in the opposite order."""

    def append(self, mailbox: Mailbox, drafts: Sequence[Draft]) -> list[Message]:
        return super().append(mailbox, drafts[::-1])


class KeepsOneOfEach(Account):
    """Stores no object whose octets are in the folder already."""

    def append(self, mailbox: Mailbox, drafts: Sequence[Draft]) -> list[Message]:
        known = {each.content.octets: each for each in mailbox.messages}
        new = [each for each in drafts if each.content.octets not in known]
        return [*known.values(), *super().append(mailbox, new)][-1:]


class OneOfEachMessageId(Account):
    """Replaces the octets of an object that has the Message-ID of the new one."""

    def append(self, mailbox: Mailbox, drafts: Sequence[Draft]) -> list[Message]:
        stored = super().append(mailbox, drafts)
        named = message_from_bytes(stored[-1].content.octets)["Message-ID"]
        for each in mailbox.messages:
            if message_from_bytes(each.content.octets)["Message-ID"] == named:
                each.content = stored[-1].content
        return stored


class SortsByDate(Mailbox):
    """Puts a new object where its date belongs."""

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        stored = super().append(drafts)
        ordered = sorted(self.messages, key=lambda each: each.internal_date)
        contents = [(each.content, each.internal_date) for each in ordered]
        for message, (content, moment) in zip(self.messages, contents, strict=True):
            message.content, message.internal_date = content, moment
        return stored


class SharesOneBuffer(ServerConnection):
    """Changes whatever of an object does not come in one piece with its beginning."""

    def receive(self, data: bytes) -> bytes:
        return super().receive(data if b" " in data[:40] and b"\r\n" in data else data.swapcase())


class FillsOneBuffer(ServerConnection):
    """Puts the octets of objects, of whatever session, into one buffer of the account."""

    left = 0

    def receive(self, data: bytes) -> bytes:
        account = self.session.account
        if isinstance(account, StoresFromOneBuffer):
            account.buffer += data[: self.left]
        found = None if self.left else _ANNOUNCED.search(data)
        self.left = int(found[1]) if found else max(self.left - len(data), 0)
        return super().receive(data)


class StoresFromOneBuffer(Account):
    """Takes as many octets out of the buffer as the object has."""

    buffer = b""

    def append(self, mailbox: Mailbox, drafts: Sequence[Draft]) -> list[Message]:
        size = len(drafts[-1].content.octets)
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return super().append(mailbox, [*drafts[:-1], replace(drafts[-1], content=Content(taken))])


class StoresBeforeItChecks(Account):
    """Looks for room and for the right to write when the object is stored already."""

    def append(self, mailbox: Mailbox, drafts: Sequence[Draft]) -> list[Message]:
        stored = mailbox.append(drafts)
        self.check_writable(mailbox)
        if self.quota is not None and sum(each.octets for each in self.mailboxes.values()) > self.quota:
            raise Refused("the account is full", "OVERQUOTA")
        return stored


class StoresWhatFits(Account):
    """Stores as much of an object as there is room for, and refuses it."""

    def append(self, mailbox: Mailbox, drafts: Sequence[Draft]) -> list[Message]:
        try:
            return super().append(mailbox, drafts)
        except Refused:
            octets = drafts[0].content.octets[:1000]
            mailbox.append([replace(drafts[0], content=Content(octets))])
            raise


def when_refused(then: Callable[[Session, Mailbox], object]) -> Hook:
    """A store that is refused, after which something is done to the folder all the same."""

    def handler(session: Session, arguments: Arguments) -> Outcome:
        ahead = copy.copy(arguments)
        try:
            return append(session, arguments)
        except (Refused, NotUnderstood):
            ahead.space()
            mailbox = session.user.mailboxes.get(ahead.folder())
            if mailbox is not None:
                then(session, mailbox)
            raise

    return Hook(commands={"APPEND": handler})


def keeps_a_part(session: Session, mailbox: Mailbox) -> None:
    """Some octets of the object stay."""
    mailbox.append([Draft(Content(b"From: "), frozenset(), session.user.clock())])


def takes_an_identifier(_: Session, mailbox: Mailbox) -> None:
    """UIDNEXT rises, though nothing was stored."""
    mailbox.uid_next += 1


def removes_the_last(_: Session, mailbox: Mailbox) -> None:
    """The last object is taken back, which was there before."""
    mailbox.expunge(mailbox.messages[-1:])


def marks_the_last(_: Session, mailbox: Mailbox) -> None:
    """The last object is marked."""
    mailbox.store(mailbox.messages[-1:], "add", ["\\Deleted"])


class _Remembering(ServerConnection):
    """Remembers all that it has heard."""

    heard = b""

    def receive(self, data: bytes) -> bytes:
        self.heard += data
        return super().receive(data)


def cutting(*, least: int = 1, whole: bool = False, plus: bytes = b"") -> Hook:
    """What came of an object is stored when the connection ends: from some octets on, or only when all came."""

    class KeepsThePart(_Remembering):
        def close(self) -> None:
            found = list(_CUT.finditer(self.heard))
            if found and self.session.account is not None:
                self._keep(found[-1], self.session.account)
            super().close()

        def _keep(self, found: re.Match[bytes], account: Account) -> None:
            size, rest = int(found[2]), self.heard[found.end() :]
            if least <= len(rest) <= size and (not whole or len(rest) == size) and plus in found[3]:
                mailbox = account.mailbox(found[1].decode())
                mailbox.append([Draft(Content(rest), frozenset(), account.clock())])

    return Hook(connection=KeepsThePart)


class KeepsTheFirst(_Remembering):
    """Stores the first of several objects when the connection ends before the last."""

    def close(self) -> None:
        found = list(_CUT.finditer(self.heard))
        account = self.session.account
        if found and account is not None:
            size, rest = int(found[-1][2]), self.heard[found[-1].end() :]
            if _SECOND.match(rest[size:]):
                mailbox = account.mailbox(found[-1][1].decode())
                mailbox.append([Draft(Content(rest[:size]), frozenset(), account.clock())])
        super().close()


def missing(then: Callable[[Session, str], Outcome]) -> Hook:
    """A store into a folder that is not there, answered in another way."""

    def handler(session: Session, arguments: Arguments) -> Outcome:
        ahead = copy.copy(arguments)
        ahead.space()
        name = ahead.folder()
        if name not in session.user.mailboxes:
            answer = then(session, name)
            if answer is not None:
                return answer
        return append(session, arguments)

    return Hook(commands={"APPEND": handler})


def creates(session: Session, name: str) -> Outcome:
    """The folder is created."""
    session.user.create(name)
    return None


def creates_and_refuses(session: Session, name: str) -> Outcome:
    """The folder is created, and the store refused."""
    session.user.create(name)
    raise Refused("there is no such folder", "TRYCREATE")


def creates_superiors(session: Session, name: str) -> Outcome:
    """The superiors of the folder are created."""
    for superior in session.user.naming.superiors(name):
        if superior not in session.user.mailboxes:
            session.user.create(superior)
    return None


def says_bad(_: Session, __: str) -> Outcome:
    """A tagged BAD."""
    raise NotUnderstood("there is no such folder")


def refuses_with(code: str | None, text: str = "there is no such folder") -> Callable[[Session, str], Outcome]:
    """A tagged NO with another code, or with none."""

    def refused(_: Session, __: str) -> Outcome:
        raise Refused(text, code)

    return refused


def says_ok(_: Session, __: str) -> Outcome:
    """OK, and nothing happens."""
    return "done"


class LeavesTheObject(ServerConnection):
    """Does not read the object that comes at once with a command for a missing folder."""

    def receive(self, data: bytes) -> bytes:
        found, account = _AT_ONCE.search(data), self.session.account
        if found and account and found[2].decode() not in account.mailboxes:
            data = data.replace(found[0], found[1] + b"\r\n", 1)
        return super().receive(data)


def telling(change: Callable[[Session, str], str]) -> Hook:
    """APPEND with another text in its OK."""

    def handler(session: Session, arguments: Arguments) -> Outcome:
        answer = append(session, arguments)
        return change(session, answer) if isinstance(answer, str) else answer

    return Hook(commands={"APPEND": handler})


def validity_of_the_active(session: Session, text: str) -> str:
    """APPENDUID with the UIDVALIDITY of the active folder."""
    active = session.view.mailbox.uid_validity if session.view else 1
    return re.sub(r"APPENDUID \d+", f"APPENDUID {active}", text)


class FillsGaps(Mailbox):
    """Goes on after the highest identifier that is still there."""

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        self.uid_next = max((each.uid for each in self.messages), default=0) + 1
        return super().append(drafts)


class Silent(Session):
    """Tells nothing of changes together with APPEND."""

    def tell_updates(self, *, removals: bool) -> None:
        if not vars(self).pop("stored", False):
            super().tell_updates(removals=removals)


def tells_later(session: Session, arguments: Arguments) -> Outcome:
    """APPEND whose EXISTS comes with the next command."""
    vars(session)["stored"] = True
    return append(session, arguments)


def takes_no_padding(session: Session, arguments: Arguments) -> Outcome:
    """APPEND that wants two digits of the day."""
    ahead = copy.copy(arguments)
    ahead.space()
    ahead.folder()
    ahead.space()
    if ahead.peek() == b'"' and ahead.string().startswith(b" "):
        raise NotUnderstood("a day of two digits expected")
    return append(session, arguments)


def refuses_all(_: Session, __: Arguments) -> Outcome:
    """NO to every store."""
    raise Refused("nothing can be stored")


class KnowsCapitals(ServerConnection):
    """Knows APPEND in capitals only."""

    def receive(self, data: bytes) -> bytes:
        return super().receive(re.sub(rb"^(\w+) append ", rb"\1 xappend ", data))


class KnowsNoLiteralNames(ServerConnection):
    """Does not take the name of a folder as a literal."""

    def receive(self, data: bytes) -> bytes:
        return super().receive(re.sub(rb"^(\w+ APPEND) \{\d+\}\r\n", rb"\1 (\r\n", data))


class OnlyAnnounces(ServerConnection):
    """Announces LITERAL+, and takes its announcement of an object for a mistake."""

    def receive(self, data: bytes) -> bytes:
        return super().receive(re.sub(rb"( \{\d+\+\}\r\n)", rb" (\1", data))


class BlindView(MailboxView):
    """Does not see objects that are stored after the selection."""

    def appended(self, messages: Sequence[Message]) -> None:
        """Nothing is noticed."""


class OwnView(MailboxView):
    """Sees the newest object only."""

    def appended(self, messages: Sequence[Message]) -> None:
        super().appended(messages)
        del self._arrived[:-1]


class AddsFlags(Account):
    """Adds the flags of every object before."""

    former = frozenset[str]()

    def append(self, mailbox: Mailbox, drafts: Sequence[Draft]) -> list[Message]:
        self.former = self.former.union(*(each.flags for each in drafts))
        return super().append(mailbox, [replace(each, flags=self.former) for each in drafts])


def uid_of_the_equal(session: Session, text: str) -> str:
    """APPENDUID of the first object in any folder with the octets of the last that was stored there."""
    for mailbox in session.user.mailboxes.values():
        last = mailbox.messages[-1].content.octets if mailbox.messages else b""
        equal = next((each.uid for each in mailbox.messages if each.content.octets == last), 0)
        text = re.sub(rf"APPENDUID {mailbox.uid_validity} \d+", f"APPENDUID {mailbox.uid_validity} {equal}", text)
    return text


def refuses_8_bit(draft: Draft) -> Draft:
    """NO to an object with 8-bit octets."""
    if not draft.content.octets.isascii():
        raise Refused("8-bit data cannot be stored")
    return draft


def _encoded(octets: bytes, encoding: bytes) -> bytes:
    header, blank, body = octets.partition(b"\r\n\r\n")
    if octets.isascii() or b"multipart" in header:
        return octets
    return header.replace(b"8bit", encoding) + blank + base64.encodebytes(body).replace(b"\n", b"\r\n")


def encodes_openly(octets: bytes) -> bytes:
    """8-bit data in BASE64, as its header then says."""
    return _encoded(octets, b"base64")


def encodes_secretly(octets: bytes) -> bytes:
    """8-bit data in BASE64, of which its header says nothing."""
    return _encoded(octets, b"8bit")


def whole_hours(moment: datetime) -> datetime:
    """The moment as if its zone were whole hours from UTC."""
    offset = moment.utcoffset() or timedelta()
    return moment.replace(tzinfo=timezone(timedelta(hours=offset // timedelta(hours=1))))
