"""The client under test behind its adapter, a program that answers one line of JSON with another, bounded in time."""

from __future__ import annotations

import base64
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path as File
from typing import Any

from conformance.standalone.hands import Observed, Path, Seen
from conformance.standalone.imap import PASSWORD_VARIABLE
from conformance.standalone.wording import CouldNotRun

OPERATION_SECONDS = 60.0
FAREWELL_SECONDS = 5.0
LINE_LIMIT = 256 * 2**20
LAST_LINES, LAST_OCTETS = 8, 8192
PROTOCOL_HELP = "--client has to name an adapter that speaks the stdio protocol of cpm-conformance, version 1"


class Silence(Exception):
    """The program did not answer in time."""


class Program:
    """The adapter's process and what it was told; `directory` stays when the process is killed."""

    def __init__(self, command: list[str], directory: File) -> None:
        self._command, self._directory = command, directory
        self._errors = directory / "standard-error"
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[bytes | None] = queue.Queue()
        self._number, self._busy = 0, False
        self._storage: str | None = None
        self.introduction: dict[str, Any] = {}

    # The process

    def start(self) -> subprocess.Popen[bytes]:
        """The running process; where there is none, it is started, and has to know its local storage."""
        if self._process is None:
            environment = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
            pipe = subprocess.PIPE
            try:
                with self._errors.open("ab") as errors:
                    self._process = subprocess.Popen(
                        self._command, stdin=pipe, stdout=pipe, stderr=errors, env=environment, start_new_session=True
                    )
            except (OSError, ValueError) as error:
                text = f"the client {self._command[0]!r} cannot be started: {error}"
                raise CouldNotRun(text, PROTOCOL_HELP) from None
            self._introduce()
        return self._process

    def _introduce(self) -> None:
        self.introduction = self.ask("hello", protocol=1, directory=str(self._directory))
        known = self.introduction.get("storage")
        if self._storage is not None and known != self._storage:
            text = f"the client was started again, and works on the storage {known!r} in place of {self._storage!r}"
            raise CouldNotRun(text, "take an adapter whose local storage outlives its process")

    def kill(self) -> None:
        """Kill the process with its process group."""
        process, self._process, self._busy = self._process, None, False
        if process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError, ValueError):
                if pipe is not None:
                    pipe.close()

    def close(self) -> None:
        """Let the process end, unless it is at work, and end what is left of it."""
        if self._process is not None and self._process.stdin is not None and not self._busy:
            with suppress(OSError):
                self._process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(FAREWELL_SECONDS)
        self.kill()

    # The protocol

    def ask(self, operation: str, **arguments: object) -> dict[str, Any]:
        """The result of an operation. Raises `CouldNotRun`."""
        return self._asked(operation, arguments, OPERATION_SECONDS)

    def _asked(self, operation: str, arguments: dict[str, object], seconds: float) -> dict[str, Any]:
        try:
            line = self._exchange(operation, arguments, seconds)
        except Silence:
            if operation == "synchronize":
                raise
            raise self._problem(f"does not answer {operation} within {seconds:g} s") from None
        return self._result(operation, line or b"")

    def _exchange(self, operation: str, arguments: dict[str, object], seconds: float) -> bytes | None:
        """The line that answers; None where a sign to kill the process came first. `Silence` ends the process."""
        process = self.start()
        self._number += 1
        request = {"id": self._number, "operation": operation, "arguments": arguments}
        line = json.dumps(request, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        self._answers, self._busy = queue.Queue(), True
        threading.Thread(target=_talk, args=(process, line, self._answers), daemon=True).start()
        try:
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            self.kill()
            raise Silence from None
        self._busy = answer is None
        return answer

    def _result(self, operation: str, line: bytes) -> dict[str, Any]:
        if not line.endswith(b"\n"):
            raise self._problem(f"ended, or closed its standard output, in {operation}")
        try:
            answer = json.loads(line)
        except ValueError:
            raise self._problem(f"gave an answer to {operation} that is not JSON") from None
        one_of_both = isinstance(answer, dict) and ("result" in answer) != ("error" in answer)
        if not one_of_both or answer.get("id") != self._number:
            raise self._problem(f"gave an answer to {operation} that breaks the protocol")
        if "error" in answer:
            raise self._problem(f"could not {operation}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _problem(self, what: str) -> CouldNotRun:
        """What went wrong, with the last lines of the program's standard error."""
        self.kill()
        said = self._errors.read_bytes()[-LAST_OCTETS:].decode("utf-8", "replace").strip().splitlines()
        lines = "".join(f"\n    {each}" for each in said[-LAST_LINES:])
        last = f"; the last lines of its standard error:{lines}" if lines else ""
        return CouldNotRun(f"the client's adapter {what}{last}", PROTOCOL_HELP)

    # Local storage and synchronization

    def reset(self, port: int, user: str, password: str, root: Path) -> None:
        """Empty local storage, no memory, and from now on the account behind the relay at that port."""
        self._storage = None
        account = {"host": "127.0.0.1", "port": port, "security": "none", "user": user, "password": password}
        self._storage = self.ask("reset", **account, root=list(root)).get("storage")

    def snapshot(self) -> Seen:
        """Folders, objects and flags of local storage."""
        told = self.ask("snapshot")
        try:
            return {tuple(each["folder"]): [_observed(one) for one in each["objects"]] for each in told["folders"]}
        except (KeyError, TypeError, ValueError):
            raise self._problem("gave an answer to snapshot that breaks the protocol") from None

    def create_folder(self, path: Path) -> None:
        """Make a folder."""
        self.ask("create_folder", folder=list(path))

    def remove_folder(self, path: Path) -> None:
        """Remove a folder with everything in it and below it."""
        self.ask("remove_folder", folder=list(path))

    def rename_folder(self, path: Path, target: Path) -> None:
        """Rename a folder."""
        self.ask("rename_folder", folder=list(path), to=list(target))

    def put(self, path: Path, octets: bytes, flags: Iterable[str]) -> None:
        """Add an object to a folder, which is made if it is missing."""
        self.create_folder(path)
        self.ask("put", folder=list(path), octets=base64.b64encode(octets).decode("ascii"), flags=list(flags))

    def remove(self, path: Path, handle: str) -> None:
        """Remove an object."""
        self.ask("remove", folder=list(path), object=handle)

    def change_flag(self, path: Path, handle: str, flag: str, on: bool) -> None:  # noqa: FBT001  (as the history says it)
        """Set or clear a flag of an object."""
        changes = {"set": [flag] if on else [], "clear": [] if on else [flag]}
        self.ask("set_metadata", folder=list(path), object=handle, **changes)

    def synchronize(self, seconds: float) -> tuple[bool, str]:
        """One synchronization: whether it told success, and what else it told. Raises `Silence`."""
        told = self._asked("synchronize", {"timeout": seconds}, seconds)
        return bool(told.get("success")), str(told.get("detail", ""))

    def synchronize_and_kill(self, seconds: float) -> bool:
        """One synchronization that is killed when the sign for it comes; whether it was still running.

        Started again, the program has to be on the same local storage.
        """
        try:
            running = self._exchange("synchronize", {"timeout": seconds}, seconds) is None
        except Silence:
            running = True
        self.kill()
        self.start()
        return running

    def give_sign(self) -> None:
        """From another thread: now the process is to be killed."""
        self._answers.put(None)


def _observed(one: dict[str, Any]) -> Observed:
    return Observed(base64.b64decode(one["octets"], validate=True), frozenset(one["flags"]), one["object"])


def _talk(process: subprocess.Popen[bytes], line: bytes, answers: queue.Queue[bytes | None]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(line)
        process.stdin.flush()
        answers.put(process.stdout.readline(LINE_LIMIT))
    except (OSError, ValueError):
        answers.put(b"")
