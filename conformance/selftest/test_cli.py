"""The command line as a stranger meets it: exit codes, messages with a mend, whole reports, no tracebacks."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.reference.server import ReferenceServer
from conformance.spec import requirements

SECONDS = 120


def _run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conformance", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=SECONDS,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
    )


@contextmanager
def _speaking(greeting: bytes) -> Iterator[int]:
    """A listener that greets every connection with these octets and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(greeting)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def _told(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["frobnicate"], 4, ["No such command"]),
        (["run", "--frobnicate"], 4, ["No such option"]),
        (["run", "--server", "dovcot"], 4, ["dovcot", "dovecot", "→"]),
        (["run", "--client", "mbsink"], 4, ["mbsink", "mbsync", "→"]),
        (["run", "--client", "reference", "-O", "Snyc=Pull"], 4, ["Snyc", "→"]),
        (["run", "--client", "mbsync", "-O", "Snyc=Pull"], 4, ["Snyc", "Sync"]),
        (["run", "-O", "Sync"], 4, ["key=value"]),
        (["run", "--select", "SYN-999"], 4, ["SYN-999", "list"]),
        (["run", "--profile", "slow"], 4, ["--profile"]),
        (["run", "--seed", "many"], 4, ["--seed"]),
        (["run", "--config", "none.toml"], 3, ["none.toml", "→"]),
        (["run", "--server", "imap://host"], 4, ["user", "imap://user:password@host"]),
        (["run", "--server", "http://u:secret@host"], 4, ["imap://"]),
        (["run", "--server", "imap://u:secret@127.0.0.1:1"], 3, ["127.0.0.1:1", "→"]),
    ],
)
def test_bad_input_is_told_with_its_mend(tmp_path: Path, arguments: list[str], code: int, words: list[str]) -> None:
    """Whatever is wrong on the command line is one clear message, the right exit code, and no report."""
    done = _run(*arguments, cwd=tmp_path)
    _told(done, code, *words)
    assert "secret" not in done.stderr + done.stdout
    assert not list(tmp_path.glob("**/report.*"))


def test_a_wrong_file_is_told(tmp_path: Path) -> None:
    """A configuration file that is not TOML is named, with the line."""
    (tmp_path / "run.toml").write_text("server = \n")
    _told(_run("run", "--config", "run.toml", cwd=tmp_path), 3, "run.toml", "line 1", "→")


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"220 smtp ready\r\n"])
def test_a_server_that_is_no_imap_server_is_told(tmp_path: Path, greeting: bytes) -> None:
    """What answers with anything but an IMAP greeting is told apart from a server that is not there."""
    with _speaking(greeting) as port:
        _told(_run("run", "--server", f"imap://u:secret@127.0.0.1:{port}", cwd=tmp_path), 3, f":{port}", "→")


def test_a_refused_login_is_told_without_the_password(tmp_path: Path) -> None:
    """A login that the server refuses is told with the user's name and without the password."""
    with ReferenceServer() as server:
        server.add_account("ada", "right")
        done = _run("run", "--server", f"imap://ada:wrong-one@127.0.0.1:{server.port}", cwd=tmp_path)
    _told(done, 3, "ada", "→")
    assert "wrong-one" not in done.stderr + done.stdout


def test_a_missing_program_is_told(tmp_path: Path) -> None:
    """A client whose program is not installed is told with the way to install it."""
    _told(_run("run", "--client", "mbsync", cwd=tmp_path, PATH=str(tmp_path)), 3, "mbsync", "install")


def test_an_unwritable_output_is_told(tmp_path: Path) -> None:
    """A directory that cannot be written to is told before anything runs."""
    (tmp_path / "file").write_text("")
    _told(_run("run", "--select", "SYN-406", "--output", "file/report", cwd=tmp_path), 3, "file/report", "--output")


def test_a_run_judges_any_server_by_its_url(tmp_path: Path) -> None:
    """A server given by URL is judged below a root of its own, gone afterwards, and no secret is written."""
    with ReferenceServer() as server:
        credentials = server.add_account("ada", "pa ss%wörd-4711")
        url = f"imap://ada@127.0.0.1:{server.port}/lab"
        options = ["--server", url, "--select", "SYN-406", "--select", "SYN-501", "--output", "out"]
        done = _run("run", *options, cwd=tmp_path, CPM_SERVER_PASSWORD=credentials.password)
        left = sorted(server.account("ada").names())
    assert done.returncode == 2, done.stdout + done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    outcomes = {each["id"]: each["outcome"] for each in report["requirements"]}
    assert outcomes["SYN-406"] == outcomes["SYN-501"] == "pass"
    assert left in ([], ["INBOX"], ["INBOX", "lab"])
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or "4711" not in path.read_text("utf-8", "replace"), path


def test_pytest_files_that_lie_around_do_not_disturb(tmp_path: Path) -> None:
    """A pytest configuration, a conftest and pytest's environment in the working directory change nothing."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise SystemExit('disturbed')\n")
    done = _run("run", "--select", "SYN-406", "--output", "out", cwd=tmp_path, PYTEST_ADDOPTS="--no-such-option")
    assert done.returncode == 2, done.stdout + done.stderr
    assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))["verdict"]["client"] == "not-established"


def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    """A run with workers has the same outcomes as one without."""
    outcomes = []
    for workers in ("0", "2"):
        done = _run("run", "--select", "5.5.2.20-3c", "-n", workers, "--output", workers, cwd=tmp_path)
        assert done.returncode == 2, done.stdout + done.stderr
        report = json.loads((tmp_path / workers / "report.json").read_text("utf-8"))
        outcomes.append([(each["id"], each["outcome"]) for each in report["cases"]])
    assert outcomes[0] == outcomes[1]
    assert outcomes[0]


def test_plain_pytest_runs_the_cases(tmp_path: Path) -> None:
    """The test cases run as plain pytest too, and report."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--pyargs", "conformance.cases", "-k", "removed_on_server_leave"]
        + ["--cpm-output", str(tmp_path / "out"), "--junitxml", str(tmp_path / "junit.xml"), "-p", "no:cacheprovider"]
        + ([] if _is_installed() else ["-p", "conformance.plugin"]),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=SECONDS,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out" / "report.json").exists()
    assert (tmp_path / "junit.xml").exists()


def _is_installed() -> bool:
    from importlib.metadata import entry_points

    return bool(entry_points(group="pytest11", name="cpm_conformance"))


def test_doctor_tells_each_check(tmp_path: Path) -> None:
    """The doctor says of each thing a run needs whether it is as needed, for people and for machines."""
    done = _run("doctor", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    checks = json.loads(done.stdout)
    assert len(checks) > 8
    assert all(each["ok"] for each in checks)


def test_doctor_stops_where_the_mend_is(tmp_path: Path) -> None:
    """A server that cannot be reached is one failed check with its mend, exit code 3."""
    done = _run("doctor", "--server", "imap://u:p@127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 3
    assert "FAIL server is reached" in done.stdout
    assert "→" in done.stdout


def test_list_shows_every_requirement(tmp_path: Path) -> None:
    """The list has one line for each requirement, with its cases or that there is none yet."""
    done = _run("list", "--plain", cwd=tmp_path)
    assert done.returncode == 0
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(lines) == len(requirements())
    assert all(len(line) == 5 for line in lines)
