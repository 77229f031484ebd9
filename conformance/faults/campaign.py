"""A whole selftest: all trials and controls, side by side in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from conformance.configuration import Profile
from conformance.faults.catalogue import Fault, catalogue
from conformance.faults.controls import CONTROLS, check
from conformance.faults.results import Checked, Status, Trial
from conformance.faults.trial import attempt


def work(faults: Sequence[Fault], controls: Sequence[str], workers: int) -> Iterator[Trial | Checked]:
    """The trial of every fault and every control, as they end. What costs most is begun first."""
    costly_first = sorted(
        faults, key=lambda each: (not each.is_a_program, not each.loopback, each.profile is Profile.QUICK)
    )
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        begun = [*_begin(pool, checked, controls), *_begin(pool, tried, (each.id for each in costly_first))]
        for done in as_completed(begun):
            yield done.result()


def _begin(
    pool: Executor, job: Callable[[str], Trial | Checked], names: Iterable[str]
) -> list[Future[Trial | Checked]]:
    return [pool.submit(job, each) for each in names]


def tried(name: str) -> Trial:
    """The trial of the fault with that id; an error of the suite is told, and ends no other trial."""
    fault, hook = catalogue().faults[name], catalogue().hooks.get(name)
    try:
        trial = attempt(fault, hook)
    except Exception as problem:  # whatever it is, it is a result
        told = f"{type(problem).__name__}: {problem}"
        return Trial(fault=name, about=fault.requirements[0], status=Status.ERROR, detail=told)
    if fault.equivalent and trial.status in (Status.SURVIVED, Status.NOT_APPLIED):
        return trial.model_copy(update={"status": Status.EQUIVALENT, "detail": fault.equivalent})
    return trial


def checked(name: str) -> Checked:
    """What became of the control with that id; an error of the suite is told, and ends nothing else."""
    control = CONTROLS[name]
    try:
        return check(name, control)
    except Exception as problem:  # whatever it is, it is a result
        told = f"{type(problem).__name__}: {problem}"
        return Checked(control=name, sentence=control.sentence, holds=False, observed=told)


def representative(faults: Sequence[Fault]) -> list[Fault]:
    """Of each requirement the first fault that is about it and costs little."""
    chosen: dict[tuple[str, str], Fault] = {}
    for each in faults:
        if each.profile is Profile.QUICK and not each.loopback and not each.is_a_program:
            chosen.setdefault((each.role, each.requirements[0]), each)
    return list(chosen.values())
