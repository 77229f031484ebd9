"""A closed device, `--client manual`: the suite asks the tester at the terminal to act on it, one short sentence each.

What the device holds cannot be seen; only the wire and the server are judged.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, NoReturn, Self

from conformance.clients.protocol import AdapterCannot, ClientIdentity, SyncResult
from conformance.model.equality import Equality
from conformance.model.folders import FolderPath, display
from conformance.model.policy import Policy
from conformance.model.states import Flags, Snapshot
from conformance.problems import AdapterProblem, UsageProblem
from conformance.programs import private_directory
from conformance.servers.protocol import Account

Ask = Callable[[str], str]
"""Shows the tester a sentence and returns the line that was typed; raises `EOFError` where there is no more."""

_TERMINAL = Path("/dev/tty")
_WORKER = "PYTEST_XDIST_WORKER"
_HELP = """
You act on the device, the suite judges what it does on the wire and on the server. Turn automatic synchronization off.
After each sentence press Enter when it is done. Type n and Enter if the device cannot do it, q and Enter to stop.
"""
_SECURITY = {"none": "no encryption", "tls": "TLS from the start", "starttls": "STARTTLS"}


class ManualClient:
    """The device in the tester's hands. `ask` stands in for the terminal."""

    name = "manual"
    observes_local_storage = False
    OPTIONS: ClassVar[Mapping[str, str]] = {
        "name": "the name of the device and its client, for the report",
        "version": "its version, for the report",
        "equality": "octets (the default), or mime for a client that rewrites objects",
        "address": "the address of this machine that the device connects to; 127.0.0.1 by default",
        "answers": "a file with one answer a line, in place of the terminal",
    }

    def __init__(self, options: Mapping[str, str] | None = None, ask: Ask | None = None) -> None:
        self._options, self._ask = dict(options or {}), ask
        if self._options.get("equality", "octets") not in list(Equality):
            raise UsageProblem(f"equality cannot be {self._options['equality']!r}", self.OPTIONS["equality"])
        self.listening_address = self._options.get("address", "127.0.0.1")
        self._directory: Path | None = None
        self._files = 0
        self._cannot_put = False

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Self:
        """The device as the command line describes it. Raises `UsageProblem`."""
        return cls(options)

    def __enter__(self) -> Self:
        if _WORKER in os.environ:
            raise AdapterProblem(
                "a tester cannot act for several processes at once", "leave -n out with --client manual"
            )
        if self._ask is None:
            self._ask = _scripted(Path(self._options["answers"])) if "answers" in self._options else _terminal()
        self._directory = private_directory("manual")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._directory = None

    def _tell(self, sentence: str) -> str:
        """The tester's answer, in lower case. Raises `KeyboardInterrupt` if it is to stop."""
        if self._ask is None:
            raise AdapterProblem("the manual adapter is not started", "use it as a context manager")
        try:
            answer = self._ask(sentence).strip().lower()
        except EOFError:
            raise AdapterProblem(
                f"nobody answered: {sentence}", "there have to be as many answers as sentences"
            ) from None
        if answer == "q":
            raise KeyboardInterrupt
        return answer

    def _act(self, what: str) -> None:
        """Have something done on the device. Raises `AdapterCannot` if the tester says that it cannot be done there."""
        if self._tell(f"On the device: {what}, then press Enter.") == "n":
            raise AdapterCannot(f"the device cannot: {what}")

    def hello(self) -> ClientIdentity:
        """As the options name it."""
        return ClientIdentity(
            self._options.get("name", "closed device"),
            self._options.get("version", "unknown"),
            equality=Equality(self._options.get("equality", "octets")),
            remark="driven by hand; its local storage could not be seen",
        )

    def reset(self, account: Account) -> None:
        """Have the account set up anew."""
        at, who = account.endpoint, account.credentials
        root = f", only the folder {display(account.root)} and what is below it" if account.root else ""
        self._act(
            f"remove every account with all that it stored, and set up this one: IMAP server {at.host}, "
            f"port {at.port}, {_SECURITY[at.security]}, user {who.user}, password {who.password}{root}"
        )

    def snapshot(self) -> Snapshot:
        """Nobody sees local storage."""
        raise AdapterCannot("local storage cannot be seen through this adapter")

    def create_folder(self, path: FolderPath) -> None:
        """Have a folder made."""
        self._act(f"create the folder {display(path)}")

    def remove_folder(self, path: FolderPath) -> None:
        """Have a folder removed."""
        self._act(f"delete the folder {display(path)} with all that is in it and below it")

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Have a folder renamed. Raises `NotImplementedError` if the device cannot."""
        try:
            self._act(f"rename the folder {display(old)} to {display(new)}")
        except AdapterCannot as answer:
            raise NotImplementedError(str(answer)) from None

    def put(self, path: FolderPath, octets: bytes, flags: Flags = frozenset()) -> None:
        """Have an object added from a file; a device that cannot is not asked again."""
        if self._cannot_put or self._directory is None:
            raise AdapterCannot("the device cannot add an object from a file")
        self._files += 1
        file = self._directory / f"object-{self._files}.eml"
        file.write_bytes(octets)
        marked = f", marked {' '.join(sorted(flags))}" if flags else ""
        try:
            self._act(f"add the object in the file {file} to the folder {display(path)} as it is{marked}")
        except AdapterCannot:
            self._cannot_put = True
            raise

    def remove(self, path: FolderPath, handle: str) -> None:
        """Have an object removed."""
        self._act(f"delete the message with the subject {handle} in the folder {display(path)}")

    def set_metadata(self, path: FolderPath, handle: str, add: Iterable[str], remove: Iterable[str]) -> None:
        """Have the marks of an object changed."""
        changes = [f"set {flag}" for flag in sorted(add)] + [f"clear {flag}" for flag in sorted(remove)]
        where = f"the message with the subject {handle} in the folder {display(path)}"
        self._act(f"{' and '.join(changes)} on {where}")

    def set_policy(self, policy: Policy) -> NoReturn:
        """Not offered."""
        raise NotImplementedError(f"the tester is not asked to follow {policy}")

    def synchronize(self, timeout: float) -> SyncResult:  # noqa: ARG002  (a person is not timed)
        """Have one synchronization run; the tester says whether the device tells a failure."""
        answer = self._tell(
            "Synchronize the device; when it is done press Enter, or type f and Enter if it says it failed."
        )
        if answer == "n":
            raise AdapterCannot("the device cannot be told to synchronize")
        return SyncResult(answer != "f", "as the tester read it on the device")


def _terminal() -> Ask:
    """The terminal itself: standard input and output may be elsewhere, or captured."""
    try:
        screen, keyboard = _TERMINAL.open("w"), _TERMINAL.open()
    except OSError:
        raise AdapterProblem(
            "the manual adapter asks a tester, and there is no terminal", "run it in one, or give -O answers=FILE"
        ) from None
    screen.write(_HELP)

    def ask(sentence: str) -> str:
        screen.write(f"\n{sentence} ")
        screen.flush()
        return _line(keyboard.readline())

    return ask


def _scripted(file: Path) -> Ask:
    try:
        lines = iter(file.read_text("utf-8").splitlines(keepends=True))
    except (OSError, UnicodeDecodeError) as error:
        raise AdapterProblem(f"the answers cannot be read: {error}", "give -O answers=FILE a readable file") from None
    return lambda _: _line(next(lines, ""))


def _line(text: str) -> str:
    if not text:
        raise EOFError
    return text
