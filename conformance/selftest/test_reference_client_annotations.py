"""The reference client's annotations of folders: brought together, silent without a change, whole after any end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.model.policy import Direction, Policy
from conformance.reference.client.client import Client
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.selftest.reference_client_pair import A, B, Countdown, Pair, cut_off, every_step, item
from conformance.servers.reference import ReferenceStorageServer

PRIVATE, SHARED, OWN = "/private/comment", "/shared/comment", "/private/vendor/example/colour"


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceStorageServer]:
    """A server with METADATA."""
    with ReferenceStorageServer() as started:
        yield started


def held(pair: Pair) -> list[list[bytes | None]]:
    """The annotations of A, then those of B, each in local storage and on the server."""
    session, storage = pair.store.second_client, pair.client.client.storage
    entries = (PRIVATE, SHARED, OWN)
    sides = [[storage.annotations(path).get(each) for each in entries] for path in (A, B)]
    there = [[session.get_folder_metadata(pair.store.name(path), each) for each in entries] for path in (A, B)]
    return [side for pairs in zip(sides, there, strict=True) for side in pairs]


def annotate(pair: Pair, local: dict[str, bytes | None], server: dict[str, bytes | None]) -> None:
    """Change the annotations of A on either side."""
    for entry, value in local.items():
        pair.client.set_folder_metadata(A, entry, value)
    for entry, value in server.items():
        pair.store.second_client.set_folder_metadata(pair.store.name(A), entry, value)


def commands(pair: Pair) -> list[str]:
    """The commands about annotations of the last synchronization."""
    return [each.command for each in pair.operations if each.command.endswith("METADATA")]


def diverge(pair: Pair) -> None:
    """A base with two annotations, then a change of every kind."""
    pair.establish((A, item("a")), (B, item("b")))
    annotate(pair, {PRIVATE: b"old"}, {SHARED: b"shared"})
    assert pair.run().success
    annotate(pair, {PRIVATE: b'"new"\r\n\\', OWN: b"blue\0"}, {SHARED: None})


WANTED = [[b'"new"\r\n\\', None, b"blue\0"]] * 2 + [[None] * 3] * 2


def test_changes_of_both_sides_are_brought_together_once(server: ReferenceStorageServer) -> None:
    """Changes and removals reach the other side; a further run looks, and writes nothing."""
    with Pair(server.fresh_account()) as pair:
        diverge(pair)
        assert pair.run().success
        assert held(pair) == WANTED
        assert commands(pair).count("SETMETADATA") == 2
        assert pair.run().success
        assert commands(pair) == ["GETMETADATA"] * len(pair.store.folders())


def test_cut_off_at_every_step(server: ReferenceStorageServer) -> None:
    """Wherever a run ended, the next one completes it."""

    def run(countdown: Countdown) -> None:
        with Pair(server.fresh_account()) as pair:
            diverge(pair)
            cut_off(pair, countdown)
            assert pair.run().success
            assert held(pair) == WANTED
            assert pair.run().success
            assert "SETMETADATA" not in commands(pair)

    assert every_step(run) > 6


@pytest.mark.parametrize("direction", [Direction.DOWNLOAD, Direction.UPLOAD])
def test_one_direction(server: ReferenceStorageServer, direction: Direction) -> None:
    """What the policy lets not move stays as it is, and moves when it may."""
    with Pair(server.fresh_account()) as pair:
        diverge(pair)
        pair.client.set_policy(Policy(direction=direction))
        assert pair.run().success
        downloads = direction is Direction.DOWNLOAD
        local, there, *_ = held(pair)
        assert local == [b'"new"\r\n\\', None if downloads else b"shared", b"blue\0"]
        assert there == ([b"old", None, None] if downloads else [b'"new"\r\n\\', None, b"blue\0"])
        pair.client.set_policy(Policy())
        assert pair.run().success
        assert held(pair) == WANTED


def test_annotations_go_with_their_folder(server: ReferenceStorageServer) -> None:
    """A folder that was removed and made anew has none of its former annotations, on neither side."""
    with Pair(server.fresh_account()) as pair:
        diverge(pair)
        pair.agree()
        pair.local.remove_folder(A)
        pair.agree()
        pair.server.create_folder(A)
        pair.agree()
        assert held(pair) == [[None] * 3] * 4


def test_no_command_where_metadata_is_not_announced() -> None:
    """Without METADATA nothing is asked, and local annotations wait."""
    bare = ReferenceStorageServer(ReferenceServer(Behaviour().without("METADATA")))
    with bare, Pair(bare.fresh_account()) as pair:
        pair.establish((A, item("a")))
        annotate(pair, {PRIVATE: b"mine"}, {})
        assert pair.run().success
        assert commands(pair) == []
        assert pair.client.folder_metadata(A) == {PRIVATE: b"mine"}


def test_annotations_outlive_the_process(tmp_path: Path) -> None:
    """Local storage and base are read from their directory again."""
    with Client(tmp_path) as client:
        client.storage.create(A)
        client.storage.annotate(A, PRIVATE, b"\xff\0")
        client.base.annotate(A, PRIVATE, b"")
    with Client(tmp_path) as again:
        assert again.storage.annotations(A) == {PRIVATE: b"\xff\0"}
        assert again.base.annotations(A) == {PRIVATE: b""}
        assert not again.storage.objects(A)
