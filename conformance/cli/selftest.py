"""`cpm-conformance selftest`: proof that the test cases find faults, on the user's own machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.problems import Problem, UsageProblem

if TYPE_CHECKING:
    from conformance.faults.catalogue import Fault
    from conformance.faults.results import Matrix

PROVEN, NOT_PROVEN, NOT_TRIED = 0, 1, 2


@click.command(short_help="Break good servers and clients, and see it found.")
@click.option("--fault", "names", multiple=True, metavar="ID", help="Only this fault; repeatable.")
@click.option("--select", multiple=True, metavar="ID", help="Only the faults of this requirement; repeatable.")
@click.option("--quick", is_flag=True, help="Only one fault of each requirement, and the controls.")
@click.option("-n", "workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Parallel processes.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("reports/selftest"),
    show_default=True,
    help="Directory of the matrix.",
)
@click.option("--publish", is_flag=True, help="Make the matrix the one that ships with the suite; for releases.")
def selftest(
    names: tuple[str, ...], select: tuple[str, ...], *, quick: bool, workers: int, output: Path, publish: bool
) -> None:
    """Break good servers and clients on purpose, and see that the right requirements find it.

    Exit code 0 if every fault is found and every control holds, 1 if not, or if less is found than is published, 2 if
    some faults could not be tried here.
    """
    from conformance.faults.campaign import representative
    from conformance.faults.catalogue import catalogue

    known = catalogue().faults
    chosen = _chosen(list(known.values()), names, select)
    whole = len(chosen) == len(known) and not quick
    if publish and not whole:
        raise UsageProblem("--publish is given for a part of the faults", "leave out --fault, --select and --quick")
    matrix = _run(
        representative(chosen) if quick else chosen, workers, with_controls=not (names or select), whole=whole
    )
    raise click.exceptions.Exit(_conclude(matrix, output, publish=publish))


def _chosen(faults: list[Fault], names: tuple[str, ...], select: tuple[str, ...]) -> list[Fault]:
    ids = {each.id for each in faults}
    requirements = {one for each in faults for one in each.requirements}
    for option, given, there in (("--fault", names, ids), ("--select", select, requirements)):
        for each in given:
            if each not in there:
                raise UsageProblem(
                    f"{option} {each!r}: no fault has it", "the catalogue stands in conformance/faults/catalogue"
                )
    everything = not (names or select)
    return [each for each in faults if everything or each.id in names or set(select) & set(each.requirements)]


def _run(faults: list[Fault], workers: int, *, with_controls: bool, whole: bool) -> Matrix:
    from conformance.cli.progress import Count
    from conformance.configuration import DEFAULT_SEED
    from conformance.execution.header import suite_version
    from conformance.faults.campaign import work
    from conformance.faults.controls import CONTROLS
    from conformance.faults.results import Checked, Matrix, Status, Trial
    from conformance.spec import requirement_set_digest

    controls = tuple(CONTROLS) if with_controls else ()
    trials, checks = dict[str, Trial](), dict[str, Checked]()
    with Count(sys.stdout, len(faults) + len(controls)) as count:
        for each in work(faults, controls, workers):
            if isinstance(each, Trial):
                trials[each.fault] = each
                count.done(each.fault, "" if each.status is Status.KILLED else f"{each.status}: {each.detail}")
            else:
                checks[each.control] = each
                count.done(each.control, "" if each.holds else f"control does not hold: {each.observed}")
    return Matrix(
        suite=suite_version(),
        requirement_set=requirement_set_digest(),
        seed=DEFAULT_SEED,
        whole=whole,
        trials=tuple(trials[each.id] for each in faults),
        controls=tuple(checks[each] for each in controls),
    )


def _conclude(matrix: Matrix, output: Path, *, publish: bool) -> int:
    """Write the matrix, say what it comes to, and return the exit code."""
    from conformance.faults.catalogue import catalogue
    from conformance.faults.matrix import broken, lost, markdown, unproven, untried, verdict, without_proof
    from conformance.faults.results import PUBLISHED, published
    from conformance.report.canonical import canonical
    from conformance.spec import requirements

    before, faults = published(), catalogue().faults
    less = lost(before, matrix) if before else []
    unfounded = without_proof(matrix, requirements()) if matrix.whole else []
    _write(output / "selftest.json", canonical(matrix.model_dump(mode="json")))
    _write(output / "selftest.md", markdown(matrix, faults, requirements()))
    if publish:
        kept = matrix.without_times()
        _write(PUBLISHED, canonical(kept.model_dump(mode="json")))
        _write(PUBLISHED.parents[2] / "reports" / "faults.md", markdown(kept, faults, requirements()))
    for each in less:
        click.echo(f"published, and not found now: {each}")
    if unfounded:
        click.echo(f"no fault is found first by: {' '.join(unfounded)}")
    click.echo(verdict(matrix))
    click.echo(f"\nThe matrix\n  {output / 'selftest.json'}\n  {output / 'selftest.md'}")
    if unproven(matrix) or broken(matrix) or less or unfounded:
        return NOT_PROVEN
    return NOT_TRIED if untried(matrix) else PROVEN


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}", "give --output a directory that can be written to") from None
