"""How much random exploration each profile does, as data, and the Hypothesis settings that go with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity

from conformance.configuration import Profile


@dataclass(frozen=True, slots=True)
class Effort:
    """How much one random test case does.

    `examples` is how many are drawn, `seconds` after how long no further one is begun. `shrink` tells whether a failing
    example is made simpler by running simpler ones, `simpler` how many of them at the most. `rate` is the most examples
    a minute, 0 for no bound. `rounds` and `edits` are the most of a history. `sequences` is how many sequences of
    storage operations are drawn, which cost little; `sessions` and `steps` are the most of one. It is `thorough` where
    what costs much time is done, too: connections that fall silent, and cuts before as well as inside of everything.
    """

    examples: int
    seconds: float = 60.0
    shrink: bool = True
    simpler: int = 150
    rate: float = 0.0
    rounds: int = 2
    edits: int = 6
    sequences: int = 60
    sessions: int = 2
    steps: int = 14
    thorough: bool = False

    def for_sequences(self) -> Effort:
        """The same with as many examples as sequences of storage operations are drawn."""
        return replace(self, examples=self.sequences)

    def times(self, factor: float) -> Effort:
        """The same with so many times as many examples."""
        return replace(self, examples=math.ceil(self.examples * factor))

    def settings(self) -> hypothesis.settings:
        """What Hypothesis is told; the example database is a cache and never evidence, so none is used."""
        phases = [Phase.explicit, Phase.generate, *([Phase.shrink] if self.shrink else [])]
        return hypothesis.settings(
            max_examples=self.examples,
            deadline=None,
            database=None,
            derandomize=False,
            print_blob=False,
            report_multiple_bugs=False,
            phases=phases,
            verbosity=Verbosity.quiet,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )


EFFORTS: dict[Profile, Effort] = {
    Profile.QUICK: Effort(examples=20, seconds=10.0),
    Profile.CI: Effort(examples=100, seconds=60.0, rounds=3, sequences=400, sessions=3, steps=20, thorough=True),
    Profile.NIGHTLY: Effort(
        examples=1000,
        seconds=3600.0,
        simpler=500,
        rounds=5,
        edits=8,
        sequences=4000,
        sessions=3,
        steps=40,
        thorough=True,
    ),
    Profile.REMOTE: Effort(examples=10, seconds=300.0, shrink=False, rate=60.0, sequences=10, steps=10),
    Profile.REPLAY: Effort(examples=1, shrink=False),
}
for _profile, _effort in EFFORTS.items():
    hypothesis.settings.register_profile(f"cpm-{_profile.value}", _effort.settings())
