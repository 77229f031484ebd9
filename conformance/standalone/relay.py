"""A recording relay between the client and the server, in which something can befall a synchronization."""

from __future__ import annotations

import re
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from conformance.standalone.imap import ANSWER_SECONDS, CHUNK, Framer, Location, open_socket

BEGINNING = 4000
FULL = 2**21
LAST_WORDS_SECONDS = 2.0
SHOWN = 2000
# Both would change the stream into something that can neither be recorded nor cut at a unit.
UNREADABLE = re.compile(rb"([^ ]+) (?:COMPRESS|STARTTLS)\b", re.IGNORECASE)
ADVERTISED = re.compile(
    rb"(?:\* CAPABILITY |(?:\*|[^ \r\n]+) (?:OK|NO|PREAUTH) \[CAPABILITY )[^\]\r\n]*", re.IGNORECASE
)
HIDDEN = rb" (?:COMPRESS=[^ \]\r\n]+|STARTTLS%b)(?=[ \]\r\n])"
SECRET = re.compile(rb"([^ ]+ (?:LOGIN|AUTHENTICATE))\b", re.IGNORECASE)
CHANGING = re.compile(rb"(?:APPEND|CREATE|DELETE|RENAME|(?:UID )?(?:COPY|MOVE)) ", re.IGNORECASE)


class Action(NamedTuple):
    """What becomes of a unit: `pass`, `cut` after so many octets, `stall`, `answer` in its place, `bye` and close."""

    kind: str
    after: int = 0
    octets: bytes = b""


PASS = Action("pass")


class Interruption:
    """What befalls one synchronization, once: at the first unit that stands at a place, after some others that do.

    `change` makes the edits of another client, `kill` gives the sign to kill the client.
    """

    def __init__(self, told: dict[str, Any], change: Callable[[], None], kill: Callable[[], None]) -> None:
        place = told["place"]
        self.act, self._kind, self._pattern = told["act"], place["kind"], place["pattern"].encode("ascii")
        self._skip, self._permille = told["skip"], told["permille"]
        self._change, self._kill = change, kill
        self._commands: dict[tuple[int, bytes], bytes] = {}
        self.happened = False

    def decide(self, connection: int, direction: str, unit: bytes) -> Action:
        """What becomes of a unit; every unit is shown, so that an answer can be told by its command."""
        if direction == "C":
            tag, _, rest = unit[:BEGINNING].partition(b" ")
            self._commands[connection, tag] = rest
        if self.happened or not self._stands_here(connection, direction, unit):
            return PASS
        self._skip -= 1
        return PASS if self._skip >= 0 else self._act(unit)

    def at_literal(self, connection: int, beginning: bytes) -> Action:
        """What becomes of a command that waits for leave to send its literal: only a refusal comes as early."""
        early = self.act in ("no", "overquota") and not self.happened and not self._skip
        return self._act(beginning) if early and self._stands_here(connection, "C", beginning) else PASS

    def _stands_here(self, connection: int, direction: str, unit: bytes) -> bool:
        tag, _, rest = unit[:BEGINNING].partition(b" ")
        kind = "command" if direction == "C" else "untagged" if tag == b"*" else "answer"
        if self._kind == "any":
            rest = unit
        elif self._kind != kind:
            return False
        elif kind == "answer":
            rest = self._commands.get((connection, tag), b"")
            if not rest:
                return False
        return re.match(self._pattern, rest, re.IGNORECASE | re.DOTALL) is not None

    def _act(self, unit: bytes) -> Action:
        self.happened = True
        if self.act.startswith("cut"):
            inside = min(max(len(unit) * self._permille // 1000, 1), len(unit) - 1)
            return Action("cut", {"cut_before": 0, "cut_after": len(unit)}.get(self.act, inside))
        if self.act in ("no", "overquota"):
            answer = b"NO [NOPERM] you may not" if self.act == "no" else b"NO [OVERQUOTA] there is no room"
            return Action("answer", octets=unit.partition(b" ")[0] + b" " + answer + b"\r\n")
        if self.act == "bye":
            return Action("bye", octets=b"* BYE the server goes down\r\n")
        if self.act == "change":
            self._change()
            return PASS
        if self.act == "kill":
            self._kill()
        return Action("stall")


class Stream:
    """One direction of a connection: what its source sends, and what waits for its target."""

    def __init__(self, direction: str, source: socket.socket, target: socket.socket) -> None:
        self.direction, self.source, self.target = direction, source, target
        self.framer, self.passed, self.output = Framer(direction), 0, bytearray()
        self.ended = self.finished = self.stalled = False

    def write(self) -> None:
        """Send what the target takes now."""
        with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            sent = self.target.send(bytes(self.output[:CHUNK]))
            del self.output[:sent]

    def write_all(self) -> None:
        """Send everything, within a moment."""
        self.target.settimeout(LAST_WORDS_SECONDS)
        with suppress(OSError):
            self.target.sendall(bytes(self.output))
        self.output.clear()

    def finish(self) -> None:
        """Tell the target that no more comes, once it has everything."""
        if self.ended and not self.output and not self.finished:
            self.finished = True
            with suppress(OSError):
                self.target.shutdown(socket.SHUT_WR)


class Connection:
    """One connection of the client, carried by one thread."""

    def __init__(self, relay: Relay, number: int, client: socket.socket, server: socket.socket) -> None:
        self._relay, self._number, self._interruption = relay, number, relay.interruption
        self._client, self._server = client, server
        self.up, self.down = Stream("C", client, server), Stream("S", server, client)
        self._commands: dict[bytes, bytes] = {}
        self._secret: bytes | None = None
        self._over = ""
        for each in (client, server):
            each.settimeout(0)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self, greeting: bytes) -> None:
        """Relay until both sides have ended or something ends the connection; the greeting came before."""
        try:
            self._take(self.down, greeting)
            while not self._over and not (self.up.finished and self.down.finished):
                self._turn()
        except OSError:
            self._over = "cut"
        finally:
            self._end()

    def stop(self) -> None:
        """From another thread: end the connection soon."""
        for each in (self._client, self._server):
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    def _turn(self) -> None:
        streams = (self.up, self.down)
        reading = [each.source for each in streams if not each.ended and len(each.output) < FULL]
        writing = [each.target for each in streams if each.output]
        readable, writable, _ = select.select(reading, writing, [])
        for stream in streams:
            if stream.target in writable:
                stream.write()
            if stream.source in readable and not self._over:
                self._read(stream)
        for stream in streams:
            stream.finish()

    def _read(self, stream: Stream) -> None:
        while not self._over:
            try:
                octets = stream.source.recv(CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            if not octets:
                self._source_ended(stream)
                return
            self._take(stream, octets)

    def _source_ended(self, stream: Stream) -> None:
        stream.ended = True
        if not stream.stalled:
            stream.output += stream.framer.unit[stream.passed :]
        if stream is self.up and isinstance(self._server, ssl.SSLSocket):
            self._last_words(stream, "closed")

    def _take(self, stream: Stream, octets: bytes) -> None:
        for unit in stream.framer.feed(octets):
            if not self._over and not stream.stalled:
                self._pass_unit(stream, unit)
            stream.passed = 0
        if not self._over and not stream.stalled and stream.framer.inside and stream.framer.paused:
            self._pass_beginning(stream)

    def _pass_beginning(self, stream: Stream) -> None:
        """Who waits for leave to send a literal must be heard; a unit is else passed on as a whole."""
        framer = stream.framer
        if self._interruption and not stream.passed and stream.direction == "C":
            action = self._interruption.at_literal(self._number, bytes(framer.unit))
            if action is not PASS:
                unit = bytes(framer.unit)
                framer.abandon()
                self._perform(stream, unit, action)
                return
        stream.output += framer.unit[stream.passed :]
        stream.passed = len(framer.unit)

    def _pass_unit(self, stream: Stream, unit: bytes) -> None:
        if stream.direction == "S":
            unit = self._without_hidden(unit)
            self._answered(unit)
        self._record(stream.direction, unit)
        refused = UNREADABLE.match(unit) if stream.direction == "C" else None
        if refused:
            action = Action("answer", octets=refused[1] + b" BAD not offered here\r\n")
        else:
            decide = self._interruption.decide if self._interruption else None
            action = decide(self._number, stream.direction, unit) if decide else PASS
        self._perform(stream, unit, action)

    def _perform(self, stream: Stream, unit: bytes, action: Action) -> None:
        if action.kind != "pass":
            self._relay.note(f"{self._number} - here: {action.kind}")
        if action.kind == "cut":
            stream.output += unit[stream.passed : action.after]
            self._last_words(stream, "cut")
        elif action.kind == "stall":
            stream.stalled = True
        elif action.kind == "bye":
            self.down.output += action.octets
            self._last_words(self.down, "closed")
        elif action.kind == "answer":
            self.down.output += action.octets
        else:
            stream.output += unit[stream.passed :]

    def _last_words(self, stream: Stream, how: str) -> None:
        self._over = how
        stream.write_all()

    def _without_hidden(self, unit: bytes) -> bytes:
        match = ADVERTISED.match(unit)
        if match is None:
            return unit
        # The end of the line shows where the last name ends.
        kept = self._relay.hidden.sub(b"", match[0] + b"\r\n")[:-2]
        return kept + unit[match.end() :]

    def _answered(self, unit: bytes) -> None:
        tag, _, status = unit.partition(b" ")
        if self.up.framer.paused and self.up.framer.unit.startswith(tag + b" "):
            self.up.framer.abandon()
            self.up.passed = 0
        command = self._commands.pop(tag, b"")
        if CHANGING.match(command) and status.upper().startswith(b"OK"):
            self._relay.changes.append(command[:SHOWN].split(b"\r\n")[0].decode("utf-8", "replace"))
        if tag == self._secret:
            self._secret = None

    def _record(self, direction: str, unit: bytes) -> None:
        if direction == "C":
            tag, _, rest = unit[:BEGINNING].partition(b" ")
            self._commands[tag] = rest
            login = SECRET.match(unit)
            unit = b"***" if self._secret and not login else login[1] + b" ***" if login else unit
            self._secret = tag if login else self._secret
        text = unit[:SHOWN].decode("utf-8", "backslashreplace").rstrip("\r\n").replace("\r\n", "\n      ")
        more = f" ... ({len(unit)} octets)" if len(unit) > SHOWN else ""
        self._relay.note(f"{self._number} {direction} {text}{more}")

    def _end(self) -> None:
        for each in (self._client, self._server):
            if self._over == "cut":
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.close()


class Relay:
    """Listens on this machine and leads to the server. `record` is what was said, `changes` what changed by it."""

    def __init__(self, location: Location) -> None:
        self._location = location
        # What was said before STARTTLS may forbid a login that is allowed by now.
        forbidding = b"|LOGINDISABLED" if location.scheme == "imap+starttls" else b""
        self.hidden = re.compile(HIDDEN % forbidding, re.IGNORECASE)
        self._idle = threading.Condition()
        self._connections: set[Connection] = set()
        self._open = self._number = 0
        self.interruption: Interruption | None = None
        self.record: list[str] = []
        self.changes: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()

    def note(self, text: str) -> None:
        """One more line of the record."""
        self.record.append(text)

    def wait_idle(self, seconds: float) -> None:
        """Wait until the client has no connection any more, but not for ever."""
        with self._idle:
            self._idle.wait_for(lambda: not self._open, seconds)

    def close(self) -> None:
        """Stop listening, and end every connection."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._idle:
            for each in self._connections:
                each.stop()
        self.wait_idle(LAST_WORDS_SECONDS)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._idle:
                self._open += 1
                self._number += 1
            self._start(self._serve, client, self._number)

    def _serve(self, client: socket.socket, number: int) -> None:
        try:
            server, greeting = open_socket(self._location, ANSWER_SECONDS)
            self._carry(Connection(self, number, client, server), greeting)
        except OSError as error:
            self.note(f"{number} - no connection to the server: {error}")
        finally:
            client.close()
            with self._idle:
                self._open -= 1
                self._idle.notify_all()

    def _carry(self, connection: Connection, greeting: bytes) -> None:
        with self._idle:
            self._connections.add(connection)
        connection.run(greeting)
        with self._idle:
            self._connections.discard(connection)
