"""Pipelines of CI systems, run on this machine as their runners would: a composite action, and jobs of GitLab.

Only what the files of this project use is understood; anything else is an error.
"""

from __future__ import annotations

import os
import re
import string
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SECONDS = 120
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


class Loader(yaml.SafeLoader):
    """YAML with GitLab's `!reference`, which is kept as a list."""


def _reference(loader: yaml.SafeLoader, node: yaml.Node) -> list[Any]:
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node)


Loader.add_constructor("!reference", _reference)


def load(path: Path) -> Any:
    """The content of a YAML file; `on` is a word, not a truth value."""
    content = yaml.load(path.read_text("utf-8"), Loader)
    return {"on" if key is True else key: value for key, value in content.items()}


def shell(script: str, directory: Path, environment: Mapping[str, str], shell: Sequence[str] = BASH) -> Done:
    """Run a script with exactly this environment and what finds programs."""
    done = subprocess.run(
        [*shell, script],
        capture_output=True,
        text=True,
        cwd=directory,
        timeout=SECONDS,
        check=False,
        env={"HOME": str(directory), "PYTHONIOENCODING": "utf-8", "PATH": os.environ["PATH"], **environment},
    )
    return Done(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a script."""

    code: int
    printed: str
    errors: str


@dataclass
class Action:
    """A composite action in a job that works in `directory`, with a place for the runner's own files.

    `stubs` holds the outputs of the actions that it uses.
    """

    path: Path
    directory: Path
    place: Path
    stubs: Mapping[str, Mapping[str, str]]
    uploaded: list[dict[str, str]] = field(default_factory=list)
    printed: str = ""

    def __post_init__(self) -> None:
        self.content = load(self.path)
        self.outputs: dict[str, Mapping[str, str]] = {}
        self.summary = self.place / "summary"
        self.temporary = self.place / "temporary"
        self.temporary.mkdir(parents=True)

    def run(self, inputs: Mapping[str, str], path: str) -> int:
        """The exit code of the first step that fails, or 0. `inputs` are those that a workflow gives."""
        assert not inputs.keys() - self.content["inputs"].keys()
        self.inputs = {name: each.get("default", "") for name, each in self.content["inputs"].items()} | dict(inputs)
        for number, step in enumerate(self.content["runs"]["steps"]):
            if not self._is_wanted(step.get("if", "")):
                continue
            code = self._script(step, number, path) if "run" in step else self._other(step)
            if code:
                return code
        return 0

    def _script(self, step: Mapping[str, Any], number: int, path: str) -> int:
        output = self.place / f"output-{number}"
        output.touch()
        environment = {name: self.told(value) for name, value in step.get("env", {}).items()}
        environment |= {"GITHUB_ACTION_PATH": str(self.path.parent), "GITHUB_STEP_SUMMARY": str(self.summary)}
        environment |= {"GITHUB_OUTPUT": str(output), "RUNNER_TEMP": str(self.temporary), "PATH": path}
        done = shell(step["run"], self.directory, environment)
        self.printed += done.printed + done.errors
        lines = output.read_text("utf-8").splitlines()
        self.outputs[step.get("id", str(number))] = dict(line.split("=", 1) for line in lines)
        return done.code

    def _other(self, step: Mapping[str, Any]) -> int:
        given = {name: self.told(str(value)) for name, value in step["with"].items()}
        self.outputs[step.get("id", "")] = self.stubs[step["uses"].partition("@")[0]]
        if "upload" in step["uses"]:
            self.uploaded.append(given)
        return 0

    def told(self, text: str) -> str:
        """A text with the values of its expressions, each of which is one name."""
        return _EXPRESSION.sub(lambda each: self._value(each[1]), text)

    def _value(self, name: str) -> str:
        kind, first, *rest = name.split(".")
        if kind == "inputs":
            return str(self.inputs[first])
        assert (kind, rest[0]) == ("steps", "outputs"), name
        return str(self.outputs.get(first, {}).get(rest[1], ""))

    def _is_wanted(self, condition: str) -> bool:
        """Conditions are of the form `name != ''`, joined by `&&`."""
        parts = condition.split(" && ") if condition else []
        assert all(each.endswith(" != ''") for each in parts), condition
        return all(self._value(each.removesuffix(" != ''")) for each in parts)


def job(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A job of GitLab with all that it extends: mappings are joined, anything else is replaced."""
    own = content[name]
    return _joined(job(content, own["extends"]), own) if "extends" in own else dict(own)


def _joined(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    joined = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(joined.get(key), dict)
        joined[key] = _joined(joined[key], value) if both else value
    return joined


def variables(what: Mapping[str, Any], **given: str) -> dict[str, str]:
    """The variables of a job, with the predefined ones that are given; one may name another."""
    told = {**what["variables"], **given}
    return {name: string.Template(value).safe_substitute(told) for name, value in told.items()}
