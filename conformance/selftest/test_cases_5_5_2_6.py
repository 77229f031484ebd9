"""5.5.2.6 remove object: a server that removes rightly is failed by nothing; the catalogue holds the wrong ones."""

from __future__ import annotations

import pytest

from conformance.configuration import Roles
from conformance.outcomes import Outcome
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.scenario import notices
from conformance.selftest.running import judged
from conformance.servers.reference import ReferenceStorageServer

CLAUSE = "5.5.2.6"

BEHAVIOURS = {
    "the least": Behaviour(
        extensions=frozenset(), first_uid=2**32 - 400, expunge_in_uid_commands=False, permanent_flags=("\\Deleted",)
    ),
    "the most": Behaviour(updates_before_answer=True, expunge_highest_first=True, uid_in_updates=True),
}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of these tests answer at once: nobody has to listen long."""
    monkeypatch.setattr(notices, "QUIET", 0.1)
    monkeypatch.setattr(notices, "PATIENCE", 0.1)


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=list(BEHAVIOURS))
def test_a_server_that_removes_rightly_is_failed_by_nothing(behaviour: Behaviour) -> None:
    """The reference server passes what it offers, in each of these legal variations."""
    with ReferenceStorageServer(ReferenceServer(behaviour)) as server:
        report = judged(server, select=[CLAUSE], role=Roles.SERVER)
    wrong = [each.id for each in report.cases if each.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
    assert not wrong
    assert report.cases
