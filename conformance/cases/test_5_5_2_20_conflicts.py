"""5.5.2.20 where both sides changed the same thing: both have to agree, nothing may be lost, who wins is open."""

from __future__ import annotations

from conformance.cases.declaration import client_case
from conformance.scenario.content import ARCHIVE, CONVERSATION, holding, item, messages, usual_base
from conformance.scenario.scenario import ALL, Scenario


@client_case("object-removed-on-both-sides", "SYN-601")
def test_object_removed_on_both_sides(scenario: Scenario) -> None:
    """A client leaves an object that was removed on both sides removed, and finds no error in it."""
    scenario.establish(usual_base())
    scenario.on_server.remove(CONVERSATION, "message-1")
    scenario.on_client.remove(CONVERSATION, "message-1")
    run = scenario.synchronize()
    scenario.judge_end_state("SYN-601", covers=ALL)
    scenario.judge.check("SYN-601", run.result.success, "no error", run.result.detail, run.last)


@client_case("removed-locally-flagged-on-server", "SYN-602")
def test_removed_locally_flagged_on_server(scenario: Scenario) -> None:
    """A client ends with both sides alike where an object was removed locally and flagged on the server."""
    scenario.establish(usual_base())
    scenario.on_client.remove(CONVERSATION, "message-1")
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
    scenario.synchronize()
    _judge_removal_against_change(scenario, "SYN-602")


@client_case("removed-on-server-flagged-locally", "SYN-603")
def test_removed_on_server_flagged_locally(scenario: Scenario) -> None:
    """A client ends with both sides alike where an object was removed on the server and flagged locally."""
    scenario.establish(usual_base())
    scenario.on_server.remove(CONVERSATION, "message-1")
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
    scenario.synchronize()
    _judge_removal_against_change(scenario, "SYN-603")


def _judge_removal_against_change(scenario: Scenario, requirement: str) -> None:
    kept = [remark for remark in scenario.findings.remarks if remark.subject == "message-1"]
    if kept and not scenario.findings.differences:
        scenario.judge.undecided(requirement, "gone on both sides", f"kept on both sides: {kept[0].text}")
    scenario.judge_end_state(requirement, covers=ALL)


@client_case("same-flag-changed-on-both-sides", "SYN-604")
def test_same_flag_changed_on_both_sides(scenario: Scenario) -> None:
    """A client keeps a flag that both sides set."""
    scenario.establish(usual_base())
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Seen"])
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Seen"])
    scenario.synchronize()
    scenario.judge_end_state("SYN-604", covers=ALL)


@client_case("folder-removed-locally-filled-on-server", "SYN-606")
def test_folder_removed_locally_filled_on_server(scenario: Scenario) -> None:
    """A client ends with both sides alike where a folder was removed locally while it got news on the server."""
    scenario.establish(usual_base())
    scenario.on_client.remove_folder(ARCHIVE)
    scenario.on_server.put(ARCHIVE, item("message-11"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-606", covers=ALL)


@client_case("folder-removed-on-server-filled-locally", "SYN-607")
def test_folder_removed_on_server_filled_locally(scenario: Scenario) -> None:
    """A client ends with both sides alike where a folder was removed on the server while it got news locally."""
    scenario.establish(usual_base())
    scenario.on_server.remove_folder(ARCHIVE)
    scenario.on_client.put(ARCHIVE, item("message-11"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-607", covers=ALL)


@client_case("same-object-on-both-sides-without-base", "SYN-608")
def test_same_object_on_both_sides_without_base(scenario: Scenario) -> None:
    """A client that first finds the same object on both sides ends with both sides alike."""
    same = item("message-11")
    scenario.on_server.put(CONVERSATION, same, item("message-12"))
    scenario.on_client.put(CONVERSATION, same, item("message-13"))
    scenario.synchronize()
    scenario.judge_end_state("SYN-608", covers=ALL)


@client_case("new-uid-validity-with-the-same-content", "SYN-609")
def test_new_uid_validity_with_the_same_content(scenario: Scenario) -> None:
    """A client holds every object once on both sides after the server gave a folder a new UIDVALIDITY."""
    scenario.require_renewal()
    scenario.establish(usual_base())
    scenario.renew_uid_validity(CONVERSATION)
    _judge_anew(scenario, "SYN-609")


@client_case("new-uid-validity-with-other-content", "SYN-610")
def test_new_uid_validity_with_other_content(scenario: Scenario) -> None:
    """A client holds the new content only after the server replaced all of a folder under a new UIDVALIDITY."""
    scenario.require_renewal()
    scenario.establish(usual_base())
    scenario.on_server.remove(CONVERSATION, *sorted(scenario.base.folders[CONVERSATION]))
    scenario.on_server.put(CONVERSATION, *messages("message-31", "message-32", "message-33"))
    scenario.renew_uid_validity(CONVERSATION)
    _judge_anew(scenario, "SYN-610")


def _judge_anew(scenario: Scenario, requirement: str) -> None:
    """A client that refuses such a folder, and leaves both sides as they are, is not decided about."""
    before = scenario.snapshots()
    run = scenario.synchronize()
    if scenario.refused_untouched(run, before):
        observed = f"refused, both sides untouched: {run.result.detail}"
        scenario.judge.undecided(requirement, "the folder is synchronized anew", observed)
        return
    scenario.judge_end_state(requirement, covers=ALL)


@client_case("object-moved-on-server", "SYN-612")
def test_object_moved_on_server(scenario: Scenario) -> None:
    """A client follows an object that was moved to another folder on the server."""
    scenario.establish(usual_base())
    scenario.on_server.move("message-1", CONVERSATION, ARCHIVE)
    scenario.synchronize()
    scenario.judge_end_state("SYN-612", covers=ALL)


@client_case("object-moved-locally", "SYN-613")
def test_object_moved_locally(scenario: Scenario) -> None:
    """A client moves an object on the server that was moved to another folder in local storage."""
    scenario.establish(usual_base())
    scenario.on_client.move("message-1", CONVERSATION, ARCHIVE)
    scenario.synchronize()
    scenario.judge_end_state("SYN-613", covers=ALL)


@client_case("object-moved-to-different-folders", "SYN-614")
def test_object_moved_to_different_folders(scenario: Scenario) -> None:
    """A client keeps an object that was moved to different folders on the two sides, and both sides alike."""
    scenario.establish(usual_base())
    content = scenario.base.folders[CONVERSATION]["message-1"].content
    scenario.on_server.move("message-1", CONVERSATION, ARCHIVE)
    scenario.on_client.move("message-1", CONVERSATION, ("Elsewhere",))
    scenario.synchronize()
    alike, contents = scenario.agreement()
    copies = contents[scenario.stage.equality.identity(content.octets)]
    observed = f"{copies} copies on the server, the sides {'agree' if alike else 'differ'}"
    expected = "at least one copy, both sides alike"
    scenario.judge.check("SYN-614", alike and copies, expected, observed, follows=scenario.plainly_broken())
    scenario.judge.remark(observed)


@client_case("folder-renamed-differently-on-both-sides", "SYN-616")
def test_folder_renamed_differently_on_both_sides(scenario: Scenario) -> None:
    """A client loses no object of a folder that was renamed differently on the two sides, and ends with both alike."""
    scenario.establish(usual_base())
    contents = [each.content for each in scenario.base.folders[ARCHIVE].values()]
    scenario.on_server.rename_folder(ARCHIVE, ("Renamed on the server",))
    scenario.on_client.rename_folder(ARCHIVE, ("Renamed locally",))
    scenario.synchronize()
    alike, held = scenario.agreement()
    lost = [each for each in contents if not held[scenario.stage.equality.identity(each.octets)]]
    observed = f"{len(lost)} objects lost, the sides {'agree' if alike else 'differ'}"
    expected = "no object lost, both sides alike"
    scenario.judge.check("SYN-616", alike and not lost, expected, observed, follows=scenario.plainly_broken())


@client_case("stranger-with-the-same-text", "SYN-704")
def test_stranger_with_the_same_text(scenario: Scenario) -> None:
    """A client keeps two different objects whose texts are the same."""
    scenario.establish(usual_base())
    one, other = item("message-51"), item("message-52")
    scenario.on_server.put(CONVERSATION, one)
    scenario.on_client.put(CONVERSATION, holding("other", other.content))
    scenario.synchronize()
    scenario.judge_end_state("SYN-704")
