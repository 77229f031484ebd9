"""Holds the numbers that a selection or a code told to what a sequence of storage operations has done."""

from __future__ import annotations

from conformance.imap.data import UidSet
from conformance.imap.syntax import number_of, text_of
from conformance.imap.wire import Exchange
from conformance.model.folders import FolderPath
from conformance.scenario.storage import Selection
from conformance.scenario.store_hand import Hand, Point, Shown
from conformance.scenario.store_hearing import Hearing, where
from conformance.scenario.store_ledger import Announced, Shelf, Told


class Telling:
    """What one session's selection of one folder told, judged before and after its objects are."""

    def __init__(self, hearing: Hearing, hand: Hand, path: FolderPath, told: Selection) -> None:
        self.hearing, self.hand, self.path, self.told = hearing, hand, path, told
        self.shelf = hearing.shelf(path)
        self.entry = told.answer.entry

    def _against(self, requirement: str, expected: str, observed: str) -> None:
        self.hearing.against(requirement, f"{where(self.hand, self.path)}: {expected}", observed, self.entry)

    def begin(self) -> None:
        """Take what the objects are seen by: UIDVALIDITY, and the flags that are kept."""
        if not self.hand.is_examining:
            learn_flags(self.shelf, self.told)
        former = self.shelf.uid_validity
        self._former_uids = {name: record.uid for name, record in self.shelf.records.items()}
        self.shelf.revalidate(self.told.uid_validity)
        self._is_revalidated = None not in (former, self.told.uid_validity) and former != self.told.uid_validity
        self._former_validity = former or 0

    def finish(self, shown: list[Shown]) -> None:
        """The numbers are those of what was shown; they are then kept."""
        self._judge_revalidation()
        self._judge_counts(shown)
        self._judge_uid_next(max((each.uid for each in shown), default=0))
        self._judge_highest_modseq(max((each.modseq or 0 for each in shown), default=0))
        self._keep()

    def _judge_revalidation(self) -> None:
        if not self._is_revalidated:
            return
        records = self.shelf.records
        kept = all(uid in (None, records[name].uid) for name, uid in self._former_uids.items())
        observed = f"UIDVALIDITY {self.told.uid_validity} after {self._former_validity}"
        if not kept and (self.told.uid_validity or 0) < self._former_validity:
            self._against("OP02-S4", "a greater UIDVALIDITY where UIDs do not persist", observed)
        self._against("SYN-803", f"UIDVALIDITY {self._former_validity}, as before", observed)

    def _judge_counts(self, shown: list[Shown]) -> None:
        told, kept = self.told, self.shelf.kept
        if told.exists is not None and told.exists != len(shown):
            self._against("OP02-S1", f"EXISTS {len(shown)}, the number of objects", f"EXISTS {told.exists}")
        unseen = next((number for number, each in enumerate(shown, 1) if "\\seen" not in each.flags), None)
        if told.unseen is not None and self.shelf.keeps("\\Seen") and told.unseen != unseen:
            self._against("OP02-S1", f"UNSEEN {unseen}, the first object without \\Seen", f"UNSEEN {told.unseen}")
        in_use = {flag for each in shown for flag in kept(each.flags) if not flag.startswith("\\")}
        if told.flags is not None and not in_use <= {flag.lower() for flag in told.flags}:
            self._against("OP02-S17", f"FLAGS with {' '.join(sorted(in_use))}", f"FLAGS {' '.join(sorted(told.flags))}")

    def _judge_uid_next(self, highest: int) -> None:
        told, additions = self.told.uid_next, self.shelf.additions
        if told is None:
            return
        if told <= highest:
            self._against("OP02-S1", f"UIDNEXT above UID {highest}, which is there", f"UIDNEXT {told}")
        judge_uid_next(self.hearing, self.hand, self.path, told, self.entry)
        self.shelf.uid_next = Told(told, self.hearing.ledger.now, additions)

    def _judge_highest_modseq(self, highest: int) -> None:
        told, former = self.told.highest_modseq, self.shelf.highest_modseq
        if told is None:
            return
        if told < highest:
            self._against("OP02-S5", f"HIGHESTMODSEQ from {highest} on, which an object has", f"HIGHESTMODSEQ {told}")
        if former is not None:
            moments = {each: max(one.came_at, one.changed_at) for each, one in self.shelf.records.items()}
            changed = [name for name, at in moments.items() if at > former.at]
            if changed and told <= former.value:
                expected = f"HIGHESTMODSEQ above {former.value}, as {', '.join(changed)} changed since"
                self._against("OP02-S5", expected, f"HIGHESTMODSEQ {told}")
        self.shelf.highest_modseq = Told(told, self.hearing.ledger.now, 0)

    def _keep(self) -> None:
        validity, modseq = self.shelf.uid_validity, self.told.highest_modseq
        self.hand.points.pop(self.path, None)
        if validity is not None and modseq is not None:
            uids = {name: record.uid for name, record in self.shelf.records.items() if record.uid is not None}
            point = Point(self.hearing.ledger.now, validity, modseq, uids)
            self.hand.points[self.path] = point


def judge_uid_next(hearing: Hearing, hand: Hand, path: FolderPath, told: int, entry: int) -> None:
    """UIDNEXT changes with additions, and only with them (RFC 3501 2.3.1.1)."""
    shelf = hearing.shelf(path)
    former = shelf.uid_next
    if former is None:
        return
    added = shelf.additions - former.additions
    holds = told >= former.value + added if added else told == former.value
    rule = f"{former.value + added} or more, as {added} objects were added" if added else f"{former.value}, as before"
    hearing.check("OP02-S8", holds, f"{where(hand, path)}: UIDNEXT {rule}", f"UIDNEXT {told}", entry)


def learn_flags(shelf: Shelf, told: Selection) -> None:
    """PERMANENTFLAGS of a selection for reading and writing; without it all are kept (RFC 3501 6.3.1)."""
    permanent = told.permanent_flags
    shelf.permanent = None if permanent is None else frozenset(flag.lower() for flag in permanent)
    shelf.has_told_permanent = True


def announce(hearing: Hearing, path: FolderPath, answer: Exchange, names: list[str]) -> None:
    """Keep the UIDs that APPENDUID told of stored objects, until these are seen (RFC 4315 3)."""
    code = answer.code
    if code is None or code.name != "APPENDUID" or len(code.arguments) < 2:
        return
    uids = UidSet.parse(text_of(code.arguments[1])).expand()
    expected = f"APPENDUID with {len(names)} UIDs, for {', '.join(names)}"
    hearing.check("OP03-S4", len(uids) == len(names), expected, f"UIDs {uids}", answer.entry)
    _keep_announced(hearing, path, answer, number_of(code.arguments[0]), dict(zip(names, uids, strict=True)))


def announce_copies(hearing: Hearing, path: FolderPath, answer: Exchange, copies: dict[int, str]) -> None:
    """Keep the UIDs that COPYUID told, by the UIDs of what was copied, until the copies are seen (RFC 4315 3)."""
    codes = [answer.code, *(each.code for each in answer.untagged)]
    code = next((each for each in codes if each is not None and each.name == "COPYUID"), None)
    if code is None or len(code.arguments) < 3:
        return
    old, new = (UidSet.parse(text_of(each)).expand() for each in code.arguments[1:3])
    holds = sorted(old) == sorted(copies) and len(old) == len(new)
    expected, observed = f"COPYUID of the UIDs {sorted(copies)}", f"COPYUID of {old} to {new}"
    hearing.check("OP03-S4", holds, expected, observed, answer.entry)
    named = {copies[uid]: copy for uid, copy in zip(old, new, strict=True)}
    _keep_announced(hearing, path, answer, number_of(code.arguments[0]), named, "COPYUID")


def _keep_announced(
    hearing: Hearing, path: FolderPath, answer: Exchange, validity: int, uids: dict[str, int], code: str = "APPENDUID"
) -> None:
    announced = hearing.shelf(path).announced
    announced.update((name, Announced(validity, uid, code, answer.entry)) for name, uid in uids.items())
