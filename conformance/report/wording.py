"""The words and signs of the reports: outcomes, reasons, verdicts, and what is not established."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from conformance.outcomes import Outcome, Reason, Verdict
from conformance.report.model import Report, RequirementResult, Role, Shards
from conformance.spec.records import natural_order

ROLES: tuple[Role, ...] = ("server", "client")
LEVELS = ("mandatory", "recommended", "optional", "informative")

# In the order in which a reader wants them.
SIGNS = {
    Outcome.FAIL: "✗",
    Outcome.ERROR: "▲",
    Outcome.INCONCLUSIVE: "?",
    Outcome.NOT_RUN: "○",
    Outcome.WARN: "!",
    Outcome.PASS: "✓",
    Outcome.NOT_APPLICABLE: "–",
}

REASONS = {
    Reason.CONTRADICTION: "what was observed contradicts the sentence",
    Reason.RECOMMENDATION: "a recommendation is not followed",
    Reason.PRECONDITION: "the state that the test case needs was not reached",
    Reason.NOT_EXERCISED: "the behaviour was never exercised",
    Reason.FLAKY: "the failure did not come back each time",
    Reason.TIMEOUT: "no answer within the time allowed",
    Reason.OPEN: "the text leaves it open",
    Reason.NOT_CLAIMED: "not claimed by the implementation",
    Reason.NO_ABILITY: "the adapter has no means for it",
    Reason.ROLE_NOT_TESTED: "the role was not tested",
    Reason.NO_CASE: "no test case yet",
    Reason.NOT_SELECTED: "not selected for this run",
    Reason.EXCLUDED: "excluded from testing",
    Reason.CONNECTION: "the connection was lost",
    Reason.SUITE: "an error of the suite itself",
}

CAUSES = {
    Reason.PRECONDITION: "An earlier step went wrong: look at the first step that the transcript does not show.",
    Reason.NOT_EXERCISED: "The implementation stopped earlier, or took another way: look at what failed before.",
    Reason.FLAKY: "The behaviour depends on timing, or on what was left behind by an earlier run.",
    Reason.TIMEOUT: "The implementation is slower than the configuration allows, or waits for what never comes.",
    Reason.CONNECTION: "The implementation crashed, or ended the connection on purpose: look at its own log.",
    Reason.SUITE: "A fault of this suite, or of an adapter: it says nothing of what was tested.",
}
"""What usually lies behind an outcome that no wrong behaviour explains."""

VERDICTS = {
    Verdict.CONFORMANT: "conformant",
    Verdict.NOT_CONFORMANT: "not conformant",
    Verdict.NOT_ESTABLISHED: "not established",
    None: "not tested",
}
_DECIDED = (Outcome.FAIL, Outcome.PASS, Outcome.WARN)
_APPLICABLE = "applicable mandatory requirement"
VERDICT_SIGNS = {Verdict.CONFORMANT: "✓", Verdict.NOT_CONFORMANT: "✗", Verdict.NOT_ESTABLISHED: "?", None: "○"}


class Gap(NamedTuple):
    """Requirements that share why they are not established or do not count."""

    outcome: Outcome
    reason: Reason | None
    requirements: tuple[RequirementResult, ...]

    @property
    def words(self) -> str:
        """Why, in words."""
        return REASONS[self.reason] if self.reason else word(self.outcome)


def word(outcome: Outcome) -> str:
    """The outcome in plain words."""
    return outcome.replace("_", " ")


def of_role(report: Report, role: Role) -> list[RequirementResult]:
    """The requirements that bind a role, with the outcomes that it met, `OP02-S2` before `OP02-S10`."""
    mine = [requirement.seen_by(role) for requirement in report.requirements if role in requirement.roles]
    return sorted(mine, key=lambda one: natural_order(one.id))


def verdict_of(report: Report, role: Role) -> Verdict | None:
    """The verdict of a role; None where it was not tested."""
    return report.verdict.server if role == "server" else report.verdict.client


def subject(report: Report, role: Role) -> str:
    """The implementation in this role, by name: `The server (Dovecot 2.3.19.1)`."""
    if role == "server":
        name = report.header.server.identity if report.header.server else ""
    else:
        client = report.header.client
        name = f"{client.name} {client.version}".strip() if client else ""
    return f"The {role} ({name})" if name else f"The {role}"


def sentence(report: Report, role: Role) -> str:
    """The verdict of a role in one sentence, with the counts it rests on."""
    verdict, name = verdict_of(report, role), subject(report, role)
    if verdict is None:
        return f"The {role} was not tested."
    mine = of_role(report, role)
    mandatory = [one for one in mine if one.level == "mandatory" and one.applicable]
    if verdict is Verdict.CONFORMANT:
        return f"{name} is conformant: {_all(len(mandatory))} passed."
    part = f"; {parts_held(report.header.shards)}" if report.header.shards else ""
    if verdict is Verdict.NOT_CONFORMANT:
        return (
            f"{name} is not conformant: {_failures(mine, len(mandatory))}{_known(report)}{_besides(mandatory)}{part}."
        )
    return f"It is not established whether {_lower(name)} is conformant: {_missing(report, mine, mandatory)}{part}."


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def _all(count: int) -> str:
    return "the one mandatory requirement that applies" if count == 1 else f"all {count} {_APPLICABLE}s"


def _failures(mine: Iterable[RequirementResult], mandatory: int) -> str:
    failed = Counter(one.level == "mandatory" for one in mine if one.outcome is Outcome.FAIL)
    parts = []
    if failed[True]:
        parts.append(f"{failed[True]} of {plural(mandatory, _APPLICABLE)} failed")
    if failed[False]:
        parts.append(f"{plural(failed[False], 'other requirement')} failed")
    return ", and ".join(parts)


def _known(report: Report) -> str:
    compared = report.baseline
    if compared is None or not compared.known:
        return ""
    known = plural(compared.known, "failure")
    return f" ({known} known to the baseline, {compared.new or 'none'} new)"


def _besides(mandatory: Iterable[RequirementResult]) -> str:
    count = sum(one.outcome not in _DECIDED for one in mandatory)
    return f"; {count} more {'has' if count == 1 else 'have'} no result that counts" if count else ""


def _missing(report: Report, mine: Iterable[RequirementResult], mandatory: list[RequirementResult]) -> str:
    open_ones = [one for one in mandatory if one.outcome not in _DECIDED]
    if open_ones:
        verb = "has" if len(open_ones) == 1 else "have"
        return f"{len(open_ones)} of {plural(len(mandatory), _APPLICABLE)} {verb} no result that counts"
    if report.header.partial:
        return "only a selection of the test cases was run"
    if any(one.outcome is Outcome.ERROR for one in mine):
        return "the suite itself had errors"
    return "no mandatory requirement passed" if mandatory else "no mandatory requirement applies"


def parts_held(shards: Shards) -> str:
    """Which parts of a divided run a report holds, or which it lacks: `shard 2 of 3 is missing`."""
    missing = shards.missing
    if len(shards.present) == 1 and missing:
        return f"this is only shard {shards.present[0]} of {shards.of}"
    names = ", ".join(map(str, missing))
    return (
        f"shard{'s' if len(missing) > 1 else ''} {names} of {shards.of} {'are' if len(missing) > 1 else 'is'} missing"
    )


def plural(count: int, noun: str, several: str = "") -> str:
    """`1 case`, `2 cases`; `several` is the word for more than one where it is not formed by an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {several or noun + 's'}"


def not_established(report: Report, role: Role) -> list[Gap]:
    """The applicable mandatory requirements without a result that counts, by reason, the largest group first."""
    return _gaps(
        one
        for one in of_role(report, role)
        if one.level == "mandatory" and one.applicable and one.outcome not in _DECIDED
    )


def left_out(report: Report, role: Role) -> list[Gap]:
    """The mandatory requirements that the verdict does not count: not applicable, or excluded."""
    return _gaps(one for one in of_role(report, role) if one.level == "mandatory" and not one.applicable)


def _gaps(requirements: Iterable[RequirementResult]) -> list[Gap]:
    groups: dict[tuple[Outcome, Reason | None], list[RequirementResult]] = {}
    for one in requirements:
        groups.setdefault((one.outcome, one.reason), []).append(one)
    gaps = [Gap(outcome, reason, tuple(group)) for (outcome, reason), group in groups.items()]
    return sorted(gaps, key=lambda gap: (-len(gap.requirements), gap.outcome, gap.words))


def counted(outcomes: Iterable[Outcome]) -> Iterator[tuple[Outcome, int]]:
    """How often each outcome occurs, in the order of `SIGNS`, without zeros."""
    counts = Counter(outcomes)
    return ((outcome, counts[outcome]) for outcome in SIGNS if counts[outcome])
