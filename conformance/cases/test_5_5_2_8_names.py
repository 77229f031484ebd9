"""5.5.2.8 create folder: what becomes of the name that was given."""

from __future__ import annotations

import re

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.names import is_inbox
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Storage, append_line, selection

OBJECT = of_kind(ObjectKind.MESSAGE, "created-1").octets
_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")


def _delimiter(storage: Storage) -> str:
    if storage.hierarchy.delimiter is None:
        raise NotApplicable("the server has no hierarchy of folders")
    return storage.hierarchy.delimiter


@server_case("create-with-trailing-delimiter", "OP08-S5")
def test_create_with_trailing_delimiter(storage: Storage, judge: Judge) -> None:
    """A server that is told by a trailing delimiter that inferiors will come creates the name without it."""
    tester = storage.connect()
    delimiter = _delimiter(storage).encode()
    told = storage.wire_name("Outer") + delimiter
    answer = tester.ask(b"CREATE " + storage.quoted(told))
    names = [each.wire_name for each in tester.listing(storage.pattern("*"))]
    shown = storage.named(tester.listing(storage.pattern("*")), "Outer")
    wrong = [name for name in names if name.endswith(delimiter)]
    observed = f"CREATE {answer.status}, the listed names are {names}"
    judge.check("OP08-S5", answer.ok and shown and not wrong, "the name is listed without it", observed, answer.entry)
    inner = tester.ask(b"CREATE " + storage.name("Outer", "Inner"))
    listed = storage.listed(tester, "Outer", "Inner")
    observed = f"CREATE {inner.status}, listed: {bool(listed)}"
    judge.check("OP08-S5", inner.ok and listed, "the inferior is created and listed", observed, inner.entry)
    if shown and "\\noselect" not in shown[0].attributes:
        again = tester.ask(b"CREATE " + storage.name("Outer"))
        judge.check("OP08-S5", again.status == "NO", "the name is taken: NO", again.status, again.entry)


@server_case("names-that-differ-in-their-encoding", "OP08-S7")
def test_names_that_differ_in_their_encoding(storage: Storage, judge: Judge) -> None:
    """A server keeps apart two names whose modified BASE64 differs in the case of its letters only."""
    tester = storage.connect()
    names = {storage.wire_name("é"): b"one", storage.wire_name("\u68e9"): b"two"}
    for name, content in names.items():
        created = tester.ask(b"CREATE " + storage.quoted(name))
        judge.check("OP08-S7", created.ok, f"CREATE {name!r} is OK", created.told, created.entry)
        tester.ask(append_line(storage.quoted(name)), OBJECT + content)
    listed = tester.listed(storage.pattern("*"))
    other = storage.connect()
    for name, content in names.items():
        judge.check("OP08-S7", name in listed, f"{name!r} is listed octet for octet", f"{sorted(listed)}")
        told = selection(other.ask(b"SELECT " + storage.quoted(name)))
        held = [other.body(uid) for uid in other.uids()] if told.answer.ok else []
        observed = f"SELECT {told.answer.status}, EXISTS {told.exists}"
        judge.check("OP08-S7", held == [OBJECT + content], "each holds its own object", observed, told.answer.entry)


@pytest.mark.parametrize("spelling", ["INBOX", "inbox"])
@server_case("create-inbox", "OP08-S6")
def test_create_inbox(storage: Storage, judge: Judge, spelling: str) -> None:
    """A server refuses to create INBOX, in any case, and goes on."""
    tester = storage.connect()
    storage.folder(tester, "Control")
    before = _inboxes(tester.listed())
    first = tester.ask(b"CREATE " + spelling.encode())
    if first.ok:
        expected = "NO, also for an INBOX that no session has used yet"
        judge.recommended("OP08-S6", expected, first.told, first.entry)
    storage.connect().examine(b"INBOX")
    answer = tester.ask(b"CREATE " + spelling.encode())
    after = _inboxes(tester.listed())
    observed = f"{answer.status}, listed before: {before}, after: {after}"
    holds = answer.status == "NO" and len(after) == 1 and storage.is_alive(tester)
    judge.check("OP08-S6", holds, "NO, and nothing is created", observed, answer.entry)


def _inboxes(listed: dict[bytes, frozenset[str]]) -> list[str]:
    return sorted(name for name in map(bytes.decode, listed) if is_inbox(name))


@server_case("create-with-8-bit-name", "OP08-S8")
def test_create_with_8_bit_name(storage: Storage, judge: Judge) -> None:
    """A server creates no folder from a name with raw 8-bit octets, and lists names in 7 bits."""
    tester = storage.connect()
    raw = storage.wire_name("R") + "aw-\N{LATIN SMALL LETTER E WITH ACUTE}".encode()
    answer = tester.ask(b"CREATE {}", raw)
    names = list(tester.listed(storage.pattern("*")))
    eight = [name for name in names if not name.isascii()]
    judge.check("OP08-S8", not answer.ok, "NO or BAD", answer.told, answer.entry)
    judge.check("OP08-S8", not eight, "listed names are 7-bit", f"{eight}", tester.wire.last_entry)
    judge.observe("CREATE with raw UTF-8 in the name", answer.told, answer.entry)
    if answer.ok:
        tester.ask(b"DELETE {}", raw)
    storage.folder(tester, "Control")


@pytest.mark.parametrize("spelling", ["quoted", "literal", "atom"])
@server_case("create-however-spelled", "OP08-S1")
def test_create_however_spelled(storage: Storage, judge: Judge, spelling: str) -> None:
    """A server takes the name of a folder as an atom, a quoted string or a literal, and others can use it at once."""
    tester, other = storage.connect(), storage.connect()
    name = storage.wire_name("Spelled")
    if spelling == "atom" and not _ATOM.fullmatch(name):
        raise NotApplicable("the name of the root folder is no atom")
    answer = {
        "quoted": lambda: tester.ask(b"CREATE " + storage.quoted(name)),
        "literal": lambda: tester.ask(b"CREATE {}", name),
        "atom": lambda: tester.ask(b"CREATE " + name),
    }[spelling]()
    stored = other.ask(append_line(storage.name("Spelled")), OBJECT)
    told = selection(other.ask(b"SELECT " + storage.name("Spelled")))
    observed = f"CREATE {answer.status}, APPEND {stored.status}, EXISTS {told.exists}"
    holds = answer.ok and stored.ok and told.answer.ok and told.exists == 1
    judge.check("OP08-S1", holds, "created; another session stores in it", observed, answer.entry)


@server_case("created-folder-is-empty-and-separate", "OP08-S1")
def test_created_folder_is_empty_and_separate(storage: Storage, judge: Judge) -> None:
    """A server makes a new folder that holds nothing, whatever others hold, and that keeps what is stored in it."""
    tester = storage.connect()
    storage.folder(tester, "First", objects=[OBJECT, OBJECT])
    answer = tester.ask(b"CREATE " + storage.name("Second"))
    told = selection(tester.ask(b"SELECT " + storage.name("Second")))
    observed = f"CREATE {answer.status}, SELECT {told.answer.status}, EXISTS {told.exists}, UIDs {tester.uids()}"
    holds = answer.ok and told.answer.ok and told.exists == 0 and not tester.uids()
    judge.check("OP08-S1", holds, "the new folder is empty", observed, told.answer.entry)
    tester.append(storage.name("Second"), OBJECT)
    counts = [storage.connect().select(storage.name(each)).exists for each in ("First", "Second")]
    judge.check("OP08-S1", counts == [2, 1], "2 objects in the first, 1 in the second", f"{counts}")
