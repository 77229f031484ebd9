"""5.5.2.11 remove folder: what goes, what stays, and that identifiers never come back."""

from __future__ import annotations

from conformance.cases.declaration import server_case
from conformance.imap.errors import ConnectionLost
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Storage, Tester, selection

OBJECTS = [of_kind(ObjectKind.MESSAGE, f"gone-{number}").octets for number in range(3)]


@server_case("removed-folder-and-objects-are-gone", "OP11-S1", "OP11-S5")
def test_removed_folder_and_objects_are_gone(storage: Storage, judge: Judge) -> None:
    """A server that removes a folder shows it to no session, and one created with its name is empty."""
    tester, other = storage.connect(), storage.connect()
    folder = storage.folder(tester, "Doomed", objects=OBJECTS)
    neighbour = storage.folder(tester, "Doomed too", objects=OBJECTS[:1])
    answer = tester.ask(b"DELETE " + folder)
    for session in (tester, other, storage.connect()):
        selected, status = session.ask(b"SELECT " + folder), session.ask(b"STATUS " + folder + b" (MESSAGES)")
        listed = bool(storage.listed(session, "Doomed") or _selectable(storage, session, "Doomed"))
        observed = f"DELETE {answer.status}, SELECT {selected.status}, STATUS {status.status}, listed: {listed}"
        is_gone = selected.status == status.status == "NO" and not listed
        if answer.ok:
            judge.check("OP11-S5", is_gone, "OK is said only when it is removed", observed, answer.entry)
        judge.check(
            "OP11-S1", answer.ok and is_gone, "OK; then neither listed nor selectable", observed, selected.entry
        )
    kept = selection(tester.ask(b"SELECT " + neighbour)).exists
    judge.check("OP11-S1", kept == 1, "a folder with a similar name is kept", f"EXISTS {kept}")
    tester.create(folder)
    back = tester.select(folder).exists
    judge.check("OP11-S1", back == 0, "created again, it is empty", f"EXISTS {back}")


def _selectable(storage: Storage, tester: Tester, *levels: str) -> list[frozenset[str]]:
    shown = storage.named(tester.listing(storage.pattern("*")), *levels)
    return [each.attributes for each in shown if "\\noselect" not in each.attributes]


@server_case("inferiors-are-kept", "OP11-S2")
def test_inferiors_are_kept(storage: Storage, judge: Judge) -> None:
    r"""A server that removes a folder with inferiors keeps them all with their objects, and shows it as `\Noselect`."""
    if not storage.nested:
        raise NotApplicable("the server has no hierarchy of folders")
    tester = storage.connect()
    storage.folder(tester, "Outer", objects=OBJECTS[:2])
    inferiors = [("Outer", "Inner"), ("Outer", "Inner", "Deep"), ("Outer", "Second")]
    for path in inferiors:
        storage.folder(tester, *path, objects=OBJECTS)
    uids = {path: _contents(tester, storage.name(*path)) for path in inferiors}
    tester.select(storage.folder(tester, "Elsewhere"))
    answer = tester.ask(b"DELETE " + storage.name("Outer"))
    later = storage.connect()
    kept = [path for path in inferiors if _contents(later, storage.name(*path)) == uids[path]]
    observed = f"DELETE {answer.told}, kept: {kept}"
    judge.check("OP11-S2", kept == inferiors, "every inferior is kept with its objects", observed, answer.entry)
    own = selection(later.ask(b"SELECT " + storage.name("Outer")))
    if answer.ok:
        shown = storage.named(later.listing(storage.pattern("%")), "Outer")
        marked = any("\\noselect" in each.attributes for each in shown)
        observed = f"SELECT {own.answer.status}, marked \\Noselect by LIST %: {marked}"
        judge.check("OP11-S2", not own.answer.ok and marked, "the name is \\Noselect", observed, own.answer.entry)
    else:
        observed = f"refused, EXISTS {own.exists}"
        judge.check("OP11-S2", own.exists == 2, "refused, the folder keeps its objects", observed, own.answer.entry)
    judge.observe("DELETE of a folder with inferiors", answer.told, answer.entry)


def _contents(tester: Tester, folder: bytes) -> list[tuple[int, bytes | None]]:
    """UIDs and octets of a folder; none where it cannot be selected."""
    if not tester.ask(b"EXAMINE " + folder).ok:
        return []
    return [(uid, tester.body(uid)) for uid in tester.uids()]


@server_case("identifiers-survive-the-folder", "OP11-S4")
def test_identifiers_survive_the_folder(storage: Storage, judge: Judge) -> None:
    """A server keeps the highest identifier of a removed folder, emptied before or not, or changes UIDVALIDITY."""
    tester = storage.connect()
    elsewhere = storage.folder(tester, "Elsewhere")
    used: dict[int | None, int] = {}
    for round_, emptied in enumerate((True, False, True)):
        folder = storage.folder(tester, "Returning", objects=OBJECTS)
        told, uids = tester.select(folder), tester.uids()
        highest = used.get(told.uid_validity, 0)
        observed = f"UIDVALIDITY {told.uid_validity}, UIDs {uids}, former {used}"
        holds = told.uid_validity is not None and len(uids) == len(OBJECTS) and min(uids) > highest
        expected = f"round {round_ + 1}: UIDs above {highest} under this UIDVALIDITY"
        judge.check("OP11-S4", holds, expected, observed, told.answer.entry)
        used[told.uid_validity] = max(uids, default=0)
        if emptied:
            tester.store(uids, "+FLAGS (\\Deleted)")
            tester.must(b"EXPUNGE")
        tester.select(elsewhere)
        tester.must(b"DELETE " + folder)


@server_case("removal-of-an-open-folder", "OP11-S1")
def test_removal_of_an_open_folder(storage: Storage, judge: Judge) -> None:
    """A server removes a folder that another session has active, or refuses and keeps it whole."""
    tester, holder = storage.connect(), storage.connect()
    folder = storage.folder(tester, "Open", objects=OBJECTS)
    holder.select(folder)
    answer = tester.ask(b"DELETE " + folder)
    now = selection(storage.connect().ask(b"SELECT " + folder))
    expected = "removed for later sessions" if answer.ok else "refused, and the folder is whole"
    holds = not now.answer.ok if answer.ok else now.exists == len(OBJECTS)
    judge.check("OP11-S1", holds, expected, f"DELETE {answer.status}, EXISTS {now.exists}", answer.entry)
    judge.observe("DELETE of a folder that another session has active", answer.told, answer.entry)
    judge.observe("The session whose active folder was removed", _fate(holder), holder.wire.last_entry)


def _fate(holder: Tester) -> str:
    try:
        answer = holder.ask(b"NOOP")
    except ConnectionLost:
        return "its connection is closed"
    return f"NOOP is answered {answer.told}"
