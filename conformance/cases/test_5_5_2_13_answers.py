"""5.5.2.13 update metadata: what a session is told of its own changes and of changes by others, and in what order."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.data import fetch_items
from conformance.imap.syntax import Response, number_of
from conformance.scenario.judge import Judge, NotApplicable, PreconditionNotReached
from conformance.scenario.notices import ask_for_news
from conformance.scenario.storage import Fetched, Storage, Tester, by_uid, plain_flags

# What is set before, what STORE changes, and the whole set afterwards.
CHANGES = {
    "add": ("\\Seen", "+FLAGS (\\Flagged)", {"\\seen", "\\flagged"}),
    "remove": ("\\Seen \\Flagged", "-FLAGS (\\Flagged)", {"\\seen"}),
    "replace": ("\\Seen", "FLAGS (\\Answered)", {"\\answered"}),
    "clear": ("\\Seen", "FLAGS ()", set[str]()),
}


def _prepared(storage: Storage, tester: Tester, flags: str) -> tuple[bytes, list[int]]:
    folder, uids = storage.filled(tester, 3)
    told = tester.select(folder)
    if not told.keeps("\\Seen", "\\Flagged", "\\Answered"):
        raise NotApplicable("PERMANENTFLAGS does not list \\Seen, \\Flagged and \\Answered")
    tester.store(uids, f"FLAGS.SILENT ({flags})")
    tester.must(b"NOOP")
    return folder, uids


def _shown(responses: list[Response]) -> list[tuple[int, frozenset[str]]]:
    """The message number and flags of each FETCH response that tells flags."""
    told = [(each.number or 0, fetch_items(each)) for each in responses if each.name == "FETCH"]
    return [(number, plain_flags(items)) for number, items in told if "FLAGS" in items]


@pytest.mark.parametrize("by", ["UID STORE", "STORE"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
@server_case("store-tells-the-new-flags", "OP13-S8", "OP04-S2")
def test_store_tells_the_new_flags(storage: Storage, judge: Judge, change: tuple[str, str, set[str]], by: str) -> None:
    """A server answers STORE with the whole new set of flags of each object it names."""
    tester = storage.connect()
    before, told, after = change
    folder, uids = _prepared(storage, tester, before)
    named = f"{uids[0]},{uids[2]}" if by.startswith("UID") else "1,3"
    answer = tester.ask(f"{by} {named} {told}".encode())
    shown = dict(_shown(list(answer.untagged)))
    complete = answer.ok and {1, 3} <= shown.keys()
    identified = not by.startswith("UID") or {uids[0], uids[2]} <= by_uid(answer).keys()
    observed = f"{answer.status}; FETCH of {sorted(shown)}, UIDs {sorted(by_uid(answer))}"
    judge.check("OP13-S8", complete and identified, "FETCH of 1 and 3, with UIDs after UID", observed, answer.entry)
    stored = storage.afresh(folder)
    wrong = {number: sorted(flags) for number, flags in shown.items() if flags != stored.get(uids[number - 1])}
    judge.check("OP04-S2", not wrong, "the flags as stored", f"{wrong}", answer.entry)
    if complete:
        whole = all(shown[number] == after for number in (1, 3))
        judge.check("OP13-S8", whole, f"{sorted(after)} told of both", f"{shown}", answer.entry)


@pytest.mark.parametrize("by", ["UID STORE", "STORE"])
@pytest.mark.parametrize("change", ["+FLAGS.SILENT (\\Flagged)", "-FLAGS.SILENT (\\Seen)", "FLAGS.SILENT (\\Answered)"])
@server_case("silent-store-tells-nothing", "OP13-S8")
def test_silent_store_tells_nothing(storage: Storage, judge: Judge, change: str, by: str) -> None:
    """A server does not tell a session the new flags that the session itself stored with .SILENT."""
    tester = storage.connect()
    folder, uids = _prepared(storage, tester, "\\Seen")
    before = storage.afresh(folder)
    named = f"{uids[0]},{uids[2]}" if by.startswith("UID") else "1,3"
    answer = tester.ask(f"{by} {named} {change}".encode())
    changed = storage.afresh(folder) != before
    told = [number for number, _ in _shown(list(answer.untagged))]
    observed = f"{answer.status}; {'changed' if changed else 'not changed'}, flags told of {told}"
    judge.check("OP13-S8", answer.ok and changed and not told, "changed, and nothing told", observed, answer.entry)


@pytest.mark.parametrize("which", [0, 1], ids=["same-object", "another-object"])
@server_case("silent-store-tells-changes-by-others", "OP13-S9")
def test_silent_store_tells_changes_by_others(storage: Storage, judge: Judge, which: int) -> None:
    """A server tells a session what others changed even when the session stores with .SILENT itself."""
    tester, other = storage.connect(), storage.connect()
    folder, uids = _prepared(storage, tester, "")
    other.select(folder)
    other.store([uids[which]], "+FLAGS (\\Flagged)")
    answer = tester.ask(f"UID STORE {uids[0]} +FLAGS.SILENT (\\Seen)".encode())

    def is_told(heard: list[Response]) -> bool:
        told = [flags for number, flags in _shown([*answer.untagged, *heard]) if number == which + 1]
        return any("\\flagged" in flags for flags in told)

    news = ask_for_news(tester, is_told)
    stored = storage.afresh(folder)
    if not answer.ok or "\\flagged" not in stored.get(uids[which], ()):
        raise PreconditionNotReached("the change by the other session had no effect")
    observed = f"told in answer to STORE or NOOP: {_shown([*answer.untagged, *news])}"
    judge.check("OP13-S9", is_told(news), f"\\Flagged told of {which + 1}", observed, answer.entry)


LOOK = "(UID FLAGS RFC822.SIZE)"
SEQUENCES = {
    "set-then-clear": ["+FLAGS.SILENT (\\Flagged)", "-FLAGS.SILENT (\\Flagged)", "?"],
    "clear-then-set": ["-FLAGS.SILENT (\\Flagged)", "+FLAGS.SILENT (\\Flagged)", "?"],
    "look-after-each": ["+FLAGS.SILENT (\\Flagged)", "?", "-FLAGS.SILENT (\\Flagged)", "?"] * 8,
    "replace-and-look": ["FLAGS.SILENT (\\Seen)", "?", "FLAGS.SILENT (\\Answered)", "?", "FLAGS.SILENT ()", "?"] * 5,
}


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=list(SEQUENCES))
@server_case("ambiguous-commands-run-in-order", "OP13-S11")
def test_ambiguous_commands_run_in_order(storage: Storage, judge: Judge, sequence: list[str]) -> None:
    """A server that is sent changes and fetches of the same flags together gives what they give one by one."""
    tester = storage.connect()
    folder, uids = _prepared(storage, tester, "")
    lines = [f"UID FETCH {uids[1]} {LOOK}" if each == "?" else f"UID STORE 1:* {each}" for each in sequence]
    order, told = _sent_together(tester, lines)
    entry = tester.wire.last_entry
    judge.check("OP13-S11", order == sorted(order), "answers in the order of the commands", f"{order}", entry)
    flags: frozenset[str] = frozenset()
    wanted = []
    for change in sequence:
        if change == "?":
            wanted.append(sorted(flags))
        else:
            flags = _applied(flags, change)
    shown = [sorted(plain_flags(items)) for items in _looks(told)]
    judge.check("OP13-S11", shown == wanted, f"the looks show {wanted}", f"{shown}", entry)
    after = storage.afresh(folder)
    observed = f"{[sorted(each) for each in after.values()]}"
    judge.check("OP13-S11", after == dict.fromkeys(uids, flags), f"at last {sorted(flags)} on each", observed, entry)


def _looks(told: list[Response]) -> list[Fetched]:
    """What was fetched, told from notices of changes by the size that only UID FETCH asks for."""
    fetched = [fetch_items(each) for each in told if each.name == "FETCH"]
    return [items for items in fetched if "RFC822.SIZE" in items]


def _applied(flags: frozenset[str], change: str) -> frozenset[str]:
    named = frozenset(change[change.index("(") + 1 : -1].lower().split())
    return flags | named if change.startswith("+") else flags - named if change.startswith("-") else named


def _sent_together(tester: Tester, lines: list[str]) -> tuple[list[int], list[Response]]:
    """The order in which commands sent at once are completed, all with OK, and the untagged responses to them."""
    tags = [tester.wire.next_tag() for _ in lines]
    tester.wire.be_patient()
    tester.wire.send("".join(f"{tag} {line}\r\n" for tag, line in zip(tags, lines, strict=True)).encode())
    order: list[int] = []
    untagged: list[Response] = []
    while len(order) < len(tags):
        response = tester.wire.read_response()
        if response.kind != "tagged":
            untagged.append(response)
            continue
        order.append(tags.index(response.tag))
        if response.name != "OK":
            raise PreconditionNotReached(f"{lines[order[-1]]}: {response.name} {response.text}")
    return order, untagged


@server_case("removal-sent-together-with-changes", "OP13-S11", "OP06-S1")
def test_removal_sent_together_with_changes(storage: Storage, judge: Judge) -> None:
    """A server that is sent marks, an unmarking and EXPUNGE together removes what is marked when EXPUNGE is due."""
    tester = storage.connect()
    folder, uids = storage.filled(tester, 6)
    lines = [
        f"UID STORE {uids[0]}:{uids[3]} +FLAGS.SILENT (\\Deleted)",
        f"UID STORE {uids[1]} -FLAGS.SILENT (\\Deleted)",
        "EXPUNGE",
        f"UID STORE {uids[4]} +FLAGS.SILENT (\\Deleted)",
        f"UID FETCH 1:* {LOOK}",
    ]
    order, told = _sent_together(tester, lines)
    entry = tester.wire.last_entry
    shown = sorted(number_of(items["UID"]) for items in _looks(told))
    left = [uids[1], uids[4], uids[5]]
    there = sorted(storage.afresh(folder))
    observed = f"completed in the order {order}; UID FETCH shows {shown}, {there} are left"
    holds = order == sorted(order) and shown == there == left
    for requirement in ("OP13-S11", "OP06-S1"):
        judge.check(requirement, holds, f"in order, {left} left", observed, entry)
