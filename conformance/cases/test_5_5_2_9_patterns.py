"""5.5.2.9 list folders: what a pattern matches, and names with special characters."""

from __future__ import annotations

import re

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.data import list_data
from conformance.imap.names import decode_name, is_inbox
from conformance.model.folders import FolderPath, display
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Storage, append_line, selection

FOLDERS: tuple[FolderPath, ...] = (("Zq",), ("ZqB",), ("Zq", "B"), ("Zq", "B", "C"), ("Yq",), ("Yq", "ZqB"))
PATTERNS = ("Zq", "Zq%", "Zq*", "%B", "*B", "%/%", "Zq/%", "Zq/*", "%/%/%", "*/C", "Z%B", "%q", "Xq%")
NAMES = {
    "two-bytes": "Žluťoučký kůň",
    "three-bytes": "日本語",
    "four-bytes": "Gruß 😀",
    "combining": "e\N{COMBINING ACUTE ACCENT}",
    "ampersand": "Bread & butter",
    "looks-encoded": "&AOk-",
    "space": "two words",
    "outer-space": " padded ",
    "quote": 'say "hi"',
    "backslash": "back\\slash",
    "parentheses": "(paren)",
    "bracket": "[bracket]",
    "brace": "{12}",
    "percent": "100%",
    "asterisk": "a*b",
    "nil": "NIL",
    "number": "12345",
    "tilde": "~home",
    "hash": "#hash",
    "conversation": "tel:+15551234567;sip:bob@example.test",
    "long": "L" * 100,
}


def _matches(pattern: str, delimiter: str, name: str) -> bool:
    r"""Whether a LIST pattern matches a name: `*` anything, `%` anything but the delimiter (RFC 3501 6.3.8)."""
    parts = {"*": ".*", "%": f"[^{re.escape(delimiter)}]*"}
    expression = "".join(parts.get(character) or re.escape(character) for character in pattern)
    return re.fullmatch(expression, name, re.DOTALL | re.IGNORECASE) is not None


@server_case("listed-names-match-the-pattern", "OP09-S5")
def test_listed_names_match_the_pattern(storage: Storage, judge: Judge) -> None:
    """A server lists for a pattern the names that match it and no others."""
    delimiter = storage.hierarchy.delimiter
    if delimiter is None:
        raise NotApplicable("the server has no hierarchy of folders")
    tester = storage.connect()
    for path in FOLDERS:
        storage.folder(tester, *path)
    for pattern in PATTERNS:
        sent = storage.pattern(pattern.replace("/", delimiter))
        wanted = decode_name(sent)
        listing = tester.listing(sent)
        names = [decode_name(each.wire_name) for each in listing]
        strangers = [name for name in names if not _matches(wanted, delimiter, name) and not is_inbox(name)]
        expected = f"LIST {wanted} gives only names that match"
        judge.check("OP09-S5", not strangers, expected, f"also {', '.join(strangers)}", tester.wire.last_entry)
        missing = [
            path
            for path in FOLDERS
            if _matches(wanted, delimiter, storage.hierarchy.name(path)) and not storage.named(listing, *path)
        ]
        hidden = [display(path) for path in missing if pattern.isalnum() or not storage.listed(tester, *path)]
        judge.check("OP09-S5", not hidden, f"LIST {wanted} gives {len(FOLDERS)} or fewer", f"not {', '.join(hidden)}")


@server_case("list-with-literal-and-atom", "OP09-S5")
def test_list_with_literal_and_atom(storage: Storage, judge: Judge) -> None:
    """A server takes a pattern as an atom, a quoted string or a literal alike."""
    tester = storage.connect()
    for name in ("Zq", "ZqB", "Yq"):
        storage.folder(tester, name)
    pattern = storage.pattern("Zq%")
    plain = re.fullmatch(rb"[A-Za-z0-9/._%-]+", pattern) is not None
    spelled = [tester.ask(b'LIST "" ' + storage.quoted(pattern)), tester.ask(b'LIST "" {}', pattern)]
    spelled += [tester.ask(b'LIST "" ' + pattern)] if plain else []
    for answer in spelled:
        found = {list_data(each).wire_name for each in answer.named("LIST")}
        expected = "the same two names however the pattern is spelled"
        judge.check("OP09-S5", answer.ok and len(found) == 2, expected, f"{answer.status}, {len(found)}", answer.entry)


@pytest.mark.parametrize("kind", NAMES)
@server_case("special-name-is-listed", "OP09-S1", "OP09-S6", "OP08-S1")
def test_special_name_is_listed(storage: Storage, judge: Judge, kind: str) -> None:
    """A server that creates a folder with special characters lists its name so that it can be selected by it."""
    delimiter = storage.hierarchy.delimiter
    if delimiter and delimiter in NAMES[kind]:
        raise NotApplicable(f"the delimiter {delimiter!r} is in the name")
    tester = storage.connect()
    path = (NAMES[kind],)
    created = tester.ask(b"CREATE " + storage.name(*path))
    if not created.ok:
        left = storage.named(tester.listing(), *path)
        judge.check("OP08-S1", not left, "a refused name is not listed", "it is listed", created.entry)
        judge.observe(f"Folder named {NAMES[kind][:20]!r}", created.told, created.entry)
        raise NotApplicable("the server refuses the name")
    shown = storage.named(tester.listing(storage.pattern("*")), *path) or storage.listed(tester, *path)
    there = bool(shown) or tester.ask(b"EXAMINE " + storage.name(*path)).ok
    judge.check("OP08-S1", there, f"after OK, {NAMES[kind]!r} is there", "it is neither listed nor selectable")
    if not judge.check("OP09-S1", shown, f"{NAMES[kind]!r} is listed", "it is not listed", created.entry):
        return
    content = of_kind(ObjectKind.MESSAGE, kind).octets
    stored = tester.ask(append_line(storage.quoted(shown[0].wire_name)), content)
    told = selection(storage.connect().ask(b"SELECT " + storage.quoted(shown[0].wire_name)))
    observed = f"APPEND {stored.status}, SELECT {told.answer.status}, EXISTS {told.exists}"
    holds = stored.ok and told.answer.ok and told.exists == 1
    judge.check("OP09-S6", holds, "APPEND and SELECT take the listed name", observed, stored.entry)
