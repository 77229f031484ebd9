"""Known failures: a file of those that are expected, each bound to what was expected and observed.

An entry holds only for a failure of the same requirement, in the same test case, for the same reason, with the same
gist of what was expected and observed. Numbers, quoted text, and the folder or object that something was expected of
are no part of the gist, because they differ from run to run. A failure stays a failure; only the exit code is told by
what is new.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, ValidationError, field_validator

from conformance.outcomes import CaseResult, Finding, Frozen, Known, Outcome, Reason
from conformance.problems import ConfigurationProblem
from conformance.report.assembly import sealed
from conformance.report.model import Compared, Report
from conformance.toml_files import read_toml

_PLACE = re.compile(r"^[^:]{1,200}: (?=\S)", re.DOTALL)
_VARIABLE = re.compile(r"""b?'(?:[^'\\]|\\.)*'|b?"(?:[^"\\]|\\.)*"|\d+""")
_LISTED_AGAIN = re.compile(r"(?<!\S)([^\s,]+)(?:,? \1)+(?![^\s,;.])")
_NEVER_DECIDED = (Outcome.INCONCLUSIVE, Outcome.ERROR, Outcome.NOT_RUN)
_SEE = "see `cpm-conformance baseline --help`; that command writes a first file from a report"


class Entry(Frozen):
    """One known failure; without `case` that of a requirement in any test case."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    requirement: str
    case: str | None = None
    outcome: Literal["fail"] = "fail"
    reason: str = Reason.CONTRADICTION.value
    expected: str
    observed: str
    why: str
    issue: str | None = None
    expires: date | None = None

    @field_validator("why")
    @classmethod
    def _told(cls, why: str) -> str:
        if not why.strip():
            raise ValueError("say why the failure is accepted")
        return why

    def holds(self, case: CaseResult, finding: Finding) -> bool:
        """Whether this is the failure that the entry is bound to."""
        return (
            self.concerns(case, finding.requirement)
            and (finding.outcome, finding.reason) == (self.outcome, self.reason)
            and bound_to(finding.expected, finding.observed) == bound_to(self.expected, self.observed)
        )

    def concerns(self, case: CaseResult, requirement: str) -> bool:
        """Whether the entry is about this requirement in this test case."""
        return self.requirement == requirement and self.case in (None, case.id)

    def __str__(self) -> str:
        place = f" in {self.case}" if self.case else ""
        return f"{self.requirement}{place}, observed {self.observed!r}"


def gist(text: str) -> str:
    """The text without what differs from run to run: numbers and quoted text, and how often they are listed."""
    return _LISTED_AGAIN.sub(r"\1", " ".join(_VARIABLE.sub("#", text).split()))


def bound_to(expected: str, observed: str) -> tuple[str, str]:
    """The gist of what was expected, without the place that stands before the first colon, and of what was observed."""
    return gist(_PLACE.sub("", expected)), gist(observed)


def read_baseline(path: Path) -> list[Entry]:
    """The entries of a file. Raises `ConfigurationProblem` that says what is wrong with it."""
    content = read_toml(path, "give --baseline the path of a readable file")
    known = content.pop("known", [])
    if content or not isinstance(known, list):
        wrong = next(iter(content), "known")
        raise ConfigurationProblem(f"{path}: {wrong!r} is no list of entries [[known]]", _SEE)
    entries = [_entry(path, number, values) for number, values in enumerate(known, 1)]
    for number, one in enumerate(entries, 1):
        if one in entries[: number - 1]:
            raise ConfigurationProblem(f"{path}: entry {number} ({one}) stands twice", "remove one of them")
    return entries


def _entry(path: Path, number: int, values: object) -> Entry:
    try:
        return Entry.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the entry"
        raise ConfigurationProblem(f"{path}: entry {number}, {key}: {first['msg']}", _SEE) from None


def compared(report: Report, entries: Sequence[Entry], today: date) -> Report:
    """The report with each known failure marked, and with the entries that are out of date."""
    valid = [one for one in entries if one.expires is None or one.expires >= today]
    cases = tuple(_marked(case, valid) for case in report.cases)
    failures = [finding for case in cases for finding in case.findings if finding.outcome is Outcome.FAIL]
    known = sum(finding.known is not None for finding in failures)
    stale = tuple(_stale(report, entries, today))
    result = Compared(known=known, new=len(failures) - known, stale=stale)
    return sealed(report.model_copy(update={"cases": cases, "baseline": result}))


def _marked(case: CaseResult, entries: Sequence[Entry]) -> CaseResult:
    findings = tuple(_known(case, finding, entries) for finding in case.findings)
    return case.model_copy(update={"findings": findings})


def _known(case: CaseResult, finding: Finding, entries: Sequence[Entry]) -> Finding:
    entry = next((one for one in entries if one.holds(case, finding)), None)
    expires = str(entry.expires) if entry and entry.expires else None
    known = Known(why=entry.why, issue=entry.issue, expires=expires) if entry else None
    return finding.model_copy(update={"known": known})


def _stale(report: Report, entries: Iterable[Entry], today: date) -> Iterator[str]:
    for entry in entries:
        why = _expired(entry, today) or _unneeded(report, entry)
        if why:
            yield f"{entry}: {why}"


def _expired(entry: Entry, today: date) -> str | None:
    return f"it expired on {entry.expires}" if entry.expires is not None and entry.expires < today else None


def _unneeded(report: Report, entry: Entry) -> str | None:
    """Why nothing needs the entry; None also where its test cases did not run, or did not come to a result."""
    if entry.requirement not in {one.id for one in report.requirements}:
        return "there is no such requirement"
    about = [case for case in report.cases if entry.concerns(case, entry.requirement) and _judges(case, entry)]
    if any(entry.holds(case, finding) for case in about for finding in case.findings):
        return None
    if not about:
        return None if _may_be_elsewhere(report, entry) else "no test case of that name judges it"
    open_ones = any(_undecided(case, entry) for case in about) or (entry.case is None and report.header.partial)
    return None if open_ones else "this failure no longer occurs"


def _may_be_elsewhere(report: Report, entry: Entry) -> bool:
    """Whether test cases that were left out may judge it."""
    bound = next(one.roles for one in report.requirements if one.id == entry.requirement)
    return report.header.partial or not set(bound) <= set(report.header.roles)


def _judges(case: CaseResult, entry: Entry) -> bool:
    return entry.requirement in {*case.requirements, *(finding.requirement for finding in case.findings)}


def _undecided(case: CaseResult, entry: Entry) -> bool:
    outcomes = [finding.outcome for finding in case.findings if finding.requirement == entry.requirement]
    return any(outcome in _NEVER_DECIDED for outcome in outcomes or [case.outcome])


def baseline_text(report: Report) -> str:
    """A first baseline file: one entry for each failure of a report, in TOML, whose `why` has to be written by hand."""
    failures = sorted(
        {
            (case.id, each.requirement, str(each.reason or ""), *bound_to(each.expected, each.observed))
            for case in report.cases
            for each in case.findings
            if each.outcome is Outcome.FAIL
        }
    )
    return _HEADING + "".join(
        f"\n# {case}\n" + "".join(_entry_text(*each) for each in group)
        for case, group in groupby(failures, key=lambda each: each[0])
    )


_HEADING = """\
# Known failures, for `cpm-conformance run --baseline`. Say in `why` why each is accepted; `issue` may hold a link, and
# `expires` a date such as 2027-01-31. A `#` stands for numbers and quoted text, which are not compared.
"""


def _entry_text(case: str, requirement: str, reason: str, expected: str, observed: str) -> str:
    pairs = {"requirement": requirement, "case": case, "reason": reason, "expected": expected, "observed": observed}
    return "[[known]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in pairs.items()) + 'why = ""\n'


def _toml(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if each.isprintable() else f"\\U{ord(each):08X}" for each in escaped) + '"'
