"""The reference client synchronizes: folders, objects and flags, both ways, with several servers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind, message, of_kind
from conformance.model.states import Item
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.selftest.reference_client_pair import CHANGES, INBOX, A, B, Pair, item
from conformance.servers.dovecot import DovecotServer
from conformance.servers.protocol import StorageServer
from conformance.servers.reference import ReferenceStorageServer

SERVERS = {
    "full": Behaviour(),
    "bare": replace(Behaviour(), extensions=frozenset()),
    "contrary": replace(
        Behaviour(delimiter=".", first_uid=2**31 + 7, first_uid_validity=2**32 - 4000, name_style="literal"),
        fetch_item_order="reversed",
        updates_before_answer=True,
        expunge_highest_first=True,
        uid_in_updates=True,
        refuse_before_literal=True,
    ),
    "continued": Behaviour(recreate_keeps_uid_validity=True).without("UIDPLUS"),
    "dovecot": None,
}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[StorageServer]:
    """Every server that the client is tried with; Dovecot where it is installed."""
    behaviour = SERVERS[request.param]
    if behaviour is None and shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin") is None:
        pytest.skip("Dovecot is not installed")
    with ReferenceStorageServer(ReferenceServer(behaviour)) if behaviour else DovecotServer() as started:
        yield started


@pytest.fixture
def pair(server: StorageServer) -> Iterator[Pair]:
    """A fresh account and an empty client."""
    account = server.fresh_account()
    with Pair(account) as made:
        yield made
    server.release(account)


def test_both_sides_are_united_by_the_first_synchronization(pair: Pair) -> None:
    """The first run removes nothing: both sides get what the other has, in every kind of object."""
    for kind in ObjectKind:
        pair.server.put(A, Item(f"server {kind}", of_kind(kind, f"s-{kind.name}"), frozenset({"\\Seen"})))
        pair.local.put(B, Item(f"local {kind}", of_kind(kind, f"l-{kind.name}"), frozenset({"\\Flagged", "work"})))
    pair.agree()
    assert len(pair.base.folders[A]) == len(pair.base.folders[B]) == len(ObjectKind)


def test_everything_at_once(pair: Pair) -> None:
    """Additions, removals and flags on both sides in several folders end in one run."""
    pair.establish(*[(path, item(f"{path[0]}{number}")) for path in (A, B) for number in range(6)])
    for path in (A, B):
        name = path[0]
        pair.server.remove(path, f"{name}0")
        pair.local.remove(path, f"{name}1")
        pair.server.set_flags(path, f"{name}2", add=["\\Seen", "urgent"])
        pair.local.set_flags(path, f"{name}3", add=["\\Answered", "Later"])
        pair.server.put(path, item(f"{name} from server", "\\Draft"))
        pair.local.put(path, item(f"{name} from client", "\\Seen"))
    pair.server.put(("New", "deep"), item("n1"))
    pair.local.put(("Own", "deep"), item("n2"))
    pair.agree()


def test_flags_are_set_and_cleared_both_ways(pair: Pair) -> None:
    """A flag changed on one side follows there, different ones on both sides are merged."""
    pair.establish((A, item("one", "\\Seen", "\\Flagged", "both")), (A, item("two")))
    pair.server.set_flags(A, "one", remove=["\\Seen"])
    pair.local.set_flags(A, "one", remove=["both"], add=["\\Answered"])
    pair.local.set_flags(A, "two", add=["\\Seen"])
    pair.server.set_flags(A, "two", add=["\\Flagged"])
    pair.agree()
    assert pair.base.folders[A]["one"].flags == {"\\flagged", "\\answered"}
    assert pair.base.folders[A]["two"].flags == {"\\flagged", "\\seen"}


def test_only_the_changed_flag_is_sent(pair: Pair) -> None:
    """Metadata is updated by set and clear, never replaced, and only where it changed."""
    pair.establish((A, item("one", "\\Seen")), (A, item("two", "\\Seen")))
    pair.local.set_flags(A, "one", add=["\\Flagged"])
    assert pair.run().success
    (update,) = pair.did(*CHANGES)
    assert (update.kind, len(update.uids), pair.did("fetch_object")) == ("update_metadata", 1, [])
    assert all("Flagged" in flag for flag in update.items if flag.startswith(("+", "-")))


def test_own_uploads_are_recognized(pair: Pair) -> None:
    """What was stored is not fetched again, with UIDPLUS or without, even among objects of equal size and content."""
    pair.establish((A, item("known")))
    for number in range(3):
        pair.local.put(A, item(f"new-{number}", *["\\Seen"][: number % 2]))
    pair.local.put(A, Item("twin", message("new-0")))
    assert pair.run().success
    assert pair.did("fetch_object") == []
    pair.assert_as_expected()
    pair.assert_silent()


def test_equal_objects_stay_two(pair: Pair) -> None:
    """Two objects of equal content are two, in one folder and in different ones; removing one leaves one."""
    same = message("same")
    pair.establish((A, Item("one", same)), (A, Item("two", same)), (B, Item("three", same)))
    assert len(pair.base.folders[A]) == 2
    pair.local.remove(A, "two")
    pair.agree()
    assert (len(pair.base.folders[A]), len(pair.base.folders[B])) == (1, 1)


def test_the_same_object_on_both_sides_is_one(pair: Pair) -> None:
    """Objects delivered to both sides before the first synchronization are recognized, two of them as two."""
    for side in (pair.server, pair.local):
        side.put(A, Item("x1", message("x")), Item("x2", message("x")), Item("y", message("y"), frozenset({"\\Seen"})))
    pair.local.set_flags(A, "y", add=["\\Flagged"])
    pair.agree()
    assert len(pair.store.snapshot().folders[A]) == 3


def test_a_new_device_gets_everything_and_removes_nothing(pair: Pair) -> None:
    """Empty local storage without a base means that everything is new, not that everything was removed."""
    pair.establish((A, item("one")), (("B", "C"), item("two", "\\Seen")))
    pair.client.reset(pair.account)
    pair.base = pair.local.state = type(pair.base)()
    pair.agree()
    assert len(list(pair.base.items())) == 2


def test_folders_are_created_and_removed_both_ways(pair: Pair) -> None:
    """Nested and empty folders follow, subtrees go as a whole, names that merely begin alike stay."""
    pair.establish((A, item("a")), (("A", "x", "y"), item("deep")), (("AB",), item("ab")), (B, item("b")))
    pair.server.create_folder(("Empty", "inner"))
    pair.local.create_folder(("Own", "inner", "most"))
    pair.server.remove_folder(A)
    pair.local.remove_folder(B)
    pair.agree()
    assert set(pair.base.folders) - {INBOX} == {
        *[("AB",), ("Empty",), ("Empty", "inner"), ("Own",), ("Own", "inner"), ("Own", "inner", "most")]
    }


def test_an_emptied_folder_stays(pair: Pair) -> None:
    """A folder whose last object goes is still a folder."""
    pair.establish((A, item("a")), (B, item("b")))
    pair.server.remove(A, "a")
    pair.local.remove(B, "b")
    pair.agree()
    assert {A, B} <= set(pair.base.folders)


def test_names_of_any_kind_are_kept(pair: Pair) -> None:
    """Names outside ASCII, with quotes, wildcards and shift characters, arrive both ways as they were."""
    names = ["Café", "会話", "😀chat", "Tom & Ann", 'a "b" c', "back\\slash", "(x) {y} %z", "NIL", "e\u0301", "a~/ +-&"]
    delimiter = pair.store.observer.delimiter or ""
    for number, name in enumerate(name.replace(delimiter, "-").replace("*", "") for name in names):
        side = pair.server if number % 2 else pair.local
        side.put((name,), item(f"in {number}"))
    pair.agree()


def test_a_folder_created_on_both_sides_is_one(pair: Pair) -> None:
    """The same new folder on both sides holds the union."""
    pair.server.put(A, item("s"))
    pair.local.put(A, item("l"))
    pair.agree()
    assert set(pair.base.folders[A]) == {"s", "l"}


def test_folders_renamed_on_either_side(pair: Pair) -> None:
    """A renamed folder has its objects once under the new name; on the server a copy exists at all times."""
    pair.establish((A, item("a1")), (("A", "in"), item("a2")), (B, item("b1")), (("B", "in"), item("b2")))
    pair.server.rename_folder(A, ("Server",))
    pair.local.rename_folder(B, ("Local",))
    assert pair.run().success
    order = [each.kind for each in pair.did("store_object", "remove_folder")]
    assert order == ["store_object"] * 2 + ["remove_folder"] * 2
    pair.assert_as_expected()
    pair.assert_silent()


def test_objects_moved_on_either_side(pair: Pair) -> None:
    """An object moved to another folder is there once afterwards."""
    pair.establish((A, item("one")), (A, item("two")), (B, item("three")))
    pair.server.move("one", A, B)
    pair.local.move("two", A, ("C",))
    pair.agree()


def test_a_folder_recreated_on_the_server_holds_only_the_new(pair: Pair) -> None:
    """After removal and new creation under the same name old objects are not brought back, new ones arrive."""
    pair.establish((A, item("old-1")), (A, item("old-2")))
    pair.server.remove_folder(A)
    pair.server.put(A, item("new-1"), item("new-2"), item("new-3"))
    pair.agree()
    assert set(pair.base.folders[A]) == {"new-1", "new-2", "new-3"}


def test_a_removed_superior_with_a_kept_inferior(pair: Pair) -> None:
    """Where the server keeps a removed superior as a mere name, its inferior stays with its objects."""
    pair.establish((A, item("a")), (("A", "kept"), item("k")))
    pair.store.second_client.remove_folder(pair.store.name(A))
    pair.server.state = type(pair.base)({path: held for path, held in pair.base.folders.items() if path != A})
    pair.agree()
    assert ("A", "kept") in pair.client.snapshot().folders
    assert A not in pair.client.snapshot().folders


@pytest.mark.parametrize("removed_on", ["server", "client"])
def test_news_in_a_removed_folder_are_not_lost(pair: Pair, removed_on: str) -> None:
    """A folder that one side removed is kept for what the other side newly put in it; the old objects go."""
    pair.establish((A, item("old")), (B, item("b")))
    remover, other = (pair.server, pair.local) if removed_on == "server" else (pair.local, pair.server)
    other.put(A, item("news", "\\Seen"))
    remover.remove_folder(A)
    pair.agree()
    assert set(pair.base.folders[A]) == {"news"}


def test_removed_on_both_sides(pair: Pair) -> None:
    """Folders and objects that both sides removed are gone without a problem."""
    pair.establish((A, item("a")), (B, item("b1")), (B, item("b2")))
    for side in (pair.server, pair.local):
        side.remove_folder(A)
        side.remove(B, "b1")
    pair.agree()


def test_an_object_removed_here_and_changed_there_is_removed(pair: Pair) -> None:
    """Removal wins over a changed flag, on both sides alike."""
    pair.establish((A, item("one")), (A, item("two")))
    pair.local.remove(A, "one")
    pair.server.set_flags(A, "one", add=["\\Seen"])
    pair.server.remove(A, "two")
    pair.local.set_flags(A, "two", add=["\\Seen"])
    pair.agree()
    assert pair.base.folders[A] == {}


def test_an_object_marked_deleted_stays_as_it_is(pair: Pair) -> None:
    """Another client's mark for removal neither removes the object locally nor goes with our own removal."""
    pair.establish((A, item("marked")), (A, item("ours")))
    pair.store.set_flags(A, item("marked"), ["\\Deleted"], [])
    pair.assert_silent()
    pair.local.remove(A, "ours")
    assert pair.run().success
    (left,) = pair.store.snapshot().folders[A]
    assert "\\deleted" in left.flags
    assert len(pair.client.snapshot().folders[A]) == 1


def test_the_root_of_an_account_is_respected(pair: Pair) -> None:
    """With a root only what is below it is synchronized."""
    pair.store.create_folder(("Root",))
    pair.server.put(("Outside",), item("outside"))
    with Pair(replace(pair.account, root=("Root",))) as below:
        below.server.put(A, item("inside"))
        below.local.put(("INBOX",), item("no inbox at all"))
        below.agree()
        assert set(below.client.snapshot().folders) == {A, ("INBOX",)}
    assert "outside" in pair.server.state.folders[("Outside",)]
    assert not pair.store.snapshot().folders[INBOX]


def test_inbox_is_a_folder_that_cannot_be_removed(pair: Pair) -> None:
    """INBOX removed locally comes back empty: its objects go, the folder stays, nobody tries to delete it."""
    pair.establish((INBOX, item("in")), (A, item("a")))
    pair.client.remove_folder(INBOX)
    assert pair.run().success
    assert pair.did("remove_folder") == []
    assert pair.client.snapshot().folders[INBOX] == pair.store.snapshot().folders[INBOX] == ()
    pair.assert_silent()


@pytest.mark.parametrize("size", [0, 1, 5 * 2**20])
def test_octets_are_kept(pair: Pair, size: int) -> None:
    """Bodies of any size, octets above 127, bare dots and long lines arrive as they were, both ways."""
    body = (b"caf\xc3\xa9 \xff\xfe .\r\n.\r\n" + b"x" * 2000 + b"\r\n \r\n") * (size // 2000) + b"e" * (size % 2000)
    octets = b"Subject: =?utf-8?q?x?=\r\n folded\r\nX-8bit: \xc3\xa9\r\n\r\n" + body
    pair.local.put(A, Item("up", replace(message("up"), octets=octets + b"up\r\n")))
    pair.server.put(A, Item("down", replace(message("down"), octets=octets)))
    pair.agree()


def test_many_objects_and_folders(pair: Pair) -> None:
    """Some hundred objects and folders are done in one run."""
    for number in range(60):
        pair.client.create_folder((f"folder {number}",))
        pair.local.state = pair.local.state.with_folder((f"folder {number}",))
    news = [item(f"many-{number}") for number in range(250)]
    path: FolderPath = ("Many",)
    pair.server.put(path, *news[:125])
    pair.local.put(path, *news[125:])
    pair.agree()
