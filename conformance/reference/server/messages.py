"""Which messages of the selected folder a command means, by number or by UID (RFC 3501 sections 2.3.1 and 6.4.8)."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.reference.server.errors import NotUnderstood, Refused
from conformance.reference.server.responses import number_set
from conformance.reference.server.sequences import Range, SequenceSet, select_by_uid
from conformance.reference.server.session import Session
from conformance.reference.server.store import Message


@dataclass(frozen=True, slots=True)
class Chosen:
    """Messages with their numbers, ascending; `ranges` are the resolved ranges asked for."""

    numbered: list[tuple[int, Message]]
    ranges: list[Range]

    @property
    def messages(self) -> list[Message]:
        return [message for _, message in self.numbered]

    def still_there(self) -> Chosen:
        """Without the messages that were removed but not told of yet."""
        return Chosen([pair for pair in self.numbered if not pair[1].expunged_at], self.ranges)

    def check_still_there(self) -> None:
        """Raise Refused when one was removed but not told of yet (RFC 2180 section 4.4)."""
        if any(message.expunged_at for _, message in self.numbered):
            raise Refused("some of the messages no longer exist", "EXPUNGEISSUED")


def choose(session: Session, numbers: SequenceSet) -> Chosen:
    """The messages of a set. Unknown UIDs are passed over; a number above the last raises NotUnderstood (section 9)."""
    messages = session.selected.messages
    if session.uid_command:
        ranges = numbers.resolved(messages[-1].uid if messages else session.selected.mailbox.uid_next)
        chosen = [(index + 1, messages[index]) for index in select_by_uid(messages, ranges)]
        return Chosen([pair for pair in chosen if not pair[1].expunged_at], ranges)
    ranges = numbers.resolved(len(messages))
    if ranges[0][0] < 1 or ranges[-1][1] > len(messages):
        raise NotUnderstood(f"there are only {len(messages)} messages")
    return Chosen([(n, messages[n - 1]) for low, high in ranges for n in range(low, high + 1)], ranges)


def shown_set(session: Session, numbered: list[tuple[int, Message]]) -> str:
    """A set of these messages, as UIDs or as numbers, whichever the command speaks."""
    return number_set(message.uid if session.uid_command else number for number, message in numbered).decode()
