"""What is simpler than a sequence of storage steps: the same without some of them, or with something plainer in them.

Any part of a sequence can be run, as what does not apply is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from conformance.model.folders import FolderPath
from conformance.model.objects import message
from conformance.model.states import Item
from conformance.strategies.store_steps import (
    Append,
    Change,
    Copy,
    Create,
    Expunge,
    Interrupt,
    Listing,
    Look,
    Move,
    Read,
    Reconnect,
    Rename,
    Resync,
    Step,
)

Steps = tuple[Step, ...]
Thing = TypeVar("Thing")


def simpler(steps: Steps) -> Iterator[Steps]:
    """Sequences that are simpler, those that leave most out first."""
    yield from _without_some(steps)
    yield from _with_one_name(steps)
    yield from _with_fewer_folders(steps)
    yield from _with_fewer_sessions(steps)
    yield from _put_together(steps)
    for number, step in enumerate(steps):
        for plainer in _plainer(step):
            yield (*steps[:number], plainer, *steps[number + 1 :])


def _without_some(steps: Steps) -> Iterator[Steps]:
    """Without its halves, its quarters, and so on to single steps, the last ones first."""
    size = len(steps) // 2
    while size:
        for end in range(len(steps), 0, -size):
            yield steps[: max(0, end - size)] + steps[end:]
        size //= 2


def _with_fewer_folders(steps: Steps) -> Iterator[Steps]:
    """What is done to one folder is done to another, and the former is not created."""
    paths = sorted({step.path for step in steps if isinstance(step, Create)}, key=lambda path: (len(path), path))
    for gone in reversed(paths):
        for path in paths:
            if path != gone:
                yield tuple(_moved(step, gone, path) for step in steps if step != Create(step.session, gone))


def _with_one_name(steps: Steps) -> Iterator[Steps]:
    """A folder keeps its name."""
    for number, step in enumerate(steps):
        if isinstance(step, Rename):
            later = (_moved(each, step.to, step.path) for each in steps[number + 1 :])
            yield (*steps[:number], *later)


def _moved(step: Step, gone: FolderPath, path: FolderPath) -> Step:
    if isinstance(step, Copy | Move | Rename) and step.to == gone:
        step = replace(step, to=path)
    if isinstance(step, Listing | Reconnect) or step.path != gone:
        return step
    return replace(step, path=path)


def _put_together(steps: Steps) -> Iterator[Steps]:
    """Objects that are stored one after the other are stored by one step; flags that are added later come with them."""
    for number, step in enumerate(steps):
        for earlier in range(number):
            together = _together(steps[earlier], step)
            if together is not None:
                yield (*steps[:earlier], together, *steps[earlier + 1 : number], *steps[number + 1 :])


def _together(one: Step, other: Step) -> Step | None:
    if not isinstance(one, Append):
        return None
    if isinstance(other, Append) and other.path == one.path:
        return replace(one, items=(*one.items, *other.items))
    if isinstance(other, Change) and other.path == one.path and other.how == "+FLAGS":
        items = tuple(item.flagged(*other.flags) if item.name in other.names else item for item in one.items)
        return replace(one, items=items) if items != one.items else None
    return None


def _with_fewer_sessions(steps: Steps) -> Iterator[Steps]:
    """What the last session does is done by another one; or the sessions are numbered without gaps."""
    sessions = sorted({step.session for step in steps})
    if sessions != list(range(len(sessions))):
        yield tuple(replace(step, session=sessions.index(step.session)) for step in steps)
    for other in sessions[:-1]:
        yield tuple(replace(step, session=other) if step.session == sessions[-1] else step for step in steps)


def _plainer(step: Step) -> Iterator[Step]:
    yield from _with_fewer_objects(step)
    yield from _with_fewer_flags(step)
    yield from _with_usual_ways(step)
    if step.session:
        yield replace(step, session=0)


def _with_fewer_objects(step: Step) -> Iterator[Step]:
    if isinstance(step, Append | Interrupt):
        for items in _without_one(step.items):
            yield replace(step, items=items)
    elif isinstance(step, Change | Copy | Move | Read | Expunge) and step.names:
        for names in _without_one(step.names):
            yield replace(step, names=names)


def _without_one(things: tuple[Thing, ...]) -> Iterator[tuple[Thing, ...]]:
    for number in reversed(range(len(things) if len(things) > 1 else 0)):
        yield things[:number] + things[number + 1 :]


def _with_fewer_flags(step: Step) -> Iterator[Step]:
    if isinstance(step, Append | Interrupt):
        for number, item in enumerate(step.items):
            for plainer in _plainer_items(item):
                yield replace(step, items=(*step.items[:number], plainer, *step.items[number + 1 :]))
    elif isinstance(step, Change):
        for flag in sorted(step.flags) if len(step.flags) > 1 else ():
            yield replace(step, flags=step.flags - {flag})


def _plainer_items(item: Item) -> Iterator[Item]:
    for flag in sorted(item.flags):
        yield replace(item, flags=item.flags - {flag})
    if item.content != message(item.name):
        yield replace(item, content=message(item.name))


def _with_usual_ways(step: Step) -> Iterable[Step]:
    """By UID, loudly, and in the usual way."""
    if isinstance(step, Change):
        usual = replace(step, by="uid"), replace(step, silent=False), replace(step, unchanged=False)
        return (each for each in usual if each != step)
    if isinstance(step, Copy | Move | Read) and step.by != "uid":
        return (replace(step, by="uid"),)
    if isinstance(step, Look) and step.how != "news":
        return (replace(step, how="news"),)
    if isinstance(step, Reconnect) and step.how != "logout":
        return (replace(step, how="logout"),)
    if isinstance(step, Resync) and step.how != "changes":
        return (replace(step, how="changes"),)
    return ()
