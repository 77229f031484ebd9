"""What can be done with a unit on its way between a client and a server, and who says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from conformance.imap.framing import Direction


@dataclass(frozen=True, slots=True)
class Forward:
    """Pass the unit on."""


@dataclass(frozen=True, slots=True)
class Replace:
    """Pass these octets on instead."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """Pass on the first `after` octets of the unit, then reset both sides."""

    after: int = 0


@dataclass(frozen=True, slots=True)
class Stall:
    """Pass on neither the unit nor anything after it in this direction; the connection stays open."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Keep a command from the server and give the client these octets, which are whole responses."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class HangUp:
    """Give the client these octets instead of the unit, such as a BYE, and close both sides in order."""

    octets: bytes


Action: TypeAlias = Forward | Replace | Cut | Stall | Answer | HangUp
Interceptor: TypeAlias = Callable[[str, Direction, bytes], Action | None]


@runtime_checkable
class LiteralInterceptor(Protocol):
    """An interceptor that is asked, besides, when a client waits for leave to send a command's first literal."""

    def __call__(self, connection: str, direction: Direction, unit: bytes, /) -> Action | None:
        """What to do with a whole unit; None to pass it on."""
        ...

    def at_literal(self, connection: str, beginning: bytes, /) -> Action | None:
        """What to do with a command that pauses before its first synchronizing literal (RFC 3501 4.3).

        It is asked once a command, with all octets up to the literal, of which the server has seen none: `Answer`, such
        as a tagged NO, and the command is over before it is complete; `Cut`, `Stall`, `HangUp`; None to go on, so that
        the whole command is shown later.
        """
        ...
