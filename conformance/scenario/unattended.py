"""A client that runs by itself: it is started with its triggers on, and whatever they bring is waited for, bounded.

A wait ends as soon as both sides are as the oracle demands. One that has no such end ends the story: the client is
stopped, then asked to synchronize, which shows whether the trigger or the synchronization is to blame.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from conformance.clients.protocol import AdapterCannot, SyncResult, TriggeredClient
from conformance.imap.interception import Interceptor
from conformance.imap.operations import read_operations
from conformance.imap.transcript import Entry, Transcript
from conformance.model.folders import FolderPath
from conformance.model.triggers import Triggers
from conformance.outcomes import Reason
from conformance.scenario.judge import PreconditionNotReached
from conformance.scenario.scenario import Scenario

_PACE, _SLOWEST_PACE = 0.05, 0.2
"""Seconds between two looks at both sides."""
_SILENCE = 1.0
"""Seconds without a request after which a client rests."""
_COMMAND = re.compile(rb"[^ ]+ (?:UID )?([A-Za-z]+)")
_IDLE_TALK = frozenset({b"NOOP", b"IDLE", b"CAPABILITY", b"LOGOUT", b"ID"})
_NOTICE = re.compile(rb"\* (\d+ (EXISTS|EXPUNGE|FETCH)|VANISHED)\b", re.IGNORECASE)


class _Missed(Exception):
    """What was waited for did not come."""


@dataclass(frozen=True, slots=True)
class _Wait:
    """One wait: what for, since which entry of the transcript (before its stimulus), and what it came to."""

    told: str
    since: int
    seconds: float
    arrived: bool
    excuse: str = ""


class Unattended:
    """A context manager: inside of it the client is on its own. `judge` comes after it.

    The interceptor sees the connections of the client. A missed wait leaves the `with` block.
    """

    def __init__(self, scenario: Scenario, triggers: Triggers, interceptor: Interceptor | None = None) -> None:
        if not isinstance(scenario.client, TriggeredClient):
            raise AdapterCannot("the client's adapter cannot let it run by itself, though it claims a trigger")
        if not scenario.judge.sees_local_storage:
            raise AdapterCannot("local storage cannot be seen through this adapter")
        self.scenario, self.client, self.triggers = scenario, scenario.client, triggers
        self._interceptor = interceptor
        self._waits: list[_Wait] = []
        self._first = self._last = self._since = 0
        self._ear = ""
        self._bounds = scenario.stage.bounds

    def __enter__(self) -> Self:
        self.scenario.judge.step(f"let the client run by itself, triggers: {self.triggers}")
        note = self.scenario.transcript.note("suite", f"the client runs by itself: {self.triggers}")
        self._first = self._since = note.number
        self.scenario.proxy.intercept = self._interceptor
        self.client.start(self.triggers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            results = self.client.stop()
        finally:
            self.scenario.proxy.intercept = None
        run = self.scenario.run_once(lambda: SyncResult(all(each.success for each in results), "as it ran by itself"))
        self.scenario.runs.append(replace(run, first=self._first))
        self._last = run.last
        self._tell_failures([each for each in results if not each.success], len(results))
        if self.scenario.proxy.problems:
            raise self.scenario.proxy.problems.pop()
        return isinstance(problem, _Missed)

    def _tell_failures(self, failed: list[SyncResult], total: int) -> None:
        if failed:
            told = f"{len(failed)} of the {total} results that the client told of its own runs are failures"
            self.scenario.judge.remark(f"{told}, the first: {failed[0].detail}")

    def rests(self) -> bool:
        """Whether the client comes to rest: it asks nothing of the storage for a second."""
        end = time.monotonic() + self._longest() + _SILENCE
        said, since = self._said(), time.monotonic()
        while time.monotonic() - since < _SILENCE:
            _pace()
            if time.monotonic() > end:
                return False
            if self._said() != said:
                said, since = self._said(), time.monotonic()
        return True

    def _said(self) -> int:
        """How often the client has asked something of the storage so far."""
        return sum(map(_asks_for_storage, self._entries(0)))

    def require_rest(self) -> None:
        """Wait until the client rests, so that what it does next is its answer to what happens next."""
        if not self.rests():
            raise PreconditionNotReached("the client never came to rest, so nothing can be told apart")
        self._since = self.scenario.transcript.mark()

    def awaits(
        self,
        told: str,
        until: Callable[[], bool] | None = None,
        *,
        meanwhile: Callable[[], None] = lambda: None,
        notified: bool = False,
    ) -> None:
        """Wait until both sides are as demanded, or until something else holds; `meanwhile` is done at every look.

        With `notified` the wait says nothing where the server sent no notice. A missed wait leaves the `with` block.
        """
        since, began = self._since, time.monotonic()
        arrived = False
        while not arrived and time.monotonic() - began < self._longest():
            meanwhile()
            arrived = (until or self.scenario.as_demanded)()
            if not arrived:
                _pace(time.monotonic() - began)
        excuse = "" if arrived or not notified or self._noticed(since) else "the server sent the client no notice of it"
        self._waits.append(_Wait(told, since, time.monotonic() - began, arrived, excuse))
        self._since = self.scenario.transcript.mark()
        if not arrived:
            raise _Missed

    def _in_time(self) -> float:
        return self.triggers.period + self._bounds.reaction

    def _longest(self) -> float:
        """The bound of a wait: a trigger that is late is not yet one that never comes."""
        return self._in_time() + self._bounds.synchronize

    def _noticed(self, since: int) -> bool:
        heard = [each for each in self._entries(since) if each.connection == self._ear and each.direction == "S"]
        return any(_NOTICE.match(each.octets) for each in heard)

    def _entries(self, since: int) -> list[Entry]:
        return self.scenario.transcript.entries("client-", since)

    def listened_folder(self) -> FolderPath:
        """The folder of which the server can tell the client now: it is active, and the client waits for news.

        Raises `PreconditionNotReached` if it listens nowhere, or only outside of the account's root.
        """
        end = time.monotonic() + self._longest()
        while time.monotonic() < end:
            for connection, name in _listening(self.scenario.transcript):
                path = self.scenario.store.hierarchy.path(name)
                if path:
                    self._ear = connection
                    return path
            _pace()
        raise PreconditionNotReached("the client waits for news of no folder of the account, so no notice reaches it")

    @property
    def missed(self) -> str:
        """What was waited for in vain, empty if nothing was."""
        return "".join(each.told for each in self._waits if not each.arrived)

    def judge(self, requirement: str) -> None:
        """Judge the waits, then the end state after one more synchronization on request."""
        scenario = self.scenario
        scenario.synchronize()
        for each in self._waits:
            if not each.arrived:
                self._judge_missed(requirement, each)
            elif each.seconds > self._in_time():
                told = f"{each.told} after {each.seconds:.1f} s, later than within {self._in_time():g} s"
                scenario.judge.remark(f"{requirement}: {told}")
        scenario.judge_end_state(requirement)

    def _judge_missed(self, requirement: str, wait: _Wait) -> None:
        """Who does not begin is to blame, and who begins in vain where a synchronization on request brings it."""
        asked = [each for each in self._entries(wait.since) if each.number < self._last]
        began = any(_asks_for_storage(each) for each in asked)
        expected = f"{wait.told} within {self._in_time():g} s, without being asked to"
        if wait.excuse:
            self.scenario.judge.undecided(requirement, expected, wait.excuse, Reason.NOT_EXERCISED)
        elif began and self.scenario.findings.differences:
            observed = "the client does not bring it when it is asked to, either: see the other findings"
            self.scenario.judge.undecided(requirement, expected, observed, Reason.NOT_EXERCISED)
        else:
            sent = "what the client sent did not bring it" if began else "the client asked nothing of the storage"
            observed = f"not within {wait.seconds:.0f} s; {sent}"
            self.scenario.judge.contradicted(requirement, expected, observed, wait.since)


def _pace(waited: float = 0.0) -> None:
    """Let some time pass before the next look, the more the longer it has been waited."""
    threading.Event().wait(min(_PACE + waited / 20, _SLOWEST_PACE))


def _name(entry: Entry) -> bytes:
    found = _COMMAND.match(entry.octets)
    return found[1].upper() if found else b""


def _asks_for_storage(entry: Entry) -> bool:
    return entry.direction == "C" and _name(entry) not in _IDLE_TALK | {b"", b"LOGIN", b"AUTHENTICATE", b"ENABLE"}


def _listening(transcript: Transcript) -> Iterator[tuple[str, str]]:
    """The connections on which a client waits for news, each with its active folder."""
    last = {each.connection: each for each in read_operations(transcript)}
    for connection, operation in last.items():
        later = [each for each in transcript.entries(since=operation.entry) if each.connection == connection]
        open_still = not any(each.direction == "!" for each in later)
        asked = operation.command == "NOOP" and operation.status == "OK"
        waits = operation.command == "IDLE" and not operation.answered and any(_goes_on(each) for each in later)
        if open_still and operation.folder is not None and (asked or waits):
            yield connection, operation.folder


def _goes_on(entry: Entry) -> bool:
    return entry.direction == "S" and entry.octets.startswith(b"+")
