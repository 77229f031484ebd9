"""All test cases by their ids, read from their modules without running anything, and which of them are selected."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

from conformance.cases.declaration import Declaration
from conformance.spec import requirement

Case = Callable[..., object]


@cache
def declarations() -> Mapping[str, Declaration]:
    """The declarations of all test cases by id. Raises `ValueError` if two cases have one id."""
    found: dict[str, Declaration] = {}
    for declaration, _, _ in _all():
        if declaration.id in found:
            raise ValueError(f"two test cases have the id {declaration.id!r}; ids are unique")
        found[declaration.id] = declaration
    return found


def is_selected(declaration: Declaration, select: Collection[str]) -> bool:
    """Whether a selection of cases, requirements and clauses takes this case in; an empty one takes them all."""
    names = {declaration.id, *declaration.requirements}
    clauses = {requirement(each).clause for each in declaration.requirements}
    return not select or any(
        each in names or any(clause == each or clause.startswith((f"{each}-", f"{each}.")) for clause in clauses)
        for each in select
    )


def functions() -> Mapping[str, Case]:
    """The function of each test case by its id."""
    return {declaration.id: function for declaration, function, _ in _all()}


def files(select: Collection[str]) -> list[Path]:
    """The files that hold the selected test cases."""
    return sorted({path for declaration, _, path in _all() if is_selected(declaration, select)})


@cache
def _all() -> tuple[tuple[Declaration, Case, Path], ...]:
    return tuple(_read())


def _read() -> Iterator[tuple[Declaration, Case, Path]]:
    package = Path(__file__).parent
    for module in sorted(pkgutil.iter_modules([str(package)]), key=lambda each: each.name):
        if module.name.startswith("test_"):
            loaded = importlib.import_module(f"conformance.cases.{module.name}")
            for value in vars(loaded).values():
                for mark in getattr(value, "pytestmark", ()):
                    if mark.name == "case":
                        yield mark.args[0], value, package / f"{module.name}.py"


def cases_by_id() -> Mapping[str, Collection[str]]:
    """The requirements of each test case, as the machine check of the specification takes them."""
    return {each.id: each.requirements for each in declarations().values()}
