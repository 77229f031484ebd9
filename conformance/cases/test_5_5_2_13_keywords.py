r"""5.5.2.13 update metadata: where PERMANENTFLAGS holds `\*`, a client makes a keyword by storing it."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import server_case
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Selection, Storage, Tester

KEYWORDS = {
    "plain": "CpmKeyword",
    "dollar": "$CpmKeyword",
    "punctuation": "cpm-keyword_1.a+b/c:d",
    "one-letter": "k",
    "long": "Cpm" + "Keyword" * 6,
    "like-a-number": "2024",
    "like-nil": "NIL",
    "like-a-system-flag": "Seen",
}


def _selected(storage: Storage, tester: Tester, count: int) -> tuple[bytes, list[int]]:
    r"""A folder in which `\*` admits new keywords."""
    folder, uids = storage.filled(tester, count)
    if not _admits_new(tester.select(folder)):
        raise NotApplicable("PERMANENTFLAGS does not hold \\*")
    return folder, uids


def _admits_new(told: Selection) -> bool:
    return told.permanent_flags is not None and "\\*" in told.permanent_flags


@pytest.mark.parametrize("keyword", KEYWORDS.values(), ids=list(KEYWORDS))
@server_case("new-keyword-persists", "OP13-S10")
def test_new_keyword_persists(storage: Storage, judge: Judge, keyword: str) -> None:
    r"""A server that announces `\*` keeps a new keyword on its object, and names it in FLAGS, until it is removed."""
    tester = storage.connect()
    folder, uids = _selected(storage, tester, 2)
    answer = tester.ask(f"UID STORE {uids[0]} +FLAGS (\\Flagged {keyword})".encode())
    here = tester.flags(uids[0])
    tester.ask(b"LOGOUT")
    later = storage.connect()
    told = later.select(folder)
    named = keyword.lower() in {flag.lower() for flag in told.flags or ()}
    flags = {uid: later.flags(uid) for uid in uids}
    wanted = {uids[0]: frozenset({"\\flagged", keyword.lower()}), uids[1]: frozenset[str]()}
    holds = answer.ok and here == wanted[uids[0]] and flags == wanted and named
    observed = f"{answer.told}; here {_sorted(here)}, later {_sorted(flags[uids[0]])}, in FLAGS: {named}"
    judge.check("OP13-S10", holds, f"\\Flagged and {keyword} in both, and in FLAGS", observed, answer.entry)
    removed = later.ask(f"UID STORE {uids[0]} -FLAGS ({keyword})".encode())
    left = storage.afresh(folder).get(uids[0])
    holds = removed.ok and left == frozenset({"\\flagged"})
    judge.check("OP13-S10", holds, "removed again", f"{removed.status}; {_sorted(left)} left", removed.entry)


def _sorted(flags: frozenset[str] | None) -> list[str] | None:
    return None if flags is None else sorted(flags)


CHANGES = (
    ("+FLAGS (CpmOne \\Seen)", {"cpmone", "\\seen"}),
    ("+FLAGS (CpmTwo CpmThree)", {"cpmone", "cpmtwo", "cpmthree", "\\seen"}),
    ("-FLAGS (CPMTWO)", {"cpmone", "cpmthree", "\\seen"}),
    ("+FLAGS.SILENT (cpmone)", {"cpmone", "cpmthree", "\\seen"}),
    ("FLAGS (CpmTwo)", {"cpmtwo"}),
    ("FLAGS.SILENT (\\Flagged)", {"\\flagged"}),
)


@server_case("keywords-are-changed-like-other-flags", "OP13-S10", "OP13-S1")
def test_keywords_are_changed_like_other_flags(storage: Storage, judge: Judge) -> None:
    r"""A server that announces `\*` adds, removes and replaces keywords beside system flags, in any case of letters."""
    tester = storage.connect()
    folder, uids = _selected(storage, tester, 2)
    tester.store(uids[1:], "FLAGS (CpmOne CpmOther)")
    for change, wanted in CHANGES:
        answer = tester.ask(f"UID STORE {uids[0]} {change}".encode())
        after = storage.afresh(folder)
        holds = answer.ok and after == {uids[0]: frozenset(wanted), uids[1]: frozenset({"cpmone", "cpmother"})}
        observed = f"{change}: {answer.told}; {[sorted(flags) for flags in after.values()]}"
        for requirement in ("OP13-S10", "OP13-S1"):
            judge.check(requirement, holds, f"{sorted(wanted)}, the other object untouched", observed, answer.entry)


@server_case("many-keywords-persist", "OP13-S10")
def test_many_keywords_persist(storage: Storage, judge: Judge) -> None:
    r"""A server that goes on announcing `\*` keeps every keyword that it accepted."""
    tester = storage.connect()
    folder, uids = _selected(storage, tester, 1)
    accepted: set[str] = set()
    for number in range(30):
        keyword = f"CpmKeyword{number}"
        if not _admits_new(tester.select(folder)):
            judge.remark(f"\\* is announced up to {number} keywords")
            break
        answer = tester.ask(f"UID STORE {uids[0]} +FLAGS ({keyword})".encode())
        judge.check("OP13-S10", answer.ok, f"OK for {keyword}", answer.told, answer.entry)
        accepted.add(keyword.lower())
    flags = storage.afresh(folder).get(uids[0]) or frozenset()
    judge.check("OP13-S10", flags == accepted, "every keyword", f"missing: {sorted(accepted - flags)}")
