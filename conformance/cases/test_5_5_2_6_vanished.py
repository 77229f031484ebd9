"""5.5.2.6 remove object: what another session removed may still be named by its UID, and no harm is done."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.cases.declaration import server_case
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.notices import Bystander, ask_for_news, removals
from conformance.scenario.storage import Storage

CHANGES = ("+FLAGS (\\Flagged)", "+FLAGS.SILENT (\\Flagged)", "-FLAGS (\\Deleted)", "FLAGS (\\Seen \\Flagged)")

KNOWLEDGE: dict[str, Callable[[Bystander], object]] = {
    "not-told-yet": lambda _: None,
    "told": lambda bystander: ask_for_news(bystander.tester, lambda heard: len(removals(heard)) == 2),
    "in-another-session": lambda bystander: bystander.tester.select(bystander.folder),
}


@pytest.mark.parametrize("learn", KNOWLEDGE.values(), ids=list(KNOWLEDGE))
@server_case("store-on-a-vanished-object-is-ok", "OP06-S3")
def test_store_on_a_vanished_object_is_ok(storage: Storage, judge: Judge, learn: Callable[[Bystander], object]) -> None:
    """A server answers OK to UID STORE on objects that another session expunged, and changes nothing."""
    bystander = Bystander(storage)
    before = {uid: flags for uid, flags in storage.afresh(bystander.folder).items() if uid in bystander.left}
    bystander.others_expunge()
    learn(bystander)
    named = f"{bystander.gone[0]},{bystander.gone[1]}"
    for change in CHANGES:
        answer = bystander.tester.ask(f"UID STORE {named} {change}".encode())
        after = storage.afresh(bystander.folder)
        observed = f"{change}: {answer.told}; {'the objects as before' if after == before else after}"
        judge.check("OP06-S3", answer.ok and after == before, "OK, and nothing changed", observed, answer.entry)


@server_case("store-on-vanished-and-present-objects", "OP06-S3", "OP13-S1")
def test_store_on_vanished_and_present_objects(storage: Storage, judge: Judge) -> None:
    """A server changes the objects that are there when UID STORE also names some that are not, and answers OK."""
    bystander = Bystander(storage)
    if not bystander.tester.select(bystander.folder).keeps("\\Draft", "\\Flagged"):
        raise NotApplicable("PERMANENTFLAGS does not list \\Draft and \\Flagged")
    bystander.others_expunge()
    first, last, left = bystander.uids[0], bystander.uids[-1], bystander.left
    named = {
        f"{first}:{last}": left,
        f"{bystander.gone[0]},{last}": [last],
        f"{last + 50},{first},{last + 7}:{last + 9}": [first],
        f"{last + 50}": [],
    }
    for uids, changed in named.items():
        bystander.other.store(left, "FLAGS.SILENT (\\Draft)")
        answer = bystander.tester.ask(f"UID STORE {uids} +FLAGS.SILENT (\\Flagged)".encode())
        after = storage.afresh(bystander.folder)
        flagged = sorted(uid for uid, flags in after.items() if "\\flagged" in flags)
        kept = sorted(after) == left and all("\\draft" in flags for flags in after.values())
        told = f"UID STORE {uids}: {answer.told}"
        judge.check("OP06-S3", answer.ok, "OK", told, answer.entry)
        observed = f"{told}; {flagged} changed, the other flags {'kept' if kept else 'changed'}"
        judge.check("OP13-S1", kept and flagged == changed, f"{changed} changed", observed, answer.entry)
