"""`cpm-conformance list`: the requirements, with their test cases or why they have none."""

from __future__ import annotations

import shutil
import textwrap
from collections import defaultdict

import click

from conformance.spec import Requirement, requirements

WIDEST = 100
"""The most columns of a line: longer ones are hard to read."""


@click.command(name="list", short_help="List the requirements and their test cases.")
@click.option("--role", type=click.Choice(["server", "client"]), help="Only requirements of one role.")
@click.option("--clause", metavar="CLAUSE", help="Only this clause and what it holds, for instance 5.5.2.20-3c.")
@click.option("--plain", is_flag=True, help="One line a requirement, tab separated: id, clause, roles, level, cases.")
def list_requirements(role: str | None, clause: str | None, *, plain: bool) -> None:
    """List the requirements and the test cases that judge them."""
    from conformance.cases.registry import declarations

    cases: dict[str, list[str]] = defaultdict(list)
    for declaration in declarations().values():
        for judged in declaration.requirements:
            cases[judged].append(declaration.id)
    chosen = [each for each in requirements() if _is_chosen(each, role, clause)]
    if plain:
        for each in chosen:
            click.echo("\t".join((each.id, each.clause, "+".join(each.roles), each.level, _cases(each, cases))))
        return
    click.echo(f"{len(chosen)} requirements\n")
    for each in chosen:
        click.echo(_block(each, cases))


def _is_chosen(each: Requirement, role: str | None, clause: str | None) -> bool:
    in_clause = clause is None or each.clause == clause or each.clause.startswith((f"{clause}-", f"{clause}."))
    return (role is None or role in each.roles) and in_clause


def _cases(each: Requirement, cases: dict[str, list[str]]) -> str:
    if each.excluded:
        return f"excluded: {each.excluded.why}"
    return ", ".join(cases[each.id]) or "not yet"


def _block(each: Requirement, cases: dict[str, list[str]]) -> str:
    """One requirement: what it is in a line, its sentence, and the test cases below."""
    head = "  ".join((each.id, each.clause, "+".join(each.roles), each.keyword, each.level.value))
    return "\n".join((head, _indented(each.sentence), _indented(f"judged by: {_cases(each, cases)}"), ""))


def _indented(text: str) -> str:
    width = min(shutil.get_terminal_size().columns, WIDEST)
    words = " ".join(text.split())
    return textwrap.fill(words, width, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
