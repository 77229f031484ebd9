"""Any reachable IMAP server as a storage server under test, given as a URL; the suite works below a root of its own."""

from __future__ import annotations

import itertools
import os
import secrets
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.errors import ConnectionLost, ImapProblem, LoginRefused, NotAnImapServer, ServerStalled
from conformance.imap.names import Hierarchy
from conformance.imap.session import StorageSession
from conformance.imap.wire import WireConnection
from conformance.model.folders import FolderPath, is_below, outermost_first
from conformance.problems import AdapterProblem, UsageProblem
from conformance.servers.protocol import Ability, AbilityMissing, Account

PASSWORD_VARIABLE = "CPM_SERVER_PASSWORD"
SHAPE = "imap://user:password@host:port/root, or imaps:// for TLS, or imap+starttls://"
_SECURITY: dict[str, tuple[Literal["none", "tls", "starttls"], int]] = {
    "imap": ("none", 143),
    "imaps": ("tls", 993),
    "imap+starttls": ("starttls", 143),
}


@dataclass(frozen=True, slots=True)
class Location:
    """What a URL says: where the server is, who logs in, and the folder below which the suite may work."""

    endpoint: Endpoint
    credentials: Credentials
    root: FolderPath = ()

    def __str__(self) -> str:
        host = f"[{self.endpoint.host}]" if ":" in self.endpoint.host else self.endpoint.host
        return f"{host}:{self.endpoint.port}"


def parse(url: str) -> Location:
    """Read a server URL. A password may hold any character but is percent-decoded; `%40` is `@`.

    Without a password in the URL the environment variable `CPM_SERVER_PASSWORD` gives it. Raises `UsageProblem`, which
    never shows the password.
    """
    try:
        parts = urlsplit(url)
        security, default_port = _SECURITY[parts.scheme]
        port = parts.port or default_port
    except (ValueError, KeyError):
        raise UsageProblem("the server's URL is not of the form it needs", f"write {SHAPE}") from None
    host = parts.hostname
    if not host or not parts.username:
        raise UsageProblem(f"the server's URL names no {'host' if not host else 'user'}", f"write {SHAPE}")
    root = tuple(unquote(level) for level in parts.path.split("/") if level)
    return Location(Endpoint(host, port, security), Credentials(unquote(parts.username), _password(parts)), root)


def _password(parts: SplitResult) -> str:
    password = unquote(parts.password) if parts.password is not None else os.environ.get(PASSWORD_VARIABLE)
    if password is None:
        raise UsageProblem("no password for the server is given", f"put it into the URL or into {PASSWORD_VARIABLE}")
    return password


@dataclass
class RemoteServer:
    """A server that is already running. What this run created is removed at its end, and nothing else is touched."""

    location: Location
    timeout: float = 10.0
    name: str = "remote"
    abilities: frozenset[Ability] = frozenset()
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _run: str = field(default_factory=lambda: secrets.token_hex(3))
    _identity: str = ""
    _open: list[Account] = field(default_factory=list)
    _session: StorageSession | None = None

    def __enter__(self) -> Self:
        self._identity = self._greeting()
        self._session = self._log_in()
        return self

    def _greeting(self) -> str:
        where = str(self.location)
        try:
            with WireConnection.open(self.location.endpoint, timeout=self.timeout) as connection:
                return connection.greeting.text
        except NotAnImapServer as problem:
            raise AdapterProblem(
                f"{where} is no IMAP server: {problem}", "check the port: 143, or 993 for imaps"
            ) from None
        except (ConnectionLost, ServerStalled, OSError) as problem:
            mend = "check host and port, that the server runs, and whether it wants imaps:// instead of imap://"
            raise AdapterProblem(f"{where} cannot be reached: {problem}", mend) from None
        except ImapProblem as problem:
            raise AdapterProblem(f"{where} is no IMAP server: {problem}", "check the port") from None

    def _log_in(self) -> StorageSession:
        user = self.location.credentials.user
        try:
            return StorageSession.open(self.location.endpoint, self.location.credentials, timeout=self.timeout)
        except LoginRefused as problem:
            mend = "check user and password; characters such as @ : / in a URL are written %40 %3A %2F"
            raise AdapterProblem(f"{self.location} refuses the login of {user!r}: {problem.text}", mend) from None
        except (ImapProblem, OSError) as problem:
            raise AdapterProblem(
                f"{self.location}: logging in failed: {problem}", "look into the server's log"
            ) from None

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for account in list(self._open):
            self.release(account)
        if self._session is not None:
            self._session.close()
            self._session = None

    def identify(self) -> str:
        """The text of the server's greeting."""
        return self._identity

    def _connected(self) -> StorageSession:
        """The session that makes and removes roots; a server may have ended it in the meantime."""
        if self._session is not None:
            try:
                self._session.noop()
            except ImapProblem:
                self._session = None
        if self._session is None:
            self._session = self._log_in()
        return self._session

    def fresh_account(self) -> Account:
        """The one account with a new folder as its root, below the folder that the URL names."""
        session = self._connected()
        root = (*self._prefix(session), *self.location.root, f"cpm-{self._run}-{next(self._numbers)}")
        account = Account(self.location.endpoint, self.location.credentials, root, created=False)
        self._open.append(account)
        try:
            session.create_folder(Hierarchy(session.delimiter).name(root))
        except ImapProblem as problem:
            mend = "name a root folder in the URL below which the user may create folders"
            raise AdapterProblem(f"the folder {root[-1]} cannot be created: {problem}", mend) from None
        return account

    def _prefix(self, session: StorageSession) -> FolderPath:
        """The levels that the personal namespace puts before every name, for instance INBOX (RFC 2342)."""
        prefix = session.personal_prefix
        levels = prefix.split(session.delimiter) if session.delimiter else [prefix]
        found = tuple(level for level in levels if level)
        return () if self.location.root[: len(found)] == found else found

    def release(self, account: Account) -> None:
        """Remove the account's root with everything below it, inferiors first."""
        if account not in self._open:
            return
        self._open.remove(account)
        session = self._connected()
        hierarchy = Hierarchy(session.delimiter)
        listed = {hierarchy.path(each.name): each for each in session.list_folders(hierarchy.name(account.root))}
        below = [path for path in listed if path and (path == account.root or is_below(path, account.root))]
        for path in reversed(outermost_first({*below, account.root})):
            if path not in listed or listed[path].selectable:
                session.remove_folder(hierarchy.name(path))

    def restart(self) -> None:
        """Not offered."""
        raise AbilityMissing("a server that is given by its URL cannot be restarted")

    def set_read_only(self, account: Account, folder: str) -> None:
        """Not offered."""
        raise AbilityMissing("a folder of a server that is given by its URL cannot be made read-only")

    def set_quota(self, account: Account, octets: int) -> None:
        """Not offered."""
        raise AbilityMissing("a server that is given by its URL takes no quota from here")

    def renew_uid_validity(self, account: Account, folder: str) -> None:
        """Not offered."""
        raise AbilityMissing("a server that is given by its URL renews no UIDVALIDITY on demand")
