"""Hands of the server cases on the metadata of folders (RFC 5464) and the annotations of objects (RFC 5257)."""

from __future__ import annotations

from conformance.imap.data import fetch_items
from conformance.imap.syntax import Token, number_of, octets_of, pairs
from conformance.imap.wire import Exchange
from conformance.scenario.judge import NotApplicable
from conformance.scenario.storage import Storage, Tester


def folder_value(tester: Tester, folder: bytes, entry: str) -> tuple[bytes | None, Exchange]:
    """The value of one entry; None where it is not there."""
    answer = tester.ask(b"GETMETADATA " + folder + b" " + entry.encode())
    lists = [each.tokens[1] for each in answer.named("METADATA") if len(each.tokens) == 2]
    found = [pairs(each) for each in lists if isinstance(each, tuple)]
    values = [each[entry.upper()] for each in found if entry.upper() in each]
    return (_value(values[-1]) if values else None), answer


def _value(token: Token) -> bytes | None:
    return None if token is None else octets_of(token)


def set_folder_value(tester: Tester, folder: bytes, entry: str, value: bytes | None) -> Exchange:
    """Set one entry, or with None remove it."""
    start = b"SETMETADATA " + folder + b" (" + entry.encode()
    return tester.ask(start + b" NIL)") if value is None else tester.ask(start + b" {})", value)


def annotated_folder(storage: Storage, tester: Tester) -> tuple[bytes, list[int], list[str]]:
    """An active folder in which messages can be annotated, and whether by private values or by shared ones only."""
    if "ANNOTATE-EXPERIMENT-1" not in tester.capabilities:
        raise NotApplicable("ANNOTATE-EXPERIMENT-1 is not announced")
    folder, uids = storage.filled(tester, 2)
    told = tester.select(folder).answer.untagged
    codes = [each.code.arguments for each in told if each.code and each.code.name == "ANNOTATIONS"]
    words = {octets_of(each).upper() for each in (codes[0] if codes else ()) if not isinstance(each, tuple)}
    if words & {b"NONE", b"READ-ONLY"}:
        raise NotApplicable("messages of this folder cannot be annotated")
    return folder, uids, ["value.shared"] if b"NOPRIVATE" in words else ["value.priv", "value.shared"]


def comments(tester: Tester) -> tuple[dict[int, dict[str, bytes]], Exchange]:
    """The values of /comment of each object, by attribute."""
    answer = tester.ask(b"UID FETCH 1:* (UID ANNOTATION (/comment (value.priv value.shared)))")
    found: dict[int, dict[str, bytes]] = {}
    for items in (fetch_items(each) for each in answer.named("FETCH")):
        token = items.get("ANNOTATION")
        if "UID" in items and isinstance(token, tuple):
            values = pairs(token).get("/COMMENT")
            shown = pairs(values) if isinstance(values, tuple) else {}
            uid = number_of(items["UID"])
            found[uid] = {name.lower(): octets_of(value) for name, value in shown.items() if value is not None}
    return found, answer
