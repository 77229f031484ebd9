"""Read the recorded wire beside a report: the deciding line with its context, or all of it.

A transcript has one line an entry, each starting with its number. It was written by another process, perhaps one that
died: whatever cannot be read is said, never raised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from conformance.report.text import cut

_ENTRY = re.compile(r" *(\d+) +(?:([\d.]+) +(\S+) +([CS!]) )?(.*)", re.DOTALL)
_MOST_LINES = 200_000
_LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class WireLine:
    """One entry as it is shown; `direction` is `C`, `S`, `!` or empty where the line has another form."""

    number: int | None
    text: str
    connection: str = ""
    direction: str = ""
    decided: bool = False


def link_to(transcript: str) -> str | None:
    """A relative link to a transcript; None for a name that leads out of the directory of the report."""
    path = PurePosixPath(transcript)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\\" in transcript or "\0" in transcript:
        return None
    return quote(str(path), safe="/", errors="replace")


def place_of(directory: Path, transcript: str) -> Path | None:
    """Where a transcript stands; None for a name that leads out of the directory, or to no regular file."""
    if link_to(transcript) is None:
        return None
    try:
        place = (directory / transcript).resolve()
        return place if place.is_file() and place.is_relative_to(directory.resolve()) else None
    except (OSError, ValueError):
        return None


class Transcripts:
    """The transcripts named by a report that stands in `directory`."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._read: dict[str, list[WireLine] | None] = {}

    def entries(self, transcript: str) -> list[WireLine] | None:
        """All entries of a transcript; None when it cannot be read or is not below the directory."""
        if transcript not in self._read:
            self._read[transcript] = self._load(transcript)
        return self._read[transcript]

    def excerpt(self, transcript: str, number: int, context: int = 6) -> list[WireLine] | None:
        """The entry with this number, marked, and up to `context` entries on either side; None when it is not there."""
        entries = self.entries(transcript) or []
        place = next((place for place, line in enumerate(entries) if line.number == number), None)
        if place is None:
            return None
        near = entries[max(0, place - context) : place + context + 1]
        return [
            WireLine(line.number, line.text, line.connection, line.direction, decided=line is entries[place])
            for line in near
        ]

    def _load(self, transcript: str) -> list[WireLine] | None:
        file = place_of(self._directory, transcript) if self._directory is not None else None
        if file is None:
            return None
        try:
            with file.open(encoding="utf-8", errors="replace", newline="\n") as lines:
                kept = (line.rstrip("\n") for line in islice(lines, _MOST_LINES) if not line.startswith("#"))
                return [_wire_line(line) for line in kept]
        except (OSError, ValueError):
            return None


def _wire_line(line: str) -> WireLine:
    match = _ENTRY.fullmatch(line)
    if match is None or len(match[1]) > 12:
        return WireLine(None, _shortened(line))
    return WireLine(int(match[1]), _shortened(match[5]), match[3] or "", match[4] or "")


def _shortened(text: str) -> str:
    return " ".join(filter(None, cut(text, _LONGEST)))
