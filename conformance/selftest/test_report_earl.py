"""Tests of the EARL form: JSON-LD that a reader of linked data understands, with every outcome."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from rdflib import RDF, Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCTERMS

from conformance.outcomes import Outcome
from conformance.report import ClientFacts, Report
from conformance.report.earl import OUTCOMES, earl
from conformance.selftest.report_examples import HOSTILE, MadeUpRequirement, case, every_outcome, hostile, report

EARL = Namespace("http://www.w3.org/ns/earl#")
CASE = "urn:cpm-conformance:assertion:{role}:case:{case}"


def graph(made: Report) -> Graph:
    """The statements that the file makes."""
    return Graph().parse(data=earl(made), format="json-ld")


def outcome_of(statements: Graph, assertion: str) -> Any:
    """The outcome that an assertion gives."""
    return statements.value(statements.value(URIRef(assertion), EARL.result), EARL.outcome)


def test_each_outcome_has_its_word_in_earl() -> None:
    """Only what passed is passed, and what was not decided cannot be told."""
    statements = graph(every_outcome())
    expected = {
        "removed-on-server": EARL.failed,
        "broken": EARL.cantTell,
        "undecided": EARL.cantTell,
        "not-claimed": EARL.inapplicable,
        "not-reached": EARL.untested,
        "warned": EARL.passed,
        "passed": EARL.passed,
    }
    for name, word in expected.items():
        assert outcome_of(statements, CASE.format(role="client", case=name)) == word
    assert set(OUTCOMES) == set(Outcome)


def test_every_assertion_is_complete() -> None:
    """Each has one asserter, subject, criterion, mode and result, each of which is described in the file."""
    statements = graph(every_outcome())
    assertions = set(statements.subjects(RDF.type, EARL.Assertion))
    assert assertions
    for each in assertions:
        for name, kind in (("assertedBy", "Assertor"), ("subject", "TestSubject"), ("test", "TestCriterion")):
            (value,) = statements.objects(each, EARL[name])
            assert (value, RDF.type, EARL[kind]) in statements
        assert list(statements.objects(each, EARL.mode)) == [EARL.automatic]
        (result,) = statements.objects(each, EARL.result)
        assert statements.value(result, EARL.info) is not None
        (date,) = statements.objects(result, DCTERMS.date)
        assert isinstance(date, Literal)
        assert date.toPython() == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_every_requirement_is_asserted_of_each_tested_role_that_it_binds() -> None:
    """A standards reader finds each requirement, with the outcome of the report."""
    made = every_outcome()
    statements = graph(made)
    for one in made.requirements:
        for role in one.roles:
            name = f"urn:cpm-conformance:assertion:{role}:requirement:{one.id}"
            seen = one.seen_by("server" if role == "server" else "client")
            assert outcome_of(statements, name) == EARL[OUTCOMES[seen.outcome].partition(":")[2]]


def test_cases_and_requirements_are_linked_both_ways() -> None:
    """From a requirement to its test cases and back."""
    statements = graph(every_outcome())
    requirement = URIRef("urn:cpm-conformance:requirement:SYN-1")
    tested = URIRef("urn:cpm-conformance:case:removed-on-server")
    assert (requirement, DCTERMS.hasPart, tested) in statements
    assert (tested, DCTERMS.isPartOf, requirement) in statements


def test_a_tester_at_the_terminal_is_told_apart() -> None:
    """What a person had to do is asserted as semi-automatic."""
    client = ClientFacts(adapter="manual", name="Pocket")
    statements = graph(report([MadeUpRequirement("SYN-1")], [case("one", requirements=("SYN-1",))], client=client))
    assert set(statements.objects(None, EARL.mode)) == {EARL.semiAuto}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_makes_no_other_statements(text: str) -> None:
    """The file says of whom and what the same, whatever was observed, and stays small."""
    written = earl(hostile(text))
    plain = {each for each in graph(hostile("plain")).subjects() if isinstance(each, URIRef)}
    assert {each for each in graph(hostile(text)).subjects() if isinstance(each, URIRef)} == plain
    assert "\x1b" not in written
    assert len(written) < 200_000
    assert json.loads(written)["@context"]
