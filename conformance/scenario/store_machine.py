"""Runs a sequence of storage steps on a server by several sessions and holds the server to a model of the store.

What a step needs and is not there is passed over. The first contradiction ends the sequence: the rest would rest on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from conformance.scenario.judge import Judge
from conformance.scenario.storage import Storage
from conformance.scenario.store_folders import FolderSteps
from conformance.scenario.store_hand import Hand
from conformance.scenario.store_hearing import Contradicted, Hearing
from conformance.scenario.store_looks import Looks
from conformance.scenario.store_objects import ObjectSteps
from conformance.scenario.store_queries import QuerySteps
from conformance.strategies.store_steps import (
    Append,
    Change,
    Close,
    Copy,
    Create,
    Delete,
    Expunge,
    Interrupt,
    Listing,
    Look,
    Move,
    Read,
    Reconnect,
    Rename,
    Resync,
    Search,
    Status,
    Step,
)


class StoreMachine:
    """One sequence: a fresh account, its sessions, the model, and the laws that hold at every moment."""

    def __init__(self, storage: Storage, judge: Judge) -> None:
        self.hearing = Hearing(storage, judge)
        self.hearing.model.nested = storage.nested
        self.hands: list[Hand] = []
        self.looks = Looks(self.hearing)
        folders = FolderSteps(self.hearing, self.looks, self.hands)
        objects = ObjectSteps(self.hearing, self.looks)
        queries = QuerySteps(self.hearing, self.looks, objects)
        self._ways: dict[type, Callable[[Any, Hand], bool]] = {
            Create: folders.create,
            Delete: folders.delete,
            Rename: folders.rename,
            Append: objects.append,
            Interrupt: objects.interrupt,
            Copy: objects.copy,
            Move: objects.copy,
            Change: objects.change,
            Expunge: objects.expunge,
            Close: objects.close,
            Read: queries.read,
            Search: queries.search,
            Status: queries.status,
            Resync: queries.resync,
            Look: self._look,
            Listing: self._listing,
            Reconnect: self._reconnect,
        }

    def run(self, steps: Sequence[Step]) -> list[str]:
        """Run all steps, and let all sessions and a new one see everything; returns the names of what was exercised."""
        with suppress(Contradicted):
            for step in steps:
                self.hearing.judge.step(str(step))
                if self._ways[type(step)](step, self._hand(step.session)):
                    self.hearing.saw(type(step).__name__.lower())
            self._settle()
        self.hearing.storage.watch.conclude()
        return self.hearing.exercised

    def _hand(self, number: int) -> Hand:
        while number >= len(self.hands):
            self.hands.append(Hand(self.hearing.storage, len(self.hands)))
        return self.hands[number]

    def _look(self, step: Look, hand: Hand) -> bool:
        if step.path not in self.hearing.model.folders:
            return False
        if step.how == "news":
            self.looks.news(hand, step.path)
        else:
            self.looks.anew(hand, step.path, examine=step.how == "examine")
        return True

    def _listing(self, _: Listing, hand: Hand) -> bool:
        self.looks.listing(hand)
        return True

    def _reconnect(self, step: Reconnect, hand: Hand) -> bool:
        if not hand.is_used:
            return False
        self.looks.left(hand)
        self.hearing.ledger.note(step.how, hand.number)
        if step.how == "logout":
            hand.ask(b"LOGOUT")
        hand.reconnect()
        return True

    def _settle(self) -> None:
        """Open sessions have to see what is new; then all of them, and a new one, select every folder."""
        used = [hand for hand in self.hands if hand.is_used]
        for hand in used:
            if hand.active is not None:
                self.looks.news(hand, hand.active)
        newcomer = self._hand(len(self.hands))
        for hand in (newcomer, *used):
            self.looks.listing(hand)
            for path in list(self.hearing.model.folders):
                self.looks.anew(hand, path, examine=hand is newcomer)
        self.looks.absent(newcomer)
        self.hearing.saw("settle")
