"""5.5.2.4: metadata without bodies: single items, several items and macros, the envelope and the body structure."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from conformance.cases.declaration import server_case
from conformance.imap.syntax import Token, number_of
from conformance.scenario.awkward import octets
from conformance.scenario.fetched import fetched, names_missing, section_of, string_of, uids_of
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.scenario.storage import Fetched, Storage, by_uid

TEXT = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"
OBJECTS = [octets(f"metadata-{number}", b"x" * number + b"\r\n", TEXT) for number in range(1, 4)]
SINGLE = ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY", "BODYSTRUCTURE", "UID")
MACROS = {
    "ALL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"),
    "FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "FULL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"),
    "fast": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "(UID FLAGS INTERNALDATE RFC822.SIZE)": ("UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "(flags Rfc822.Size uid)": ("FLAGS", "RFC822.SIZE", "UID"),
    "(BODY BODYSTRUCTURE ENVELOPE)": ("BODY", "BODYSTRUCTURE", "ENVELOPE"),
    "(ENVELOPE BODY.PEEK[HEADER] FLAGS BODY.PEEK[TEXT]<0.9>)": ("ENVELOPE", "BODY[HEADER]", "FLAGS", "BODY[TEXT]<0>"),
}


@server_case("fetch-items-and-macros", "OP04-S13")
def test_fetch_items_and_macros(storage: Storage, judge: Judge) -> None:
    """A server answers with every item that was asked for, alone, in a list or by a macro, and for every object."""
    tester = storage.connect()
    tester.select(storage.folder(tester, "Items", objects=OBJECTS))
    uids = uids_of(tester, len(OBJECTS))
    alone: dict[int, Fetched] = {uid: {} for uid in uids}
    for item in SINGLE:
        answer = tester.ask(f"UID FETCH 1:* {item}".encode())
        found = by_uid(answer)
        lacking = [uid for uid in uids if item not in found.get(uid, {})]
        observed = f"{item}: {answer.status}, missing for UIDs {lacking}"
        judge.check("OP04-S13", answer.ok and not lacking, f"{item} of each object", observed, answer.entry)
        for uid in uids:
            alone[uid] |= {item: found[uid][item]} if item in found.get(uid, {}) else {}
    for asked, items in MACROS.items():
        answer = tester.ask(f"UID FETCH 1:* {asked}".encode())
        found = by_uid(answer)
        wrong = {name for uid in uids for name in _wrong(items, found.get(uid, {}), alone[uid])}
        observed = f"{asked}: {answer.status}, missing or unlike the item alone: {sorted(wrong)}"
        judge.check("OP04-S13", answer.ok and not wrong, f"{', '.join(items)} of each object", observed, answer.entry)
        unasked = {name for each in found.values() for name in each} - {*items, "UID"}
        if unasked:
            judge.remark(f"{asked} is answered with {sorted(unasked)} too")


def _wrong(names: tuple[str, ...], found: Fetched, alone: Fetched) -> list[str]:
    unlike = [name for name in names if name in alone and name in found and _value(found[name]) != _value(alone[name])]
    return names_missing(found, names) + unlike


def _value(token: Token) -> object:
    r"""A value to compare, a list of flags without order, letter case and \Recent."""
    if not isinstance(token, tuple) or not all(isinstance(each, bytes) for each in token):
        return token
    return frozenset(each.lower() for each in token if isinstance(each, bytes)) - {b"\\recent"}


ENVELOPED = (
    b'Date: Mon, 04 Mar 2024 10:15:00 +0000\r\nSubject: a "quoted" (subject) \\\r\n'
    b"From: Ada Lovelace <ada@example.test>\r\nTo: <b@example.test>, Charles <c@example.test>\r\n"
    b"Cc: <d@example.test>\r\nIn-Reply-To: <before@example.test>\r\nMessage-ID: <this@example.test>\r\n\r\ntext\r\n"
)
SPARSE = b"Date: Mon, 04 Mar 2024 10:15:00 +0000\r\nFrom: <ada@example.test>\r\n\r\ntext\r\n"
SENT_FOR = (
    b"Date: Mon, 04 Mar 2024 10:15:00 +0000\r\nFrom: <ada@example.test>\r\nSender: <s@example.test>\r\n"
    b"Reply-To: <r@example.test>\r\nSubject: folded\r\n over two lines\r\nBcc: <e@example.test>\r\n\r\ntext\r\n"
)
DATE = b"Mon, 04 Mar 2024 10:15:00 +0000"
NONE = b""
ADA = ((b"ada", b"example.test"),)
NAMES = ("date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id")
ENVELOPES: dict[bytes, tuple[object, ...]] = {
    ENVELOPED: (
        DATE,
        b'a "quoted" (subject) \\',
        ADA,
        ADA,
        ADA,
        ((b"b", b"example.test"), (b"c", b"example.test")),
        ((b"d", b"example.test"),),
        NONE,
        b"<before@example.test>",
        b"<this@example.test>",
    ),
    SPARSE: (DATE, NONE, ADA, ADA, ADA, NONE, NONE, NONE, NONE, NONE),
    SENT_FOR: (
        DATE,
        b"folded over two lines",
        ADA,
        ((b"s", b"example.test"),),
        ((b"r", b"example.test"),),
        NONE,
        NONE,
        ((b"e", b"example.test"),),
        NONE,
        NONE,
    ),
}


@server_case("fetch-the-envelope", "OP04-S12")
def test_fetch_the_envelope(storage: Storage, judge: Judge) -> None:
    """A server tells the ten members of an envelope in order, and takes From where Sender or Reply-To is absent."""
    tester = storage.connect()
    tester.select(storage.folder(tester, "Envelopes", objects=list(ENVELOPES)))
    for uid, wanted in zip(uids_of(tester, len(ENVELOPES)), ENVELOPES.values(), strict=True):
        items, answer = fetched(tester, uid, "ENVELOPE")
        envelope = items.get("ENVELOPE")
        members = [_member(each) for each in envelope] if isinstance(envelope, tuple) else []
        observed = f"{answer.status}, {len(members)} members"
        judge.check("OP04-S12", len(members) == len(NAMES), "an envelope of ten members", observed, answer.entry)
        for name, found, expected in zip(NAMES, members, wanted, strict=False):
            same = _instant(found) == _instant(expected) if name == "date" else found == expected
            judge.check("OP04-S12", same, f"{name}: {expected!r}", f"{name}: {found!r}", answer.entry)
            if same and found != expected:
                judge.remark(f"the {name} {expected!r} is written {found!r}")


def _instant(member: object) -> datetime | None:
    try:
        return parsedate_to_datetime(member.decode("ascii")) if isinstance(member, bytes) else None
    except ValueError:
        return None


def _member(token: Token) -> object:
    """A member to compare: a string without runs of spaces, or the addresses as mailbox and host; NIL is empty."""
    if token is None or token == ():
        return NONE
    if not isinstance(token, tuple):
        return b" ".join(bytes(token).split())
    return tuple(_address(each) for each in token)


def _address(token: Token) -> object:
    if not isinstance(token, tuple) or len(token) != 4:
        return token
    return tuple(string_of(each) for each in token[2:])


PARTS: dict[str, tuple[bytes, bytes]] = {
    "1": (
        b'Content-Type: text/plain; charset="us-ascii"; format=flowed\r\nContent-ID: <one@example.test>\r\n',
        b"three\r\nlines of\r\ntext\r\n",
    ),
    "2": (
        b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-Description: a map\r\n",
        b"iVBORw0KGgo=\r\n",
    ),
    "3": (b"Content-Type: message/cpim\r\n", b"From: <tel:+15550100>\r\n\r\nContent-Type: text/plain\r\n\r\nHello\r\n"),
}
MULTIPART = octets(
    "structure",
    b"".join(b"--b\r\n" + header + b"\r\n" + body + b"\r\n" for header, body in PARTS.values()) + b"--b--\r\n",
    b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n",
)
BASIC: dict[str, tuple[object, ...]] = {
    "1": (b"text", b"plain", {b"charset": b"us-ascii", b"format": b"flowed"}, b"<one@example.test>", b"", b"7bit"),
    "2": (b"image", b"png", {}, b"", b"a map", b"base64"),
    "3": (b"message", b"cpim", {}, b"", b"", b"7bit"),
}
FIELDS = ("type", "subtype", "parameters", "id", "description", "encoding")


@server_case("fetch-the-body-structure", "OP04-S12")
def test_fetch_the_body_structure(storage: Storage, judge: Judge) -> None:
    """A server describes each part with its type, parameters, encoding and encoded size, in BODY without extensions."""
    tester = storage.connect()
    tester.select(storage.folder(tester, "Structures", objects=[MULTIPART]))
    (uid,) = uids_of(tester, 1)
    bodies, answer = fetched(tester, uid, " ".join(f"BODY.PEEK[{number}]" for number in PARTS))
    sizes = {number: len(section_of(bodies, number) or b"") for number in PARTS}
    if not all(sizes.values()):
        raise PreconditionNotReached(f"the parts cannot be fetched: {answer.status}, {sizes}")
    items, answer = fetched(tester, uid, "BODY BODYSTRUCTURE")
    for name in ("BODY", "BODYSTRUCTURE"):
        structure = items.get(name)
        parts = [each for each in structure if isinstance(each, tuple)] if isinstance(structure, tuple) else []
        rest = list(structure[len(PARTS) :]) if isinstance(structure, tuple) else []
        subtype = string_of(rest[0]) if rest and not isinstance(rest[0], tuple) else None
        holds = len(parts) >= len(PARTS) and (subtype or b"").lower() == b"related"
        observed = f"{name}: {structure!r}"
        if judge.check("OP04-S12", holds, f"{name} of three parts and the subtype", observed, answer.entry):
            for (number, size), part in zip(sizes.items(), parts, strict=False):
                _judge_part(judge, f"{name} {number}", part, (*BASIC[number], size), answer.entry)
    body = items.get("BODY")
    lengths = [len(each) for each in (*body, body) if isinstance(each, tuple)] if isinstance(body, tuple) else []
    expected = [8, 7, 7, len(PARTS) + 1]
    judge.check("OP04-S12", lengths == expected, f"no extension data in BODY: {expected}", f"{lengths}", answer.entry)


def _judge_part(judge: Judge, name: str, part: tuple[Token, ...], wanted: tuple[object, ...], entry: int) -> None:
    size = number_of(part[6]) if len(part) > 6 else None
    kind, subtype, parameters, identity, description, encoding = (*part[:6], *[None] * 6)[:6]
    found = (
        *(_lower(each) for each in (kind, subtype)),
        _parameters(parameters),
        *((string_of(each) or b"") for each in (identity, description)),
        _lower(encoding),
        size,
    )
    for field, one, other in zip((*FIELDS, "size"), found, wanted, strict=True):
        judge.check("OP04-S12", one == other, f"{name} {field}: {other!r}", f"{name} {field}: {one!r}", entry)


def _lower(token: Token) -> bytes:
    return (string_of(token) or b"").lower()


def _parameters(token: Token) -> dict[bytes, bytes]:
    """Attributes and values, both in lower case: none that is used here distinguishes case."""
    values = [_lower(each) for each in token] if isinstance(token, tuple) else []
    return dict(zip(values[::2], values[1::2], strict=False))


@server_case("fetch-metadata-of-many-objects", "OP04-S13", "OP04-S9")
def test_fetch_metadata_of_many_objects(storage: Storage, judge: Judge) -> None:
    """A server answers one command for the metadata of many objects with each object once, and the true sizes."""
    tester = storage.connect()
    contents = [octets(f"many-{number}", b"line\r\n" * number) for number in range(60)]
    folder = storage.folder(tester, "Many", objects=contents)
    later = storage.connect()
    later.select(folder)
    uids = uids_of(later, len(contents))
    answer = later.ask(b"UID FETCH 1:* (UID FLAGS RFC822.SIZE)")
    found = by_uid(answer)
    observed = f"{answer.status}, {len(answer.named('FETCH'))} responses for {len(found)} objects"
    holds = (
        answer.ok
        and sorted(found) == uids
        and not any(names_missing(each, ("FLAGS", "RFC822.SIZE")) for each in found.values())
    )
    judge.check("OP04-S13", holds, f"FLAGS and RFC822.SIZE of {len(uids)} objects", observed, answer.entry)
    lengths = {uid: len(later.body(uid) or b"") for uid in uids[::7]}
    sizes = {uid: string_of(found.get(uid, {}).get("RFC822.SIZE")) for uid in lengths}
    true = all(sizes[uid] == str(length).encode() for uid, length in lengths.items())
    judge.check("OP04-S9", true, f"sizes {lengths}", f"sizes {sizes}", answer.entry)
