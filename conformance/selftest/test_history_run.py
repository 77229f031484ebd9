"""Histories as they are run and judged: right clients pass, small faults fail at their requirement, doubt is kept."""

from __future__ import annotations

import pytest

from conformance.clients.simulation import SimulatedClient
from conformance.faults.client import histories as faulty
from conformance.faults.hooks import ClientHook
from conformance.imap.transcript import Transcript
from conformance.model.history import (
    Act,
    AddObject,
    ChangeFlag,
    Follow,
    History,
    Interruption,
    MoveObject,
    RemoveFolder,
    RemoveObject,
    RenameFolder,
    Renumber,
    ReplaceDevice,
    Step,
    Synchronize,
)
from conformance.model.objects import message
from conformance.model.policy import Direction, Policy
from conformance.model.states import Item, Side, StoreState
from conformance.outcomes import Outcome
from conformance.problems import ConfigurationProblem
from conformance.reference.client.folder_step import FolderStep
from conformance.reference.client.matching import Orphans
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer
from conformance.scenario.history_run import run_history
from conformance.scenario.judge import Judge
from conformance.scenario.scenario import Scenario
from conformance.scenario.stage import Stage
from conformance.servers.simulation import SimulatedServer
from conformance.spec import requirement
from conformance.strategies.reference_history import BASE as REFERENCE_BASE
from conformance.strategies.reference_history import EDITS

A, B = ("A",), ("B",)
Part = type[ObjectStep] | type[FolderStep]
LOCAL, SERVER = Side.LOCAL, Side.SERVER


def _item(name: str, *flags: str) -> Item:
    return Item(name, message(name), frozenset(flags))


BASE = StoreState().put(A, _item("old-1"), _item("old-2"), _item("old-3", "\\Seen")).with_folder(B)


def _run(*steps: Step, client: type[Synchronizer] = Synchronizer, base: StoreState = BASE) -> tuple[Judge, list[str]]:
    judge = Judge(requirement, "")
    with (
        SimulatedServer() as server,
        SimulatedClient(client) as reference,
        Scenario(Stage(server, reference), judge, Transcript()) as scenario,
    ):
        exercised = run_history(History(base, steps), scenario)
    return judge, exercised


def _broken(judge: Judge) -> set[str]:
    return {each.requirement for each in judge.findings if each.outcome is Outcome.FAIL}


def _fault(kind: Part) -> type[Synchronizer]:
    return ClientHook(kind).synchronizer


def _cut(place: str, act: Act = Act.CUT_BEFORE, skip: int = 0) -> Synchronize:
    return Synchronize(Interruption(act, place, skip))


NEW = AddObject(SERVER, A, _item("new"))
MINE = AddObject(LOCAL, A, _item("mine"))

RIGHT: dict[str, tuple[Step, ...]] = {
    "reference": (*EDITS, Synchronize()),
    "moved": (MoveObject(SERVER, A, "old-1", B), MoveObject(LOCAL, A, "old-2", B), Synchronize()),
    "renamed": (RenameFolder(SERVER, A, ("C",)), Synchronize(), RenameFolder(LOCAL, ("C",), ("D",)), Synchronize()),
    "renumbered": (Renumber(A), MINE, Synchronize()),
    "device": (NEW, Synchronize(), ReplaceDevice(), Synchronize()),
    "policy": (
        Follow(Policy(direction=Direction.DOWNLOAD)),
        MINE,
        RemoveObject(LOCAL, A, "old-1"),
        Synchronize(),
        Follow(Policy()),
        Synchronize(),
    ),
    "removed and flagged": (
        RemoveObject(SERVER, A, "old-1"),
        ChangeFlag(LOCAL, A, "old-1", "\\Flagged", on=True),
        Synchronize(),
        NEW,
        Synchronize(),
    ),
    "folder removed and filled": (RemoveFolder(SERVER, A), MINE, Synchronize(), Synchronize()),
    "same on both sides": (
        AddObject(SERVER, B, _item("same")),
        AddObject(LOCAL, B, _item("same")),
        Synchronize(),
        RemoveObject(LOCAL, A, "old-1"),
        Synchronize(),
    ),
    "cut and cut": (NEW, MINE, _cut("a body"), _cut("a store", Act.CUT_INSIDE), Synchronize()),
    "refused": (MINE, Synchronize(Interruption(Act.OVERQUOTA, "a store")), Synchronize()),
    "killed": (NEW, MINE, _cut("a store", Act.KILL), Synchronize()),
    "silent": (NEW, _cut("a body", Act.STALL), Synchronize()),
    "bye": (NEW, _cut("the answer to LIST", Act.BYE), Synchronize()),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_client_passes(name: str) -> None:
    """The reference client comes to the right result of every kind of history."""
    judge, _ = _run(*RIGHT[name], base=REFERENCE_BASE if name == "reference" else BASE)
    assert not [each for each in judge.findings if each.outcome is not Outcome.PASS]


WRONG: tuple[tuple[Part, str, tuple[Step, ...]], ...] = (
    (faulty.MarkBeforeFetch, "SYN-706", (NEW, _cut("a body"), Synchronize())),
    (faulty.ForgottenBeforeExpunge, "SYN-709", (RemoveObject(LOCAL, A, "old-2"), _cut("EXPUNGE"), Synchronize())),
    (
        faulty.ModSequenceOfTheEnd,
        "SYN-712",
        (
            MINE,
            Synchronize(
                Interruption(Act.CHANGE, "a store", edits=(ChangeFlag(SERVER, A, "old-1", "\\Flagged", on=True),))
            ),
            Synchronize(),
        ),
    ),
    (
        faulty.ModSequenceBeforeFlags,
        "SYN-707",
        (MINE, ChangeFlag(SERVER, A, "old-3", "\\Seen", on=False), _cut("a store"), Synchronize()),
    ),
    (faulty.BelievesCutLists, "SYN-710", (_cut("a line of the list of folders", Act.CUT_AFTER, 1), Synchronize())),
    (faulty.EqualsUploadedOnce, "SYN-408", (AddObject(LOCAL, A, Item("twin", message("old-1"))), Synchronize())),
    (faulty.LocalNewsSeenOnce, "SYN-707", (MINE, _cut("a store"), Synchronize())),
    (
        faulty.RefusedRemovalForgotten,
        "SYN-410",
        (RemoveObject(LOCAL, A, "old-1"), _cut("EXPUNGE", Act.NO), Synchronize()),
    ),
)


@pytest.mark.parametrize(("fault", "wanted", "steps"), WRONG, ids=[fault.__name__ for fault, _, _ in WRONG])
def test_a_fault_fails_at_its_requirement(fault: Part, wanted: str, steps: tuple[Step, ...]) -> None:
    """Each fault shows in the history that is made for it, and the requirement that it breaks is named."""
    assert wanted in _broken(_run(*steps, client=_fault(fault))[0])
    assert not _broken(_run(*steps)[0])


def test_a_fault_needs_its_steps() -> None:
    """Without the interruption the fault does not show: nothing else is blamed for it."""
    assert not _broken(_run(NEW, Synchronize(), client=_fault(faulty.ModSequenceBeforeFlags))[0])


class _Restless(Synchronizer):
    """Sets a flag on the server in every run."""

    def run(self) -> None:
        super().run()
        self.context.session.set_active_folder("A")
        uids = [each.uid for each in self.context.session.list_objects()]
        self.context.session.update_metadata(uids, add=["\\Flagged"])
        self.context.session.update_metadata(uids, remove=["\\Flagged"])


def test_a_further_synchronization_has_to_be_silent() -> None:
    """A client that changes the server again and again breaks SYN-701, though both sides agree each time."""
    judge, _ = _run(Synchronize(), client=_Restless)
    assert _broken(judge) == {"SYN-701"}


class _BlindRetry(ObjectStep):
    """Stores whatever it is not certain of once more."""

    def _orphans(self, *, anything: bool) -> Orphans:
        super()._orphans(anything=anything)
        self.context.base.withdraw(self.path, [row.handle for row in self.context.base.uploads(self.path)])
        return Orphans([], [])


def test_a_second_copy_of_what_was_never_acknowledged_decides_nothing() -> None:
    """One more copy on both sides, of an object whose store was not answered, is neither demanded nor forbidden."""
    judge, _ = _run(MINE, _cut("the answer to a store"), Synchronize(), client=_fault(_BlindRetry))
    assert not _broken(judge)
    assert judge.outcome_of("SYN-708") is Outcome.INCONCLUSIVE


def test_edits_of_a_place_that_is_never_reached_are_made_all_the_same() -> None:
    """Later steps find what an interruption was to add, also where the client never came to the place."""
    never = Interruption(Act.CHANGE, "DELETE", edits=(NEW,))
    judge, exercised = _run(Synchronize(never), Synchronize(), RemoveObject(SERVER, A, "new"), Synchronize())
    assert not _broken(judge)
    assert "interruption that was never reached" in exercised


def test_what_was_exercised_is_told() -> None:
    """Rows, kinds, conflicts and the places where something happened are named."""
    judge, exercised = _run(
        NEW,
        RemoveObject(LOCAL, A, "old-1"),
        ChangeFlag(SERVER, A, "old-1", "\\Flagged", on=True),
        Synchronize(Interruption(Act.CUT_INSIDE, "a unit", 20)),
        Synchronize(),
    )
    assert not _broken(judge)
    assert {
        "object new on the server (001)",
        "conflict: object removed locally, flagged on the server",
        "CPM Message",
        "the connection was cut inside a unit",
    } <= set(exercised)


def test_an_unknown_place_is_refused() -> None:
    """A history from elsewhere may name a place that nobody knows."""
    with pytest.raises(ConfigurationProblem, match="no place on the wire is called 'the moon'"):
        _run(_cut("the moon"))
