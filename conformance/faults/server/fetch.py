"""Servers that answer FETCH wrongly: the reference server's own answers, changed before they are sent."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from conformance.faults.hooks import Hook
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.commands_messages import store
from conformance.reference.server.errors import NotUnderstood, Refused
from conformance.reference.server.fetch import fetch
from conformance.reference.server.sequences import STAR, SequenceSet
from conformance.reference.server.session import Handler, Outcome, Session
from conformance.reference.server.store import Content, Draft, FlagOperation, Mailbox, Message, Watcher
from conformance.reference.server.view import MailboxView

Change = Callable[[Session, bytes], bytes]
Alter = Callable[[bytes, bytes], bytes]

_LITERAL = re.compile(rb"(BODY\[[^\]]*\](?:<\d+>)?|RFC822[.A-Z]*) \{(\d+)\}\r\n")
_NUMBER = re.compile(rb"\* (\d+) FETCH")


def answering(change: Change, handler: Handler = fetch) -> Handler:
    """A command whose responses are changed one by one; an empty response is not sent."""

    def changed(session: Session, arguments: Arguments) -> Outcome:
        start = len(session.output)
        outcome = handler(session, arguments)
        session.output[start:] = [change(session, each) for each in session.output[start:]]
        return outcome

    return changed


def fetching(handler: Handler) -> Hook:
    """A fault of FETCH and UID FETCH."""
    return Hook(commands={"FETCH": handler, "UID FETCH": handler})


def response(pattern: bytes, replacement: bytes | Callable[[re.Match[bytes]], bytes]) -> Hook:
    """FETCH responses with whatever matches replaced."""
    compiled = re.compile(pattern, re.DOTALL)
    return fetching(answering(lambda _, octets: compiled.sub(replacement, octets)))


def stores(pattern: bytes, replacement: bytes) -> Hook:
    """Answers to UID STORE with whatever matches replaced."""
    return Hook(commands={"UID STORE": answering(lambda _, octets: re.sub(pattern, replacement, octets), store)})


def literals(alter: Alter) -> Hook:
    """FETCH responses with the octets of each section, which `alter` gets with its name, altered."""
    return fetching(answering(lambda _, octets: _altered(octets, alter)))


def _altered(octets: bytes, alter: Alter) -> bytes:
    sent, position = [], 0
    while match := _LITERAL.search(octets, position):
        end = match.end() + int(match[2])
        literal = alter(match[1], octets[match.end() : end])
        sent += [octets[position : match.start()], match[1], b" {%d}\r\n" % len(literal), literal]
        position = end
    return b"".join([*sent, octets[position:]])


def only(name: bytes, alter: Callable[[bytes], bytes]) -> Hook:
    """FETCH responses with the octets of one section altered."""
    return literals(lambda found, octets: alter(octets) if found.startswith(name) else octets)


def naming(judge: Callable[[Session, SequenceSet], Outcome]) -> Hook:
    """A UID FETCH that looks at its set first: a string is the answer to give without any data."""

    def handler(session: Session, arguments: Arguments) -> Outcome:
        ahead = copy.copy(arguments)
        ahead.space()
        answer = judge(session, ahead.sequence_set())
        return fetch(session, arguments) if answer is None else answer

    return Hook(commands={"UID FETCH": handler})


def refuses_unknown(session: Session, numbers: SequenceSet) -> Outcome:
    """NO for a single UID that is not there."""
    known = {message.uid for message in session.selected.messages}
    if any(low == high not in {*known, STAR} for low, high in numbers.ranges):
        raise Refused("no such object")
    return None


def knows_no_far_star(session: Session, numbers: SequenceSet) -> Outcome:
    """Nothing for n:* above the highest UID."""
    last = max((message.uid for message in session.selected.messages), default=0)
    return "done" if any(low > last and high == STAR != low for low, high in numbers.ranges) else None


def knows_no_reversed_range(_: Session, numbers: SequenceSet) -> Outcome:
    """Nothing for a range written from high to low."""
    return "done" if any(low > high for low, high in numbers.ranges) else None


def takes_star_for_the_assigned(session: Session, numbers: SequenceSet) -> Outcome:
    """Nothing for * when the object with the highest UID has gone."""
    mailbox = session.selected.mailbox
    gone = not mailbox.messages or mailbox.messages[-1].uid + 1 != mailbox.uid_next
    return "done" if gone and any(pair == (STAR, STAR) for pair in numbers.ranges) else None


def wants_objects(session: Session, _: SequenceSet) -> Outcome:
    """BAD in an empty folder."""
    if not session.selected.messages:
        raise NotUnderstood("there are no objects")
    return None


def takes_uids_for_numbers(session: Session, arguments: Arguments) -> Outcome:
    """UID FETCH as if it were FETCH."""
    session.uid_command = False
    return fetch(session, arguments)


def since(difference: int) -> Hook:
    """CHANGEDSINCE with another mod-sequence than was given."""

    class Shifted(Arguments):
        def mod_sequence(self, *, zero: bool = True) -> int:
            return max(0, super().mod_sequence(zero=zero) + difference)

    def handler(session: Session, arguments: Arguments) -> Outcome:
        shifted = object.__new__(Shifted)
        vars(shifted).update(vars(arguments))
        return fetch(session, shifted)

    return fetching(handler)


def marking(*, when: bytes, all_objects: bool = False) -> Hook:
    r"""FETCH that sets \Seen on the object, or on all, where the response holds some octets."""

    def mark(session: Session, octets: bytes) -> bytes:
        number = _NUMBER.match(octets)
        if number and when in octets:
            view = session.selected
            marked = view.messages if all_objects else [view.messages[int(number[1]) - 1]]
            view.mailbox.store(marked, "add", ["\\Seen"])
        return octets

    return fetching(answering(mark))


def reading_sets_nothing(session: Session, arguments: Arguments) -> Outcome:
    r"""FETCH that leaves \Seen as it was, though it tells it."""
    before = {message: message.flags for message in session.selected.messages}
    outcome = fetch(session, arguments)
    for message, flags in before.items():
        message.flags = flags
    return outcome


def nothing_beyond_the_end(session: Session, arguments: Arguments) -> Outcome:
    """NO where an empty string would be the answer."""
    outcome = fetch(session, arguments)
    if any(b'> ""' in each for each in session.output):
        session.output.clear()
        raise Refused("beyond the end")
    return outcome


def gives_the_whole(session: Session, arguments: Arguments) -> Outcome:
    """FETCH without regard to the octets that were asked for."""

    def whole(session: Session, octets: bytes) -> bytes:
        message = session.selected.messages[0]
        return _altered(octets, lambda name, part: message.content.octets if name.endswith(b">") else part)

    return answering(whole)(session, arguments)


def sized(count: Callable[[Message], int]) -> Change:
    """RFC822.SIZE counted in another way."""

    def change(session: Session, octets: bytes) -> bytes:
        number = _NUMBER.match(octets)
        size = count(session.selected.messages[int(number[1]) - 1]) if number else 0
        return re.sub(rb"RFC822.SIZE \d+", b"RFC822.SIZE %d" % size, octets)

    return change


def counts_flags(session: Session, octets: bytes) -> bytes:
    """RFC822.SIZE as if the flags were a field of the header."""
    return sized(lambda message: message.size + len(message.flags))(session, octets)


def dated_by_clock(session: Session, octets: bytes) -> bytes:
    """INTERNALDATE is the time at which it is told."""
    minutes: Iterator[int] = vars(session.selected.mailbox).setdefault("minutes", itertools.count(1))
    now = b'INTERNALDATE "04-Mar-2024 10:%02d:00 +0000"'
    return re.sub(rb'INTERNALDATE "[^"]*"', lambda _: now % (next(minutes) % 60), octets)


def keeps_the_first(session: Session, octets: bytes) -> bytes:
    """Octets once sent are kept by folder and section, and sent for every object."""
    kept: dict[bytes, bytes] = vars(session.selected.mailbox).setdefault("kept", {})
    return _altered(octets, kept.setdefault)


def only_numbers_to(last: int) -> Hook:
    """No FETCH response for a message number above the last."""
    return response(rb"\* (\d+) FETCH.*", lambda match: match[0] if int(match[1]) <= last else b"")


def decoded_size(match: re.Match[bytes]) -> bytes:
    """The size of a part in base64 as it is after decoding."""
    return b'"BASE64" %d' % (int(match[1]) * 3 // 4)


def unfolded(octets: bytes) -> bytes:
    """Folded fields cut at the first line."""
    return re.sub(rb"\r\n[ \t][^\r]*", b"", octets)


def seven_bit(octets: bytes) -> bytes:
    """Octets without their highest bit."""
    return bytes(each & 0x7F for each in octets)


def vanished(change: Callable[[list[bytes]], list[bytes]]) -> Hook:
    """UID FETCH with its responses in another order, or with others."""

    def handler(session: Session, arguments: Arguments) -> Outcome:
        start = len(session.output)
        outcome = fetch(session, arguments)
        session.output[start:] = change(session.output[start:])
        return outcome

    return Hook(commands={"UID FETCH": handler})


class Renewing(Content):
    """Octets that are put together anew for each fetch."""

    fetches = 0

    @property
    def octets(self) -> bytes:
        """The octets, with a field that tells how often."""
        self.fetches += 1
        return b"X-Fetched: %d\r\n" % self.fetches + self.kept

    @octets.setter
    def octets(self, octets: bytes) -> None:
        self.kept = octets


class RenewingMailbox(Mailbox):
    """Puts every object together anew."""

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        renewed = [Draft(Renewing(each.content.octets), each.flags, each.internal_date) for each in drafts]
        return super().append(renewed)


class DatingMailbox(Mailbox):
    """Dates an object by its last change."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        changed = super().store(messages, operation, flags, by)
        for message in changed:
            message.internal_date = message.internal_date.replace(year=2024)
        return changed


class ShiftingMailbox(Mailbox):
    """Gives each object the content of the one after it when some are removed."""

    def expunge(self, messages: Collection[Message]) -> list[Message]:
        gone = super().expunge(messages)
        for message, following in itertools.pairwise(self.messages):
            message.content = following.content
        return gone


class EagerView(MailboxView):
    """Forgets removed objects before the session is told."""

    def expunged(self, messages: Sequence[Message]) -> None:
        super().expunged(messages)
        self.messages = [each for each in self.messages if not each.expunged_at]


class FirstFlags(Session):
    """Shows the flags that an object had when it was first fetched."""

    def flags_of(self, message: Message) -> bytes:
        shown: dict[int, bytes] = vars(self).setdefault("shown", {})
        return shown.setdefault(message.uid, super().flags_of(message))
