"""What Allure results say of a test case beyond its outcome: where it belongs in the standard, and its evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.outcomes import CaseResult
from conformance.spec import Level, requirement

EPIC = "OMA CPM message storage"
_SEVERITIES = {
    Level.MANDATORY: "critical",
    Level.RECOMMENDED: "normal",
    Level.OPTIONAL: "minor",
    Level.INFORMATIVE: "trivial",
}


def is_wanted(config: pytest.Config) -> bool:
    """Whether this run writes Allure results."""
    return bool(config.getoption("--alluredir", default=None))


def describe(result: CaseResult, case: str, transcript: Path | None) -> None:
    """Label the running test and attach its findings and its transcript. To be called while the test is reported."""
    import allure

    judged = [requirement(each) for each in result.requirements]
    allure.dynamic.id(case)
    allure.dynamic.title(result.title)
    allure.dynamic.epic(EPIC)
    allure.dynamic.feature(*sorted({each.clause.partition("-")[0] for each in judged}))
    allure.dynamic.story(*sorted({each.clause for each in judged}))
    allure.dynamic.severity(_SEVERITIES[min((each.level for each in judged), key=list(Level).index)])
    allure.dynamic.tag(*result.requirements)
    sentences = "\n".join(f"{each.id}: {each.sentence}" for each in judged)
    allure.dynamic.description("\n".join((sentences, "", *result.steps)))
    findings = result.model_dump_json(indent=2, include={"outcome", "reason", "findings", "remarks", "examples"})
    allure.attach(findings, "findings", allure.attachment_type.JSON)
    if transcript is not None:
        allure.attach.file(str(transcript), "transcript", allure.attachment_type.TEXT)
