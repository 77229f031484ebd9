"""Folder names on the wire: modified UTF-7, case folding and the patterns of LIST (RFC 3501 sections 5.1 and 6.3.8)."""

from __future__ import annotations

import base64
import re
from functools import lru_cache

from conformance.reference.server.behaviour import Behaviour
from conformance.reference.server.errors import Refused

_SHIFTED = re.compile(r"&([^-]*)-")
_BASE64 = re.compile(r"[A-Za-z0-9+,]+")
_LONGEST_NAME = 1000


def check_modified_utf7(name: str) -> None:
    """Raise Refused unless the name is canonical modified UTF-7 (RFC 3501 section 5.1.3)."""
    if not name.isascii() or any(ord(character) < 0x20 or character == "\x7f" for character in name):
        raise Refused("8-bit and control characters are not allowed in folder names; use modified UTF-7", "CANNOT")
    rest = _SHIFTED.sub(_check_shifted, name)
    if "&" in rest:
        raise Refused("the folder name holds a shift that never ends", "CANNOT")


def _check_shifted(match: re.Match[str]) -> str:
    encoded = match[1]
    if not encoded:
        return ""
    # After a shift only `&-` may follow at once: two shifts in a row are superfluous.
    rest = match.string[match.end() :]
    if not _BASE64.fullmatch(encoded) or (rest.startswith("&") and not rest.startswith("&-")):
        raise Refused("the folder name is not modified UTF-7", "CANNOT")
    padded = encoded.replace(",", "/") + "=" * (-len(encoded) % 4)
    try:
        octets = base64.b64decode(padded, validate=True)
        decoded = octets.decode("utf-16-be")
    except ValueError:
        raise Refused("the folder name is not modified UTF-7", "CANNOT") from None
    canonical = base64.b64encode(octets).decode().rstrip("=").replace("/", ",")
    if canonical != encoded or any(" " <= character <= "~" for character in decoded):
        raise Refused("the folder name is not canonical modified UTF-7", "CANNOT")
    return ""


def change_case(name: str, *, upper: bool) -> str:
    """The name in one case, its modified BASE64 parts untouched (RFC 3501 section 5.1.3)."""
    parts = re.split(r"(&[^-]*-)", name)
    return "".join(part if index % 2 else (part.upper() if upper else part.lower()) for index, part in enumerate(parts))


class Naming:
    """How one server reads folder names: hierarchy, INBOX, case and prefix."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self.delimiter = behaviour.delimiter

    def canonical(self, name: str) -> str:
        """The name as the server means it: INBOX in capitals, case coerced where the server does so."""
        head, separator, tail = name.partition(self.delimiter) if self.delimiter else (name, "", "")
        if head.upper() == "INBOX":
            return "INBOX" + separator + self._coerced(tail)
        return self._coerced(name)

    def _coerced(self, name: str) -> str:
        case = self._behaviour.name_case
        return change_case(name, upper=case == "upper") if case in ("lower", "upper") else name

    def key(self, name: str) -> str:
        """What two spellings of one folder have in common."""
        name = self.canonical(name)
        return change_case(name, upper=False) if self._behaviour.name_case == "insensitive" else name

    def new(self, name: str) -> str:
        """The name a new folder gets. Raises Refused for names that cannot be."""
        check_modified_utf7(name)
        if self.delimiter and name.endswith(self.delimiter):
            name = name[: -len(self.delimiter)]
        name = self.canonical(name)
        prefix = self._behaviour.personal_prefix
        if not name or len(name) > _LONGEST_NAME or (self.delimiter and "" in name.split(self.delimiter)):
            raise Refused("the folder name is empty, too long or has an empty level", "CANNOT")
        if prefix and name != "INBOX" and not (name.startswith(prefix) and len(name) > len(prefix)):
            raise Refused(f"folder names must begin with {prefix}", "CANNOT")
        return name

    def superiors(self, name: str) -> list[str]:
        """The names above this one, highest first."""
        if self.delimiter is None:
            return []
        levels = name.split(self.delimiter)
        return [self.delimiter.join(levels[:depth]) for depth in range(1, len(levels))]

    def below(self, name: str) -> str:
        """What the names of inferiors begin with; no name begins with the answer of a flat server."""
        return name + (self.delimiter or "\0")

    def matches(self, pattern: str, name: str) -> bool:
        """Whether a LIST pattern, wildcards and all, matches a name."""
        if name == "INBOX":
            pattern = pattern.upper()
        if self._behaviour.name_case != "sensitive":
            pattern, name = change_case(pattern, upper=False), change_case(name, upper=False)
        return _matches(pattern, name, self.delimiter)


@lru_cache(maxsize=4096)
def _matches(pattern: str, name: str, delimiter: str | None) -> bool:
    """Walk the name with the set of reachable pattern positions: no pattern can make it slow."""
    if pattern == "*":
        return True
    reachable = _past_wildcards(pattern, {0})
    for character in name:
        after = set()
        for position in reachable:
            expected = pattern[position : position + 1]
            if expected == "*" or (expected == "%" and character != delimiter):
                after.add(position)
            elif expected == character:
                after.add(position + 1)
        reachable = _past_wildcards(pattern, after)
        if not reachable:
            return False
    return len(pattern) in reachable


def _past_wildcards(pattern: str, positions: set[int]) -> set[int]:
    """A wildcard may also match nothing."""
    reached = set()
    for start in positions:
        position = start
        while position not in reached:
            reached.add(position)
            if pattern[position : position + 1] not in ("*", "%"):
                break
            position += 1
    return reached
