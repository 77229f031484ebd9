"""The doctor before a running server: each thing ok or with its mend, nothing changed that is not said."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conformance.configuration import Configuration, User
from conformance.execution.preflight import Check, examine
from conformance.imap.endpoint import Credentials
from conformance.reference.server.accounts import Accounts
from conformance.reference.server.behaviour import Behaviour
from conformance.reference.server.server import ReferenceServer
from conformance.selftest.accounts_of_others import contents, filled, run, url
from conformance.selftest.imap_servers import scripted

LOOKS = (
    "server is reached",
    "encryption",
    "login",
    "capabilities",
    "hierarchy delimiter",
    "quota",
    "speed",
    "folders of others",
    "folders of killed runs",
)
RIGHTS = (
    "an account or root folder of our own",
    "right to create a folder",
    "right to store an object",
    "objects come back as stored",
    "clock",
    "right to mark an object",
    "right to remove an object",
    "right to remove a folder",
)


@pytest.fixture
def server() -> Iterator[ReferenceServer]:
    """A reference server that stands for anybody's."""
    with ReferenceServer() as started:
        yield started


def told(server: ReferenceServer, who: Credentials, *, root: str = "", read_only: bool = False) -> list[Check]:
    """What the doctor says of an account without a client."""
    return list(examine(Configuration(server=url(server, who, root), client="none"), read_only=read_only))


def ill(checks: list[Check]) -> list[str]:
    """The names of what is not well; each has a mend."""
    assert all(each.mend for each in checks if not each.ok)
    return [each.name for each in checks if not each.ok]


def test_every_point_is_looked_at(server: ReferenceServer) -> None:
    """In the order in which one stands on another."""
    checks = told(server, server.add_account("owner", "pa55word!"), root="a/b")
    assert [each.name for each in checks] == [*LOOKS, *RIGHTS, "client introduces itself", "everything ends again"]
    assert ill(checks) == []


def test_an_account_is_as_it_was_afterwards(server: ReferenceServer) -> None:
    """Rights are tried in a folder of our own, which goes; with --read-only nothing at all is done."""
    who = filled(server, folders=3, objects=3)
    before = contents(server)
    assert "cpm-" in next(each.detail for each in told(server, who) if each.name == RIGHTS[0])
    assert contents(server) == before
    assert [each.name for each in told(server, who, root="not/there", read_only=True)][: len(LOOKS)] == [*LOOKS]
    assert contents(server) == before


def test_folders_of_others_are_told_and_keep_clients_out(server: ReferenceServer) -> None:
    """A server alone may be judged; for a client it is not well, and the mend says what to do."""
    who = filled(server, folders=3, objects=3)
    alone = next(each for each in told(server, who, read_only=True) if each.name == "folders of others")
    assert alone.ok
    assert "which the suite leaves alone" in alone.detail
    checks = list(examine(Configuration(server=url(server, who)), read_only=True))
    assert ill(checks) == ["folders of others"]


def test_a_quota_that_is_nearly_reached_is_told() -> None:
    """The server's own words are read: 15 of 16 MiB used is too much."""

    def full(peer: socket.socket) -> None:
        peer.sendall(b"* PREAUTH [CAPABILITY IMAP4rev1 QUOTA] hello\r\n")
        answers = {
            b"CAPABILITY": b"* CAPABILITY IMAP4rev1 QUOTA\r\n",
            b"LIST": b'* LIST (\\Noselect) "/" ""\r\n',
            b"GETQUOTAROOT": b"* QUOTAROOT INBOX u\r\n* QUOTA u (MESSAGE 5 500 STORAGE 15360 16384)\r\n",
        }
        while line := peer.recv(1000):
            tag, name = line.split()[:2]
            peer.sendall(answers.get(name, b"") + tag + b" OK done\r\n")

    with scripted(full) as endpoint:
        settings = Configuration(server=f"imap://u:p@127.0.0.1:{endpoint.port}", client="none")
        checks = list(examine(settings, read_only=True))
    assert ill(checks) == ["quota"]
    assert "1024 KiB are free" in next(each.detail for each in checks if not each.ok)


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_off_is_told(hours: int) -> None:
    """By the date that the server gives an object."""
    accounts = Accounts(Behaviour(), clock=lambda: datetime.now(UTC) + timedelta(hours=hours))
    with ReferenceServer(accounts=accounts) as server:
        checks = told(server, server.add_account("owner", "pa55word!"))
    assert ill(checks) == ["clock"]
    assert ("behind" if hours < 0 else "before") in next(each.detail for each in checks if not each.ok)


def test_a_right_that_is_missing_is_told(server: ReferenceServer) -> None:
    """An account without room for one object."""
    who = server.add_account("owner", "pa55word!")
    server.set_quota("owner", 10)
    assert ill(told(server, who)) == ["right to store an object"]


def test_a_wrong_password_ends_the_look(server: ReferenceServer, tmp_path: Path) -> None:
    """For machines: exit code 3, a list of checks, the last of them with its mend, and no password in it."""
    server.add_account("owner", "pa55word!")
    where = f"imap://owner:wr0ng-one@127.0.0.1:{server.port}"
    done = run("doctor", "--server", where, "--json", cwd=tmp_path)
    assert done.returncode == 3
    checks = json.loads(done.stdout)
    assert [each["name"] for each in checks] == ["server is reached", "encryption", "login"]
    assert (checks[-1]["ok"], "check user and password" in checks[-1]["mend"]) == (False, True)
    assert "wr0ng-one" not in done.stdout + done.stderr


def test_every_account_is_looked_at(server: ReferenceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line tells whose it is; a password may come from the environment."""
    one, other = server.add_account("one", "pa55word!"), server.add_account("other", "pa55word?")
    monkeypatch.setenv("OTHERS", other.password)
    settings = Configuration(
        server=f"imap://127.0.0.1:{server.port}/root",
        client="none",
        accounts=(User(user="one", password=one.password), User(user="other", password_variable="OTHERS")),
    )
    names = [each.name for each in examine(settings) if each.ok]
    assert {"login (one)", "login (other)", "clock (one)", "clock (other)"} <= set(names)
    assert names[-1] == "everything ends again"


def test_help_tells_every_option_of_a_running_server(tmp_path: Path) -> None:
    """Nobody has to read source."""
    shown = run("doctor", "--help", cwd=tmp_path).stdout
    for name in ("security", "ca", "name", "verify", "certificate", "key", "authentication", "rate", "foreign"):
        assert f"-O server.{name}=" in shown
