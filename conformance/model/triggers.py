"""What makes a client synchronize by itself: 5.5.2.20 names a period, local changes, and the server's notifications."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Triggers:
    """The triggers that are on; by default none is. `period` is in seconds, and 0 turns the timer off."""

    period: float = 0.0
    local_changes: bool = False
    notifications: bool = False

    def __str__(self) -> str:
        on = [f"every {self.period:g} s"] if self.period else []
        on += ["upon local changes"] if self.local_changes else []
        on += ["upon notifications"] if self.notifications else []
        return ", ".join(on) or "all off"
