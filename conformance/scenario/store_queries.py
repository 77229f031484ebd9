"""Steps that only ask: reading and searching objects, the status of a folder, and what changed since a selection."""

from __future__ import annotations

from collections.abc import Collection

from conformance.imap.data import UidSet, fetch_items, search_data, vanished_data
from conformance.imap.syntax import Token, flags_of, number_of, octets_of
from conformance.imap.wire import Exchange
from conformance.model.equality import Equality
from conformance.model.folders import FolderPath, display
from conformance.scenario.looking import status_of
from conformance.scenario.storage import by_uid
from conformance.scenario.store_blame import of_altered, of_missing
from conformance.scenario.store_hand import Hand, Point
from conformance.scenario.store_hearing import Hearing, where
from conformance.scenario.store_ledger import identity_of
from conformance.scenario.store_looks import Looks
from conformance.scenario.store_objects import ObjectSteps
from conformance.scenario.store_told import judge_uid_next
from conformance.strategies.store_steps import Read, Reading, Resync, Search, Status

_START, _COUNT = 10, 40
_ITEMS: dict[Reading, str] = {
    "whole": "UID BODY[]",
    "peek": "UID BODY.PEEK[]",
    "part": f"UID BODY.PEEK[] BODY.PEEK[]<{_START}.{_COUNT}>",
    "header": "UID BODY.PEEK[] BODY.PEEK[HEADER]",
    "size": "UID BODY.PEEK[] RFC822.SIZE",
}


class QuerySteps:
    """Runs the steps that ask; each tells whether it applied."""

    def __init__(self, hearing: Hearing, looks: Looks, objects: ObjectSteps) -> None:
        self.hearing, self.looks, self.objects = hearing, looks, objects

    def read(self, step: Read, hand: Hand) -> bool:
        r"""Each object answers with its own octets; only BODY[] sets `\Seen` (RFC 3501 6.4.5)."""
        names = self.objects.present(step.path, step.names)
        if not names:
            return False
        self.objects.use(hand, step.path, writing=False)
        uids = self.objects.reach(hand, step.path, names)
        command = "UID FETCH" if step.by == "uid" else "FETCH"
        line = f"{command} {self.objects.numbers(hand, uids, step.by)} ({_ITEMS[step.what]})"
        answer = self.looks.ask(hand, line.encode())
        self.hearing.check("OP04-S13", answer.ok, f"OK: {step}", answer.told, answer.entry)
        found: dict[int, dict[str, Token]] = {}
        for items in map(fetch_items, answer.named("FETCH")):
            if "UID" in items:
                found.setdefault(number_of(items["UID"]), {}).update(items)
        for name, uid in zip(names, uids, strict=False):
            self._judge_read(step, hand, name, found.get(uid, {}), answer)
        if step.what == "whole" and not hand.is_examining and self.hearing.shelf(step.path).keeps("\\Seen"):
            self.hearing.change("read", step.path, hand.number, names, "+FLAGS", frozenset({"\\Seen"}))
            for name, uid in zip(names, uids, strict=False):
                self._confirm(step.path, hand, name, found.get(uid, {}))
        return True

    def _confirm(self, path: FolderPath, hand: Hand, name: str, items: dict[str, Token]) -> None:
        """The answer to a FETCH that sets a flag tells the flags, if they changed."""
        shelf = self.hearing.shelf(path)
        right = shelf.kept(self.hearing.model.folders[path][name].flags)
        if "FLAGS" in items and shelf.kept(flags_of(items["FLAGS"])) == right:
            shelf.records[name].saw_flags(self.hearing.ledger.now, hand.number)

    def _judge_read(self, step: Read, hand: Hand, name: str, items: dict[str, Token], answer: Exchange) -> None:
        place, check, entry = where(hand, step.path), self.hearing.check, answer.entry
        body = items.get("BODY[]")
        what = f"{place}: {_ITEMS[step.what]} of {name}"
        check("OP04-S13", body is not None, what, f"there is no BODY[] for it: {sorted(items)}", entry)
        octets = octets_of(body)
        identity = identity_of(self.hearing.model.folders[step.path][name])
        requirement = of_altered(self.hearing.ledger, step.path, name)
        is_right = Equality.OCTETS.identity(octets) == identity
        check(requirement, is_right, f"{place}: {name} has the octets that were stored", "it has others", entry)
        if step.what == "part":
            part, right = items.get(f"BODY[]<{_START}>"), octets[_START : _START + _COUNT]
            holds = part is not None and octets_of(part) == right
            check("OP04-S10", holds, f"{what}: {right!r} as BODY[]<{_START}>", f"{part!r}", entry)
        elif step.what == "header":
            header, right = items.get("BODY[HEADER]"), octets[: octets.find(b"\r\n\r\n") + 4]
            check(
                "OP04-S11",
                header is not None and octets_of(header) == right,
                f"{what}: {right!r}",
                f"{header!r}",
                entry,
            )
        elif step.what == "size":
            size = items.get("RFC822.SIZE")
            holds = size is not None and number_of(size) == len(octets)
            check("OP04-S9", holds, f"{what}: {len(octets)}", f"{size!r}", entry)

    def search(self, step: Search, hand: Hand) -> bool:
        """A search finds the objects that match, and no other (RFC 3501 6.4.4)."""
        if step.path not in self.hearing.model.folders:
            return False
        self.objects.use(hand, step.path, writing=False)
        shelf = self.hearing.shelf(step.path)
        if step.flag and not shelf.keeps(step.flag):
            return False
        self.looks.news(hand, step.path)
        command = "UID SEARCH" if step.by == "uid" else "SEARCH"
        answer = self.looks.ask(hand, f"{command} {_key(step)}".encode())
        numbers = {number for each in answer.named("SEARCH") for number in search_data(each)}
        found = (
            numbers if step.by == "uid" else {uid for uid in hand.view.uids if hand.view.number(uid or 0) in numbers}
        )
        items = self.hearing.model.folders[step.path]
        wanted = [name for name, item in items.items() if not step.flag or item.has(step.flag) is step.has]
        named = [name for name in items if shelf.records[name].uid in found]
        expected = f"{step}: {', '.join(wanted) or 'none'}"
        observed = f"{answer.told}, {', '.join(named) or 'none'}"
        self.hearing.check(
            self._searched(step, hand, wanted, named), answer.ok and wanted == named, expected, observed, answer.entry
        )
        return True

    def _searched(self, step: Search, hand: Hand, wanted: list[str], named: list[str]) -> str:
        """What a wrong result breaks: by flags, that a change of them is seen (2.3.2); else that an object is there."""
        missing = [name for name in wanted if name not in named]
        if step.flag or not missing:
            return "OP13-S7"
        identity = identity_of(self.hearing.model.folders[step.path][missing[0]])
        return of_missing(self.hearing.ledger, step.path, missing[0], identity, hand.number, marked=False)

    def status(self, step: Status, hand: Hand) -> bool:
        """STATUS tells of a folder what its selection would tell (RFC 3501 6.3.10)."""
        if step.path not in self.hearing.model.folders or hand.active == step.path:
            return False
        answer = hand.ask(b"STATUS " + self.hearing.name(step.path) + b" (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)")
        told, shelf = status_of(answer), self.hearing.shelf(step.path)
        self.looks.judge_removed(hand, answer)
        items = self.hearing.model.folders[step.path]
        wanted = {"MESSAGES": len(items)}
        if (
            shelf.keeps("\\Seen")
            and shelf.has_told_permanent
            and all(each.confirmed for each in shelf.records.values())
        ):
            wanted["UNSEEN"] = sum(not item.has("\\Seen") for item in items.values())
        if shelf.uid_validity is not None:
            wanted["UIDVALIDITY"] = shelf.uid_validity
        wrong = {name: told.get(name) for name, value in wanted.items() if told.get(name) != value}
        if wrong:
            self.looks.anew(hand, step.path, examine=True)
            expected = f"{hand}: STATUS of {display(step.path)} tells {wanted}"
            self.hearing.against("OP02-S16", expected, f"{answer.told}, {told}", answer.entry)
        if "UIDNEXT" in told:
            judge_uid_next(self.hearing, hand, step.path, told["UIDNEXT"], answer.entry)
        return True

    def resync(self, step: Resync, hand: Hand) -> bool:
        """What changed and what vanished since the session's selection is told (RFC 7162)."""
        if step.path not in self.hearing.model.folders:
            return False
        parameters = b" (CONDSTORE)" if hand.offers("CONDSTORE") else b""
        point = self._point(step, hand)
        if point is None:
            self.looks.anew(hand, step.path, parameters)
            return True
        answer = self._select(hand, step, point) if step.how == "select" else self._ask(hand, step, point, parameters)
        if answer is not None and point.uid_validity == self.hearing.shelf(step.path).uid_validity:
            self._judge_changes(step, hand, point, answer)
            self.hearing.saw("resynchronization")
        return True

    def _point(self, step: Resync, hand: Hand) -> Point | None:
        """What the session can resynchronize from, if the server offers what this way needs."""
        point, shelf = hand.points.get(step.path), self.hearing.shelf(step.path)
        if point is None or point.uid_validity != shelf.uid_validity or not hand.offers("CONDSTORE"):
            return None
        return point if step.how == "changes" or self._enable(hand) else None

    def _enable(self, hand: Hand) -> bool:
        """Put QRESYNC in use, which is done while no folder is active."""
        if not hand.is_resynchronizing and hand.offers("QRESYNC"):
            self.looks.left(hand)
            hand.leave()
            hand.is_resynchronizing = hand.is_numbering = hand.ask(b"ENABLE QRESYNC").ok
        return hand.is_resynchronizing

    def _select(self, hand: Hand, step: Resync, point: Point) -> Exchange | None:
        quick = f" (QRESYNC ({point.uid_validity} {point.modseq}))".encode()
        return self.looks.anew(hand, step.path, quick)

    def _ask(self, hand: Hand, step: Resync, point: Point, parameters: bytes) -> Exchange | None:
        if hand.active == step.path:
            self.looks.news(hand, step.path)
        else:
            self.looks.anew(hand, step.path, parameters)
        uids, vanished = "1:*", ""
        if step.how == "vanished":
            # `*` is the highest UID that is there, and those of what vanished may lie above it.
            known = {record.uid or 0 for record in self.hearing.shelf(step.path).records.values()}
            uids, vanished = f"1:{max([1, *known, *point.uids.values()])}", " VANISHED"
        answer = self.looks.ask(hand, f"UID FETCH {uids} (FLAGS) (CHANGEDSINCE {point.modseq}{vanished})".encode())
        hand.is_numbering = True
        self.hearing.check("OP04-S4", answer.ok, f"OK: {step}", answer.told, answer.entry)
        return answer

    def _judge_changes(self, step: Resync, hand: Hand, point: Point, answer: Exchange) -> None:
        shelf, place = self.hearing.shelf(step.path), where(hand, step.path)
        found = by_uid(answer)
        for name, record in shelf.records.items():
            items = found.get(record.uid or 0, {})
            if max(record.came_at, record.changed_at) > point.at:
                right = shelf.kept(self.hearing.model.folders[step.path][name].flags)
                flags = " ".join(sorted(right)) or "no flags"
                expected = f"{place}: {name}, which changed since {point.modseq}, with {flags}"
                holds = "FLAGS" in items and shelf.kept(flags_of(items["FLAGS"])) == right
                self.hearing.check("OP04-S4", holds, expected, f"{items or 'it is not told'}", answer.entry)
            if "MODSEQ" in items:
                modseq = number_of(items["MODSEQ"])
                expected = f"{place}: only what has a mod-sequence above {point.modseq}"
                self.hearing.check("OP04-S4", modseq > point.modseq, expected, f"{name} has {modseq}", answer.entry)
        if step.how != "changes":
            self._judge_vanished(step, hand, point, answer)

    def _judge_vanished(self, step: Resync, hand: Hand, point: Point, answer: Exchange) -> None:
        shelf, place = self.hearing.shelf(step.path), where(hand, step.path)
        sets = [uids for earlier, uids in map(vanished_data, answer.named("VANISHED")) if earlier]
        for name, gone in shelf.gone.items():
            if gone.at > point.at and gone.uid is not None and point.uids.get(name) == gone.uid:
                expected = f"{place}: VANISHED with UID {gone.uid} of {name}, which was removed since {point.modseq}"
                told = any(gone.uid in each for each in sets)
                self.hearing.check("OP04-S15", told, expected, f"VANISHED {_ranges(sets)}", answer.entry)
                self.hearing.saw("vanished")
        for name, record in shelf.records.items():
            told = any(record.uid in each for each in sets)
            expected = f"{place}: VANISHED does not name {name}, UID {record.uid}, which is there"
            self.hearing.check("OP04-S15", not told, expected, f"VANISHED {_ranges(sets)}", answer.entry)


def _key(step: Search) -> str:
    """The search key (RFC 3501 6.4.4)."""
    if not step.flag:
        return "ALL"
    negated = "" if step.has else "UN"
    return f"{negated}{step.flag[1:].upper()}" if step.flag.startswith("\\") else f"{negated}KEYWORD {step.flag}"


def _ranges(sets: Collection[UidSet]) -> str:
    return ",".join(f"{low}:{high}" for each in sets for low, high in each.ranges) or "nothing"
