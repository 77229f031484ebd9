"""Carry one connection between a client and a server, unit by unit, and do with a unit what an interceptor says."""

from __future__ import annotations

import fnmatch
import re
import selectors
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from conformance.imap.framing import Direction, Framer
from conformance.imap.recorder import Recorder

_CHUNK = 256 * 1024
_FULL = 2 * 2**20
# Both would change the stream into something that can neither be recorded nor cut at a unit.
_REFUSED = re.compile(rb"([^ ]+) (?:COMPRESS|STARTTLS)\b", re.IGNORECASE)
_ADVERTISED = re.compile(
    rb"(\* CAPABILITY |(?:\*|[^ \r\n]+) (?:OK|NO|PREAUTH) \[CAPABILITY )([^\]\r\n]*)", re.IGNORECASE
)


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


HASTY = "the client sent octets of a literal before it was asked for them"
"""The note about a breach of RFC 3501 4.3."""

Action: TypeAlias = Forward | Replace | Cut | Stall | Answer | HangUp
Interceptor: TypeAlias = Callable[[str, Direction, bytes], Action | None]


class _Stream:
    """One direction: `framer` sees what the source sends, `output` waits for the destination to take it."""

    def __init__(self, direction: Direction, source: socket.socket, destination: socket.socket) -> None:
        self.direction, self.source, self.destination = direction, source, destination
        self.framer = Framer(direction)
        self.passed = 0
        self.output = bytearray()
        self.after_unit = bytearray()
        self.ended = self.finished = self.stalled = False

    def write(self) -> None:
        with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError), memoryview(self.output) as view:
            sent = self.destination.send(view[:_CHUNK])
            view.release()
            del self.output[:sent]

    def finish(self) -> None:
        """Pass the end of the stream on, once everything before it has gone."""
        if self.ended and not self.output and not self.finished:
            self.finished = True
            with suppress(OSError):
                self.destination.shutdown(socket.SHUT_WR)


class Relay:
    """Run by one thread in `run`; `stop` may be called by another."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        recorder: Recorder,
        *,
        intercept: Interceptor | None = None,
        hide: frozenset[str] = frozenset(),
    ) -> None:
        self._client, self._server, self._recorder = client, server, recorder
        self._intercept = intercept
        self._hidden = re.compile("|".join(fnmatch.translate(pattern) for pattern in {"COMPRESS*", "STARTTLS"} | hide))
        self._up, self._down = _Stream("C", client, server), _Stream("S", server, client)
        self._wake, self._woken = socket.socketpair()
        self._over: str | None = None
        self._asked_for_literal = False
        for one in (client, server):
            one.settimeout(0)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def stop(self) -> None:
        """End the relay soon, by a reset of both sides."""
        with suppress(OSError):
            self._wake.send(b"x")

    def run(self, greeting: bytes = b"") -> None:
        """Relay until both sides ended, one is reset, or `stop` is called; `greeting` came from the server before."""
        try:
            self._take(self._down, greeting)
            with selectors.DefaultSelector() as selector:
                selector.register(self._woken, selectors.EVENT_READ)
                while self._over is None and not (self._up.finished and self._down.finished):
                    self._turn(selector)
        except OSError as error:
            self._over = f"cut: {error}"
        except Exception as error:
            self._over = f"cut: the interceptor failed with {error!r}"
            raise
        finally:
            self._end()

    def _turn(self, selector: selectors.BaseSelector) -> None:
        self._watch(selector, self._client, reads=self._up, writes=self._down)
        self._watch(selector, self._server, reads=self._down, writes=self._up)
        for key, events in selector.select():
            if key.fileobj is self._woken:
                self._over = "cut: the proxy was stopped"
                return
            reads, writes = (self._up, self._down) if key.fileobj is self._client else (self._down, self._up)
            if events & selectors.EVENT_WRITE:
                writes.write()
            if events & selectors.EVENT_READ and self._over is None:
                self._read(reads)
        self._up.finish()
        self._down.finish()

    def _watch(self, selector: selectors.BaseSelector, one: socket.socket, *, reads: _Stream, writes: _Stream) -> None:
        readable = not reads.ended and len(reads.output) < _FULL
        events = selectors.EVENT_READ * readable | selectors.EVENT_WRITE * bool(writes.output)
        known = selector.get_map().get(one)
        if known is None and events:
            selector.register(one, events)
        elif known is not None and not events:
            selector.unregister(one)
        elif known is not None and known.events != events:
            selector.modify(one, events)

    def _read(self, stream: _Stream) -> None:
        while self._over is None:
            try:
                octets = stream.source.recv(_CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self._over = f"reset by the {'client' if stream.direction == 'C' else 'server'}: {error}"
                return
            if not octets:
                self._source_ended(stream)
                return
            self._take(stream, octets)
            if not (isinstance(stream.source, ssl.SSLSocket) and stream.source.pending()):
                return

    def _source_ended(self, stream: _Stream) -> None:
        stream.ended = True
        self._recorder.note(f"the {'client' if stream.direction == 'C' else 'server'} has ended its side")
        if not stream.stalled:
            stream.output += stream.framer.tail_from(stream.passed)
        self._record(stream, stream.framer.abandon())
        if stream.direction == "C" and isinstance(self._server, ssl.SSLSocket):
            self._over = "closed"

    def _take(self, stream: _Stream, octets: bytes) -> None:
        if stream is self._up and stream.framer.paused and not self._asked_for_literal:
            self._recorder.note(HASTY)
        units = stream.framer.feed(octets)
        if stream is self._up:
            self._asked_for_literal = False
            if stream.framer.take_hasty():
                self._recorder.note(HASTY)
        for unit in units:
            if self._over is None and not stream.stalled:
                self._pass_unit(stream, unit)
            stream.passed = 0
        if self._over is None and not stream.stalled:
            self._pass_beginning(stream)
            if not stream.passed:
                stream.output += stream.after_unit
                stream.after_unit.clear()

    def _pass_beginning(self, stream: _Stream) -> None:
        """Literals go on as they come; an interceptor sees whole units, but who waits for `+` must be heard."""
        framer = stream.framer
        if framer.inside and (self._intercept is None or framer.paused):
            stream.output += framer.tail_from(stream.passed)
            stream.passed = framer.size

    def _pass_unit(self, stream: _Stream, unit: bytes) -> None:
        if stream.direction == "S":
            unit = self._edit(unit)
            self._note_haste(unit)
            if self._up.framer.refused_by(unit):
                self._record(self._up, self._up.framer.abandon())
                self._up.passed = 0
        entry = self._record(stream, unit)
        action = self._decide(stream, unit)
        if isinstance(action, Cut):
            stream.output += unit[stream.passed : action.after]
            self._cut(stream, f"entry {entry} was passed on up to octet {max(action.after, stream.passed)}")
        elif isinstance(action, Stall):
            stream.stalled = True
            self._recorder.note(f"stalled: entry {entry} and all after it in this direction are kept back")
        elif isinstance(action, HangUp):
            self._hang_up(action.octets)
        elif isinstance(action, Answer) and stream.direction == "C":
            self._answer(stream, unit, action.octets)
        elif isinstance(action, (Replace, Answer)):
            self._replace(stream, unit, action.octets)
        else:
            stream.output += memoryview(unit)[stream.passed :]

    def _decide(self, stream: _Stream, unit: bytes) -> Action | None:
        if stream.direction == "C":
            refused = _REFUSED.match(unit)
            if refused:
                return Answer(refused[1] + b" BAD not offered here\r\n")
        return self._intercept(self._recorder.connection, stream.direction, unit) if self._intercept else None

    def _replace(self, stream: _Stream, unit: bytes, octets: bytes) -> None:
        if octets[: stream.passed] != unit[: stream.passed]:
            raise ValueError("the server already has the beginning of this command; keep it up to its literal")
        self._recorder.note(f"replaced by {octets[:200]!r}")
        stream.output += octets[stream.passed :]

    def _answer(self, stream: _Stream, unit: bytes, octets: bytes) -> None:
        if stream.passed:
            raise ValueError(f"the server already has the beginning of {unit[:40]!r}; it cannot be answered for it")
        self._recorder.note("answered by the proxy; the server does not see this command")
        self._recorder.received(octets)
        waiting = self._down.after_unit if self._down.passed else self._down.output
        waiting += octets

    def _record(self, stream: _Stream, unit: bytes) -> int:
        entries = (self._recorder.sent if stream.direction == "C" else self._recorder.received)(unit)
        return entries[-1].number if entries else 0

    def _edit(self, unit: bytes) -> bytes:
        match = _ADVERTISED.match(unit)
        if match is None:
            return unit
        names = match[2].split(b" ")
        kept = b" ".join(name for name in names if not self._hidden.match(name.upper().decode("ascii", "replace")))
        return match[1] + kept + unit[match.end() :]

    def _cut(self, stream: _Stream, how: str) -> None:
        stream.destination.settimeout(2.0)
        with suppress(OSError):
            stream.destination.sendall(stream.output)
        stream.output.clear()
        self._over = f"cut: {how}"

    def _hang_up(self, octets: bytes) -> None:
        self._recorder.received(octets)
        self._recorder.note("said by the proxy, which then closed both sides")
        self._client.settimeout(2.0)
        with suppress(OSError):
            self._client.sendall(self._down.output + octets)
        self._down.output.clear()
        self._over = "closed"

    def _note_haste(self, unit: bytes) -> None:
        """At a continuation request look whether the client has gone on without it."""
        if not (unit.startswith(b"+") and self._up.framer.paused):
            return
        with suppress(BlockingIOError, OSError):
            if self._client.recv(1, socket.MSG_PEEK):
                self._recorder.note(HASTY)
        self._asked_for_literal = True

    def _end(self) -> None:
        for stream in (self._up, self._down):
            self._record(stream, stream.framer.abandon())
        for one in (self._client, self._server):
            if self._over is not None and self._over != "closed":
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
        self._wake.close()
        self._woken.close()
        self._recorder.closed(self._over or "closed")
