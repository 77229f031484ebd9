"""The server adapters by name."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.problems import UsageProblem
from conformance.servers.protocol import StorageServer
from conformance.servers.reference import ReferenceStorageServer


def open_server(spec: str, options: Mapping[str, str]) -> StorageServer:
    """The adapter of a server specification."""
    if spec == "reference":
        return ReferenceStorageServer()
    raise UsageProblem(f"no server adapter is named {spec!r}", "known: reference")
