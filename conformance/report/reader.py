"""Read report.json back, and refuse everything that is not a whole, unaltered report of a known format."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from conformance.problems import ConfigurationProblem
from conformance.report.aggregation import verdicts
from conformance.report.canonical import digest
from conformance.report.model import FORMAT, Report

LARGEST = 512 * 2**20
"""The most octets that a report is read of."""
_FAMILY, _, _NUMBER = FORMAT.partition("/")
_RUN_AGAIN = "Run the suite again, or take the report from where it was first written."
_NAME_A_REPORT = "Name a report.json file."


def read_report(path: str | PathLike[str]) -> Report:
    """The report in a file. Raises `ConfigurationProblem` that says what is wrong with the file."""
    content, report = load(path)
    for told in alterations(content, report):
        raise ConfigurationProblem(f"{path}: {told}.", _RUN_AGAIN)
    return report


def load(path: str | PathLike[str]) -> tuple[dict[str, Any], Report]:
    """The JSON values and the report in a file that is whole and fits the format, altered or not.

    Raises `ConfigurationProblem` for every other.
    """
    file = Path(path)
    content = _parse(file)
    _check_format(file, content)
    if "footer" not in content:
        raise ConfigurationProblem(f"{file} has no footer: the run that wrote it did not end.", _RUN_AGAIN)
    return content, _validate(file, content)


def alterations(content: dict[str, Any], report: Report) -> Iterator[str]:
    """What in a report does not follow from the rest of it, and so was altered; each without its full stop."""
    if report.footer.digest != digest(content):
        yield "it was altered: the content and the digest in its footer differ"
    if (len(report.cases), len(report.requirements)) != (report.footer.cases, report.footer.requirements):
        yield "it is not whole: its footer counts other cases or requirements"
    expected = verdicts(report.requirements, report.cases, report.header.roles, partial=report.header.partial)
    if expected != report.verdict:
        yield "it was altered: its verdict does not follow from its outcomes"


def _parse(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(_text(file), **_STRICTLY)
    except OSError as problem:
        raise ConfigurationProblem(f"{file} cannot be read: {problem.strerror}.", _NAME_A_REPORT) from None
    except (ValueError, RecursionError) as problem:
        raise ConfigurationProblem(f"{file} is truncated or not JSON: {problem}.", _RUN_AGAIN) from None
    if not isinstance(content, dict):
        raise ConfigurationProblem(f"{file} is not a report: it holds no JSON object.", _NAME_A_REPORT)
    return content


def _text(file: Path) -> str:
    found = file.stat()
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        raise ConfigurationProblem(f"{file} is not a report: it is no regular file.", _NAME_A_REPORT)
    if found.st_size > LARGEST:
        raise ConfigurationProblem(f"{file} is not a report: it has {found.st_size:,} octets.", _NAME_A_REPORT)
    return file.read_text(encoding="utf-8")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    if not isfinite(number := float(text)):
        raise ValueError(f"{text[:40]} is greater than any number")
    return number


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers differ in which of two equal keys they take: one report would say two things."""
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in one object")
    return values


_STRICTLY: dict[str, Any] = {
    "parse_constant": _refuse_constant,
    "parse_float": _finite,
    "object_pairs_hook": _without_repetition,
}


def _check_format(file: Path, content: dict[str, Any]) -> None:
    told = content.get("format")
    if told == FORMAT:
        return
    if not isinstance(told, str) or not told.startswith(f"{_FAMILY}/"):
        raise ConfigurationProblem(
            f"{file} is no report of this suite: it has the format {str(told)[:80]!r}, not {FORMAT!r}.", _NAME_A_REPORT
        )
    number = told.removeprefix(f"{_FAMILY}/")
    newer = number.isdecimal() and len(number) < 10 and int(number) > int(_NUMBER)
    raise ConfigurationProblem(
        f"{file} has the format {told[:80]!r}, {'newer than' if newer else 'not'} {FORMAT!r}.",
        "Read it with the version of the suite that wrote it.",
    )


def _validate(file: Path, content: dict[str, Any]) -> Report:
    try:
        return Report.model_validate_json(json.dumps(content), strict=True)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the report"
        raise ConfigurationProblem(f"{file} does not fit the format, at {place}: {first['msg']}.", _RUN_AGAIN) from None
