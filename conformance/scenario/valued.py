"""Metadata with values, of a folder or of an object: hands on it on both sides of a scenario, and its judgement."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from conformance.clients.protocol import (
    AdapterCannot,
    AnnotatingClient,
    FolderMetadataClient,
    observes_local_storage,
)
from conformance.imap.errors import OperationRefused
from conformance.imap.session import StorageSession
from conformance.model.folders import FolderPath, display
from conformance.model.states import Item
from conformance.problems import AdapterProblem
from conformance.scenario.judge import NotApplicable, PreconditionNotReached
from conformance.scenario.scenario import Scenario, SyncRun
from conformance.scenario.store import find

Value = bytes | None
Result = TypeVar("Result")


class Valued(ABC):
    """One piece of metadata that has a value, or none, on each side of a scenario.

    Raises `NotApplicable` where the server does not announce such metadata.
    """

    capability: str
    what: str

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        announced = scenario.store.observer.capabilities
        if self.capability not in announced:
            raise NotApplicable(f"the server does not announce {self.capability}")

    @abstractmethod
    def in_local_storage(self) -> Value:
        """The value in local storage."""

    @abstractmethod
    def on_server(self) -> Value:
        """The value on the server."""

    @abstractmethod
    def _set_locally(self, value: Value) -> None: ...

    @abstractmethod
    def _set_on_server(self, value: Value) -> None: ...

    @property
    def both(self) -> tuple[Value, Value]:
        """The values in local storage and on the server."""
        return self.in_local_storage(), self.on_server()

    def change_locally(self, value: Value) -> None:
        """Set the value in local storage, or remove it. Raises `AdapterProblem` if that cannot be seen there."""
        self.scenario.require(["direction.upload"])
        self.scenario.judge.step(f"in local storage: set {self.what} to {_told(value)}")
        self._set_locally(value)
        shown = self.in_local_storage()
        if shown != value:
            text = f"the client's adapter was told to set {self.what} to {_told(value)} and shows {_told(shown)}"
            raise AdapterProblem(text, "let it show what was set, or not claim this metadata")

    def change_on_server(self, value: Value) -> None:
        """Set the value on the server, or remove it. Raises `NotApplicable` if the server does not keep it."""
        self.scenario.require(["direction.download"])
        self.scenario.judge.step(f"on the server: set {self.what} to {_told(value)}")
        try:
            self._set_on_server(value)
        except OperationRefused as refusal:
            raise NotApplicable(f"the server refuses to set {self.what}: {refusal}") from refusal
        kept = self.on_server()
        if kept != value:
            raise NotApplicable(f"the server was told to set {self.what} to {_told(value)} and holds {_told(kept)}")

    def require_kept(self, value: Value) -> None:
        """Make sure that the server could keep this value. Raises `NotApplicable`."""
        before = self.on_server()
        self.change_on_server(value)
        self.change_on_server(before)

    def establish(self, value: Value) -> None:
        """Make this the value on both sides by a synchronization. Raises `PreconditionNotReached`."""
        self.change_on_server(value)
        self.synchronize(lambda: self.both == (value, value))
        if self.both != (value, value):
            raise PreconditionNotReached(f"{self.what} could not be made {_told(value)} on both sides: {self.told()}")

    def synchronize(self, settled: Callable[[], bool]) -> SyncRun:
        """Synchronize until it is settled, at most as often as a client may need."""
        scenario = self.scenario
        for number in range(scenario.stage.bounds.runs):
            if number == 0 or not settled():
                scenario.synchronize()
        return scenario.runs[-1]

    def told(self) -> str:
        """What both sides hold, in words."""
        local, server = map(_told, self.both)
        return f"{local} in local storage, {server} on the server"

    def judge_value(self, requirement: str, value: Value) -> None:
        """Synchronize, and judge that both sides hold this value; an empty one that both dropped decides nothing."""
        run = self.synchronize(lambda: self.both == (value, value))
        expected, observed = f"{self.what} is {_told(value)} on both sides", self.told()
        if value == b"" and self.both == (None, None):
            self.scenario.judge.undecided(requirement, expected, observed, entry=run.last)
        else:
            self.scenario.judge.check(requirement, self.both == (value, value), expected, observed, run.last)

    def judge_conflict(self, requirement: str, local: bytes, server: bytes) -> None:
        """Synchronize, and judge that both sides hold one of these two values; a merged one decides nothing."""
        run = self.synchronize(lambda: len(set(self.both)) == 1)
        here, there = self.both
        expected = f"{self.what} is {_told(local)} or {_told(server)}, on both sides alike"
        if here == there and here is not None and here not in (local, server) and local in here and server in here:
            self.scenario.judge.undecided(requirement, expected, self.told(), entry=run.last)
            return
        winners = {local: "local storage", server: "the server"}
        if here == there and here in winners:
            self.scenario.judge.remark(f"changed on both sides, {self.what} became that of {winners[here]} (A7)")
        holds = here == there and here in winners
        self.scenario.judge.check(requirement, holds, expected, self.told(), run.last)


class FolderComment(Valued):
    """The private comment of a folder (RFC 5464)."""

    capability = "METADATA"
    entry = "/private/comment"

    def __init__(self, scenario: Scenario, path: FolderPath) -> None:
        super().__init__(scenario)
        self.path, self.what = path, f"{self.entry} of {display(path)}"
        if not isinstance(scenario.client, FolderMetadataClient):
            raise _lacking(scenario, "METADATA", "folder_metadata and set_folder_metadata")
        self.client = scenario.client

    def in_local_storage(self) -> Value:
        return self.client.folder_metadata(self.path).get(self.entry)

    def on_server(self) -> Value:
        return self.scenario.store.second_client.get_folder_metadata(self._name, self.entry)

    def _set_locally(self, value: Value) -> None:
        self.client.set_folder_metadata(self.path, self.entry, value)

    def _set_on_server(self, value: Value) -> None:
        self.scenario.store.second_client.set_folder_metadata(self._name, self.entry, value)

    @property
    def _name(self) -> str:
        return self.scenario.store.name(self.path)


class ObjectComment(Valued):
    """A comment on an object (RFC 5257), private or shared."""

    capability = "ANNOTATE-EXPERIMENT-1"

    def __init__(self, scenario: Scenario, path: FolderPath, item: Item, attribute: str = "value.priv") -> None:
        super().__init__(scenario)
        self.path, self.item, self.annotation = path, item, ("/comment", attribute)
        self.what = f"/comment {attribute} of {item.name} in {display(path)}"
        if not isinstance(scenario.client, AnnotatingClient):
            raise _lacking(scenario, "ANNOTATE", "annotations and annotate")
        self.client = scenario.client

    def in_local_storage(self) -> Value:
        handle = self._handle()
        return None if handle is None else self.client.annotations(self.path, handle).get(self.annotation)

    def on_server(self) -> Value:
        return self._there(lambda session, uid: session.get_annotation(uid, *self.annotation))

    def _set_locally(self, value: Value) -> None:
        handle = self._handle()
        if handle is None:
            raise PreconditionNotReached(f"{self.item.name} is not in local storage")
        self.client.annotate(self.path, handle, self.annotation, value)

    def _set_on_server(self, value: Value) -> None:
        self._there(lambda session, uid: session.set_annotation(uid, *self.annotation, value))

    def _handle(self) -> str | None:
        objects = self.scenario.client.snapshot().folders.get(self.path, ())
        found = find(objects, self.item, self.scenario.stage.equality)
        return None if found is None else found.handle

    def _there(self, act: Callable[[StorageSession, int], Result]) -> Result:
        """Act on the object on the server; `LookupError` where it is not there."""
        store = self.scenario.store
        uid = store.uids(self.path, [self.item])[0]
        store.second_client.set_active_folder(store.name(self.path))
        try:
            return act(store.second_client, uid)
        finally:
            store.second_client.leave_folder()


def _lacking(scenario: Scenario, item: str, methods: str) -> Exception:
    """What there is to say of an adapter without the methods that a claim needs."""
    if not observes_local_storage(scenario.client):
        return AdapterCannot(f"nobody can see such metadata ({item}) in local storage")
    mend = f"give it {methods}, or do not claim {item}"
    return AdapterProblem(f"the client claims {item}, and its adapter has no means to set and see it", mend)


def _told(value: Value) -> str:
    return "none" if value is None else repr(value)
