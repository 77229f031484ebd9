"""One conformance run inside pytest: opens the stage once, gives every case its judge, gathers the results, reports."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.cases.declaration import Declaration
from conformance.cases.registry import is_selected
from conformance.configuration import Configuration, Roles, adapter_options, read, without_password
from conformance.execution import allure
from conformance.execution.clock import Clock
from conformance.execution.header import Observed, observe, suite_version, unanswered
from conformance.execution.opening import open_stage
from conformance.execution.results import case_result
from conformance.execution.statement import review_statement
from conformance.imap.errors import ConnectionLost
from conformance.imap.transcript import Transcript
from conformance.outcomes import CaseResult, Outcome, Reason
from conformance.problems import Problem
from conformance.report.assembly import masked
from conformance.scenario.exploration import Counterexample
from conformance.scenario.judge import Judge, NotApplicable
from conformance.scenario.keeping import keeper
from conformance.scenario.stage import Stage
from conformance.secrecy import without
from conformance.spec import Role, requirement

RESULT, OBSERVED = "cpm-case-result", "cpm-observed"
VARIATION = "histories_before"
PATIENCE = 2
MOST_TIMEOUTS = 5
_JUDGE = pytest.StashKey[Judge]()
_TRANSCRIPT = pytest.StashKey[Transcript]()
_STARTED = pytest.StashKey[float]()


def configuration_of(config: pytest.Config) -> Configuration:
    """The configuration that pytest's own options spell; see `conformance.plugin`."""

    def given(name: str) -> str | None:
        value = config.getoption(f"--cpm-{name}")
        return None if value is None else str(value)

    overrides: dict[str, Any] = json.loads(given("settings") or "{}")
    overrides |= {name: given(name) for name in ("server", "client", "role", "profile", "output") if given(name)}
    if given("seed"):
        overrides["seed"] = given("seed")
    if config.getoption("--cpm-select"):
        overrides["select"] = tuple(config.getoption("--cpm-select"))
    overrides |= adapter_options(config.getoption("--cpm-option"))
    path = given("config")
    return read(Path(path) if path else None, overrides)


class ConformanceSession:
    """The plugin object that is registered for a run; in a run with workers each process has its own."""

    def __init__(self, configuration: Configuration, *, reports: bool = False, stage: Stage | None = None) -> None:
        self.configuration, self.reports = configuration, reports
        self.results: dict[str, CaseResult] = {}
        self.observed: Observed | None = None
        self.watchers: list[Callable[[CaseResult], None]] = []
        self.problem: Problem | None = None
        self._resources = ExitStack()
        self._observed_told = False
        self._stage = stage
        self._lost_in_a_row = self._timed_out = 0
        self.lost_server: str | None = None
        self.left_behind: Problem | None = None
        self.clock = Clock()
        self._secrets = configuration.secrets()
        self._retelling: allure.Retelling | None = None

    @classmethod
    def from_pytest(cls, config: pytest.Config) -> ConformanceSession:
        """The session of a run that was started as plain pytest, which reports itself, or of one worker."""
        return cls(configuration_of(config), reports=not hasattr(config, "workerinput"))

    def open_stage(self) -> Stage:
        """Start the implementations under test, once. Raises `Problem` if that is not possible."""
        if self._stage is None:
            with ExitStack() as started:
                self._stage = open_stage(self.configuration, started, judges_client=Role.CLIENT in self.judged_roles())
                self._resources = started.pop_all()
        if self.observed is None:
            try:
                self.observed = observe(self._stage, without_password(self.configuration.server))
                review_statement(self.configuration, self.judged_roles(), self.observed.server.capabilities)
            except BaseException:
                self.close_stage()
                raise
        return self._stage

    def close_stage(self) -> None:
        """Stop what was started, and remove what was made; safe to repeat."""
        try:
            self._resources.close()
        except Problem as problem:
            self.left_behind = problem

    def review_first(self) -> None:
        """Before workers start, make sure that nothing contradicts the ICS; they could not stop the run together."""
        if self.configuration.ics is not None:
            self.open_stage()
            self._resources.close()
            self._stage = self.observed = None

    @property
    def stage(self) -> Stage:
        """The implementations under test, started when the first case needs them."""
        return self.open_stage()

    def judged_roles(self) -> frozenset[Role]:
        """The roles whose cases are run: without a client, none of its cases."""
        wanted = {
            Roles.SERVER: {Role.SERVER},
            Roles.CLIENT: {Role.CLIENT},
            Roles.ALL: {Role.SERVER, Role.CLIENT},
        }[self.configuration.role]
        return frozenset(wanted - ({Role.CLIENT} if self.configuration.client == "none" else set()))

    def select(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the test cases of the judged roles, of the selection and of the shard."""
        kept = self._of_shard([item for item in items if self._is_selected(declaration_of(item))])
        dropped = [item for item in items if item not in kept]
        items[:] = kept
        if dropped:
            config.hook.pytest_deselected(items=dropped)

    def _is_selected(self, declaration: Declaration | None) -> bool:
        if declaration is None:
            return True
        if declaration.role not in self.judged_roles():
            return False
        return is_selected(declaration, self.configuration.select)

    def _of_shard(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """The test cases of this shard, or all."""
        if self.configuration.part is None:
            return items
        mine = set(shard_of(map(case_id, items), *self.configuration.part))
        return [item for item in items if case_id(item) in mine]

    def judge_of(self, item: pytest.Item) -> Judge:
        """The judge of a test case."""
        if _JUDGE not in item.stash:
            item.stash[_JUDGE] = Judge(requirement, transcript_path(item))
            item.stash[_TRANSCRIPT] = self.stage.transcript()
        return item.stash[_JUDGE]

    def prepare(self, item: pytest.Item) -> None:
        """Raise `NotApplicable` where a claim that the case needs is not made, `ConnectionLost` without a server."""
        if self.lost_server is not None:
            raise ConnectionLost(self.lost_server)
        declaration = declaration_of(item)
        missing = self.stage.unclaimed(declaration.role, declaration.needs) if declaration else None
        if missing:
            raise NotApplicable(f"the implementation does not claim {missing!r}")

    def transcript_of(self, item: pytest.Item) -> Transcript:
        """The transcript that everything in this test case is recorded in."""
        self.judge_of(item)
        return item.stash[_TRANSCRIPT]

    def keeper_of(self, item: pytest.Item) -> Callable[[Counterexample[object]], str | None]:
        """What keeps the counterexamples of a test case beside the report."""
        declaration = declaration_of(item)
        role = declaration.role if declaration else Role.CLIENT
        parameters = getattr(item, "callspec", None)
        variation = parameters.params.get(VARIATION) if parameters else None
        setting = {"before": variation} if variation else {}
        return keeper(self.configuration, case_id(item), role, suite_version(), setting)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """After a case has run, its findings decide whether pytest counts it as passed."""
        item.stash[_STARTED] = time.perf_counter()
        try:
            result = yield
        finally:
            if _JUDGE in item.stash:
                item.stash[_JUDGE].finish()
        if declaration_of(item):
            self.judge_of(item).conclude()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the result of the case to pytest's own report, in which it also travels from worker to controller."""
        report = yield
        declaration = declaration_of(item)
        problem = call.excinfo.value if call.excinfo else None
        if declaration and (call.when == "call" or (problem is not None and RESULT not in dict(item.user_properties))):
            result = self._waited_enough(self._result(item, declaration, problem, call.duration))
            item.user_properties.append((RESULT, result.model_dump_json()))
            self._watch_the_server(result)
            if allure.is_wanted(item.config):
                self._allure(item.config).tell(result)
            if isinstance(problem, NotApplicable):
                report.outcome, report.longrepr = "skipped", (str(item.path), 0, f"not applicable: {problem}")
            if self.observed is not None and not self._observed_told:
                item.user_properties.append((OBSERVED, self.observed.model_dump_json()))
                self._observed_told = True
            report.user_properties = list(item.user_properties)
        said = report.longreprtext
        told = without(said, self._secrets)
        if told != said:
            report.longrepr = told
        return report

    def _allure(self, config: pytest.Config) -> allure.Retelling:
        if self._retelling is None:
            self._retelling = allure.Retelling(config)
        return self._retelling

    def _waited_enough(self, result: CaseResult) -> CaseResult:
        """After cases enough that ended by a timeout, wait a fifth as long: the whole run stays bounded."""
        self._timed_out += result.reason is Reason.TIMEOUT
        if self._timed_out != MOST_TIMEOUTS or result.reason is not Reason.TIMEOUT:
            return result
        bounds = self.stage.bounds
        shorter = replace(bounds, answer=bounds.answer / 5, synchronize=bounds.synchronize / 5)
        self.stage.bounds = shorter
        told = f"{MOST_TIMEOUTS} test cases timed out: from now on an answer is waited for {shorter.answer:g} s"
        told += f", a synchronization {shorter.synchronize:g} s"
        return result.model_copy(update={"remarks": (*result.remarks, told)})

    def _watch_the_server(self, result: CaseResult) -> None:
        """After cases that lost the connection, look whether the server answers at all: else no other case waits."""
        lost = result.reason in (Reason.CONNECTION, Reason.TIMEOUT)
        self._lost_in_a_row = self._lost_in_a_row + 1 if lost else 0
        if self._lost_in_a_row < PATIENCE or self.lost_server is not None:
            return
        told = unanswered(self.stage)
        if told is not None:
            self.lost_server = f"the server stopped answering at the latest after {result.id}: {told}"

    def _result(
        self, item: pytest.Item, declaration: Declaration, problem: BaseException | None, duration: float
    ) -> CaseResult:
        judge = item.stash.get(_JUDGE, None) or Judge(requirement, "")
        result = case_result(declaration, title_of(item), judge, problem, duration)
        path = self._write_transcript(item)
        result = result.model_copy(update={"id": case_id(item), "transcript": path})
        return masked(result, self._secrets) if self._secrets else result

    def _write_transcript(self, item: pytest.Item) -> str | None:
        transcript = item.stash.get(_TRANSCRIPT, None)
        if transcript is None or not transcript.mark():
            return None
        relative = transcript_path(item)
        path = self.configuration.output / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        transcript.write(path)
        return relative

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather what the cases, here or in a worker, reported."""
        said = dict(report.user_properties)
        if OBSERVED in said and self.observed is None:
            self.observed = Observed.model_validate_json(str(said[OBSERVED]))
        if RESULT in said:
            result = CaseResult.model_validate_json(str(said[RESULT]))
            fresh = result.id not in self.results
            self.results[result.id] = result
            for watcher in self.watchers if fresh else ():
                watcher(result)

    def pytest_sessionfinish(self) -> None:
        """Stop what was started, and report where nobody else does."""
        self.close_stage()
        if self.reports and self.results:
            from conformance.execution.reporting import write_report

            write_report(self, self.clock)


def declaration_of(item: pytest.Item) -> Declaration | None:
    """The declaration of a test case; None for any other pytest item."""
    marker = item.get_closest_marker("case")
    return marker.args[0] if marker else None


def case_id(item: pytest.Item) -> str:
    """The stable id of a test case, with its parameters where it has any."""
    declaration = declaration_of(item)
    parameters = getattr(item, "callspec", None)
    return f"{declaration.id if declaration else item.name}{f'[{parameters.id}]' if parameters else ''}"


def shard_of(ids: Iterable[str], number: int, of: int) -> list[str]:
    """Every `of`-th id from the one with this number on: cases that take as long as one another are spread evenly."""
    return sorted(ids)[number - 1 :: of]


def transcript_path(item: pytest.Item) -> str:
    """Where a case's transcript stands, relative to the report; the name holds ASCII letters, digits, `-` and `_`."""
    return f"transcripts/{re.sub(r'[^A-Za-z0-9_-]+', '_', case_id(item)).strip('_')}.txt"


def title_of(item: pytest.Item) -> str:
    """The one sentence of a test case's docstring."""
    function = getattr(item, "function", None)
    return " ".join((getattr(function, "__doc__", None) or "").split())


def is_green(result: CaseResult) -> bool:
    """Whether a result counts as established or rightly left out."""
    return result.outcome in (Outcome.PASS, Outcome.WARN, Outcome.NOT_APPLICABLE)
