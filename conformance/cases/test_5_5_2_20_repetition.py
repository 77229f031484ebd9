"""5.5.2.20 as a whole: a synchronization without changes is silent."""

from __future__ import annotations

from conformance.cases.declaration import client_case
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, item, usual_base
from conformance.scenario.scenario import Scenario
from conformance.scenario.wire_laws import apply_law


@client_case("second-synchronization-changes-nothing", "SYN-701", "SYN-702")
def test_second_synchronization_changes_nothing(scenario: Scenario) -> None:
    """A client that has just synchronized changes nothing and transfers no object when it synchronizes again."""
    scenario.establish(folder(ARCHIVE, item("message-9", "\\Seen"), within=usual_base()))
    with scenario.if_claimed():
        scenario.on_client.put(CONVERSATION, item("message-11"))
    with scenario.if_claimed():
        scenario.on_server.put(ARCHIVE, item("message-12", "\\Flagged"))
    scenario.synchronize()
    repeated = [scenario.repeat() for _ in range(2)]
    runs = [run for run, _, _ in repeated]
    changes = [each for _, changed, _ in repeated for each in changed]
    same = all(each for _, _, each in repeated)
    observed = ", ".join(f"{each.kind} in {each.folder}" for each in changes) or "other content than before"
    entry = changes[0].entry if changes else runs[-1].last
    if scenario.findings.differences:
        scenario.judge_end_state("SYN-701")
    else:
        expected = "the same content, UIDs and flags on both sides, and no change on the wire"
        scenario.judge.check("SYN-701", same and not changes, expected, observed, entry)
    apply_law(scenario, "SYN-702", runs)
