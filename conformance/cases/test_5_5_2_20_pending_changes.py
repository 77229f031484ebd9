"""5.5.2.20 where local changes wait while the server's UIDs lose their meaning, or while a second client works."""

from __future__ import annotations

from conformance.cases.declaration import client_case
from conformance.clients.reference import ReferenceClient
from conformance.model.comparison import Difference, Nature
from conformance.model.oracle import Row
from conformance.model.states import Side, StoreState
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, item, messages, usual_base
from conformance.scenario.judge import PreconditionNotReached
from conformance.scenario.scenario import ALL, Scenario
from conformance.scenario.sides import LocalSide

CHANGES = ("create_folder", "remove_folder", "rename_folder", "store_object", "remove_object", "update_metadata")


def _pending(scenario: Scenario) -> None:
    """A removal, a change of flags and a new object that the server has not heard of."""
    scenario.establish(folder(CONVERSATION, *messages("message-1", "message-2", "message-3", "message-4")))
    scenario.on_client.remove(CONVERSATION, "message-1")
    scenario.on_client.set_flags(CONVERSATION, "message-2", add=["\\Flagged"])
    scenario.on_client.put(CONVERSATION, item("message-11"))


@client_case("uid-validity-renewed-with-changes-pending", "SYN-611")
def test_uid_validity_renewed_with_changes_pending(scenario: Scenario) -> None:
    """A client whose pending changes name old UIDs lets none of them reach another object, and loses no new one."""
    scenario.require_renewal()
    _pending(scenario)
    scenario.on_server.remove(CONVERSATION, "message-4")
    scenario.on_server.put(CONVERSATION, item("message-12"))
    scenario.renew_uid_validity(CONVERSATION)
    _judge_pending(scenario)


@client_case("folder-recreated-with-changes-pending", "SYN-611")
def test_folder_recreated_with_changes_pending(scenario: Scenario) -> None:
    """A client whose pending changes name objects of a folder that is gone spares those in its place."""
    _pending(scenario)
    scenario.on_server.remove_folder(CONVERSATION)
    scenario.on_server.put(CONVERSATION, *(item(f"message-{number}", "\\Seen") for number in range(31, 37)))
    _judge_pending(scenario)


def _judge_pending(scenario: Scenario) -> None:
    before = scenario.snapshots()
    run = scenario.synchronize()
    if scenario.refused_untouched(run, before):
        observed = f"refused, both sides untouched: {run.result.detail}"
        scenario.judge.undecided("SYN-611", "pending changes are dealt with", observed)
        return
    for each in scenario.findings.differences:
        expected, observed = f"{each.subject}, {each.side}: {each.expected}", f"{each.nature}: {each.observed}"
        if _is_harm(each):
            scenario.judge.contradicted("SYN-611", expected, observed, scenario.runs[-1].last)
        else:
            scenario.judge.undecided("SYN-611", expected, observed)
    if not scenario.findings.differences:
        scenario.judge_end_state("SYN-611", covers=ALL)


def _is_harm(difference: Difference) -> bool:
    """Whether another object was reached, or a new local one is lost or not stored.

    A removed object that is back, or a lost change of flags, follows RFC 4549, which drops changes that name UIDs.
    """
    if difference.flag is not None:
        return difference.subject != "message-2"
    new = difference.row is Row.NEW_LOCALLY
    return difference.nature is Nature.MISSING and (new or difference.side is Side.SERVER)


@client_case("two-clients", "SYN-615")
def test_two_clients(scenario: Scenario) -> None:
    """A client that shares the server with another one is equal to it once nothing changes, and then is silent."""
    scenario.require(["direction.download", "direction.upload"])
    scenario.establish(folder(("Third",), *messages("message-5", "message-6"), within=usual_base()))
    with ReferenceClient() as other:
        other.reset(scenario.account)
        _synchronize(scenario, other)
        tell = lambda text: scenario.judge.step(f"the second client, {text}")  # noqa: E731  (one expression, named)
        second = LocalSide(other, scenario.stage.equality, tell)
        second.state = scenario.base
        _edit_on_both(scenario, second)
        scenario.synchronize()
        if scenario.findings.differences:
            scenario.judge_end_state("SYN-615", covers=ALL)
            return
        _synchronize(scenario, other)
        scenario.on_server.state = _with_the_edits_of_both(scenario.base, second.state)
        scenario.synchronize()
        scenario.judge_end_state("SYN-615", covers=ALL)
        if not scenario.findings.differences:
            _judge_silence(scenario, other)


def _edit_on_both(scenario: Scenario, second: LocalSide) -> None:
    scenario.on_client.put(CONVERSATION, item("message-11"))
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
    scenario.on_client.remove(("Third",), "message-5")
    second.put(CONVERSATION, item("message-12"))
    second.set_flags(CONVERSATION, "message-2", add=["\\Seen"])
    second.remove(ARCHIVE, "message-3")
    second.put(("Of the second client",), item("message-13"))


def _with_the_edits_of_both(server: StoreState, second: StoreState) -> StoreState:
    """The server after the second client's run: what the first one had brought, and then the second one's edits."""
    state = server.put(CONVERSATION, second.folders[CONVERSATION]["message-2"], item("message-12"))
    state = state.remove(ARCHIVE, "message-3")
    return state.put(("Of the second client",), item("message-13"))


def _synchronize(scenario: Scenario, other: ReferenceClient) -> None:
    scenario.judge.step("the second client synchronizes")
    result = other.synchronize(scenario.stage.bounds.synchronize)
    if not result.success:
        raise PreconditionNotReached(f"the second client, which is the suite's own, failed: {result.detail}")


def _judge_silence(scenario: Scenario, other: ReferenceClient) -> None:
    before = scenario.snapshots()
    _synchronize(scenario, other)
    runs = [scenario.run_once()]
    _synchronize(scenario, other)
    runs.append(scenario.run_once())
    changes = [each for run in runs for each in run.of_kind(*CHANGES) if each.changed]
    still = scenario.same(before, scenario.snapshots()) and not changes
    observed = f"{len(changes)} changes by the client, or other content than before"
    scenario.judge.check("SYN-615", still, "further runs change nothing", observed, runs[-1].last)
