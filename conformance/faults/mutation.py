"""The suite's own mutation test: a judgement that is taken out of a test case has to be noticed by the selftest.

A *place* is a line of a test case from which a requirement is judged. Every fault is tried once to learn from which
places it is contradicted. Then each place is silenced in turn, and a fault is tried again that only this place finds by
some requirement in some test case: unless it is not found there now, the place could be missing and nobody would know.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click

from conformance.cases import registry
from conformance.faults.catalogue import Fault, catalogue
from conformance.faults.trial import attempt
from conformance.scenario.judge import Judge

CASES = str(Path(registry.__file__).parent)
CANDIDATES = 5
"""How many faults are tried again for one place before it counts as unnoticed."""

Place = tuple[str, int]
"""The name of a file of test cases, and a line in it."""
Kill = tuple[str, str, str]
"""A fault, a requirement that contradicts it, and the test case that finds it."""


@dataclass
class Judgements:
    """From which places requirements were judged at all, and from which they were contradicted, by test case."""

    seen: set[Place] = field(default_factory=set)
    contradicted: dict[tuple[str, str], set[Place]] = field(default_factory=lambda: defaultdict(set))


@dataclass(frozen=True)
class Learned:
    """What one trial taught: the places that judged, and those of each kill."""

    seen: frozenset[Place]
    kills: dict[Kill, frozenset[Place]]


@contextmanager
def watching(silenced: Place | None = None) -> Iterator[Judgements]:
    """Every judgement in this process is noted; a place that is silenced contradicts nothing."""
    noted, originals = Judgements(), {name: getattr(Judge, name) for name in ("passed", "contradicted", "recommended")}
    for name, original in originals.items():
        setattr(Judge, name, _noting(original, noted, silenced, is_pass=name == "passed"))
    try:
        yield noted
    finally:
        for name, original in originals.items():
            setattr(Judge, name, original)


def _noting(
    original: Callable[..., None], noted: Judgements, silenced: Place | None, *, is_pass: bool
) -> Callable[..., None]:
    def judged(judge: Judge, *requirements: Any, **more: Any) -> None:
        place = _place()
        if place is not None:
            noted.seen.add(place)
        if place is not None and not is_pass:
            if place == silenced:
                return
            noted.contradicted[judge.transcript, requirements[0]].add(place)
        original(judge, *requirements, **more)

    return judged


def _place() -> Place | None:
    """The innermost line of a test case that is being run."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith(CASES):
            return Path(frame.f_code.co_filename).name, frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
    return None


def learn(name: str) -> Learned:
    """Try a fault, and note from which places it was contradicted."""
    fault, hook = catalogue().faults[name], catalogue().hooks.get(name)
    with watching() as noted:
        trial = attempt(fault, hook)
    kills = {
        (name, kill.requirement, kill.case): frozenset(_places(noted, kill.requirement, kill.case))
        for kill in trial.kills
    }
    return Learned(frozenset(noted.seen), kills)


def _places(noted: Judgements, requirement: str, case: str) -> Iterator[Place]:
    for (transcript, contradicted), places in noted.contradicted.items():
        if contradicted == requirement and _is_of(transcript, case):
            yield from places


def _is_of(transcript: str, case: str) -> bool:
    stem = Path(transcript).stem
    return stem == case or stem.startswith(f"{case}_")


def is_noticed(place: Place, candidates: Sequence[Kill]) -> tuple[Place, Kill | None]:
    """The place, and a kill that is lost with it; None if none is."""
    for kill in candidates:
        name, requirement, case = kill
        fault = replace(catalogue().faults[name], cases=(case,))
        with watching(place):
            trial = attempt(fault, catalogue().hooks.get(name))
        if (requirement, case) not in {(each.requirement, each.case) for each in trial.kills}:
            return place, kill
    return place, None


def mutations(faults: Iterable[Fault], workers: int) -> Iterator[tuple[Place, Kill | None]]:
    """Each place, with a kill that is lost without it."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        seen: set[Place] = set()
        alone: dict[Place, list[Kill]] = defaultdict(list)
        for learned in pool.map(learn, [each.id for each in faults]):
            seen |= learned.seen
            for kill, places in learned.kills.items():
                for place in places if len(places) == 1 else ():
                    alone[place].append(kill)
        ordered = sorted(seen)
        yield from pool.map(is_noticed, ordered, [alone[each][:CANDIDATES] for each in ordered])


@click.command()
@click.option("--select", multiple=True, metavar="ID", help="Only by the faults of this requirement; repeatable.")
@click.option("-n", "workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Parallel processes.")
def main(select: tuple[str, ...], workers: int) -> None:
    """Tell which judgements could be taken out of the test cases without the selftest noticing; exit code 1 if any."""
    faults = [
        each
        for each in catalogue().faults.values()
        if not each.is_a_program and not each.loopback and (not select or set(select) & set(each.requirements))
    ]
    places = list(mutations(faults, workers))
    unnoticed = [place for place, kill in places if kill is None]
    for file, line in unnoticed:
        click.echo(f"conformance/cases/{file}:{line}: no fault is lost with this judgement")
    click.echo(
        f"{len(places) - len(unnoticed)} of {len(places)} judgements are missed by the selftest if they are taken out"
    )
    raise SystemExit(1 if unnoticed or not places else 0)


if __name__ == "__main__":
    main()
