"""The fixtures of the test cases: the judge, the scenario, and hands on the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from conformance.clients.protocol import AdapterCannot, observes_local_storage
from conformance.clients.simulation import SimulatedClient
from conformance.plugin import session_of
from conformance.scenario.convergence import Convergence, converging
from conformance.scenario.cut_points import CutPoints
from conformance.scenario.effort import EFFORTS
from conformance.scenario.exploration import Exploration, one_at_a_time
from conformance.scenario.histories import Histories, ServerHistories
from conformance.scenario.judge import Judge
from conformance.scenario.laboratory import Laboratory
from conformance.scenario.scenario import Scenario
from conformance.scenario.storage import Storage
from conformance.scenario.variations import VARIATIONS
from conformance.spec import requirement

if TYPE_CHECKING:
    from conformance.execution.session import ConformanceSession


@pytest.fixture
def session(request: pytest.FixtureRequest) -> ConformanceSession:
    """The run that this test case belongs to."""
    session = session_of(request.config)
    if session is None:
        pytest.fail("the test cases run as `cpm-conformance run`, or as pytest with an option --cpm-...", pytrace=False)
    session.prepare(request.node)
    return session


@pytest.fixture
def judge(session: ConformanceSession, request: pytest.FixtureRequest) -> Judge:
    """The judge of this test case."""
    return session.judge_of(request.node)


@pytest.fixture
def scenario(session: ConformanceSession, judge: Judge, request: pytest.FixtureRequest) -> Iterator[Scenario]:
    """A fresh account, empty local storage, and the client between them."""
    with Scenario(session.stage, judge, session.transcript_of(request.node)) as scenario:
        yield scenario


@pytest.fixture
def laboratory(session: ConformanceSession, judge: Judge, request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    """Servers of the suite that behave in unusual, legal ways, for the client under test."""
    with ExitStack() as opened:
        yield Laboratory(session.stage, judge, session.transcript_of(request.node), opened)


@pytest.fixture
def storage(session: ConformanceSession, judge: Judge, request: pytest.FixtureRequest) -> Iterator[Storage]:
    """A fresh account on the server under test, and raw connections to it."""
    with Storage(session.stage, judge, session.transcript_of(request.node)) as storage:
        yield storage


@pytest.fixture
def convergence(session: ConformanceSession, judge: Judge, request: pytest.FixtureRequest) -> Iterator[Convergence]:
    """A fresh account on the server under test, and the reference client to synchronize with it."""
    with converging(session.stage, judge, session.transcript_of(request.node)) as convergence:
        yield convergence


@pytest.fixture
def exploration(session: ConformanceSession, judge: Judge, request: pytest.FixtureRequest) -> Exploration:
    """Random exploration with the effort and the seed of this run, whose counterexamples are kept."""
    configuration = session.configuration
    fresh_judge = lambda: Judge(requirement, judge.transcript)  # noqa: E731  (one expression, named for its reader)
    keep = session.keeper_of(request.node)
    effort = EFFORTS[configuration.profile]
    effort = effort if configuration.simplify else replace(effort, shrink=False)
    return Exploration(judge, effort, configuration.seed, fresh_judge, keep)


@pytest.fixture
def histories(
    session: ConformanceSession, exploration: Exploration, fresh_scenario: Callable[[Judge], Scenario]
) -> Histories:
    """Random histories of the client under test."""
    return Histories(exploration, session.stage, fresh_scenario)


def _require_local_storage(session: ConformanceSession) -> None:
    if session.stage.client is not None and not observes_local_storage(session.stage.client):
        raise AdapterCannot("the many examples of a random case are not asked of a tester")


@pytest.fixture
def fresh_scenario(
    session: ConformanceSession, request: pytest.FixtureRequest
) -> Iterator[Callable[[Judge], Scenario]]:
    """A way to open one scenario for each example of a random case, which are too many to ask a tester for."""
    _require_local_storage(session)
    transcript = session.transcript_of(request.node)
    with one_at_a_time(
        lambda judge, opened: opened.enter_context(Scenario(session.stage, judge, transcript))
    ) as open_one:
        yield open_one


@pytest.fixture
def histories_before(
    session: ConformanceSession, exploration: Exploration, request: pytest.FixtureRequest
) -> Iterator[Histories]:
    """Random histories of the client under test before a server of the suite, which the parameter names."""
    behaviour, transcript = VARIATIONS[request.param], session.transcript_of(request.node)
    _require_local_storage(session)

    def open_in(judge: Judge, opened: ExitStack) -> Scenario:
        return Laboratory(session.stage, judge, transcript, opened).open(behaviour)

    with one_at_a_time(open_in) as open_one:
        yield Histories(exploration, session.stage, open_one).times(1 / 4)


@pytest.fixture
def client_histories(
    session: ConformanceSession, exploration: Exploration, request: pytest.FixtureRequest
) -> Iterator[Histories]:
    """Random histories of the reference client that judge the server under test."""
    transcript = session.transcript_of(request.node)
    with SimulatedClient() as client:
        stage = replace(session.stage, client=client, identity=None, overrides={})
        with one_at_a_time(lambda judge, opened: opened.enter_context(Scenario(stage, judge, transcript))) as open_one:
            yield ServerHistories(exploration, stage, open_one)


@pytest.fixture
def cut_points(exploration: Exploration, fresh_scenario: Callable[[Judge], Scenario]) -> CutPoints:
    """Every point at which a synchronization of the client under test can be cut."""
    return CutPoints(exploration, fresh_scenario)


@pytest.fixture
def fresh_storage(session: ConformanceSession, request: pytest.FixtureRequest) -> Iterator[Callable[[Judge], Storage]]:
    """A way to open one account for each example of a random case."""
    transcript = session.transcript_of(request.node)
    with one_at_a_time(
        lambda judge, opened: opened.enter_context(Storage(session.stage, judge, transcript))
    ) as open_one:
        yield open_one
