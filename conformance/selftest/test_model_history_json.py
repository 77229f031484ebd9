"""Histories as JSON: what was written is read back the same, and what is no history is refused with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from conformance.model.history import (
    Act,
    AddObject,
    Follow,
    History,
    Interruption,
    Renumber,
    ReplaceDevice,
    Synchronize,
)
from conformance.model.history_json import UnreadableHistory, history_from_json, history_to_json
from conformance.model.objects import ObjectKind, StoredObject, message
from conformance.model.policy import Direction, Policy
from conformance.model.states import Item, Side, StoreState
from conformance.strategies.histories import Shape, histories
from conformance.strategies.reference_history import reference_history

ALL = Shape(rounds=3, conflicts=True, acts=tuple(Act), specials=(Renumber.kind, ReplaceDevice.kind))


@settings(max_examples=50, deadline=None, database=None)
@given(histories(ALL))
def test_what_was_written_is_read(history: History) -> None:
    """Any history comes back from its text as it was."""
    assert history_from_json(json.loads(json.dumps(history_to_json(history)))) == history


def test_octets_and_policies_are_read() -> None:
    """Octets that are no text, and every part of a policy, come back, too."""
    odd = Item("odd", StoredObject(ObjectKind.MEDIA, bytes(range(256))), frozenset({"\\Seen", "work"}))
    policy = Policy(frozenset({ObjectKind.MEDIA}), Direction.UPLOAD, 700, frozenset({("A", "b")}))
    history = History(StoreState().put(("A",), odd), (Follow(policy), Synchronize()))
    assert history_from_json(json.loads(json.dumps(history_to_json(history)))) == history


def _written() -> dict[str, Any]:
    interruption = Interruption(Act.CHANGE, "a body", edits=(AddObject(Side.SERVER, ("A",), Item("x", message("x"))),))
    written: dict[str, Any] = json.loads(json.dumps(history_to_json(reference_history(interruption))))
    return written


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda told: told.pop("base"), "has no 'base'"),
        (lambda told: told.update(more=1), "unknown 'more'"),
        (lambda told: told["steps"][0].update(do="fly"), "steps 1: 'do' is 'fly'"),
        (lambda told: told["steps"][0].update(side="both"), "steps 1: 'side' is 'both'"),
        (lambda told: told["steps"][0].update(folder=[]), "steps 1: 'folder' is not a list of folder levels"),
        (lambda told: told["steps"][0]["object"].update(kind="song"), "steps 1, object: 'kind' is 'song'"),
        (lambda told: told["steps"][0]["object"].update(flags=[1]), "'flags' is not a list of texts"),
        (lambda told: told["steps"][-2]["interruption"].update(act="melt"), "interruption: 'act' is 'melt'"),
        (lambda told: told["steps"][-2]["interruption"].update(skip=True), "'skip' cannot be True"),
        (lambda told: told.update(steps="none"), "'steps' cannot be 'none'"),
        (lambda told: told["base"].append(7), "base 5 is not a JSON object"),
    ],
)
def test_what_is_no_history_is_refused(spoil: Any, told: str) -> None:
    """The reader says what is wrong, and where."""
    written = _written()
    spoil(written)
    with pytest.raises(UnreadableHistory) as refused:
        history_from_json(written)
    assert told in str(refused.value)
