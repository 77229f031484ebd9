"""What a synchronization tells about itself: what it moved, and what went wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


class SynchronizationProblem(Exception):
    """What ends a synchronization before it changes anything more."""


@dataclass
class Counters:
    """How much was done, in objects and folders."""

    downloaded: int = 0
    uploaded: int = 0
    removed_locally: int = 0
    removed_on_server: int = 0
    flags_changed_locally: int = 0
    flags_changed_on_server: int = 0
    folders_created_locally: int = 0
    folders_created_on_server: int = 0
    folders_removed_locally: int = 0
    folders_removed_on_server: int = 0
    annotations_changed_locally: int = 0
    annotations_changed_on_server: int = 0

    def __str__(self) -> str:
        done = [f"{name.replace('_', ' ')} {count}" for name, count in asdict(self).items() if count]
        return ", ".join(done) or "nothing to do"


@dataclass
class Report:
    """The result of one synchronization; successful exactly if every step was carried out for everything."""

    counters: Counters = field(default_factory=Counters)
    problems: list[str] = field(default_factory=list)

    @property
    def success(self) -> bool:
        """Whether nothing went wrong."""
        return not self.problems

    def problem(self, what: str) -> None:
        """Note what could not be done; the run goes on with the rest."""
        self.problems.append(what)

    def __str__(self) -> str:
        return "; ".join([str(self.counters), *self.problems])
