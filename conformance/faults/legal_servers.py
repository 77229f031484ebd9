"""Legal servers."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.faults.hooks import Hook


@dataclass(frozen=True)
class LegalServer:
    """A server that is right, and what makes it unusual."""

    sentence: str
    hook: Hook


LEGAL_SERVERS: dict[str, LegalServer] = {}
