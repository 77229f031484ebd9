"""Framing: whole units come out whatever the chunks, and hostile input costs neither time nor memory."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.imap.errors import ResponseTooLarge
from conformance.imap.framing import Direction, Framer

COMMANDS = [
    b"A1 CAPABILITY\r\n",
    b"A2 LOGIN {3}\r\njoe {4}\r\npass\r\n",
    b"A3 APPEND INBOX (\\Seen) {11+}\r\nA: b\r\n\r\n{9}\r\n",
    b"A4 APPEND x ~{3}\r\n\0\r\n {2-}\r\nab {0}\r\n\r\n",
    b"A5 IDLE\r\n",
    b"DONE\r\n",
    b"A6 AUTHENTICATE PLAIN\r\n",
    b"AGpvZQBwYXNz\r\n",
    b"A7 NOOP\n",
    b"A8 APPEND x {2}\nab\n",
    b'A9 LIST "" "{3}"\r\n',
    b"\r\n",
]
RESPONSES = [
    b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
    b"* 1 FETCH (BODY[] {5}\r\nx\r\ny) UID 1)\r\n",
    b"* 2 FETCH (BODY[1] ~{4}\r\n\r\n\r\n BODY[2] {0}\r\n)\r\n",
    b'* LIST () "/" {3}\r\na b\r\n',
    b"* NO quota at {5}\r\n",
    b"+ send {5}\r\n",
    b"A1 NO [BADCHARSET ({5}\r\nUTF-8)] not {3}\r\n",
    b"A2 OK done\r\n",
    b"* 3 EXISTS\n",
]


def _cut(octets: bytes, points: list[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(octets) + 1) for point in points), len(octets)]
    return [octets[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize(("direction", "units"), [("C", COMMANDS), ("S", RESPONSES)])
@given(points=st.lists(st.integers(0, 10_000), max_size=40))
def test_units_do_not_depend_on_chunks(direction: Direction, units: list[bytes], points: list[int]) -> None:
    """The same units come out for every way to split the stream."""
    framer = Framer(direction)
    found = [unit for chunk in _cut(b"".join(units), points) for unit in framer.feed(chunk)]
    assert found == units
    assert framer.tail == b""


@given(direction=st.sampled_from(["C", "S"]), chunks=st.lists(st.binary(max_size=50), max_size=20))
def test_no_octet_is_lost_or_made_up(direction: Direction, chunks: list[bytes]) -> None:
    """Units and tail together are what was fed, for any octets at all."""
    framer = Framer(direction)
    units = [unit for chunk in chunks for unit in framer.feed(chunk)]
    assert b"".join(units) + framer.tail == b"".join(chunks)


def test_literal_over_the_limit_is_refused_when_announced() -> None:
    """A literal over the limit is an error at once, before any of it is held."""
    framer = Framer("S", literal_limit=10)
    assert framer.feed(b"* 1 FETCH (BODY[] {10}\r\n0123456789)\r\n")
    with pytest.raises(ResponseTooLarge, match="limit is 10"):
        framer.feed(b"* 1 FETCH (BODY[] {11}\r\n")


def test_line_over_the_limit_is_refused() -> None:
    """A line without an end is an error, and a literal does not count as a line."""
    framer = Framer("S", line_limit=100)
    assert framer.feed(b"* 1 FETCH (BODY[] {500}\r\n" + b"x" * 500 + b")\r\n")
    with pytest.raises(ResponseTooLarge):
        framer.feed(b"*" * 101)


def test_time_is_linear_in_the_size_of_a_literal() -> None:
    """Eight megabytes in small chunks take a few times as long as one, not sixty times."""

    def seconds(size: int) -> float:
        framer, chunk = Framer("S"), b"x" * 512
        start = time.perf_counter()
        framer.feed(b"* 1 FETCH (BODY[] {%d}\r\n" % size)
        for _ in range(size // 512):
            framer.feed(chunk)
        assert len(framer.feed(b")\r\n")[0]) > size
        return time.perf_counter() - start

    small = min(seconds(2**20) for _ in range(3))
    assert seconds(2**23) < 30 * small


def test_refused_literal_gives_way_to_the_next_command() -> None:
    """After a NO instead of `+`, what follows is a command and no literal."""
    framer = Framer("C")
    framer.feed(b"A1 APPEND x {20}\r\n")
    assert framer.paused
    assert not framer.refused_by(b"A2 NO other\r\n")
    assert framer.refused_by(b"A1 NO no such folder\r\n")
    assert framer.abandon() == b"A1 APPEND x {20}\r\n"
    assert framer.feed(b"A2 NOOP\r\n") == [b"A2 NOOP\r\n"]


def test_a_begun_or_unannounced_literal_is_not_paused() -> None:
    """Only a synchronizing literal without its first octet waits for the server."""
    framer = Framer("C")
    framer.feed(b"A1 APPEND x {20}\r\na")
    assert not framer.paused
    plus = Framer("C")
    plus.feed(b"A1 APPEND x {20+}\r\n")
    assert not plus.paused
    assert (plus.missing, plus.inside, plus.size, plus.tail_from(3)) == (20, True, 19, b"APPEND x {20+}\r\n")
