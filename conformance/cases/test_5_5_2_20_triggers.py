"""5.5.2.20 paragraph 2: what makes a client synchronize by itself: a period, local changes, and notifications."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable

import pytest

from conformance.cases.declaration import client_case
from conformance.clients.protocol import TriggeredClient
from conformance.imap.framing import Direction
from conformance.imap.interception import Action
from conformance.model.folders import FolderPath
from conformance.model.states import Snapshot
from conformance.model.triggers import Triggers
from conformance.outcomes import Reason
from conformance.scenario import places as at
from conformance.scenario.content import ARCHIVE, CONVERSATION, item, messages, usual_base
from conformance.scenario.disturbance import WireReader, meanwhile
from conformance.scenario.judge import NotApplicable
from conformance.scenario.scenario import Scenario
from conformance.scenario.store import find
from conformance.scenario.unattended import Unattended
from conformance.spec import Role

ROUNDS = ("message-11", "message-12", "message-13")
"""One of them may be brought by a synchronization at the start; so the timer has to fire twice."""
UPON_LOCAL_CHANGES = Triggers(local_changes=True)
UPON_NOTIFICATIONS = Triggers(notifications=True)


@client_case("periodic-synchronization", "SYN-203", needs=("trigger.periodic",))
def test_periodic_synchronization(scenario: Scenario) -> None:
    """A client that is set to a period brings what changed on the server, again and again, while nobody asks it to."""
    scenario.establish(usual_base())
    with Unattended(scenario, Triggers(period=scenario.stage.bounds.period)) as client:
        for name in ROUNDS:
            scenario.on_server.put(CONVERSATION, item(name))
            client.awaits(f"{name} on both sides")
    client.judge("SYN-203")


@client_case("periodic-synchronization-despite-activity", "SYN-203", needs=("trigger.periodic",))
def test_periodic_synchronization_despite_activity(scenario: Scenario) -> None:
    """A client that is set to a period keeps to it while its user adds one object after another."""
    scenario.establish(usual_base())
    busy = BusyUser(scenario)
    with Unattended(scenario, Triggers(period=scenario.stage.bounds.period)) as client:
        for name in ROUNDS:
            scenario.on_server.put(CONVERSATION, item(name))
            arrived = lambda name=name: _is_in_local_storage(scenario, CONVERSATION, name)  # noqa: E731
            client.awaits(f"{name} in local storage", arrived, meanwhile=busy)
    client.judge("SYN-203")


class BusyUser:
    """Adds an object to local storage four times in a period."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._names = (f"message-{number}" for number in itertools.count(101))
        self._pause, self._last = scenario.stage.bounds.period / 4, 0.0

    def __call__(self) -> None:
        if time.monotonic() - self._last >= self._pause:
            self._last = time.monotonic()
            self._scenario.on_client.put(ARCHIVE, item(next(self._names)))


def _is_in_local_storage(scenario: Scenario, path: FolderPath, name: str) -> bool:
    wanted = scenario.on_server.state.folders[path][name]
    return find(scenario.client.snapshot().folders.get(path, ()), wanted, scenario.stage.equality) is not None


@client_case("period-zero-is-no-period", "SYN-203", needs=("trigger.periodic",))
def test_period_zero_is_no_period(scenario: Scenario) -> None:
    """A client whose period is set to zero, with every other trigger off, comes to rest."""
    scenario.establish(usual_base())
    with Unattended(scenario, Triggers(period=0)) as client:
        rests = client.rests()
    expected = "a second in which nothing is asked of the storage, as zero means that there is no period"
    scenario.judge.check("SYN-203", rests, expected, "command after command", scenario.runs[-1].last)


CHANGES: dict[str, Callable[[Scenario], None]] = {
    "addition": lambda scenario: scenario.on_client.put(ARCHIVE, item("message-21")),
    "removal": lambda scenario: scenario.on_client.remove(ARCHIVE, "message-3"),
    "flag-set": lambda scenario: scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Flagged"]),
    "flag-cleared": lambda scenario: scenario.on_client.set_flags(CONVERSATION, "message-2", remove=["\\Seen"]),
}


def _establish_with_flags(scenario: Scenario) -> None:
    scenario.establish(usual_base().put(CONVERSATION, item("message-2", "\\Seen")))


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
@client_case("local-change-starts-a-synchronization", "SYN-204", needs=("trigger.local-change",))
def test_local_change_starts_a_synchronization(scenario: Scenario, change: Callable[[Scenario], None]) -> None:
    """A client that watches local storage carries every kind of change in it to the server by itself."""
    _establish_with_flags(scenario)
    with Unattended(scenario, UPON_LOCAL_CHANGES) as client:
        client.require_rest()
        change(scenario)
        client.awaits("the change of local storage on the server")
    client.judge("SYN-204")


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
@client_case("local-change-during-a-synchronization", "SYN-204", needs=("trigger.local-change",))
def test_local_change_during_a_synchronization(scenario: Scenario, change: Callable[[Scenario], None]) -> None:
    """A client loses no change of local storage that is made while a synchronization runs."""
    _establish_with_flags(scenario)
    changed = threading.Event()

    def act() -> None:
        change(scenario)
        changed.set()

    with Unattended(scenario, UPON_LOCAL_CHANGES, meanwhile(at.APPEND_ANSWER, act)) as client:
        client.require_rest()
        scenario.on_client.put(CONVERSATION, item("message-11"))
        client.awaits("both changes on the server", lambda: changed.is_set() and scenario.as_demanded())
    client.judge("SYN-204")


@client_case("notification-starts-a-synchronization", "SYN-207", needs=("trigger.notification",))
def test_notification_starts_a_synchronization(scenario: Scenario) -> None:
    """A client that listens to the server synchronizes when it is told of a change, each time."""
    scenario.establish(usual_base())
    with Unattended(scenario, UPON_NOTIFICATIONS) as client:
        for name in ROUNDS:
            listened = client.listened_folder()
            client.require_rest()
            scenario.on_server.put(listened, item(name))
            client.awaits(f"{name} on both sides", notified=True)
    client.judge("SYN-207")


class Looks(WireReader):
    """Looks at local storage at the first request of each connection after a removal was told to the client.

    By then the notice has been read. It is looked, and waited for the end, by one thread at a time.
    """

    def __init__(self, scenario: Scenario) -> None:
        super().__init__()
        self._scenario, self._alone = scenario, threading.Lock()
        self._waiting, self._told, self._looked = False, False, set[str]()
        self.seen: list[Snapshot] = []

    def __enter__(self) -> None:
        self._waiting = True

    def __exit__(self, *_: object) -> None:
        with self._alone:
            self._waiting = False

    def as_demanded(self) -> bool:
        """Whether both sides are as demanded."""
        with self._alone:
            return self._scenario.as_demanded()

    def __call__(self, connection: str, direction: Direction, unit: bytes) -> Action | None:
        words = unit[:80].upper().split()
        if direction == "S" and words[:1] == [b"*"] and {b"EXPUNGE", b"VANISHED"} & set(words[1:3]):
            self._told = True
            self._looked.clear()
        elif direction == "C" and self._told and connection not in self._looked and words[:1] != [b"DONE"]:
            self._looked.add(connection)
            with self._alone:
                if self._waiting:
                    self.seen.append(self._scenario.client.snapshot())
        return None


@client_case("notices-of-removals-shift-no-numbers", "SYN-207", needs=("trigger.notification",))
def test_notices_of_removals_shift_no_numbers(scenario: Scenario) -> None:
    """A client that is told of removals by sequence numbers, each of which shifts the next, loses no other object."""
    scenario.establish(usual_base())
    with Unattended(scenario, UPON_NOTIFICATIONS) as client:
        listened = client.listened_folder()
    scenario.on_server.put(listened, *messages(*(f"message-{number}" for number in range(11, 17))))
    scenario.synchronize()
    looks = Looks(scenario)
    with Unattended(scenario, UPON_NOTIFICATIONS, looks) as client:
        client.listened_folder()
        client.require_rest()
        with looks:
            scenario.on_server.remove(listened, "message-12", "message-14")
            client.awaits("the removals on both sides, and no other", looks.as_demanded, notified=True)
    _judge_damage(scenario, listened, looks.seen)
    client.judge("SYN-207")


def _judge_damage(scenario: Scenario, path: FolderPath, seen: list[Snapshot]) -> None:
    """What nobody removed has to be in local storage whenever it was looked at."""
    kept = scenario.on_server.state.folders[path]
    equality = scenario.stage.equality
    for snapshot in seen:
        lost = [name for name, each in kept.items() if find(snapshot.folders.get(path, ()), each, equality) is None]
        if lost:
            expected = "nothing but what was removed on the server leaves local storage upon a notice"
            scenario.judge.contradicted("SYN-207", expected, f"gone upon a notice: {', '.join(lost)}")
            return


class SideBySide(WireReader):
    """Holds each first store of a connection until another one comes to its own, or for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._both, self._seconds = threading.Barrier(2), seconds
        self._stored: set[str] = set()

    def __call__(self, connection: str, direction: Direction, unit: bytes) -> Action | None:
        self.read(connection, direction, unit)
        if self.stands_at(at.APPEND_COMMAND, connection, direction, unit) and connection not in self._stored:
            self._stored.add(connection)
            try:
                self._both.wait(self._seconds)
            except threading.BrokenBarrierError:
                return None
        return None


@client_case("several-triggers-at-once", "SYN-208", "SYN-705", "SYN-203", "SYN-204")
def test_several_triggers_at_once(scenario: Scenario) -> None:
    """A client with several triggers at once comes to the state that one of them would lead to, without duplicates."""
    triggers = _claimed(scenario)
    scenario.establish(usual_base())
    overlap = SideBySide(2 * scenario.stage.bounds.period)
    with Unattended(scenario, triggers, overlap) as client:
        listened = client.listened_folder() if triggers.notifications else CONVERSATION
        scenario.on_server.put(listened, *messages("message-11", "message-12"))
        scenario.on_client.put(CONVERSATION, *messages("message-21", "message-22"))
        client.awaits("all news on both sides")
    scenario.synchronize()
    wrong = [f"{each.subject}: {each.nature} ({each.side})" for each in scenario.findings.differences]
    wrong += [f"in vain waited for: {client.missed}"] if client.missed else []
    expected = "all news on both sides, once, without being asked to"
    scenario.judge.check("SYN-208", not wrong, expected, "; ".join(wrong), scenario.runs[-1].last)
    scenario.judge_end_state("SYN-705")
    for requirement, is_claimed in {"SYN-203": triggers.period, "SYN-204": triggers.local_changes}.items():
        if is_claimed:
            client.judge(requirement)
        else:
            scenario.judge.not_applicable(requirement, "the client does not claim this trigger")


def _claimed(scenario: Scenario) -> Triggers:
    """All triggers that the client claims. Raises `NotApplicable` where there are not several, or nobody can tell."""
    claims = scenario.stage.claims[Role.CLIENT]
    names = ("trigger.periodic", "trigger.local-change", "trigger.notification")
    periodic, local_changes, notifications = (claims[name] for name in names)
    if periodic + local_changes + notifications < 2:
        raise NotApplicable("the client does not claim several triggers besides its user")
    if not isinstance(scenario.client, TriggeredClient):
        raise NotApplicable("the client's adapter cannot let it run by itself", Reason.NO_ABILITY)
    return Triggers(scenario.stage.bounds.period if periodic else 0.0, local_changes, notifications)
