"""What ties a report to the recorded wire beside it: the digest of each transcript, and each line that decided."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from conformance.outcomes import CaseResult, Deciding
from conformance.report.model import Report
from conformance.report.text import cut
from conformance.report.transcripts import place_of

LONGEST_LINE = 500
"""The most characters that are quoted of one entry."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One transcript: the SHA-256 of its file, and the entries that were asked for, without number and time."""

    digest: str
    lines: Mapping[int, str] = field(default_factory=dict)


def with_evidence(report: Report, directory: Path) -> Report:
    """The report with the digests and the deciding lines of the transcripts that stand below its directory."""
    wanted = wanted_lines(report)
    found = {name: recorded for name in sorted(wanted) if (recorded := recorded_in(directory, name, wanted[name]))}
    volatile = report.volatile.model_copy(
        update={
            "transcripts": {name: each.digest for name, each in found.items()},
            "lines": {
                line_key(name, number): text for name, each in found.items() for number, text in each.lines.items()
            },
        }
    )
    return report.model_copy(update={"volatile": volatile})


def wanted_lines(report: Report) -> dict[str, set[int]]:
    """The transcripts that a report names, with the numbers of the entries that it names in each."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for case in report.cases:
        if case.transcript:
            wanted[case.transcript] |= set()
        for deciding in deciding_of(case):
            wanted[deciding.transcript].add(deciding.entry)
    return wanted


def deciding_of(case: CaseResult) -> Iterator[Deciding]:
    """Every entry that a case refers to."""
    given = [case.deciding, *(each.deciding for each in case.findings), *(each.deciding for each in case.profile)]
    return (each for each in given if each is not None)


def line_key(transcript: str, entry: int) -> str:
    """How an entry is named in the report."""
    return f"{transcript}:{entry}"


def recorded_in(directory: Path, transcript: str, numbers: Set[int]) -> Recorded | None:
    """A transcript below the directory, and the entries with these numbers; None if it cannot be read."""
    place = place_of(directory, transcript)
    if place is None:
        return None
    digest, lines = hashlib.sha256(), dict[int, str]()
    try:
        with place.open("rb") as file:
            for octets in file:
                digest.update(octets)
                number, _, rest = octets.lstrip().partition(b" ")
                if number.isdigit() and len(number) < 10 and int(number) in numbers:
                    lines[int(number)] = _quoted(rest)
    except (OSError, ValueError):
        return None
    return Recorded("sha256:" + digest.hexdigest(), lines)


def _quoted(rest: bytes) -> str:
    text = rest.partition(b" ")[2].decode("ascii", "backslashreplace").rstrip("\n")
    return " ".join(filter(None, cut(text, LONGEST_LINE)))
