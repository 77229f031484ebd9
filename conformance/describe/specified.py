"""The test cases in the form of an OMA Enabler Test Specification, from declarations, sources and requirements."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from conformance.cases.declaration import Declaration
from conformance.cases.registry import declarations, functions, is_selected
from conformance.describe.procedure import Procedure, phrases, procedure_of
from conformance.describe.scr import PREFIX, RELEASE, scr_id
from conformance.spec import Requirement, Role, ics_items, requirement
from conformance.spec.records import natural_order
from conformance.spec.sections import SECTIONS, heading, section_of

TOOL = "cpm-conformance: pytest, a second IMAP session as observer, and the recorded wire"


@dataclass(frozen=True, slots=True)
class EtsCase:
    """One test case; the fields are those of an ETS, in its order. Numbered lists are tuples of sentences."""

    id: str
    ets_id: str
    test_object: str
    description: str
    references: tuple[str, ...]
    scr_references: tuple[str, ...]
    tool: str
    test_code: str
    preconditions: tuple[str, ...]
    procedure: tuple[str, ...]
    pass_criteria: tuple[str, ...]
    section: str


def specified_cases(select: Collection[str] = ()) -> list[EtsCase]:
    """The selected test cases, by section and role, then by id."""
    chosen = [each for each in declarations().values() if is_selected(each, select)]
    made = [specified(each, functions()[each.id]) for each in chosen]
    order = list(SECTIONS)
    return sorted(made, key=lambda each: (order.index(each.section), each.test_object, natural_order(each.id)))


def specified(declaration: Declaration, function: Callable[..., object]) -> EtsCase:
    """One test case. Raises `KeyError` for a fixture that `phrases.toml` does not tell."""
    judged = [requirement(each) for each in declaration.requirements]
    procedure = procedure_of(function)
    return EtsCase(
        id=declaration.id,
        ets_id=f"{PREFIX}-{RELEASE}-con-{declaration.id}",
        test_object="Client" if declaration.role is Role.CLIENT else "Server",
        description=" ".join((function.__doc__ or "").split()),
        references=tuple(f"{each.id}: {heading(each.clause)} ({each.source})" for each in judged),
        scr_references=tuple(scr_id(each, declaration.role) for each in judged),
        tool=TOOL,
        test_code=f"{function.__module__}::{function.__name__}",
        preconditions=tuple(_preconditions(declaration, function, judged, procedure)),
        procedure=tuple(procedure.steps),
        pass_criteria=tuple(_criteria(judged, procedure)),
        section=section_of(judged[0].clause),
    )


def _preconditions(
    declaration: Declaration, function: Callable[..., object], judged: Iterable[Requirement], procedure: Procedure
) -> Iterator[str]:
    yield from (f"Equipment: {each}" for each in _equipment(function))
    yield from (f"State, {each.id}: {each.stimulus}" for each in judged)
    questions = {item.name: item.question for item in ics_items()}
    yield from (f"Prerequisite: the ICS answers yes to {each} ({questions[each]})" for each in declaration.needs)
    yield from (f"{each.id} applies where: {each.condition}." for each in judged if each.condition)
    yield from (f"Not applicable where: {each}." for each in procedure.excuses)
    yield from (f"Variants: {each}." for each in _variants(function))


def _equipment(function: Callable[..., object]) -> list[str]:
    varied = {name for names, _ in _parameters(function) for name in names}
    fixtures = [name for name in inspect.signature(function).parameters if name not in varied]
    told = [phrases()["equipment"][name] for name in fixtures if name not in ("judge", "session")]
    return told or [phrases()["equipment"]["scenario"]]


def _variants(function: Callable[..., object]) -> Iterator[str]:
    for names, ids in _parameters(function):
        yield f"{', '.join(names)}: {', '.join(ids)}" if ids else f"each {' and '.join(names)}"


def _parameters(function: Callable[..., object]) -> Iterator[tuple[list[str], list[str]]]:
    for mark in getattr(function, "pytestmark", ()):
        if mark.name == "parametrize":
            names = mark.args[0]
            named = [each.strip() for each in names.split(",")] if isinstance(names, str) else list(names)
            yield named, _ids(mark.kwargs.get("ids"), list(mark.args[1]))


def _ids(ids: Any, values: list[Any]) -> list[str]:
    if callable(ids):
        return [str(ids(each)) for each in values]
    if ids is not None:
        return [str(each) for each in ids]
    plain = [each for each in values if isinstance(each, str | int | bool)]
    return [str(each) for each in plain] if len(plain) == len(values) else []


def _criteria(judged: Iterable[Requirement], procedure: Procedure) -> Iterator[str]:
    for each in judged:
        yield f"{each.id}: {each.pass_criterion}"
        yield from (f"{each.id}, expected here: {text}" for named, text in procedure.criteria if named == each.id)
    yield from (f"Expected here: {text}" for named, text in procedure.criteria if not named)
