"""Sequences of storage steps can be written as JSON and read again; what is wrong in a text is told by its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.model.objects import ObjectKind, StoredObject
from conformance.model.states import Item
from conformance.strategies.store_json import steps_from_json, steps_to_json
from conformance.strategies.store_sequences import sequences
from conformance.strategies.store_steps import Append, Change, Expunge, Listing, Step

CREATE: dict[str, Any] = {"do": "create", "session": 0, "folder": ["A"]}
OBJECT: dict[str, Any] = {"name": "object-1", "text": "a"}


@settings(max_examples=200, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sequences(3, 20))
def test_what_is_written_is_read(steps: tuple[Step, ...]) -> None:
    """Every sequence comes back from JSON text as it was."""
    assert steps_from_json(json.loads(json.dumps(steps_to_json(steps)))) == steps


@given(st.binary(max_size=50))
def test_any_octets_are_kept(octets: bytes) -> None:
    """Octets that are no text are written as BASE64."""
    steps = (Append(1, ("A", "b"), (Item("object-1", StoredObject(ObjectKind.MEDIA, octets)),)),)
    assert steps_from_json(json.loads(json.dumps(steps_to_json(steps)))) == steps


def test_the_form_is_plain() -> None:
    """What has its usual value is left out."""
    content = StoredObject(ObjectKind.MESSAGE, b"a\r\n")
    steps = (
        Append(0, ("A", "b"), (Item("object-1", content, frozenset({"\\Seen"})),)),
        Change(1, ("A", "b"), ("object-1",), "-FLAGS", frozenset({"\\Seen"}), by="number"),
        Expunge(1, ("A", "b")),
        Listing(0),
    )
    told = {"name": "object-1", "kind": "CPM Message", "text": "a\r\n", "flags": ["\\Seen"]}
    change = {"objects": ["object-1"], "how": "-FLAGS", "flags": ["\\Seen"], "by": "number"}
    assert steps_to_json(steps) == [
        {"do": "append", "session": 0, "folder": ["A", "b"], "objects": [told]},
        {"do": "change", "session": 1, "folder": ["A", "b"], **change},
        {"do": "expunge", "session": 1, "folder": ["A", "b"]},
        {"do": "list", "session": 0},
    ]


WRONG: dict[str, tuple[object, str]] = {
    "no list": ({}, "steps is {}; it has to be a list of steps"),
    "no object": ([1], r"steps\[0\] is 1; it has to be a JSON object"),
    "nothing to do": ([{}], r"steps\[0\] has no 'do'"),
    "unknown step": ([CREATE, {"do": "fly"}], r"steps\[1\]\.do is 'fly'; it has to be one of create, delete"),
    "unknown key": (
        [CREATE | {"colour": 1}],
        r"steps\[0\] has 'colour', which is not known there; known are do, folder",
    ),
    "missing key": ([{"do": "create", "session": 0}], r"steps\[0\] has no 'folder'; it has to be a list of the levels"),
    "session": ([CREATE | {"session": -1}], r"steps\[0\]\.session is -1; it has to be a number from 0 on"),
    "truth for a number": ([CREATE | {"session": True}], r"steps\[0\]\.session is True"),
    "empty path": ([CREATE | {"folder": []}], r"steps\[0\]\.folder is \[\]"),
    "empty level": ([CREATE | {"folder": ["A", ""]}], r"steps\[0\]\.folder is \['A', ''\]"),
    "empty names": ([{"do": "expunge", "session": 0, "folder": ["A"], "objects": []}], r"steps\[0\]\.objects is \[\]"),
    "how": (
        [{"do": "look", "session": 0, "folder": ["A"], "how": "hard"}],
        r"steps\[0\]\.how is 'hard'; .* news, select",
    ),
    "no octets": (
        [CREATE | {"do": "append", "objects": [{"name": "a"}]}],
        r"steps\[0\]\.objects\[0\] .* 'text' or 'base64'",
    ),
    "not BASE64": (
        [CREATE | {"do": "append", "objects": [{"name": "a", "base64": "?"}]}],
        r"steps\[0\]\.objects\[0\]\.base64 is '\?'; it has to be BASE64",
    ),
    "object with more": (
        [CREATE | {"do": "append", "objects": [OBJECT | {"size": 1}]}],
        r"steps\[0\]\.objects\[0\] has 'size', which is not known",
    ),
    "flags": (
        [CREATE | {"do": "append", "objects": [OBJECT | {"flags": "\\Seen"}]}],
        r"steps\[0\]\.objects\[0\]\.flags is .*Seen'; it has to be a list of flags",
    ),
}


@pytest.mark.parametrize(("told", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told(told: object, message: str) -> None:
    """The message names the place and what has to be there."""
    with pytest.raises(ValueError, match=message):
        steps_from_json(told)
