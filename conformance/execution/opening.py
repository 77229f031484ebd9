"""Open the implementations under test for the length of a run, as the configuration names them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from conformance.clients.registry import open_client
from conformance.clients.simulation import SimulatedClient
from conformance.configuration import Configuration, User
from conformance.execution.honesty import require_honesty
from conformance.execution.simulation import client_within_reach
from conformance.execution.statement import claims_of
from conformance.problems import AdapterProblem, UsageProblem
from conformance.scenario.stage import Bounds, Stage
from conformance.servers.location import Location, UserSecrets, parse
from conformance.servers.protocol import StorageServer
from conformance.servers.registry import is_url, open_server
from conformance.servers.remote import RemoteServer

_SHOWN = 5


def open_stage(settings: Configuration, started: ExitStack, *, judges_client: bool) -> Stage:
    """Start server and client; both end with `started`. Raises `Problem` if that is not possible."""
    client = open_client(settings.client, settings.client_options)
    server = started.enter_context(open_configured_server(settings))
    if judges_client and isinstance(server, RemoteServer):
        require_no_foreign_content(server.foreign(), server.location)
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
    claims, secrets = claims_of(settings), settings.secrets()
    stage = Stage(server, client, overrides=claims, bounds=bounds, output=settings.output, secrets=secrets)
    if client is not None and judges_client:
        require_honesty(stage)
    return stage


def open_configured_server(settings: Configuration) -> StorageServer:
    """The server under test, not started yet, with the account that is this process's own."""
    return open_server(settings.server, settings.server_options, user_of(settings), settings.answer_timeout)


def user_of(settings: Configuration) -> UserSecrets | None:
    """The user of this process: each worker takes the next one of several accounts, and the first again after all."""
    if not settings.accounts:
        return None
    if not is_url(settings.server):
        mend = "leave accounts out, or give a server by its URL"
        raise UsageProblem(f"accounts: the server {settings.server!r} makes its own", mend)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return _secrets_of(settings.accounts[int(worker) % len(settings.accounts)])


def locations(settings: Configuration) -> list[Location]:
    """Every account of a server that is given by its URL, none of any other. Raises `UsageProblem`."""
    if not is_url(settings.server):
        return []
    users: list[UserSecrets | None] = [_secrets_of(each) for each in settings.accounts]
    return [parse(settings.server, settings.server_options, user) for user in users or [None]]


def _secrets_of(user: User) -> UserSecrets:
    password = user.password or user.secret(user.password_variable)
    return UserSecrets(user.user, password, user.secret(user.token_variable))


def require_no_foreign_content(foreign: Sequence[str], location: Location) -> None:
    """Raise `AdapterProblem` where an account holds what a client that is judged could do harm to."""
    if not foreign or location.accepts_foreign:
        return
    told = ", ".join(foreign[:_SHOWN]) + (f" and {len(foreign) - _SHOWN} more" if len(foreign) > _SHOWN else "")
    raise AdapterProblem(
        f"{location}: the account holds what is not the suite's, and a client under test could harm it: {told}",
        "name an account that holds nothing else, or judge the server alone with --role server --client none; "
        "-O server.foreign=accept runs client test cases all the same",
    )


@contextmanager
def opened(settings: Configuration, role: str) -> Iterator[Stage]:
    """The stage on which one saved counterexample is run; a server is judged by the reference client."""
    with ExitStack() as started:
        stage = open_stage(settings, started, judges_client=role == "client")
        if role == "server":
            client = started.enter_context(SimulatedClient())
            stage = Stage(stage.server, client, bounds=stage.bounds, secrets=stage.secrets)
        yield stage
