"""5.5.2.9 list folders: the whole hierarchy, its levels, the delimiter and the attributes."""

from __future__ import annotations

from conformance.cases.declaration import server_case
from conformance.imap.data import ListData
from conformance.model.folders import FolderPath, display
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Storage, Tester

OBJECT = of_kind(ObjectKind.MESSAGE, "listed-1").octets
TREE: tuple[FolderPath, ...] = (
    ("Alpha",),
    ("Alpha", "Inner"),
    ("Alpha", "Inner", "Deep"),
    ("Alpha", "Other"),
    ("Alpha beta",),
    ("Alp",),
    ("Empty",),
    ("Žluťoučký", "kůň"),
)
MANY = 60


def _plant(storage: Storage, tester: Tester) -> None:
    """Create the tree; some folders hold an object, none is subscribed."""
    if storage.hierarchy.delimiter is None:
        raise NotApplicable("the server has no hierarchy of folders")
    for path in TREE:
        storage.folder(tester, *path, objects=[OBJECT] if len(path) == 1 else [])


def _judge_listed(storage: Storage, judge: Judge, tester: Tester, listing: list[ListData], path: FolderPath) -> None:
    """A wildcard may hide a name (RFC 3501 6.3.8), but not the name itself; twice is unusual, not forbidden."""
    times = len(storage.named(listing, *path))
    if times == 1:
        judge.passed("OP09-S1")
    elif times > 1:
        judge.recommended("OP09-S1", f"{display(path)} is listed once", f"it is listed {times} times")
    elif storage.listed(tester, *path):
        judge.recommended("OP09-S1", f"the wildcard matches {display(path)}", "only its exact name lists it")
    else:
        judge.contradicted("OP09-S1", f"{display(path)} is listed", "neither the wildcard nor its exact name lists it")


@server_case("list-whole-hierarchy-once-each", "OP09-S1")
def test_list_whole_hierarchy_once_each(storage: Storage, judge: Judge) -> None:
    """A server lists every folder of the hierarchy once, nested or not, filled or empty, though none is subscribed."""
    tester = storage.connect()
    _plant(storage, tester)
    listing = storage.connect().listing()
    for path in TREE:
        _judge_listed(storage, judge, tester, listing, path)


@server_case("list-many-folders", "OP09-S1")
def test_list_many_folders(storage: Storage, judge: Judge) -> None:
    """A server lists every one of many folders."""
    tester = storage.connect()
    paths = [(f"Conversation {number:03}",) for number in range(MANY)]
    for path in paths:
        storage.folder(tester, *path)
    listing = tester.listing()
    for path in paths:
        _judge_listed(storage, judge, tester, listing, path)


@server_case("list-one-level", "OP09-S1")
def test_list_one_level(storage: Storage, judge: Judge) -> None:
    """A server that lists with % gives one level of the hierarchy and nothing below it."""
    tester = storage.connect()
    _plant(storage, tester)
    delimiter = storage.hierarchy.delimiter or ""
    for superior in [(), ("Alpha",), ("Alpha", "Inner")]:
        listing = tester.listing(storage.pattern(delimiter.join((*superior, "%"))))
        expected = {path for path in TREE if path[:-1] == superior}
        for path in sorted(expected):
            _judge_listed(storage, judge, tester, listing, path)
        for path in TREE:
            if len(path) > len(superior) + 1 and storage.named(listing, *path):
                told = f"% below {display(superior) or 'the top'} stops at the delimiter"
                judge.contradicted("OP09-S1", told, f"{display(path)} is listed")


@server_case("walk-the-levels", "OP09-S9")
def test_walk_the_levels(storage: Storage, judge: Judge) -> None:
    r"""A server shows levels that are no folders of their own as `\Noselect`, so that a walk by % finds everything."""
    tester = storage.connect()
    _plant(storage, tester)
    leaf = ("Hollow", "Middle", "Leaf")
    storage.folder(tester, *leaf)
    for path in [leaf[:1], leaf[:2]]:
        _judge_level(storage, judge, tester, path)
    delimiter = storage.hierarchy.delimiter or ""
    patterns = (storage.pattern(delimiter.join("%" * depth)) for depth in range(1, 5))
    found = [each for pattern in patterns for each in tester.listing(pattern)]
    lost = [display(path) for path in (*TREE, leaf) if not storage.named(found, *path)]
    judge.check("OP09-S9", not lost, "the walk by % finds every folder", f"it does not find {', '.join(lost)}")


def _judge_level(storage: Storage, judge: Judge, tester: Tester, path: FolderPath) -> None:
    delimiter = storage.hierarchy.delimiter or ""
    shown = storage.named(tester.listing(storage.pattern(delimiter.join((*path[:-1], "%")))), *path)
    marked = any("\\noselect" in each.attributes or "\\nonexistent" in each.attributes for each in shown)
    selectable = tester.ask(b"EXAMINE " + storage.name(*path)).ok
    observed = f"listed: {bool(shown)}, marked \\Noselect: {marked}, can be selected: {selectable}"
    expected = f"% lists the level {display(path)}, with \\Noselect unless it can be selected"
    judge.check("OP09-S9", shown and marked != selectable, expected, observed)
    judge.observe("A missing superior of a created folder becomes", "a folder" if selectable else "a bare level")


@server_case("delimiter-of-the-hierarchy", "OP09-S2", "OP09-S7")
def test_delimiter_of_the_hierarchy(storage: Storage, judge: Judge) -> None:
    r"""A server tells one delimiter below a root, with `LIST "" ""` and with every name, and names are made with it."""
    tester = storage.connect()
    delimiter = storage.hierarchy.delimiter
    told = [each.delimiter for each in tester.listing(b"")]
    expected = f"one answer to an empty name, with {delimiter!r}"
    judge.check("OP09-S2", told == [delimiter], expected, f"{told}", tester.wire.last_entry)
    _plant(storage, tester)
    mine = [each for each in tester.listing() if storage.path(each.wire_name) is not None]
    used = {each.delimiter for each in mine}
    nested = [path for path in TREE if len(path) > 1 and storage.named(mine, *path)]
    judge.check("OP09-S7", len(used) == 1, "one delimiter below the root", f"{sorted(map(str, used))}")
    judge.check("OP09-S2", used == {delimiter} and nested, f"names are made with {delimiter!r}", f"{used}")


@server_case("attributes-of-names", "OP09-S2", "OP09-S6", "OP09-S10")
def test_attributes_of_names(storage: Storage, judge: Judge) -> None:
    r"""A server gives names only the attributes that are true of them, and bare levels no `\Marked` or `\Unmarked`."""
    tester = storage.connect()
    _plant(storage, tester)
    storage.folder(tester, "Hollow", "Leaf")
    delimiter = storage.hierarchy.delimiter or ""
    listing = [
        *tester.listing(),
        *tester.listing(storage.pattern("%")),
        *tester.listing(storage.pattern(f"%{delimiter}%")),
    ]
    mine = {each.wire_name: each for each in listing if storage.path(each.wire_name)}
    judge.check("OP09-S2", len(mine) >= len(TREE), "the folders are listed", f"{len(mine)} of {len(TREE)} are")
    for each in mine.values():
        _judge_attributes(storage, judge, tester, each)
    if tester.capabilities & {"CHILDREN", "LIST-EXTENDED"}:
        _judge_children(storage, judge, mine)


def _judge_attributes(storage: Storage, judge: Judge, tester: Tester, listed: ListData) -> None:
    name = listed.wire_name.decode("ascii", "backslashreplace")
    unselectable = listed.attributes & {"\\noselect", "\\nonexistent"}
    answer = tester.ask(b"EXAMINE " + storage.quoted(listed.wire_name))
    expected = f"EXAMINE of {name} is {'refused' if unselectable else 'OK'}, as its attributes say"
    observed = f"{answer.status}, attributes {sorted(listed.attributes)}"
    judge.check("OP09-S2", answer.ok != bool(unselectable), expected, observed, answer.entry)
    judge.check("OP09-S6", answer.ok or unselectable, expected, observed, answer.entry)
    if unselectable:
        marks = sorted(listed.attributes & {"\\marked", "\\unmarked"})
        judge.check("OP09-S10", not marks, f"neither \\Marked nor \\Unmarked on {name}", f"{marks}")
    else:
        judge.passed("OP09-S10")
    if "\\noinferiors" in listed.attributes:
        inferior = (*(storage.path(listed.wire_name) or ()), "inferior")
        created = tester.ask(b"CREATE " + storage.name(*inferior))
        judge.check(
            "OP09-S2", not created.ok, f"no inferior of {name}, which is \\Noinferiors", "CREATE OK", created.entry
        )


def _judge_children(storage: Storage, judge: Judge, mine: dict[bytes, ListData]) -> None:
    paths = {storage.path(name) or (): each for name, each in mine.items()}
    for path, each in paths.items():
        inferiors = [other for other in paths if other[: len(path)] == path and other != path]
        wrong = "\\hasnochildren" if inferiors else "\\haschildren"
        expected = f"{display(path)}, with {len(inferiors)} inferiors, does not carry {wrong}"
        judge.check("OP09-S2", wrong not in each.attributes, expected, f"{sorted(each.attributes)}")
