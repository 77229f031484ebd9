"""Read the arguments of one command, strictly by the grammar of RFC 3501 section 9."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from conformance.reference.server.behaviour import MAX_MOD_SEQUENCE
from conformance.reference.server.errors import NotUnderstood
from conformance.reference.server.parser import Command
from conformance.reference.server.sequences import STAR, SequenceSet

_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
# 8-bit octets are let through here so that a folder name that holds them can be refused with NO.
_ASTRING = re.compile(rb"[^\x00-\x20\x7f(){%*\"\\]+")
_PATTERN = re.compile(rb"[^\x00-\x20\x7f(){\"\\]+")
_QUOTED = re.compile(rb'"([^"\\\r\n\x00]*(?:\\["\\][^"\\\r\n\x00]*)*)"')
_ESCAPED = re.compile(rb'\\(["\\])')
_LITERAL = re.compile(rb"\{\d+\+?\}")
_NUMBER = re.compile(rb"\d+")
_FLAG = re.compile(rb"\\?[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_FETCH_ITEM = re.compile(rb"[A-Za-z0-9.]+\[?")
_SEQUENCE_SET = re.compile(rb"(?:[1-9]\d*|\*)(?::(?:[1-9]\d*|\*))?(?:,(?:[1-9]\d*|\*)(?::(?:[1-9]\d*|\*))?)*")
_MAX_NUMBER = 2**32 - 1

Item = TypeVar("Item")


class Arguments:
    """A position in a command's text. Every method reads one thing and raises NotUnderstood when it is not there."""

    def __init__(self, command: Command, position: int = 0) -> None:
        self._line = command.line
        self._position = position
        self._literals = iter(command.literals)
        self._unread = len(command.literals)

    def _match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        match = pattern.match(self._line, self._position)
        if match is None:
            raise NotUnderstood(f"{what} expected at octet {self._position}")
        self._position = match.end()
        return match

    def peek(self) -> bytes:
        """The next octet, empty at the end."""
        return self._line[self._position : self._position + 1]

    def skip(self, octets: bytes) -> bool:
        """Pass over these octets if they come next, without regard to case."""
        following = self._line[self._position : self._position + len(octets)]
        if following.upper() != octets.upper():
            return False
        self._position += len(octets)
        return True

    def expect(self, octets: bytes) -> None:
        """Pass over these octets."""
        if not self.skip(octets):
            raise NotUnderstood(f"{octets.decode()!r} expected at octet {self._position}")

    def space(self) -> None:
        """One space."""
        self.expect(b" ")

    def end(self) -> None:
        """Nothing more."""
        if self._position != len(self._line) or self._unread:
            raise NotUnderstood(f"the command goes on where it should end, at octet {self._position}")

    def atom(self) -> str:
        """An atom."""
        return self._match(_ATOM, "an atom")[0].decode()

    def word(self) -> str:
        """An atom in upper case."""
        return self.atom().upper()

    def fetch_item(self) -> str:
        """The name of a FETCH item in upper case, with the bracket that opens its section."""
        return self._match(_FETCH_ITEM, "a FETCH item")[0].decode().upper()

    def number(self, limit: int = _MAX_NUMBER) -> int:
        """A number up to the limit."""
        digits = self._match(_NUMBER, "a number")[0]
        if len(digits) > 20 or int(digits) > limit:
            raise NotUnderstood(f"numbers must not exceed {limit}")
        return int(digits)

    def mod_sequence(self, *, zero: bool = True) -> int:
        """A mod-sequence."""
        value = self.number(MAX_MOD_SEQUENCE)
        if value == 0 and not zero:
            raise NotUnderstood("a mod-sequence from 1 expected")
        return value

    def literal(self, *, nul: bool = False) -> bytes | None:
        """A literal, or None when something else comes next."""
        match = _LITERAL.match(self._line, self._position)
        if match is None or not self._unread:
            return None
        self._position = match.end()
        self._unread -= 1
        octets = next(self._literals)
        if b"\0" in octets and not nul:
            raise NotUnderstood("NUL octets are not allowed in literals (RFC 3501 section 4.3.1)")
        return octets

    def string(self) -> bytes:
        """A quoted string or literal."""
        octets = self.literal()
        if octets is None:
            quoted = self._match(_QUOTED, "a string")[1]
            return _ESCAPED.sub(rb"\1", quoted)
        return octets

    def astring(self) -> bytes:
        """An atom, with `]` allowed, or a string."""
        if self.peek() in (b'"', b"{"):
            return self.string()
        return self._match(_ASTRING, "an atom or string")[0]

    def nstring(self) -> bytes | None:
        """A string, or NIL."""
        return None if self.skip(b"NIL") else self.string()

    def value(self) -> bytes | None:
        """A string, NIL, or a literal8, which alone may hold NUL octets (RFC 5464 section 5)."""
        return self.literal(nul=True) if self.skip(b"~") else self.nstring()

    def folder(self) -> str:
        """A folder name as it stands on the wire; octets above 127 are kept so that they can be refused."""
        return self.astring().decode("latin-1")

    def pattern(self) -> str:
        """A folder name with wildcards."""
        if self.peek() in (b'"', b"{"):
            return self.string().decode("latin-1")
        return self._match(_PATTERN, "a folder name or pattern")[0].decode("latin-1")

    def flag(self) -> str:
        """A flag or keyword."""
        return self._match(_FLAG, "a flag")[0].decode()

    def sequence_set(self) -> SequenceSet:
        """A set of message numbers or UIDs."""
        ranges: list[tuple[int, int]] = []
        for item in self._match(_SEQUENCE_SET, "a sequence set")[0].split(b","):
            low, _, high = item.partition(b":")
            ranges.append((_set_number(low), _set_number(high or low)))
        return SequenceSet(tuple(ranges))

    def listed(self, read: Callable[[], Item]) -> list[Item]:
        """A parenthesized list of one or more things, each read by `read`."""
        self.expect(b"(")
        items = [read()]
        while not self.skip(b")"):
            self.space()
            items.append(read())
        return items

    def flags(self) -> list[str]:
        """A parenthesized list of flags, which may be empty."""
        if self.skip(b"()"):
            return []
        return self.listed(self.flag)


def _set_number(digits: bytes) -> int:
    if digits == b"*":
        return STAR
    if len(digits) > 10 or int(digits) > _MAX_NUMBER:
        raise NotUnderstood(f"numbers of a set must not exceed {_MAX_NUMBER}")
    return int(digits)
