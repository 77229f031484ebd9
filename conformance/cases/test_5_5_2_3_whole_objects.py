"""5.5.2.3 store object: objects of every content and size are kept octet for octet, each after those before it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.cases.declaration import server_case
from conformance.model.objects import message
from conformance.scenario.awkward import AWKWARD, BUFFER_SIZES, LARGE, octets, of_size
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.scenario.looking import look, look_afresh
from conformance.scenario.storage import Storage, Tester, append_line
from conformance.scenario.storing import begin, judge_whole, not_stored

SIZES = (500, 511, 512, 513, *BUFFER_SIZES)
PIECES = (1, 2, 61, 1448, 4097)
DATE = "04-Mar-2024 10:15:00 +0000"
TWIN = message("one-of-two").octets


def _stored(judge: Judge, tester: Tester, folder: bytes, objects: dict[str, bytes]) -> dict[str, bytes]:
    """The objects that the server says it stored."""
    taken = {}
    for name, content in objects.items():
        answer = tester.ask(append_line(folder), content)
        if answer.ok:
            taken[name] = content
        else:
            not_stored(judge, "OP03-S1", name, answer.told, answer.entry)
    return taken


@server_case("store-every-object-octet-for-octet", "OP03-S1")
def test_store_every_object_octet_for_octet(storage: Storage, judge: Judge) -> None:
    """A server keeps every valid object whole, whatever its lines look like."""
    tester = storage.connect()
    folder = storage.folder(tester, "Every")
    stored = _stored(judge, tester, folder, AWKWARD)
    judge_whole(judge, look_afresh(storage, folder), stored)


@server_case("store-objects-around-buffer-sizes", "OP03-S1")
def test_store_objects_around_buffer_sizes(storage: Storage, judge: Judge) -> None:
    """A server keeps the first and the last octet of an object, whatever its size is beside the size of a buffer."""
    tester = storage.connect()
    folder = storage.folder(tester, "Sizes")
    stored = _stored(judge, tester, folder, {f"{size} octets": of_size(size) for size in SIZES})
    judge_whole(judge, look_afresh(storage, folder), stored)


@pytest.mark.parametrize("size", [2**20, LARGE])
@server_case("store-a-large-object", "OP03-S1")
def test_store_a_large_object(storage: Storage, judge: Judge, size: int) -> None:
    """A server keeps a large object whole, or tells that it is too large."""
    tester = storage.connect()
    folder = storage.folder(tester, "Large", objects=[TWIN])
    stored = _stored(judge, tester, folder, {f"{size} octets": of_size(size)})
    judge_whole(judge, look_afresh(storage, folder), {"the object before it": TWIN} | stored)


@server_case("store-an-object-sent-in-pieces", "OP03-S1")
def test_store_an_object_sent_in_pieces(storage: Storage, judge: Judge) -> None:
    """A server keeps an object whole in whatever pieces it arrives."""
    tester = storage.connect()
    folder = storage.folder(tester, "Pieces")
    stored = {}
    for length in PIECES:
        content = octets(f"pieces-{length}", b"one\r\n.\r\n\r\ntwo\r\n" * (2 + length // 4))
        tag = begin(tester, folder, len(content))
        for start in range(0, len(content), length):
            tester.wire.send(content[start : start + length])
        tester.wire.send(b"\r\n")
        answer = tester.wire.finish(tag)
        if answer.ok:
            stored[f"in pieces of {length} octets"] = content
        else:
            not_stored(judge, "OP03-S1", f"in pieces of {length}", answer.told, answer.entry)
    judge_whole(judge, look_afresh(storage, folder), stored)


SPELLINGS: dict[str, Callable[[bytes, bytes], tuple[bytes, tuple[bytes, ...]]]] = {
    "in small letters": lambda name, _: (b"append " + name + b" {}", ()),
    "no flags in a list": lambda name, _: (b"APPEND " + name + b" () {}", ()),
    "flags and a date": lambda name, _: (b"APPEND " + name + b' (\\Seen \\Flagged) "' + DATE.encode() + b'" {}', ()),
    "a date alone": lambda name, _: (b"APPEND " + name + b' "' + DATE.encode() + b'" {}', ()),
    "the name as a literal": lambda _, wire_name: (b"APPEND {} {}", (wire_name,)),
    "the name as a literal, flags": lambda _, wire_name: (b"APPEND {} (\\Draft) {}", (wire_name,)),
}


@server_case("store-in-every-spelling", "OP03-S1")
def test_store_in_every_spelling(storage: Storage, judge: Judge) -> None:
    """A server stores an object however the command that RFC 3501 permits is spelled."""
    tester = storage.connect()
    folder = storage.folder(tester, "Spelled here", objects=[TWIN])
    stored = {"the plain spelling": TWIN}
    for name, spelling in SPELLINGS.items():
        line, literals = spelling(folder, storage.wire_name("Spelled here"))
        content = message(f"spelled {name}").octets
        answer = tester.ask(line, *literals, content)
        told = answer.told
        judge.check("OP03-S1", answer.ok, f"OK for APPEND with {name}", told, answer.entry)
        if answer.ok:
            stored[name] = content
    judge_whole(judge, look_afresh(storage, folder), stored)


@server_case("store-the-same-object-again", "OP03-S1")
def test_store_the_same_object_again(storage: Storage, judge: Judge) -> None:
    """A server stores an object again that is there already, in the same folder and in another, as one more object."""
    tester = storage.connect()
    other = storage.folder(tester, "Other", objects=[TWIN])
    folder = storage.folder(tester, "Again", objects=[TWIN, TWIN])
    altered = TWIN.replace(b"train", b"plane")
    tester.append(folder, altered)
    stored = {"the first": TWIN, "the same again": TWIN, "other octets with the same Message-ID": altered}
    judge_whole(judge, look_afresh(storage, folder), stored)
    judge_whole(judge, look_afresh(storage, other), {"the same in another folder": TWIN})


@server_case("store-by-two-sessions-at-once", "OP03-S1")
def test_store_by_two_sessions_at_once(storage: Storage, judge: Judge) -> None:
    """A server keeps the objects of two sessions apart that store into one folder at the same time."""
    testers = [storage.connect(), storage.connect()]
    folder = storage.folder(testers[0], "Both")
    contents = [of_size(70_000), of_size(70_077)]
    tags = [begin(tester, folder, len(content)) for tester, content in zip(testers, contents, strict=True)]
    for half in (slice(None, 35_000), slice(35_000, None)):
        for tester, content in zip(testers, contents, strict=True):
            tester.wire.send(content[half])
    for tester in testers:
        tester.wire.send(b"\r\n")
    answers = [tester.wire.finish(tag) for tester, tag in zip(testers, tags, strict=True)]
    if not all(answer.ok for answer in answers):
        raise PreconditionNotReached(f"the server answers {[answer.text for answer in answers]}")
    view = look_afresh(storage, folder)
    found = sorted((each.octets for each in view.objects), key=len)
    lengths = [len(each) for each in found]
    told = f"objects of {lengths} octets, or other octets"
    judge.check("OP03-S1", found == contents, "both objects, each whole", told, view.told.answer.entry)


@server_case("stored-object-is-the-last", "OP03-S1")
def test_stored_object_is_the_last(storage: Storage, judge: Judge) -> None:
    """A server puts each new object after all others, also after some of those were removed."""
    tester = storage.connect()
    folder, uids = storage.filled(tester, 4, "Last")
    first = look(tester, folder, b"SELECT")
    kept = {f"object {number}": each.octets for number, each in enumerate(first.objects, 1)}
    for number, gone in ((1, uids[0]), (4, uids[3])):
        tester.store([gone], "+FLAGS (\\Deleted)")
        tester.must(b"EXPUNGE")
        del kept[f"object {number}"]
        content = message(f"stored-after-{number}-went").octets
        storage.connect().append(folder, content, date=f"0{number}-Jan-2001 00:00:00 +0000")
        kept |= {f"stored after {number} went": content}
        judge_whole(judge, look_afresh(storage, folder), kept)
