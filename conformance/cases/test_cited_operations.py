"""The eight operations that 5.5.2.20 cites, each once in its plainest form, as a synchronization needs them."""

from __future__ import annotations

from conformance.cases.declaration import server_case
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Storage, append_line, body_of, plain_flags, selection

OBJECTS = [of_kind(kind, f"plain-{number}").octets for number, kind in enumerate(ObjectKind, 1)]


@server_case("list-folders-plainly", "OP09-S1", "OP09-S6")
def test_list_folders_plainly(storage: Storage, judge: Judge) -> None:
    r"""A server lists every folder, and every listed name that is not `\Noselect` can be selected."""
    tester = storage.connect()
    names = [("Alpha",), ("Alpha", "Inner"), ("Beta gamma",), ("Žluťoučký",)][:: 1 if storage.nested else 2]
    for name in names:
        storage.folder(tester, *name)
    listing, listed = tester.listing(), tester.listed()
    for name in names:
        found = storage.named(listing, *name) or storage.listed(tester, *name)
        judge.check("OP09-S1", found, f"LIST names {name}", f"LIST names {sorted(listed)}")
    selectable = [name for name, attributes in listed.items() if "\\noselect" not in attributes and storage.path(name)]
    refused = [name for name in selectable if not tester.ask(b"EXAMINE " + storage.quoted(name)).ok]
    holds = not refused and len(selectable) >= len(names)
    judge.check("OP09-S6", holds, "each listed folder can be selected", f"refused: {refused}, listed: {selectable}")


@server_case("create-folder-plainly", "OP08-S1", "OP08-S3")
def test_create_folder_plainly(storage: Storage, judge: Judge) -> None:
    """A server creates a folder that is then listed, selectable and empty, and refuses to create it again."""
    tester = storage.connect()
    folder = storage.name("Created")
    answer = tester.ask(b"CREATE " + folder)
    told = selection(tester.ask(b"SELECT " + folder))
    listed = bool(storage.listed(tester, "Created"))
    observed = f"CREATE {answer.status}, SELECT {told.answer.status}, EXISTS {told.exists}, listed: {listed}"
    holds = answer.ok and told.answer.ok and told.exists == 0 and listed
    judge.check("OP08-S1", holds, "OK; then listed, selectable, empty", observed, told.answer.entry)
    tester.append(folder, OBJECTS[0])
    again = tester.ask(b"CREATE " + folder)
    kept = tester.select(folder).exists
    refused = again.status == "NO" and kept == 1
    judge.check("OP08-S3", refused, "NO, and nothing changed", f"{again.status}, EXISTS {kept}", again.entry)


@server_case("remove-folder-plainly", "OP11-S1", "OP11-S2")
def test_remove_folder_plainly(storage: Storage, judge: Judge) -> None:
    """A server removes a folder with its objects and keeps its inferiors with theirs."""
    tester = storage.connect()
    leaf = storage.folder(tester, "Leaf", objects=[OBJECTS[2]])
    answer = tester.ask(b"DELETE " + leaf)
    gone = not tester.ask(b"SELECT " + leaf).ok and not storage.listed(tester, "Leaf")
    observed = f"DELETE {answer.status}, still selectable or listed: {not gone}"
    judge.check("OP11-S1", answer.ok and gone, "OK; then neither listed nor selectable", observed, answer.entry)
    if not storage.nested:
        judge.not_applicable("OP11-S2", "the server has no hierarchy of folders")
        return
    storage.folder(tester, "Outer", objects=[OBJECTS[0]])
    inner = storage.folder(tester, "Outer", "Inner", objects=[OBJECTS[1]])
    parent = tester.ask(b"DELETE " + storage.name("Outer"))
    kept = selection(tester.ask(b"SELECT " + inner)).exists
    observed = f"DELETE of the superior {parent.status}, EXISTS {kept} in the inferior"
    judge.check("OP11-S2", kept == 1, "the inferior is kept with its object", observed, parent.entry)


@server_case("set-active-folder-plainly", "OP02-S1", "OP02-S2")
def test_set_active_folder_plainly(storage: Storage, judge: Judge) -> None:
    """A server tells of a selected folder what shows new objects, and a failed selection leaves none active."""
    tester = storage.connect()
    folder = storage.folder(tester, "Active", objects=OBJECTS[:3])
    told = tester.select(folder)
    missing = [
        name
        for name, value in {
            "EXISTS": told.exists,
            "RECENT": told.recent,
            "FLAGS": told.flags,
            "UIDVALIDITY": told.uid_validity,
            "UIDNEXT": told.uid_next,
        }.items()
        if value is None
    ]
    uids = tester.uids()
    true = not missing and told.exists == len(uids) == 3 and (told.uid_next or 0) > max(uids)
    observed = f"missing: {missing}, EXISTS {told.exists}, UIDNEXT {told.uid_next}, UIDs {uids}"
    judge.check("OP02-S1", true, "EXISTS, RECENT, FLAGS, UIDVALIDITY, UIDNEXT, and true", observed, told.answer.entry)
    failed = tester.ask(b"SELECT " + storage.name("Not there"))
    fetched = tester.ask(b"UID FETCH 1:* (UID)")
    observed = f"SELECT {failed.status}, then UID FETCH {fetched.status}"
    holds = failed.status == "NO" and not fetched.named("FETCH")
    judge.check("OP02-S2", holds, "NO, and no folder is active", observed, fetched.entry)


@server_case("store-and-fetch-plainly", "OP03-S1", "OP04-S2", "OP04-S9")
def test_store_and_fetch_plainly(storage: Storage, judge: Judge) -> None:
    """A server gives back every kind of object octet for octet, with its flags and its true size."""
    tester = storage.connect()
    folder = storage.folder(tester, "Kinds")
    kept = tester.select(folder).permanent_flags
    flags = [flag for flag in ("\\Seen", "\\Flagged") if kept is None or flag in kept]
    stored = [tester.ask(append_line(folder, flags), octets) for octets in OBJECTS]
    tester.select(folder)
    fetched = tester.fetch("1:*", "UID FLAGS RFC822.SIZE BODY.PEEK[]")
    bodies = [body_of(items) for _, items in sorted(fetched.items())]
    observed = f"{sum(answer.ok for answer in stored)} stored, {len(bodies)} fetched, or with other octets"
    judge.check("OP03-S1", bodies == OBJECTS, "every object octet for octet", observed, stored[-1].entry)
    found = [plain_flags(items) for items in fetched.values()]
    wanted = {flag.lower() for flag in flags}
    right = len(found) == len(OBJECTS) and all(each == wanted for each in found)
    judge.check("OP04-S2", right, f"{' '.join(flags)} on each", f"{[sorted(each) for each in found]}")
    sizes = [items.get("RFC822.SIZE") for _, items in sorted(fetched.items())]
    true = [str(size) if size is None else size for size in sizes] == [str(len(octets)).encode() for octets in OBJECTS]
    judge.check("OP04-S9", true, f"sizes {[len(octets) for octets in OBJECTS]}", f"sizes {sizes}")


@server_case("remove-object-plainly", "OP06-S1", "OP06-S4")
def test_remove_object_plainly(storage: Storage, judge: Judge) -> None:
    """A server removes exactly the objects that are marked and expunged, and says so."""
    tester = storage.connect()
    folder, uids = storage.filled(tester, len(OBJECTS), "Removal")
    marked = [uids[1], uids[3]]
    tester.store(marked, "+FLAGS (\\Deleted)")
    visible = all(tester.flags(uid) == frozenset({"\\deleted"}) for uid in marked)
    answer = tester.ask(b"EXPUNGE")
    told = [each.number for each in answer.named("EXPUNGE")]
    later = storage.connect()
    later.select(folder)
    left = later.uids()
    wanted = [uid for uid in uids if uid not in marked]
    observed = f"the mark was visible: {visible}; left {left} of {uids} after removing {marked}"
    judge.check("OP06-S1", visible and left == wanted, f"marked, then {wanted} left", observed, answer.entry)
    judge.check("OP06-S4", told in ([2, 3], [4, 2]), "EXPUNGE for 2 and 4, each renumbering", f"{told}", answer.entry)


@server_case("update-metadata-plainly", "OP13-S1", "OP13-S7")
def test_update_metadata_plainly(storage: Storage, judge: Judge) -> None:
    """A server adds, removes and replaces exactly the flags it is told to, and later sessions see them."""
    tester = storage.connect()
    folder, (changed, other) = storage.filled(tester, 2, "Metadata")
    if not tester.select(folder).keeps("\\Seen", "\\Flagged", "\\Draft", "\\Answered"):
        raise NotApplicable("PERMANENTFLAGS does not list the flags that are changed here")
    tester.store([other], "+FLAGS (\\Answered)")
    seen = []
    for change in ("+FLAGS (\\Seen \\Flagged)", "-FLAGS (\\Seen)", "FLAGS (\\Draft)"):
        tester.store([changed], change)
        seen.append(sorted(tester.flags(changed) or ()))
    wanted = [["\\flagged", "\\seen"], ["\\flagged"], ["\\draft"]]
    untouched = tester.flags(other)
    observed = f"{seen}, the other object {sorted(untouched or ())}"
    judge.check(
        "OP13-S1", seen == wanted and untouched == frozenset({"\\answered"}), f"{wanted}, the other untouched", observed
    )
    later = storage.connect()
    later.select(folder)
    flags = later.flags(changed)
    judge.check("OP13-S7", flags == frozenset({"\\draft"}), "\\Draft in a later session", f"{sorted(flags or ())}")
