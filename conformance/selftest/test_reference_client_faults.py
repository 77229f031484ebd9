"""A client that is broken in one place is noticed: what the other tests assert can fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import cast

import pytest

from conformance.imap.session import FetchedObject
from conformance.reference.client.base import BaseObject
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.matching import Orphans
from conformance.reference.client.object_step import Change, ObjectStep
from conformance.reference.client.synchronizer import Synchronizer
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.selftest.reference_client_pair import A, B, Countdown, Pair, cut_off, every_step, item
from conformance.servers.reference import ReferenceStorageServer


class NoFetch(ObjectStep):
    """3b is left out."""

    def fetch_new(self) -> None:
        return None


class NoLocalRemoval(ObjectStep):
    """3c is left out."""

    def remove_locally(self) -> None:
        return None


class NoUpload(ObjectStep):
    """3d is left out."""

    def store_new(self) -> None:
        return None


class NoRemovalOnServer(ObjectStep):
    """3e is left out."""

    def remove_on_server(self) -> None:
        return None


class NoFlags(ObjectStep):
    """3f is left out."""

    def update_metadata(self) -> None:
        return None


class OnlyGrowingFlags(ObjectStep):
    """Flags of both sides are united, as without a base."""

    def merge(self, row: BaseObject) -> Change:
        return super().merge(replace(row, flags=frozenset()))


class FlagsFromServerOnly(ObjectStep):
    """Local changes of flags are not sent."""

    def push(self, *_: object) -> None:
        return None


class NothingRecognized(ObjectStep):
    """What comes from the server is new, whatever local storage holds."""

    def _receive(self, each: FetchedObject, _: Orphans) -> None:
        super()._receive(each, Orphans([], []))


class EverythingRead(ObjectStep):
    r"""Downloaded objects are taken as `\Seen`."""

    def download(self, each: FetchedObject) -> None:
        super().download(replace(each, flags=each.flags | {"\\Seen"}))


class NoFoldersFromServer(FolderStep):
    """New folders of the server are not made locally."""

    def create_locally(self, *_: object) -> None:
        return None


class ForgottenFirst(ObjectStep):
    """The base forgets before local storage has removed, so the object looks new after a kill."""

    def remove_locally(self) -> None:
        gone = [row.handle for row in self.rows.values() if self._gone_on_server(row)]
        self.context.base.forget(self.path, gone)
        super().remove_locally()


class NotRecovered(Synchronizer):
    """What an interrupted run staged is thrown away although the base knows it."""

    def recover(self) -> None:
        for staged in self.context.storage.staged():
            self.context.storage.remove_object(staged)


class Unannounced(Synchronizer):
    """Uploads are not written down before they are sent, and nothing is recognized by content."""

    object_step = NothingRecognized


def broken(step: type[object]) -> type[Synchronizer]:
    """A synchronizer with that step, or that synchronizer itself."""
    if issubclass(step, Synchronizer):
        return step
    part = "folder_step" if issubclass(step, FolderStep) else "object_step"
    return cast("type[Synchronizer]", type(step.__name__, (Synchronizer,), {part: step}))


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceStorageServer]:
    """A server without UIDPLUS, where objects must be recognized."""
    with ReferenceStorageServer(ReferenceServer(Behaviour().without("UIDPLUS"))) as started:
        yield started


def diverge(pair: Pair) -> None:
    """A change of every kind on both sides of a base, a lost index, and the same object on both sides."""
    for side in (pair.server, pair.local):
        side.put(A, item("same"))
    for number in range(4):
        pair.local.put(A, item(f"a{number}", "\\Flagged"))
    pair.server.put(B, item("b"))
    pair.agree()
    for side, number in ((pair.server, 0), (pair.local, 2)):
        side.remove(A, f"a{number}")
        side.set_flags(A, f"a{number + 1}", add=["\\Seen"], remove=["\\Flagged"])
        side.put(A, item(f"new on {side.side}"))
    pair.server.put(("C",), item("c"))
    pair.local.put(B, item("news"))
    pair.server.remove_folder(B)


FAULTS = [
    NoFetch,
    NoLocalRemoval,
    NoUpload,
    NoRemovalOnServer,
    NoFlags,
    OnlyGrowingFlags,
    FlagsFromServerOnly,
    NothingRecognized,
    EverythingRead,
    NoFoldersFromServer,
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_step_is_noticed(server: ReferenceStorageServer, fault: type[object]) -> None:
    """Each fault makes the end state, or the silence after it, wrong."""

    def scenario() -> None:
        with Pair(server.fresh_account(), broken(fault)) as pair:
            diverge(pair)
            pair.agree()
            server.renew_uid_validity(pair.account, "A")
            pair.agree()

    with pytest.raises(AssertionError):
        scenario()


@pytest.mark.parametrize("fault", [ForgottenFirst, NotRecovered, Unannounced])
def test_a_wrong_order_is_noticed(server: ReferenceStorageServer, fault: type[object]) -> None:
    """An order that only harms when the run is cut off is found by cutting it off everywhere."""
    harmed = []

    def run(countdown: Countdown) -> None:
        with Pair(server.fresh_account()) as pair:
            pair.establish((A, item("old")), (A, item("kept")))
            pair.server.remove(A, "old")
            pair.server.put(A, item("news"))
            pair.local.put(A, item("mine"))
            cut_off(pair, countdown, broken(fault))
            pair.client.client.synchronizer = broken(fault)
            harmed.append(not _recovers(pair))

    every_step(run)
    assert any(harmed)


def _recovers(pair: Pair) -> bool:
    with suppress(AssertionError):
        pair.agree()
        return True
    return False
