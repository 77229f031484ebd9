"""5.5.2.20 with servers that say more, less or otherwise than usual: a client accepts any response at any time."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable

import pytest

from conformance.cases.declaration import client_case
from conformance.imap.framing import Direction
from conformance.imap.interception import Action
from conformance.outcomes import Reason
from conformance.reference.server import Behaviour
from conformance.scenario import injection
from conformance.scenario.content import ARCHIVE, CONVERSATION, folder, item, messages, usual_base
from conformance.scenario.injection import EightBitNames, Injection
from conformance.scenario.judge import PreconditionNotReached
from conformance.scenario.laboratory import Laboratory
from conformance.scenario.places import BODY_RESPONSE
from conformance.scenario.scenario import ALL, Scenario


def _both_ways(scenario: Scenario) -> None:
    """News, removals and changes on both sides of the usual base, a folder on each side included."""
    with scenario.if_claimed():
        scenario.on_server.put(CONVERSATION, item("message-11", "\\Flagged"), item("message-12"))
        scenario.on_server.set_flags(CONVERSATION, "message-1", add=["\\Seen"])
        scenario.on_server.put(("New on the server",), item("message-13"))
    with scenario.if_claimed():
        scenario.on_client.put(CONVERSATION, item("message-14", "\\Seen"))
        scenario.on_client.set_flags(CONVERSATION, "message-2", add=["\\Answered"])
        scenario.on_client.remove(ARCHIVE, "message-3")
        scenario.on_client.put(("New in local storage",), item("message-15"))


def _synchronize_through(scenario: Scenario, interceptor: Injection, told: str) -> None:
    """The undisturbed base, then news both ways over connections that the interceptor changes.

    Raises `PreconditionNotReached` where it had nothing to change.
    """
    scenario.establish(usual_base())
    _both_ways(scenario)
    scenario.intercept(interceptor, told)
    scenario.synchronize()
    if not interceptor.lines:
        raise PreconditionNotReached(f"there was no occasion to {told}")


ANYTHING: dict[str, Callable[[], Injection]] = {
    "status-lines": lambda: injection.Lines(*injection.STATUS_LINES),
    "sizes": injection.repeated_sizes,
    "flags": injection.repeated_flags,
    "capabilities": injection.RepeatedCapabilities,
    "unknown-codes": lambda: injection.Lines(*injection.UNKNOWN_CODES),
}


@pytest.mark.parametrize("inject", ANYTHING.values(), ids=list(ANYTHING))
@client_case("untagged-data-at-any-time", "SYN-718", "OP02-C4")
def test_untagged_data_at_any_time(scenario: Scenario, inject: Callable[[], Injection]) -> None:
    """A client comes to the right result when the server sends untagged data that nobody asked for."""
    _synchronize_through(scenario, inject(), "send untagged data between all responses")
    scenario.judge_end_state("SYN-718", covers=ALL)
    scenario.judge_end_state("OP02-C4", covers=ALL)


CODES: dict[str, Callable[[], Injection]] = {
    "untagged": lambda: injection.Lines(*injection.UNKNOWN_CODES),
    "tagged": injection.CodedAnswers,
}


@pytest.mark.parametrize("inject", CODES.values(), ids=list(CODES))
@client_case("unknown-response-codes", "OP02-C8")
def test_unknown_response_codes(scenario: Scenario, inject: Callable[[], Injection]) -> None:
    """A client ignores response codes that it does not know."""
    _synchronize_through(scenario, inject(), "put unknown codes into the responses")
    scenario.judge_end_state("OP02-C8", covers=ALL)


@pytest.mark.parametrize("code", ["UIDNEXT", "PERMANENTFLAGS", "UNSEEN"], ids=str.lower)
@client_case("selection-tells-less", "OP02-C7")
def test_selection_tells_less(scenario: Scenario, code: str) -> None:
    """A client falls back on the default for what the response to a selection leaves out."""
    _synchronize_through(scenario, injection.Silenced(code.encode()), f"leave {code} out of the selection")
    scenario.judge_end_state("OP02-C7", covers=ALL)


FORMS: dict[str, Behaviour] = {
    "names-as-atoms": Behaviour(name_style="atom"),
    "names-as-quoted-strings": Behaviour(name_style="quoted"),
    "names-as-literals": Behaviour(name_style="literal"),
    "reversed-items": Behaviour(fetch_item_order="reversed"),
    "reversed-selection": Behaviour(select_order=tuple(reversed(Behaviour().select_order))),
    "updates-first": Behaviour(updates_before_answer=True, uid_in_updates=True),
    "no-capability-code": Behaviour(capability_in_greeting=False, capability_after_login=False),
    "highest-expunge-first": Behaviour(expunge_highest_first=True).without("QRESYNC"),
}


@pytest.mark.parametrize("behaviour", FORMS.values(), ids=list(FORMS))
@client_case("responses-in-every-form", "SYN-718")
def test_responses_in_every_form(laboratory: Laboratory, behaviour: Behaviour) -> None:
    """A client reads names in every form and data in every order that the syntax allows."""
    scenario = laboratory.open(behaviour)
    scenario.establish(usual_base())
    _both_ways(scenario)
    scenario.synchronize()
    scenario.judge_end_state("SYN-718", covers=ALL)


_FLAGS = re.compile(rb"\* (\d+) FETCH \([^{]*FLAGS \(([^)]*)\)", re.IGNORECASE)
_SHIFTS = re.compile(rb"\* (\d+ EXPUNGE|VANISHED)", re.IGNORECASE)
_OUTDATES = re.compile(rb"\S+ ((UID )?(STORE|EXPUNGE|MOVE)|SELECT|EXAMINE|CLOSE|UNSELECT)\b", re.IGNORECASE)


class FlagsOfOthers(Injection):
    """Before each body the flags of another object, as they were told last and still are; `lines` counts them."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, dict[bytes, bytes]] = defaultdict(dict)

    def __call__(self, connection: str, direction: Direction, unit: bytes) -> Action | None:
        if (_OUTDATES if direction == "C" else _SHIFTS).match(unit):
            self._told[connection].clear()
        return super().__call__(connection, direction, unit)

    def before(self, connection: str, unit: bytes) -> list[bytes]:
        told, number = self._told[connection], unit[2:].partition(b" ")[0]
        others = [b"* %b FETCH (FLAGS (%b))\r\n" % each for each in told.items() if each[0] != number]
        if flags := _FLAGS.match(unit):
            told[flags[1]] = flags[2]
        return others[:1] if self.stands_at(BODY_RESPONSE, connection, "S", unit) else []


IN_BETWEEN = pytest.mark.parametrize("inject", [None, FlagsOfOthers], ids=["plain", "with-flags-of-others-in-between"])


@IN_BETWEEN
@client_case("uids-far-above-sequence-numbers", "OP04-C5")
def test_uids_far_above_sequence_numbers(laboratory: Laboratory, inject: Callable[[], Injection] | None) -> None:
    """A client files each body under its UID, however far that is from the sequence number."""
    scenario = laboratory.open(Behaviour(first_uid=1_000_001))
    _judge_filing(scenario, inject)


@IN_BETWEEN
@client_case("uids-that-are-sequence-numbers-of-others", "OP04-C5")
def test_uids_that_are_sequence_numbers_of_others(scenario: Scenario, inject: Callable[[], Injection] | None) -> None:
    """A client files each body under its UID where that is also the sequence number of another object."""
    _judge_filing(scenario, inject)


def _judge_filing(scenario: Scenario, inject: Callable[[], Injection] | None) -> None:
    """Objects with gaps before them: flags and removals afterwards show under which UID each body was filed."""
    if inject:
        # Who has enabled one of these is told the mod-sequence, and the UID, with all flags (RFC 7162 3.1 and 3.2).
        scenario.without("CONDSTORE", "QRESYNC")
    names = [f"message-{number}" for number in range(1, 9)]
    scenario.establish(folder(CONVERSATION, *messages(*names)))
    scenario.on_server.remove(CONVERSATION, "message-1", "message-2", "message-5")
    scenario.on_server.put(CONVERSATION, *messages("message-11", "message-12", "message-13"))
    interceptor = inject() if inject else None
    if interceptor:
        scenario.intercept(interceptor, "send flags of other objects before the bodies")
    scenario.synchronize()
    if interceptor and not interceptor.lines:
        raise PreconditionNotReached("there was no occasion to send flags of other objects before a body")
    if not scenario.findings.differences:
        scenario.on_client.set_flags(CONVERSATION, "message-11", add=["\\Flagged"])
        scenario.on_client.remove(CONVERSATION, "message-12")
        scenario.on_server.set_flags(CONVERSATION, "message-13", add=["\\Seen"])
        scenario.on_client.set_flags(CONVERSATION, "message-6", add=["\\Answered"])
        scenario.synchronize()
    scenario.judge_end_state("OP04-C5", covers=ALL)


@client_case("eight-bit-name-is-read-as-utf-8", "OP09-C3", needs=("folder.non-ascii",))
def test_eight_bit_name_is_read_as_utf_8(scenario: Scenario) -> None:
    """A client reads an 8-bit name in the list of folders as UTF-8."""
    scenario.establish(usual_base())
    scenario.on_server.put(("Café",), item("message-11"))
    names = EightBitNames("Café")
    scenario.intercept(names, "list Café in raw UTF-8, and take it in both forms")
    scenario.synchronize()
    if not names.lines:
        raise PreconditionNotReached("the name was never listed")
    scenario.judge_end_state("OP09-C3", covers=ALL)


@client_case("folder-named-nil", "OP09-C4")
def test_folder_named_nil(laboratory: Laboratory) -> None:
    """A client takes the name NIL, listed as an atom, for the name of a folder."""
    scenario = laboratory.open(Behaviour(name_style="atom"))
    scenario.establish(usual_base())
    scenario.on_server.put(("NIL",), item("message-11"))
    scenario.synchronize()
    scenario.judge_end_state("OP09-C4", covers=ALL)


@client_case("unknown-system-flags", "OP13-C2")
def test_unknown_system_flags(laboratory: Laboratory) -> None:
    r"""A client accepts flags that begin with a backslash and that it does not know, and they stay on the server."""
    flags = ("\\read-report-sent", "\\XFoo")
    scenario = laboratory.open(Behaviour(flag_extensions=flags))
    scenario.establish(usual_base())
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=flags)
    scenario.on_server.put(CONVERSATION, item("message-11", *flags), item("message-12"))
    scenario.synchronize()
    scenario.on_client.set_flags(CONVERSATION, "message-1", add=["\\Seen"])
    scenario.synchronize()
    kept = [each for each in scenario.store.snapshot().folders[CONVERSATION] if "\\xfoo" in each.flags]
    scenario.judge_end_state("OP13-C2", covers=ALL)
    if len(kept) < 2:
        scenario.judge.contradicted("OP13-C2", "the flags stay on both objects", f"they are left on {len(kept)}")


@pytest.mark.parametrize("flag", ["$ReadReportSent", "\\read-report-sent"], ids=["keyword", "system-flag"])
@client_case("read-report-sent", "SYN-513", needs=("flags.read-report-sent",))
def test_read_report_sent(laboratory: Laboratory, flag: str) -> None:
    """A client that supports the mark for a sent read report carries it to the other side like any flag."""
    scenario = laboratory.open(Behaviour(flag_extensions=("\\read-report-sent",)))
    scenario.establish(usual_base())
    scenario.on_server.set_flags(CONVERSATION, "message-1", add=[flag])
    scenario.on_client.set_flags(CONVERSATION, "message-2", add=[flag])
    scenario.synchronize()
    scenario.judge_end_state("SYN-513", covers=ALL)
    if scenario.findings.differences:
        scenario.judge.undecided("SYN-513", "the mark on both sides", "see the remarks", Reason.OPEN)
