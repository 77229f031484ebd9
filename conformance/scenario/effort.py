"""How much random exploration each profile does; the example counts are per random test case."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.configuration import Profile


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a random case does: examples to run, and whether a failure is shrunk."""

    examples: int
    shrink: bool = True


EFFORTS: dict[Profile, Effort] = {
    Profile.QUICK: Effort(examples=25),
    Profile.CI: Effort(examples=100),
    Profile.NIGHTLY: Effort(examples=1000),
    Profile.REMOTE: Effort(examples=10, shrink=False),
}
