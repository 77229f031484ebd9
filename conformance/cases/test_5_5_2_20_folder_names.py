"""5.5.2.20 step 2 with names and hierarchies that are easily mistaken."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case
from conformance.imap.errors import OperationRefused
from conformance.model.folders import FolderPath
from conformance.model.states import StoreState
from conformance.scenario.content import ARCHIVE, folder, item, messages, usual_base
from conformance.scenario.judge import NotApplicable
from conformance.scenario.scenario import ALL, Scenario
from conformance.scenario.store import INBOX

SPECIAL: dict[str, str] = {
    "space": "two words",
    "quote": 'say "hi"',
    "backslash": "back\\slash",
    "parentheses": "(round)",
    "brace": "{12}",
    "percent": "100%",
    "asterisk": "star*",
    "bracket": "[x]",
    "plus-and-colon": "tel:+15550111",
    "long": "n" * 100,
    "outer-space": " padded ",
}
PARENT: FolderPath = ("Parent",)
CHILD: FolderPath = ("Parent", "Child")


def _require_name(scenario: Scenario, name: str) -> None:
    """The server may refuse a name; then there is nothing to synchronize under it."""
    try:
        scenario.store.create_folder((name,))
        scenario.store.remove_folder((name,))
    except OperationRefused as refusal:
        raise NotApplicable(f"the server refuses the name {name!r}: {refusal}") from None


@pytest.mark.parametrize("name", SPECIAL.values(), ids=list(SPECIAL))
@client_case("names-with-special-characters", "SYN-315")
def test_names_with_special_characters(scenario: Scenario, name: str) -> None:
    """A client synchronizes a folder whose name holds a character that IMAP gives a meaning, in both directions."""
    _require_name(scenario, name)
    scenario.establish(folder(ARCHIVE, *messages("message-1", "message-2")))
    for mark in "%*":
        if mark in name:
            scenario.on_server.create_folder((f"L{name}".replace(mark, "another"),))
    scenario.on_server.put((f"S{name}",), item("message-11"))
    scenario.on_client.put((f"L{name}",), item("message-12"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-315", covers=ALL)


@client_case("names-that-differ-in-case", "SYN-318")
def test_names_that_differ_in_case(scenario: Scenario) -> None:
    """A client keeps two folders apart whose names differ in letter case only, where the server can hold both."""
    scenario.store.create_folder(("Conv",))
    _require_name(scenario, "conv")
    scenario.store.remove_folder(("Conv",))
    base = folder(("Conv",), item("message-1"))
    if not scenario.begin(folder(("conv",), item("message-2"), within=base), "SYN-318"):
        return
    scenario.on_server.put(("conv",), item("message-3"))
    scenario.on_client.put(("Conv",), item("message-4"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-318", covers=ALL)


@client_case("folder-renamed-locally", "SYN-320")
def test_folder_renamed_locally(scenario: Scenario) -> None:
    """A client gives a folder that was renamed in local storage its new name on the server, with the same objects."""
    scenario.establish(usual_base())
    scenario.on_client.rename_folder(ARCHIVE, ("Old conversations",))
    scenario.synchronize()
    scenario.judge_end_state("SYN-320", covers=ALL)


@client_case("superior-removed-on-server", "SYN-325")
def test_superior_removed_on_server(scenario: Scenario) -> None:
    """A client keeps an inferior folder with its objects when only the superior was removed on the server."""
    scenario.require(["direction.download"])
    base = folder(PARENT, *messages("message-1", "message-2"), within=usual_base())
    scenario.establish(folder(CHILD, *messages("message-3", "message-4"), within=base))
    scenario.judge.step("on the server: remove folder Parent, not its inferior")
    try:
        scenario.store.second_client.remove_folder(scenario.store.name(PARENT))
    except OperationRefused as refusal:
        raise NotApplicable(f"the server removes no folder that has inferiors: {refusal}") from None
    left = {path: items for path, items in scenario.on_server.state.folders.items() if path != PARENT}
    scenario.on_server.state = StoreState(left)
    scenario.synchronize()
    scenario.judge_end_state("SYN-325", covers=ALL)


@client_case("name-that-cannot-be-selected", "SYN-313")
def test_name_that_cannot_be_selected(scenario: Scenario) -> None:
    r"""A client synchronizes the inferiors of a name that is `\Noselect`, and neither removes nor creates that name."""
    scenario.require(["direction.download"])
    scenario.establish(usual_base())
    scenario.store.create_folder(("Level", "Folder"))
    level = scenario.store.folders().get(("Level",))
    if level is not None and level.selectable:
        raise NotApplicable("the server makes a superior a folder of its own")
    scenario.store.put(("Level", "Folder"), item("message-11"))
    scenario.on_server.state = scenario.on_server.state.put(("Level", "Folder"), item("message-11"))
    run = scenario.synchronize()
    scenario.judge_end_state("SYN-313", covers=ALL)
    name = scenario.store.name(("Level",))
    touched = [each for each in run.of_kind("create_folder", "remove_folder") if each.folder == name and each.changed]
    if touched:
        observed = f"{touched[0].command} of {name}"
        scenario.judge.contradicted("SYN-313", "the name is neither created nor removed", observed, touched[0].entry)


@client_case("inbox-is-never-removed", "SYN-317")
def test_inbox_is_never_removed(scenario: Scenario) -> None:
    """A client whose local storage has no INBOX completes its run and does not remove the server's."""
    if scenario.account.root:
        raise NotApplicable("the INBOX is outside the root folder that the suite may work in")
    if not scenario.begin(usual_base(), "SYN-317"):
        return
    scenario.on_server.put(ARCHIVE, item("message-11"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-317", covers=ALL)
    removed = [each for run in scenario.runs for each in run.of_kind("remove_folder") if each.folder in INBOX]
    if removed:
        scenario.judge.contradicted("SYN-317", "INBOX is left alone", "a DELETE of INBOX", removed[0].entry)


@client_case("locally-removed-inbox-ends-nothing", "SYN-317")
def test_locally_removed_inbox_ends_nothing(scenario: Scenario) -> None:
    """A client whose local INBOX was removed synchronizes the rest, and tries to remove the server's once at most."""
    if scenario.account.root:
        raise NotApplicable("the INBOX is outside the root folder that the suite may work in")
    scenario.establish(usual_base())
    if ("INBOX",) not in scenario.client.snapshot().folders:
        raise NotApplicable("local storage has no INBOX that could be removed")
    scenario.judge.step("in local storage: remove folder INBOX")
    scenario.client.remove_folder(("INBOX",))
    scenario.on_server.put(ARCHIVE, item("message-11"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-317", covers=ALL)
    again = [each for each in scenario.run_once().of_kind("remove_folder") if each.folder in INBOX]
    if again:
        scenario.judge.contradicted("SYN-317", "INBOX is left alone", "DELETE INBOX again", again[0].entry)
