"""JUnit XML, for CI systems: only a contradiction is a failure, and nothing undecided looks green."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from conformance.outcomes import CaseResult, Outcome
from conformance.report.model import Report
from conformance.report.wording import REASONS, counted

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST = 20_000


def junit(report: Report) -> str:
    """One test suite with one test case for each case of the report."""
    counts = dict(counted(case.outcome for case in report.cases))
    skipped = counts.get(Outcome.NOT_APPLICABLE, 0) + counts.get(Outcome.NOT_RUN, 0)
    suite = ET.Element(
        "testsuite",
        {
            "name": report.header.suite.name,
            "tests": str(len(report.cases)),
            "failures": str(counts.get(Outcome.FAIL, 0)),
            "errors": str(counts.get(Outcome.ERROR, 0) + counts.get(Outcome.INCONCLUSIVE, 0)),
            "skipped": str(skipped),
            "time": f"{report.volatile.seconds:.3f}",
        },
    )
    if report.volatile.started:
        suite.set("timestamp", _clean(report.volatile.started))
    for case in report.cases:
        suite.append(_testcase(case, report))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _testcase(case: CaseResult, report: Report) -> ET.Element:
    seconds = report.volatile.durations.get(case.id, 0.0)
    element = ET.Element("testcase", {"classname": "conformance", "name": _clean(case.id), "time": f"{seconds:.3f}"})
    properties = ET.SubElement(element, "properties")
    seed = report.header.seed
    for name, value in (("requirements", " ".join(case.requirements)), ("seed", seed), ("replay", case.replay)):
        if value is not None:
            ET.SubElement(properties, "property", {"name": name, "value": _clean(str(value))})
    _outcome(element, case)
    return element


def _outcome(element: ET.Element, case: CaseResult) -> None:
    reason = str(case.reason or "unknown")
    message = _clean(REASONS[case.reason] if case.reason else case.title)
    if case.outcome is Outcome.FAIL:
        ET.SubElement(element, "failure", {"type": reason, "message": message}).text = _details(case)
    elif case.outcome is Outcome.ERROR:
        ET.SubElement(element, "error", {"type": reason, "message": message}).text = _details(case)
    elif case.outcome is Outcome.INCONCLUSIVE:
        kind = f"inconclusive:{reason}"
        ET.SubElement(element, "error", {"type": kind, "message": message}).text = _details(case)
    elif case.outcome in (Outcome.NOT_APPLICABLE, Outcome.NOT_RUN):
        ET.SubElement(element, "skipped", {"type": reason, "message": f"{case.outcome}: {message}"})
    elif case.outcome is Outcome.WARN:
        ET.SubElement(element, "system-out").text = f"warn: {message}\n{_details(case)}"


def _details(case: CaseResult) -> str:
    judged = [finding for finding in case.findings if finding.outcome is not Outcome.PASS]
    blocks = [_block(finding.requirement, finding.expected, finding.observed) for finding in judged]
    if not blocks:
        blocks = [_block(" ".join(case.requirements), case.expected, case.observed)]
    return _clean("\n\n".join([*blocks, *([case.error] if case.error else [])]))


def _block(requirement: str, expected: str, observed: str) -> str:
    return f"{requirement}\nexpected: {expected}\nobserved: {observed}"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text[:_LONGEST])
