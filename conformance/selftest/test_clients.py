"""The client adapters: mbsync against real servers, the Maildir it works on, and how failures are told."""

from __future__ import annotations

import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.clients import mbsync
from conformance.clients.maildir import Maildir
from conformance.clients.mbsync import MbsyncClient
from conformance.clients.process import run_bounded
from conformance.clients.protocol import ClientTimeout
from conformance.clients.reference import ReferenceClient
from conformance.clients.registry import open_client
from conformance.faults.null import NullClient
from conformance.imap.proxy import RecordingProxy
from conformance.imap.transcript import Transcript
from conformance.model.equality import Equality
from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind, message, of_kind
from conformance.model.policy import Policy
from conformance.problems import AdapterProblem, UsageProblem
from conformance.selftest.desk import BOUND, DEEP, FOLDER, Desk, same
from conformance.selftest.imap_servers import scripted
from conformance.selftest.programs import eventually, or_skip, running
from conformance.servers.dovecot import DovecotServer
from conformance.servers.protocol import Account, StorageServer
from conformance.servers.reference import ReferenceStorageServer

SERVERS: dict[str, Callable[[], StorageServer]] = {
    "dovecot": DovecotServer,
    "reference": ReferenceStorageServer,
    "reference with dots": lambda: ReferenceStorageServer.from_options({"delimiter": ".", "personal_prefix": "INBOX."}),
}


@pytest.fixture(scope="module", params=[("dovecot", ()), ("dovecot", ("root", "of ours")), ("reference", ())])
def desk_of(request: pytest.FixtureRequest) -> Iterator[Callable[[], Desk]]:
    """Desks at one server: the whole account, or below a root."""
    name, root = request.param
    with _desks(SERVERS[name](), root) as make:
        yield make


def _desks(server: StorageServer, root: FolderPath) -> _Desks:
    return _Desks(server, root)


class _Desks:
    """Opens desks, and closes them all with the server."""

    def __init__(self, server: StorageServer, root: FolderPath) -> None:
        self.server, self.root, self._opened = server, root, ExitStack()

    def __enter__(self) -> Callable[[], Desk]:
        client = MbsyncClient()
        or_skip(client.hello)
        self._opened.enter_context(running(self.server) if isinstance(self.server, DovecotServer) else self.server)
        self._opened.enter_context(client)
        return lambda: self._opened.enter_context(closing(Desk(self.server, client, self.root)))

    def __exit__(self, *_: object) -> None:
        self._opened.close()


@pytest.fixture
def desk(desk_of: Callable[[], Desk]) -> Desk:
    """A fresh account and empty local storage."""
    return desk_of()


@pytest.mark.parametrize("kind", ObjectKind)
def test_mbsync_uploads(desk: Desk, kind: ObjectKind) -> None:
    """An object of every kind in a nested folder with a name outside ASCII arrives, with its flags."""
    content = of_kind(kind, "up-1").octets
    desk.client.create_folder(DEEP)
    desk.client.put(DEEP, content, frozenset({"\\Seen", "\\Flagged"}))
    desk.synchronize()
    ((octets, flags),) = desk.on_server(DEEP)
    assert same(octets, content)
    assert flags == {rb"\Seen", rb"\Flagged"}


@pytest.mark.parametrize("kind", ObjectKind)
def test_mbsync_downloads(desk: Desk, kind: ObjectKind) -> None:
    """The same from the server."""
    content = of_kind(kind, "down-1").octets
    desk.store(DEEP, content, "\\Seen", "\\Answered")
    desk.synchronize()
    (found,) = desk.local(DEEP)
    assert same(found.octets, content)
    assert found.flags == {"\\seen", "\\answered"}


def test_mbsync_removes_on_both_sides(desk: Desk) -> None:
    """What was removed here goes there, and the other way round."""
    kept, here, there = (message(name).octets for name in ("kept", "here", "there"))
    for each in (kept, here, there):
        desk.store(FOLDER, each)
    desk.synchronize()
    (handle,) = [each.handle for each in desk.local(FOLDER) if same(each.octets, here)]
    desk.client.remove(FOLDER, handle)
    desk.change(FOLDER, lambda uids: (desk.imap.delete_messages(uids[2:]), desk.imap.expunge()))
    desk.synchronize()
    assert [same(octets, kept) for octets, _ in desk.on_server(FOLDER)] == [True]
    assert [same(each.octets, kept) for each in desk.local(FOLDER)] == [True]


def test_mbsync_carries_flags_both_ways(desk: Desk) -> None:
    """Set and cleared, on either side."""
    desk.store(FOLDER, message("one").octets, "\\Seen", "\\Flagged")
    desk.synchronize()
    (found,) = desk.local(FOLDER)
    desk.client.set_metadata(FOLDER, found.handle, {"\\Answered"}, {"\\seen"})
    desk.change(FOLDER, lambda uids: (desk.imap.add_flags(uids, "\\Draft"), desk.imap.remove_flags(uids, "\\Flagged")))
    desk.synchronize()
    assert desk.on_server(FOLDER)[0][1] == {rb"\Answered", rb"\Draft"}
    assert desk.local(FOLDER)[0].flags == {"\\answered", "\\draft"}


def test_mbsync_makes_empty_folders_on_both_sides(desk: Desk) -> None:
    """Folders without objects travel, too, with their superiors."""
    desk.client.create_folder(("here", "ü"))
    desk.imap.create_folder(desk.name(("there", "ü")))
    desk.synchronize()
    assert desk.imap.folder_exists(desk.name(("here", "ü")))
    assert desk.local(("there", "ü")) == ()


def test_mbsync_removes_empty_folders_on_both_sides(desk: Desk) -> None:
    """The program removes a folder that holds nothing, and keeps one that does."""
    for path in (("here",), ("there",), ("full",)):
        desk.client.create_folder(path)
    desk.client.put(("full",), message("one").octets)
    desk.synchronize()
    desk.client.remove_folder(("here",))
    desk.client.remove_folder(("full",))
    desk.imap.delete_folder(desk.name(("there",)))
    desk.synchronize()
    assert not desk.imap.folder_exists(desk.name(("here",)))
    assert ("there",) not in desk.client.snapshot().folders
    assert len(desk.on_server(("full",))) == 1


def test_a_renamed_folder_arrives_under_its_new_name(desk: Desk) -> None:
    """The objects come along."""
    desk.client.create_folder(FOLDER)
    desk.client.put(FOLDER, message("one").octets)
    desk.synchronize()
    desk.client.rename_folder(FOLDER, ("b", "c"))
    desk.synchronize()
    assert len(desk.on_server(("b", "c"))) == 1
    assert [len(desk.local(("b", "c"))), len(desk.local(("b",)))] == [1, 0]


def test_inbox_is_in_scope_of_the_whole_account_only(desk: Desk) -> None:
    """Below a root nothing outside of it is looked at."""
    desk.imap.append("INBOX", message("one").octets)
    desk.synchronize()
    folders = desk.client.snapshot().folders
    assert (("INBOX",) in folders) == (desk.account.root == ())
    assert not desk.account.root or folders == {}


def test_nothing_to_do_takes_little_time(desk: Desk) -> None:
    """The program is kept from waiting out the second in which its directories changed."""
    seconds = []
    for number in range(3):
        desk.store(FOLDER, message(f"new-{number}").octets)
        desk.synchronize()
        start = time.perf_counter()
        desk.synchronize()
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.3


def test_a_reset_forgets_everything(desk: Desk) -> None:
    """Local storage is empty, and a new synchronization downloads anew instead of removing on the server."""
    desk.store(FOLDER, message("one").octets)
    desk.synchronize()
    desk.client.reset(desk.account)
    assert desk.client.snapshot().folders == {}
    desk.synchronize()
    assert len(desk.local(FOLDER)) == len(desk.on_server(FOLDER)) == 1


def test_a_root_is_found_behind_any_delimiter() -> None:
    """The server's names are `INBOX.root.a`, and the adapter is told levels only."""
    with _desks(SERVERS["reference with dots"](), ("INBOX", "root ü")) as make:
        desk = make()
        desk.store(DEEP, message("down").octets)
        desk.client.create_folder(("up", "x"))
        desk.client.put(("up", "x"), message("up").octets)
        desk.synchronize()
        assert len(desk.local(DEEP)) == 1
        assert len(desk.on_server(("up", "x"))) == 1
        assert set(desk.client.snapshot().folders) == {DEEP, ("up",), ("up", "x")}


def test_mbsync_works_through_the_recording_proxy() -> None:
    """As in a run: the transcript shows what it did."""
    client, transcript = MbsyncClient(), Transcript()
    or_skip(client.hello)
    with ReferenceStorageServer() as server, client:
        account = server.fresh_account()
        with RecordingProxy(account.endpoint, transcript) as proxy:
            client.reset(replace(account, endpoint=proxy.endpoint))
            client.create_folder(FOLDER)
            client.put(FOLDER, message("one").octets)
            assert client.synchronize(BOUND).success
            assert proxy.wait_idle(BOUND)
    assert any(b"APPEND" in entry.octets for entry in transcript.entries())


@pytest.mark.parametrize(
    ("settings", "changed"),
    [({"Sync": "Pull"}, (1, 1, 0)), ({"Sync": "Push"}, (0, 1, 1)), ({"Sync": "Pull New", "Create": "None"}, (1, 1, 0))],
)
def test_a_setting_changes_what_the_program_does(settings: dict[str, str], changed: tuple[int, int, int]) -> None:
    """Seeded deviations: one direction only. Downloaded, kept on the side it was on, uploaded."""
    client = MbsyncClient(settings)
    or_skip(client.hello)
    with ReferenceStorageServer() as server, client, closing(Desk(server, client)) as desk:
        desk.store(FOLDER, message("down").octets)
        client.create_folder(FOLDER)
        client.put(FOLDER, message("up").octets)
        assert client.synchronize(BOUND).success
        local, far = desk.local(FOLDER), [octets for octets, _ in desk.on_server(FOLDER)]
        down, up = message("down").octets, message("up").octets
        seen = (
            sum(same(each.octets, down) for each in local),
            sum(same(each.octets, up) for each in local),
            sum(same(octets, up) for octets in far),
        )
        assert seen == changed


def test_a_synchronization_without_end_is_ended() -> None:
    """The server never answers; the program and everything it started is gone after the bound."""
    client = MbsyncClient()
    or_skip(client.hello)
    over = threading.Event()

    def stall(_: socket.socket) -> None:
        over.wait(BOUND)

    with ReferenceStorageServer() as server, scripted(stall) as endpoint, client:
        client.reset(replace(server.fresh_account(), endpoint=endpoint))
        start = time.perf_counter()
        with pytest.raises(ClientTimeout, match=r"did not end within 0\.3 s"):
            client.synchronize(0.3)
        assert time.perf_counter() - start < 5
        over.set()
        assert not _commands_in(client._place)


def test_a_program_is_ended_with_what_it_started(tmp_path: Path) -> None:
    """A child in the background does not outlive the bound."""
    command = ["sh", "-c", "sleep 61 & echo $! > child; echo started; wait"]
    with pytest.raises(ClientTimeout, match="started"):
        run_bounded(command, tmp_path, 0.3, {})
    child = Path("/proc") / (tmp_path / "child").read_text().strip()
    assert eventually(lambda: not child.exists() or "Z" in (child / "stat").read_text())


def _commands_in(directory: Path) -> list[str]:
    """The command lines of living processes that name the directory."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(each.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return [command for command in found if str(directory) in command]


def test_a_refused_login_is_no_success() -> None:
    """The program says so, and its words are kept."""
    client = MbsyncClient()
    or_skip(client.hello)
    with ReferenceStorageServer() as server, client:
        account = server.fresh_account()
        client.reset(replace(account, credentials=replace(account.credentials, password='wrong "\\')))
        result = client.synchronize(BOUND)
    assert not result.success
    assert "wrong" in result.detail
    assert 'wrong "' not in result.detail


def test_user_and_password_may_hold_any_character() -> None:
    """Quotes, backslashes, spaces and letters outside ASCII reach the server."""
    client = MbsyncClient()
    or_skip(client.hello)
    with ReferenceStorageServer() as server, client:
        credentials = server.server.add_account('a "b\\ c#', "p \"'\\$x")
        client.reset(Account(server.server.endpoint, credentials))
        assert client.synchronize(BOUND).success


def test_the_password_is_in_a_private_file_only() -> None:
    """Nobody else can read the configuration, and all of it goes with the adapter."""
    client = MbsyncClient()
    or_skip(client.hello)
    with ReferenceStorageServer() as server, client:
        client.reset(server.fresh_account())
        place = client._place
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert stat.S_IMODE((place / "mbsyncrc").stat().st_mode) == 0o600
    assert not place.exists()


def test_mbsync_says_who_it_is() -> None:
    """Version, what it cannot hold, how its copies are compared, and the settings in use."""
    client = MbsyncClient({"Sync": "Pull"})
    identity = or_skip(client.hello)
    assert identity.name == "mbsync"
    assert identity.version[0].isdigit()
    assert identity.equality is Equality.MIME
    assert identity.claims["flags.keywords"] is False
    assert "Sync Pull" in identity.remark
    assert "X-TUID" in identity.remark


def test_objects_put_within_one_second_are_all_there() -> None:
    """Objects that are put one right after the other do not take each other's place."""
    client = MbsyncClient()
    or_skip(client.hello)
    with client, ReferenceStorageServer() as server:
        client.reset(server.fresh_account())
        client.create_folder(("Folder",))
        for number in range(5):
            client.put(("Folder",), message(f"message-{number}").octets)
        assert len(client.snapshot().folders["Folder",]) == 5


def test_what_mbsync_cannot_do_is_told() -> None:
    """No policy, no TLS of its own, nothing before it is started."""
    client = MbsyncClient()
    or_skip(client.hello)
    with pytest.raises(NotImplementedError):
        client.set_policy(Policy())
    with pytest.raises(AdapterProblem, match="not started"):
        client.snapshot()
    with ReferenceStorageServer() as server, client:
        account = server.fresh_account()
        with pytest.raises(AdapterProblem, match="TLS"):
            client.reset(replace(account, endpoint=replace(account.endpoint, security="tls")))


def test_a_missing_mbsync_is_told_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an empty PATH."""
    monkeypatch.setenv("PATH", "")
    for act in (MbsyncClient().__enter__, MbsyncClient().hello):
        with pytest.raises(AdapterProblem, match="mbsync is not installed") as told:
            act()
        assert "apt-get install isync" in told.value.mend


@pytest.mark.parametrize(
    ("spec", "options", "told", "mend"),
    [
        ("mbsink", {}, "no client adapter 'mbsink'", "did you mean mbsync?"),
        ("zebra", {}, "no client adapter 'zebra'", "mbsync, none"),
        ("mbsync", {"sync": "Pull"}, "no option 'sync'", "did you mean Sync?"),
        ("mbsync", {"Sync": "Pul"}, "Sync cannot be 'Pul'", "Pull"),
        ("mbsync", {"Sync": "Pull\nExpunge None"}, "Sync cannot be", "Pull"),
        ("mbsync", {"Create": "All"}, "Create cannot be 'All'", "Both"),
        ("none", {"Sync": "Pull"}, "'none' has no option 'Sync'", "has no options"),
    ],
)
def test_an_unknown_name_option_or_value_is_told(spec: str, options: dict[str, str], told: str, mend: str) -> None:
    """With what it can be instead."""
    with pytest.raises(UsageProblem, match=told) as raised:
        open_client(spec, options)
    assert mend in raised.value.mend


@pytest.mark.parametrize("value", ["None", "All", "Pull", "Push New", "PullNew PullDelete Push", "Flags"])
def test_every_word_of_the_program_is_taken(value: str) -> None:
    """The words of its manual."""
    assert MbsyncClient({"Sync": value}).settings == {**mbsync.BEST, "Sync": value}


def test_the_clients_by_name() -> None:
    """Two clients, and none at all."""
    assert isinstance(open_client("mbsync", {"Create": "Near"}), MbsyncClient)
    assert isinstance(open_client("reference", {}), ReferenceClient)
    assert open_client("none", {}) is None


def test_a_maildir_holds_folders_objects_and_flags(tmp_path: Path) -> None:
    """Directory names are modified UTF-7, files have LF line ends and letters for flags."""
    local = Maildir(tmp_path)
    local.create_folder(DEEP)
    local.put(DEEP, b"A: b\r\n\r\nc\r\n", frozenset({"\\Seen", "\\FLAGGED", "keyword"}))
    assert (tmp_path / "Gr&APwA3w-e &- more" / "&ZeVnLA- x" / "d" / "cur").is_dir()
    assert list(local.folders()) == [DEEP[:1], DEEP[:2], DEEP]
    (found,) = local.snapshot().folders[DEEP]
    assert found.octets == b"A: b\n\nc\n"
    assert found.flags == {"\\seen", "\\flagged"}
    assert found.handle.endswith(":2,FS")
    local.set_flags(DEEP, found.handle, ["$Forwarded"], ["\\Seen"])
    (found,) = local.snapshot().folders[DEEP]
    assert found.flags == {"\\flagged", "$forwarded"}
    local.remove(DEEP, found.handle)
    assert local.snapshot().folders[DEEP] == ()


def test_flags_of_an_object_in_new_are_seen(tmp_path: Path) -> None:
    """Mbsync delivers what is unseen there, flagged or not."""
    local = Maildir(tmp_path)
    local.create_folder(FOLDER)
    (tmp_path / "a" / "new" / "1.x:2,F").write_bytes(b"A: b\n")
    (tmp_path / "a" / "new" / "2.x").write_bytes(b"A: c\n")
    assert [each.flags for each in local.snapshot().folders[FOLDER]] == [{"\\flagged"}, frozenset()]


def test_folders_of_a_maildir_are_removed_and_renamed_with_inferiors(tmp_path: Path) -> None:
    """A directory without objects of its own is a level of hierarchy only."""
    local = Maildir(tmp_path)
    local.create_folder(("a", "b"))
    local.put(("a", "b"), b"A: b\n", frozenset())
    local.rename_folder(("a",), ("x", "y"))
    assert sorted(local.folders()) == [("x",), ("x", "y"), ("x", "y", "b")]
    assert len(local.snapshot().folders["x", "y", "b"]) == 1
    local.remove_folder(("x", "y"))
    assert list(local.folders()) == [("x",)]
    (tmp_path / "level" / "inner" / "cur").mkdir(parents=True)
    assert ("level",) not in list(local.folders())


@pytest.mark.parametrize("level", ["cur", "new", "tmp", "", ".", "..", "a/b", "x" * 300])
def test_a_name_that_cannot_be_a_directory_is_told(tmp_path: Path, level: str) -> None:
    """Nothing is made outside the tree, or inside another folder's own directories."""
    with pytest.raises(AdapterProblem, match="cannot hold a folder named"):
        Maildir(tmp_path).create_folder(("a", level))


@pytest.mark.parametrize(
    "act",
    [
        lambda local: local.put(("no",), b"", frozenset()),
        lambda local: local.remove(FOLDER, "cur/no"),
        lambda local: local.set_flags(FOLDER, "cur/no", ["\\Seen"], []),
        lambda local: local.remove_folder(("no",)),
        lambda local: local.rename_folder(("no",), ("b",)),
        lambda local: local.rename_folder(FOLDER, ("full",)),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, act: Callable[[Maildir], None]) -> None:
    """A wrong path or handle is a problem of the caller, with a mend."""
    local = Maildir(tmp_path)
    local.create_folder(FOLDER)
    local.create_folder(("full",))
    with pytest.raises(AdapterProblem, match="local storage") as told:
        act(local)
    assert "snapshot" in told.value.mend


def test_the_null_client_keeps_local_storage_and_does_nothing() -> None:
    """A control: what it is told is there, what a synchronization should have done is not."""
    with ReferenceStorageServer() as server, NullClient() as client:
        client.reset(server.fresh_account())
        client.create_folder(("a", "b"))
        client.put(("a", "b"), b"A: b\r\n", frozenset({"\\Seen"}))
        client.rename_folder(("a",), ("c",))
        (found,) = client.snapshot().folders["c", "b"]
        client.set_metadata(("c", "b"), found.handle, {"\\Flagged"}, {"\\seen"})
        assert client.synchronize(BOUND).success
        assert set(client.snapshot().folders) == {("c",), ("c", "b")}
        assert client.snapshot().folders["c", "b"][0].flags == {"\\flagged"}
        client.remove(("c", "b"), found.handle)
        client.remove_folder(("c",))
        assert client.snapshot().folders == {}
