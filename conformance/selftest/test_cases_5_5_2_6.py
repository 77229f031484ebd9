"""5.5.2.6 remove object: a server that removes wrongly is failed where it does, a right one by nothing."""

from __future__ import annotations

import pytest

from conformance.configuration import Roles
from conformance.faults.hooks import Hook, answers_ok, faulty
from conformance.faults.server import removal
from conformance.outcomes import Outcome
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.scenario import notices
from conformance.selftest.running import judged, run_cases
from conformance.servers.reference import ReferenceStorageServer

EXPUNGE = "expunge-removes-exactly-the-marked"
SPARE = "uid-expunge-spares-what-it-does-not-name"
STAY = "marked-objects-stay-until-expunged"
MOVE = "move-removes-exactly-the-named"
BY_NUMBER = "no-removal-is-told-to-a-command-by-number"
CLOSE = "close-removes-exactly-the-marked"
EXAMINED = "close-after-examine-removes-nothing"
UNDER_EXAMINE = "nothing-is-removed-under-examine"
AT_ONCE = "two-sessions-expunge-at-once"
RUNNING = "no-removal-is-told-while-fetch-runs"
TOLD = "other-sessions-are-told-of-removals"

FAULTS: dict[str, list[tuple[str, str, Hook]]] = {
    "OP06-S1": [
        ("one marked object stays", EXPUNGE, Hook(mailbox=removal.marking(lambda marked, _: marked[:-1]))),
        (
            "one more goes",
            EXPUNGE,
            Hook(mailbox=removal.marking(lambda marked, folder: [*marked, *folder.messages[-1:]])),
        ),
        ("all go", EXPUNGE, Hook(mailbox=removal.marking(lambda _, folder: folder.messages))),
        ("STORE removes", STAY, Hook(commands={"UID STORE": removal.store_that_removes})),
        ("back again", EXPUNGE, Hook(mailbox=removal.Revived)),
        ("only told", EXPUNGE, Hook(commands={"EXPUNGE": removal.expunge_that_only_tells})),
        ("EXPUNGE does nothing", "unmarked-again-is-not-removed", Hook(commands={"EXPUNGE": answers_ok})),
        ("UIDs used again", "removed-uids-are-never-used-again", Hook(mailbox=removal.UidsUsedAgain)),
        ("leaving expunges", STAY, Hook(session=removal.ExpungedAtTheEnd)),
        ("UID EXPUNGE of all", SPARE, Hook(commands={"UID EXPUNGE": removal.uid_expunge_of_all_marked})),
        ("UID EXPUNGE of unmarked", SPARE, Hook(commands={"UID EXPUNGE": removal.uid_expunge_of_unmarked})),
        ("MOVE copies", MOVE, Hook(account=removal.MoveThatCopies)),
        ("MOVE expunges", MOVE, Hook(account=removal.MoveThatExpunges)),
        ("one stays for two", AT_ONCE, Hook(mailbox=removal.marking(lambda marked, _: marked[1:]))),
        ("plainly", "remove-object-plainly", Hook(mailbox=removal.Revived)),
        ("reachable", "expunged-object-cannot-be-reached", Hook(mailbox=removal.Revived)),
    ],
    "OP06-S2": [
        ("without a command", "no-removal-is-told-without-a-command", Hook(connection=removal.Eager)),
        ("in FETCH", BY_NUMBER, Hook(connection=removal.eager_in("FETCH"))),
        ("in STORE", BY_NUMBER, Hook(connection=removal.eager_in("STORE"))),
        ("in SEARCH", BY_NUMBER, Hook(connection=removal.eager_in("SEARCH"))),
        ("while FETCH runs", RUNNING, Hook(connection=removal.EagerInTheMiddle)),
        ("between", "no-removal-is-told-between-commands-by-number", Hook(connection=removal.eager_in("SEARCH"))),
    ],
    "OP06-S3": [
        (
            "refused",
            "store-on-a-vanished-object-is-ok",
            Hook(commands={"UID STORE": removal.store_that_refuses_the_vanished}),
        ),
        ("another changed", "store-on-a-vanished-object-is-ok", Hook(connection=removal.VanishedTakenForFirst)),
        (
            "refused, and others named",
            "store-on-vanished-and-present-objects",
            Hook(commands={"UID STORE": removal.store_that_refuses_the_vanished}),
        ),
    ],
    "OP06-S4": [
        ("one short", EXPUNGE, Hook(session=removal.OneNoticeShort)),
        ("numbers of before", EXPUNGE, Hook(session=removal.NumbersOfBefore)),
        ("UID EXPUNGE one short", SPARE, Hook(session=removal.OneNoticeShort)),
        ("others' untold", "own-and-others-removals-together", Hook(session=removal.OneNoticeShort)),
    ],
    "OP06-S5": [
        ("nothing removed", CLOSE, Hook(commands={"CLOSE": removal.close_that_removes_nothing})),
        ("one more removed", CLOSE, Hook(mailbox=removal.marking(lambda _, folder: folder.messages))),
        ("told", CLOSE, Hook(commands={"CLOSE": removal.close_that_tells})),
        (
            "told of others",
            "close-tells-no-removal-by-others",
            Hook(commands={"CLOSE": removal.close_that_tells}),
        ),
        ("still active", CLOSE, Hook(commands={"CLOSE": removal.close_that_stays})),
        ("under EXAMINE", EXAMINED, Hook(commands={"CLOSE": removal.close_that_removes_anyway})),
        ("refused under EXAMINE", EXAMINED, Hook(commands={"CLOSE": removal.close_that_needs_write})),
        ("EXPUNGE under EXAMINE", UNDER_EXAMINE, Hook(session=removal.ReadOnlyForgotten)),
        (
            "read-only folder",
            "close-in-a-read-only-folder-removes-nothing",
            Hook(commands={"CLOSE": removal.close_that_removes_anyway}),
        ),
    ],
    "OP06-S6": [
        ("never renumbered", "numbers-move-up-after-own-expunge", Hook(view=removal.NeverRenumbered)),
        ("renumbered untold", "numbers-agree-with-what-was-told", Hook(view=removal.RenumberedUntold)),
        ("one short", TOLD, Hook(session=removal.OneNoticeShort)),
        ("two at once", AT_ONCE, Hook(session=removal.NumbersOfBefore)),
        ("own and others", "own-and-others-removals-together", Hook(session=removal.NumbersOfBefore)),
        ("MOVE untold", MOVE, Hook(view=removal.RenumberedUntold)),
        ("while FETCH runs", RUNNING, Hook(connection=removal.EagerInTheMiddle)),
    ],
    "OP06-S8": [
        (
            "with the continuation request",
            "no-removal-is-told-before-a-command-is-complete",
            Hook(connection=removal.EagerForLiterals),
        ),
        ("at any time", "no-removal-is-told-before-a-command-is-complete", Hook(connection=removal.Eager)),
    ],
}
CASES = sorted({case for faults in FAULTS.values() for _, case, _ in faults})
TABLE = [
    pytest.param(requirement, case, fault, id=f"{requirement}: {name}")
    for requirement, faults in FAULTS.items()
    for name, case, fault in faults
]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of these tests answer at once: nobody has to listen long."""
    monkeypatch.setattr(notices, "QUIET", 0.1)
    monkeypatch.setattr(notices, "PATIENCE", 0.1)


@pytest.mark.parametrize(("requirement", "case", "fault"), TABLE)
def test_a_server_that_removes_wrongly_is_failed(requirement: str, case: str, fault: Hook) -> None:
    """The requirement that is broken fails, found by the case that looks for it."""
    with faulty(fault) as server:
        outcomes = run_cases(server, select=[case])
    assert outcomes[requirement] == "fail", outcomes


def test_a_server_that_tells_no_other_session_is_warned() -> None:
    """Telling others is recommended; their message numbers have to stay right all the same."""
    with faulty(Hook(connection=removal.OnlyOwnRemovals)) as server:
        outcomes = run_cases(server, select=[TOLD])
    assert outcomes == {"OP06-S6": "pass", "OP06-S7": "warn"}


BEHAVIOURS = {
    "the least": Behaviour(
        extensions=frozenset(), first_uid=2**32 - 400, expunge_in_uid_commands=False, permanent_flags=("\\Deleted",)
    ),
    "the most": Behaviour(updates_before_answer=True, expunge_highest_first=True, uid_in_updates=True),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=list(BEHAVIOURS))
def test_a_server_that_removes_rightly_is_failed_by_nothing(behaviour: Behaviour) -> None:
    """The reference server passes what it offers, in each of these legal variations."""
    with ReferenceStorageServer(ReferenceServer(behaviour)) as server:
        report = judged(server, select=CASES, role=Roles.SERVER)
    wrong = [each.id for each in report.cases if each.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
    assert not wrong
    assert report.cases
