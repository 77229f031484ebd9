"""Runs a sequence of storage steps on a server by several sessions and holds the server against the model."""

from __future__ import annotations

from conformance.imap.wire import Exchange
from conformance.model.equality import Equality
from conformance.model.folders import FolderPath, display
from conformance.model.states import Flags, Item, normal_flags
from conformance.scenario.judge import Judge
from conformance.scenario.storage import (
    Fetched,
    Selection,
    Storage,
    Tester,
    append_line,
    body_of,
    by_uid,
    plain_flags,
    selection,
)
from conformance.strategies.store_steps import (
    Append,
    Change,
    Create,
    Delete,
    Expunge,
    Refresh,
    Settle,
    Step,
    StoreModel,
)

_LOOK = b"UID FETCH 1:* (UID FLAGS BODY.PEEK[])"


class StoreMachine:
    """One example: a fresh account, its sessions, the model, and the laws that hold at every moment."""

    def __init__(self, storage: Storage, judge: Judge, sessions: int = 2) -> None:
        self.storage, self.judge = storage, judge
        self.model = StoreModel()
        self.testers = [storage.connect() for _ in range(sessions)]
        self._active: dict[Tester, FolderPath] = {}
        self._permanent: dict[FolderPath, frozenset[str] | None] = {}

    def run(self, steps: tuple[Step, ...]) -> list[str]:
        """Run all steps; returns the names of what was exercised."""
        for step in steps:
            self.judge.step(str(step))
            self._do(step)
            self.model.apply(step)
        self.storage.watch.look()
        return [type(step).__name__.lower() for step in steps]

    def _do(self, step: Step) -> None:
        if isinstance(step, Settle):
            self._settle()
            return
        tester = self.testers[step.session]
        if isinstance(step, Create):
            self._expect_ok("OP08-S1", tester.ask(b"CREATE " + self._name(step.path)), str(step))
        elif isinstance(step, Delete):
            self._leave_all()
            self._expect_ok("OP11-S1", tester.ask(b"DELETE " + self._name(step.path)), str(step))
        elif isinstance(step, Append):
            line = append_line(self._name(step.path), sorted(step.item.flags))
            self._expect_ok("OP03-S1", tester.ask(line, step.item.content.octets), str(step))
        elif isinstance(step, Refresh):
            self._refresh(step.session, step.path)
        elif isinstance(step, Change):
            uids = self._uids(tester, step.path, step.names)
            change = f"UID STORE {uids} {step.how} ({' '.join(sorted(step.flags))})"
            self._expect_ok("OP13-S1", tester.ask(change.encode()), str(step))
        elif isinstance(step, Expunge):
            uids = self._uids(tester, step.path, step.names)
            self._expect_ok("OP06-S1", tester.ask(f"UID STORE {uids} +FLAGS (\\Deleted)".encode()), str(step))
            self._expect_ok("OP06-S1", tester.ask(b"EXPUNGE"), str(step))

    def _levels(self, path: FolderPath) -> FolderPath:
        """The path itself, or one name for it where the server has no hierarchy."""
        return path if self.storage.nested else (" ".join(path),)

    def _name(self, path: FolderPath) -> bytes:
        return self.storage.name(*self._levels(path))

    def _expect_ok(self, requirement: str, answer: Exchange, step: str) -> None:
        if not answer.ok:
            observed = f"{answer.status} {answer.text}"
            self.judge.contradicted(requirement, f"OK: {step}", observed, answer.entry)

    def _leave_all(self) -> None:
        """End every selection without removing anything: one that fails ends the one before (RFC 3501 6.3.1)."""
        for tester in self._active:
            tester.ask(b"EXAMINE " + self.storage.name("No such folder"))
        self._active.clear()

    def _select(self, tester: Tester, path: FolderPath) -> dict[int, Fetched]:
        """Select a folder anew, fetch all of it, and judge both together."""
        answer = tester.ask(b"SELECT " + self._name(path))
        if not answer.ok:
            self.judge.contradicted("OP08-S1", f"{display(path)} can be selected", answer.text, answer.entry)
            return {}
        told = selection(answer)
        self._active[tester], self._permanent[path] = path, told.permanent_flags
        look = tester.ask(_LOOK)
        objects = by_uid(look)
        self._judge_selection(path, told, objects, look.entry)
        return objects

    def _judge_selection(self, path: FolderPath, told: Selection, objects: dict[int, Fetched], entry: int) -> None:
        """The numbers are those of what was fetched; what is there has its octets, also where they came out empty."""
        where, highest = display(path), max(objects, default=0)
        if told.exists is not None and told.exists != len(objects):
            observed = f"EXISTS {told.exists}, but {len(objects)} objects are fetched"
            self.judge.contradicted("OP02-S1", f"in {where}, EXISTS is the number of objects", observed, entry)
        if told.uid_next is not None and told.uid_next <= highest:
            observed = f"UIDNEXT {told.uid_next} with UID {highest} there"
            self.judge.contradicted("OP02-S1", f"in {where}, UIDNEXT is above every UID", observed, entry)
        place = (self.storage.wire_name(*self._levels(path)), told.uid_validity)
        for uid, items in objects.items():
            self.storage.watch.laws.immutable(place, uid, "BODY[]", items.get("BODY[]"), entry)

    def _look(self, tester: Tester, path: FolderPath) -> dict[int, Fetched]:
        """What a session sees of a folder: in the one it has active after asking for news, else after selecting it."""
        if self._active.get(tester) != path:
            return self._select(tester, path)
        tester.ask(b"NOOP")
        return by_uid(tester.ask(_LOOK))

    def _refresh(self, session: int, path: FolderPath) -> None:
        """An open session shows additions and flags after NOOP; removals it should be told of (RFC 3501 7)."""
        is_open = self._active.get(self.testers[session]) == path
        objects = self._look(self.testers[session], path)
        items = list(self.model.folders[path].values())
        if is_open:
            kept = {_identity(item) for item in items}
            objects = {uid: found for uid, found in objects.items() if _seen(found) in kept}
        self._compare(session, path, items, objects)

    def _kept(self, path: FolderPath, flags: Flags) -> Flags:
        """The flags that the server says it keeps (RFC 3501 7.1, PERMANENTFLAGS)."""
        permanent = self._permanent.get(path)
        return flags if permanent is None else flags & {flag.lower() for flag in permanent}

    def _uids(self, tester: Tester, path: FolderPath, names: tuple[str, ...]) -> str:
        objects = self._look(tester, path)
        wanted = {_identity(self.model.folders[path][name]) for name in names}
        uids = [uid for uid, items in objects.items() if _seen(items) in wanted]
        return ",".join(map(str, uids)) or "4294967295"

    def _settle(self) -> None:
        for number, tester in enumerate(self.testers):
            listing = tester.listing()
            for path, items in self.model.folders.items():
                if not self.storage.named(listing, *self._levels(path)):
                    observed = f"session {number} does not see it"
                    self.judge.contradicted("OP08-S1", f"folder {display(path)} is listed", observed)
                    continue
                self._compare(number, path, list(items.values()), self._select(tester, path))

    def _compare(self, number: int, path: FolderPath, items: list[Item], objects: dict[int, Fetched]) -> None:
        seen = [(_seen(found), plain_flags(found)) for _, found in sorted(objects.items())]
        wanted = [(_identity(item), self._kept(path, normal_flags(item.flags))) for item in items]
        where = f"session {number} in {display(path)}"
        if [content for content, _ in seen] != [content for content, _ in wanted]:
            lacking = len(wanted) > len(seen)
            requirement = "OP03-S1" if lacking else "OP06-S1"
            expected = f"{where}: {len(wanted)} objects in the order they were stored"
            self.judge.contradicted(requirement, expected, f"{len(seen)} objects, or others, or in another order")
        elif seen != wanted:
            wrong = [
                f"{item.name}: {sorted(flags)} instead of {sorted(right)}"
                for item, (_, flags), (_, right) in zip(items, seen, wanted, strict=True)
                if flags != right
            ]
            self.judge.contradicted("OP13-S1", f"{where}: flags as set", "; ".join(wrong))


def _seen(items: Fetched) -> str:
    return Equality.OCTETS.identity(body_of(items) or b"")


def _identity(item: Item) -> str:
    return Equality.OCTETS.identity(item.content.octets)
