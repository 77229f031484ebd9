"""The reference server as a storage server under test."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from conformance.imap.endpoint import Endpoint
from conformance.reference.server import ReferenceServer
from conformance.servers.protocol import Ability, Account


class ReferenceStorageServer:
    """The reference server in this process."""

    name = "reference"
    abilities: frozenset[Ability] = frozenset({Ability.READ_ONLY, Ability.QUOTA, Ability.NEW_UID_VALIDITY})

    def __init__(self, server: ReferenceServer | None = None) -> None:
        self.server = server or ReferenceServer()

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()

    def identify(self) -> str:
        return "reference server"

    def fresh_account(self) -> Account:
        return Account(Endpoint(self.server.host, self.server.port), self.server.add_account())

    def release(self, account: Account) -> None:
        self.server.drop_account(account.credentials.user)

    def restart(self) -> None:
        self.server.stop()
        self.server.start()

    def set_read_only(self, account: Account, folder: str) -> None:
        self.server.set_read_only(account.credentials.user, folder, True)

    def set_quota(self, account: Account, octets: int) -> None:
        self.server.set_quota(account.credentials.user, octets)

    def renew_uid_validity(self, account: Account, folder: str) -> None:
        self.server.renew_uid_validity(account.credentials.user, folder)
