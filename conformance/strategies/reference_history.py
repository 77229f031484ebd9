"""The reference synchronization: one that has something to do in every step of 5.5.2.20, both ways, and not much."""

from __future__ import annotations

from collections.abc import Collection

from conformance.model.folders import FolderPath
from conformance.model.history import (
    Act,
    AddFolder,
    AddObject,
    ChangeFlag,
    Edit,
    History,
    Interruption,
    RemoveFolder,
    RemoveObject,
    Synchronize,
)
from conformance.model.needs import claimed_kinds, needed_by, of_claimed_kinds
from conformance.model.objects import ObjectKind, of_kind
from conformance.model.states import Item, Side, StoreState

_ALPHA: FolderPath = ("Alpha",)
_BETA: FolderPath = ("Alpha", "Beta")


def _item(name: str, kind: ObjectKind, *flags: str) -> Item:
    return Item(name, of_kind(kind, name), frozenset(flags))


BASE = (
    StoreState()
    .put(_ALPHA, _item("old-1", ObjectKind.MESSAGE), _item("old-2", ObjectKind.FILE_TRANSFER, "\\Seen"))
    .put(_BETA, _item("old-3", ObjectKind.SESSION_INFO), _item("old-4", ObjectKind.GROUP_STATE, "\\Flagged"))
    .with_folder(("Gone here",))
    .with_folder(("Gone there",))
)
EDITS: tuple[Edit, ...] = (
    AddObject(Side.SERVER, _ALPHA, _item("new-1", ObjectKind.MESSAGE, "\\Seen")),
    AddObject(Side.SERVER, _ALPHA, _item("new-2", ObjectKind.MEDIA)),
    RemoveObject(Side.SERVER, _ALPHA, "old-1"),
    ChangeFlag(Side.SERVER, _BETA, "old-3", "\\Answered", on=True),
    AddFolder(Side.SERVER, ("New there",)),
    RemoveFolder(Side.SERVER, ("Gone there",)),
    AddObject(Side.LOCAL, _BETA, _item("new-3", ObjectKind.MESSAGE)),
    AddObject(Side.LOCAL, ("New here",), _item("new-4", ObjectKind.FILE_TRANSFER)),
    RemoveObject(Side.LOCAL, _BETA, "old-4"),
    ChangeFlag(Side.LOCAL, _ALPHA, "old-2", "\\Seen", on=False),
    RemoveFolder(Side.LOCAL, ("Gone here",)),
)


def reference_history(*interrupted: Interruption, unclaimed: Collection[str] = ()) -> History:
    """The reference synchronization, interrupted so, and then a complete one.

    It is without what is about an ICS item in `unclaimed`.
    """
    base = of_claimed_kinds(BASE, claimed_kinds(unclaimed))
    edits = [each for each in EDITS if needed_by(each, base).isdisjoint(unclaimed)]
    return History(base, (*edits, *map(Synchronize, interrupted), Synchronize()))


def cut_at(unit: int, act: Act, unclaimed: Collection[str] = ()) -> History:
    """The reference synchronization whose connection is cut at the unit of this number, counted from 0."""
    return reference_history(Interruption(act, "a unit", unit), unclaimed=unclaimed)
