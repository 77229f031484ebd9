"""A client that is an installed program: a private directory, a configuration from a template, one run at a time."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import ClassVar, Protocol, Self

from jinja2 import TemplateError

from conformance.clients.process import run_and_kill, run_bounded
from conformance.clients.protocol import StorageClient, SyncResult
from conformance.model.folders import FolderPath
from conformance.model.policy import Policy
from conformance.model.states import Flags, Snapshot
from conformance.problems import AdapterProblem, UsageProblem
from conformance.programs import find_program, private_directory, run_program
from conformance.resources import fill, fixture, places
from conformance.servers.protocol import Account

CONFIG = {"config": "a template of the program's configuration file, instead of the one in fixtures/clients"}


class LocalStorage(Protocol):
    """Where a program keeps its objects, reached without it; an object's handle is that of a snapshot."""

    def snapshot(self) -> Snapshot: ...

    def create_folder(self, path: FolderPath) -> None: ...

    def remove_folder(self, path: FolderPath) -> None: ...

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None: ...

    def put(self, path: FolderPath, octets: bytes, flags: Flags) -> None: ...

    def remove(self, path: FolderPath, handle: str) -> None: ...

    def set_flags(self, path: FolderPath, handle: str, add: Iterable[str], remove: Iterable[str]) -> None: ...


class ProgramClient(StorageClient, ABC):
    """What all such clients have in common: start and end, configuration, and running the program within a bound.

    A subclass says where its local storage is and what the places of its template are.
    """

    name: str
    OPTIONS: ClassVar[Mapping[str, str]] = CONFIG
    PLACES: ClassVar[frozenset[str]] = frozenset({"host", "port", "user", "password", "root", "directory"})
    _template: ClassVar[str]
    _package: ClassVar[str]

    def __init__(self, config: Path | None = None) -> None:
        self._configured = fixture("clients", self._template) if config is None else config
        self._text = self._read(self._configured)
        self._directory: Path | None = None

    def _read(self, config: Path) -> str:
        mend = f"name a Jinja template with the places {', '.join(sorted(self.PLACES))}; see fixtures/clients"
        try:
            text = config.read_text("utf-8")
            unknown = places(text) - self.PLACES
        except (OSError, UnicodeDecodeError, TemplateError) as error:
            raise UsageProblem(f"{self.name}: config {config} cannot be read: {error}", mend) from error
        if unknown:
            raise UsageProblem(f"{self.name}: config {config} has the unknown place {min(unknown)!r}", mend)
        return text

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Self:
        """The client as the command line describes it. Raises `UsageProblem`."""
        return cls(Path(options["config"]) if "config" in options else None)

    def __enter__(self) -> Self:
        self._program = self._find()
        self._directory = private_directory(self.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._directory = None

    def _find(self) -> Path:
        return find_program(self.name, self._mend)

    @property
    def _mend(self) -> str:
        return f"install it: apt-get install {self._package}"

    @property
    def _place(self) -> Path:
        if self._directory is None:
            raise AdapterProblem(f"the {self.name} adapter is not started", "use it as a context manager")
        return self._directory

    def _version(self) -> str:
        """The last word of the first line that `--version` prints."""
        words = run_program(self._find(), "--version", mend=self._mend).partition("\n")[0].split()
        return words[-1] if words else ""

    def reset(self, account: Account) -> None:
        """Empty local storage, no memory, and a configuration for this account, which must be reached without TLS."""
        if account.endpoint.security != "none":
            mend = "put the recording proxy in front"
            raise AdapterProblem(f"this {self.name} adapter does not speak TLS itself", mend)
        for each in self._place.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        values = self._places(account)
        self._configuration.touch(mode=0o600)
        try:
            self._configuration.write_text(fill(self._text, values), "utf-8")
        except TemplateError as error:
            raise AdapterProblem(f"{self._configured} cannot be filled in: {error}", "mend this template") from error

    @property
    def _configuration(self) -> Path:
        return self._place / self._template

    def snapshot(self) -> Snapshot:
        """Local storage as it is."""
        return self._local.snapshot()

    def create_folder(self, path: FolderPath) -> None:
        """Make a folder, and its superiors where they are missing."""
        self._local.create_folder(path)

    def remove_folder(self, path: FolderPath) -> None:
        """Remove a folder with its inferiors."""
        self._local.remove_folder(path)

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Rename a folder with its inferiors."""
        self._local.rename_folder(old, new)

    def put(self, path: FolderPath, octets: bytes, flags: Flags = frozenset()) -> None:
        """Add an object."""
        self._local.put(path, octets, flags)

    def remove(self, path: FolderPath, handle: str) -> None:
        """Remove an object."""
        self._local.remove(path, handle)

    def set_metadata(self, path: FolderPath, handle: str, add: Iterable[str], remove: Iterable[str]) -> None:
        """Set and clear flags of an object."""
        self._local.set_flags(path, handle, add, remove)

    def set_policy(self, policy: Policy) -> None:
        """Not offered: what it does stands in its configuration."""
        raise NotImplementedError(f"{self.name} cannot be told to follow {policy}")

    def synchronize(self, timeout: float) -> SyncResult:
        """Run the program over everything. Its exit code proves little: it may leave something out and end with 0."""
        self._before_run()
        ended = run_bounded(self._command(), self._place, timeout, self._environment())
        said = self._telling(ended.said)
        return SyncResult(ended.code == 0, said or f"exit code {ended.code}")

    def synchronize_and_kill(self, moment: Event, timeout: float) -> bool:
        """Run the program over everything and kill it."""
        self._before_run()
        return run_and_kill(self._command(), self._place, moment, timeout, self._environment())

    def _environment(self) -> Mapping[str, str]:
        return {"HOME": str(self._place)}

    def _before_run(self) -> None:
        """What local storage needs before the program looks at it."""

    def _telling(self, said: str) -> str:
        """What the program said, without what it always says."""
        return said

    @property
    @abstractmethod
    def _local(self) -> LocalStorage:
        """Local storage since the last `reset`. Raises `AdapterProblem` before the first."""

    @abstractmethod
    def _places(self, account: Account) -> Mapping[str, object]:
        """Make empty local storage; returns what fills the template."""

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """The program with its arguments."""
