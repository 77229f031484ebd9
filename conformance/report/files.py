"""Write a report in all its forms into one directory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from os import PathLike
from pathlib import Path

from conformance.report.html import html
from conformance.report.junit import junit
from conformance.report.markdown import summary
from conformance.report.model import Report
from conformance.report.writer import write_json, write_whole


@dataclass(frozen=True, slots=True)
class Files:
    """Where the forms of a report stand."""

    json: Path
    html: Path
    junit: Path
    summary: Path

    def __iter__(self) -> Iterator[Path]:
        return iter(astuple(self))


def write(report: Report, directory: str | PathLike[str]) -> Files:
    """Write report.json, report.html, junit.xml and summary.md; transcripts are looked for below the directory."""
    place = Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    files = Files(place / "report.json", place / "report.html", place / "junit.xml", place / "summary.md")
    write_json(report, files.json)
    write_whole(files.html, html(report, place))
    write_whole(files.junit, junit(report))
    write_whole(files.summary, summary(report))
    return files
