"""5.5.2.20 steps 3a to 3e: new objects are fetched and stored, removed objects are removed, on both sides."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case
from conformance.model.objects import message
from conformance.outcomes import Reason
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, holding, item, messages, usual_base
from conformance.scenario.disturbance import interrupt, meanwhile
from conformance.scenario.judge import NotApplicable
from conformance.scenario.places import APPEND_COMMAND
from conformance.scenario.scenario import ALL, Scenario, SyncRun
from conformance.scenario.wire_laws import apply_law


@client_case("each-resulting-folder-is-set-active", "SYN-401")
def test_each_resulting_folder_is_set_active(scenario: Scenario) -> None:
    """A client sets each folder active in which there is something to do, be it only to store, and those of step 2."""
    scenario.establish(usual_base())
    with scenario.if_claimed():
        scenario.on_server.put(("New on the server",), item("message-11"))
    with scenario.if_claimed():
        scenario.on_client.put(CONVERSATION, item("message-12"))
        scenario.on_client.remove(ARCHIVE, "message-3")
        scenario.on_client.put(("New in local storage",), item("message-13"))
    changed = {scenario.store.name(path) for path in scenario.changed_folders()}
    runs = scenario.synchronizations()
    selected = {each.folder for run in runs for each in run.of_kind("set_active_folder")}
    observed = f"not set active: {', '.join(sorted(changed - selected))}"
    scenario.judge.check("SYN-401", changed <= selected, "each changed folder is set active", observed)


@client_case("new-objects-are-found-from-the-response", "SYN-402", "OP02-C2")
def test_new_objects_are_found_from_the_response(scenario: Scenario) -> None:
    """A client finds new objects by what the selection tells, also read ones, and one come for one gone."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11", "\\Seen"))
    scenario.on_server.put(ARCHIVE, item("message-12"))
    scenario.on_server.remove(ARCHIVE, "message-3")
    scenario.store.permanent_flags(CONVERSATION)
    scenario.synchronize()
    scenario.judge_end_state("SYN-402", "OP02-C2", covers=("SYN-403",))


@pytest.mark.parametrize("count", [1, 2, 250])
@client_case("new-server-objects-are-fetched", "SYN-403", "OP04-C1")
def test_new_server_objects_are_fetched(scenario: Scenario, count: int) -> None:
    """A client fetches all objects that are new on the server, however many."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, *messages(*(f"message-{100 + number}" for number in range(count))))
    scenario.synchronize()
    scenario.judge_end_state("SYN-403", "OP04-C1")


@client_case("known-objects-are-not-fetched-again", "SYN-404")
def test_known_objects_are_not_fetched_again(scenario: Scenario) -> None:
    """A client fetches the bodies of new objects only, and so none that it stored, and none where nothing changed."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11"))
    scenario.on_client.put(CONVERSATION, item("message-12"))
    known = set(scenario.store.uids(CONVERSATION, scenario.base.folders[CONVERSATION].values()))
    runs = scenario.synchronizations()
    if scenario.findings.differences:
        _judge_bodies(scenario, runs, known)
        return
    _judge_bodies(scenario, runs, known | set(scenario.store.uids(CONVERSATION, [item("message-12")])))
    known = set(scenario.store.uids(CONVERSATION, scenario.base.folders[CONVERSATION].values()))
    _judge_bodies(scenario, [scenario.run_once()], known)


def _judge_bodies(scenario: Scenario, runs: list[SyncRun], known: set[int]) -> None:
    name = scenario.store.name(CONVERSATION)
    in_folder = [each for run in runs for each in run.of_kind("fetch_object") if each.folder == name]
    again = [each for each in in_folder if known & set(each.uids)]
    observed = f"UIDs {sorted(known & {uid for each in again for uid in each.uids})} fetched again"
    entry = again[0].entry if again else None
    scenario.judge.check("SYN-404", not again, "no body of a known object is fetched", observed, entry)


@client_case("objects-removed-on-server-leave-local-storage", "SYN-406", "SYN-407")
def test_objects_removed_on_server_leave_local_storage(scenario: Scenario) -> None:
    """A client removes from local storage exactly the objects that were removed from the server."""
    scenario.establish(
        folder(("Many",), *messages(*(f"message-{each}" for each in range(10, 16))), within=usual_base())
    )
    scenario.on_server.remove(("Many",), "message-10", "message-12", "message-15")
    scenario.on_server.remove(CONVERSATION, "message-1", "message-2")
    with scenario.if_claimed():
        scenario.on_client.put(CONVERSATION, item("message-30"))
    scenario.synchronize()
    scenario.judge_strays()
    scenario.judge_end_state("SYN-406", "SYN-407")


@client_case("new-local-objects-are-stored", "SYN-408", "OP03-C1")
def test_new_local_objects_are_stored(scenario: Scenario) -> None:
    """A client stores all objects that are new in local storage on the server, in old and in new folders."""
    scenario.establish(usual_base())
    scenario.on_client.put(CONVERSATION, *messages(*(f"message-{number}" for number in range(10, 60))))
    scenario.on_client.put(("New folder",), *messages("message-61", "message-62"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-408")
    folders = {scenario.store.name(path) for path in (CONVERSATION, ("New folder",))}
    stores = [each for run in scenario.runs for each in run.of_kind("store_object") if each.status == "OK"]
    stored = [each for each in stores if each.folder in folders]
    observed = f"{len(stored)} objects were stored by APPEND into their folder"
    scenario.judge.check("OP03-C1", len(stored) >= 52, "52 objects are stored by APPEND", observed)


@client_case("own-upload-is-recognized", "SYN-409")
def test_own_upload_is_recognized(scenario: Scenario) -> None:
    """A client that stored an object holds one copy of it on each side after the next synchronization too."""
    scenario.establish(usual_base())
    scenario.on_client.put(CONVERSATION, *messages("message-11", "message-12"))
    scenario.synchronize()
    scenario.on_server.put(CONVERSATION, item("message-13"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-409", covers=("SYN-705",))


@client_case("objects-removed-locally-leave-server", "SYN-410", "SYN-411", "OP06-C1", "OP06-C2")
def test_objects_removed_locally_leave_server(scenario: Scenario) -> None:
    """A client removes from the server exactly the objects that were removed from local storage."""
    scenario.establish(
        folder(("Many",), *messages(*(f"message-{each}" for each in range(10, 16))), within=usual_base())
    )
    scenario.on_client.remove(("Many",), "message-10", "message-12", "message-15")
    scenario.on_client.remove(CONVERSATION, "message-1", "message-2")
    with scenario.if_claimed():
        scenario.on_server.put(CONVERSATION, item("message-30"))
    scenario.synchronize()
    scenario.judge_strays()
    scenario.judge_end_state("SYN-410", "SYN-411", "OP06-C1", "OP06-C2")


@client_case("objects-marked-by-others-stay", "SYN-411", "OP06-C2")
def test_objects_marked_by_others_stay(scenario: Scenario) -> None:
    r"""A client that removes an object leaves another one on the server that somebody else has marked as \Deleted."""
    if "UIDPLUS" not in scenario.store.observer.capabilities:
        raise NotApplicable("without UIDPLUS an EXPUNGE cannot spare what others have marked", Reason.NO_ABILITY)
    scenario.establish(usual_base())
    scenario.on_server.set_flags(CONVERSATION, "message-2", add=["\\Deleted"])
    scenario.on_client.remove(CONVERSATION, "message-1")
    run = scenario.synchronize()
    identity = scenario.stage.equality.identity
    held = {identity(each.octets) for each in scenario.store.snapshot().folders.get(CONVERSATION, ())}
    kept = identity(item("message-2").content.octets) in held
    for each in ("SYN-411", "OP06-C2"):
        scenario.judge.check(each, kept, "the object that another client marked stays", "it is gone", run.last)


@client_case("uids-of-uploads-are-not-guessed", "SYN-409")
def test_uids_of_uploads_are_not_guessed(scenario: Scenario) -> None:
    """A client knows its own upload although another client stores an object just before."""
    scenario.establish(usual_base())
    scenario.on_client.put(CONVERSATION, item("message-11"))
    store = meanwhile(APPEND_COMMAND, lambda: scenario.on_server.put(CONVERSATION, item("message-12")))
    interrupt(scenario, store)
    scenario.synchronize()
    scenario.on_client.set_flags(CONVERSATION, "message-11", add=["\\Flagged"])
    scenario.on_server.set_flags(CONVERSATION, "message-12", add=["\\Answered"])
    scenario.synchronize()
    scenario.judge_end_state("SYN-409", covers=ALL)


@client_case("causal-order", "SYN-412")
def test_causal_order(scenario: Scenario) -> None:
    """A client lists folders, then changes them, then stores objects in them, and changes objects of active ones."""
    scenario.establish(usual_base())
    scenario.on_client.put(("New folder",), item("message-11"))
    scenario.on_server.put(CONVERSATION, item("message-12"))
    scenario.on_client.remove(CONVERSATION, "message-1")
    scenario.on_client.set_flags(CONVERSATION, "message-2", add=["\\Flagged"])
    apply_law(scenario, "SYN-412", scenario.synchronizations())
    scenario.judge_end_state("SYN-412", covers=("SYN-304", "SYN-408"))


@client_case("equal-objects-stay-two", "SYN-413")
def test_equal_objects_stay_two(scenario: Scenario) -> None:
    """A client keeps objects of equal content in different folders apart, on both sides."""
    scenario.establish(usual_base())
    same = message("message-40")
    scenario.on_server.put(CONVERSATION, holding("copy-1", same))
    scenario.on_server.put(ARCHIVE, holding("copy-2", same))
    other = message("message-41")
    scenario.on_client.put(CONVERSATION, holding("copy-3", other))
    scenario.on_client.put(ARCHIVE, holding("copy-4", other))
    scenario.synchronize()
    scenario.judge_end_state("SYN-413", covers=("SYN-403", "SYN-408", "SYN-704", "SYN-705", "SYN-407"))


@client_case("born-and-died-between-synchronizations", "SYN-416")
def test_born_and_died_between_synchronizations(scenario: Scenario) -> None:
    """A client never shows the other side an object that was created and removed between two synchronizations."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11"))
    scenario.on_server.remove(CONVERSATION, "message-11")
    scenario.on_client.put(CONVERSATION, item("message-12"))
    scenario.on_client.remove(CONVERSATION, "message-12")
    scenario.on_server.put(ARCHIVE, item("message-13"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-416", covers=("SYN-103", "SYN-104", "SYN-407", "SYN-411", "SYN-705"))


@client_case("everything-at-once", "SYN-417", "SYN-703", "SYN-704", "SYN-705")
def test_everything_at_once(scenario: Scenario) -> None:
    """A client brings additions, removals and flag changes of both sides together in one synchronization."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11", "\\Seen"))
    scenario.on_server.remove(ARCHIVE, "message-3")
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
    scenario.on_server.put(("From the server",), item("message-12"))
    scenario.on_client.put(ARCHIVE, item("message-13"))
    scenario.on_client.remove(CONVERSATION, "message-2")
    scenario.on_client.set_flags(ARCHIVE, "transfer-4", add=["\\Seen"])
    scenario.on_client.put(("From local storage",), item("message-14"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-417", "SYN-703", "SYN-704", "SYN-705", covers=ALL)


@client_case("device-replacement", "SYN-419")
def test_device_replacement(scenario: Scenario) -> None:
    """A client with empty local storage and no base downloads everything and leaves the server unchanged."""
    scenario.establish(usual_base())
    scenario.replace_device()
    scenario.synchronize()
    scenario.judge_end_state("SYN-419", covers=ALL)
