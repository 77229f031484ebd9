"""mbsync as a storage client under test: the installed program over a Maildir, in its best configuration by default."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from types import TracebackType
from typing import ClassVar, Self

from conformance.clients.maildir import Maildir
from conformance.clients.process import find_program, run_bounded
from conformance.clients.protocol import ClientIdentity, SyncResult
from conformance.model.equality import Equality
from conformance.model.folders import FolderPath
from conformance.model.policy import Policy
from conformance.model.states import Flags, Snapshot
from conformance.resources import fixture
from conformance.servers.protocol import Account

BEST = {"Create": "Both", "Remove": "Both", "Expunge": "Both", "Sync": "All"}
_MEND = "install it, on Debian with: apt-get install isync"
_MEMORY = Path("/dev/shm")


class MbsyncClient:
    """Options are words of the program's own configuration: `Create`, `Remove`, `Expunge` and `Sync`."""

    name = "mbsync"
    OPTIONS: ClassVar[Mapping[str, str]] = {key: f"the program's own word; {value} by default" for key, value in BEST.items()}

    def __init__(self, **settings: str) -> None:
        self.settings = {**BEST, **settings}
        self._directory = Path()
        self._local = Maildir(Path(), None)

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Self:
        """The adapter as the command line describes it, for instance with `Sync=Pull`."""
        return cls(**options)

    def __enter__(self) -> Self:
        self._program = find_program("mbsync", _MEND)
        place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
        self._directory = Path(tempfile.mkdtemp(prefix="cpm-mbsync-", dir=place))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def hello(self) -> ClientIdentity:
        """Name and version as the program tells them."""
        program = find_program("mbsync", _MEND)
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.split()
        settings = ", ".join(f"{key} {value}" for key, value in self.settings.items())
        return ClientIdentity(
            name="mbsync",
            version=said[-1] if said else "",
            claims={"flags.keywords": False},
            equality=Equality.MIME,
            remark=f"{settings}; a Maildir holds no keywords; an X-TUID header is added to objects",
        )

    def reset(self, account: Account) -> None:
        """Empty local storage and state, and a new configuration for this account."""
        for each in self._directory.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        whole = not account.root
        for name in ("mail", "state", "home"):
            (self._directory / name).mkdir()
        self._local = Maildir(self._directory / "mail", self._directory / "inbox" if whole else None)
        password = self._directory / "password"
        password.touch(mode=0o600)
        password.write_text(account.credentials.password, "utf-8")
        (self._directory / "mbsyncrc").write_text(self._configuration(account, password), "utf-8")

    def _configuration(self, account: Account, password: Path) -> str:
        root = "/".join(account.root)
        return Template(fixture("clients", "mbsyncrc").read_text("utf-8")).substitute(
            host=account.endpoint.host,
            port=account.endpoint.port,
            user=account.credentials.user.replace("\\", "\\\\").replace('"', '\\"'),
            password_file=password,
            directory=self._directory,
            far_path=f'Path "{root}/"\n' if root else "",
            patterns="* !INBOX" if root else "*",
            **self.settings,
        )

    def snapshot(self) -> Snapshot:
        """The Maildir as it is."""
        return self._local.snapshot()

    def create_folder(self, path: FolderPath) -> None:
        """Make a Maildir folder."""
        self._local.create(path)

    def remove_folder(self, path: FolderPath) -> None:
        """Remove a Maildir folder with its inferiors."""
        self._local.remove_folder(path)

    def rename_folder(self, old: FolderPath, new: FolderPath) -> None:
        """Rename a Maildir folder."""
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
        """Not offered."""
        raise NotImplementedError(f"mbsync cannot be told to follow {policy}")

    def synchronize(self, timeout: float) -> SyncResult:
        """Run the program over all its channels."""
        self._local.look_quiet()
        command = [self._program, "-q", "-c", str(self._directory / "mbsyncrc"), "-a"]
        ended = run_bounded(command, self._directory, timeout, {"HOME": str(self._directory / "home")})
        return SyncResult(ended.code == 0, ended.said or f"exit code {ended.code}")
