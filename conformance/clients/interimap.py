"""InterIMAP as a storage client under test: it synchronizes two servers, so local storage is a private Dovecot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from conformance.clients.account import LocalAccount
from conformance.clients.program import ProgramClient
from conformance.clients.protocol import ClientIdentity
from conformance.imap.names import encode_name
from conformance.imap.session import StorageSession
from conformance.problems import AdapterProblem
from conformance.servers.dovecot import DovecotServer
from conformance.servers.protocol import Account


class InterimapClient(ProgramClient):
    """The program between the account under test and a fresh account of a Dovecot that only this adapter uses."""

    name = "interimap"
    PLACES = ProgramClient.PLACES | {"local"}
    _template = "interimap.config"
    _package = "interimap"

    def __init__(self, config: Path | None = None) -> None:
        super().__init__(config)
        self._server = DovecotServer()
        self._resources = ExitStack()
        self._account: LocalAccount | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        with ExitStack() as started:
            started.callback(super().__exit__, None, None, None)
            started.enter_context(self._server)
            started.callback(self._leave_account)
            self._resources = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    def _leave_account(self) -> None:
        account, self._account = self._account, None
        if account is not None:
            account.close()
            self._server.release(account.account)

    def hello(self) -> ClientIdentity:
        """Name and version as the program tells them."""
        return ClientIdentity(
            name="InterIMAP",
            version=self._version(),
            claims={"flags.keywords": True, "durable-base": True},
            remark=f"configured by {self._configured.name}; local storage is an account of a private Dovecot",
        )

    @property
    def _local(self) -> LocalAccount:
        if self._account is None:
            raise AdapterProblem("the interimap adapter is not started", "use it as a context manager, then reset it")
        return self._account

    def _places(self, account: Account) -> Mapping[str, object]:
        self._leave_account()
        local = self._server.fresh_account()
        self._account = LocalAccount(local)
        return {**_address(account), "root": _root(account), "directory": self._place, "local": _address(local)}

    def _command(self) -> Sequence[str]:
        return [str(self._program), "--quiet", f"--config={self._configuration}"]


def _address(account: Account) -> dict[str, object]:
    credentials = account.credentials
    return {
        "host": account.endpoint.host,
        "port": account.endpoint.port,
        "user": credentials.user,
        "password": credentials.password,
    }


def _root(account: Account) -> str:
    """The reference name, which has to end with the server's own hierarchy delimiter."""
    if not account.root:
        return ""
    with StorageSession.open(account.endpoint, account.credentials) as session:
        delimiter = session.delimiter or ""
    return "".join(encode_name(level).decode("ascii") + delimiter for level in account.root)
