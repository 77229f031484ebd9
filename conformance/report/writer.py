"""Write files so that no half-written one can be taken for a whole one."""

from __future__ import annotations

import os
from pathlib import Path

from conformance.report.canonical import as_json, canonical
from conformance.report.model import Report


def write_json(report: Report, path: Path) -> None:
    """Write report.json in canonical form."""
    write_whole(path, canonical(as_json(report)))


def write_whole(path: Path, text: str) -> None:
    """Write UTF-8 text to a temporary file beside `path`, then rename it into place."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
