"""The reference client as equipment: whether a server lets a correct client reach equality, and then be silent.

Only the server is judged. What the reference client cannot do on servers that are known to be right is a fault of the
suite, and is looked for by its own tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from conformance.clients.reference import ReferenceClient
from conformance.imap.transcript import Transcript
from conformance.model.folders import display
from conformance.model.states import StoreState
from conformance.scenario.judge import Judge
from conformance.scenario.scenario import Scenario
from conformance.scenario.stage import Stage


class Convergence:
    """One account of the server under test, synchronized by the reference client."""

    def __init__(self, scenario: Scenario, judge: Judge) -> None:
        self.scenario, self.judge = scenario, judge

    def begin(self, state: StoreState) -> bool:
        """Fill the server and synchronize for the first time; whether both sides are then equal."""
        self.scenario.store.fill(state)
        self.scenario.on_server.state = state
        return self.settle()

    def settle(self) -> bool:
        """Synchronize once, or as often as clients may need; whether both sides are then as they have to be."""
        self.scenario.synchronize()
        for each in self.scenario.findings.differences:
            expected = f"{each.subject} in {display(each.path)}, {each.side}: {each.expected}"
            observed = f"{each.nature}: {each.observed}; the client told {self.scenario.runs[-1].result.detail}"
            self.judge.contradicted("SYN-801", expected, observed, self.scenario.runs[-1].last)
        return not self.scenario.findings.differences

    def silence(self) -> None:
        """Synchronize again, without any change: nothing is changed and no object is transferred."""
        run, changes, same = self.scenario.repeat()
        changes += run.of_kind("fetch_object")
        observed = ", ".join(f"{each.command} in {each.folder}" for each in changes) or "other content than before"
        holds = not changes and same
        entry = changes[0].entry if changes else run.last
        self.judge.check("SYN-801", holds, "a second synchronization changes and transfers nothing", observed, entry)


@contextmanager
def converging(stage: Stage, judge: Judge, transcript: Transcript) -> Iterator[Convergence]:
    """A scenario of the server under test and the reference client."""
    with ReferenceClient() as client:
        equipped = replace(stage, client=client, identity=None, overrides={})
        with Scenario(equipped, judge, transcript) as scenario:
            yield Convergence(scenario, judge)
