"""5.5.2.4: what an identifier names never changes, whatever happens to the flags and to other objects."""

from __future__ import annotations

import time
from collections.abc import Callable

from conformance.cases.declaration import server_case
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.awkward import octets
from conformance.scenario.fetched import fetched, names_missing, section_of, string_of, uids_of
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.scenario.storage import Fetched, Selection, Storage, Tester

STATIC = ("INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", "BODY", "BODY[]")
ITEMS = "INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY BODY.PEEK[]"
LONG_AGO = "05-Mar-2020 10:00:00 +0000"
CLOCK_SECONDS = 3.0
PLAIN = octets("static", b"text\r\n", b"Subject: static\r\nTo: <b@example.test>\r\n")
OBJECTS = [*(of_kind(kind, f"static-{number}").octets for number, kind in enumerate(ObjectKind, 1)), PLAIN]


@server_case("static-items-never-change", "OP04-S1", "OP04-S5")
def test_static_items_never_change(storage: Storage, judge: Judge) -> None:
    """A server gives the same static items of an object for ever, in every session and after every change."""
    one, other = storage.connect(), storage.connect()
    folder = storage.folder(one, "Static")
    for content in OBJECTS:
        one.append(folder, content, date=LONG_AGO)
    told = one.select(folder)
    leaving, *kept = uids_of(one, len(OBJECTS))
    base = _static(one, kept)
    _let_the_date_change(one, folder, base[kept[0]])
    other.select(folder)
    changes: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "flags are set": lambda: one.store(kept, "+FLAGS (\\Flagged \\Seen)"),
        "flags are replaced by another session": lambda: other.store(kept, "FLAGS (\\Answered)"),
        "an object is read": lambda: other.must(b"UID FETCH %d (BODY[])" % kept[0]),
        "an object comes": lambda: other.append(folder, OBJECTS[0]),
        "the first object goes": lambda: _expunge(one, leaving),
        "the folder is selected again": lambda: one.select(folder),
        "the folder is only looked at": lambda: other.examine(folder),
    }
    for change, make in changes.items():
        make()
        storage.step(change)
        for tester in (one, other):
            _judge_static(judge, base, _static(tester, kept), change)
    later = storage.connect()
    if _same_folder(judge, told, later.select(folder)):
        _judge_static(judge, base, _static(later, kept), "a later session looks")


def _static(tester: Tester, uids: list[int]) -> dict[int, Fetched]:
    found = {uid: items for uid, items in tester.fetch(uids, ITEMS).items() if uid in uids}
    missing = {name for uid in uids for name in names_missing(found.get(uid, {}), STATIC)}
    if missing:
        raise PreconditionNotReached(f"not fetched: {', '.join(sorted(missing))}")
    return {uid: {name: items[name] for name in STATIC} for uid, items in found.items()}


def _judge_static(judge: Judge, base: dict[int, Fetched], found: dict[int, Fetched], change: str) -> None:
    changed = {name for uid, items in found.items() for name, value in items.items() if value != base[uid][name]}
    items = sorted(changed - {"BODY[]"})
    judge.check("OP04-S5", not items, "the same items as before", f"after {change}: {', '.join(items)} changed")
    judge.check("OP04-S1", "BODY[]" not in changed, "the same octets", f"after {change}: BODY[] changed")


def _let_the_date_change(tester: Tester, folder: bytes, items: Fetched) -> None:
    """Where the server does not keep the given date, wait until an object stored now would have another one."""
    date = string_of(items["INTERNALDATE"]) or b""
    if date.split()[:1] == LONG_AGO.encode().split()[:1]:
        return
    until = time.monotonic() + CLOCK_SECONDS
    while time.monotonic() < until:
        tester.append(folder, OBJECTS[0])
        last = tester.uids()[-1]
        if string_of(tester.fetch([last], "INTERNALDATE")[last].get("INTERNALDATE")) != date:
            return
    raise PreconditionNotReached(f"objects stored {CLOCK_SECONDS} s apart have one INTERNALDATE")


def _expunge(tester: Tester, uid: int) -> None:
    tester.store([uid], "+FLAGS (\\Deleted)")
    tester.must(b"EXPUNGE")


def _same_folder(judge: Judge, before: Selection, after: Selection) -> bool:
    same = before.uid_validity == after.uid_validity
    if not same:
        judge.remark(f"UIDVALIDITY {before.uid_validity}, then {after.uid_validity}: the identifiers are not compared")
    return same


FORMS = ("BODY.PEEK[]", "BODY[]", "RFC822", "RFC822.HEADER RFC822.TEXT", "BODY.PEEK[HEADER] BODY.PEEK[TEXT]")


@server_case("same-octets-however-fetched", "OP04-S1")
def test_same_octets_however_fetched(storage: Storage, judge: Judge) -> None:
    """A server gives the same octets of an object in every form, by number or UID, and in every session."""
    tester = storage.connect()
    folder = storage.folder(tester, "Forms", objects=OBJECTS)
    tester.select(folder)
    uids = uids_of(tester, len(OBJECTS))
    base = {uid: tester.body(uid) for uid in uids}
    later = storage.connect()
    later.select(folder)
    for number, uid in enumerate(uids, 1):
        for form in FORMS:
            items, answer = fetched(later, uid, form)
            observed = f"{form} of object {number}: {answer.status}, {len(_octets(items))} octets or other ones"
            same = base[uid] is not None and _octets(items) == base[uid]
            judge.check("OP04-S1", same, f"the {len(base[uid] or b'')} octets of BODY.PEEK[]", observed, answer.entry)


def _octets(items: Fetched) -> bytes:
    """The whole object, from whichever items it was fetched in."""
    whole = section_of(items, "") or string_of(items.get("RFC822"))
    if whole is not None:
        return whole
    header = section_of(items, "HEADER") or string_of(items.get("RFC822.HEADER")) or b""
    return header + (section_of(items, "TEXT") or string_of(items.get("RFC822.TEXT")) or b"")


@server_case("same-object-after-neighbours-go", "OP04-S1", "OP04-S5")
def test_same_object_after_neighbours_go(storage: Storage, judge: Judge) -> None:
    """A server keeps each object under its UID while others are removed before and after it, one by one."""
    tester, watcher = storage.connect(), storage.connect()
    contents = [octets(f"neighbour-{number}", b"x" * number + b"\r\n") for number in range(1, 8)]
    folder = storage.folder(tester, "Neighbours", objects=contents)
    tester.select(folder)
    watcher.select(folder)
    left = dict(zip(uids_of(tester, len(contents)), contents, strict=True))
    for place in (0, -1, 2, 1):
        gone = list(left)[place]
        _expunge(tester, gone)
        del left[gone]
        watcher.must(b"NOOP")
        for each in (tester, watcher):
            found = each.fetch(left, "RFC822.SIZE BODY.PEEK[]")
            wrong = [uid for uid, content in left.items() if not (_body(found, uid) or b"").endswith(content)]
            observed = f"after UID {gone} went, other octets under UIDs {wrong}"
            judge.check("OP04-S1", not wrong, "every object under its own UID", observed)
            sizes = [uid for uid in left if string_of(found.get(uid, {}).get("RFC822.SIZE")) != _size(found, uid)]
            observed = f"after UID {gone} went, sizes of others under UIDs {sizes}"
            judge.check("OP04-S5", not sizes, "every size under its own UID", observed)


def _body(found: dict[int, Fetched], uid: int) -> bytes | None:
    return section_of(found.get(uid, {}), "")


def _size(found: dict[int, Fetched], uid: int) -> bytes:
    return str(len(_body(found, uid) or b"")).encode()
