"""5.5.2.13 update metadata: STORE adds, removes or replaces exactly the named flags of exactly the named objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from conformance.cases.declaration import server_case
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Selection, Storage

Uids = Sequence[int]
Flags = tuple[str, ...]

SYSTEM: Flags = ("\\answered", "\\deleted", "\\draft", "\\flagged", "\\seen")

# The flags an object has, what STORE is told, and the flags it has to have then.
CHANGES: dict[str, tuple[Flags, str, Flags]] = {
    "add-to-none": ((), "+FLAGS (\\Seen)", ("\\seen",)),
    "add-to-others": (("\\seen", "\\draft"), "+FLAGS (\\Flagged)", ("\\seen", "\\draft", "\\flagged")),
    "add-several": (("\\draft",), "+FLAGS (\\Seen \\Answered)", ("\\draft", "\\seen", "\\answered")),
    "add-what-is-there": (("\\seen",), "+FLAGS (\\Seen)", ("\\seen",)),
    "add-some-that-are-there": (("\\seen",), "+FLAGS (\\Seen \\Flagged)", ("\\seen", "\\flagged")),
    "add-twice-at-once": ((), "+FLAGS (\\Seen \\Seen)", ("\\seen",)),
    "add-nothing": (("\\seen",), "+FLAGS ()", ("\\seen",)),
    "add-silently": (("\\seen",), "+FLAGS.SILENT (\\Flagged)", ("\\seen", "\\flagged")),
    "add-without-parentheses": (("\\seen",), "+FLAGS \\Flagged \\Draft", ("\\seen", "\\flagged", "\\draft")),
    "add-in-another-case": (("\\seen",), "+flags (\\FLAGGED \\aNSWERED)", ("\\seen", "\\flagged", "\\answered")),
    "add-every-system-flag": ((), "+FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)", SYSTEM),
    "remove-one": (("\\seen", "\\flagged"), "-FLAGS (\\Seen)", ("\\flagged",)),
    "remove-several": (("\\seen", "\\flagged", "\\draft"), "-FLAGS (\\Seen \\Draft)", ("\\flagged",)),
    "remove-what-is-not-there": (("\\flagged",), "-FLAGS (\\Seen)", ("\\flagged",)),
    "remove-nothing": (("\\flagged",), "-FLAGS ()", ("\\flagged",)),
    "remove-silently": (("\\seen", "\\flagged"), "-FLAGS.SILENT (\\Seen)", ("\\flagged",)),
    "remove-without-parentheses": (("\\seen", "\\flagged"), "-FLAGS \\Seen", ("\\flagged",)),
    "remove-in-another-case": (("\\seen", "\\flagged"), "-FLAGS (\\SEEN)", ("\\flagged",)),
    "remove-every-system-flag": (SYSTEM, "-FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)", ()),
    "replace-by-another": (("\\seen", "\\flagged"), "FLAGS (\\Draft)", ("\\draft",)),
    "replace-by-more": (("\\seen",), "FLAGS (\\Seen \\Draft)", ("\\seen", "\\draft")),
    "replace-by-the-same": (("\\seen",), "FLAGS (\\Seen)", ("\\seen",)),
    "replace-by-nothing": (("\\seen", "\\flagged"), "FLAGS ()", ()),
    "replace-silently": (("\\seen", "\\flagged"), "FLAGS.SILENT (\\Answered)", ("\\answered",)),
    "replace-without-parentheses": (("\\seen", "\\flagged"), "FLAGS \\Answered", ("\\answered",)),
}

# How STORE names objects of seven, by message number or by UID, and the numbers of the objects it means.
SETS: dict[str, tuple[Callable[[Uids], str], Sequence[int]]] = {
    "number": (lambda _: "STORE 3", [3]),
    "numbers": (lambda _: "STORE 6,2", [2, 6]),
    "range": (lambda _: "STORE 2:4", [2, 3, 4]),
    "range-turned-round": (lambda _: "STORE 4:2", [2, 3, 4]),
    "ranges-that-overlap": (lambda _: "STORE 1:3,2:4,3", [1, 2, 3, 4]),
    "newest-by-number": (lambda _: "STORE *", [7]),
    "from-a-number-on": (lambda _: "STORE 6:*", [6, 7]),
    "all-by-number": (lambda _: "STORE 1:*", range(1, 8)),
    "uid": (lambda uids: f"UID STORE {uids[2]}", [3]),
    "uids": (lambda uids: f"UID STORE {uids[5]},{uids[1]}", [2, 6]),
    "uid-range": (lambda uids: f"UID STORE {uids[1]}:{uids[3]}", [2, 3, 4]),
    "uid-range-turned-round": (lambda uids: f"UID STORE {uids[3]}:{uids[1]}", [2, 3, 4]),
    "uid-ranges-that-overlap": (lambda uids: f"UID STORE {uids[0]}:{uids[2]},{uids[1]}:{uids[3]}", [1, 2, 3, 4]),
    "newest-by-uid": (lambda _: "UID STORE *", [7]),
    "from-a-uid-on": (lambda uids: f"UID STORE {uids[5]}:*", [6, 7]),
    "from-beyond-the-newest-on": (lambda uids: f"UID STORE {uids[6] + 100}:*", [7]),
    "all-by-uid": (lambda _: "UID STORE 1:*", range(1, 8)),
    "unknown-uids-among-them": (lambda uids: f"UID STORE {uids[6] + 9},{uids[0]},{uids[6] + 50}:{uids[6] + 60}", [1]),
    "only-unknown-uids": (lambda uids: f"UID STORE {uids[6] + 9}", []),
}


def _need(told: Selection, *flags: str) -> None:
    """Nothing can be judged with flags that need not outlive the session."""
    if not told.keeps(*flags):
        raise NotApplicable(f"PERMANENTFLAGS does not list all of {' '.join(sorted(set(flags)))}")


def _shown(objects: dict[int, frozenset[str]]) -> str:
    return "; ".join(f"{uid}: {' '.join(sorted(flags)) or 'none'}" for uid, flags in sorted(objects.items()))


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
@server_case("store-changes-exactly-the-named-flags", "OP13-S1")
def test_store_changes_exactly_the_named_flags(
    storage: Storage, judge: Judge, change: tuple[Flags, str, Flags]
) -> None:
    """A server adds, removes or replaces exactly the flags it is told to, and leaves other objects alone."""
    tester = storage.connect()
    before, told, after = change
    folder, uids = storage.filled(tester, 3)
    _need(tester.select(folder), *before, *after)
    tester.store(uids, f"FLAGS.SILENT ({' '.join(before)})")
    start = storage.afresh(folder)
    judge.check("OP13-S1", start == dict.fromkeys(uids, frozenset(before)), f"{before} on each", _shown(start))
    answer = tester.ask(f"UID STORE {uids[1]} {told}".encode())
    wanted = {**start, uids[1]: frozenset(after)}
    here = {uid: tester.flags(uid) for uid in uids}
    later = storage.afresh(folder)
    observed = f"{answer.told}; in a later session {_shown(later)}"
    judge.check("OP13-S1", answer.ok and here == later == wanted, f"OK; {_shown(wanted)}", observed, answer.entry)


@pytest.mark.parametrize("named", SETS.values(), ids=list(SETS))
@server_case("store-changes-exactly-the-named-objects", "OP13-S1")
def test_store_changes_exactly_the_named_objects(
    storage: Storage, judge: Judge, named: tuple[Callable[[Uids], str], Sequence[int]]
) -> None:
    """A server changes the flags of exactly the objects that a set of message numbers or UIDs names."""
    tester = storage.connect()
    folder, uids = storage.filled(tester, 9)
    tester.store([uids[0], uids[4]], "+FLAGS (\\Deleted)")
    tester.must(b"EXPUNGE")
    uids = tester.uids()
    _need(tester.select(folder), "\\Draft", "\\Flagged")
    tester.store(uids, "FLAGS.SILENT (\\Draft)")
    answer = tester.ask(f"{named[0](uids)} +FLAGS (\\Flagged)".encode())
    changed = [uids[number - 1] for number in named[1]]
    wanted = {uid: frozenset({"\\draft", "\\flagged"} if uid in changed else {"\\draft"}) for uid in uids}
    later = storage.afresh(folder)
    observed = f"{answer.told}; {_shown(later)}"
    judge.check("OP13-S1", answer.ok and later == wanted, f"OK; {changed} changed", observed, answer.entry)
