"""5.5.2.11 remove folder: what cannot be removed is refused, and nothing is changed."""

from __future__ import annotations

from conformance.cases.declaration import server_case
from conformance.imap.wire import Exchange
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.storage import Storage, Tester, append_line, selection

OBJECT = of_kind(ObjectKind.MESSAGE, "refused-1").octets


def _refused(storage: Storage, judge: Judge, tester: Tester, name: bytes, what: str) -> Exchange:
    """Ask for a removal that cannot be: NO, the list and a neighbour unchanged, and the session goes on."""
    before = _mine(storage, tester)
    answer = tester.ask(b"DELETE " + name)
    after = _mine(storage, storage.connect())
    alive = storage.is_alive(tester)
    observed = f"DELETE of {what}: {answer.told}, the list unchanged: {before == after}, alive: {alive}"
    holds = answer.status == "NO" and before == after and alive
    is_untrue = answer.ok and before == after
    judge.check("OP11-S5", not is_untrue, f"{what}: no OK, for nothing was removed", observed, answer.entry)
    judge.check("OP11-S3", holds, f"{what}: NO, and nothing changed", observed, answer.entry)
    return answer


def _mine(storage: Storage, tester: Tester) -> dict[bytes, bool]:
    listed = tester.listed()
    return {name: "\\noselect" in listed[name] for name in listed if storage.path(name) is not None}


def _control(storage: Storage, tester: Tester) -> None:
    """A removal that has to succeed, so that a refusal means something."""
    folder = storage.folder(tester, "Control")
    tester.must(b"DELETE " + folder)


@server_case("remove-unknown-folder", "OP11-S3", "OP11-S5")
def test_remove_unknown_folder(storage: Storage, judge: Judge) -> None:
    """A server refuses to remove a folder that does not exist, or no longer, whether a similar one exists or not."""
    tester = storage.connect()
    _control(storage, tester)
    neighbour = storage.folder(tester, "Known", objects=[OBJECT])
    answer = _refused(storage, judge, tester, storage.name("Unknown"), "an unknown name")
    _refused(storage, judge, tester, storage.name("Know"), "the beginning of a name")
    _refused(storage, judge, tester, storage.name("Control"), "a name removed before")
    if storage.nested:
        _refused(storage, judge, tester, storage.name("Known", "Unknown"), "an unknown inferior")
    kept = selection(storage.connect().ask(b"SELECT " + neighbour)).exists
    judge.check("OP11-S3", kept == 1, "the folder that exists keeps its object", f"EXISTS {kept}")
    judge.observe("DELETE of an unknown folder", answer.told, answer.entry)


@server_case("remove-bare-level", "OP11-S3", "OP11-S5")
def test_remove_bare_level(storage: Storage, judge: Judge) -> None:
    r"""A server refuses to remove a `\Noselect` name that has inferiors, and keeps them."""
    if not storage.nested:
        raise NotApplicable("the server has no hierarchy of folders")
    tester = storage.connect()
    _control(storage, tester)
    inner = storage.folder(tester, "Level", "Inner", objects=[OBJECT])
    if tester.ask(b"EXAMINE " + storage.name("Level")).ok:
        tester.ask(b"DELETE " + storage.name("Level"))
    shown = storage.named(tester.listing(storage.pattern("%")), "Level")
    if not any("\\noselect" in each.attributes for each in shown):
        raise NotApplicable("the server has no names that cannot be selected")
    tester.select(storage.folder(tester, "Elsewhere"))
    _refused(storage, judge, tester, storage.name("Level"), "a \\Noselect name with inferiors")
    kept = selection(storage.connect().ask(b"SELECT " + inner)).exists
    judge.check("OP11-S3", kept == 1, "the inferior keeps its object", f"EXISTS {kept}")


@server_case("remove-inbox", "OP11-S3", "OP11-S5")
def test_remove_inbox(storage: Storage, judge: Judge) -> None:
    """A server refuses to remove INBOX, in any case, and keeps what is in it."""
    tester = storage.connect()
    _control(storage, tester)
    if not storage.may_use_inbox():
        raise NotApplicable("INBOX is not the suite's own: its removal is not tried")
    tester.must(append_line(b"INBOX"), OBJECT)
    before = tester.select(b"INBOX")
    tester.select(storage.folder(tester, "Elsewhere"))
    for spelling in (b"INBOX", b"Inbox"):
        answer = _refused(storage, judge, tester, spelling, spelling.decode())
        judge.observe("DELETE of INBOX", answer.told, answer.entry)
    later = storage.connect()
    after = later.select(b"INBOX")
    same = (after.exists, after.uid_validity) == (before.exists, before.uid_validity)
    observed = f"EXISTS {after.exists} after {before.exists}, UIDVALIDITY {after.uid_validity}"
    judge.check("OP11-S3", same, "INBOX keeps its objects and UIDVALIDITY", observed, after.answer.entry)
    later.store(later.uids()[-1:], "+FLAGS (\\Deleted)")
    later.must(b"EXPUNGE")
