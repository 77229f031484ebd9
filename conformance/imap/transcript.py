"""The recorded wire: one numbered entry for each command, response or note, over any number of connections.

The text form has one line an entry, `number seconds connection direction octets`, with all but printable ASCII escaped.
"""

from __future__ import annotations

import re
import threading
import time
from bisect import bisect_right
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import IO, Literal, NamedTuple

from conformance.imap.masking import Secrets, mask_login

EntryDirection = Literal["C", "S", "!"]

_HEADING = "# IMAP transcript, format 1\n"
_LINE = re.compile(r" *(\d+) (\d+\.\d+) (\S+) ([CS!]) (.*)")
_UNPRINTABLE = re.compile(rb"[^\x20-\x5b\x5d-\x7e]")
_ESCAPE = re.compile(rb"\\(?:([rnt\\])|x([0-9a-f]{2}))")
_SHORT = {b"\r": b"\\r", b"\n": b"\\n", b"\t": b"\\t", b"\\": b"\\\\"}
_LONG = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}


class Entry(NamedTuple):
    """One unit that a client (`C`) or a server (`S`) sent, or a note of ours (`!`); `at` is seconds from the start."""

    number: int
    connection: str
    direction: EntryDirection
    at: float
    octets: bytes

    def __str__(self) -> str:
        return f"{self.number:5} {self.at:.4f} {self.connection} {self.direction} {escape(self.octets)}"


def escape(octets: bytes) -> str:
    """Octets as one line of printable ASCII; `unescape` takes it back."""
    return _UNPRINTABLE.sub(lambda found: _SHORT.get(found[0]) or b"\\x%02x" % found[0][0], octets).decode("ascii")


def unescape(text: str) -> bytes:
    """The octets that `escape` wrote."""
    return _ESCAPE.sub(lambda found: _LONG[found[1]] if found[1] else bytes.fromhex(found[2].decode()), text.encode())


class Transcript:
    """A growing list of entries, safe to use from several threads; numbers start at 1 and have no gaps.

    Credentials in LOGIN and AUTHENTICATE, and every occurrence of a registered secret, are masked before they are kept.
    """

    def __init__(self, secrets: Iterable[str | bytes] = ()) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._connections: set[str] = set()
        self._openings: dict[str, list[int]] = {}
        self._secrets = Secrets(secrets)
        self._start = time.monotonic()

    def protect(self, *secrets: str | bytes) -> None:
        """Register further secrets; entries already recorded are left as they are."""
        with self._lock:
            self._secrets.add(*secrets)

    def record(self, connection: str, direction: EntryDirection, octets: bytes) -> Entry:
        """Append one whole unit and return its entry."""
        if connection not in self._connections:
            self._admit(connection)
        with self._lock:
            kept = self._secrets.mask(mask_login(octets) if direction == "C" else octets)
            entry = Entry(len(self._entries) + 1, connection, direction, time.monotonic() - self._start, kept)
            self._entries.append(entry)
            self._note_opening(entry)
        return entry

    def _note_opening(self, entry: Entry) -> None:
        if entry.direction == "!" and entry.octets.startswith(b"opened"):
            self._openings.setdefault(entry.connection, []).append(entry.number)

    def _admit(self, connection: str) -> None:
        if connection.split() != [connection]:
            raise ValueError(f"a connection name is one word, not {connection!r}")
        self._connections.add(connection)

    def note(self, connection: str, text: str) -> Entry:
        """Append a remark of ours, such as `opened`, `cut` or a marker."""
        return self.record(connection, "!", text.encode())

    def opening(self, entry: Entry) -> int:
        """The number of the entry at which the connection of this one was opened; 1 where that was not noted."""
        openings = self._openings.get(entry.connection, [])
        before = bisect_right(openings, entry.number)
        return openings[before - 1] if before else 1

    def entries(self, connection_prefix: str | None = None, since: int = 0, until: int | None = None) -> list[Entry]:
        """The entries with a number above `since` and up to `until`, of connections whose name starts so, or of all."""
        with self._lock:
            later = self._entries[since:until]
        return [entry for entry in later if entry.connection.startswith(connection_prefix or "")]

    def mark(self) -> int:
        """The number of the last entry, 0 when there is none."""
        with self._lock:
            return len(self._entries)

    def excerpt(self, number: int, context: int = 6) -> list[Entry]:
        """The entry with this number and up to `context` entries on either side."""
        with self._lock:
            return self._entries[max(0, number - 1 - context) : number + context]

    def write(self, path: str | PathLike[str]) -> None:
        """Write the text form to a file."""
        with Path(path).open("w", encoding="ascii", newline="\n") as file:
            file.write(_HEADING)
            file.writelines(f"{entry}\n" for entry in self.entries())

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Transcript:
        """Read the text form back. Raises `ValueError` naming the line that is not of this form."""
        transcript = cls()
        with Path(path).open(encoding="ascii", newline="\n") as file:
            transcript._entries = _read_entries(file)
        for entry in transcript._entries:
            transcript._note_opening(entry)
        return transcript


def _read_entries(file: IO[str]) -> list[Entry]:
    if file.readline() != _HEADING:
        raise ValueError(f"{file.name} is not a transcript: its first line is not {_HEADING.strip()!r}")
    entries: list[Entry] = []
    for line in file:
        match = _LINE.fullmatch(line.removesuffix("\n"))
        if match is None or int(match[1]) != len(entries) + 1:
            raise ValueError(f"{file.name}, line {len(entries) + 2}: not the entry {len(entries) + 1} of a transcript")
        number, at, connection, direction, text = match.groups()
        kind: EntryDirection = "C" if direction == "C" else "S" if direction == "S" else "!"
        entries.append(Entry(int(number), connection, kind, float(at), unescape(text)))
    return entries
