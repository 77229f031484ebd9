"""The script of a counterexample as a stranger runs it: it shows a fault, or that there is none, or why it cannot."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.model.history import (
    Act,
    AddFolder,
    AddObject,
    ChangeFlag,
    History,
    MoveObject,
    RemoveFolder,
    RemoveObject,
    RenameFolder,
    Renumber,
    ReplaceDevice,
    Step,
    Synchronize,
)
from conformance.model.states import Side
from conformance.reference.server import ReferenceServer
from conformance.scenario import places as at
from conformance.scenario.content import item
from conformance.scenario.script import client_script
from conformance.selftest.programs import eventually
from conformance.selftest.standalone_scripts import (
    SECONDS,
    A,
    B,
    adapter,
    client,
    history,
    interrupted,
    run_script,
    saved,
)

PASSWORD = "Wort-des-Geheimnisses"


@dataclass(frozen=True)
class Lab:
    """An account on a server, and what it held before."""

    server: ReferenceServer
    user: str

    @property
    def url(self) -> str:
        """How a user names it, without the password."""
        return f"imap://{self.user}@127.0.0.1:{self.server.port}/lab"

    @property
    def names(self) -> list[str]:
        """The folders of the account."""
        return sorted(self.server.account(self.user).names())


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A server with an account of a stranger, who has set the password; whatever a script does leaves nothing there."""
    monkeypatch.setenv("CPM_SERVER_PASSWORD", PASSWORD)
    with ReferenceServer() as server:
        lab = Lab(server, server.add_account("ada", PASSWORD).user)
        before = lab.names
        yield lab
        assert lab.names == before


def told(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """The exit code is as expected, the output has these words, and no secret."""
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    for word in words:
        assert word in said, said
    assert PASSWORD not in said


REMOVED = history(RemoveObject(Side.SERVER, A, "old-1"))
NEW_HERE = AddObject(Side.LOCAL, B, item("new-1", "\\Flagged"))
NEW_THERE = AddObject(Side.SERVER, A, item("new-2"))


@pytest.mark.parametrize(
    ("fault", "what", "words"),
    [
        (
            "keeps what was removed on the server",
            REMOVED,
            "expected no copy of old-1 in Gamma é/x & y, in local storage; observed one copy",
        ),
        (
            "loses flags",
            history(),
            "expected \\seen set on old-2 in Gamma é/x & y, in local storage; observed its flags are ()",
        ),
        (
            "forgets what it sent without an answer",
            history(NEW_HERE, interrupted(Act.CUT_BEFORE, at.APPEND_COMMAND.told)),
            "expected one copy of new-1 in Beta, in local storage; observed no copy",
        ),
        (
            "empties local storage when a run is cut",
            history(NEW_THERE, interrupted(Act.CUT_INSIDE, at.BODY_RESPONSE.told)),
            "expected old-1 still in local storage; observed it is lost",
        ),
        (
            "makes a folder for a moment in every run",
            history(),
            "expected a further synchronization changes nothing; observed the client asked for CREATE",
        ),
    ],
)
def test_a_fault_is_shown(lab: Lab, tmp_path: Path, fault: str, what: History, words: str) -> None:
    """The first thing that is not as it has to be is told, with the step after which it was seen."""
    done = run_script(what, tmp_path, "--server", lab.url, "--client", client(tmp_path / "client", fault))
    told(done, 1, f"the fault is there: {words}", "after the step: ")


STEPS: tuple[tuple[Step, ...], ...] = (
    (RemoveObject(Side.SERVER, A, "old-1"), ChangeFlag(Side.SERVER, A, "old-2", "\\Seen", on=False), NEW_HERE),
    (RemoveObject(Side.LOCAL, A, "old-1"), ChangeFlag(Side.LOCAL, A, "old-2", "\\Draft", on=True), NEW_THERE),
    (MoveObject(Side.SERVER, A, "old-1", B), MoveObject(Side.LOCAL, A, "old-2", ("Delta",))),
    (RenameFolder(Side.SERVER, A, B), AddFolder(Side.LOCAL, ("Del 会",))),
    (RenameFolder(Side.LOCAL, A, B), AddFolder(Side.SERVER, ("Del 会",)), Synchronize(), RemoveFolder(Side.LOCAL, B)),
    (RemoveFolder(Side.SERVER, A[:1]), NEW_HERE, Synchronize(), RemoveObject(Side.SERVER, B, "new-1")),
    (Renumber(A), NEW_THERE, Synchronize(), ReplaceDevice(), RemoveObject(Side.SERVER, A, "old-1")),
)


@pytest.mark.parametrize("steps", STEPS, ids=lambda steps: steps[0].kind)
def test_a_good_client_shows_no_fault(lab: Lab, tmp_path: Path, steps: tuple[Step, ...]) -> None:
    """Every kind of edit, on either side, over one round or two."""
    done = run_script(history(*steps), tmp_path, "--server", lab.url, "--client", client(tmp_path / "client"))
    told(done, 0, "the fault is not there")


INTERRUPTED = (
    interrupted(Act.CUT_INSIDE, at.BODY_RESPONSE.told),
    interrupted(Act.CUT_AFTER, at.APPEND_ANSWER.told),
    interrupted(Act.STALL, at.LIST_ANSWER.told),
    interrupted(Act.NO, at.APPEND_COMMAND.told),
    interrupted(Act.OVERQUOTA, at.CREATE_COMMAND.told),
    interrupted(Act.BYE, at.SELECT_COMMAND.told),
    interrupted(Act.CHANGE, at.FETCH_COMMAND.told, AddObject(Side.SERVER, A, item("new-3"))),
    interrupted(Act.KILL, at.FETCH_ANSWER.told),
)


@pytest.mark.parametrize("synchronize", INTERRUPTED, ids=str)
def test_a_good_client_survives_every_interruption(lab: Lab, tmp_path: Path, synchronize: Synchronize) -> None:
    """What has been changed on both sides before is on both sides in the end."""
    what = history(NEW_HERE, NEW_THERE, RemoveObject(Side.LOCAL, A, "old-1"), synchronize)
    done = run_script(what, tmp_path, "--server", lab.url, "--client", client(tmp_path / "client"))
    told(done, 0, f"{synchronize}\n", "the fault is not there")
    assert (synchronize.interruption.act is Act.KILL) == ("the client was killed" in done.stdout)  # type: ignore[union-attr]


def test_it_repeats_and_records(lab: Lab, tmp_path: Path) -> None:
    """Each time on fresh state, with what was said on the wire but the login."""
    arguments = ["--server", lab.url.replace("@", f":{PASSWORD}@"), "--times", "2", "--record", "wire.txt"]
    faulty = client(tmp_path / "client", "keeps what was removed on the server")
    done = run_script(REMOVED, tmp_path, *arguments, "--client", faulty, CPM_SERVER_PASSWORD="another")
    told(done, 1, "run 2 of 2", "the fault is there (2 of 2 times): expected no copy of old-1")
    wire = (tmp_path / "wire.txt").read_text("utf-8")
    assert "UID FETCH" in wire
    assert "LOGIN ***" in wire
    assert PASSWORD not in wire


def test_a_place_that_is_never_reached_shows_nothing(lab: Lab, tmp_path: Path) -> None:
    """Where the client never came, nothing could befall it."""
    what = history(interrupted(Act.CUT_AFTER, at.APPEND_ANSWER.told))
    done = run_script(what, tmp_path, "--server", lab.url, "--client", client(tmp_path / "client"))
    told(done, 2, "could not be run", "the client never came to the answer to a store", "->")


@pytest.mark.parametrize("interpreter", ["python3.9", "python3.13"])
def test_other_versions_of_python_run_it(lab: Lab, tmp_path: Path, interpreter: str) -> None:
    """The oldest that it is for, and a new one, where they are installed."""
    found = shutil.which(interpreter)
    if found is None or subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip(f"{interpreter} is not installed")
    what = history(NEW_HERE, interrupted(Act.CUT_INSIDE, at.LIST_RESPONSE.told))
    arguments = ["--server", lab.url, "--client", client(tmp_path / "client")]
    told(run_script(what, tmp_path, *arguments, interpreter=found), 0, "the fault is not there")


def test_an_adapter_of_the_suite_is_driven(lab: Lab, tmp_path: Path) -> None:
    """The reference client is served by the command, and outlives being killed."""
    what = history(NEW_HERE, interrupted(Act.KILL, at.APPEND_ANSWER.told), RemoveObject(Side.SERVER, A, "old-1"))
    told(run_script(what, tmp_path, "--server", lab.url, "--client", adapter("reference")), 0, "fault is not there")


URL = "imap://ada@127.0.0.1:1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["--server"]),
        (["--server", URL, "--client", "true", "--times", "0"], ["--times", "from 1 on"]),
        (["--server", URL, "--client", "true", "--seconds", "-1"], ["--seconds", "3600"]),
        (["--server", URL, "--client", "true", f"imap://u:{PASSWORD}@h"], ["unrecognized"]),
        (["--server", URL, "--client", "'"], ["not well quoted", "->"]),
        (["--server", URL, "--client", ""], ["names no program", "->"]),
        (["--server", f"http://u:{PASSWORD}@h", "--client", "true"], ["imap://user:password@host:port/root"]),
        (["--server", f"imap://u:{PASSWORD}@h:x", "--client", "true"], ["imap://user:password@host:port/root"]),
        (["--server", URL, "--client", "true"], ["no IMAP server answers at 127.0.0.1:1", "-> check host and port"]),
    ],
)
def test_what_cannot_be_run_is_told_with_its_mend(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    """Wrong usage and a server that is not there; a password is shown in none of it."""
    done = run_script(REMOVED, tmp_path, *arguments, CPM_SERVER_PASSWORD=PASSWORD)
    told(done, 2, *words)
    assert "Traceback" not in done.stderr + done.stdout


def test_no_password_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the two places where it may stand."""
    monkeypatch.delenv("CPM_SERVER_PASSWORD", raising=False)
    done = run_script(REMOVED, tmp_path, "--server", URL, "--client", "true")
    told(done, 2, "no password for the server is given", "CPM_SERVER_PASSWORD")


def test_a_refused_login_is_told(lab: Lab, tmp_path: Path) -> None:
    """With the user's name and without the password."""
    url = f"imap://ada:{PASSWORD}x@127.0.0.1:{lab.server.port}"
    done = run_script(REMOVED, tmp_path, "--server", url, "--client", "true")
    told(done, 2, "refuses the login of 'ada'", "check user and password")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/no/such/program", "'/no/such/program' cannot be started"),
        (f"{sys.executable} -c 'raise SystemExit(\"the disk is on fire\")'", "the disk is on fire"),
        (f"{sys.executable} -c 'print(\"Starting up\")'", "not JSON"),
        (f"{sys.executable} -c 'print(\"{{}}\")'", "breaks the protocol"),
    ],
)
def test_a_client_that_cannot_be_driven_is_told(lab: Lab, tmp_path: Path, command: str, words: str) -> None:
    """With the last that it said."""
    told(run_script(REMOVED, tmp_path, "--server", lab.url, "--client", command), 2, words, "stdio protocol")


def test_it_leaves_nothing_when_it_is_ended(lab: Lab, tmp_path: Path) -> None:
    """In the middle of a synchronization, by the signal that ends a program."""
    file = tmp_path / "counterexample.py"
    file.write_text(client_script(saved(REMOVED)), "utf-8")
    command = [sys.executable, str(file), "--server", lab.url, "--client", client(tmp_path / "client", "never ends")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert eventually(lambda: any("Gamma" in name for name in lab.names))
        process.terminate()
        assert process.wait(SECONDS) == 2


def test_a_synchronization_without_end_is_told(lab: Lab, tmp_path: Path) -> None:
    """Nothing is waited for without a bound, and what was made is removed."""
    endless = client(tmp_path / "client", "never ends")
    done = run_script(REMOVED, tmp_path, "--server", lab.url, "--client", endless, "--seconds", "1")
    told(done, 2, "did not end its synchronization within 1 s", "--seconds N waits longer")
