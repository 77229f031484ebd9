"""Holds what a session is shown of a folder to the model: objects, their order, their flags, and their numbers."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from conformance.model.equality import Equality
from conformance.model.folders import FolderPath
from conformance.model.states import Item, normal_flags
from conformance.scenario.store_blame import Wrong, of_altered, of_extra, of_flags, of_missing
from conformance.scenario.store_hand import Hand, Shown
from conformance.scenario.store_hearing import Hearing, where
from conformance.scenario.store_ledger import Record, identity_of

Pairs = list[tuple[str, Shown]]


class Comparison:
    """One look of one session at one folder; `anew` tells that the folder was just selected, so as it is."""

    def __init__(self, hearing: Hearing, hand: Hand, path: FolderPath, entry: int, *, anew: bool) -> None:
        self.hearing, self.hand, self.path, self.entry, self.anew = hearing, hand, path, entry, anew
        self.shelf = hearing.shelf(path)

    @property
    def items(self) -> dict[str, Item]:
        """What should be there."""
        return self.hearing.model.folders[self.path]

    def judge(self, shown: list[Shown]) -> None:
        """Hold everything to the model, and keep what was confirmed."""
        if not self.anew:
            shown = [each for each in shown if not self._is_stale(each)]
        self._arrange(shown)
        pairs = self._pairs(shown)
        self._judge_objects(shown, pairs)
        self._judge_uids(pairs)
        for name, each in pairs:
            self._judge_flags(name, each)
            self._judge_modseq(name, each)
            self._confirm(self.shelf.records[name])

    def _against(self, requirement: str, expected: str, observed: str) -> None:
        self.hearing.against(requirement, f"{where(self.hand, self.path)}: {expected}", observed, self.entry)

    def _is_stale(self, shown: Shown) -> bool:
        """Whether it is an object that was removed, which an open session may still be shown (RFC 2180 4.1)."""
        gone = [each for each in self.shelf.gone.values() if each.uid == shown.uid]
        return any(not shown.octets or each.identity == _identity(shown) for each in gone)

    def _arrange(self, shown: list[Shown]) -> None:
        """Copies made by one command may come in any order: take the order they have."""
        records, names = self.shelf.records, list(self.items)
        if len(names) != len(shown):
            return
        arranged: list[str] = []
        for (came_at, new), group in groupby(names, key=lambda name: _batch(records[name])):
            batch = list(group)
            if new and came_at:
                here = [_identity(each) for each in shown[len(arranged) : len(arranged) + len(batch)]]
                batch = self._in_order(batch, here)
            arranged += batch
        self.hearing.model.folders[self.path] = {name: self.items[name] for name in arranged}

    def _in_order(self, batch: list[str], identities: list[str]) -> list[str]:
        known = {name: identity_of(self.items[name]) for name in batch}
        if Counter(known.values()) != Counter(identities):
            return batch
        ordered: list[str] = []
        for identity in identities:
            ordered.append(next(name for name in batch if name not in ordered and known[name] == identity))
        return ordered

    def _pairs(self, shown: list[Shown]) -> Pairs:
        """Which object is shown where: by its UID where that is known, else by its octets, in order."""
        records = self.shelf.records
        by_uid = {each.uid: each for each in shown}
        pairs = {name: by_uid[uid] for name in self.items if (uid := records[name].uid) in by_uid and uid is not None}
        taken = {each.uid for each in pairs.values()}
        left = [each for each in shown if each.uid not in taken]
        for name, item in self.items.items():
            if name not in pairs:
                found = next((each for each in left if _identity(each) == identity_of(item)), None)
                if found is not None:
                    left.remove(found)
                    pairs[name] = found
        return [(name, pairs[name]) for name in self.items if name in pairs]

    def _judge_objects(self, shown: list[Shown], pairs: Pairs) -> None:
        ledger, paired = self.hearing.ledger, dict(pairs)
        uids = {each.uid for each in paired.values()}
        extra = [each for each in shown if each.uid not in uids]
        missing = [name for name in self.items if name not in paired]
        altered = [name for name, each in pairs if _identity(each) != identity_of(self.items[name])]
        if not altered and len(missing) == len(extra) == 1 and not self.shelf.records[missing[0]].there_at >= 0:
            altered = missing
        if altered:
            requirement = of_altered(ledger, self.path, altered[0])
            self._against(requirement, f"{altered[0]} has the octets that were stored", "it has others")
        if missing:
            self._judge_missing(missing[0], len(shown))
        if extra:
            requirement, what = of_extra(ledger, self.path, _identity(extra[0]), extra[0].octets, extra[0].uid)
            count = f"{len(self.items)} objects: {', '.join(self.items) or 'none'}"
            self._against(requirement, count, f"{len(shown)} objects; UID {extra[0].uid} is {what}")
        if [each.uid for _, each in pairs] != [each.uid for each in shown]:
            self._against("OP03-S1", f"the order {', '.join(self.items)}, each stored at the end", "another order")

    def _judge_missing(self, name: str, count: int) -> None:
        marked = self.items[name].has("\\Deleted")
        identity = identity_of(self.items[name])
        requirement = of_missing(self.hearing.ledger, self.path, name, identity, self.hand.number, marked=marked)
        expected = f"{len(self.items)} objects: {', '.join(self.items)}"
        self._against(requirement, expected, f"{count} objects; {name} is not there")

    def _judge_uids(self, pairs: Pairs) -> None:
        for name, each in pairs:
            record = self.shelf.records[name]
            if record.uid is not None and record.uid != each.uid:
                requirement = "OP02-S9" if not self.anew else "OP02-S4"
                expected = f"{name} keeps UID {record.uid} while UIDVALIDITY is {self.shelf.uid_validity}"
                self._against(requirement, expected, f"UID {each.uid}")
        new = [(name, each.uid) for name, each in pairs if self.shelf.records[name].uid is None]
        for name, uid in new:
            self._judge_new_uid(name, uid)
            self.shelf.records[name].uid = uid
            self._judge_announced(name, uid)
        self._keep_used([each.uid for _, each in pairs])

    def _judge_new_uid(self, name: str, uid: int) -> None:
        ledger, validity, told = self.hearing.ledger, self.shelf.uid_validity, self.shelf.uid_next
        used = 0 if validity is None else ledger.used.get((self.path, validity), 0)
        if self.path in ledger.renamed_paths:
            self._judge_after_rename(name, uid)
        elif uid <= used:
            is_again = self.path in ledger.former and not self.shelf.has_shown_uids
            expected = f"{name} has a UID above {used}, the highest used under UIDVALIDITY {validity}"
            self._against("OP08-S4" if is_again else "OP02-S4", expected, f"UID {uid}")
        elif told is not None and uid < told.value and self.shelf.records[name].came_at > told.at:
            self._against("OP03-S5", f"{name} has a UID from {told.value} on, the UIDNEXT told before", f"UID {uid}")
        if validity is not None:
            ledger.named[self.path, validity, uid] = name

    def _judge_after_rename(self, name: str, uid: int) -> None:
        """RENAME is no operation that 5.5.2.20 cites, and RFC 3501 6.3.5 says nothing of identifiers: a warning."""
        validity = self.shelf.uid_validity
        once = name if validity is None else self.hearing.ledger.named.get((self.path, validity, uid), name)
        if once != name:
            expected = f"{where(self.hand, self.path)}: a UID names one object forever, also after RENAME"
            observed = f"UIDVALIDITY {validity}: UID {uid} is {name}, and once was {once}"
            self.hearing.recommended("OP02-S4", expected, observed, self.entry)

    def _keep_used(self, uids: list[int]) -> None:
        validity = self.shelf.uid_validity
        if validity is not None and uids:
            key = self.path, validity
            self.hearing.ledger.used[key] = max([*uids, self.hearing.ledger.used.get(key, 0)])
            self.shelf.has_shown_uids = True

    def _judge_announced(self, name: str, uid: int) -> None:
        told = self.shelf.announced.pop(name, None)
        if told is None or self.shelf.uid_validity is None:
            return
        expected = f"{told.code} told UIDVALIDITY {told.uid_validity} and UID {told.uid} of {name}"
        observed = f"UIDVALIDITY {self.shelf.uid_validity} and UID {uid}"
        holds = (told.uid_validity, told.uid) == (self.shelf.uid_validity, uid)
        self.hearing.check("OP03-S4", holds, f"{where(self.hand, self.path)}: {expected}", observed, told.entry)

    def _judge_flags(self, name: str, each: Shown) -> None:
        item, kept = self.items[name], self.shelf.kept
        right, seen = kept(item.flags), kept(each.flags)
        if seen == right:
            return
        wrong, ledger = Wrong(seen, right - seen, seen - right), self.hearing.ledger
        given = normal_flags(item.flags)
        requirement, mild = of_flags(ledger, self.path, name, wrong, self.hand.number, given=given)
        expected = f"{where(self.hand, self.path)}: {name} has {_shown(right)}"
        if not mild:
            self.hearing.against(requirement, expected, _shown(seen), self.entry)
        self.hearing.recommended(requirement, expected, _shown(seen), self.entry)
        self.items[name] = item.changed(seen - right, right - seen)

    def _judge_modseq(self, name: str, each: Shown) -> None:
        record, highest = self.shelf.records[name], self.shelf.highest_modseq
        if each.modseq is None:
            return
        if record.changed_at > record.modseq_at >= 0 and each.modseq <= record.modseq:
            expected = f"the mod-sequence of {name}, whose flags have changed, is above {record.modseq}"
            self._against("OP13-S3", expected, f"{each.modseq}")
        if highest is not None and record.changed_at > highest.at and each.modseq <= highest.value:
            expected = f"the mod-sequence of {name}, changed since, is above the HIGHESTMODSEQ {highest.value} before"
            self._against("OP13-S3", expected, f"{each.modseq}")
        record.modseq, record.modseq_at = each.modseq, self.hearing.ledger.now

    def _confirm(self, record: Record) -> None:
        record.there_at, record.there_by = self.hearing.ledger.now, self.hand.number
        record.saw_flags(self.hearing.ledger.now, self.hand.number)


def _batch(record: Record) -> tuple[int, bool]:
    """What is alike for objects that came by one COPY and were not seen yet."""
    return record.came_at, record.there_at < 0 and record.came in ("copy", "move-in")


def _identity(shown: Shown) -> str:
    return Equality.OCTETS.identity(shown.octets)


def _shown(flags: frozenset[str]) -> str:
    return " ".join(sorted(flags)) or "no flags"
