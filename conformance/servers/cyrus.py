"""Cyrus IMAP as a private process, installed or only unpacked: every user name logs in."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.errors import ImapProblem
from conformance.imap.names import encode_name, is_inbox, quote
from conformance.imap.wire import WireConnection
from conformance.problems import AdapterProblem
from conformance.resources import render
from conformance.servers.process import PrivateServer
from conformance.servers.protocol import Ability, AbilityMissing, Account

_VARIABLE = "CPM_CYRUS"
_SYSTEM_DIRECTORIES = ("/usr/lib/cyrus/bin", "/usr/lib/cyrus-imapd", "/usr/libexec/cyrus-imapd", "/usr/cyrus/bin")
_NEEDED = ("master", "imapd", "idled", "ctl_cyrusdb")
_MEND = (
    "install it: apt-get install cyrus-imapd; or unpack that package, cyrus-common and their libraries "
    f"(apt-get download, dpkg -x) into one directory and name it: -O server.programs=DIR or {_VARIABLE}=DIR"
)
_FILES = ("conf", "conf/db", "conf/socket", "conf/log", "conf/msg", "conf/proc", "proc", "lock", "spool")
_LIBRARIES = ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib64", "usr/lib")
_ADMINISTRATOR = "cyrus"


class CyrusServer(PrivateServer):
    """The programs of Cyrus IMAP on a free port of 127.0.0.1."""

    _product = "Cyrus IMAP"
    name = "cyrus"
    abilities = frozenset({Ability.RESTART, Ability.READ_ONLY, Ability.QUOTA})
    OPTIONS: ClassVar[Mapping[str, str]] = {"programs": "the directory that holds the programs, or that they lie below"}

    def __init__(self, programs: str | None = None) -> None:
        super().__init__()
        self._given = programs

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Self:
        """The adapter as the command line describes it."""
        return cls(options.get("programs"))

    def program(self) -> Path:
        """The master program."""
        return self._find()[0] / "master"

    def _find(self) -> tuple[Path, list[str]]:
        return _find_programs(self._given or os.environ.get(_VARIABLE))

    def _prepare(self) -> tuple[Sequence[str], Mapping[str, str]]:
        programs, libraries = self._find()
        directory = self._directory
        _configure(directory, programs, self._endpoint)
        configuration, processes = str(directory / "imapd.conf"), str(directory / "cyrus.conf")
        command = [str(programs / "master"), "-D", "-C", configuration, "-M", processes, "-p", str(directory / "pid")]
        return command, {"LD_LIBRARY_PATH": os.pathsep.join(libraries)} if libraries else {}

    def identify(self) -> str:
        """For instance `Cyrus IMAP 3.6.1`."""
        found = re.search(r"Cyrus IMAP [\d.]+", self._process.greeting)
        return found[0] if found else self._process.greeting

    def release(self, account: Account) -> None:
        """Remove the user with everything stored."""
        box = _box(account, "INBOX")
        self._administer(b"SETACL " + box + b" cyrus lrswipkxtecda", b"DELETE " + box)

    def set_read_only(self, account: Account, folder: str) -> None:
        """Leave the user only the rights to list and to read the folder."""
        user = quote(account.credentials.user.encode())
        self._administer(b"SETACL " + _box(account, folder) + b" " + user + b" lr")

    def set_quota(self, account: Account, octets: int) -> None:
        """Limit what the user can store, in whole KiB as Cyrus counts; the INBOX comes into being with it."""
        with self._logged_in(account.credentials):
            limit = max(1, octets // 1024)
        self._administer(b"SETQUOTA " + _box(account, "INBOX") + b" (STORAGE %d)" % limit)

    def renew_uid_validity(self, account: Account, folder: str) -> None:
        """Not offered."""
        raise AbilityMissing(f"{folder!r} of {account.credentials.user!r} keeps its UIDVALIDITY on Cyrus")

    def _administer(self, *commands: bytes) -> None:
        with self._logged_in(Credentials(_ADMINISTRATOR, self._password)) as connection:
            for command in commands:
                try:
                    connection.command(command).require_ok(command.decode())
                except ImapProblem as error:
                    raise AdapterProblem(
                        f"Cyrus IMAP, as its administrator: {error}", "look into the syslog"
                    ) from error

    def _logged_in(self, credentials: Credentials) -> WireConnection:
        connection = WireConnection.open(self._endpoint)
        connection.login(credentials)
        return connection


def _find_programs(given: str | None) -> tuple[Path, list[str]]:
    """The programs' directory, and where unpacked libraries lie. Raises `AdapterProblem`."""
    below = ("", *(place.lstrip("/") for place in _SYSTEM_DIRECTORIES))
    places = (
        [Path(given).absolute() / place for place in below] if given else [Path(each) for each in _SYSTEM_DIRECTORIES]
    )
    for place in places:
        if all(os.access(place / name, os.X_OK) for name in _NEEDED):
            root = Path(given).absolute() if given else None
            found = [str(path) for pattern in _LIBRARIES for path in sorted(root.glob(pattern))] if root else []
            return place, found
    raise AdapterProblem(
        f"the programs of Cyrus IMAP were not found in {given or ', '.join(_SYSTEM_DIRECTORIES)}", _MEND
    )


def _configure(directory: Path, programs: Path, endpoint: Endpoint) -> None:
    """Make everything that the programs expect to be there, owned by the user they run as."""
    root = os.geteuid() == 0
    user = "mail" if root else pwd.getpwuid(os.geteuid()).pw_name
    for name in _FILES:
        (directory / name).mkdir()
    for name in ("imapd.conf", "cyrus.conf"):
        values = {"directory": directory, "programs": programs, "address": endpoint.host, "port": endpoint.port}
        text = render("servers", name, user=user, **values)
        (directory / name).write_text(text)
    if root:
        for path in (directory, *directory.rglob("*")):
            shutil.chown(path, user, pwd.getpwnam(user).pw_gid)


def _box(account: Account, folder: str) -> bytes:
    """An administrator's name of a user's folder."""
    name = f"user/{account.credentials.user}" + ("" if is_inbox(folder) else f"/{folder}")
    return quote(encode_name(name))
