"""5.5.2.4: fetching only what changed, and objects that another session removes meanwhile."""

from __future__ import annotations

from conformance.cases.declaration import server_case
from conformance.imap.data import UidSet, vanished_data
from conformance.imap.syntax import number_of
from conformance.imap.wire import Exchange
from conformance.scenario.awkward import octets
from conformance.scenario.fetched import uids_of
from conformance.scenario.judge import Judge, NotApplicable, PreconditionNotReached
from conformance.scenario.storage import Storage, Tester, body_of, by_uid, selection

OBJECTS = [octets(f"changed-{number}", b"x" * number + b"\r\n") for number in range(1, 8)]


def _require(tester: Tester, capability: str) -> None:
    if capability not in tester.capabilities:
        raise NotApplicable(f"{capability} is not announced")


def _watched(storage: Storage, tester: Tester) -> tuple[bytes, int]:
    """A folder with seven objects, active with mod-sequences: its name, and the highest mod-sequence."""
    folder = storage.folder(tester, "Changes", objects=OBJECTS)
    told = selection(tester.must(b"SELECT " + folder + b" (CONDSTORE)"))
    if told.no_modseq:
        raise NotApplicable("the folder has no mod-sequences")
    uids_of(tester, len(OBJECTS))
    if told.highest_modseq is None:
        raise PreconditionNotReached("SELECT with CONDSTORE tells neither HIGHESTMODSEQ nor NOMODSEQ")
    return folder, told.highest_modseq


def _modseqs(answer: Exchange) -> dict[int, int]:
    return {uid: number_of(items["MODSEQ"]) for uid, items in by_uid(answer).items() if "MODSEQ" in items}


def _changed_since(tester: Tester, modseq: int, uids: str = "1:*") -> Exchange:
    return tester.ask(f"UID FETCH {uids} (FLAGS) (CHANGEDSINCE {modseq})".encode())


def _judge_changed(judge: Judge, answer: Exchange, wanted: set[int], modseq: int) -> None:
    found, modseqs = by_uid(answer), _modseqs(answer)
    holds = answer.ok and set(found) == wanted == set(modseqs) and all(each > modseq for each in modseqs.values())
    flags = all("FLAGS" in items for items in found.values())
    observed = f"CHANGEDSINCE {modseq}: {answer.status}, UIDs {sorted(found)}, MODSEQ {modseqs}"
    judge.check(
        "OP04-S4", holds and flags, f"UIDs {sorted(wanted)}, each with FLAGS and MODSEQ", observed, answer.entry
    )


@server_case("fetch-what-changed-since", "OP04-S4")
def test_fetch_what_changed_since(storage: Storage, judge: Judge) -> None:
    """A server with CONDSTORE returns the objects that changed after a mod-sequence, whichever session changed them."""
    tester = storage.connect()
    _require(tester, "CONDSTORE")
    folder, before = _watched(storage, tester)
    flag = tester.select(folder).some_flag()
    uids = uids_of(tester, len(OBJECTS))
    _judge_changed(judge, _changed_since(tester, before), set(), before)
    tester.store([uids[1], uids[3]], f"+FLAGS ({flag})")
    _judge_changed(judge, _changed_since(tester, before), {uids[1], uids[3]}, before)
    between = max(_modseqs(tester.must(b"UID FETCH 1:* (MODSEQ)")).values(), default=0)
    other = storage.connect()
    other.select(folder)
    other.store([uids[4]], f"FLAGS ({flag})")
    other.append(folder, OBJECTS[0])
    tester.must(b"NOOP")
    new = uids_of(tester, len(OBJECTS) + 1)[-1]
    later = storage.connect()
    later.must(b"SELECT " + folder + b" (CONDSTORE)")
    for each in (tester, later):
        _judge_changed(judge, _changed_since(each, between), {uids[4], new}, between)
        _judge_changed(judge, _changed_since(each, before), {uids[1], uids[3], uids[4], new}, before)
        _judge_changed(judge, _changed_since(each, before, f"{uids[0]}:{uids[2]}"), {uids[1]}, before)


@server_case("fetch-since-every-mod-sequence", "OP04-S4")
def test_fetch_since_every_mod_sequence(storage: Storage, judge: Judge) -> None:
    """A server with CONDSTORE compares with each object's own mod-sequence, and leaves out those that are equal."""
    tester = storage.connect()
    _require(tester, "CONDSTORE")
    folder, _ = _watched(storage, tester)
    uids = uids_of(tester, len(OBJECTS))
    for uid, change in zip(
        uids[::-2], ("+FLAGS (\\Seen)", "FLAGS (\\Answered)", "+FLAGS.SILENT (\\Draft)"), strict=False
    ):
        tester.store([uid], change)
    tester.must(f"UID STORE {uids[0]} +FLAGS (\\Deleted)".encode())
    tester.must(b"EXPUNGE")
    later = storage.connect()
    later.must(b"SELECT " + folder + b" (CONDSTORE)")
    for each in (tester, later):
        answer = each.ask(b"UID FETCH 1:* (MODSEQ)")
        modseqs = _modseqs(answer)
        told = f"{answer.status}, {modseqs}"
        judge.check("OP04-S4", set(modseqs) == set(uids[1:]), "a MODSEQ of each object", told, answer.entry)
        for modseq in sorted({number - less for number in modseqs.values() for less in (0, 1) if number > less}):
            wanted = {uid for uid, number in modseqs.items() if number > modseq}
            _judge_changed(judge, _changed_since(each, modseq), wanted, modseq)


@server_case("fetch-what-vanished-since", "OP04-S15")
def test_fetch_what_vanished_since(storage: Storage, judge: Judge) -> None:
    """A server with QRESYNC names what was expunged after a mod-sequence before it sends what changed."""
    tester = storage.connect()
    _require(tester, "QRESYNC")
    tester.must(b"ENABLE QRESYNC")
    folder, before = _watched(storage, tester)
    uids = uids_of(tester, len(OBJECTS))
    other = storage.connect()
    other.select(folder)
    gone = [uids[0], uids[3], uids[4]]
    other.store(gone, "+FLAGS (\\Deleted)")
    other.store([uids[1]], "+FLAGS (\\Seen)")
    other.must(b"EXPUNGE")
    tester.must(b"NOOP")
    later = storage.connect()
    later.must(b"ENABLE QRESYNC")
    later.select(folder)
    left = uids_of(later, len(OBJECTS) - len(gone))
    for each in (tester, later):
        for wanted, expected in (("1:*", gone), (f"{uids[1]}:{uids[3]}", [uids[3]]), (f"{uids[1]}", [])):
            command = f"UID FETCH {wanted} (FLAGS) (CHANGEDSINCE {before} VANISHED)"
            answer = each.ask(command.encode())
            earlier = _earlier(answer)
            named = [uid for uid in uids if any(uid in sets for sets in earlier)]
            holds = answer.ok and set(expected) <= set(named) and not set(named) & set(left)
            observed = f"{command}: {answer.status}, VANISHED (EARLIER) names {named} of {uids}"
            judge.check("OP04-S15", holds, f"{expected} and none of {left}", observed, answer.entry)
            beyond = sorted(set(named) - set(expected))
            if beyond:
                judge.remark(f"{command} names {beyond} too")
            names = [response.name for response in answer.untagged if response.name in ("FETCH", "VANISHED")]
            order = "FETCH" not in names or "VANISHED" not in names[names.index("FETCH") :]
            judge.check("OP04-S15", order, "VANISHED before every FETCH", f"{command}: {names}", answer.entry)
    untouched = other.ask(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {before} VANISHED)".encode())
    judge.observe("VANISHED without ENABLE QRESYNC", untouched.told, untouched.entry)


def _earlier(answer: Exchange) -> list[UidSet]:
    return [uids for earlier, uids in map(vanished_data, answer.named("VANISHED")) if earlier]


@server_case("fetch-what-another-session-expunged", "OP04-S1", "OP04-S3")
def test_fetch_what_another_session_expunged(storage: Storage, judge: Judge) -> None:
    """A server gives of an object that another session expunged its own octets or none, and of others theirs."""
    tester, other = storage.connect(), storage.connect()
    folder = storage.folder(tester, "Meanwhile", objects=OBJECTS)
    tester.select(folder)
    uids = uids_of(tester, len(OBJECTS))
    other.select(folder)
    other.store([uids[2]], "+FLAGS (\\Deleted)")
    other.must(b"EXPUNGE")
    contents = dict(zip(uids, OBJECTS, strict=True))
    for command in ("FETCH 3", f"UID FETCH {uids[2]}", "UID FETCH 1:*"):
        answer = tester.ask(f"{command} (UID BODY.PEEK[])".encode())
        bodies = {uid: body_of(items) for uid, items in by_uid(answer).items() if "BODY[]" in items}
        strange = [uid for uid, body in bodies.items() if body and not body.endswith(contents.get(uid, b"\0"))]
        told = f"{command}: {answer.status} {answer.code.name if answer.code else ''}, bodies of UIDs {sorted(bodies)}"
        judge.check("OP04-S1", not strange, "no UID with the octets of another", f"{told}, of others {strange}")
        known = f"{len(bodies.get(uids[2]) or b'')} octets" if uids[2] in bodies else "no body"
        topic = f"{command.split()[0]} of an object that another session expunged".replace("UID", "UID FETCH")
        judge.observe(topic, f"{answer.told}, {known}", answer.entry)
    later = storage.connect()
    later.select(folder)
    for each in (other, later):
        answer = each.ask(f"UID FETCH {uids[2]}:{uids[3]} (UID BODY.PEEK[])".encode())
        found = sorted(by_uid(answer))
        observed = f"{answer.status}, UIDs {found}"
        judge.check("OP04-S3", answer.ok and found == [uids[3]], f"OK and UID {uids[3]}", observed, answer.entry)
