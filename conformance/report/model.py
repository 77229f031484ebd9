"""The contents of report.json, the one file that every other report is made from."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from conformance.outcomes import CaseResult, Frozen, Outcome, Reason, Verdict
from conformance.report.records import Level

FORMAT: Literal["cpm-conformance-report/1"] = "cpm-conformance-report/1"

Role = Literal["server", "client"]


class Suite(Frozen):
    """The suite that made the report."""

    name: str
    version: str


class Sentence(Frozen):
    """One pinned sentence of the standard, in reading order."""

    id: str
    clause: str
    text: str


class ServerFacts(Frozen):
    """The server as it was reached and as it told of itself."""

    adapter: str
    identity: str
    greeting: str = ""
    capabilities: tuple[str, ...] = ()


class ClientFacts(Frozen):
    """The client as its adapter told of it; `equality` names the comparison of objects that was used."""

    adapter: str
    name: str
    version: str = ""
    equality: str = ""
    remark: str = ""


class Claim(Frozen):
    """One item of the ICS: whether it is claimed, and who said so (`declared`, `observed`, `default`)."""

    claimed: bool
    source: str


class Header(Frozen):
    """What was tested, by what, against what, and how. A non-empty `selection` marks a partial run."""

    suite: Suite
    requirement_set: str
    document: str
    sentences: tuple[Sentence, ...] = ()
    server: ServerFacts | None = None
    client: ClientFacts | None = None
    roles: tuple[Role, ...] = ()
    ics: dict[str, Claim] = Field(default_factory=dict)
    pixit: dict[str, JsonValue] = Field(default_factory=dict)
    profile: str = ""
    seed: int | None = None
    selection: tuple[str, ...] = ()


class RoleOutcome(Frozen):
    """The outcome of a requirement that binds both roles, as one of them met it."""

    outcome: Outcome
    reason: Reason | None = None


class FaultsFound(Frozen):
    """How many seeded faults the test cases of a requirement are known to find, of those that are about it."""

    found: int
    seeded: int


class RequirementResult(Frozen):
    """One requirement and the outcome that its test cases add up to; `text` is the sentence that it rests on.

    `by_role` is filled only where both roles are bound. `faults` tells what its test cases are worth, as the selftest
    that ships with the suite measured it.
    """

    id: str
    clause: str
    role: Literal["server", "client", "client+server"]
    keyword: str
    level: Level
    title: str
    text: str
    source: str
    outcome: Outcome
    reason: Reason | None = None
    by_role: dict[Role, RoleOutcome] = Field(default_factory=dict)
    cases: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    faults: FaultsFound | None = None

    def seen_by(self, role: Role) -> RequirementResult:
        """The same requirement with the outcome that this role met."""
        own = self.by_role.get(role)
        return self.model_copy(update={"outcome": own.outcome, "reason": own.reason}) if own else self

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that the requirement binds."""
        return tuple(self.role.split("+"))

    @property
    def applicable(self) -> bool:
        """Whether a verdict counts it: neither not applicable nor excluded."""
        return self.outcome is not Outcome.NOT_APPLICABLE and self.reason is not Reason.EXCLUDED


class Verdicts(Frozen):
    """The verdict of each role, null where the role was not tested, and of the run."""

    server: Verdict | None
    client: Verdict | None
    overall: Verdict


class Volatile(Frozen):
    """Everything that differs between two equal runs: times (ISO 8601), durations (seconds), ports, host names."""

    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    durations: dict[str, float] = Field(default_factory=dict)
    facts: dict[str, str] = Field(default_factory=dict)


class Footer(Frozen):
    """The proof that a report is whole: its counts, and the SHA-256 of all of it but `volatile` and `footer`."""

    cases: int
    requirements: int
    digest: str


class Report(Frozen):
    """One run's report. Requirements and cases are sorted by id, and every id they name stands in it."""

    format: Literal["cpm-conformance-report/1"] = FORMAT
    header: Header
    requirements: tuple[RequirementResult, ...]
    cases: tuple[CaseResult, ...]
    verdict: Verdicts
    volatile: Volatile
    footer: Footer

    @model_validator(mode="after")
    def _ids_resolve(self) -> Self:
        requirements = [requirement.id for requirement in self.requirements]
        cases = [case.id for case in self.cases]
        for kind, ids in (("requirement", requirements), ("case", cases)):
            if len(set(ids)) < len(ids):
                raise ValueError(f"{kind} {min(i for i in ids if ids.count(i) > 1)!r} stands more than once")
        named = {case for requirement in self.requirements for case in requirement.cases}
        if unknown := named - set(cases):
            raise ValueError(f"a requirement names the case {min(unknown)!r}, which is not in the report")
        return self
