"""`cpm-conformance diff`: what changed between two reports."""

from __future__ import annotations

from pathlib import Path

import click

SAME_OR_BETTER, WORSE = 0, 1


@click.command(short_help="Tell what changed from one report to another.")
@click.argument("before", type=click.Path(path_type=Path), metavar="A")
@click.argument("after", type=click.Path(path_type=Path), metavar="B")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="Markdown suits the job pages of CI systems.",
)
def diff(before: Path, after: Path, form: str) -> None:
    """Tell what changed from report A to report B, two report.json files: new failures, fixed, newly not run, vanished.

    Exit code 1 if B has new failures, or if test cases that were executed in A are not in B; else 0.
    """
    from conformance.report import read
    from conformance.report.comparison import compare
    from conformance.report.comparison_text import comparison_lines, comparison_markdown

    found = compare(read(before), read(after))
    if form == "json":
        click.echo(found.model_dump_json(indent=2))
    elif form == "markdown":
        click.echo(comparison_markdown(found), nl=False)
    else:
        click.echo("\n".join(comparison_lines(found)))
    raise click.exceptions.Exit(WORSE if found.is_worse else SAME_OR_BETTER)
