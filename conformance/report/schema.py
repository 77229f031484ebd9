"""The JSON Schema of report.json, generated from the models and shipped beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conformance.report.canonical import canonical
from conformance.report.model import FORMAT, Report
from conformance.report.writer import write_whole

SCHEMA_FILE = Path(__file__).with_name("report.schema.json")


def schema() -> dict[str, Any]:
    """The schema, in the dialect of JSON Schema 2020-12."""
    generated = Report.model_json_schema()
    required = sorted({*generated["required"], "format"})
    identity = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:{FORMAT.replace('/', ':')}"}
    return {**generated, **identity, "required": required}


def write_schema() -> None:
    """Bring the shipped file up to date with the models."""
    write_whole(SCHEMA_FILE, canonical(schema()))
