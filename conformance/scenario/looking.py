"""One look at a folder: what its selection told, and every object as the same session fetches it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conformance.imap.data import fetch_items, status_data
from conformance.imap.syntax import Response, flags_of, number_of
from conformance.imap.wire import Exchange
from conformance.scenario.judge import Judge
from conformance.scenario.storage import Fetched, Selection, Storage, Tester, body_of, selection

STATUS_ITEMS = b"(MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)"


@dataclass(frozen=True, slots=True)
class Seen:
    """One object as it was fetched; its flags are in lower case."""

    number: int
    uid: int
    flags: frozenset[str]
    octets: bytes


@dataclass(frozen=True, slots=True)
class Look:
    """A selection and the objects that were fetched after it, by message number."""

    told: Selection
    objects: tuple[Seen, ...]

    @property
    def uids(self) -> list[int]:
        """The UIDs by message number."""
        return [each.uid for each in self.objects]

    @property
    def contents(self) -> dict[int, bytes]:
        """The octets by UID."""
        return {each.uid: each.octets for each in self.objects}

    @property
    def recent(self) -> int:
        r"""How many objects carry `\\Recent`."""
        return sum("\\recent" in each.flags for each in self.objects)

    @property
    def unseen(self) -> list[int]:
        r"""The message numbers of the objects without `\\Seen`."""
        return [each.number for each in self.objects if "\\seen" not in each.flags]

    @property
    def state(self) -> list[tuple[int, bytes, list[str]]]:
        r"""UID, octets and flags of each object, `\\Recent` aside: what must not change by looking."""
        return [(each.uid, each.octets, sorted(each.flags - {"\\recent"})) for each in self.objects]


def look(tester: Tester, folder: bytes, command: bytes = b"EXAMINE") -> Look:
    """Set a folder active and fetch all of it, without side effect."""
    told = selection(tester.must(command + b" " + folder))
    return Look(told, objects_of(tester.must(b"UID FETCH 1:* (UID FLAGS BODY.PEEK[])")))


def look_afresh(storage: Storage, folder: bytes) -> Look:
    """The same for reading only, in a session that is opened now."""
    return look(storage.connect(), folder)


def objects_of(answer: Exchange) -> tuple[Seen, ...]:
    """The objects whose UID, flags and octets an answer told, by message number."""
    found: dict[int, Fetched] = {}
    for each in answer.named("FETCH"):
        found.setdefault(each.number or 0, {}).update(fetch_items(each))
    told = [(number, items) for number, items in sorted(found.items()) if {"UID", "FLAGS", "BODY[]"} <= items.keys()]
    return tuple(
        Seen(
            number,
            number_of(items["UID"]),
            frozenset(each.lower() for each in flags_of(items["FLAGS"])),
            body_of(items) or b"",
        )
        for number, items in told
    )


def sizes(responses: Iterable[Response]) -> list[int]:
    """The numbers of the EXISTS responses among these."""
    return [each.number or 0 for each in responses if each.name == "EXISTS"]


def status_of(answer: Exchange) -> dict[str, int]:
    """The values of the STATUS response in an answer, empty where there is none."""
    return next((status_data(each)[1] for each in answer.named("STATUS")), {})


def judge_selection(judge: Judge, view: Look, count: int) -> None:
    """Whether the selection of a folder with so many objects told everything that it has to tell, truly (OP02-S1)."""
    told, entry = view.told, view.told.answer.entry
    wrong = [*_missing(told), *_untrue(view, count)]
    expected = "FLAGS, EXISTS, RECENT, UIDNEXT and UIDVALIDITY, and every value true"
    judge.check("OP02-S1", not wrong, expected, "; ".join(wrong), entry)
    if told.permanent_flags is None:
        judge.recommended("OP02-S1", "PERMANENTFLAGS", "it is missing", entry)
    if told.unseen is None and view.unseen:
        judge.recommended("OP02-S1", f"UNSEEN {view.unseen[0]}", "it is missing", entry)


def _missing(told: Selection) -> list[str]:
    required = {
        "FLAGS": told.flags,
        "EXISTS": told.exists,
        "RECENT": told.recent,
        "UIDNEXT": told.uid_next,
        "UIDVALIDITY": told.uid_validity,
    }
    return [f"{name} is missing" for name, value in required.items() if value is None]


def _untrue(view: Look, count: int) -> list[str]:
    told, highest = view.told, max(view.uids, default=0)
    lowest_unseen = next(iter(view.unseen), None)
    statements = {
        f"EXISTS {told.exists} with {count} objects": told.exists in (None, count),
        f"{len(view.objects)} of {count} objects can be fetched": len(view.objects) == count,
        f"RECENT {told.recent} where {view.recent} objects carry \\Recent": told.recent in (None, view.recent),
        f"UIDNEXT {told.uid_next} with UID {highest} there": told.uid_next is None or told.uid_next > highest,
        f"UIDVALIDITY {told.uid_validity}": told.uid_validity is None or 0 < told.uid_validity < 2**32,
        f"UNSEEN {told.unseen}, the lowest unseen is {lowest_unseen}": told.unseen in (None, lowest_unseen),
    }
    return [statement for statement, true in statements.items() if not true]


def judge_status(judge: Judge, answer: Exchange, view: Look) -> None:
    """Whether STATUS told what EXAMINE and the objects show (OP02-S16)."""
    told = view.told
    wanted = {
        "MESSAGES": told.exists,
        "RECENT": told.recent,
        "UIDNEXT": told.uid_next,
        "UIDVALIDITY": told.uid_validity,
        "UNSEEN": len(view.unseen),
    }
    values = status_of(answer)
    differing = [
        f"{name} {values.get(name)} instead of {value}"
        for name, value in wanted.items()
        if value is not None and values.get(name) != value
    ]
    observed = f"{answer.status}; {'; '.join(differing)}"
    judge.check("OP02-S16", answer.ok and not differing, "STATUS equals EXAMINE", observed, answer.entry)
