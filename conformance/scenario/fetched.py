"""What the answers to FETCH say, item by item."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.imap.data import fetch_items
from conformance.imap.syntax import Token, octets_of
from conformance.imap.wire import Exchange
from conformance.scenario.judge import PreconditionNotReached
from conformance.scenario.storage import Fetched, Tester, by_uid

Numbered = list[tuple[int, Fetched]]


def numbered(answer: Exchange) -> Numbered:
    """The number and the items of every FETCH response, in the order they came."""
    return [(each.number or 0, fetch_items(each)) for each in answer.named("FETCH")]


def string_of(token: Token) -> bytes | None:
    """A string as octets, None for NIL and for a list."""
    return None if token is None or isinstance(token, tuple) else octets_of(token)


def section_of(items: Fetched, section: str, start: int | None = None) -> bytes | None:
    """The octets of `BODY[section]` or `BODY[section]<start>`; field names after `section` are not compared.

    None where there is no such item, or where it is NIL.
    """
    ending = "]" if start is None else f"]<{start}>"
    for name, token in items.items():
        inside = name.removeprefix("BODY[").removesuffix(ending)
        if name.startswith("BODY[") and name.endswith(ending) and inside.partition(" ")[0] == section:
            return string_of(token)
    return None


def fetched(tester: Tester, uid: int, items: str) -> tuple[Fetched, Exchange]:
    """Ask for items of one object by UID: what came for it, and the whole answer."""
    answer = tester.ask(f"UID FETCH {uid} ({items})".encode())
    return by_uid(answer).get(uid, {}), answer


def uids_of(tester: Tester, count: int) -> list[int]:
    """The UIDs of the active folder; raises `PreconditionNotReached` when there are not so many objects in it."""
    uids = tester.uids()
    if len(uids) != count:
        raise PreconditionNotReached(f"{len(uids)} objects are in the folder, {count} were stored")
    return uids


def names_missing(items: Fetched, wanted: Iterable[str]) -> list[str]:
    """The names of items that were asked for and did not come."""
    return [name for name in wanted if name not in items]
