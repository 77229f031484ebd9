"""The reference client and a server it synchronizes with, each with its model, for the tests of the client."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from conformance.clients.protocol import SyncResult
from conformance.clients.reference import ReferenceClient
from conformance.imap.operations import Operation, read_operations
from conformance.imap.transcript import Transcript
from conformance.model.comparison import Difference, compare
from conformance.model.equality import Equality
from conformance.model.folders import FolderPath
from conformance.model.objects import message
from conformance.model.oracle import Expectation, expect
from conformance.model.policy import EVERYTHING, Policy
from conformance.model.states import Item, Snapshot, StoreState
from conformance.reference.client.client import Client
from conformance.reference.client.synchronizer import Synchronizer
from conformance.scenario.sides import LocalSide, ServerSide
from conformance.scenario.store import ServerStore
from conformance.servers.protocol import Account

INBOX: FolderPath = ("INBOX",)
A: FolderPath = ("A",)
B: FolderPath = ("B",)
CHANGES = frozenset(
    {"create_folder", "remove_folder", "rename_folder", "store_object", "remove_object", "update_metadata"}
)
TIMEOUT = 20.0


def item(name: str, *flags: str) -> Item:
    """A CPM Message of that name, with flags."""
    return Item(name, message(name), frozenset(flags))


def _silently(_: str) -> None:
    return None


class Pair:
    """A fresh account, an empty client, and a second client that changes the server. `base` is what both last held."""

    def __init__(self, account: Account, synchronizer: type[Synchronizer] = Synchronizer) -> None:
        self.account = account
        self.transcript = Transcript()
        self.client = ReferenceClient(synchronizer, self.transcript)
        self.store = ServerStore(account, Transcript(), TIMEOUT)
        self.base = StoreState()
        self.policy = EVERYTHING
        self._since = 0

    def __enter__(self) -> Self:
        self.client.__enter__()
        self.client.reset(self.account)
        self.local = LocalSide(self.client, Equality.OCTETS, _silently)
        self.server = ServerSide(self.store, _silently)
        if not self.account.root:
            self.server.state = StoreState({INBOX: {}})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.__exit__(kind, problem, trace)
        self.store.close()

    def establish(self, *items: tuple[FolderPath, Item]) -> None:
        """Make a base of these items by a first synchronization from the server."""
        for path, each in items:
            self.server.put(path, each)
        self.agree()

    def follow(self, policy: Policy) -> None:
        """Give the client a policy."""
        self.policy = policy
        self.client.set_policy(policy)

    def run(self) -> SyncResult:
        """One synchronization; `operations` then tells what it did."""
        self._since = self.transcript.note("test", "run").number
        return self.client.synchronize(TIMEOUT)

    @property
    def operations(self) -> list[Operation]:
        """What the last synchronization did on the wire."""
        return list(read_operations(self.transcript, since=self._since))

    def did(self, *kinds: str) -> list[Operation]:
        """The operations of these kinds of the last synchronization."""
        return [each for each in self.operations if each.kind in kinds]

    def agree(self, *, runs: int = 1) -> SyncResult:
        """Synchronize, and assert that the oracle is content and that a further run changes and fetches nothing."""
        for _ in range(runs):
            result = self.run()
            assert result.success, result.detail
        self.assert_as_expected()
        self.assert_silent()
        return result

    def assert_as_expected(self) -> None:
        """Compare with the oracle; what was reached becomes the base."""
        expectation = expect(self.base, self.local.state, self.server.state, self.policy)
        assert list(self.differences(expectation)) == []
        if self.policy == EVERYTHING:
            self.base = self.local.state = self.server.state = _reached(expectation, self.store.snapshot())

    def differences(self, expectation: Expectation) -> tuple[Difference, ...]:
        """What contradicts the expectation now."""
        return compare(expectation, self.client.snapshot(), self.store.snapshot()).differences

    def assert_silent(self) -> None:
        """A further synchronization changes nothing and transfers no object."""
        before = self.client.snapshot(), self.store.snapshot()
        result = self.run()
        assert result.success, result.detail
        assert (self.client.snapshot(), self.store.snapshot()) == before
        assert self.did("fetch_object", *CHANGES) == []


def _reached(expectation: Expectation, snapshot: Snapshot) -> StoreState:
    """The state that a server is in after a synchronization, in terms of the model's items."""
    left = {path: list(objects) for path, objects in snapshot.folders.items()}
    state = StoreState({path: {} for path in left})
    for demand in sorted(expectation.items, key=lambda one: (0, 0) in one.outcomes):
        identity = Equality.OCTETS.identity(demand.item.content.octets)
        at = left.get(demand.path, [])
        found = next((each for each in at if Equality.OCTETS.identity(each.octets) == identity), None)
        if found is not None:
            at.remove(found)
            state = state.put(demand.path, replace(demand.item, flags=found.flags))
    return state


class Interrupted(BaseException):
    """A run that was cut off by the test, as by a kill."""


class Countdown:
    """Interrupts at the n-th call of `pass_by`, counted from 0; without a limit it only counts."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit, self.count = limit, 0

    def pass_by(self) -> None:
        """One more step; raises `Interrupted` at the last one, and at every later one."""
        self.count += 1
        if self.limit is not None and self.count > self.limit:
            raise Interrupted(self.limit)


DURABLE = {
    "session": (
        "create_folder",
        "remove_folder",
        "store_object",
        "remove_objects",
        "update_metadata",
        "set_folder_metadata",
    ),
    "storage": ("create", "remove", "stage", "reveal", "remove_object", "set_flags", "annotate"),
    "base": ("add_folder", "drop_folder", "renumber", "write", "forget", "announce", "withdraw", "annotate"),
}
"""The calls that change something which outlives the process."""


def interruptible(countdown: Countdown, synchronizer: type[Synchronizer] = Synchronizer) -> type[Synchronizer]:
    """A synchronizer that passes by the countdown at its start and after every durable change."""

    class Interruptible(Synchronizer):
        def run(self) -> None:
            changed = {part: _Watched(getattr(self.context, part), countdown, names) for part, names in DURABLE.items()}
            watched = replace(self.context, **changed)  # type: ignore[arg-type]
            countdown.pass_by()
            synchronizer(watched).run()

    return Interruptible


class _Watched:
    def __init__(self, watched: object, countdown: Countdown, names: Container[str]) -> None:
        self._watched, self._countdown, self._names = watched, countdown, names

    def __getattr__(self, name: str) -> object:
        attribute = getattr(self._watched, name)
        return self._call(attribute) if name in self._names else attribute

    def _call(self, function: Callable[..., object]) -> Callable[..., object]:
        def called(*arguments: object, **named: object) -> object:
            result = function(*arguments, **named)
            self._countdown.pass_by()
            return result

        return called


def cut_off(pair: Pair, countdown: Countdown, synchronizer: type[Synchronizer] = Synchronizer) -> None:
    """A synchronization on the same directory that ends when the countdown says so."""
    directory, account = pair.client.client.directory, pair.account
    with Client(directory, synchronizer=interruptible(countdown, synchronizer)) as client, suppress(Interrupted):
        client.synchronize(account.endpoint, account.credentials, account.root)


def every_step(run: Callable[[Countdown], None]) -> int:
    """Call `run` with a countdown for every possible number of steps; returns how many there were."""
    for limit in itertools.count():
        countdown = Countdown(limit)
        run(countdown)
        if countdown.count <= limit:
            return limit
    raise AssertionError
