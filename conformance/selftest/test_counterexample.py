"""Counterexamples are kept by a run, read back whole or refused, and run again against any server and client."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from click.testing import CliRunner, Result

from conformance.cli import cli
from conformance.cli.options import configuration, with_seed
from conformance.cli.replay import FIXED, FLAKY, REPRODUCED
from conformance.clients.protocol import SyncResult
from conformance.clients.simulation import SimulatedClient
from conformance.configuration import DEFAULT_SEED, Configuration, Profile, Roles
from conformance.execution import opening
from conformance.execution.launcher import launch
from conformance.faults.client.histories import EqualsUploadedOnce, FlagsNotKept
from conformance.faults.hooks import ClientHook
from conformance.model.history import AddObject, History, RemoveObject, Synchronize
from conformance.model.objects import message
from conformance.model.states import Item, Side, StoreState
from conformance.outcomes import CaseResult, Outcome
from conformance.problems import ConfigurationProblem, UsageProblem
from conformance.reference.client.object_step import ObjectStep
from conformance.scenario.counterexample import SavedCounterexample, read_counterexample
from conformance.scenario.stage import Stage
from conformance.servers.simulation import SimulatedServer
from conformance.strategies.store_sequences import sequences
from conformance.strategies.store_steps import Step

A = ("A",)
TWINS = History(
    StoreState().put(A, Item("old", message("same"))),
    (AddObject(Side.LOCAL, A, Item("new", message("same"))), Synchronize()),
)
SAVED = SavedCounterexample(
    "random-histories",
    "client",
    ("SYN-408",),
    TWINS,
    TWINS,
    "two",
    "one",
    (3, 3),
    "simulation",
    "reference",
    "0",
    1,
    "ci",
)


class _Silent:
    def expect(self, cases: int) -> None:
        """Nobody watches."""

    def finished(self, result: CaseResult) -> None:
        """Nobody watches."""


def _judged(output: Path, fault: type[ObjectStep]) -> CaseResult:
    synchronizer = ClientHook(fault).synchronizer
    case = "random-divergence-without-conflict"
    configuration = Configuration(
        client="reference", role=Roles.CLIENT, profile=Profile.QUICK, select=(case,), output=output, server="simulation"
    )
    with SimulatedServer() as server, SimulatedClient(synchronizer) as client:
        return launch(configuration, _Silent(), Stage(server, client)).results[case]


def test_a_run_keeps_what_failed(tmp_path: Path) -> None:
    """A failed random case names a file beside the report, with the failure in words and as data."""
    result = _judged(tmp_path, FlagsNotKept)
    assert result.outcome is Outcome.FAIL
    assert result.replay is not None
    saved = read_counterexample(tmp_path / result.replay.removeprefix("cpm-conformance replay "))
    assert saved.reproduced == (3, 3)
    assert (saved.server, saved.client, saved.profile) == ("simulation", "reference", "quick")
    assert isinstance(saved.value, History)
    assert isinstance(saved.drawn, History)
    assert len(saved.value.steps) <= 3
    assert len(saved.drawn.steps) >= len(saved.value.steps)
    assert saved.told[0].startswith("base: ")
    assert saved.told[-1].startswith("observed: flag not")


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Everything in the file comes back."""
    saved = replace(SAVED, setting={"before": "no-extension"})
    saved.write(tmp_path / "deep" / "one.json")
    assert read_counterexample(tmp_path / "deep" / "one.json") == saved


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda told: told.pop("run"), "'run' is missing"),
        (lambda told: told.update(format="cpm-conformance-counterexample/9"), "its format is not"),
        (lambda told: told.update(role="both"), "'role' is 'both'"),
        (lambda told: told.update(server=7), "'server' is not a text"),
        (lambda told: told["run"]["steps"].append({"do": "dance"}), "'do' is 'dance'"),
        (lambda told: told.update(reproduced=[]), "random"),
    ],
)
def test_a_spoiled_file_is_refused(tmp_path: Path, spoil: Any, told: str) -> None:
    """The problem names the file, what is wrong in it, and the mend."""
    written = SAVED.to_json()
    spoil(written)
    path = tmp_path / "random.json"
    path.write_text(json.dumps(written), "utf-8")
    with pytest.raises(ConfigurationProblem) as refused:
        read_counterexample(path)
    assert told in str(refused.value)
    assert "as it was written" in str(refused.value)


def _replayed(path: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["replay", str(path), *options])


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A file with a counterexample of a client that stores equal objects once."""
    path = tmp_path / "twins.json"
    SAVED.write(path)
    return path


class _SometimesFaulty(SimulatedClient):
    """Behaves rightly in every second synchronization that has something to store."""

    turns = 0

    def synchronize(self, timeout: float) -> SyncResult:
        type(self).turns += 1
        fault = ClientHook(EqualsUploadedOnce).synchronizer
        self.client.synchronizer = fault if type(self).turns % 8 < 4 else SimulatedClient().synchronizer
        return super().synchronize(timeout)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Callable[[SimulatedClient], None]:
    """Puts a given client in the place of the one that is named."""

    def instead(made: SimulatedClient) -> None:
        monkeypatch.setattr(opening, "client_within_reach", lambda *_: made)

    return instead


def test_a_fault_that_is_there_is_reproduced(saved: Path, client: Any, tmp_path: Path) -> None:
    """Exit code 1, the history in words, and what fails; the wire on demand."""
    client(SimulatedClient(ClientHook(EqualsUploadedOnce).synchronizer))
    result = _replayed(saved, "--wire", str(tmp_path / "wire.txt"))
    assert result.exit_code == REPRODUCED, result.output
    assert "local added new to A" in result.output
    assert "SYN-408" in result.output
    assert "reproduced: 3 of 3 times" in result.output
    assert " APPEND " not in (tmp_path / "wire.txt").read_text("utf-8").rpartition("synchronize begins")[2]


def test_a_fault_that_is_gone_is_fixed(saved: Path) -> None:
    """Exit code 0 against a right client."""
    result = _replayed(saved, "--times", "2")
    assert result.exit_code == FIXED, result.output
    assert "0 of 2 times" in result.output


def test_a_fault_that_comes_and_goes_is_flaky(saved: Path, client: Any) -> None:
    """Exit code 2, with the rate."""
    client(_SometimesFaulty())
    result = _replayed(saved, "--times", "6")
    assert result.exit_code == FLAKY, result.output
    assert "of 6 times" in result.output


def test_another_server_can_be_named(saved: Path) -> None:
    """The same history runs against other implementations than those it names."""
    assert _replayed(saved, "--server", "reference", "--times", "1").exit_code == FIXED


def test_what_cannot_be_run_is_no_result(saved: Path, tmp_path: Path) -> None:
    """A missing file, an unknown server, a server of the suite that nobody knows: a problem, never a verdict."""
    with pytest.raises(ConfigurationProblem, match="No such file"):
        CliRunner().invoke(cli, ["replay", str(tmp_path / "none.json")], catch_exceptions=False)
    with pytest.raises(UsageProblem):
        CliRunner().invoke(cli, ["replay", str(saved), "--server", "nowhere"], catch_exceptions=False)
    replace(SAVED, setting={"before": "unheard-of"}).write(saved)
    with pytest.raises(ConfigurationProblem, match="unheard-of"):
        CliRunner().invoke(cli, ["replay", str(saved)], catch_exceptions=False)


def test_a_server_is_judged_by_the_reference_client(tmp_path: Path) -> None:
    """A counterexample of a server needs no client but ours."""
    history = History(TWINS.base, (RemoveObject(Side.LOCAL, A, "old"), Synchronize()))
    path = tmp_path / "server.json"
    replace(SAVED, role="server", requirements=("SYN-801",), value=history, drawn=history, client="none").write(path)
    assert _replayed(path).exit_code == FIXED


def test_a_sequence_of_storage_operations_is_kept_and_run_again(tmp_path: Path) -> None:
    """A counterexample of the operations of several sessions is read back, told in words, and needs no client."""
    steps = drawn_sequence()
    path = tmp_path / "sequence.json"
    replace(SAVED, role="server", requirements=("OP03-S1",), value=steps, drawn=steps, client="none").write(path)
    assert read_counterexample(path).value == steps
    result = _replayed(path, "--times", "1")
    assert result.exit_code == FIXED, result.output
    assert "session 0" in result.output


def drawn_sequence() -> tuple[Step, ...]:
    """One drawn sequence of storage operations."""
    found: list[tuple[Step, ...]] = []

    @hypothesis.seed(3)
    @hypothesis.settings(max_examples=5, database=None, phases=[hypothesis.Phase.generate])
    @hypothesis.given(sequences())
    def draw(steps: tuple[Step, ...]) -> None:
        found.append(steps)

    draw()
    return found[-1]


def test_a_script_that_stands_alone_lies_beside_it(tmp_path: Path) -> None:
    """Beside each counterexample of a client lies a Python script that imports nothing but the standard library."""
    result = _judged(tmp_path, FlagsNotKept)
    assert result.replay is not None
    script = (tmp_path / result.replay.removeprefix("cpm-conformance replay ")).with_suffix(".py").read_text("utf-8")
    imported = {
        line.split()[1].partition(".")[0] for line in script.splitlines() if line.startswith(("import ", "from "))
    }
    assert imported <= sys.stdlib_module_names
    assert "cpm-conformance adapter reference" in script


@pytest.mark.parametrize(
    ("profile", "given", "drawn"), [("quick", None, False), ("nightly", None, True), ("nightly", 5, False)]
)
def test_a_nightly_run_has_a_seed_of_its_own(profile: str, given: int | None, drawn: bool) -> None:  # noqa: FBT001
    """Only a nightly run without a seed chooses one; every other repeats the same draws."""
    settings = configuration(None, (), profile=profile, seed=given)
    chosen = {with_seed(settings, given).seed for _ in range(3)}
    assert (len(chosen) == 3) == drawn
    assert drawn or chosen == {given or DEFAULT_SEED}
