"""5.5.2.20 as a whole: a synchronization without changes is silent."""

from __future__ import annotations

from conformance.cases.declaration import client_case
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, item, usual_base
from conformance.scenario.scenario import Scenario

CHANGES = (
    "create_folder",
    "remove_folder",
    "rename_folder",
    "store_object",
    "remove_object",
    "update_metadata",
    "copy_object",
)


@client_case("second-synchronization-changes-nothing", "SYN-701", "SYN-702")
def test_second_synchronization_changes_nothing(scenario: Scenario) -> None:
    """A client that has just synchronized changes nothing and transfers no object when it synchronizes again."""
    scenario.establish(folder(ARCHIVE, item("message-9", "\\Seen"), within=usual_base()))
    scenario.on_client.put(CONVERSATION, item("message-11"))
    scenario.on_server.put(ARCHIVE, item("message-12", "\\Flagged"))
    scenario.synchronize()
    before = scenario.snapshots()
    runs = [scenario.run_once() for _ in range(2)]
    after = scenario.snapshots()
    changes = [each for run in runs for each in run.of_kind(*CHANGES) if each.changed]
    observed = ", ".join(f"{each.kind} in {each.folder}" for each in changes) or "other content than before"
    entry = changes[0].entry if changes else runs[-1].last
    if scenario.findings.differences:
        scenario.judge_end_state("SYN-701")
    else:
        expected = "the same content, UIDs and flags on both sides, and no change on the wire"
        scenario.judge.check("SYN-701", before == after and not changes, expected, observed, entry)
    bodies = [each for run in runs for each in run.of_kind("fetch_object")]
    body_entry = bodies[0].entry if bodies else None
    scenario.judge.check("SYN-702", not bodies, "no object is transferred", f"{len(bodies)} fetches", body_entry)
