"""Annotations of a job of GitHub Actions for the report.json that is named: failures, and what is not established.

The words come from an implementation under test, so that none of them may become a command of its own to the runner.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The runner shows no more annotations of one kind for a step.
MOST = 10
ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
IN_PROPERTIES = {**ESCAPES, ":": "%3A", ",": "%2C"}


def command(kind: str, title: str, text: str) -> str:
    """A workflow command that annotates the job."""
    return f"::{kind} title={title.translate(str.maketrans(IN_PROPERTIES))}::{text.translate(str.maketrans(ESCAPES))}"


def failures(report: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Kind, title and text of each finding that contradicts a requirement; a known one is a notice."""
    clauses = {each["id"]: each["clause"] for each in report["requirements"]}
    for case in report["cases"]:
        for finding in case["findings"]:
            if finding["outcome"] == "fail":
                name = finding["requirement"]
                text = f"expected: {finding['expected']}\nobserved: {finding['observed']}\ntest case: {case['id']}"
                known = finding.get("known")
                kind = "notice" if known else "error"
                yield kind, f"{name} ({clauses[name]})", f"{text}\nknown: {known['why']}" if known else text


def undecided(report: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """A warning for each role whose conformance is not established."""
    for role in ("server", "client"):
        if report["verdict"][role] == "not-established":
            yield "warning", f"{role}: not established", "summary.md and report.html say what is missing, and why"


def annotations(report: dict[str, Any]) -> list[str]:
    """The commands: one for each requirement and role, and of each kind as many as are shown."""
    told: dict[str, dict[str, str]] = {"error": {}, "warning": {}, "notice": {}}
    for kind, title, text in [*failures(report), *undecided(report)]:
        told[kind].setdefault(title, text)
    return [command(kind, *each) for kind, found in told.items() for each in list(found.items())[:MOST]]


def main() -> None:
    """Print the commands, and give the step its output `verdict`."""
    report = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    sys.stdout.writelines(f"{each}\n" for each in annotations(report))
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
        output.write(f"verdict={report['verdict']['overall']}\n")


if __name__ == "__main__":
    main()
