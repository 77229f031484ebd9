"""A program that speaks the stdio protocol over storage in memory, and breaks it in the way its argument names."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

HELLO: dict[str, Any] = {"protocol": 1, "name": "bad", "version": "1", "claims": {"durable-base": False}}
# Nothing is waited for: a process that outlives everybody's patience is what the tests need.
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def _say(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def _flood() -> None:
    while True:
        _say("what nobody asked for\n")


def _flood_errors() -> None:
    """Standard error without end, and no answer."""
    while True:
        sys.stderr.write("help! " * 1000 + "\n")


def _long_line() -> None:
    while True:
        _say("x" * 100_000)


def _hang() -> None:
    """No answer ever comes; the test ends the process."""
    time.sleep(600)


def _half_a_line() -> None:
    _say('{"id": 2')
    os._exit(0)


def _close_output() -> None:
    os.close(1)
    _hang()


def _grandchild() -> None:
    """The program ends and leaves a process that holds its output open."""
    subprocess.Popen(SLEEP)
    sys.exit(0)


def _die() -> None:
    sys.stderr.write("the disk is on fire\n")
    sys.stderr.flush()
    os._exit(37)


BREACHES: dict[str, Callable[[], None]] = {
    "dies": _die,
    "is-killed": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "hangs": _hang,
    "floods-output": _flood,
    "floods-errors": _flood_errors,
    "writes-garbage": lambda: _say("Starting up, please wait...\n"),
    "writes-binary": lambda: _say("\0\1\2\n"),
    "writes-half-a-line": _half_a_line,
    "writes-a-long-line": _long_line,
    "wrong-id": lambda: _say('{"id": 999, "result": {"storage": "a"}}\n'),
    "unknown-key": lambda: _say('{"id": 2, "result": {"storage": "a", "storrage": "b"}}\n'),
    "unknown-error": lambda: _say('{"id": 2, "error": {"code": "E_OOPS", "message": ""}}\n'),
    "both": lambda: _say('{"id": 2, "result": {"storage": "a"}, "error": {"code": "failed", "message": ""}}\n'),
    "neither": lambda: _say('{"id": 2}\n'),
    "refuses": lambda: _say('{"id": 2, "error": {"code": "failed", "message": "the database is locked"}}\n'),
    "knows-too-little": lambda: _say('{"id": 2, "error": {"code": "unknown-operation", "message": ""}}\n'),
    "closes-output": _close_output,
    "leaves-a-grandchild": _grandchild,
}
"""What happens in place of the answer to the second request."""


def main(kind: str) -> None:
    """Answer as `kind` says: a breach by its name, or one of the other behaviours."""
    if kind == "bad-hello":
        HELLO["claims"] = {"flags.keyword": False}
    if kind == "other-version":
        HELLO["protocol"] = 2
    if kind == "deaf":
        _hang()
    resets = 0
    for line in sys.stdin:
        request = json.loads(line)
        if request["id"] == 2 and kind in BREACHES:
            BREACHES[kind]()
        result: object = {}
        if request["operation"] == "hello":
            result = HELLO
        elif request["operation"] == "reset":
            resets += kind != "never-forgets"
            result = {"storage": f"{os.getpid()}-{resets}"}
        elif request["operation"] == "snapshot":
            result = {"folders": []}
        elif request["operation"] == "synchronize":
            if kind == "sleeps-while-synchronizing":
                subprocess.Popen(SLEEP)
                _hang()
            result = {"success": True}
        _say(json.dumps({"id": request["id"], "result": result}) + "\n")
    if kind == "never-ends":
        _hang()
    if kind == "leaves-a-process":
        subprocess.Popen(SLEEP, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if kind == "ends-badly":
        sys.exit(3)


if __name__ == "__main__":
    main(sys.argv[1])
