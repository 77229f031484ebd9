"""Seeded faults that need several steps are found by the random cases of the `ci` profile, and shown in a few steps."""

from __future__ import annotations

import pytest

from conformance.configuration import Profile
from conformance.faults.client.histories import FAULTY_CLIENTS
from conformance.faults.server.sequences import SEQUENCE_FAULTS
from conformance.scenario.effort import EFFORTS
from conformance.selftest.power import explored
from conformance.selftest.power_of_sequences import is_found, search_fault

CLIENTS = ("MarkBeforeFetch", "EqualsUploadedOnce", "FlagsNotKept", "SwappedIdentifiers", "FlagsOfEitherSide")
SERVERS = ("copies-not-in-uidnext", "uidnext-falls-with-expunge", "copyuid-of-the-source", "equal-objects-share-flags")
FEW = 8
"""The most steps of a counterexample that one can hold."""


@pytest.mark.parametrize("name", CLIENTS)
def test_a_fault_of_a_client_is_found(name: str) -> None:
    """One seed is enough for these; `python -m conformance.selftest.power` measures all of them over many."""
    (fault,) = (each for each in FAULTY_CLIENTS if each.name == name)
    found = explored(fault.case, 1, fault.synchronizer)
    assert found.broken & set(fault.requirements)
    assert 0 < found.steps <= FEW


@pytest.mark.parametrize("name", SERVERS)
def test_a_fault_of_a_server_is_found(name: str) -> None:
    """One seed is enough for these; `python -m conformance.selftest.power_of_sequences` measures all over many."""
    (fault,) = (each for each in SEQUENCE_FAULTS if each.name == name)
    found = search_fault(fault, 1, EFFORTS[Profile.CI])
    assert is_found(fault, found)
    assert len(found.steps) <= FEW
