"""The canonical JSON form of a report, and its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from conformance.report.model import Report

_NOT_DIGESTED = ("volatile", "footer")


def as_json(report: Report) -> dict[str, Any]:
    """The report as JSON values. The duration of a case stands under `volatile` alone."""
    return report.model_dump(mode="json", exclude={"cases": {"__all__": {"duration"}}})


def canonical(value: Any) -> str:
    """JSON with sorted keys, two spaces of indent and a newline at the end."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def digest(report: Mapping[str, Any]) -> str:
    """`sha256:` and the hex digest of the canonical form without `volatile` and `footer`, in UTF-8."""
    content = {key: value for key, value in report.items() if key not in _NOT_DIGESTED}
    return "sha256:" + hashlib.sha256(canonical(content).encode()).hexdigest()
