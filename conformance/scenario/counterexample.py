"""Counterexamples: one JSON file that holds all that is needed to see a failure again, on any machine.

It names the test case, what was run, in words and as data, what was expected and observed, and who was judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from conformance.model.history import History
from conformance.model.history_json import history_from_json, history_to_json
from conformance.problems import ConfigurationProblem
from conformance.strategies.store_json import steps_from_json, steps_to_json
from conformance.strategies.store_steps import Step

FORMAT = "cpm-conformance-counterexample/1"
Sequence = tuple[Step, ...]
Value = History | Sequence
_MEND = "give a file that a run wrote under `counterexamples`, as it was written"


@dataclass(frozen=True)
class SavedCounterexample:
    """A counterexample as a file holds it.

    `value` is the simplest example that fails, `drawn` the one that was found first. `server` and `client` are what
    `--server` and `--client` were, without any password. `setting` is what the case varied besides.
    """

    case: str
    role: Literal["server", "client"]
    requirements: tuple[str, ...]
    value: Value
    drawn: Value
    expected: str = ""
    observed: str = ""
    reproduced: tuple[int, int] = (0, 0)
    server: str = "reference"
    client: str = "reference"
    suite: str = ""
    seed: int = 0
    profile: str = ""
    setting: Mapping[str, Any] = field(default_factory=dict)

    @property
    def told(self) -> list[str]:
        """It in words, a line a step, and what came of it."""
        return [*told(self.value), f"expected: {self.expected}", f"observed: {self.observed}"]

    def to_json(self) -> dict[str, Any]:
        """The file's content."""
        return {
            "format": FORMAT,
            "suite": self.suite,
            "case": self.case,
            "role": self.role,
            "requirements": list(self.requirements),
            "server": self.server,
            "client": self.client,
            "profile": self.profile,
            "seed": self.seed,
            "setting": dict(self.setting),
            "told": told(self.value),
            "expected": self.expected,
            "observed": self.observed,
            "reproduced": {"times": self.reproduced[0], "of": self.reproduced[1]},
            "run": _value_to_json(self.value),
            "drawn": _value_to_json(self.drawn),
        }

    def write(self, path: Path) -> None:
        """Write the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")


def told(value: Value) -> list[str]:
    """What is run, in words, a line a step."""
    return list(value.lines() if isinstance(value, History) else map(str, value))


def _value_to_json(value: Value) -> dict[str, Any]:
    return history_to_json(value) if isinstance(value, History) else {"sequence": steps_to_json(value)}


def canonical(value: object) -> str:
    """A text that is the same for equal values in every process; a `repr` tells sets in any order."""
    return json.dumps(_value_to_json(value), sort_keys=True) if isinstance(value, History | tuple) else repr(value)


def _value_from_json(told: Any) -> Value:
    if isinstance(told, Mapping) and "sequence" in told:
        return steps_from_json(told["sequence"])
    return history_from_json(told)


def read_counterexample(path: Path) -> SavedCounterexample:
    """Read a file back. Raises `ConfigurationProblem` that says what is wrong with it."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise ConfigurationProblem(f"{path}: {problem.strerror}", "give the path of a readable file") from None
    except ValueError as problem:
        raise ConfigurationProblem(f"{path} is not JSON: {problem}", _MEND) from None
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise ConfigurationProblem(f"{path} is no counterexample: its format is not {FORMAT!r}", _MEND)
    try:
        return _read(content)
    except (ValueError, KeyError, TypeError) as problem:
        raise ConfigurationProblem(f"{path}: {_what(problem)}", _MEND) from None


def _what(problem: Exception) -> str:
    return f"{problem} is missing" if isinstance(problem, KeyError) else str(problem)


def _read(content: Mapping[str, Any]) -> SavedCounterexample:
    text = _texts(content)
    if text("role") not in ("server", "client"):
        raise ValueError(f"'role' is {text('role')!r}, not server or client")
    times = content["reproduced"]
    return SavedCounterexample(
        text("case"),
        content["role"],
        tuple(str(each) for each in content["requirements"]),
        _value_from_json(content["run"]),
        _value_from_json(content["drawn"]),
        text("expected"),
        text("observed"),
        (int(times["times"]), int(times["of"])),
        text("server"),
        text("client"),
        text("suite"),
        int(content["seed"]),
        text("profile"),
        dict(content["setting"]),
    )


def _texts(content: Mapping[str, Any]) -> Callable[[str], str]:
    def text(key: str) -> str:
        if not isinstance(content[key], str):
            raise TypeError(f"{key!r} is not a text: {content[key]!r}")
        return str(content[key])

    return text
