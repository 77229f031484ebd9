"""Steps on folders: creating, removing and renaming them, and what of it has to be refused."""

from __future__ import annotations

from collections.abc import Collection

from conformance.model.folders import FolderPath
from conformance.scenario.store_hand import Hand
from conformance.scenario.store_hearing import Hearing
from conformance.scenario.store_looks import Looks
from conformance.strategies.store_steps import Create, Delete, Rename


class FolderSteps:
    """Runs the steps on folders; each tells whether it applied."""

    def __init__(self, hearing: Hearing, looks: Looks, hands: list[Hand]) -> None:
        self.hearing, self.looks, self.hands = hearing, looks, hands

    def create(self, step: Create, hand: Hand) -> bool:
        """A new folder is created; one that exists is refused (RFC 3501 6.3.3)."""
        model, line = self.hearing.model, b"CREATE " + self.hearing.name(step.path)
        if step.path in model.folders:
            answer = hand.ask(line)
            self.hearing.ledger.note("create-refused", hand.number, step.path)
            if answer.ok:
                self.looks.anew(hand, step.path)
                self.hearing.against("OP08-S3", f"{step}, which exists: NO", answer.told, answer.entry)
            return True
        if not model.has_superiors(step.path):
            return False
        is_alike = self.hearing.is_alike(step.path)
        answer = hand.ask(line)
        if is_alike and not answer.ok:
            return False
        if not answer.ok:
            self.looks.judge_absent(hand, step.path)
            self.hearing.against("OP08-S1", f"OK: {step}", answer.told, answer.entry)
        self.hearing.saw(*(["recreate"] if step.path in self.hearing.ledger.former else []))
        model.create(step.path)
        self.hearing.ledger.created(step.path, hand.number)
        return True

    def delete(self, step: Delete, hand: Hand) -> bool:
        """A folder is removed, and no other; one that does not exist is refused (RFC 3501 6.3.4)."""
        model, line = self.hearing.model, b"DELETE " + self.hearing.name(step.path)
        if step.path not in model.folders:
            if self.hearing.is_alike(step.path) or self.hearing.is_bare(step.path):
                return False
            self.looks.judge_absent(hand, step.path)
            answer = hand.ask(line)
            expected = f"{step}, which does not exist: NO"
            self.hearing.check("OP11-S5", not answer.ok, expected, answer.told, answer.entry)
            return True
        self._leave({step.path})
        answer = hand.ask(line)
        if not answer.ok and model.inferiors(step.path):
            return False
        self.looks.require_ok(hand, "OP11-S1", step.path, str(step), answer)
        self.hearing.saw(*(["delete of a superior"] if model.inferiors(step.path) else []))
        self.hearing.ledger.deleted(step.path, hand.number, model.folders[step.path].values())
        model.delete(step.path)
        return True

    def rename(self, step: Rename, hand: Hand) -> bool:
        """A folder, and what is below it, has another name, and nothing else is changed (RFC 3501 6.3.5)."""
        model = self.hearing.model
        if not model.may_rename(step.path, step.to) or self.hearing.is_alike(step.to):
            return False
        paths = model.renamed(step.path, step.to)
        self._leave({*paths, *paths.values()})
        line = b"RENAME " + self.hearing.name(step.path) + b" " + self.hearing.name(step.to)
        answer = hand.ask(line)
        self.looks.require_ok(hand, "OP09-S3", step.path, str(step), answer)
        model.rename(step.path, step.to)
        self.hearing.ledger.renamed(paths, hand.number)
        self.hearing.saw(*(["rename of a superior"] if len(paths) > 1 else []))
        return True

    def _leave(self, paths: Collection[FolderPath]) -> None:
        """No session keeps a folder active that is removed or renamed: what it would see then is not said."""
        for hand in self.hands:
            if hand.active in paths:
                self.looks.left(hand)
                hand.leave()
            for path in paths:
                hand.points.pop(path, None)
