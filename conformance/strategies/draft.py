"""A history in the making: what base and both sides hold as far as it is drawn, and which edits are possible now.

An edit is free of conflict if the other side has not touched the same thing since the base. After a synchronization
that was interrupted nobody knows how far it came, so only what neither side had touched is edited then. What the text
leaves open after a conflict is left alone for the rest of the history.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from conformance.model.editing import ModelSide
from conformance.model.folders import FolderPath, ancestors, is_below
from conformance.model.history import (
    REFUSALS,
    Act,
    AddFolder,
    AddObject,
    ChangeFlag,
    Edit,
    Follow,
    History,
    MoveObject,
    RemoveFolder,
    RemoveObject,
    RenameFolder,
    Renumber,
    ReplaceDevice,
    Step,
    Synchronize,
)
from conformance.model.oracle import Doubts, expect
from conformance.model.policy import EVERYTHING, Policy
from conformance.model.settlement import Triple, settled
from conformance.model.states import Item, Side, Snapshot, StoreState, normal_flags

OTHER = {Side.LOCAL: Side.SERVER, Side.SERVER: Side.LOCAL}
Place = tuple[FolderPath, str]
Touched = tuple[FolderPath, bytes]
"""A folder and octets: objects with the same octets in one folder cannot be told apart from outside."""


@dataclass
class Draft:
    """The steps so far, and what they come to on the model."""

    start: StoreState
    steps: list[Step] = field(default_factory=list)
    policy: Policy = EVERYTHING
    in_flux: bool = False
    doubts: Doubts = field(default_factory=Doubts)

    def __post_init__(self) -> None:
        self.base = self.start
        self.sides = {side: ModelSide(side, self.start) for side in Side}
        self.given_up: dict[Side, set[FolderPath]] = {side: set() for side in Side}
        self.touched: dict[Side, set[Touched]] = {side: set() for side in Side}
        self.unknown_items: set[Place] = set()
        self.unknown_folders: set[FolderPath] = set()
        self.renumbered: set[FolderPath] = set()
        self.names = 0

    # What was done

    def add(self, step: Step) -> None:
        """One more step."""
        self.steps.append(step)
        if isinstance(step, Synchronize):
            self._synchronized(step)
        elif isinstance(step, Follow):
            self.policy = step.policy
        elif isinstance(step, Renumber):
            self.renumbered.add(step.path)
        elif isinstance(step, ReplaceDevice):
            self.base = self.sides[Side.LOCAL].state = StoreState()
        else:
            self._edited(step)

    def _edited(self, edit: Edit) -> None:
        self.touched[edit.side] |= self._touched_by(edit)
        edit.apply(self.sides[edit.side])
        if isinstance(edit, RemoveFolder | RenameFolder):
            self.given_up[edit.side].add(edit.path)

    def _touched_by(self, edit: Edit) -> set[Touched]:
        if isinstance(edit, AddObject):
            return {(edit.path, edit.item.content.octets)}
        if not isinstance(edit, RemoveObject | MoveObject | ChangeFlag):
            return set()
        octets = self.state(edit.side).folders[edit.path][edit.name].content.octets
        return {(edit.path, octets)} | ({(edit.target, octets)} if isinstance(edit, MoveObject) else set())

    def _synchronized(self, step: Synchronize) -> None:
        if step.interruption is None:
            self._settle()
            return
        for edit in step.interruption.edits:
            self._edited(edit)
        self.in_flux = True
        killed, refused = step.interruption.act is Act.KILL, step.interruption.act in REFUSALS
        self.doubts = Doubts(1, self.doubts.new_on_server + killed, self.doubts.refused or refused)

    def _settle(self) -> None:
        before = Triple(self.base, self.sides[Side.LOCAL].state, self.sides[Side.SERVER].state)
        expectation = expect(*before.states, self.policy, self.doubts)
        for folder in expectation.folders:
            if folder.disputed:
                self.unknown_folders.add(folder.path)
        for demand in expectation.items:
            if len(demand.outcomes) > 1 or demand.flags_open or demand.one_sided:
                self.unknown_items.add((demand.path, demand.item.name))
        after = settled(expectation, before, Snapshot())
        self.base, self.sides[Side.LOCAL].state, self.sides[Side.SERVER].state = after.states
        self.given_up = {side: set() for side in Side}
        self.touched = {side: set() for side in Side}
        self.renumbered.clear()
        self.in_flux, self.doubts = False, Doubts()

    # What there is

    def state(self, side: Side) -> StoreState:
        """What a side holds."""
        return self.sides[side].state

    def fresh_name(self) -> str:
        """A name for the next new object."""
        self.names += 1
        return f"new-{self.names}"

    def items(self, side: Side, *, contested: bool = False) -> Iterator[tuple[FolderPath, Item]]:
        """The objects that this side may touch; contested are those that the other side has touched, too."""
        for path, item in self.state(side).items():
            if self.is_known(path) and (path, item.name) not in self.unknown_items and path not in self.renumbered:
                free = self._is_free(side, path, item)
                if (not free and self._is_contested(side, path, item)) if contested else free:
                    yield path, item

    def _is_free(self, side: Side, path: FolderPath, item: Item) -> bool:
        if self.in_flux and not self._is_untouched(side, path, item.content.octets):
            return False
        return self._is_untouched(OTHER[side], path, item.content.octets)

    def _is_contested(self, side: Side, path: FolderPath, item: Item) -> bool:
        """One object alone of its content, which this side has not touched and the other side has."""
        known = [each for each in self.base.folders.get(path, {}).values() if each.content == item.content]
        untouched = self._is_untouched(side, path, item.content.octets)
        return untouched and len(known) == 1 and not self.in_flux

    def _is_untouched(self, side: Side, path: FolderPath, octets: bytes) -> bool:
        """Whether a side has left all objects of this content in the folder, and the folder itself, alone."""
        if (path, octets) in self.touched[side] or self._is_given_up(side, path):
            return False
        return _of_content(self.base, path, octets) == _of_content(self.state(side), path, octets)

    def _is_given_up(self, side: Side, path: FolderPath) -> bool:
        return any(path == each or is_below(path, each) for each in self.given_up[side])

    def is_known(self, path: FolderPath) -> bool:
        """Whether nothing about the folder's fate is open."""
        return not any(path == each or is_below(path, each) for each in self.unknown_folders)

    def can_hold(self, side: Side, path: FolderPath) -> bool:
        """Whether this side may put something new into a folder, or make it."""
        if not self.is_known(path) or self._is_given_up(OTHER[side], path):
            return False
        if not self.in_flux:
            return True
        line = [*ancestors(path), path]
        certain = all(self._is_steady(each) or self._is_nowhere(each) for each in line)
        return certain and not any(self._is_given_up(each, path) for each in Side)

    def _is_steady(self, path: FolderPath) -> bool:
        return all(path in state.folders for state in (self.base, *(self.state(side) for side in Side)))

    def _is_nowhere(self, path: FolderPath) -> bool:
        return all(path not in state.folders for state in (self.base, *(self.state(side) for side in Side)))

    def is_new_name(self, path: FolderPath) -> bool:
        """Whether neither side, nor the base, has or had a folder there or below."""
        taken = {*self.base.folders, *self.state(Side.LOCAL).folders, *self.state(Side.SERVER).folders}
        return self.is_known(path) and not any(each == path or is_below(each, path) for each in taken)

    def can_take(self, side: Side, path: FolderPath) -> bool:
        """Whether a folder of this side may be renamed to a path: nobody has it, and its superiors are there."""
        there = all(each in self.state(side).folders and self.can_hold(side, each) for each in ancestors(path))
        return there and self.is_new_name(path) and self.can_hold(side, path)

    def removable(self, side: Side, *, contested: bool = False) -> list[FolderPath]:
        """The folders that this side may remove or rename; contested are those that the other side has changed.

        What becomes of a folder that holds something which a policy keeps where it is, the text does not say.
        """
        if self.policy != EVERYTHING:
            return []
        return [path for path in sorted(self.state(side).folders) if self._is_removable(side, path, contested)]

    def _is_removable(self, side: Side, path: FolderPath, contested: bool) -> bool:  # noqa: FBT001  (a predicate's case)
        open_below = any(at == path or is_below(at, path) for at, _ in self.unknown_items)
        open_below |= any(each == path or is_below(each, path) for each in self.unknown_folders | self.renumbered)
        if open_below or not self.is_known(path):
            return False
        if self.in_flux and not self._is_whole(side, path):
            return False
        whole = self._is_whole(OTHER[side], path)
        if contested:
            return not whole and not self.in_flux and path in self.base.folders
        return whole

    def _is_whole(self, side: Side, path: FolderPath) -> bool:
        """Whether a side has, at and below a folder, what the base has, and always had."""
        changed = self.given_up[side] | {at for at, _ in self.touched[side]}
        whole = not any(each == path or is_below(each, path) for each in changed) and not self._is_given_up(side, path)
        return whole and _subtree(self.state(side), path) == _subtree(self.base, path)

    def new_on(self, side: Side) -> list[tuple[FolderPath, Item]]:
        """The objects of a side that the base lacks and the other side does not have."""
        other = self.state(OTHER[side])
        return [
            (path, item)
            for path, item in self.state(side).items()
            if self.base.get(path, item.name) is None and other.get(path, item.name) is None
        ]

    def settled_folders(self) -> list[FolderPath]:
        """The folders that both sides have as the base has them, to be given a new UIDVALIDITY."""
        return [
            path
            for path in sorted(self.base.folders)
            if self.is_known(path)
            and not any(at == path for at, _ in self.unknown_items)
            and all(
                path in self.state(side).folders
                and not self._is_given_up(side, path)
                and not any(at == path for at, _ in self.touched[side])
                and _flags_in(self.state(side), path) == _flags_in(self.base, path)
                for side in Side
            )
        ]

    def allows(self, step: Step, *, conflicts: bool) -> bool:
        """Whether a step is possible now; with `conflicts`, also where the other side has touched the same thing.

        What a policy makes of a conflict the text does not say, so none is made while there is one.
        """
        conflicts = conflicts and self.policy == EVERYTHING
        if isinstance(step, Synchronize):
            return step.interruption is None or self._allows_meanwhile(step.interruption.edits)
        if isinstance(step, Renumber):
            return step.path in self.settled_folders()
        if isinstance(step, ReplaceDevice):
            return not (self.touched[Side.LOCAL] or self.given_up[Side.LOCAL] or self.in_flux) and (
                self.state(Side.LOCAL) == self.base
            )
        return isinstance(step, Follow) or self._allows_edit(step, conflicts)

    def _allows_meanwhile(self, edits: tuple[Edit, ...]) -> bool:
        copy = self.in_the_run()
        for edit in edits:
            if edit.side is not Side.SERVER or not copy.allows(edit, conflicts=False):
                return False
            copy.add(edit)
        return True

    def in_the_run(self) -> Draft:
        """The draft for edits while a synchronization is under way: how far it has come is not known either."""
        copy = Draft(self.start, policy=self.policy, in_flux=True)
        copy.base, copy.names = self.base, self.names
        copy.sides = {side: ModelSide(side, self.state(side)) for side in Side}
        copy.given_up = {side: set(paths) for side, paths in self.given_up.items()}
        copy.touched = {side: set(touched) for side, touched in self.touched.items()}
        copy.unknown_items, copy.unknown_folders = set(self.unknown_items), set(self.unknown_folders)
        copy.renumbered = set(self.renumbered)
        return copy

    def _allows_edit(self, edit: Edit, conflicts: bool) -> bool:  # noqa: FBT001  (passed on from `allows`)
        if isinstance(edit, AddFolder):
            return self.can_hold(edit.side, edit.path) and edit.path not in self.state(edit.side).folders
        if isinstance(edit, AddObject):
            return (conflicts and self._answers(edit)) or self._is_news(edit, conflicts)
        if isinstance(edit, RemoveFolder | RenameFolder):
            free = edit.path in self.removable(edit.side)
            contested = conflicts and edit.path in self.removable(edit.side, contested=True)
            return (free or contested) and (isinstance(edit, RemoveFolder) or self.can_take(edit.side, edit.target))
        places = {(path, item.name) for path, item in self.items(edit.side)}
        if conflicts and not isinstance(edit, MoveObject):
            places |= {(path, item.name) for path, item in self.items(edit.side, contested=True)}
        there = (edit.path, edit.name) in places
        if isinstance(edit, MoveObject):
            item = self.state(edit.side).get(edit.path, edit.name)
            elsewhere = (self.base, self.state(edit.side))
            free = all(state.get(edit.target, edit.name) is None for state in elsewhere) and edit.target != edit.path
            new = item is not None and self._is_alone(edit.side, edit.target, item.content.octets)
            return there and free and new and self.can_hold(edit.side, edit.target)
        item = self.state(edit.side).get(edit.path, edit.name)
        return there and (isinstance(edit, RemoveObject) or (item is not None and item.has(edit.flag) != edit.on))

    def _is_news(self, edit: AddObject, conflicts: bool) -> bool:  # noqa: FBT001  (passed on from `allows`)
        """Whether nobody could take the new object for another one."""
        if any(item.name == edit.item.name for side in Side for _, item in self.state(side).items()):
            return False
        path, octets = edit.path, edit.item.content.octets
        possible = self.can_hold(edit.side, path) or (conflicts and self._fills_removed(edit))
        return possible and self._is_alone(edit.side, path, octets)

    def _is_alone(self, side: Side, path: FolderPath, octets: bytes) -> bool:
        """Whether nobody could take new octets of a side in a folder for those of another object.

        That is one which the other side has just got there, or any at all where identifiers are given anew.
        """
        new_there = [item for at, item in self.new_on(OTHER[side]) if at == path]
        anew = path in self.renumbered or any(self._is_given_up(each, path) for each in Side)
        old = [item for state in (self.base, *map(self.state, Side)) for item in state.folders.get(path, {}).values()]
        return not any(item.content.octets == octets for item in (old if anew else new_there))

    def _fills_removed(self, edit: AddObject) -> bool:
        """Whether it is added to a folder that this side still has and the other has removed."""
        return not self.in_flux and self.is_known(edit.path) and edit.path in self.state(edit.side).folders

    def _answers(self, edit: AddObject) -> bool:
        """Whether the other side has just got the same object."""
        twins = [item for path, item in self.new_on(OTHER[edit.side]) if path == edit.path]
        same = any(item.name == edit.item.name and item.content == edit.item.content for item in twins)
        return same and not self.in_flux and self.can_hold(edit.side, edit.path)

    def pending(self, side: Side) -> set[str]:
        """What this side has done since the base, by words: what a synchronization will have to do on the other."""
        state, found = self.state(side), set()
        for path, item in state.items():
            before = self.base.get(path, item.name)
            if before is None:
                found.add("add")
            elif normal_flags(before.flags) != normal_flags(item.flags):
                found.add("flag")
        stayed = ((path, item) for path, item in self.base.items() if path in state.folders)
        found |= {"remove"} if any(state.get(path, item.name) is None for path, item in stayed) else set()
        found |= {"create folder"} if set(state.folders) - set(self.base.folders) else set()
        found |= {"remove folder"} if set(self.base.folders) - set(state.folders) else set()
        return found


def is_valid(history: History, *, conflicts: bool) -> bool:
    """Whether every step is possible where it stands, and free of conflict if conflicts are not meant."""
    draft = Draft(history.base)
    for step in history.steps:
        if not draft.allows(step, conflicts=conflicts):
            return False
        draft.add(step)
    return True


def _of_content(state: StoreState, path: FolderPath, octets: bytes) -> list[tuple[str, frozenset[str]]]:
    items = state.folders.get(path, {}).values()
    return sorted((each.name, normal_flags(each.flags)) for each in items if each.content.octets == octets)


def _flags_in(state: StoreState, path: FolderPath) -> dict[str, frozenset[str]]:
    return {name: normal_flags(item.flags) for name, item in state.folders[path].items()}


def _subtree(state: StoreState, path: FolderPath) -> dict[FolderPath, dict[str, frozenset[str]]]:
    return {at: _flags_in(state, at) for at in state.folders if at == path or is_below(at, path)}
