"""The operations that 5.5.2.20 cites, as a client sends them: what RFC 3501 asks of the commands themselves."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import client_case
from conformance.model.objects import ObjectKind, StoredObject
from conformance.outcomes import Reason
from conformance.scenario.conduct import heard, literals, sent
from conformance.scenario.content import ARCHIVE, CONVERSATION, KINDS, folder, holding, item, messages, usual_base
from conformance.scenario.judge import PreconditionNotReached
from conformance.scenario.scenario import ALL, Scenario, SyncRun
from conformance.scenario.wire_laws import apply_law, judge_by_law

ON_FOLDERS = ("create_folder", "rename_folder", "remove_folder", "set_active_folder")


def _news_of_every_kind(scenario: Scenario) -> None:
    """A base of three folders, and afterwards something new, removed and changed on both sides."""
    scenario.establish(folder(("Third",), *messages("message-5", "message-6", "message-7"), within=usual_base()))
    for path in (CONVERSATION, ARCHIVE):
        with scenario.if_claimed():
            scenario.on_server.put(path, item(f"server-{path[0]}"))
        with scenario.if_claimed():
            scenario.on_client.put(path, item(f"local-{path[0]}", "\\Flagged"))
    with scenario.if_claimed():
        scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Seen"])
        scenario.on_server.remove(("Third",), "message-6")
    with scenario.if_claimed():
        scenario.on_client.set_flags(CONVERSATION, "message-2", add=["\\Seen"])
        scenario.on_client.set_flags(("Third",), "message-5", add=["\\Answered"])
        scenario.on_client.remove(("Third",), "message-7")
        scenario.on_client.create_folder(("New in local storage",))


def _synchronized(scenario: Scenario) -> SyncRun:
    """The synchronization of the news, several runs of the client taken as one."""
    runs = scenario.synchronizations()
    return SyncRun(runs[-1].result, runs[0].transcript, runs[0].first, runs[-1].last)


def _judge(scenario: Scenario, requirement: str, wrong: list[int], expected: str, observed: str) -> None:
    """Contradict where entries of the transcript are wrong; pass only if the synchronization had its effect."""
    if wrong:
        scenario.judge.contradicted(requirement, expected, observed, min(wrong))
    elif scenario.findings.differences:
        first = scenario.findings.differences[0]
        told = f"the synchronization had not its effect: {first.subject}: {first.nature}"
        scenario.judge.undecided(requirement, expected, told, Reason.NOT_EXERCISED)
    else:
        scenario.judge.passed(requirement)


@client_case("folder-is-active-before-work-in-it", "OP02-C1")
def test_folder_is_active_before_work_in_it(scenario: Scenario) -> None:
    """A client sets a folder active before it fetches, changes or removes objects in it."""
    _news_of_every_kind(scenario)
    judge_by_law(scenario, "OP02-C1", [_synchronized(scenario)])


@client_case("unchanged-folder-may-be-skipped", "OP02-C3")
def test_unchanged_folder_may_be_skipped(scenario: Scenario) -> None:
    """A client may leave out a folder that it proved unchanged."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11"))
    run = _synchronized(scenario)
    name = scenario.store.name(ARCHIVE)
    if any(each.folder == name for each in run.of_kind("set_active_folder")):
        told = "the unchanged folder was set active all the same"
    elif any(each.folder == name for each in run.of_kind("folder_status")):
        told = "the unchanged folder was skipped after STATUS"
    elif heard([run], rb"\* STATUS "):
        told = "the unchanged folder was skipped after the STATUS data of LIST"
    else:
        told = "the unchanged folder was skipped without a proof on the wire"
    scenario.judge.remark(told)
    _judge(scenario, "OP02-C3", [], "", "")


@client_case("active-folder-is-not-polled-by-status", "OP02-C6")
def test_active_folder_is_not_polled_by_status(scenario: Scenario) -> None:
    """A client sends no STATUS for the folder that is active on the connection."""
    _news_of_every_kind(scenario)
    judge_by_law(scenario, "OP02-C6", [_synchronized(scenario)])


@client_case("initial-flags-with-a-stored-object", "OP03-C2")
def test_initial_flags_with_a_stored_object(scenario: Scenario) -> None:
    """A client may give the flags of a new object when it stores it."""
    scenario.establish(usual_base())
    scenario.on_client.put(CONVERSATION, item("message-11", "\\Flagged"))
    stored = _synchronized(scenario).of_kind("store_object")
    carried = any("\\Flagged" in each.items for each in stored)
    scenario.judge.remark(f"the store {'carried' if carried else 'did not carry'} the object's flags")
    _judge(scenario, "OP03-C2", [], "", "")


@client_case("annotations-with-a-stored-object", "OP03-C3")
def test_annotations_with_a_stored_object(scenario: Scenario) -> None:
    """A client may give annotations with an object that it stores, to a server that announces them."""
    scenario.establish(usual_base())
    scenario.on_client.put(CONVERSATION, *(item(f"new-{name}", kind=kind) for name, kind in KINDS.items()))
    run = _synchronized(scenario)
    announced = any(each.startswith("ANNOTATE") for each in scenario.store.observer.capabilities)
    carrying = [each.entry for each in sent([run]) if each.name == "APPEND" and b" ANNOTATION (" in each.octets]
    if not announced and not carrying:
        scenario.judge.not_applicable("OP03-C3", "the server does not announce ANNOTATE-EXPERIMENT-1")
        return
    scenario.judge.remark(f"{len(carrying)} of {len(run.of_kind('store_object'))} stores carried annotations")
    surplus = [] if announced else carrying
    observed = f"{len(surplus)} stores with annotations, which are not announced"
    _judge(scenario, "OP03-C3", surplus, "annotations only where they are announced", observed)


@client_case("literal-waits-for-the-continuation-request", "OP03-C5")
def test_literal_waits_for_the_continuation_request(scenario: Scenario) -> None:
    """A client sends no octet of a literal before the server asks for it, where LITERAL+ is not announced."""
    scenario.without("LITERAL+", "LITERAL-")
    scenario.establish(usual_base())
    scenario.on_client.put(CONVERSATION, *messages("message-11", "message-12", "message-13"))
    judge_by_law(scenario, "OP03-C5", [_synchronized(scenario)])


@client_case("stored-literal-is-a-message", "OP03-C6")
def test_stored_literal_is_a_message(scenario: Scenario) -> None:
    """A client stores every object as a message with header, blank line and body, and CRLF at the line ends."""
    scenario.establish(usual_base())
    for name, kind in KINDS.items():
        scenario.on_client.put(CONVERSATION, item(f"new-{name}", kind=kind))
    judge_by_law(scenario, "OP03-C6", [_synchronized(scenario)])


RAW_MEDIA = (
    b"From: tel:+15550100\r\nMessage-ID: <raw-1@example.test>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x89PNG\x00\x01\x00end of raw media\r\n"
)


@client_case("binary-data-is-encoded", "OP03-C7", needs=("kind.media",))
def test_binary_data_is_encoded(scenario: Scenario) -> None:
    """A client encodes the NUL octets of a media object before it sends it, where BINARY is not announced."""
    scenario.without("BINARY", "LITERAL8")
    scenario.establish(usual_base())
    scenario.on_client.put(CONVERSATION, item("message-11"))
    scenario.on_client.put(CONVERSATION, holding("raw-1", StoredObject(ObjectKind.MEDIA, RAW_MEDIA)))
    runs = [scenario.disturb(lambda *_: None, "let it store an object with NUL octets") for _ in range(2)]
    stored = [literal for each in sent(runs) if each.name == "APPEND" for literal in literals(each)]
    broken = [each for each in sent(runs) if b"\0" in each.octets]
    raw = [each for each in stored if b"raw-1@example.test" in each]
    if not raw and not broken:
        expected, observed = "the media object is stored, encoded", "the client did not try to store it"
        scenario.judge.undecided("OP03-C7", expected, observed, Reason.NOT_EXERCISED)
        return
    apply_law(scenario, "OP03-C7", runs)


@client_case("no-sequence-numbers-while-an-expunge-may-come", "OP04-C4")
def test_no_sequence_numbers_while_an_expunge_may_come(scenario: Scenario) -> None:
    """A client names no sequence numbers in a command while another one runs in which they may change."""
    _news_of_every_kind(scenario)
    judge_by_law(scenario, "OP04-C4", [_synchronized(scenario)])


@client_case("flags-are-not-asked-and-changed-at-once", "OP13-C3")
def test_flags_are_not_asked_and_changed_at_once(scenario: Scenario) -> None:
    """A client has no change and no request of the same objects' flags in flight together."""
    scenario.require(["direction.upload"])
    _news_of_every_kind(scenario)
    run = _synchronized(scenario)
    if not run.of_kind("update_metadata"):
        raise PreconditionNotReached("the client changed no flags by STORE")
    judge_by_law(scenario, "OP13-C3", [run])


@client_case("how-objects-are-expunged", "OP06-C3")
def test_how_objects_are_expunged(scenario: Scenario) -> None:
    """A client can expunge exactly its own removals where UIDPLUS is announced."""
    scenario.establish(usual_base())
    scenario.on_client.remove(CONVERSATION, "message-1")
    run = _synchronized(scenario)
    if "UIDPLUS" not in scenario.store.observer.capabilities:
        scenario.judge.not_applicable("OP06-C3", "the server does not announce UIDPLUS")
        return
    used = {each.command for each in run.of_kind("remove_object") if each.items in {("EXPUNGE",), ("MOVE",)}}
    scenario.judge.remark(f"objects were expunged by {', '.join(sorted(used)) or 'nothing that was seen'}")
    _judge(scenario, "OP06-C3", [], "", "")


NAMES = {
    "latin": "Café",
    "ampersand": "Tom & Ann",
    "kanji-at-the-end": "Chat 会話",
    "mixed": "A&日本語-z",
    "emoji": "😀chat",
    "comma-in-base64": "台北",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
@client_case("folder-names-are-sent-canonically", "OP08-C2", "OP08-C3", needs=("folder.non-ascii",))
def test_folder_names_are_sent_canonically(scenario: Scenario, name: str) -> None:
    """A client creates a folder under the canonical modified UTF-7 form of its name."""
    scenario.without("UTF8=*")
    scenario.establish(usual_base())
    scenario.on_client.put((name,), item("message-11"))
    run = _synchronized(scenario)
    judge_by_law(scenario, "OP08-C2", [run])
    judge_by_law(scenario, "OP08-C3", [run])


@client_case("each-synchronization-requests-the-list", "OP09-C1", "OP09-C2")
def test_each_synchronization_requests_the_list(scenario: Scenario) -> None:
    """A client requests the list of folders anew in each synchronization."""
    scenario.establish(usual_base())
    scenario.on_server.put(("New on the server",), item("message-11"))
    runs = [_synchronized(scenario)]
    scenario.on_server.put(("Newer on the server",), item("message-12"))
    runs.append(_synchronized(scenario))
    judge_by_law(scenario, "OP09-C1", runs)
    used = {each.command for run in runs for each in run.of_kind("list_folders")}
    scenario.judge.remark(f"folders were listed by {', '.join(sorted(used))}")
    _judge(scenario, "OP09-C2", [], "", "")


@client_case("recent-is-not-metadata", "SYN-514")
def test_recent_is_not_metadata(scenario: Scenario) -> None:
    r"""A client neither sends \Recent nor takes it for a change."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, item("message-11", "\\Seen"), item("message-12"))
    scenario.on_client.put(CONVERSATION, item("message-13", "\\Seen"))
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Answered"])
    runs = [_synchronized(scenario), scenario.run_once()]
    if not heard(runs, rb"\* [1-9]\d* RECENT|\* .*FLAGS \([^)]*\\Recent"):
        raise PreconditionNotReached("no object was recent in the client's sessions")
    judge_by_law(scenario, "SYN-514", runs)


@client_case("client-initiates", "SYN-201")
def test_client_initiates(scenario: Scenario) -> None:
    """A client begins each synchronization itself, and gets every object as the response to a command of its own."""
    scenario.establish(usual_base())
    scenario.on_server.put(CONVERSATION, *messages("message-11", "message-12"))
    uids = set(scenario.store.uids(CONVERSATION, messages("message-11", "message-12")))
    run = scenario.synchronize()
    name = scenario.store.name(CONVERSATION)
    asked = {uid for each in run.of_kind("fetch_object") if each.folder == name for uid in each.uids}
    observed = f"UIDs {sorted(uids - asked)} were not asked for"
    if not scenario.findings.differences and not uids <= asked:
        scenario.judge.contradicted("SYN-201", "each object is asked for by a command", observed, run.last)
    scenario.judge_end_state("SYN-201", covers=ALL)
