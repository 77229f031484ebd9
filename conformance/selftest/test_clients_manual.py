"""The `manual` adapter, with the reference client as the device and a program as the tester who reads and acts."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conformance.clients.manual import ManualClient
from conformance.clients.protocol import AdapterCannot, StorageClient, SyncResult
from conformance.clients.reference import ReferenceClient
from conformance.configuration import Roles
from conformance.faults.null import NullClient
from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.session import StorageSession
from conformance.model.folders import FolderPath
from conformance.model.objects import ObjectKind, StoredObject
from conformance.outcomes import Outcome, Reason, Verdict
from conformance.problems import AdapterProblem, UsageProblem
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer
from conformance.report import Report
from conformance.scenario.visibility import ON_THE_SERVER, ON_THE_WIRE
from conformance.selftest.running import judged
from conformance.servers.protocol import Account
from conformance.servers.reference import ReferenceStorageServer
from conformance.spec import Level, requirements

ACCOUNT = re.compile(
    r"IMAP server (\S+), port (\d+), no encryption, user (\S+), password (\S+?)(?:, only the folder (.+) and .*)?,"
)
RUN = ("run", "--client", "manual", "--role", "client")
UNSEEN = {"SYN-305", "SYN-403", "SYN-406", "SYN-501", "SYN-703"}
FLAGS = re.compile(r"(set|clear) (\S+)")


def _path(text: str) -> FolderPath:
    return tuple(level.replace("∕", "/") for level in text.split("/"))


@dataclass
class Hands:
    """A tester who does on a device what each sentence says, and knows nothing else of the suite."""

    device: StorageClient
    can_put: bool = True
    said: list[str] = field(default_factory=list)

    def __call__(self, sentence: str) -> str:
        """Act, and press Enter."""
        self.said.append(sentence)
        for pattern, act in self._deeds().items():
            found = re.search(pattern, sentence)
            if found:
                return act(*found.groups()) or "\n"
        raise AssertionError(f"the tester does not understand: {sentence}")

    def _deeds(self) -> dict[str, Callable[..., str | None]]:
        return {
            r"(set up this one: .*)": self._set_up,
            r"Synchronize the device": self._synchronize,
            r"create the folder (.*), then": lambda path: self.device.create_folder(_path(path)),
            r"delete the folder (.*) with all": lambda path: self.device.remove_folder(_path(path)),
            r"rename the folder (.*) to (.*), then": lambda old, new: self.device.rename_folder(_path(old), _path(new)),
            r"add the object in the file (\S+) to the folder (.*?) as it is(?:, marked (.*))?, then": self._put,
            r"delete the message with the subject (.*) in the folder (.*), then": self._remove,
            r"device: ((?:set|clear) .*) on the message with the subject (.*) in the folder (.*), then": self._mark,
        }

    def _set_up(self, sentence: str) -> None:
        found = ACCOUNT.search(sentence)
        assert found, sentence
        host, port, user, password, root = found.groups()
        at = Endpoint(host, int(port))
        self.device.reset(Account(at, Credentials(user, password), _path(root) if root else ()))

    def _synchronize(self) -> str:
        return "\n" if self.device.synchronize(20).success else "f\n"

    def _put(self, file: str, path: str, flags: str | None) -> str | None:
        if not self.can_put:
            return "n\n"
        self.device.put(_path(path), Path(file).read_bytes(), frozenset((flags or "").split()))
        return None

    def _find(self, subject: str, path: str) -> str:
        objects = self.device.snapshot().folders[_path(path)]
        return next(each.handle for each in objects if StoredObject(ObjectKind.MESSAGE, each.octets).subject == subject)

    def _remove(self, subject: str, path: str) -> None:
        self.device.remove(_path(path), self._find(subject, path))

    def _mark(self, changes: str, subject: str, path: str) -> None:
        flags: dict[str, set[str]] = {"set": set(), "clear": set()}
        for kind, flag in FLAGS.findall(changes):
            flags[kind].add(flag)
        self.device.set_metadata(_path(path), self._find(subject, path), flags["set"], flags["clear"])


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests themselves may run in workers; what they judge does not."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


def _judged(device: StorageClient, *select: str, can_put: bool = True) -> Report:
    tester = Hands(device, can_put)
    with ReferenceStorageServer() as server, device, ManualClient(ask=tester) as client:
        return judged(server, client, select, role=Roles.CLIENT)


def _passed(report: Report) -> set[str]:
    return {each.id for each in report.requirements if each.outcome is Outcome.PASS and "client" in each.roles}


def test_a_good_device_fails_nothing_and_passes_what_can_be_seen() -> None:
    """Whatever rests on local storage is left undecided, with the reason; nothing is green that was not seen."""
    report = _judged(ReferenceClient(), *sorted(ON_THE_WIRE | ON_THE_SERVER | UNSEEN))
    wrong = [each.id for each in report.requirements if each.outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.WARN)]
    assert not wrong
    assert _passed(report) <= ON_THE_WIRE | ON_THE_SERVER
    assert {"SYN-304", "SYN-401", "SYN-408", "SYN-410", "SYN-503", "SYN-301"} <= _passed(report)
    unseen = {each.id for each in report.requirements if each.reason is Reason.NO_ABILITY}
    assert unseen >= UNSEEN
    assert report.verdict.client is Verdict.NOT_ESTABLISHED


class Looker(NullClient):
    """A device that asks for the list of folders at each synchronization, and does no more."""

    account: Account | None = None

    def reset(self, account: Account) -> None:
        """Remember the account."""
        super().reset(account)
        self.account = account

    def synchronize(self, timeout: float) -> SyncResult:
        """Look, and call that a success."""
        assert self.account is not None
        with StorageSession.open(self.account.endpoint, self.account.credentials, timeout=timeout) as session:
            session.list_folders("")
        return SyncResult(success=True)


@pytest.mark.parametrize("device", [NullClient, Looker])
def test_a_device_that_brings_nothing_passes_nothing(device: type[NullClient]) -> None:
    """Not even where the server by chance is as it should be, and nothing wrong was on the wire."""
    mandatory = {each.id for each in requirements() if each.level is Level.MANDATORY}
    passed = _passed(_judged(device()))
    assert passed & mandatory <= ({"OP09-C1"} if device is Looker else set())


class _NeverRemoves(ObjectStep):
    def remove_on_server(self) -> None:
        """Leave everything there."""


class _Hoarder(Synchronizer):
    object_step = _NeverRemoves


def test_a_faulty_device_fails_by_what_the_server_shows() -> None:
    """A device that never removes an object from the server fails for that."""
    report = _judged(ReferenceClient(_Hoarder), "SYN-410", "SYN-408")
    outcomes = {each.id: each.outcome for each in report.requirements}
    assert (outcomes["SYN-410"], outcomes["SYN-408"]) == (Outcome.FAIL, Outcome.PASS)


def test_what_the_device_cannot_do_leaves_it_undecided() -> None:
    """A device without a way to import an object is asked once, and not blamed."""
    report = _judged(ReferenceClient(), "SYN-408", can_put=False)
    results = {(each.outcome, each.reason) for each in report.requirements if each.id == "SYN-408"}
    assert results == {(Outcome.INCONCLUSIVE, Reason.NO_ABILITY)}


def test_the_named_requirements_exist() -> None:
    """The table of what can be seen names requirements of clients only."""
    known = {each.id for each in requirements() if "client" in each.roles}
    assert known >= ON_THE_WIRE | ON_THE_SERVER


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A file of answers."""
    file = tmp_path / "answers"
    file.write_text("\nf\nn\n")
    return file
    return file


def test_answers_come_from_a_file(script: Path) -> None:
    """Enter, then f, then n, then nothing more."""
    with ManualClient.from_options({"answers": str(script), "name": "Phone"}) as client:
        assert client.hello().name == "Phone"
        client.create_folder(("a",))
        assert not client.synchronize(1).success
        with pytest.raises(AdapterCannot, match="delete the folder a"):
            client.remove_folder(("a",))
        with pytest.raises(AdapterProblem, match="nobody answered"):
            client.create_folder(("b",))


def test_the_tester_can_stop() -> None:
    """As with Ctrl-C."""
    with ManualClient(ask=lambda _: "q\n") as client, pytest.raises(KeyboardInterrupt):
        client.create_folder(("a",))


def test_a_wrong_option_is_told() -> None:
    """An equality that does not exist is a usage error."""
    with pytest.raises(UsageProblem, match="equality"):
        ManualClient.from_options({"equality": "looks"})


def test_the_terminal_is_asked(tmp_path: Path) -> None:
    """A run on a terminal asks there, whatever standard output is; a device that stays away is found out at once."""
    terminal, other_end = pty.openpty()
    program = _on_terminal(os.ttyname(other_end), tmp_path)
    shown = b""
    while program.poll() is None:
        if select.select([terminal], [], [], 0.2)[0]:
            chunk = os.read(terminal, 65536)
            shown += chunk
            os.write(terminal, b"\n" * chunk.count(b"press Enter"))
    os.close(terminal)
    os.close(other_end)
    _, errors = program.communicate()
    assert program.returncode == 3, errors
    assert "set up this one: IMAP server 127.0.0.1" in shown.decode()
    assert "the client asked nothing of the server" in errors


BEGIN = "import os, sys; os.open(sys.argv[1], os.O_RDWR); os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
"""A session without a terminal gets the one that it opens first."""


def _on_terminal(name: str, directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN, name, "-m", "conformance", *RUN],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=directory,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_several_processes_need_several_testers(monkeypatch: pytest.MonkeyPatch) -> None:
    """One tester follows one process."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    with pytest.raises(AdapterProblem, match="several processes"), ManualClient(ask=lambda _: "\n"):
        pass


def test_without_a_terminal_nothing_runs(tmp_path: Path) -> None:
    """One clear sentence and exit code 3."""
    done = subprocess.run(
        [sys.executable, "-m", "conformance", *RUN],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 3
    assert "there is no terminal" in done.stderr
    assert "→" in done.stderr
