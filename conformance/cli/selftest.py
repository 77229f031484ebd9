"""`cpm-conformance selftest`: proof that the test cases find faults, on the user's own machine."""

from __future__ import annotations

import click

from conformance.problems import UsageProblem


@click.command()
@click.option("--fault", "names", multiple=True, metavar="ID", help="Only this fault; repeatable.")
@click.option("--select", multiple=True, metavar="ID", help="Only the faults of this requirement; repeatable.")
@click.option("-n", "workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Parallel processes.")
def selftest(names: tuple[str, ...], select: tuple[str, ...], workers: int) -> None:
    """Break good servers and clients on purpose, and see that the right requirement finds each fault.

    Exit code 1 if a fault survives.
    """
    from conformance.faults.campaign import trials
    from conformance.faults.catalogue import catalogue
    from conformance.faults.trial import Status

    known = catalogue().faults
    for each in names:
        if each not in known:
            raise UsageProblem(
                f"--fault {each!r} is in no catalogue", "`--select REQUIREMENT` takes all of one requirement"
            )
    chosen = [each for name, each in known.items() if (not names or name in names)]
    chosen = [each for each in chosen if not select or set(select) & set(each.requirements)]
    bad = 0
    for trial in trials(chosen, workers):
        bad += trial.status is not Status.KILLED and not known[trial.fault].equivalent
        click.echo(f"{trial.status.value:12} {trial.fault}  {trial.seconds:.1f} s  {trial.detail}")
        for kill in trial.kills:
            click.echo(f"    {kill.requirement} {'first' if kill.first else 'later'} in {kill.case}")
        if trial.collateral:
            click.echo(f"    besides: {' '.join(trial.collateral)}")
    raise click.exceptions.Exit(1 if bad else 0)
