"""How surely the random cases find seeded faults of clients, and that they leave a right client alone, in simulation.

`python -m conformance.selftest.power` prints, for each fault, on how many seeds the `ci` profile finds it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import click

from conformance.cases import test_5_5_2_20_divergence as divergence
from conformance.cases import test_5_5_2_20_histories as several
from conformance.cases import test_5_5_2_20_random_interruption as interruption
from conformance.clients.simulation import SimulatedClient
from conformance.configuration import Profile
from conformance.faults.catalogue import Fault, catalogue
from conformance.faults.hooks import ClientHook
from conformance.imap.transcript import Transcript
from conformance.model.history import History
from conformance.outcomes import Finding, Outcome
from conformance.reference.client.synchronizer import Synchronizer
from conformance.scenario.effort import EFFORTS, Effort
from conformance.scenario.exploration import Counterexample, Exploration, one_at_a_time
from conformance.scenario.histories import Histories
from conformance.scenario.judge import Judge
from conformance.scenario.scenario import Scenario
from conformance.scenario.stage import Stage
from conformance.servers.simulation import SimulatedServer
from conformance.spec import Role, requirement

CASES: dict[str, Callable[[Histories], None]] = {
    "random-divergence-without-conflict": divergence.test_random_divergence_without_conflict,
    "random-divergence-with-conflict": divergence.test_random_divergence_with_conflict,
    "random-histories": several.test_random_histories,
    "random-interruptions": interruption.test_random_interruptions,
    "random-kills": interruption.test_random_kills,
}


@dataclass(frozen=True)
class Found:
    """What one random case came to on one seed: its findings that are not a pass, and the simplest failing history."""

    findings: tuple[Finding, ...]
    history: History | None
    examples: int
    seconds: float

    @property
    def broken(self) -> set[str]:
        """The requirements that were contradicted."""
        return {each.requirement for each in self.findings if each.outcome is Outcome.FAIL}

    @property
    def steps(self) -> int:
        """The steps of the simplest failing history; 0 where none failed."""
        return len(self.history.steps) if self.history else 0


def explored(
    case: str, seed: int, client: type[Synchronizer] = Synchronizer, effort: Effort = EFFORTS[Profile.CI]
) -> Found:
    """Run a random case on one seed in simulation."""
    kept: list[History] = []

    def keep(found: Counterexample[object]) -> None:
        assert isinstance(found.value, History)
        kept.append(found.value)

    begun, judge = time.monotonic(), Judge(requirement, "")
    exploration = Exploration(judge, effort, seed, lambda: Judge(requirement, ""), keep)
    with SimulatedServer() as server, SimulatedClient(client) as simulated:
        stage = Stage(server, simulated)
        with one_at_a_time(lambda own, opened: opened.enter_context(Scenario(stage, own, Transcript()))) as open_one:
            CASES[case](Histories(exploration, stage, open_one))
    findings = tuple(each for each in judge.findings if each.outcome is not Outcome.PASS)
    return Found(findings, kept[0] if kept else None, exploration.run, time.monotonic() - begun)


def client_faults() -> tuple[Fault, ...]:
    """The faults of clients that one random case has to find."""
    faults = (each for each in catalogue().faults.values() if each.role is Role.CLIENT)
    return tuple(each for each in faults if len(each.cases) == 1 and each.cases[0] in CASES)


def searched(fault: Fault, seed: int) -> Found:
    """Run the random case that has to find a fault, with it, on one seed."""
    hook = catalogue().hooks[fault.id]
    assert isinstance(hook, ClientHook)
    return explored(fault.cases[0], seed, hook.synchronizer)


def _left_alone(seed: int) -> dict[str, Found]:
    return {case: explored(case, seed) for case in CASES}


def power(seeds: int, faults: tuple[Fault, ...], workers: int) -> Iterator[tuple[Fault, list[Found]]]:
    """Each fault with what was found on each seed."""
    with ProcessPoolExecutor(workers) as pool:
        waiting = [(fault, [pool.submit(searched, fault, seed) for seed in range(1, seeds + 1)]) for fault in faults]
        for fault, futures in waiting:
            yield fault, [each.result() for each in futures]


def false_alarms(seeds: int, workers: int) -> Iterator[tuple[int, str, Found]]:
    """Every seed and case on which a right client does not simply pass."""
    with ProcessPoolExecutor(workers) as pool:
        for seed, found in enumerate(pool.map(_left_alone, range(1, seeds + 1)), 1):
            yield from ((seed, case, each) for case, each in found.items() if each.findings)


@click.command()
@click.option("--seeds", type=click.IntRange(0, 1000), default=20, show_default=True, help="Seeds for each fault.")
@click.option("--green", type=click.IntRange(0, 10_000), default=200, show_default=True, help="Seeds of a right one.")
@click.option("--fault", "names", multiple=True, help="Only this fault; repeatable.")
@click.option("-n", "workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Parallel processes.")
def main(seeds: int, green: int, names: tuple[str, ...], workers: int) -> None:
    """Measure on how many seeds of the `ci` profile each fault is found; exit code 1 for too few, or a false alarm."""
    bad = 0
    faults = tuple(each for each in client_faults() if not names or each.id in names)
    click.echo("fault | found on seeds | steps of the simplest history, median and most | examples, median | case")
    for fault, found in power(seeds, faults, workers) if seeds else ():
        hits = [each for each in found if each.broken & set(fault.requirements)]
        steps, examples = [each.steps for each in hits], [each.examples for each in hits]
        told = f"{statistics.median(steps):g}, {max(steps)} | {statistics.median(examples):g}" if hits else "-"
        click.echo(f"{fault.id} | {len(hits)} of {seeds} | {told} | {fault.cases[0]}")
        bad += len(hits) < seeds * 19 / 20
    for seed, case, one in false_alarms(green, workers) if green else ():
        click.echo(f"false alarm on seed {seed} in {case}: {one.findings[0].requirement} {one.findings[0].observed}")
        bad += 1
    click.echo(f"a right client on {green} seeds, all cases of the `ci` profile: done")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
