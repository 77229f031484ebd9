"""Which requirement a wrong state breaks: decided by what was done since the state was last seen to be right.

The smallest failing sequence holds nothing but what is needed for the failure, so that what was done last decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from conformance.model.folders import FolderPath, is_below
from conformance.model.states import Flags
from conformance.scenario.store_ledger import Event, Ledger, Record

# What removes objects of a folder, or may be mistaken for it, and what its records say of those that stay.
_REMOVALS = ("expunge", "uid-expunge", "close", "move")
_HERE = {
    **dict.fromkeys(_REMOVALS, "OP06-S1"),
    "close-examined": "OP06-S5",
    "interrupt": "OP03-S2",
    "create-refused": "OP08-S3",
}
# COPY and MOVE are no operations that 5.5.2.20 cites: that what they answered OK to holds is what SYN-801 asks.
UNCITED = "SYN-801"


@dataclass(frozen=True, slots=True)
class Wrong:
    """The flags that an object has, those that it lacks, and those that it has too many, in lower case."""

    seen: Flags
    lost: Flags
    won: Flags

    @property
    def is_lost_keyword(self) -> bool:
        """Whether nothing is wrong but a keyword that is gone."""
        return bool(self.lost) and not self.won and not any(flag.startswith("\\") for flag in self.lost)


def of_folder(ledger: Ledger, path: FolderPath) -> str:
    """A folder that should be there cannot be selected."""
    for event in ledger.since(ledger.shelves[path].created_at, "delete", "rename"):
        if event.kind == "rename":
            return "OP09-S3"
        return _deletion(event, path)
    return "OP08-S1"


def _deletion(event: Event, path: FolderPath) -> str:
    return "OP11-S2" if event.path is not None and is_below(path, event.path) else "OP11-S1"


def of_missing(ledger: Ledger, path: FolderPath, name: str, identity: str, session: int, *, marked: bool) -> str:
    """An object that should be there is not. Whatever removes objects is done only when all of them were seen."""
    record = ledger.shelves[path].records[name]
    events = list(ledger.since(max(record.there_at, record.came_at)))
    is_seen = record.there_at >= record.came_at
    here = [event.kind for event in events if event.path == path and event.kind in _HERE]
    here = here if is_seen else [kind for kind in here if kind not in _REMOVALS]
    if here:
        return _HERE[here[0]]
    if any(event.kind == "rename" and event.path == path for event in events):
        return "OP09-S3"
    if any(event.kind in _REMOVALS and identity in ledger.identities(event) for event in events):
        return "OP06-S1"
    if marked and any(event.kind == "left" and event.path == path for event in events):
        return "OP02-S3"
    return _elsewhere(events, path) or _otherwise(record, events, path, session)


def _elsewhere(events: list[Event], path: FolderPath) -> str | None:
    """What was done to other folders, that may have taken the object."""
    for event in events:
        if event.kind == "delete" and event.path != path:
            return _deletion(event, path)
        if event.kind == "rename":
            return "OP09-S3"
    return None


_LOOKS = frozenset({"select", "examine", "left"})
"""Kinds of event by which nothing in the store can have changed."""


def _otherwise(record: Record, events: list[Event], path: FolderPath, session: int) -> str:
    if record.there_at < record.came_at:
        return "OP03-S1" if record.came == "append" else UNCITED
    if any(event.kind == "append" and event.path == path for event in events):
        return "OP03-S1"
    changed = [event for event in events if event.kind not in _LOOKS]
    return "OP06-S1" if changed or record.there_by == session else "SYN-802"


def of_altered(ledger: Ledger, path: FolderPath, name: str) -> str:
    """An object has other octets than were stored."""
    record = ledger.shelves[path].records[name]
    if record.there_at >= record.came_at:
        return "OP04-S1"
    return "OP03-S1" if record.came == "append" else UNCITED


def of_extra(ledger: Ledger, path: FolderPath, identity: str, octets: bytes, uid: int) -> tuple[str, str]:
    """There is an object too many: the requirement, and what the object is."""
    shelf = ledger.shelves[path]
    alike = [each for each in shelf.gone.values() if each.identity == identity]
    if any(each.uid == uid for each in alike):
        return "OP06-S1", "an object that was removed"
    if any(octets and cut.startswith(octets) for cut in ledger.cut_off.get(path, ())):
        return "OP03-S2", "what was stored of a command that was cut off"
    if alike:
        return "OP06-S1", "an object that was removed"
    if identity in ledger.former.get(path, ()):
        return "OP11-S1", "an object of the folder that was removed"
    if shelf.renamed and not any(ledger.since(shelf.created_at, "append")):
        return "OP09-S3", "an object that was not in the folder before it was renamed"
    kinds = {event.kind for event in ledger.since(shelf.created_at) if event.kind in ("append", "copy")}
    return ("OP03-S1" if "append" in kinds or not kinds else UNCITED), "an object that was not stored there"


def of_flags(
    ledger: Ledger, path: FolderPath, name: str, wrong: Wrong, session: int, *, given: Flags
) -> tuple[str, bool]:
    """An object has not the flags that were set: the requirement, and whether it is only a recommendation."""
    record = ledger.shelves[path].records[name]
    changes = list(ledger.since(max(record.flags_at, record.came_at), "store", "read"))
    naming = [event for event in changes if event.path == path and name in event.names]
    if naming:
        return _named(naming, wrong, session), False
    if record.confirmed and record.changed_at > max(record.came_at, record.flags_seen_by.get(session, -1)):
        return "OP13-S7", False
    if not record.confirmed and wrong.lost:
        return _with_the_object(record, given)
    if any(event.kind == "store" and _explains(event, wrong) for event in changes):
        return "OP13-S1", False
    return _with_the_object(record, given) if not record.confirmed else (_unasked(ledger, record, wrong), False)


def _named(changes: list[Event], wrong: Wrong, session: int) -> str:
    """The object was named in a change of flags."""
    if wrong.lost == {"\\seen"} and all(event.kind == "read" for event in changes):
        return "OP04-S8"
    if wrong.is_lost_keyword:
        return "OP13-S10"
    return "OP13-S1" if changes[0].session == session else "OP13-S7"


def _explains(event: Event, wrong: Wrong) -> bool:
    """Whether a change of other objects would have had this effect."""
    if event.how == "+FLAGS":
        return not wrong.lost and wrong.won <= event.flags
    if event.how == "-FLAGS":
        return not wrong.won and wrong.lost <= event.flags
    return wrong.seen == event.flags


def _with_the_object(record: Record, given: Flags) -> tuple[str, bool]:
    """Flags given to APPEND and those of a copied object SHOULD be set (RFC 3501 6.3.11, 6.4.7)."""
    if record.came == "append":
        return ("OP03-S7", True) if given else ("OP03-S10", False)
    return "OP13-S7", True


def _unasked(ledger: Ledger, record: Record, wrong: Wrong) -> str:
    """Nothing that was done would have had this effect."""
    if wrong.won == {"\\seen"} and not wrong.lost:
        return "OP04-S8"
    kinds = {event.kind for event in ledger.since(record.flags_at)} - {"status"}
    if kinds == {"examine"}:
        return "OP02-S3"
    if kinds <= {"select", "examine", "store", "append"} and "store" in kinds:
        return "OP13-S1"
    return "OP13-S10" if wrong.is_lost_keyword else "OP13-S7"
