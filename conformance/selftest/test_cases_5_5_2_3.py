"""5.5.2.3 store object: a server that stores rightly is failed by nothing, and one that stores nothing passes nothing.

Servers that store wrongly are faults of the catalogue.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from conformance.cases import registry
from conformance.configuration import Roles
from conformance.faults.hooks import Hook, faulty
from conformance.faults.server import selection, store
from conformance.outcomes import Outcome
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.scenario import notices
from conformance.selftest.running import judged, run_cases
from conformance.servers.reference import ReferenceStorageServer
from conformance.spec import Level, requirements

CASES = [each for each in registry.declarations() if each.startswith("store") and not each.endswith("-plainly")]
MANDATORY = {each.id for each in requirements() if each.clause == "5.5.2.3" and each.level is Level.MANDATORY}


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference server tells at once what it tells at all."""
    monkeypatch.setattr(notices, "QUIET", 0.2)
    monkeypatch.setattr(notices, "PATIENCE", 0.3)


def test_a_server_that_tells_no_identifier_is_warned() -> None:
    """APPENDUID itself is a SHOULD; only a wrong one fails."""
    without = store.telling(lambda _, text: re.sub(r"\[APPENDUID[^]]*\] ", "", text))
    with faulty(without) as server:
        assert run_cases(server, select=["store-tells-the-identifier"])["OP03-S4"] == "warn"


def test_a_wrong_size_that_is_told_to_others_is_failed() -> None:
    """The unasked notice itself is optional; a size that is not true breaks what is told at NOOP."""
    with faulty(Hook(session=selection.TellsHowManyCame)) as server:
        outcomes = run_cases(server, select=["store-shows-to-another-session", "stored-object-is-told-unasked"])
    assert (outcomes["OP02-S11"], outcomes["OP03-S6"]) == ("fail", "pass")


def test_8_bit_data_may_be_kept_in_another_encoding() -> None:
    """A server that cannot keep 8-bit data encodes it, which is the same content."""
    with faulty(store.content(store.encodes_openly)) as server:
        assert run_cases(server, select=["store-8-bit-data"])["OP03-S8"] == "pass"


def test_a_server_that_stores_nothing_establishes_nothing() -> None:
    """A server that refuses every store passes no mandatory requirement of it."""
    with faulty(Hook(commands={"APPEND": store.refuses_all})) as server:
        outcomes = run_cases(server, select=CASES)
    assert "pass" not in {outcomes[each] for each in MANDATORY & outcomes.keys()}, outcomes


BEHAVIOURS = {
    "usual": Behaviour(),
    "no extensions": Behaviour(extensions=frozenset()),
    "refused before the object": Behaviour(refuse_before_literal=True, updates_before_answer=True),
    "no new keywords": Behaviour(new_keywords=False, permanent_flags=("\\Seen", "\\Deleted")),
    "flat, large identifiers": Behaviour(delimiter=None, first_uid=2**32 - 400, first_uid_validity=2**31),
    "names in capitals": replace(Behaviour(), name_case="upper", idle_push=False),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=list(BEHAVIOURS))
def test_a_server_that_stores_rightly_is_failed_by_nothing(behaviour: Behaviour) -> None:
    """The reference server passes what it offers, in each of its legal variations; large objects need not vary."""
    with ReferenceStorageServer(ReferenceServer(behaviour)) as server:
        cases = CASES if behaviour == Behaviour() else [each for each in CASES if "-large-" not in each]
        report = judged(server, select=cases, role=Roles.SERVER)
    wrong = [each.id for each in report.cases if each.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
    assert not wrong
    assert report.cases
