"""What has to be ended in the reverse of the order in which it was started, also where not all of it starts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from types import TracebackType
from typing import Self


class Lifetime(ABC):
    """A context manager of several parts: where one of them does not start, those before it are ended again."""

    _resources: ExitStack

    @abstractmethod
    def _start(self, started: ExitStack) -> None:
        """Start the parts one after the other; `started` is told how each of them ends."""

    def __enter__(self) -> Self:
        with ExitStack() as started:
            self._start(started)
            self._resources = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()
