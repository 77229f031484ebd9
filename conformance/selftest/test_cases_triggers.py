"""5.5.2.20 triggers: a client that is wrong where it runs by itself is failed for just that, a right one by nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from conformance.clients.protocol import AdapterCannot
from conformance.clients.reference import ReferenceClient
from conformance.faults.client import triggers as faults
from conformance.faults.null import NullClient
from conformance.imap.transcript import Transcript
from conformance.model.triggers import Triggers
from conformance.outcomes import Outcome
from conformance.reference.client.background import Background
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.report import Report
from conformance.scenario.judge import Judge
from conformance.scenario.scenario import Scenario
from conformance.scenario.stage import Bounds, Stage
from conformance.scenario.unattended import Unattended
from conformance.selftest.running import judged
from conformance.servers.reference import ReferenceStorageServer
from conformance.spec import requirement

TRIGGERS = ("SYN-203", "SYN-204", "SYN-207", "SYN-208")
BOUNDS = Bounds(synchronize=1.5, answer=5.0, period=0.4, reaction=1.0)
PERIODIC = "periodic-synchronization"
TOGETHER = "several-triggers-at-once"


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceStorageServer]:
    """One server for all clients."""
    with ReferenceStorageServer() as started:
        yield started


def report_of(server: ReferenceStorageServer, background: type[Background], *select: str) -> Report:
    """The report of the selected cases about the reference client with that background; no thread is left."""
    with ReferenceClient(background=background) as client:
        report = judged(server, client, select, bounds=BOUNDS)
    assert not [each for each in threading.enumerate() if each.name == "reference-client"]
    return report


def outcomes(report: Report) -> dict[str, Outcome]:
    """The outcome of each requirement that was judged."""
    return {each.id: each.outcome for each in report.requirements if each.outcome is not Outcome.NOT_RUN}


def failed(report: Report) -> set[str]:
    """The requirements that were contradicted."""
    return {each.id for each in report.requirements if each.outcome is Outcome.FAIL}


@pytest.mark.parametrize("background", [faults.Deadlocked, faults.SideBySide])
def test_what_several_triggers_spoil_is_recorded(server: ReferenceStorageServer, background: type[Background]) -> None:
    """SYN-208 fails nothing by itself, but what was seen stands in the report."""
    report = report_of(server, background, TOGETHER)
    assert outcomes(report)["SYN-208"] is Outcome.PASS
    assert any(each.startswith("SYN-208") for each in report.cases[0].remarks)


def test_triggers_that_lead_to_nothing_together_are_a_failure(server: ReferenceStorageServer) -> None:
    """Each trigger that the client claims has to work, also beside another one."""
    assert failed(report_of(server, faults.Deadlocked, TOGETHER)) == {"SYN-203", "SYN-204"}


@pytest.mark.parametrize("number", [1, 2])
def test_the_reference_client_passes(server: ReferenceStorageServer, number: int) -> None:
    """A correct client is failed neither the first time nor by chance the next, and claims all three triggers."""
    with ReferenceClient() as client:
        report = judged(server, client, TRIGGERS)
    assert outcomes(report) == dict.fromkeys((*TRIGGERS, "SYN-705"), Outcome.PASS), number


def test_a_client_that_claims_no_trigger_is_not_judged(server: ReferenceStorageServer) -> None:
    """The triggers are examples of the text; a client without them lacks nothing."""
    with NullClient() as client:
        seen = outcomes(judged(server, client, TRIGGERS))
    assert seen == dict.fromkeys((*TRIGGERS, "SYN-705"), Outcome.NOT_APPLICABLE)


def test_a_claim_that_the_adapter_cannot_set_off_fails_no_client(server: ReferenceStorageServer) -> None:
    """Where nobody can let the client run by itself, nothing can be said of it."""
    with (
        NullClient() as client,
        Scenario(Stage(server, client), Judge(requirement, ""), Transcript()) as scenario,
        pytest.raises(AdapterCannot, match="cannot let it run by itself"),
    ):
        Unattended(scenario, Triggers(period=1.0))


def test_a_synchronization_that_brings_nothing_is_not_held_against_the_trigger(server: ReferenceStorageServer) -> None:
    """A client that synchronizes in time, but wrongly, fails what it does wrong."""
    with ReferenceClient(faults.FetchesOnce) as client:
        report = judged(server, client, [PERIODIC], bounds=BOUNDS)
    assert failed(report) == {"SYN-403", "OP04-C1"}
    assert outcomes(report)["SYN-203"] is Outcome.INCONCLUSIVE


def test_a_server_without_idle_is_asked() -> None:
    """Where IDLE is not offered the reference client asks for news, and takes them for notices."""
    without = ReferenceServer(Behaviour().without("IDLE"))
    with ReferenceStorageServer(without) as server, ReferenceClient() as client:
        assert outcomes(judged(server, client, ["SYN-207"]))["SYN-207"] is Outcome.PASS


def test_what_the_client_tells_of_its_own_failures_stands_in_the_report(server: ReferenceStorageServer) -> None:
    """A client whose background fails is not believed to have worked."""
    report = report_of(server, faults.Stumbling, PERIODIC)
    assert any("are failures, the first: " in each for each in report.cases[0].remarks)
