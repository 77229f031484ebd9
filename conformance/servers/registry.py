"""The server under test from what the command line says: a name, or the URL of a running server."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import cast

from conformance.adapters import Registry
from conformance.servers.location import SHAPE, parse
from conformance.servers.protocol import StorageServer
from conformance.servers.remote import RemoteServer

SERVERS = Registry(
    "server",
    "cpm_conformance.servers",
    {
        "cyrus": "conformance.servers.cyrus:CyrusServer",
        "dovecot": "conformance.servers.dovecot:DovecotServer",
        "reference": "conformance.servers.reference:ReferenceStorageServer",
        "simulation": "conformance.servers.simulation:SimulatedServer",
    },
)


def open_server(spec: str, options: Mapping[str, str]) -> StorageServer:
    """The adapter that `spec` names, not started yet.

    Raises `UsageProblem` for an unknown name or option or a URL that cannot be understood, `AdapterProblem` for an
    installed adapter that cannot be loaded.
    """
    if "://" in spec:
        return cast("StorageServer", SERVERS.create(partial(RemoteServer, parse(spec)), "of a URL", options))
    adapter = SERVERS.adapter(spec, also=[SHAPE])
    return cast("StorageServer", SERVERS.create(adapter, spec, options))
