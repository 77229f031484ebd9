"""Steps that change what is in folders: storing, copying, flagging, expunging and closing."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

from conformance.imap.data import UidSet, compact_uids, fetch_items
from conformance.imap.errors import ImapProblem
from conformance.imap.syntax import flags_of, number_of, text_of
from conformance.imap.wire import Exchange
from conformance.model.folders import FolderPath, display
from conformance.model.states import Flags, Item
from conformance.model.stored import DELETED
from conformance.scenario.storage import append_line
from conformance.scenario.store_hand import Hand
from conformance.scenario.store_hearing import Hearing, where
from conformance.scenario.store_looks import Looks
from conformance.scenario.store_told import announce, announce_copies
from conformance.scenario.storing import await_request, begin
from conformance.strategies.store_steps import Append, By, Change, Close, Copy, Expunge, Interrupt, Move


class ObjectSteps:
    """Runs the steps on objects; each tells whether it applied."""

    def __init__(self, hearing: Hearing, looks: Looks) -> None:
        self.hearing, self.looks = hearing, looks

    def present(self, path: FolderPath, names: Collection[str]) -> list[str]:
        """Those of the objects that are there, in their order."""
        return [name for name in self.hearing.model.folders.get(path, ()) if name in names]

    def use(self, hand: Hand, path: FolderPath, *, writing: bool = True) -> None:
        """See to it that a folder is active."""
        if hand.active != path or (writing and hand.is_examining):
            self.looks.anew(hand, path)

    def reach(self, hand: Hand, path: FolderPath, names: Collection[str]) -> list[int]:
        """The UIDs of objects that the session has been told of; it asks for news of those that it has not."""
        for _ in range(2):
            uids = [self.hearing.shelf(path).records[name].uid for name in names]
            known = [uid for uid in uids if uid is not None and uid in hand.view.uids]
            if len(known) == len(names):
                break
            self.looks.news(hand, path)
        return known

    @staticmethod
    def numbers(hand: Hand, uids: Collection[int], by: By) -> str:
        """The objects as a set in IMAP's spelling, by UID or by the numbers that the session was told."""
        numbers = list(uids) if by == "uid" else [hand.view.number(uid) or 0 for uid in uids]
        return compact_uids(numbers)

    def append(self, step: Append, hand: Hand) -> bool:
        """Objects are stored at the end of a folder (RFC 3501 6.3.11, RFC 3502)."""
        model = self.hearing.model
        if step.path not in model.folders:
            return self._append_nowhere(step, hand)
        new = [item for item in step.items if item.name not in model.given[step.path]]
        items = [self._sent(step.path, item) for item in new]
        together = len(items) > 1 and hand.offers("MULTIAPPEND")
        for batch in [items] if together else [[item] for item in items]:
            self._store(step.path, hand, batch)
        self.hearing.saw(*(["several objects"] if len(items) > 1 else []))
        return bool(items)

    def _sent(self, path: FolderPath, item: Item) -> Item:
        """The item with the flags to send: a keyword only where it is known that the folder keeps it."""
        shelf = self.hearing.shelf(path)
        known = shelf.has_told_permanent
        sent = (flag for flag in item.flags if shelf.keeps(flag) and (known or flag.startswith("\\")))
        return replace(item, flags=frozenset(sent))

    def _store(self, path: FolderPath, hand: Hand, items: list[Item]) -> None:
        line = append_line(self.hearing.name(path), sorted(items[0].flags))
        for item in items[1:]:
            line += f" ({' '.join(sorted(item.flags))}) {{}}".encode() if item.flags else b" {}"
        answer = hand.ask(line, *(item.content.octets for item in items))
        names = [item.name for item in items]
        self.looks.require_ok(hand, "OP03-S1", path, f"{hand} stores {', '.join(names)} in {display(path)}", answer)
        self.hearing.model.append(path, items)
        self.hearing.ledger.added("append", path, hand.number, items)
        announce(self.hearing, path, answer, names)
        self.looks.judge_removed(hand, answer)

    def _append_nowhere(self, step: Append, hand: Hand) -> bool:
        """A folder that is not there is not created (RFC 3501 6.3.11)."""
        if self.hearing.is_alike(step.path) or self.hearing.is_bare(step.path):
            return False
        self.looks.judge_absent(hand, step.path)
        name = self.hearing.name(step.path)
        answer = hand.ask(append_line(name), step.items[0].content.octets)
        status = hand.ask(b"STATUS " + name + b" (MESSAGES)")
        expected = f"{step}, which does not exist: NO, and it is not created"
        observed = f"APPEND {answer.told}, then STATUS {status.told}"
        self.hearing.check("OP03-S3", not answer.ok and not status.ok, expected, observed, answer.entry)
        return True

    def interrupt(self, step: Interrupt, hand: Hand) -> bool:
        """The connection ends inside an object: nothing is stored (RFC 3501 6.3.11)."""
        if step.path not in self.hearing.model.folders:
            return False
        items = step.items if hand.offers("MULTIAPPEND") else step.items[-1:]
        octets = [item.content.octets for item in items]
        wire = hand.tester.wire
        with suppress(ImapProblem):
            begin(hand.tester, self.hearing.name(step.path), len(octets[0]))
            for whole, following in pairwise(octets):
                wire.send(whole + b" {%d}\r\n" % len(following))
                await_request(hand.tester)
            wire.send(octets[-1][: step.octets])
        self.hearing.ledger.note("interrupt", hand.number, step.path)
        self.looks.left(hand)
        hand.reconnect()
        self.hearing.ledger.cut_off.setdefault(step.path, []).extend(octets)
        return True

    def copy(self, step: Copy | Move, hand: Hand) -> bool:
        """Objects are copied or moved to the end of a folder; what is refused is passed over (RFC 3501 6.4.7)."""
        is_move, model = isinstance(step, Move), self.hearing.model
        names = self.present(step.path, step.names)
        if not names or step.to not in model.folders or (is_move and step.to == step.path):
            return False
        if is_move and not hand.offers("MOVE"):
            return False
        self.use(hand, step.path, writing=is_move)
        uids = self.reach(hand, step.path, names)
        command = f"{'UID ' if step.by == 'uid' else ''}{'MOVE' if is_move else 'COPY'}"
        line = f"{command} {self.numbers(hand, uids, step.by)} ".encode() + self.hearing.name(step.to)
        answer = hand.ask(line)
        if not answer.ok:
            return False
        copies = model.copies(step.path, names, step.to)
        items = [model.folders[step.path][name] for name in names]
        model.append(step.to, copies)
        self.hearing.ledger.added("move-in" if is_move else "copy", step.to, hand.number, copies)
        announce_copies(self.hearing, step.to, answer, dict(zip(uids, (each.name for each in copies), strict=True)))
        if is_move:
            self._remove("move", step.path, hand, items)
        self.looks.judge_removed(hand, answer)
        return True

    def _remove(self, kind: str, path: FolderPath, hand: Hand, items: Collection[Item]) -> None:
        self.hearing.ledger.removed(kind, path, hand.number, items)
        self.hearing.model.remove(path, [item.name for item in items])

    def change(self, step: Change, hand: Hand) -> bool:
        """Flags of the named objects change, and of no other (RFC 3501 6.4.6)."""
        names = self.present(step.path, step.names)
        if not names:
            return False
        self.use(hand, step.path)
        shelf = self.hearing.shelf(step.path)
        flags = frozenset(flag for flag in step.flags if shelf.keeps(flag))
        if not flags and (step.flags or step.how != "FLAGS"):
            return False
        uids = self.reach(hand, step.path, names)
        if step.unchanged:
            return self._change_unchanged(step, hand, names, flags)
        gone = self._gone(step) if step.by == "uid" else []
        answer = self._ask_change(step, hand, [*uids, *gone], flags)
        self.looks.require_ok(hand, "OP06-S3" if gone else "OP13-S1", step.path, str(step), answer)
        self.hearing.change("store", step.path, hand.number, names, step.how, flags)
        if not step.silent:
            self._judge_echo(step, hand, names, answer)
        self.hearing.saw(*(["change by number"] if step.by == "number" else []))
        self.hearing.saw(*(["change of a removed object"] if gone else []))
        return True

    def _gone(self, step: Change) -> list[int]:
        """The UIDs of named objects that were removed: they are passed over by a UID command (RFC 3501 6.4.8)."""
        gone = self.hearing.shelf(step.path).gone
        return [uid for name in step.names if name in gone and (uid := gone[name].uid) is not None]

    def _ask_change(
        self, step: Change, hand: Hand, uids: Collection[int], flags: Flags, condition: str = ""
    ) -> Exchange:
        command = "UID STORE" if step.by == "uid" else "STORE"
        silent = ".SILENT" if step.silent else ""
        numbers = self.numbers(hand, uids, step.by)
        line = f"{command} {numbers} {condition}{step.how}{silent} ({' '.join(sorted(flags))})"
        return self.looks.ask(hand, line.encode())

    def _judge_echo(self, step: Change, hand: Hand, names: Collection[str], answer: Exchange) -> None:
        """The flags that the answer tells of the named objects are those that they have now."""
        shelf = self.hearing.shelf(step.path)
        told: dict[int, Flags] = {}
        for each in answer.named("FETCH"):
            items, number = fetch_items(each), each.number or 0
            uid = number_of(items["UID"]) if "UID" in items else (hand.view.uids[number - 1 : number] or [None])[0]
            if uid is not None and "FLAGS" in items:
                told[uid] = shelf.kept(flags_of(items["FLAGS"]))
        for name in names:
            right, uid = shelf.kept(self.hearing.model.folders[step.path][name].flags), shelf.records[name].uid
            if uid is not None and told.get(uid) == right:
                shelf.records[name].saw_flags(self.hearing.ledger.now, hand.number)
            elif uid in told:
                self.looks.news(hand, step.path)
                expected = f"{where(hand, step.path)}: the answer tells that {name} has {' '.join(sorted(right))}"
                self.hearing.against("OP04-S2", expected, " ".join(sorted(told[uid])), answer.entry)

    def _change_unchanged(self, step: Change, hand: Hand, names: list[str], flags: Flags) -> bool:
        """Only what has not changed since the session's selection is changed, the rest is named (RFC 7162 3.1.3)."""
        shelf, point = self.hearing.shelf(step.path), hand.points.get(step.path)
        if point is None or not hand.offers("CONDSTORE") or point.uid_validity != shelf.uid_validity:
            return False
        records = {name: shelf.records[name] for name in names}
        changed = [name for name, each in records.items() if max(each.came_at, each.changed_at) > point.at]
        if any(each.named_at > point.at for name, each in records.items() if name not in changed):
            return False  # whether a change that changes nothing counts is the server's choice
        uids = self.reach(hand, step.path, names)
        answer = self._ask_change(step, hand, uids, flags, f"(UNCHANGEDSINCE {point.modseq}) ")
        hand.is_numbering = True
        others = [name for name in names if name not in changed]
        self.hearing.change("store", step.path, hand.number, others, step.how, flags)
        code = answer.code
        is_modified = code is not None and code.name == "MODIFIED" and bool(code.arguments)
        named = UidSet.parse(text_of(code.arguments[0])).expand() if code is not None and is_modified else []
        failed = [uid for uid in uids if shelf.name_of(uid) in changed]
        wanted = failed if step.by == "uid" else [hand.view.number(uid) for uid in failed]
        holds = sorted(named) == wanted and (answer.ok or (answer.status == "NO" and bool(changed)))
        expected = f"{step}: MODIFIED {wanted}, as {', '.join(changed) or 'nothing'} changed since {point.modseq}"
        self.hearing.check("OP13-S3", holds, expected, f"{answer.told}, MODIFIED {named}", answer.entry)
        self.hearing.saw("conditional change")
        return True

    def expunge(self, step: Expunge, hand: Hand) -> bool:
        r"""What is marked `\Deleted`, or what of the named objects is, is gone (RFC 3501 6.4.3, RFC 4315 2.1)."""
        if not self._is_marking(hand, step.path):
            return False
        names = None if step.names is None else self.present(step.path, step.names)
        if names is not None and not (names and hand.offers("UIDPLUS")):
            return False
        items = self.hearing.model.folders[step.path]
        doomed = [name for name in self.hearing.model.marked(step.path) if names is None or name in names]
        line = b"EXPUNGE"
        if names is not None:
            line = f"UID EXPUNGE {compact_uids(self.reach(hand, step.path, names))}".encode()
        uids = {self.hearing.shelf(step.path).records[name].uid for name in doomed}
        beside = [name for name in self.hearing.model.marked(step.path) if name not in doomed]
        answer = hand.ask(line)
        self.looks.require_ok(hand, "OP06-S1", step.path, str(step), answer)
        self._remove("expunge" if names is None else "uid-expunge", step.path, hand, [items[name] for name in doomed])
        self.looks.judge_removed(hand, answer)
        untold = sorted(uid for uid in uids if uid is not None and uid in hand.view.uids)
        expected = f"{where(hand, step.path)}: each removal of {', '.join(doomed)} is told before OK"
        if untold:
            self.looks.anew(hand, step.path)
            self.hearing.against("OP06-S4", expected, f"not that of the UIDs {untold}", answer.entry)
        self.hearing.saw(*(["removal"] if doomed else []), *(["expunge beside others"] if beside else []))
        return True

    def _is_marking(self, hand: Hand, path: FolderPath) -> bool:
        r"""Make a folder active and see to it that everything in it was seen; false where `\Deleted` is not kept."""
        if path not in self.hearing.model.folders:
            return False
        self.use(hand, path)
        shelf = self.hearing.shelf(path)
        if not shelf.keeps(DELETED):
            return False
        self.looks.abreast(hand, path)
        if not all(each.confirmed for each in shelf.records.values()):
            self.looks.news(hand, path)
        return True

    def close(self, step: Close, hand: Hand) -> bool:
        """A folder is left; CLOSE expunges it silently unless it is active for reading only (RFC 3501 6.4.2)."""
        if step.path not in self.hearing.model.folders:
            return False
        if step.examine:
            if hand.active != step.path or not hand.is_examining:
                self.looks.anew(hand, step.path, examine=True)
        elif not self._is_marking(hand, step.path) and step.how == "close":
            return False
        if step.how == "unselect":
            return self._leave(hand)
        self.looks.abreast(hand, step.path)
        answer = hand.ask(b"CLOSE")
        told = [each.name for each in answer.untagged if each.name in ("EXPUNGE", "VANISHED")]
        expected = f"OK without a word of what is removed: {step}"
        observed = f"{answer.told}, {len(told)} removals told"
        self.hearing.check("OP06-S5", answer.ok and not told, expected, observed, answer.entry)
        items = self.hearing.model.folders[step.path]
        marked = self.hearing.model.marked(step.path)
        doomed = [] if step.examine else [items[name] for name in marked]
        self._remove("close-examined" if step.examine else "close", step.path, hand, doomed)
        hand.forget_selection()
        self.hearing.saw(*(["close for reading only"] if step.examine and marked else ["removal"] if doomed else []))
        return True

    def _leave(self, hand: Hand) -> bool:
        self.looks.left(hand)
        if hand.offers("UNSELECT"):
            hand.ask(b"UNSELECT")
            hand.forget_selection()
        else:
            hand.leave()
        return True
