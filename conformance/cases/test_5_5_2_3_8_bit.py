"""5.5.2.3 store object: 8-bit data comes back as it was stored, or in a reversible encoding."""

from __future__ import annotations

import base64
import quopri
from email import message_from_bytes
from email.message import Message

from conformance.cases.declaration import server_case
from conformance.model.objects import message
from conformance.scenario.awkward import EIGHT_BIT, octets
from conformance.scenario.judge import Judge
from conformance.scenario.looking import look_afresh
from conformance.scenario.storage import Storage, append_line
from conformance.scenario.storing import difference

_TEXT = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: %s\r\n"
_MIXED = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\nContent-Transfer-Encoding: 8bit\r\n"
_PART = b"--outer\r\nContent-Type: text/%s; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s\r\n"
_CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy.\r\n".encode()

OBJECTS: dict[str, bytes] = {
    **EIGHT_BIT,
    "CPM Message": message("eight-bit", "Grüße aus 東京 😀").octets,
    "8-bit parts": octets(
        "parts", _PART % (b"plain", _CZECH) + _PART % (b"html", b"<p>" + _CZECH + b"</p>") + b"--outer--\r\n", _MIXED
    ),
    "every octet above 127": octets("high", bytes(range(128, 256)) + b"\r\n", _TEXT % b"8bit"),
}


@server_case("store-8-bit-data", "OP03-S8")
def test_store_8_bit_data(storage: Storage, judge: Judge) -> None:
    """A server that stores a 7-bit text stores an 8-bit one as well, so that nothing of it is lost."""
    tester = storage.connect()
    folder = storage.folder(tester, "8-bit", objects=[octets("7-bit", b"plain text\r\n", _TEXT % b"7bit")])
    taken = []
    for name, content in OBJECTS.items():
        answer = tester.ask(append_line(folder), content)
        told = f"{name}: {answer.told}"
        if judge.check("OP03-S8", answer.ok, f"{name}: stored, in an encoding if need be", told, answer.entry):
            taken.append(name)
    view = look_afresh(storage, folder)
    bodies = [each.octets for each in view.objects[1:]]
    for name, body in zip(taken, [*bodies, *[None] * len(taken)], strict=False):
        same = body is not None and (body == OBJECTS[name] or _content(body) == _content(OBJECTS[name]))
        expected, observed = f"{name}: the same content", f"{name}: {difference(OBJECTS[name], body)}"
        judge.check("OP03-S8", same, expected, observed, view.told.answer.entry)
        if same and body != OBJECTS[name]:
            judge.remark(f"{name}: kept in another transfer encoding")


def _content(entity: bytes) -> list[bytes]:
    """The content of an entity, or of its parts, without transfer encoding."""
    parsed = message_from_bytes(entity)
    if parsed.get_content_maintype() != "multipart":
        return [_decoded(parsed, entity.partition(b"\r\n\r\n")[2])]
    payloads = (each.get_payload(decode=True) for each in parsed.walk() if not each.is_multipart())
    return [each for each in payloads if isinstance(each, bytes)]


def _decoded(header: Message, body: bytes) -> bytes:
    encoding = str(header["Content-Transfer-Encoding"] or "").strip().lower()
    if encoding == "base64":
        return base64.b64decode(body)
    return quopri.decodestring(body) if encoding == "quoted-printable" else body
