"""Open the implementations under test for the length of a run, as the configuration names them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from conformance.clients.registry import open_client
from conformance.clients.simulation import SimulatedClient
from conformance.configuration import Configuration
from conformance.execution.honesty import require_honesty
from conformance.execution.simulation import client_within_reach
from conformance.scenario.stage import Bounds, Stage
from conformance.servers.registry import open_server


def open_stage(settings: Configuration, started: ExitStack, *, judges_client: bool) -> Stage:
    """Start server and client; both end with `started`. Raises `Problem` if that is not possible."""
    client = open_client(settings.client, settings.client_options)
    server = started.enter_context(open_server(settings.server, settings.server_options))
    client = client_within_reach(server, client)
    if client is not None:
        started.enter_context(client)
    bounds = Bounds(
        settings.synchronize_timeout,
        settings.answer_timeout,
        settings.runs_to_converge,
        period=settings.trigger_period,
        reaction=settings.trigger_tolerance,
    )
    claims, secrets = settings.claims, settings.secrets()
    stage = Stage(server, client, overrides=claims, bounds=bounds, output=settings.output, secrets=secrets)
    if client is not None and judges_client:
        require_honesty(stage)
    return stage


@contextmanager
def opened(settings: Configuration, role: str) -> Iterator[Stage]:
    """The stage on which one saved counterexample is run; a server is judged by the reference client."""
    with ExitStack() as started:
        stage = open_stage(settings, started, judges_client=role == "client")
        if role == "server":
            client = started.enter_context(SimulatedClient())
            stage = Stage(stage.server, client, bounds=stage.bounds, secrets=stage.secrets)
        yield stage
