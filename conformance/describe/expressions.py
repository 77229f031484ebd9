"""Expressions of the source of a test case in words, as far as words can be found without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.report.text import visible

LONGEST, _LONGEST_CONSTANT = 160, 60
_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")


@dataclass
class Words:
    """What names stand for: the scope of the source, and what is known of the arguments of a helper, in words."""

    scope: Mapping[str, Any]
    known: dict[str, str] = field(default_factory=dict)


def told(node: ast.expr, words: Words) -> str:
    """The expression in words, in one line of bounded length."""
    text = visible(" ".join(_told(node, words).split()))
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()} …"


def path_of(node: ast.expr) -> str:
    """A literal path of a folder as its levels with slashes between; "" for any other expression."""
    levels = [each.value for each in node.elts if isinstance(each, ast.Constant)] if isinstance(node, ast.Tuple) else []
    whole = isinstance(node, ast.Tuple) and len(levels) == len(node.elts)
    return "/".join(map(str, levels)) if whole and all(isinstance(each, str) for each in levels) else ""


def _told(node: ast.expr, words: Words) -> str:
    kind = _KINDS.get(type(node))
    return kind(node, words) if kind else ast.unparse(node)


def _constant(node: Any, _words: Words) -> str:
    return _value(node.value)


def _value(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("ascii", "backslashreplace").replace("\r", "\\r").replace("\n", "\\n")
    if isinstance(value, tuple | list) and value and all(isinstance(each, str) for each in value):
        return "/".join(value)
    return str(value)


def _name(node: Any, words: Words) -> str:
    if node.id in words.known:
        return words.known[node.id]
    value = words.scope.get(node.id)
    if isinstance(value, str | bytes) and len(value) > _LONGEST_CONSTANT:
        return _plain(node.id)
    if isinstance(value, str | bytes | int) or (isinstance(value, tuple) and all(isinstance(v, str) for v in value)):
        return _value(value)
    return _plain(node.id) if _CONSTANT.fullmatch(node.id) else f"<{_plain(node.id)}>"


def _plain(name: str) -> str:
    return name.strip("_").replace("_", " ").lower()


def _sum(node: Any, words: Words) -> str:
    if isinstance(node.op, ast.Add):
        left, right = _told(node.left, words), _told(node.right, words)
        apart = "" if left.endswith((" ", "(", "{", '"', "[")) and isinstance(node.left, ast.Constant) else " "
        return f"{left}{'' if isinstance(node.right, ast.Constant) else apart}{right}"
    return ast.unparse(node)


def _formatted(node: Any, words: Words) -> str:
    return "".join(
        _told(each.value, words) if isinstance(each, ast.FormattedValue) else _told(each, words) for each in node.values
    )


def _attribute(node: Any, _words: Words) -> str:
    return f"<{_plain(node.attr)}>"


def _starred(node: Any, words: Words) -> str:
    return _told(node.value, words)


def _several(node: Any, words: Words) -> str:
    return ", ".join(_told(each, words) for each in node.elts)


def _call(node: Any, words: Words) -> str:
    arguments = [_told(each, words) for each in node.args]
    if isinstance(node.func, ast.Attribute):
        if node.func.attr in ("encode", "decode", "values", "items", "lower", "upper"):
            return _told(node.func.value, words)
        if node.func.attr == "join" and arguments:
            return arguments[0]
        if node.func.attr in ("name", "pattern", "quoted", "wire_name"):
            return f'"{"/".join(arguments)}"'
        return f"<{_plain(node.func.attr)}{_of(arguments)}>"
    name = getattr(node.func, "id", "")
    if name == "item" and arguments:
        return arguments[0]
    if name == "append_line" and arguments:
        return " ".join(["APPEND", arguments[0], *(f"({each})" for each in arguments[1:]), "and the object"])
    return f"{_plain(name)}{_of(arguments)}"


def _of(arguments: list[str]) -> str:
    return f" of {', '.join(arguments)}" if arguments else ""


def _generated(node: Any, words: Words) -> str:
    return f"{_told(node.elt, words)} for each {_told(node.generators[0].target, words)}"


def _choice(node: Any, words: Words) -> str:
    return f"{_told(node.body, words)} or {_told(node.orelse, words)}"


def _part(node: Any, words: Words) -> str:
    whole = _told(node.value, words)
    place = node.slice.value if isinstance(node.slice, ast.Constant) else None
    return f"number {place + 1} of {whole}" if isinstance(place, int) else f"one or some of {whole}"


def _negation(node: Any, words: Words) -> str:
    return f"not {_told(node.operand, words)}" if isinstance(node.op, ast.Not) else ast.unparse(node)


_KINDS: Mapping[type[ast.expr], Callable[[Any, Words], str]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.BinOp: _sum,
    ast.JoinedStr: _formatted,
    ast.Attribute: _attribute,
    ast.Starred: _starred,
    ast.Tuple: _several,
    ast.List: _several,
    ast.Set: _several,
    ast.Call: _call,
    ast.GeneratorExp: _generated,
    ast.ListComp: _generated,
    ast.IfExp: _choice,
    ast.UnaryOp: _negation,
    ast.Subscript: _part,
}
