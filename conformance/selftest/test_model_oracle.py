"""The oracle demands what the presence table and the three-way rule for flags say."""

from __future__ import annotations

import itertools

import pytest

from conformance.model.oracle import ABSENT, PRESENT, Row, Standing, expect, merge_flags
from conformance.model.policy import Direction, Policy
from conformance.model.states import StoreState
from conformance.scenario.content import item

FOLDER = ("Folder",)
ONE = item("message-1")


EMPTY = StoreState().with_folder(FOLDER)
HOLDING = EMPTY.put(FOLDER, ONE)


def _states(row: str) -> tuple[StoreState, StoreState, StoreState]:
    """Base, local and server state of a row of the presence table."""
    base, local, server = (HOLDING if each == "1" else EMPTY for each in row)
    return base, local, server


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ("001", PRESENT),
        ("010", PRESENT),
        ("011", PRESENT),
        ("100", ABSENT),
        ("101", ABSENT),
        ("110", ABSENT),
        ("111", PRESENT),
    ],
)
def test_presence_table(row: str, wanted: tuple[int, int]) -> None:
    """Each row of (base, local, server) demands the outcome of the table."""
    (demand,) = expect(*_states(row)).items
    assert demand.row is Row(row)
    assert demand.outcomes[wanted] is Standing.REQUIRED


@pytest.mark.parametrize(("base", "local", "server"), list(itertools.product((False, True), repeat=3)))
def test_flags_follow_the_side_that_changed(base: bool, local: bool, server: bool) -> None:  # noqa: FBT001
    """A flag takes the value of the side that changed it since the base."""
    sets = (frozenset({"x"}) if each else frozenset[str]() for each in (base, local, server))
    assert ("x" in merge_flags(*sets)) == (local if local != base else server)


def test_removal_against_a_flag_change_is_a_conflict() -> None:
    """An object removed here and flagged there may be gone on both sides; kept on both is left open."""
    (demand,) = expect(HOLDING, EMPTY, EMPTY.put(FOLDER, ONE.flagged("\\Seen"))).items
    assert demand.outcomes == {ABSENT: Standing.ALLOWED, PRESENT: Standing.OPEN}


def test_new_object_in_a_removed_folder_is_a_conflict() -> None:
    """A folder removed here and filled there may end either way, but alike on both sides."""
    base = HOLDING
    server = base.put(FOLDER, item("message-2"))
    expectation = expect(base, StoreState(), server)
    assert set(expectation.folders[0].outcomes) == {PRESENT, ABSENT}
    news = next(demand for demand in expectation.items if demand.item.name == "message-2")
    assert news.outcomes == {PRESENT: Standing.ALLOWED, ABSENT: Standing.DISCARDS}


def test_removed_folder_without_news_is_no_conflict() -> None:
    """A folder removed on one side, unchanged on the other, has to go with its objects."""
    expectation = expect(HOLDING, HOLDING, StoreState())
    assert expectation.folders[0].outcomes == {ABSENT: Standing.REQUIRED}
    assert expectation.items[0].outcomes == {ABSENT: Standing.REQUIRED}


def test_settled_state_holds_what_both_sides_hold() -> None:
    """After a synchronization both sides hold news of both, without what either removed, with the flags of both."""
    base = StoreState().put(FOLDER, item("message-1"), item("message-2"), item("message-3"))
    local = base.put(FOLDER, item("message-4"), item("message-3", "\\Seen")).remove(FOLDER, "message-1")
    server = base.put(FOLDER, item("message-5"), item("message-3", "\\Flagged")).remove(FOLDER, "message-2")
    settled = expect(base, local, server).settled()
    assert sorted(settled.folders[FOLDER]) == ["message-3", "message-4", "message-5"]
    assert settled.folders[FOLDER]["message-3"].flags == {"\\seen", "\\flagged"}


@pytest.mark.parametrize(
    ("direction", "row", "wanted"),
    [
        (Direction.DOWNLOAD, "010", (1, 0)),
        (Direction.DOWNLOAD, "101", (0, 1)),
        (Direction.DOWNLOAD, "001", PRESENT),
        (Direction.UPLOAD, "001", (0, 1)),
        (Direction.UPLOAD, "110", (1, 0)),
        (Direction.UPLOAD, "010", PRESENT),
    ],
)
def test_a_direction_leaves_the_other_side_alone(direction: Direction, row: str, wanted: tuple[int, int]) -> None:
    """What a policy forbids to move stays where it is and is never taken for removed."""
    (demand,) = expect(*_states(row), Policy(direction=direction)).items
    assert demand.outcomes == {wanted: Standing.REQUIRED}
