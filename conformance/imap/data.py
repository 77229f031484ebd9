"""What the untagged data responses say: FETCH, LIST, STATUS, SEARCH, ESEARCH, VANISHED, and sets of UIDs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from conformance.imap.errors import SyntaxProblem
from conformance.imap.syntax import Response, Token, flags_of, number_of, octets_of, pairs, text_of

UID_LIMIT = 2**32 - 1
_RANGE = re.compile(r"(\d{1,10}|\*)(?::(\d{1,10}|\*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class UidSet:
    """A set of UIDs or sequence numbers as inclusive ranges, in the order given (RFC 3501 9, sequence-set)."""

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str, largest: int = UID_LIMIT) -> UidSet:
        """Read `1:3,7,9:*`; `*` stands for `largest`. Raises `SyntaxProblem`."""
        ranges = []
        for part in text.split(","):
            match = _RANGE.fullmatch(part)
            if match is None:
                raise SyntaxProblem("not a set of numbers", text.encode())
            bounds = [largest if bound == "*" else int(bound) for bound in match.groups() if bound is not None]
            ranges.append((min(bounds), max(bounds)))
        return cls(tuple(ranges))

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and any(low <= number <= high for low, high in self.ranges)

    def expand(self, limit: int = 1_000_000) -> list[int]:
        """Every number in the order given; raises `SyntaxProblem` when there are more than `limit`."""
        if sum(high - low + 1 for low, high in self.ranges) > limit:
            raise SyntaxProblem(f"a set of more than {limit} numbers", repr(self.ranges[:3]).encode())
        return [number for low, high in self.ranges for number in range(low, high + 1)]


def expand_uids(text: str, *, largest: int = UID_LIMIT, limit: int = 1_000_000) -> list[int]:
    """Read a set such as `1:3,7` into a list."""
    return UidSet.parse(text, largest).expand(limit)


def compact_uids(uids: Iterable[int]) -> str:
    """Write numbers as the shortest ascending set, such as `1:3,7`; empty for no numbers."""
    ranges: list[list[int]] = []
    for uid in sorted(set(uids)):
        if ranges and ranges[-1][1] == uid - 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in ranges)


def fetch_items(response: Response) -> dict[str, Token]:
    """The data items of `* n FETCH (…)` by upper-case name: `UID`, `FLAGS`, `BODY[]`, `BODY[]<0>`, `MODSEQ`."""
    if len(response.tokens) != 1 or not isinstance(response.tokens[0], tuple):
        raise SyntaxProblem("FETCH data is one list", repr(response.tokens).encode()[:80])
    return pairs(response.tokens[0])


@dataclass(frozen=True, slots=True)
class ListData:
    """One LIST or LSUB response (RFC 3501 7.2.2); attributes are in lower case."""

    attributes: frozenset[str]
    delimiter: str | None
    wire_name: bytes


def list_data(response: Response) -> ListData:
    """Read `* LIST (attributes) delimiter name`; extended data after the name is left aside."""
    if len(response.tokens) < 3:
        raise SyntaxProblem("LIST data has attributes, a delimiter and a name", repr(response.tokens).encode()[:80])
    attributes, delimiter, name = response.tokens[:3]
    lower = frozenset(flag.lower() for flag in flags_of(attributes))
    return ListData(lower, None if delimiter is None else text_of(delimiter), octets_of(name))


def status_data(response: Response) -> tuple[bytes, dict[str, int]]:
    """Read `* STATUS name (ITEM number …)` into the name as sent and its items by upper-case name."""
    if len(response.tokens) != 2 or not isinstance(response.tokens[1], tuple):
        raise SyntaxProblem("STATUS data is a name and a list", repr(response.tokens).encode()[:80])
    items = pairs(response.tokens[1])
    return octets_of(response.tokens[0]), {item: number_of(value) for item, value in items.items()}


def search_data(response: Response) -> list[int]:
    """The numbers of `* SEARCH …` or of the ALL item of `* ESEARCH …` (RFC 4731)."""
    if response.name == "ESEARCH":
        found = esearch_data(response).get("ALL")
        return [] if found is None else expand_uids(text_of(found))
    return [number_of(token) for token in response.tokens if not isinstance(token, tuple)]


def esearch_data(response: Response) -> dict[str, Token]:
    """The return items of `* ESEARCH (TAG "A1") UID MIN 2 COUNT 5` by upper-case name."""
    tokens = [token for token in response.tokens if not isinstance(token, tuple)]
    if tokens and text_of(tokens[0]).upper() == "UID":
        tokens = tokens[1:]
    return pairs(tokens)


def vanished_data(response: Response) -> tuple[bool, UidSet]:
    """Read `* VANISHED [(EARLIER)] set` (RFC 7162 3.2.10): whether it was earlier, and the UIDs."""
    if not response.tokens:
        raise SyntaxProblem("VANISHED names UIDs", b"")
    earlier = isinstance(response.tokens[0], tuple)
    return earlier, UidSet.parse(text_of(response.tokens[-1]))
