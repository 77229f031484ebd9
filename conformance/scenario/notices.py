"""What a server tells a connection unasked: listening, asking by NOOP, and the message numbers that follow from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from conformance.imap.data import fetch_items
from conformance.imap.errors import ServerStalled
from conformance.imap.syntax import Response, number_of
from conformance.scenario.judge import PreconditionNotReached
from conformance.scenario.storage import Storage, Tester

# Seconds that a connection is listened to before it counts as silent, and that news may take to arrive at NOOP.
QUIET = 1.0
PATIENCE = 2.0
_BETWEEN_QUESTIONS = 0.05


def send(tester: Tester, line: bytes) -> str:
    """Send a command without waiting for its answer; returns its tag."""
    tag = tester.wire.next_tag()
    tester.wire.be_patient()
    tester.wire.send(tag.encode() + b" " + line + b"\r\n")
    return tag


def listen(tester: Tester, seconds: float | None = None) -> list[Response]:
    """The responses that come within some seconds while no command is sent."""
    heard = []
    end = time.monotonic() + (QUIET if seconds is None else seconds)
    with suppress(ServerStalled):
        while (left := end - time.monotonic()) > 0:
            heard.append(tester.wire.read_response(left))
    return heard


def ask_for_news(tester: Tester, enough: Callable[[list[Response]], object]) -> list[Response]:
    """What the answers to NOOP tell, asked for until it is enough or the patience ends.

    Where nothing is ever waited for, in memory, as many questions are asked as the patience allows for.
    """
    heard: list[Response] = []
    end = time.monotonic() + PATIENCE
    for _ in range(round(PATIENCE / _BETWEEN_QUESTIONS)):
        heard += tester.ask(b"NOOP").untagged
        if enough(heard) or time.monotonic() > end:
            break
        heard += listen(tester, _BETWEEN_QUESTIONS)
    return heard


def removals(responses: Iterable[Response]) -> list[int]:
    """The message numbers of the EXPUNGE responses among these."""
    return [each.number or 0 for each in responses if each.name == "EXPUNGE"]


class Numbering:
    """The UID of each message number in one session, followed through its responses as RFC 3501 7.4.1 asks."""

    def __init__(self, uids: Iterable[int]) -> None:
        self.uids: list[int | None] = list(uids)
        self.removed: list[int | None] = []
        self.impossible: list[str] = []

    def follow(self, responses: Iterable[Response]) -> None:
        """Take EXPUNGE, EXISTS and FETCH with a UID into account, and note what cannot be true."""
        for each in responses:
            if each.name == "EXPUNGE":
                self._expunge(each.number or 0)
            elif each.name == "EXISTS":
                self.uids += [None] * ((each.number or 0) - len(self.uids))
            elif each.name == "FETCH":
                self._fetched(each)

    def _expunge(self, number: int) -> None:
        if 1 <= number <= len(self.uids):
            self.removed.append(self.uids.pop(number - 1))
        else:
            self.impossible.append(f"EXPUNGE {number} of {len(self.uids)} objects")

    def _fetched(self, response: Response) -> None:
        number, items = response.number or 0, fetch_items(response)
        if "UID" not in items:
            return
        uid = number_of(items["UID"])
        if not 1 <= number <= len(self.uids):
            self.impossible.append(f"FETCH {number} of {len(self.uids)} objects")
        elif self.uids[number - 1] is None:
            self.uids[number - 1] = uid
        elif self.uids[number - 1] != uid:
            self.impossible.append(f"number {number} is UID {uid} where {self.uids[number - 1]} was expected")


class Bystander:
    """A session whose active folder another session is about to expunge; it knows the marks already."""

    def __init__(self, storage: Storage, numbers: Sequence[int] = (2, 4), count: int = 6) -> None:
        self.storage = storage
        self.tester, self.other = storage.connect(), storage.connect()
        self.folder, self.uids = storage.filled(self.tester, count)
        self.gone = [self.uids[number - 1] for number in numbers]
        self.left = [uid for uid in self.uids if uid not in self.gone]
        self.other.select(self.folder)
        self.other.store(self.gone, "+FLAGS (\\Deleted)")
        self.tester.must(b"NOOP")

    def others_expunge(self) -> None:
        """The other session removes the marked objects."""
        self.other.must(b"EXPUNGE")

    def check_removed(self) -> None:
        """Raise `PreconditionNotReached` unless exactly the marked objects are gone."""
        there = sorted(self.storage.afresh(self.folder))
        if there != self.left:
            raise PreconditionNotReached(f"after the other session's EXPUNGE {there} are there, not {self.left}")
