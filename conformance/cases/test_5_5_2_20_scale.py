"""5.5.2.20 with many folders and many objects: whether it works is recorded, with what it took."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from conformance.cases.declaration import client_case
from conformance.configuration import Profile
from conformance.model.states import Item, StoreState
from conformance.outcomes import Reason
from conformance.scenario.conduct import sent
from conformance.scenario.content import item
from conformance.scenario.judge import NotApplicable
from conformance.scenario.scenario import Scenario

if TYPE_CHECKING:
    from conformance.execution.session import ConformanceSession

FOLDERS = 300
MANY = ("Many",)


def _measured(scenario: Scenario, requirement: str, state: StoreState) -> None:
    """A first synchronization of this state, in which nothing may be wrong, and one more with nothing to do."""
    began = time.monotonic()
    if scenario.begin(state):
        seconds = time.monotonic() - began
        commands = len(sent(scenario.runs))
        octets = sum(len(each.octets) for each in scenario.transcript.entries("client-"))
        scenario.judge.remark(f"first synchronization: {seconds:.1f} s, {commands} commands, {octets} octets")
        again = scenario.run_once()
        scenario.judge.remark(f"nothing to do: {len(sent([again]))} commands")
        scenario.judge.passed(requirement)
    else:
        first = scenario.findings.differences[0]
        observed = f"{first.subject}, {first.side}: {first.observed}"
        scenario.judge.undecided(requirement, first.expected, observed, Reason.NOT_EXERCISED)


@client_case("three-hundred-folders", "SYN-326")
def test_three_hundred_folders(scenario: Scenario) -> None:
    """A client synchronizes three hundred folders."""
    state = StoreState()
    for number in range(FOLDERS):
        path = (f"Folder {number:03}",)
        state = state.with_folder(path)
        if number % 10 == 0:
            state = state.put(path, item(f"message-{number}"))
    _measured(scenario, "SYN-326", state)


@pytest.mark.parametrize("count", [1_000, 10_000])
@client_case("thousands-of-objects", "SYN-717")
def test_thousands_of_objects(scenario: Scenario, session: ConformanceSession, count: int) -> None:
    """A client synchronizes a folder with thousands of objects."""
    if count > 1_000 and session.configuration.profile is not Profile.NIGHTLY:
        raise NotApplicable(f"{count} objects are left to the nightly profile", Reason.NOT_SELECTED)
    objects: list[Item] = [item(f"message-{number}") for number in range(count)]
    _measured(scenario, "SYN-717", StoreState().with_folder(MANY).put(MANY, *objects))
