"""5.5.2.20 with a client whose process is killed: the next synchronization makes both sides alike without loss."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case
from conformance.model.comparison import Nature
from conformance.model.states import StoreState
from conformance.scenario import places as at
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, item, messages, usual_base
from conformance.scenario.disturbance import Kill, killable, killed_by
from conformance.scenario.judge import PreconditionNotReached
from conformance.scenario.places import Place
from conformance.scenario.scenario import ALL, Scenario
from conformance.scenario.witness import Witness

FOLDER_MOMENTS: dict[str, Place] = {
    "at-list": at.LIST_COMMAND,
    "after-the-list": at.LIST_ANSWER,
    "at-create": at.CREATE_COMMAND,
    "after-create": at.CREATE_ANSWER,
    "after-delete": at.DELETE_ANSWER,
}
OBJECT_MOMENTS: dict[str, Place] = {
    "after-the-selection": at.SELECT_ANSWER,
    "at-the-request-of-bodies": at.FETCH_COMMAND,
    "at-the-first-body": at.BODY_RESPONSE,
    "after-the-bodies": at.FETCH_ANSWER,
    "at-a-store": at.APPEND_COMMAND,
    "after-a-store": at.APPEND_ANSWER,
    "at-the-mark-for-removal": at.MARK_COMMAND,
    "after-the-mark-for-removal": at.MARK_ANSWER,
    "at-a-change-of-flags": at.STORE_COMMAND,
    "at-the-end": at.LOGOUT_COMMAND,
}


@pytest.mark.parametrize("place", OBJECT_MOMENTS.values(), ids=list(OBJECT_MOMENTS))
@client_case("client-is-killed", "SYN-711", needs=("durable-base",))
def test_client_is_killed(scenario: Scenario, place: Place) -> None:
    """A client that was killed anywhere in a run comes to the right result in the next one, and loses nothing."""
    killable(scenario.client)
    _diverge(scenario, usual_base())
    _kill_and_recover(scenario, place)


@pytest.mark.parametrize("place", FOLDER_MOMENTS.values(), ids=list(FOLDER_MOMENTS))
@client_case("client-is-killed-between-folders", "SYN-711", needs=("durable-base",))
def test_client_is_killed_between_folders(scenario: Scenario, place: Place) -> None:
    """A client that was killed while it listed, created and removed folders completes that in the next run."""
    killable(scenario.client)
    _diverge(scenario, folder(("Empty",), within=usual_base()))
    scenario.on_client.remove_folder(("Empty",))
    _kill_and_recover(scenario, place)


def _kill_and_recover(scenario: Scenario, place: Place) -> None:
    witness, kill = Witness(scenario), Kill(place)
    scenario.disturb(kill, kill.told, killed_by(kill, scenario))
    if not kill.happened:
        raise PreconditionNotReached(f"the client never came to {place.told}")
    witness.observe("SYN-711")
    scenario.synchronize()
    _judge_recovery(scenario)


def _judge_recovery(scenario: Scenario) -> None:
    """One more copy, on both sides, of what was stored without an answer does not fail: only copies that grow do."""
    differences = scenario.findings.differences
    if differences and all(each.nature is Nature.DUPLICATE for each in differences) and scenario.agreement()[0]:
        observed = "; ".join(sorted({f"{each.subject}: {each.observed}" for each in differences}))
        scenario.judge.undecided("SYN-711", "each object once", f"{observed}, on both sides alike")
    else:
        scenario.judge_end_state("SYN-711", covers=ALL)


def _diverge(scenario: Scenario, base: StoreState) -> None:
    """News, changes and removals on both sides."""
    scenario.establish(folder(("Third",), *messages("message-5", "message-6", "message-7"), within=base))
    scenario.on_server.put(CONVERSATION, *messages("message-11", "message-12"))
    scenario.on_server.put(("New on the server",), item("message-13"))
    scenario.on_server.remove(("Third",), "message-5")
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Seen"])
    scenario.on_client.put(ARCHIVE, *messages("message-14", "message-15"))
    scenario.on_client.put(("New in local storage",), item("message-16"))
    scenario.on_client.remove(("Third",), "message-6")
    scenario.on_client.set_flags(CONVERSATION, "message-2", add=["\\Flagged"])
