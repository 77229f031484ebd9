"""Settings of the suite's own tests: the same draws every time, unless `CPM_RANDOM_TESTS=1` asks for other ones."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile(
    "selftest", deadline=None, database=None, derandomize=os.environ.get("CPM_RANDOM_TESTS") != "1"
)
settings.load_profile("selftest")
