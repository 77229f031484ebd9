"""The suite's own reference server, embedded: every ability that needs no restart, in any legal behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import ClassVar, Self

from pydantic import TypeAdapter, ValidationError

from conformance.imap.names import encode_name
from conformance.problems import UsageProblem
from conformance.reference.server.behaviour import Behaviour
from conformance.reference.server.server import ReferenceServer
from conformance.servers.protocol import Ability, AbilityMissing, Account

_FIELDS = fields(Behaviour)


class ReferenceStorageServer:
    """A `ReferenceServer` as a server under test; by default one that follows the standard with every extension."""

    name = "reference"
    abilities = frozenset({Ability.READ_ONLY, Ability.QUOTA, Ability.NEW_UID_VALIDITY})
    OPTIONS: ClassVar[Mapping[str, str]] = {field.name: f"a legal variation, {field.type}" for field in _FIELDS}

    def __init__(self, server: ReferenceServer | None = None) -> None:
        self.server = server if server is not None else ReferenceServer()

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Self:
        """The server that behaves as described; several values are separated by commas. Raises `UsageProblem`."""
        values = {name: _value(name, text) for name, text in options.items()}
        try:
            return cls(ReferenceServer(TypeAdapter(Behaviour).validate_python(values)))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"][:1]) or ", ".join(options)
            raise UsageProblem(f"server option {where}: {first['msg']}", f"give for {where} a legal value") from error

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()

    def identify(self) -> str:
        """For instance `conformance reference server 0.1.0`."""
        try:
            return f"conformance reference server {version('cpm-sync-conformance')}"
        except PackageNotFoundError:
            return "conformance reference server (source tree)"

    def fresh_account(self) -> Account:
        """A new account with an empty INBOX."""
        return Account(self.server.endpoint, self.server.add_account())

    def release(self, account: Account) -> None:
        """Drop the account; one that is gone already is no error."""
        with suppress(KeyError):
            self.server.drop_account(account.credentials.user)

    def restart(self) -> None:
        """Not possible: it would listen on another port."""
        raise AbilityMissing("the reference server lives in this process and is not restarted")

    def set_read_only(self, account: Account, folder: str) -> None:
        """Forbid every change of the folder's objects."""
        self.server.set_read_only(account.credentials.user, _kept(folder), read_only=True)

    def set_quota(self, account: Account, octets: int) -> None:
        """Bound the octets of the account."""
        self.server.set_quota(account.credentials.user, octets)

    def renew_uid_validity(self, account: Account, folder: str) -> None:
        """Give the folder a greater UIDVALIDITY; sessions that have it selected end."""
        self.server.renew_uid_validity(account.credentials.user, _kept(folder))


def _kept(folder: str) -> str:
    """A folder's name as the reference server keeps it, which is as it is sent."""
    return encode_name(folder).decode("ascii")


def _value(name: str, text: str) -> object:
    """The value that a text means; no text is no member of a set, and nothing where a value may be missing."""
    kind = next(str(field.type) for field in _FIELDS if field.name == name)
    if kind.startswith(("frozenset", "tuple")):
        return [each for each in text.split(",") if each]
    return None if not text and kind.endswith("None") else text
