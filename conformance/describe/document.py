"""The test specification as a page: Markdown for repositories, HTML for readers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from conformance.describe.ics_form import IcsQuestion, questions
from conformance.describe.scr import ScrItem, scr_table
from conformance.describe.specified import EtsCase, specified_cases
from conformance.spec import Role, requirement_set_digest
from conformance.spec.sections import heading

TITLE = "Test specification of CPM message-storage synchronization"
_TEMPLATES = Path(__file__).with_name("templates")
_SPECIAL = re.compile(r"([\\`*_\[\]#|~<>&@])")


@dataclass(frozen=True, slots=True)
class Step:
    """A line of a procedure, and how deep it stands below the loops and branches around it."""

    text: str
    depth: int


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the page shows. A selection leaves out the tables, which are about whole implementations."""

    cases: list[EtsCase]
    tables: dict[str, list[ScrItem]]
    form: dict[str, list[IcsQuestion]]
    version: str
    requirement_set: str
    title: str = TITLE

    @property
    def sections(self) -> list[tuple[str, list[EtsCase]]]:
        """The test cases by section, in the order of the text."""
        return [(number, list(found)) for number, found in groupby(self.cases, lambda each: each.section)]


def page_of(select: Collection[str], version: str) -> Page:
    """The page of the selected test cases."""
    roles = () if select else (Role.SERVER, Role.CLIENT)
    return Page(
        cases=specified_cases(select),
        tables={role.value: scr_table(role) for role in roles},
        form={role.value: questions(role) for role in roles},
        version=version,
        requirement_set=requirement_set_digest(),
    )


def markdown(page: Page) -> str:
    """The page in Markdown."""
    return _render("specification.md.j2", page, autoescape=False)


def html(page: Page) -> str:
    """The page as one self-contained HTML file without scripts."""
    css = (_TEMPLATES / "specification.css").read_text("utf-8")
    return _render("specification.html.j2", page, autoescape=True, css=Markup(css))


def _render(template: str, page: Page, *, autoescape: bool, **more: object) -> str:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=autoescape, undefined=StrictUndefined, trim_blocks=True
    )
    environment.lstrip_blocks = True
    environment.filters.update(escaped=_escaped, steps=steps, heading=heading)
    text = environment.get_template(template).render(page=page, **more)
    return text.rstrip("\n") + "\n"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def steps(lines: Iterable[str]) -> list[Step]:
    """The lines of a procedure with their depth."""
    return [Step(each.strip(), (len(each) - len(each.lstrip())) // 2) for each in lines]
