"""5.5.2.13 update metadata: a right server is failed by nothing, and flags have to outlive a restart."""

from __future__ import annotations

import pytest

from conformance.configuration import Roles
from conformance.faults.hooks import faulty
from conformance.faults.server import metadata
from conformance.outcomes import Outcome
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.scenario import notices
from conformance.selftest.running import judged, run_cases
from conformance.servers.reference import ReferenceStorageServer

CLAUSE = "5.5.2.13"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of these tests answer at once: nobody has to listen long."""
    monkeypatch.setattr(notices, "QUIET", 0.1)
    monkeypatch.setattr(notices, "PATIENCE", 0.1)


@pytest.mark.parametrize("forgets", [False, True])
def test_flags_that_a_restart_loses_are_missed(forgets: bool) -> None:  # noqa: FBT001
    """Where the adapter can restart the server, flags have to be there afterwards."""
    server = metadata.Restarting()
    server.forgets = forgets
    with server:
        outcomes = run_cases(server, select=["flags-outlive-a-restart"])
    assert outcomes["OP13-S7"] == ("fail" if forgets else "pass")


def test_a_server_that_keeps_annotations_passes() -> None:
    """RFC 5257 is experimental; who announces it is held to it."""
    with faulty(metadata.with_annotations()) as server:
        assert run_cases(server, select=["OP13-S5"]) == {"OP13-S5": "pass"}


BEHAVIOURS = {
    "the least": Behaviour(
        extensions=frozenset(), permanent_flags=("\\Deleted", "\\Seen"), new_keywords=False, first_uid=2**32 - 400
    ),
    "the most": Behaviour(
        updates_before_answer=True, uid_in_updates=True, fetch_item_order="reversed", first_modseq=2**62
    ),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=list(BEHAVIOURS))
def test_a_server_that_changes_metadata_rightly_is_failed_by_nothing(behaviour: Behaviour) -> None:
    """The reference server passes what it offers, in each of these legal variations."""
    with ReferenceStorageServer(ReferenceServer(behaviour)) as server:
        report = judged(server, select=[CLAUSE], role=Roles.SERVER)
    wrong = [each.id for each in report.cases if each.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
    assert not wrong
    assert report.cases


def test_a_folder_without_mod_sequences_is_left_out() -> None:
    """NOMODSEQ is allowed; nothing is judged there."""
    with ReferenceStorageServer(ReferenceServer(Behaviour(mod_sequences=False))) as server:
        assert run_cases(server, select=["OP13-S3"]) == {"OP13-S3": "not_applicable"}
