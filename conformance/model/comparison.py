"""The comparison of what was observed with what the oracle demands: every contradiction as one `Difference`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from conformance.model.equality import Equality
from conformance.model.folders import FolderPath, display, is_below
from conformance.model.oracle import Copies, Demand, Expectation, FolderDemand, Row, Standing
from conformance.model.states import Flags, ObservedObject, Side, Snapshot, normal_flags


class Nature(StrEnum):
    """The ways in which a store can contradict a demand."""

    FOLDER_MISSING = "folder missing"
    FOLDER_SURPLUS = "folder still there"
    FOLDER_UNKNOWN = "folder that nobody made"
    MISSING = "object missing"
    SURPLUS = "object still there"
    DUPLICATE = "object more than once"
    UNKNOWN = "object that nobody stored"
    FLAG_NOT_SET = "flag not set"
    FLAG_NOT_CLEARED = "flag not cleared"
    DISAGREEMENT = "the two sides differ"


@dataclass(frozen=True, slots=True)
class Difference:
    """One contradiction: where, what, and on which side.

    `row` is None for what no model state ever held. `origin` is the side that changed the `flag` since the base.
    `because` is the difference of the folder that makes this one of an object in it, if there is one; `folder_row` is
    the row of an object's folder, if its fate is not disputed.
    """

    nature: Nature
    side: Side
    path: FolderPath
    row: Row | None
    subject: str
    expected: str
    observed: str
    flag: str | None = None
    origin: Side | None = None
    because: Difference | None = None
    folder_row: Row | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """An outcome that the text leaves open, recorded and never judged."""

    standing: Standing
    path: FolderPath
    subject: str
    text: str


@dataclass(frozen=True)
class Findings:
    """The result of one comparison."""

    differences: tuple[Difference, ...]
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class Lens:
    """How the two sides are looked at: equality of objects, and the flags that both sides can hold.

    `keeps` tells whether the server keeps a flag in a folder; it is asked only where a flag would make a difference.
    """

    equality: Equality = Equality.OCTETS
    holds_flag: Callable[[str], bool] = field(default=lambda _flag: True)
    keeps: Callable[[str, FolderPath], bool] = field(default=lambda _flag, _path: True)

    def flags(self, flags: Flags) -> Flags:
        r"""The comparable part of a set of flags; `\Deleted` is a mark for removal, not metadata (A12, A13)."""
        return frozenset(flag for flag in normal_flags(flags) if flag != "\\deleted" and self.holds_flag(flag))

    def kept(self, flags: Iterable[str], path: FolderPath) -> Flags:
        """Of these comparable flags those that the server keeps in a folder."""
        return frozenset(flag for flag in flags if self.keeps(flag, path))

    def holds(self, path: FolderPath, flag: str) -> bool:
        """Whether both sides can hold a flag of the objects in a folder."""
        return self.keeps(flag, path) if self.flags(frozenset({flag})) else False


Index = dict[FolderPath, dict[str, list[ObservedObject]]]


def compare(expectation: Expectation, local: Snapshot, server: Snapshot, lens: Lens | None = None) -> Findings:
    """Every difference between the expectation and the two snapshots, and every open outcome that occurred."""
    return _Comparison(expectation, local, server, lens or Lens()).run()


class _Comparison:
    def __init__(self, expectation: Expectation, local: Snapshot, server: Snapshot, lens: Lens) -> None:
        self.expectation = expectation
        self.snapshots = {Side.LOCAL: local, Side.SERVER: server}
        self.lens = lens
        self.index = {side: self._index(snapshot) for side, snapshot in self.snapshots.items()}
        self.folder_rows = {each.path: each.row for each in expectation.folders if not each.disputed}
        self.differences: list[Difference] = []
        self.remarks: list[Remark] = []

    def run(self) -> Findings:
        for folder in self.expectation.folders:
            self._folder(folder)
        for (path, identity), demands in self._by_content().items():
            self._objects(path, identity, demands)
        self._unknown()
        return Findings(tuple(self.differences), tuple(self.remarks))

    def _index(self, snapshot: Snapshot) -> Index:
        index: Index = {}
        for path, objects in snapshot.folders.items():
            by_content: dict[str, list[ObservedObject]] = defaultdict(list)
            for each in objects:
                by_content[self.lens.equality.identity(each.octets)].append(each)
            index[path] = by_content
        return index

    def _by_content(self) -> dict[tuple[FolderPath, str], list[Demand]]:
        groups: dict[tuple[FolderPath, str], list[Demand]] = defaultdict(list)
        for demand in self.expectation.items:
            groups[demand.path, self.lens.equality.identity(demand.item.content.octets)].append(demand)
        return groups

    def _folder(self, demand: FolderDemand) -> None:
        there = tuple(int(demand.path in self.snapshots[side].folders) for side in (Side.LOCAL, Side.SERVER))
        if (there[0], there[1]) in demand.outcomes:
            return
        if len(demand.outcomes) > 1:
            side = Side.LOCAL if not there[0] else Side.SERVER
            self._add(Nature.DISAGREEMENT, side, demand, "the folder on both sides or on none", "on one side only")
            return
        (wanted,) = demand.outcomes
        for side, want, have in zip(Side, wanted, there, strict=True):
            if want > have:
                self._add(Nature.FOLDER_MISSING, side, demand, "the folder is there", "it is not there")
            elif have > want and not self._holds_kept_inferior(demand.path):
                self._add(Nature.FOLDER_SURPLUS, side, demand, "the folder is gone", "it is still there")

    def _holds_kept_inferior(self, path: FolderPath) -> bool:
        """A name that has to stay as the superior of a kept folder is no breach (RFC 3501 6.3.4)."""
        return any(is_below(each.path, path) and (1, 1) in each.outcomes for each in self.expectation.folders)

    def _objects(self, path: FolderPath, identity: str, demands: Sequence[Demand]) -> None:
        seen = {side: self.index[side].get(path, {}).get(identity, []) for side in Side}
        counts = len(seen[Side.LOCAL]), len(seen[Side.SERVER])
        allowed = _allowed_totals(demands)
        if counts in allowed:
            self._remark(demands, counts, allowed[counts])
            if min(counts):
                self._flags(demands, seen)
            return
        self._wrong_count(demands, seen, allowed)

    def _wrong_count(
        self, demands: Sequence[Demand], seen: dict[Side, list[ObservedObject]], allowed: dict[Copies, Standing]
    ) -> None:
        counts = len(seen[Side.LOCAL]), len(seen[Side.SERVER])
        nearest = min(allowed, key=lambda each: abs(each[0] - counts[0]) + abs(each[1] - counts[1]))
        for side, want, have in zip(Side, nearest, counts, strict=True):
            if want == have:
                continue
            demand = _most_telling(demands, missing=want > have)
            if len(allowed) > 1 and have <= max(each[0] for each in allowed) and min(counts) == 0 < max(counts):
                self._add(Nature.DISAGREEMENT, side, demand, "the same on both sides", _copies(have))
            elif want > have:
                self._add(Nature.MISSING, side, demand, _copies(want), self._missing_text(demand, side, have))
            elif want == 0:
                self._add(Nature.SURPLUS, side, demand, "no copy", _copies(have))
            else:
                self._add(Nature.DUPLICATE, side, demand, _copies(want), _copies(have))

    def _missing_text(self, demand: Demand, side: Side, have: int) -> str:
        strangers = [each for path, each in self._strangers(side) if path == demand.path]
        if not strangers:
            return _copies(have)
        return f"{_copies(have)}, but {len(strangers)} object(s) with octets that nobody stored"

    def _flags(self, demands: Sequence[Demand], seen: dict[Side, list[ObservedObject]]) -> None:
        if len(demands) > 1:
            self._flags_of_equals(demands, seen)
            return
        (demand,) = demands
        values = {self.lens.flags(each.flags) for objects in seen.values() for each in objects}
        if self._is_one_sided(demand, values):
            text = f"both sides have the flags that one side had: {_values(values)}"
            self.remarks.append(Remark(Standing.OPEN, demand.path, demand.item.name, text))
            return
        for side, objects in seen.items():
            self._flags_on(side, demand, self.lens.flags(objects[0].flags))
        if demand.flags_open and len({self.lens.kept(each, demand.path) for each in values}) > 1:
            self._add(Nature.DISAGREEMENT, Side.LOCAL, demand, "the same flags on both sides", _values(values))

    def _is_one_sided(self, demand: Demand, values: set[Flags]) -> bool:
        """Whether both sides agree on the flags of one side, where the merged ones are others (A7, A10)."""
        sides = {self.lens.flags(each) for each in demand.one_sided}
        return len(values) == 1 and values <= sides and values != {self.lens.flags(demand.server_flags)}

    def _flags_on(self, side: Side, demand: Demand, have: Flags) -> None:
        if demand.flags_open:
            return
        wanted = self.lens.flags(demand.local_flags if side is Side.LOCAL else demand.server_flags)
        for flag in sorted(self.lens.kept(wanted - have, demand.path)):
            self._add(
                Nature.FLAG_NOT_SET, side, demand, f"{flag} set", _values([have]), flag, _origin(demand, side, flag)
            )
        for flag in sorted(self.lens.kept(have - wanted, demand.path)):
            self._add(
                Nature.FLAG_NOT_CLEARED,
                side,
                demand,
                f"{flag} not set",
                _values([have]),
                flag,
                _origin(demand, side, flag),
            )

    def _flags_of_equals(self, demands: Sequence[Demand], seen: dict[Side, list[ObservedObject]]) -> None:
        """Objects with the same octets cannot be told apart: their flags are compared as a multiset."""
        if any(demand.flags_open or demand.one_sided for demand in demands):
            return
        for number, (side, objects) in enumerate(seen.items()):
            if any(not copies[number] for demand in demands for copies in demand.outcomes):
                continue
            wanted = [self.lens.flags(_flags_of(demand, side)) for demand in demands]
            have = [self.lens.flags(each.flags) for each in objects]
            if Counter(wanted) != Counter(have):
                self._flags_of_equals_on(side, demands, wanted, have)

    def _flags_of_equals_on(
        self, side: Side, demands: Sequence[Demand], wanted: Sequence[Flags], have: Sequence[Flags]
    ) -> None:
        demand = _most_telling(demands, missing=False)
        expected, observed = (
            "flags " + " ".join(sorted(_values([self.lens.kept(each, demand.path)]) for each in flags))
            for flags in (wanted, have)
        )
        if expected != observed:
            self._add(Nature.FLAG_NOT_SET, side, demand, expected, observed)

    def _strangers(self, side: Side) -> Iterator[tuple[FolderPath, ObservedObject]]:
        known = set(self._by_content())
        for path, by_content in self.index[side].items():
            for identity, objects in by_content.items():
                if (path, identity) not in known:
                    yield from ((path, each) for each in objects)

    def _unknown(self) -> None:
        known = {demand.path for demand in self.expectation.folders}
        for side, snapshot in self.snapshots.items():
            for path in sorted(set(snapshot.folders) - known):
                if not any(is_below(each, path) for each in known):
                    self._append(Nature.FOLDER_UNKNOWN, side, path, f"folder {display(path)}", "not there", "there")
            for path, each in self._strangers(side):
                self._append(Nature.UNKNOWN, side, path, _excerpt(each), "not there", "there")

    def _folder_difference(self, side: Side, path: FolderPath) -> Difference | None:
        """A folder that is wrongly there or missing explains whatever is wrong about the objects in it."""
        natures = (Nature.FOLDER_MISSING, Nature.FOLDER_SURPLUS)
        found = (each for each in self.differences if each.nature in natures and each.side is side)
        return next((each for each in found if each.path == path), None)

    def _remark(self, demands: Sequence[Demand], counts: Copies, standing: Standing) -> None:
        if standing in (Standing.OPEN, Standing.DISCARDS):
            demand = _most_telling(demands, missing=False)
            text = f"{counts[0]} in local storage, {counts[1]} on the server (row {demand.row.value})"
            self.remarks.append(Remark(standing, demand.path, demand.item.name, text))

    def _append(self, nature: Nature, side: Side, path: FolderPath, subject: str, expected: str, observed: str) -> None:
        self.differences.append(Difference(nature, side, path, None, subject, expected, observed))

    def _add(
        self,
        nature: Nature,
        side: Side,
        demand: Demand | FolderDemand,
        expected: str,
        observed: str,
        flag: str | None = None,
        origin: Side | None = None,
    ) -> None:
        is_object = isinstance(demand, Demand)
        subject = demand.item.name if isinstance(demand, Demand) else f"folder {display(demand.path)}"
        because = self._folder_difference(side, demand.path) if is_object else None
        row = self.folder_rows.get(demand.path) if is_object else None
        self.differences.append(
            Difference(nature, side, demand.path, demand.row, subject, expected, observed, flag, origin, because, row)
        )


def _flags_of(demand: Demand, side: Side) -> Flags:
    return demand.local_flags if side is Side.LOCAL else demand.server_flags


def _origin(demand: Demand, side: Side, flag: str) -> Side | None:
    """The side whose change of the flag has not arrived; where both changed it alike, the other one than `side`."""
    changed = {
        Side.LOCAL: demand.set_locally | demand.cleared_locally,
        Side.SERVER: demand.set_on_server | demand.cleared_on_server,
    }
    return next((each for each in sorted(Side, key=lambda one: one is side) if flag in changed[each]), None)


def _allowed_totals(demands: Sequence[Demand]) -> dict[Copies, Standing]:
    """The allowed numbers of copies of one content, each with the weakest standing among the ways to reach it."""
    totals: dict[Copies, Standing] = {(0, 0): Standing.REQUIRED}
    for demand in demands:
        totals = {
            (have[0] + more[0], have[1] + more[1]): max(standing, other, key=_WEAKNESS.index)
            for have, standing in totals.items()
            for more, other in demand.outcomes.items()
        }
    return totals


_WEAKNESS = list(Standing)
_PRESENT_ROWS = (Row.NEW_ON_SERVER, Row.NEW_LOCALLY, Row.NEW_ON_BOTH)
_ABSENT_ROWS = (Row.REMOVED_ON_SERVER, Row.REMOVED_LOCALLY, Row.REMOVED_ON_BOTH)


def _most_telling(demands: Sequence[Demand], *, missing: bool) -> Demand:
    """The demand that a wrong count of equal objects most likely breaks."""
    rows = _PRESENT_ROWS if missing else _ABSENT_ROWS
    return next((demand for demand in demands if demand.row in rows), demands[0])


def _copies(count: int) -> str:
    return {0: "no copy", 1: "one copy"}.get(count, f"{count} copies")


def _values(values: Sequence[Flags] | set[Flags]) -> str:
    return " / ".join("(" + " ".join(sorted(each)) + ")" for each in sorted(values, key=sorted))


def _excerpt(each: ObservedObject) -> str:
    start = each.octets[:60].decode("utf-8", "backslashreplace").replace("\r\n", "⏎")
    return f"object of {len(each.octets)} octets that begins {start!r}"
