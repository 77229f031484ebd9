"""What a client has to claim in its implementation conformance statement (ICS) so that an edit is its business."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from conformance.model.editing import ModelSide
from conformance.model.history import Edit
from conformance.model.objects import KIND_ITEMS, ObjectKind, of_kind
from conformance.model.policy import Direction, Policy
from conformance.model.states import Item, StoreState

_DIRECTIONS = {
    Direction.DOWNLOAD: frozenset({"direction.download"}),
    Direction.UPLOAD: frozenset({"direction.upload"}),
}


def needed_by(edit: Edit, state: StoreState) -> frozenset[str]:
    """The ICS items of a client that an edit of a side is about; `state` is what that side holds before."""
    probe, needed = ModelSide(edit.side, state), set[str]()
    probe.require = needed.update
    edit.apply(probe)
    return frozenset(needed)


def needed_for(policy: Policy) -> frozenset[str]:
    """The ICS items that a client has to claim so that it can follow a policy which limits it to one direction."""
    return _DIRECTIONS.get(policy.direction, frozenset())


def claimed_kinds(unclaimed: Collection[str]) -> list[ObjectKind]:
    """The kinds of object that a client claims which does not claim these items; all, if it claims none."""
    return [kind for kind in ObjectKind if KIND_ITEMS[kind] not in unclaimed] or list(ObjectKind)


def of_claimed_kinds(state: StoreState, kinds: Iterable[ObjectKind]) -> StoreState:
    """The same state with an object of the first of these kinds in place of each that is of none of them."""
    admitted = list(kinds)

    def replaced(item: Item) -> Item:
        kind = item.content.kind
        return item if kind in admitted else Item(item.name, of_kind(admitted[0], item.name), item.flags)

    folders = {path: {name: replaced(item) for name, item in items.items()} for path, items in state.folders.items()}
    return StoreState(folders)
