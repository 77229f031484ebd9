"""Run a saved counterexample once more, on fresh state, against any server and client."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from conformance.imap.transcript import Transcript
from conformance.model.history import History
from conformance.outcomes import Finding, Outcome
from conformance.problems import ConfigurationProblem
from conformance.scenario.counterexample import SavedCounterexample
from conformance.scenario.histories import judge_server_by
from conformance.scenario.history_run import run_history
from conformance.scenario.judge import Judge
from conformance.scenario.laboratory import Laboratory
from conformance.scenario.scenario import Scenario
from conformance.scenario.stage import Stage
from conformance.scenario.storage import Storage
from conformance.scenario.store_machine import StoreMachine
from conformance.scenario.variations import VARIATIONS
from conformance.spec import requirement


@dataclass(frozen=True)
class Rerun:
    """What one more run found: its contradictions, what it left open, and its wire."""

    findings: tuple[Finding, ...]
    transcript: Transcript

    @property
    def failures(self) -> list[Finding]:
        """The contradictions."""
        return [each for each in self.findings if each.outcome is Outcome.FAIL]


def rerun(saved: SavedCounterexample, stage: Stage) -> Rerun:
    """Run the counterexample. Raises whatever keeps it from being run."""
    judge, transcript = Judge(requirement, ""), stage.transcript()
    with ExitStack() as opened:
        if not isinstance(saved.value, History):
            storage = opened.enter_context(Storage(stage, judge, transcript))
            StoreMachine(storage, judge).run(saved.value)
        elif saved.role == "server":
            judge_server_by(saved.value, lambda own: _opened(saved, stage, own, transcript, opened), judge)
        else:
            run_history(saved.value, _opened(saved, stage, judge, transcript, opened))
    return Rerun(tuple(judge.findings), transcript)


def _opened(
    saved: SavedCounterexample, stage: Stage, judge: Judge, transcript: Transcript, opened: ExitStack
) -> Scenario:
    before = saved.setting.get("before")
    if before is None:
        return opened.enter_context(Scenario(stage, judge, transcript))
    if before not in VARIATIONS:
        mend = f"the servers of the suite are {', '.join(VARIATIONS)}"
        raise ConfigurationProblem(f"the counterexample is before a server {before!r}, which nobody knows", mend)
    return Laboratory(stage, judge, transcript, opened).open(VARIATIONS[before])
