"""Adapters of programs: OfflineIMAP and InterIMAP on real servers, templates of configuration, and misbehaviour."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.clients.interimap import InterimapClient
from conformance.clients.maildir import MaildirClient
from conformance.clients.mbsync import MbsyncClient
from conformance.clients.offlineimap import OfflineimapClient
from conformance.clients.process import run_bounded
from conformance.clients.program import ProgramClient
from conformance.clients.protocol import ClientIdentity, ClientTimeout
from conformance.clients.registry import open_client
from conformance.model.equality import Equality
from conformance.model.folders import FolderPath
from conformance.model.objects import message
from conformance.outcomes import Outcome
from conformance.problems import AdapterProblem, UsageProblem
from conformance.resources import fixture
from conformance.scenario.stage import Bounds
from conformance.selftest.desk import BOUND, DEEP, FOLDER, Desk, same
from conformance.selftest.programs import eventually, or_skip, running
from conformance.selftest.running import judged
from conformance.servers.dovecot import DovecotServer
from conformance.servers.protocol import AbilityMissing, Account
from conformance.servers.reference import ReferenceStorageServer

PROGRAMS: dict[str, type[ProgramClient]] = {
    "mbsync": MbsyncClient,
    "offlineimap": OfflineimapClient,
    "interimap": InterimapClient,
}
KEYWORDS = frozenset({"\\Seen", "$Forwarded"})


def _started(opened: ExitStack, client: ProgramClient) -> ProgramClient:
    or_skip(client.hello)
    return opened.enter_context(client)


@pytest.fixture(
    scope="module",
    params=[("offlineimap", ()), ("offlineimap", ("root", "of ours")), ("interimap", ()), ("interimap", ("root ü",))],
    ids=["offlineimap", "offlineimap-root", "interimap", "interimap-root"],
)
def desk_of(request: pytest.FixtureRequest) -> Iterator[Callable[[], Desk]]:
    """Desks at a Dovecot: the whole account, or below a root."""
    name, root = request.param
    server = DovecotServer()
    with ExitStack() as opened:
        client = _started(opened, PROGRAMS[name]())
        opened.enter_context(running(server))
        yield lambda: opened.enter_context(closing(_at_root(Desk(server, client, root))))


def _at_root(desk: Desk) -> Desk:
    if desk.account.root:
        desk.imap.create_folder(desk.name(()))
    return desk


@pytest.fixture
def desk(desk_of: Callable[[], Desk]) -> Desk:
    """A fresh account and empty local storage."""
    return desk_of()


def test_objects_travel_both_ways(desk: Desk) -> None:
    """With their flags, in nested folders with names outside ASCII."""
    down, up = message("down").octets, message("up").octets
    desk.store(DEEP, down, "\\Seen", "\\Answered")
    desk.client.create_folder(("up é", "x"))
    desk.client.put(("up é", "x"), up, frozenset({"\\Seen", "\\Flagged"}))
    desk.synchronize()
    (found,) = desk.local(DEEP)
    assert same(found.octets, down)
    assert found.flags == {"\\seen", "\\answered"}
    ((octets, flags),) = desk.on_server(("up é", "x"))
    assert same(octets, up)
    assert flags == {rb"\Seen", rb"\Flagged"}


def test_removals_travel_both_ways(desk: Desk) -> None:
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


def test_flags_travel_both_ways(desk: Desk) -> None:
    """Set and cleared, on either side."""
    desk.store(FOLDER, message("one").octets, "\\Seen", "\\Flagged")
    desk.synchronize()
    (found,) = desk.local(FOLDER)
    desk.client.set_metadata(FOLDER, found.handle, {"\\Answered"}, {"\\seen"})
    desk.synchronize()
    desk.change(FOLDER, lambda uids: (desk.imap.add_flags(uids, "\\Draft"), desk.imap.remove_flags(uids, "\\Flagged")))
    desk.synchronize()
    assert desk.on_server(FOLDER)[0][1] == {rb"\Answered", rb"\Draft"}
    assert desk.local(FOLDER)[0].flags == {"\\answered", "\\draft"}


def test_keywords_arrive_in_local_storage(desk: Desk) -> None:
    """A Maildir has letters for those that the configuration names."""
    desk.store(FOLDER, message("one").octets, *KEYWORDS)
    desk.synchronize()
    assert desk.local(FOLDER)[0].flags == {"\\seen", "$forwarded"}


def test_local_storage_is_changed_and_seen_as_told(desk: Desk) -> None:
    """Before any synchronization: what is put, flagged, moved with its folder and removed shows in a snapshot."""
    client = desk.client
    client.create_folder(("a", "b"))
    client.put(("a", "b"), message("one").octets, frozenset({"\\Seen"}))
    client.put(("a", "b"), message("two").octets)
    first, second = client.snapshot().folders["a", "b"]
    client.set_metadata(("a", "b"), first.handle, {"\\Flagged"}, {"\\Seen"})
    client.remove(("a", "b"), second.handle)
    (left,) = client.snapshot().folders["a", "b"]
    assert same(left.octets, first.octets)
    assert left.flags == {"\\flagged"}
    client.rename_folder(("a",), ("c", "d"))
    assert {path for path in client.snapshot().folders if path != ("INBOX",)} == {("c",), ("c", "d"), ("c", "d", "b")}
    client.remove_folder(("c",))
    assert not set(client.snapshot().folders) - {("INBOX",)}


@pytest.mark.parametrize(
    "act",
    [
        lambda client: client.remove_folder(("no",)),
        lambda client: client.rename_folder(("no",), ("b",)),
        lambda client: client.put(("no",), b"A: b\r\n\r\n"),
        lambda client: client.remove(FOLDER, "0"),
        lambda client: client.remove(FOLDER, "cur/no"),
        lambda client: client.set_metadata(FOLDER, "77", ["\\Seen"], []),
    ],
)
def test_what_is_not_in_local_storage_is_told(desk: Desk, act: Callable[[ProgramClient], None]) -> None:
    """A wrong path or handle is a problem of the caller, with a mend."""
    assert isinstance(desk.client, ProgramClient)
    desk.client.create_folder(FOLDER)
    with pytest.raises(AdapterProblem, match="local storage") as told:
        act(desk.client)
    assert "snapshot" in told.value.mend


def test_an_account_as_local_storage_takes_no_nul_octets() -> None:
    """IMAP has no way to carry them, so nothing about them can be judged."""
    with ExitStack() as opened:
        client = _started(opened, InterimapClient())
        client.reset(opened.enter_context(ReferenceStorageServer()).fresh_account())
        assert isinstance(client, InterimapClient)
        with pytest.raises(AbilityMissing, match="NUL"):
            client.put(("INBOX",), b"A: b\r\n\r\n\0\r\n")


@pytest.mark.parametrize(
    ("name", "equality", "keywords"),
    [("offlineimap", Equality.MIME, True), ("interimap", Equality.OCTETS, True), ("mbsync", Equality.MIME, False)],
)
def test_programs_say_who_they_are(name: str, equality: Equality, keywords: bool) -> None:  # noqa: FBT001
    """The version is the program's own word; claims and equality are what it can hold."""
    identity = or_skip(PROGRAMS[name]().hello)
    assert identity.version[0].isdigit()
    assert identity.equality is equality
    assert identity.claims["flags.keywords"] is keywords


def test_offlineimap_claims_the_keywords_of_its_configuration(tmp_path: Path) -> None:
    """Without a letter for any keyword it holds none."""
    text = fixture("clients", "offlineimaprc").read_text("utf-8")
    plain = tmp_path / "plain"
    plain.write_text("".join(line for line in text.splitlines(keepends=True) if not line.startswith("customflag")))
    client = OfflineimapClient.from_options({"config": str(plain)})
    identity = or_skip(client.hello)
    assert identity.claims["flags.keywords"] is False
    assert "configured by plain" in identity.remark


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_missing_program_is_told_with_the_package_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an empty PATH."""
    monkeypatch.setenv("PATH", "")
    for act in (PROGRAMS[name]().__enter__, PROGRAMS[name]().hello):
        with pytest.raises(AdapterProblem, match=f"{name} is not installed") as told:
            act()
        assert "apt-get install" in told.value.mend


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_files_of_a_program_are_private_and_go_with_the_adapter(name: str) -> None:
    """Nobody else reads the password, and nothing is left."""
    with ExitStack() as opened:
        client = _started(opened, PROGRAMS[name]())
        server = opened.enter_context(ReferenceStorageServer())
        client.reset(server.fresh_account())
        place = client._place
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert stat.S_IMODE(client._configuration.stat().st_mode) == 0o600
    assert not place.exists()


@pytest.mark.parametrize("name", PROGRAMS)
def test_user_and_password_may_hold_any_character(name: str) -> None:
    """Quotes, backslashes, percent signs, spaces and letters outside ASCII reach the server."""
    with ExitStack() as opened:
        client = _started(opened, PROGRAMS[name]())
        server = opened.enter_context(ReferenceStorageServer())
        client.reset(Account(server.server.endpoint, server.server.add_account('a "b\\ %c#', "p \"'\\$x%(y)s")))
        result = client.synchronize(BOUND)
        assert result.success, result.detail


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_refused_login_is_no_success(name: str) -> None:
    """The program fails, and its words are kept."""
    with ExitStack() as opened:
        client = _started(opened, PROGRAMS[name]())
        account = opened.enter_context(ReferenceStorageServer()).fresh_account()
        client.reset(replace(account, credentials=replace(account.credentials, password="wrong")))
        result = client.synchronize(BOUND)
    assert not result.success
    assert result.detail


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_template_of_ones_own_is_used(name: str, tmp_path: Path) -> None:
    """Its places are filled in, and the report names it."""
    config = tmp_path / "mine"
    best = fixture("clients", PROGRAMS[name]._template).read_text("utf-8")
    config.write_text("# {{ user }} at {{ host }}:{{ port }}\n" + best)
    client = open_client(name, {"config": str(config)})
    assert isinstance(client, ProgramClient)
    with ExitStack() as opened:
        _started(opened, client)
        account = opened.enter_context(ReferenceStorageServer()).fresh_account()
        client.reset(account)
        first = client._configuration.read_text("utf-8").splitlines()[0]
    assert account.credentials.user in first
    assert str(account.endpoint.port) in first


@pytest.mark.parametrize(
    ("text", "told"),
    [("{{ usr }}", "unknown place 'usr'"), ("{% if %}", "cannot be read"), (b"\xff", "cannot be read"), (None, "read")],
)
def test_a_template_that_cannot_be_filled_in_is_told(text: str | bytes | None, told: str, tmp_path: Path) -> None:
    """Before anything is started, with the places that there are."""
    config = tmp_path / "config"
    if text is not None:
        config.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageProblem, match=told) as raised:
        open_client("offlineimap", {"config": str(config)})
    assert "directory, host, password, port, root, user" in raised.value.mend


class Scripted(MaildirClient):
    """A client whose program is a line of shell, over an empty Maildir."""

    name = "scripted"
    _template = "mbsyncrc"
    _package = "none"
    PLACES = MbsyncClient.PLACES

    def __init__(self, script: str) -> None:
        super().__init__()
        self.script = script

    def _find(self) -> Path:
        return Path("/bin/sh")

    def hello(self) -> ClientIdentity:
        return ClientIdentity("scripted", "0", {"flags.keywords": False}, Equality.MIME)

    def _places(self, account: Account) -> Mapping[str, object]:
        super()._places(account)
        return dict.fromkeys(self.PLACES, "") | {"settings": {}}

    def _command(self) -> Sequence[str]:
        return ["/bin/sh", "-c", self.script]


MISBEHAVIOUR = {
    "hangs": "sleep 61",
    "hangs in the background": "sleep 62 & wait",
    "ignores signals": "trap '' TERM INT HUP; while :; do sleep 0.1; done",
    "crashes": "kill -SEGV $$",
    "ends with an unknown code": "exit 97",
    "floods its output and never ends": "yes flood",
    "floods its output": "head -c 30000000 /dev/zero",
    "leaves its storage locked": "mkdir lock || exit 5",
    "talks to another server": "true",
}
CASES = ("new-server-folder-is-created-locally", "user-request-starts-a-synchronization", "folder-list-is-requested")


@pytest.mark.parametrize("script", MISBEHAVIOUR.values(), ids=list(MISBEHAVIOUR))
def test_a_program_that_misbehaves_is_bounded_and_passes_nothing(script: str) -> None:
    """The run goes on to its end, blames no adapter, and leaves nothing running."""
    began = time.monotonic()
    with ReferenceStorageServer() as server, Scripted(script) as client:
        place = client._place
        report = judged(server, client, CASES, bounds=Bounds(synchronize=0.5, answer=2.0))
        assert not _processes_in(place)
    assert not place.exists()
    assert time.monotonic() - began < 30
    assert {each.outcome for each in report.cases} <= {Outcome.FAIL, Outcome.INCONCLUSIVE}
    assert {each.id for each in report.cases} == set(CASES)


def _processes_in(directory: Path) -> list[str]:
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if (each / "cwd").resolve() == directory and " Z " not in (each / "stat").read_text():
                found.append(each.name)
        except OSError:
            continue
    return found


def test_a_flood_of_output_is_not_kept(tmp_path: Path) -> None:
    """Only its end is, neither in memory nor in a file more."""
    ended = run_bounded(
        ["sh", "-c", "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo last words"], tmp_path, 20, {}
    )
    assert ended.said.endswith("last words")
    assert len(ended.said) <= 2000
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_leaves_its_session_does_not_hold_up_the_run(tmp_path: Path) -> None:
    """A child that took a session of its own and keeps the output open is not waited for."""
    began = time.monotonic()
    ended = run_bounded(["sh", "-c", "setsid sleep 5 & echo gone"], tmp_path, 20, {})
    assert ended.said == "gone"
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_killed_program_leaves_nothing_that_stops_the_next_run(name: str) -> None:
    """No process, and no lock on its storage."""
    with ExitStack() as opened:
        client = _started(opened, PROGRAMS[name]())
        server = opened.enter_context(running(DovecotServer()))
        client.reset(server.fresh_account())
        moment = threading.Event()
        moment.set()
        client.synchronize_and_kill(moment, BOUND)
        assert eventually(lambda: not _processes_in(client._place))
        result = client.synchronize(BOUND)
        assert result.success, result.detail


def test_interimap_that_hangs_is_ended_and_its_storage_can_still_be_seen() -> None:
    """The private server of its local storage is not part of what is ended."""
    with ExitStack() as opened:
        client = _started(opened, InterimapClient())
        assert isinstance(client, InterimapClient)
        client.reset(opened.enter_context(ReferenceStorageServer()).fresh_account())
        folder: FolderPath = ("kept",)
        client.create_folder(folder)
        with pytest.raises(ClientTimeout):
            client.synchronize(0.001)
        assert folder in client.snapshot().folders
