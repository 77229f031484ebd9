"""Remove from a running server what runs left there that are dead; nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from conformance.imap.errors import ImapProblem, OperationRefused
from conformance.imap.names import Hierarchy, decode_name, quote_escaped
from conformance.model.folders import FolderPath, outermost_first
from conformance.servers.diagnosis import failed
from conformance.servers.location import Location
from conformance.servers.reaching import log_in, reach
from conformance.servers.territory import is_empty, subscriptions
from conformance.servers.traces import Record, dead_records, is_of_here, lives, run_of

_ALIVE = "its run is still at work; stop that first"
_ELSEWHERE = "its run was started on another machine or by another user, and may be at work; --all removes it, too"


@dataclass
class Cleaned:
    """What was removed, in the words of the server, and what was left with the reason."""

    removed: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


class Cleaning:
    """One session that cleans up an account; a context manager.

    With `dry` it only tells what it would remove. With `everything` it also removes what another machine's runs left,
    which nobody can tell here from runs that live.
    """

    def __init__(self, location: Location, timeout: float, *, dry: bool = False, everything: bool = False) -> None:
        self.location, self.dry, self.everything = location, dry, everything
        self._wire = reach(location, timeout)
        self._session = log_in(self._wire, location)
        self._hierarchy = Hierarchy(self._session.delimiter)
        self.done = Cleaned()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def clean(self) -> Cleaned:
        """Remove folders, subscriptions, and levels that a run had to make above its own. Raises `AdapterProblem`."""
        try:
            for root, names in self._roots().items():
                self._remove_root(root, names)
            for name in self._subscriptions():
                self._unsubscribe(name)
            for record in self._records():
                self._remove_made(record)
        except ImapProblem as error:
            raise failed(self.location, error) from error
        return self.done

    def _roots(self) -> dict[FolderPath, list[str]]:
        """The root folders of runs, each with the names of everything that lies in it, innermost first."""
        paths = {self._hierarchy.path(each.name) or (): each.name for each in self._session.list_folders()}
        roots: dict[FolderPath, list[str]] = {}
        for path in reversed(outermost_first(paths)):
            found = run_of(path)
            if found:
                roots.setdefault(found[1], []).append(paths[path])
        return roots

    def _reason_to_leave(self, run: str) -> str | None:
        if is_of_here(run):
            return _ALIVE if lives(run) else None
        return None if self.everything else _ELSEWHERE

    def _remove_root(self, root: FolderPath, names: list[str]) -> None:
        found = run_of(root)
        reason = self._reason_to_leave(found[0]) if found else None
        shown = names[-1]
        if reason:
            self.done.left.append((shown, reason))
            return
        for name in () if self.dry else names:
            # Refused for names that are levels of hierarchy only: they go with their inferiors, or are left below.
            with suppress(OperationRefused):
                self._session.remove_folder(name)
        left = [] if self.dry else self._session.list_folders(shown)
        if left:
            self.done.left.append((left[-1].name, "the server refuses to remove it; remove it by hand"))
        else:
            self.done.removed.append(f"folder {shown}" + (f" with {len(names) - 1} below it" if len(names) > 1 else ""))

    def _subscriptions(self) -> Iterator[bytes]:
        answer = self._wire.command(b'LSUB "" "*"').require_ok("LSUB")
        for wire_name, path in subscriptions(answer, self._hierarchy):
            found = run_of(path)
            if found and self._reason_to_leave(found[0]) is None:
                yield wire_name

    def _unsubscribe(self, wire_name: bytes) -> None:
        if not self.dry:
            self._wire.command(b"UNSUBSCRIBE " + quote_escaped(wire_name)).require_ok("UNSUBSCRIBE")
        self.done.removed.append(f"subscription to {decode_name(wire_name)}")

    def _records(self) -> Iterator[Record]:
        for record in list(dead_records()):
            if (record.server, record.user) == (str(self.location), self.location.credentials.user):
                yield record

    def _remove_made(self, record: Record) -> None:
        """The levels above its own that a run made; one that holds something by now is left to its owner."""
        for path in reversed(record.made):
            name = self._hierarchy.name(path)
            if not self._session.list_folders(name):
                continue
            if not self.dry and not is_empty(self._session, name):
                self.done.left.append((name, "a dead run made it, and something else lies in it by now"))
                continue
            if not self.dry:
                self._session.remove_folder(name)
            self.done.removed.append(f"folder {name}")
        if not self.dry:
            record.forget()
