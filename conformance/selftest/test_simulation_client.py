"""The reference client in memory: its local storage is like the durable one, and it can be killed like a process."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.clients.protocol import KillableClient, SyncResult, TriggeredClient
from conformance.clients.reference import ReferenceClient
from conformance.clients.simulation import SimulatedClient
from conformance.imap.errors import ConnectionLost
from conformance.imap.framing import Direction
from conformance.imap.interception import Action, Stall
from conformance.imap.memory import MemoryEndpoint
from conformance.imap.mortal import Killed, mortal
from conformance.imap.session import StorageSession
from conformance.imap.transcript import Transcript
from conformance.imap.wire import WireConnection
from conformance.model.folders import FolderPath
from conformance.model.objects import message
from conformance.model.states import Item, StoreState
from conformance.model.triggers import Triggers
from conformance.problems import AdapterProblem
from conformance.reference.client.base import BaseObject
from conformance.reference.client.local import LocalObject, LocalStorage, NoSuchFolder, NoSuchObject
from conformance.reference.client.memory import MemoryStorage
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.storage import Storage
from conformance.reference.client.synchronizer import Synchronizer
from conformance.scenario.judge import Judge
from conformance.scenario.scenario import Scenario
from conformance.scenario.stage import Stage
from conformance.servers.reference import ReferenceStorageServer
from conformance.servers.simulation import SimulatedServer
from conformance.spec import requirement

PATHS: tuple[FolderPath, ...] = (("A",), ("A", "in"), ("A", "in", "deep"), ("B",))
FLAGS = ("\\Seen", "\\seen", "$Forwarded", "work", "Work")
FOREVER = 10.0**9

paths = st.sampled_from(PATHS)
numbers = st.integers(0, 9)
flag_sets = st.frozensets(st.sampled_from(FLAGS), max_size=3)
Step = tuple[object, ...]
steps = st.one_of(
    st.tuples(st.just("create"), paths),
    st.tuples(st.just("remove"), paths, st.booleans()),
    st.tuples(st.just("rename"), paths, paths),
    st.tuples(st.just("put"), paths, flag_sets),
    st.tuples(st.just("stage"), flag_sets),
    st.tuples(st.just("reveal"), paths, numbers),
    st.tuples(st.just("remove object"), numbers),
    st.tuples(st.just("set flags"), numbers, flag_sets),
    st.tuples(st.just("annotate"), paths, st.sampled_from([None, b"", b"\xff\0"])),
    st.tuples(st.just("read"), numbers),
)


class _Traced:
    """Local storage under random steps; what it answers is told without the names that it gives."""

    def __init__(self, storage: LocalStorage) -> None:
        self.storage = storage
        self.seen: list[LocalObject] = []

    def do(self, step: Step) -> object:
        """What came of a step: the type of an error, or what was answered."""
        try:
            return self._do(step)
        except (NoSuchFolder, NoSuchObject, FileExistsError) as problem:
            return type(problem)

    def _do(self, step: Step) -> object:
        storage = self.storage
        match step:
            case ("create", tuple(path)):
                storage.create(path)
            case ("remove", tuple(path), bool(inferiors)):
                storage.remove(path, inferiors=inferiors)
            case ("rename", tuple(old), tuple(new)):
                storage.rename(old, new)
            case ("put", tuple(path), frozenset(flags)):
                self.seen.append(storage.put(path, b"octets %d" % len(self.seen), flags))
            case ("stage", frozenset(flags)):
                self.seen.append(storage.stage(b"octets %d" % len(self.seen), flags))
            case ("reveal", tuple(path), int(number)) if self.seen:
                staged = {each.handle: each for each in storage.staged()}
                chosen = self._chosen(number)
                if chosen.handle in staged:
                    self.seen.append(storage.reveal(path, staged[chosen.handle]))
            case ("remove object", int(number)) if self.seen:
                storage.remove_object(self._chosen(number))
            case ("set flags", int(number), frozenset(flags)) if self.seen:
                self.seen.append(storage.set_flags(self._chosen(number), flags))
            case ("annotate", tuple(path), value):
                assert value is None or isinstance(value, bytes)
                storage.annotate(path, "/private/comment", value)
            case ("read", int(number)) if self.seen:
                return self._chosen(number).read()
        return None

    def _chosen(self, number: int) -> LocalObject:
        return self.seen[number % len(self.seen)]

    def content(self) -> object:
        """All that can be seen."""
        folders = {
            path: ([_told(each) for each in self.storage.objects(path).values()], self.storage.annotations(path))
            for path in self.storage.folders()
        }
        return folders, [_told(each) for each in self.storage.staged()], [self.storage.has(path) for path in PATHS]


def _told(each: LocalObject) -> tuple[bytes, frozenset[str]]:
    return each.read(), each.flags


@settings(max_examples=150)
@given(st.lists(steps, max_size=20))
def test_both_storages_are_alike(drawn: list[Step]) -> None:
    """Whatever is done to local storage in memory comes to what it comes to on a disk, errors included."""
    with TemporaryDirectory() as directory:
        durable, simulated = _Traced(Storage(Path(directory))), _Traced(MemoryStorage())
        for step in drawn:
            assert durable.do(step) == simulated.do(step), step
            assert durable.content() == simulated.content(), step


def test_paths_that_no_storage_has() -> None:
    """The names that a disk refuses are refused in memory."""
    storage = MemoryStorage()
    for path in (("\ud800",), ("",)):
        with pytest.raises(ValueError, match=r"lone surrogate|empty"):
            storage.create(path)


def test_an_object_of_another_storage(tmp_path: Path) -> None:
    """Objects belong where they came from."""
    storages: list[LocalStorage] = [MemoryStorage(), Storage(tmp_path)]
    for storage, other in itertools.permutations(storages):
        storage.create(("A",))
        with pytest.raises(TypeError, match="another local storage"):
            other.remove_object(storage.put(("A",), b"octets"))


def test_handles_begin_anew_when_everything_is_forgotten() -> None:
    """So two runs of the same steps name the same objects alike."""
    storage = MemoryStorage()
    handles = []
    for _ in range(2):
        storage.clear()
        storage.create(("A",))
        handles.append([storage.put(("A",), b"octets").handle for _ in range(3)])
    assert handles[0] == handles[1]
    assert len(set(handles[0])) == 3


def test_what_the_simulated_client_claims() -> None:
    """It can be killed, does not run by itself, and otherwise claims what the durable one does."""
    simulated, durable = SimulatedClient(), ReferenceClient()
    assert isinstance(simulated, KillableClient)
    assert not isinstance(simulated, TriggeredClient)
    assert set(durable.hello().claims) - set(simulated.hello().claims) == {
        "trigger.periodic",
        "trigger.local-change",
        "trigger.notification",
    }
    with pytest.raises(AdapterProblem, match="not started"):
        _ = simulated.client


@contextmanager
def _scenario(synchronizer: type[Synchronizer] = Synchronizer) -> Iterator[tuple[Scenario, SimulatedClient]]:
    with SimulatedServer() as server, SimulatedClient(synchronizer) as client:
        judge = Judge(requirement, "")
        with Scenario(Stage(server, client), judge, Transcript()) as scenario:
            yield scenario, client


def _item(name: str, *flags: str) -> Item:
    return Item(name, message(name), frozenset(flags))


def _diverge(scenario: Scenario) -> None:
    base = StoreState({("A",): {}, ("B",): {}, ("Empty",): {}})
    for number in range(4):
        base = base.put(("A",), _item(f"base-{number}"))
    scenario.establish(base)
    scenario.on_server.put(("A",), _item("new-1"), _item("new-2", "\\Seen"))
    scenario.on_server.put(("C",), _item("new-3"))
    scenario.on_server.remove(("A",), "base-1")
    scenario.on_server.set_flags(("A",), "base-2", add=["\\Flagged"])
    scenario.on_client.put(("B",), _item("new-4"), _item("new-5", "\\Seen"))
    scenario.on_client.put(("D",), _item("new-6"))
    scenario.on_client.remove(("A",), "base-3")
    scenario.on_client.set_flags(("A",), "base-0", add=["\\Answered"])
    scenario.on_client.remove_folder(("Empty",))


class _Kill:
    """Holds back the n-th unit of one direction and gives the sign."""

    def __init__(self, direction: Direction, number: int) -> None:
        self.moment = Event()
        self._direction, self._left = direction, number

    def __call__(self, _: str, direction: Direction, __: bytes) -> Action | None:
        self._left -= direction == self._direction
        if self._left > 0 or direction != self._direction:
            return None
        self.moment.set()
        return Stall()


def _killed(scenario: Scenario, client: SimulatedClient, kill: _Kill) -> bool:
    killed: list[bool] = []

    def synchronize() -> SyncResult:
        killed.append(client.synchronize_and_kill(kill.moment, FOREVER))
        return SyncResult(success=not killed[0])

    scenario.disturb(kill, "kill the client", synchronize)
    assert scenario.proxy.wait_idle(FOREVER)
    return killed[0]


@pytest.mark.parametrize("direction", ["C", "S"])
def test_killed_anywhere(direction: Direction) -> None:
    """After a kill at any command or response the next synchronization makes both sides alike, with nothing lost."""
    for number in itertools.count(1):
        with _scenario() as (scenario, client):
            _diverge(scenario)
            if not _killed(scenario, client, _Kill(direction, number)):
                break
            scenario.synchronize()
            assert scenario.findings.differences == (), number
    assert number > 30


def test_a_client_that_is_not_stopped_ends_by_itself() -> None:
    """Without the sign nothing is killed."""
    with _scenario() as (scenario, client):
        _diverge(scenario)
        assert not client.synchronize_and_kill(Event(), FOREVER)
        assert client.last_report is not None
        assert client.last_report.success


def test_who_waits_for_ever_is_killed_there() -> None:
    """A process that hangs is killed when its time is over, which is at once here."""
    with _scenario() as (scenario, client):
        _diverge(scenario)
        scenario.proxy.intercept = lambda _, __, unit: Stall() if b"LIST" in unit else None
        assert client.synchronize_and_kill(Event(), FOREVER)


def test_the_dead_do_nothing_more() -> None:
    """Whatever code of the client still runs is stopped at its next use of the connection, and its end is told."""
    acted: list[str] = []

    class Stubborn(ObjectStep):
        def run(self) -> None:
            try:
                super().run()
            finally:
                for _ in range(2):
                    with suppress(Killed):
                        self.context.session.noop()
                        acted.append("NOOP")

    with _scenario(_with(Stubborn)) as (scenario, client):
        _diverge(scenario)
        acted.clear()
        assert _killed(scenario, client, _Kill("C", 12))
        assert acted == []
        told = [each.octets for each in scenario.transcript.entries("client-2")]
        assert told[-3:] == [b"the client has ended its side", b"the server has ended its side", b"closed"]


def _with(step: type[ObjectStep]) -> type[Synchronizer]:
    class Variant(Synchronizer):
        object_step = step

    return Variant


def test_a_transaction_under_way_is_undone() -> None:
    """The base is as it was before the transaction in which the client was killed."""
    kept: list[Callable[[], bool]] = []

    class InTheMiddle(ObjectStep):
        def run(self) -> None:
            base, row = self.context.base, BaseObject("x", 1, "digest", 1, next(iter(self.context.policy.kinds)))
            kept.append(lambda: bool(base.objects(self.path)))
            rows = (each for each in [row, self._killed(row)])
            base.write(self.path, rows)

        def _killed(self, row: BaseObject) -> BaseObject:
            raise Killed(row)

    with SimulatedServer() as server, SimulatedClient(_with(InTheMiddle)) as client:
        client.reset(server.fresh_account())
        assert client.synchronize_and_kill(Event(), FOREVER)
        assert [was_kept() for was_kept in kept] == [False]
        client.client.synchronizer = Synchronizer
        assert client.synchronize(FOREVER).success


def test_a_dead_connection() -> None:
    """Every use of it raises again, and the server hears that it has ended."""
    with SimulatedServer() as server:
        account = server.fresh_account()
        assert isinstance(account.endpoint, MemoryEndpoint)
        moment = Event()
        wire = WireConnection.open(mortal(account.endpoint, moment))
        assert wire.command(b"NOOP").ok
        moment.set()
        for use in (lambda: wire.command(b"NOOP"), lambda: wire.read_unit(), wire.abort):
            with pytest.raises(Killed):
                use()
        with StorageSession.open(account.endpoint, account.credentials) as session:
            session.noop()


def test_only_what_is_in_memory_can_be_killed_there() -> None:
    """Before a server on a port the simulated client synchronizes, and says who can be killed."""
    with ReferenceStorageServer() as server, SimulatedClient(transcript=Transcript()) as client:
        with pytest.raises(AdapterProblem, match=r"reset\(account\)"):
            client.synchronize(5.0)
        client.reset(server.fresh_account())
        assert client.synchronize(5.0).success
        with pytest.raises(AdapterProblem, match="ReferenceClient"):
            client.synchronize_and_kill(Event(), 5.0)


def test_a_process_does_not_reach_into_memory() -> None:
    """The durable client synchronizes there; what needs another process or thread names the mend."""
    with SimulatedServer() as server, ReferenceClient() as client:
        client.reset(server.fresh_account())
        assert client.synchronize(5.0).success
        for needs_another in (
            lambda: client.synchronize_and_kill(Event(), 5.0),
            lambda: client.start(Triggers(period=1.0)),
        ):
            with pytest.raises(AdapterProblem, match="SimulatedClient"):
                needs_another()


def test_a_lost_server_is_a_failure_and_no_error() -> None:
    """The client reports it like any other lost connection."""
    with SimulatedServer() as server, SimulatedClient() as client:
        account = server.fresh_account()
        client.reset(account)
        server.__exit__(None, None, None)
        result = client.synchronize(5.0)
        assert not result.success
        assert ConnectionLost.__name__ in result.detail
