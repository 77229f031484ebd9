"""`cpm-conformance adapter`: a client adapter of this suite, for anything that speaks the stdio protocol."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, BinaryIO

import click

from conformance.configuration import adapter_options
from conformance.problems import UsageProblem

if TYPE_CHECKING:
    from conformance.clients.protocol import StorageClient

NOT_SERVED = {
    "none": "there is no client in it",
    "manual": "nobody sees the local storage of a closed device",
    "stdio": "COMMAND speaks the protocol itself",
}


@click.command(short_help="Serve a client adapter over the stdio protocol.")
@click.argument("name")
@click.option("-O", "options", multiple=True, metavar="KEY=VALUE", help="Option of the adapter; repeatable.")
def adapter(name: str, options: tuple[str, ...]) -> None:
    """Serve the client adapter NAME over the stdio protocol on standard input and output, until the input ends.

    NAME is reference, mbsync, offlineimap, interimap, or that of an installed package; the protocol stands in
    fixtures/clients/stdio/PROTOCOL.md.
    """
    from conformance.clients.serving import Service

    client = _client(name, adapter_options(options).get("client_options", {}))
    with _answers_only() as output, Service(client) as service:
        service.answers(sys.stdin.buffer, output)


def _client(name: str, options: dict[str, str]) -> StorageClient:
    from conformance.clients.lasting import LastingReferenceClient
    from conformance.clients.registry import CLIENTS

    kind = name.partition(":")[0]
    if kind in NOT_SERVED:
        raise UsageProblem(f"the client adapter {kind!r} cannot be served: {NOT_SERVED[kind]}", "name another one")
    adapter = LastingReferenceClient if kind == "reference" else CLIENTS.adapter(name)
    client: StorageClient = CLIENTS.create(adapter, name, options)
    return client


def _answers_only() -> BinaryIO:
    """Standard output for the answers alone: whatever else is written there goes to standard error from now on."""
    sys.stdout.flush()
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output
