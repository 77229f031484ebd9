"""Seeded faults that need several steps are found by the random cases of the `ci` profile, and shown in a few steps."""

from __future__ import annotations

import pytest

from conformance.configuration import Profile
from conformance.faults.catalogue import catalogue
from conformance.faults.server.sequences import COPIES_WITHOUT_FLAGS
from conformance.outcomes import Outcome
from conformance.scenario.effort import EFFORTS
from conformance.selftest.power import searched
from conformance.selftest.power_of_sequences import is_found, search_fault, search_hook

CLIENTS = (
    "mark-saved-before-the-fetch",
    "equal-objects-stored-once",
    "flags-of-downloads-not-in-base",
    "uids-of-two-uploads-swapped",
    "local-flags-lost-beside-others",
)
SERVERS = ("copies-not-in-uidnext", "uidnext-falls-with-expunge", "copyuid-of-the-source", "equal-objects-share-flags")
FEW = 8
"""The most steps of a counterexample that one can hold."""


@pytest.mark.parametrize("name", CLIENTS)
def test_a_fault_of_a_client_is_found(name: str) -> None:
    """One seed is enough for these; `python -m conformance.selftest.power` measures all of them over many."""
    fault = catalogue().faults[name]
    found = searched(fault, 1)
    assert found.broken & set(fault.requirements)
    assert 0 < found.steps <= FEW


@pytest.mark.parametrize("name", SERVERS)
def test_a_fault_of_a_server_is_found(name: str) -> None:
    """One seed is enough for these; `python -m conformance.selftest.power_of_sequences` measures all over many."""
    fault = catalogue().faults[name]
    found = search_fault(fault, 1, EFFORTS[Profile.CI])
    assert is_found(fault, found)
    assert len(found.steps) <= FEW


def test_copies_without_flags_are_warned_of() -> None:
    """What a server should do and does not is never a failure."""
    found = search_hook(COPIES_WITHOUT_FLAGS, 1, EFFORTS[Profile.CI])
    assert {each.outcome for each in found.findings} == {Outcome.WARN}
