"""The triggers of 5.5.2.20 paragraph 2 as a client has them: each tells when a synchronization is due.

A trigger is told when one begins, and what happens from that moment on makes it due again: so nothing that happens
during a synchronization is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from conformance.imap.errors import ImapProblem
from conformance.imap.syntax import Response
from conformance.reference.client.listening import Listener
from conformance.reference.client.storage import NoSuchFolder, Storage

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


class Trigger(Protocol):
    """One reason to synchronize."""

    def is_due(self) -> bool:
        """Whether it asks for a synchronization now."""
        ...

    def begin(self) -> None:
        """A synchronization begins, for whatever reason."""
        ...


class Timer:
    """Due so many seconds after the last synchronization began."""

    def __init__(self, period: float) -> None:
        self.period = period
        self.begin()

    def is_due(self) -> bool:
        return time.monotonic() >= self._at

    def begin(self) -> None:
        self._at = time.monotonic() + self.period


class Pause:
    """Due some time after a synchronization that failed, and later each time that it fails again."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._length = _FIRST_PAUSE

    def is_due(self) -> bool:
        return self._at is not None and time.monotonic() >= self._at

    def begin(self) -> None:
        self._at = None

    def end(self, *, success: bool) -> None:
        """The synchronization has ended."""
        self._at = None if success else time.monotonic() + self._length
        self._length = _FIRST_PAUSE if success else min(2 * self._length, _LONGEST_PAUSE)


class LocalChanges:
    """Due when local storage is not as it was before the last synchronization; its own changes are looked at once."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._seen: object = None

    def is_due(self) -> bool:
        return self.content() != self._seen

    def begin(self) -> None:
        self._seen = self.content()

    def content(self) -> object:
        """Folders, objects and flags; unlike anything else while folders come and go."""
        try:
            found = {path: self._storage.objects(path) for path in self._storage.folders()}
        except (NoSuchFolder, OSError):
            return object()
        return {path: {handle: each.flags for handle, each in objects.items()} for path, objects in found.items()}


class Notifications:
    """Due when the server has told of a change, and whenever listening begins: what was before it was not heard.

    `listen` opens a listener, or gives None while there is nothing to listen to. `report` is told what went wrong.
    """

    def __init__(self, listen: Callable[[], Listener | None], report: Callable[[str], None]) -> None:
        self._listen, self._report = listen, report
        self._listener: Listener | None = None
        self._again = 0.0
        self._heard = True

    def is_due(self) -> bool:
        try:
            self._look()
        except (ImapProblem, OSError) as error:
            self._report(f"listening for notifications: {type(error).__name__}: {error}")
            self._drop()
        return self._heard

    def _look(self) -> None:
        if self._listener is not None and self._listener.is_worn_out:
            self.close()
        if self._listener is not None:
            for each in self._listener.news():
                self.hear(each)
        elif time.monotonic() >= self._again:
            self._again = time.monotonic() + _FIRST_PAUSE
            self._listener = self._listen()
            self._heard |= self._listener is not None

    def hear(self, _: Response) -> None:
        """Take a notice for what it is: a reason to synchronize."""
        self._heard = True

    def begin(self) -> None:
        self._heard = False

    def _drop(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.abort()

    def interrupt(self) -> None:
        """From another thread: break the connection off."""
        if self._listener is not None:
            self._listener.interrupt()

    def close(self) -> None:
        """Listen no more."""
        if self._listener is not None:
            with suppress(ImapProblem, OSError):
                self._listener.close()
        self._drop()
