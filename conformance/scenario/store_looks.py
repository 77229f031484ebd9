"""How the sessions of a sequence of storage operations look: at a folder anew, at news in it, and at the list."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.imap.data import ListData, list_data
from conformance.imap.names import quote
from conformance.imap.wire import Exchange
from conformance.model.folders import FolderPath, display
from conformance.scenario.notices import listen
from conformance.scenario.store_blame import of_folder
from conformance.scenario.store_compare import Comparison
from conformance.scenario.store_hand import Hand, Shown, shown_in
from conformance.scenario.store_hearing import Hearing, where
from conformance.scenario.store_told import Telling, learn_flags

_AGAIN = 3
_BETWEEN_QUESTIONS = 0.02  # seconds that news may take, each time that it was asked for and did not come


class Looks:
    """The looks of all sessions of one sequence."""

    def __init__(self, hearing: Hearing) -> None:
        self.hearing = hearing

    def ask(self, hand: Hand, line: bytes) -> Exchange:
        """A command in the active folder; it may tell that objects were removed, but of none that is there."""
        answer = hand.ask(line)
        self.judge_removed(hand, answer)
        return answer

    def judge_removed(self, hand: Hand, answer: Exchange) -> None:
        """Whatever was told to be removed is."""
        if hand.active is None:
            return
        shelf = self.hearing.shelf(hand.active)
        for uid in hand.view.take_removed():
            name = None if uid is None else shelf.name_of(uid)
            if name is not None:
                expected = f"{where(hand, hand.active)}: removals are told of what was removed"
                self.anew(hand, hand.active)
                self.hearing.against("OP06-S4", expected, f"{name}, UID {uid}, is told to be removed", answer.entry)
            self.hearing.saw("told of a removal")

    def require_ok(self, hand: Hand, requirement: str, path: FolderPath, expected: str, answer: Exchange) -> None:
        """A command that should be done was; if not, whether its folder is as it should be is looked at first."""
        if not answer.ok:
            self.anew(hand, path)
            self.hearing.against(requirement, f"OK: {expected}", answer.told, answer.entry)

    def anew(self, hand: Hand, path: FolderPath, parameters: bytes = b"", *, examine: bool = False) -> Exchange | None:
        """Select a folder, fetch all of it, and judge both: a selection shows the true state. Returns its answer."""
        shelf, name = self.hearing.shelf(path), self.hearing.name(path)
        self.left(hand)
        if examine and not shelf.has_told_permanent:
            learn_flags(shelf, hand.select(path, name))
            self.left(hand)
        told = hand.select(path, name, parameters, examine=examine)
        is_lost = told.answer.status == "BYE"
        if is_lost:
            told = hand.select(path, name, examine=examine)
        if not told.answer.ok:
            expected = f"{hand} can select folder {display(path)}"
            self.hearing.against(of_folder(self.hearing.ledger, path), expected, told.answer.told, told.answer.entry)
            return None
        self.hearing.ledger.note("examine" if examine else "select", hand.number, path)
        telling = Telling(self.hearing, hand, path, told)
        telling.begin()
        answer, shown = self._fetch(hand, path)
        Comparison(self.hearing, hand, path, answer.entry, anew=True).judge(shown)
        telling.finish(shown)
        hand.abreast_at = self.hearing.ledger.now
        return None if is_lost else told.answer

    def left(self, hand: Hand) -> None:
        """The session is about to leave its active folder, which expunges nothing (RFC 3501 6.4.2)."""
        if hand.active is not None and not hand.is_examining:
            self.hearing.ledger.note("left", hand.number, hand.active)

    def _fetch(self, hand: Hand, path: FolderPath) -> tuple[Exchange, list[Shown]]:
        items = b"UID FLAGS MODSEQ BODY.PEEK[]" if hand.is_numbering and hand.has_modseqs else b"UID FLAGS BODY.PEEK[]"
        answer = self.ask(hand, b"UID FETCH 1:* (" + items + b")")
        stale = set(hand.view.uids) & self.hearing.shelf(path).gone_uids()
        if not answer.ok and not stale:
            expected = f"{where(hand, path)}: UID FETCH 1:* is OK"
            self.hearing.against("OP04-S3", expected, answer.told, answer.entry)
        return answer, shown_in(answer)

    def news(self, hand: Hand, path: FolderPath) -> None:
        """Ask for news of a folder that is active, fetch all of it, and judge; else select it.

        Additions have to be told and flags to be shown; removals should be told (RFC 3501 5.2, 7).
        """
        if hand.active != path:
            self.anew(hand, path)
            return
        others = self._others(hand, path)
        answer = self._ask_for_news(hand, path)
        if hand.active != path:
            self.anew(hand, path)
            return
        self._judge_size(hand, path, answer)
        answer, shown = self._fetch(hand, path)
        if answer.ok:
            Comparison(self.hearing, hand, path, answer.entry, anew=False).judge(shown)
        if answer.ok and "removal" not in others:
            self._judge_fetched(hand, path, shown, answer)
        self._judge_untold(hand, path, answer)
        hand.abreast_at = self.hearing.ledger.now
        self.hearing.saw(*(f"open session sees another's {kind}" for kind in others))

    def _others(self, hand: Hand, path: FolderPath) -> set[str]:
        """What other sessions did in a folder that this one has not looked at since."""
        kinds = {"append": "object", "copy": "object", "move-in": "object", "store": "flags", "read": "flags"}
        kinds |= dict.fromkeys(("expunge", "uid-expunge", "close", "move"), "removal")
        events = self.hearing.ledger.since(hand.abreast_at, *kinds)
        return {kinds[each.kind] for each in events if each.path == path and each.session != hand.number and each.names}

    def _ask_for_news(self, hand: Hand, path: FolderPath) -> Exchange:
        answer = self.ask(hand, b"NOOP")
        for _ in range(_AGAIN):
            if hand.active != path or self._is_abreast(hand, path):
                break
            listen(hand.tester, _BETWEEN_QUESTIONS)
            answer = self.ask(hand, b"NOOP")
        return answer

    def _is_abreast(self, hand: Hand, path: FolderPath) -> bool:
        return len(hand.view.uids) == len(self.hearing.shelf(path).records)

    def _stale(self, hand: Hand, path: FolderPath) -> set[int]:
        """The UIDs that the session still counts, though their objects were removed."""
        return {uid for uid in hand.view.uids if uid is not None} & self.hearing.shelf(path).gone_uids()

    def _judge_size(self, hand: Hand, path: FolderPath, answer: Exchange) -> None:
        size, there = len(hand.view.uids), len(self.hearing.shelf(path).records)
        expected = there + len(self._stale(hand, path))
        if size < expected:
            statement = f"{where(hand, path)}: NOOP tells EXISTS {expected}, as objects were added"
            self.anew(hand, path)
            self.hearing.against("OP02-S11", statement, f"the last size told is {size}", answer.entry)

    def _judge_fetched(self, hand: Hand, path: FolderPath, shown: list[Shown], answer: Exchange) -> None:
        size = len(hand.view.uids)
        if not self._stale(hand, path) and len(shown) != size:
            statement = f"{where(hand, path)}: the size told is that of the folder, {len(shown)}"
            self.hearing.against("OP02-S11", statement, f"the last size told is {size}", answer.entry)

    def _judge_untold(self, hand: Hand, path: FolderPath, answer: Exchange) -> None:
        stale = self._stale(hand, path)
        if stale:
            expected = f"{where(hand, path)}: NOOP tells what others removed"
            self.hearing.recommended("OP06-S7", expected, f"not that of the UIDs {sorted(stale)}", answer.entry)

    def abreast(self, hand: Hand, path: FolderPath) -> None:
        """See to it that the session knows what others did in its active folder."""
        if hand.active == path and self._others(hand, path):
            self.news(hand, path)

    def listing(self, hand: Hand) -> None:
        """The list names every folder that is there and none that was removed; what others did, it should show."""
        storage = self.hearing.storage
        listed = self._listed(hand, storage.pattern("*"))
        for path, shelf in self.hearing.ledger.shelves.items():
            levels = self.hearing.levels(path)
            is_listed = _selectable(storage.named(listed, *levels))
            # A server may hide a name from wildcards (RFC 3501 6.3.8).
            if not is_listed and not _selectable(
                storage.named(self._listed(hand, storage.wire_name(*levels)), *levels)
            ):
                requirement = "OP09-S3" if shelf.renamed else "OP08-S1"
                self._listed_wrongly(hand, requirement, path, shelf.maker, "it is not listed")
        for path, (session, kind) in self.hearing.ledger.absent.items():
            if not self.hearing.is_alike(path) and _selectable(storage.named(listed, *self.hearing.levels(path))):
                requirement = "OP09-S3" if kind == "rename" else "OP11-S1"
                self._listed_wrongly(hand, requirement, path, session, "it is listed")

    def _listed(self, hand: Hand, pattern: bytes) -> list[ListData]:
        answer = self.ask(hand, b'LIST "" ' + quote(pattern))
        return [list_data(each) for each in answer.named("LIST")]

    def _listed_wrongly(self, hand: Hand, requirement: str, path: FolderPath, maker: int, observed: str) -> None:
        """No sentence speaks of what another session lists: there it is a warning."""
        is_there = path in self.hearing.model.folders
        expected = f"{hand}: folder {display(path)} is {'' if is_there else 'not '}listed"
        entry = hand.tester.wire.last_entry
        if maker == hand.number:
            self.hearing.against(requirement, expected, observed, entry)
        self.hearing.recommended("OP09-S3", expected, observed, entry)

    def absent(self, hand: Hand) -> None:
        """What was removed or renamed cannot be selected by its name."""
        for path in self.hearing.ledger.absent:
            self.judge_absent(hand, path)

    def judge_absent(self, hand: Hand, path: FolderPath) -> None:
        """The same of one name."""
        if path not in self.hearing.ledger.absent or self.hearing.is_alike(path):
            return
        self.left(hand)
        answer = hand.ask(b"EXAMINE " + self.hearing.name(path))
        hand.forget_selection()
        is_renamed = self.hearing.ledger.absent[path][1] == "rename"
        requirement, what = ("OP09-S3", "renamed") if is_renamed else ("OP11-S1", "removed")
        expected = f"{hand} cannot examine folder {display(path)}, which was {what}"
        self.hearing.check(requirement, not answer.ok, expected, answer.told, answer.entry)


def _selectable(listed: Iterable[ListData]) -> bool:
    return any(not each.attributes & {"\\noselect", "\\nonexistent"} for each in listed)
