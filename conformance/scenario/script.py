"""A saved counterexample of a client as one Python file, which shows the fault where this suite is not installed.

The parts stand in `conformance.standalone`, real modules that import nothing but the standard library and each other.
They are joined in the order of their imports, with the counterexample in the place of `data`.
"""

from __future__ import annotations

import ast
import json
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from conformance.configuration import without_password
from conformance.model.history import Act, History, Synchronize
from conformance.problems import Problem
from conformance.scenario.counterexample import SavedCounterexample
from conformance.scenario.script_checks import with_checks
from conformance.scenario.stage import Bounds
from conformance.spec import UnknownRequirement, requirement

PARTS = ("wording", "imap", "hands", "judging", "relay", "program", "story", "counterexample_client")
PACKAGE = "conformance.standalone"
NOT_ALONE = {"none": "there is no client", "manual": "a person drives the client, and nobody sees its local storage"}
OUTLIVING = ("reference",)
"""The adapters of this suite whose local storage outlives their process where `cpm-conformance adapter` serves them."""
RUNS = Bounds().runs
WIDTH = 150
"""The longest line of data that could be spread over several."""
FUTURE = "from __future__ import annotations\n"


class NoScript(Exception):
    """A counterexample that no script could show; the text says why."""


def client_script(saved: SavedCounterexample, options: Mapping[str, str] | None = None, runs: int = RUNS) -> str:
    """The text of the script. Raises `NoScript`.

    `options` are those of the client's adapter, without secrets; `runs` is how many synchronizations it may need.
    """
    command = _command(saved, options or {})
    return _joined(_as_text(_data(saved, command, runs)))


def _command(saved: SavedCounterexample, options: Mapping[str, str]) -> str:
    """The command line of the client's adapter, as far as it is known."""
    name, _, command = saved.client.partition(":")
    if saved.role != "client" or name in NOT_ALONE:
        raise NoScript(NOT_ALONE.get(name, "it is not the client that fails"))
    _history(saved)
    if saved.setting:
        raise NoScript(f"the test case set up more than the history tells: {', '.join(sorted(saved.setting))}")
    if name == "stdio":
        return command or options.get("command", "")
    if name not in OUTLIVING and _kills(_history(saved)):
        raise NoScript(f"the client is killed, and what `cpm-conformance adapter {name}` serves does not outlive that")
    return shlex.join(["cpm-conformance", "adapter", name, *_options(options)])


def _history(saved: SavedCounterexample) -> History:
    if not isinstance(saved.value, History):
        raise NoScript("it is no history of a client")
    return saved.value


def _options(options: Mapping[str, str]) -> Iterator[str]:
    for key, value in options.items():
        yield from ("-O", f"{key}={value}")


def _kills(history: History) -> bool:
    interruptions = (step.interruption for step in history.steps if isinstance(step, Synchronize))
    return any(each is not None and each.act is Act.KILL for each in interruptions)


def _data(saved: SavedCounterexample, command: str, runs: int) -> dict[str, Any]:
    server = without_password(saved.server).replace(":***@", "@")
    try:
        checks = with_checks(_history(saved))
    except (LookupError, Problem) as problem:
        raise NoScript(f"the history is not possible as it is written: {problem}") from problem
    return {
        "suite": f"cpm-conformance {saved.suite}".strip(),
        "case": saved.case,
        "tested": {"server": server, "client": saved.client},
        "reproduced": f"{saved.reproduced[0]} of {saved.reproduced[1]}",
        "requirements": [{"id": each, "sentence": _sentence(each)} for each in saved.requirements],
        "expected": saved.expected,
        "observed": saved.observed,
        "server": server if "://" in server else None,
        "client": command or None,
        "runs": runs,
        **checks,
    }


def _sentence(identifier: str) -> str:
    try:
        return requirement(identifier).sentence
    except UnknownRequirement:
        return "a requirement that this version of the suite does not know"


def _as_text(data: Mapping[str, Any]) -> str:
    """JSON that a reader can read, and that any encoding of Unicode can hold."""
    text = _spread(data, "", ensure_ascii=False)
    return text if _is_encodable(text) else _spread(data, "", ensure_ascii=True)


def _spread(value: object, indent: str, *, ensure_ascii: bool) -> str:
    """JSON with a line for each member of what does not fit on one."""
    line = json.dumps(value, ensure_ascii=ensure_ascii)
    if len(line) <= WIDTH or not isinstance(value, Mapping | list):
        return line
    named = value.items() if isinstance(value, Mapping) else ((None, each) for each in value)
    members = []
    for key, member in named:
        name = "" if key is None else f"{json.dumps(key, ensure_ascii=ensure_ascii)}: "
        members.append(f"{indent} {name}{_spread(member, indent + ' ', ensure_ascii=ensure_ascii)}")
    joined = ",\n".join(members)
    return f"{line[0]}\n{joined}\n{indent}{line[-1]}"


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in text)


@dataclass(frozen=True, slots=True)
class _Part:
    """One module, taken apart: what it says of itself, the names it takes from each module, and the rest."""

    docstring: str
    imports: Mapping[str, set[str]]
    body: str


def _read(name: str) -> _Part:
    source = files(PACKAGE).joinpath(f"{name}.py").read_text("utf-8")
    tree = ast.parse(source)
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    left_out = {line for node in (tree.body[0], *imports) for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    body = "\n".join(line for number, line in enumerate(source.splitlines(), 1) if number not in left_out)
    return _Part(ast.get_docstring(tree) or "", _imported(imports), body.strip("\n"))


def _imported(imports: Iterable[ast.Import | ast.ImportFrom]) -> Mapping[str, set[str]]:
    """The names by module, "" for whole modules; without those of the package, whose parts are joined."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in imports:
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        if module != "__future__" and not module.startswith(PACKAGE):
            found[module] |= {ast.unparse(alias) for alias in node.names}
    return found


def _joined(data: str) -> str:
    """All parts as one module, whose docstring is that of the last one."""
    parts = [_read(name) for name in PARTS]
    *supports, last = parts
    sections = [_imports(parts), _data_section(data), *map(_section, supports), last.body]
    return f'#!/usr/bin/env python3\n"""{last.docstring}\n"""\n\n{FUTURE}\n' + "\n\n\n".join(sections) + "\n"


def _imports(parts: Iterable[_Part]) -> str:
    found: dict[str, set[str]] = defaultdict(set)
    for part in parts:
        for module, names in part.imports.items():
            found[module] |= names
    whole = [f"import {name}" for name in sorted(found.pop("", set()))]
    return "\n".join(
        [*whole, *(f"from {module} import {', '.join(sorted(found[module]))}" for module in sorted(found))]
    )


def _section(part: _Part) -> str:
    heading = "\n".join(f"# {line}".rstrip() for line in part.docstring.splitlines())
    return f"{heading}\n\n{part.body}"


def _data_section(data: str) -> str:
    """The counterexample between triple quotes, which no JSON holds: it escapes each quote inside a text."""
    return f'# {_read("data").docstring}\n\nDATA = r"""\n{data}\n"""'
