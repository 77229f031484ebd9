"""Listening for notifications: one connection that waits in IDLE on one folder (RFC 2177) and asks for nothing else.

A notice only says that there is something to synchronize; what it says, and every sequence number in it, is left alone.
"""

from __future__ import annotations

import time

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.errors import ServerStalled
from conformance.imap.names import encode_name, quote
from conformance.imap.syntax import Response
from conformance.imap.wire import WireConnection

_IDLE_SECONDS = 20 * 60.0
_ASK_SECONDS = 1.0
_AT_ONCE = 0.001
_FAREWELL_SECONDS = 1.0
_NO_NEWS = frozenset({"OK", "NO", "BAD", "CAPABILITY"})


class Listener:
    """Listens from `open` on. Where IDLE is not offered NOOP asks for news every second, which is all that is left.

    Every method may raise an `ImapProblem`; the connection is of no use then.
    """

    def __init__(self, wire: WireConnection) -> None:
        self._wire = wire
        self._idles = False
        self._until = 0.0

    @classmethod
    def open(cls, endpoint: Endpoint, credentials: Credentials, folder: str, timeout: float) -> Listener:
        """Connect, log in, and listen on a folder of that name."""
        wire = WireConnection.open(endpoint, timeout=timeout)
        try:
            if wire.greeting.name != "PREAUTH":
                wire.authenticate(credentials)
            listener = cls(wire)
            listener.begin(folder)
        except BaseException:
            wire.abort()
            raise
        return listener

    def begin(self, folder: str) -> None:
        """Set the folder active, for reading only, and wait for news of it."""
        self._idles = "IDLE" in self._wire.capabilities()
        self._wire.command(b"EXAMINE " + quote(encode_name(folder))).require_ok("EXAMINE")
        self._until = time.monotonic() + (_IDLE_SECONDS if self._idles else _ASK_SECONDS)
        if self._idles:
            self._wire.idle()

    @property
    def is_worn_out(self) -> bool:
        """Whether it is time to listen anew: a server may end an IDLE after half an hour (RFC 2177 3)."""
        return self._idles and time.monotonic() >= self._until

    def news(self) -> list[Response]:
        """What the server has told since the last look, without waiting for it."""
        heard = self._heard() if self._idles else self._asked()
        return [each for each in heard if each.name not in _NO_NEWS]

    def _heard(self) -> list[Response]:
        heard = []
        try:
            while True:
                heard.append(self._wire.read_response(_AT_ONCE))
        except ServerStalled:
            return heard

    def _asked(self) -> list[Response]:
        if time.monotonic() < self._until:
            return []
        self._until = time.monotonic() + _ASK_SECONDS
        return list(self._wire.command(b"NOOP").require_ok("NOOP").untagged)

    def interrupt(self) -> None:
        """From another thread: break the connection off."""
        self._wire.interrupt()

    def close(self) -> None:
        """Take leave as far as the server lets us, within a second or two."""
        self._wire.timeout = _FAREWELL_SECONDS
        if self._idles:
            self._wire.done()
        self._wire.command(b"LOGOUT")
        self._wire.close()

    def abort(self) -> None:
        """Break the connection off."""
        self._wire.abort()
