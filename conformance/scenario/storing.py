"""Storing an object step by step, and judging what a folder holds after a store that worked or failed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from conformance.outcomes import Reason
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.scenario.looking import Look
from conformance.scenario.notices import send
from conformance.scenario.storage import Tester


def without_waiting(tester: Tester) -> bool:
    """Whether a small literal may be sent without waiting for the request to do so (RFC 7888)."""
    return bool(tester.capabilities & {"LITERAL+", "LITERAL-"})


def begin(tester: Tester, folder: bytes, size: int, *, plus: bool = False) -> str:
    """Announce an object, and wait for the request to send it unless `plus` says otherwise; returns the tag."""
    tag = send(tester, b"APPEND " + folder + b" {%d%b}" % (size, b"+" if plus else b""))
    if not plus:
        await_request(tester)
    return tag


def await_request(tester: Tester) -> None:
    """Wait for the request to send a literal; raises `PreconditionNotReached` when the command is answered instead."""
    while (response := tester.wire.read_response()).kind != "continuation":
        if response.kind == "tagged":
            raise PreconditionNotReached(f"the server answers {response.name} {response.text} before the object comes")


def difference(octets: bytes, found: bytes | None) -> str:
    """Where an object differs from what was stored, in words."""
    if found is None:
        return "not there"
    shorter = range(min(len(octets), len(found)))
    place = bisect_left(shorter, 1, key=lambda number: int(octets[: number + 1] != found[: number + 1]))
    return f"{len(found)} octets, other from octet {place} on: {found[place : place + 20]!r}"


def judge_whole(judge: Judge, view: Look, stored: Mapping[str, bytes]) -> None:
    """Whether a folder holds exactly these objects, octet for octet, in the order they were stored (OP03-S1)."""
    if not stored:
        raise PreconditionNotReached("the server stores none of the objects")
    bodies = [each.octets for each in view.objects]
    placed = [*bodies, *[None] * len(stored)]
    wrong = [
        f"{name}: {difference(octets, body)}"
        for (name, octets), body in zip(stored.items(), placed, strict=False)
        if octets != body
    ]
    observed = f"{len(bodies)} of {len(stored)} objects; {'; '.join(wrong[:3])}"
    holds = not wrong and len(bodies) == len(stored)
    judge.check("OP03-S1", holds, "each object octet for octet, in order", observed, view.told.answer.entry)


def judge_restored(judge: Judge, before: Look, after: Look, what: str, *, next_too: bool = True) -> bool:
    """Whether a folder is as it was before a store that failed (OP03-S2)."""
    same = before.state == after.state and before.told.uid_validity == after.told.uid_validity
    if next_too:
        same = same and before.told.uid_next == after.told.uid_next
    observed = f"{_shown(after)}; before it {_shown(before)}"
    return judge.check("OP03-S2", same, f"{what} leaves the folder as it was", observed, after.told.answer.entry)


def _shown(view: Look) -> str:
    sizes = {each.uid: len(each.octets) for each in view.objects}
    return f"UIDNEXT {view.told.uid_next}, octets by UID {sizes}"


def not_stored(judge: Judge, requirement: str, what: str, told: str, entry: int) -> None:
    """A valid object was refused: the text demands nothing of it, and nothing is shown by it."""
    judge.undecided(requirement, f"{what} is stored", told, Reason.NOT_EXERCISED, entry)
