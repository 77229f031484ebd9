"""The errors that stop a run before any verdict; each says what was wrong, where, and the mend."""

from __future__ import annotations

COULD_NOT_RUN, USAGE = 3, 4


class Problem(Exception):
    """Something that the user can mend. `mend` is one sentence that says how."""

    exit_code = COULD_NOT_RUN

    def __init__(self, text: str, mend: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.text}\n  → {self.mend}" if self.mend else self.text


class UsageProblem(Problem):
    """An unknown adapter, option or name on the command line or in the configuration file."""

    exit_code = USAGE


class ConfigurationProblem(Problem):
    """A configuration file that is not TOML or does not fit its schema."""


class AdapterProblem(Problem):
    """A server or client under test that cannot be reached, started or driven."""
