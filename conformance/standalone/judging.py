"""Whether both sides are as they have to be: what the suite demands, as data, held against what the two stores show."""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from email.message import Message
from typing import Any, NamedTuple

from conformance.standalone.hands import Observed, Path, Seen, told_path

Json = dict[str, Any]
Copies = tuple[int, int]
SIDES = ("local", "server")
WHERE = {"local": "in local storage", "server": "on the server"}
SYSTEM_FLAGS = {"\\seen", "\\flagged", "\\answered", "\\draft"}
LINE_END = re.compile(rb"\r\n|\r|\n")
IDENTITY_HEADERS = (
    *("From", "To", "Date", "Subject", "Conversation-ID", "Contribution-ID", "InReplyTo-Contribution-ID"),
    *("IMDN-Message-ID", "Message-ID", "Message-Direction", "Message-Context", "Message-Correlator", "Content-Type"),
)


class Difference(NamedTuple):
    """One thing that is not as it has to be; `flag` names the flag that it is about, if any."""

    expected: str
    observed: str
    path: Path = ()
    flag: str = ""

    def __str__(self) -> str:
        return f"expected {self.expected}; observed {self.observed}"


def octet_identity(octets: bytes) -> str:
    """The same for two streams that differ in the form of line ends at most."""
    return hashlib.sha256(LINE_END.sub(b"\r\n", octets)).hexdigest()


def mime_identity(octets: bytes) -> str:
    """The same for two streams with the same identity headers and the same content of every part."""
    entity = email.message_from_bytes(LINE_END.sub(b"\n", octets), policy=email.policy.compat32)
    digest = hashlib.sha256()
    for name in IDENTITY_HEADERS:
        digest.update(f"{name}={_unfolded(entity, name)}\0".encode("utf-8", "surrogateescape"))
    for leaf in entity.walk():
        if not isinstance(leaf.get_payload(), list):
            payload = leaf.get_payload(decode=True)
            digest.update(payload.rstrip(b"\n") if isinstance(payload, bytes) else b"")
            digest.update(b"\0")
    return digest.hexdigest()


def _unfolded(entity: Message, name: str) -> str:
    return "|".join(" ".join(str(value).split()) for value in entity.get_all(name, []))


class Lens:
    """How the two sides are looked at: which objects are equal, and which flags both sides can hold."""

    def __init__(self, introduction: Json) -> None:
        claims = introduction.get("claims") or {}
        self.identity = mime_identity if introduction.get("equality") == "mime" else octet_identity
        self._keywords = claims.get("flags.keywords", True)
        self._system = SYSTEM_FLAGS | ({"\\read-report-sent"} if claims.get("flags.read-report-sent") else set())

    def flags(self, flags: Iterable[str]) -> frozenset[str]:
        """The flags that are compared, in lower case; a mark for removal is none of them."""
        lower = {flag.lower() for flag in flags}
        return frozenset(each for each in lower if each in self._system or (self._keywords and each[:1] != "\\"))

    def same(self, one: Seen, other: Seen) -> bool:
        """Whether a store holds the same folders, objects and flags; it may name its objects anew."""
        return self._contents(one) == self._contents(other)

    def _contents(self, seen: Seen) -> dict[Path, list[tuple[str, list[str]]]]:
        return {
            path: sorted((self.identity(each.octets), sorted(self.flags(each.flags))) for each in objects)
            for path, objects in seen.items()
        }

    def find(self, objects: Iterable[Observed], octets: bytes, flags: Iterable[str]) -> Observed | None:
        """The copy of an object; among equals, one with these flags if there is one."""
        copies = [each for each in objects if self.identity(each.octets) == self.identity(octets)]
        alike = [each for each in copies if self.flags(each.flags) == self.flags(flags)]
        return next(iter(alike or copies), None)


class Comparison:
    """One comparison of both sides with what has to be."""

    def __init__(self, check: Json, contents: dict[str, bytes], lens: Lens) -> None:
        self._check, self._contents, self._lens = check, contents, lens

    def differences(self, seen: dict[str, Seen]) -> list[Difference]:
        """Everything that is not as it has to be, folders first."""
        self._seen = seen
        self._index = {side: self._by_identity(seen[side]) for side in SIDES}
        return [*self._folders(), *self._objects(), *self._unknown()]

    def _by_identity(self, seen: Seen) -> dict[tuple[Path, str], list[Observed]]:
        index: dict[tuple[Path, str], list[Observed]] = defaultdict(list)
        for path, objects in seen.items():
            for each in objects:
                index[path, self._lens.identity(each.octets)].append(each)
        return index

    def _folders(self) -> Iterator[Difference]:
        for demand in self._check["folders"]:
            path, allowed = tuple(demand["folder"]), _pairs(demand["allowed"])
            there = tuple(int(path in self._seen[side]) for side in SIDES)
            if there in allowed:
                continue
            if len(allowed) > 1:
                where = WHERE[SIDES[there.index(1)]]
                yield Difference(f"the folder {told_path(path)} on both sides or on none", f"{where} only", path)
                continue
            for side, want, have in zip(SIDES, allowed[0], there):  # noqa: B905  (Python 3.9 has no `strict`)
                if want > have or (have > want and not self._is_superior(path)):
                    yield Difference(f"the folder {told_path(path)} {_there(side, want)}", _there(side, have), path)

    def _is_superior(self, path: Path) -> bool:
        """Whether the name has to stay as that of the superior of a folder that stays (RFC 3501 6.3.4)."""
        others = ((tuple(each["folder"]), _pairs(each["allowed"])) for each in self._check["folders"])
        return any(other[: len(path)] == path != other and (1, 1) in allowed for other, allowed in others)

    def _grouped(self) -> dict[tuple[Path, str], list[Json]]:
        groups: dict[tuple[Path, str], list[Json]] = defaultdict(list)
        for demand in self._check["objects"]:
            groups[tuple(demand["folder"]), self._lens.identity(self._contents[demand["content"]])].append(demand)
        return groups

    def _objects(self) -> Iterator[Difference]:
        for key, demands in self._grouped().items():
            seen = {side: self._index[side].get(key, []) for side in SIDES}
            counts = len(seen["local"]), len(seen["server"])
            allowed = _totals(demands)
            if counts not in allowed:
                yield from _wrong_count(key[0], demands, counts, allowed)
            elif min(counts) and self._check["flags"]:
                yield from self._flags(key[0], demands, seen)

    def _flags(self, path: Path, demands: list[Json], seen: dict[str, list[Observed]]) -> Iterator[Difference]:
        if len(demands) > 1:
            yield from self._flags_of_equals(path, demands, seen)
            return
        (demand,) = demands
        if demand["flags"] is None:
            values = {self._lens.flags(each.flags) for side in SIDES for each in seen[side]}
            if len(values) > 1:
                told = " and ".join(sorted(map(_told_flags, values)))
                yield Difference(f"the same flags of {demand['object']} on both sides", told, path)
            return
        for side in SIDES:
            have, want = self._lens.flags(seen[side][0].flags), self._lens.flags(demand["flags"][side])
            for flag in sorted(want ^ have):
                which = f"{flag} {'set' if flag in want else 'not set'} on {demand['object']} in {told_path(path)}"
                yield Difference(f"{which}, {WHERE[side]}", f"its flags are {_told_flags(have)}", path, flag)

    def _flags_of_equals(
        self, path: Path, demands: list[Json], seen: dict[str, list[Observed]]
    ) -> Iterator[Difference]:
        if any(demand["flags"] is None for demand in demands):
            return
        for number, side in enumerate(SIDES):
            if any(not copies[number] for demand in demands for copies in _pairs(demand["allowed"])):
                continue
            want = sorted(_told_flags(self._lens.flags(demand["flags"][side])) for demand in demands)
            have = sorted(_told_flags(self._lens.flags(each.flags)) for each in seen[side])
            if want != have:
                names = f"{_names(demands)} in {told_path(path)}, which are alike, {WHERE[side]}"
                yield Difference(f"the flags {' '.join(want)} on {names}", " ".join(have), path)

    def _unknown(self) -> Iterator[Difference]:
        folders = {tuple(each["folder"]) for each in self._check["folders"]}
        known = set(self._grouped())
        for side in SIDES:
            for path in sorted(set(self._seen[side]) - folders):
                if not any(each[: len(path)] == path for each in folders):
                    yield Difference(f"no folder {told_path(path)} {WHERE[side]}", "it is there", path)
            for key, objects in self._index[side].items():
                if key not in known:
                    where = f"in {told_path(key[0])}, {WHERE[side]}"
                    yield Difference(f"no object that nobody stored {where}", excerpt(objects[0]), key[0])


def _pairs(allowed: Iterable[Iterable[int]]) -> list[Copies]:
    return [(local, server) for local, server in allowed]


def _totals(demands: list[Json]) -> list[Copies]:
    """The allowed numbers of copies of objects that cannot be told apart."""
    totals = [(0, 0)]
    for demand in demands:
        allowed = _pairs(demand["allowed"])
        totals = [(local + more[0], server + more[1]) for local, server in totals for more in allowed]
    return list(dict.fromkeys(totals))


def _wrong_count(path: Path, demands: list[Json], counts: Copies, allowed: list[Copies]) -> Iterator[Difference]:
    nearest = min(allowed, key=lambda each: abs(each[0] - counts[0]) + abs(each[1] - counts[1]))
    what = f"of {_names(demands)} in {told_path(path)}"
    for side, want, have in zip(SIDES, nearest, counts):  # noqa: B905  (Python 3.9 has no `strict`)
        if want != have:
            yield Difference(f"{_copies(want)} {what}, {WHERE[side]}", _copies(have), path)


def _names(demands: list[Json]) -> str:
    return " and ".join(demand["object"] for demand in demands)


def _copies(count: int) -> str:
    return {0: "no copy", 1: "one copy"}.get(count, f"{count} copies")


def _there(side: str, count: int) -> str:
    return f"{'' if count else 'not '}there {WHERE[side]}"


def _told_flags(flags: Iterable[str]) -> str:
    return f"({' '.join(sorted(flags))})"


def excerpt(each: Observed) -> str:
    """An object that has no name, by its beginning."""
    start = each.octets[:60].decode("utf-8", "backslashreplace").replace("\r\n", "\\r\\n")
    return f"an object of {len(each.octets)} octets that begins {start!r}"


class Witness:
    """What each side has to hold at all times since a synchronization began, wherever it lies."""

    def __init__(self, told: Json, contents: dict[str, bytes], identity: Callable[[bytes], str]) -> None:
        self._kept = {
            side: [(name, identity(contents[content])) for name, content in told["kept"][side]] for side in SIDES
        }
        self._known = {identity(contents[content]) for content in told["known"]}
        self._identity = identity

    def lost(self, seen: dict[str, Seen]) -> Iterator[Difference]:
        """What a side has to hold and does not."""
        for side in SIDES:
            held = {self._identity(each.octets) for objects in seen[side].values() for each in objects}
            for name, identity in self._kept[side]:
                if identity not in held:
                    yield Difference(f"{name} still {WHERE[side]}", "it is lost")

    def strangers(self, local: Seen) -> Iterator[Difference]:
        """What local storage shows although nobody stored it, such as a part of an object."""
        for path, objects in local.items():
            for each in objects:
                if self._identity(each.octets) not in self._known:
                    yield Difference(f"only whole objects in {told_path(path)}, in local storage", excerpt(each), path)
