"""The report in EARL, the W3C's Evaluation and Report Language, as JSON-LD (https://www.w3.org/TR/EARL10-Schema/).

Every requirement is asserted of each tested role that it binds, and every test case of the role that it judges.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from conformance.outcomes import Outcome, Reason
from conformance.report.aggregation import roles_judged
from conformance.report.model import Report, RequirementResult, Role
from conformance.report.text import one_line
from conformance.report.told import details, message
from conformance.report.wording import REASONS, of_role, sentence, subject, word

OUTCOMES = {
    Outcome.PASS: "earl:passed",
    Outcome.WARN: "earl:passed",
    Outcome.FAIL: "earl:failed",
    Outcome.INCONCLUSIVE: "earl:cantTell",
    Outcome.ERROR: "earl:cantTell",
    Outcome.NOT_APPLICABLE: "earl:inapplicable",
    Outcome.NOT_RUN: "earl:untested",
}
_REFERENCE = {"@type": "@id"}
CONTEXT: dict[str, Any] = {
    "earl": "http://www.w3.org/ns/earl#",
    "dct": "http://purl.org/dc/terms/",
    "doap": "http://usefulinc.com/ns/doap#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "assertedBy": {"@id": "earl:assertedBy", **_REFERENCE},
    "subject": {"@id": "earl:subject", **_REFERENCE},
    "test": {"@id": "earl:test", **_REFERENCE},
    "mode": {"@id": "earl:mode", **_REFERENCE},
    "result": "earl:result",
    "outcome": {"@id": "earl:outcome", **_REFERENCE},
    "info": "earl:info",
    "date": {"@id": "dct:date", "@type": "xsd:dateTime"},
    "title": "dct:title",
    "description": "dct:description",
    "identifier": "dct:identifier",
    "source": "dct:source",
    "isPartOf": {"@id": "dct:isPartOf", **_REFERENCE},
    "hasPart": {"@id": "dct:hasPart", **_REFERENCE},
    "name": "doap:name",
    "release": "doap:release",
    "revision": "doap:revision",
}
_BASE = "urn:cpm-conformance"
_SUITE = f"{_BASE}:suite"


def earl(report: Report) -> str:
    """The graph, a node a line: who asserts, what was tested, by which criteria, and an assertion for each pair."""
    parts = (_assertor(report), *_subjects(report), *_criteria(report), *_assertions(report))
    nodes = ",\n".join(json.dumps(part, sort_keys=True, ensure_ascii=False) for part in parts)
    return f'{{"@context": {json.dumps(CONTEXT, sort_keys=True)},\n"@graph": [\n{nodes}\n]}}\n'


def _assertor(report: Report) -> dict[str, Any]:
    suite = report.header.suite
    release = {"@type": "doap:Version", "revision": one_line(suite.version)}
    return {
        "@id": _SUITE,
        "@type": ["earl:Assertor", "earl:Software", "doap:Project"],
        "name": suite.name,
        "release": release,
    }


def _subjects(report: Report) -> Iterator[dict[str, Any]]:
    for role in report.header.roles:
        yield {
            "@id": _subject_id(role),
            "@type": ["earl:TestSubject", "earl:Software"],
            "title": one_line(subject(report, role).removeprefix("The ")),
            "description": one_line(sentence(report, role)),
        }


def _subject_id(role: str) -> str:
    return f"{_BASE}:subject:{role}"


def _requirement_id(requirement: str) -> str:
    return f"{_BASE}:requirement:{quote(requirement, safe='')}"


def _case_id(case: str) -> str:
    return f"{_BASE}:case:{quote(case, safe='', errors='replace')}"


def _criteria(report: Report) -> Iterator[dict[str, Any]]:
    for one in report.requirements:
        yield {
            "@id": _requirement_id(one.id),
            "@type": ["earl:TestCriterion", "earl:TestRequirement"],
            "identifier": one.id,
            "title": one_line(one.title),
            "description": one_line(one.text, 2_000),
            "source": one_line(f"{one.clause} ({one.source})"),
            "hasPart": [_case_id(case) for case in one.cases],
        }
    for case in report.cases:
        yield {
            "@id": _case_id(case.id),
            "@type": ["earl:TestCriterion", "earl:TestCase"],
            "identifier": one_line(case.id),
            "title": one_line(case.title),
            "isPartOf": [_requirement_id(each) for each in case.requirements],
        }


def _assertions(report: Report) -> Iterator[dict[str, Any]]:
    for role in report.header.roles:
        for one in of_role(report, role):
            yield _assertion(report, role, _requirement_id(one.id), one.outcome, _about(one))
    records = {one.id: one for one in report.requirements}
    for case in report.cases:
        for role in report.header.roles:
            if role in roles_judged(case, records):
                told = message(case) if case.outcome is not Outcome.PASS else ""
                about = f"{told}\n{details(case)}" if told else word(case.outcome)
                yield _assertion(report, role, _case_id(case.id), case.outcome, about)


def _about(one: RequirementResult) -> str:
    return f"{one.reason}: {REASONS[one.reason]}" if isinstance(one.reason, Reason) else word(one.outcome)


def _assertion(report: Report, role: Role, criterion: str, outcome: Outcome, about: str) -> dict[str, Any]:
    result: dict[str, Any] = {"@type": "earl:TestResult", "outcome": OUTCOMES[outcome], "info": about}
    if report.volatile.finished or report.volatile.started:
        result["date"] = report.volatile.finished or report.volatile.started
    by_hand = role == "client" and report.header.client is not None and report.header.client.adapter == "manual"
    return {
        "@id": f"{_BASE}:assertion:{role}:{criterion.removeprefix(_BASE + ':')}",
        "@type": "earl:Assertion",
        "assertedBy": _SUITE,
        "subject": _subject_id(role),
        "test": criterion,
        "mode": "earl:semiAuto" if by_hand else "earl:automatic",
        "result": result,
    }
