"""Write a report in all its forms into one directory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from os import PathLike
from pathlib import Path

from conformance.report.allure import write_allure
from conformance.report.badge import badge, endpoint
from conformance.report.earl import earl
from conformance.report.html import html
from conformance.report.junit import junit
from conformance.report.markdown import summary
from conformance.report.model import Report
from conformance.report.writer import write_json, write_whole


@dataclass(frozen=True, slots=True)
class Files:
    """Where the forms of a report stand; `allure` is a directory."""

    json: Path
    html: Path
    junit: Path
    summary: Path
    earl: Path
    badge: Path
    endpoint: Path
    allure: Path

    def __iter__(self) -> Iterator[Path]:
        return iter(astuple(self))


NAMES = Files(
    json=Path("report.json"),
    html=Path("report.html"),
    junit=Path("junit.xml"),
    summary=Path("summary.md"),
    earl=Path("earl.jsonld"),
    badge=Path("badge.svg"),
    endpoint=Path("badge.json"),
    allure=Path("allure-results"),
)
"""The names that the forms have in the directory of a report."""


def write(report: Report, directory: str | PathLike[str]) -> Files:
    """Write every form; transcripts are looked for below the directory."""
    place = Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    files = Files(*(place / name for name in NAMES))
    write_json(report, files.json)
    write_whole(files.html, html(report, place))
    write_whole(files.junit, junit(report))
    write_whole(files.summary, summary(report))
    write_whole(files.earl, earl(report))
    write_whole(files.badge, badge(report))
    write_whole(files.endpoint, endpoint(report))
    write_allure(report, place)
    return files
