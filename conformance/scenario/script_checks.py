"""A history with what has to hold after each step, as data: what a script needs that knows nothing of the oracle.

The history is walked on the model. Where the text leaves an outcome open, a script sees which one came about, and this
walk does not: whatever it leads to is allowed from there on.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Iterator
from itertools import product
from typing import Any

from conformance.model.editing import ModelSide
from conformance.model.folders import FolderPath, is_below, outermost_first
from conformance.model.history import (
    REFUSALS,
    AddObject,
    ChangeFlag,
    Edit,
    Follow,
    History,
    Interruption,
    MoveObject,
    RemoveObject,
    Renumber,
    ReplaceDevice,
    Step,
    Synchronize,
)
from conformance.model.history_json import step_to_json
from conformance.model.objects import StoredObject
from conformance.model.oracle import ABSENT, PRESENT, Copies, Demand, Doubts, Expectation, expect
from conformance.model.policy import EVERYTHING
from conformance.model.settlement import Triple, settled
from conformance.model.states import Flags, Item, ObservedObject, Side, Snapshot, StoreState, normal_flags
from conformance.scenario.interrupting import doubts_after, place_of
from conformance.scenario.places import ANY_COMMAND, ANY_UNIT, MARK_COMMAND, STORE_COMMAND

Json = dict[str, Any]
NOT_DEMANDED = (STORE_COMMAND, MARK_COMMAND, ANY_COMMAND, ANY_UNIT)
"""Where a refusal may be one of STORE, after which no failure may rest on what is there right then (SYN-516)."""
ANY_PRESENCE: list[Copies] = [PRESENT, ABSENT, (1, 0), (0, 1)]


def with_checks(history: History) -> Json:
    """The `contents` of all objects by a key of each, and the `steps`, the base first, with what has to hold then.

    Raises `LookupError` for a step that is not possible on the model, `ConfigurationProblem` for an unknown place.
    """
    walk = _Walk(history.base)
    steps = [walk.begin(), *(walk.step(each) for each in history.steps)]
    return {"contents": walk.contents, "steps": steps}


class _Walk:
    """Base and both sides on the model, and what became uncertain on the way."""

    def __init__(self, start: StoreState) -> None:
        self.base, self._start = StoreState(), start
        self.sides = {Side.LOCAL: ModelSide(Side.LOCAL, StoreState()), Side.SERVER: ModelSide(Side.SERVER, start)}
        self.policy = EVERYTHING
        self.contents: dict[str, Json] = {}
        self._doubts = Doubts()
        self._interrupted_before = False
        self._open_items: dict[tuple[FolderPath, str], tuple[Item, frozenset[Copies]]] = {}
        self._open_folders: set[FolderPath] = set()

    def begin(self) -> Json:
        """The base on the server, and the first synchronization."""
        told = next(History(self._start, ()).lines())
        folders = [
            {"folder": list(path), "objects": [self._item(item) for item in self._start.folders[path].values()]}
            for path in outermost_first(self._start.folders)
        ]
        return {"do": "base", "told": told, "folders": folders} | self._settle()

    def step(self, step: Step) -> Json:
        """One step."""
        if isinstance(step, Synchronize):
            told = {"do": "synchronize", "told": str(step)}
            return told | (self._settle() if step.interruption is None else self._interrupted(step.interruption))
        if isinstance(step, Follow):
            self.policy = step.policy
        elif isinstance(step, ReplaceDevice):
            self.base = self.sides[Side.LOCAL].state = StoreState()
        elif not isinstance(step, Renumber):
            return self._edit(step)
        return step_to_json(step) | {"told": str(step)}

    # Edits

    def _edit(self, edit: Edit) -> Json:
        told = step_to_json(edit) | {"told": str(edit)}
        if isinstance(edit, AddObject):
            told |= self._item(edit.item)
        elif isinstance(edit, RemoveObject | MoveObject | ChangeFlag):
            item = self.sides[edit.side].state.get(edit.path, edit.name)
            if item is None:
                raise LookupError(f"{edit}: it is not there on the model")
            told |= self._item(item)
        edit.apply(self.sides[edit.side])
        return told

    def _item(self, item: Item) -> Json:
        return {"object": item.name, "content": self._content(item), "flags": sorted(item.flags)}

    def _content(self, item: Item) -> str:
        key = item.content.digest[:12]
        told = self.contents.setdefault(key, {"names": [], "shown": _shown(item.content), **_octets(item.content)})
        if item.name not in told["names"]:
            told["names"].append(item.name)
        return key

    # Synchronizations

    @property
    def _states(self) -> Triple:
        return Triple(self.base, self.sides[Side.LOCAL].state, self.sides[Side.SERVER].state)

    def _settle(self) -> Json:
        """What a synchronization that nothing interrupts has to come to, and what there is before, if that is known."""
        before = self._states
        expectation = expect(*before.states, self.policy, self._doubts)
        told = {
            "prepared": None if self._interrupted_before else self._prepared(),
            "expect": self._expectation(expectation),
        }
        self._remember_open(expectation)
        after = settled(expectation, before, _certain(expectation))
        self.base, self.sides[Side.LOCAL].state, self.sides[Side.SERVER].state = after.states
        self._doubts, self._interrupted_before = Doubts(), False
        return told

    def _remember_open(self, expectation: Expectation) -> None:
        self._open_folders |= {each.path for each in expectation.folders if each.disputed}
        for demand in expectation.items:
            if len(demand.outcomes) > 1 or demand.flags_open:
                key = demand.path, demand.item.name
                self._open_items[key] = demand.item, self._known_outcomes(*key) | frozenset(demand.outcomes)

    def _known_outcomes(self, path: FolderPath, name: str) -> frozenset[Copies]:
        return self._open_items[path, name][1] if (path, name) in self._open_items else frozenset()

    def _interrupted(self, interruption: Interruption) -> Json:
        """What happens where, and what has to be there still when it is over, if anything is demanded of that."""
        place = place_of(interruption)
        edits = [self._edit(edit) for edit in interruption.edits]
        self._doubts, self._interrupted_before = doubts_after(interruption, self._doubts), True
        refused = interruption.act in REFUSALS
        told = {
            "act": interruption.act.name.lower(),
            "place": {"told": place.told, "kind": place.kind, "pattern": place.pattern.decode("ascii")},
            "skip": interruption.skip,
            "permille": interruption.permille,
            "edits": edits,
        }
        return {"interruption": told, "witness": None if refused and place in NOT_DEMANDED else self._witness()}

    def _witness(self) -> Json:
        local, server = self.sides[Side.LOCAL].state, self.sides[Side.SERVER].state
        known = {self._content(item) for state in self._states.states for _, item in state.items()}
        known |= {self._content(item) for item, _ in self._open_items.values()}
        kept = {"local": self._to_keep(local, server), "server": self._to_keep(server, local)}
        return {"kept": kept, "known": sorted(known)}

    def _to_keep(self, state: StoreState, other: StoreState) -> list[list[str]]:
        """What is new on a side, and what nobody removed on the other, where it is certain that it is there at all."""
        return [
            [item.name, self._content(item)]
            for path, item in state.items()
            if (self.base.get(path, item.name) is None or other.get(path, item.name) is not None)
            and not self._may_be_absent(path, item.name)
        ]

    def _may_be_absent(self, path: FolderPath, name: str) -> bool:
        return ABSENT in self._known_outcomes(path, name) or self._is_open(path)

    def _is_open(self, path: FolderPath) -> bool:
        return any(path == each or is_below(path, each) for each in self._open_folders)

    # Demands

    def _expectation(self, expectation: Expectation) -> Json:
        folders = {each.path: list(each.outcomes) for each in expectation.folders}
        objects = [self._demand(each) for each in expectation.items]
        seen = {(each.path, each.item.name) for each in expectation.items}
        folders |= {path: [PRESENT, ABSENT] for path in self._doubtful(folders)}
        return self._check(folders, [*objects, *self._unseen(seen)], flags=True)

    def _demand(self, demand: Demand) -> Json:
        path, item = demand.path, demand.item
        known = self._known_outcomes(path, item.name)
        flags = None if demand.flags_open or known else {"local": demand.local_flags, "server": demand.server_flags}
        outcomes = [*demand.outcomes, *(each for each in sorted(known) if each not in demand.outcomes)]
        return self._object(path, item, outcomes, flags)

    def _unseen(self, seen: Collection[tuple[FolderPath, str]]) -> Iterator[Json]:
        """The objects that may be there although the model does not have them."""
        for (path, name), (item, outcomes) in self._open_items.items():
            if (path, name) not in seen:
                yield self._object(path, item, [ABSENT, *sorted(outcomes - {ABSENT})], None)

    def _object(self, path: FolderPath, item: Item, outcomes: Iterable[Copies], flags: dict[str, Flags] | None) -> Json:
        return {
            "folder": list(path),
            "object": item.name,
            "content": self._content(item),
            "allowed": [list(each) for each in outcomes],
            "flags": flags and {side: sorted(normal_flags(each)) for side, each in flags.items()},
        }

    def _check(self, folders: dict[FolderPath, list[Copies]], objects: list[Json], *, flags: bool) -> Json:
        told = [{"folder": list(path), "allowed": [list(each) for each in folders[path]]} for path in sorted(folders)]
        return {"folders": told, "objects": objects, "flags": flags}

    def _prepared(self) -> Json:
        """Both sides as they are, before the client acts; flags are left out."""
        states = {side: self.sides[side].state for side in Side}
        folders = {path: [_presence(path, states)] for state in states.values() for path in state.folders}
        places = {(path, item.name): item for state in states.values() for path, item in state.items()}
        places |= {key: item for key, (item, _) in self._open_items.items()}
        objects = [self._as_it_is(path, item, states) for (path, _), item in sorted(places.items(), key=_by_place)]
        return self._check(folders | {path: [*ANY_PRESENCE] for path in self._doubtful(folders)}, objects, flags=False)

    def _as_it_is(self, path: FolderPath, item: Item, states: dict[Side, StoreState]) -> Json:
        known = self._known_outcomes(path, item.name)
        possible = {count for copies in known for count in copies} | {0}
        here = _copies(path, item.name, states)
        return self._object(path, item, product(possible, possible) if known else [here], None)

    def _doubtful(self, folders: Collection[FolderPath]) -> set[FolderPath]:
        return {*self._open_folders, *(path for path in folders if self._is_open(path))}


def _certain(expectation: Expectation) -> Snapshot:
    """The server afterwards with what is there in any case, once."""
    folders: dict[FolderPath, tuple[ObservedObject, ...]] = {}
    for demand in expectation.items:
        if ABSENT not in demand.outcomes and not demand.excluded:
            found = ObservedObject(demand.item.content.octets, demand.server_flags)
            folders[demand.path] = (*folders.get(demand.path, ()), found)
    return Snapshot(folders)


def _by_place(place: tuple[tuple[FolderPath, str], Item]) -> tuple[FolderPath, str]:
    return place[0]


def _copies(path: FolderPath, name: str, states: dict[Side, StoreState]) -> Copies:
    local, server = (int(states[side].get(path, name) is not None) for side in (Side.LOCAL, Side.SERVER))
    return local, server


def _presence(path: FolderPath, states: dict[Side, StoreState]) -> Copies:
    return int(path in states[Side.LOCAL].folders), int(path in states[Side.SERVER].folders)


def _octets(content: StoredObject) -> dict[str, str]:
    if content.octets.isascii():
        return {"text": content.octets.decode("ascii")}
    return {"base64": base64.b64encode(content.octets).decode("ascii")}


def _shown(content: StoredObject) -> str:
    return f"{content.kind.value}, {content.subject}"
