"""The Static Conformance Requirements as OMA writes them: one table for each role, with the dependencies of each item.

The identifiers of the published CPM tables are not public, so all identifiers here are the suite's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from conformance.spec import Level, Requirement, Role, ics_items, requirements
from conformance.spec.sections import heading

PREFIX, RELEASE = "CPMMS", "1.0"
_ID = re.compile(r"([A-Z0-9]+)-([A-Z]?)(\d+)")


@dataclass(frozen=True, slots=True)
class ScrItem:
    """One row: item, function, reference, status (M or O), and the items that it depends on, "" for none."""

    item: str
    function: str
    reference: str
    status: str
    requirement: str


def scr_table(role: Role) -> list[ScrItem]:
    """The items of a role: its requirements, then the functions that an implementation may claim."""
    rows = [
        ScrItem(scr_id(each, role), each.title, f"{heading(each.clause)} ({each.source})", _status(each), _needed(each))
        for each in requirements()
        if role in each.roles and each.level is not Level.INFORMATIVE and each.excluded is None
    ]
    claims = [
        ScrItem(each.name, each.question, "ICS", "M" if each.name.startswith("role.") else "O", "")
        for each in ics_items()
        if role in each.roles
    ]
    return rows + claims


def scr_id(record: Requirement, role: Role) -> str:
    """For instance `CPMMS-SYN-C-406-M`: specification, group, C or S, number, M or O."""
    found = _ID.fullmatch(record.id)
    group, number = (found[1], found[3]) if found else (record.id, "0")
    return f"{PREFIX}-{group}-{'C' if role is Role.CLIENT else 'S'}-{number}-{_status(record)}"


def _status(record: Requirement) -> str:
    return "M" if record.level is Level.MANDATORY else "O"


def _needed(record: Requirement) -> str:
    words = {"and": "AND", "or": "OR", "not": "NOT"}
    return " ".join(words.get(each, each) for each in record.condition.split())
