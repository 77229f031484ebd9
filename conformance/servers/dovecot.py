"""Dovecot 2.3 or 2.4 as a private process: every user name logs in, so a fresh account is only a fresh name."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from conformance.problems import AdapterProblem
from conformance.programs import find_program, run_program
from conformance.resources import render
from conformance.servers.process import PrivateServer
from conformance.servers.protocol import Ability, Account

_SYSTEM_DIRECTORIES = ["/usr/sbin", "/usr/local/sbin"]
_MEND = "install it: apt-get install dovecot-imapd; or name the program: -O server.program=PATH"
_TEMPLATES = {"2.3": "dovecot-2.3.conf", "2.4": "dovecot-2.4.conf"}
_QUOTA_FIELD = {"2.3": "userdb_quota_rule=*:bytes={}", "2.4": "userdb_quota_storage_size={}B"}


@dataclass(frozen=True, slots=True)
class _Identity:
    """The system user that Dovecot keeps mail as; Dovecot refuses to do so as root."""

    user: str
    group: str
    root: bool

    @classmethod
    def of_this_process(cls) -> _Identity:
        if os.geteuid() == 0:
            return cls("mail", "mail", root=True)
        return cls(pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name, root=False)

    def own(self, path: Path) -> None:
        if self.root:
            shutil.chown(path, self.user, self.group)


class DovecotServer(PrivateServer):
    """The installed Dovecot on a free port of 127.0.0.1. Rights and quotas count for sessions opened afterwards."""

    _product = "Dovecot"
    name = "dovecot"
    abilities = frozenset(Ability)
    OPTIONS: ClassVar[Mapping[str, str]] = {"program": "the path of the dovecot program"}

    def __init__(self, program: str | None = None) -> None:
        super().__init__()
        self._given = program

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Self:
        """The adapter as the command line describes it."""
        return cls(options.get("program"))

    def program(self) -> Path:
        """The dovecot program."""
        return find_program(self._given or "dovecot", _MEND, after=_SYSTEM_DIRECTORIES)

    def _prepare(self) -> tuple[Sequence[str], Mapping[str, str]]:
        self._program = self.program()
        self._version, self._series = _version(self._program)
        self._configuration = self._configure()
        return [str(self._program), "-F", "-c", str(self._configuration)], {}

    def _configure(self) -> Path:
        identity = self._identity = _Identity.of_this_process()
        self._directory.chmod(0o711)
        for name in ("run", "state", "home", "users"):
            (self._directory / name).mkdir()
            identity.own(self._directory / name)
        text = render(
            "servers",
            _TEMPLATES[self._series],
            directory=self._directory,
            address=self._endpoint.host,
            port=self._endpoint.port,
            password=self._password,
            user=identity.user,
            group=identity.group,
            root=identity.root,
        )
        path = self._directory / "dovecot.conf"
        path.write_text(text)
        path.chmod(0o600)
        return path

    def identify(self) -> str:
        """For instance `Dovecot 2.3.19.1`."""
        return f"Dovecot {self._version}"

    def release(self, account: Account) -> None:
        """Remove the user's files. What a session that is just ending still writes goes with the server's directory."""
        shutil.rmtree(self._directory / "home" / account.credentials.user, ignore_errors=True)

    def set_read_only(self, account: Account, folder: str) -> None:
        """Leave the user only the rights to list and to read the folder."""
        self._administer("acl", "set", "-u", account.credentials.user, folder, "owner", "lookup", "read")

    def set_quota(self, account: Account, octets: int) -> None:
        """Limit what the user can store."""
        user, identity = account.credentials.user, self._identity
        uid, gid = pwd.getpwnam(identity.user).pw_uid, grp.getgrnam(identity.group).gr_gid
        limit = _QUOTA_FIELD[self._series].format(octets)
        line = f"{user}::{uid}:{gid}::{self._directory}/home/{user}::{limit}\n"
        (self._directory / "users" / user).write_text(line)

    def renew_uid_validity(self, account: Account, folder: str) -> None:
        """Give the folder the next greater UIDVALIDITY."""
        user, name = account.credentials.user, folder
        told = self._administer("mailbox", "status", "-u", user, "uidvalidity", name)
        former = int(told.rpartition("=")[2])
        self._administer("mailbox", "update", "-u", user, "--uid-validity", str(former + 1), name)

    def _administer(self, *arguments: str) -> str:
        doveadm = find_program("doveadm", _MEND, before=self._beside())
        return run_program(doveadm, "-c", str(self._configuration), *arguments, mend="look into its message")

    def _beside(self) -> list[Path]:
        """Where the programs of the same installation lie."""
        return [self._program.parent, self._program.parent.parent / "bin"]


def _version(program: Path) -> tuple[str, str]:
    """The version, and the series that decides the configuration's syntax. Raises `AdapterProblem`."""
    said = run_program(program, "--version", mend=_MEND)
    version = re.match(r"(\d+\.\d+)[\w.]*", said)
    if version is None or version[1] not in _TEMPLATES:
        known = " or ".join(_TEMPLATES)
        raise AdapterProblem(f"{program} is of version {said.strip() or 'unknown'!r}", f"install Dovecot {known}")
    return version[0], version[1]
