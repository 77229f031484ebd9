"""Random divergence, conflicts included: the reference client ends where the oracle allows, and is then silent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.model.folders import FolderPath
from conformance.model.objects import message
from conformance.model.policy import Direction, Policy
from conformance.model.states import Item, StoreState
from conformance.reference.server import Behaviour, ReferenceServer
from conformance.scenario.sides import StoreSide
from conformance.selftest.reference_client_pair import INBOX, Pair
from conformance.servers.protocol import StorageServer
from conformance.servers.reference import ReferenceStorageServer

Drawn = tuple[bool, tuple[object, ...]]
PATHS: tuple[FolderPath, ...] = (("A",), ("A", "in"), ("B",), ("Cé",), INBOX)
FLAGS = ("\\Seen", "\\Flagged", "work")

paths = st.sampled_from(PATHS)
additions = st.tuples(st.just("add"), paths, st.integers(0, 5), st.frozensets(st.sampled_from(FLAGS)))
removals = st.tuples(st.just("remove"), st.integers(0, 20))
flaggings = st.tuples(st.just("flag"), st.integers(0, 20), st.sampled_from(FLAGS))
folder_removals = st.tuples(st.just("remove folder"), paths)
folder_additions = st.tuples(st.just("add folder"), paths)
changes = st.lists(
    st.tuples(st.booleans(), st.one_of(additions, removals, flaggings, folder_removals, folder_additions)), max_size=7
)
behaviours = st.sampled_from(
    [
        Behaviour(),
        replace(Behaviour(), extensions=frozenset()),
        Behaviour(delimiter=".", recreate_keeps_uid_validity=True, first_uid=2**31).without("UIDPLUS"),
    ]
)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[Behaviour, StorageServer]]:
    """The servers started so far, by behaviour."""
    started: dict[Behaviour, StorageServer] = {}
    yield started
    for each in started.values():
        each.__exit__(None, None, None)


def change(side: StoreSide, what: tuple[object, ...], name: str, *, distinct: bool) -> None:
    """Make one change if it is possible in this state."""
    held = [(path, each.name) for path, each in side.state.items() if _is_unique(side.state, path, each)]
    match what:
        case ("add", tuple(path), int(content), frozenset(flags)):
            side.put(path, Item(name, message(name if distinct else f"content-{content}"), flags))
        case ("remove", int(index)) if held:
            side.remove(*held[index % len(held)])
        case ("flag", int(index), str(flag)) if held:
            path, chosen = held[index % len(held)]
            found = side.state.get(path, chosen)
            has = found is not None and flag.lower() in {each.lower() for each in found.flags}
            side.set_flags(path, chosen, **{"remove" if has else "add": [flag]})
        case ("remove folder", tuple(path)) if path in side.state.folders and path != INBOX:
            side.remove_folder(path)
        case ("add folder", tuple(path)):
            side.create_folder(path)


def _is_unique(state: StoreState, path: FolderPath, item: Item) -> bool:
    """Of two equal objects nobody can say which one was touched."""
    return sum(each.content == item.content for each in state.folders[path].values()) == 1


def diverge(pair: Pair, drawn: list[Drawn], name: str, *, distinct: bool = False) -> None:
    """Make the drawn changes, each on its side.

    What is put into a folder after that folder was removed has a content of its own: an equal one could be the old
    object under a new UIDVALIDITY, and a removal of it on the other side would then mean either.
    """
    removed: set[tuple[bool, object]] = set()
    for number, (locally, what) in enumerate(drawn):
        anew = any((locally, what[1][:depth]) in removed for depth in (1, 2)) if isinstance(what[1], tuple) else False
        change(pair.local if locally else pair.server, what, f"{name}-{number}", distinct=distinct or anew)
        if what[0] == "remove folder":
            removed.add((locally, what[1]))
    for side in (pair.local, pair.server):
        side.state = aligned(side.state, pair.base, name)


def aligned(state: StoreState, base: StoreState, name: str) -> StoreState:
    """The state with new objects named by content: equal ones that are new on both sides are one to the client."""
    named = StoreState({path: {} for path in state.folders})
    for path, each in state.items():
        new = base.get(path, each.name) is None
        others = [other for other in named.folders[path].values() if base.get(path, other.name) is None]
        count = sum(other.content == each.content for other in others)
        named = named.put(path, replace(each, name=f"{name}: {each.content.digest} {count}") if new else each)
    return named


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(behaviour=behaviours, rounds=st.lists(changes, min_size=2, max_size=3))
def test_any_divergence_converges_as_the_oracle_allows(
    servers: dict[Behaviour, StorageServer], behaviour: Behaviour, rounds: list[list[Drawn]]
) -> None:
    """Rounds of changes on both sides, each followed by one synchronization that the oracle judges."""
    with Pair(_server(servers, behaviour).fresh_account()) as pair:
        pair.agree()
        for number, drawn in enumerate(rounds):
            diverge(pair, drawn, f"round {number}")
            pair.agree()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=changes,
    after=changes,
    direction=st.sampled_from(Direction),
    limit=st.sampled_from([None, len(message("after-1").octets)]),
    scope=st.sampled_from([None, frozenset({("A",)})]),
)
def test_a_policy_is_kept(
    servers: dict[Behaviour, StorageServer],
    before: list[Drawn],
    after: list[Drawn],
    direction: Direction,
    limit: int | None,
    scope: frozenset[FolderPath] | None,
) -> None:
    """Whatever a policy excludes stays where it is and as it is; when the policy is lifted both sides become equal."""
    with Pair(_server(servers, Behaviour()).fresh_account()) as pair:
        diverge(pair, before, "before", distinct=True)
        pair.agree()
        additions_only = [each for each in after if each[1][0] in ("add", "add folder", "flag", "remove")]
        diverge(pair, additions_only, "after", distinct=True)
        pair.follow(Policy(direction=direction, max_size=limit, folders=scope))
        result = pair.run()
        assert result.success, result.detail
        pair.assert_as_expected()
        pair.assert_silent()
        pair.follow(Policy())
        assert pair.run().success
        here, there = pair.client.snapshot(), pair.store.snapshot()
        assert _contents(here.folders) == _contents(there.folders)
        pair.assert_silent()


def _contents(folders: object) -> dict[FolderPath, list[tuple[bytes, list[str]]]]:
    assert isinstance(folders, dict)
    return {
        path: sorted((each.octets, sorted(flag.lower() for flag in each.flags)) for each in objects)
        for path, objects in folders.items()
    }


def _server(servers: dict[Behaviour, StorageServer], behaviour: Behaviour) -> StorageServer:
    if behaviour not in servers:
        servers[behaviour] = ReferenceStorageServer(ReferenceServer(behaviour)).__enter__()
    return servers[behaviour]
