"""5.5.2.3 store object: a connection that is lost before the command is complete stores nothing."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from itertools import product

from conformance.cases.declaration import server_case
from conformance.imap.wire import WireConnection
from conformance.model.objects import message
from conformance.scenario.awkward import of_size
from conformance.scenario.judge import Judge, NotApplicable, PreconditionNotReached
from conformance.scenario.looking import Look, look_afresh
from conformance.scenario.notices import ask_for_news
from conformance.scenario.storage import Storage, Tester, append_line
from conformance.scenario.storing import await_request, begin, judge_restored

OBJECT = message("one-that-is-cut-off", "a text of some length, so that there is something to cut").octets
LARGE = of_size(300_000)
HEADER = OBJECT.index(b"\r\n\r\n")
# Octets of the object that are sent; all of them is a command whose last CRLF is missing.
CUTS = {"small": (0, 1, HEADER, HEADER + 4, HEADER + 40, len(OBJECT) - 1, len(OBJECT)), "large": (70_000, len(LARGE))}


def _say_no_more(wire: WireConnection) -> None:
    """End what is sent, and stay there to hear an answer."""
    with suppress(OSError):
        wire.socket.shutdown(socket.SHUT_WR)


ENDINGS: dict[str, Callable[[WireConnection], None]] = {
    "reset": WireConnection.abort,
    "closed": WireConnection.close,
    "no more sent": _say_no_more,
}


def _cut_off(storage: Storage, send: Callable[[Tester, bytes], object]) -> str:
    """Lose one connection after another, each at another point and in another way; tells where."""
    for octets, cuts in ((OBJECT, CUTS["small"]), (LARGE, CUTS["large"])):
        for cut, ending in product(cuts, ENDINGS):
            tester = storage.connect()
            send(tester, octets)
            tester.wire.send(octets[:cut])
            ENDINGS[ending](tester.wire)
    return f"APPEND cut off after {CUTS['small']} of {len(OBJECT)} and {CUTS['large']} of {len(LARGE)} octets"


def _cut_off_in_the_line(storage: Storage, folder: bytes) -> str:
    """The same before the object is announced, or with the announcement not quite complete."""
    line = b"A1 APPEND " + folder + b' (\\Seen) "04-Mar-2024 10:15:00 +0000" {%d}\r\n' % len(OBJECT)
    for cut, ending in product((10, len(line) - 3, len(line) - 1), ENDINGS):
        wire = storage.connect().wire
        wire.be_patient()
        wire.send(line[:cut])
        ENDINGS[ending](wire)
    return "a command line cut off"


def _watched(storage: Storage) -> tuple[bytes, Look, Tester]:
    """A folder with two objects, what it holds, and a session that has it active."""
    observer = storage.connect()
    folder, _ = storage.filled(observer, 2, "Cut")
    return folder, look_afresh(storage, folder), observer


def _judge_nothing(
    storage: Storage, judge: Judge, folder: bytes, before: Look, observer: Tester, what: str, *, next_too: bool = True
) -> None:
    """Nothing is there, not even a while later; a whole command then stores its object, and that alone."""
    ask_for_news(observer, lambda heard: any(each.name == "EXISTS" for each in heard))
    if not judge_restored(judge, before, look_afresh(storage, folder), what, next_too=next_too):
        return
    answer = observer.ask(append_line(folder), OBJECT)
    new = [each.octets for each in look_afresh(storage, folder).objects[len(before.objects) :]]
    if not answer.ok:
        raise PreconditionNotReached(f"a whole command is refused, too: {answer.text}")
    told = f"objects of {[len(each) for each in new]} octets more"
    judge.check("OP03-S2", new == [OBJECT], "the whole command stores its object, and that alone", told, answer.entry)


@server_case("store-cut-off-in-the-object", "OP03-S2")
def test_store_cut_off_in_the_object(storage: Storage, judge: Judge) -> None:
    """A server stores nothing of a command that is cut off, wherever that is before its last CRLF."""
    folder, before, observer = _watched(storage)
    line = _cut_off_in_the_line(storage, folder)
    what = _cut_off(storage, lambda tester, octets: begin(tester, folder, len(octets)))
    _judge_nothing(storage, judge, folder, before, observer, f"{line}, and {what}")


@server_case("store-without-waiting-cut-off", "OP03-S2")
def test_store_without_waiting_cut_off(storage: Storage, judge: Judge) -> None:
    """A server stores nothing of an object that came at once with its command, but not to its end."""
    folder, before, observer = _watched(storage)
    if "LITERAL+" not in observer.capabilities:
        raise NotApplicable("LITERAL+ is not announced")
    what = _cut_off(storage, lambda tester, octets: begin(tester, folder, len(octets), plus=True))
    _judge_nothing(storage, judge, folder, before, observer, what)


@server_case("store-of-several-cut-off", "OP03-S2")
def test_store_of_several_cut_off(storage: Storage, judge: Judge) -> None:
    """A server that takes several objects in one command stores none of them when the last is not complete."""
    folder, before, observer = _watched(storage)
    if "MULTIAPPEND" not in observer.capabilities:
        raise NotApplicable("MULTIAPPEND is not announced")

    def first_and(tester: Tester, octets: bytes) -> None:
        begin(tester, folder, len(OBJECT))
        tester.wire.send(OBJECT + b" {%d}\r\n" % len(octets))
        await_request(tester)

    what = _cut_off(storage, first_and)
    _judge_nothing(storage, judge, folder, before, observer, f"an object, and then {what}", next_too=False)


@server_case("store-cut-off-and-repeated", "SYN-707")
def test_store_cut_off_and_repeated(storage: Storage, judge: Judge) -> None:
    """A server whose client stores an object again after the connection was lost in it holds the object once."""
    folder, before, observer = _watched(storage)
    for ending in ("reset", "closed"):
        tester = storage.connect()
        begin(tester, folder, len(OBJECT))
        tester.wire.send(OBJECT[: len(OBJECT) // 2])
        ENDINGS[ending](tester.wire)
    ask_for_news(observer, lambda heard: any(each.name == "EXISTS" for each in heard))
    partial = look_afresh(storage, folder).objects[len(before.objects) :]
    judge.check("SYN-707", not partial, "no partial object", f"{len(partial)} objects more", observer.wire.last_entry)
    answer = storage.connect().ask(append_line(folder), OBJECT)
    now = [each.octets for each in look_afresh(storage, folder).objects[len(before.objects) :]]
    told = f"APPEND {answer.told}, then objects of {[len(each) for each in now]} octets more"
    judge.check("SYN-707", answer.ok and now == [OBJECT], "stored again, it is there once", told, answer.entry)
