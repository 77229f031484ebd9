"""The test cases and the requirement records belong together, and every case reads as it should."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from conformance.cases import registry
from conformance.spec import requirement
from conformance.spec.verification import verify

CASES = sorted(Path(registry.__file__).parent.glob("test_*.py"))
PRODUCTS = ("dovecot", "cyrus", "courier", "pymap", "mbsync", "isync", "offlineimap", "interimap")


def test_every_record_is_covered_and_every_case_is_recorded() -> None:
    """No record is without a case, a plan or an exclusion; no case names what no record describes."""
    assert not verify(registry.cases_by_id())


def test_a_case_judges_requirements_of_its_role() -> None:
    """A client case names requirements that bind clients, a server case such that bind servers."""
    wrong = [
        (declaration.id, each)
        for declaration in registry.declarations().values()
        for each in declaration.requirements
        if declaration.role not in requirement(each).roles
    ]
    assert not wrong


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_cases_tell_what_a_conforming_implementation_does(path: Path) -> None:
    """Every test case has one sentence of docstring, and no file of cases names a product."""
    text = path.read_text("utf-8")
    assert not [product for product in PRODUCTS if product in text.lower()]
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            sentence = " ".join((ast.get_docstring(node) or "").split())
            assert sentence.endswith("."), node.name
            assert sentence.count(". ") == 0, node.name
