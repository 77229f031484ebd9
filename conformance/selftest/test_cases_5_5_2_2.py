"""5.5.2.2 set active folder: a server that selects rightly is failed by nothing, and lenience ends in a warning.

Servers that select wrongly are faults of the catalogue.
"""

from __future__ import annotations

import pytest

from conformance.configuration import Roles
from conformance.faults.hooks import Hook, dropping, faulty
from conformance.faults.server import selection
from conformance.outcomes import Outcome
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.scenario import notices
from conformance.selftest.running import judged, run_cases
from conformance.servers.reference import ReferenceStorageServer

CLAUSE = "5.5.2.2"
TOLD = "selection-tells-of-the-folder"

LENIENT: dict[str, tuple[str, str, Hook]] = {
    "no PERMANENTFLAGS": ("OP02-S1", TOLD, Hook(rewrite=dropping(b"[PERMANENTFLAGS"))),
    "no PERMANENTFLAGS to be true": (
        "OP02-S1",
        "permanent-flags-are-true",
        Hook(rewrite=dropping(b"[PERMANENTFLAGS")),
    ),
    "no UNSEEN": ("OP02-S1", TOLD, Hook(rewrite=dropping(b"[UNSEEN"))),
    "UIDVALIDITY renewed for nothing": (
        "OP02-S4",
        "uids-over-sessions",
        selection.selecting(selection.renews_validity),
    ),
    "UIDVALIDITY falls after CREATE": (
        "OP02-S4",
        "uids-of-a-folder-created-again",
        Hook(account=selection.FallingValidity),
    ),
    "the same UIDVALIDITY after RENAME": ("OP02-S4", "uids-after-rename", Hook(account=selection.OneValidity)),
}


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "PATIENCE", 0.05)


@pytest.mark.parametrize(("requirement", "case", "hook"), LENIENT.values(), ids=list(LENIENT))
def test_what_is_leniently_judged_is_warned(requirement: str, case: str, hook: Hook) -> None:
    """What breaks the letter of a mandatory requirement, and nothing that a client relies on, is a warning."""
    with faulty(hook) as server:
        outcomes = run_cases(server, select=[case])
    assert outcomes[requirement] == "warn", outcomes


BEHAVIOURS = {
    "the least": Behaviour(
        extensions=frozenset(), first_uid=2**32 - 400, fetch_item_order="reversed", updates_before_answer=True
    ),
    "the most": Behaviour(
        first_modseq=2**62, expunge_highest_first=True, expunge_in_uid_commands=False, uid_in_updates=True
    ),
    "continued UIDs": Behaviour(recreate_keeps_uid_validity=True, refuse_before_literal=True, delimiter="."),
    "no hierarchy, no keywords": Behaviour(
        delimiter=None,
        new_keywords=False,
        permanent_flags=("\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "\\Draft"),
    ),
    "no mod-sequences": Behaviour(mod_sequences=False, select_order=selection.REVERSED),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=list(BEHAVIOURS))
def test_a_server_that_sets_active_rightly_is_failed_by_nothing(behaviour: Behaviour) -> None:
    """The reference server passes what it offers, in each of these legal variations."""
    with ReferenceStorageServer(ReferenceServer(behaviour)) as server:
        report = judged(server, select=[CLAUSE], role=Roles.SERVER)
    unexpected = [each.id for each in report.cases if each.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
    assert not unexpected
    assert report.cases
