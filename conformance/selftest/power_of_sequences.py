"""How surely random sequences of storage operations find faulty servers: `python -m ...power_of_sequences [seeds]`.

Each fault is looked for with as many seeds; told are how often it is found, after how many examples, and how many steps
the simplest example has.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from statistics import median

from conformance.configuration import Profile
from conformance.faults.catalogue import Fault, catalogue
from conformance.faults.hooks import Hook, faulty
from conformance.faults.trial import is_contradiction
from conformance.imap.transcript import Transcript
from conformance.outcomes import Finding, Outcome
from conformance.scenario.effort import EFFORTS, Effort
from conformance.scenario.exploration import Exploration, one_at_a_time
from conformance.scenario.judge import Judge
from conformance.scenario.stage import Stage
from conformance.scenario.storage import Storage
from conformance.scenario.store_machine import StoreMachine
from conformance.servers.protocol import StorageServer
from conformance.servers.simulation import SimulatedServer
from conformance.spec import Role, requirement
from conformance.strategies.store_sequences import sequences
from conformance.strategies.store_simpler import simpler
from conformance.strategies.store_steps import Step

CASE = "random-sequences-of-operations"


@dataclass(frozen=True)
class Search:
    """What one search for a fault came to: the findings, the simplest example, and how many examples were drawn."""

    findings: tuple[Finding, ...]
    steps: tuple[str, ...]
    examples: int


def search(server: StorageServer, seed: int, effort: Effort) -> Search:
    """Explore a server with one seed; it has to be up."""
    exploration = Exploration(_judge(), effort.for_sequences(), seed, _judge)
    stage = Stage(server, None)
    with one_at_a_time(lambda judge, opened: opened.enter_context(Storage(stage, judge, Transcript()))) as open_one:

        def run(steps: tuple[Step, ...], judge: Judge) -> list[str]:
            return StoreMachine(open_one(judge), judge).run(steps)

        exploration.explore(sequences(effort.sessions, effort.steps), run, (), simpler=simpler)
    judge = exploration.judge
    return Search(tuple(judge.findings), tuple(judge.steps), exploration.run)


def _judge() -> Judge:
    return Judge(requirement, "")


def server_faults() -> tuple[Fault, ...]:
    """The faults of servers that this random case has to find."""
    faults = catalogue().faults.values()
    return tuple(each for each in faults if each.role is Role.SERVER and CASE in each.cases)


def search_hook(hook: Hook, seed: int, effort: Effort) -> Search:
    """Explore a server with this in it, in memory."""
    with SimulatedServer(faulty(hook).server) as server:
        return search(server, seed, effort)


def search_fault(fault: Fault, seed: int, effort: Effort) -> Search:
    """Explore a server with a fault, in memory."""
    hook = catalogue().hooks[fault.id]
    assert isinstance(hook, Hook)
    return search_hook(hook, seed, effort)


def is_found(fault: Fault, found: Search) -> bool:
    """Whether a requirement that the fault violates tells of it, as gravely as it can."""
    return any(each.requirement in fault.requirements and is_contradiction(each) for each in found.findings)


def power(fault: Fault, seeds: int, effort: Effort) -> str:
    """One line of the table."""
    searches = [search_fault(fault, seed, effort) for seed in range(seeds)]
    found = [each for each in searches if is_found(fault, each)]
    named = {each.requirement for one in searches for each in one.findings if each.outcome is Outcome.FAIL}
    others = sorted(named - set(fault.requirements))
    examples = median(each.examples for each in found) if found else 0
    steps = sorted(len(each.steps) for each in found) or [0]
    row = f"{fault.id:36} {len(found):3} of {seeds}  examples {examples:5.1f}"
    row += f"  steps {median(steps):4.1f}, most {steps[-1]}"
    return f"{row}  also {' '.join(others)}" if others else row


def main(arguments: list[str]) -> None:
    """Print the table for so many seeds, of the faults that are named or of all."""
    seeds = int(arguments[0]) if arguments else 20
    for fault in server_faults():
        if not arguments[1:] or fault.id in arguments[1:]:
            sys.stdout.write(power(fault, seeds, EFFORTS[Profile.CI]) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
