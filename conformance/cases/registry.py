"""All test cases by their ids, read from their modules without running anything."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

from conformance.cases.declaration import Declaration


@cache
def declarations() -> Mapping[str, Declaration]:
    """The declarations of all test cases by id. Raises `ValueError` if two cases have one id."""
    found: dict[str, Declaration] = {}
    for declaration in _all():
        if declaration.id in found:
            raise ValueError(f"two test cases have the id {declaration.id!r}; ids are unique")
        found[declaration.id] = declaration
    return found


def _all() -> Iterator[Declaration]:
    package = Path(__file__).parent
    for module in sorted(pkgutil.iter_modules([str(package)]), key=lambda each: each.name):
        if module.name.startswith("test_"):
            loaded = importlib.import_module(f"conformance.cases.{module.name}")
            for value in vars(loaded).values():
                for mark in getattr(value, "pytestmark", ()):
                    if mark.name == "case":
                        yield mark.args[0]


def cases_by_id() -> Mapping[str, Collection[str]]:
    """The requirements of each test case, as the machine check of the specification takes them."""
    return {each.id: each.requirements for each in declarations().values()}
