"""All trials of a selftest, side by side in several processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from conformance.faults.catalogue import Fault, catalogue
from conformance.faults.trial import Status, Trial, attempt


def trials(faults: Sequence[Fault], workers: int) -> Iterator[Trial]:
    """Every fault's trial, as they end. What costs most is begun first."""
    costly_first = sorted(
        faults, key=lambda each: (not each.is_a_program, not each.loopback, each.profile.value != "ci")
    )
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: dict[Future[Trial], Fault] = {pool.submit(tried, each.id): each for each in costly_first}
        for done in as_completed(waiting):
            yield done.result()


def tried(name: str) -> Trial:
    """The trial of the fault with that id; an error of the suite is told, and ends no other trial."""
    fault, hook = catalogue().faults[name], catalogue().hooks.get(name)
    try:
        return attempt(fault, hook)
    except Exception as problem:  # whatever it is, it is a result
        return Trial(fault=name, status=Status.ERROR, detail=f"{type(problem).__name__}: {problem}")
