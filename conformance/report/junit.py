"""JUnit XML, for CI systems: only a contradiction is a failure, and nothing undecided looks green.

Beside the test cases stands one entry for the verdict of each tested role, so that the file is never greener than the
exit code of the run.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping

from conformance.outcomes import CaseResult, Outcome, Verdict
from conformance.report.model import Report, Role
from conformance.report.text import one_line, shortened
from conformance.report.told import details, is_undecided, message, reason_code
from conformance.report.wording import VERDICTS, not_established, sentence, verdict_of

CASES, VERDICT = "conformance", "conformance.verdict"


def junit(report: Report) -> str:
    """One test suite with an entry for each case of the report and for each verdict."""
    suite = ET.Element("testsuite", {"name": one_line(report.header.suite.name)})
    clauses = {one.id: one.clause for one in report.requirements}
    suite.extend(_testcase(case, report, clauses) for case in report.cases)
    suite.extend(_verdict(report, role) for role in report.header.roles)
    if not report.header.roles:
        _error(_entry(suite, VERDICT, "nothing was tested"), "inconclusive:nothing-tested", "no role was tested", "")
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(1 for _ in suite.iter(tag))))
    suite.set("time", f"{report.volatile.seconds:.3f}")
    if report.volatile.started:
        suite.set("timestamp", one_line(report.volatile.started))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _entry(parent: ET.Element, group: str, name: str, seconds: float = 0.0) -> ET.Element:
    return ET.SubElement(parent, "testcase", {"classname": group, "name": name, "time": f"{seconds:.3f}"})


def _testcase(case: CaseResult, report: Report, clauses: Mapping[str, str]) -> ET.Element:
    element = _entry(ET.Element("_"), CASES, one_line(case.id), report.volatile.durations.get(case.id, 0.0))
    properties = ET.SubElement(element, "properties")
    mine = dict.fromkeys(clauses[each] for each in case.requirements if each in clauses)
    told: dict[str, object] = {"requirements": " ".join(case.requirements), "clauses": " ".join(mine)}
    told |= {"seed": report.header.seed, "replay": case.replay}
    for name, value in told.items():
        if value is not None:
            ET.SubElement(properties, "property", {"name": name, "value": one_line(str(value))})
    _outcome(element, case)
    return element


def _outcome(element: ET.Element, case: CaseResult) -> None:
    if case.outcome is Outcome.FAIL:
        attributes = {"type": reason_code(case), "message": message(case)}
        ET.SubElement(element, "failure", attributes).text = details(case)
    elif case.outcome is Outcome.ERROR:
        _error(element, reason_code(case), message(case), details(case))
    elif is_undecided(case):
        _error(element, f"inconclusive:{reason_code(case)}", message(case), details(case))
    elif case.outcome in (Outcome.NOT_APPLICABLE, Outcome.NOT_RUN):
        told = ": ".join(filter(None, (message(case), one_line(case.observed))))
        ET.SubElement(element, "skipped", {"type": reason_code(case), "message": told})
    elif case.outcome is Outcome.WARN:
        ET.SubElement(element, "system-out").text = f"warn: {message(case)}\n{details(case)}"


def _error(element: ET.Element, kind: str, told: str, text: str) -> None:
    ET.SubElement(element, "error", {"type": kind, "message": told}).text = text


def _verdict(report: Report, role: Role) -> ET.Element:
    element = _entry(ET.Element("_"), VERDICT, f"the {role} is conformant")
    verdict, told = verdict_of(report, role), one_line(sentence(report, role))
    if verdict is Verdict.NOT_CONFORMANT:
        ET.SubElement(element, "failure", {"type": verdict.value, "message": told}).text = told
    elif verdict is not Verdict.CONFORMANT:
        gaps = [f"{gap.words}: {' '.join(one.id for one in gap.requirements)}" for gap in not_established(report, role)]
        kind = f"inconclusive:{verdict.value if verdict else VERDICTS[None].replace(' ', '-')}"
        _error(element, kind, told, shortened("\n".join(gaps), 20_000))
    return element
