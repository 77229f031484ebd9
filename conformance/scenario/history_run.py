"""Runs a history on a scenario, and judges every synchronization that nothing interrupts.

After it both sides have to be as the oracle demands of base, local storage and server (invariants I1 to I4 and I6), and
one more synchronization has to be silent (I5). Whether untouched objects keep their UIDs (I7) is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.model.folders import FolderPath
from conformance.model.history import Act, Follow, History, Interruption, Renumber, ReplaceDevice, Step, Synchronize
from conformance.model.oracle import Demand, Expectation, FolderDemand, Row, Standing
from conformance.model.states import Side, Snapshot
from conformance.scenario.disturbance import Kill, killed_by
from conformance.scenario.interrupting import Meanwhile, Trial, disturbance_of, doubts_after, trial_of
from conformance.scenario.judge import PreconditionNotReached
from conformance.scenario.scenario import ALL, Scenario
from conformance.scenario.witness import Witness

PLAIN = ("SYN-417", "SYN-703", "SYN-704", "SYN-705")
SILENCE = 2.0
"""Seconds after which a client that waits for a silent server is ended."""


class HistoryRun:
    """One history on one scenario, up to its end or to the first thing that is not as it has to be."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.judge = scenario, scenario.judge
        self.exercised: list[str] = []
        self._trials: list[Trial] = []
        self._renumbered: set[FolderPath] = set()
        self._gone_from_server: set[FolderPath] = set()

    def run(self, history: History) -> list[str]:
        """Run it; returns the names of what was exercised, each as often as it was."""
        if self.scenario.begin(history.base):
            for step in history.steps:
                if not self._do(step):
                    break
        return self.exercised

    def _do(self, step: Step) -> bool:
        if isinstance(step, Synchronize):
            return self._settle() if step.interruption is None else self._disturb(step.interruption)
        self.exercised.append(step.kind)
        if isinstance(step, Renumber):
            self._renumber(step)
        elif isinstance(step, Follow):
            self.scenario.follow(step.policy)
        elif isinstance(step, ReplaceDevice):
            self.scenario.replace_device()
        else:
            self._edit(step)
        return True

    def _edit(self, step: Step) -> None:
        sides = {Side.LOCAL: self.scenario.on_client, Side.SERVER: self.scenario.on_server}
        assert not isinstance(step, Synchronize | Renumber | Follow | ReplaceDevice)
        try:
            step.apply(sides[step.side])
            self._note_what_went()
        except LookupError as problem:
            raise PreconditionNotReached(f"{step}: {problem}") from None

    def _note_what_went(self) -> None:
        self._gone_from_server |= {*self.scenario.base.folders} - {*self.scenario.on_server.state.folders}

    @property
    def _made_anew(self) -> set[FolderPath]:
        """The folders of the base whose UIDs on the server are others now."""
        return self._renumbered | (self._gone_from_server & {*self.scenario.on_server.state.folders})

    def _renumber(self, step: Renumber) -> None:
        self._renumbered.add(step.path)
        self.scenario.renew_uid_validity(step.path, str(step))

    # Interruptions

    def _disturb(self, interruption: Interruption) -> bool:
        scenario = self.scenario
        before, change = Witness(scenario), Meanwhile(interruption, scenario.on_server)
        disturbance = disturbance_of(interruption, change)
        synchronize = killed_by(disturbance, scenario) if isinstance(disturbance, Kill) else None
        timeout = SILENCE if interruption.act is Act.STALL else None
        scenario.disturb(disturbance, str(interruption), synchronize, timeout=timeout)
        self._note_what_went()
        if not disturbance.happened:
            self.exercised.append("interruption that was never reached")
            change()
            return change.problem is None
        self._trials.append(trial_of(interruption, disturbance.happened_at))
        self.exercised += [self._trials[-1].name, interruption.kind]
        scenario.doubts = doubts_after(interruption, scenario.doubts)
        return self._observe(Witness(scenario) if interruption.edits else before, change)

    def _observe(self, witness: Witness, change: Meanwhile) -> bool:
        """At no moment local storage shows what nobody stored, or anything is lost that nobody removed."""
        before = len(self.judge.findings)
        witness.observe(self._requirement)
        if len(self.judge.findings) == before and change.problem:
            raise PreconditionNotReached(change.problem)
        return len(self.judge.findings) == before

    @property
    def _requirement(self) -> str:
        return (self._trial and self._trial.requirement) or "SYN-704"

    @property
    def _trial(self) -> Trial | None:
        """What the interruptions since both sides were last brought together put to the test, if that is one thing."""
        return self._trials[-1] if self._trials and len(set(self._trials)) == 1 else None

    # Settling

    def _settle(self) -> bool:
        scenario = self.scenario
        before, seen = scenario.snapshots() if self._made_anew else None, scenario.seen_on_server
        run = scenario.synchronize()
        self.exercised += evidence(scenario.expectation)
        if scenario.findings.differences:
            if before is not None and scenario.refused_untouched(run, before):
                self.judge.undecided("SYN-609", "the folder is synchronized anew", f"refused: {run.result.detail}")
            else:
                self._judge_differences()
            return False
        if not (self._trials or self._renumbered or scenario.judge_strays()):
            return False
        scenario.weigh_open_outcomes(self._requirement if self._trial else PLAIN[0])
        scenario.judge_marks()
        self._note_copies()
        self._note_identifiers(seen)
        self._trials.clear()
        self._renumbered.clear()
        self._gone_from_server.clear()
        return self._repeat()

    def _judge_differences(self) -> None:
        if self._trial is not None and self._trial.covers:
            self.scenario.judge_end_state(self._requirement, covers=ALL)
        else:
            self.scenario.judge_end_state(*PLAIN)

    def _note_copies(self) -> None:
        """Copies beyond one, of what was stored without an answer, are neither demanded nor forbidden."""
        if self.scenario.repeats_seen:
            told = "; ".join(f"{each.subject}: {each.text}" for each in self.scenario.repeats_seen)
            self.judge.undecided("SYN-708", "each object once", told)

    def _note_identifiers(self, before: Snapshot) -> None:
        now = self.scenario.seen_on_server
        for demand in self.scenario.expectation.items:
            if demand.path in self._renumbered or not _is_untouched(demand):
                continue
            was, known = (_handles(demand, snapshot) for snapshot in (before, now))
            if len(was) == len(known) == 1 and was != known:
                self.exercised.append("untouched object got another UID")
                self.judge.remark(f"{demand.item.name}, which nobody touched, got another UID on the server")

    def _repeat(self) -> bool:
        """One more synchronization changes nothing (SYN-701)."""
        run, changes, same = self.scenario.repeat()
        observed = ", ".join(f"{each.kind} in {each.folder}" for each in changes) or "other content than before"
        if changes or not same:
            entry = changes[0].entry if changes else run.last
            self.judge.contradicted("SYN-701", "a further synchronization changes nothing", observed, entry)
        return not changes and same


def run_history(history: History, scenario: Scenario) -> list[str]:
    """Run a history on a scenario whose judge gets the findings; returns what was exercised."""
    return HistoryRun(scenario).run(history)


def _is_untouched(demand: Demand) -> bool:
    changed = demand.set_locally | demand.set_on_server | demand.cleared_locally | demand.cleared_on_server
    return demand.row is Row.KEPT and not changed


def _handles(demand: Demand, snapshot: Snapshot) -> list[str]:
    return [each.handle for each in snapshot.folders.get(demand.path, ()) if each.octets == demand.item.content.octets]


_TOLD_ROW = {
    Row.NEW_ON_SERVER: "new on the server",
    Row.NEW_LOCALLY: "new locally",
    Row.NEW_ON_BOTH: "new on both sides",
    Row.REMOVED_ON_BOTH: "removed on both sides",
    Row.REMOVED_LOCALLY: "removed locally",
    Row.REMOVED_ON_SERVER: "removed on the server",
    Row.KEPT: "kept",
}


def evidence(expectation: Expectation) -> Iterator[str]:
    """The rows of the oracle, the kinds of object, the merges and the conflicts that a synchronization was about."""
    for folder in expectation.folders:
        yield f"folder {_TOLD_ROW[folder.row]} ({folder.row.value})"
        if folder.disputed:
            yield f"conflict: {_folder_conflict(folder)}"
    for demand in expectation.items:
        yield f"object {_TOLD_ROW[demand.row]} ({demand.row.value})"
        if not _is_untouched(demand):
            yield demand.item.content.kind.value
        yield from _merges(demand)


def _folder_conflict(folder: FolderDemand) -> str:
    where = ("locally", "on the server")
    removed, changed = where if folder.row is Row.REMOVED_LOCALLY else where[::-1]
    return f"folder removed {removed}, changed {changed}"


def _merges(demand: Demand) -> Iterator[str]:
    if demand.row is Row.KEPT:
        local, server = (demand.set_locally | demand.cleared_locally), (demand.set_on_server | demand.cleared_on_server)
        if local & server:
            yield "conflict: same flag changed on both sides"
        if local ^ server and local and server:
            yield "different flags changed on both sides"
    elif Standing.OPEN in demand.outcomes.values():
        told = {
            Row.REMOVED_LOCALLY: "object removed locally, flagged on the server",
            Row.REMOVED_ON_SERVER: "object removed on the server, flagged locally",
            Row.NEW_ON_BOTH: "same object added on both sides",
        }
        if demand.row in told:
            yield f"conflict: {told[demand.row]}"
