"""The laws of identifiers that hold over all connections of one account (RFC 3501 2.3.1.1, RFC 7162 3.1.2)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from conformance.imap.syntax import Token
from conformance.scenario.judge import Judge

Place = tuple[bytes, int | None]
"""A folder's name on the wire, and the UIDVALIDITY that its selection told, None where it told none."""


@dataclass
class Told:
    """A value that the server told, and the transcript entry where it did."""

    value: int
    entry: int


@dataclass
class Laws:
    """What all connections of one account have shown so far."""

    judge: Judge
    contents: dict[tuple[Place, int, str], str] = field(default_factory=dict)
    numbers: dict[tuple[Place, str], Told] = field(default_factory=dict)

    def immutable(self, place: Place, uid: int, item: str, value: Token, entry: int) -> None:
        """Octets, size and date of a unique identifier never change (RFC 3501 2.3.1.1, 6.4.5)."""
        digest = hashlib.sha256(repr(value).encode()).hexdigest()
        before = self.contents.setdefault((place, uid, item), digest)
        if before != digest:
            requirement = "OP02-S4" if item == "BODY[]" else "OP04-S5"
            observed = f"under UIDVALIDITY {place[1]}, UID {uid} once had another {item}"
            self.judge.contradicted(requirement, f"in {_shown(place[0])}, a UID names one object", observed, entry)

    def renamed(self, folder: bytes) -> None:
        """Other objects may come under a name by RENAME (RFC 3501 6.3.5 says nothing of their identifiers)."""
        self.contents = {key: value for key, value in self.contents.items() if not key[0][0].startswith(folder)}
        self.numbers = {key: value for key, value in self.numbers.items() if not key[0][0].startswith(folder)}

    def never_falls(self, place: Place, name: str, value: int, asked: int, entry: int) -> None:
        """UIDNEXT and HIGHESTMODSEQ never fall; compared only if asked after the former value was told."""
        former = self.numbers.get((place, name))
        if former is not None and asked > former.entry and value < former.value:
            requirement = "OP02-S8" if name == "UIDNEXT" else "OP02-S5"
            observed = f"{value} after {former.value} under UIDVALIDITY {place[1]}"
            self.judge.contradicted(requirement, f"{name} of {_shown(place[0])} never falls", observed, entry)
        if former is None or value >= former.value:
            self.numbers[place, name] = Told(value, entry)


def _shown(name: bytes) -> str:
    return name.decode("ascii", "backslashreplace")
