"""What is put between the responses of a server is true at that moment, and reaches the bodies."""

from __future__ import annotations

import pytest

from conformance.cases.test_5_5_2_20_unasked_responses import FlagsOfOthers
from conformance.imap.interception import Replace

FLAGS = (b"* 1 FETCH (UID 11 FLAGS (\\Seen))\r\n", b"* 2 FETCH (UID 12 FLAGS ())\r\n")
BODY = b"* 1 FETCH (UID 11 BODY[] {3}\r\nabc)\r\n"


@pytest.fixture
def informed() -> FlagsOfOthers:
    """One that has heard a login and the flags of two objects."""
    flags = FlagsOfOthers()
    flags("client-1", "C", b"a LOGIN u p\r\n")
    flags("client-1", "S", b"a OK hello\r\n")
    flags("client-1", "C", b"b UID FETCH 1:* (FLAGS)\r\n")
    assert [flags("client-1", "S", each) for each in FLAGS] == [None, None]
    return flags


def test_flags_of_another_object_come_before_a_body(informed: FlagsOfOthers) -> None:
    """They are those that were told last, by its message number."""
    assert informed("client-1", "S", BODY) == Replace(b"* 2 FETCH (FLAGS ())\r\n" + BODY)
    assert informed.lines == 1


def test_flags_are_told_on_the_connection_that_heard_them(informed: FlagsOfOthers) -> None:
    """Another connection may have another folder active."""
    informed("client-2", "C", b"a LOGIN u p\r\n")
    informed("client-2", "S", b"a OK hello\r\n")
    assert informed("client-2", "S", BODY) is None


@pytest.mark.parametrize(
    ("direction", "unit"),
    [
        ("C", b"c UID STORE 12 +FLAGS.SILENT (\\Seen)\r\n"),
        ("C", b"c SELECT Other\r\n"),
        ("S", b"* 2 EXPUNGE\r\n"),
        ("S", b"* VANISHED 12\r\n"),
    ],
)
def test_what_may_be_outdated_is_not_told(informed: FlagsOfOthers, direction: str, unit: bytes) -> None:
    """After a change of flags, of numbers or of the folder nothing is known."""
    informed("client-1", "C" if direction == "C" else "S", unit)
    assert informed("client-1", "S", BODY) is None
    assert informed.lines == 0
