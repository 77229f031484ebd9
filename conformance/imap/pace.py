"""The pace of commands to a server that others use, too."""

from __future__ import annotations

import threading
import time


class Pace:
    """At most `rate` turns a second, for whoever takes them in this process."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> float:
        """Wait for the next turn; returns the seconds that it took.

        A rate is nothing but time: there is no event that could be waited for instead.
        """
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + 1 / self.rate
        if turn > now:
            time.sleep(turn - now)
        return turn - now
