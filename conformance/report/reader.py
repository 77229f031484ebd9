"""Read report.json back, and refuse everything that is not a whole, unaltered report of a known format."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from conformance.problems import ConfigurationProblem
from conformance.report.aggregation import verdicts
from conformance.report.canonical import digest
from conformance.report.model import FORMAT, Report

_RUN_AGAIN = "Run the suite again, or take the report from where it was first written."


def read_report(path: str | PathLike[str]) -> Report:
    """The report in a file. Raises `ConfigurationProblem` that says what is wrong with the file."""
    file = Path(path)
    content = _parse(file)
    if content.get("format") != FORMAT:
        raise ConfigurationProblem(
            f"{file} has the format {content.get('format')!r}, not {FORMAT!r}.",
            "Read it with the version of the suite that wrote it.",
        )
    if "footer" not in content:
        raise ConfigurationProblem(f"{file} has no footer: the run that wrote it did not end.", _RUN_AGAIN)
    report = _validate(file, content)
    if report.footer.digest != digest(content):
        raise ConfigurationProblem(f"{file} was altered: the content and the digest in its footer differ.", _RUN_AGAIN)
    _check_consistency(file, report)
    return report


def _parse(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as problem:
        raise ConfigurationProblem(f"{file} cannot be read: {problem.strerror}.", "Name a report.json file.") from None
    except (ValueError, RecursionError) as problem:
        raise ConfigurationProblem(f"{file} is truncated or not JSON: {problem}.", _RUN_AGAIN) from None
    if not isinstance(content, dict):
        raise ConfigurationProblem(f"{file} is not a report: it holds no JSON object.", "Name a report.json file.")
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _validate(file: Path, content: dict[str, Any]) -> Report:
    try:
        return Report.model_validate(content)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the report"
        raise ConfigurationProblem(f"{file} does not fit the format, at {place}: {first['msg']}.", _RUN_AGAIN) from None


def _check_consistency(file: Path, report: Report) -> None:
    counts = (len(report.cases), len(report.requirements))
    if counts != (report.footer.cases, report.footer.requirements):
        raise ConfigurationProblem(f"{file} is not whole: its footer counts other cases or requirements.", _RUN_AGAIN)
    header = report.header
    expected = verdicts(report.requirements, report.cases, header.roles, partial=bool(header.selection))
    if expected != report.verdict:
        raise ConfigurationProblem(f"{file} was altered: its verdict does not follow from its outcomes.", _RUN_AGAIN)
