"""One trial of one fault: its test cases are run with it and without it, and the two runs are compared.

In memory a run has no clock, no port and no second thread, so that two runs of one implementation are alike to the
octet. A fault was *applied* if something differs: a line on the wire, or what a test case found. It was *killed* if a
requirement that it violates is contradicted with it and not without it.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from conformance.configuration import Configuration, Profile, Roles
from conformance.execution.launcher import launch
from conformance.execution.reporting import report_of
from conformance.faults.catalogue import Fault
from conformance.faults.hooks import ClientHook, Hook
from conformance.faults.implementations import ProgramMissing, staged
from conformance.outcomes import CaseResult, Finding, Frozen, Outcome
from conformance.scenario.stage import Stage
from conformance.spec import Basis, Role, requirement

_TIME = re.compile(rb"^ *(\d+) +[\d.]+ ", re.MULTILINE)
_GREEN = (Outcome.PASS, Outcome.WARN, Outcome.NOT_APPLICABLE)
_CONTRADICTED = {
    Basis.FAIL: Outcome.FAIL,
    Basis.WARN: Outcome.WARN,
    Basis.INCONCLUSIVE: Outcome.INCONCLUSIVE,
}


class Status(StrEnum):
    """What became of a fault."""

    KILLED = "killed"
    SURVIVED = "survived"
    NOT_APPLIED = "not applied"
    NOT_RUN = "not run"
    ERROR = "error"


class Kill(Frozen):
    """A test case that found a fault by a requirement that it violates.

    `first` tells whether nothing else was contradicted before it in this test case; `examples` counts those of a random
    case.
    """

    requirement: str
    case: str
    first: bool
    examples: int = 0


class Trial(Frozen):
    """What became of one fault; `collateral` are the other requirements that its test cases found contradicted."""

    fault: str
    status: Status
    kills: tuple[Kill, ...] = ()
    collateral: tuple[str, ...] = ()
    detail: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Run:
    """The results of some test cases by id, and a digest of the wire and the findings of each."""

    cases: Mapping[str, CaseResult]
    traces: Mapping[str, str]


def attempt(fault: Fault, hook: Hook | ClientHook | None) -> Trial:
    """Try a fault with its hook; a real program with wrong settings has none."""
    begun = time.monotonic()

    def told(status: Status, detail: str = "", **found: tuple[Kill, ...] | tuple[str, ...]) -> Trial:
        return Trial.model_validate(
            {"fault": fault.id, "status": status, "detail": detail, "seconds": time.monotonic() - begun, **found}
        )

    try:
        seen, control = _with_and_without(fault, hook)
    except ProgramMissing as problem:
        return told(Status.NOT_RUN, str(problem))
    if flaw := _flaw(control):
        return told(Status.ERROR, flaw)
    kills = tuple(_kills(fault, seen))
    if kills:
        return told(Status.KILLED, kills=kills, collateral=tuple(_collateral(fault, seen)))
    if seen.traces == control.traces:
        return told(Status.NOT_APPLIED, "nothing that was said or found differs from a run without it")
    return told(Status.SURVIVED, collateral=tuple(_collateral(fault, seen)))


def _flaw(control: Run) -> str:
    """Why the run without the fault proves nothing: it has no case, or one that is not green."""
    wrong = [each.id for each in control.cases.values() if each.outcome not in _GREEN]
    if wrong:
        return f"without the fault these are not green: {', '.join(wrong)}"
    return (
        "" if any(each.outcome is not Outcome.NOT_APPLICABLE for each in control.cases.values()) else "no case applies"
    )


def _kills(fault: Fault, run: Run) -> list[Kill]:
    found = []
    for case in run.cases.values():
        contradictions = [each for each in case.findings if _is_contradiction(each)]
        for each in dict.fromkeys(each.requirement for each in contradictions):
            if each in fault.requirements:
                first = contradictions[0].requirement == each
                examples = case.examples.run if case.examples else 0
                found.append(Kill(requirement=each, case=case.id, first=first, examples=examples))
    return found


def _collateral(fault: Fault, run: Run) -> list[str]:
    found = {each.requirement for case in run.cases.values() for each in case.findings if each.outcome is Outcome.FAIL}
    return sorted(found - set(fault.requirements))


def _is_contradiction(finding: Finding) -> bool:
    """Whether a requirement was contradicted, as gravely as its record allows."""
    return finding.outcome is _CONTRADICTED.get(requirement(finding.requirement).rests_on)


def _with_and_without(fault: Fault, hook: Hook | ClientHook | None) -> tuple[Run, Run]:
    with staged(fault, hook) as stage:
        with_it = _run(stage, fault)
    behaviour = hook.behaviour if isinstance(hook, Hook) else hook.server.behaviour if hook else ""
    key = (fault.role, fault.selection, fault.profile, fault.loopback, fault.server, fault.client, repr(behaviour))
    if key not in _CONTROLS:
        with staged(fault, hook.removed if hook else None, is_wrong=False) as stage:
            _CONTROLS[key] = _run(stage, fault)
    return with_it, _CONTROLS[key]


_CONTROLS: dict[tuple[object, ...], Run] = {}
"""What was run without a fault; many faults are looked for by the same test cases."""


def _run(stage: Stage, fault: Fault) -> Run:
    return run(stage, fault.role, fault.selection, fault.profile)


def run(stage: Stage, role: Role, selection: tuple[str, ...], profile: Profile) -> Run:
    """Run test cases on a stage."""
    with tempfile.TemporaryDirectory(prefix="trial-") as directory:
        output = Path(directory)
        settings = Configuration(
            client="given" if stage.client else "none",
            role=Roles(role.value),
            profile=profile,
            select=selection,
            output=output,
        )
        session = launch(settings, _Nobody(), stage)
        cases = {each.id: each for each in report_of(session, session.clock).cases}
        return Run(cases, {name: _trace(case, output) for name, case in cases.items()})


def _trace(case: CaseResult, output: Path) -> str:
    digest = hashlib.sha256(case.model_copy(update={"duration": 0.0}).model_dump_json().encode())
    with suppress(FileNotFoundError):
        digest.update(_TIME.sub(rb"\1 ", (output / (case.transcript or "none")).read_bytes()))
    return digest.hexdigest()


class _Nobody:
    def expect(self, cases: int) -> None:
        """Nobody watches."""

    def finished(self, result: CaseResult) -> None:
        """Nobody watches."""
