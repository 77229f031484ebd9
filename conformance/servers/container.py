"""A server in a container of this machine's engine, run by testcontainers as its profile says."""

from __future__ import annotations

import itertools
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from docker.errors import NotFound
from testcontainers.core.container import DockerContainer

from conformance.adapters import nearest
from conformance.imap.endpoint import Credentials, Endpoint, Tls
from conformance.imap.errors import ImapProblem, NotAnImapServer
from conformance.imap.wire import WireConnection
from conformance.lifetime import Lifetime
from conformance.model.folders import FolderPath
from conformance.problems import AdapterProblem, UsageProblem
from conformance.programs import private_directory
from conformance.resources import fill, fixture
from conformance.servers.engine import engine_told, labels, reach_engine, remove_abandoned, require_image
from conformance.servers.location import SPELLED, Location
from conformance.servers.process import free_port
from conformance.servers.profile import Command, Profile, find_profile
from conformance.servers.protocol import Ability, AbilityMissing, Account
from conformance.servers.remote import RemoteServer

OPTIONS: Mapping[str, str] = {
    "profile": "TOML file that says how the image after container: is run",
    "image": "another image for the same profile, such as one from a mirror",
    "network": "host: the server shares this machine's network; bridge: one port is published at 127.0.0.1",
}
_LOOPBACK, _EVERYWHERE = "127.0.0.1", "0.0.0.0"
_BETWEEN_TRIES, _GREETING_SECONDS = 0.05, 5.0
_LOG_LINES, _STOP_SECONDS = 5, 10
_LOOK = "look at what it said, and at its profile: image, command, environment, files, network"


def open_container(spec: str, options: Mapping[str, str], timeout: float) -> ContainerServer:
    """The server that `container:NAME` and its options mean, not started yet. Raises `Problem`."""
    for unknown in sorted(options.keys() - OPTIONS.keys()):
        raise UsageProblem(f"a server in a container has no option {unknown!r}", nearest(unknown, OPTIONS))
    name = spec.partition(":")[2]
    return ContainerServer(name, find_profile(name, options), timeout)


class ContainerServer(Lifetime):
    """One container that runs from enter to exit; each account is a new user, or a new folder where users are given."""

    def __init__(self, name: str, profile: Profile, timeout: float = 10.0) -> None:
        self.name, self.profile, self.timeout = f"container:{name}", profile, timeout
        self.abilities = frozenset(_abilities(profile))
        self._password = secrets.token_hex(12)
        self._numbers = itertools.count(1)
        self._users: list[RemoteServer] = []
        self._greeting = ""
        self._endpoint: Endpoint
        self._container: DockerContainer

    def _start(self, started: ExitStack) -> None:
        held = private_directory("container")
        started.callback(shutil.rmtree, held, ignore_errors=True)
        client = reach_engine()
        started.callback(client.close)
        remove_abandoned(client)
        require_image(client, self.profile.image, _how_to_build(self.profile))
        # Nobody can have signed a certificate for a server that was made just now, on this machine.
        security = SPELLED[self.profile.security]
        self._endpoint = Endpoint(_LOOPBACK, free_port(), security, tls=Tls(verified=False))
        self._container = self._describe(held)
        started.callback(self._stop)
        self._run_the_image()
        self._users = [started.enter_context(each) for each in self._users_of_the_image()]

    def _describe(self, held: Path) -> DockerContainer:
        profile = self.profile
        with engine_told("the container engine cannot be used", "look into its log"):
            container = DockerContainer(profile.image)
        container.image = profile.image  # whatever prefix testcontainers is set to: it was looked for as it is
        settings: dict[str, Any] = {"network": profile.network, "stop_signal": profile.stop_signal}
        if profile.entrypoint:
            settings["entrypoint"] = self._filled(profile.entrypoint)
        container.with_kwargs(labels=labels(held), **settings)
        container.env.update({key: self._fill(value) for key, value in profile.environment.items()})
        if profile.command:
            container.with_command(self._filled(profile.command))
        if profile.network == "bridge":
            # Its own methods for this publish the port at every address of the machine.
            published: dict[str, Any] = container.ports
            published[f"{profile.port}/tcp"] = (_LOOPBACK, self._endpoint.port)
        for file in profile.files:
            text = self._fill(profile.template(file))
            container.with_copy_into_container(text.encode(), file.path, int(file.mode, 8))
        return container

    def _run_the_image(self) -> None:
        with engine_told(f"a container of {self.profile.image} does not start", _LOOK):
            self._container.start()
        self._await_greeting()
        for command in self.profile.setup:
            self._run(command)

    def _stop(self) -> None:
        doing = f"the container of {self.profile.image} cannot be removed"
        with engine_told(doing, "remove it by hand"), suppress(NotFound):
            self._container.stop()

    def _await_greeting(self) -> None:
        """Wait until it greets, and has written what shows that it is ready. Raises `AdapterProblem` with its log."""
        deadline = time.monotonic() + self.profile.ready.seconds
        pause = threading.Event()
        why = "it did not listen"
        while time.monotonic() < deadline:
            if ended := self._ended():
                raise self._is_not_ready(ended)
            try:
                with WireConnection.open(self._endpoint, timeout=_GREETING_SECONDS) as connection:
                    self._greeting = connection.greeting.text
                if re.search(self.profile.ready.log, self._log()):
                    return
                why = f"it did not write {self.profile.ready.log!r}"
            except NotAnImapServer as error:
                raise self._is_not_ready(str(error)) from error
            except ImapProblem as error:
                why = str(error)
            pause.wait(_BETWEEN_TRIES)
        raise self._is_not_ready(f"{why}, for {self.profile.ready.seconds:g} s")

    def _ended(self) -> str:
        with engine_told("the container cannot be looked at", "look into the engine's log"):
            self._container.reload()
            state = self._container.get_wrapped_container().attrs["State"]
        return f"it ended with exit code {state['ExitCode']}" if state["Status"] in ("exited", "dead") else ""

    def _log(self) -> str:
        with engine_told("the container's log cannot be read", "look into the engine's log"):
            return b"".join(self._container.get_logs()).decode("utf-8", "replace")

    def _is_not_ready(self, why: str) -> AdapterProblem:
        said = "; ".join(line.strip() for line in self._log().splitlines()[-_LOG_LINES:]) or "nothing"
        return AdapterProblem(f"the container of {self.profile.image} is not ready: {why}. It said: {said}", _LOOK)

    def _users_of_the_image(self) -> Iterator[RemoteServer]:
        accounts = self.profile.accounts
        for each in accounts.users:
            credentials = Credentials(each.user, self._fill(each.password))
            yield RemoteServer(Location(self._endpoint, credentials, self._root), self.timeout)

    @property
    def _root(self) -> FolderPath:
        return tuple(level for level in self.profile.accounts.root.split("/") if level)

    def _fill(self, text: str, **values: object) -> str:
        bridged = self.profile.network == "bridge"
        own = {"address": _EVERYWHERE if bridged else _LOOPBACK, "password": self._password}
        port = self.profile.port if bridged else self._endpoint.port
        return fill(text, {**self.profile.values, **own, "port": port, **values})

    def _filled(self, command: Command, **values: object) -> list[str]:
        return [self._fill(part, **values) for part in command]

    def _run(self, command: Command, **values: object) -> str:
        """What a command in the container says; raises `AdapterProblem` if it fails."""
        arguments = self._filled(command, **values)
        with engine_told(f"{arguments[0]} cannot be run in the container", _LOOK):
            done = self._container.get_wrapped_container().exec_run(arguments)
        said = bytes(done.output or b"").decode("utf-8", "replace").strip()
        if done.exit_code != 0:
            told = f"{command[0]} in the container of {self.profile.image}: {said or f'exit code {done.exit_code}'}"
            raise AdapterProblem(told, f"mend that command in the profile: {' '.join(command)}")
        return said

    def identify(self) -> str:
        """For instance `Dovecot 2.4.1, container of cpm-conformance/dovecot:2.4`."""
        said = self._run(self.profile.version) if self.profile.version else self._greeting
        version = re.search(r"\d+(?:\.\d+)+", said)
        named = f"{self.profile.product} {version[0]}" if version else self.profile.product
        return f"{named}, container of {self.profile.image}"

    def fresh_account(self) -> Account:
        """A user that was never used before, or a new folder of one that the image brings."""
        number, accounts = next(self._numbers), self.profile.accounts
        if self._users:
            return self._users[number % len(self._users)].fresh_account()
        user = self._fill(accounts.user, number=number)
        if accounts.create:
            self._run(accounts.create, user=user)
        return Account(self._endpoint, Credentials(user, self._fill(accounts.password)), self._root)

    def release(self, account: Account) -> None:
        """Remove the user by the profile's command, if it has one; what is left goes with the container."""
        for each in self._users:
            each.release(account)
        if self.profile.accounts.remove:
            self._run(self.profile.accounts.remove, user=account.credentials.user)

    def restart(self) -> None:
        """Stop and start the container; what the server stored in it stays."""
        self._require(Ability.RESTART)
        with engine_told(f"the container of {self.profile.image} cannot be restarted", _LOOK):
            self._container.get_wrapped_container().restart(timeout=_STOP_SECONDS)
        self._await_greeting()

    def set_read_only(self, account: Account, folder: str) -> None:
        self._require(Ability.READ_ONLY)
        self._run(self.profile.abilities.read_only, user=account.credentials.user, folder=folder)

    def set_quota(self, account: Account, octets: int) -> None:
        self._require(Ability.QUOTA)
        self._run(self.profile.abilities.quota, user=account.credentials.user, octets=octets)

    def renew_uid_validity(self, account: Account, folder: str) -> None:
        self._require(Ability.NEW_UID_VALIDITY)
        self._run(self.profile.abilities.new_uid_validity, user=account.credentials.user, folder=folder)

    def _require(self, ability: Ability) -> None:
        if ability not in self.abilities:
            raise AbilityMissing(f"the profile of {self.name} has no command for: {ability}")


def _abilities(profile: Profile) -> Iterator[Ability]:
    offered = profile.abilities
    commands = {
        Ability.RESTART: offered.restart,
        Ability.READ_ONLY: offered.read_only,
        Ability.QUOTA: offered.quota,
        Ability.NEW_UID_VALIDITY: offered.new_uid_validity,
    }
    return (ability for ability, command in commands.items() if command)


def _how_to_build(profile: Profile) -> str:
    return f"{fixture('servers', 'containers', 'build')} {profile.build}" if profile.build else ""
