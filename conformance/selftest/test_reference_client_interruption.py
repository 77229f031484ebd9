"""An interrupted synchronization loses, doubles and resurrects nothing, wherever it was cut off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.imap.framing import Direction
from conformance.imap.interception import Action, Cut
from conformance.imap.proxy import RecordingProxy
from conformance.imap.transcript import Transcript
from conformance.model.folders import FolderPath
from conformance.model.oracle import expect
from conformance.reference.client import storage
from conformance.reference.client.client import Client
from conformance.reference.client.synchronizer import Synchronizer
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.selftest.reference_client_pair import (
    A,
    B,
    Countdown,
    Interrupted,
    Pair,
    cut_off,
    every_step,
    item,
)
from conformance.servers.protocol import StorageServer
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
    """Between any two changes of server, local storage and base."""

    def run(countdown: Countdown) -> None:
        with Pair(server.fresh_account()) as pair:
            diverge(pair)
            cut_off(pair, countdown)
            assert_recovers(pair)

    assert every_step(run) > 30


def test_cut_off_twice(server: StorageServer) -> None:
    """A second interruption while recovering from a first one does no harm either."""
    for first, second in [(8, 5), (14, 8), (20, 11), (26, 3), (30, 2)]:
        with Pair(server.fresh_account()) as pair:
            diverge(pair)
            cut_off(pair, Countdown(first))
            cut_off(pair, Countdown(second))
            assert_recovers(pair)


def test_cut_off_at_every_change_of_the_file_system(server: StorageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before every single rename, removal, directory and written file of local storage."""

    def run(countdown: Countdown) -> None:
        with Pair(server.fresh_account()) as pair:
            diverge(pair)
            with monkeypatch.context() as patch, suppress(Interrupted):
                for name in ("rename", "unlink", "mkdir", "rmdir", "write_bytes", "write_text"):
                    patch.setattr(Path, name, _watched(getattr(Path, name), countdown))
                pair.client.synchronize(20)
            assert_recovers(pair)

    assert every_step(run) > 15


def _watched(function: Callable[..., object], countdown: Countdown) -> Callable[..., object]:
    def called(*arguments: object, **named: object) -> object:
        countdown.pass_by()
        return function(*arguments, **named)

    return called


def test_an_object_arriving_at_the_kill_is_complete_or_invisible(server: StorageServer) -> None:
    """What local storage shows after any interruption is never a part of an object."""

    def run(countdown: Countdown) -> None:
        with Pair(server.fresh_account()) as pair:
            pair.server.put(A, item("one"), item("two"))
            cut_off(pair, countdown)
            whole = {item("one").content.octets, item("two").content.octets}
            assert {each.octets for _, each in pair.client.snapshot().objects()} <= whole
            assert_recovers(pair)

    assert every_step(run) > 5


class _NoAnswer:
    """Cuts the connection when the answer to the n-th command of that name comes: it was carried out all the same."""

    def __init__(self, command: bytes, number: int = 1) -> None:
        self._command, self._left, self._tag = command, number, b"none"

    def __call__(self, _: str, direction: Direction, unit: bytes) -> Action | None:
        words = unit.split(b" ", 2)
        if direction == "C" and len(words) > 1 and words[1].upper() == self._command:
            self._left -= 1
            self._tag = words[0] if self._left == 0 else b"none"
        return Cut() if direction == "S" and words[0] == self._tag else None


def through(pair: Pair, intercept: _NoAnswer) -> None:
    """One synchronization through a proxy that spoils it."""
    account = pair.account
    with RecordingProxy(account.endpoint, Transcript(), intercept=intercept) as proxy:
        report = pair.client.client.synchronize(proxy.endpoint, account.credentials, account.root)
    assert not report.success


def test_an_upload_without_acknowledgement_is_recognized(server: StorageServer) -> None:
    """It is not stored a second time; a flag that the user cleared in between is cleared on the server."""
    with Pair(server.fresh_account()) as pair:
        pair.establish((A, item("known")))
        pair.local.put(A, item("first", "\\Seen"), item("second"))
        through(pair, _NoAnswer(b"APPEND"))
        pair.base = pair.server.state = pair.server.state.put(A, item("first", "\\Seen"))
        pair.local.set_flags(A, "first", remove=["\\Seen"])
        assert_recovers(pair)
        assert len(pair.store.snapshot().folders[A]) == 3


def test_an_upload_without_acknowledgement_does_not_come_back(server: StorageServer) -> None:
    """If the user removes the object before the next run, it is removed from the server, not fetched."""
    with Pair(server.fresh_account()) as pair:
        pair.establish((A, item("known")))
        pair.local.put(A, item("first", "\\Seen"))
        through(pair, _NoAnswer(b"APPEND"))
        pair.base = pair.server.state = pair.server.state.put(A, item("first", "\\Seen"))
        pair.local.remove(A, "first")
        assert_recovers(pair)
        assert len(pair.store.snapshot().folders[A]) == 1


@pytest.mark.parametrize("command", [b"LIST", b"CREATE", b"DELETE", b"SELECT", b"UID", b"APPEND"])
@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_lost_answer_to_any_command(server: StorageServer, command: bytes, number: int) -> None:
    """Whatever answer is lost, above all that to LIST, nothing is taken for removed."""
    with Pair(server.fresh_account()) as pair:
        diverge(pair)
        with RecordingProxy(pair.account.endpoint, Transcript(), intercept=_NoAnswer(command, number)) as proxy:
            pair.client.client.synchronize(proxy.endpoint, pair.account.credentials)
        assert_recovers(pair)


class _Killer:
    """Ends a process when it has sent its n-th unit, which the server then still gets, or never."""

    def __init__(self, limit: int, *, deliver: bool) -> None:
        self.limit, self.deliver, self.count = limit, deliver, 0
        self.process: int | None = None

    def __call__(self, _: str, direction: Direction, __: bytes) -> Action | None:
        self.count += direction == "C"
        if self.count <= self.limit or direction == "S":
            return None
        if self.process is not None:
            os.kill(self.process, signal.SIGKILL)
        return None if self.deliver and self.count == self.limit + 1 else Cut()


def _command_line(pair: Pair, port: int) -> list[str]:
    directory, user = str(pair.client.client.directory), pair.account.credentials.user
    return [sys.executable, "-m", "conformance.reference.client", directory, "--port", str(port), "--user", user]


def _environment(pair: Pair) -> dict[str, str]:
    top = str(Path(storage.__file__).parents[3])
    return {**os.environ, "CPM_PASSWORD": pair.account.credentials.password, "PYTHONPATH": top}


@pytest.mark.parametrize("limit", range(1, 26))
def test_a_killed_process(limit: int) -> None:
    """The client as a process of its own, killed after each command; the server got every other one all the same."""
    with ReferenceStorageServer() as server, Pair(server.fresh_account()) as pair:
        diverge(pair)
        killer = _Killer(limit, deliver=limit % 2 == 1)
        with RecordingProxy(pair.account.endpoint, Transcript(), intercept=killer) as proxy:
            command = _command_line(pair, proxy.endpoint.port)
            process = subprocess.Popen(command, env=_environment(pair), stdout=subprocess.DEVNULL)
            killer.process = process.pid
            assert process.wait(30) == -signal.SIGKILL
        assert_recovers(pair)


def test_the_command_line(tmp_path: Path) -> None:
    """It synchronizes, tells what it did, takes no password as an argument, and refuses a file that others can read."""
    with ReferenceStorageServer() as server, Pair(server.fresh_account()) as pair:
        pair.local.put(A, item("one"))
        command = _command_line(pair, pair.account.endpoint.port)
        secret = tmp_path / "password"
        secret.write_text(pair.account.credentials.password)
        secret.chmod(0o644)
        refused = _run([*command, "--password-file", str(secret)], _environment(pair))
        assert refused.returncode == 2
        assert "chmod 600" in refused.stderr
        secret.chmod(0o600)
        done = _run([*command, "--password-file", str(secret)], _environment(pair))
        assert (done.returncode, done.stderr) == (0, "")
        assert "uploaded 1" in done.stdout
        expectation = expect(pair.base, pair.local.state, pair.server.state)
        assert list(pair.differences(expectation)) == []
        wrong = _run(command, {**_environment(pair), "CPM_PASSWORD": "wrong"})
        assert (wrong.returncode, "wrong" in wrong.stdout.replace("password is wrong", "")) == (1, False)


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_a_directory_belongs_to_one_account(server: StorageServer) -> None:
    """With another account everything would look removed; the run is refused before anything is changed."""
    with Pair(server.fresh_account()) as pair:
        pair.establish((A, item("one")))
        other = server.fresh_account()
        report = pair.client.client.synchronize(other.endpoint, other.credentials)
        assert "use another directory" in str(report)
        pair.assert_silent()


def test_one_run_at_a_time() -> None:
    """A second run on the same directory, begun during the first, is refused and harms nothing."""
    reports: list[str] = []

    class Overlapping(Synchronizer):
        def run(self) -> None:
            with Client(pair.client.client.directory) as other:
                reports.append(str(other.synchronize(pair.account.endpoint, pair.account.credentials)))
            super().run()

    with ReferenceStorageServer() as server, Pair(server.fresh_account(), Overlapping) as pair:
        pair.local.put(A, item("one"))
        pair.agree()
    assert all("another synchronization" in each for each in reports)
    assert len(reports) == 2
