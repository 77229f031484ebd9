"""Who can work with a simulated server: nobody but the reference client, which is then simulated itself."""

from __future__ import annotations

from conformance.clients.protocol import StorageClient
from conformance.clients.reference import ReferenceClient
from conformance.clients.simulation import SimulatedClient
from conformance.problems import UsageProblem
from conformance.servers.protocol import StorageServer
from conformance.servers.simulation import SimulatedServer


def client_within_reach(server: StorageServer, client: StorageClient | None) -> StorageClient | None:
    """The client, not started yet, in a form that reaches the server. Raises `UsageProblem` where it has none."""
    if client is None or not isinstance(server, SimulatedServer) or isinstance(client, SimulatedClient):
        return client
    if type(client) is ReferenceClient:
        return SimulatedClient(client.synchronizer)
    raise UsageProblem(
        f"the client {client.name!r} cannot reach the simulated server, which exists in memory only",
        "give the client 'reference' or 'none', or a server that listens on a port, such as 'reference'",
    )
