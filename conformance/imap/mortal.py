"""The connections of a process that is killed, played in memory: from some moment on its code does nothing more."""

from __future__ import annotations

from dataclasses import replace
from threading import Event

from conformance.imap.memory import Link, MemoryEndpoint


class Killed(BaseException):
    """The process is dead; no code of its own may go on, so nothing but whoever killed it should catch this."""


class _MortalLink:
    """Ends the connection, as the system of a dead process does, and from then on raises `Killed` whatever is done."""

    def __init__(self, link: Link, moment: Event) -> None:
        self._link, self._moment = link, moment
        self._is_dead = False

    @property
    def closed(self) -> bool:
        self._require_life()
        return self._link.closed

    @property
    def cut(self) -> bool:
        self._require_life()
        return self._link.cut

    def greeting(self) -> bytes:
        return self._link.greeting()

    def receive(self, octets: bytes, *, unread: bool = False) -> bytes:
        self._require_life(self._moment.is_set())
        return self._link.receive(octets, unread=unread)

    def pending(self) -> bytes:
        self._require_life(self._moment.is_set())
        octets = self._link.pending()
        # Who waits for what never comes is killed there when the time for that is over.
        self._require_life(not octets and not self._link.closed)
        return octets

    def end(self, *, reset: bool) -> None:
        self._require_life(self._moment.is_set())
        self._link.end(reset=reset)

    def _require_life(self, is_killed: bool = False) -> None:  # noqa: FBT001, FBT002  (one question, two answers)
        if is_killed and not self._is_dead:
            self._is_dead = True
            self._link.end(reset=False)
        if self._is_dead:
            raise Killed


def mortal(endpoint: MemoryEndpoint, moment: Event) -> MemoryEndpoint:
    """The endpoint for a process that is killed once `moment` is set and it sends anything, or waits.

    It dies, too, where it would wait for ever.
    """
    return replace(endpoint, link=lambda: _MortalLink(endpoint.link(), moment))
