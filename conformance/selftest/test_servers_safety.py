"""An account of others comes out of every run as it went in, be the run killed or not, and nobody's secret is shown."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.imap.session import StorageSession
from conformance.problems import AdapterProblem
from conformance.reference.server.server import ReferenceServer
from conformance.selftest.accounts_of_others import command, contents, environment, filled, run, url
from conformance.selftest.programs import eventually
from conformance.servers import traces
from conformance.servers.location import parse
from conformance.servers.remote import RemoteServer
from conformance.servers.traces import new_run, run_of


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Records of runs are kept apart from those of this machine's user."""
    monkeypatch.setattr(traces, "_SHARED", tmp_path)
    return tmp_path


@pytest.fixture
def server() -> Iterator[ReferenceServer]:
    """A reference server that stands for anybody's."""
    with ReferenceServer() as started:
        yield started


def test_thousands_of_foreign_objects_stay_as_they_are(server: ReferenceServer, tmp_path: Path) -> None:
    """A whole run over test cases of server and client leaves UIDs, flags, octets, annotations and subscriptions."""
    who = filled(server, folders=30, objects=100)
    before = contents(server)
    select = [part for each in ("5.5.2.8", "5.5.2.11", "5.5.2.6", "SYN-406") for part in ("--select", each)]
    accepting = ("-O", "server.foreign=accept", "--output", str(tmp_path / "report"))
    done = run("run", "--server", url(server, who, "Private 0/own/deep"), *accepting, *select, cwd=tmp_path)
    assert "test cases" in done.stdout, done.stdout + done.stderr
    assert done.returncode in (1, 2)
    assert contents(server) == before


@pytest.mark.parametrize("root", ["", "Private 0/own/deep"])
def test_a_killed_run_and_clean_leave_the_account_as_it_was(server: ReferenceServer, tmp_path: Path, root: str) -> None:
    """SIGKILL in the middle; `clean` removes folders, subscriptions and made levels, and nothing else."""
    who = filled(server)
    before = contents(server)
    run_of_cases = command("run", "--server", url(server, who, root), "--role", "server", "--client", "none")
    with subprocess.Popen(
        run_of_cases, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as suite:
        began = eventually(lambda: sum(map(_is_ours, contents(server))) > 2, seconds=60)
        suite.kill()
    assert began
    with server.accounts.lock:
        ours = next(name for name in server.account("owner").names() if _is_ours(name))
        server.account("owner").subscribe(ours)
    assert contents(server) != before
    told = run("clean", "--server", url(server, who), "--dry-run", cwd=tmp_path)
    assert "would remove folder" in told.stdout
    assert _names(server) > set(before)
    done = run("clean", "--server", url(server, who), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"removed subscription to {ours}" in done.stdout
    assert contents(server) == before
    again = run("clean", "--server", url(server, who), cwd=tmp_path)
    assert "nothing is left" in again.stdout


def _is_ours(name: str) -> bool:
    return run_of(tuple(name.split("/"))) is not None


def _names(server: ReferenceServer) -> set[str]:
    return set(contents(server))


def test_a_run_that_is_told_to_end_cleans_up_itself(server: ReferenceServer, tmp_path: Path) -> None:
    """SIGTERM, as a cancelled job sends it, is no kill: nothing is left for `clean`."""
    who = filled(server, folders=3, objects=3)
    before = contents(server)
    run_of_cases = command("run", "--server", url(server, who, "made"), "--role", "server", "--client", "none")
    with subprocess.Popen(
        run_of_cases, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as suite:
        assert eventually(lambda: any(map(_is_ours, contents(server))), seconds=60)
        suite.terminate()
        told = suite.communicate(timeout=60)[1]
    assert suite.returncode == 3, told
    assert "Traceback" not in told
    assert contents(server) == before


def test_no_name_of_others_is_taken_for_one_of_the_suite() -> None:
    """A root folder's name bears a checksum; letters in another case are no other name."""
    ours = new_run()
    assert run_of(("a", f"{ours}-7", "b")) == (ours, ("a", f"{ours}-7"))
    assert run_of((f"{ours}-7".upper(),)) == (ours, (f"{ours}-7".upper(),))
    wrong = ours[:-1] + ("0" if ours[-1] != "0" else "1")
    for name in ("cpm-archive", "cpm-0123456789abcd-1", f"{wrong}-1", f"{ours}-x", f"my {ours}-1", "INBOX", ""):
        assert run_of((name,)) is None


def test_a_client_is_kept_from_the_folders_of_others(server: ReferenceServer, tmp_path: Path) -> None:
    """Exit code 3, what lies there, and three ways out; nothing was changed."""
    who = filled(server, folders=2, objects=1)
    before = contents(server)
    done = run("run", "--server", url(server, who, "own"), "--select", "SYN-406", cwd=tmp_path)
    assert done.returncode == 3
    assert "holds what is not the suite's" in done.stderr
    for way_out in ("--role server --client none", "server.foreign=accept", "Private 0"):
        assert way_out in done.stderr
    assert who.password not in done.stdout + done.stderr
    assert contents(server) == before


def test_an_account_of_its_own_may_hold_the_levels_of_the_root(server: ReferenceServer, records: Path) -> None:
    """INBOX and the root that the URL names are nobody else's as long as they are empty; leftovers are the suite's."""
    assert records
    who = server.add_account()
    server.account(who.user).create("own/deep")
    server.account(who.user).create(f"{new_run()}-1/x")
    with RemoteServer(parse(url(server, who, "own/deep"))) as remote:
        assert remote.foreign() == []
        with StorageSession.open(server.endpoint, who) as session:
            session.store_object("INBOX", b"\r\n")
            session.create_folder("own/other")
        assert remote.foreign() == ["objects in INBOX", "own/other"]


def test_a_made_level_that_holds_an_object_by_now_is_left(server: ReferenceServer, records: Path) -> None:
    """What somebody stored meanwhile into a folder that the run made is theirs."""
    assert records
    who = server.add_account()
    with RemoteServer(parse(url(server, who, "made"))), StorageSession.open(server.endpoint, who) as session:
        session.store_object("made", b"\r\n")
    assert "made" in server.account(who.user).names()


def test_a_run_that_lives_holds_its_record(server: ReferenceServer, records: Path) -> None:
    """The record says what was made, holds no secret, and goes with a run that ends well."""
    who = server.add_account("owner", "pa55word!")
    with RemoteServer(parse(url(server, who, "new/deep"))) as remote:
        name = run_of(remote.fresh_account().root)
        assert name is not None
        assert traces.lives(name[0])
        (record,) = records.glob("*/cpm-*.json")
        assert '["new", "deep"]' in record.read_text()
        assert who.password not in record.read_text()
    assert not record.exists()


def test_a_place_for_records_that_is_no_directory_is_told(
    server: ReferenceServer, records: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that somebody else may have laid there is not followed."""
    (records / "elsewhere").mkdir()
    traces.directory().rmdir()
    path = records / f"cpm-conformance-{os.getuid()}"
    path.symlink_to(records / "elsewhere")
    monkeypatch.setattr(traces, "_SHARED", records)
    with pytest.raises(AdapterProblem, match="is not a directory of yours"):
        RemoteServer(parse(url(server, server.add_account()))).__enter__()
