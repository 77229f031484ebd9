"""What the trials of a selftest say together: what is missing, what an earlier one found, and the table to read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from conformance.faults.catalogue import Fault
from conformance.faults.results import UNPROVEN, Checked, Matrix, Status, Trial
from conformance.spec import Level, Requirement


def unproven(matrix: Matrix) -> list[Trial]:
    """The faults that were not killed although they could be tried."""
    return [each for each in matrix.trials if each.status in UNPROVEN]


def untried(matrix: Matrix) -> list[Trial]:
    """The faults of programs that are not there."""
    return [each for each in matrix.trials if each.status is Status.NOT_RUN]


def broken(matrix: Matrix) -> list[Checked]:
    """The controls that did not come out as they have to."""
    return [each for each in matrix.controls if not each.holds]


def without_proof(matrix: Matrix, requirements: Iterable[Requirement]) -> list[str]:
    """The mandatory requirements which no fault shows to be the first that finds something."""
    first = {kill.requirement for trial in matrix.trials for kill in trial.kills if kill.first}
    return [each.id for each in requirements if _needs_proof(each) and each.id not in first]


def _needs_proof(requirement: Requirement) -> bool:
    return requirement.level is Level.MANDATORY and not (requirement.excluded or requirement.planned)


def lost(before: Matrix, now: Matrix) -> list[str]:
    """What the earlier selftest found and this one did not, among the faults that both tried."""
    found: dict[str, set[tuple[str, str]]] = {
        each.fault: {(kill.requirement, kill.case) for kill in each.kills} for each in now.trials
    }
    tried = {each.fault for each in now.trials if each.status is not Status.NOT_RUN}
    return [
        f"{each.fault}: {kill.requirement} in {kill.case}"
        for each in before.trials
        for kill in each.kills
        if each.fault in tried and (kill.requirement, kill.case) not in found[each.fault]
    ] + [
        f"{each.fault}: no fault has this id any more"
        for each in before.trials
        if now.whole and each.fault not in found
    ]


def markdown(matrix: Matrix, faults: Mapping[str, Fault], requirements: Collection[Requirement]) -> str:
    """The matrix as a page: verdict, controls, what is not proven, and requirement by requirement the faults found."""
    return "\n".join(_lines(matrix, faults, requirements)) + "\n"


def verdict(matrix: Matrix) -> str:
    """The outcome in one sentence."""
    killed = sum(each.status is Status.KILLED for each in matrix.trials)
    equivalent = sum(each.status is Status.EQUIVALENT for each in matrix.trials)
    tried = len(matrix.trials) - len(untried(matrix)) - equivalent
    told = f"{killed} of {tried} seeded faults were found by a requirement that they violate"
    told += f", {equivalent} change nothing that can be seen" if equivalent else ""
    told += f", {len(untried(matrix))} could not be tried" if untried(matrix) else ""
    held = len(matrix.controls) - len(broken(matrix))
    return f"{told}; {held} of {len(matrix.controls)} controls hold."


def _lines(matrix: Matrix, faults: Mapping[str, Fault], requirements: Collection[Requirement]) -> Iterator[str]:
    yield from ("# What the test cases find", "", verdict(matrix), "")
    yield f"Suite {matrix.suite}, requirement set `{matrix.requirement_set}`, seed {matrix.seed}."
    yield from _unproven_lines(matrix, faults)
    yield from ("", "## Controls", "", "| control | holds | |", "|---|---|---|")
    for control in matrix.controls:
        yield f"| {control.control} | {'yes' if control.holds else '**no**'} | {control.sentence} {control.observed} |"
    yield from ("", "## Requirements", "", "| requirement | faults found | first to find |", "|---|---|---|")
    for each in requirements:
        trials = list(matrix.of_requirement(each.id))
        first = [one for one in trials if any(kill.first and kill.requirement == each.id for kill in one.kills)]
        if trials or _needs_proof(each):
            yield f"| {each.id} {each.title} | {len(trials)} | {len(first)} |"
    yield from (
        "",
        "## Faults",
        "",
        "| fault | what it does | when | found by | also contradicted |",
        "|---|---|---|---|---|",
    )
    for trial in matrix.trials:
        yield _row(trial, faults[trial.fault])


def _unproven_lines(matrix: Matrix, faults: Mapping[str, Fault]) -> Iterator[str]:
    missing = [*unproven(matrix), *untried(matrix)]
    if missing:
        yield from ("", "## Not proven", "", "| fault | what became of it | |", "|---|---|---|")
    for each in missing:
        yield f"| {each.fault} | {each.status.value} | {faults[each.fault].sentence} {_cell(each.detail)} |"


def _row(trial: Trial, fault: Fault) -> str:
    by = "<br>".join(
        f"{kill.requirement} {kill.case}{f' ({kill.examples} examples)' if kill.examples else ''}"
        for kill in trial.kills
    )
    told = by or f"{trial.status.value}{f': {fault.equivalent}' if fault.equivalent else ''}"
    return f"| {fault.id} | {fault.sentence} | {_cell(fault.trigger)} | {told} | {' '.join(trial.collateral)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
