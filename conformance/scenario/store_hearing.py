"""What is judged during one sequence of storage operations: the model, the ledger, and the way to a finding."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from conformance.imap.names import same_spelling
from conformance.model.folders import FolderPath, display, is_below
from conformance.model.states import Flags
from conformance.model.stored import FlagChange, StoredModel
from conformance.scenario.judge import Judge
from conformance.scenario.storage import Storage
from conformance.scenario.store_ledger import Ledger, Shelf
from conformance.spec import Basis


class Contradicted(Exception):
    """The sequence has found a contradiction; whatever would follow rests on it and is not judged."""


@dataclass
class Hearing:
    """One sequence: what was meant to be, what was shown, and what of it was exercised."""

    storage: Storage
    judge: Judge
    model: StoredModel = field(default_factory=StoredModel)
    ledger: Ledger = field(default_factory=Ledger)
    exercised: list[str] = field(default_factory=list)

    def against(self, requirement: str, expected: str, observed: str, entry: int | None = None) -> None:
        """What was observed contradicts a requirement; raises `Contradicted` where a failure rests on it."""
        self.judge.contradicted(requirement, expected, observed, entry)
        if self.judge.record(requirement).rests_on is Basis.FAIL:
            raise Contradicted

    def check(self, requirement: str, holds: object, expected: str, observed: str, entry: int | None = None) -> None:
        """The same, unless it holds; what holds is found at the end of all sequences."""
        if not holds:
            self.against(requirement, expected, observed, entry)

    def recommended(self, requirement: str, expected: str, observed: str, entry: int | None = None) -> None:
        """A SHOULD was not followed: a warning."""
        self.judge.recommended(requirement, expected, observed, entry)

    def saw(self, *what: str) -> None:
        """Something worth to be required of a pass was exercised."""
        self.exercised += what

    def shelf(self, path: FolderPath) -> Shelf:
        """What the ledger knows of a folder."""
        return self.ledger.shelves[path]

    def change(
        self, kind: str, path: FolderPath, session: int, names: Collection[str], how: FlagChange, flags: Flags
    ) -> None:
        """Flags were changed, or so it was asked."""
        items, kept = self.model.folders[path], self.shelf(path).kept
        before = {name: kept(items[name].flags) for name in names}
        self.model.change(path, names, how, flags)
        really = [name for name in names if before[name] != kept(items[name].flags)]
        self.ledger.note(kind, session, path, names, how, flags)
        self.ledger.changed(path, names, really)

    def levels(self, path: FolderPath) -> FolderPath:
        """The path itself, or one name for it where the server has no hierarchy."""
        return path if self.storage.nested else (" ".join(path),)

    def name(self, path: FolderPath) -> bytes:
        """The quoted wire name of a folder."""
        return self.storage.name(*self.levels(path))

    def wire_name(self, path: FolderPath) -> bytes:
        """The wire name of a folder, as LIST sends it."""
        return self.storage.wire_name(*self.levels(path))

    def is_alike(self, path: FolderPath) -> bool:
        """Whether a server that does not tell letter case apart takes the name for that of another folder."""
        others = (each for each in self.model.folders if each != path)
        return any(same_spelling(self.wire_name(path), self.wire_name(each)) for each in others)

    def is_bare(self, path: FolderPath) -> bool:
        """Whether a name may still be there as a level above folders that are there, or were."""
        return any(is_below(each, path) for each in (*self.model.folders, *self.ledger.absent))


def where(session: object, path: FolderPath) -> str:
    """The beginning of every statement about a folder."""
    return f"{session} in {display(path)}"
