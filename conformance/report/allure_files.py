"""The two files that Allure reads beside its results: how to group what is not green, and the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from conformance.outcomes import Reason
from conformance.report.text import one_line
from conformance.report.wording import REASONS

_NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9.-]+")
_ESCAPED = re.compile(r"[\\\x00-\x1f\x7f-\uffff]|[^\x00-\uffff]")


def categories() -> list[dict[str, Any]]:
    """One category for each reason; the message of a result starts with the code of its reason."""
    return [
        {"name": words[0].upper() + words[1:], "messageRegex": rf"{reason.value}:[\s\S]*"}
        for reason, words in ((reason, REASONS[reason]) for reason in Reason)
    ]


def properties(pairs: Iterable[tuple[str, str]]) -> str:
    """A Java properties file: ASCII, anything else as the escapes that it knows."""
    return "".join(f"{_NOT_IN_A_KEY.sub('.', key)} = {_escaped(one_line(value))}\n" for key, value in pairs)


def _escaped(value: str) -> str:
    return _ESCAPED.sub(lambda found: "".join(f"\\u{unit:04x}" for unit in _units(found[0])), value)


def _units(character: str) -> Iterable[int]:
    octets = character.encode("utf-16-be")
    return (int.from_bytes(octets[place : place + 2]) for place in range(0, len(octets), 2))
