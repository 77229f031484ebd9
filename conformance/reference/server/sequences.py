"""Sequence sets: message numbers or UIDs as ranges (RFC 3501 section 9, sequence-set)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Protocol

Range = tuple[int, int]
STAR = 2**32


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Ranges as the client wrote them; `*` is kept as STAR until the largest number in use is known."""

    ranges: tuple[Range, ...]

    def resolved(self, largest: int) -> list[Range]:
        """Ascending ranges without overlap, `*` replaced by `largest`; a range reads the same in either direction."""
        found: list[Range] = []
        for one, other in sorted(self._ordered(largest)):
            if found and one <= found[-1][1] + 1:
                found[-1] = (found[-1][0], max(other, found[-1][1]))
            else:
                found.append((one, other))
        return found

    def _ordered(self, largest: int) -> Iterator[Range]:
        for pair in self.ranges:
            low, high = sorted(largest if number == STAR else number for number in pair)
            yield low, high

    def __iter__(self) -> Iterator[int]:
        """The numbers one by one, as written; `*` counts as STAR."""
        return chain.from_iterable(range(low, high + 1) for low, high in self._ordered(STAR))

    @property
    def highest(self) -> int:
        """The largest number written; STAR when `*` is part of the set."""
        return max(high for pair in self.ranges for high in pair)


class HasUid(Protocol):
    """Anything with a UID."""

    uid: int


_uid_of = attrgetter("uid")


def select_by_uid(messages: Sequence[HasUid], ranges: Iterable[Range]) -> Iterator[int]:
    """The indexes of those messages, ascending by UID, whose UIDs lie in ascending ranges."""
    for low, high in ranges:
        yield from range(bisect_left(messages, low, key=_uid_of), bisect_right(messages, high, key=_uid_of))


def contains(ranges: Sequence[Range], number: int) -> bool:
    """Whether ascending ranges hold a number."""
    index = bisect_right(ranges, (number, STAR)) - 1
    return index >= 0 and ranges[index][0] <= number <= ranges[index][1]


def missing_between(numbers: Sequence[int], low: int, high: int) -> list[Range]:
    """The ranges from low to high that ascending numbers leave out."""
    gaps: list[Range] = []
    for index in range(bisect_left(numbers, low), bisect_right(numbers, high)):
        if numbers[index] > low:
            gaps.append((low, numbers[index] - 1))
        low = numbers[index] + 1
    return [*gaps, (low, high)] if low <= high else gaps
