"""Which requirement a difference breaks: a table over what differs, which row of the oracle it belongs to, and where.

The first line that matches decides. A test case whose stimulus belongs to a narrower requirement (a kind of object, a
name with special characters) names that requirement for the differences at its own subject.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conformance.model.comparison import Difference, Nature
from conformance.model.oracle import Row
from conformance.model.states import Side


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; None matches everything."""

    requirement: str
    natures: frozenset[Nature] | None = None
    rows: frozenset[Row | None] | None = None
    side: Side | None = None
    origin: Side | None = None

    def matches(self, difference: Difference) -> bool:
        """Whether this line speaks of the difference."""
        return (
            (self.natures is None or difference.nature in self.natures)
            and (self.rows is None or difference.row in self.rows)
            and (self.side is None or difference.side is self.side)
            and (self.origin is None or difference.origin is self.origin)
        )


def _line(requirement: str, natures: list[Nature], rows: list[Row], side: Side | None = None) -> Line:
    return Line(requirement, frozenset(natures) or None, frozenset(rows) or None, side)


def _flag(requirement: str, nature: Nature, changed_on: Side) -> Line:
    return Line(requirement, frozenset({nature}), frozenset({Row.KEPT}), origin=changed_on)


FOLDERS = [Nature.FOLDER_MISSING, Nature.FOLDER_SURPLUS]
OBJECTS = [Nature.MISSING, Nature.SURPLUS]

TABLE: tuple[Line, ...] = (
    _line("SYN-703", [Nature.DISAGREEMENT], []),
    _line("SYN-303", FOLDERS, [Row.NEW_ON_SERVER]),
    _line("SYN-304", FOLDERS, [Row.NEW_LOCALLY]),
    _line("SYN-305", FOLDERS, [Row.REMOVED_ON_SERVER]),
    _line("SYN-306", FOLDERS, [Row.REMOVED_LOCALLY]),
    _line("SYN-310", FOLDERS, [Row.NEW_ON_BOTH]),
    _line("SYN-311", FOLDERS, [Row.REMOVED_ON_BOTH]),
    _line("SYN-309", FOLDERS, [Row.KEPT]),
    _line("SYN-110", [Nature.FOLDER_UNKNOWN], []),
    _line("SYN-704", [Nature.MISSING], [Row.NEW_ON_SERVER], Side.SERVER),
    _line("SYN-403", OBJECTS, [Row.NEW_ON_SERVER]),
    _line("SYN-407", [Nature.MISSING], [Row.NEW_LOCALLY], Side.LOCAL),
    _line("SYN-408", OBJECTS, [Row.NEW_LOCALLY]),
    _line("SYN-406", OBJECTS, [Row.REMOVED_ON_SERVER]),
    _line("SYN-410", OBJECTS, [Row.REMOVED_LOCALLY]),
    _line("SYN-601", OBJECTS, [Row.REMOVED_ON_BOTH]),
    _line("SYN-407", OBJECTS, [Row.KEPT], Side.LOCAL),
    _line("SYN-411", OBJECTS, [Row.KEPT], Side.SERVER),
    _line("SYN-704", OBJECTS, []),
    _line("SYN-705", [Nature.DUPLICATE], []),
    _line("SYN-103", [Nature.UNKNOWN], [], Side.LOCAL),
    _line("SYN-104", [Nature.UNKNOWN], [], Side.SERVER),
    _flag("SYN-501", Nature.FLAG_NOT_SET, Side.SERVER),
    _flag("SYN-502", Nature.FLAG_NOT_CLEARED, Side.SERVER),
    _flag("SYN-503", Nature.FLAG_NOT_SET, Side.LOCAL),
    _flag("SYN-504", Nature.FLAG_NOT_CLEARED, Side.LOCAL),
    _line("SYN-505", [Nature.FLAG_NOT_SET], [Row.KEPT]),
    _line("SYN-509", [Nature.FLAG_NOT_CLEARED], [Row.KEPT]),
    _line("SYN-506", [Nature.FLAG_NOT_SET, Nature.FLAG_NOT_CLEARED], [Row.NEW_ON_SERVER], Side.LOCAL),
    _line("SYN-509", [Nature.FLAG_NOT_SET, Nature.FLAG_NOT_CLEARED], [Row.NEW_ON_SERVER], Side.SERVER),
    _line("SYN-507", [Nature.FLAG_NOT_SET, Nature.FLAG_NOT_CLEARED], [Row.NEW_LOCALLY]),
    _line("SYN-703", [], []),
)


TWINS: dict[str, tuple[str, ...]] = {
    "SYN-104": ("OP03-C4",),
    "SYN-304": ("OP08-C1",),
    "SYN-306": ("OP11-C1",),
    "SYN-308": ("OP11-C2",),
    "SYN-402": ("OP02-C2",),
    "SYN-403": ("OP04-C1",),
    "SYN-410": ("OP06-C1",),
    "SYN-411": ("OP06-C2",),
    "SYN-501": ("OP13-C1",),
    "SYN-503": ("OP13-C1",),
    "SYN-509": ("OP04-C3",),
}
"""Statements of the cited operations that demand the same: whatever breaks the one breaks the other."""


def broken_requirement(difference: Difference) -> str:
    """The id of the requirement that the difference breaks; the table ends with a line for everything."""
    cause = difference.because or difference
    return next(line.requirement for line in TABLE if line.matches(cause))


_REMOVED_WITH_ITS_FOLDER = {Row.REMOVED_ON_SERVER: "SYN-305", Row.REMOVED_LOCALLY: "SYN-306"}


def plain_requirements(differences: Iterable[Difference]) -> list[str]:
    """All requirements of the table that the differences break; a removed folder takes its objects along."""
    found = set()
    for each in differences:
        found.add(broken_requirement(each))
        if each.nature is Nature.SURPLUS and each.folder_row in _REMOVED_WITH_ITS_FOLDER:
            found.add(_REMOVED_WITH_ITS_FOLDER[each.folder_row])
    return sorted(found)
