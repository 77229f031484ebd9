"""The oracle: what local storage and server must hold after a synchronization, given base, local and server state.

Presence follows one table over (in base, in local storage, on the server), for objects as for folders. A flag follows
a three-way rule: what one side changed since the base holds on both. The oracle never learns who is judged, and where
the text leaves an outcome open (a conflict) it allows every defensible one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from conformance.model.folders import FolderPath, is_below
from conformance.model.policy import EVERYTHING, Direction, Policy
from conformance.model.states import Flags, Item, StoreState, normal_flags


class Row(StrEnum):
    """The rows of the presence table; the value spells (base, local, server)."""

    NEW_ON_SERVER = "001"
    NEW_LOCALLY = "010"
    NEW_ON_BOTH = "011"
    REMOVED_ON_BOTH = "100"
    REMOVED_LOCALLY = "101"
    REMOVED_ON_SERVER = "110"
    KEPT = "111"

    @classmethod
    def of(cls, base: object, local: object, server: object) -> Row:
        """The row for what is there (not None) in each state."""
        return cls("".join(str(int(each is not None)) for each in (base, local, server)))


class Standing(StrEnum):
    """What an allowed outcome is worth."""

    REQUIRED = "required"
    ALLOWED = "allowed"
    DISCARDS = "allowed, but discards news"
    OPEN = "neither demanded nor forbidden"


Copies = tuple[int, int]
PRESENT: Copies = (1, 1)
ABSENT: Copies = (0, 0)

OUTCOMES: dict[Row, dict[Copies, Standing]] = {
    Row.NEW_ON_SERVER: {PRESENT: Standing.REQUIRED},
    Row.NEW_LOCALLY: {PRESENT: Standing.REQUIRED},
    Row.NEW_ON_BOTH: {PRESENT: Standing.REQUIRED, (2, 2): Standing.OPEN},
    Row.REMOVED_ON_BOTH: {ABSENT: Standing.REQUIRED},
    Row.REMOVED_LOCALLY: {ABSENT: Standing.REQUIRED},
    Row.REMOVED_ON_SERVER: {ABSENT: Standing.REQUIRED},
    Row.KEPT: {PRESENT: Standing.REQUIRED},
}
REMOVED_HERE_CHANGED_THERE = {ABSENT: Standing.ALLOWED, PRESENT: Standing.OPEN}
NEW_IN_REMOVED_FOLDER = {PRESENT: Standing.ALLOWED, ABSENT: Standing.DISCARDS}
IN_DISPUTED_FOLDER = {ABSENT: Standing.ALLOWED, PRESENT: Standing.OPEN}


@dataclass(frozen=True, slots=True)
class Demand:
    """What must become of one item: allowed numbers of copies (local, server), and its flags on each side.

    The flags that were set and cleared on each side since the base decide which requirement a wrong flag breaks.
    `flags_open` is true where the text leaves the merged value open, `excluded` where the policy keeps the item as it
    is. `one_sided` holds the flags of either side where both sides changed some: that one side's win as a whole is
    neither demanded nor forbidden (A7, A10).
    """

    path: FolderPath
    item: Item
    row: Row
    outcomes: dict[Copies, Standing]
    local_flags: Flags = frozenset()
    server_flags: Flags = frozenset()
    set_locally: Flags = frozenset()
    cleared_locally: Flags = frozenset()
    set_on_server: Flags = frozenset()
    cleared_on_server: Flags = frozenset()
    flags_open: bool = False
    excluded: bool = False
    one_sided: tuple[Flags, ...] = ()


@dataclass(frozen=True, slots=True)
class FolderDemand:
    """What must become of one folder.

    It is `disputed` where one side removed it while the other changed something in it, or where the server refused that
    it is removed, and `excluded` where the policy keeps it as it is.
    """

    path: FolderPath
    row: Row
    outcomes: dict[Copies, Standing]
    disputed: bool = False
    excluded: bool = False


@dataclass(frozen=True)
class Expectation:
    """Everything the oracle demands of the two stores after the synchronization."""

    folders: tuple[FolderDemand, ...]
    items: tuple[Demand, ...]

    def rows(self) -> Iterator[Row]:
        """The rows of the presence table that this expectation exercises, folders first."""
        yield from (demand.row for demand in self.folders)
        yield from (demand.row for demand in self.items)

    def settled(self) -> StoreState:
        """The one state that both sides hold afterwards, where nothing was disputed and no policy kept them apart."""
        state = StoreState({demand.path: {} for demand in self.folders if PRESENT in demand.outcomes})
        for demand in self.items:
            if PRESENT in demand.outcomes and demand.path in state.folders:
                state = state.put(demand.path, replace(demand.item, flags=demand.server_flags))
        return state


def merge_flags(base: Flags, local: Flags, server: Flags) -> Flags:
    """The three-way merge: a flag that one side changed takes that side's value, else the common one."""
    return (local - base) | (local & server) | (server - base)


@dataclass(frozen=True, slots=True)
class Doubts:
    """What nobody can know of the synchronizations since the base that were interrupted.

    The text is silent on errors (A20). Whether a store took place whose acknowledgement never came, nobody can say:
    `new_locally` and `new_on_server` count the synchronizations that may each have left one more copy of what is new on
    that side. Where the server has `refused` something, a client may give a flag or a folder back as the server has
    it.
    """

    new_locally: int = 0
    new_on_server: int = 0
    refused: bool = False

    def widen(self, demand: Demand) -> Demand:
        """The demand with what is neither demanded nor forbidden now, on both sides alike."""
        most = {Row.NEW_LOCALLY: self.new_locally, Row.NEW_ON_SERVER: self.new_on_server}.get(demand.row, 0)
        copies = {(count, count): Standing.OPEN for count in range(2, most + 2)}
        changed = demand.row is Row.KEPT and bool(demand.set_locally | demand.cleared_locally)
        return replace(
            demand,
            outcomes=copies | demand.outcomes,
            flags_open=demand.flags_open or (self.refused and changed and not demand.excluded),
        )


def expect(
    base: StoreState,
    local: StoreState,
    server: StoreState,
    policy: Policy = EVERYTHING,
    doubts: Doubts | None = None,
) -> Expectation:
    """What must hold after the next complete synchronization of a client that last saw `base`."""
    doubts = doubts or Doubts()
    folders = {demand.path: demand for demand in _folder_demands(base, local, server, policy, doubts)}
    items = map(doubts.widen, _item_demands(base, local, server, policy, folders))
    return Expectation(tuple(folders.values()), tuple(items))


def _union(*mappings: Iterable[FolderPath]) -> list[FolderPath]:
    return sorted({path for mapping in mappings for path in mapping})


def _folder_demands(
    base: StoreState, local: StoreState, server: StoreState, policy: Policy, doubts: Doubts
) -> Iterator[FolderDemand]:
    for path in _union(base.folders, local.folders, server.folders):
        row = Row.of(base.folders.get(path), local.folders.get(path), server.folders.get(path))
        if not policy.admits_folder(path) or _stays(row, policy):
            yield FolderDemand(path, row, {_as_it_is(row): Standing.REQUIRED}, excluded=True)
        elif _is_disputed(path, row, base, local, server) or (doubts.refused and row is Row.REMOVED_LOCALLY):
            yield FolderDemand(path, row, {PRESENT: Standing.ALLOWED, ABSENT: Standing.ALLOWED}, disputed=True)
        else:
            yield FolderDemand(path, row, OUTCOMES[row] if row is not Row.NEW_ON_BOTH else {PRESENT: Standing.REQUIRED})


def _is_disputed(path: FolderPath, row: Row, base: StoreState, local: StoreState, server: StoreState) -> bool:
    """Whether a folder was removed on one side while something at or below it is new, or changed, on the other."""
    if row not in (Row.REMOVED_LOCALLY, Row.REMOVED_ON_SERVER):
        return False
    other = server if row is Row.REMOVED_LOCALLY else local
    return any(
        (at == path or is_below(at, path)) and _has_news(base.get(at, item.name), item) for at, item in other.items()
    ) or any(is_below(at, path) and at not in base.folders for at in other.folders)


def _has_news(before: Item | None, now: Item) -> bool:
    return before is None or normal_flags(before.flags) != normal_flags(now.flags)


def _as_it_is(row: Row) -> Copies:
    return int(row.value[1]), int(row.value[2])


_FORBIDDEN_BY_DIRECTION = {
    Direction.BOTH: frozenset[Row](),
    Direction.DOWNLOAD: frozenset({Row.NEW_LOCALLY, Row.REMOVED_LOCALLY}),
    Direction.UPLOAD: frozenset({Row.NEW_ON_SERVER, Row.REMOVED_ON_SERVER}),
}


def _stays(row: Row, policy: Policy) -> bool:
    return row in _FORBIDDEN_BY_DIRECTION[policy.direction]


def _item_demands(
    base: StoreState,
    local: StoreState,
    server: StoreState,
    policy: Policy,
    folders: dict[FolderPath, FolderDemand],
) -> Iterator[Demand]:
    for path, folder in folders.items():
        names = sorted({name for state in (base, local, server) for name in state.folders.get(path, {})})
        for name in names:
            here = base.get(path, name), local.get(path, name), server.get(path, name)
            yield _demand(path, here, policy, folder)


def _demand(
    path: FolderPath, here: tuple[Item | None, Item | None, Item | None], policy: Policy, folder: FolderDemand
) -> Demand:
    row = Row.of(*here)
    item = next(each for each in here if each is not None)
    if not policy.admits(path, item) or _stays(row, policy):
        kept_local, kept_server = (each.flags if each else frozenset() for each in here[1:])
        outcomes = {_as_it_is(row): Standing.REQUIRED}
        return Demand(path, item, row, outcomes, kept_local, kept_server, excluded=True)
    outcomes = _disputed_outcomes(row) if folder.disputed else _outcomes(row, here)
    return _with_flags(path, item, row, outcomes, here, policy)


def _disputed_outcomes(row: Row) -> dict[Copies, Standing]:
    return NEW_IN_REMOVED_FOLDER if row in (Row.NEW_LOCALLY, Row.NEW_ON_SERVER) else IN_DISPUTED_FOLDER


def _outcomes(row: Row, here: tuple[Item | None, Item | None, Item | None]) -> dict[Copies, Standing]:
    before, local, server = here
    survivor = local or server
    changed = before and survivor and normal_flags(before.flags) != normal_flags(survivor.flags)
    if row in (Row.REMOVED_LOCALLY, Row.REMOVED_ON_SERVER) and changed:
        return REMOVED_HERE_CHANGED_THERE
    return OUTCOMES[row]


def _with_flags(
    path: FolderPath,
    item: Item,
    row: Row,
    outcomes: dict[Copies, Standing],
    here: tuple[Item | None, Item | None, Item | None],
    policy: Policy,
) -> Demand:
    before, local, server = (normal_flags(each.flags) if each else frozenset[str]() for each in here)
    if row is not Row.KEPT:
        flags = local | server
        both = row is Row.NEW_ON_BOTH and local != server
        return Demand(path, item, row, outcomes, flags, flags, flags_open=both or len(outcomes) > 1)
    both_changed = local != before != server and local != server and policy.direction is Direction.BOTH
    merged_local = merge_flags(before, local, server) if policy.direction is not Direction.UPLOAD else local
    merged_server = merge_flags(before, local, server) if policy.direction is not Direction.DOWNLOAD else server
    return Demand(
        path,
        item,
        row,
        outcomes,
        merged_local,
        merged_server,
        set_locally=local - before,
        cleared_locally=before - local,
        set_on_server=server - before,
        cleared_on_server=before - server,
        one_sided=(local, server) if both_changed else (),
    )
