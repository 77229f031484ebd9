"""The command reader of the reference server: any cut of the stream gives the same commands, and bounds hold."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.reference.server.arguments import Arguments
from conformance.reference.server.errors import NotUnderstood
from conformance.reference.server.parser import Command, CommandReader, LiteralAnnounced, Overrun

STREAM = (
    b"a LOGIN {4+}\r\nuser {6+}\r\nsec\r\nt\r\nb NOOP\nc APPEND x {3+}\r\n\r\n{ (\\Seen) {0+}\r\n\r\n"
    b'd CREATE "a {5}"\r\n\r\ne LOGOUT\r\n'
)


def reader(*, max_line: int = 1000, max_literal: int = 100, non_synchronizing: bool = True) -> CommandReader:
    """A reader with small bounds."""
    return CommandReader(max_line=max_line, max_literal=max_literal, non_synchronizing=non_synchronizing)


def read_all(pieces: list[bytes], commands: CommandReader | None = None) -> list[object]:
    """Every event of a stream fed in these pieces."""
    commands = commands or reader()
    events: list[object] = []
    for piece in pieces:
        commands.feed(piece)
        while (event := commands.next_event()) is not None:
            events.append(event)
    return events


def test_commands_and_literals_are_told_apart() -> None:
    """Literals keep line ends and braces; a bare LF ends a line; quoted braces announce nothing inside a line."""
    assert read_all([STREAM]) == [
        Command(b"a LOGIN {4+} {6+}", (b"user", b"sec\r\nt")),
        Command(b"b NOOP"),
        Command(b"c APPEND x {3+} (\\Seen) {0+}", (b"\r\n{", b"")),
        Command(b'd CREATE "a {5}"'),
        Command(b""),
        Command(b"e LOGOUT"),
    ]


@settings(deadline=None)
@given(st.lists(st.integers(0, len(STREAM))))
def test_any_cut_gives_the_same_commands(cuts: list[int]) -> None:
    """The events do not depend on how the octets arrive."""
    edges = sorted({0, *cuts, len(STREAM)})
    pieces = [STREAM[begin:end] for begin, end in pairwise(edges)]
    assert read_all(pieces) == read_all([STREAM])


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_no_octets_break_the_reader(pieces: list[bytes]) -> None:
    """Any octets at all give events or patience, never an exception, and the same ones however they are cut."""
    assert read_all(pieces) == read_all([b"".join(pieces)])


def test_a_synchronizing_literal_waits_for_leave() -> None:
    """The reader announces `{n}` once and goes on after the literal, or forgets the command when refused."""
    commands = reader()
    commands.feed(b"a LOGIN {1}\r\n")
    assert commands.next_event() == LiteralAnnounced(Command(b"a LOGIN {1}"), 1)
    commands.accept()
    commands.feed(b"u x\r\n")
    assert commands.next_event() == Command(b"a LOGIN {1} x", (b"u",))
    commands.feed(b"b LOGIN {1}\r\n")
    assert isinstance(commands.next_event(), LiteralAnnounced)
    commands.refuse()
    commands.feed(b"c NOOP\r\n")
    assert commands.next_event() == Command(b"c NOOP")


def test_a_long_line_is_dropped_whole_and_bounded() -> None:
    """A line over the bound gives one overrun with its tag; its end and its literal are passed over."""
    events = read_all([b"a NOOP " + b"x" * 5000, b"y" * 5000 + b"{8+}\r\nb NOOP\r\n z\r\nc NOOP\r\n"])
    assert events == [Overrun(b"a", "the command line is too long"), Command(b"c NOOP")]
    assert read_all([b"a " + b"x" * 2000 + b"{8+}\r\nb NOOP\r\n\r\nc NOOP\r\n"])[1:] == [Command(b"c NOOP")]


def test_a_long_line_is_not_kept_in_memory() -> None:
    """A megabyte without a line end leaves only a few octets behind."""
    commands = reader()
    for _ in range(100):
        commands.feed(b"x" * 10_000)
        commands.next_event()
    assert len(commands._buffer) < 100


@pytest.mark.parametrize(("stream", "left"), [(b"a X {101+}\r\n" + b"l" * 101 + b" y\r\n", []), (b"a X {101}\r\n", [])])
def test_a_literal_over_the_bound_is_an_overrun(stream: bytes, left: list[object]) -> None:
    """It is reported at once; what the client sends on its own is passed over, what it waits with is not expected."""
    first, *events = read_all([stream])
    assert isinstance(first, Overrun)
    assert first.tag == b"a"
    assert first.too_big
    assert events == left
    assert read_all([stream, b"b NOOP\r\n"])[-1] == Command(b"b NOOP")


def test_without_literal_plus_the_literal_is_passed_over() -> None:
    """`{n+}` is an overrun that is no matter of size, and its octets are never read as commands."""
    events = read_all([b"a X {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n"], reader(non_synchronizing=False))
    assert events == [Overrun(b"a", "non-synchronizing literals are not offered"), Command(b"c NOOP")]


def test_reading_is_linear() -> None:
    """A long literal in many small pieces, and many pipelined commands, take no quadratic time."""
    started = time.monotonic()
    commands = reader(max_literal=4_000_000)
    commands.feed(b"a X {4000000+}\r\n")
    events = read_all([b"x" * 400] * 10_000 + [b"\r\n" + b"b NOOP\r\n" * 50_000], commands)
    assert len(events) == 50_001
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("line", "literals", "value"),
    [
        (b'"a\\"\\\\b"', (), b'a"\\b'),
        (b"atom]", (), b"atom]"),
        (b"{2}", (b"\r\n",), b"\r\n"),
        (b'""', (), b""),
    ],
)
def test_astrings(line: bytes, literals: tuple[bytes, ...], value: bytes) -> None:
    """Atoms, quoted strings and literals all read as astrings."""
    arguments = Arguments(Command(line, literals))
    assert arguments.astring() == value
    arguments.end()


@pytest.mark.parametrize("line", [b'"open', b'"\\x"', b"", b" a", b"(", b"\0", b"{3}", b"*"])
def test_what_is_no_astring(line: bytes) -> None:
    """Unfinished quotes, unknown escapes, specials and announced but missing literals are not understood."""
    with pytest.raises(NotUnderstood):
        Arguments(Command(line)).astring()


def test_nul_in_a_literal_is_not_understood() -> None:
    """RFC 3501 section 9: NUL must not be used at any time."""
    with pytest.raises(NotUnderstood):
        Arguments(Command(b"{1}", (b"\0",))).astring()


@pytest.mark.parametrize("line", [b"0", b"1:0", b"1,,2", b"4294967296", b"99999999999999999999", b"a", b":1"])
def test_what_is_no_sequence_set(line: bytes) -> None:
    """Zero, numbers over 32 bits and broken ranges are not understood."""
    arguments = Arguments(Command(line))
    with pytest.raises(NotUnderstood):  # noqa: PT012 - either step may find the fault
        arguments.sequence_set()
        arguments.end()


def test_an_unread_literal_is_not_understood() -> None:
    """A literal inside what looks like a quoted string is no way to hide octets."""
    arguments = Arguments(Command(b'"x{3}"', (b"abc",)))
    arguments.astring()
    with pytest.raises(NotUnderstood):
        arguments.end()
