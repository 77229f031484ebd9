"""The client adapters by name."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.clients.protocol import StorageClient
from conformance.clients.reference import ReferenceClient
from conformance.problems import UsageProblem


def open_client(spec: str, options: Mapping[str, str]) -> StorageClient | None:
    """The adapter of a client specification; None for `none`."""
    if spec == "none":
        return None
    if spec == "reference":
        return ReferenceClient()
    raise UsageProblem(f"no client adapter is named {spec!r}", "known: reference, none")
