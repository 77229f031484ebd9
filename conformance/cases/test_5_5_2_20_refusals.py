"""5.5.2.20 on a server that refuses a part of the synchronization: the rest goes on, and nothing is lost."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case
from conformance.model.objects import message
from conformance.outcomes import Reason
from conformance.reference.server import Behaviour
from conformance.scenario import places as at
from conformance.scenario.conduct import sent
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, holding, item, usual_base
from conformance.scenario.disturbance import interrupt, refuse
from conformance.scenario.laboratory import Laboratory, LaboratoryScenario
from conformance.scenario.scenario import ALL, Scenario
from conformance.scenario.witness import Witness

LARGE = 20_000
OTHERS = len(list(usual_base().items()))


@client_case("folder-creation-is-refused", "SYN-323")
def test_folder_creation_is_refused(scenario: Scenario) -> None:
    """A client whose folder the server refuses to create keeps it with its objects, and synchronizes the others."""
    scenario.establish(usual_base())
    scenario.on_client.put(("Refused",), item("message-11"))
    scenario.on_server.put(CONVERSATION, item("message-12"))
    witness = Witness(scenario)
    run = interrupt(scenario, refuse(at.CREATE_COMMAND))
    witness.observe("SYN-323")
    _judge_the_others(scenario, "message-12", run.result.detail)
    scenario.synchronize()
    scenario.judge_end_state("SYN-323", covers=ALL)


@client_case("folder-removal-is-refused", "SYN-323")
def test_folder_removal_is_refused(scenario: Scenario) -> None:
    """A client whose removal of a folder the server refuses loses nothing else, and synchronizes the others."""
    scenario.establish(folder(("Empty",), within=usual_base()))
    scenario.on_client.remove_folder(("Empty",))
    scenario.on_server.put(CONVERSATION, item("message-12"))
    witness = Witness(scenario)
    run = interrupt(scenario, refuse(at.DELETE_COMMAND))
    witness.observe("SYN-323")
    _judge_the_others(scenario, "message-12", run.result.detail)
    scenario.synchronize()
    kept = ("Empty",) in scenario.client.snapshot().folders
    scenario.judge.remark(f"after the refusal the folder {'is back' if kept else 'stays gone'} in local storage")
    lost = witness.lost()
    scenario.judge.check("SYN-323", not lost, "nothing is lost", f"lost: {', '.join(lost)}")


def _judge_the_others(scenario: Scenario, name: str, detail: str) -> None:
    """A refusal stops nothing else; a run that was given up after one is not a contradiction of the text."""
    scenario.judge.remark(f"what the client said of the refusal: {detail or 'nothing'}")
    wanted = scenario.on_server.state.folders[CONVERSATION][name].content.octets
    identity = scenario.stage.equality.identity
    here = {identity(each.octets) for each in scenario.client.snapshot().folders.get(CONVERSATION, ())}
    if identity(wanted) not in here:
        scenario.judge.undecided("SYN-323", "the other folders are synchronized", f"{name} was not fetched")


@client_case("change-of-flags-is-refused", "SYN-516")
def test_change_of_flags_is_refused(scenario: Scenario) -> None:
    """A client whose change of one object's flags is refused changes the others, and tries again or tells of it."""
    scenario.establish(usual_base())
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
    scenario.on_client.set_flags(CONVERSATION, "message-2", add=["\\Answered"])
    scenario.on_client.set_flags(ARCHIVE, "message-3", add=["\\Seen"])
    run = interrupt(scenario, refuse(at.STORE_COMMAND))
    scenario.judge.remark(f"what the client said of the refusal: {run.result.detail or 'nothing'}")
    changed = [each for each in run.of_kind("update_metadata") if each.status == "OK"]
    scenario.judge.remark(f"changes of flags that were made besides: {len(changed)}")
    scenario.synchronize()
    retried = not scenario.findings.differences
    told = retried or not run.result.success
    observed = f"{len(scenario.findings.differences)} changes neither made nor told of"
    scenario.judge.check("SYN-516", told, "the refused change is retried or reported", observed, run.last)


@pytest.mark.parametrize("early", [True, False], ids=["before-the-literal", "after-the-literal"])
@client_case("store-is-refused", "SYN-713")
def test_store_is_refused(laboratory: Laboratory, *, early: bool) -> None:
    """A client keeps an object that the server refuses to store."""
    scenario = laboratory.open(Behaviour(refuse_before_literal=early).without("LITERAL+", "MULTIAPPEND"))
    scenario.establish(usual_base())
    held = sum(len(each.octets) for _, each in scenario.store.snapshot().objects())
    scenario.set_quota(held + LARGE // 2)
    large = holding("large-11", message("large-11", "x" * LARGE))
    scenario.on_client.put(CONVERSATION, item("message-12"), large, item("message-13"))
    scenario.on_client.put(ARCHIVE, item("message-14"))
    witness = Witness(scenario)
    told = "let the server refuse what is more than the quota"
    runs = [scenario.disturb(lambda *_: None, told) for _ in range(2)]
    witness.observe("SYN-713")
    refused = [each for each in sent(runs) if each.name == "APPEND" and each.status == "NO"]
    _judge_refused_store(scenario, witness, refused=len(refused))


def _judge_refused_store(scenario: LaboratoryScenario, witness: Witness, *, refused: int) -> None:
    """Loss fails; whether the others went on, and whether a later retry works, is recorded."""
    stored = sum(len(each.octets) < LARGE for _, each in scenario.store.snapshot().objects())
    scenario.judge.remark(f"{refused} stores were refused, {stored - OTHERS} others went on")
    if not refused:
        expected, observed = "a store that is refused", "the client stored nothing that was too large"
        scenario.judge.undecided("SYN-713", expected, observed, Reason.NOT_EXERCISED)
        return
    scenario.set_quota(None)
    scenario.synchronize()
    retried = not scenario.findings.differences
    scenario.judge.remark(f"after the quota was lifted both sides are {'alike' if retried else 'not alike'}")
    lost = witness.lost()
    scenario.judge.check("SYN-713", not lost, "the object stays in local storage", f"lost: {', '.join(lost)}")


@client_case("folder-becomes-read-only", "SYN-714")
def test_folder_becomes_read_only(laboratory: Laboratory) -> None:
    """A client downloads from a folder that it may not change, and keeps the changes it could not make."""
    scenario = laboratory.open()
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11"))
    scenario.on_client.put(CONVERSATION, item("message-12"))
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
    scenario.set_read_only(CONVERSATION, read_only=True)
    witness = Witness(scenario)
    runs = [scenario.disturb(lambda *_: None, "let the server refuse every change of Conversation") for _ in range(2)]
    witness.observe("SYN-714")
    fetched = scenario.client.snapshot().folders.get(CONVERSATION, ())
    if not any(b"message-11" in each.octets for each in fetched):
        scenario.judge.undecided("SYN-714", "message-11 is downloaded", "it is not in local storage", Reason.OPEN)
    scenario.judge.remark(f"the client said {runs[-1].result.detail or 'nothing'}")
    scenario.set_read_only(CONVERSATION, read_only=False)
    scenario.synchronize()
    scenario.judge_end_state("SYN-714", covers=ALL)
