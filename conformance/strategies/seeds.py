"""The number that a whole history or sequence follows from: evenly spread, and drawn alike wherever the suite runs.

Hypothesis likes small integers, odd ones, and constants that stand in the modules it takes for those under test, which
differ with how the suite is installed and what else is loaded. A boolean it only tosses.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from hypothesis import strategies as st

BITS = 64


def seeds() -> st.SearchStrategy[int]:
    """A number of 64 bits, each as likely as any other."""
    return st.lists(st.booleans(), min_size=BITS, max_size=BITS).map(_number)


def _number(bits: Iterable[bool]) -> int:
    return reduce(lambda number, bit: 2 * number + bit, bits, 0)
