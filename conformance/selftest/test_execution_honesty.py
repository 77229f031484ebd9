"""The honesty of adapters: liars of each kind are found out before their client is judged, honest ones let through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.clients import registry
from conformance.clients.protocol import StorageClient, SyncResult
from conformance.clients.reference import ReferenceClient
from conformance.configuration import Configuration, Roles
from conformance.execution.honesty import require_honesty
from conformance.execution.preflight import examine
from conformance.execution.session import ConformanceSession
from conformance.faults.null import NullClient
from conformance.model.folders import FolderPath
from conformance.model.states import Flags, Snapshot
from conformance.problems import AdapterProblem
from conformance.scenario.stage import Stage
from conformance.servers.protocol import Account
from conformance.servers.reference import ReferenceStorageServer


class Yes(ReferenceClient):
    """Whatever it is told to remove is removed."""

    def remove(self, path: FolderPath, handle: str) -> None:
        """Yes."""


class Obliging(ReferenceClient):
    """Does operations that do not exist."""

    def refuses(self, operation: str) -> bool:  # noqa: ARG002
        """No."""
        return False


class Blind(ReferenceClient):
    """Its snapshot is always empty."""

    def snapshot(self) -> Snapshot:
        """Nothing."""
        return Snapshot()


class Garbling(ReferenceClient):
    """Puts other octets than it was given."""

    def put(self, path: FolderPath, octets: bytes, flags: Flags = frozenset()) -> None:
        """Something like it."""
        super().put(path, octets + b"PS: sent from my adapter", flags)


class Elsewhere(ReferenceClient):
    """Synchronizes with a server of its own."""

    def synchronize(self, timeout: float) -> SyncResult:
        """Not with the account that was given."""
        with ReferenceStorageServer() as other:
            given, self._account = self._account, other.fresh_account()
            try:
                return super().synchronize(timeout)
            finally:
                self._account = given


class Stranger(ReferenceClient):
    """Comes to the right server as somebody else."""

    def reset(self, account: Account) -> None:
        """Take another user."""
        credentials = type(account.credentials)("mallory", "guess")
        super().reset(type(account)(account.endpoint, credentials, account.root))


LIARS = {
    Yes: "an object that is not there",
    Obliging: "which nobody knows",
    Blind: "the snapshot shows 0",
    Garbling: "with other octets",
    NullClient: "0 connections",
    Elsewhere: "0 connections",
    Stranger: "no login that succeeded",
}


@contextmanager
def _stage(client: StorageClient) -> Iterator[Stage]:
    with ReferenceStorageServer() as server, client:
        yield Stage(server, client)


@pytest.mark.parametrize("liar", LIARS)
def test_a_liar_is_found_out(liar: type[StorageClient]) -> None:
    """Each by the question that it does not answer truly."""
    with _stage(liar()) as stage, pytest.raises(AdapterProblem, match=LIARS[liar]):
        require_honesty(stage)


def test_an_honest_adapter_is_let_through() -> None:
    """The reference client's is."""
    with _stage(ReferenceClient()) as stage:
        require_honesty(stage)


def test_every_run_asks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run that judges the client does not begin with a liar; one that judges the server alone does not care."""
    monkeypatch.setattr(registry.CLIENTS, "adapter", lambda name: {"liar": NullClient}[name])
    with pytest.raises(AdapterProblem, match="0 connections"):
        ConformanceSession(Configuration(client="liar", output=tmp_path)).open_stage()
    session = ConformanceSession(Configuration(client="liar", role=Roles.SERVER, output=tmp_path))
    session.open_stage()
    session.pytest_sessionfinish()


def test_the_doctor_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one line a question, up to the first that is not answered truly."""
    monkeypatch.setattr(registry.CLIENTS, "adapter", lambda name: {"liar": Blind}[name])
    checks = list(examine(Configuration(client="liar")))
    assert [each.name for each in checks if not each.ok] == ["local storage shows what was put into it"]
    assert "an unknown operation is refused" in {each.name for each in checks if each.ok}


def test_what_a_client_does_not_claim_is_not_asked() -> None:
    """The adapter of a client that only downloads need not put anything into local storage."""

    class OnlyDownloads(ReferenceClient):
        def put(self, path: FolderPath, octets: bytes, flags: Flags = frozenset()) -> None:
            raise AssertionError(f"{path}, {octets!r}, {flags}: nobody can put anything here")

    with OnlyDownloads() as client, ReferenceStorageServer() as server:
        require_honesty(Stage(server, client, overrides={"direction.upload": False}))
