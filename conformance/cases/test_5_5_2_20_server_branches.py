"""5.5.2.20 before servers of every legal kind: hierarchies, rules of case, UIDs and mod-sequences."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from conformance.cases.declaration import client_case
from conformance.imap.operations import Operation
from conformance.model.folders import FolderPath
from conformance.model.states import Side, Snapshot, StoreState
from conformance.reference.server import Behaviour
from conformance.reference.server.behaviour import MAX_MOD_SEQUENCE, NameCase
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, item, messages, usual_base
from conformance.scenario.disturbance import interrupt, meanwhile
from conformance.scenario.laboratory import Laboratory, LaboratoryScenario
from conformance.scenario.places import STORE_COMMAND
from conformance.scenario.scenario import ALL, Scenario

CHANGES = ("create_folder", "remove_folder", "rename_folder", "store_object", "remove_object", "update_metadata")

HIERARCHIES: dict[str, tuple[Behaviour, FolderPath]] = {
    "slash": (Behaviour(delimiter="/"), ()),
    "dot": (Behaviour(delimiter="."), ()),
    "bar": (Behaviour(delimiter="|"), ()),
    "below-inbox": (Behaviour(delimiter=".", personal_prefix="INBOX."), ("INBOX",)),
}


@pytest.mark.parametrize("kind", HIERARCHIES.values(), ids=list(HIERARCHIES))
@client_case("same-tree-whatever-the-delimiter", "SYN-316", needs=("folder.nested",))
def test_same_tree_whatever_the_delimiter(laboratory: Laboratory, kind: tuple[Behaviour, FolderPath]) -> None:
    """A client makes the same tree of a server's folders, and of its own, whatever delimiter or prefix there is."""
    scenario = laboratory.open(*kind)
    base = folder(("Tree", "Branch", "Leaf"), item("message-9"), within=_with_superiors(usual_base()))
    if not scenario.begin(base, "SYN-316"):
        return
    with scenario.if_claimed():
        scenario.on_server.put(("Tree", "Branch", "New leaf"), item("message-11"))
        scenario.on_server.put(("New tree", "Inner"), item("message-13"))
    with scenario.if_claimed():
        scenario.on_client.remove(("Tree", "Branch", "Leaf"), "message-9")
        scenario.on_client.put(("Tree", "Branch", "Local leaf"), item("message-12"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-316", covers=ALL)


def _with_superiors(state: StoreState) -> StoreState:
    return state.with_folder(("Tree",)).with_folder(("Tree", "Branch"))


@client_case("same-folders-without-a-hierarchy", "SYN-316")
def test_same_folders_without_a_hierarchy(laboratory: Laboratory) -> None:
    """A client synchronizes the folders of a server that has no hierarchy, whatever their names look like."""
    scenario = laboratory.open(Behaviour(delimiter=None))
    if not scenario.begin(usual_base(), "SYN-316"):
        return
    with scenario.if_claimed():
        scenario.on_server.put(("v1.0",), item("message-11"))
        scenario.on_server.put(CONVERSATION, item("message-13"))
    with scenario.if_claimed():
        scenario.on_client.put(("New in local storage",), item("message-12"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-316", covers=ALL)


@client_case("local-name-that-holds-the-delimiter", "SYN-316", needs=("folder.nested",))
def test_local_name_that_holds_the_delimiter(laboratory: Laboratory) -> None:
    """A client keeps a local name that holds the server's delimiter apart from the two levels that it looks like."""
    scenario = laboratory.open(Behaviour(delimiter="."))
    scenario.establish(usual_base())
    scenario.on_client.put(("a.b",), item("message-11"))
    scenario.on_client.put(("a", "b"), item("message-12"))
    told = "let it find a name for each folder"
    runs = [scenario.disturb(lambda *_: None, told) for _ in range(scenario.stage.bounds.runs + 1)]
    local, server = scenario.snapshots()
    local_homes = [_home(local, each) for each in ("message-11", "message-12")]
    homes = [_home(server, each) for each in ("message-11", "message-12")]
    apart = local_homes == [("a.b",), ("a", "b")] and (None in homes or homes[0] != homes[1]) and homes[1] is not None
    scenario.judge.remark(f"on the server the two folders are {homes[0]} and {homes[1]}")
    observed = f"in local storage {local_homes}, on the server {homes}"
    expected = "two folders on both sides, or one that is kept back"
    changes = [each for each in runs[-1].of_kind(*CHANGES) if each.changed]
    stored = ("SYN-304", "SYN-408")
    if scenario.judge.check("SYN-316", apart, expected, observed, runs[-1].last, stored) and changes:
        scenario.judge.contradicted("SYN-316", "a stable name", f"{changes[0].command} again", changes[0].entry)


def _home(snapshot: Snapshot, name: str) -> FolderPath | None:
    return next((path for path, each in snapshot.objects() if f"<{name}@".encode() in each.octets), None)


@pytest.mark.parametrize("case", get_args(NameCase)[1:])
@client_case("any-rule-of-case-in-names", "OP09-C5")
def test_any_rule_of_case_in_names(laboratory: Laboratory, case: NameCase) -> None:
    """A client whose folder names the server writes in another case is silent once everything is there."""
    scenario = laboratory.open(Behaviour(name_case=case))
    told = "let it create a folder whose name the server may write otherwise"
    scenario.on_server.put(("conversation",), *messages("message-1", "message-2"))
    scenario.disturb(lambda *_: None, told)
    scenario.on_client.put(("Mixed Case",), item("message-11"))
    runs = [scenario.disturb(lambda *_: None, told) for _ in range(scenario.stage.bounds.runs + 1)]
    _judge_silence(scenario, runs[-1].of_kind(*CHANGES, "fetch_object"), "OP09-C5", {"message-11", "message-1"})


def _judge_silence(scenario: Scenario, operations: list[Operation], requirement: str, names: set[str]) -> None:
    changes = [each for each in operations if each.changed or each.kind == "fetch_object"]
    local, server = scenario.snapshots()
    sides = {Side.LOCAL: local, Side.SERVER: server}
    missing = [f"{name} ({side})" for side, held in sides.items() for name in names if not _home(held, name)]
    if missing:
        follows = ("SYN-303", "SYN-304", "SYN-403", "SYN-408")
        observed = f"missing are {', '.join(missing)}"
        scenario.judge.contradicted(
            requirement, "every object on both sides", observed, scenario.runs[-1].last, follows
        )
        return
    double = [count for count in Counter(each.octets for _, each in server.objects()).values() if count > 1]
    observed = f"{len(double)} objects doubled, {len(changes)} changes in the last run"
    entry = changes[0].entry if changes else None
    holds = not double and not changes
    scenario.judge.check(requirement, holds, "every object once on both sides, and silence", observed, entry)


UIDS = {"smallest": 1, "around-2-to-the-31": 2**31 - 3, "above-2-to-the-31": 2**31 + 7, "largest": 2**32 - 60}


@pytest.mark.parametrize("first", UIDS.values(), ids=list(UIDS))
@client_case("every-uid-that-is-allowed", "SYN-405")
def test_every_uid_that_is_allowed(laboratory: Laboratory, first: int) -> None:
    """A client stores exactly the new objects, once, whatever the UIDs and their gaps, and nothing when none is new."""
    scenario = laboratory.open(Behaviour(first_uid=first, first_uid_validity=2**32 - 1000))
    names = [f"message-{number}" for number in range(1, 9)]
    scenario.establish(folder(CONVERSATION, *messages(*names), within=folder(ARCHIVE, item("message-9"))))
    scenario.on_server.remove(CONVERSATION, "message-2", "message-3", "message-4", "message-8")
    scenario.on_server.put(CONVERSATION, item("message-11"))
    scenario.synchronize()
    _then_nothing_new(scenario)
    scenario.on_server.put(CONVERSATION, item("message-10"))
    scenario.on_server.remove(CONVERSATION, "message-10")
    scenario.on_server.put(CONVERSATION, item("message-12"))
    scenario.synchronize()
    _then_nothing_new(scenario)
    scenario.on_client.put(CONVERSATION, item("message-13"))
    scenario.synchronize()
    _then_nothing_new(scenario)
    scenario.judge_end_state("SYN-405", covers=ALL)


def _then_nothing_new(scenario: LaboratoryScenario) -> None:
    """A run with nothing new at all, also after the newest object has gone: then `last+1:*` names an old one."""
    if scenario.findings.differences:
        scenario.judge_end_state("SYN-405", covers=ALL)
        return
    run = scenario.synchronize()
    bodies = run.of_kind("fetch_object")
    observed = f"UIDs {[each.uids for each in bodies]}"
    if bodies:
        scenario.judge.contradicted("SYN-405", "nothing is fetched where nothing is new", observed, bodies[0].entry)


@client_case("newest-object-is-removed", "SYN-405")
def test_newest_object_is_removed(scenario: Scenario) -> None:
    """A client takes no old object for a new one when the newest was removed and its UID is the last known."""
    scenario.establish(usual_base())
    scenario.on_server.remove(CONVERSATION, "message-2")
    run = scenario.synchronize()
    bodies = run.of_kind("fetch_object")
    if bodies:
        scenario.judge.contradicted("SYN-405", "nothing is fetched", f"UIDs {bodies[0].uids}", bodies[0].entry)
    scenario.judge_end_state("SYN-405", covers=ALL)


PROFILES: dict[str, Behaviour] = {
    "no-mod-sequences": Behaviour(mod_sequences=False),
    "mod-sequences-above-2-to-the-32": Behaviour(first_modseq=2**32 - 2),
    "largest-mod-sequences": Behaviour(first_modseq=MAX_MOD_SEQUENCE - 1000),
    "condstore-without-qresync": Behaviour().without("QRESYNC"),
    "no-extension-at-all": Behaviour(extensions=frozenset()),
}


@pytest.mark.parametrize("behaviour", PROFILES.values(), ids=list(PROFILES))
@client_case("metadata-on-every-server-profile", "SYN-515")
def test_metadata_on_every_server_profile(laboratory: Laboratory, behaviour: Behaviour) -> None:
    """A client brings metadata together with and without mod-sequences, and with very large ones."""
    scenario = laboratory.open(behaviour)
    base = folder(CONVERSATION, item("message-8", "\\Seen"), item("message-9", "\\Seen"), within=usual_base())
    scenario.establish(base)
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
    scenario.on_server.set_flags(CONVERSATION, "message-8", remove=["\\Seen"])
    scenario.on_client.set_flags(CONVERSATION, "message-2", add=["\\Answered"])
    scenario.on_client.set_flags(CONVERSATION, "message-9", remove=["\\Seen"])
    scenario.synchronize()
    if not scenario.findings.differences:
        scenario.on_server.set_flags(CONVERSATION, "message-2", add=["\\Seen"])
        scenario.on_server.set_flags(ARCHIVE, "message-3", add=["\\Flagged"])
        scenario.synchronize()
    scenario.judge_end_state("SYN-515", covers=ALL)


@client_case("foreign-change-between-own-changes", "SYN-515")
def test_foreign_change_between_own_changes(scenario: Scenario) -> None:
    """A client sees a change of flags that another client made while its own changes were on their way."""
    scenario.establish(usual_base())
    scenario.on_client.set_flags(CONVERSATION, "message-2", add=["\\Seen"])
    change = meanwhile(STORE_COMMAND, lambda: scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Seen"]))
    interrupt(scenario, change)
    scenario.synchronize()
    scenario.judge_end_state("SYN-515", covers=ALL)


@client_case("superior-that-cannot-be-selected", "SYN-313", needs=("folder.nested",))
def test_superior_that_cannot_be_selected(laboratory: Laboratory) -> None:
    r"""A client synchronizes what is below a `\Noselect` name, and does not run against that name again and again."""
    scenario = laboratory.open()
    scenario.establish(usual_base())
    scenario.on_server.put(("Level", "Folder"), item("message-11"))
    scenario.store.second_client.remove_folder(scenario.store.name(("Level",)))
    scenario.judge.step("on the server: Level can no longer be selected, its inferior can")
    left = {path: items for path, items in scenario.on_server.state.folders.items() if path != ("Level",)}
    scenario.on_server.state = StoreState(left)
    scenario.synchronize()
    scenario.judge_end_state("SYN-313", covers=ALL)
    again = scenario.run_once()
    touched = [each for each in again.of_kind("create_folder", "remove_folder") if each.folder == "Level"]
    if touched:
        scenario.judge.contradicted("SYN-313", "the name is left alone", touched[0].command, touched[0].entry)
