"""5.5.2.4: a part of an object by octets, also past its end."""

from __future__ import annotations

from conformance.cases.declaration import server_case
from conformance.imap.wire import Exchange
from conformance.scenario.awkward import octets, of_size
from conformance.scenario.fetched import fetched, section_of, uids_of
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.scenario.storage import Fetched, Storage, Tester

SIZE = 1500
RANGES = (
    (0, 2048),
    (0, SIZE),
    (0, 1),
    (0, 10),
    (1, 1),
    (7, 700),
    (SIZE - 1, 1),
    (SIZE - 1, 100),
    (SIZE - 10, 10),
    (1000, 2**31 - 1),
    (SIZE, 1),
    (SIZE, 2048),
    (SIZE + 1, 10),
    (100_000, 1),
)


@server_case("fetch-a-part-by-octets", "OP04-S10")
def test_fetch_a_part_by_octets(storage: Storage, judge: Judge) -> None:
    """A server returns the octets that were asked for as a part, cut at the end of the text and empty beyond it."""
    tester, uid, whole = _object(storage, of_size(SIZE))
    for start, count in RANGES:
        items, answer = fetched(tester, uid, f"BODY.PEEK[]<{start}.{count}>")
        _judge_part(judge, (start, count), whole[start : start + count], items, answer)
    chunks = [
        section_of(fetched(tester, uid, f"BODY.PEEK[]<{start}.256>")[0], "", start) for start in range(0, SIZE, 256)
    ]
    joined = b"".join(each or b"" for each in chunks)
    observed = f"{[len(each or b'') for each in chunks]} octets, the same: {joined == whole}"
    judge.check("OP04-S10", joined == whole, "parts of 256 octets make up the object", observed)


def _object(storage: Storage, content: bytes) -> tuple[Tester, int, bytes]:
    """An object in an active folder, and its octets as the server gives them back."""
    tester = storage.connect()
    tester.select(storage.folder(tester, "Parts", objects=[content]))
    (uid,) = uids_of(tester, 1)
    whole = tester.body(uid)
    if whole is None or not whole.endswith(content):
        raise PreconditionNotReached("the object as a whole does not come back as it was stored")
    return tester, uid, whole


def _judge_part(judge: Judge, part: tuple[int, int], wanted: bytes, items: Fetched, answer: Exchange) -> None:
    start, count = part
    found = section_of(items, "", start)
    observed = f"<{start}.{count}>: {answer.status}, {sorted(items)}, {_told(found)}"
    expected = f"<{start}.{count}>: BODY[]<{start}> with {len(wanted)} octets"
    judge.check("OP04-S10", answer.ok and found == wanted, expected, observed, answer.entry)


def _told(found: bytes | None) -> str:
    return "no string" if found is None else f"{len(found)} octets, {found[:30]!r}"


FIELDS = b"Subject: parts of sections\r\nX-Other: left out\r\n"
TEXT = b"".join(b"line %02d\r\n" % number for number in range(30))


@server_case("fetch-a-part-of-a-section", "OP04-S10")
def test_fetch_a_part_of_a_section(storage: Storage, judge: Judge) -> None:
    """A server counts the octets of a part from the start of the section, after the fields were picked."""
    tester, uid, _ = _object(storage, octets("section", TEXT, FIELDS))
    sections = ("HEADER", "TEXT", "1", "HEADER.FIELDS (Subject)", "HEADER.FIELDS.NOT (Subject)")
    for section in sections:
        name = section.partition(" ")[0]
        items, answer = fetched(tester, uid, f"BODY.PEEK[{section}]")
        whole = section_of(items, name)
        if not whole:
            judge.contradicted("OP04-S10", f"the section {section}", f"{answer.status}, {sorted(items)}", answer.entry)
            continue
        for start, count in ((0, 5), (3, 9), (0, len(whole)), (len(whole) - 4, 100), (len(whole), 5), (5000, 5)):
            items, answer = fetched(tester, uid, f"BODY.PEEK[{section}]<{start}.{count}>")
            found, wanted = section_of(items, name, start), whole[start : start + count]
            observed = f"{section}<{start}.{count}>: {answer.status}, {sorted(items)}, {_told(found)}"
            expected = f"{section}<{start}.{count}>: {len(wanted)} octets, {wanted[:30]!r}"
            judge.check("OP04-S10", answer.ok and found == wanted, expected, observed, answer.entry)


@server_case("fetch-several-parts-at-once", "OP04-S10")
def test_fetch_several_parts_at_once(storage: Storage, judge: Judge) -> None:
    """A server answers several parts of one object in one command, and the whole beside a part of it."""
    tester, uid, whole = _object(storage, of_size(SIZE))
    items, answer = fetched(tester, uid, "BODY.PEEK[]<0.16> BODY.PEEK[]<600.16> BODY.PEEK[TEXT]<0.16> BODY.PEEK[]")
    text = whole.partition(b"\r\n\r\n")[2]
    wanted = {("", 0): whole[:16], ("", 600): whole[600:616], ("TEXT", 0): text[:16], ("", None): whole}
    wrong = [
        f"BODY[{name}]<{start}>" for (name, start), part in wanted.items() if section_of(items, name, start) != part
    ]
    observed = f"{answer.status}, {sorted(items)}, missing or other octets: {wrong}"
    judge.check(
        "OP04-S10", answer.ok and not wrong, "three parts and the whole, each with its octets", observed, answer.entry
    )
