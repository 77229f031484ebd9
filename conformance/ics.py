"""The implementation conformance statement that a supplier fills in: read from TOML, checked, and used as claims.

The file has a table for each role, with one line an item: "yes", "no", or, for what CAPABILITY announces, "advertised".
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.problems import ConfigurationProblem
from conformance.spec import IcsItem, Role, ics_items
from conformance.toml_files import read_toml

FORMAT = "cpm-conformance-ics/1"
CAPABILITIES = {"ANNOTATE": "ANNOTATE-EXPERIMENT-1"}
"""The capability names that differ from the names of their items."""
_MEND = "`cpm-conformance describe --ics` writes the form with every item; fill in that"
_WRITE_FORM = "write the form with `cpm-conformance describe --ics > ics.toml`, fill it in, and name it"
_ABOUT = ("implementation", "version", "supplier", "date")


@dataclass(frozen=True)
class Statement:
    """What was filled in: who says it, and by role the answer to each item."""

    about: Mapping[str, str]
    answers: Mapping[Role, Mapping[str, str]]

    @property
    def claims(self) -> dict[str, bool]:
        """The answers as claims, by `role:item`; what is left to CAPABILITY is no claim."""
        return {
            f"{role}:{name}": answer == "yes"
            for role, answers in self.answers.items()
            for name, answer in answers.items()
            if answer != "advertised"
        }

    def as_given(self) -> dict[str, dict[str, str]]:
        """The statement as it was given, for the report."""
        return {"about": dict(self.about), **{role.value: dict(each) for role, each in self.answers.items()}}


def items_of(role: Role) -> list[IcsItem]:
    """The items that a role is asked about, in the order of the form."""
    return [each for each in ics_items() if role in each.roles]


def read_statement(path: Path) -> Statement:
    """Read a filled-in form. Raises `ConfigurationProblem` for all that is wrong with it at once."""
    return statement_of(read_toml(path, _WRITE_FORM), str(path))


def statement_of(said: Mapping[str, Any], where: str) -> Statement:
    """The statement in a parsed form. Raises `ConfigurationProblem` for all that is wrong with it at once."""
    wrong = list(_wrong(said))
    if wrong:
        raise ConfigurationProblem(f"{where}: " + "\n  ".join(wrong), _MEND)
    about = {key: str(said[key]) for key in _ABOUT if said.get(key)}
    return Statement(about, {role: dict(said[role.value]) for role in Role if role.value in said})


def _wrong(said: Mapping[str, Any]) -> Iterator[str]:
    if said.get("format") != FORMAT:
        yield f"format is {said.get('format')!r}, not {FORMAT!r}"
        return
    roles = [role.value for role in Role]
    known = {"format", *_ABOUT, *roles}
    yield from (f"{key!r} is no key of the form{_nearest(key, known)}" for key in said if key not in known)
    yield from (f"{key} is no text but {said[key]!r}" for key in _ABOUT if not isinstance(said.get(key, ""), str))
    if not any(role in said for role in roles):
        yield "it has neither a table [client] nor [server]"
    for role in Role:
        if role.value in said:
            yield from _wrong_answers(role, said[role.value])


def _wrong_answers(role: Role, answers: Any) -> Iterator[str]:
    if not isinstance(answers, Mapping):
        yield f"{role} is no table of items but {answers!r}"
        return
    items = {each.name: each for each in items_of(role)}
    for name, answer in answers.items():
        allowed = _allowed(items[name]) if name in items else ()
        if not allowed:
            yield f'[{role}] "{name}" is no item of the statement{_nearest(name, items)}'
        elif answer not in allowed:
            yield f'[{role}] "{name}" is {answer!r}; it can be {" or ".join(allowed)}'
    missing = [name for name in items if name not in answers]
    if missing:
        yield f"[{role}] has no answer to {', '.join(missing)}"


def _allowed(item: IcsItem) -> tuple[str, ...]:
    return ("yes", "no", "advertised") if item.default == "advertised" else ("yes", "no")


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; is {near[0]} meant?" if near else ""


def contradictions(statement: Statement, roles: Collection[Role], capabilities: Collection[str]) -> list[str]:
    """The static review: what the statement says against the role under test, or against the server's CAPABILITY."""
    announced = {each.upper() for each in capabilities}
    found = [
        f'[{role}] "role.{role}" is no, and the {role} is under test'
        for role in roles
        if statement.answers.get(role, {}).get(f"role.{role}") == "no"
    ]
    answers = statement.answers.get(Role.SERVER, {}) if Role.SERVER in roles else {}
    for item in items_of(Role.SERVER):
        capability = CAPABILITIES.get(item.name, item.name)
        stands, answer = capability in announced, answers.get(item.name, "advertised")
        if item.default == "advertised" and answer == ("no" if stands else "yes"):
            told = "announces" if stands else "does not announce"
            found.append(f'[server] "{item.name}" is {answer}, and the server\'s CAPABILITY {told} {capability}')
    return found


def review(statement: Statement, roles: Collection[Role], capabilities: Collection[str], where: str) -> None:
    """Raise `ConfigurationProblem` where the statement is contradicted: no verdict may rest on it then."""
    found = contradictions(statement, roles, capabilities)
    if found:
        raise ConfigurationProblem(f"{where}: " + "\n  ".join(found), "correct the statement, or the implementation")
