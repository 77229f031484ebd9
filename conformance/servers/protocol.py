"""What the suite needs of a storage server under test: a place to connect to, and fresh accounts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.model.folders import FolderPath


@dataclass(frozen=True, slots=True)
class Account:
    """Where one CPM User's objects are stored.

    `root` is the folder below which the suite works, `()` where the whole account is its own. `created` is true for an
    account that the suite made for itself and may throw away. With `proxied_login` the proxy logs in for the client
    under test, because the server takes no password.
    """

    endpoint: Endpoint
    credentials: Credentials
    root: FolderPath = ()
    created: bool = True
    proxied_login: bool = False


class Ability(StrEnum):
    """What a server adapter can do beyond the protocol; what it cannot do makes a case not applicable."""

    RESTART = "restart"
    READ_ONLY = "read-only folder"
    QUOTA = "quota"
    NEW_UID_VALIDITY = "new UIDVALIDITY"


class AbilityMissing(Exception):
    """The adapter was asked for an ability that it does not declare."""


class StorageServer(Protocol):
    """One storage server under test. A context manager: it is up between enter and exit."""

    name: str
    abilities: frozenset[Ability]

    def __enter__(self) -> Self:
        """Start the server, or check that it can be reached. Raises `AdapterProblem` with the mend."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what was started and remove what was made."""
        ...

    def identify(self) -> str:
        """Name and version as the server tells them, for the report."""
        ...

    def fresh_account(self) -> Account:
        """An account, or a root folder of its own, that holds nothing yet."""
        ...

    def release(self, account: Account) -> None:
        """Remove what was stored under an account. A failure is an error of the suite, never the server's outcome."""
        ...

    def restart(self) -> None:
        """Stop and start the server, keeping what it stores."""
        ...

    def set_read_only(self, account: Account, folder: str) -> None:
        """Make a folder read-only for the account."""
        ...

    def set_quota(self, account: Account, octets: int) -> None:
        """Limit what the account can hold."""
        ...

    def renew_uid_validity(self, account: Account, folder: str) -> None:
        """Give a folder, its objects kept, a new UIDVALIDITY."""
        ...
