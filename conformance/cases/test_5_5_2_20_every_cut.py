"""5.5.2.20 with the connection cut at every single point of one synchronization: a count, not a hope."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case
from conformance.scenario.cut_points import CutPoints

PARTS = 4
CUT = ("SYN-706", "SYN-707", "SYN-709", "SYN-710")


@pytest.mark.parametrize("part", range(PARTS), ids=[f"part-{part + 1}-of-{PARTS}" for part in range(PARTS)])
@client_case("cut-at-every-point", *CUT)
def test_cut_at_every_point(cut_points: CutPoints, part: int) -> None:
    """A client whose connection is cut anywhere loses nothing, and makes both sides alike in the next complete run."""
    cut_points.cover(part, PARTS, CUT, ("interrupted elsewhere",))
