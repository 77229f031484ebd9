"""5.5.2.20 steps 1 and 2: request the lists of folders, and create and remove folders on both sides."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case
from conformance.model.folders import FolderPath, display
from conformance.model.states import StoreState
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, item, messages, usual_base
from conformance.scenario.scenario import ALL, Scenario
from conformance.scenario.wire_laws import apply_law

FOLDER_CHANGES = ("create_folder", "remove_folder", "rename_folder")
FOLDER_AND_CONTENT = ("SYN-303", "SYN-304", "SYN-403", "SYN-408", "SYN-110")
REMOVALS = ("SYN-305", "SYN-306", "SYN-406", "SYN-410", "SYN-103", "SYN-104")


@client_case("folder-list-is-requested", "SYN-301")
def test_folder_list_is_requested(scenario: Scenario) -> None:
    """A client requests the list of folders before it changes or selects a folder, in each synchronization."""
    scenario.establish(usual_base())
    with scenario.if_claimed():
        scenario.on_server.create_folder(("New on the server",))
    with scenario.if_claimed():
        scenario.on_client.create_folder(("New in local storage",))
    apply_law(scenario, "SYN-301", [scenario.synchronize()])


@client_case("whole-folder-hierarchy", "SYN-302")
def test_whole_folder_hierarchy(scenario: Scenario) -> None:
    """A client takes the whole hierarchy from the server, to any depth and whether subscribed or not."""
    scenario.establish(usual_base())
    deep = ("Level 1", "Level 2", "Level 3", "Level 4")
    scenario.on_server.put(deep, item("message-9"))
    scenario.on_server.create_folder(("Level 1", "Beside"))
    below = ("Level 1", "Plain name", "Folder")
    scenario.store.create_folder(below)
    superior = scenario.store.folders().get(below[:-1])
    created = below[:-1] if superior is not None and superior.selectable else below
    scenario.on_server.state = scenario.on_server.state.with_folder(created).with_folder(below)
    scenario.synchronize()
    scenario.judge_end_state("SYN-302", covers=FOLDER_AND_CONTENT)


@client_case("new-server-folder-is-created-locally", "SYN-303")
def test_new_server_folder_is_created_locally(scenario: Scenario) -> None:
    """A client creates a folder that is new on the server in its local storage, empty ones too."""
    scenario.establish(usual_base())
    scenario.on_server.create_folder(("Empty",))
    scenario.on_server.put(("Filled",), *messages("message-11", "message-12"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-303")


@client_case("new-local-folder-is-created-on-server", "SYN-304", "OP08-C1")
def test_new_local_folder_is_created_on_server(scenario: Scenario) -> None:
    """A client creates a folder that is new in local storage on the server, empty ones too."""
    scenario.establish(usual_base())
    scenario.on_client.create_folder(("Empty",))
    scenario.on_client.put(("Filled",), *messages("message-11", "message-12"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-304", "OP08-C1")


@client_case("folder-removed-on-server-leaves-local-storage", "SYN-305")
def test_folder_removed_on_server_leaves_local_storage(scenario: Scenario) -> None:
    """A client removes a folder that was removed on the server from local storage, with its objects."""
    scenario.establish(usual_base())
    scenario.on_server.remove_folder(ARCHIVE)
    scenario.synchronize()
    scenario.judge_end_state("SYN-305", covers=REMOVALS)


@client_case("folder-removed-locally-leaves-server", "SYN-306", "OP11-C1")
def test_folder_removed_locally_leaves_server(scenario: Scenario) -> None:
    """A client removes a folder that was removed in local storage from the server, with its objects."""
    scenario.establish(usual_base())
    scenario.on_client.remove_folder(ARCHIVE)
    scenario.synchronize()
    scenario.judge_end_state("SYN-306", "OP11-C1", covers=REMOVALS)


@client_case("nested-folders-are-created", "SYN-307")
def test_nested_folders_are_created(scenario: Scenario) -> None:
    """A client creates a new folder together with its new inferiors, in both directions."""
    scenario.establish(usual_base())
    scenario.on_server.put(("Parent S", "Child"), item("message-11"))
    scenario.on_client.put(("Parent L", "Child"), item("message-12"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-307", covers=FOLDER_AND_CONTENT)


@client_case("nested-folders-are-removed", "SYN-308", "OP11-C2")
def test_nested_folders_are_removed(scenario: Scenario) -> None:
    """A client removes a whole subtree that was removed on the other side, in both directions."""
    base = usual_base()
    for top in ("Tree S", "Tree L"):
        base = folder((top,), item(f"{top}-1"), within=base)
        base = folder((top, "Child"), item(f"{top}-2"), within=base)
    scenario.establish(base)
    scenario.on_server.remove_folder(("Tree S",))
    scenario.on_client.remove_folder(("Tree L",))
    scenario.synchronize()
    scenario.judge_end_state("SYN-308", "OP11-C2", covers=REMOVALS)


@client_case("emptied-folder-stays", "SYN-309")
def test_emptied_folder_stays(scenario: Scenario) -> None:
    """A client keeps a folder whose last object was removed, on both sides."""
    scenario.establish(usual_base())
    scenario.on_server.remove(CONVERSATION, "message-1", "message-2")
    scenario.on_client.remove(ARCHIVE, "message-3", "transfer-4")
    scenario.synchronize()
    scenario.judge_end_state("SYN-309")


@client_case("same-folder-created-on-both-sides", "SYN-310")
def test_same_folder_created_on_both_sides(scenario: Scenario) -> None:
    """A client makes one folder, with the objects of both, of a folder that was created on both sides."""
    scenario.establish(usual_base())
    scenario.on_server.put(("Shared",), item("message-11"))
    scenario.on_client.put(("Shared",), item("message-12"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-310", covers=FOLDER_AND_CONTENT)


@client_case("folder-removed-on-both-sides", "SYN-311")
def test_folder_removed_on_both_sides(scenario: Scenario) -> None:
    """A client leaves a folder that was removed on both sides removed, without an error."""
    scenario.establish(usual_base())
    scenario.on_server.remove_folder(ARCHIVE)
    scenario.on_client.remove_folder(ARCHIVE)
    scenario.on_server.put(CONVERSATION, item("message-11"))
    scenario.on_client.put(("New",), item("message-12"))
    run = scenario.synchronize()
    scenario.judge_end_state("SYN-311", covers=ALL)
    scenario.judge.remark(f"the client reported {'success' if run.result.success else 'failure'}")


@client_case("unchanged-folders-stay-untouched", "SYN-312")
def test_unchanged_folders_stay_untouched(scenario: Scenario) -> None:
    """A client creates, removes and renames no folder on the server when no folder changed."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11"))
    if apply_law(scenario, "SYN-312", [scenario.synchronize()]):
        scenario.judge_end_state("SYN-312")


NAMES: dict[str, str] = {
    "latin": "Café",
    "japanese": "会話",
    "emoji": "😀chat",
    "right-to-left": "שלום",
    "ampersand": "Tom & Ann",
    "mixed": "A&日本語-z",
    "comma-in-base64": "台北",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
@client_case("names-outside-ascii", "SYN-314", needs=("folder.non-ascii",))
def test_names_outside_ascii(scenario: Scenario, name: str) -> None:
    """A client gives a folder the same Unicode name on both sides, in both directions."""
    scenario.establish(usual_base())
    scenario.on_server.put((f"{name} S",), item("message-11"))
    scenario.on_client.put((f"{name} L",), item("message-12"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-314", covers=FOLDER_AND_CONTENT)


@client_case("first-synchronization-removes-nothing", "SYN-324")
def test_first_synchronization_removes_nothing(scenario: Scenario) -> None:
    """A client that synchronizes for the first time copies both ways and removes nothing from either side."""
    scenario.on_server.put(CONVERSATION, *messages("message-1", "message-2"))
    scenario.on_server.put(("Only on the server",), item("message-3"))
    scenario.on_client.put(CONVERSATION, item("message-4"))
    scenario.on_client.put(("Only in local storage",), *messages("message-5", "message-6"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-324", covers=ALL)


SIBLINGS: tuple[FolderPath, ...] = (("A",), ("AB",), ("A", "B"), ("A B",))


@pytest.mark.parametrize("side", ["server", "local-storage"])
@client_case("sibling-with-the-same-prefix-stays", "SYN-322")
def test_sibling_with_the_same_prefix_stays(scenario: Scenario, side: str) -> None:
    """A client that removes a folder leaves every folder alone whose name merely starts alike."""
    base = StoreState()
    for number, path in enumerate(SIBLINGS, 1):
        base = folder(
            path, item(f"message-{number}-in-{display(path).replace('/', '-').replace(' ', '_')}"), within=base
        )
    scenario.establish(base)
    (scenario.on_server if side == "server" else scenario.on_client).remove_folder(("A",))
    scenario.synchronize()
    if scenario.strayed:
        gone = scenario.strayed[0]
        observed = f"{gone.subject} was missing for a while ({gone.side})"
        scenario.judge.contradicted("SYN-322", "other folders stay untouched", observed, scenario.runs[-1].last)
    scenario.judge_end_state("SYN-322", covers=("SYN-309", "SYN-407", "SYN-411", "SYN-704"))


@client_case("folder-renamed-on-server", "SYN-319")
def test_folder_renamed_on_server(scenario: Scenario) -> None:
    """A client ends with the new name and the same objects once where a folder was renamed on the server."""
    scenario.establish(usual_base())
    scenario.on_server.rename_folder(ARCHIVE, ("Old conversations",))
    scenario.synchronize()
    scenario.judge_end_state("SYN-319", covers=ALL)


@client_case("folder-recreated-on-server", "SYN-321", "SYN-610")
def test_folder_recreated_on_server(scenario: Scenario) -> None:
    """A client holds only the new content of a folder that was removed and created again on the server."""
    scenario.establish(usual_base())
    scenario.on_server.remove_folder(ARCHIVE)
    scenario.on_server.put(ARCHIVE, *messages("message-31", "message-32", "message-33"))
    before = scenario.snapshots()
    run = scenario.synchronize()
    if scenario.refused_untouched(run, before):
        expected, observed = "the new content only", f"refused, both sides untouched: {run.result.detail}"
        scenario.judge.undecided("SYN-321", expected, observed)
        scenario.judge.undecided("SYN-610", expected, observed)
        return
    scenario.judge_end_state("SYN-321", "SYN-610", covers=ALL)
