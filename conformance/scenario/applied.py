"""Which laws of the wire were applied to which part of a transcript: notes in the transcript itself, which tell it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from conformance.imap.transcript import Transcript

_NOTE = re.compile(rb"judged by the wire: ([A-Za-z0-9-]{1,40}), entries (\d{1,12} to \d{1,12}(?: and \d+ to \d+)*)")


@dataclass(frozen=True, slots=True)
class Applied:
    """One use of a law: its name, and the entries after which and up to which the wire was judged."""

    law: str
    spans: tuple[tuple[int, int], ...]


def note_law(transcript: Transcript, law: str, spans: Iterable[tuple[int, int]]) -> None:
    """Tell in the transcript that a law is applied, and to what."""
    told = " and ".join(f"{first} to {last}" for first, last in spans)
    transcript.note("suite", f"judged by the wire: {law}, entries {told}")


def laws_applied(transcript: Transcript) -> list[Applied]:
    """The laws that were applied, as the notes in the transcript tell."""
    notes = [each.octets for each in transcript.entries("suite") if each.direction == "!"]
    return [_applied(found) for note in notes if (found := _NOTE.fullmatch(note))]


def _applied(found: re.Match[bytes]) -> Applied:
    spans = [span.split(" to ") for span in found[2].decode().split(" and ")]
    return Applied(found[1].decode(), tuple((int(first), int(last)) for first, last in spans))
