"""Carry one connection between a client and a server over sockets, as the core of the relay says."""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
from contextlib import suppress

from conformance.imap.interception import Interceptor
from conformance.imap.pace import Pace
from conformance.imap.recorder import Recorder
from conformance.imap.relay_core import CLOSED, RelayCore, Stream

_CHUNK = 256 * 1024
_FULL = 2 * 2**20
_LAST_WORDS_SECONDS = 2.0


class _Way:
    """One direction between two sockets."""

    def __init__(self, stream: Stream, source: socket.socket, destination: socket.socket) -> None:
        self.stream, self.source, self.destination = stream, source, destination
        self.finished = False

    def write(self) -> None:
        output = self.stream.output
        with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError), memoryview(output) as view:
            sent = self.destination.send(view[:_CHUNK])
            view.release()
            del output[:sent]

    def write_all(self) -> None:
        self.destination.settimeout(_LAST_WORDS_SECONDS)
        with suppress(OSError):
            self.destination.sendall(self.stream.take_output())

    def finish(self) -> None:
        """Pass the end of the stream on, once everything before it has gone."""
        if self.stream.ended and not self.stream.output and not self.finished:
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
        pace: Pace | None = None,
    ) -> None:
        self._client, self._server, self._recorder, self._pace = client, server, recorder, pace
        self._core = RelayCore(recorder, intercept=intercept, hide=hide, client_has_sent=self._client_has_sent)
        self._up, self._down = _Way(self._core.up, client, server), _Way(self._core.down, server, client)
        self._wake, self._woken = socket.socketpair()
        for one in (client, server):
            one.settimeout(0)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def stop(self) -> None:
        """End the relay soon, by a reset of both sides."""
        with suppress(OSError):
            self._wake.send(b"x")

    def run(self, greeting: bytes = b"") -> None:
        """Relay until both sides ended, one is reset, or `stop` is called; `greeting` came from the server before.

        Raises what the interceptor raises.
        """
        try:
            self._take(self._down, greeting)
            with selectors.DefaultSelector() as selector:
                selector.register(self._woken, selectors.EVENT_READ)
                while self._core.over is None and not (self._up.finished and self._down.finished):
                    self._turn(selector)
        except OSError as error:
            self._core.over = f"cut: {error}"
        except Exception as error:
            self._core.fail(error)
            raise
        finally:
            self._end()

    def _turn(self, selector: selectors.BaseSelector) -> None:
        self._watch(selector, self._client, reads=self._up, writes=self._down)
        self._watch(selector, self._server, reads=self._down, writes=self._up)
        for key, events in selector.select():
            if key.fileobj is self._woken:
                self._core.over = "cut: the proxy was stopped"
                return
            reads, writes = (self._up, self._down) if key.fileobj is self._client else (self._down, self._up)
            if events & selectors.EVENT_WRITE:
                writes.write()
            if events & selectors.EVENT_READ and self._core.over is None:
                self._read(reads)
        self._up.finish()
        self._down.finish()

    def _watch(self, selector: selectors.BaseSelector, one: socket.socket, *, reads: _Way, writes: _Way) -> None:
        readable = not reads.stream.ended and len(reads.stream.output) < _FULL
        events = selectors.EVENT_READ * readable | selectors.EVENT_WRITE * bool(writes.stream.output)
        known = selector.get_map().get(one)
        if known is None and events:
            selector.register(one, events)
        elif known is not None and not events:
            selector.unregister(one)
        elif known is not None and known.events != events:
            selector.modify(one, events)

    def _read(self, way: _Way) -> None:
        while self._core.over is None:
            try:
                octets = way.source.recv(_CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self._core.reset(way.stream, str(error))
                return
            if not octets:
                self._source_ended(way)
                return
            self._take(way, octets)
            if not (isinstance(way.source, ssl.SSLSocket) and way.source.pending()):
                return

    def _source_ended(self, way: _Way) -> None:
        self._core.end(way.stream)
        if way is self._up and isinstance(self._server, ssl.SSLSocket):
            self._core.over = CLOSED

    def _take(self, way: _Way, octets: bytes) -> None:
        if self._pace and way is self._up:
            self._pace.wait()
        self._core.take(way.stream, octets)
        if self._core.last is not None:
            (self._up if self._core.last is self._core.up else self._down).write_all()

    def _client_has_sent(self) -> bool:
        try:
            return bool(self._client.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _end(self) -> None:
        self._core.abandon()
        for one in (self._client, self._server):
            if self._core.is_cut:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
        self._wake.close()
        self._woken.close()
        self._recorder.closed(self._core.over or CLOSED)
