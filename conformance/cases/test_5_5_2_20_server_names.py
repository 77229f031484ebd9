"""5.5.2.20 step 2: a folder name means the same to every session, whatever characters it has."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.cases.declaration import server_case
from conformance.imap.data import ListData
from conformance.imap.errors import SyntaxProblem
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Storage, Tester

OUTSIDE_ASCII = (
    "Café",
    "会話",
    "😀chat",
    "Tom & Ann",
    "\N{HEBREW LETTER SHIN}\N{HEBREW LETTER LAMED}\N{HEBREW LETTER VAV}\N{HEBREW LETTER FINAL MEM}",
)
SPECIAL = ("two words", 'say "hi"', "back\\slash", "(round)", "[square]", "{12}", "100%", "a*b", " padded ", "L" * 200)


def _accepted(storage: Storage, judge: Judge, names: Sequence[str]) -> dict[str, bytes]:
    """Create what the server lets us create, each with an object of its own."""
    creator, octets = storage.connect(), {}
    for number, name in enumerate(names):
        delimiter = storage.hierarchy.delimiter
        refused = bool(delimiter and delimiter in name) or not creator.ask(b"CREATE " + storage.name(name)).ok
        if refused:
            judge.remark(f"the server refuses the name {name!r}")
            continue
        octets[name] = of_kind(ObjectKind.MESSAGE, f"named-{number}").octets
        creator.append(storage.name(name), octets[name])
    if not octets:
        raise NotApplicable("the server refuses all of these names")
    return octets


def _held(tester: Tester, folder: bytes) -> list[bytes | None]:
    """The objects of a folder; none where it cannot be selected."""
    return [tester.body(uid) for uid in tester.uids()] if tester.ask(b"EXAMINE " + folder).ok else []


def _judge_names(storage: Storage, judge: Judge, requirement: str, names: Sequence[str]) -> None:
    octets = _accepted(storage, judge, names)
    for later in (storage.connect(), storage.connect()):
        listing = _listing(storage, judge, later, requirement)
        for name, content in octets.items() if listing is not None else ():
            shown = storage.named(listing or (), name) or storage.listed(later, name)
            held = _held(later, storage.quoted(shown[0].wire_name)) if len(shown) == 1 else []
            observed = f"listed {len(shown)} times, {len(held)} objects or another one"
            entry = later.wire.last_entry
            judge.check(
                requirement, held == [content], f"{name!r} is listed once and holds its object", observed, entry
            )


def _listing(storage: Storage, judge: Judge, tester: Tester, requirement: str) -> list[ListData] | None:
    """All names; a list that is not in the syntax of RFC 3501 gives back none of them."""
    try:
        return tester.listing(storage.pattern("*"))
    except SyntaxProblem as problem:
        judge.contradicted(requirement, "a list whose names can be read", str(problem), tester.wire.last_entry)
        return None


@server_case("folder-names-outside-ascii", "SYN-314", needs=("folder.non-ascii",))
def test_folder_names_outside_ascii(storage: Storage, judge: Judge) -> None:
    """A server gives back names outside ASCII as they were created, and keeps the folders apart."""
    _judge_names(storage, judge, "SYN-314", OUTSIDE_ASCII)


@server_case("folder-names-with-special-characters", "SYN-315")
def test_folder_names_with_special_characters(storage: Storage, judge: Judge) -> None:
    """A server gives back names with special characters as they were created, and keeps the folders apart."""
    _judge_names(storage, judge, "SYN-315", SPECIAL)
