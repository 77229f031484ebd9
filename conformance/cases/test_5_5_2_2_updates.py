"""5.5.2.2 set active folder: what a session is told of its active folder while others change it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.data import fetch_items
from conformance.imap.syntax import Response
from conformance.model.objects import ObjectKind, of_kind
from conformance.outcomes import Reason
from conformance.scenario.judge import Judge
from conformance.scenario.looking import objects_of, sizes
from conformance.scenario.notices import ask_for_news, removals
from conformance.scenario.storage import Storage, Tester, plain_flags

OBJECTS = [of_kind(kind, f"arriving-{number}").octets for number, kind in enumerate(ObjectKind)]
REMOVING = {
    "remove-the-first": ("STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"),
    "remove-the-last": ("STORE 5 +FLAGS (\\Deleted)", "EXPUNGE"),
    "remove-some": ("STORE 2,4 +FLAGS (\\Deleted)", "EXPUNGE"),
    "remove-all": ("STORE 1:5 +FLAGS (\\Deleted)", "EXPUNGE"),
    "close": ("STORE 1:2 +FLAGS (\\Deleted)", "CLOSE"),
    "remove-and-copy": ("STORE 1:3 +FLAGS (\\Deleted)", "COPY 4:5 {folder}", "EXPUNGE"),
}
MARKING = {
    "add": ("+FLAGS (\\Seen \\Flagged)", {"\\seen", "\\flagged", "\\answered"}),
    "take": ("-FLAGS (\\Answered)", set[str]()),
    "replace": ("FLAGS (\\Draft)", {"\\draft"}),
    "mark-for-removal": ("+FLAGS (\\Deleted)", {"\\deleted", "\\answered"}),
}


@pytest.mark.parametrize("command", ["SELECT", "EXAMINE"])
@pytest.mark.parametrize("how", ["append", "append-three", "copy", "append-itself"])
@server_case("additions-are-told", "OP02-S11")
def test_additions_are_told(storage: Storage, judge: Judge, how: str, command: str) -> None:
    """A server tells a session by EXISTS, with NOOP at the latest, how many objects its active folder has now."""
    tester, other = storage.connect(), storage.connect()
    folder, _ = storage.filled(other, 2, "Growing")
    tester.must(command.encode() + b" " + folder)
    heard: list[Response] = []
    if how == "append-itself":
        heard += tester.append(folder, OBJECTS[0]).untagged
    elif how == "copy":
        other.must(b"COPY 1 " + folder)
    else:
        for octets in OBJECTS[: 3 if how == "append-three" else 1]:
            other.append(folder, octets)
    count = 5 if how == "append-three" else 3
    heard += ask_for_news(tester, lambda news: count in sizes([*heard, *news]))
    told, entry = sizes(heard), tester.wire.last_entry
    judge.check("OP02-S11", told and told[-1] == count, f"EXISTS {count}", f"EXISTS {told or 'not told'}", entry)
    shown = objects_of(tester.ask(f"FETCH {count} (UID FLAGS BODY.PEEK[])".encode()))
    expected = f"the object with the number {count} can be fetched"
    judge.check("OP02-S11", len(shown) == 1, expected, f"{len(shown)} objects", tester.wire.last_entry)


@server_case("additions-elsewhere-are-not-told", "OP02-S11")
def test_additions_elsewhere_are_not_told(storage: Storage, judge: Judge) -> None:
    """A server tells of the active folder's size only, through every growth, and not of another folder's."""
    tester, other = storage.connect(), storage.connect()
    folder, _ = storage.filled(other, 2, "Growing")
    elsewhere = storage.folder(other, "Elsewhere", objects=OBJECTS[:4])
    tester.select(folder)
    for count in (3, 4, 5):
        other.append(elsewhere, OBJECTS[0])
        told = sizes(tester.must(b"NOOP").untagged)
        expected = f"no EXISTS but {count - 1}"
        judge.check("OP02-S11", set(told) <= {count - 1}, expected, f"EXISTS {told}", tester.wire.last_entry)
        other.append(folder, OBJECTS[count % len(OBJECTS)])
        told = sizes(ask_for_news(tester, sizes))
        judge.check("OP02-S11", told and set(told) == {count}, f"EXISTS {count}", f"{told}", tester.wire.last_entry)


@pytest.mark.parametrize("how", REMOVING)
@server_case("exists-never-reduces", "OP02-S12")
def test_exists_never_reduces(storage: Storage, judge: Judge, how: str) -> None:
    """A server lets the number of objects fall by EXPUNGE alone, whatever other sessions remove and add."""
    tester, other = storage.connect(), storage.connect()
    folder, _ = storage.filled(tester, 5, "Shrinking")
    other.select(folder)
    for line in REMOVING[how]:
        other.must(line.encode().replace(b"{folder}", folder))
    left = len(storage.afresh(folder))
    heard: list[Response] = [*tester.must(b"FETCH 1 (FLAGS)").untagged] if how != "remove-all" else []
    heard += ask_for_news(tester, lambda news: _size(5, [*heard, *news]) == left)
    other.append(folder, OBJECTS[0])
    heard += ask_for_news(tester, lambda news: left + 1 in sizes(news))
    _judge_sizes(judge, tester, heard, 5, left + 1)


def _size(size: int, responses: Iterable[Response]) -> int:
    for each in responses:
        if each.name == "EXISTS":
            size = each.number or 0
        elif each.name == "EXPUNGE":
            size -= 1
    return size


def _judge_sizes(judge: Judge, tester: Tester, heard: list[Response], size: int, final: int) -> None:
    """Hold every EXISTS against the one before it less the EXPUNGE responses between them."""
    entry = tester.wire.last_entry
    told = [f"{each.number} {each.name}" for each in heard if each.name in ("EXISTS", "EXPUNGE")]
    for each in heard:
        if each.name == "EXISTS":
            smaller = (each.number or 0) < size
            observed = f"{each.number} EXISTS with {size} objects: {', '.join(told)}"
            judge.check("OP02-S12", not smaller, "only EXPUNGE reduces the number", observed, entry)
        size = _size(size, [each])
    if not removals(heard):
        judge.undecided("OP02-S12", "EXPUNGE of what others remove", "none", Reason.NOT_EXERCISED, entry)
    else:
        judge.check("OP02-S12", size == final, f"{final} objects in the end", f"{size}: {', '.join(told)}", entry)


@pytest.mark.parametrize("how", MARKING)
@server_case("flag-changes-are-told", "OP02-S13")
def test_flag_changes_are_told(storage: Storage, judge: Judge, how: str) -> None:
    """A server tells a session the new flags of an object in its active folder, without being asked for them."""
    tester, other = storage.connect(), storage.connect()
    folder, uids = storage.filled(other, 3, "Marked")
    other.store(uids, "+FLAGS (\\Answered)")
    tester.select(folder)
    change, wanted = MARKING[how]
    other.store(uids[1:2], change)
    heard = ask_for_news(tester, lambda news: _flags_told(news, 2))
    told = _flags_told(heard, 2)
    holds = told and told[-1] == wanted
    observed = f"{[sorted(each) for each in told]}"
    judge.check("OP02-S13", holds, f"FETCH with the flags {sorted(wanted)}", observed, tester.wire.last_entry)


def _flags_told(responses: Iterable[Response], number: int) -> list[frozenset[str]]:
    items = [fetch_items(each) for each in responses if each.name == "FETCH" and each.number == number]
    return [plain_flags(each) for each in items if "FLAGS" in each]
