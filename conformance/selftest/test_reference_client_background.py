"""The reference client that runs by itself: it stops soon, leaves nothing behind, and tells what went wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from conformance.clients.protocol import SyncResult, TriggeredClient
from conformance.clients.reference import ReferenceClient
from conformance.imap.endpoint import Endpoint
from conformance.imap.framing import Direction
from conformance.imap.interception import Action, Stall
from conformance.imap.proxy import RecordingProxy
from conformance.imap.transcript import Transcript
from conformance.model.triggers import Triggers
from conformance.reference.client.background import Background
from conformance.reference.client.client import Client
from conformance.reference.client.report import Report
from conformance.reference.client.storage import Storage
from conformance.reference.client.triggers import LocalChanges, Pause
from conformance.selftest.reference_client_pair import A, item
from conformance.servers.protocol import Account
from conformance.servers.reference import ReferenceStorageServer

PATIENCE = 10.0
ALL = Triggers(period=0.1, local_changes=True, notifications=True)


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceStorageServer]:
    """One server for all tests."""
    with ReferenceStorageServer() as started:
        yield started


class Stage:
    """A client before an account, with a proxy between them."""

    def __init__(self, account: Account, client: ReferenceClient, proxy: RecordingProxy) -> None:
        self.account, self.client, self.proxy = account, client, proxy
        client.reset(replace(account, endpoint=proxy.endpoint))

    def said(self, text: bytes) -> list[bytes]:
        """What the client said that holds this text."""
        return [each.octets for each in self.proxy.transcript.entries("client-") if text in each.octets]


@pytest.fixture
def stage(server: ReferenceStorageServer) -> Iterator[Stage]:
    """A fresh account, and a client that knows it."""
    account = server.fresh_account()
    with ReferenceClient() as client, RecordingProxy(account.endpoint, Transcript()) as proxy:
        yield Stage(account, client, proxy)


def wait_until(condition: object) -> None:
    """Look again and again, at most ten seconds."""
    assert callable(condition)
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came"
        threading.Event().wait(0.02)


def is_alone() -> bool:
    """Whether no thread of a reference client is left."""
    return not [each for each in threading.enumerate() if each.name == "reference-client"]


def test_it_is_a_triggered_client() -> None:
    """The adapter offers what the suite asks for."""
    assert isinstance(ReferenceClient(), TriggeredClient)


def test_stopping_leaves_no_thread_and_no_connection(stage: Stage) -> None:
    """Every connection is taken leave of, the listening one too, and the client can be asked to synchronize again."""
    stage.client.start(ALL)
    wait_until(lambda: stage.said(b" IDLE") and len(stage.said(b"LOGOUT")) > 2)
    results = stage.client.stop()
    assert is_alone()
    assert stage.proxy.wait_idle(PATIENCE)
    assert len(stage.said(b"LOGIN")) == len(stage.said(b" LOGOUT\r"))
    assert results
    assert all(each.success for each in results)
    assert stage.client.synchronize(PATIENCE).success


def test_stopping_is_prompt_when_the_server_falls_silent(stage: Stage) -> None:
    """A synchronization that hangs is broken off, and told as failed."""

    def stall(connection: str, direction: Direction, unit: bytes) -> Action | None:
        del connection
        return Stall() if direction == "S" and b" LIST " in unit else None

    stage.proxy.intercept = stall
    stage.client.start(Triggers(local_changes=True))
    wait_until(lambda: stage.said(b" LIST "))
    began = time.monotonic()
    results = stage.client.stop()
    assert time.monotonic() - began < 3
    assert is_alone()
    assert [each.success for each in results] == [False]


def test_all_triggers_off_is_silence(stage: Stage) -> None:
    """A period of zero is no period: nothing is ever sent, and nothing waits in a loop."""
    stage.client.start(Triggers(period=0))
    stage.client.create_folder(A)
    before = time.thread_time()
    threading.Event().wait(0.3)
    assert stage.client.stop() == ()
    assert time.thread_time() - before < 0.2
    assert stage.proxy.connections == 0


def test_a_change_is_seen_by_itself(stage: Stage) -> None:
    """What local storage gets reaches the server without anybody asking for it."""
    stage.client.start(Triggers(local_changes=True))
    stage.client.create_folder(A)
    stage.client.put(A, item("one").content.octets)
    wait_until(lambda: stage.said(b"APPEND"))
    assert all(each.success for each in stage.client.stop())


def test_failures_are_told_and_not_repeated_at_once(stage: Stage) -> None:
    """A server that is not there is tried again after a pause; what went wrong is told in the end."""
    nowhere = Endpoint("127.0.0.1", 1)
    stage.client.reset(replace(stage.account, endpoint=nowhere))
    stage.client.start(replace(ALL, period=0))
    threading.Event().wait(0.6)
    results = stage.client.stop()
    assert 1 <= len(results) <= 3
    assert not any(each.success for each in results)
    assert "cannot connect" in results[0].detail


class Crashing(Background):
    """A thread that comes to an unforeseen end."""

    def synchronize(self, client: Client) -> Report:
        raise ZeroDivisionError(str(client.directory))


def test_an_unforeseen_end_is_raised_where_the_client_is_stopped(server: ReferenceStorageServer) -> None:
    """No error is lost with its thread."""
    with ReferenceClient(background=Crashing) as client:
        client.reset(server.fresh_account())
        client.start(Triggers(local_changes=True))
        wait_until(is_alone)
        with pytest.raises(ZeroDivisionError):
            client.stop()
        assert client.stop() == ()


class Counting(Background):
    """Counts how many of its synchronizations run at the same time."""

    running, most = 0, 0

    def synchronize(self, client: Client) -> Report:
        type(self).running += 1
        type(self).most = max(self.most, self.running)
        report = super().synchronize(client)
        type(self).running -= 1
        return report


def test_one_synchronization_runs_at_a_time(server: ReferenceStorageServer) -> None:
    """All triggers at once lead to one run after another, and one on request is refused as long as one runs."""
    with ReferenceClient(background=Counting) as client:
        client.reset(server.fresh_account())
        client.start(ALL)
        asked: list[SyncResult] = []
        for number in range(20):
            client.create_folder((f"Folder {number}",))
            asked.append(client.synchronize(PATIENCE))
        results = client.stop()
    assert Counting.most == 1
    failed = {each.detail for each in (*results, *asked) if not each.success}
    assert all("another synchronization runs" in each or "synchronize again" in each for each in failed)


def test_what_changes_after_the_beginning_is_due_again(tmp_path: object) -> None:
    """The watch of local storage forgets nothing that happens while a synchronization runs."""
    storage = Storage(tmp_path)  # type: ignore[arg-type]
    storage.create(A)
    watch = LocalChanges(storage)
    assert watch.is_due()
    watch.begin()
    assert not watch.is_due()
    one = storage.put(A, b"one")
    assert watch.is_due()
    watch.begin()
    storage.set_flags(one, ["\\Seen", "$Keyword"])
    assert watch.is_due()


def test_pauses_grow_and_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each failure the pause is twice as long; a success ends it."""
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pause = Pause()
    for length in (1, 2, 4):
        pause.begin()
        pause.end(success=False)
        now += length - 0.1
        assert not pause.is_due()
        now += 0.1
        assert pause.is_due()
    pause.end(success=True)
    assert not pause.is_due()
