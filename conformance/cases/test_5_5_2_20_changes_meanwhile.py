"""5.5.2.20 on a server that another client changes while the run goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.cases.declaration import client_case
from conformance.scenario import places as at
from conformance.scenario.content import CONVERSATION, folder, item, messages, usual_base
from conformance.scenario.disturbance import interrupt, meanwhile
from conformance.scenario.scenario import ALL, Scenario
from conformance.scenario.witness import Witness

NEW = ("New on the server",)


def _run_while(scenario: Scenario, place: at.Place, change: Callable[[], None], requirement: str) -> None:
    """A disturbed run, of which nothing may be lost; then a second one, after which both sides are equal."""
    run = interrupt(scenario, meanwhile(place, change))
    scenario.judge.remark(f"the disturbed run ended with {'success' if run.result.success else 'a failure'}")
    Witness(scenario).observe(requirement)
    scenario.synchronize()
    scenario.judge_end_state(requirement, covers=ALL)


@client_case("object-added-while-the-folder-is-active", "SYN-712", "OP02-C5")
def test_object_added_while_the_folder_is_active(scenario: Scenario) -> None:
    """A client fetches an object that was added to the active folder in this run or in the next."""
    scenario.establish(folder(CONVERSATION, *messages("message-1", "message-2")))
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
    scenario.on_server.put(CONVERSATION, item("message-11"))
    add = lambda: scenario.on_server.put(CONVERSATION, item("message-12"))  # noqa: E731  (the change, by its name)
    _run_while(scenario, at.SELECT_ANSWER, add, "SYN-712")
    scenario.judge_end_state("OP02-C5", covers=ALL)


@client_case("objects-added-while-bodies-are-fetched", "SYN-712", "OP02-C5")
def test_objects_added_while_bodies_are_fetched(scenario: Scenario) -> None:
    """A client that is told of a larger folder while it fetches takes every object for what it is."""
    scenario.establish(folder(CONVERSATION, *messages("message-1", "message-2")))
    scenario.on_server.put(CONVERSATION, *messages("message-11", "message-12"))
    add = lambda: scenario.on_server.put(CONVERSATION, *messages("message-13", "message-14"))  # noqa: E731
    _run_while(scenario, at.FETCH_COMMAND, add, "SYN-712")
    scenario.judge_end_state("OP02-C5", covers=ALL)


@client_case("folder-added-after-the-list", "SYN-712")
def test_folder_added_after_the_list(scenario: Scenario) -> None:
    """A client brings a folder that was added after it had asked for the list, at the latest in the next run."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11"))
    _run_while(scenario, at.LIST_ANSWER, lambda: scenario.on_server.put(NEW, item("message-12")), "SYN-712")


@client_case("folder-removed-after-the-list", "SYN-712")
def test_folder_removed_after_the_list(scenario: Scenario) -> None:
    """A client that finds a listed folder gone goes on or ends in order, and agrees with the server the next time."""
    base = folder(("Beside",), item("message-9"), within=usual_base())
    scenario.establish(folder(("Short-lived",), within=base))
    scenario.on_server.put(CONVERSATION, item("message-11"))
    scenario.on_server.put(("Beside",), item("message-12"))
    _run_while(scenario, at.LIST_ANSWER, lambda: scenario.on_server.remove_folder(("Short-lived",)), "SYN-712")


@client_case("object-expunged-before-its-body-is-fetched", "SYN-712")
def test_object_expunged_before_its_body_is_fetched(scenario: Scenario) -> None:
    """A client that gets no body for an object that is gone fetches all others, and does not invent it."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, *messages("message-11", "message-12", "message-13"))
    _run_while(scenario, at.FETCH_COMMAND, lambda: scenario.on_server.remove(CONVERSATION, "message-12"), "SYN-712")


SHIFTS: dict[str, at.Place] = {
    "after-the-selection": at.SELECT_ANSWER,
    "before-the-bodies": at.FETCH_COMMAND,
    "before-flags-are-changed": at.STORE_COMMAND,
    "before-the-removal": at.MARK_COMMAND,
    "after-the-mark": at.MARK_ANSWER,
    "before-a-store": at.APPEND_COMMAND,
}


@pytest.mark.parametrize("place", SHIFTS.values(), ids=list(SHIFTS))
@client_case("sequence-numbers-shift", "SYN-716", "OP06-C4")
def test_sequence_numbers_shift(scenario: Scenario, place: at.Place) -> None:
    """A client reaches the objects that it means although objects before them are expunged in between."""
    names = [f"message-{number}" for number in range(1, 9)]
    scenario.establish(folder(CONVERSATION, *messages(*names)))
    scenario.on_client.set_flags(CONVERSATION, "message-5", add=["\\Flagged"])
    scenario.on_client.remove(CONVERSATION, "message-6")
    scenario.on_client.put(CONVERSATION, item("message-11"))
    scenario.on_server.put(CONVERSATION, *messages(*(f"message-{number}" for number in range(12, 17))))
    remove = lambda: scenario.on_server.remove(CONVERSATION, "message-1", "message-3")  # noqa: E731
    _run_while(scenario, place, remove, "SYN-716")
    scenario.judge_end_state("OP06-C4", covers=ALL)
