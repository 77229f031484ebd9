"""Outcomes, their order, the verdict of a run, and the findings that test cases give."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Outcome(StrEnum):
    """The outcome of a finding, a test case or a requirement, worst first (ISO/IEC 9646-1, refined)."""

    FAIL = "fail"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"
    WARN = "warn"
    PASS = "pass"
    NOT_APPLICABLE = "not_applicable"
    NOT_RUN = "not_run"


class Verdict(StrEnum):
    """The verdict of a role, or of a whole run."""

    CONFORMANT = "conformant"
    NOT_CONFORMANT = "not-conformant"
    NOT_ESTABLISHED = "not-established"


class Reason(StrEnum):
    """Why an outcome is not a plain pass."""

    CONTRADICTION = "contradiction"
    RECOMMENDATION = "recommendation-not-followed"
    PRECONDITION = "precondition-not-reached"
    NOT_EXERCISED = "not-exercised"
    FLAKY = "flaky"
    TIMEOUT = "timeout"
    OPEN = "text-leaves-it-open"
    NOT_CLAIMED = "not-claimed"
    NO_ABILITY = "adapter-cannot"
    ROLE_NOT_TESTED = "role-not-tested"
    NO_CASE = "no-test-case-yet"
    NOT_SELECTED = "not-selected"
    EXCLUDED = "excluded"
    CONNECTION = "connection-lost"
    SUITE = "error-of-the-suite"


_WORST_FIRST = list(Outcome)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of some outcomes; `not_run` of none at all."""
    return min(outcomes, key=_WORST_FIRST.index, default=Outcome.NOT_RUN)


class Frozen(BaseModel):
    """The base of everything that stands in a report: immutable, no unknown keys, text that UTF-8 can carry.

    What an implementation sent may hold octets that are no text; they are shown as escapes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _carried(cls, data: object) -> object:
        return {name: _as_text(value) for name, value in data.items()} if isinstance(data, dict) else data


def _as_text(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, StrEnum) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return tuple(map(_as_text, value)) if isinstance(value, tuple | list) else value


class Deciding(Frozen):
    """The wire line that decided: a transcript file, relative to the report, and an entry number in it."""

    transcript: str
    entry: int


class Known(Frozen):
    """Why a failure was expected: what the baseline says of it; `expires` is a date (ISO 8601)."""

    why: str
    issue: str | None = None
    expires: str | None = None


class Finding(Frozen):
    """What one test case found about one requirement.

    `follows` names plain requirements that the same observation breaks, where the test case is about a narrower one.
    `law` names the law of the wire that it was judged by, if it rests on the recorded wire alone and can be judged
    again from it. `known` is there if the baseline of the run holds the failure.
    """

    requirement: str
    outcome: Outcome
    reason: Reason | None = None
    expected: str = ""
    observed: str = ""
    deciding: Deciding | None = None
    follows: tuple[str, ...] = ()
    law: str | None = None
    known: Known | None = None


class Examples(Frozen):
    """How much a random case was exercised: examples run and planned, and how often each thing occurred.

    `operations` is a digest of all that was drawn: the same seed and suite give the same one.
    """

    run: int
    planned: int
    exercised: dict[str, int] = Field(default_factory=dict)
    operations: str = ""


class Reproduced(Frozen):
    """How often a failure found by random search came back on fresh state."""

    times: int
    of: int


class Observation(Frozen):
    """How an implementation behaves where the text leaves it open: recorded in the report's profile, never judged."""

    topic: str
    observed: str
    deciding: Deciding | None = None


class CaseResult(Frozen):
    """The result of one test case: its findings, and everything a reviewer needs to follow them."""

    id: str
    title: str
    role: Literal["server", "client"] | None = None
    requirements: tuple[str, ...]
    outcome: Outcome
    reason: Reason | None = None
    expected: str = ""
    observed: str = ""
    deciding: Deciding | None = None
    findings: tuple[Finding, ...] = ()
    steps: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    profile: tuple[Observation, ...] = ()
    transcript: str | None = None
    examples: Examples | None = None
    reproduced: Reproduced | None = None
    replay: str | None = None
    error: str | None = None
    duration: float = 0.0
