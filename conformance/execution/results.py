"""From what happened to one pytest item to the `CaseResult` that stands in the report."""

from __future__ import annotations

import traceback

from conformance.cases.declaration import Declaration
from conformance.clients.protocol import AdapterCannot, ClientTimeout
from conformance.imap.errors import ConnectionLost, ImapProblem, OperationRefused, ServerStalled
from conformance.outcomes import CaseResult, Finding, Outcome, Reason, worst
from conformance.problems import AdapterProblem, Problem
from conformance.scenario.judge import (
    ConformanceFailure,
    Judge,
    NotApplicable,
    NotDecided,
    PreconditionNotReached,
)
from conformance.servers.protocol import AbilityMissing

_CAUSES: tuple[tuple[type[BaseException], Outcome, Reason], ...] = (
    (PreconditionNotReached, Outcome.INCONCLUSIVE, Reason.PRECONDITION),
    (AbilityMissing, Outcome.NOT_APPLICABLE, Reason.NO_ABILITY),
    (NotImplementedError, Outcome.NOT_APPLICABLE, Reason.NO_ABILITY),
    (AdapterCannot, Outcome.INCONCLUSIVE, Reason.NO_ABILITY),
    (ClientTimeout, Outcome.INCONCLUSIVE, Reason.TIMEOUT),
    (ServerStalled, Outcome.INCONCLUSIVE, Reason.TIMEOUT),
    (ConnectionLost, Outcome.INCONCLUSIVE, Reason.CONNECTION),
    (OperationRefused, Outcome.INCONCLUSIVE, Reason.PRECONDITION),
    (ImapProblem, Outcome.INCONCLUSIVE, Reason.CONNECTION),
)


def case_result(
    declaration: Declaration, title: str, judge: Judge, problem: BaseException | None, duration: float
) -> CaseResult:
    """The result of a test case that ended with `problem`, or without one. Durations are in seconds."""
    findings = list(judge.findings)
    error = None
    if problem is not None and not isinstance(problem, ConformanceFailure | NotDecided):
        cause, error = _cause(problem)
        findings += [
            Finding(requirement=each, outcome=cause[0], reason=cause[1], observed=_told(problem))
            for each in declaration.requirements
            if each not in _settled(findings, cause[0])
        ]
    return _result(declaration, title, judge, findings, error, duration)


def _settled(findings: list[Finding], cause: Outcome) -> set[str]:
    """The requirements that the way a test case ended says nothing new of.

    What did not apply leaves untouched what was judged before. A case that broke off has not established anything, so
    it leaves only what is already as bad or worse.
    """
    if cause is Outcome.ERROR:
        return set()
    if cause is Outcome.NOT_APPLICABLE:
        return {each.requirement for each in findings}
    return {each.requirement for each in findings if each.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)}


def _result(
    declaration: Declaration, title: str, judge: Judge, findings: list[Finding], error: str | None, duration: float
) -> CaseResult:
    outcome = worst(each.outcome for each in findings)
    deciding = next((each for each in findings if each.outcome is outcome), None)
    green = deciding is None or outcome is Outcome.PASS
    return CaseResult(
        id=declaration.id,
        title=title,
        role=declaration.role.value,
        requirements=declaration.requirements,
        outcome=outcome,
        reason=None if green or deciding is None else deciding.reason,
        expected="" if deciding is None else deciding.expected,
        observed="" if deciding is None else deciding.observed,
        deciding=None if deciding is None else deciding.deciding,
        findings=tuple(findings),
        steps=tuple(judge.steps),
        remarks=tuple(judge.remarks),
        profile=tuple(judge.profile),
        transcript=judge.transcript,
        examples=judge.examples,
        reproduced=judge.reproduced,
        replay=judge.replay,
        error=error,
        duration=round(duration, 4),
    )


def _underlying(problem: BaseException) -> BaseException:
    """What an adapter's problem came from, where that is the server's doing: then no error of the suite is to blame."""
    cause = problem.__cause__
    return cause if isinstance(problem, AdapterProblem) and isinstance(cause, ImapProblem) else problem


def _cause(problem: BaseException) -> tuple[tuple[Outcome, Reason], str | None]:
    if isinstance(problem, NotApplicable):
        return (Outcome.NOT_APPLICABLE, problem.reason), None
    for kind, outcome, reason in _CAUSES:
        if isinstance(_underlying(problem), kind):
            return (outcome, reason), None
    told = str(problem) if isinstance(problem, Problem) else "".join(traceback.format_exception(problem))
    return (Outcome.ERROR, Reason.SUITE), told


def _told(problem: BaseException) -> str:
    return str(problem) or type(problem).__name__
