"""5.5.2.4: the fields of a header and the parts of a MIME object, each with its own octets."""

from __future__ import annotations

from conformance.cases.declaration import server_case
from conformance.model.objects import ObjectKind, of_kind
from conformance.scenario.awkward import octets
from conformance.scenario.fetched import fetched, section_of, uids_of
from conformance.scenario.judge import Judge
from conformance.scenario.storage import Storage, Tester

FIELDS = [
    b"Received: by one\r\n",
    b"From: <a@example.test>\r\n",
    b"Subject: folded\r\n  over\r\n\tthree lines\r\n",
    b"Subject-Matter: another field\r\n",
    b"Received: by two\r\n",
    b"To: <b@example.test>\r\n",
    b"X-Empty:\r\n",
    b"Date: Mon, 04 Mar 2024 10:15:00 +0000\r\n",
]
OBJECT = b"".join(FIELDS) + b"\r\nSubject: not a field\r\n"


def _named(*names: bytes) -> list[bytes]:
    return [field for field in FIELDS if field.partition(b":")[0].lower() in names]


PICKED: dict[str, list[bytes]] = {
    "(Subject)": _named(b"subject"),
    "(SUBJECT)": _named(b"subject"),
    "(To From)": _named(b"from", b"to"),
    '("Received" Date)': _named(b"received", b"date"),
    "(X-Empty)": _named(b"x-empty"),
    "(Missing)": [],
    "(Sub Subject-Matter Message-ID)": _named(b"subject-matter"),
}


@server_case("fetch-header-fields", "OP04-S11")
def test_fetch_header_fields(storage: Storage, judge: Judge) -> None:
    """A server picks exactly the fields that are named, whole and in any case, and keeps the blank line after them."""
    tester = storage.connect()
    tester.select(storage.folder(tester, "Fields", objects=[OBJECT]))
    (uid,) = uids_of(tester, 1)
    for names, picked in PICKED.items():
        rest = [field for field in FIELDS if field not in picked]
        for section, wanted in (("HEADER.FIELDS", picked), ("HEADER.FIELDS.NOT", rest)):
            items, answer = fetched(tester, uid, f"BODY.PEEK[{section} {names}]")
            found = section_of(items, section)
            observed = f"{section} {names}: {answer.status}, {sorted(items)}, {found!r}"
            holds = found is not None and _fields(found) == sorted(wanted)
            judge.check("OP04-S11", answer.ok and holds, f"{wanted} and a blank line", observed, answer.entry)
            if found is not None and holds and found != b"".join(wanted) + b"\r\n":
                judge.remark(f"{section} {names}: the fields come in another order than in the header")


def _fields(subset: bytes) -> list[bytes]:
    """The fields, sorted, of a subset that ends with a blank line; else what is no list of fields."""
    if not (subset == b"\r\n" or subset.endswith(b"\r\n\r\n")):
        return [subset]
    fields: list[bytes] = []
    for line in subset[:-2].splitlines(keepends=True):
        if line[:1] in b" \t" and fields:
            fields[-1] += line
        else:
            fields.append(line)
    return sorted(fields)


PLAIN_PART = b"Content-Type: text/plain; charset=us-ascii\r\nContent-ID: <one@example.test>\r\n\r\n"
PLAIN_TEXT = b"first part\r\n\r\nwith two paragraphs\r\n"
HTML_PART = b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
HTML_TEXT = b"<p class=3D'x'>second =\r\npart</p>"
IMAGE_PART = b"Content-Type: image/png; name=map.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
IMAGE_TEXT = b"iVBORw0KGgo=\r\n"
INNER_HEADER = b"Subject: enclosed\r\nFrom: <c@example.test>\r\nDate: Tue, 05 Mar 2024 10:15:00 +0000\r\n\r\n"
INNER_TEXT = b"the text of the enclosed message\r\n"
MESSAGE_PART = b"Content-Type: message/rfc822\r\nContent-Description: enclosed\r\n\r\n"
INNER_PART = b"Content-Type: multipart/alternative; boundary=in\r\n\r\n"
INNER_MULTIPART = (
    b"--in\r\n" + PLAIN_PART + PLAIN_TEXT + b"\r\n--in\r\n" + HTML_PART + HTML_TEXT + b"\r\n--in--\r\nepilogue"
)
TREE_TEXT = b"\r\n".join(
    (
        b"preamble\r\n--out",
        INNER_PART + INNER_MULTIPART,
        b"--out",
        IMAGE_PART + IMAGE_TEXT,
        b"--out",
        MESSAGE_PART + INNER_HEADER + INNER_TEXT,
        b"--out",
        b"\r\nno header\r\n",
        b"--out--\r\n",
    )
)
TREE = octets("tree", TREE_TEXT, b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=out\r\n")
PARTS: dict[str, bytes] = {
    "TEXT": TREE_TEXT,
    "HEADER": TREE.removesuffix(TREE_TEXT),
    "1": INNER_MULTIPART,
    "1.1": PLAIN_TEXT,
    "1.2": HTML_TEXT,
    "2": IMAGE_TEXT,
    "3": INNER_HEADER + INNER_TEXT,
    "3.HEADER": INNER_HEADER,
    "3.TEXT": INNER_TEXT,
    "3.1": INNER_TEXT,
    "4": b"no header\r\n",
}
MIME: dict[str, bytes] = {"1": INNER_PART, "1.1": PLAIN_PART, "1.2": HTML_PART, "2": IMAGE_PART, "3": MESSAGE_PART}


@server_case("fetch-mime-parts", "OP04-S11")
def test_fetch_mime_parts(storage: Storage, judge: Judge) -> None:
    """A server gives each part of a nested multipart under its number, with exactly its octets and its MIME header."""
    tester = storage.connect()
    tester.select(storage.folder(tester, "Tree", objects=[TREE]))
    (uid,) = uids_of(tester, 1)
    for section, wanted in PARTS.items():
        _judge_section(judge, tester, uid, section, wanted)
    for number, wanted in MIME.items():
        items, answer = fetched(tester, uid, f"BODY.PEEK[{number}.MIME]")
        found = section_of(items, f"{number}.MIME") or b""
        observed = f"{number}.MIME: {answer.status}, {sorted(items)}, {found!r}"
        judge.check("OP04-S11", answer.ok and found == wanted, f"{wanted!r}", observed, answer.entry)
    items, answer = fetched(tester, uid, "BODY.PEEK[3.HEADER.FIELDS (Subject)]")
    found = section_of(items, "3.HEADER.FIELDS") or b""
    observed = f"3.HEADER.FIELDS: {answer.status}, {sorted(items)}, {found!r}"
    judge.check("OP04-S11", found == b"Subject: enclosed\r\n\r\n", "the enclosed Subject", observed, answer.entry)
    for absent in ("9", "2.1", "1.3"):
        items, answer = fetched(tester, uid, f"BODY.PEEK[{absent}]")
        told = f"{answer.told}, {section_of(items, absent)!r}"
        judge.observe(f"BODY[{absent}], where there is no such part", told, answer.entry)


def _judge_section(judge: Judge, tester: Tester, uid: int, section: str, wanted: bytes) -> None:
    items, answer = fetched(tester, uid, f"BODY.PEEK[{section}]")
    found = section_of(items, section)
    observed = f"BODY[{section}]: {answer.status}, {sorted(items)}, {found!r}"
    expected = f"BODY[{section}]: {wanted!r}"
    tolerated = section == "HEADER" and found is not None and found.endswith(wanted)
    judge.check("OP04-S11", answer.ok and (found == wanted or tolerated), expected, observed, answer.entry)


@server_case("fetch-the-only-part", "OP04-S11")
def test_fetch_the_only_part(storage: Storage, judge: Judge) -> None:
    """A server takes the text of an object that is no multipart for its part 1, whatever its content type."""
    tester = storage.connect()
    kinds = [kind for kind in ObjectKind if kind is not ObjectKind.FILE_TRANSFER]
    objects = [of_kind(kind, f"single-{number}").octets for number, kind in enumerate(kinds, 1)]
    objects.append(b"From: <a@example.test>\r\nDate: Mon, 04 Mar 2024 10:15:00 +0000\r\n\r\nno MIME at all\r\n")
    tester.select(storage.folder(tester, "Single", objects=objects))
    for uid, content in zip(uids_of(tester, len(objects)), objects, strict=True):
        text = content.partition(b"\r\n\r\n")[2]
        _judge_section(judge, tester, uid, "1", text)
        _judge_section(judge, tester, uid, "TEXT", text)


@server_case("fetch-several-sections-at-once", "OP04-S11")
def test_fetch_several_sections_at_once(storage: Storage, judge: Judge) -> None:
    """A server answers several sections of one object in one command, each with its own octets."""
    tester = storage.connect()
    tester.select(storage.folder(tester, "Several", objects=[TREE, OBJECT]))
    uid, _ = uids_of(tester, 2)
    wanted = {section: PARTS[section] for section in ("2", "1.2", "3.HEADER", "TEXT", "1.1")}
    items, answer = fetched(tester, uid, " ".join(f"BODY.PEEK[{section}]" for section in wanted))
    wrong = [section for section, part in wanted.items() if section_of(items, section) != part]
    observed = f"{answer.status}, {sorted(items)}, missing or other octets: {wrong}"
    judge.check("OP04-S11", answer.ok and not wrong, f"sections {', '.join(wanted)}", observed, answer.entry)
