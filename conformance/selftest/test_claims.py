"""What a client does not claim is not asked of it; what it leaves to doubt is never failed, and never passed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings

from conformance.clients.simulation import SimulatedClient
from conformance.faults.hooks import ClientHook
from conformance.faults.implementations import RewritingClient
from conformance.faults.legal import choosing, limits
from conformance.imap.transcript import Transcript
from conformance.model.history import AddObject, ChangeFlag, Edit, History, RemoveFolder, RenameFolder
from conformance.model.needs import needed_by, of_claimed_kinds
from conformance.model.objects import KIND_ITEMS, ObjectKind
from conformance.model.states import Side, StoreState
from conformance.outcomes import Outcome
from conformance.reference.client.base import BaseObject
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.synchronizer import Synchronizer
from conformance.scenario.content import ARCHIVE, CONVERSATION, item, usual_base
from conformance.scenario.exercised import possible
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.scenario import Scenario
from conformance.scenario.stage import Stage
from conformance.servers.simulation import SimulatedServer
from conformance.spec import requirement
from conformance.strategies.draft import Draft
from conformance.strategies.histories import Shape, histories
from conformance.strategies.reference_history import reference_history

LOCAL, SERVER = Side.LOCAL, Side.SERVER
STATE = usual_base()
NEW = item("message-11")
EDITS: list[tuple[Edit, set[str]]] = [
    (AddObject(LOCAL, CONVERSATION, NEW), {"direction.upload", "kind.message"}),
    (AddObject(LOCAL, ("New",), NEW), {"direction.upload", "kind.message", "folder.create"}),
    (AddObject(SERVER, ("New",), NEW), {"direction.download", "kind.message"}),
    (AddObject(SERVER, ARCHIVE, item("x", kind=ObjectKind.GROUP_STATE)), {"direction.download", "kind.session"}),
    (ChangeFlag(LOCAL, CONVERSATION, "message-1", "\\Seen", on=True), {"direction.upload"}),
    (RemoveFolder(LOCAL, ARCHIVE), {"direction.upload", "folder.remove"}),
    (RemoveFolder(SERVER, ARCHIVE), {"direction.download"}),
    (RenameFolder(LOCAL, ARCHIVE, ("Other",)), {"direction.upload", "folder.create", "folder.remove"}),
]


def _scenario(hook: ClientHook, claims: Mapping[str, bool], judge: Judge) -> Scenario:
    server, client = SimulatedServer(), RewritingClient(hook)
    stage = Stage(server.__enter__(), client.__enter__(), overrides=claims)
    return Scenario(stage, judge, Transcript())


@pytest.mark.parametrize(("edit", "needed"), EDITS, ids=lambda each: str(each) if not isinstance(each, set) else "")
def test_an_edit_needs_what_it_is_about(edit: Edit, needed: set[str]) -> None:
    """The ICS items of an edit are those of its direction, of its kinds, and of the folders that the user changes."""
    assert needed_by(edit, STATE) == needed


def test_objects_of_other_kinds_are_replaced() -> None:
    """A base holds objects of claimed kinds under the names of those of other kinds."""
    state = of_claimed_kinds(STATE, [ObjectKind.MESSAGE])
    assert {each.content.kind for _, each in state.items()} == {ObjectKind.MESSAGE}
    assert [each.name for _, each in state.items()] == [each.name for _, each in STATE.items()]


@pytest.mark.parametrize("item_name", ["direction.upload", "direction.download", "folder.create", "folder.remove"])
def test_nothing_is_drawn_that_is_not_claimed(item_name: str) -> None:
    """Neither a random history nor the reference synchronization is about what a client does not claim."""
    unclaimed = frozenset({item_name, "kind.media"})

    @settings(max_examples=30, database=None, deadline=None)
    @given(histories(Shape(rounds=3, unclaimed=unclaimed, conflicts=True)))
    def check(history: History) -> None:
        assert not _about(history) & unclaimed

    check()
    assert not _about(reference_history(unclaimed=unclaimed)) & unclaimed
    assert _about(reference_history()) >= unclaimed


def _about(history: History) -> set[str]:
    """The ICS items that the base and the edits of a history are about."""
    draft, found = Draft(history.base), {KIND_ITEMS[each.content.kind] for _, each in history.base.items()}
    for step in history.steps:
        if isinstance(step, Edit):
            found |= needed_by(step, draft.state(step.side))
        draft.add(step)
    return found


def test_what_cannot_be_exercised_is_not_required() -> None:
    """Names of what a client does not claim are left out, and only they."""
    names = [
        "object new locally (010)",
        "object new on the server (001)",
        "object kept (111)",
        "folder renamed locally",
    ]
    assert possible(names, ["direction.upload"]) == ["object new on the server (001)", "object kept (111)"]
    assert possible(names, ["folder.create"]) == names[:3]
    assert possible({"SYN-1": names}, ()) == {"SYN-1": names}


def test_what_is_not_claimed_is_not_applicable() -> None:
    """A test case that asks a client for what it does not claim ends there."""
    with _scenario(ClientHook(limits.Downloads), {"direction.upload": False}, Judge(requirement, "")) as scenario:
        scenario.establish(usual_base())
        scenario.on_server.put(CONVERSATION, NEW)
        with pytest.raises(NotApplicable, match=r"direction\.upload"):
            scenario.on_client.remove(CONVERSATION, "message-1")


def _outcomes(hook: ClientHook, claims: Mapping[str, bool]) -> dict[str, Outcome]:
    judge = Judge(requirement, "")
    with _scenario(hook, claims, judge) as scenario:
        scenario.establish(usual_base())
        scenario.on_client.remove(CONVERSATION, "message-1")
        scenario.synchronize()
        scenario.judge_end_state("SYN-410", "SYN-411")
    return {each: judge.outcome_of(each) for each in ("SYN-410", "SYN-411")}


def test_a_mark_alone_removes_where_that_is_claimed() -> None:
    r"""An object that is left with \Deleted is removed for a client that says so, and in doubt for another (A12)."""
    marks = ClientHook(choosing.MarksOnly)
    assert _outcomes(marks, {"logical-delete": True}) == {"SYN-410": Outcome.PASS, "SYN-411": Outcome.PASS}
    assert _outcomes(marks, {})["SYN-410"] is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("claims", [{}, {"logical-delete": True}], ids=["claims-nothing", "logical-delete"])
def test_a_mark_that_nobody_asked_for_is_a_removal(claims: Mapping[str, bool]) -> None:
    r"""A client that marks more than what was removed is found, whatever it claims."""

    class MarksAll(choosing.MarksOnly):
        def remove_many_on_server(self, rows: list[BaseObject]) -> None:
            super().remove_many_on_server(rows)
            self.context.session.update_metadata(sorted(self.server), add=["\\Deleted"])

    assert _outcomes(ClientHook(MarksAll), claims)["SYN-411"] is Outcome.FAIL


def test_flags_that_nobody_holds_are_not_applicable() -> None:
    """A requirement about flags is not passed by a change that a client does not claim to hold."""
    judge, claims = Judge(requirement, ""), {"flags.system": False, "flags.read-report-sent": False}
    with _scenario(ClientHook(limits.OnlySeen), claims, judge) as scenario:
        scenario.establish(usual_base())
        scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Flagged"])
        scenario.synchronize()
        scenario.judge_end_state("SYN-501", "SYN-417")
    assert judge.outcome_of("SYN-501") is Outcome.NOT_APPLICABLE
    assert judge.outcome_of("SYN-417") is Outcome.PASS


def _after_conflict(client: type[Synchronizer] | type[ObjectStep]) -> Judge:
    judge = Judge(requirement, "")
    with _scenario(ClientHook(client), {}, judge) as scenario:
        scenario.establish(StoreState().put(CONVERSATION, item("message-1", "\\Draft")))
        scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Seen"])
        scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Flagged"], remove=["\\Draft"])
        scenario.synchronize()
        scenario.judge_end_state("SYN-703")
    return judge


@pytest.mark.parametrize("client", [choosing.ServerWins, choosing.ClientWins])
def test_flags_of_one_side_are_recorded(client: type[ObjectStep]) -> None:
    """Where both sides changed flags of an object, one side's as a whole are neither demanded nor forbidden (A7)."""
    judge = _after_conflict(client)
    assert judge.outcome_of("SYN-703") is Outcome.PASS
    assert any("flags that one side had" in each for each in judge.remarks)


def test_flags_of_neither_side_are_found() -> None:
    """A client that drops what both sides changed is found, although both sides agree afterwards."""

    class NobodyWins(choosing.ServerWins):
        def winner(self, local: frozenset[str], server: frozenset[str]) -> frozenset[str]:
            del local, server
            return frozenset()

    assert any(each.outcome is Outcome.FAIL for each in _after_conflict(NobodyWins).findings)


def test_an_account_that_comes_with_folders_is_as_good_as_any() -> None:
    """Empty folders that nobody made are left out of the comparison, and found as soon as they hold something."""
    judge = Judge(requirement, "")
    with SimulatedServer() as server, SimulatedClient() as client:
        account = server.fresh_account()
        stage = Stage(_Given(server, account), client)  # type: ignore[arg-type]
        with Scenario(stage, judge, Transcript()) as before:
            before.store.create_folder(("Drafts",))
        with Scenario(stage, judge, Transcript()) as scenario:
            scenario.establish(usual_base())
            assert ("Drafts",) not in scenario.snapshots()[1].folders
            scenario.store.put(("Drafts",), NEW)
            assert ("Drafts",) in scenario.snapshots()[1].folders


class _Given:
    """A server that gives the same account to all, and keeps it."""

    def __init__(self, server: SimulatedServer, account: object) -> None:
        self._server, self._account = server, account

    def __getattr__(self, name: str) -> object:
        return getattr(self._server, name)

    def fresh_account(self) -> object:
        return self._account

    def release(self, account: object) -> None:
        """Keep it."""
