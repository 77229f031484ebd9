"""Transcripts: what is recorded can be written and read back, and credentials never get in."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.imap.recorder import Recorder
from conformance.imap.transcript import Entry, Transcript, escape, unescape


@given(st.binary(max_size=200))
def test_escaping_is_reversible_and_one_printable_line(octets: bytes) -> None:
    """Any octets become one line of printable ASCII and come back."""
    text = escape(octets)
    assert unescape(text) == octets
    assert text == "" or (text.isprintable() and text.isascii())


def test_written_form_is_readable_and_comes_back(tmp_path: Path) -> None:
    """The text form shows number, time, connection, direction and octets, and gives equal entries when read."""
    transcript = Transcript()
    transcript.note("client-1", "opened")
    transcript.record("client-1", "C", b'A3 SELECT "x\\y "\r\n')
    transcript.record("client-1", "S", bytes(range(256)) * 20)
    transcript.write(tmp_path / "t")
    lines = (tmp_path / "t").read_text().splitlines()
    assert lines[2].startswith("    2 ")
    assert lines[2].endswith(' client-1 C A3 SELECT "x\\\\y "\\r\\n')
    kept = Transcript.read(tmp_path / "t").entries()
    assert [(one.number, one.connection, one.direction, one.octets) for one in kept] == [
        (one.number, one.connection, one.direction, one.octets) for one in transcript.entries()
    ]


@pytest.mark.parametrize("text", ["", "no heading\n", "# IMAP transcript, format 1\n    2 0.1 a C x\n"])
def test_what_is_no_transcript_is_named(tmp_path: Path, text: str) -> None:
    """Reading another file fails with its name; so does a gap in the numbers."""
    (tmp_path / "t").write_text(text)
    with pytest.raises(ValueError, match="/t"):
        Transcript.read(tmp_path / "t")


def test_marks_prefixes_and_excerpts() -> None:
    """Entries can be had since a mark, of some connections, and around one of them."""
    transcript = Transcript()
    assert transcript.mark() == 0
    for number in range(1, 11):
        transcript.record(f"client-{number % 2}", "C", b"%d" % number)
    mark = transcript.mark()
    transcript.note("observer-1", "synchronize begins")
    assert mark == 10
    assert [one.number for one in transcript.entries(since=mark)] == [11]
    assert [one.number for one in transcript.entries("client-1", since=6)] == [7, 9]
    assert [one.number for one in transcript.excerpt(2, context=3)] == [1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="one word"):
        transcript.note("two words", "x")


def test_numbers_have_no_gap_with_many_threads() -> None:
    """Recording from several threads loses and repeats nothing."""
    transcript = Transcript()

    def record(name: str) -> None:
        for _ in range(200):
            transcript.record(name, "C", b"x")

    threads = [threading.Thread(target=record, args=(f"c-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [one.number for one in transcript.entries()] == list(range(1, 801))


SECRET_SESSIONS = [
    [b"A1 LOGIN joe geheim\r\n"],
    [b'a1 login "joe" "gehe\\"im"\r\n'],
    [b"A1 LOGIN {3}\r\njoe {6}\r\ngeheim\r\n"],
    [b"A1 LOGIN {3+}\r\njoe {6+}\r\ngeheim\n"],
    [b"A1 AUTHENTICATE PLAIN AGpvZQBnZWhlaW0=\r\n"],
    [b"A1 AUTHENTICATE PLAIN\r\n", b"AGpvZQBnZWhlaW0=\r\n"],
    [b"A1 AUTHENTICATE LOGIN\r\n", b"am9l\r\n", b"Z2VoZWlt\r\n"],
]


@pytest.mark.parametrize("units", SECRET_SESSIONS)
@given(size=st.integers(1, 20))
def test_credentials_are_masked_however_they_are_sent(units: list[bytes], size: int) -> None:
    """No way to log in, cut into any chunks, leaves a trace of the password; what follows is recorded in full."""
    transcript = Transcript()
    recorder = Recorder(transcript, "c")
    stream = b"".join(units)
    for start in range(0, len(stream), size):
        recorder.sent(stream[start : start + size])
    recorder.received(b"A1 OK done\r\n")
    recorder.sent(b"A2 NOOP\r\n")
    recorded = b"".join(one.octets for one in transcript.entries())
    assert not any(trace in recorded for trace in (b"geheim", b'gehe\\"im', b"joe", b"AGpv", b"am9l", b"Z2Vo"))
    assert [one.octets for one in transcript.entries()[-2:]] == [b"A1 OK done\r\n", b"A2 NOOP\r\n"]


@pytest.mark.parametrize("unit", SECRET_SESSIONS)
@given(cut=st.integers(1, 200))
def test_a_login_cut_short_is_masked_too(unit: list[bytes], cut: int) -> None:
    """A connection that ends in the middle of a login gives nothing away."""
    transcript = Transcript()
    recorder = Recorder(transcript, "c")
    recorder.sent(b"".join(unit)[:cut])
    recorder.closed()
    recorded = b"".join(one.octets for one in transcript.entries())
    assert not any(trace in recorded for trace in (b"gehe", b"joe", b"AGp", b"am9", b"Z2V"))


def test_registered_secrets_are_masked_everywhere() -> None:
    """A secret the server or a client repeats is overwritten, octet for octet so that literal sizes stay true."""
    transcript = Transcript(secrets=["geheim", "", 'quo"te'])
    transcript.protect(b"later")
    transcript.record("c", "S", b"A1 NO no geheim here {6}\r\ngeheim later\r\n")
    transcript.record("c", "C", b'A2 X "quo\\"te"\r\n')
    transcript.note("c", "geheim")
    octets = [one.octets for one in transcript.entries()]
    assert octets == [b"A1 NO no ****** here {6}\r\n****** *****\r\n", b'A2 X "*******"\r\n', b"******"]


def test_recorder_keeps_units_of_any_chunks() -> None:
    """Octets fed one by one in both directions give one entry a unit, with the literal inside."""
    transcript = Transcript()
    recorder = Recorder(transcript, "c")
    for octet in b"A1 APPEND x {3+}\r\na\r\n\r\n":
        recorder.sent(bytes([octet]))
    for octet in b"* 1 EXISTS\r\nA1 OK\r\n":
        recorder.received(bytes([octet]))
    assert [(one.direction, one.octets) for one in transcript.entries()] == [
        ("C", b"A1 APPEND x {3+}\r\na\r\n\r\n"),
        ("S", b"* 1 EXISTS\r\n"),
        ("S", b"A1 OK\r\n"),
    ]


def test_recorder_does_not_swallow_what_follows_a_refused_literal() -> None:
    """A command whose literal the server refused is recorded as it is, and so is the next."""
    transcript = Transcript()
    recorder = Recorder(transcript, "c")
    recorder.sent(b"A1 APPEND x {30}\r\n")
    recorder.received(b"A1 NO [TRYCREATE] none\r\n")
    recorder.sent(b"A2 NOOP\r\n")
    recorder.closed()
    assert [one.octets for one in transcript.entries()] == [
        b"A1 APPEND x {30}\r\n",
        b"A1 NO [TRYCREATE] none\r\n",
        b"A2 NOOP\r\n",
        b"closed",
    ]


def test_recorder_keeps_the_unfinished_end() -> None:
    """What was cut off is recorded as far as it came, and then the note."""
    transcript = Transcript()
    recorder = Recorder(transcript, "c")
    recorder.received(b"* 1 FETCH (BODY[] {99}\r\nabc")
    recorder.closed("reset")
    assert [(one.direction, one.octets) for one in transcript.entries()] == [
        ("S", b"* 1 FETCH (BODY[] {99}\r\nabc"),
        ("!", b"reset"),
    ]


def test_an_entry_prints_as_one_line() -> None:
    """The printed form is the written one."""
    assert str(Entry(12, "client-1", "C", 0.00341, b"A3 NOOP\r\n")) == "   12 0.0034 client-1 C A3 NOOP\\r\\n"
