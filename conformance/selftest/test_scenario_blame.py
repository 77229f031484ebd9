"""A client is blamed for its own doing only: a faulty adapter is our error, a faulty server leaves it undecided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conformance.clients.reference import ReferenceClient
from conformance.configuration import Roles
from conformance.model.folders import FolderPath
from conformance.model.states import Flags, Item
from conformance.outcomes import Outcome, Reason
from conformance.report import Report
from conformance.scenario.store import ServerStore
from conformance.selftest.running import judged
from conformance.servers.reference import ReferenceStorageServer


class ForgetfulAdapter(ReferenceClient):
    """An adapter that loses the last object of every few that it is told to put."""

    def put(self, path: FolderPath, octets: bytes, flags: Flags = frozenset()) -> None:
        """Drop one object."""
        if b"message-62" not in octets:
            super().put(path, octets, flags)


@contextmanager
def _report(client: ReferenceClient, *select: str) -> Iterator[Report]:
    with ReferenceStorageServer() as server, client:
        yield judged(server, client, select, role=Roles.CLIENT)


def test_an_adapter_that_loses_objects_is_an_error_of_ours() -> None:
    """What an adapter does not put is not missing on the server through any fault of the client."""
    with _report(ForgetfulAdapter(), "new-local-objects-are-stored") as report:
        (case,) = report.cases
    assert (case.outcome, case.reason) == (Outcome.ERROR, Reason.SUITE)
    assert "what was prepared is not there" in (case.error or "")


def test_a_server_that_loses_objects_leaves_the_client_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server does not keep is not missing in local storage through any fault of the client."""
    put = ServerStore.put

    def lossy(self: ServerStore, path: FolderPath, *items: Item) -> None:
        put(self, path, *items[:-1])

    monkeypatch.setattr(ServerStore, "put", lossy)
    with _report(ReferenceClient(), "SYN-506") as report:
        outcomes = {(case.outcome, case.reason) for case in report.cases}
    assert outcomes == {(Outcome.INCONCLUSIVE, Reason.PRECONDITION)}


def test_a_partial_run_says_so() -> None:
    """A run over a selection is never conformant, whatever passed."""
    with _report(ReferenceClient(), "SYN-406") as report:
        assert {each.outcome for each in report.cases} == {Outcome.PASS}
    assert report.verdict.client == "not-established"
