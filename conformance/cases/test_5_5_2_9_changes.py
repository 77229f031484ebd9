"""5.5.2.9 list folders: the list after changes, the status of listed folders, and INBOX."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.data import status_data
from conformance.imap.names import is_inbox, same_spelling
from conformance.imap.syntax import Response
from conformance.model.folders import FolderPath, display
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Selection, Storage, Tester, append_line, selection

OBJECTS = [of_kind(ObjectKind.MESSAGE, f"status-{number}").octets for number in range(3)]
SPELLINGS = ("INBOX", "inbox", "iNbOx")


class _Watch:
    """Two sessions that list after each change: the one that made it, and another."""

    def __init__(self, storage: Storage, judge: Judge) -> None:
        self.storage, self.judge = storage, judge
        self.own, self.other = storage.connect(), storage.connect()

    def _is_listed(self, tester: Tester, path: FolderPath) -> bool:
        found = self.storage.named(tester.listing(), *path) or self.storage.listed(tester, *path)
        return any("\\noselect" not in each.attributes for each in found)

    def expect(self, after: str, path: FolderPath, *, there: bool) -> None:
        """Both lists show the change; that of another session only should."""
        expected = f"after {after}, {display(path)} is {'' if there else 'not '}listed"
        observed = "it is not listed" if there else "it is listed"
        entry = self.own.wire.last_entry
        self.judge.check("OP09-S3", self._is_listed(self.own, path) is there, expected, observed, entry)
        if self._is_listed(self.other, path) is not there:
            self.judge.recommended("OP09-S3", f"{expected} for another session", observed, self.other.wire.last_entry)


@server_case("list-reflects-completed-changes", "OP09-S3")
def test_list_reflects_completed_changes(storage: Storage, judge: Judge) -> None:
    """A server lists what was created, renamed and removed, to the session that did it and to others."""
    watch = _Watch(storage, judge)
    old, new = ("Before",), ("After",)
    watch.expect("nothing yet", old, there=False)
    watch.own.must(b"CREATE " + storage.name(*old))
    watch.expect("CREATE", old, there=True)
    watch.own.append(storage.name(*old), OBJECTS[0])
    watch.own.must(b"RENAME " + storage.name(*old) + b" " + storage.name(*new))
    watch.expect("RENAME", old, there=False)
    watch.expect("RENAME", new, there=True)
    watch.own.must(b"DELETE " + storage.name(*new))
    watch.expect("DELETE", new, there=False)
    watch.own.must(b"CREATE " + storage.name(*new))
    watch.expect("CREATE of a former name", new, there=True)


@server_case("renamed-tree-is-listed", "OP09-S3")
def test_renamed_tree_is_listed(storage: Storage, judge: Judge) -> None:
    """A server lists the inferiors of a renamed folder under the new name, with their objects."""
    if storage.hierarchy.delimiter is None:
        raise NotApplicable("the server has no hierarchy of folders")
    watch = _Watch(storage, judge)
    storage.folder(watch.own, "Old")
    storage.folder(watch.own, "Old", "Inner", objects=OBJECTS[:1])
    uid_validity = watch.own.select(storage.name("Old", "Inner")).uid_validity
    watch.own.create(storage.name("Elsewhere"))
    watch.own.select(storage.name("Elsewhere"))
    watch.own.must(b"RENAME " + storage.name("Old") + b" " + storage.name("New"))
    watch.expect("RENAME of its superior", ("New", "Inner"), there=True)
    watch.expect("RENAME of its superior", ("Old", "Inner"), there=False)
    told = watch.other.select(storage.name("New", "Inner"))
    judge.check("OP09-S3", told.exists == 1, "the object is in the renamed folder", f"EXISTS {told.exists}")
    kept = "kept" if told.uid_validity == uid_validity else "changed"
    judge.observe("RENAME of a superior: UIDVALIDITY of an inferior is", kept, told.answer.entry)


@server_case("what-rename-keeps", "OP09-S3")
def test_what_rename_keeps(storage: Storage, judge: Judge) -> None:
    """A server that renames a folder keeps its objects, and may keep their identifiers."""
    tester = storage.connect()
    old, new = storage.folder(tester, "Named", objects=OBJECTS), storage.name("Renamed")
    before = tester.select(old)
    tester.store(tester.uids()[:1], "+FLAGS (\\Flagged)")
    uids = tester.uids()
    tester.select(storage.folder(tester, "Elsewhere"))
    answer = tester.ask(b"RENAME " + old + b" " + new)
    after = selection(storage.connect().ask(b"SELECT " + new))
    observed = f"RENAME {answer.told}, EXISTS {after.exists}"
    judge.check("OP09-S3", answer.ok and after.exists == len(uids), "OK, with every object", observed, answer.entry)
    if after.exists:
        later = storage.connect()
        later.select(new)
        same_validity = before.uid_validity == after.uid_validity
        judge.observe("RENAME of a folder: UIDVALIDITY is", "kept" if same_validity else "changed", answer.entry)
        judge.observe("RENAME of a folder: UIDs are", "kept" if later.uids() == uids else "changed", answer.entry)
        flagged = "\\flagged" in (later.flags(later.uids()[0]) or ())
        judge.observe("RENAME of a folder: flags are", "kept" if flagged else "lost", answer.entry)


@server_case("status-in-the-list", "OP09-S4")
def test_status_in_the_list(storage: Storage, judge: Judge) -> None:
    """A server that announces LIST-STATUS tells with each listed folder what selecting it tells."""
    tester = storage.connect()
    if "LIST-STATUS" not in tester.capabilities:
        raise NotApplicable("LIST-STATUS is not announced")
    folders = {("Empty",): 0, ("One",): 1, ("Three",): 3}
    for path, count in folders.items():
        storage.folder(tester, *path, objects=OBJECTS[:count])
    tester.select(storage.name("Three"))
    tester.store(tester.uids()[-1:], "+FLAGS (\\Seen \\Deleted)")
    tester.must(b"EXPUNGE")
    tester.select(storage.name("Empty"))
    ask = b'LIST "" ' + storage.quoted(storage.pattern("*")) + b" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN))"
    answer = tester.ask(ask)
    told = [status_data(each) for each in answer.named("STATUS")]
    for path in folders:
        mine = [items for name, items in told if same_spelling(name, storage.wire_name(*path))]
        selected = storage.connect().examine(storage.name(*path))
        expected = f"one STATUS of {display(path)}: {_counts(selected)}"
        holds = answer.ok and len(mine) == 1 and _counts(selected).items() <= mine[0].items()
        judge.check("OP09-S4", holds, expected, f"{answer.status}, {mine}", answer.entry)


def _counts(selected: Selection) -> dict[str, int | None]:
    return {"MESSAGES": selected.exists, "UIDNEXT": selected.uid_next, "UIDVALIDITY": selected.uid_validity}


@pytest.mark.parametrize("spelling", SPELLINGS)
@server_case("inbox-in-any-case", "OP09-S8")
def test_inbox_in_any_case(storage: Storage, judge: Judge, spelling: str) -> None:
    """A server takes INBOX in any case for the same folder, and lists it once if it can be selected."""
    tester, other = storage.connect(), storage.connect()
    listed = [each for each in tester.listing(b"INBOX") if is_inbox(each.wire_name.decode("latin-1"))]
    matched = tester.listing(spelling.encode())
    judge.observe(f"LIST of the pattern {spelling}", f"gives {len(matched)} names", tester.wire.last_entry)
    plain, spelled = (_status(other, name) for name in ("INBOX", spelling))
    judge.check(
        "OP09-S8", plain and plain == spelled, f"STATUS as of INBOX: {plain}", f"{spelled}", other.wire.last_entry
    )
    selected = tester.ask(b"EXAMINE " + spelling.encode())
    expected = "EXAMINE OK, listed once"
    observed = f"EXAMINE {selected.status}, listed {len(listed)} times"
    judge.check("OP09-S8", selected.ok and len(listed) == 1, expected, observed, selected.entry)
    if not storage.may_use_inbox():
        judge.remark("INBOX is not the suite's own: nothing was stored there")
        return
    content = of_kind(ObjectKind.MESSAGE, f"inbox-{spelling}").octets
    stored = other.ask(append_line(spelling.encode()), content)
    with ExitStack() as afterwards:
        tester.select(b"INBOX")
        uid = max(tester.uids(), default=0)
        afterwards.callback(_remove, tester, uid)
        arrived = tester.body(uid) == content
        observed = f"APPEND {stored.status}, in INBOX: {arrived}"
        judge.check("OP09-S8", stored.ok and arrived, f"APPEND to {spelling} stores in INBOX", observed, stored.entry)


def _status(tester: Tester, name: str) -> dict[str, int]:
    answers: list[Response] = tester.ask(f"STATUS {name} (MESSAGES UIDNEXT UIDVALIDITY)".encode()).named("STATUS")
    return status_data(answers[0])[1] if answers else {}


def _remove(tester: Tester, uid: int) -> None:
    if uid:
        tester.store([uid], "+FLAGS (\\Deleted)")
        tester.must(b"EXPUNGE")
