"""Histories: a base that both sides hold, and then edits of either side, synchronizations, and what interrupts them.

A history is data and names nothing that a server chooses: objects go by the names of their items, places on the wire by
what is said there. So it can be drawn before anything runs, written down, and run again elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from conformance.model.editing import StoreSide
from conformance.model.folders import FolderPath, display
from conformance.model.policy import Direction, Policy
from conformance.model.states import Item, Side, StoreState

_WHERE = {Side.LOCAL: "locally", Side.SERVER: "on the server"}
_SUBJECT = {Side.LOCAL: "local", Side.SERVER: "server"}


@dataclass(frozen=True, slots=True)
class AddObject:
    """A new object in a folder, which is made if it is missing."""

    side: Side
    path: FolderPath
    item: Item

    def apply(self, on: StoreSide) -> None:
        """Do it."""
        on.put(self.path, self.item)

    @property
    def kind(self) -> str:
        """What is exercised."""
        return f"object added {_WHERE[self.side]}"

    def __str__(self) -> str:
        flags = f" with {' '.join(sorted(self.item.flags))}" if self.item.flags else ""
        return f"{_SUBJECT[self.side]} added {self.item.name} to {display(self.path)}{flags}"


@dataclass(frozen=True, slots=True)
class RemoveObject:
    """An object is removed."""

    side: Side
    path: FolderPath
    name: str

    def apply(self, on: StoreSide) -> None:
        """Do it."""
        on.remove(self.path, self.name)

    @property
    def kind(self) -> str:
        """What is exercised."""
        return f"object removed {_WHERE[self.side]}"

    def __str__(self) -> str:
        return f"{_SUBJECT[self.side]} removed {self.name} from {display(self.path)}"


@dataclass(frozen=True, slots=True)
class MoveObject:
    """An object is moved to another folder, which is made if it is missing."""

    side: Side
    path: FolderPath
    name: str
    target: FolderPath

    def apply(self, on: StoreSide) -> None:
        """Do it."""
        on.move(self.name, self.path, self.target)

    @property
    def kind(self) -> str:
        """What is exercised."""
        return f"object moved {_WHERE[self.side]}"

    def __str__(self) -> str:
        return f"{_SUBJECT[self.side]} moved {self.name} from {display(self.path)} to {display(self.target)}"


@dataclass(frozen=True, slots=True)
class ChangeFlag:
    """A flag of an object is set or cleared."""

    side: Side
    path: FolderPath
    name: str
    flag: str
    on: bool

    def apply(self, on: StoreSide) -> None:
        """Do it."""
        on.set_flags(self.path, self.name, **{"add" if self.on else "remove": [self.flag]})

    @property
    def kind(self) -> str:
        """What is exercised."""
        return f"flag {'set' if self.on else 'cleared'} {_WHERE[self.side]}"

    def __str__(self) -> str:
        done = "flagged" if self.on else "unflagged"
        return f"{_SUBJECT[self.side]} {done} {self.name} in {display(self.path)}: {self.flag}"


@dataclass(frozen=True, slots=True)
class AddFolder:
    """An empty folder is made."""

    side: Side
    path: FolderPath

    def apply(self, on: StoreSide) -> None:
        """Do it."""
        on.create_folder(self.path)

    @property
    def kind(self) -> str:
        """What is exercised."""
        return f"folder created {_WHERE[self.side]}"

    def __str__(self) -> str:
        return f"{_SUBJECT[self.side]} created folder {display(self.path)}"


@dataclass(frozen=True, slots=True)
class RemoveFolder:
    """A folder is removed with everything in it and below it."""

    side: Side
    path: FolderPath

    def apply(self, on: StoreSide) -> None:
        """Do it."""
        on.remove_folder(self.path)

    @property
    def kind(self) -> str:
        """What is exercised."""
        return f"folder removed {_WHERE[self.side]}"

    def __str__(self) -> str:
        return f"{_SUBJECT[self.side]} removed folder {display(self.path)}"


@dataclass(frozen=True, slots=True)
class RenameFolder:
    """A folder is renamed with everything in it and below it."""

    side: Side
    path: FolderPath
    target: FolderPath

    def apply(self, on: StoreSide) -> None:
        """Do it."""
        on.rename_folder(self.path, self.target)

    @property
    def kind(self) -> str:
        """What is exercised."""
        return f"folder renamed {_WHERE[self.side]}"

    def __str__(self) -> str:
        return f"{_SUBJECT[self.side]} renamed folder {display(self.path)} to {display(self.target)}"


Edit = AddObject | RemoveObject | MoveObject | ChangeFlag | AddFolder | RemoveFolder | RenameFolder


@dataclass(frozen=True, slots=True)
class Renumber:
    """The server gives a folder, its objects kept, a new UIDVALIDITY and new UIDs (RFC 3501 2.3.1.1)."""

    path: FolderPath
    kind: ClassVar[str] = "UIDVALIDITY renewed"

    def __str__(self) -> str:
        return f"server renewed the UIDVALIDITY of {display(self.path)}"


@dataclass(frozen=True, slots=True)
class Follow:
    """The client is told to follow a policy from now on."""

    policy: Policy
    SET: ClassVar[str] = "policy set"

    @property
    def kind(self) -> str:
        """What is exercised."""
        return "policy lifted" if self.policy == Policy() else self.SET

    def __str__(self) -> str:
        return f"the policy became: {told_policy(self.policy)}"


@dataclass(frozen=True, slots=True)
class ReplaceDevice:
    """The client starts anew with empty local storage and without a base."""

    kind: ClassVar[str] = "device replaced"

    def __str__(self) -> str:
        return "the device was replaced: local storage is empty, and nothing is remembered"


class Act(StrEnum):
    """What befalls a synchronization under way; the value says it with the place after it."""

    CUT_BEFORE = "the connection was cut before"
    CUT_INSIDE = "the connection was cut inside"
    CUT_AFTER = "the connection was cut after"
    STALL = "the connection fell silent before"
    NO = "the server answered NO to"
    OVERQUOTA = "the server answered NO [OVERQUOTA] to"
    BYE = "the server said BYE in place of"
    KILL = "the client was killed at"
    CHANGE = "the server's content was changed before"


REFUSALS = (Act.NO, Act.OVERQUOTA)
"""The server refuses a command, and the synchronization goes on."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """Something that happens once in a synchronization: at a place, after `skip` others like it.

    `place` names one of `conformance.scenario.places`. `permille` is how much of the unit passes where it is cut
    inside, `edits` what another client does on the server where its content changes.
    """

    act: Act
    place: str
    skip: int = 0
    permille: int = 500
    edits: tuple[Edit, ...] = ()

    @property
    def kind(self) -> str:
        """What is exercised."""
        return f"{self.act} {self.place}"

    def __str__(self) -> str:
        which = "" if not self.skip else f", the {_ordinal(self.skip + 1)} one"
        inside = f" ({self.permille / 10:g} % of it passed)" if self.act is Act.CUT_INSIDE else ""
        edits = f" ({'; '.join(map(str, self.edits))})" if self.edits else ""
        return f"{self.act} {self.place}{which}{inside}{edits}"


@dataclass(frozen=True, slots=True)
class Synchronize:
    """One synchronization; without an interruption it has to bring both sides together."""

    interruption: Interruption | None = None

    @property
    def kind(self) -> str:
        """What is exercised."""
        return "synchronization interrupted" if self.interruption else "synchronization"

    def __str__(self) -> str:
        return f"a synchronization began, and {self.interruption}" if self.interruption else "a synchronization"


Step = Edit | Renumber | Follow | ReplaceDevice | Synchronize


@dataclass(frozen=True)
class History:
    """A base, which is established by a first synchronization, and the steps from there in their order."""

    base: StoreState
    steps: tuple[Step, ...]

    def lines(self) -> Iterator[str]:
        """The history in words, a line a step."""
        yield f"base: {told_state(self.base)}"
        yield from (str(step) for step in self.steps)


def told_state(state: StoreState) -> str:
    """A state in words: every folder with its items."""
    parts = []
    for path, items in sorted(state.folders.items()):
        held = (f"{item.name} ({' '.join(sorted(item.flags))})" if item.flags else item.name for item in items.values())
        parts.append(f"{display(path)} holding {', '.join(held) or 'nothing'}")
    return "; ".join(parts) or "nothing at all"


def told_policy(policy: Policy) -> str:
    """A policy in words."""
    parts = [] if policy.direction is Direction.BOTH else [f"{policy.direction} only"]
    if policy.kinds != Policy().kinds:
        parts.append(f"only {', '.join(sorted(policy.kinds)) or 'nothing'}")
    if policy.max_size is not None:
        parts.append(f"at most {policy.max_size} octets")
    if policy.folders is not None:
        parts.append(f"only the folders {', '.join(display(path) for path in sorted(policy.folders))}")
    return ", ".join(parts) or "everything, both ways"


def _ordinal(number: int) -> str:
    suffix = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
