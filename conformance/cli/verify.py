"""`cpm-conformance verify`: whether a report holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from conformance.execution.verifying import Verification
    from conformance.report.verification import Check

HOLDS, DOES_NOT_HOLD = 0, 1
_MOST = 20


@click.command(short_help="Check a report and the transcripts beside it.")
@click.argument("report", type=click.Path(path_type=Path))
@click.option(
    "--signed-by", type=click.Path(path_type=Path), metavar="KEY", help="Check the signature with this public SSH key."
)
@click.option("--list", "in_full", is_flag=True, help="Name every test case that was judged again, or not.")
def verify(report: Path, signed_by: Path | None, *, in_full: bool) -> None:
    """Check REPORT, a report.json file with its transcripts beside it, and judge the recorded wire again offline.

    Exit code 0 if all holds, 1 if something does not, 3 if the file is no whole report.
    """
    from conformance.execution.verifying import verify as verified
    from conformance.report.reader import load
    from conformance.report.signature import refusal, signature_file
    from conformance.report.verification import Check

    content, read = load(report)
    found = verified(content, read, report.parent)
    if signed_by is not None:
        refused = refusal(report, content, signed_by)
        found.checks.append(Check(f"the report is signed with {signed_by}", (refused,) if refused else ()))
    elif signature_file(report).is_file():
        found.checks.append(Check("the signature", remark="not checked: name the key with --signed-by"))
    for each in found.checks:
        _tell(each)
    _tell_basis(found, in_full=in_full)
    raise click.exceptions.Exit(HOLDS if found.holds else DOES_NOT_HOLD)


def _tell(check: Check) -> None:
    from conformance.report.text import one_line

    mark = "FAIL" if check.wrong else "--  " if check.remark else "ok  "
    click.echo(f"{mark} {check.name}{f': {check.remark}' if check.remark else ''}")
    for each in check.wrong[:_MOST]:
        click.echo(f"       {one_line(each)}")
    if len(check.wrong) > _MOST:
        click.echo(f"       and {len(check.wrong) - _MOST} more")


def _tell_basis(found: Verification, *, in_full: bool) -> None:
    """Say which findings were judged again, and which rest on what only the run saw."""
    from conformance.report.text import one_line

    by_law = sum(len(laws) for laws in found.laws.values())
    live = sum(len(each) for each in found.seen_live.values())
    click.echo(f"\nJudged again from the recorded wire: {by_law} laws in {len(found.laws)} test cases")
    for case, laws in found.laws.items() if in_full else ():
        click.echo(f"    {one_line(case)}: {' '.join(laws)}")
    click.echo(f"Resting on what only the run saw: {live} results in {len(found.seen_live)} test cases")
    for case, requirements in found.seen_live.items() if in_full else ():
        click.echo(f"    {one_line(case)}: {one_line(' '.join(requirements))}")
