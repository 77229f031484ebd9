"""Tests of the badge: the verdict in words, for eyes, screen readers and badge services."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from conformance.outcomes import Outcome
from conformance.report import Report
from conformance.report.badge import badge, endpoint, message
from conformance.selftest.report_examples import (
    HOSTILE,
    MadeUpRequirement,
    case,
    every_outcome,
    finding,
    hostile,
    report,
)

SVG = "{http://www.w3.org/2000/svg}"


def one(outcome: Outcome) -> Report:
    """A report of a client that meets its one requirement so."""
    return report([MadeUpRequirement("SYN-1")], [case("one", finding("SYN-1", outcome))])


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (one(Outcome.PASS), "client conformant"),
        (one(Outcome.FAIL), "client not conformant"),
        (one(Outcome.INCONCLUSIVE), "client not established"),
        (every_outcome(), "server conformant, client not conformant"),
        (report([], [], roles=()), "not established"),
    ],
)
def test_the_verdict_stands_in_words(made: Report, words: str) -> None:
    """Role and verdict are read in the picture, in its title and in the JSON of a badge service."""
    picture = ET.fromstring(badge(made))
    assert message(made) == words
    assert picture.findtext(f"{SVG}title") == f"CPM message storage: {words}"
    assert [each.text for each in picture.iter(f"{SVG}text")] == ["CPM message storage", words]
    told = json.loads(endpoint(made))
    assert (told["schemaVersion"], told["label"], told["message"]) == (1, "CPM message storage", words)


def test_the_picture_is_accessible_and_self_contained() -> None:
    """It has the role of an image and a title, and loads nothing."""
    text = badge(every_outcome())
    picture = ET.fromstring(text)
    assert picture.get("role") == "img"
    assert picture.get("aria-labelledby") == (picture.find(f"{SVG}title") or ET.Element("")).get("id", "title")
    assert text.count("http") == 1
    assert int(picture.get("width", "0")) == sum(int(each.get("width", "0")) for each in picture.iter(f"{SVG}rect"))


def test_verdicts_differ_in_colour_and_have_contrast() -> None:
    """White text on each colour has a contrast of at least 4.5 to 1."""
    colours = {json.loads(endpoint(one(each)))["color"] for each in (Outcome.PASS, Outcome.FAIL, Outcome.WARN)}
    assert len(colours) == 3
    assert all(1.05 / (_luminance(each) + 0.05) >= 4.5 for each in colours)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_nothing_of_an_implementation_stands_in_a_badge() -> None:
    """The badge of a hostile server is that of any other."""
    assert {badge(hostile(text)) for text in HOSTILE.values()} == {badge(hostile("plain"))}
