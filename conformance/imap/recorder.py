"""Record one connection: take octets as they come, frame them, keep whole units in the transcript."""

from __future__ import annotations

import threading

from conformance.imap.framing import Framer
from conformance.imap.masking import authentication_tag, mask_line
from conformance.imap.transcript import Entry, Transcript


class Recorder:
    """Binds a transcript and a connection name; may be fed from two threads, one a direction."""

    def __init__(self, transcript: Transcript, connection: str) -> None:
        self.transcript, self.connection = transcript, connection
        self._lock = threading.Lock()
        self._client, self._server = Framer("C"), Framer("S")
        self._authenticating: bytes | None = None

    def sent(self, octets: bytes) -> list[Entry]:
        """Octets from client to server; returns the entries they completed."""
        with self._lock:
            return [self._record_command(unit) for unit in self._client.feed(octets)]

    def received(self, octets: bytes) -> list[Entry]:
        """Octets from server to client; returns the entries they completed."""
        with self._lock:
            return [self._record_response(unit) for unit in self._server.feed(octets)]

    def give_up_command(self) -> Entry | None:
        """The client's unfinished command will not be finished: record what there is of it."""
        with self._lock:
            return self._record_command(self._client.abandon()) if self._client.tail else None

    def note(self, text: str) -> Entry:
        """A remark about this connection."""
        return self.transcript.note(self.connection, text)

    def closed(self, how: str = "closed") -> Entry:
        """The connection is over: record the unfinished octets of both directions, then a note."""
        with self._lock:
            if self._client.tail:
                self._record_command(self._client.abandon())
            if self._server.tail:
                self._record_response(self._server.abandon())
        return self.note(how)

    def _record_command(self, unit: bytes) -> Entry:
        if self._authenticating:
            unit = mask_line(unit)
        else:
            self._authenticating = authentication_tag(unit)
        return self.transcript.record(self.connection, "C", unit)

    def _record_response(self, unit: bytes) -> Entry:
        if self._client.refused_by(unit):
            # A refused literal never comes: without this the next command would be taken for it.
            self._record_command(self._client.abandon())
        if self._authenticating is not None and unit.split(b" ", 1)[0] == self._authenticating:
            self._authenticating = None
        return self.transcript.record(self.connection, "S", unit)
