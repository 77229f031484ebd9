"""5.5.2.3 store object: literals sent without waiting (RFC 7888) and several objects by one command (RFC 3502)."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import server_case
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.awkward import AWKWARD, LARGE, of_size
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.looking import look_afresh
from conformance.scenario.storage import Storage, Tester, append_line
from conformance.scenario.storing import judge_restored, judge_whole, not_stored, without_waiting

OBJECTS = [of_kind(kind, f"together-{number}").octets for number, kind in enumerate(ObjectKind)]
# RFC 7888 5: the largest literal that LITERAL- lets a client send without waiting.
SMALL = 4096
BROKEN: dict[str, bytes] = {
    "the second date does not exist": b' {} "04-Xyz-2024 10:15:00 +0000" {}',
    r"\Recent is given with the second": b" (\\Seen) {} (\\Recent) {}",
    "the second has a flag that does not exist": b" {} (\\Bad\\Flag) {}",
    "the first date does not exist": b' "04-Xyz-2024 10:15:00 +0000" {} {}',
}


def _require(tester: Tester, capability: str) -> None:
    if capability not in tester.capabilities:
        raise NotApplicable(f"{capability} is not announced")


@server_case("store-without-waiting", "OP03-S1")
def test_store_without_waiting(storage: Storage, judge: Judge) -> None:
    """A server that announces non-synchronizing literals stores the objects that are sent so, octet for octet."""
    tester = storage.connect()
    if not without_waiting(tester):
        raise NotApplicable("neither LITERAL+ nor LITERAL- is announced")
    folder = storage.folder(tester, "At once")
    sizes = (300, 1023, 1024, 1025, 4095, SMALL)
    objects = {f"{size} octets": of_size(size) for size in sizes}
    objects |= {name: octets for name, octets in AWKWARD.items() if len(octets) <= SMALL}
    for name, octets in objects.items():
        answer = tester.ask(append_line(folder), octets, non_synchronizing=True)
        told = answer.told
        judge.check("OP03-S1", answer.ok, f"{name}, sent without waiting, is stored", told, answer.entry)
    judge_whole(judge, look_afresh(storage, folder), objects)


@pytest.mark.parametrize("size", [65537, LARGE])
@server_case("store-a-large-object-without-waiting", "OP03-S1")
def test_store_a_large_object_without_waiting(storage: Storage, judge: Judge, size: int) -> None:
    """A server that announces LITERAL+ stores a large object that comes at once with its command."""
    tester = storage.connect()
    _require(tester, "LITERAL+")
    folder = storage.folder(tester, "Large at once", objects=OBJECTS[:1])
    answer = tester.ask(append_line(folder), of_size(size), non_synchronizing=True)
    if answer.ok:
        stored = {"the object before it": OBJECTS[0], f"{size} octets": of_size(size)}
        judge_whole(judge, look_afresh(storage, folder), stored)
    else:
        not_stored(judge, "OP03-S1", f"{size} octets", answer.told, answer.entry)


@server_case("store-many-in-one-go", "OP03-S1")
def test_store_many_in_one_go(storage: Storage, judge: Judge) -> None:
    """A server stores the objects of several commands that are sent in one go, each by its own command."""
    tester = storage.connect()
    if not without_waiting(tester):
        raise NotApplicable("neither LITERAL+ nor LITERAL- is announced")
    folder = storage.folder(tester, "In one go")
    other = storage.folder(tester, "Beside it")
    commands = [
        (b"APPEND " + (folder if number % 3 else other) + b" {}", of_size(600 + number)) for number in range(12)
    ]
    answers = tester.wire.pipeline([*commands, b"NOOP"])
    refused = [answer.told for answer in answers if not answer.ok]
    judge.check("OP03-S1", not refused, "OK for each", f"{refused[:3]}", answers[-1].entry)
    numbers = {folder: [each for each in range(12) if each % 3], other: [0, 3, 6, 9]}
    for name, stored in numbers.items():
        objects = {f"command {number}": of_size(600 + number) for number in stored}
        judge_whole(judge, look_afresh(storage, name), objects)


@server_case("store-several-by-one-command", "OP03-S1", "OP03-S7")
def test_store_several_by_one_command(storage: Storage, judge: Judge) -> None:
    """A server that announces MULTIAPPEND stores all objects of a command, in order, each with its own flags."""
    tester = storage.connect()
    _require(tester, "MULTIAPPEND")
    folder = storage.folder(tester, "Several", objects=OBJECTS[:1])
    line = b"APPEND " + folder + b' (\\Seen) {} "04-Mar-2024 10:15:00 +0000" {} (\\Flagged) {}'
    answer = tester.ask(line, *OBJECTS[1:4])
    told = answer.told
    judge.check("OP03-S1", answer.ok, "OK for three objects", told, answer.entry)
    stored = {f"object {number}": octets for number, octets in enumerate(OBJECTS[:4])}
    view = look_afresh(storage, folder)
    judge_whole(judge, view, stored)
    permanent = tester.select(folder).permanent_flags
    kept = {"\\seen", "\\flagged"} & ({each.lower() for each in permanent} if permanent else {"\\seen", "\\flagged"})
    flags = [set(each.flags) - {"\\recent"} for each in view.objects]
    wanted = [set(), {"\\seen"} & kept, set(), {"\\flagged"} & kept]
    judge.check("OP03-S7", flags == wanted, f"flags {wanted}", f"flags {flags}", answer.entry)


@pytest.mark.parametrize("broken", BROKEN)
@server_case("store-all-of-several-or-none", "OP03-S2")
def test_store_all_of_several_or_none(storage: Storage, judge: Judge, broken: str) -> None:
    """A server that refuses one of several objects of a command stores none of them."""
    tester = storage.connect()
    _require(tester, "MULTIAPPEND")
    folder, _ = storage.filled(tester, 2, "All or none")
    before = look_afresh(storage, folder)
    answer = tester.ask(b"APPEND " + folder + BROKEN[broken], *OBJECTS[1:3])
    after = look_afresh(storage, folder)
    if answer.ok:
        new = [each.octets for each in after.objects[2:]]
        told = f"{len(new)} of 2 objects after OK"
        judge.check("OP03-S2", new == OBJECTS[1:3], "both objects after OK", told, answer.entry)
        judge.remark(f"two objects stored though {broken}")
        return
    judge_restored(judge, before, after, f"two objects of which one is refused ({broken})", next_too=False)
    answer = tester.ask(b"APPEND " + folder + b" {} {}", *OBJECTS[1:3])
    new = [each.octets for each in look_afresh(storage, folder).objects[2:]]
    told = f"{answer.status}, then {len(new)} more objects"
    judge.check("OP03-S2", answer.ok and new == OBJECTS[1:3], "good ones are stored, both", told, answer.entry)
