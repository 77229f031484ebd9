"""How much random exploration each profile does; the example counts are per random test case."""

from __future__ import annotations

from conformance.configuration import Profile
from conformance.scenario.exploration import Effort

EFFORTS: dict[Profile, Effort] = {
    Profile.QUICK: Effort(examples=25),
    Profile.CI: Effort(examples=100),
    Profile.NIGHTLY: Effort(examples=1000),
    Profile.REMOTE: Effort(examples=10, shrink=False),
}
