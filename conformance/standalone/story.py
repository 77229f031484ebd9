"""One run of the history on a fresh folder and empty local storage, up to its end or to what is not as it has to be."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from conformance.standalone.hands import Hands, Path, Seen, told_path
from conformance.standalone.imap import Location, Refused
from conformance.standalone.judging import SIDES, WHERE, Comparison, Difference, Lens, Witness
from conformance.standalone.program import Program, Silence
from conformance.standalone.relay import Interruption, Relay
from conformance.standalone.wording import CouldNotRun

PATIENCE = 2.0
"""Seconds after which a client that waits for a silent server is ended."""
IDLE_SECONDS = 10.0
"""How long a client may keep connections after a synchronization."""
INBOX: Path = ("INBOX",)


class Fault(NamedTuple):
    """What is not as it has to be, and after which step."""

    step: str
    differences: tuple[Difference, ...]


class Story:
    """The base, then every step; each tells itself through `say` as it is done."""

    def __init__(
        self,
        data: dict[str, Any],
        location: Location,
        hands: Hands,
        relay: Relay,
        program: Program,
        say: Callable[[str], None],
        seconds: float,
    ) -> None:
        self._data, self._location, self._hands, self._relay = data, location, hands, relay
        self._program, self._say, self._seconds = program, say, seconds
        self._contents = {key: octets_of(told) for key, told in data["contents"].items()}
        self._permanent: dict[Path, frozenset[str] | None] = {}
        self._unreached: list[str] = []
        self._renewed = False

    def run(self) -> Fault | None:
        """Run it; None if everything was as it has to be. Raises `CouldNotRun`."""
        self._program.start()
        self._lens = Lens(self._program.introduction)
        self._reset()
        for number, step in enumerate(self._data["steps"]):
            self._say(f"{number}. {step['told']}")
            differences = self._do(step)
            if differences:
                return Fault(step["told"], tuple(differences))
        if self._unreached:
            text = f"everything was as it has to be, but the client never came to {' or '.join(self._unreached)}"
            mend = "let the server offer what the one offered before which it failed; see the first lines above"
            raise CouldNotRun(text, mend)
        return None

    def _do(self, step: dict[str, Any]) -> list[Difference]:
        what = step["do"]
        if what == "synchronize":
            return self._interrupted(step) if "interruption" in step else self._settle(step, further=True)
        if what == "base":
            self._fill(step)
            return self._settle(step, further=False)
        if what == "follow policy":
            self._program.ask("set_policy", **step["policy"])
        elif what == "replace device":
            self._reset()
        elif what == "renew UIDVALIDITY":
            self._renewed = True
            self._on_server(step, lambda: self._hands.renew_uid_validity(tuple(step["folder"])))
        else:
            self._edit(step)
        return []

    def _reset(self) -> None:
        location = self._location
        self._program.reset(self._relay.port, location.user, location.password, self._hands.root)

    # Edits

    def _fill(self, step: dict[str, Any]) -> None:
        self._on_server(step, lambda: self._fill_folders(step["folders"]))

    def _fill_folders(self, folders: Iterable[dict[str, Any]]) -> None:
        for folder in folders:
            path = tuple(folder["folder"])
            self._hands.create_folder(path)
            for each in folder["objects"]:
                self._put(self._hands, path, each)

    def _put(self, store: Hands | Program, path: Path, each: dict[str, Any]) -> None:
        store.put(path, self._contents[each["content"]], each["flags"])

    def _on_server(self, step: dict[str, Any], act: Callable[[], None]) -> None:
        try:
            act()
        except Refused as refusal:
            text = f"the server refuses what was to be done there ({step['told']}): {refusal}"
            raise CouldNotRun(text, "take an account that may do this") from None

    def _edit(self, step: dict[str, Any]) -> None:
        path, target = tuple(step["folder"]), tuple(step.get("to", ()))
        if step["side"] == "server":
            self._on_server(step, lambda: self._edit_on(self._hands, step, path, target))
        else:
            self._edit_on(self._program, step, path, target)

    def _edit_on(self, store: Hands | Program, step: dict[str, Any], path: Path, target: Path) -> None:
        what = step["do"]
        if what == "add object":
            self._put(store, path, step)
        elif what == "remove object":
            store.remove(path, self._handle(store, step, path))
        elif what == "change flag":
            store.change_flag(path, self._handle(store, step, path), step["flag"], step["on"])
        elif what == "move object" and isinstance(store, Hands):
            store.move(path, self._handle(store, step, path), target)
        elif what == "move object":
            self._put(store, target, step)
            store.remove(path, self._handle(store, step, path))
        elif what == "create folder":
            store.create_folder(path)
        elif what == "remove folder":
            store.remove_folder(path)
        else:
            store.rename_folder(path, target)

    def _handle(self, store: Hands | Program, step: dict[str, Any], path: Path) -> str:
        found = self._lens.find(store.snapshot().get(path, []), self._contents[step["content"]], step["flags"])
        if found is None:
            text = f"{step['object']} is not in {told_path(path)}, {WHERE[step['side']]}, so this cannot be done"
            raise CouldNotRun(f"{text}: {step['told']}", "see the steps before; the history took another course here")
        return found.handle

    # Synchronizations

    def _synchronize(self) -> bool:
        """One synchronization, which has to end; whether the client tells success."""
        try:
            return self._attempt(self._seconds)
        except Silence:
            text = f"the client did not end its synchronization within {self._seconds:g} s"
            raise CouldNotRun(text, "--seconds N waits longer") from None

    def _attempt(self, seconds: float) -> bool:
        try:
            success, detail = self._program.synchronize(seconds)
        except Silence:
            self._relay.wait_idle(IDLE_SECONDS)
            raise
        self._relay.wait_idle(IDLE_SECONDS)
        self._say(f"   the client tells {'success' if success else 'a failure'}{': ' if detail else ''}{detail}")
        return success

    def _look(self) -> dict[str, Seen]:
        return {"local": self._in_scope(self._program.snapshot()), "server": self._hands.snapshot()}

    def _in_scope(self, seen: Seen) -> Seen:
        """Without an empty INBOX, which a client may show although no history speaks of it."""
        return {path: objects for path, objects in seen.items() if path != INBOX or objects}

    def _compared(self, check: dict[str, Any], seen: dict[str, Seen]) -> list[Difference]:
        comparison = Comparison(check, self._contents, self._lens)
        return [each for each in comparison.differences(seen) if not each.flag or self._is_kept(each)]

    def _is_kept(self, difference: Difference) -> bool:
        """Whether the server keeps the flag at all (RFC 3501 7.1, PERMANENTFLAGS)."""
        path, flag = difference.path, difference.flag
        if path not in self._permanent:
            try:
                self._permanent[path] = self._hands.permanent_flags(path)
            except Refused:
                return True
        permanent = self._permanent[path]
        return permanent is None or flag in permanent or ("\\*" in permanent and not flag.startswith("\\"))

    def _settle(self, step: dict[str, Any], *, further: bool) -> list[Difference]:
        """A synchronization that nothing interrupts; a client may need a second one until both sides agree."""
        self._require_prepared(step)
        before = self._look() if self._renewed else None
        differences: list[Difference] = []
        for _ in range(self._data["runs"]):
            success = self._synchronize()
            seen = self._look()
            differences = self._compared(step["expect"], seen)
            if not differences:
                break
        if differences and before is not None and not success and self._same(before, seen):
            text = f"{differences[0]}, but a client may refuse to synchronize the folder anew, and it told a failure"
            raise CouldNotRun(text, "nothing was shown; take a client that does")
        self._renewed = False
        return differences or (self._further() if further else [])

    def _require_prepared(self, step: dict[str, Any]) -> None:
        """Both sides hold what was put there, before the client acts, so that it is blamed for its own doing only."""
        if step["prepared"] is None:
            return
        wrong = self._compared(step["prepared"], self._look())
        if wrong:
            mend = "the adapter has to show in `snapshot` what was put, and the server has to keep what was stored"
            raise CouldNotRun(f"what was prepared is not there: {wrong[0]}", mend)

    def _same(self, one: dict[str, Seen], other: dict[str, Seen]) -> bool:
        return all(self._lens.same(one[side], other[side]) for side in SIDES)

    def _further(self) -> list[Difference]:
        """One more synchronization changes nothing."""
        self._say("   one more synchronization, which has nothing to do")
        before, marks = self._look(), dict(self._hands.marks)
        self._relay.changes.clear()
        self._synchronize()
        after, expected = self._look(), "a further synchronization changes nothing"
        if self._relay.changes:
            return [Difference(expected, f"the client asked for {'; '.join(self._relay.changes)}")]
        if _numbered(before["server"]) != _numbered(after["server"]) or marks != self._hands.marks:
            return [Difference(expected, "the server does not hold the same objects and flags as before it")]
        if not self._lens.same(before["local"], after["local"]):
            return [Difference(expected, "local storage does not hold the same objects and flags as before it")]
        return []

    # Interruptions

    def _interrupted(self, step: dict[str, Any]) -> list[Difference]:
        told, change = step["interruption"], _Meanwhile(self, step["interruption"]["edits"])
        interruption = Interruption(told, change, self._program.give_sign)
        self._relay.interruption = interruption
        try:
            self._run_into(told["act"])
        finally:
            self._relay.interruption = None
        if not interruption.happened:
            change()
            self._unreached.append(told["place"]["told"])
            return change.or_raise([])
        return change.or_raise(self._after(step["witness"]))

    def _run_into(self, act: str) -> None:
        if act == "kill":
            running = self._program.synchronize_and_kill(self._seconds)
            self._say(f"   the client {'was killed' if running else 'ended before it could be killed'}")
            self._relay.wait_idle(IDLE_SECONDS)
            return
        seconds = PATIENCE if act == "stall" else self._seconds
        try:
            self._attempt(seconds)
        except Silence:
            self._say(f"   the client was ended, as it had not ended within {seconds:g} s")

    def _after(self, expected: dict[str, Any] | None) -> list[Difference]:
        """At no moment local storage shows what nobody stored, or anything is lost that nobody removed."""
        if expected is None:
            return []
        witness, seen = Witness(expected, self._contents, self._lens.identity), self._look()
        return [*witness.strangers(seen["local"]), *witness.lost(seen)]


class _Meanwhile:
    """The edits of another client during the run; why they could not be made is told when the run is over."""

    def __init__(self, story: Story, edits: Iterable[dict[str, Any]]) -> None:
        self._story, self._edits = story, edits
        self._problem: CouldNotRun | None = None

    def __call__(self) -> None:
        try:
            for edit in self._edits:
                self._story._edit(edit)
        except CouldNotRun as problem:
            self._problem = problem

    def or_raise(self, found: list[Difference]) -> list[Difference]:
        """What was found; if that is nothing, the problem there was, if any."""
        if self._problem and not found:
            raise self._problem
        return found


def octets_of(told: dict[str, str]) -> bytes:
    """The octets of an object that is written down as text, or else in base64."""
    return told["text"].encode("ascii") if "text" in told else base64.b64decode(told["base64"])


def _numbered(seen: Seen) -> dict[Path, list[tuple[str, list[str]]]]:
    return {
        path: sorted((each.handle, sorted({flag.lower() for flag in each.flags} - {"\\recent"})) for each in objects)
        for path, objects in seen.items()
    }
