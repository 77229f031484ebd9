"""mbsync as a storage client under test: the installed program over a Maildir, in its best configuration by default."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import ClassVar, Self

from conformance.clients.maildir import Maildir
from conformance.clients.process import run_and_kill, run_bounded
from conformance.clients.protocol import ClientIdentity, SyncResult
from conformance.imap.names import encode_name
from conformance.model.equality import Equality
from conformance.model.folders import FolderPath
from conformance.model.policy import Policy
from conformance.model.states import Flags, Snapshot
from conformance.problems import AdapterProblem, UsageProblem
from conformance.programs import find_program, private_directory, run_program
from conformance.resources import render
from conformance.servers.protocol import Account

BEST = {"Create": "Both", "Remove": "Both", "Expunge": "Both", "Sync": "All"}
_SIDES = r"None|Far|Near|Both"
_SYNC_WORD = r"((Pull|Push)?(New|ReNew|Delete|Flags)|Pull|Push)"
_VALUES = {"Create": _SIDES, "Remove": _SIDES, "Expunge": _SIDES, "Sync": rf"None|All|{_SYNC_WORD}( {_SYNC_WORD})*"}
_USUAL = "*** IMAP Warning *** Password is being sent in the clear"
_MEND = "install it: apt-get install isync"


class MbsyncClient:
    """The program with a configuration of its own for each account; the settings are words of that configuration."""

    name = "mbsync"
    OPTIONS: ClassVar[Mapping[str, str]] = {
        "Create": "where missing folders are made: None, Far, Near or Both (the default)",
        "Remove": "where removed folders are removed: None, Far, Near or Both (the default)",
        "Expunge": "where removed objects are expunged: None, Far, Near or Both (the default)",
        "Sync": "what is synchronized: All (the default), None, or words such as Pull, Push, New, Delete, Flags",
    }

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.settings = {**BEST, **(settings or {})}
        for word, value in self.settings.items():
            if not re.fullmatch(_VALUES.get(word, ""), value):
                raise UsageProblem(
                    f"mbsync: {word} cannot be {value!r}", f"{word}: {self.OPTIONS.get(word, 'no option')}"
                )
        self._directory: Path | None = None
        self._maildir: Maildir | None = None

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Self:
        """The client as the command line describes it, for instance with `Sync=Pull`. Raises `UsageProblem`."""
        return cls(options)

    def __enter__(self) -> Self:
        self._program = find_program("mbsync", _MEND)
        self._directory = private_directory("mbsync")
        self._maildir = Maildir(self._directory / "mail")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._directory = self._maildir = None

    @property
    def _place(self) -> Path:
        if self._directory is None:
            raise AdapterProblem("the mbsync adapter is not started", "use it as a context manager")
        return self._directory

    @property
    def _local(self) -> Maildir:
        """One Maildir for the whole life of a local storage: it numbers the objects that it names."""
        if self._maildir is None:
            raise AdapterProblem("the mbsync adapter is not started", "use it as a context manager")
        return self._maildir

    def hello(self) -> ClientIdentity:
        """Name and version as the program tells them."""
        said = run_program(find_program("mbsync", _MEND), "--version", mend=_MEND).split()
        settings = ", ".join(f"{word} {value}" for word, value in self.settings.items())
        return ClientIdentity(
            name="mbsync",
            version=said[-1] if said else "",
            claims={"flags.keywords": False, "durable-base": True},
            equality=Equality.MIME,
            remark=f"{settings}; an X-TUID header is added to objects; a Maildir holds no keywords",
        )

    def reset(self, account: Account) -> None:
        """Empty local storage, no memory, and a configuration for this account, which must be reached without TLS."""
        for each in self._place.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        for name in ("mail", "state"):
            (self._place / name).mkdir()
        self._maildir = Maildir(self._place / "mail")
        configuration = self._place / "mbsyncrc"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration(account), "utf-8")

    def _configuration(self, account: Account) -> str:
        if account.endpoint.security != "none":
            raise AdapterProblem("this mbsync adapter does not speak TLS itself", "put the recording proxy in front")
        root = "".join(encode_name(level).decode("ascii") + "/" for level in account.root)
        return render(
            "clients",
            "mbsyncrc",
            host=account.endpoint.host,
            port=account.endpoint.port,
            user=_quoted(account.credentials.user),
            password=_quoted(account.credentials.password),
            root=root,
            far=_quoted(f":far:{root}"),
            directory=self._place,
            settings=self.settings,
        )

    def snapshot(self) -> Snapshot:
        """The Maildir as it is."""
        return self._local.snapshot()

    def create_folder(self, path: FolderPath) -> None:
        """Make a Maildir, and those of its superiors."""
        self._local.create_folder(path)

    def remove_folder(self, path: FolderPath) -> None:
        """Remove a Maildir with its inferiors."""
        self._local.remove_folder(path)

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Rename the directory of a Maildir."""
        self._local.rename_folder(old, new)

    def put(self, path: FolderPath, octets: bytes, flags: Flags = frozenset()) -> None:
        """Add a file."""
        self._local.put(path, octets, flags)

    def remove(self, path: FolderPath, handle: str) -> None:
        """Remove a file."""
        self._local.remove(path, handle)

    def set_metadata(self, path: FolderPath, handle: str, add: Iterable[str], remove: Iterable[str]) -> None:
        """Change the letters in a file's name."""
        self._local.set_flags(path, handle, add, remove)

    def set_policy(self, policy: Policy) -> None:
        """Not offered: what it does stands in its configuration."""
        raise NotImplementedError(f"mbsync cannot be told to follow {policy}")

    def synchronize(self, timeout: float) -> SyncResult:
        """Run the program over everything. Its exit code proves little: it is also 0 where one side is left out."""
        self._local.look_quiet()
        ended = run_bounded(self._command(), self._place, timeout, {"HOME": str(self._place)})
        said = "\n".join(line for line in ended.said.splitlines() if line != _USUAL)
        return SyncResult(ended.code == 0, said or f"exit code {ended.code}")

    def synchronize_and_kill(self, moment: Event, timeout: float) -> bool:
        """Run the program over everything and kill it."""
        self._local.look_quiet()
        return run_and_kill(self._command(), self._place, moment, timeout, {"HOME": str(self._place)})

    def _command(self) -> list[str]:
        return [str(self._program), "-q", "-c", str(self._place / "mbsyncrc"), "-a"]


def _quoted(value: str) -> str:
    """An argument of the configuration file."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
