"""The server under test from what the command line says: a name, a container, or the URL of a running server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from conformance.adapters import Registry
from conformance.servers.location import SHAPE, UserSecrets, parse
from conformance.servers.protocol import StorageServer
from conformance.servers.remote import RemoteServer

CONTAINER = "container:"
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


def open_server(
    spec: str, options: Mapping[str, str], user: UserSecrets | None = None, timeout: float = 10.0
) -> StorageServer:
    """The adapter that `spec` names, not started yet; `user` and `timeout` (seconds) are for the server of a URL.

    Raises `UsageProblem` for an unknown name or option or a URL that cannot be understood, `AdapterProblem` for an
    installed adapter that cannot be loaded.
    """
    if is_url(spec):
        return cast("StorageServer", RemoteServer(parse(spec, options, user), timeout))
    if spec.startswith(CONTAINER):
        from conformance.servers.container import open_container  # what drives an engine takes a while to import

        return cast("StorageServer", open_container(spec, options, timeout))
    adapter = SERVERS.adapter(spec, also=[f"{CONTAINER}NAME", SHAPE])
    return cast("StorageServer", SERVERS.create(adapter, spec, options))


def is_url(spec: str) -> bool:
    """Whether a server is a running one, given by its URL."""
    return "://" in spec
