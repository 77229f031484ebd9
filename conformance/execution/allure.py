"""Allure results of plain pytest with `--alluredir`: what `allure-pytest` writes of a case is what its report says.

`cpm-conformance run` does without: it makes its Allure results from report.json.
"""

from __future__ import annotations

from typing import Any

import allure_commons
import pytest

from conformance.outcomes import CaseResult
from conformance.report.allure import Demand, content
from conformance.spec import Requirement, requirement


def is_wanted(config: pytest.Config) -> bool:
    """Whether this run writes Allure results by `allure-pytest`."""
    return bool(config.getoption("--alluredir", default=None))


class Retelling:
    """Replaces what `allure-pytest` says of a test case, just before it is written."""

    def __init__(self, config: pytest.Config) -> None:
        self._told: dict[str, CaseResult] = {}
        allure_commons.plugin_manager.register(self)
        config.add_cleanup(lambda: allure_commons.plugin_manager.unregister(self))

    def tell(self, result: CaseResult) -> None:
        """Mark the test that runs as this case. To be called while pytest makes its report."""
        import allure

        allure.dynamic.id(result.id)
        self._told[result.id] = result

    @allure_commons.hookimpl(tryfirst=True)
    def report_result(self, result: Any) -> None:
        """Called with each result before it is written; those of other tests stay as they are."""
        marks = [label.value for label in result.labels if label.name == "as_id"]
        case = next((self._told[mark] for mark in marks if mark in self._told), None)
        if case is not None:
            demands = {each: demand_of(requirement(each)) for each in case.requirements}
            result.parameters, result.attachments, result.statusDetails = [], [], None
            for name, value in content(case, demands).items():
                setattr(result, name, value)

    @allure_commons.hookimpl(tryfirst=True)
    def report_container(self, container: Any) -> None:
        """What fixtures said when they failed may hold secrets; it stands in the results."""
        for each in (*container.befores, *container.afters):
            each.statusDetails = None


def demand_of(record: Requirement) -> Demand:
    """What Allure is told of a requirement record."""
    return Demand(record.id, record.clause, record.level.value, record.keyword, record.sentence, record.source)
