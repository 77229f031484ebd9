"""Every way in which a secret may be written on a wire or in a file, and text without any of them."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
LONGEST_UNMASKED = 3
_SHORTEST_CORE = 6


def spellings(secrets: Iterable[str]) -> tuple[str, ...]:
    """The secrets as they are, and URL-quoted, quoted for IMAP and JSON, in base64 and in UTF-16, longest first.

    One of three letters or fewer is left out: masking it wherever it stands would only garble words.
    """
    given = {each for secret in secrets for each in (secret, unquote(secret)) if len(each) > LONGEST_UNMASKED}
    found = {spelled for secret in given for spelled in _spelled(secret)}
    return tuple(sorted(found, key=lambda each: (-len(each), each)))


def without(text: str, spelled: Iterable[str]) -> str:
    """The text with `***` for each of the spellings, which have to come longest first."""
    for each in spelled:
        text = text.replace(each, MASK)
    return text


def _spelled(secret: str) -> Iterable[str]:
    yield from (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))
    yield secret.replace("\\", "\\\\").replace('"', '\\"')
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        octets = secret.encode(encoding, "surrogatepass")
        yield octets.decode("latin-1")
        yield "".join(chr(each) if 0x20 <= each < 0x7F else f"\\x{each:02x}" for each in octets)
        yield from _in_base64(octets)


def _in_base64(octets: bytes) -> Iterable[str]:
    """Alone, and what is sure to show wherever the octets stand in something longer, as in SASL PLAIN."""
    for encode in (b64encode, urlsafe_b64encode):
        yield encode(octets).decode()
        for before, first in ((0, 0), (1, 2), (2, 3)):
            core = encode(bytes(before) + octets).decode()[first : (before + len(octets)) * 8 // 6]
            if len(core) >= _SHORTEST_CORE:
                yield core
