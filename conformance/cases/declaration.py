"""How a test case declares itself: a stable id, the role it judges, the requirements, and the claims it depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from conformance.spec import Role

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a test case says of itself; `needs` are ICS items that must be claimed for it to apply."""

    id: str
    role: Role
    requirements: tuple[str, ...]
    needs: tuple[str, ...] = ()


def client_case(case_id: str, *requirements: str, needs: tuple[str, ...] = ()) -> Callable[[Function], Function]:
    """Declare a test case that judges a storage client."""
    return _declare(Declaration(case_id, Role.CLIENT, requirements, needs))


def server_case(case_id: str, *requirements: str, needs: tuple[str, ...] = ()) -> Callable[[Function], Function]:
    """Declare a test case that judges a storage server."""
    return _declare(Declaration(case_id, Role.SERVER, requirements, needs))


def _declare(declaration: Declaration) -> Callable[[Function], Function]:
    return pytest.mark.case(declaration)
