"""Make a failing example simpler: whatever can be left out is left out, as long as it still fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Drawn = TypeVar("Drawn")


def reduce(
    value: Drawn, simpler: Callable[[Drawn], Iterable[Drawn]], fails: Callable[[Drawn], bool], most: int
) -> Drawn:
    """The simplest value found by trying, again and again, the first simpler one that still fails; `most` are tried.

    `simpler` gives the candidates of a value, those that leave most out first.
    """
    tried = 0
    while True:
        for candidate in simpler(value):
            if tried == most:
                return value
            tried += 1
            if fails(candidate):
                value = candidate
                break
        else:
            return value
