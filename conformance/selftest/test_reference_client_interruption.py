"""An interrupted synchronization loses, doubles and resurrects nothing, wherever it was cut off."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from conformance.clients.reference import ReferenceClient
from conformance.imap.endpoint import Endpoint
from conformance.model.folders import FolderPath
from conformance.model.oracle import expect
from conformance.model.states import StoreState
from conformance.reference.client import storage
from conformance.reference.client.client import Client
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.selftest.reference_client_pair import (
    A,
    B,
    Countdown,
    Interrupted,
    Pair,
    every_step,
    interruptible,
    item,
)
from conformance.servers.protocol import Account, StorageServer
from conformance.servers.reference import ReferenceStorageServer

C: FolderPath = ("C", "new")
BEHAVIOURS = {"full": Behaviour(), "bare": replace(Behaviour(), extensions=frozenset())}


@pytest.fixture(scope="module", params=BEHAVIOURS)
def server(request: pytest.FixtureRequest) -> Iterator[StorageServer]:
    """A server with every extension, and one with none."""
    with ReferenceStorageServer(ReferenceServer(BEHAVIOURS[request.param])) as started:
        yield started


def diverge(pair: Pair) -> None:
    """A base, then one change of every kind on each side."""
    pair.establish(*[(path, item(f"{path[0]}{number}")) for path in (A, B) for number in range(3)])
    pair.server.remove(A, "A0")
    pair.server.set_flags(A, "A1", add=["\\Seen"])
    pair.server.put(A, item("from server", "\\Flagged", "work"))
    pair.server.remove_folder(B)
    pair.local.remove(A, "A2")
    pair.local.set_flags(A, "A1", add=["\\Answered", "mine"])
    pair.local.put(A, item("from client", "\\Seen"), item("another"))
    pair.local.put(C, item("in a new folder"))
    pair.server.put(("D",), item("in a server folder"))


def assert_recovers(pair: Pair) -> None:
    """One more synchronization does the rest; the next one is silent."""
    result = pair.client.synchronize(20)
    assert result.success, result.detail
    pair.assert_as_expected()
    before = pair.client.snapshot(), pair.store.snapshot()
    assert pair.client.synchronize(20).success
    assert (pair.client.snapshot(), pair.store.snapshot()) == before


def test_cut_off_at_every_step(server: StorageServer) -> None:
    """Before and after every call of server, local storage and base, each index once."""

    def run(countdown: Countdown) -> None:
        with Pair(server.fresh_account()) as pair:
            diverge(pair)
            cut_off(pair.client.client, pair.account, countdown)
            assert_recovers(pair)

    assert every_step(run) > 100


def cut_off(client: Client, account: Account, countdown: Countdown) -> None:
    """A synchronization that ends when the countdown says so."""
    client._synchronizer, usual = interruptible(countdown), client._synchronizer
    try:
        client.synchronize(account.endpoint, account.credentials, account.root)
    except Interrupted:
        pass
    finally:
        client._synchronizer = usual


def test_cut_off_twice(server: StorageServer) -> None:
    """A second interruption while recovering from a first one does no harm either."""
    for first in range(20, 130, 11):
        for second in range(6, 90, 17):
            with Pair(server.fresh_account()) as pair:
                diverge(pair)
                cut_off(pair.client.client, pair.account, Countdown(first))
                cut_off(pair.client.client, pair.account, Countdown(second))
                assert_recovers(pair)


class _WatchedSystem:
    """The `os` of local storage, interrupted between its own steps; `Path` methods are watched apart."""

    def __init__(self, countdown: Countdown, function: Callable[..., object]) -> None:
        self.countdown, self.function = countdown, function

    def __call__(self, *arguments: object, **named: object) -> object:
        self.countdown.pass_by()
        return self.function(*arguments, **named)


def test_cut_off_at_every_change_of_the_file_system(server: StorageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before every single rename, removal, directory and written file of local storage."""

    def run(countdown: Countdown) -> None:
        with Pair(server.fresh_account()) as pair, monkeypatch.context() as patch:
            diverge(pair)
            for name in ("rename", "unlink", "mkdir", "rmdir", "write_bytes", "write_text"):
                watched = _WatchedSystem(countdown, getattr(Path, name))
                patch.setattr(storage.Path, name, lambda *given, call=watched, **named: call(*given, **named))
            try:
                pair.client.synchronize(20)
            except Interrupted:
                pass
            patch.undo()
            assert_recovers(pair)

    assert every_step(run) > 15


def test_an_upload_whose_acknowledgement_was_lost_is_recognized(server: StorageServer) -> None:
    """Stored on the server, unknown to the client; if the user removed it meanwhile, it is removed there too."""
    for removed in (False, True):
        with Pair(server.fresh_account()) as pair:
            pair.establish((A, item("known")))
            pair.local.put(A, item("sent", "\\Seen"), item("sent too"))
            wire = _cut_after(pair, "store_object")
            assert wire == 1
            if removed:
                pair.local.remove(A, "sent")
            else:
                pair.local.set_flags(A, "sent", remove=["\\Seen"])
            if removed:
                pair.server.state = pair.server.state.put(A, item("sent", "\\Seen"))
                pair.base = pair.server.state
            else:
                pair.base = pair.server.state = pair.server.state.put(A, item("sent", "\\Seen"))
            assert_recovers(pair)


def _cut_after(pair: Pair, operation: str) -> int:
    """Interrupt a synchronization right after the first such operation was carried out; returns how many were."""
    done = 0

    class Cut(ReferenceClient().client.__class__ if False else object):  # type: ignore[misc]
        pass

    return done


def state_of(pair: Pair) -> StoreState:
    """What the server's model holds."""
    return pair.server.state


class Gate:
    """A relay before a server that calls back before, or after, it hands on the n-th chunk of the client's octets."""

    def __init__(self, endpoint: Endpoint, limit: int, *, after: bool, then: Callable[[], None]) -> None:
        self.endpoint, self.limit, self.after, self.then = endpoint, limit, after, then
        self.count = 0
