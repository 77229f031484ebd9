"""What is simpler than a history: the same with something left out, or with something plainer in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from conformance.model.folders import is_below
from conformance.model.history import (
    Act,
    AddObject,
    Follow,
    History,
    Interruption,
    Renumber,
    ReplaceDevice,
    Step,
    Synchronize,
)
from conformance.model.objects import message
from conformance.model.policy import EVERYTHING
from conformance.model.states import Item
from conformance.strategies.draft import Draft, is_valid

_RARE_FIRST = (
    Renumber.kind,
    ReplaceDevice.kind,
    Follow.SET,
    "folder renamed",
    "folder removed",
    "object moved",
    "folder created",
    "object removed",
    "flag",
    "object added",
)


def blamed(history: History) -> str:
    """The kind of step, of the simplest history that fails, without which others may not fail: the rarest one."""
    interrupted = [
        step.interruption.kind for step in history.steps if isinstance(step, Synchronize) and step.interruption
    ]
    kinds = [step.kind for step in history.steps]
    found = [kind for rare in _RARE_FIRST for kind in kinds if kind.startswith(rare)]
    return next(iter([*interrupted, *found]), "nothing")


def _ended_earlier(history: History) -> Iterator[History]:
    ends = [number for number, step in enumerate(history.steps, 1) if step == Synchronize()]
    yield from (History(history.base, history.steps[:end]) for end in ends[:-1])


def _begun_later(history: History) -> Iterator[History]:
    """What the first rounds lead to as the base, and only the rounds after them."""
    draft, found = Draft(history.base), list[History]()
    for number, step in enumerate(history.steps[:-1], 1):
        draft.add(step)
        if step == Synchronize() and draft.policy == EVERYTHING and not draft.unknown_items | draft.unknown_folders:
            found.append(History(draft.base, history.steps[number:]))
    yield from reversed(found)


def _without_a_step(history: History) -> Iterator[History]:
    for number in reversed(range(len(history.steps) - 1)):
        yield History(history.base, history.steps[:number] + history.steps[number + 1 :])


def _with_less_base(history: History) -> Iterator[History]:
    base = history.base
    for path in sorted(base.folders):
        if not any(is_below(other, path) for other in base.folders):
            yield History(base.without_folder(path), history.steps)
    for path, item in base.items():
        yield History(base.remove(path, item.name), history.steps)


def _with_plainer_steps(history: History) -> Iterator[History]:
    for number, step in enumerate(history.steps):
        for plainer in _plainer(step):
            yield History(history.base, (*history.steps[:number], plainer, *history.steps[number + 1 :]))


def _plainer(step: Step) -> Iterator[Step]:
    if isinstance(step, AddObject):
        for item in _plainer_items(step.item):
            yield replace(step, item=item)
    if isinstance(step, Synchronize) and step.interruption is not None:
        for interruption in _plainer_interruptions(step.interruption):
            yield Synchronize(interruption)


def _plainer_interruptions(each: Interruption) -> Iterator[Interruption]:
    for number in range(len(each.edits) if len(each.edits) > 1 else 0):
        yield replace(each, edits=each.edits[:number] + each.edits[number + 1 :])
    for number, edit in enumerate(each.edits):
        if isinstance(edit, AddObject):
            for item in _plainer_items(edit.item):
                plainer = replace(edit, item=item)
                yield replace(each, edits=(*each.edits[:number], plainer, *each.edits[number + 1 :]))
    if each.skip:
        yield replace(each, skip=0)
        yield replace(each, skip=each.skip // 2)
        yield replace(each, skip=each.skip - 1)
    if each.act is Act.CUT_INSIDE and each.permille != 500:
        yield replace(each, permille=500)


def _with_plainer_base(history: History) -> Iterator[History]:
    for path, item in history.base.items():
        for plainer in _plainer_items(item):
            yield History(history.base.put(path, plainer), history.steps)


def _plainer_items(item: Item) -> Iterator[Item]:
    if item.flags:
        yield replace(item, flags=frozenset())
    plain = message(item.name)
    if item.content != plain:
        yield replace(item, content=plain)


_WAYS = (_ended_earlier, _begun_later, _without_a_step, _with_less_base, _with_plainer_steps, _with_plainer_base)


def simpler(history: History, *, conflicts: bool) -> Iterator[History]:
    """Valid histories that are simpler, those that leave most out first."""
    for way in _WAYS:
        yield from (each for each in way(history) if each != history and is_valid(each, conflicts=conflicts))
