"""Folders and the messages in them: the laws of UIDs, flags and mod-sequences, without any protocol."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Literal, Protocol

from conformance.reference.server.behaviour import MAX_MOD_SEQUENCE, MAX_UID, Behaviour
from conformance.reference.server.errors import Refused
from conformance.reference.server.mime import Part, parse_message

SYSTEM_FLAGS = {name.lower(): name for name in ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")}
FlagOperation = Literal["replace", "add", "remove"]


class Content:
    """The octets of a message, never changed, and their MIME tree, parsed when first asked for."""

    __slots__ = ("_root", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self._root: Part | None = None

    @property
    def root(self) -> Part:
        """The MIME tree of the message."""
        if self._root is None:
            self._root = parse_message(self.octets)
        return self._root


@dataclass(frozen=True, slots=True)
class Draft:
    """A message on its way into a folder: what APPEND and COPY bring."""

    content: Content
    flags: frozenset[str]
    internal_date: datetime


@dataclass(slots=True, eq=False)
class Message:
    """A stored message. Only `flags`, `modseq` and `expunged_at` (when it was removed, or 0) ever change."""

    uid: int
    content: Content
    internal_date: datetime
    flags: frozenset[str]
    modseq: int
    expunged_at: int = 0

    @property
    def size(self) -> int:
        """RFC822.SIZE: the octets of the message."""
        return len(self.content.octets)

    def draft(self) -> Draft:
        """What a copy of this message starts from."""
        return Draft(self.content, self.flags, self.internal_date)


class Watcher(Protocol):
    """Whoever must learn of changes to a folder: one for each session that has it selected."""

    def appended(self, messages: Sequence[Message]) -> None:
        """These messages are new."""

    def flagged(self, messages: Sequence[Message]) -> None:
        """The flags of these messages changed."""

    def expunged(self, messages: Sequence[Message]) -> None:
        """These messages are gone."""

    def vanished(self) -> None:
        """The folder itself is gone, or its identifiers are no longer valid."""


_uid_of = attrgetter("uid")


class Mailbox:
    """One selectable folder.

    `messages` ascend by UID; UIDs are never given twice; `uid_next` grows with every message and with nothing else;
    `highest_modseq` grows with every change. Messages from `first_recent` on are recent for the next session.
    """

    def __init__(self, name: str, uid_validity: int, behaviour: Behaviour) -> None:
        self.name = name
        self.uid_validity = uid_validity
        self.uid_next = behaviour.first_uid
        self.highest_modseq = behaviour.first_modseq
        self.first_recent = self.uid_next
        self.messages: list[Message] = []
        self.keywords: dict[str, str] = {}
        self.expunge_log: list[tuple[int, int]] = []
        self.annotations: dict[str, bytes] = {}
        self.watchers: list[Watcher] = []
        self.octets = 0
        self.read_only = False
        self._behaviour = behaviour

    def find(self, uid: int) -> Message | None:
        """The message with this UID, if it is still there."""
        index = bisect_left(self.messages, uid, key=_uid_of)
        found = index < len(self.messages) and self.messages[index].uid == uid
        return self.messages[index] if found else None

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        """Store all drafts or none. Raises Refused when UIDs or mod-sequences run out."""
        if self.uid_next + len(drafts) - 1 > MAX_UID:
            raise Refused("the folder has no unique identifiers left", "LIMIT")
        modseq = self._next_modseq()
        messages = [
            Message(uid, draft.content, draft.internal_date, self.known_flags(draft.flags), modseq)
            for uid, draft in enumerate(drafts, self.uid_next)
        ]
        self.uid_next += len(messages)
        self.messages += messages
        self.octets += sum(message.size for message in messages)
        for watcher in self.watchers:
            watcher.appended(messages)
        return messages

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        """Change flags and return the messages that really changed; everybody but `by` is told."""
        named = self.known_flags(flags)
        changes = [(message, _changed(message.flags, operation, named)) for message in messages]
        changes = [(message, after) for message, after in changes if after != message.flags and not message.expunged_at]
        if not changes:
            return []
        modseq = self._next_modseq()
        for message, after in changes:
            message.flags = after
            message.modseq = modseq
        changed = [message for message, _ in changes]
        for watcher in self.watchers:
            if watcher is not by:
                watcher.flagged(changed)
        return changed

    def expunge(self, messages: Collection[Message]) -> list[Message]:
        """Remove messages for good and return those that were still there."""
        gone = [message for message in messages if not message.expunged_at]
        if not gone:
            return []
        modseq = self._next_modseq()
        for message in gone:
            message.expunged_at = modseq
            self.octets -= message.size
        self.expunge_log += ((modseq, message.uid) for message in gone)
        self.messages = [message for message in self.messages if not message.expunged_at]
        for watcher in self.watchers:
            watcher.expunged(gone)
        return gone

    def deleted(self) -> list[Message]:
        """The messages marked for removal."""
        return [message for message in self.messages if "\\Deleted" in message.flags]

    def annotate(self, changes: dict[str, bytes | None]) -> None:
        """Set or, with None, remove annotations (RFC 5464); the folder's mod-sequence rises (RFC 7162 section 3.2)."""
        self._next_modseq()
        update_annotations(self.annotations, changes)

    def close(self) -> None:
        """Tell every session that the folder, as they know it, is gone."""
        for watcher in tuple(self.watchers):
            watcher.vanished()
        self.watchers.clear()

    def known_flags(self, flags: Iterable[str]) -> frozenset[str]:
        """The flags in this folder's spelling, new keywords included, without those it cannot keep permanently."""
        return frozenset(known for known in map(self._known_flag, flags) if known)

    def _known_flag(self, flag: str) -> str | None:
        if flag.startswith("\\"):
            named = SYSTEM_FLAGS.get(flag.lower(), flag)
            return named if named in (*self._behaviour.permanent_flags, *self._behaviour.flag_extensions) else None
        if self._behaviour.new_keywords:
            return self.keywords.setdefault(flag.lower(), flag)
        return self.keywords.get(flag.lower())

    def _next_modseq(self) -> int:
        if self.highest_modseq >= MAX_MOD_SEQUENCE:
            raise Refused("the folder has no mod-sequences left", "LIMIT")
        self.highest_modseq += 1
        return self.highest_modseq


def update_annotations(annotations: dict[str, bytes], changes: dict[str, bytes | None]) -> None:
    """Apply changes in place; None removes."""
    for entry, value in changes.items():
        if value is None:
            annotations.pop(entry, None)
        else:
            annotations[entry] = value


def _changed(before: frozenset[str], operation: FlagOperation, named: frozenset[str]) -> frozenset[str]:
    if operation == "add":
        return before | named
    return before - named if operation == "remove" else named
