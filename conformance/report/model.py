"""The contents of report.json, the one file that every other report is made from."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from conformance.outcomes import CaseResult, Frozen, Outcome, Reason, Verdict
from conformance.report.records import Level

FORMAT: Literal["cpm-conformance-report/1"] = "cpm-conformance-report/1"

Role = Literal["server", "client"]

MOST_SHARDS = 9999
"""The most parts that a run is divided into."""


class Suite(Frozen):
    """The suite that made the report."""

    name: str
    version: str


class Sentence(Frozen):
    """One pinned sentence of the standard, in reading order, and the keyword that governs it."""

    id: str
    clause: str
    text: str
    keyword: str = ""


class Ambiguity(Frozen):
    """A point that the text leaves open, the reading that the suite takes, and the gravest outcome it allows."""

    id: str
    text: str
    reading: str
    policy: str


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
    """One item of the ICS: whether it is claimed, and who said so (`declared`, `observed`, `default`).

    `observed` tells whether the server's CAPABILITY announces it, None for what no capability stands for.
    """

    claimed: bool
    source: str
    question: str = ""
    observed: bool | None = None


class Reviewed(Frozen):
    """One rule of the static review: whether the claims hold it, None where that cannot be told; `told` says more."""

    role: Role
    rule: str
    source: str
    holds: bool | None
    told: str = ""


class Shards(Frozen):
    """The parts of a run that a report holds, of so many that it was divided into; they are numbered from 1."""

    of: int = Field(ge=1, le=MOST_SHARDS)
    present: tuple[int, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _are_parts(self) -> Self:
        if list(self.present) != sorted({*self.present} & {*range(1, self.of + 1)}):
            raise ValueError(f"shards are numbered from 1 to {self.of}")
        return self

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of the parts that are not in the report."""
        return tuple(number for number in range(1, self.of + 1) if number not in self.present)


class Header(Frozen):
    """What was tested, by what, against what, and how.

    `ics` is what was claimed in the end, by `role:item`, and `static_review` whether that is consistent; `statement` is
    the filled-in form as it was given: who says it under `about`, and the answers by role and item. A non-empty
    `selection` marks a partial run; so does `shards`, which a whole run does not have.
    """

    suite: Suite
    requirement_set: str
    document: str
    sentences: tuple[Sentence, ...] = ()
    ambiguities: tuple[Ambiguity, ...] = ()
    server: ServerFacts | None = None
    client: ClientFacts | None = None
    roles: tuple[Role, ...] = ()
    ics: dict[str, Claim] = Field(default_factory=dict)
    statement: dict[str, dict[str, str]] = Field(default_factory=dict)
    static_review: tuple[Reviewed, ...] = ()
    pixit: dict[str, JsonValue] = Field(default_factory=dict)
    profile: str = ""
    seed: int | None = None
    selection: tuple[str, ...] = ()
    shards: Shards | None = None

    @property
    def partial(self) -> bool:
        """Whether test cases were left out: then nothing is conformant."""
        return bool(self.selection) or self.shards is not None


class RoleOutcome(Frozen):
    """The outcome of a requirement that binds both roles, as one of them met it."""

    outcome: Outcome
    reason: Reason | None = None


class FaultsFound(Frozen):
    """How many seeded faults the test cases of a requirement are known to find, of those that are about it."""

    found: int
    seeded: int


class Quote(Frozen):
    """Words of a document that a requirement rests on; `source` says for people where they stand."""

    document: str
    section: str
    source: str
    text: str


class RequirementResult(Frozen):
    """One requirement and the outcome that its test cases add up to; `text` is the sentence that it rests on.

    `quotes` are the words of the documents, `derivation` the steps from them where `text` is not one of them,
    `condition` an expression of ICS items, `ambiguities` the open points it touches, and `causes` plausible wrong
    implementations. `by_role` is filled only where both roles are bound. `faults` tells what its test cases are worth,
    as the selftest that ships with the suite measured it.
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
    quotes: tuple[Quote, ...] = ()
    derivation: tuple[str, ...] = ()
    condition: str = ""
    ambiguities: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
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


class Compared(Frozen):
    """How the failures of a run compare to its baseline: how many it holds, and what in it is out of date, in words."""

    known: int
    new: int
    stale: tuple[str, ...] = ()


class Volatile(Frozen):
    """Everything that differs between two equal runs: times (ISO 8601), durations (seconds), ports, host names.

    `transcripts` holds the SHA-256 of each recorded wire by its file, `lines` what stands in each deciding entry, by
    file and number.
    """

    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    durations: dict[str, float] = Field(default_factory=dict)
    facts: dict[str, str] = Field(default_factory=dict)
    transcripts: dict[str, str] = Field(default_factory=dict)
    lines: dict[str, str] = Field(default_factory=dict)


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
    baseline: Compared | None = None
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
