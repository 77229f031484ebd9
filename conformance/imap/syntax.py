"""Read one command or response into nested tokens (RFC 3501 9), without judging what it asks or says.

A token is an `Atom`, a `Quoted` or a `Literal` (all are `bytes`), `None` for the atom NIL, or a tuple of tokens for a
parenthesized list. A body section such as `BODY[HEADER.FIELDS ("To")]<0>` is one atom.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal as Choice
from typing import TypeAlias, Union

from conformance.imap.errors import SyntaxProblem

_DEPTH_LIMIT = 100
_SHORT_UNIT = 512
_TOKEN = re.compile(
    rb"(?P<space>[ ]+)|(?P<open>\()|(?P<close>\))"
    rb'|"(?P<quoted>[^"\\\r\n]*(?:\\[^\r\n][^"\\\r\n]*)*)"'
    rb"|~?\{(?P<literal>\d{1,19})[+-]?\}\r?\n"
    rb"|(?P<section>(?:BODY|BODY\.PEEK|BINARY|BINARY\.PEEK|BINARY\.SIZE)\[)"
    rb'|(?P<atom>[^ (){"\r\n\x00]+)',
    re.IGNORECASE,
)
_SECTION_END = re.compile(rb"\][^ ()\r\n]*")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_LINE_END = re.compile(rb"\r?\n\Z")
_STATUS_NAMES = frozenset({"OK", "NO", "BAD", "BYE", "PREAUTH"})


class Atom(bytes):
    """Octets sent bare."""

    @property
    def number(self) -> int | None:
        """The value when the atom is a number."""
        return int(self) if self.isdigit() and len(self) < 20 else None


class Quoted(bytes):
    """Octets sent as a quoted string, without its quotes and backslashes."""


class Literal(bytes):
    """Octets sent as a literal."""


Token: TypeAlias = Union[Atom, Quoted, Literal, tuple["Token", ...], None]  # noqa: UP007
Tokens: TypeAlias = tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A response code (RFC 3501 7.1): `[UIDNEXT 4392]` has the name `UIDNEXT` and one argument."""

    name: str
    arguments: Tokens


@dataclass(frozen=True, slots=True)
class Command:
    """A client command; `uid` tells `UID FETCH` from `FETCH`, `name` is upper case without the UID."""

    tag: str
    name: str
    uid: bool
    arguments: Tokens


@dataclass(frozen=True, slots=True)
class Response:
    """A server response.

    `* 12 FETCH (…)` has the number 12, the name FETCH and one token. Status responses (tagged or not) and continuations
    have a `code` and a `text`, and no tokens: whatever follows the code is opaque.
    """

    kind: Choice["untagged", "tagged", "continuation"]
    tag: str
    number: int | None
    name: str
    code: Code | None
    tokens: Tokens
    text: str


def tokenize(octets: bytes) -> Tokens:
    """Return the tokens of a whole unit or a part of one; raises `SyntaxProblem` only."""
    line_end = _LINE_END.search(octets, max(0, len(octets) - 2))
    return _Reader(octets, line_end.start() if line_end else len(octets)).read()


class _Reader:
    """One pass over the octets, with a stack of the lists now open."""

    def __init__(self, octets: bytes, end: int) -> None:
        self.octets, self.end, self.position = octets, end, 0
        self.stack: list[list[Token]] = [[]]
        self.separated = True

    def read(self) -> Tokens:
        while self.position < self.end:
            match = _TOKEN.match(self.octets, self.position, self.end)
            if match is None:
                raise self._problem("no token can start here")
            self.position = match.end()
            self._take(match)
        if len(self.stack) > 1:
            raise self._problem(f"{len(self.stack) - 1} list(s) never closed")
        return tuple(self.stack[0])

    def _take(self, match: re.Match[bytes]) -> None:
        kind = match.lastgroup
        if kind == "space":
            self.separated = True
        elif kind == "open":
            if len(self.stack) > _DEPTH_LIMIT:
                raise self._problem(f"lists nested deeper than {_DEPTH_LIMIT}")
            self.stack.append([])
            self.separated = True
        elif kind == "close":
            if len(self.stack) == 1:
                raise self._problem("a list closed that was never opened")
            finished = tuple(self.stack.pop())
            self.stack[-1].append(finished)
            self.separated = True
        else:
            self._add(match, kind or "atom")

    def _add(self, match: re.Match[bytes], kind: str) -> None:
        if not self.separated:
            raise self._problem("two tokens without a space between them")
        self.separated = False
        self.stack[-1].append(self._string(match, kind))

    def _string(self, match: re.Match[bytes], kind: str) -> Token:
        if kind == "quoted":
            return Quoted(_ESCAPED.sub(rb"\1", match["quoted"]))
        if kind == "literal":
            return Literal(self._skip(int(match["literal"])))
        if kind == "section":
            return Atom(self._section(match.start()))
        atom = match["atom"]
        return None if atom.upper() == b"NIL" else Atom(atom)

    def _skip(self, size: int) -> bytes:
        start, self.position = self.position, self.position + size
        if self.position > len(self.octets):
            raise SyntaxProblem(f"a literal of {size} octets is cut short", self.octets, start)
        self.end = max(self.end, self.position)
        return self.octets[start : self.position]

    def _section(self, start: int) -> bytes:
        while True:
            match = _SECTION_END.match(self.octets, self.position, self.end)
            if match:
                self.position = match.end()
                return self.octets[start : self.position]
            inner = _TOKEN.match(self.octets, self.position, self.end)
            if inner is None or inner.lastgroup == "section":
                raise self._problem("a body section never closed")
            if inner.lastgroup == "atom" and b"]" in inner["atom"]:
                self.position += inner["atom"].index(b"]")
                continue
            self.position = inner.end()
            if inner.lastgroup == "literal":
                self._skip(int(inner["literal"]))

    def _problem(self, what: str) -> SyntaxProblem:
        return SyntaxProblem(what, self.octets, self.position)


def parse_command(unit: bytes) -> Command:
    """Read a client command; the bare `DONE` that ends IDLE has an empty tag."""
    tag, _, rest = _LINE_END.sub(b"", unit).partition(b" ")
    if tag.upper() == b"DONE" and not rest:
        return Command("", "DONE", uid=False, arguments=())
    if not _is_tag(tag):
        raise SyntaxProblem("a command starts with a tag", unit)
    tokens = tokenize(unit[len(tag) :])
    uid = len(tokens) > 1 and isinstance(tokens[0], Atom) and tokens[0].upper() == b"UID"
    name = tokens[1 if uid else 0] if tokens else None
    if not isinstance(name, Atom):
        raise SyntaxProblem("a command has a name after its tag", unit, len(tag))
    return Command(_text(tag), _text(name).upper(), uid, tokens[2 if uid else 1 :])


def parse_response(unit: bytes) -> Response:
    """Read a server response; a status response without text is accepted."""
    return _parse_again(unit) if len(unit) <= _SHORT_UNIT else _parse_response(unit)


def _parse_response(unit: bytes) -> Response:
    line = _LINE_END.sub(b"", unit)
    first, _, rest = line.partition(b" ")
    if first == b"+":
        code, text = _code_and_text(rest)
        return Response("continuation", "", None, "", code, (), text)
    if first != b"*" and not _is_tag(first):
        raise SyntaxProblem("a response starts with '*', '+' or a tag", unit)
    name, _, tail = rest.partition(b" ")
    status = _text(name).upper()
    if status in _STATUS_NAMES:
        code, text = _code_and_text(tail)
        kind: Choice["untagged", "tagged"] = "untagged" if first == b"*" else "tagged"
        return Response(kind, "" if first == b"*" else _text(first), None, status, code, (), text)
    if first != b"*":
        raise SyntaxProblem("a tagged response is OK, NO or BAD", unit, len(first) + 1)
    return _parse_data(unit)


# The same short responses come again and again, and each is read by the client and by whoever reads the transcript.
_parse_again = lru_cache(maxsize=4096)(_parse_response)


def _parse_data(unit: bytes) -> Response:
    tokens = tokenize(unit[1:])
    number = tokens[0].number if tokens and isinstance(tokens[0], Atom) else None
    rest = tokens if number is None else tokens[1:]
    if not rest or not isinstance(rest[0], Atom):
        raise SyntaxProblem("an untagged response has a name", unit, 2)
    return Response("untagged", "", number, _text(rest[0]).upper(), None, rest[1:], "")


def _code_and_text(octets: bytes) -> tuple[Code | None, str]:
    if not octets.startswith(b"["):
        return None, _text(octets)
    for end in _closing_brackets(octets):
        try:
            tokens = tokenize(octets[1:end])
        except SyntaxProblem:
            continue
        if tokens and isinstance(tokens[0], Atom):
            return Code(_text(tokens[0]).upper(), tokens[1:]), _text(octets[end + 1 :]).removeprefix(" ")
    end = octets.find(b"]")
    if end < 2:
        return None, _text(octets)
    name, _, argument = octets[1:end].partition(b" ")
    return Code(_text(name).upper(), (Atom(argument),) if argument else ()), _text(octets[end + 1 :]).removeprefix(" ")


def _closing_brackets(octets: bytes) -> Iterator[int]:
    """The first few `]`: a quoted argument may hold one, opaque text may hold any number."""
    end = -1
    for _ in range(4):
        end = octets.find(b"]", end + 1)
        if end < 0:
            return
        yield end


def _is_tag(octets: bytes) -> bool:
    return bool(re.fullmatch(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]+", octets))


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def octets_of(token: Token) -> bytes:
    """An astring or string argument as octets; the atom NIL is a name like any other here."""
    if isinstance(token, tuple):
        raise SyntaxProblem("a string was expected, not a list", repr(token).encode()[:80])
    return b"NIL" if token is None else bytes(token)


def text_of(token: Token) -> str:
    """An astring or string argument as text."""
    return _text(octets_of(token))


def number_of(token: Token) -> int:
    """A number argument; `(17)` counts as 17, as in `MODSEQ (17)`."""
    if isinstance(token, tuple) and len(token) == 1:
        return number_of(token[0])
    value = token.number if isinstance(token, Atom) else None
    if value is None:
        raise SyntaxProblem("a number was expected", repr(token).encode()[:80])
    return value


def flags_of(token: Token) -> frozenset[str]:
    """A list of flags, each as sent."""
    if not isinstance(token, tuple):
        raise SyntaxProblem("a list of flags was expected", repr(token).encode()[:80])
    return frozenset(text_of(flag) for flag in token)


def pairs(tokens: Iterable[Token]) -> dict[str, Token]:
    """Alternating names and values as a dictionary with upper-case names."""
    flat = list(tokens)
    if len(flat) % 2:
        raise SyntaxProblem("a name without a value", repr(flat).encode()[:80])
    return {text_of(name).upper(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
