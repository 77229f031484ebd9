"""Servers in containers of a real engine: fresh accounts, abilities, and nothing left, whatever happens to the run."""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from conformance.imap.errors import ConnectionLost, OperationRefused
from conformance.problems import AdapterProblem
from conformance.selftest import abilities
from conformance.selftest.abilities import OBJECT, log_in
from conformance.selftest.programs import eventually, or_skip
from conformance.servers.container import ContainerServer
from conformance.servers.engine import OF, clean_engine, reach_engine, require_image
from conformance.servers.profile import Accounts, Profile, Ready, User, find_profile
from conformance.servers.protocol import Ability, Account
from conformance.servers.traces import here

REQUIRED = "CPM_REQUIRE_CONTAINERS"


@pytest.fixture(scope="module")
def profile() -> Iterator[Profile]:
    """The profile of Dovecot; its image has a tag of this process's own, by which its containers are known."""
    found = find_profile("dovecot", {})
    client = or_skip(reach_engine, REQUIRED)
    build = "fixtures/servers/containers/build dovecot"
    or_skip(lambda: require_image(client, found.image, build), REQUIRED)
    tag = f"test-{secrets.token_hex(4)}"
    client.images.get(found.image).tag("cpm-conformance/dovecot", tag)
    yield found.model_copy(update={"image": f"cpm-conformance/dovecot:{tag}"})
    client.images.remove(f"cpm-conformance/dovecot:{tag}")
    client.close()


@pytest.fixture(scope="module")
def server(profile: Profile) -> Iterator[ContainerServer]:
    """Dovecot in a container."""
    with ContainerServer("dovecot", profile) as started:
        yield started


def names(account: Account) -> set[str]:
    """The names of all folders."""
    with log_in(account) as session:
        return {each.name for each in session.list_folders()}


def containers(profile: Profile) -> list[str]:
    """The names of the containers of these tests, running or not."""
    with closing(reach_engine()) as client:
        found = client.containers.list(all=True, filters={"label": f"{OF}={here()}"}, ignore_removed=True)
        return [each.name for each in found if each.attrs["Config"]["Image"] == profile.image]


def test_a_fresh_account_is_empty_and_its_own(server: ContainerServer) -> None:
    """Two accounts of one container do not see each other."""
    one, other = server.fresh_account(), server.fresh_account()
    with log_in(one) as session:
        session.create_folder("Grüße/a b")
        session.store_object("Grüße/a b", OBJECT, flags=["\\Seen", "keyword"])
    assert "Grüße/a b" in names(one)
    assert names(other) == {"INBOX"}


def test_releasing_an_account_removes_what_it_held(server: ContainerServer) -> None:
    """The profile's command removes the user."""
    account = server.fresh_account()
    with log_in(account) as session:
        session.create_folder("a")
    server.release(account)
    assert names(account) == {"INBOX"}


def test_the_report_can_say_which_version_of_which_image_it_was(server: ContainerServer) -> None:
    """The version is the program's own word."""
    assert server.identify().startswith("Dovecot 2.4.")
    assert server.identify().endswith(f", container of {server.profile.image}")


def test_nobody_but_this_machine_reaches_the_server(server: ContainerServer) -> None:
    """On the network of the machine it listens at 127.0.0.1, and at no other address."""
    endpoint = server.fresh_account().endpoint
    assert endpoint.host == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", endpoint.port), timeout=5)


def test_a_read_only_folder_takes_no_object(server: ContainerServer) -> None:
    """READ_ONLY, by a command in the container; names go to it as they are."""
    account = server.fresh_account()
    folder = 'it\'s "a" $(b) Ü'
    with log_in(account) as session:
        session.create_folder(folder)
        session.store_object(folder, OBJECT)
    server.set_read_only(account, folder)
    with log_in(account) as session:
        with pytest.raises(OperationRefused):
            session.store_object(folder, OBJECT)
        assert session.set_active_folder(folder, read_only=True).exists == 1


def test_a_quota_refuses_what_does_not_fit(server: ContainerServer) -> None:
    """QUOTA, by a command in the container."""
    abilities.limit(server)


def test_a_new_uid_validity_is_greater_and_keeps_the_objects(server: ContainerServer) -> None:
    """NEW_UID_VALIDITY, by a command in the container."""
    account = server.fresh_account()
    with log_in(account) as session:
        session.create_folder("Grüße")
        session.store_object("Grüße", OBJECT)
    abilities.renew(server, account, "Grüße")


def test_a_restart_ends_sessions_and_keeps_mail(server: ContainerServer) -> None:
    """RESTART: the same port, the same content, no old connection."""
    assert Ability.RESTART in server.abilities
    account = server.fresh_account()
    with log_in(account) as session:
        session.create_folder("a")
        server.restart()
        with pytest.raises(ConnectionLost):
            session.noop()
    assert names(account) == {"INBOX", "a"}


def test_a_command_that_fails_is_told_with_what_it_said(server: ContainerServer) -> None:
    """An error of the suite, with the command to mend."""
    with pytest.raises(AdapterProblem, match="doveadm") as caught:
        server.renew_uid_validity(server.fresh_account(), "there is no such folder")
    assert "mend that command" in caught.value.mend


def test_a_container_that_is_in_use_is_not_cleaned(server: ContainerServer) -> None:
    """Neither by another run that starts nor by `clean`; it goes at the end."""
    before = containers(server.profile)
    assert before
    assert not set(clean_engine()) & set(before)
    assert containers(server.profile) == before
    assert names(server.fresh_account()) == {"INBOX"}


def test_users_of_the_image_are_given_out_in_folders_of_their_own(profile: Profile) -> None:
    """Accounts of the kind listed: each a new, empty folder of one of the users; nothing is left of it."""
    users = tuple(User(user=name, password="{{ password }}") for name in ("one", "two"))
    listed = profile.model_copy(update={"accounts": Accounts(kind="listed", users=users, root="below")})
    with ContainerServer("dovecot", listed) as server:
        accounts = [server.fresh_account() for _ in range(3)]
        assert {each.credentials.user for each in accounts} == {"one", "two"}
        assert len({each.root for each in accounts}) == 3
        assert not any(each.created for each in accounts)
        assert names(accounts[0]) > {"INBOX", "/".join(accounts[0].root)}
        for each in accounts:
            server.release(each)
        assert names(accounts[0]) == {"INBOX", "below"}


def test_a_command_creates_users(profile: Profile) -> None:
    """Accounts of the kind created: a user exists once its command has run."""
    create = ("/bin/sh", "-c", 'echo "$1" >>/srv/created', "create", "{{ user }} {{ password }}")
    accounts = Accounts(kind="created", user="u{{ number }}@example.org", create=create)
    created = profile.model_copy(update={"accounts": accounts, "version": ("/bin/cat", "/srv/created")})
    with ContainerServer("dovecot", created) as server:
        account = server.fresh_account()
        assert account.credentials.user == "u1@example.org"
        assert names(account) == {"INBOX"}


def test_a_setup_that_fails_leaves_no_container(profile: Profile) -> None:
    """The command and what it said are told."""
    before = containers(profile)
    broken = profile.model_copy(update={"setup": (("/bin/sh", "-c", "echo no such domain >&2; exit 3"),)})
    with pytest.raises(AdapterProblem, match="no such domain"), ContainerServer("dovecot", broken):
        pass
    assert containers(profile) == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"command": ("/bin/sh", "-c", "echo bad configuration >&2; exit 78")}, "exit code 78. It said: bad conf"),
        ({"command": ("/no/such/program",)}, "does not start: .*no such file or directory"),
        ({"ready": Ready(seconds=1.5, log="never written")}, "it did not write 'never written', for 1.5 s"),
    ],
)
def test_a_server_that_does_not_come_up_is_told_and_leaves_no_container(
    profile: Profile, change: dict[str, object], told: str
) -> None:
    """With the end of its log."""
    before = containers(profile)
    with pytest.raises(AdapterProblem, match=told), ContainerServer("dovecot", profile.model_copy(update=change)):
        pass
    assert containers(profile) == before


def test_what_a_killed_run_left_is_removed_by_the_next(profile: Profile) -> None:
    """SIGKILL leaves no time to clean up; the container is known by its label."""
    before = containers(profile)
    program = (
        "from conformance.servers.registry import open_server\n"
        f"with open_server('container:dovecot', {{'image': '{profile.image}'}}) as server:\n"
        "    print(server.identify(), flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline().startswith("Dovecot")
        left = [each for each in containers(profile) if each not in before]
        run.send_signal(signal.SIGKILL)
    assert len(left) == 1
    with ContainerServer("dovecot", profile):
        assert not set(left) & set(containers(profile))


def test_a_run_that_is_interrupted_leaves_no_container(profile: Profile, tmp_path: Path) -> None:
    """SIGTERM, as by a job that is cancelled, in the middle of a run of two processes."""
    before = containers(profile)
    command = [sys.executable, "-m", "conformance", "run", "--server", "container:dovecot", "--role", "server"]
    command += ["--client", "none", "-n", "2", "--output", str(tmp_path), "-O", f"server.image={profile.image}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        began = eventually(lambda: len(containers(profile)) > len(before), seconds=60)
        run.terminate()
    assert began
    assert run.returncode == 3
    assert eventually(lambda: containers(profile) == before, seconds=20)
