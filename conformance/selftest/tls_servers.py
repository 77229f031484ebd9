"""TLS before any server of the tests: a certificate authority made on the spot, IMAPS and STARTTLS on loopback."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import trustme

from conformance.imap.endpoint import Endpoint

CHUNK = 64 * 1024
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Authority:
    """A private certificate authority with its certificate in a file."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._made = directory, trustme.CA()
        self.file = self._file("authority.pem", self._made.cert_pem)

    def _file(self, name: str, *blobs: trustme.Blob) -> Path:
        path = self._directory / name
        path.write_bytes(b"".join(each.bytes() for each in blobs))
        path.chmod(0o600)
        return path

    def issue(self, name: str, **changes: Any) -> trustme.LeafCert:
        """A certificate for a host name or address, with its key."""
        return self._made.issue_cert(name, **changes)

    def server(self, name: str = "127.0.0.1", *, wants_certificate: bool = False, **changes: Any) -> ssl.SSLContext:
        """The context of a server that bears this name, and trusts this authority's certificates for clients."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.issue(name, **changes).configure_cert(context)
        if wants_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
        return context

    def client_files(self, name: str = "alice") -> tuple[Path, Path]:
        """The files of a client's certificate and of its key."""
        made = self.issue(name, common_name=name)
        return self._file("client.pem", *made.cert_chain_pems), self._file("client.key", made.private_key_pem)


@contextmanager
def listening(serve: Callable[[Streams], Awaitable[None]], host: str, tls: ssl.SSLContext | None) -> Iterator[int]:
    """An asyncio server in a thread of its own; gives its port."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    ports: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve((reader, writer))
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(handle, host, 0, ssl=tls)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()

    def run() -> None:
        loop.set_exception_handler(lambda *_: None)
        task = loop.create_task(main())
        loop.run_forever()
        for each in asyncio.all_tasks(loop):
            each.cancel()
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    if not ready.wait(5):
        raise RuntimeError("the server did not listen within 5 s")
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while octets := await reader.read(CHUNK):
        writer.write(octets)
        await writer.drain()


async def join(client: Streams, upstream: Endpoint, *, greeted: bool = False, to: Streams | None = None) -> None:
    """Carry what both sides send until one ends; `greeted` keeps the server's greeting from a client that had one."""
    reader, writer = to or await asyncio.open_connection(upstream.host, upstream.port)
    if greeted:
        await reader.readline()
    pumps = [asyncio.create_task(_pump(client[0], writer)), asyncio.create_task(_pump(reader, client[1]))]
    await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    for each in pumps:
        each.cancel()
    writer.close()


@contextmanager
def imaps(upstream: Endpoint, tls: ssl.SSLContext, host: str = "127.0.0.1") -> Iterator[int]:
    """TLS from the first octet before a server without; gives the port."""
    with listening(lambda client: join(client, upstream), host, tls) as port:
        yield port


@contextmanager
def starttls(upstream: Endpoint, tls: ssl.SSLContext, injected: bytes = b"") -> Iterator[int]:
    """STARTTLS before a server without; gives the port. `injected` comes in the clear with the answer to it."""

    async def serve(client: Streams) -> None:
        reader, writer = client
        writer.write(b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n")
        while line := await reader.readline():
            tag, _, command = line.strip().partition(b" ")
            if command.upper() == b"STARTTLS":
                writer.write(tag + b" OK begin\r\n" + injected)
                break
            writer.write(b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n" + tag + b" OK done\r\n")
        await writer.start_tls(tls)
        await join(client, upstream, greeted=True)

    with listening(serve, "127.0.0.1", None) as port:
        yield port
