"""One connection between a client and a server, unit by unit and without any I/O: octets in, octets out.

A unit is recorded, and an interceptor says what becomes of it. Whoever does the I/O feeds `take` with what comes from
either side, carries `output` of each direction to its destination, and ends both sides as soon as `over` says why.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from functools import lru_cache

from conformance.imap.framing import Direction, Framer
from conformance.imap.interception import Action, Answer, Cut, HangUp, Interceptor, LiteralInterceptor, Replace, Stall
from conformance.imap.recorder import Recorder

# Both would change the stream into something that can neither be recorded nor cut at a unit.
_REFUSED = re.compile(rb"([^ ]+) (?:COMPRESS|STARTTLS)\b", re.IGNORECASE)
_UNRECORDABLE = frozenset({"COMPRESS*", "STARTTLS"})
_ADVERTISED = re.compile(
    rb"(\* CAPABILITY |(?:\*|[^ \r\n]+) (?:OK|NO|PREAUTH) \[CAPABILITY )([^\]\r\n]*)", re.IGNORECASE
)
_ANSWERED = "answered by the proxy; the server does not see this command"

HASTY = "the client sent octets of a literal before it was asked for them"
"""The note about a breach of RFC 3501 4.3."""
CLOSED = "closed"
"""Why a connection is over that nobody reset."""


@lru_cache
def _any_of(patterns: frozenset[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in sorted(patterns)))


class Stream:
    """One direction: `framer` sees what its source sends, `output` waits for its destination to take it."""

    def __init__(self, direction: Direction) -> None:
        self.direction = direction
        self.source = "client" if direction == "C" else "server"
        self.framer = Framer(direction)
        self.passed = 0
        self.output = bytearray()
        self.after_unit = bytearray()
        self.ended = self.stalled = False

    def take_output(self) -> bytes:
        """What waits for the destination, which has it from now on."""
        octets = bytes(self.output)
        self.output.clear()
        return octets


class RelayCore:
    """Both directions of one connection: `up` from the client, `down` from the server.

    `over` is None while the connection goes on, then why it ended: `closed`, or else both sides are to be reset. What
    is left in the output of `last`, if that names a direction, is to be delivered before that, and nothing else.
    `client_has_sent` tells whether octets of the client are there that were not taken yet.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        intercept: Interceptor | None = None,
        hide: frozenset[str] = frozenset(),
        client_has_sent: Callable[[], bool] = lambda: False,
    ) -> None:
        self.recorder = recorder
        self.up, self.down = Stream("C"), Stream("S")
        self.over: str | None = None
        self.last: Stream | None = None
        self._intercept = intercept
        self._at_literal = intercept.at_literal if isinstance(intercept, LiteralInterceptor) else None
        self._hidden = _any_of(_UNRECORDABLE | hide)
        self._client_has_sent = client_has_sent
        self._asked_for_literal = False

    @property
    def is_cut(self) -> bool:
        """Whether the connection is over in another way than by being closed."""
        return self.over not in (None, CLOSED)

    def take(self, stream: Stream, octets: bytes, *, unread: bool = False) -> None:
        """Octets from the source of a stream; `unread` tells that a client sent them before it read all it was told.

        Raises what the interceptor raises.
        """
        if stream is self.up and stream.framer.paused and (unread or not self._asked_for_literal):
            self.recorder.note(HASTY)
        units = stream.framer.feed(octets)
        if stream is self.up:
            self._asked_for_literal = False
            if stream.framer.take_hasty():
                self.recorder.note(HASTY)
        for unit in units:
            if self.over is None and not stream.stalled:
                self._pass_unit(stream, unit)
            stream.passed = 0
        if self.over is None and not stream.stalled:
            self._pass_beginning(stream)
            if not stream.passed:
                stream.output += stream.after_unit
                stream.after_unit.clear()

    def end(self, stream: Stream) -> None:
        """The source of a stream sends no more; its destination is to be told so after all output."""
        stream.ended = True
        self.recorder.note(f"the {stream.source} has ended its side")
        if not stream.stalled:
            stream.output += stream.framer.tail_from(stream.passed)
        self._record(stream, stream.framer.abandon())

    def reset(self, stream: Stream, how: str) -> None:
        """The source of a stream has broken the connection off."""
        self.over = f"reset by the {stream.source}: {how}"

    def fail(self, error: Exception) -> None:
        """The interceptor raised an error, which ends the connection."""
        self.over = f"cut: the interceptor failed with {error!r}"

    def abandon(self) -> None:
        """Record what was begun and will not be completed."""
        for stream in (self.up, self.down):
            self._record(stream, stream.framer.abandon())

    def _pass_beginning(self, stream: Stream) -> None:
        """Literals go on as they come; an interceptor sees whole units, but who waits for `+` must be heard."""
        framer = stream.framer
        if not (framer.inside and (self._intercept is None or framer.paused)):
            return
        if self._at_literal is None or stream.passed or not self._act_at_literal(stream, self._at_literal):
            stream.output += framer.tail_from(stream.passed)
            stream.passed = framer.size

    def _act_at_literal(self, stream: Stream, at_literal: Callable[[str, bytes], Action | None]) -> bool:
        """Whether the command that pauses before its first literal ends there."""
        action = at_literal(self.recorder.connection, stream.framer.tail)
        if not isinstance(action, (Replace, Answer, Cut, Stall, HangUp)):
            return False
        if isinstance(action, Replace):
            raise ValueError("a command that is not complete cannot be replaced; wait for the whole of it")
        if self._client_has_sent():
            self.recorder.note(HASTY)
        beginning = stream.framer.abandon()
        self.recorder.sent(beginning)
        entry = self.recorder.give_up_command()
        self._perform(stream, beginning, entry.number if entry else 0, action)
        return True

    def _pass_unit(self, stream: Stream, unit: bytes) -> None:
        if stream.direction == "S":
            unit = self._edit(unit)
            self._note_haste(unit)
            if self.up.framer.refused_by(unit):
                self._record(self.up, self.up.framer.abandon())
                self.up.passed = 0
        entry = self._record(stream, unit)
        self._perform(stream, unit, entry, self._decide(stream, unit))

    def _perform(self, stream: Stream, unit: bytes, entry: int, action: Action | None) -> None:
        if isinstance(action, Cut):
            stream.output += unit[stream.passed : action.after]
            self._cut(stream, f"entry {entry} was passed on up to octet {max(action.after, stream.passed)}")
        elif isinstance(action, Stall):
            stream.stalled = True
            self.recorder.note(f"stalled: entry {entry} and all after it in this direction are kept back")
        elif isinstance(action, HangUp):
            self._hang_up(action.octets)
        elif isinstance(action, Answer) and stream.direction == "C":
            self._answer(stream, unit, action.octets)
        elif isinstance(action, (Replace, Answer)):
            self._replace(stream, unit, action.octets)
        else:
            stream.output += memoryview(unit)[stream.passed :]

    def _decide(self, stream: Stream, unit: bytes) -> Action | None:
        if stream.direction == "C":
            refused = _REFUSED.match(unit)
            if refused:
                return Answer(refused[1] + b" BAD not offered here\r\n")
        return self._intercept(self.recorder.connection, stream.direction, unit) if self._intercept else None

    def _replace(self, stream: Stream, unit: bytes, octets: bytes) -> None:
        if octets[: stream.passed] != unit[: stream.passed]:
            raise ValueError("the server already has the beginning of this command; keep it up to its literal")
        self.recorder.note(f"replaced by {octets[:200]!r}")
        stream.output += octets[stream.passed :]

    def _answer(self, stream: Stream, unit: bytes, octets: bytes) -> None:
        if stream.passed:
            raise ValueError(f"the server already has the beginning of {unit[:40]!r}; it cannot be answered for it")
        self.recorder.note(_ANSWERED)
        self.recorder.received(octets)
        waiting = self.down.after_unit if self.down.passed else self.down.output
        waiting += octets

    def _record(self, stream: Stream, unit: bytes) -> int:
        entries = (self.recorder.sent if stream.direction == "C" else self.recorder.received)(unit)
        return entries[-1].number if entries else 0

    def _edit(self, unit: bytes) -> bytes:
        match = _ADVERTISED.match(unit)
        if match is None:
            return unit
        names = match[2].split(b" ")
        kept = b" ".join(name for name in names if not self._hidden.match(name.upper().decode("ascii", "replace")))
        return match[1] + kept + unit[match.end() :]

    def _cut(self, stream: Stream, how: str) -> None:
        self.over, self.last = f"cut: {how}", stream

    def _hang_up(self, octets: bytes) -> None:
        self.recorder.received(octets)
        self.recorder.note("said by the proxy, which then closed both sides")
        self.down.output += octets
        self.over, self.last = CLOSED, self.down

    def _note_haste(self, unit: bytes) -> None:
        """At a continuation request look whether the client has gone on without it."""
        if unit.startswith(b"+") and self.up.framer.paused:
            if self._client_has_sent():
                self.recorder.note(HASTY)
            self._asked_for_literal = True
