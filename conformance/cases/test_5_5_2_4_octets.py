"""5.5.2.4: objects of every kind and of awkward content come back whole and unchanged, with their true size."""

from __future__ import annotations

from email import message_from_bytes

from conformance.cases.declaration import server_case
from conformance.imap.wire import Exchange
from conformance.scenario.awkward import AWKWARD, BUFFER_SIZES, EIGHT_BIT, LARGE, of_size
from conformance.scenario.awkward import octets as composed
from conformance.scenario.fetched import section_of, string_of, uids_of
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.scenario.storage import Fetched, Storage, Tester, append_line, body_of, by_uid

PARTS = "RFC822.SIZE BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[]"


@server_case("fetch-every-object-octet-for-octet", "OP04-S11", "OP04-S9")
def test_fetch_every_object_octet_for_octet(storage: Storage, judge: Judge) -> None:
    """A server gives back every valid object whole, as its header and its text, and with its number of octets."""
    tester = storage.connect()
    folder = storage.folder(tester, "Awkward")
    stored = _stored(tester, folder, AWKWARD, judge)
    later = storage.connect()
    later.select(folder)
    uids = uids_of(later, len(stored))
    answer = later.ask(f"UID FETCH 1:* ({PARTS})".encode())
    found = by_uid(answer)
    for uid, (name, octets) in zip(uids, stored.items(), strict=True):
        _judge_whole(judge, name, octets, found.get(uid, {}), answer)


def _stored(tester: Tester, folder: bytes, objects: dict[str, bytes], judge: Judge) -> dict[str, bytes]:
    """The objects that the server took; storing them is not what is judged here."""
    taken = {}
    for name, octets in objects.items():
        answer = tester.ask(append_line(folder), octets)
        if answer.ok:
            taken[name] = octets
        else:
            judge.remark(f"{name}: not stored, {answer.told}")
    if not taken:
        raise PreconditionNotReached("the server stores none of the objects")
    return taken


def _judge_whole(judge: Judge, name: str, octets: bytes, items: Fetched, answer: Exchange) -> None:
    body, size = body_of(items), items.get("RFC822.SIZE")
    whole = body is not None and body.endswith(octets)
    observed = f"{name}: {_difference(octets, body)}"
    judge.check("OP04-S11", whole, f"{name}: the {len(octets)} octets that were stored", observed, answer.entry)
    header, text = section_of(items, "HEADER") or b"", section_of(items, "TEXT") or b""
    told = f"{name}: {len(header)} and {len(text)} octets of header and text, {len(body or b'')} of the whole"
    parted = body is not None and header + text == body
    judge.check("OP04-S11", parted, f"{name}: header and text make up the whole", told, answer.entry)
    told = f"{name}: RFC822.SIZE {size!r}, {len(body or b'')} octets"
    true = body is not None and string_of(size) == str(len(body)).encode()
    judge.check("OP04-S9", true, f"{name}: the size is the number of octets", told, answer.entry)
    if body is not None and whole and body != octets:
        judge.remark(f"{name}: the server put {len(body) - len(octets)} octets before the object")


def _difference(octets: bytes, body: bytes | None) -> str:
    if body is None:
        return "no BODY[]"
    pairs = enumerate(zip(octets, body, strict=False))
    place = next((number for number, (one, other) in pairs if one != other), min(len(octets), len(body)))
    return f"{len(body)} octets, other from octet {place} on: {body[place : place + 20]!r}"


@server_case("fetch-8-bit-text", "OP04-S11", "OP04-S9")
def test_fetch_8_bit_text(storage: Storage, judge: Judge) -> None:
    """A server gives back 8-bit text as it is or in a reversible encoding, with its number of octets."""
    tester = storage.connect()
    folder = storage.folder(tester, "8-bit")
    stored = _stored(tester, folder, EIGHT_BIT, judge)
    tester.select(folder)
    uids = uids_of(tester, len(stored))
    answer = tester.ask(b"UID FETCH 1:* (RFC822.SIZE BODY.PEEK[])")
    found = by_uid(answer)
    for uid, (name, octets) in zip(uids, stored.items(), strict=True):
        items = found.get(uid, {})
        body = body_of(items)
        size = f"{name}: RFC822.SIZE {items.get('RFC822.SIZE')!r}, {len(body or b'')} octets"
        true = body is not None and string_of(items.get("RFC822.SIZE")) == str(len(body)).encode()
        judge.check("OP04-S9", true, f"{name}: the size is the number of octets", size, answer.entry)
        observed = f"{name}: {_difference(octets, body)}"
        if body is not None and _decoded(body) == _decoded(octets):
            judge.passed("OP04-S11")
        elif body is not None:
            judge.undecided("OP04-S11", f"{name}: the same text", observed, entry=answer.entry)
        else:
            judge.contradicted("OP04-S11", f"{name}: the whole object", observed, answer.entry)


def _decoded(octets: bytes) -> object:
    return message_from_bytes(octets).get_payload(decode=True)


@server_case("fetch-objects-around-buffer-sizes", "OP04-S7", "OP04-S9")
def test_fetch_objects_around_buffer_sizes(storage: Storage, judge: Judge) -> None:
    """A server truncates no object, whatever its size is beside the size of a buffer."""
    tester = storage.connect()
    objects = {str(size): of_size(size) for size in BUFFER_SIZES}
    folder = storage.folder(tester, "Sizes", objects=list(objects.values()))
    tester.select(folder)
    uids = uids_of(tester, len(objects))
    answer = tester.ask(b"FETCH 1:* (UID RFC822.SIZE BODY.PEEK[])")
    found = [by_uid(answer).get(uid, {}) for uid in uids]
    bodies = [body_of(items) or b"" for items in found]
    lengths = [len(each) for each in bodies]
    sizes = [string_of(items.get("RFC822.SIZE")) for items in found]
    whole = all(body.endswith(octets) for body, octets in zip(bodies, objects.values(), strict=True))
    wanted = f"whole objects of {', '.join(objects)} octets"
    judge.check("OP04-S7", answer.ok and whole, wanted, f"{answer.status}, {lengths} octets", answer.entry)
    true = all(lengths) and sizes == [str(length).encode() for length in lengths]
    judge.check("OP04-S9", true, "the size is the number of octets", f"sizes {sizes}, octets {lengths}", answer.entry)


@server_case("fetch-a-large-object", "OP04-S7", "OP04-S9")
def test_fetch_a_large_object(storage: Storage, judge: Judge) -> None:
    """A server gives back an object of 5 MiB whole, and not as a part that starts at an octet."""
    tester = storage.connect()
    octets = of_size(LARGE)
    tester.select(storage.folder(tester, "Large", objects=[octets]))
    uids_of(tester, 1)
    for asked, name in (("BODY.PEEK[]", "BODY[]"), ("BODY[]", "BODY[]"), ("RFC822", "RFC822")):
        answer = tester.ask(f"UID FETCH 1:* ({asked} RFC822.SIZE)".encode())
        items = next(iter(by_uid(answer).values()), {})
        body, size = string_of(items.get(name)), string_of(items.get("RFC822.SIZE"))
        observed = f"{asked}: {answer.status}, {sorted(items)}, {len(body or b'')} octets"
        whole = answer.ok and body is not None and body.endswith(octets)
        judge.check("OP04-S7", whole, f"{LARGE} octets in the item {name}", observed, answer.entry)
        true = body is not None and size == str(len(body)).encode()
        judge.check("OP04-S9", true, "the size is the number of octets", f"{size!r}, {observed}", answer.entry)


@server_case("fetch-large-objects-by-two-sessions-at-once", "OP04-S7", "OP04-S11")
def test_fetch_large_objects_by_two_sessions_at_once(storage: Storage, judge: Judge) -> None:
    """A server answers two sessions that fetch at the same time each with what it asked for."""
    testers = [storage.connect(), storage.connect()]
    objects = [of_size(LARGE // 4), of_size(LARGE // 4 + 77)]
    folder = storage.folder(testers[0], "Both", objects=objects)
    for tester in testers:
        tester.select(folder)
        uids_of(tester, len(objects))
    tags = [tester.wire.next_tag() for tester in testers]
    for tester, tag, number in zip(testers, tags, (1, 2), strict=True):
        tester.wire.be_patient()
        tester.wire.send(f"{tag} FETCH {number} (UID BODY.PEEK[])\r\n".encode())
    answers = [tester.wire.finish(tag) for tester, tag in zip(testers, tags, strict=True)]
    for octets, answer in zip(objects, answers, strict=True):
        bodies = [body_of(items) or b"" for items in by_uid(answer).values()]
        observed = f"{answer.status}, bodies of {[len(each) for each in bodies]} octets"
        length = sum(map(len, bodies)) >= len(octets)
        judge.check("OP04-S7", answer.ok and length, f"{len(octets)} octets", observed, answer.entry)
        same = len(bodies) == 1 and bodies[0].endswith(octets)
        judge.check("OP04-S11", same, "the object that this session asked for, and no other", observed, answer.entry)


BINARY = b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n"
NUL_CONTENT = bytes(range(256)) + b"\0\0\r\n"


@server_case("store-and-fetch-every-size-and-encoding", "SYN-414")
def test_store_and_fetch_every_size_and_encoding(storage: Storage, judge: Judge) -> None:
    """A server takes and gives back objects of every size and of every encoding that it announces."""
    tester = storage.connect()
    named = ("no body", "one octet", "64 KiB of base64")
    objects = {name: AWKWARD[name] for name in named} | EIGHT_BIT | {"5 MiB": of_size(LARGE)}
    folder = storage.folder(tester, "Encodings")
    for name, octets in objects.items():
        answer = tester.ask(append_line(folder), octets)
        if not answer.ok:
            told = f"{name}: APPEND {answer.told}"
            judge.undecided("SYN-414", f"{name}: stored", told, entry=answer.entry)
            continue
        tester.select(folder)
        found = body_of(next(iter(tester.fetch("*", "BODY.PEEK[]").values()), {}))
        encoded = found is not None and not octets.isascii() and _decoded(found) == _decoded(octets)
        kept = encoded or (found is not None and found.endswith(octets))
        observed = f"{name}: {_difference(octets, found)}"
        judge.check("SYN-414", kept, f"{name}: stored and given back with equal content", observed, answer.entry)
    if "BINARY" in tester.capabilities:
        _judge_nul(judge, tester, folder)


def _judge_nul(judge: Judge, tester: Tester, folder: bytes) -> None:
    """An object that holds NUL octets, by the literal8 and the BINARY item of RFC 3516."""
    answer = tester.ask(append_line(folder).removesuffix(b"{}") + b"~{}", composed("nul", NUL_CONTENT, BINARY))
    if not answer.ok:
        judge.remark(f"an object that holds NUL is not stored: {answer.told}")
        return
    tester.select(folder)
    items = next(iter(tester.fetch("*", "BINARY.PEEK[1]").values()), {})
    content = string_of(items.get("BINARY[1]"))
    observed = f"{len(content or b'')} octets or other ones"
    judge.check("SYN-414", content == NUL_CONTENT, f"{len(NUL_CONTENT)} octets with NUL", observed)
