"""How much random exploration each profile does; the example counts are per random test case."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.configuration import Profile


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a random case does: examples to run, and whether a failure is shrunk.

    `sessions` and `steps` are the most of a random sequence of storage operations.
    """

    examples: int
    shrink: bool = True
    sessions: int = 2
    steps: int = 14


EFFORTS: dict[Profile, Effort] = {
    Profile.QUICK: Effort(examples=25),
    Profile.CI: Effort(examples=100, sessions=3, steps=20),
    Profile.NIGHTLY: Effort(examples=1000, sessions=3, steps=40),
    Profile.REMOTE: Effort(examples=10, shrink=False, steps=10),
}
