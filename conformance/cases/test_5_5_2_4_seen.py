r"""5.5.2.4: which ways of fetching set \Seen, and that the flags fetched are those stored."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.wire import Exchange
from conformance.scenario.awkward import octets
from conformance.scenario.fetched import numbered, uids_of
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Selection, Storage, Tester, by_uid, plain_flags

SEEN = "\\seen"
PEEKS = (
    "BODY.PEEK[]",
    "BODY.PEEK[HEADER]",
    "BODY.PEEK[TEXT]",
    "BODY.PEEK[1]",
    "BODY.PEEK[HEADER.FIELDS (Message-ID)]",
    "BODY.PEEK[]<0.10>",
    "RFC822.HEADER",
    "RFC822.SIZE",
    "ENVELOPE",
    "BODYSTRUCTURE",
    "BODY",
    "INTERNALDATE",
    "ALL",
    "FAST",
    "FULL",
    "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])",
)
READS = (
    "BODY[]",
    "BODY[TEXT]",
    "BODY[HEADER]",
    "BODY[1]",
    "BODY[HEADER.FIELDS (Message-ID)]",
    "BODY[]<0.10>",
    "RFC822",
    "RFC822.TEXT",
    "(FLAGS BODY[])",
)
OBJECTS = [octets(f"seen-{number}", b"text\r\n") for number in range(1, len(READS) + 2)]


@pytest.mark.parametrize("command", ["UID FETCH", "FETCH"])
@server_case("peek-does-not-set-seen", "OP04-S8")
def test_peek_does_not_set_seen(storage: Storage, judge: Judge, command: str) -> None:
    r"""A server leaves \Seen off when it is asked for metadata or by BODY.PEEK, and sets it when asked for BODY[]."""
    tester = storage.connect()
    folder = storage.folder(tester, "Unseen", objects=OBJECTS[:2])
    told = tester.select(folder)
    uid, other = uids_of(tester, 2)
    named = f"{command} {uid if command == 'UID FETCH' else 1}"
    for item in PEEKS:
        answer = tester.ask(f"{named} {item}".encode())
        seen = _is_seen(tester, uid)
        holds = answer.ok and answer.named("FETCH") and seen is False
        observed = f"after {item}: {answer.status}, {len(answer.named('FETCH'))} responses, \\Seen: {seen}"
        judge.check("OP04-S8", holds, r"OK, an answer, and no \Seen", observed, answer.entry)
    later = storage.connect()
    later.examine(folder)
    judge.check("OP04-S8", _is_seen(later, uid) is False, "unseen in a later session", f"{_is_seen(later, uid)}")
    if not told.keeps(SEEN):
        return
    answer = tester.ask(f"{named} BODY[]".encode())
    for each in (tester, _later(storage, folder)):
        seen_of = (_is_seen(each, uid), _is_seen(each, other))
        observed = f"after BODY[]: \\Seen on this object {seen_of[0]}, on the other {seen_of[1]}"
        judge.check("OP04-S8", seen_of == (True, False), r"\Seen on this object only", observed, answer.entry)


def _is_seen(tester: Tester, uid: int) -> bool | None:
    flags = tester.flags(uid)
    return None if flags is None else SEEN in flags


def _later(storage: Storage, folder: bytes) -> Tester:
    later = storage.connect()
    later.examine(folder)
    return later


@server_case("reading-sets-seen-and-tells", "OP04-S8")
def test_reading_sets_seen_and_tells(storage: Storage, judge: Judge) -> None:
    r"""A server sets \Seen on exactly the object whose text was fetched without PEEK, and tells the new flags."""
    tester = storage.connect()
    folder = storage.folder(tester, "Read", objects=OBJECTS)
    if not tester.select(folder).keeps(SEEN):
        raise NotApplicable(r"PERMANENTFLAGS does not list \Seen")
    *uids, untouched = uids_of(tester, len(OBJECTS))
    for uid, item in zip(uids, READS, strict=True):
        answer = tester.ask(f"UID FETCH {uid} {item}".encode())
        seen = _is_seen(tester, uid)
        observed = f"after {item} ({answer.status}) \\Seen: {seen}"
        if judge.check("OP04-S8", seen, r"\Seen is set", observed, answer.entry) and not _tells(answer):
            judge.recommended("OP04-S8", r"the answer tells \Seen", f"{item}: no such FLAGS", answer.entry)
    seen = _is_seen(tester, untouched)
    judge.check("OP04-S8", seen is False, r"no \Seen on an object not fetched", rf"\Seen: {seen}")
    later = _later(storage, folder)
    lost = [item for uid, item in zip(uids, READS, strict=True) if not _is_seen(later, uid)]
    judge.check("OP04-S8", not lost, r"\Seen in a later session", f"not so after {', '.join(lost)}")


def _tells(answer: Exchange) -> bool:
    return any(SEEN in plain_flags(items) for _, items in numbered(answer))


@server_case("fetching-changes-no-other-flag", "OP04-S8", "OP04-S2")
def test_fetching_changes_no_other_flag(storage: Storage, judge: Judge) -> None:
    """A server leaves all flags as they are when it is asked for anything by PEEK, whatever flags there are."""
    tester = storage.connect()
    folder = storage.folder(tester, "Flagged", objects=OBJECTS[:4])
    told = tester.select(folder)
    usable = _system_flags(told)
    uids = uids_of(tester, 4)
    wanted = {uids[0]: usable[:2], uids[1]: usable, uids[2]: usable[2:], uids[3]: []}
    for uid, flags in wanted.items():
        tester.store([uid], f"FLAGS ({' '.join(flags)})")
    stored = {uid: frozenset(flag.lower() for flag in flags) for uid, flags in wanted.items()}
    for item in ("(FLAGS)", "FAST", "ALL", "FULL", "(FLAGS BODY.PEEK[])", "(BODY.PEEK[TEXT]<0.5> FLAGS UID)"):
        answer = tester.ask(b"UID FETCH 1:* " + item.encode())
        found = {uid: plain_flags(items) for uid, items in by_uid(answer).items() if "FLAGS" in items}
        observed = f"{item}: {answer.status}, {_shown(found)}"
        judge.check("OP04-S2", found == stored, f"{_shown(stored)}", observed, answer.entry)
    seen = [uid for uid in uids if _is_seen(tester, uid)]
    wanted_seen = [uid for uid in uids if SEEN in stored[uid]]
    judge.check("OP04-S8", seen == wanted_seen, rf"\Seen where it was stored: {wanted_seen}", f"{seen}")


def _system_flags(told: Selection) -> list[str]:
    flags = ("\\Seen", "\\Answered", "\\Flagged", "\\Draft")
    permanent = told.permanent_flags
    kept = {each.lower() for each in permanent} if permanent is not None else None
    return [flag for flag in flags if kept is None or flag.lower() in kept]


def _shown(flags: dict[int, frozenset[str]]) -> str:
    return ", ".join(f"{uid}: {' '.join(sorted(each)) or 'none'}" for uid, each in sorted(flags.items()))


@server_case("flags-fetched-follow-every-store", "OP04-S2")
def test_flags_fetched_follow_every_store(storage: Storage, judge: Judge) -> None:
    """A server shows the flags as they are after each change, by number and by UID, alone and beside other items."""
    tester = storage.connect()
    folder = storage.folder(tester, "Changing", objects=OBJECTS[:3])
    told = tester.select(folder)
    changing = uids_of(tester, 3)[1]
    flags = _system_flags(told)
    if len(flags) < 2:
        raise NotApplicable(f"only {flags} can be stored")
    one, two = flags[-2:]
    changes = {
        f"+FLAGS ({one})": {one},
        f"+FLAGS.SILENT ({two})": {one, two},
        f"-FLAGS.SILENT ({one})": {two},
        f"FLAGS ({one} {two})": {one, two},
        "FLAGS ()": set[str](),
        f"FLAGS.SILENT ({one})": {one},
        f"+FLAGS ({one} {two})": {one, two},
        f"-FLAGS ({one} {two})": set[str](),
    }
    for change, wanted in changes.items():
        tester.store([changing], change)
        for each in _forms(tester, changing):
            observed = f"after {change}: {_shown(each)}"
            expected = {uid: frozenset(flag.lower() for flag in wanted) for uid in [changing]}
            holds = each.get(changing) == expected[changing] and not any(each[uid] for uid in each if uid != changing)
            judge.check("OP04-S2", holds, f"{_shown(expected)}, the others none", observed)


def _forms(tester: Tester, uid: int) -> list[dict[int, frozenset[str]]]:
    """The flags by UID as four ways of asking show them."""
    lines = (b"UID FETCH %d FLAGS" % uid, b"FETCH 2 (UID FLAGS)", b"UID FETCH 1:* FAST", b"FETCH 1:* (FLAGS UID BODY)")
    answers = [by_uid(tester.must(line)) for line in lines]
    return [{number: plain_flags(items) for number, items in answer.items()} for answer in answers]


@server_case("keywords-fetched-as-stored", "OP04-S2")
def test_keywords_fetched_as_stored(storage: Storage, judge: Judge) -> None:
    """A server that lets clients make keywords shows those that were stored, beside the system flags."""
    tester = storage.connect()
    folder = storage.folder(tester, "Keywords", objects=OBJECTS[:2])
    told = tester.select(folder)
    if "\\*" not in (told.permanent_flags or ()):
        raise NotApplicable("the server lets clients make no keywords")
    uid, other = uids_of(tester, 2)
    stored = ["Conversation-Pinned", *_system_flags(told)[:1], "$Delivered"]
    tester.store([uid], f"+FLAGS ({' '.join(stored)})")
    wanted = frozenset(flag.lower() for flag in stored)
    flags = (tester.flags(uid), tester.flags(other))
    observed = f"{[sorted(found or ()) for found in flags]}"
    judge.check("OP04-S2", flags == (wanted, frozenset()), f"{sorted(wanted)}, the other none", observed)
