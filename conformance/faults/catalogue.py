"""The fault catalogue: what each seeded fault breaks, as data, and the hook that applies it.

A file of `catalogue/` holds faults of one role. Hooks stand in the modules of `server` and `client`, in tables `HOOKS`
by the ids of faults; a fault that is a real program with wrong settings has none.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from conformance.cases.registry import declarations
from conformance.configuration import Profile
from conformance.faults.hooks import ClientHook, Hook, Step
from conformance.spec import Basis, Role, ics_items, requirements

DATA = Path(__file__).parent / "catalogue"
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class CatalogueError(ValueError):
    """The catalogue contradicts itself; says which fault and what is wrong."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One seeded fault.

    `requirements` are those that it violates, the one that it is about first. `trigger` says what has to happen for it
    to show, `sentence` what the implementation then does. `cases` are the test cases that are run to find it; where
    none is named, all of its requirements. `loopback` tells that it needs sockets and time. `equivalent` says why no
    test case can find it, for a fault that changes nothing which can be seen. `server`, `client` and `options` name
    real programs, and the settings that make one of them wrong. `claims` are items of the implementation conformance
    statement that the implementation claims otherwise than by default, where the fault breaks such a claim.
    """

    id: str
    role: Role
    requirements: tuple[str, ...]
    trigger: str
    sentence: str
    cases: tuple[str, ...] = ()
    profile: Profile = Profile.QUICK
    loopback: bool = False
    equivalent: str = ""
    server: str = ""
    client: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, bool] = field(default_factory=dict)

    @property
    def selection(self) -> tuple[str, ...]:
        """What is run to find it."""
        return self.cases or self.requirements

    @property
    def is_a_program(self) -> bool:
        """Whether it is a real program with wrong settings."""
        return bool(self.server)


@dataclass(frozen=True)
class Catalogue:
    """All faults by id, and their hooks."""

    faults: Mapping[str, Fault]
    hooks: Mapping[str, Hook | ClientHook]


@cache
def catalogue() -> Catalogue:
    """The catalogue that ships with the package. Raises `CatalogueError`."""
    return load(DATA, _hooks())


def load(directory: Path, hooks: Mapping[str, Hook | ClientHook]) -> Catalogue:
    """Read the faults of a directory, which the hooks have to belong to. Raises `CatalogueError`."""
    faults: dict[str, Fault] = {}
    for path in sorted(directory.glob("*.toml")):
        for each in _read(path):
            if each.id in faults:
                raise CatalogueError(f"{path.name}: two faults have the id {each.id!r}")
            _check(each, hooks)
            faults[each.id] = each
    orphans = sorted(hooks.keys() - faults.keys())
    if orphans:
        raise CatalogueError(f"hooks without a fault in the catalogue: {', '.join(orphans)}")
    return Catalogue(faults, hooks)


def _read(path: Path) -> Iterator[Fault]:
    known = {each.name for each in fields(Fault)}
    table = tomllib.loads(path.read_text("utf-8"))
    for entry in table["fault"]:
        if unknown := sorted(entry.keys() - known):
            raise CatalogueError(f"{path.name}: {entry.get('id')}: unknown keys: {', '.join(unknown)}")
        try:
            yield _fault({"role": table["role"], **entry})
        except (TypeError, ValueError) as problem:
            raise CatalogueError(f"{path.name}: {entry.get('id')}: {problem}") from None


def _fault(entry: Mapping[str, Any]) -> Fault:
    lists = {name: tuple(entry[name]) for name in ("requirements", "cases") if name in entry}
    profile = Profile(entry.get("profile", Profile.QUICK))
    claims = dict(entry.get("claims", {}))
    return Fault(**{**entry, **lists, "role": Role(entry["role"]), "profile": profile, "claims": claims})


def _check(fault: Fault, hooks: Mapping[str, Hook | ClientHook]) -> None:
    records = {each.id: each for each in requirements()}
    problems = [
        (not _SLUG.fullmatch(fault.id), "an id is lower-case words joined by hyphens"),
        (not fault.requirements, "it names no requirement"),
        (not fault.trigger or not fault.sentence.endswith("."), "it needs a trigger, and a sentence with a full stop"),
        (any(each not in records for each in fault.requirements), "it names a requirement that there is not"),
        (any(each not in declarations() for each in fault.cases), "it names a test case that there is not"),
        ((fault.id in hooks) == fault.is_a_program, "a fault has either a hook or a real program with wrong settings"),
        (not fault.claims.keys() <= _claimable(fault.role), "it claims an item that there is not for its role"),
    ]
    for is_wrong, why in problems:
        if is_wrong:
            raise CatalogueError(f"{fault.id}: {why}")
    for each in fault.requirements:
        if fault.role not in records[each].roles:
            raise CatalogueError(f"{fault.id}: {each} does not bind a {fault.role}")
        if records[each].rests_on is Basis.RECORD:
            raise CatalogueError(f"{fault.id}: {each} is only recorded, so that nothing contradicts it")


def _claimable(role: Role) -> set[str]:
    return {item.name for item in ics_items() if role in item.roles}


def _hooks() -> dict[str, Hook | ClientHook]:
    found: dict[str, Hook | ClientHook] = {}
    for package in ("server", "client"):
        for module in pkgutil.iter_modules([str(Path(__file__).parent / package)]):
            loaded = importlib.import_module(f"conformance.faults.{package}.{module.name}")
            for name, hook in getattr(loaded, "HOOKS", {}).items():
                if name in found:
                    raise CatalogueError(f"two hooks have the id {name!r}")
                found[name] = _as_hook(hook)
    return found


def _as_hook(hook: Hook | ClientHook | Step) -> Hook | ClientHook:
    return hook if isinstance(hook, Hook | ClientHook) else ClientHook(hook)
