"""Durable local storage: any name, any flag, whole objects only, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.reference.client.escape import directory_of, path_of
from conformance.reference.client.storage import NoSuchFolder, NoSuchObject, Storage

levels = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=90)
paths = st.lists(levels, min_size=1, max_size=4).map(tuple)
TRICKY = ["cur", ".", "..", "tmp", "=x", "+x", "%2F", "a/b", "%", "\0", ".hidden", "a\nb", "é", "e\u0301"]
TRICKY += ["会" * 90, "/" * 200]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """Empty local storage."""
    return Storage(tmp_path)


@given(paths, paths)
def test_every_path_has_a_directory_of_its_own(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Directories turn back into their paths, so no two paths share one; no part is too long for a file system."""
    top = Path("/top")
    assert path_of(top, directory_of(top, one)) == one
    assert (directory_of(top, one) == directory_of(top, other)) == (one == other)
    assert all(len(part.encode()) <= 255 for part in directory_of(top, one).parts)


def test_tricky_names_coexist(storage: Storage) -> None:
    """Names that mean something to the file system, or to this storage itself, are names like any other."""
    for name in TRICKY:
        storage.create((name,))
        storage.create(("x", name))
        storage.put((name,), name.encode())
    assert storage.folders() == {(name,) for name in TRICKY} | {("x", name) for name in TRICKY}
    for name in TRICKY:
        (held,) = storage.objects((name,)).values()
        assert held.read() == name.encode()


def test_a_lone_surrogate_is_refused(storage: Storage) -> None:
    """What no file system and no server can name is named in the error."""
    with pytest.raises(ValueError, match="lone surrogate"):
        storage.create(("\ud800",))
    with pytest.raises(ValueError, match="empty"):
        storage.create(("",))


def test_a_superior_is_no_folder_until_it_is_created(storage: Storage) -> None:
    """A level that only carries inferiors is not listed, and can be created later."""
    storage.create(("a", "b"))
    assert storage.folders() == {("a", "b")}
    with pytest.raises(NoSuchFolder):
        storage.objects(("a",))
    storage.create(("a",))
    assert storage.folders() == {("a",), ("a", "b")}


def test_removal_takes_inferiors_or_leaves_them(storage: Storage) -> None:
    """Recursive removal takes all below and nothing beside; the other takes the folder's own objects only."""
    for path in [("a",), ("a", "b"), ("a", "b", "c"), ("ab",)]:
        storage.create(path)
        storage.put(path, b"x")
    storage.remove(("a",), inferiors=False)
    assert storage.folders() == {("a", "b"), ("a", "b", "c"), ("ab",)}
    storage.remove(("a", "b"))
    assert storage.folders() == {("ab",)}
    with pytest.raises(NoSuchFolder):
        storage.remove(("a",))


def test_no_empty_directory_is_left(storage: Storage, tmp_path: Path) -> None:
    """Removing the innermost folder removes the levels that carried it."""
    storage.create(("a", "b", "c" * 200))
    storage.remove(("a", "b", "c" * 200), inferiors=False)
    assert list((tmp_path / "folders").iterdir()) == []
    assert list((tmp_path / "trash").iterdir()) == []


def test_rename_moves_everything(storage: Storage) -> None:
    """Inferiors, objects, flags and handles go along; a name in use is refused."""
    storage.create(("a",))
    storage.create(("a", "b"))
    put = storage.put(("a", "b"), b"x", ["\\Seen", "work"])
    storage.rename(("a",), ("n", "m"))
    assert storage.folders() == {("n", "m"), ("n", "m", "b")}
    assert storage.find(("n", "m", "b"), put.handle).flags == {"\\Seen", "work"}
    storage.create(("used",))
    for target in [("used",), ("n", "m", "b", "x")]:
        with pytest.raises(FileExistsError):
            storage.rename(("n", "m"), target)


FLAGS = st.frozensets(
    st.sampled_from(["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "$Forwarded", "work", "$Other"])
)


@settings(deadline=None, max_examples=50)
@given(changes=st.lists(FLAGS, min_size=1, max_size=5))
def test_flags_are_what_was_last_set(tmp_path_factory: pytest.TempPathFactory, changes: list[frozenset[str]]) -> None:
    """System flags and keywords together; the handle and the octets stay."""
    storage = Storage(tmp_path_factory.mktemp("storage"))
    storage.create(("a",))
    first = held = storage.put(("a",), b"octets", changes[0])
    for flags in changes[1:]:
        held = storage.set_flags(held, flags)
    (found,) = storage.objects(("a",)).values()
    assert (found.handle, found.flags, found.read()) == (first.handle, changes[-1], b"octets")


def test_handles_are_never_given_again(storage: Storage) -> None:
    """Every object has a handle of its own, in the order they came."""
    storage.create(("a",))
    handles = []
    for number in range(20):
        put = storage.put(("a",), b"%d" % number)
        handles.append(put.handle)
        if number % 2:
            storage.remove_object(put)
    assert len(set(handles)) == 20
    assert list(storage.objects(("a",))) == handles[::2]


def test_a_staged_object_is_invisible_until_revealed(storage: Storage, tmp_path: Path) -> None:
    """It survives in between, with its flags, also for a new process on the same directory."""
    storage.create(("a",))
    staged = storage.stage(b"octets", ["\\Seen", "work"])
    assert storage.objects(("a",)) == {}
    (found,) = Storage(tmp_path).staged()
    assert found == staged
    storage.reveal(("a",), found)
    assert storage.find(("a",), staged.handle).flags == {"\\Seen", "work"}
    assert Storage(tmp_path).staged() == []


def test_an_unfinished_object_is_never_visible(storage: Storage, tmp_path: Path) -> None:
    """What a killed process had only begun to write is no object."""
    storage.create(("a",))
    (tmp_path / "tmp" / "unfinished").write_bytes(b"half")
    assert Storage(tmp_path).objects(("a",)) == {}
    assert Storage(tmp_path).staged() == []


def test_what_is_not_there_is_named(storage: Storage) -> None:
    """Unknown folders and objects raise, and a failed `put` leaves nothing behind."""
    with pytest.raises(NoSuchFolder):
        storage.put(("nowhere",), b"x", ["work"])
    storage.create(("a",))
    put = storage.put(("a",), b"x")
    storage.remove_object(put)
    storage.remove_object(put)
    with pytest.raises(NoSuchObject):
        put.read()
    with pytest.raises(NoSuchObject):
        storage.set_flags(put, ["work"])
    with pytest.raises(NoSuchObject):
        storage.find(("a",), put.handle)
    assert storage.staged() == []
    assert storage.objects(("a",)) == {}
