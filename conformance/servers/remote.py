"""A server that is already running, given as a URL: the suite works below root folders of its own and removes them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

from conformance.imap.errors import ImapProblem, OperationRefused
from conformance.imap.names import Hierarchy, quote_escaped
from conformance.imap.session import StorageSession
from conformance.imap.syntax import octets_of
from conformance.imap.wire import WireConnection
from conformance.model.folders import FolderPath, outermost_first
from conformance.problems import AdapterProblem
from conformance.servers.diagnosis import failed
from conformance.servers.location import Location
from conformance.servers.protocol import Ability, AbilityMissing, Account
from conformance.servers.reaching import log_in, reach
from conformance.servers.territory import foreign_content, is_empty, subscriptions, top_of
from conformance.servers.traces import Record, new_run


class RemoteServer:
    """One account of a running server; `timeout` bounds each answer, in seconds.

    Every `fresh_account` is a new folder below the one that the URL names. What this run created is removed at its
    end, and nothing else is touched.
    """

    name = "remote"
    abilities: frozenset[Ability] = frozenset()

    def __init__(self, location: Location, timeout: float = 10.0) -> None:
        self.location, self.timeout = location, timeout
        self._record = Record(new_run(), str(location), location.credentials.user)
        self._numbers = itertools.count(1)
        self.proxied_login = False
        self._roots: list[FolderPath] = []
        self._released: list[FolderPath] = []
        self._wire: WireConnection
        self._session: StorageSession | None = None

    def __enter__(self) -> Self:
        session = self._connect()
        self._record.begin()
        try:
            if session.delimiter is None:
                raise AdapterProblem(f"{self.location} has no folder hierarchy", "test a server that has one")
            self._top = top_of(self._wire, session, self.location.root)
            self._make_top(session)
        except BaseException:
            with suppress(AdapterProblem, ImapProblem):
                self._remove_top()
            self._end(clean=not self._record.made)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        left: list[AdapterProblem] = []
        acts: list[Callable[[], None]] = [partial(self._remove, root) for root in self._roots]
        try:
            for act in (*acts, self._unsubscribe, self._remove_top):
                try:
                    act()
                except AdapterProblem as error:
                    left.append(error)
        finally:
            self._end(clean=not (left or self._roots or self._record.made))
        for each in left:
            if problem is None:
                raise each
            problem.add_note(str(each))

    def _end(self, *, clean: bool) -> None:
        self._record.end(clean=clean)
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _connect(self) -> StorageSession:
        self._wire = reach(self.location, self.timeout)
        self._session = log_in(self._wire, self.location)
        self.proxied_login = not self._wire.takes_password
        return self._session

    def _offered(self) -> frozenset[str]:
        return self._session.capabilities if self._session else frozenset()

    def _make_top(self, session: StorageSession) -> None:
        """Create what is missing of the folder that the URL names; it is removed again at the end."""
        for depth in range(1, len(self._top) + 1):
            path = self._top[:depth]
            if session.list_folders(self._name(path)):
                continue
            self._record.made.append(path)
            self._record.write()
            try:
                session.create_folder(self._name(path))
            except OperationRefused as error:
                self._record.made.remove(path)
                mend = "create it, or name another one in the URL"
                raise AdapterProblem(f"{self.location} has no folder {self._name(path)!r}: {error}", mend) from None

    def _remove_top(self) -> None:
        """Remove the levels that this run created; one that holds something else by now is left."""
        with self._connection() as session:
            for path in reversed(self._record.made):
                if is_empty(session, self._name(path)):
                    session.remove_folder(self._name(path))
        self._record.made.clear()

    def _name(self, path: FolderPath) -> str:
        try:
            return Hierarchy(self._session.delimiter if self._session else None).name(path)
        except ValueError as error:
            raise AdapterProblem(f"the root folder in the URL: {error}", "separate levels by / in the URL") from None

    def identify(self) -> str:
        """What the server says to ID (RFC 2971), else its greeting."""
        with self._connection():
            answer = self._wire.command(b"ID NIL") if "ID" in self._offered() else None
        for response in answer.named("ID") if answer else ():
            told = response.tokens[0] if response.tokens else None
            if isinstance(told, tuple):
                values = [octets_of(token).decode("utf-8", "replace") if token else "" for token in told]
                known = dict(zip((key.lower() for key in values[::2]), values[1::2], strict=False))
                if known.get("name"):
                    return f"{known['name']} {known.get('version', '')}".strip()
        return self._wire.greeting.text

    @contextmanager
    def _connection(self) -> Iterator[StorageSession]:
        """The session, opened anew where the server has ended it; its errors become problems that say where."""
        if self._session is not None:
            try:
                self._session.noop()
            except ImapProblem:
                self._session = None
        try:
            yield self._session or self._connect()
        except ImapProblem as error:
            raise failed(self.location, error) from error

    def fresh_account(self) -> Account:
        """The account with a new, empty root folder of its own."""
        with self._connection() as session:
            root = (*self._top, f"{self._record.run}-{next(self._numbers)}")
            name = self._name(root)
            # Known before it is there, so that no interrupt in between leaves it behind.
            self._roots.append(root)
            try:
                session.create_folder(name)
            except OperationRefused as error:
                self._roots.remove(root)
                mend = "let the URL name a folder below which the user may create folders; where names need a prefix, "
                mend += "such as INBOX, the URL's folder begins with it"
                raise AdapterProblem(f"{self.location}: the folder {name!r} cannot be created: {error}", mend) from None
        at, who = self.location.endpoint, replace(self.location.credentials, mechanism=self._wire.mechanism)
        return Account(at, who, root, created=False, proxied_login=self.proxied_login)

    def release(self, account: Account) -> None:
        """Remove an account's root with everything below it. Raises `AdapterProblem` when something of it is left."""
        if account.root in self._roots:
            self._remove(account.root)

    def _remove(self, root: FolderPath) -> None:
        self._released.append(root)
        with self._connection() as session:
            for name in self._below(session, root):
                # Refused for names that are levels of hierarchy only: they go with their inferiors, or are left below.
                with suppress(OperationRefused):
                    session.remove_folder(name)
            left = self._below(session, root)
        self._roots.remove(root)
        if left:
            raise AdapterProblem(f"{self.location}: could not remove {', '.join(left)}", "remove it by hand")

    def _below(self, session: StorageSession, root: FolderPath) -> list[str]:
        """The names of a root and of everything below it, innermost first."""
        hierarchy = Hierarchy(session.delimiter)
        listed = (hierarchy.path(each.name) for each in session.list_folders(self._name(root)))
        return [self._name(path) for path in reversed(outermost_first(path for path in listed if path))]

    def _unsubscribe(self) -> None:
        """Take off the subscriptions that a client made to folders of this run."""
        with self._connection() as session:
            answer = self._wire.command(b'LSUB "" "*"')
            for wire_name, path in subscriptions(answer, Hierarchy(session.delimiter)):
                if any(path[: len(root)] == root for root in self._released):
                    self._wire.command(b"UNSUBSCRIBE " + quote_escaped(wire_name))

    def foreign(self) -> list[str]:
        """What the account holds that is not the suite's; see `foreign_content`."""
        with self._connection() as session:
            return foreign_content(session, self._top)

    def restart(self) -> None:
        """Not offered, as the other abilities below."""
        raise AbilityMissing("a server given by its URL cannot be restarted")

    def set_read_only(self, account: Account, folder: str) -> None:
        raise AbilityMissing(f"{folder!r} of {account.credentials.user!r} cannot be made read-only from here")

    def set_quota(self, account: Account, octets: int) -> None:
        raise AbilityMissing(f"{account.credentials.user!r} cannot be limited to {octets} octets from here")

    def renew_uid_validity(self, account: Account, folder: str) -> None:
        raise AbilityMissing(f"{folder!r} of {account.credentials.user!r} keeps its UIDVALIDITY")
