"""A whole synchronization in memory: the same scenario, the same judgement, the same octets every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.clients.protocol import StorageClient
from conformance.clients.registry import open_client
from conformance.clients.simulation import SimulatedClient
from conformance.configuration import Roles
from conformance.execution.simulation import client_within_reach
from conformance.faults.hooks import Hook, answers_ok, faulty
from conformance.faults.null import NullClient
from conformance.imap.memory_proxy import MemoryProxy
from conformance.imap.session import FetchedObject
from conformance.imap.transcript import EntryDirection, Transcript
from conformance.model.folders import FolderPath
from conformance.model.objects import message
from conformance.model.states import Item, StoreState
from conformance.outcomes import Outcome
from conformance.problems import UsageProblem
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer
from conformance.scenario.disturbance import cut_after, interrupt, meanwhile
from conformance.scenario.judge import Judge
from conformance.scenario.places import FETCH_COMMAND, SELECT_ANSWER
from conformance.scenario.scenario import Scenario
from conformance.scenario.stage import Stage
from conformance.selftest.running import judged
from conformance.servers.reference import ReferenceStorageServer
from conformance.servers.registry import SERVERS, open_server
from conformance.servers.simulation import SimulatedServer, steady_clock
from conformance.spec import requirement

A: FolderPath = ("Gamma é",)
B: FolderPath = ("B",)


def _item(name: str, *flags: str) -> Item:
    return Item(name, message(name), frozenset(flags))


def _establish(scenario: Scenario) -> None:
    scenario.establish(StoreState({A: {}, B: {}}).put(A, _item("base-1", "\\Seen"), _item("base-2")))


def _synchronize(scenario: Scenario) -> None:
    """News, a removal and changed flags on both sides."""
    _establish(scenario)
    scenario.on_server.put(A, _item("new-1"))
    scenario.on_server.set_flags(A, "base-1", add=["\\Flagged"])
    scenario.on_client.put(("New",), _item("new-2", "\\Seen"))
    scenario.on_client.remove(A, "base-2")
    scenario.synchronize()


def _played(
    play: Callable[[Scenario], None], server: SimulatedServer | None = None, client: StorageClient | None = None
) -> tuple[Scenario, list[tuple[int, str, EntryDirection, bytes]]]:
    """A scenario on its own server and client, and its transcript without times."""
    transcript = Transcript()
    with server or SimulatedServer() as started, client or SimulatedClient() as tested:
        with Scenario(Stage(started, tested), Judge(requirement, ""), transcript) as scenario:
            assert isinstance(scenario.proxy, MemoryProxy)
            play(scenario)
        told = [(each.number, each.connection, each.direction, each.octets) for each in transcript.entries()]
        return scenario, told


def test_a_whole_scenario() -> None:
    """It comes to the end that the oracle demands, in one thread."""
    threads = threading.active_count()

    def play(scenario: Scenario) -> None:
        _synchronize(scenario)
        assert threading.active_count() == threads
        assert scenario.proxy.connections == len(scenario.runs) == 2

    scenario, told = _played(play)
    assert scenario.findings.differences == ()
    assert {connection for _, connection, _, _ in told} == {"suite", "observer-1", "second-1", "client-1", "client-2"}


def test_two_runs_are_the_same_octet_for_octet() -> None:
    """The same steps give the same transcript, on another server and on another account of the same one."""
    server, client = SimulatedServer(), SimulatedClient()
    told = [_played(_synchronize, server, client)[1] for _ in range(2)]
    told.append(_played(_synchronize)[1])
    assert told[0] == told[1] == told[2]


def test_two_processes_are_the_same_octet_for_octet(tmp_path: Path) -> None:
    """No order depends on how a process hashes its strings."""
    files = [tmp_path / f"{seed}.json" for seed in range(2)]
    for seed, file in enumerate(files):
        code = "import sys; from conformance.selftest import test_simulation as this; this.write(sys.argv[1])"
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(Path(__file__).parents[2])}
        subprocess.run([sys.executable, "-c", code, str(file)], env=environment, check=True, timeout=60)
    assert files[0].read_bytes() == files[1].read_bytes()


def write(file: str) -> None:
    """Write the transcript of one scenario."""
    _, told = _played(_synchronize)
    Path(file).write_text(json.dumps([[*rest, octets.hex()] for *rest, octets in told]))


def test_a_fault_of_the_client_is_found() -> None:
    """A client that is broken in one step is broken in memory, too."""

    class Forgetful(ObjectStep):
        def download(self, each: FetchedObject) -> None:
            if b"new-1" not in each.octets:
                super().download(each)

    class Broken(Synchronizer):
        object_step = Forgetful

    scenario, _ = _played(_synchronize, client=SimulatedClient(Broken))
    assert [each.subject for each in scenario.findings.differences] == ["new-1"]


def test_a_fault_of_the_server_is_one() -> None:
    """The parts of a broken server work without being started."""
    with SimulatedServer(faulty(Hook(commands={"CREATE": answers_ok})).server) as server:
        report = judged(server, None, ["OP08-S1"], role=Roles.SERVER)
    assert Outcome.FAIL in {case.outcome for case in report.cases}


def test_the_server_changes_during_the_run() -> None:
    """A change by another client in the middle of a command takes effect in the same run or the next."""

    def play(scenario: Scenario) -> None:
        _establish(scenario)
        scenario.on_server.put(A, _item("new-1"))
        change = meanwhile(FETCH_COMMAND, lambda: scenario.on_server.put(B, _item("new-3")))
        assert interrupt(scenario, change).result.success
        scenario.synchronize()

    scenario, _ = _played(play)
    assert scenario.findings.differences == ()


def test_a_cut_run_is_completed_by_the_next() -> None:
    """A disturbance of the wire works as it does over sockets."""

    def play(scenario: Scenario) -> None:
        _establish(scenario)
        scenario.on_client.put(B, _item("new-1"))
        assert not interrupt(scenario, cut_after(SELECT_ANSWER)).result.success
        scenario.synchronize()

    scenario, _ = _played(play)
    assert scenario.findings.differences == ()


def test_an_error_of_an_interceptor_is_raised() -> None:
    """Whoever disturbs a run hears what went wrong with that."""

    def fail() -> None:
        raise LookupError("there is no such object")

    def play(scenario: Scenario) -> None:
        _establish(scenario)
        interrupt(scenario, meanwhile(SELECT_ANSWER, fail))

    with pytest.raises(LookupError, match="no such object"):
        _played(play)


def test_accounts_tell_the_same_dates_unless_they_tell_the_time() -> None:
    """The clock of an account begins anew; on the command line the server tells the time."""
    clock, other = steady_clock(), steady_clock()
    assert [clock(), clock()] == [other(), other()]
    asked = open_server("simulation", {})
    assert isinstance(asked, SimulatedServer)
    with asked as server:
        server.fresh_account()
        assert server.server.accounts.clock() > clock()
        assert server.identify().endswith("simulated")


def test_the_server_is_found_by_its_name() -> None:
    """It has the options of the reference server."""
    assert "simulation" in SERVERS.names()
    server = open_server("simulation", {"delimiter": "."})
    assert isinstance(server, SimulatedServer)
    assert server.server.behaviour.delimiter == "."


def _run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "conformance", "run", "--server", "simulation", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False, env=environment)


def test_the_command_line(tmp_path: Path) -> None:
    """Cases of the client run before the simulated server, among them those that kill it."""
    selection = ["--select", "SYN-406", "--select", "client-is-killed"]
    done = _run("--role", "client", *selection, "--output", "report", cwd=tmp_path)
    assert done.returncode in (0, 2), done.stdout + done.stderr
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert {case["outcome"] for case in report["cases"]} == {"pass"}
    assert sum(case["id"].startswith("client-is-killed") for case in report["cases"]) > 5
    assert report["header"]["server"]["identity"].endswith("simulated")


def test_other_clients_are_refused(tmp_path: Path) -> None:
    """Who cannot reach into this process is told so, with the mend, before anything runs."""
    done = _run("--client", "mbsync", "--output", "report", cwd=tmp_path)
    assert done.returncode == 4
    assert "the client 'mbsync' cannot reach the simulated server" in done.stderr
    assert "→" in done.stderr


def test_who_reaches_the_simulated_server() -> None:
    """The reference client in its simulated form, no client, and before another server everybody."""
    simulated, elsewhere = SimulatedServer(), ReferenceStorageServer()
    reference, null = open_client("reference", {}), NullClient()
    assert isinstance(client_within_reach(simulated, reference), SimulatedClient)
    assert client_within_reach(simulated, None) is None
    ready = SimulatedClient()
    assert client_within_reach(simulated, ready) is ready
    assert client_within_reach(elsewhere, null) is null
    assert client_within_reach(elsewhere, reference) is reference
    with pytest.raises(UsageProblem, match="'null'"):
        client_within_reach(simulated, null)
