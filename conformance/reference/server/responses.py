"""How values are written on the wire (RFC 3501 section 9)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from conformance.reference.server.behaviour import NameStyle

_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*")
_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_LONGEST_QUOTED = 1000


def literal(octets: bytes) -> bytes:
    """A literal: its length and its octets."""
    return b"{%d}\r\n%b" % (len(octets), octets)


def string(octets: bytes) -> bytes:
    """A quoted string where that is possible, else a literal."""
    if len(octets) > _LONGEST_QUOTED or not _QUOTABLE.fullmatch(octets):
        return literal(octets)
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def nstring(octets: bytes | None) -> bytes:
    """A string, or NIL."""
    return b"NIL" if octets is None else string(octets)


def folder_name(name: str, style: NameStyle) -> bytes:
    """A folder name in the style asked for; what cannot be an atom is quoted."""
    octets = name.encode("ascii")
    if style == "literal":
        return literal(octets)
    return octets if style == "atom" and _ATOM.fullmatch(octets) else string(octets)


@lru_cache(maxsize=8192)
def flag_list(flags: frozenset[str], *, recent: bool = False) -> bytes:
    """A parenthesized flag list in a stable order."""
    ordered = sorted(flags, key=lambda flag: (not flag.startswith("\\"), flag))
    if recent:
        ordered.append("\\Recent")
    return f"({' '.join(ordered)})".encode()


def number_set(numbers: Iterable[int]) -> bytes:
    """Numbers, in the order given, as a set: runs that ascend by one become ranges."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return range_set((low, high) for low, high in runs)


def range_set(ranges: Iterable[tuple[int, int]]) -> bytes:
    """Ranges as a set."""
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in ranges)
