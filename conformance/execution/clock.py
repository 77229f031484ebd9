"""The clock of a run, for the volatile part of its report."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from conformance.report import Volatile


class Clock:
    """Start time and duration of a run."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self._start = time.perf_counter()

    def volatile(self) -> Volatile:
        """The volatile part of the report."""
        return Volatile(
            started=self.started.isoformat(timespec="seconds"),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.perf_counter() - self._start, 1),
        )
