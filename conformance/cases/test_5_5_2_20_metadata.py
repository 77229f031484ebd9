"""5.5.2.20 step 3f: metadata of both sides is brought together, and only metadata is fetched for it."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, item, messages, usual_base
from conformance.scenario.judge import NotApplicable
from conformance.scenario.scenario import Scenario
from conformance.scenario.wire_laws import apply_law

FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft"]
FLAG_IDS = [flag.strip("\\").lower() for flag in FLAGS]


@pytest.mark.parametrize("flag", FLAGS, ids=FLAG_IDS)
@client_case("flag-set-on-server", "SYN-501", "OP13-C1")
def test_flag_set_on_server(scenario: Scenario, flag: str) -> None:
    """A client sets a flag in local storage that was set on the server."""
    scenario.establish(usual_base())
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=[flag])
    scenario.synchronize()
    scenario.judge_end_state("SYN-501", "OP13-C1")


@pytest.mark.parametrize("flag", FLAGS, ids=FLAG_IDS)
@client_case("flag-cleared-on-server", "SYN-502")
def test_flag_cleared_on_server(scenario: Scenario, flag: str) -> None:
    """A client clears a flag in local storage that was cleared on the server."""
    scenario.establish(folder(CONVERSATION, item("message-9", flag), within=usual_base()))
    scenario.on_server.set_flags(CONVERSATION, "message-9", remove=[flag])
    scenario.synchronize()
    scenario.judge_end_state("SYN-502")


@pytest.mark.parametrize("flag", FLAGS, ids=FLAG_IDS)
@client_case("flag-set-locally", "SYN-503")
def test_flag_set_locally(scenario: Scenario, flag: str) -> None:
    """A client sets a flag on the server that was set in local storage, beside those that the object has."""
    others = [each for each in FLAGS if each != flag]
    scenario.establish(folder(CONVERSATION, item("message-9", *others), within=usual_base()))
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=[flag])
    scenario.on_client.set_flags(CONVERSATION, "message-9", add=[flag])
    scenario.synchronize()
    scenario.judge_end_state("SYN-503", covers=("SYN-505",))


@pytest.mark.parametrize("flag", FLAGS, ids=FLAG_IDS)
@client_case("flag-cleared-locally", "SYN-504")
def test_flag_cleared_locally(scenario: Scenario, flag: str) -> None:
    """A client clears a flag on the server that was cleared in local storage."""
    scenario.establish(folder(CONVERSATION, item("message-9", flag), within=usual_base()))
    scenario.on_client.set_flags(CONVERSATION, "message-9", remove=[flag])
    scenario.synchronize()
    scenario.judge_end_state("SYN-504")


@client_case("several-flags-and-keywords", "SYN-505", needs=("flags.keywords",))
def test_several_flags_and_keywords(scenario: Scenario) -> None:
    """A client carries several flags and keywords both ways and drops none that it was not asked to change."""
    kept = item("message-9", "\\Seen", "$MDNSent", "CpmPinned")
    scenario.establish(folder(CONVERSATION, kept, item("message-8"), within=usual_base()))
    if not scenario.server_keeps("CpmMuted", CONVERSATION):
        raise NotApplicable("the server keeps no keywords: PERMANENTFLAGS holds no \\*")
    scenario.on_client.set_flags(CONVERSATION, "message-9", add=["\\Flagged"])
    scenario.on_server.set_flags(CONVERSATION, "message-8", add=["$Forwarded", "\\Answered"])
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=["CpmMuted"])
    scenario.synchronize()
    scenario.judge_end_state("SYN-505", covers=("SYN-501", "SYN-502", "SYN-503", "SYN-504"))


@client_case("flags-arrive-with-a-downloaded-object", "SYN-506")
def test_flags_arrive_with_a_downloaded_object(scenario: Scenario) -> None:
    """A client gives a newly fetched object the flags that it has on the server."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11", "\\Seen", "\\Flagged"), item("message-12"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-506")


@client_case("flags-arrive-with-a-stored-object", "SYN-507")
def test_flags_arrive_with_a_stored_object(scenario: Scenario) -> None:
    """A client gives a newly stored object the flags that it has in local storage."""
    scenario.establish(usual_base())
    scenario.on_client.put(CONVERSATION, item("message-11", "\\Seen", "\\Flagged"), item("message-12"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-507")


@client_case("metadata-step-fetches-metadata-only", "SYN-508")
def test_metadata_step_fetches_metadata_only(scenario: Scenario) -> None:
    """A client fetches no body of an object of which only the metadata changed."""
    names = [f"message-{number}" for number in range(10, 30)]
    scenario.establish(folder(("Many",), *messages(*names)))
    for name in names[:3]:
        scenario.on_server.set_flags(("Many",), name, add=["\\Seen"])
    run = scenario.synchronize()
    scenario.judge_end_state("SYN-501")
    apply_law(scenario, "SYN-508", [run])


@client_case("fetching-has-no-side-effect", "SYN-509", "OP04-C3")
def test_fetching_has_no_side_effect(scenario: Scenario) -> None:
    """A client fetches an unseen object and leaves it unseen, on both sides."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11"), item("message-12", "\\Flagged"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-509", "OP04-C3", covers=("SYN-506",))


@client_case("different-flags-changed-on-both-sides", "SYN-510")
def test_different_flags_changed_on_both_sides(scenario: Scenario) -> None:
    """A client brings both changes together where each side changed another flag of one object."""
    scenario.establish(usual_base())
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Seen"])
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
    scenario.synchronize()
    local, server = (each.folders.get(CONVERSATION, ()) for each in scenario.snapshots())
    lens = scenario.stage.lens()
    flags = [sorted(tuple(sorted(lens.flags(each.flags))) for each in side) for side in (local, server)]
    if not scenario.findings.differences:
        scenario.judge.passed("SYN-510")
    elif flags[0] == flags[1]:
        scenario.judge.undecided("SYN-510", "both changes on both sides", f"both sides have {flags[0]} (A7)")
    else:
        scenario.judge_end_state("SYN-510", covers=("SYN-501", "SYN-503"))


@client_case("unchanged-metadata-is-not-written", "SYN-517")
def test_unchanged_metadata_is_not_written(scenario: Scenario) -> None:
    """A client writes no metadata to the server when none changed in local storage."""
    scenario.establish(folder(ARCHIVE, item("message-9", "\\Seen"), within=usual_base()))
    scenario.on_server.put(CONVERSATION, item("message-11"))
    run = scenario.synchronize()
    scenario.judge_end_state("SYN-403")
    apply_law(scenario, "SYN-517", [run])
