"""5.5.2.4: which objects a set of identifiers names, and by which numbers and identifiers they are answered."""

from __future__ import annotations

from conformance.cases.declaration import server_case
from conformance.imap.data import UID_LIMIT, compact_uids, fetch_items
from conformance.imap.syntax import number_of
from conformance.imap.wire import Exchange
from conformance.scenario.awkward import octets
from conformance.scenario.fetched import numbered, uids_of
from conformance.scenario.judge import Judge
from conformance.scenario.storage import Fetched, Storage, Tester, by_uid

OBJECTS = [octets(f"identified-{number}", b"x" * number + b"\r\n") for number in range(1, 9)]


def _with_gaps(storage: Storage, tester: Tester) -> tuple[bytes, list[int], list[int]]:
    """A folder whose UIDs have gaps, active: its name, the UIDs left and those removed."""
    folder = storage.folder(tester, "Gaps", objects=OBJECTS)
    tester.select(folder)
    uids = uids_of(tester, len(OBJECTS))
    gone = [uids[1], uids[4], uids[5]]
    tester.store(gone, "+FLAGS (\\Deleted)")
    tester.must(b"EXPUNGE")
    return folder, uids_of(tester, len(uids) - len(gone)), gone


def _sets(left: list[int], gone: list[int]) -> dict[str, list[int]]:
    """Sets of UIDs and the objects that each of them names."""
    first, second, third, last = left[0], left[1], left[2], left[-1]
    beyond, far = min(last + 1, UID_LIMIT), min(last + 1000, UID_LIMIT)
    return {
        f"{first}": [first],
        f"{gone[0]}": [],
        compact_uids(gone): [],
        f"{beyond}": [],
        f"{beyond}:{far}": [],
        f"{gone[0]},{third}": [third],
        f"{first}:{third}": [first, second, third],
        f"{third}:{first}": [first, second, third],
        f"{gone[1]}:{gone[2]}": [],
        f"{far}:{second}": left[1:],
        f"{third},{first},{last}": [first, third, last],
        f"{first},{first},{first}:{second}": [first, second],
        "*": [last],
        "*:*": [last],
        f"*:{second}": left[1:],
        f"{last}:*": [last],
        f"{beyond}:*": [last],
        f"{far}:*": [last],
        f"*:{far}": [last],
        f"{gone[0]},{far}:*": [last],
        "1:*": left,
        f"1:{UID_LIMIT}": left,
    }


@server_case("fetch-any-set-of-uids", "OP04-S3")
def test_fetch_any_set_of_uids(storage: Storage, judge: Judge) -> None:
    """A server answers a set of UIDs with the objects in it, passes over unknown UIDs, and takes `*` for the last."""
    tester = storage.connect()
    folder, left, gone = _with_gaps(storage, tester)
    later = storage.connect()
    later.select(folder)
    for wanted, named in _sets(left, gone).items():
        for each in (tester, later):
            _judge_set(judge, each.ask(f"UID FETCH {wanted} (UID)".encode()), wanted, named)


def _judge_set(judge: Judge, answer: Exchange, wanted: str, named: list[int]) -> None:
    found = sorted(by_uid(answer))
    observed = f"UID FETCH {wanted}: {answer.status}, UIDs {found}"
    judge.check("OP04-S3", answer.ok and found == named, f"OK and UIDs {named}", observed, answer.entry)
    responses = len(answer.named("FETCH"))
    if responses > len(found):
        judge.remark(f"UID FETCH {wanted}: {responses} responses for {len(found)} objects")


@server_case("fetch-the-last-after-the-last-is-gone", "OP04-S3")
def test_fetch_the_last_after_the_last_is_gone(storage: Storage, judge: Judge) -> None:
    """A server takes `*` for the highest UID that is still there once the highest ever assigned has gone."""
    tester = storage.connect()
    folder, left, _ = _with_gaps(storage, tester)
    tester.store([left[-1]], "+FLAGS (\\Deleted)")
    tester.must(b"EXPUNGE")
    later = storage.connect()
    later.select(folder)
    uids_of(later, len(left) - 1)
    for each in (tester, later):
        for wanted in ("*", f"{left[-1]}:*", f"{min(left[-1] + 50, UID_LIMIT)}:*"):
            _judge_set(judge, each.ask(f"UID FETCH {wanted} (UID)".encode()), wanted, [left[-2]])
        _judge_set(judge, each.ask(f"UID FETCH {left[-1]} (UID)".encode()), f"{left[-1]}", [])


@server_case("fetch-from-an-empty-folder", "OP04-S3")
def test_fetch_from_an_empty_folder(storage: Storage, judge: Judge) -> None:
    """A server answers OK with no data to every set of UIDs in a folder that is empty, from the first or again."""
    tester = storage.connect()
    tester.select(storage.folder(tester, "Never filled"))
    emptied = storage.connect()
    folder, left, _ = _with_gaps(storage, emptied)
    filled = by_uid(emptied.must(b"UID FETCH 1:* (UID)"))
    judge.check("OP04-S3", sorted(filled) == left, f"UIDs {left} while it is filled", f"UIDs {sorted(filled)}")
    emptied.store(left, "+FLAGS (\\Deleted)")
    emptied.must(b"EXPUNGE")
    later = storage.connect()
    later.select(folder)
    for each in (tester, emptied, later):
        for wanted in ("1:*", "*", "1", "5:2", f"{left[-1]}:*", f"1:{UID_LIMIT}"):
            _judge_set(judge, each.ask(f"UID FETCH {wanted} (UID FLAGS)".encode()), wanted, [])
    told = tester.ask(b"FETCH 1:* (UID)")
    judge.observe("FETCH 1:* by sequence number in an empty folder", told.told, told.entry)


UNNAMED = ("FLAGS", "(FLAGS)", "FAST", "(BODY.PEEK[])", "BODYSTRUCTURE", "(RFC822.SIZE INTERNALDATE)", "(BODY[TEXT])")
STORES = ("+FLAGS (\\Flagged)", "-FLAGS (\\Flagged)", "FLAGS (\\Seen \\Answered)", "+FLAGS (\\Seen)")


@server_case("uid-commands-answer-with-the-uid", "OP04-S6")
def test_uid_commands_answer_with_the_uid(storage: Storage, judge: Judge) -> None:
    """A server puts the UID into every FETCH response that a UID command causes, whether it was asked for or not."""
    tester = storage.connect()
    _, left, _ = _with_gaps(storage, tester)
    for items in UNNAMED:
        answer = tester.ask(b"UID FETCH 1:* " + items.encode())
        told = [_uid(each) for _, each in numbered(answer)]
        holds = answer.ok and None not in told and set(told) == set(left)
        observed = f"UID FETCH 1:* {items}: {answer.status}, UIDs {told}"
        judge.check("OP04-S6", holds, f"each response with its UID of {left}", observed, answer.entry)
    for change in (*STORES, "+FLAGS.SILENT (\\Draft)"):
        answer = tester.ask(f"UID STORE {compact_uids(left)} {change}".encode())
        told = [_uid(each) for _, each in numbered(answer)]
        holds = None not in told and set(told) <= set(left)
        observed = f"UID STORE {change}: {answer.status}, UIDs {told}"
        judge.check("OP04-S6", holds, f"each response with its UID of {left}", observed, answer.entry)


def _uid(items: Fetched) -> int | None:
    return number_of(items["UID"]) if "UID" in items else None


@server_case("fetch-responses-bear-sequence-numbers", "OP04-S14")
def test_fetch_responses_bear_sequence_numbers(storage: Storage, judge: Judge) -> None:
    """A server numbers FETCH responses by position in the folder, whichever way the objects were named."""
    tester = storage.connect()
    _, left, _ = _with_gaps(storage, tester)
    places = {uid: place for place, uid in enumerate(left, 1)}
    by_numbers = f"{len(left)},1,3:2"
    for command in ("UID FETCH 1:*", f"UID FETCH {left[-1]},{left[1]}", "FETCH 1:*", "FETCH *", f"FETCH {by_numbers}"):
        answer = tester.ask(f"{command} (UID)".encode())
        told = {_uid(items): number for number, items in numbered(answer)}
        holds = answer.ok and told and all(places.get(uid or 0) == number for uid, number in told.items())
        observed = f"{command}: {answer.status}, numbers by UID {told}"
        judge.check("OP04-S14", holds, f"numbers by UID as in {places}", observed, answer.entry)
    wanted = {uid for uid, place in places.items() if place in (1, 2, 3, len(left))}
    told_uids = set(by_uid(tester.ask(f"FETCH {by_numbers} (UID)".encode())))
    judge.check("OP04-S14", told_uids == wanted, f"UIDs {sorted(wanted)}", f"UIDs {sorted(told_uids)}")
    answer = tester.ask(f"FETCH {len(left) + 1} (UID)".encode())
    responses = len(answer.named("FETCH"))
    judge.observe("FETCH of a number above the last", f"{answer.told}, {responses} responses", answer.entry)


@server_case("sequence-numbers-stand-until-expunge-is-told", "OP04-S14")
def test_sequence_numbers_stand_until_expunge_is_told(storage: Storage, judge: Judge) -> None:
    """A server numbers objects in each session's own view, which another session's EXPUNGE changes when it is told."""
    tester, other = storage.connect(), storage.connect()
    folder, left, _ = _with_gaps(storage, tester)
    other.select(folder)
    view = uids_of(other, len(left))
    gone = left[1]
    tester.store([gone], "+FLAGS (\\Deleted)")
    tester.must(b"EXPUNGE")
    commands = (
        "FETCH 1:* (UID)",
        "UID FETCH 1:* (UID)",
        "FETCH 3 (UID)",
        "NOOP",
        "FETCH 1:* (UID)",
        "UID FETCH 1:* (UID)",
    )
    for command in commands:
        answer = other.ask(command.encode())
        wrong = _misnumbered(view, answer)
        observed = f"{command}: {answer.status}, {'; '.join(wrong)}"
        judge.check(
            "OP04-S14", not wrong, "the number and UID of one object in this session's view", observed, answer.entry
        )
    found, wanted = set(by_uid(answer)), set(left) - {gone}
    holds = wanted <= found <= set(view)
    observed = f"UIDs {sorted(found)}, view {view}"
    judge.check("OP04-S14", holds, f"UIDs {sorted(wanted)} in the end", observed, answer.entry)


def _misnumbered(view: list[int], answer: Exchange) -> list[str]:
    """Replay an answer on the session's view: the FETCH responses whose number is not that of their UID."""
    wrong = []
    for response in answer.untagged:
        number = response.number or 0
        if response.name == "EXPUNGE":
            del view[number - 1 : number]
        uid = _uid(fetch_items(response)) if response.name == "FETCH" else None
        if uid is not None and view[number - 1 : number] != [uid]:
            wrong.append(f"number {number} with UID {uid}, where {view[number - 1 : number]} is expected")
    return wrong
