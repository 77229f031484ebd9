"""What a client can know of its active folder from the wire: the UID behind each sequence number, and its flags."""

from __future__ import annotations

from conformance.imap.data import UidSet, fetch_items, vanished_data
from conformance.imap.results import canonical_flags
from conformance.imap.syntax import Response, number_of

_MOST, _WIDE = 1_000_000, 10_000


class FolderView:
    """Follows the untagged responses of one selected folder (RFC 3501 7.3 and 7.4, RFC 7162 3.2.10)."""

    def __init__(self, folder: str | None = None, *, read_only: bool = False) -> None:
        self.folder, self.read_only = folder, read_only
        self.uids: list[int | None] = []
        self.flags: dict[int, frozenset[str]] = {}

    def follow(self, response: Response) -> list[int]:
        """Take one untagged response in; returns the UIDs it says are gone (0 for one never learnt)."""
        number = response.number or 0
        if response.name == "EXISTS" and number <= _MOST:
            self.uids += [None] * (number - len(self.uids))
        elif response.name == "FETCH":
            self._learn(number, response)
        elif response.name == "EXPUNGE" and number > 0:
            return [self._drop(number - 1)] if number <= len(self.uids) else [0]
        elif response.name == "VANISHED":
            earlier, gone = vanished_data(response)
            return [] if earlier else self._vanish(gone)
        return []

    def _learn(self, number: int, response: Response) -> None:
        items = fetch_items(response)
        if "UID" in items and 0 < number <= _MOST:
            self.uids += [None] * (number - len(self.uids))
            self.uids[number - 1] = number_of(items["UID"])
        uid = self.uid(number)
        if uid and "FLAGS" in items:
            self.flags[uid] = canonical_flags(items["FLAGS"])

    def _drop(self, index: int) -> int:
        uid = self.uids.pop(index) or 0
        self.flags.pop(uid, None)
        return uid

    def _vanish(self, gone: UidSet) -> list[int]:
        known = [uid for uid in self.uids if uid in gone]
        self.uids = [uid for uid in self.uids if uid not in gone]
        for uid in known:
            self.flags.pop(uid or 0, None)
        try:
            return gone.expand(_MOST)
        except ValueError:
            return [uid for uid in known if uid]

    def uid(self, number: int) -> int | None:
        """The UID of a sequence number, None when it was never told."""
        return self.uids[number - 1] if 0 < number <= len(self.uids) else None

    def resolve(self, text: str, *, uid: bool) -> tuple[int, ...]:
        """The UIDs that a set of UIDs or of sequence numbers means here; a wide UID set only as far as they are known.

        Sequence numbers whose UID was never told are left out. Raises `SyntaxProblem` for what is no set.
        """
        if not uid:
            chosen = UidSet.parse(text, max(1, len(self.uids)))
            return tuple(known for number, known in enumerate(self.uids, 1) if known and number in chosen)
        chosen = UidSet.parse(text, max((known for known in self.uids if known), default=1))
        if "*" not in text and sum(high - low for low, high in chosen.ranges) < _WIDE:
            return tuple(chosen.expand())
        return tuple(known for known in self.uids if known and known in chosen)

    @property
    def deleted(self) -> tuple[int, ...]:
        r"""The UIDs known to carry `\Deleted`."""
        return tuple(sorted(uid for uid, flags in self.flags.items() if r"\Deleted" in flags))
