"""The client under test from what the command line says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from conformance.adapters import Registry
from conformance.clients.protocol import StorageClient

CLIENTS = Registry(
    "client",
    "cpm_conformance.clients",
    {
        "interimap": "conformance.clients.interimap:InterimapClient",
        "manual": "conformance.clients.manual:ManualClient",
        "mbsync": "conformance.clients.mbsync:MbsyncClient",
        "none": "conformance.clients.none:no_client",
        "offlineimap": "conformance.clients.offlineimap:OfflineimapClient",
        "reference": "conformance.clients.reference:ReferenceClient",
        "stdio": "conformance.clients.stdio:StdioClient",
    },
)


def open_client(spec: str, options: Mapping[str, str]) -> StorageClient | None:
    """The adapter that `spec` names, not started yet; None for `none`. `stdio:COMMAND` names `stdio` with its command.

    Raises `UsageProblem` for an unknown name or option, `AdapterProblem` for one that cannot be loaded.
    """
    name, _, command = spec.partition(":")
    if name == "stdio":
        spec, options = name, {"command": command, **options}
    return cast("StorageClient | None", CLIENTS.create(CLIENTS.adapter(spec), spec, options))
