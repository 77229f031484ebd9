"""Cut a stream of IMAP octets into whole commands or responses, without any I/O.

A unit is one command or response with the literals inside it (RFC 3501 2.2, 4.3), raw. The lines that follow
AUTHENTICATE, and the DONE of IDLE, are units of their own.
"""

from __future__ import annotations

import re
from typing import Literal

from conformance.imap.errors import ResponseTooLarge

Direction = Literal["C", "S"]

_MARKERS = {
    "C": re.compile(rb"\{(\d{1,19})([+-]?)\}\r?\n\Z"),
    "S": re.compile(rb"\{(\d{1,19})()\}\r?\n\Z"),
}
_LONGEST_MARKER = 25
# The text of a status response may end in something that looks like a literal; only its code can hold one.
_STATUS_TEXT = re.compile(rb"(?:\+|(?:\*|[^\s{(\"]+) (?:OK|NO|BAD|BYE|PREAUTH)\b)(?! \[[^\]]*\Z)", re.IGNORECASE)


class Framer:
    """Frame one direction: `"C"` what a client sends, `"S"` what a server sends.

    `literal_limit` bounds one literal, `line_limit` one line between literals, both in octets.
    """

    def __init__(
        self, direction: Direction, *, literal_limit: int | None = None, line_limit: int | None = None
    ) -> None:
        self._direction = direction
        self._marker = _MARKERS[direction]
        self._literal_limit, self._line_limit = literal_limit, line_limit
        self._hasty = False
        self._start()

    def _start(self) -> None:
        self._unit = bytearray()
        self._line = 0
        self._missing = 0
        self._paused = False

    @property
    def tail(self) -> bytes:
        """The octets of the unit that is not finished yet."""
        return bytes(self._unit)

    @property
    def missing(self) -> int:
        """How many octets of the literal now being read are still to come."""
        return self._missing

    @property
    def paused(self) -> bool:
        """True right after a synchronizing literal was announced and before its first octet."""
        return self._paused

    @property
    def size(self) -> int:
        """How many octets of the unfinished unit are here."""
        return len(self._unit)

    @property
    def inside(self) -> bool:
        """True when the unfinished unit has its first line, ending in a literal, and is not complete."""
        return self._line > 0

    def tail_from(self, offset: int) -> bytes:
        """The octets of the unfinished unit from an offset on, at the cost of those octets only."""
        return bytes(memoryview(self._unit)[offset:])

    def refused_by(self, response: bytes) -> bool:
        """Whether a tagged response answers the command that waits, paused, for leave to send its literal."""
        return self._paused and self._unit.startswith(response.split(b" ", 1)[0] + b" ")

    def take_hasty(self) -> bool:
        """Whether a synchronizing literal came in one piece with its announcement since this was last asked."""
        hasty, self._hasty = self._hasty, False
        return hasty

    def abandon(self) -> bytes:
        """Give up the unfinished unit (a refused literal, the end of a connection) and return its octets."""
        tail = self.tail
        self._start()
        return tail

    def feed(self, octets: bytes) -> list[bytes]:
        """Take any number of octets and return the units they complete.

        Raises `ResponseTooLarge` when a bound is passed; the framer is then of no further use.
        """
        if self._are_whole_lines(octets):
            return [line + b"\n" for line in octets.split(b"\n")[:-1]]
        units: list[bytes] = []
        position = 0
        while position < len(octets):
            if self._paused:
                self._hasty |= position > 0
                self._paused = False
            take = self._take_literal if self._missing else self._take_line
            position = take(octets, position, units)
        return units

    def _are_whole_lines(self, octets: bytes) -> bool:
        """Whether every line is a unit, and short enough: what most octets are, and quickly told."""
        return (
            not self._unit
            and octets.endswith(b"\n")
            and b"}\n" not in octets
            and b"}\r\n" not in octets
            and (self._line_limit is None or len(octets) <= self._line_limit)
        )

    def _take_literal(self, octets: bytes, position: int, _units: list[bytes]) -> int:
        """Take of the literal what is here; returns where it ends."""
        taken = min(self._missing, len(octets) - position)
        self._unit += memoryview(octets)[position : position + taken]
        self._missing -= taken
        self._line = len(self._unit)
        return position + taken

    def _take_line(self, octets: bytes, position: int, units: list[bytes]) -> int:
        """Take a line, or the beginning of one, and add a unit that it completes to `units`; returns where it ends."""
        end = octets.find(b"\n", position) + 1
        self._unit += memoryview(octets)[position : end or len(octets)]
        self._check_length(len(self._unit) - self._line)
        if end and not self._announces_literal():
            units.append(bytes(self._unit))
            self._start()
        return end or len(octets)

    def _check_length(self, length: int) -> None:
        if self._line_limit is not None and length > self._line_limit:
            raise ResponseTooLarge("a line", length, self._line_limit)

    def _announces_literal(self) -> bool:
        marker = self._marker.search(self._unit, max(self._line, len(self._unit) - _LONGEST_MARKER))
        if marker is None or (self._direction == "S" and _STATUS_TEXT.match(self._unit)):
            return False
        size = int(marker[1])
        if self._literal_limit is not None and size > self._literal_limit:
            raise ResponseTooLarge("a literal", size, self._literal_limit)
        self._missing, self._line = size, len(self._unit)
        self._paused = not marker[2]
        return True
