"""The judge of one test case: collects findings about requirements, never more severe than the text allows.

A contradiction of a demand is a `fail` only where the requirement's record says that a failure may rest on it; else it
is a `warn`, or `inconclusive`. What was not judged is never green.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from conformance.outcomes import Deciding, Examples, Finding, Observation, Outcome, Reason, Reproduced, worst
from conformance.scenario.visibility import ON_THE_SERVER, ON_THE_WIRE, UNSEEN
from conformance.spec import Basis, Requirement

CONTRADICTED = {
    Basis.FAIL: (Outcome.FAIL, Reason.CONTRADICTION),
    Basis.WARN: (Outcome.WARN, Reason.RECOMMENDATION),
    Basis.INCONCLUSIVE: (Outcome.INCONCLUSIVE, Reason.OPEN),
    Basis.RECORD: (Outcome.PASS, None),
}
"""What a contradiction comes to, by the gravest outcome that may rest on the requirement."""


class ConformanceFailure(AssertionError):
    """The test case found a contradiction."""


class NotDecided(Exception):
    """The test case ran, but what it saw does not decide."""


class PreconditionNotReached(Exception):
    """The state that the test case starts from could not be established; nothing is judged."""


class NotApplicable(Exception):
    """The implementation does not claim, or the adapter cannot offer, what the test case is about."""

    def __init__(self, text: str, reason: Reason = Reason.NOT_CLAIMED) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass
class Judge:
    """Collects the findings, steps and remarks of one test case."""

    record: Callable[[str], Requirement]
    transcript: str
    findings: list[Finding] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    profile: list[Observation] = field(default_factory=list)
    examples: Examples | None = None
    reproduced: Reproduced | None = None
    replay: str | None = None
    sees_local_storage: bool = True
    at_end: list[Callable[[], None]] = field(default_factory=list)
    law: str | None = None

    def step(self, text: str) -> None:
        """Record what the test case did, in words."""
        self.steps.append(text)

    def remark(self, text: str) -> None:
        """Record something that is not judged."""
        if text not in self.remarks:
            self.remarks.append(text)

    def observe(self, topic: str, observed: str, entry: int | None = None) -> None:
        """Record how the implementation behaves where the text leaves it open: a row of the report's profile."""
        self.profile.append(Observation(topic=topic, observed=observed, deciding=self._deciding(entry)))

    def passed(self, *requirements: str) -> None:
        """The requirements were exercised and nothing contradicts them, as far as can be seen."""
        for each in requirements:
            if self.sees_local_storage or each in ON_THE_WIRE | ON_THE_SERVER:
                self.findings.append(Finding(requirement=self.record(each).id, outcome=Outcome.PASS, law=self.law))
            else:
                self.unseen(each)

    def unseen(self, requirement: str) -> None:
        """The requirement speaks of local storage, which cannot be seen."""
        self.undecided(requirement, "local storage shows it", UNSEEN, Reason.NO_ABILITY)

    def contradicted(
        self, requirement: str, expected: str, observed: str, entry: int | None = None, follows: Iterable[str] = ()
    ) -> None:
        """What was observed contradicts the requirement; its record decides how severe that is.

        `follows` names plain requirements that it breaks, too.
        """
        outcome, reason = CONTRADICTED[self.record(requirement).rests_on]
        self._add(requirement, outcome, reason, expected, observed, entry, tuple(follows))
        if outcome is Outcome.PASS:
            self.remark(f"{requirement}: {observed} (expected: {expected})")

    def recommended(self, requirement: str, expected: str, observed: str, entry: int | None = None) -> None:
        """A SHOULD was not followed: a warning, whatever the record's own strength."""
        self._add(requirement, Outcome.WARN, Reason.RECOMMENDATION, expected, observed, entry)

    def undecided(
        self, requirement: str, expected: str, observed: str, reason: Reason = Reason.OPEN, entry: int | None = None
    ) -> None:
        """What was observed decides neither way."""
        self._add(requirement, Outcome.INCONCLUSIVE, reason, expected, observed, entry)

    def check(
        self,
        requirement: str,
        holds: object,
        expected: str,
        observed: str,
        entry: int | None = None,
        follows: Iterable[str] = (),
    ) -> bool:
        """Pass or contradict, as `holds` is true or false; returns it."""
        if holds:
            self.passed(requirement)
        else:
            self.contradicted(requirement, expected, observed, entry, follows)
        return bool(holds)

    def not_applicable(self, requirement: str, why: str, reason: Reason = Reason.NOT_CLAIMED) -> None:
        """The requirement does not bind this implementation."""
        self._add(requirement, Outcome.NOT_APPLICABLE, reason, "", why, None)

    def outcome_of(self, requirement: str) -> Outcome:
        """The worst outcome found for a requirement so far."""
        return worst(each.outcome for each in self.findings if each.requirement == requirement)

    @contextmanager
    def by_law(self, law: str) -> Iterator[None]:
        """What is found inside rests on the recorded wire alone, by a law that can be applied to it again."""
        self.law, outer = law, self.law
        try:
            yield
        finally:
            self.law = outer

    def conclude(self) -> None:
        """Raise `ConformanceFailure` or `NotDecided` for the worst finding, if it is not green."""
        deciding = self.deciding()
        if deciding is None or deciding.outcome not in (Outcome.FAIL, Outcome.INCONCLUSIVE):
            return
        text = f"{deciding.requirement}: expected {deciding.expected}; observed {deciding.observed}"
        raise ConformanceFailure(text) if deciding.outcome is Outcome.FAIL else NotDecided(text)

    def finish(self) -> None:
        """Let those who watched the whole test case judge it; it has run, to its end or not."""
        for watcher in self.at_end:
            watcher()
        self.at_end.clear()

    def deciding(self) -> Finding | None:
        """The first of the worst findings."""
        outcome = worst(each.outcome for each in self.findings)
        return next((each for each in self.findings if each.outcome is outcome), None)

    def adopt(self, findings: Sequence[Finding]) -> None:
        """Take over findings that were made elsewhere, for instance in one example of a random case."""
        self.findings += [each for each in findings if each not in self.findings]

    def _add(
        self,
        requirement: str,
        outcome: Outcome,
        reason: Reason | None,
        expected: str,
        observed: str,
        entry: int | None,
        follows: tuple[str, ...] = (),
    ) -> None:
        finding = Finding(
            requirement=self.record(requirement).id,
            outcome=outcome,
            reason=reason,
            expected=expected,
            observed=observed,
            deciding=self._deciding(entry),
            follows=follows,
            law=self.law,
        )
        if finding not in self.findings:
            self.findings.append(finding)

    def _deciding(self, entry: int | None) -> Deciding | None:
        return None if entry is None else Deciding(transcript=self.transcript, entry=entry)
