"""The reference client with refusals, limits, peculiar servers, and changes in the middle of a run."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from conformance.clients.protocol import ClientTimeout
from conformance.clients.reference import ReferenceClient
from conformance.imap.endpoint import Credentials, Endpoint
from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind, message, of_kind
from conformance.model.policy import Direction, Policy
from conformance.model.states import Item
from conformance.problems import AdapterProblem
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.selftest.imap_servers import scripted
from conformance.selftest.reference_client_pair import CHANGES, A, B, Pair, item
from conformance.servers.protocol import Account
from conformance.servers.reference import ReferenceStorageServer

Action = Callable[[Pair], None]


class ServedPair(Pair):
    """A pair with the server that was started for it."""

    def __init__(self, server: ReferenceStorageServer, synchronizer: type[Synchronizer]) -> None:
        super().__init__(server.fresh_account(), synchronizer)
        self.storage_server = server


@contextmanager
def paired(behaviour: Behaviour | None = None, synchronizer: type[Synchronizer] = Synchronizer) -> Iterator[ServedPair]:
    """A client and an account on a server of that behaviour."""
    server = ReferenceStorageServer(ReferenceServer(behaviour or Behaviour()))
    with server, ServedPair(server, synchronizer) as pair:
        yield pair


def meanwhile(step: type, method: str, action: Action) -> tuple[type[Synchronizer], list[Pair]]:
    """A synchronizer with an action right after a method of a step, once, with the pair that is put in the list."""
    waiting: list[Pair] = []

    def disturbed(self: Any, *arguments: object) -> object:
        result = getattr(super(disturbing, self), method)(*arguments)
        if waiting and (step is FolderStep or self.path == A):
            action(waiting.pop())
        return result

    disturbing = type("Disturbing", (step,), {method: disturbed})
    name = "folder_step" if step is FolderStep else "object_step"
    return type("Disturbed", (Synchronizer,), {name: disturbing}), waiting


def remove_news(pair: Pair) -> None:
    """The new object disappears again."""
    pair.server.remove(A, "news")


def add_object(pair: Pair) -> None:
    """Another object comes, of the size of those that the client stores."""
    pair.server.put(A, item("other"))


def add_folder(pair: Pair) -> None:
    """Another folder comes."""
    pair.server.put(("Another",), item("x"))


def change_flag(pair: Pair) -> None:
    """A flag changes on the server."""
    pair.server.set_flags(A, "base1", add=["\\Seen"])


def remove_folder(pair: Pair) -> None:
    """The folder disappears."""
    pair.server.remove_folder(A)


@pytest.mark.parametrize("extensions", [True, False])
@pytest.mark.parametrize(
    ("step", "method", "action"),
    [
        *[(FolderStep, "list_folders", each) for each in (remove_news, add_object, add_folder, change_flag)],
        *[(ObjectStep, "activate", each) for each in (remove_news, add_object, add_folder, change_flag)],
        *[(ObjectStep, "fetch_new", each) for each in (add_object, change_flag)],
        *[(ObjectStep, "store_one", each) for each in (add_object, change_flag)],
        *[(ObjectStep, "remove_on_server", each) for each in (add_object, change_flag)],
    ],
)
def test_changes_in_the_middle_of_a_run(*, step: type, method: str, action: Action, extensions: bool) -> None:
    """The run ends in order, and the next one brings what came too late."""
    synchronizer, waiting = meanwhile(step, method, action)
    behaviour = Behaviour() if extensions else replace(Behaviour(), extensions=frozenset())
    with paired(behaviour, synchronizer) as pair:
        pair.establish((A, item("base1")), (A, item("base2")), (B, item("b")))
        pair.server.put(A, item("news"))
        pair.local.put(A, item("mine1"), item("mine2"))
        pair.local.remove(A, "base2")
        waiting.append(pair)
        pair.agree(runs=2)


@pytest.mark.parametrize(("step", "method"), [(FolderStep, "list_folders"), (ObjectStep, "activate")])
def test_a_folder_removed_in_the_middle_of_a_run(step: type, method: str) -> None:
    """Another client removes a folder after it was listed: what was newly put into it locally is not lost."""
    synchronizer, waiting = meanwhile(step, method, remove_folder)
    with paired(synchronizer=synchronizer) as pair:
        pair.establish((A, item("old")), (B, item("b")))
        pair.local.put(A, item("mine"))
        waiting.append(pair)
        pair.run()
        assert pair.run().success
        assert {each.octets for each in pair.store.snapshot().folders[A]} == {item("mine").content.octets}
        assert pair.client.snapshot().folders.keys() == pair.store.snapshot().folders.keys()
        pair.assert_silent()


@pytest.mark.parametrize("without", [False, True])
def test_a_new_uid_validity_neither_doubles_nor_loses(*, without: bool) -> None:
    """Objects are recognized by content, pending removals and flags are kept, new ones go both ways."""
    behaviour = Behaviour().without("UIDPLUS") if without else Behaviour()
    with paired(behaviour) as pair:
        twins = [Item(name, message("same")) for name in ("s1", "s2")]
        pair.establish(*[(A, each) for each in [*twins, *(item(f"a{n}", "\\Flagged") for n in range(4))]])
        pair.local.put(A, item("mine"))
        pair.local.remove(A, "a0")
        pair.local.set_flags(A, "a1", add=["\\Seen"])
        pair.server.set_flags(A, "a2", remove=["\\Flagged"])
        pair.server.remove(A, "a3")
        pair.server.put(A, item("theirs"))
        pair.storage_server.renew_uid_validity(pair.account, "A")
        pair.agree()
        assert len(pair.store.snapshot().folders[A]) == 6


def test_a_new_uid_validity_stores_nothing_again() -> None:
    """With unchanged content the run after it changes nothing on the server."""
    with paired() as pair:
        pair.establish((A, item("one")), (A, item("two", "\\Seen")))
        pair.storage_server.renew_uid_validity(pair.account, "A")
        assert pair.run().success
        assert pair.did(*CHANGES) == []
        pair.assert_silent()


def test_a_removed_folder_with_a_new_uid_validity_is_removed() -> None:
    """A folder removed locally holds nothing new only because its UIDs changed."""
    with paired() as pair:
        pair.establish((A, item("one")), (B, item("b")))
        pair.storage_server.renew_uid_validity(pair.account, "A")
        pair.local.remove_folder(A)
        pair.agree()
        assert A not in pair.base.folders


def test_a_full_account() -> None:
    """What does not fit stays in local storage, the others go, the result tells; with room a later run stores it."""
    with paired() as pair:
        pair.establish((A, item("one")))
        big = Item("big", message("big", "x" * 5000))
        pair.local.put(A, big, item("small"))
        pair.local.put(B, item("b"))
        pair.storage_server.set_quota(pair.account, 5000)
        result = pair.run()
        assert not result.success
        assert "OVERQUOTA" in result.detail
        assert len(pair.store.snapshot().folders[A]) == 2
        assert len(pair.client.snapshot().folders[A]) == 3
        pair.storage_server.server.set_quota(pair.account.credentials.user, None)
        pair.agree()


def test_a_read_only_folder() -> None:
    """It is downloaded; local changes wait, the result tells, and they go when the folder can be written again."""
    with paired() as pair:
        pair.establish((A, item("one")), (A, item("two")), (B, item("b")))
        server = pair.storage_server.server
        pair.server.put(A, item("news"))
        pair.local.put(A, item("mine"))
        pair.local.remove(A, "one")
        pair.local.set_flags(A, "two", add=["\\Seen"])
        pair.local.put(B, item("b2"))
        server.set_read_only(pair.account.credentials.user, "A", read_only=True)
        for _ in range(2):
            result = pair.run()
            assert not result.success
            assert result.detail.count("read-only") == 3
            assert len(pair.client.snapshot().folders[A]) == 3
            assert len(pair.store.snapshot().folders[B]) == 2
            assert pair.did("update_metadata", "remove_object") == []
        server.set_read_only(pair.account.credentials.user, "A", read_only=False)
        pair.agree()


def test_flags_that_a_folder_does_not_keep() -> None:
    """They are not sent, stay in local storage, and are no reason for any further change."""
    with paired(Behaviour(permanent_flags=("\\Seen", "\\Deleted"), new_keywords=False)) as pair:
        pair.client.create_folder(A)
        pair.client.put(A, message("one").octets, frozenset({"\\Flagged", "kw", "\\Seen"}))
        for _ in range(2):
            assert pair.run().success
            (local,), (remote,) = pair.client.snapshot().folders[A], pair.store.snapshot().folders[A]
            assert local.flags == {"\\Flagged", "kw", "\\Seen"}
            assert remote.flags == {"\\seen"}
        assert pair.did(*CHANGES) == []


def test_flag_extensions_are_accepted() -> None:
    """A flag with a backslash outside the six arrives locally and is not lost on the server."""
    with paired(Behaviour(flag_extensions=("\\read-report-sent",))) as pair:
        pair.establish((A, item("one", "\\read-report-sent")), (A, item("two")))
        pair.local.set_flags(A, "two", add=["\\read-report-sent"])
        pair.local.set_flags(A, "one", add=["\\Seen"])
        assert pair.run().success
        assert all("\\read-report-sent" in each.flags for each in pair.client.snapshot().folders[A])
        pair.assert_silent()


def test_recent_is_no_metadata() -> None:
    """It is neither stored locally nor sent."""
    with paired() as pair:
        pair.server.put(A, item("one"))
        pair.client.create_folder(A)
        pair.client.put(A, message("two").octets, frozenset({"\\Recent", "\\Seen"}))
        assert pair.run().success
        flags = {flag for _, each in pair.store.snapshot().objects() for flag in each.flags}
        assert flags == {"\\seen"}
        pair.assert_silent()


@pytest.mark.parametrize("case", ["insensitive", "lower", "upper"])
def test_a_server_that_spells_names_its_own_way(case: Any) -> None:
    """A created folder that is listed in another letter case is still the same folder."""
    with paired(Behaviour(name_case=case)) as pair:
        pair.client.create_folder(("Conv", "Inner"))
        pair.client.put(("Conv", "Inner"), message("one").octets)
        assert pair.run().success
        pair.assert_silent()
        assert {("Conv",), ("Conv", "Inner")} <= set(pair.client.snapshot().folders)
        pair.client.remove_folder(("Conv",))
        assert pair.run().success
        assert set(pair.store.snapshot().folders) == {("INBOX",)}


def test_a_local_name_with_the_delimiter() -> None:
    """It gets a name of its own on the server, always the same one, and never becomes two levels."""
    with paired() as pair:
        for name in ("a/b", "a"):
            pair.client.create_folder((name,))
            pair.client.put((name,), message(name).octets)
        assert pair.run().success
        pair.assert_silent()
        assert set(pair.store.snapshot().folders) == {("INBOX",), ("a／b",), ("a",)}
        pair.client.remove_folder(("a/b",))
        assert pair.run().success
        assert set(pair.store.snapshot().folders) == {("INBOX",), ("a",)}


def test_a_server_without_hierarchy() -> None:
    """Flat folders are synchronized, a nested one is reported and stays in local storage."""
    with paired(Behaviour(delimiter=None)) as pair:
        pair.client.create_folder(("flat",))
        pair.client.create_folder(("flat", "nested"))
        pair.client.put(("flat",), message("one").octets)
        result = pair.run()
        assert "no hierarchy" in result.detail
        assert ("flat",) in pair.store.snapshot().folders
        assert ("flat", "nested") in pair.client.snapshot().folders


def test_an_object_with_nul_octets_is_encoded() -> None:
    """No NUL goes over the wire; the content is the same after decoding, and a new device gets it once."""
    head = b"Subject: binary\r\nContent-Type: image/gif\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    with paired() as pair:
        pair.client.create_folder(A)
        pair.client.put(A, head + b"GIF\0\1\r\n\2\0")
        pair.client.put(A, b"Subject: \0\r\n\r\nno way\r\n")
        result = pair.run()
        assert "NUL octet in its header" in result.detail
        (stored,) = pair.store.snapshot().folders[A]
        assert b"\0" not in stored.octets
        assert b"R0lGAAENCgIA" in stored.octets
        pair.storage_server.renew_uid_validity(pair.account, "A")
        pair.run()
        assert len(pair.store.snapshot().folders[A]) == 1


def test_bare_line_ends_travel_as_crlf() -> None:
    """An object kept with bare line feeds is stored with CRLF, and is the same object in every later run."""
    with paired(Behaviour().without("UIDPLUS")) as pair:
        pair.local.put(A, Item("lf", replace(message("lf"), octets=message("lf").octets.replace(b"\r\n", b"\n"))))
        pair.agree()
        (stored,) = pair.store.snapshot().folders[A]
        assert stored.octets == message("lf").octets


KINDS = frozenset(ObjectKind)


@pytest.mark.parametrize("excluded", list(ObjectKind))
def test_an_excluded_kind_stays_where_it_is(excluded: ObjectKind) -> None:
    """Neither moved, nor fetched, nor removed, not even with its folder; afterwards, with no policy, it moves."""
    with paired() as pair:
        pair.establish((A, Item("known", of_kind(excluded, "known"))), (B, Item("b", of_kind(excluded, "b"))))
        for kind in ObjectKind:
            pair.server.put(A, Item(f"s-{kind}", of_kind(kind, f"s-{kind}")))
            pair.local.put(A, Item(f"l-{kind}", of_kind(kind, f"l-{kind}")))
        pair.local.remove(A, "known")
        pair.follow(Policy(kinds=KINDS - {excluded}))
        assert pair.run().success
        assert sum(len(each.uids) for each in pair.did("fetch_object")) == len(ObjectKind) - 1
        pair.assert_as_expected()
        pair.assert_silent()
        pair.follow(Policy())
        pair.agree()


@pytest.mark.parametrize("direction", [Direction.DOWNLOAD, Direction.UPLOAD])
def test_one_direction_only(direction: Direction) -> None:
    """What may not be changed is not; with both directions allowed again everything that waited is done."""
    with paired() as pair:
        pair.establish(*[(A, item(f"a{number}")) for number in range(4)], (B, item("b")))
        for side, number in ((pair.server, 0), (pair.local, 2)):
            side.remove(A, f"a{number}")
            side.set_flags(A, f"a{number + 1}", add=["\\Seen"])
            side.put(A, item(f"new on {side.side}", "\\Flagged"))
            side.put((f"new on {side.side}",), item(f"{side.side}"))
        pair.follow(Policy(direction=direction))
        assert pair.run().success
        assert bool(pair.did(*CHANGES)) is (direction is Direction.UPLOAD)
        pair.assert_as_expected()
        pair.assert_silent()
        pair.follow(Policy())
        pair.agree()


def test_folders_out_of_scope_are_not_touched() -> None:
    """Nothing outside the named folders is created, removed or set active."""
    with paired() as pair:
        pair.establish((A, item("a")), (("A", "in"), item("in")), (B, item("b")), (("AB",), item("ab")))
        pair.server.remove_folder(B)
        pair.local.remove_folder(("AB",))
        pair.local.put(("A", "in"), item("news"))
        pair.server.put(("C",), item("c"))
        pair.follow(Policy(folders=frozenset({A})))
        assert pair.run().success
        assert {each.folder for each in pair.did("set_active_folder")} == {"A", "A/in"}
        pair.assert_as_expected()


def test_a_refused_login_changes_nothing() -> None:
    """The result tells, local storage stays, and the next run with the right password goes on."""
    with paired() as pair:
        pair.establish((A, item("a")))
        wrong = Credentials(pair.account.credentials.user, "not the password")
        report = pair.client.client.synchronize(pair.account.endpoint, wrong)
        assert "AUTHENTICATIONFAILED" in str(report)
        assert "not the password" not in str(report)
        pair.assert_silent()


def test_an_empty_listing_removes_nothing() -> None:
    """A server that suddenly lists nothing at all is not believed."""

    class Forgetful(FolderStep):
        def list_folders(self) -> None:
            self.context.session.list_folders = lambda *_: []  # type: ignore[method-assign]
            super().list_folders()

    with paired() as pair:
        pair.establish((A, item("a")))
        pair.client.client.synchronizer = type("Other", (Synchronizer,), {"folder_step": Forgetful})
        result = pair.run()
        assert not result.success
        assert "lists nothing" in result.detail
        assert A in pair.client.snapshot().folders


def test_a_server_that_stops_answering_ends_the_run() -> None:
    """The time for the whole run is kept, whatever the server does in it."""
    pause = threading.Event()

    def mute(connection: socket.socket) -> None:
        connection.sendall(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        while connection.recv(4096):
            pass

    def slow(connection: socket.socket) -> None:
        connection.sendall(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        while command := connection.recv(4096):
            pause.wait(0.1)
            connection.sendall(command.split(b" ")[0] + b" OK done\r\n")

    for script in (mute, slow):
        with scripted(script) as endpoint, ReferenceClient() as client:
            client.reset(Account(Endpoint(endpoint.host, endpoint.port), Credentials("u", "p")))
            client.create_folder(A)
            started = time.monotonic()
            with pytest.raises(ClientTimeout):
                client.synchronize(0.3)
            assert time.monotonic() - started < 2
            assert A in client.snapshot().folders


def test_the_adapter_names_its_problems() -> None:
    """Unknown folders and objects, a missing account, and use outside the block are the caller's problems."""
    nowhere: FolderPath = ("nowhere",)
    with pytest.raises(AdapterProblem):
        ReferenceClient().snapshot()
    with ReferenceClient() as client:
        for misuse in (
            lambda: client.synchronize(1),
            lambda: client.put(nowhere, b"x"),
            lambda: client.remove_folder(nowhere),
            lambda: client.remove(nowhere, "handle"),
            lambda: client.set_metadata(nowhere, "handle", ["\\Seen"], []),
            lambda: client.rename_folder(nowhere, A),
        ):
            with pytest.raises(AdapterProblem):
                misuse()


def test_the_adapter_leaves_nothing_behind() -> None:
    """Its directory is gone after the block, and `reset` forgets folders, objects, base and policy."""
    with paired() as pair:
        pair.establish((A, item("a")))
        directory = pair.client.client.directory
        pair.client.reset(pair.account)
        assert pair.client.snapshot().folders == {}
        assert pair.client.client.base.folders() == {}
        assert directory.exists()
    assert not directory.exists()
