r"""Objects that are still on the server, but marked `\Deleted` by the client under test (A12).

To remove is to make an object no longer retrievable as a live one. A client that claims `logical-delete` does so by the
mark alone; of another client that never expunges what it marked, nobody can say whether it has removed it. So a mark
that neither the user nor a second client has set stands for a removal, unless the client is known to do more to remove.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from conformance.model.equality import Equality
from conformance.model.folders import FolderPath
from conformance.model.states import Item, ObservedObject, Snapshot, StoreState, normal_flags

MARK = "\\deleted"
Marked = tuple[tuple[FolderPath, ObservedObject], ...]


def sift(snapshot: Snapshot, models: Iterable[StoreState], equality: Equality) -> tuple[Snapshot, Marked]:
    r"""A snapshot of the server without what carries a `\Deleted` that is in none of the models, and what that is."""
    marked = [(path, each) for path, each in snapshot.objects() if MARK in normal_flags(each.flags)]
    if not marked:
        return snapshot, ()
    meant = {(path, equality.identity(item.content.octets)) for path, item in _marked_items(models)}
    by_client = tuple((path, each) for path, each in marked if (path, equality.identity(each.octets)) not in meant)
    return _without(snapshot, by_client), by_client


def _marked_items(models: Iterable[StoreState]) -> Iterator[tuple[FolderPath, Item]]:
    return ((path, item) for model in models for path, item in model.items() if item.has(MARK))


def _without(snapshot: Snapshot, taken: Collection[tuple[FolderPath, ObservedObject]]) -> Snapshot:
    gone = {(path, each.handle) for path, each in taken}
    return Snapshot(
        {
            path: tuple(each for each in objects if (path, each.handle) not in gone)
            for path, objects in snapshot.folders.items()
        }
    )
