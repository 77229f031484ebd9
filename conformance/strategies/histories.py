"""Random histories: one base, edits of both sides that meet, and synchronizations, some of them interrupted.

Independent random stores rarely meet; stores that start from one base and are changed apart meet all the time, and the
fewer things there are, the more often. Every draw depends on the model only, never on what an implementation answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from hypothesis import strategies as st

from conformance.model.folders import FolderPath, is_below
from conformance.model.history import (
    REFUSALS,
    Act,
    AddFolder,
    AddObject,
    ChangeFlag,
    Edit,
    Follow,
    History,
    Interruption,
    MoveObject,
    RemoveFolder,
    RemoveObject,
    RenameFolder,
    Renumber,
    ReplaceDevice,
    Synchronize,
)
from conformance.model.needs import claimed_kinds, needed_by
from conformance.model.objects import StoredObject, of_kind
from conformance.model.policy import EVERYTHING, Policy
from conformance.model.states import SYSTEM_FLAGS, Item, Side, StoreState
from conformance.strategies.boundaries import AWKWARD_OBJECTS, FOLDER_PATHS, NEW_FOLDER_PATHS
from conformance.strategies.draft import OTHER, Draft, Place
from conformance.strategies.interruptions import ANYWHERE, stages
from conformance.strategies.seeds import seeds

EDITS = {
    "add": 2,
    "remove": 3,
    "flag": 3,
    "move": 1,
    "create folder": 1,
    "remove folder": 1,
    "rename folder": 1,
    "same object": 3,
    "fill removed": 3,
}
"""The kinds of edit and how often each is chosen where all are possible."""
CONTESTED = {**EDITS, "remove folder": 4}
"""The same for edits of what the other side has touched; a folder is rarely changed at all, so it is often taken."""
MEANWHILE = {**EDITS, "remove": 6}
"""The same for what another client does during a synchronization, which a removal may lead to the wrong object."""
ALWAYS = ("add", "same object", "fill removed")
ACTS: dict[tuple[Act, ...], int] = {
    (Act.CUT_BEFORE, Act.CUT_INSIDE, Act.CUT_AFTER): 5,
    REFUSALS: 2,
    (Act.CHANGE,): 3,
    (Act.BYE,): 1,
    (Act.STALL,): 1,
    (Act.KILL,): 5,
}
"""The kinds of interruption and how often each is chosen where all are wanted."""
CONFLICT = 0.6
"""How often an edit is tried on what the other side has touched, where conflicts are meant."""
CLASH = 0.15
"""How often both sides change one object at once, where conflicts are meant."""
WORK = 3
"""How often something that the edits make a synchronization do is interrupted, to once what every one does."""
EQUAL = 0.3
"""How often a new object has the octets of another one in its folder."""


@dataclass(frozen=True)
class Shape:
    """How large the histories of a test case are, and what may occur in them.

    `rounds` is the most synchronizations that nothing interrupts, `edits` the most edits before each. `acts` are the
    interruptions, `specials` and `policies` what else the implementations under test can be asked for. No step is of a
    kind in `without`, and none is about an ICS item in `unclaimed`.
    """

    rounds: int = 1
    edits: int = 6
    conflicts: bool = False
    acts: tuple[Act, ...] = ()
    specials: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    unclaimed: frozenset[str] = frozenset()
    policies: tuple[Policy, ...] = ()
    flags: tuple[str, ...] = SYSTEM_FLAGS
    objects: int = 5
    folders: Sequence[FolderPath] = FOLDER_PATHS
    new_folders: Sequence[FolderPath] = NEW_FOLDER_PATHS

    def flat(self) -> Shape:
        """The same for a server without hierarchy."""
        flat = [[path for path in paths if len(path) == 1] for paths in (self.folders, self.new_folders)]
        return replace(self, folders=flat[0], new_folders=flat[1])


@st.composite
def histories(draw: st.DrawFn, shape: Shape, *, shrinkable: bool = False) -> History:
    """A history of that shape.

    By default Hypothesis draws what the choices start from, so that they are evenly spread, and a failing history is to
    be made simpler by `conformance.strategies.simplification`. Where it is `shrinkable`, Hypothesis makes each choice.
    """
    random = draw(st.randoms(use_true_random=False)) if shrinkable else Random(draw(seeds()))
    author = _Author(random, shape, Draft(_base(random, shape)))
    for _ in range(random.randint(1, shape.rounds)):
        author.write_round()
    return History(author.draft.start, tuple(author.draft.steps))


def _base(random: Random, shape: Shape) -> StoreState:
    """A base of one to three folders and a few objects of all kinds, often with equal octets."""
    state = StoreState()
    for path in random.sample(shape.folders, random.choice((1, 1, 2, 3))):
        for depth in range(1, len(path) + 1):
            state = state.with_folder(path[:depth])
    held: list[tuple[FolderPath, StoredObject]] = []
    kinds = claimed_kinds(shape.unclaimed)
    for number in range(1, random.randint(min(2, shape.objects), shape.objects) + 1):
        name = f"old-{number}"
        path, content = random.choice(sorted(state.folders)), of_kind(random.choice(kinds), name)
        if held and random.random() < EQUAL:
            path, content = random.choice(held)
        held.append((path, content))
        state = state.put(path, Item(name, content, _flags(random, shape)))
    return state


def _flags(random: Random, shape: Shape) -> frozenset[str]:
    return frozenset(random.sample(shape.flags, min(random.choice((0, 1, 1, 2)), len(shape.flags))))


class _Author:
    """Writes one history, a round at a time; only some kinds of edit are enabled, so that some do much of the same."""

    def __init__(self, random: Random, shape: Shape, draft: Draft) -> None:
        self.random, self.shape, self.draft = random, shape, draft
        kinds = [kind for kind in EDITS if kind not in ALWAYS]
        self.kinds = {*ALWAYS, *random.sample(kinds, random.randint(2, len(kinds)))}

    def write_round(self) -> None:
        """Something special perhaps, edits, interrupted synchronizations with edits after them, and one that is not."""
        if self.shape.specials and self._sometimes():
            self.write_special()
        least = 2 if self.contests else 1 if self.shape.acts or not self.draft.steps else 0
        for _ in range(self.random.randint(least, self.shape.edits)):
            self.write_edit()
        if self.shape.acts:
            for _ in range(self.random.randint(1, 2)):
                interruption = self.interruption()
                if interruption.kind not in self.shape.without:
                    self.draft.add(Synchronize(interruption))
                for _ in range(self.random.randint(0, 1)):
                    self.write_edit()
        self.draft.add(Synchronize())

    def write_special(self) -> None:
        """A new UIDVALIDITY, another device, or another policy, where that is possible now."""
        what = self.random.choice(self.shape.specials)
        if what in self.shape.without:
            return
        if what == Renumber.kind and self.draft.settled_folders():
            self.draft.add(Renumber(self.random.choice(self.draft.settled_folders())))
        elif what == ReplaceDevice.kind and self.draft.allows(ReplaceDevice(), conflicts=False):
            if self.draft.policy == EVERYTHING and not self.draft.unknown_items:
                self.draft.add(ReplaceDevice())
        elif what == Follow.SET and self.shape.policies:
            others = [each for each in (EVERYTHING, *self.shape.policies) if each != self.draft.policy]
            self.draft.add(Follow(self.random.choice(others)))

    def write_edit(self) -> None:
        """One edit of one side, of a kind that is enabled and possible now, or one of each side of the same object."""
        if self.contests and self._sometimes(CLASH):
            self.write_clash()
            return
        side = self.random.choice(list(Side))
        edit = self.edit(self.draft, side, contested=self.contests and self._sometimes(CONFLICT))
        if edit is not None:
            self.draft.add(edit)

    def write_clash(self) -> None:
        """Each side sets or clears a flag of one object, or removes it."""
        here, there = (set(self._held(self.draft, side)) for side in Side)
        for place in self.random.sample(sorted(here & there), min(1, len(here & there))):
            for side in self.random.sample(list(Side), len(Side)):
                flags = self._sometimes(2 / 3)
                edit = self._change(self.draft, side, [place]) if flags else RemoveObject(side, *place)
                if self._is_possible(edit, self.draft, conflicts=True):
                    self.draft.add(edit)

    @property
    def contests(self) -> bool:
        """Whether edits may be of what the other side has touched."""
        return self.shape.conflicts and self.draft.policy == EVERYTHING

    def edit(self, draft: Draft, side: Side, *, contested: bool = False) -> Edit | None:
        """An edit of a side; contested ones are of what the other side has touched."""
        options, weights = dict(self._contested(draft, side)) if contested else {}, CONTESTED
        if not options:
            options = {kind: made for kind, made in self._free(draft, side) if kind in self.kinds}
            weights = MEANWHILE if draft is not self.draft else EDITS
        kind = self.random.choice([kind for kind in options for _ in range(weights[kind])])
        edit = options[kind]()
        return edit if self._is_possible(edit, draft, conflicts=contested) else None

    def _is_possible(self, edit: Edit, draft: Draft, *, conflicts: bool) -> bool:
        possible = edit.kind not in self.shape.without and draft.allows(edit, conflicts=conflicts)
        return possible and self.shape.unclaimed.isdisjoint(needed_by(edit, draft.state(edit.side)))

    def _free(self, draft: Draft, side: Side) -> Iterator[tuple[str, Callable[[], Edit]]]:
        held = self._held(draft, side)
        removable = draft.removable(side)
        new_names = [path for path in self.shape.new_folders if draft.is_new_name(path) and draft.can_hold(side, path)]
        yield "add", lambda: self._addition(draft, side)
        if held:
            yield "remove", lambda: RemoveObject(side, *self.random.choice(held))
            yield "flag", lambda: self._change(draft, side, held)
            yield "move", lambda: MoveObject(side, *self.random.choice(held), self._place(draft, side))
        if new_names:
            yield "create folder", lambda: AddFolder(side, self.random.choice(new_names))
        if removable:
            yield "remove folder", lambda: RemoveFolder(side, self.random.choice(removable))
        targets = [path for path in new_names if draft.can_take(side, path)]
        if removable and targets:
            yield "rename folder", lambda: self._renaming(side, removable, targets)

    def _held(self, draft: Draft, side: Side) -> list[Place]:
        """The objects that may be touched; mostly, where there are any, those of folders with something going on."""
        held = sorted((path, item.name) for path, item in draft.items(side))
        busy = {path for touched in draft.touched.values() for path, _ in touched}
        near = [place for place in held if place[0] in busy]
        return near if near and self._sometimes(0.5 if draft is self.draft else 0.9) else held

    def _contested(self, draft: Draft, side: Side) -> Iterator[tuple[str, Callable[[], Edit]]]:
        held = sorted((path, item.name) for path, item in draft.items(side, contested=True))
        folders = draft.removable(side, contested=True)
        twins = [] if draft.in_flux else draft.new_on(OTHER[side])
        if held:
            yield "remove", lambda: RemoveObject(side, *self.random.choice(held))
            yield "flag", lambda: self._change(draft, side, held)
        if folders:
            yield "remove folder", lambda: RemoveFolder(side, self.random.choice(folders))
        if twins:
            yield "same object", lambda: self._twin(side, twins)
        removed = [path for path in draft.given_up[OTHER[side]] if path in draft.state(side).folders]
        if removed and not draft.in_flux:
            yield (
                "fill removed",
                lambda: AddObject(side, self.random.choice(sorted(removed)), self._item(draft)),
            )

    def _place(self, draft: Draft, side: Side) -> FolderPath:
        """A folder that something new may go to, now and then one that is new itself."""
        known = {*draft.state(side).folders, *draft.state(OTHER[side]).folders}
        places = [path for path in sorted(known) if draft.can_hold(side, path)]
        places += [path for path in self.shape.new_folders if path not in known and draft.can_hold(side, path)][:2]
        return self.random.choice(places or self.shape.new_folders)

    def _addition(self, draft: Draft, side: Side) -> Edit:
        path = self._place(draft, side)
        there = [item.content for item in draft.state(side).folders.get(path, {}).values()]
        again = bool(there) and self.random.random() < EQUAL
        return AddObject(side, path, self._item(draft, self.random.choice(there) if again else None))

    def _item(self, draft: Draft, content: StoredObject | None = None) -> Item:
        name = draft.fresh_name()
        if content is None:
            kind = self.random.choice([*claimed_kinds(self.shape.unclaimed), None])
            content = of_kind(kind, name) if kind else self.random.choice(AWKWARD_OBJECTS)(name)
        return Item(name, content, _flags(self.random, self.shape))

    def _twin(self, side: Side, twins: list[tuple[FolderPath, Item]]) -> Edit:
        path, item = self.random.choice(twins)
        return AddObject(side, path, item)

    def _sometimes(self, share: float = 0.5) -> bool:
        return self.random.random() < share

    def _change(self, draft: Draft, side: Side, held: list[Place]) -> Edit:
        """A flag is set that is not, or, as often where there is any, cleared that is."""
        path, name = self.random.choice(held)
        item = draft.state(side).get(path, name)
        has = [flag for flag in self.shape.flags if item is not None and item.has(flag)]
        lacks = [flag for flag in self.shape.flags if flag not in has]
        clear = not lacks or (bool(has) and self._sometimes())
        return ChangeFlag(side, path, name, self.random.choice(has if clear else lacks), on=not clear)

    def _renaming(self, side: Side, removable: list[FolderPath], names: list[FolderPath]) -> Edit:
        path, target = self.random.choice(removable), self.random.choice(names)
        return RenameFolder(side, path, path if is_below(target, path) else target)

    def interruption(self) -> Interruption:
        """An interruption, mostly at a place that the edits so far make the synchronization come to."""
        kinds = [acts for acts, weight in ACTS.items() if self._offered(acts) for _ in range(weight)]
        acts = self._offered(self.random.choice(kinds))
        every = (*stages(self.draft) * WORK, *ANYWHERE)
        groups = [group for group in every if any({*acts} & {*each.acts} for each in group)]
        stage = self.random.choice([each for each in self.random.choice(groups) if {*acts} & {*each.acts}])
        act = self.random.choice([each for each in acts if each in stage.acts])
        return Interruption(
            act,
            stage.place,
            self.random.randint(0, stage.most_skipped) if self._sometimes() else 0,
            self.random.randint(0, 1000) if act is Act.CUT_INSIDE else 500,
            tuple(self._meanwhile()) if act is Act.CHANGE else (),
        )

    def _offered(self, acts: tuple[Act, ...]) -> list[Act]:
        return [act for act in acts if act in self.shape.acts]

    def _meanwhile(self) -> Iterator[Edit]:
        """What another client does on the server during the run; of all kinds, since no other place tests it."""
        draft, kinds = self.draft.in_the_run(), self.kinds
        self.kinds = {*EDITS}
        for _ in range(self.random.randint(1, 3)):
            edit = self.edit(draft, Side.SERVER)
            if edit is not None:
                draft.add(edit)
                yield edit
        self.draft.names, self.kinds = draft.names, kinds
