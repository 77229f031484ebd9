"""ENVELOPE, BODY and BODYSTRUCTURE of a message (RFC 3501 section 7.4.2)."""

from __future__ import annotations

import re

from conformance.reference.server.mime import Parameters, Part, split_value
from conformance.reference.server.responses import nstring, string

_WORD = re.compile(
    rb'(?P<space>\s+)|"(?P<quoted>(?:[^"\\]|\\.)*)"|\((?P<comment>[^()]*)\)|(?P<special>[<>@,;:])|(?P<atom>[^\s"()<>@,;:]+)'
    rb"|(?P<other>.)",
    re.DOTALL,
)
_ENVELOPE_ADDRESSES = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")


def envelope(part: Part) -> bytes:
    """The ENVELOPE of a message; Sender and Reply-To default to From."""
    addresses = [part.get(name) for name in _ENVELOPE_ADDRESSES]
    addresses[1:3] = [value or addresses[0] for value in addresses[1:3]]
    head = [nstring(part.get(b"date")), nstring(part.get(b"subject"))]
    tail = [nstring(part.get(b"in-reply-to")), nstring(part.get(b"message-id"))]
    return b"(" + b" ".join([*head, *map(_address_list, addresses), *tail]) + b")"


def body_structure(part: Part, *, extended: bool) -> bytes:
    """BODYSTRUCTURE, or BODY when not extended."""
    if part.children:
        fields = [b"".join(body_structure(child, extended=extended) for child in part.children), string(part.subtype)]
        if extended:
            fields += [_parameters(part.parameters), *_extension(part)]
        return b"(" + b" ".join(fields) + b")"
    fields = _single_part(part, extended=extended)
    if extended:
        fields += [nstring(part.get(b"content-md5")), *_extension(part)]
    return b"(" + b" ".join(fields) + b")"


def _single_part(part: Part, *, extended: bool) -> list[bytes]:
    kind = (part.type, part.subtype)
    if part.type == b"MULTIPART" or (kind == (b"MESSAGE", b"RFC822") and part.message is None):
        kind = (b"APPLICATION", b"OCTET-STREAM")  # nested too deep to be read
    parameters = part.parameters
    if kind[0] == b"TEXT" and not any(name == b"CHARSET" for name, _ in parameters):
        parameters = ((b"CHARSET", b"US-ASCII"), *parameters)
    encoding = split_value(part.get(b"content-transfer-encoding"))[0] or b"7BIT"
    body = part.body_octets
    fields = [string(kind[0]), string(kind[1]), _parameters(parameters), nstring(part.get(b"content-id"))]
    fields += [nstring(part.get(b"content-description")), string(encoding), b"%d" % len(body)]
    if part.message is not None:
        fields += [envelope(part.message), body_structure(part.message, extended=extended)]
    if part.message is not None or kind[0] == b"TEXT":
        fields.append(b"%d" % body.count(b"\n"))
    return fields


def _extension(part: Part) -> list[bytes]:
    disposition, parameters = split_value(part.get(b"content-disposition"))
    shown = b"(" + string(disposition) + b" " + _parameters(parameters) + b")" if disposition else b"NIL"
    return [shown, nstring(part.get(b"content-language")), nstring(part.get(b"content-location"))]


def _parameters(parameters: Parameters) -> bytes:
    if not parameters:
        return b"NIL"
    return b"(" + b" ".join(string(name) + b" " + string(value) for name, value in parameters) + b")"


def _address_list(value: bytes | None) -> bytes:
    addresses = _AddressParser(value or b"").parse()
    return b"(" + b"".join(addresses) + b")" if addresses else b"NIL"


class _AddressParser:
    """Reads an address list word by word; a group gives a start and an end marker (RFC 3501 section 7.4.2)."""

    def __init__(self, value: bytes) -> None:
        self._value = value
        self._found: list[bytes] = []
        self._start()

    def _start(self) -> None:
        self._phrase: list[bytes] = []
        self._local: list[bytes] | None = None
        self._domain: list[bytes] | None = None
        self._comment: bytes | None = None
        self._in_angle = False

    def parse(self) -> list[bytes]:
        for match in _WORD.finditer(self._value):
            if match.lastgroup == "special":
                self._special(match[0])
            elif match.lastgroup == "comment":
                self._comment = match["comment"]
            elif match.lastgroup in ("atom", "quoted"):
                self._word(re.sub(rb"\\(.)", rb"\1", match[match.lastgroup]))
        self._finish()
        return self._found

    def _word(self, word: bytes) -> None:
        if self._domain is not None:
            self._domain.append(word)
        elif self._in_angle and self._local is not None:
            self._local.append(word)
        else:
            self._phrase.append(word)

    def _special(self, special: bytes) -> None:
        if special == b"<":
            self._in_angle, self._local, self._domain = True, [], None
        elif special == b"@":
            self._domain = []
        elif special == b":" and self._in_angle:
            self._local, self._domain = [], None  # a source route ends here
        elif special == b":":
            self._found.append(b"(NIL NIL " + string(b" ".join(self._phrase)) + b" NIL)")
            self._start()
        elif special in (b",", b";"):
            self._finish()
            if special == b";":
                self._found.append(b"(NIL NIL NIL NIL)")

    def _finish(self) -> None:
        name = b" ".join(self._phrase) or None
        local = b"".join(self._local) if self._local is not None else None
        if local is None and name is not None:
            local = b"".join(self._phrase)
            name = self._comment
        if local is not None:
            domain = b"".join(self._domain or [])
            self._found.append(b"(" + b" ".join([nstring(name), b"NIL", string(local), string(domain)]) + b")")
        self._start()
