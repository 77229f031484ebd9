"""What base and both sides are after a synchronization that was as it had to be.

Where the oracle allows more than one outcome, what was seen on the server decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from conformance.model.equality import Equality
from conformance.model.folders import FolderPath
from conformance.model.oracle import Demand, Expectation, FolderDemand
from conformance.model.states import Flags, Item, ObservedObject, Snapshot, StoreState, normal_flags


@dataclass(frozen=True)
class Triple:
    """Base, local storage and server."""

    base: StoreState
    local: StoreState
    server: StoreState

    def with_folder(self, path: FolderPath) -> Triple:
        """All three with a folder."""
        return Triple(*(state.with_folder(path) for state in self.states))

    def put(self, path: FolderPath, *items: Item | None) -> Triple:
        """Each with its item in a folder; None for one that has none."""
        given = zip(self.states, items, strict=True)
        return Triple(*(state.put(path, item) if item else state for state, item in given))

    @property
    def states(self) -> tuple[StoreState, StoreState, StoreState]:
        """The three of them."""
        return self.base, self.local, self.server


def settled(expectation: Expectation, before: Triple, seen: Snapshot, equality: Equality = Equality.OCTETS) -> Triple:
    """The three states after a synchronization that met the expectation; `seen` is the server since then."""
    after = Triple(StoreState(), StoreState(), StoreState())
    for folder in expectation.folders:
        after = _folder(after, before, folder, seen)
    left = {path: _by_identity(objects, equality) for path, objects in seen.folders.items()}
    for demand in sorted(expectation.items, key=_least_certain_last):
        after = _item(after, before, demand, left.get(demand.path, {}), equality)
    return after


def _folder(after: Triple, before: Triple, folder: FolderDemand, seen: Snapshot) -> Triple:
    if folder.excluded:
        kept = zip(after.states, before.states, strict=True)
        return Triple(*(now.with_folder(folder.path) if folder.path in old.folders else now for now, old in kept))
    there = folder.path in seen.folders if len(folder.outcomes) > 1 else (1, 1) in folder.outcomes
    return after.with_folder(folder.path) if there else after


def _least_certain_last(demand: Demand) -> int:
    return len(demand.outcomes)


def _by_identity(objects: tuple[ObservedObject, ...], equality: Equality) -> dict[str, list[ObservedObject]]:
    found: dict[str, list[ObservedObject]] = {}
    for each in objects:
        found.setdefault(equality.identity(each.octets), []).append(each)
    return found


def _item(
    after: Triple, before: Triple, demand: Demand, left: Mapping[str, list[ObservedObject]], equality: Equality
) -> Triple:
    path, name = demand.path, demand.item.name
    former = before.base.get(path, name)
    if demand.excluded:
        return after.put(path, former, before.local.get(path, name), before.server.get(path, name))
    if path not in after.server.folders:
        return after
    copies = left.get(equality.identity(demand.item.content.octets), [])
    open_count = len(demand.outcomes) > 1
    wanted = len(copies) if open_count else next(iter(demand.outcomes))[1]
    for number in range(min(wanted, max(count for _, count in demand.outcomes))):
        found = _taken(copies, None if open_count or demand.flags_open else demand.server_flags)
        flags = normal_flags(found.flags) if found else frozenset()
        item = replace(demand.item, name=name if not number else f"{name} ({number + 1})")
        if open_count or demand.flags_open or (found and flags in demand.one_sided):
            after = after.put(path, *([replace(item, flags=flags)] * 3))
        else:
            after = after.put(path, *_agreed(item, former, demand))
    return after


def _taken(copies: list[ObservedObject], flags: Flags | None) -> ObservedObject | None:
    """One of some equal objects, with these flags if there is one, taken from the list."""
    alike = [each for each in copies if flags is None or normal_flags(each.flags) == flags]
    taken = next(iter(alike or copies), None)
    if taken is not None:
        copies.remove(taken)
    return taken


def _agreed(item: Item, former: Item | None, demand: Demand) -> tuple[Item, Item, Item]:
    """A flag's common value is the next base; where the policy keeps the sides apart the old one stays."""
    local, server = demand.local_flags, demand.server_flags
    before: Flags = normal_flags(former.flags) if former else frozenset()
    base = (local & server) | (before & (local ^ server))
    return replace(item, flags=base), replace(item, flags=local), replace(item, flags=server)
