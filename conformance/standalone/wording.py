"""What the script says: how a run could not take place, with the mend, and never a secret."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterable

SHORTEST_SECRET = 4
"""Masking anything shorter wherever it stands would only garble words."""


class CouldNotRun(Exception):
    """Nothing was shown, neither way; `mend` is one sentence that says what to do about it."""

    def __init__(self, text: str, mend: str = "") -> None:
        super().__init__(text)
        self.text, self.mend = text, mend

    def __str__(self) -> str:
        return f"{self.text}\n  -> {self.mend}" if self.mend else self.text


class Voice:
    """Writes lines to standard output, without the secrets it was told of."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST_SECRET for form in spellings(secret)}
        self._secrets = sorted(forms, key=len, reverse=True)

    def masked(self, text: str) -> str:
        """The text without any secret."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def say(self, text: str) -> None:
        """One line, or several."""
        encoding = sys.stdout.encoding or "ascii"
        sys.stdout.write(self.masked(text).encode(encoding, "replace").decode(encoding) + "\n")
        sys.stdout.flush()


def spellings(secret: str) -> list[str]:
    """How a secret may stand in an error: as it is, inside a quoted string, or in base64."""
    quoted = secret.replace("\\", "\\\\").replace('"', '\\"')
    return [secret, quoted, repr(secret)[1:-1], base64.b64encode(secret.encode("utf-8", "surrogateescape")).decode()]
