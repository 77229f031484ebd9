"""How a run comes along: one live line on a terminal, one quiet line for each case that is not green elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from conformance.outcomes import CaseResult, Outcome

_GREEN = (Outcome.PASS, Outcome.NOT_APPLICABLE)
_STYLES = {
    Outcome.FAIL: "bold red",
    Outcome.ERROR: "bold magenta",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.WARN: "cyan",
}
_QUIET_STEP = 25


class _Line:
    """One live line on a terminal; a context manager."""

    def __init__(self, stream: TextIO, total: int | None) -> None:
        self.console = Console(file=stream, highlight=False, soft_wrap=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Bar(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
        self._task = self._bar.add_task("starting", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


class Progress(_Line):
    """Watches a run."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream, None)
        self.done, self.total = 0, 0

    def expect(self, cases: int) -> None:
        """So many test cases will run."""
        if not self.total and not self.console.is_terminal:
            self.console.print(f"{cases} test cases")
        self.total = cases
        self._bar.update(self._task, total=cases)

    def finished(self, result: CaseResult) -> None:
        """A test case has ended."""
        self.done += 1
        self._bar.update(self._task, advance=1, description=result.id[:48])
        if result.outcome not in _GREEN:
            word = Text(f"{result.outcome.value:13}", style=_STYLES.get(result.outcome, ""))
            self.console.print(Text.assemble(word, result.id))
        elif not self.console.is_terminal and self.done % _QUIET_STEP == 0:
            self.console.print(f"{self.done} of {self.total} done")


class Count(_Line):
    """Watches a number of things that are done. What is told of one stays on the screen."""

    def __init__(self, stream: TextIO, total: int) -> None:
        super().__init__(stream, total)
        self._total, self._done = total, 0

    def done(self, name: str, told: str) -> None:
        """One more is done."""
        self._done += 1
        self._bar.update(self._task, advance=1, description=name[:48])
        if told:
            self.console.print(Text(f"{name}: {told}"))
        elif not self.console.is_terminal and self._done % _QUIET_STEP == 0:
            self.console.print(f"{self._done} of {self._total} done")
