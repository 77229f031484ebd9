"""`cpm-conformance describe`: the test specification in OMA ETS form, or the EICS form to fill in."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.problems import Problem, UsageProblem


@click.command(short_help="Write the test specification, or the ICS form.")
@click.option("--select", multiple=True, metavar="ID", help="Only this requirement, test case or clause; repeatable.")
@click.option("--format", "form", type=click.Choice(["markdown", "html"]), help="markdown by default.")
@click.option("--ics", is_flag=True, help="The form of the implementation conformance statement instead, in TOML.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of the terminal.")
def describe(select: tuple[str, ...], form: str | None, output: Path | None, *, ics: bool) -> None:
    """Write the test specification: each test case in OMA ETS form, the SCR tables, and the EICS form."""
    if ics and (select or form):
        raise UsageProblem("--ics goes neither with --select nor with --format", "the form is always whole, and TOML")
    text = _form() if ics else _specification(select, form or "markdown")
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise Problem(f"{output}: {error.strerror}", "give --output a file that can be written") from None


def _form() -> str:
    from conformance.describe.ics_form import ics_form

    return ics_form()


def _specification(select: tuple[str, ...], form: str) -> str:
    from conformance.cli.selection import check_selection
    from conformance.describe.document import html, markdown, page_of
    from conformance.execution.header import suite_version

    check_selection(select)
    page = page_of(select, suite_version())
    if not page.cases:
        raise UsageProblem(f"no test case judges {', '.join(select)}", "see `cpm-conformance list`")
    return html(page) if form == "html" else markdown(page)
