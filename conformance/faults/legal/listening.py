"""Clients that run by themselves, and listen to the server otherwise, or not at all."""

from __future__ import annotations

import time

from conformance.imap.names import encode_name, quote
from conformance.reference.client.background import Background
from conformance.reference.client.client import Client
from conformance.reference.client.listening import Listener
from conformance.reference.client.triggers import LocalChanges, Notifications, Trigger


class Deaf(Background):
    """Listens to nothing, whatever the server notifies of."""

    def _listen(self, client: Client) -> Listener | None:
        del client
        return None


class _Hears(Notifications):
    """Hears notices and lets them be."""

    def is_due(self) -> bool:
        super().is_due()
        return False


class IgnoresNotices(Background):
    """Waits in IDLE and does nothing about what it hears."""

    def notifications(self, client: Client) -> Notifications:
        return _Hears(lambda: self._listen(client), self._problem)


class _Asking(Listener):
    """Asks by NOOP every second, although IDLE is offered."""

    def begin(self, folder: str) -> None:
        self._wire.command(b"EXAMINE " + quote(encode_name(folder))).require_ok("EXAMINE")
        self._until = time.monotonic()


class Polls(Background):
    """Polls with NOOP instead of waiting in IDLE."""

    def _listen(self, client: Client) -> Listener | None:
        names = {path: each.name for path, each in client.base.folders().items()}
        name = min(names.values(), default=None) if self.root else "INBOX"
        return _Asking.open(self.endpoint, self.credentials, name, 5.0) if name else None


class _Settled(LocalChanges):
    """Due only when nothing was changed for half a second."""

    _last: object = None
    _since = 0.0

    def is_due(self) -> bool:
        content = self.content()
        if content != self._last:
            self._last, self._since = content, time.monotonic()
        return super().is_due() and time.monotonic() - self._since >= 0.5


class WaitsForQuiet(Background):
    """Waits until its user has made no change for half a second."""

    def local_changes(self, client: Client) -> Trigger:
        return _Settled(client.storage)
