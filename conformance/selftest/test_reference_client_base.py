"""The base of the reference client, and what it knows of contents and flags."""

from __future__ import annotations

import email
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.imap.session import FetchedObject, ObjectMetadata
from conformance.model.objects import ObjectKind, of_kind
from conformance.reference.client.base import Base, BaseFolder, BaseObject, OtherAccount
from conformance.reference.client.content import CannotTravel, digest, kind_of, travel_form, wire_form
from conformance.reference.client.flags import agreed, folded, merge_flags, permitted, spelled
from conformance.reference.client.matching import Orphans, by_content, in_order

A, B = ("a",), ("a", "b/c é")
FLAG_SETS = st.frozensets(st.sampled_from("abc"))


def row(handle: str, uid: int | None = None, content: bytes = b"x", *flags: str) -> BaseObject:
    """A row for that content."""
    return BaseObject(handle, uid, digest(content), len(content), ObjectKind.MESSAGE, frozenset(flags))


@pytest.fixture
def base(tmp_path: Path) -> Base:
    """An empty base."""
    return Base(tmp_path / "base.sqlite")


def test_what_is_written_is_there_for_the_next_process(base: Base, tmp_path: Path) -> None:
    """Folders, objects and announced uploads, with UIDs above 2^31."""
    base.add_folder(A, "a")
    base.add_folder(B, "a/b")
    base.renumber(B, 2**32 - 1)
    base.write(B, [row("one", 2**32 - 2, b"1", "\\seen", "work"), row("two", 7)])
    base.announce(A, [row("three", None, b"3", "\\seen")])
    base.close()
    again = Base(tmp_path / "base.sqlite")
    assert again.folders() == {A: BaseFolder(A, "a"), B: BaseFolder(B, "a/b", 2**32 - 1)}
    assert again.objects(B) == {"one": row("one", 2**32 - 2, b"1", "\\seen", "work"), "two": row("two", 7)}
    assert again.objects(A) == {}
    assert again.uploads(A) == [row("three", None, b"3", "\\seen")]
    assert again.folder_of("one") == B


def test_a_written_object_is_no_announced_upload_any_more(base: Base) -> None:
    """Both change in one transaction; other uploads, and those of other folders, stay."""
    for path in (A, B):
        base.announce(path, [row("one"), row("two")])
    base.write(A, [row("one", 1)])
    base.withdraw(B, ["two"])
    assert [each.handle for each in base.uploads(A)] == ["two"]
    assert [each.handle for each in base.uploads(B)] == ["one"]


def test_a_new_uid_validity_takes_all_uids_of_the_folder(base: Base) -> None:
    """And of no other folder; the rows stay, to be found again by content."""
    for path in (A, B):
        base.add_folder(path, path[-1])
        base.write(path, [row("one", 1), row("two", 2)])
    base.renumber(A, 9)
    assert {each.uid for each in base.objects(A).values()} == {None}
    assert {each.uid for each in base.objects(B).values()} == {1, 2}


def test_a_dropped_folder_takes_its_objects_along(base: Base) -> None:
    """Folder, objects and uploads are forgotten together."""
    for path in (A, B):
        base.add_folder(path, path[-1])
        base.write(path, [row("one", 1)])
        base.announce(path, [row("two")])
    base.drop_folder(A)
    assert (set(base.folders()), base.objects(A), base.uploads(A)) == ({B}, {}, [])
    assert base.objects(B)


def test_a_failed_transaction_changes_nothing(base: Base) -> None:
    """Not even its first half is kept."""
    base.write(A, [row("one", 1)])

    def rows() -> object:
        yield row("two", 2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        base.write(A, rows())  # type: ignore[arg-type]
    assert set(base.objects(A)) == {"one"}
    base.forget(A, ["one"])
    assert base.objects(A) == {}


def test_a_base_belongs_to_one_account(base: Base) -> None:
    """Until it is cleared."""
    base.bind("ada")
    base.bind("ada")
    with pytest.raises(OtherAccount, match="another directory"):
        base.bind("bob")
    base.clear()
    base.bind("bob")


@pytest.mark.parametrize("kind", list(ObjectKind))
def test_the_kind_is_told_by_the_content_type(kind: ObjectKind) -> None:
    """Every kind of object is recognized, with either form of line ends."""
    octets = of_kind(kind, "one").octets
    assert kind_of(octets) is kind
    assert kind_of(octets.replace(b"\r\n", b"\n")) is kind


@pytest.mark.parametrize("octets", [b"", b"\r\n", b"no header", b"Subject: x\r\n\r\nContent-Type: image/gif\r\n"])
def test_what_says_nothing_is_a_message(octets: bytes) -> None:
    """An object without a Content-Type, however broken, is a message."""
    assert kind_of(octets) is ObjectKind.MESSAGE


@given(st.binary())
def test_the_wire_form_has_crlf_and_keeps_the_object(body: bytes) -> None:
    """It is stable, holds no bare CR or LF and no NUL, and is the same object."""
    octets = b"Subject: x\r\n\r\n" + body.replace(b"\0", b"")
    wire = wire_form(octets)
    assert wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n")
    assert wire_form(wire) == wire
    assert digest(wire) == digest(octets)


@given(st.binary())
def test_nul_octets_are_encoded(body: bytes) -> None:
    """In a single part the decoded content is exactly what it was."""
    octets = b"Content-Type: image/gif\r\nX-Kept: yes\r\n\r\n" + body + b"\0"
    wire = wire_form(octets)
    assert b"\0" not in wire
    assert email.message_from_bytes(wire).get_payload(decode=True) == body + b"\0"
    assert b"X-Kept: yes\r\n" in wire


def test_nul_octets_inside_a_multipart_are_encoded() -> None:
    """Only the part that has them is changed; a NUL in the header cannot be mended."""
    octets = (
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nplain\r\n'
        b"--x\r\nContent-Type: image/gif\r\n\r\nG\0F\r\n--x--\r\n"
    )
    _, first, second = email.message_from_bytes(wire_form(octets)).walk()
    assert first.get_payload() == "plain"
    assert second.get_payload(decode=True) == b"G\0F"
    with pytest.raises(CannotTravel):
        wire_form(b"Subject: \0\r\n\r\n")
    assert travel_form(b"Subject: \0\r\n\r\n") == b"Subject: \0\r\n\r\n"


@given(FLAG_SETS, FLAG_SETS, FLAG_SETS)
def test_the_merge_of_flags_settles(base: frozenset[str], local: frozenset[str], server: frozenset[str]) -> None:
    """After a merge a second one changes nothing; where a side refuses its part, the base still knows what waits."""
    merged = merge_flags(base, local, server)
    assert agreed(base, merged, merged) == merged
    waiting = agreed(base, merged, server)
    assert merge_flags(waiting, merged, server) == merged


def test_flags_are_one_in_any_letter_case() -> None:
    """Compared without case, kept in the spelling of the store they come from; session flags do not travel."""
    assert folded(["\\SEEN", "Work", "\\Recent", "\\deleted"]) == {"\\seen", "work"}
    assert spelled({"\\seen", "work", "new"}, ["Work"], ["WORK", "New"]) == {"\\Seen", "Work", "New"}


def test_only_permanent_flags_are_permitted() -> None:
    r"""Without PERMANENTFLAGS all are; `\*` stands for keywords, never for flags with a backslash."""
    flags = frozenset({"\\Seen", "kw", "\\x-own"})
    assert permitted(flags, [], None) == {"\\Seen", "kw"}
    assert permitted(flags, ["\\x-own"], None) == flags
    assert permitted(flags, [], ["\\seen"]) == {"\\Seen"}
    assert permitted(flags, [], ["\\*"]) == {"kw"}
    assert permitted(flags, flags, []) == frozenset()


def fetched(uid: int, octets: bytes) -> FetchedObject:
    """An object of the server."""
    return FetchedObject(uid, octets, frozenset(), None)


def test_orphans_are_adopted_one_for_one() -> None:
    """Equal contents stay as many as they are; those in local storage come first."""
    orphans = Orphans([row("gone"), row("here"), row("other", None, b"y")], {"here", "other"})
    assert orphans.sizes == {1}
    adopted = [orphans.adopt(fetched(uid, b"x")) for uid in (5, 6, 7)]
    assert [each and (each.handle, each.uid) for each in adopted] == [("here", 5), ("gone", 6), None]
    assert [each.handle for each in orphans] == ["other"]


def test_own_uploads_are_told_from_strangers() -> None:
    """By order where nobody else stored anything, else by content, if need be by identity headers."""
    uploads = [row("one", None, b"aa"), row("two", None, b"b")]
    sizes = [ObjectMetadata(uid, frozenset(), size, None) for uid, size in ((10, 2), (11, 1))]
    ordered = in_order(uploads, sizes)
    assert ordered is not None
    assert [each.uid for each in ordered] == [10, 11]
    assert in_order(uploads, sizes[::-1]) is None
    assert in_order(uploads, [*sizes, replace(sizes[1], uid=12)]) is None
    head = b"Message-ID: <1@x>\r\n\r\n"
    contents = {"one": head + b"text", "two": b"b"}
    found = by_content(
        [row("one", None, contents["one"]), row("two", None, b"b")],
        contents,
        [fetched(10, b"b"), fetched(11, b"X-Added: by the server\r\n" + head + b"text"), fetched(12, b"b")],
    )
    assert {each.handle: each.uid for each in found} == {"one": 11, "two": 10}
