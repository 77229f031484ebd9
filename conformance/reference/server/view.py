"""A folder as one session sees it: its message numbers, and the changes it has not been told of yet."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from operator import attrgetter

from conformance.reference.server.store import Mailbox, Message

_uid_of = attrgetter("uid")


class MailboxView:
    """Message number n is `messages[n - 1]`. A removed message stays until the session is told (RFC 3501 7.4.1)."""

    def __init__(self, mailbox: Mailbox, wake: Callable[[], None], *, examine: bool) -> None:
        self.mailbox = mailbox
        self.examine = examine
        self.read_only = examine or mailbox.read_only
        self.messages: list[Message] = list(mailbox.messages)
        self.recent: set[int] = set()
        self.keywords = len(mailbox.keywords)
        self.gone = False
        self._wake = wake
        self._arrived: list[Message] = []
        self._changed: dict[int, Message] = {}
        self._removed: list[Message] = []
        self._claim_recent(self.messages)
        mailbox.watchers.append(self)

    def close(self) -> None:
        """Stop watching."""
        if self in self.mailbox.watchers:
            self.mailbox.watchers.remove(self)

    def number(self, uid: int) -> int | None:
        """The message number of a UID, if the session knows that message."""
        index = bisect_left(self.messages, uid, key=_uid_of)
        return index + 1 if index < len(self.messages) and self.messages[index].uid == uid else None

    def appended(self, messages: Sequence[Message]) -> None:
        self._arrived += messages
        self._wake()

    def flagged(self, messages: Sequence[Message]) -> None:
        self._changed.update((message.uid, message) for message in messages)
        self._wake()

    def expunged(self, messages: Sequence[Message]) -> None:
        known = set(map(_uid_of, self._arrived))
        self._removed += (message for message in messages if message.uid not in known)
        self._arrived = [message for message in self._arrived if not message.expunged_at]
        self._wake()

    def vanished(self) -> None:
        self.gone = True
        self._wake()

    @property
    def unannounced_removal(self) -> int | None:
        """The lowest mod-sequence of the removals the session has not been told of."""
        return min((message.expunged_at for message in self._removed), default=None)

    def reported(self, message: Message) -> None:
        """The session has just been sent this message's flags."""
        self._changed.pop(message.uid, None)

    def take_removed(self) -> list[tuple[int, Message]]:
        """The removed messages with the numbers they had, ascending; the others move up."""
        if not self._removed:
            return []
        self._removed.clear()
        removed = [(number, message) for number, message in enumerate(self.messages, 1) if message.expunged_at]
        self.messages = [message for message in self.messages if not message.expunged_at]
        for _, message in removed:
            self.recent.discard(message.uid)
            self._changed.pop(message.uid, None)
        return removed

    def take_arrived(self) -> bool:
        """Number the new messages; whether there were any."""
        if not self._arrived:
            return False
        arrived, self._arrived = self._arrived, []
        self.messages += arrived
        self._claim_recent(arrived)
        return True

    def take_changed(self) -> list[tuple[int, Message]]:
        """The messages whose flags others changed, with their numbers."""
        if not self._changed:
            return []
        changed = [(self.number(uid), message) for uid, message in sorted(self._changed.items())]
        self._changed.clear()
        return [(number, message) for number, message in changed if number is not None and not message.expunged_at]

    def _claim_recent(self, messages: Sequence[Message]) -> None:
        """Messages are recent for the first session told of them; looking by EXAMINE takes nothing from others."""
        first = self.mailbox.first_recent
        self.recent.update(message.uid for message in messages[bisect_left(messages, first, key=_uid_of) :])
        if not self.read_only and messages:
            self.mailbox.first_recent = max(first, messages[-1].uid + 1)
