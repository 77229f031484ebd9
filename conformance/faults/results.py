"""What a selftest comes to: the trial of each fault, each control, and the two put together as one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Literal

from conformance.outcomes import Frozen
from conformance.report.model import FaultsFound

FORMAT: Literal["cpm-conformance-selftest/1"] = "cpm-conformance-selftest/1"
PUBLISHED = Path(__file__).with_name("published.json")


class Status(StrEnum):
    """What became of a fault."""

    KILLED = "killed"
    SURVIVED = "survived"
    NOT_APPLIED = "not applied"
    EQUIVALENT = "equivalent"
    NOT_RUN = "not run"
    ERROR = "error"


UNPROVEN = (Status.SURVIVED, Status.NOT_APPLIED, Status.ERROR)


class Kill(Frozen):
    """A test case that found a fault by a requirement that it violates, with whatever parameters.

    `first` tells whether nothing was contradicted before it in this test case, but by the same observation; `examples`
    counts those of a random case.
    """

    requirement: str
    case: str
    first: bool
    examples: int = 0


class Trial(Frozen):
    """What became of one fault.

    `about` is the requirement that it is about, `collateral` are those that its test cases found contradicted although
    it does not violate them.
    """

    fault: str
    about: str
    status: Status
    kills: tuple[Kill, ...] = ()
    collateral: tuple[str, ...] = ()
    detail: str = ""
    seconds: float = 0.0


class Checked(Frozen):
    """What became of one control: an implementation whose judgement is known beforehand."""

    control: str
    sentence: str
    holds: bool
    observed: str = ""
    seconds: float = 0.0


class Matrix(Frozen):
    """The result of a selftest. Trials are in the order of the catalogue, `whole` tells that none was left out."""

    format: Literal["cpm-conformance-selftest/1"] = FORMAT
    suite: str
    requirement_set: str
    seed: int
    whole: bool
    trials: tuple[Trial, ...]
    controls: tuple[Checked, ...]

    def counts(self) -> dict[str, FaultsFound]:
        """Of each requirement how many faults it finds, of those that are about it or that it finds besides."""
        found: Counter[str] = Counter()
        missed: Counter[str] = Counter()
        for trial in self.trials:
            finders = {kill.requirement for kill in trial.kills}
            found.update(finders)
            missed.update({trial.about} - finders if trial.status in UNPROVEN else ())
        return {each: FaultsFound(found=found[each], seeded=found[each] + missed[each]) for each in found | missed}

    def without_times(self) -> Matrix:
        """The same, as another run of the same suite would come to."""
        trials = (each.model_copy(update={"seconds": 0.0}) for each in self.trials)
        controls = (each.model_copy(update={"seconds": 0.0}) for each in self.controls)
        return self.model_copy(update={"trials": tuple(trials), "controls": tuple(controls)})

    def of_requirement(self, requirement: str) -> Iterator[Trial]:
        """The faults that a requirement found."""
        return (each for each in self.trials if any(kill.requirement == requirement for kill in each.kills))


@cache
def published() -> Matrix | None:
    """The selftest that ships with the suite; None before there is one."""
    return Matrix.model_validate_json(PUBLISHED.read_text("utf-8")) if PUBLISHED.exists() else None
