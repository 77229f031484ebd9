"""Folder names: modified UTF-7 both ways, and paths below a root."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.imap.names import Hierarchy, decode_name, encode_name, quote, quote_escaped, same_folder

NAMES = {
    "INBOX": b"INBOX",
    "Entwürfe": b"Entw&APw-rfe",
    "a&b": b"a&-b",
    "&": b"&-",
    "~peter/mail/台北/日本語": b"~peter/mail/&U,BTFw-/&ZeVnLIqe-",
    "😀": b"&2D3eAA-",
    "tab\there": b"tab&AAk-here",
    "plus+minus-": b"plus+minus-",
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@pytest.mark.parametrize(("name", "wire"), NAMES.items())
def test_known_names(name: str, wire: bytes) -> None:
    """The examples of RFC 3501 5.1.3, characters beyond the basic plane, and `&`."""
    assert encode_name(name) == wire
    assert decode_name(wire) == name


@given(TEXT)
def test_every_name_comes_back(name: str) -> None:
    """Any Unicode name survives the wire, as printable ASCII."""
    wire = encode_name(name)
    assert decode_name(wire) == name
    assert all(0x20 <= octet <= 0x7E for octet in wire)


@given(st.binary(max_size=30))
def test_any_octets_have_a_name(wire: bytes) -> None:
    """A server may send anything as a name; reading it never fails."""
    assert isinstance(decode_name(wire), str)


@pytest.mark.parametrize("wire", [b"a&b", b"&!-", b"&AP-", "Entwürfe".encode()])
def test_what_is_not_modified_utf7_is_taken_as_utf8(wire: bytes) -> None:
    """A shift without an end, or octets of no alphabet, stand for themselves."""
    assert decode_name(wire) == wire.decode()


def test_lone_surrogate_is_refused() -> None:
    """No UTF-16 can carry half a character."""
    with pytest.raises(ValueError, match="surrogate"):
        encode_name("\ud83d")


def test_quoting() -> None:
    """Quotes and backslashes are escaped, line ends refused."""
    assert quote(b'a"b\\c') == b'"a\\"b\\\\c"'
    with pytest.raises(ValueError, match="literal"):
        quote(b"a\r\nA1 DELETE x")


LEVEL = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(st.sampled_from(["", "root", "INBOX", "a/b"]), st.lists(LEVEL, min_size=1, max_size=4).map(tuple))
def test_paths_and_names_are_inverse(root: str, path: tuple[str, ...]) -> None:
    """A path below a root becomes a name and comes back."""
    hierarchy = Hierarchy("/", root)
    expected = path if root or path[0].upper() != "INBOX" else ("INBOX", *path[1:])
    assert hierarchy.path(hierarchy.name(path)) == expected


def test_root_and_outside() -> None:
    """The root is the empty path; a name that only begins alike is outside; INBOX has no case."""
    hierarchy = Hierarchy("/", "inbox/x")
    assert hierarchy.name(()) == "inbox/x"
    assert hierarchy.path("INBOX/x") == ()
    assert hierarchy.path("Inbox/x/Y") == ("Y",)
    assert hierarchy.path("INBOX/xy") is None
    assert Hierarchy(".", "a").path("a/b") is None
    assert same_folder("inBox", "INBOX")
    assert not same_folder("a", "A")


def test_levels_that_cannot_be_told_apart_are_refused() -> None:
    """A level that holds the delimiter, an empty level, and depth without a delimiter are errors."""
    for hierarchy, path in ((Hierarchy("/"), ("a/b",)), (Hierarchy("/"), ("",)), (Hierarchy(None), ("a", "b"))):
        with pytest.raises(ValueError):
            hierarchy.name(path)
    assert Hierarchy(None).path("a/b") == ("a/b",)


def test_a_name_of_the_server_is_quoted_whatever_it_is() -> None:
    """A server that lists 8-bit names is asked for what it listed; nothing breaks out of the quotes."""
    assert quote_escaped(b'a"b\\c') == quote(b'a"b\\c') == b'"a\\"b\\\\c"'
    assert quote_escaped("Žluť".encode()) == b'"' + "Žluť".encode() + b'"'
