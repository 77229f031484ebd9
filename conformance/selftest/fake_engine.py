"""A container engine that runs nothing: it answers on a Unix socket what a test says, and keeps what it was asked."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

VERSION = {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10.24", "Components": []}
CONTAINER = {
    "Id": "c0ffee",
    "Name": "/one",
    "State": {"Status": "running", "ExitCode": 0},
    "Config": {"Labels": {}, "Tty": False},
}
_ANSWERS: Mapping[str, tuple[int, Any]] = {
    "GET /version": (200, VERSION),
    "GET /_ping": (200, "OK"),
    "GET /containers/json": (200, []),
    "GET /images/[^ ]+/json": (200, {"Id": "sha256:0", "RepoTags": []}),
    "POST /containers/create": (201, {"Id": "c0ffee", "Warnings": []}),
    "GET /containers/c0ffee/json": (200, CONTAINER),
    "PUT /containers/c0ffee/archive": (200, ""),
    "POST /containers/c0ffee/start": (204, ""),
    "GET /containers/c0ffee/logs": (200, ""),
    "DELETE /containers/c0ffee": (204, ""),
}


@dataclass
class FakeEngine:
    """Where it listens, its answers beyond a good engine's, and each request with its JSON body, oldest first."""

    url: str
    answers: Mapping[str, tuple[int, Any]]
    requests: list[tuple[str, Any]] = field(default_factory=list)

    def asked(self, request: str) -> list[Any]:
        """The bodies of the requests that begin like this."""
        return [body for each, body in self.requests if each.startswith(request)]

    def answer(self, request: str) -> tuple[int, Any]:
        """Status and content for a method and path without the API's version."""
        known = {**_ANSWERS, **self.answers}
        found = [told for pattern, told in known.items() if re.fullmatch(pattern, request)]
        return found[-1] if found else (404, {"message": f"no such thing: {request}"})


@contextmanager
def fake_engine(place: Path, answers: Mapping[str, tuple[int, Any]] | None = None) -> Iterator[FakeEngine]:
    """An engine in a directory, as long as the block runs; `answers` are statuses and contents by request pattern."""
    engine = FakeEngine(f"unix://{place}/engine", answers or {})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.client_address = ("engine", 0)
            super().handle_one_request()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = re.sub(r"^/v[\d.]+(?=/)", "", self.path).partition("?")[0]
            is_json = "json" in self.headers.get("Content-Type", "")
            engine.requests.append((f"{self.command} {path}", json.loads(body) if is_json and body else None))
            status, content = engine.answer(f"{self.command} {path}")
            said = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing is written anywhere."""

    with ThreadingUnixStreamServer(f"{place}/engine", Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield engine
        server.shutdown()
