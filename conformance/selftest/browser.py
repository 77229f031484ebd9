"""A page as a real browser shows it: Chromium without a window, on pages that are served on the loopback interface."""

from __future__ import annotations

import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from playwright.sync_api import Browser, sync_playwright

from conformance.programs import find_program

MEND = "install Chromium, on Debian with `apt-get install chromium`"
SECONDS = 120
NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""No name outside the loopback interface is resolved."""
_UNREAD = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.DOTALL)


def chromium() -> Path:
    """The program. Raises `AdapterProblem` where it is not installed."""
    return find_program("chromium", MEND)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name that the base class gives)
        """Requests are not told."""


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """The address under which the files of a directory are served."""
    handler = partial(_Quiet, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def dom(program: Path, address: str) -> str:
    """The document after its scripts have run, as HTML. Names outside the loopback interface are not resolved."""
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
        done = subprocess.run(
            [
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                f"--user-data-dir={profile}",
                NOWHERE,
                "--virtual-time-budget=10000",
                "--dump-dom",
                address,
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    return done.stdout


def text_of(document: str) -> str:
    """The words that a reader sees, with one space between them."""
    return " ".join(unescape(_UNREAD.sub(" ", document)).split())


@contextmanager
def launched(program: Path) -> Iterator[Browser]:
    """The program with a fresh profile and no way out of this machine, under control until the block ends."""
    quiet = ("--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--disable-component-update", NOWHERE)
    with sync_playwright() as control:
        browser = control.chromium.launch(executable_path=program, chromium_sandbox=False, args=quiet)
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page that is opened from a file, with everything that went wrong on it, and everything that it asked for."""

    def __init__(self, browser: Browser, file: Path, query: str = "", **look: Any) -> None:
        self.context = browser.new_context(**look)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.address = file.as_uri()
        self.page.goto(self.address + query)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
