"""SASL before a server of the tests: mechanisms from the server's side, and a front that logs in to what is behind."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager

from scramp import ScramException, ScramMechanism

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.selftest.tls_servers import Streams, join, listening

Talk = Generator[bytes, bytes, bool]
Mechanism = Callable[[], Talk]


def plain(user: str, password: str) -> Mechanism:
    """PLAIN (RFC 4616)."""

    def talk() -> Talk:
        told = yield b""
        return told == f"\0{user}\0{password}".encode()

    return talk


def scram(user: str, password: str, name: str = "SCRAM-SHA-256", *, honest: bool = True) -> Mechanism:
    """SCRAM (RFC 5802); one that is not honest never proves that it knows the password."""

    def talk() -> Talk:
        mechanism = ScramMechanism(name)
        stored = mechanism.make_auth_info(password, iteration_count=4096)
        server = mechanism.make_server(lambda asked: stored if asked == user else _nobody(mechanism))
        try:
            server.set_client_first((yield b"").decode())
            server.set_client_final((yield server.get_server_first().encode()).decode())
        except ScramException:
            return False
        if honest:
            yield server.get_server_final().encode()
        return True

    return talk


def _nobody(mechanism: ScramMechanism) -> object:
    return mechanism.make_auth_info("nobody knows this", iteration_count=4096)


def oauthbearer(user: str, token: str) -> Mechanism:
    """OAUTHBEARER (RFC 7628): a refusal comes with one more challenge, which wants a dummy."""

    def talk() -> Talk:
        told = yield b""
        if told.startswith(f"n,a={user},\1host=127.0.0.1\1port=".encode()) and _bears(told, token):
            return True
        dummy = yield b'{"status":"invalid_token"}'
        return dummy != b"\1"

    return talk


def xoauth2(user: str, token: str) -> Mechanism:
    """XOAUTH2, as Google describes it."""

    def talk() -> Talk:
        told = yield b""
        if told.startswith(f"user={user}\1".encode()) and _bears(told, token):
            return True
        yield b'{"status":"400"}'
        return False

    return talk


def external() -> Talk:
    """EXTERNAL (RFC 4422 A): whoever has got so far is who the certificate says."""
    told = yield b""
    return told == b""


def _bears(told: bytes, token: str) -> bool:
    return told.endswith(f"\1auth=Bearer {token}\1\1".encode())


@contextmanager
def authenticating(
    upstream: Endpoint,
    who: Credentials,
    mechanisms: Mapping[str, Mechanism],
    tls: ssl.SSLContext | None = None,
    extra: str = "LOGINDISABLED",
) -> Iterator[int]:
    """A server that lets in by these mechanisms alone, before one where `who` is logged in then; gives the port."""
    offered = " ".join(["IMAP4rev1", *(f"AUTH={name}" for name in mechanisms), extra]).strip().encode()

    async def serve(client: Streams) -> None:
        reader, writer = client
        writer.write(b"* OK [CAPABILITY " + offered + b"] ready\r\n")
        while line := await reader.readline():
            tag, name, *arguments = line.split()
            if name.upper() == b"CAPABILITY":
                writer.write(b"* CAPABILITY " + offered + b"\r\n" + tag + b" OK done\r\n")
            elif name.upper() == b"AUTHENTICATE" and arguments[0].decode() in mechanisms:
                if await _agree(client, mechanisms[arguments[0].decode()](), arguments[1:]):
                    await _go_on(client, upstream, who, tag)
                    return
                writer.write(tag + b" NO [AUTHENTICATIONFAILED] not you\r\n")
            else:
                writer.write(tag + b" BAD not here\r\n")

    with listening(serve, "127.0.0.1", tls) as port:
        yield port


async def _agree(client: Streams, talk: Talk, initial: list[bytes]) -> bool:
    """Talk to the end; the initial response may have come with the command."""
    reader, writer = client
    try:
        challenge = next(talk)
        if initial:
            challenge = talk.send(base64.b64decode(initial[0].replace(b"=", b"") and initial[0]))
        while True:
            writer.write(b"+ " + base64.b64encode(challenge) + b"\r\n")
            challenge = talk.send(base64.b64decode((await reader.readline()).strip()))
    except StopIteration as end:
        return bool(end.value)


async def _go_on(client: Streams, upstream: Endpoint, who: Credentials, tag: bytes) -> None:
    reader, writer = await asyncio.open_connection(upstream.host, upstream.port)
    await reader.readline()
    writer.write(f'x LOGIN "{who.user}" "{who.password}"\r\n'.encode())
    while not (await reader.readline()).startswith(b"x OK"):
        pass
    client[1].write(tag + b" OK logged in\r\n")
    await join(client, upstream, to=(reader, writer))
