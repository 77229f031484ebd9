"""5.5.2.3 store object: a stored object shows in the active folder, in the own session and in others."""

from __future__ import annotations

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.data import search_data
from conformance.imap.syntax import Response
from conformance.imap.wire import Exchange
from conformance.model.objects import ObjectKind, message, of_kind
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.scenario.looking import look_afresh, objects_of
from conformance.scenario.notices import ask_for_news, listen
from conformance.scenario.storage import Storage, Tester, append_line

OBJECTS = [of_kind(kind, f"noticed-{number}").octets for number, kind in enumerate(ObjectKind)]
# Seconds in which a notice still counts as sent with the tagged OK.
AT_ONCE = 0.1


def _sizes(responses: list[Response]) -> list[int]:
    return [each.number or 0 for each in responses if each.name == "EXISTS"]


def _require_stored(storage: Storage, folder: bytes, count: int, answer: Exchange) -> None:
    """Without the object nothing can be said about its notice."""
    view = look_afresh(storage, folder)
    if not answer.ok or len(view.objects) != count:
        told = f"{answer.told}, {len(view.objects)} objects"
        raise PreconditionNotReached(f"the object was not stored: {told} where {count} are expected")


@pytest.mark.parametrize("command", ["SELECT", "EXAMINE"])
@server_case("store-into-the-active-folder-is-told-at-once", "OP03-S9")
def test_store_into_the_active_folder_is_told_at_once(storage: Storage, judge: Judge, command: str) -> None:
    """A server tells the new size of the active folder before or with the OK of each store into it."""
    tester = storage.connect()
    folder, _ = storage.filled(tester, 2, "Active")
    tester.must(command.encode() + b" " + folder)
    for number, content in enumerate(OBJECTS[:3], 3):
        answer = tester.ask(append_line(folder), content)
        sizes = _sizes(list(answer.untagged)) or _sizes(listen(tester, AT_ONCE))
        _require_stored(storage, folder, number, answer)
        told = f"EXISTS {sizes} with {answer.status}"
        judge.check("OP03-S9", sizes[-1:] == [number], f"EXISTS {number} before or with OK", told, answer.entry)
        tester.must(b"NOOP")


@server_case("store-into-a-shared-active-folder-is-told-at-once", "OP03-S9")
def test_store_into_a_shared_active_folder_is_told_at_once(storage: Storage, judge: Judge) -> None:
    """A server that tells of a new object counts those that others stored meanwhile as well."""
    tester, other = storage.connect(), storage.connect()
    folder, _ = storage.filled(tester, 1, "Shared")
    other.append(folder, OBJECTS[0])
    other.append(folder, OBJECTS[1])
    answer = tester.ask(append_line(folder), OBJECTS[2])
    sizes = _sizes(list(answer.untagged)) or _sizes(listen(tester, AT_ONCE))
    _require_stored(storage, folder, 4, answer)
    told = f"EXISTS {sizes} with {answer.status}"
    judge.check("OP03-S9", sizes[-1:] == [4], "EXISTS 4 before or with OK", told, answer.entry)


def _judge_reachable(judge: Judge, tester: Tester, count: int, content: bytes) -> None:
    """The object answers to its number, to its UID, and to a search, in the session that has the folder active."""
    answer = tester.ask(f"FETCH {count} (UID FLAGS BODY.PEEK[])".encode())
    found = [each for each in objects_of(answer) if each.number == count and each.octets == content]
    told = f"FETCH {count}: {answer.status}, {len(found)} such objects"
    if not judge.check("OP03-S1", found, f"the stored object is number {count}", told, answer.entry):
        return
    answer = tester.ask(f"UID SEARCH UID {found[0].uid}".encode())
    uids = [uid for each in answer.named("SEARCH") for uid in search_data(each)]
    judge.check("OP03-S1", uids == [found[0].uid], f"UID {found[0].uid} is found", f"{uids}", answer.entry)


@server_case("store-into-the-active-folder-shows-in-it", "OP03-S1")
def test_store_into_the_active_folder_shows_in_it(storage: Storage, judge: Judge) -> None:
    """A server shows an object in the active folder after it was stored there, at the latest after a NOOP."""
    tester = storage.connect()
    folder, _ = storage.filled(tester, 2, "Shown")
    for count, content in enumerate(OBJECTS, 3):
        tester.append(folder, content)
        tester.must(b"NOOP")
        _judge_reachable(judge, tester, count, content)


@server_case("store-shows-to-another-session", "OP03-S1", "OP02-S11")
def test_store_shows_to_another_session(storage: Storage, judge: Judge) -> None:
    """A server shows a stored object to another session that has the folder active and asks for news."""
    tester, other = storage.connect(), storage.connect()
    folder, _ = storage.filled(other, 2, "Watched")
    for count, content in enumerate(OBJECTS[:3], 3):
        answer = tester.append(folder, content)
        sizes = _sizes(ask_for_news(other, _sizes))
        judge.check("OP02-S11", sizes[-1:] == [count], f"EXISTS {count} at NOOP", f"EXISTS {sizes}", answer.entry)
        if not sizes:
            break
        _judge_reachable(judge, other, count, content)


@server_case("store-of-several-shows-in-the-active-folder", "OP03-S1", "OP03-S9")
def test_store_of_several_shows_in_the_active_folder(storage: Storage, judge: Judge) -> None:
    """A server tells the size with every object of a folder into which several were stored one after the other."""
    tester = storage.connect()
    folder, _ = storage.filled(tester, 1, "Growing")
    answers = [tester.append(folder, message(f"growing-{number}").octets) for number in range(20)]
    sizes = [size for answer in answers for size in _sizes(list(answer.untagged))]
    told = f"EXISTS {sizes}"
    judge.check("OP03-S9", sizes == list(range(2, 22)), "EXISTS 2 to 21 with the stores", told, answers[-1].entry)
    tester.must(b"NOOP")
    _judge_reachable(judge, tester, 21, message("growing-19").octets)


@server_case("stored-object-is-told-unasked", "OP03-S6")
def test_stored_object_is_told_unasked(storage: Storage, judge: Judge) -> None:
    """A server may tell another session that has the folder active of a stored object without being asked."""
    tester, other = storage.connect(), storage.connect()
    folder, _ = storage.filled(other, 2, "Unasked")
    idle = "IDLE" in other.capabilities
    if idle:
        other.wire.idle()
    answer = tester.append(folder, OBJECTS[0])
    heard = _sizes(listen(other))
    heard += _sizes(list(other.wire.done().untagged)) if idle else []
    how = "in IDLE" if idle else "with no command in progress"
    judge.observe(f"a stored object is told to other sessions {how}", f"EXISTS {heard}" if heard else "not told")
    later = _sizes(ask_for_news(other, lambda news: heard or _sizes(news)))
    if not heard and not later:
        raise PreconditionNotReached("the other session is not told of the object when it asks, either")
    holds = (heard or later)[-1] == 3
    judge.check("OP03-S6", holds, "EXISTS 3, unasked or at NOOP", f"EXISTS {heard}, then {later}", answer.entry)
