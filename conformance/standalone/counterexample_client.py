"""Shows, without the suite, what a storage client does wrong: exit code 1 while it does, 0 when it does no more.

It needs Python 3.9 and nothing else, an IMAP account, and the client behind an adapter that speaks the stdio protocol
of cpm-conformance. It works only below a fresh folder of its own, which it removes. Exit code 2: it could not be run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path as File
from typing import Any, NoReturn

from conformance.standalone.data import DATA
from conformance.standalone.hands import Hands
from conformance.standalone.imap import PASSWORD_VARIABLE, URL_HELP, Location, Refused, read_location
from conformance.standalone.program import Program
from conformance.standalone.relay import Relay
from conformance.standalone.story import Fault, Story, octets_of
from conformance.standalone.wording import CouldNotRun, Voice

GONE, THERE, COULD_NOT_RUN = 0, 1, 2
SECONDS = 30.0
MOST_TOLD = 8
USERINFO = re.compile(r"://[^\s@]*@")


class Options(argparse.ArgumentParser):
    """The command line; what is wrong with it is told without what may hold a password."""

    def error(self, message: str) -> NoReturn:
        """Tell it and end."""
        sys.stderr.write(f"{self.format_usage()}{USERINFO.sub('://***@', message)}\n")
        sys.exit(COULD_NOT_RUN)


def options(data: dict[str, Any]) -> Options:
    """What can be given, with what the counterexample already knows."""
    server, client = data["server"], data["client"]
    found = Options(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told = f"imap://user:password@host:port/root; the password may come from {PASSWORD_VARIABLE}"
    found.add_argument("--server", metavar="URL", default=server, required=server is None, help=told)
    default = f"; {client} by default".replace("%", "%%") if client else ""
    told = f"the command line of the client's adapter{default}"
    found.add_argument("--client", metavar="COMMAND", default=client, required=client is None, help=told)
    found.add_argument("--times", metavar="N", type=_times, default=1, help="repeat on fresh state; once by default")
    told = f"how long one synchronization may take; {SECONDS:g} by default"
    found.add_argument("--seconds", metavar="N", type=_seconds, default=SECONDS, help=told)
    told = "write what client and server said to each other, without the login"
    found.add_argument("--record", metavar="FILE", type=File, help=told)
    return found


def _times(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("give a number from 1 on")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError("give a number of seconds, 3600 at most")
    return seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it as often as it was asked for; the exit code."""
    data = json.loads(DATA)
    if not data:
        sys.stderr.write("this file holds no counterexample\n  -> take one that a run of cpm-conformance wrote\n")
        return COULD_NOT_RUN
    given = options(data).parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(COULD_NOT_RUN))
    try:
        location = read_location(given.server)
    except CouldNotRun as problem:
        Voice().say(f"could not be run: {problem}")
        return COULD_NOT_RUN
    return attempt(data, location, given)


def attempt(data: dict[str, Any], location: Location, given: argparse.Namespace) -> int:
    """Run it; whatever keeps it from being run is told, and is no fault of the client, which exit code 1 would say."""
    voice = Voice([location.password, os.environ.get(PASSWORD_VARIABLE, "")])
    try:
        return Runs(data, location, given, voice).run()
    except CouldNotRun as problem:
        voice.say(f"could not be run: {problem}")
    except KeyboardInterrupt:
        voice.say("could not be run: it was interrupted")
    except BrokenPipeError:
        sys.stderr.write("could not be run: nobody reads what it says\n")
    except Exception:  # an error of this script, which must not look like one of the client
        voice.say(f"could not be run: an error of this script\n{traceback.format_exc()}")
    return COULD_NOT_RUN


class Runs:
    """One or several runs, each on fresh state."""

    def __init__(self, data: dict[str, Any], location: Location, given: argparse.Namespace, voice: Voice) -> None:
        self._data, self._location, self._given, self._voice = data, location, given, voice
        try:
            self._command = shlex.split(given.client)
        except ValueError as error:
            raise CouldNotRun(f"--client is not well quoted: {error}", "quote it as a shell would take it") from None
        if not self._command:
            raise CouldNotRun("--client names no program", "give the command line of the client's adapter")
        self._record: list[str] = []

    def run(self) -> int:
        """Tell what is run and what came of it; the exit code."""
        for line in introduction(self._data):
            self._voice.say(line)
        results: list[Fault | None] = []
        try:
            for number in range(1, self._given.times + 1):
                if self._given.times > 1:
                    self._voice.say(f"\nrun {number} of {self._given.times}")
                results.append(self._once())
        except CouldNotRun as problem:
            if not any(results):
                raise
            self._voice.say(f"could not be run again: {problem}")
        finally:
            self._write_record()
        return self._conclude(results)

    def _conclude(self, results: list[Fault | None]) -> int:
        faults = [each for each in results if each is not None]
        often = f" ({len(faults)} of {len(results)} times)" if len(results) > 1 else ""
        if not faults:
            self._voice.say(f"the fault is not there{often}")
            return GONE
        first, *more = faults[0].differences
        self._voice.say(f"the fault is there{often}: {first}")
        for each in more[:MOST_TOLD]:
            self._voice.say(f"    and: {each}")
        self._voice.say(f"    after the step: {faults[0].step}")
        return THERE

    def _once(self) -> Fault | None:
        with ExitStack() as opened:
            directory = File(tempfile.mkdtemp(prefix="cpm-counterexample-"))
            opened.callback(shutil.rmtree, directory, ignore_errors=True)
            hands = Hands(self._location)
            opened.callback(self._tidy, hands)
            try:
                hands.begin()
                relay = Relay(self._location)
                self._record = relay.record
                opened.callback(relay.close)
                program = Program(self._command, directory)
                opened.callback(program.close)
                say, seconds = self._voice.say, self._given.seconds
                return Story(self._data, self._location, hands, relay, program, say, seconds).run()
            except Refused as refusal:
                raise CouldNotRun(f"the server refuses what the script needs: {refusal}", URL_HELP) from None

    def _tidy(self, hands: Hands) -> None:
        try:
            hands.end()
        except (CouldNotRun, Refused) as problem:
            self._voice.say(f"something was left on the server: {problem}")

    def _write_record(self) -> None:
        if self._given.record is not None:
            lines = "\n".join(map(self._voice.masked, self._record))
            try:
                self._given.record.write_text(f"{lines}\n", "utf-8", "backslashreplace")
            except OSError as error:
                raise CouldNotRun(f"{self._given.record}: {error.strerror}", "give --record another file") from None


def introduction(data: dict[str, Any]) -> Iterator[str]:
    """What was found, by whom, and the objects by which it can be followed."""
    yield f"found by {data['suite']} in its test case {data['case']}: client {data['tested']['client']},"
    yield f"server {data['tested']['server']}; it came back {data['reproduced']} times on fresh state"
    for each in data["requirements"]:
        yield f"  {each['id']}: {each['sentence']}"
    yield f"  expected: {data['expected']}"
    yield f"  observed: {data['observed']}"
    yield "the objects:"
    for told in data["contents"].values():
        yield f"  {' = '.join(told['names'])}: {len(octets_of(told))} octets, {told['shown']}"
    yield ""


if __name__ == "__main__":
    sys.exit(main())
