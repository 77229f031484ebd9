"""The EICS form to fill in: one question an item, for each role, as a table or as a TOML file that a run reads back."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.ics import FORMAT, items_of
from conformance.spec import IcsItem, Role

_HEAD = f'''# Implementation conformance statement (EICS) of OMA CPM message-storage synchronization.
# Answer each item with "yes" or "no"; where the default is "advertised", the server's CAPABILITY answers.
# Remove the table of a role that is not under test. Then: cpm-conformance run --ics FILE
format = "{FORMAT}"
implementation = ""
version = ""
supplier = ""
date = ""
'''


@dataclass(frozen=True, slots=True)
class IcsQuestion:
    """One row of the form; the default holds where nothing is stated."""

    item: str
    question: str
    default: str


def questions(role: Role) -> list[IcsQuestion]:
    """The rows of a role."""
    return [IcsQuestion(each.name, each.question, each.default) for each in items_of(role)]


def ics_form() -> str:
    """The form in TOML, answered with the defaults."""
    tables = [f"[{role.value}]\n" + "\n".join(map(_line, items_of(role))) for role in (Role.SERVER, Role.CLIENT)]
    return "\n".join((_HEAD, *(f"{table}\n" for table in tables))).rstrip("\n") + "\n"


def _line(item: IcsItem) -> str:
    return f'# {item.question}\n"{item.name}" = "{item.default}"'
