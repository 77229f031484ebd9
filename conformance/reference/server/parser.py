"""Cut what a client sends into commands, whatever the pieces it arrives in (RFC 3501 sections 2.2.1 and 4.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MARKER = re.compile(rb"\{(\d+)(\+?)\}\Z")
_LONGEST_MARKER = 40
_TAG = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]+(?= )")


@dataclass(frozen=True, slots=True)
class Command:
    """One complete command: its text without line ends, and the literals its `{n}` markers stand for."""

    line: bytes
    literals: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class LiteralAnnounced:
    """The client waits for leave to send a literal of `size` octets; `command` is what came before it.

    Answer with `accept()` or `refuse()` of the reader before asking for the next event.
    """

    command: Command
    size: int


@dataclass(frozen=True, slots=True)
class Overrun:
    """A command that breaks a bound, up to the point where it does; the rest of it is read and dropped."""

    tag: bytes | None
    text: str
    too_big: bool = False


Event = Command | LiteralAnnounced | Overrun


def tag_of(line: bytes) -> bytes | None:
    """The tag a command line begins with, if it has one."""
    match = _TAG.match(line)
    return match[0] if match else None


class CommandReader:
    """Feed it octets, ask it for events; it never holds more than one command beyond what it was fed.

    `max_line` bounds the text of a command and `max_literal` each literal, in octets. Without `non_synchronizing` a
    `{n+}` literal (RFC 7888) is an overrun.
    """

    def __init__(self, *, max_line: int, max_literal: int, non_synchronizing: bool) -> None:
        self._max_line = max_line
        self._max_literal = max_literal
        self._max_command = 4 * max_literal + max_line
        self._non_synchronizing = non_synchronizing
        self._buffer = bytearray()
        self._scanned = 0
        self._dropping = False
        self._drop = 0
        self._start()

    def _start(self) -> None:
        self._text = b""
        self._literals: list[bytes] = []
        self._octets = 0
        self._literal: int | None = None

    def feed(self, data: bytes) -> None:
        """Take octets from the client."""
        self._buffer += data

    def accept(self) -> None:
        """The announced literal may come: it is read next."""

    def refuse(self) -> None:
        """The announced literal will not come: the command is over."""
        self._start()

    def next_event(self, *, raw: bool = False) -> Event | None:
        """What happened next, or None when more octets are needed. A `raw` line is taken as it is, literals or not."""
        while True:
            if self._dropping:
                if not self._drop_rest():
                    return None
            elif self._literal is not None:
                if not self._take_literal(self._literal):
                    return None
            else:
                event, complete = self._take_line(raw=raw)
                if event is not None or not complete:
                    return event

    def _take_literal(self, size: int) -> bool:
        if len(self._buffer) < size:
            return False
        self._literals.append(bytes(memoryview(self._buffer)[:size]))
        self._octets += size
        del self._buffer[:size]
        self._literal = None
        return True

    def _cut_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._scanned)
        if end < 0:
            self._scanned = len(self._buffer)
            return None
        self._scanned = 0
        line = bytes(memoryview(self._buffer)[:end])
        del self._buffer[: end + 1]
        return line[:-1] if line.endswith(b"\r") else line

    def _take_line(self, *, raw: bool) -> tuple[Event | None, bool]:
        """The event of the next line, if any, and whether there was a line at all."""
        room = self._max_line - len(self._text)
        line = self._cut_line()
        if line is None:
            if len(self._buffer) > room:
                return self._overrun("the command line is too long", self._text + self._buffer[:room]), True
            return None, False
        self._text += line
        if len(line) > room:
            self._after_dropped_line(line)
            return self._overrun("the command line is too long", dropping=self._dropping), True
        marker = None if raw else _MARKER.search(line, max(0, len(line) - _LONGEST_MARKER))
        if marker is None:
            command = Command(self._text, tuple(self._literals))
            self._start()
            return command, True
        return self._announced(marker), True

    def _announced(self, marker: re.Match[bytes]) -> Event | None:
        size, synchronizing = int(marker[1]), not marker[2]
        problem = self._literal_problem(size, synchronizing=synchronizing)
        if problem is not None:
            if not synchronizing:
                self._drop = size
            return self._overrun(problem, dropping=not synchronizing, too_big=synchronizing or self._non_synchronizing)
        self._literal = size
        return LiteralAnnounced(Command(self._text, tuple(self._literals)), size) if synchronizing else None

    def _literal_problem(self, size: int, *, synchronizing: bool) -> str | None:
        if not synchronizing and not self._non_synchronizing:
            return "non-synchronizing literals are not offered"
        if size > self._max_literal or size + self._octets > self._max_command:
            return f"literals are limited to {self._max_literal} octets"
        return None

    def _overrun(
        self, text: str, line: bytes | None = None, *, dropping: bool = True, too_big: bool = False
    ) -> Overrun:
        tag = tag_of(self._text if line is None else line)
        self._dropping = dropping
        self._start()
        return Overrun(tag, text, too_big)

    def _drop_rest(self) -> bool:
        """Read past the rest of an overrun command; whether its end was reached."""
        if self._drop:
            dropped = min(self._drop, len(self._buffer))
            del self._buffer[:dropped]
            self._drop -= dropped
            self._scanned = 0
            if self._drop:
                return False
        line = self._cut_line()
        if line is None:
            surplus = len(self._buffer) - _LONGEST_MARKER
            if surplus > 0:  # the end of the line may still announce a literal
                del self._buffer[:surplus]
                self._scanned = len(self._buffer)
            return False
        self._after_dropped_line(line)
        return True

    def _after_dropped_line(self, line: bytes) -> None:
        """A dropped line may announce a literal that is on its way and must be dropped as well."""
        marker = _MARKER.search(line, max(0, len(line) - _LONGEST_MARKER))
        self._dropping = marker is not None and bool(marker[2])
        self._drop = int(marker[1]) if marker is not None and marker[2] else 0
