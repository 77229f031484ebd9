"""5.5.2.8 create folder: superiors, names that are taken, and identifiers of a folder that is created again."""

from __future__ import annotations

from conformance.cases.declaration import server_case
from conformance.model.folders import display
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Storage, Tester, append_line, plain_flags, selection

OBJECTS = [of_kind(ObjectKind.MESSAGE, f"kept-{number}").octets for number in range(3)]


@server_case("create-missing-superiors", "OP08-S2")
def test_create_missing_superiors(storage: Storage, judge: Judge) -> None:
    """A server that creates a nested folder creates the superiors it lacks, so that every level is listed."""
    delimiter = storage.hierarchy.delimiter
    if delimiter is None:
        raise NotApplicable("the server has no hierarchy of folders")
    tester = storage.connect()
    storage.folder(tester, "Control")
    leaf = ("Top", "Middle", "Leaf")
    answer = tester.ask(b"CREATE " + storage.name(*leaf))
    found = [
        each
        for depth in (1, 2, 3)
        for each in tester.listing(storage.pattern(delimiter.join((*leaf[: depth - 1], "%"))))
    ]
    lost = [display(leaf[:depth]) for depth in (1, 2, 3) if not storage.named(found, *leaf[:depth])]
    observed = f"CREATE {answer.told}, not listed: {lost}"
    judge.check("OP08-S2", answer.ok and not lost, "OK, and every level is listed", observed, answer.entry)
    stored = tester.ask(append_line(storage.name(*leaf)), OBJECTS[0])
    judge.check("OP08-S2", stored.ok, "the folder takes objects", f"APPEND {stored.status}", stored.entry)


@server_case("create-existing-folder", "OP08-S3")
def test_create_existing_folder(storage: Storage, judge: Judge) -> None:
    """A server refuses to create a folder that exists, whoever asks, and changes nothing in it or below it."""
    tester, other = storage.connect(), storage.connect()
    nested = storage.nested
    folder = storage.folder(tester, "Taken", objects=OBJECTS)
    if nested:
        storage.folder(tester, "Taken", "Inner", objects=OBJECTS[:1])
    before = tester.select(folder)
    tester.store(tester.uids()[:1], "+FLAGS (\\Flagged)")
    kept = _flags(tester)
    judge.check("OP08-S1", len(kept) == len(OBJECTS), "the objects are in the folder", f"{len(kept)} are")
    for asking in (other, tester, storage.connect()):
        answer = asking.ask(b"CREATE " + folder)
        now = storage.connect()
        after = now.select(folder)
        same = after.uid_validity == before.uid_validity and _flags(now) == kept
        observed = f"{answer.told}, unchanged: {same}"
        alive = storage.is_alive(asking)
        judge.check("OP08-S3", answer.status == "NO" and same and alive, "NO, nothing changed", observed, answer.entry)
    if nested:
        inner = selection(storage.connect().ask(b"SELECT " + storage.name("Taken", "Inner"))).exists
        judge.check("OP08-S3", inner == 1, "the inferior keeps its object", f"EXISTS {inner}")


def _flags(tester: Tester) -> dict[int, frozenset[str]]:
    return {uid: plain_flags(items) for uid, items in tester.fetch("1:*").items()}


@server_case("recreated-folder-has-new-identifiers", "OP08-S4", "OP08-S1")
def test_recreated_folder_has_new_identifiers(storage: Storage, judge: Judge) -> None:
    """A server never gives a pair of UIDVALIDITY and UID of a removed folder to one that is created with its name."""
    tester = storage.connect()
    used: dict[int | None, set[int]] = {}
    for round_ in range(4):
        folder = storage.folder(tester, "Again")
        empty = tester.select(folder).exists
        judge.check("OP08-S1", empty == 0, "a folder created again is empty", f"EXISTS {empty}")
        for octets in OBJECTS:
            tester.append(folder, octets)
        told, uids = tester.select(folder), tester.uids()
        highest = max(used.get(told.uid_validity, {0}))
        expected = f"round {round_ + 1}: UIDVALIDITY is new, or UIDs are above {highest}"
        observed = f"UIDVALIDITY {told.uid_validity}, UIDs {uids}"
        holds = uids and told.uid_validity is not None and min(uids) > highest
        judge.check("OP08-S4", holds, expected, observed, told.answer.entry)
        used.setdefault(told.uid_validity, set()).update(uids)
        tester.must(b"EXAMINE " + storage.name(*_elsewhere(storage, round_)))
        tester.must(b"DELETE " + folder)
    order = [each for each in used if each is not None]
    trend = "stays" if len(order) == 1 else "rises" if order == sorted(order) else "changes"
    judge.observe("UIDVALIDITY of a folder created again", trend)


def _elsewhere(storage: Storage, number: int) -> tuple[str, ...]:
    path = (f"Elsewhere {number}",)
    storage.folder(storage.connect(), *path)
    return path
