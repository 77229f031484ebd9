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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from conformance.configuration import Configuration, Profile, Roles
from conformance.execution.reporting import unwatched
from conformance.faults.catalogue import Fault
from conformance.faults.hooks import ClientHook, Hook
from conformance.faults.implementations import ProgramMissing, staged
from conformance.faults.results import Kill, Status, Trial
from conformance.outcomes import CaseResult, Finding, Outcome
from conformance.scenario.judge import CONTRADICTED
from conformance.scenario.stage import Stage
from conformance.spec import Role, requirement

_DATE = re.compile(rb"[ \d]\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d \+0000")
_TIME = re.compile(rb"^ *(\d+) +[\d.]+ ", re.MULTILINE)
_GREEN = (Outcome.PASS, Outcome.WARN, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True)
class Run:
    """The results of some test cases by id, and a digest of the wire and the findings of each."""

    cases: Mapping[str, CaseResult]
    traces: Mapping[str, str]


def attempt(fault: Fault, hook: Hook | ClientHook | None) -> Trial:
    """Try a fault with its hook; a real program with wrong settings has none."""
    begun = time.monotonic()
    try:
        seen, control = _with_and_without(fault, hook)
    except ProgramMissing as problem:
        return Trial(fault=fault.id, about=fault.requirements[0], status=Status.NOT_RUN, detail=str(problem))
    kills = tuple(_kills(fault, seen, control))
    status, detail = _judged(kills, seen, control)
    others = tuple(_collateral(fault, seen))
    seconds = round(time.monotonic() - begun, 2)
    return Trial(
        fault=fault.id,
        about=fault.requirements[0],
        status=status,
        kills=kills,
        collateral=others,
        detail=detail,
        seconds=seconds,
    )


def _judged(kills: Sequence[Kill], seen: Run, control: Run) -> tuple[Status, str]:
    """What became of a fault, and why that is no kill."""
    if wrong := [each.id for each in control.cases.values() if each.outcome not in _GREEN]:
        return Status.ERROR, f"without the fault these are not green: {', '.join(wrong)}"
    if all(each.outcome is Outcome.NOT_APPLICABLE for each in control.cases.values()):
        return Status.ERROR, "none of its test cases applies to the implementation without the fault"
    if broken := [each for each in seen.cases.values() if each.outcome is Outcome.ERROR]:
        return Status.ERROR, f"the suite itself failed in {broken[0].id}: {broken[0].observed or broken[0].error}"
    if kills:
        return Status.KILLED, ""
    if seen.traces == control.traces:
        return Status.NOT_APPLIED, "nothing that was said or found differs from a run without it"
    return Status.SURVIVED, "it made a difference, and no requirement that it violates was contradicted"


def _kills(fault: Fault, seen: Run, control: Run) -> list[Kill]:
    found: dict[tuple[str, str], Kill] = {}
    for case in seen.cases.values():
        contradicted = _contradicted(case)
        before = _contradicted(control.cases[case.id]) if case.id in control.cases else ()
        for each, finding in contradicted.items():
            if each in fault.requirements and each not in before:
                examples, name = case.examples.run if case.examples else 0, case.id.partition("[")[0]
                first = _is_first(finding, contradicted)
                kill = Kill(requirement=each, case=name, first=first, examples=examples)
                found[each, name] = _together(found.get((each, name)), kill)
    return sorted(found.values(), key=lambda kill: (kill.requirement, kill.case))


def _contradicted(case: CaseResult) -> dict[str, Finding]:
    """The requirements that a test case found contradicted, in the order in which it did, with the first finding."""
    found: dict[str, Finding] = {}
    for each in case.findings:
        if is_contradiction(each):
            found.setdefault(each.requirement, each)
    return found


def _is_first(finding: Finding, contradicted: Mapping[str, Finding]) -> bool:
    """Whether nothing was contradicted before it, but by the same observation."""
    before = next(iter(contradicted.values()))
    return (finding.expected, finding.observed) == (before.expected, before.observed)


def _together(one: Kill | None, other: Kill) -> Kill:
    """The kills of one test case with different parameters."""
    if one is None:
        return other
    update = {"first": one.first or other.first, "examples": max(one.examples, other.examples)}
    return one.model_copy(update=update)


def _collateral(fault: Fault, run: Run) -> list[str]:
    found = {each.requirement for case in run.cases.values() for each in case.findings if each.outcome is Outcome.FAIL}
    return sorted(found - set(fault.requirements))


def is_contradiction(finding: Finding) -> bool:
    """Whether a requirement was contradicted, as gravely as its record allows."""
    expected = CONTRADICTED[requirement(finding.requirement).rests_on]
    return finding.outcome is not Outcome.PASS and (finding.outcome, finding.reason) == expected


def _with_and_without(fault: Fault, hook: Hook | ClientHook | None) -> tuple[Run, Run]:
    with staged(fault, hook) as stage:
        with_it = _run(stage, fault)
    right = hook.removed if hook else None
    how = (fault.role, fault.selection, fault.profile, fault.loopback, fault.server, fault.client)
    key = (*how, repr(fault.claims), repr(right))
    if key not in _CONTROLS:
        with staged(fault, right, is_wrong=False) as stage:
            _CONTROLS[key] = _run(stage, fault)
    return with_it, _CONTROLS[key]


_CONTROLS: dict[tuple[object, ...], Run] = {}
"""What was run without a fault; many faults are looked for by the same test cases."""


def _run(stage: Stage, fault: Fault) -> Run:
    return run(replace(stage, overrides=fault.claims), fault.role, fault.selection, fault.profile)


def run(stage: Stage, role: Role, selection: tuple[str, ...], profile: Profile) -> Run:
    """Run test cases on a stage."""
    with tempfile.TemporaryDirectory(prefix="trial-") as directory:
        output = Path(directory)
        settings = Configuration(
            client="given" if stage.client else "none",
            role=Roles(role.value),
            profile=profile,
            select=selection,
            simplify=False,
            output=output,
        )
        cases = {each.id: each for each in unwatched(settings, stage).cases}
        return Run(cases, {name: _trace(case, output) for name, case in cases.items()})


def _trace(case: CaseResult, output: Path) -> str:
    told = case.model_copy(update={"duration": 0.0}).model_dump_json().encode()
    with suppress(FileNotFoundError):
        told += _TIME.sub(rb"\1 ", (output / (case.transcript or "none")).read_bytes())
    return hashlib.sha256(_DATE.sub(_without_today, told)).hexdigest()


def _without_today(date: re.Match[bytes]) -> bytes:
    """No date of today, which is the time of the run."""
    with suppress(ValueError):
        then = datetime.strptime(date[0].decode().strip(), "%d-%b-%Y %H:%M:%S %z")
        return b"now" if abs(datetime.now(UTC) - then) < timedelta(days=1) else date[0]
    return date[0]
