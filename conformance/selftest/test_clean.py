"""`cpm-conformance clean`: what dead runs left goes, what lives or is somebody else's stays, and all of it is told."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.imap.endpoint import Credentials
from conformance.imap.session import StorageSession
from conformance.programs import abandoned_directories, private_directory
from conformance.reference.server.server import ReferenceServer
from conformance.selftest.accounts_of_others import environment, run, url
from conformance.servers import traces
from conformance.servers.cleaning import Cleaned, Cleaning
from conformance.servers.location import parse
from conformance.servers.remote import RemoteServer
from conformance.servers.traces import Record, new_run

ELSEWHERE = "cpm-0000" + "abcdef"


@pytest.fixture(autouse=True)
def _records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of runs are kept apart from those of this machine's user."""
    monkeypatch.setattr(traces, "_SHARED", tmp_path)


@pytest.fixture
def server() -> Iterator[ReferenceServer]:
    """A reference server that stands for anybody's."""
    with ReferenceServer() as started:
        yield started


@pytest.fixture
def who(server: ReferenceServer) -> Credentials:
    """An account there with one folder of its owner."""
    who = server.add_account("owner", "pa55word!")
    server.account("owner").create("private")
    return who


def cleaned(server: ReferenceServer, who: Credentials, *, dry: bool = False, everything: bool = False) -> Cleaned:
    """What cleaning up an account tells."""
    with Cleaning(parse(url(server, who)), 5.0, dry=dry, everything=everything) as cleaning:
        return cleaning.clean()


def folders(server: ReferenceServer) -> set[str]:
    """The names in the account."""
    return set(server.account("owner").names())


def test_folders_of_a_dead_run_go_with_all_that_lies_in_them(server: ReferenceServer, who: Credentials) -> None:
    """However deep, with objects, and with names of any script."""
    root = f"{new_run()}-3"
    with StorageSession.open(server.endpoint, who) as session:
        session.create_folder(f"private/{root}/Grüße/a & b")
        session.store_object(f"private/{root}/Grüße/a & b", b"\r\n")
    assert cleaned(server, who, dry=True).removed == [f"folder private/{root} with 2 below it"]
    assert f"private/{root}" in folders(server)
    assert cleaned(server, who).removed == [f"folder private/{root} with 2 below it"]
    assert folders(server) == {"INBOX", "private"}


def test_a_run_that_lives_is_left_at_work(server: ReferenceServer, who: Credentials) -> None:
    """Its folders and subscriptions stay, and the reason is told."""
    with RemoteServer(parse(url(server, who))) as remote:
        root = remote.fresh_account().root[-1]
        server.account("owner").subscribe(root)
        done = cleaned(server, who, everything=True)
        assert done.removed == []
        ((name, reason),) = done.left
        assert (name, "still at work" in reason) == (root, True)
        assert root in folders(server)
        assert server.account("owner").subscriptions


def test_a_run_of_another_machine_is_left_unless_told(server: ReferenceServer, who: Credentials) -> None:
    """Nobody here can see whether it lives."""
    run_elsewhere = ELSEWHERE + traces._digest(ELSEWHERE)
    server.account("owner").create(f"{run_elsewhere}-1")
    done = cleaned(server, who)
    assert "--all" in done.left[0][1]
    assert f"{run_elsewhere}-1" in folders(server)
    assert cleaned(server, who, everything=True).left == []
    assert folders(server) == {"INBOX", "private"}


def test_a_level_that_a_dead_run_made_goes_if_nothing_else_is_in_it(server: ReferenceServer, who: Credentials) -> None:
    """From the record of the run; what holds something by now is left to its owner, with the reason."""
    record = Record(new_run(), f"127.0.0.1:{server.port}", "owner", [("a",), ("a", "b"), ("c",), ("gone",)])
    record.begin()
    record.end(clean=False)
    for name in ("a", "a/b", "c", "c/of the owner"):
        server.account("owner").create(name)
    done = cleaned(server, who)
    assert done.removed == ["folder a/b", "folder a"]
    assert [name for name, _ in done.left] == ["c"]
    assert folders(server) == {"INBOX", "private", "c", "c/of the owner"}
    assert not record.path.exists()


def test_records_of_another_server_or_user_are_not_followed(server: ReferenceServer, who: Credentials) -> None:
    """Folders of the same name may well be somebody else's there."""
    for place, user in (("127.0.0.1:1", "owner"), (f"127.0.0.1:{server.port}", "another")):
        record = Record(new_run(), place, user, [("private",)])
        record.begin()
        record.end(clean=False)
    assert cleaned(server, who).removed == []
    assert folders(server) == {"INBOX", "private"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"server": 1, "user": 2, "made": 3}', "\x00"])
def test_a_record_that_cannot_be_read_says_nothing(
    server: ReferenceServer, who: Credentials, text: str, tmp_path: Path
) -> None:
    """Whatever is in it, nothing is removed for it."""
    assert tmp_path
    (traces.directory() / f"{new_run()}.json").write_text(text)
    assert cleaned(server, who) == Cleaned()


def test_what_the_server_keeps_is_told(server: ReferenceServer, who: Credentials) -> None:
    """A folder that cannot be removed is left with the reason."""
    root = f"{new_run()}-1"
    server.account("owner").create(root)
    server.set_read_only("owner", root, read_only=True)
    done = cleaned(server, who)
    assert done.left == [(root, "the server refuses to remove it; remove it by hand")]


def test_the_command_tells_what_it_did(server: ReferenceServer, who: Credentials, tmp_path: Path) -> None:
    """A line each, exit code 3 while something is left, and no password."""
    root = f"{ELSEWHERE}{traces._digest(ELSEWHERE)}-1"
    server.account("owner").create(root)
    where = ("clean", "--server", url(server, who))
    left = run(*where, cwd=tmp_path)
    assert (left.returncode, f"left     {root} of owner on 127.0.0.1:" in left.stdout) == (3, True)
    done = run(*where, "--all", cwd=tmp_path)
    assert (done.returncode, f"removed folder {root} of owner" in done.stdout) == (0, True)
    assert who.password not in left.stdout + done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--server", "dovecot"), 4, "is no URL"),
        (("--server", "imap://u:p@127.0.0.1:1"), 3, "cannot be reached"),
        (("--server", "imap://u:s3cret@127.0.0.1:x"), 4, "cannot be read"),
        (("--server", "imap://u:p@127.0.0.1", "-O", "server.cert=x"), 4, "no option"),
    ],
)
def test_a_server_that_cannot_be_cleaned_is_told(
    arguments: tuple[str, ...], code: int, told: str, tmp_path: Path
) -> None:
    """As every command tells it."""
    done = run("clean", *arguments, cwd=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert told in done.stderr
    assert "→" in done.stderr
    assert "s3cret" not in done.stderr


def test_directories_of_a_killed_process_are_abandoned(tmp_path: Path) -> None:
    """One whose process lives is not, nor is any other of a similar name."""
    script = "from conformance.programs import private_directory; print(private_directory('x'), flush=True); input()"
    mine = private_directory("mine")
    neighbour = mine.parent / "cpm-conformance-notes"
    neighbour.mkdir(exist_ok=True)
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert child.stdout is not None
    theirs = Path(child.stdout.readline().strip())
    assert theirs not in set(abandoned_directories())
    child.kill()
    child.communicate()
    assert theirs in set(abandoned_directories())
    assert not {mine, neighbour} & set(abandoned_directories())
    done = run("clean", cwd=tmp_path)
    assert f"removed directory {theirs}" in done.stdout
    assert (theirs.exists(), mine.exists(), neighbour.exists()) == (False, True, True)
    mine.rmdir()
    neighbour.rmdir()


def test_a_private_directory_is_locked() -> None:
    """The lock is what tells the living from the dead."""
    path = private_directory("locked")
    descriptor = os.open(path, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)
    path.rmdir()
