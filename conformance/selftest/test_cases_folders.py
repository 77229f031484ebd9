"""Servers that are free to handle folders otherwise than the reference server does are failed by nothing."""

from __future__ import annotations

import pytest

from conformance.faults.hooks import Hook, faulty
from conformance.outcomes import Outcome
from conformance.reference.server import Behaviour
from conformance.selftest.running import judged

CLAUSES = ("5.5.2.8", "5.5.2.9", "5.5.2.11")


LEGAL = {
    "usual": Behaviour(),
    "no extension": Behaviour(extensions=frozenset()),
    "delimiter": Behaviour(delimiter="."),
    "no hierarchy": Behaviour(delimiter=None),
    "lower case": Behaviour(name_case="lower"),
    "upper case": Behaviour(name_case="upper"),
    "without case": Behaviour(name_case="insensitive"),
    "literals": Behaviour(name_style="literal"),
    "atoms": Behaviour(name_style="atom"),
    "bare levels hidden from *": Behaviour(noselect_matches_star=False),
    "UIDVALIDITY kept": Behaviour(recreate_keeps_uid_validity=True),
    "large numbers": Behaviour(first_uid_validity=4_294_900_000, first_uid=4_294_900_000),
}


@pytest.mark.parametrize("behaviour", LEGAL.values(), ids=LEGAL)
def test_a_legal_server_fails_nothing(behaviour: Behaviour) -> None:
    """Whatever a server is free to do, no case about folders fails or warns."""
    with faulty(Hook(behaviour=behaviour)) as server:
        report = judged(server, select=CLAUSES)
    wrong = {
        each.id: each.observed for each in report.cases if each.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)
    }
    assert not wrong
    assert report.cases
