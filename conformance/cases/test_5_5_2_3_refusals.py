"""5.5.2.3 store object: a store that is refused leaves the folder as it was, for whatever reason."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.wire import Exchange
from conformance.model.objects import message
from conformance.outcomes import Reason
from conformance.scenario.awkward import octets, of_size
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.looking import Look, look_afresh
from conformance.scenario.storage import Storage, Tester, append_line
from conformance.scenario.storing import judge_restored
from conformance.servers.protocol import Ability

OBJECT = message("one-that-is-refused").octets
GOOD = message("one-that-is-stored").octets
QUOTA = 64 * 1024

ARGUMENTS: dict[str, bytes] = {
    "a day that does not exist": b'"99-Mar-2024 10:15:00 +0000"',
    "a month that does not exist": b'"04-Xyz-2024 10:15:00 +0000"',
    "a date without a time": b'"04-Mar-2024"',
    "a date that is no date": b'"yesterday"',
    "a flag with a backslash inside": b"(\\Bad\\Flag)",
    r"\Recent": b"(\\Recent)",
    "a system flag that does not exist": b"(\\NoSuchFlag)",
}
UNUSUAL: dict[str, bytes] = {
    "no octets at all": b"",
    "a NUL octet": octets("nul", b"before\0after\r\n"),
    "bare LF": octets("bare-lf", b"one\ntwo\n"),
    "bare LF throughout": octets("lf", b"one\r\ntwo\r\n").replace(b"\r\n", b"\n"),
    "bare CR": octets("bare-cr", b"one\rtwo\r"),
    "a line of 5000 octets": octets("long-line", b"x" * 5000 + b"\r\n"),
    "no header": b"no header at all\r\nbut two lines\r\n",
    "8-bit header": octets("8-bit", b"text\r\n", "Subject: Grüße\r\n".encode()),
    "an end inside a boundary": octets(
        "torn", b"--outer\r\n\r\n--out", b"Content-Type: multipart/mixed; boundary=outer\r\n"
    ),
}


def _control(storage: Storage, judge: Judge, tester: Tester, folder: bytes, before: Look) -> Look:
    """A good object is stored afterwards, and nothing comes with it."""
    answer = tester.ask(append_line(folder), GOOD)
    after = look_afresh(storage, folder)
    new = [each.octets for each in after.objects[len(before.objects) :]]
    told = f"{answer.told}; then {len(after.objects)} objects after {len(before.objects)}"
    judge.check("OP03-S2", answer.ok and new == [GOOD], "the next store adds its object only", told, answer.entry)
    return after


def _after(storage: Storage, judge: Judge, folder: bytes, before: Look, name: str, answer: Exchange) -> Look:
    """What the folder holds then; if the store was refused, it has to be what it held before."""
    after = look_afresh(storage, folder)
    if not answer.ok:
        judge_restored(judge, before, after, f"APPEND with {name}, which is refused,")
    return after


def _judge_one_more(judge: Judge, before: Look, after: Look, name: str) -> None:
    kept = after.state[: len(before.state)] == before.state and len(after.objects) == len(before.objects) + 1
    told = f"{len(after.objects)} objects after {len(before.objects)}"
    judge.check("OP03-S1", kept, f"one object more after OK for {name}", told, after.told.answer.entry)


@server_case("store-with-arguments-that-are-refused", "OP03-S2")
def test_store_with_arguments_that_are_refused(storage: Storage, judge: Judge) -> None:
    """A server that refuses the date or the flags of a store stores nothing, and goes on to the next command."""
    tester = storage.connect()
    folder, _ = storage.filled(tester, 2, "Arguments")
    before, refused = look_afresh(storage, folder), 0
    for name, arguments in ARGUMENTS.items():
        answer = tester.ask(b"APPEND " + folder + b" " + arguments + b" {}", OBJECT)
        judge.observe(f"APPEND with {name}", answer.told, answer.entry)
        before, refused = _after(storage, judge, folder, before, name, answer), refused + (not answer.ok)
        before = _control(storage, judge, tester, folder, before)
    if not refused:
        judge.undecided("OP03-S2", "a store that is refused", "none is", Reason.NOT_EXERCISED)


@server_case("store-what-is-not-a-message", "OP03-S2")
def test_store_what_is_not_a_message(storage: Storage, judge: Judge) -> None:
    """A server stores octets that are not a proper message as one object, or refuses them and stores nothing."""
    tester = storage.connect()
    folder, _ = storage.filled(tester, 2, "Unusual")
    before = look_afresh(storage, folder)
    for name, content in UNUSUAL.items():
        answer = tester.ask(append_line(folder), content)
        after = _after(storage, judge, folder, before, name, answer)
        if answer.ok:
            _judge_one_more(judge, before, after, name)
        same = answer.ok and after.objects[-1:] and after.objects[-1].octets == content
        kept = "" if not answer.ok else ", kept octet for octet" if same else ", kept with other octets"
        judge.observe(f"APPEND of {name}", f"{answer.told}{kept}", answer.entry)
        before = _control(storage, judge, tester, folder, after)


@server_case("store-with-more-after-the-object", "OP03-S2")
def test_store_with_more_after_the_object(storage: Storage, judge: Judge) -> None:
    """A server that refuses a command because of what follows the object stores nothing of it."""
    tester = storage.connect()
    folder, _ = storage.filled(tester, 2, "More")
    before = look_afresh(storage, folder)
    for name, rest in {"an atom": b" more", "a string": b' "more"', "a list": b" (\\Seen)"}.items():
        answer = tester.ask(b"APPEND " + folder + b" {}" + rest, OBJECT)
        judge.observe(f"APPEND with {name} after the object", answer.told, answer.entry)
        before = _after(storage, judge, folder, before, f"{name} after the object", answer)
        before = _control(storage, judge, tester, folder, before)


@pytest.mark.parametrize("size", [100_000, 2**20])
@server_case("store-beyond-the-quota", "OP03-S2")
def test_store_beyond_the_quota(storage: Storage, judge: Judge, size: int) -> None:
    """A server whose account is full refuses an object and keeps no part of it, and still takes one that fits."""
    _require(storage, Ability.QUOTA, "the adapter cannot limit what an account holds")
    tester = storage.connect()
    folder = storage.folder(tester, "Limited", objects=[OBJECT])
    storage.server.set_quota(storage.account, QUOTA)
    later = storage.connect()
    before = look_afresh(storage, folder)
    answer = later.ask(append_line(folder), of_size(size))
    judge.observe("APPEND beyond the quota", answer.told, answer.entry)
    if answer.ok:
        judge.undecided("OP03-S2", "a store that is refused", "stored in spite of the quota", Reason.NOT_EXERCISED)
        return
    judge_restored(judge, before, look_afresh(storage, folder), f"{size} octets into {QUOTA}, refused,")
    _control(storage, judge, later, folder, before)


@server_case("store-until-the-quota-is-reached", "OP03-S2")
def test_store_until_the_quota_is_reached(storage: Storage, judge: Judge) -> None:
    """A server that fills up keeps exactly the objects that it answered with OK."""
    _require(storage, Ability.QUOTA, "the adapter cannot limit what an account holds")
    folder = storage.folder(storage.connect(), "Filling", objects=[OBJECT])
    storage.server.set_quota(storage.account, QUOTA)
    tester, kept = storage.connect(), [OBJECT]
    answers = []
    for number in range(12):
        answers.append(tester.ask(append_line(folder), of_size(9000 + number)))
        kept += [of_size(9000 + number)] if answers[-1].ok else []
    found = [each.octets for each in look_afresh(storage, folder).objects]
    told = f"{len(kept)} stored, objects of {[len(each) for each in found]} octets there"
    if all(answer.ok for answer in answers):
        judge.undecided("OP03-S2", "a store that is refused", "stored in spite of the quota", Reason.NOT_EXERCISED)
    judge.check("OP03-S2", found == kept, "the objects that were answered with OK", told, answers[-1].entry)


@server_case("store-into-a-read-only-folder", "OP03-S2")
def test_store_into_a_read_only_folder(storage: Storage, judge: Judge) -> None:
    """A server that refuses to store into a folder which the user may only read leaves it as it is."""
    _require(storage, Ability.READ_ONLY, "the adapter cannot make a folder read-only")
    folder, _ = storage.filled(storage.connect(), 2, "Fixed")
    storage.server.set_read_only(storage.account, storage.hierarchy.name(("Fixed",)))
    tester = storage.connect()
    before = look_afresh(storage, folder)
    answer = tester.ask(append_line(folder), OBJECT)
    judge.observe("APPEND into a read-only folder", answer.told, answer.entry)
    if answer.ok:
        judge.undecided("OP03-S2", "a store that is refused", "stored all the same", Reason.NOT_EXERCISED)
        return
    judge_restored(judge, before, look_afresh(storage, folder), "a refused APPEND")
    other = storage.folder(tester, "Free")
    _control(storage, judge, tester, other, look_afresh(storage, other))


def _require(storage: Storage, ability: Ability, otherwise: str) -> None:
    if ability not in storage.server.abilities:
        raise NotApplicable(otherwise, Reason.NO_ABILITY)
