"""Valid objects that are hard to give back octet for octet: 7-bit, CRLF line ends, and as 8-bit text."""

from __future__ import annotations

import base64

from conformance.model.objects import ObjectKind, of_kind

LARGE = 5 * 2**20
BUFFER_SIZES = (1023, 1024, 4095, 4096, 4097, 8191, 8192, 8193, 16384, 65535, 65536, 65537, 131073)

_HEADER = b"From: <a@example.test>\r\nDate: Mon, 04 Mar 2024 10:15:00 +0000\r\nMessage-ID: <%s@example.test>\r\n"
_ALTERNATIVE = (
    b"--inner\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
    b"--inner\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--inner--\r\n"
)
_NESTED = (
    b"before the first part\r\n--outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n"
    + _ALTERNATIVE
    + b"\r\n--outer\r\n\r\nno header\r\n--outer--\r\nafter the last part\r\n"
)


def octets(name: str, body: bytes, fields: bytes = b"") -> bytes:
    """An object with a header of its own and this body."""
    return _HEADER % name.encode() + fields + b"\r\n" + body


def of_size(size: int) -> bytes:
    """An object of exactly this many octets, in lines that a reader can tell apart."""
    head = octets(f"size-{size}", b"")
    lines = (b"line %08d of an object of a given size\r\n" % number for number in range(size // 42 + 1))
    body = b"".join(lines)[: size - len(head)]
    return head + (body[:-2] + b"\r\n" if len(body) > 1 else body)


_MULTIPART = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n"
_ENCODED = b"MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"
_FOLDED = b"Subject: a subject\r\n that is\r\n\tfolded twice \r\nX-Empty:\r\nX-Spaces:   three before and after   \r\n"

AWKWARD: dict[str, bytes] = {
    **{kind.value: of_kind(kind, f"awkward-{number}").octets for number, kind in enumerate(ObjectKind, 1)},
    "no body": octets("no-body", b""),
    "one octet": octets("one-octet", b"x"),
    "no line end at the end": octets("no-line-end", b"first line\r\nlast line"),
    "one empty line": octets("empty-line", b"\r\n"),
    "empty lines at the end": octets("empty-lines", b"text\r\n\r\n\r\n\r\n"),
    "lines of dots": octets("dots", b".\r\n..\r\n...\r\n.leading\r\ntrailing.\r\n.\r\n"),
    "From at the start of a line": octets("from", b"From a@example.test Mon Mar  4 10:15:00 2024\r\n>From b\r\n"),
    "spaces and tabs at line ends": octets("spaces", b"two  \r\ntab\t\r\n \r\n\t\r\n"),
    "lines of 998 octets": octets("long", b"x" * 998 + b"\r\n" + b"y" * 998 + b"\r\n"),
    "folded and empty fields": octets("folded", b"text\r\n", _FOLDED),
    "nested multipart": octets("nested", _NESTED, _MULTIPART),
    "64 KiB of base64": octets("base64", base64.encodebytes(bytes(range(256)) * 192).replace(b"\n", b"\r\n"), _ENCODED),
    "looks like the protocol": octets("protocol", b") FLAGS (\\Seen))\r\nA1 OK done\r\n* BYE\r\nx {5}\r\n+ go\r\n"),
    "quotes and backslashes": octets("quotes", b'"\\"\\\\"\r\n', b'Subject: "a\\"b" (c\\)\r\n'),
    "every 7-bit octet": octets("octets", bytes(each for each in range(1, 128) if each not in b"\r\n") + b"\r\n"),
}

_TEXT = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: 8bit\r\n"
EIGHT_BIT: dict[str, bytes] = {
    "UTF-8": octets("utf-8", "Grüße aus 東京 😀\r\n".encode(), _TEXT % b"UTF-8"),
    "ISO 8859-1": octets("latin-1", bytes(range(0xA1, 0x100)) + b"\r\n", _TEXT % b"ISO-8859-1"),
}
