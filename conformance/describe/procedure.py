"""The procedure of a test case, told from its own source: what is done, when it does not apply, what is expected."""

from __future__ import annotations

import ast
import inspect
import re
import string
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from conformance.describe.expressions import Words, path_of, told

DEEPEST = 4
CONNECTION = "connection"
_INDENT = "  "
_UNKNOWN = re.compile(r"<[^<>]*>")
_OPTIONAL = re.compile(r"\[([^]]*)\]")
_REQUIREMENT = re.compile(r"(SYN-\d+|OP\d+-[CS]\d+)")
_RELEVANT = frozenset({"scenario", "storage", "tester", "laboratory", "judge", "client", "convergence", "session"})


@cache
def phrases() -> Mapping[str, Mapping[str, str]]:
    """The tables of `phrases.toml`: equipment, acts and criteria."""
    tables: Mapping[str, Mapping[str, str]] = tomllib.loads(Path(__file__).with_name("phrases.toml").read_text("utf-8"))
    return tables


@dataclass
class Procedure:
    """What the source of a test case says. A step that belongs to a loop or a branch is indented below its line.

    `excuses` tell when the case does not apply; `criteria` are pairs of a requirement id, or "", and what is expected.
    """

    steps: list[str] = field(default_factory=list)
    excuses: list[str] = field(default_factory=list)
    criteria: list[tuple[str, str]] = field(default_factory=list)
    connections: int = 0


def procedure_of(function: Callable[..., object]) -> Procedure:
    """Read the source of a test case and of the helpers beside it."""
    made = Procedure()
    _Reader(made, inspect.unwrap(function)).read()
    made.excuses = list(dict.fromkeys(made.excuses))
    made.criteria = list(dict.fromkeys(made.criteria))
    return made


class _Reader:
    """Reads one function; statements in their order, the calls of each before what is done with their results."""

    def __init__(
        self, made: Procedure, function: Callable[..., object], known: Mapping[str, str] | None = None, depth: int = 0
    ) -> None:
        self.made, self.function, self.depth = made, function, depth
        self.words = Words(getattr(function, "__globals__", {}), dict(known or {}))
        self.level = 0

    def _assign(self, node: ast.Assign) -> None:
        """What a name stands for afterwards: a connection, a folder, or words."""
        self._plain(node.value)
        named, value = node.targets[0], node.value
        pairs = [(named, value)]
        if isinstance(named, ast.Tuple):
            several = value.elts if isinstance(value, ast.Tuple) else [value] if _is_call(value, "filled") else []
            pairs = list(zip(named.elts, several, strict=False))
        for name, meant in pairs:
            if isinstance(name, ast.Name):
                self.words.known.pop(name.id, None)
                self.words.known |= {name.id: meaning} if (meaning := self._meaning(meant)) else {}

    def _meaning(self, value: ast.expr) -> str:
        if _is_call(value, "connect"):
            self.made.connections += 1
            return f"{CONNECTION} {self.made.connections}"
        if isinstance(value, ast.Call) and (_is_call(value, "folder") or _is_call(value, "filled")):
            levels = value.args[1 if _is_call(value, "folder") else 2 :]
            return f'"{"/".join(told(each, self.words) for each in levels)}"' if levels else ""
        if isinstance(value, ast.Constant | ast.JoinedStr | ast.IfExp) or _is_call(value, "name"):
            return told(value, self.words)
        return ""

    def read(self) -> None:
        """The whole body."""
        self.statements(_definitions(inspect.getfile(self.function))[self.function.__name__].body)

    def statements(self, body: list[ast.stmt]) -> None:
        """Some statements, in order."""
        for each in body:
            handler = getattr(self, f"_{type(each).__name__.lower()}", self._plain)
            handler(each)

    def _plain(self, node: ast.AST) -> None:
        for call in _calls(node):
            self._call(call)

    def _for(self, node: ast.For) -> None:
        self._plain(node.iter)
        self._block(f"For each {told(node.target, self.words)} of {told(node.iter, self.words)}:", node.body)

    def _while(self, node: ast.While) -> None:
        self._block(f"As long as {told(node.test, self.words)}:", node.body)

    def _if(self, node: ast.If) -> None:
        self._plain(node.test)
        excuse = _excuse(node.body)
        if excuse is not None:
            self.made.excuses.append(told(excuse, self.words))
            self.statements(node.orelse)
        else:
            test = told(node.test, self.words)
            told_of = self._block(f"If {test}:", node.body)
            self._block("Otherwise:" if told_of else f"Unless {test}:", node.orelse)

    def _with(self, node: ast.With) -> None:
        for item in node.items:
            self._plain(item.context_expr)
        self.statements(node.body)

    def _try(self, node: ast.Try) -> None:
        self.statements([*node.body, *node.orelse, *node.finalbody])

    def _functiondef(self, node: ast.FunctionDef) -> None:
        """A function inside is told where it is called."""

    def _block(self, heading: str, body: list[ast.stmt]) -> bool:
        """Steps under a heading, which is left out where there are none; returns whether there are."""
        place = len(self.made.steps)
        self.level += 1
        self.statements(body)
        self.level -= 1
        if len(self.made.steps) > place:
            self.made.steps.insert(place, _INDENT * self.level + heading)
        return len(self.made.steps) > place

    def _call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute):
            self._method(node, node.func)
        elif isinstance(node.func, ast.Name):
            self._helper(node, node.func.id)

    def _method(self, node: ast.Call, named: ast.Attribute) -> None:
        if named.attr in ("check", "contradicted", "recommended"):
            self._criterion(node, named.attr)
        if named.attr in phrases()["criteria"]:
            first = node.args[0] if node.args else None
            self.made.criteria.append((self._requirement(first), phrases()["criteria"][named.attr]))
        acts = phrases()["acts"]
        phrase = acts.get(f"{getattr(named.value, 'id', '')}.{named.attr}") or acts.get(named.attr)
        if phrase:
            step = _filled(phrase, node, named.value, self.words)
            over = self.words.known.get(getattr(named.value, "id", ""), "")
            if step and over.startswith(CONNECTION):
                step = f"{step.removesuffix('.')}, over {over}."
            if step:
                self.made.steps.append(_INDENT * self.level + step)

    def _criterion(self, node: ast.Call, name: str) -> None:
        place = 2 if name == "check" else 1
        expected = told(node.args[place], self.words) if len(node.args) > place else ""
        if expected and not _UNKNOWN.fullmatch(expected):
            self.made.criteria.append((self._requirement(node.args[0]), expected))

    def _requirement(self, node: ast.expr | None) -> str:
        text = told(node, self.words) if node is not None else ""
        return text if _REQUIREMENT.fullmatch(text) else ""

    def _helper(self, node: ast.Call, name: str) -> None:
        function = self.words.scope.get(name)
        if not inspect.isfunction(function):
            return
        if function.__module__ == self.function.__module__ and self.depth < DEEPEST:
            self._beside(node, function)
        elif any(isinstance(each, ast.Name) and each.id in _RELEVANT for each in node.args):
            step = phrases()["helpers"].get(name) or _sentence(function.__doc__ or name)
            self.made.steps.append(_INDENT * self.level + step)

    def _beside(self, node: ast.Call, function: Callable[..., object]) -> None:
        """A function of the same file: its steps stand in place of the call, with what it is given."""
        names = list(inspect.signature(function).parameters)
        given = dict(self.words.known)
        pairs = [*zip(names, node.args, strict=False), *((each.arg, each.value) for each in node.keywords if each.arg)]
        given |= {name: told(value, self.words) for name, value in pairs if not isinstance(value, ast.Starred)}
        reader = _Reader(self.made, function, given, self.depth + 1)
        reader.level = self.level
        reader.read()


@cache
def _definitions(path: str) -> Mapping[str, ast.FunctionDef]:
    """The functions of a file by name."""
    body = ast.parse(Path(path).read_text("utf-8")).body
    return {each.name: each for each in body if isinstance(each, ast.FunctionDef)}


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The calls in an expression or plain statement, inner ones first."""
    for child in ast.iter_child_nodes(node):
        yield from _calls(child)
    if isinstance(node, ast.Call):
        yield node


def _excuse(body: list[ast.stmt]) -> ast.expr | None:
    """The words of a branch that only tells that the case does not apply, or is not reached."""
    last = body[-1]
    raised = last.exc if isinstance(last, ast.Raise) else None
    if isinstance(raised, ast.Call) and isinstance(raised.func, ast.Name) and raised.args:
        return raised.args[0] if raised.func.id == "NotApplicable" else None
    for each in body:
        call = each.value if isinstance(each, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "not_applicable":
            return call.args[1] if len(call.args) > 1 else None
    return None


def _filled(phrase: str, node: ast.Call, receiver: ast.expr, words: Words) -> str:
    places = [name for _, name, _, _ in string.Formatter().parse(phrase) if name]
    numbered = [int(name) for name in places if name.isdigit()]
    positional = [path_of(each) or told(each, words) for each in node.args]
    named = [f"{each.arg} {told(each.value, words)}" for each in node.keywords if each.arg]
    if numbered and len(positional) <= max(numbered):
        return ""
    after = [*positional[max(numbered, default=-1) + 1 :], *named]
    if "rest" in places and not after:
        return ""
    phrase = _OPTIONAL.sub(lambda found: found[1] if node.keywords else "", phrase)
    values: dict[str, Any] = {"path": "/".join(positional[1:]), "named": ", ".join(named)}
    values |= {"on": _side(receiver), "rest": ", ".join(after), "*": ", ".join([*positional, *named])}
    if "*" in places and not values["*"]:
        values["*"] = "any value"
    return _Formatter().vformat(phrase, positional, values)


class _Formatter(string.Formatter):
    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        return args[key] if isinstance(key, int) else kwargs[key]


def _side(receiver: ast.expr) -> str:
    name = receiver.attr if isinstance(receiver, ast.Attribute) else getattr(receiver, "id", "")
    return {"on_client": "In local storage", "client": "In local storage"}.get(name, "On the server")


def _is_call(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name


def _sentence(docstring: str) -> str:
    """What a helper does, or finds out, from the first sentence of its docstring."""
    sentence = " ".join(docstring.split("\n\n")[0].split()).partition("; raises")[0].partition(". ")[0].rstrip(".")
    first = sentence.partition(" ")[0]
    finds = first in ("The", "What", "Whether", "Each", "How", "A", "An", "Which")
    return f"Find out: {first.lower()}{sentence.removeprefix(first)}." if finds else f"{sentence}."
