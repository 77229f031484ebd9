"""5.5.2.20: what a server has to make possible, and what it leaves to the client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from conformance.cases.declaration import server_case
from conformance.clients.embedded import EmbeddedClient
from conformance.imap.data import fetch_items
from conformance.imap.errors import ServerStalled
from conformance.imap.syntax import Response
from conformance.model.folders import display
from conformance.model.objects import ObjectKind, of_kind
from conformance.outcomes import Reason
from conformance.scenario.by_status import GoesByStatus
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, item, session_history, usual_base
from conformance.scenario.convergence import Convergence
from conformance.scenario.judge import Judge, NotApplicable, PreconditionNotReached
from conformance.scenario.scenario import Scenario
from conformance.scenario.storage import Storage, Tester
from conformance.scenario.store import ServerStore
from conformance.servers.protocol import Ability
from conformance.spec import Role

OBJECTS = [of_kind(ObjectKind.MESSAGE, f"noticed-{number}").octets for number in range(3)]
QUIET_SECONDS = 0.7
NOTICES = frozenset({"EXISTS", "FETCH", "EXPUNGE", "STATUS", "LIST"})


def _changes_of_every_kind(scenario: Scenario) -> None:
    scenario.on_server.put(CONVERSATION, item("message-11", "\\Flagged"))
    scenario.on_client.put(ARCHIVE, item("message-12", "\\Seen"))
    scenario.on_server.remove(CONVERSATION, "message-1")
    scenario.on_client.remove(ARCHIVE, "message-3")
    scenario.on_server.set_flags(CONVERSATION, "message-2", add=["\\Seen"])
    scenario.on_client.set_flags(ARCHIVE, "transfer-4", add=["\\Answered"])
    scenario.on_server.create_folder(("From server",))
    scenario.on_client.put(("From client",), item("message-13"))


def _session_histories(scenario: Scenario) -> None:
    for path, items in session_history().items():
        scenario.on_client.put(path, *items)


def _removals(scenario: Scenario) -> None:
    scenario.on_client.remove_folder(ARCHIVE)
    scenario.on_server.remove(CONVERSATION, "message-2")


def _folder_again(scenario: Scenario) -> None:
    """A folder is removed and created again with other content before the client looks."""
    scenario.on_server.remove_folder(ARCHIVE)
    scenario.on_server.put(ARCHIVE, item("message-21"), item("message-22"))


def _flags_in_turn(scenario: Scenario) -> None:
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Seen", "\\Flagged"])
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Answered"])
    scenario.on_client.set_flags(CONVERSATION, "message-2", add=["\\Seen"])


def _flags_beside(scenario: Scenario) -> None:
    """A flag joins those that both sides have agreed on."""
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Draft"])


def _newest_replaced(scenario: Scenario) -> None:
    """The object with the highest UID is removed, and another one comes, before the client looks."""
    scenario.on_server.remove(CONVERSATION, "message-2")
    scenario.on_server.put(CONVERSATION, item("message-23"))


def _removal_beside_a_mark(scenario: Scenario) -> None:
    """An object is removed locally while the server holds another one that somebody else has marked."""
    scenario.on_server.set_flags(CONVERSATION, "message-2", add=["\\Deleted"])
    scenario.on_client.remove(CONVERSATION, "message-1")


ROUNDS: dict[str, tuple[Callable[[Scenario], None], ...]] = {
    "changes-of-every-kind": (_changes_of_every_kind,),
    "session-history": (_session_histories,),
    "removals-then-news": (_removals, _folder_again),
    "folder-recreated": (_folder_again, _folder_again),
    "flags-in-turn": (_flags_in_turn, _flags_beside, _changes_of_every_kind),
    "newest-replaced": (_newest_replaced,),
    "removal-beside-a-mark": (_removal_beside_a_mark,),
}


@pytest.mark.parametrize("story", ROUNDS)
@server_case("reference-client-converges", "SYN-801")
def test_reference_client_converges(convergence: Convergence, judge: Judge, story: str) -> None:
    """A server lets a correct client reach equality in one synchronization after another, and then be silent."""
    scenario = convergence.scenario
    if story == "session-history" and scenario.store.hierarchy.delimiter is None:
        raise NotApplicable("the server has no hierarchy of folders")
    if story == "removal-beside-a-mark" and "UIDPLUS" not in scenario.store.observer.capabilities:
        raise NotApplicable("without UIDPLUS an EXPUNGE cannot spare what others have marked", Reason.NO_ABILITY)
    base = folder(("Third",), item("message-5"), within=usual_base())
    if not _reached(convergence, judge, lambda: convergence.begin(base)):
        return
    for changes in ROUNDS[story]:
        changes(scenario)
        if not _reached(convergence, judge, convergence.settle):
            return
        convergence.silence()
    judge.passed("SYN-801")


@server_case("client-that-trusts-status-converges", "SYN-801")
def test_client_that_trusts_status_converges(convergence: Convergence, judge: Judge) -> None:
    """A server lets a client reach equality that passes over folders whose STATUS is as it was, HIGHESTMODSEQ too."""
    scenario = convergence.scenario
    if "CONDSTORE" not in scenario.store.observer.capabilities:
        raise NotApplicable("without CONDSTORE no STATUS tells that flags are as they were")
    assert isinstance(scenario.client, EmbeddedClient)
    scenario.client.client.synchronizer = GoesByStatus
    if not _reached(convergence, judge, lambda: convergence.begin(usual_base())):
        return
    for changes in (_flags_on_server, _changes_of_every_kind):
        changes(scenario)
        if not _reached(convergence, judge, convergence.settle):
            return
        convergence.silence()
    judge.passed("SYN-801")


def _flags_on_server(scenario: Scenario) -> None:
    scenario.on_server.set_flags(CONVERSATION, "message-2", add=["\\Flagged"])


def _reached(convergence: Convergence, judge: Judge, synchronize: Callable[[], bool]) -> bool:
    """Whether both sides get there. What a server said OK to and then hides from a session keeps them from it."""
    try:
        return synchronize()
    except PreconditionNotReached as problem:
        hidden = _hidden(convergence.scenario)
        if not hidden:
            raise
        entry = convergence.scenario.transcript.mark()
        judge.contradicted("SYN-801", "a later session sees what was changed", f"{hidden}; {problem}", entry)
        return False


def _hidden(scenario: Scenario) -> str:
    """What a session is not shown rightly; empty where the server has altered what it was given, which may be legal."""
    prepared = scenario.on_server.state.folders
    scenario.store.close()
    with ServerStore(scenario.account, scenario.transcript, scenario.stage.bounds.answer) as afresh:
        seen = afresh.snapshot().folders
    listed = {display(path).casefold() for path in seen}
    if unlisted := sorted(display(path) for path in prepared if display(path).casefold() not in listed):
        return f"not listed: {', '.join(unlisted)}"
    identity = scenario.stage.equality.identity
    there = Counter((path, identity(each.octets)) for path, objects in seen.items() for each in objects)
    given = Counter((path, identity(each.content.octets)) for path, each in scenario.on_server.state.items())
    return "" if given - there else "UIDs name other objects than before, under the same UIDVALIDITY"


@server_case("server-never-starts-a-synchronization", "SYN-201")
def test_server_never_starts_a_synchronization(storage: Storage, judge: Judge) -> None:
    """A server sends a connected client notices at most: no content and no folder list that it did not ask for."""
    client, other = storage.connect(), storage.connect()
    active = storage.folder(client, "Active", objects=OBJECTS[:1])
    client.select(active)
    other.append(active, OBJECTS[1])
    other.create(storage.name("New"))
    other.append(storage.name("New"), OBJECTS[2])
    unasked = [*_overheard(client), *client.must(b"NOOP").untagged]
    wrong = [each.name for each in unasked if not _is_notice(each)]
    expected = "nothing but notices reaches a client that asks for nothing"
    judge.check("SYN-201", not wrong, expected, f"unasked: {wrong}", client.wire.last_entry)
    seen = len(client.uids())
    judge.check(
        "SYN-201", seen == 2, "the client finds the news when it asks", f"{seen} objects", client.wire.last_entry
    )


def _overheard(tester: Tester) -> list[Response]:
    """What a server sends within a bounded time to a client that says nothing."""
    heard = []
    while True:
        try:
            heard.append(tester.wire.read_response(QUIET_SECONDS))
        except ServerStalled:
            return heard


def _is_notice(response: Response) -> bool:
    if response.name == "FETCH":
        return all(name in ("UID", "FLAGS", "MODSEQ") for name in fetch_items(response))
    return response.name not in ("LIST", "LSUB", "SEARCH", "METADATA")


CHANGES = ("EXISTS", "FETCH", "EXPUNGE")
NOTIFY = (
    b"NOTIFY SET (selected (MessageNew MessageExpunge FlagChange)) (personal (MailboxName MessageNew MessageExpunge))"
)


def _change(other: Tester, active: bytes, notice: str) -> None:
    """A change that persists, of the kind that this notice tells of."""
    if notice == "EXISTS":
        other.append(active, OBJECTS[1])
    elif notice == "FETCH":
        other.store(other.uids(), "+FLAGS (\\Flagged)")
    else:
        other.store(other.uids()[:1], "+FLAGS (\\Deleted)")
        other.must(b"EXPUNGE")


def _judge_notices(storage: Storage, judge: Judge, client: Tester, means: str, change: Callable[[str], None]) -> None:
    """At least one notice of three changes arrives; which of them are told, and how soon, is the server's choice."""
    told: list[Response] = []
    for notice in CHANGES:
        change(notice)
        heard = _heard_until(client, notice, QUIET_SECONDS if told else storage.stage.bounds.answer)
        told += heard
        names = ", ".join(map(_kind, heard))
        judge.observe(f"Under {means}, another session's {notice}", names or "no notice in time")
    expected = f"a notice of one of three changes within {storage.stage.bounds.answer:g} s"
    wrong = [each.number for each in told if each.name == "EXPUNGE" and each.number != 1]
    if wrong:
        removed = "EXPUNGE 1 for the first object"
        judge.contradicted("SYN-206", removed, f"EXPUNGE {wrong[0]}", client.wire.last_entry)
    elif told:
        judge.passed("SYN-206")
    elif storage.stage.claims[Role.SERVER]["notification"]:
        judge.contradicted("SYN-206", expected, "none", client.wire.last_entry)
    else:
        text = f"none, though {means} is announced; claim 'notification' to have this judged"
        judge.undecided("SYN-206", expected, text, Reason.TIMEOUT, client.wire.last_entry)


def _heard_until(tester: Tester, notice: str, seconds: float) -> list[Response]:
    """The notices up to the expected one; it is waited for so long after each response."""
    heard: list[Response] = []
    try:
        while notice not in map(_kind, heard):
            heard.append(tester.wire.read_response(seconds))
    except ServerStalled:
        pass
    return [each for each in heard if _kind(each) in NOTICES]


def _kind(response: Response) -> str:
    return response.name.replace("VANISHED", "EXPUNGE")


@server_case("notices-under-idle", "SYN-206")
def test_notices_under_idle(storage: Storage, judge: Judge) -> None:
    """A server that offers notifications by IDLE tells of changes that persist while the client waits."""
    client, other = storage.connect(), storage.connect()
    if "IDLE" not in client.capabilities:
        raise NotApplicable("IDLE is not announced")
    active = storage.folder(client, "Watched", objects=OBJECTS[:1])
    client.select(active)
    other.select(active)
    client.wire.idle()
    _judge_notices(storage, judge, client, "IDLE", lambda notice: _change(other, active, notice))
    answer = client.wire.done()
    judge.check("SYN-206", answer.ok and storage.is_alive(client), "OK to DONE, and the session goes on", answer.status)


@server_case("notices-by-notify", "SYN-206")
def test_notices_by_notify(storage: Storage, judge: Judge) -> None:
    """A server that offers notifications by NOTIFY tells of changes that persist without being asked again."""
    client, other = storage.connect(), storage.connect()
    if "NOTIFY" not in client.capabilities:
        raise NotApplicable("NOTIFY is not announced")
    active = storage.folder(client, "Watched", objects=OBJECTS[:1])
    client.select(active)
    other.select(active)
    answer = client.ask(NOTIFY)
    if not answer.ok:
        raise NotApplicable(f"the server refuses these events: {answer.status} {answer.text}")
    _judge_notices(storage, judge, client, "NOTIFY", lambda notice: _change(other, active, notice))
    judge.check("SYN-206", storage.is_alive(client), "the session goes on", "it does not answer NOOP")


@server_case("two-sessions-see-the-same", "SYN-802")
def test_two_sessions_see_the_same(storage: Storage, judge: Judge) -> None:
    """A server shows two sessions the same flags, objects and folders, whichever of them changed what."""
    one, other = sessions = storage.connect(), storage.connect()
    folder, (first, second, third) = storage.filled(one, 3, "Shared")
    other.select(folder)
    one.store([first], "+FLAGS (\\Seen)")
    other.store([second], "+FLAGS (\\Seen)")
    for each in sessions:
        each.must(b"NOOP")
        seen = [uid for uid in (first, second, third) if "\\seen" in (each.flags(uid) or ())]
        _judge_view(judge, each, seen == [first, second], "\\Seen on the two objects", f"\\Seen on {seen}")
    other.append(folder, OBJECTS[0])
    one.store([third], "+FLAGS (\\Deleted)")
    one.must(b"EXPUNGE")
    for each in sessions:
        each.select(folder)
        uids = each.uids()
        right = len(uids) == 3 and uids[:2] == [first, second] and uids[2] != third
        _judge_view(judge, each, right, "what is kept and what was stored, without what was removed", f"UIDs {uids}")
    one.create(storage.name("Stays"))
    other.create(storage.name("Goes"))
    one.must(b"DELETE " + storage.name("Goes"))
    for each in sessions:
        listed = [name for name in ("Shared", "Stays", "Goes") if storage.listed(each, name)]
        _judge_view(judge, each, listed == ["Shared", "Stays"], "the folders that are left", f"listed: {listed}")


def _judge_view(judge: Judge, session: Tester, holds: object, expected: str, observed: str) -> None:
    judge.check("SYN-802", holds, f"each session sees {expected}", observed, session.wire.last_entry)


@server_case("identifiers-persist", "SYN-803")
def test_identifiers_persist(storage: Storage, judge: Judge) -> None:
    """A server keeps UIDs and UIDVALIDITY from session to session, and over a restart."""
    tester = storage.connect()
    kept = storage.folder(tester, "Kept", objects=OBJECTS)
    tester.select(kept)
    tester.store(tester.uids()[:1], "+FLAGS (\\Deleted)")
    tester.must(b"EXPUNGE")
    before = tester.select(kept).uid_validity, tester.uids()
    tester.ask(b"LOGOUT")
    _judge_kept(judge, storage.connect(), kept, before, "in a later session")
    if Ability.RESTART not in storage.server.abilities:
        judge.remark("the server's adapter cannot restart it: persistence over a restart was not tested")
        return
    storage.server.restart()
    _judge_kept(judge, storage.connect(), kept, before, "after a restart")


def _judge_kept(judge: Judge, tester: Tester, kept: bytes, before: tuple[int | None, list[int]], when: str) -> None:
    told = tester.select(kept)
    after = told.uid_validity, tester.uids()
    expected = f"{when}, UIDVALIDITY {before[0]} and UIDs {before[1]}"
    judge.check("SYN-803", after == before, expected, f"UIDVALIDITY {after[0]}, UIDs {after[1]}", told.answer.entry)
    if after[0] == before[0] and after[1] != before[1]:
        judge.contradicted("OP02-S4", f"{expected}, or another UIDVALIDITY", f"UIDs {after[1]}", told.answer.entry)
