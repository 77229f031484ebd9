"""The laws of UIDs and UIDVALIDITY (RFC 3501 2.3.1.1), held against every selection that a test case makes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from conformance.model.folders import FolderPath, display
from conformance.scenario.judge import Judge
from conformance.scenario.storage import Selection

Place = tuple[FolderPath, int | None]


@dataclass
class Laws:
    """What was seen of each folder under each UIDVALIDITY, for as long as the account lives."""

    judge: Judge
    contents: dict[tuple[Place, int], str] = field(default_factory=dict)
    announced: dict[Place, int] = field(default_factory=dict)

    def selected(
        self,
        path: FolderPath,
        told: Selection,
        contents: Mapping[int, bytes],
        order: Sequence[int],
        entry: int,
    ) -> None:
        """A folder was selected and all of it fetched: octets by UID, and the UIDs in the order of their numbers."""
        place = (path, told.uid_validity)
        self._counts(path, told, contents, entry)
        if list(order) != sorted(set(order)):
            self._broken("OP02-S10", path, "UIDs ascend with the numbers", f"in the order {list(order)}", entry)
        for uid, octets in contents.items():
            self._immutable(place, uid, octets, entry)
        self._next(place, told, entry)

    def _counts(self, path: FolderPath, told: Selection, contents: Mapping[int, bytes], entry: int) -> None:
        if told.exists is not None and told.exists != len(contents):
            observed = f"EXISTS {told.exists}, but {len(contents)} objects are fetched"
            self._broken("OP02-S1", path, "EXISTS is the number of objects", observed, entry)
        highest = max(contents, default=0)
        if told.uid_next is not None and told.uid_next <= highest:
            observed = f"UIDNEXT {told.uid_next} with UID {highest} there"
            self._broken("OP02-S1", path, "UIDNEXT is above every UID", observed, entry)

    def _immutable(self, place: Place, uid: int, octets: bytes, entry: int) -> None:
        digest = hashlib.sha256(octets).hexdigest()
        before = self.contents.setdefault((place, uid), digest)
        if before != digest:
            observed = f"UIDVALIDITY {place[1]}, UID {uid} once named other octets"
            self._broken("OP02-S4", place[0], "a UID names one object forever", observed, entry)

    def _next(self, place: Place, told: Selection, entry: int) -> None:
        announced = self.announced.get(place)
        if told.uid_next is None:
            return
        if announced is not None and told.uid_next < announced:
            observed = f"UIDNEXT {told.uid_next} after {announced}"
            self._broken("OP02-S8", place[0], "UIDNEXT never falls", observed, entry)
        self.announced[place] = max(told.uid_next, announced or 0)

    def _broken(self, requirement: str, path: FolderPath, expected: str, observed: str, entry: int) -> None:
        self.judge.contradicted(requirement, f"in {display(path)}, {expected}", observed, entry)
