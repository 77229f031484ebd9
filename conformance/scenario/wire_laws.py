"""The laws of the wire: what is judged from the recorded wire of some synchronizations, and from nothing else.

Each is a function of the transcript alone, so that a live run and whoever checks its report later judge by the same
code. A note in the transcript tells over which entries a law was applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from conformance.imap.names import decode_name, encode_name
from conformance.imap.operations import Operation
from conformance.imap.relay_core import HASTY
from conformance.imap.syntax import octets_of
from conformance.outcomes import Reason
from conformance.scenario.applied import note_law
from conformance.scenario.conduct import (
    Sent,
    ambiguous_flags,
    lists_folders,
    literals,
    noted,
    risky_sequence_numbers,
    sent,
)
from conformance.scenario.judge import Judge
from conformance.scenario.scenario import Scenario, SyncRun

Runs = Sequence[SyncRun]
ON_OBJECTS = ("fetch_object", "fetch_metadata", "update_metadata", "remove_object", "copy_object")
FOLDER_CHANGES = ("create_folder", "remove_folder", "rename_folder")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a law says of some synchronizations: the entries that break it, none if it holds."""

    expected: str
    observed: str = ""
    wrong: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Law:
    """A law by the requirement it judges; `case` is the test case that applies it.

    Where `passes` is false, more than the wire is needed for a pass, and the law can only contradict.
    """

    case: str
    rule: Callable[[Runs], Ruling]
    passes: bool = True


def judge_by_law(scenario: Scenario, requirement: str, runs: Runs) -> None:
    """Contradict what a law of the wire contradicts; pass only if the synchronization had its effect."""
    if not scenario.findings.differences or LAWS[requirement].rule(runs).wrong:
        apply_law(scenario, requirement, runs)
        return
    first = scenario.findings.differences[0]
    told = f"the synchronization had not its effect: {first.subject}: {first.nature}"
    scenario.judge.undecided(requirement, LAWS[requirement].rule(runs).expected, told, Reason.NOT_EXERCISED)


def apply_law(scenario: Scenario, requirement: str, runs: Runs) -> bool:
    """Contradict or pass a requirement as its law says, whatever else was seen; returns whether the law holds."""
    note_law(scenario.transcript, requirement, ((run.first, run.last) for run in runs))
    return rule(scenario.judge, requirement, runs)


def rule(judge: Judge, requirement: str, runs: Runs) -> bool:
    """The same, to any judge."""
    law = LAWS[requirement]
    ruling = law.rule(runs)
    with judge.by_law(requirement):
        if ruling.wrong or law.passes:
            entry = min(ruling.wrong, default=None)
            judge.check(requirement, not ruling.wrong, ruling.expected, ruling.observed, entry)
    return not ruling.wrong


def _folder_is_active(runs: Runs) -> Ruling:
    astray = [each.entry for run in runs for each in run.of_kind(*ON_OBJECTS) if each.folder is None]
    observed = f"{len(astray)} operations without an active folder"
    return Ruling("each folder is active while there is work in it", observed, tuple(astray))


def _active_folder_is_not_polled(runs: Runs) -> Ruling:
    polled = [each for run in runs for each in _status_of_active(run.operations)]
    observed = f"STATUS for {', '.join(sorted({str(each.folder) for each in polled}))}, which is active"
    return Ruling("no STATUS for the active folder", observed, tuple(each.entry for each in polled))


def _status_of_active(operations: tuple[Operation, ...]) -> list[Operation]:
    active: dict[str, str | None] = {}
    found = []
    for each in operations:
        if each.kind == "set_active_folder":
            active[each.connection] = each.folder if each.status == "OK" else None
        elif each.command in {"CLOSE", "UNSELECT"}:
            active[each.connection] = None
        elif each.kind == "folder_status" and each.folder == active.get(each.connection):
            found.append(each)
    return found


def _literal_waits(runs: Runs) -> Ruling:
    hasty = noted(runs, HASTY)
    appends = [each for each in sent(runs) if each.name == "APPEND"]
    unannounced = [each for each in appends if b"+}\r\n" in each.octets.partition(b"\n")[0] + b"\n"]
    observed = f"{len(hasty)} literals sent too early, {len(unannounced)} as if LITERAL+ were announced"
    wrong = [each.number for each in hasty] + [each.entry for each in unannounced]
    return Ruling("each literal after its continuation request", observed, tuple(wrong))


def _literal_is_a_message(runs: Runs) -> Ruling:
    appends = [each for each in sent(runs) if each.name == "APPEND"]
    wrong = [(each, fault) for each in appends for literal in literals(each) if (fault := _message_fault(literal))]
    observed = "; ".join(sorted({fault for _, fault in wrong}))
    return Ruling("header, blank line and body with CRLF", observed, tuple(each.entry for each, _ in wrong))


def _message_fault(literal: bytes) -> str | None:
    bare = literal.replace(b"\r\n", b"")
    if b"\n" in bare or b"\r" in bare:
        return "a line end that is not CRLF"
    header, blank, _ = literal.partition(b"\r\n\r\n")
    lines = header.split(b"\r\n")
    if not blank or not all(line[:1] in (b" ", b"\t") or b":" in line for line in lines):
        return "no header and blank line"
    return None


def _no_nul(runs: Runs) -> Ruling:
    broken = tuple(each.entry for each in sent(runs) if b"\0" in each.octets)
    return Ruling("no NUL octet on the wire", "a NUL octet in the literal", broken)


def _no_risky_sequence_numbers(runs: Runs) -> Ruling:
    return _of_pairs("sequence numbers only when no EXPUNGE can come", risky_sequence_numbers(sent(runs)))


def _no_ambiguous_flags(runs: Runs) -> Ruling:
    return _of_pairs("no STORE and FETCH of the same flags in flight together", ambiguous_flags(sent(runs)))


def _of_pairs(expected: str, pairs: list[tuple[Sent, Sent]]) -> Ruling:
    told = {f"{later.name} sent while {earlier.name} was not answered yet" for later, earlier in pairs}
    return Ruling(expected, "; ".join(sorted(told)), tuple(later.entry for later, _ in pairs))


def _created_in_ascii(runs: Runs) -> Ruling:
    raw = tuple(each.entry for each in _created(runs) if not each.octets.isascii())
    return Ruling("CREATE in ASCII", f"{len(raw)} names in 8-bit octets", raw)


def _created_canonically(runs: Runs) -> Ruling:
    names = {each.entry: octets_of(each.parsed.arguments[0]) for each in _created(runs) if each.parsed}
    wrong = {entry: name for entry, name in names.items() if encode_name(decode_name(name)) != name}
    return Ruling("modified UTF-7 in canonical form", f"{list(wrong.values())}", tuple(wrong))


def _created(runs: Runs) -> list[Sent]:
    return [each for each in sent(runs) if each.name == "CREATE"]


def _list_in_each(runs: Runs) -> Ruling:
    without = [run.last for run in runs if not any(map(lists_folders, run.of_kind("list_folders")))]
    return Ruling("a LIST in each", f"{len(without)} of {len(runs)} synchronizations without a LIST", tuple(without))


def _list_first(runs: Runs) -> Ruling:
    lists = [each.entry for run in runs for each in run.of_kind("list_folders") if lists_folders(each)]
    uses = [each.entry for run in runs for each in run.of_kind(*FOLDER_CHANGES, "set_active_folder")]
    observed = "the first LIST comes after a folder was used" if lists else "no LIST at all"
    first_use = min(uses, default=runs[-1].last)
    holds = bool(lists) and (not uses or min(lists) < first_use)
    return Ruling("LIST before any use of a folder", observed, () if holds else (first_use,))


def _no_transfer(runs: Runs) -> Ruling:
    bodies = [each.entry for run in runs for each in run.of_kind("fetch_object")]
    return Ruling("no object is transferred", f"{len(bodies)} fetches", tuple(bodies))


def _no_folder_changes(runs: Runs) -> Ruling:
    changes = [each for run in runs for each in run.of_kind(*FOLDER_CHANGES) if each.status == "OK"]
    observed = ", ".join(f"{each.kind} {each.folder}" for each in changes)
    return Ruling("no folder operation that changes something", observed, tuple(each.entry for each in changes))


def _no_body(runs: Runs) -> Ruling:
    bodies = [each.entry for run in runs for each in run.of_kind("fetch_object")]
    return Ruling("no body is fetched", f"{len(bodies)} fetches of bodies", tuple(bodies))


def _no_metadata_written(runs: Runs) -> Ruling:
    writes = [each.entry for run in runs for each in run.of_kind("update_metadata") if each.status == "OK"]
    return Ruling("no update of metadata", f"{len(writes)} updates of metadata", tuple(writes))


def _nothing_too_early(runs: Runs) -> Ruling:
    early = sorted(each for run in runs for each in _too_early(run))
    return Ruling(
        "a step after the one that it needs", early[0][1] if early else "", tuple(entry for entry, _ in early)
    )


def _too_early(run: SyncRun) -> Iterator[tuple[int, str]]:
    """Where an operation comes before the one that it needs, and what it is."""
    listed = min((each.entry for each in run.of_kind("list_folders") if lists_folders(each)), default=run.last)
    created = {each.folder: each.entry for each in run.of_kind("create_folder") if each.status == "OK"}
    for each in run.of_kind(*FOLDER_CHANGES):
        if each.entry < listed:
            yield each.entry, f"{each.command} of {each.folder} before the list of folders is requested"
    for each in run.of_kind("store_object"):
        if each.entry < created.get(each.folder, 0):
            yield each.entry, f"an object is stored in {each.folder} before the folder is created"
    for each in run.of_kind("fetch_object", "fetch_metadata", "update_metadata", "remove_object"):
        if each.folder is None:
            yield each.entry, f"{each.command} before a folder is set active"


def _recent_is_no_change(runs: Runs) -> Ruling:
    sending = [each for each in sent(runs) if each.name in _SETS_FLAGS and b"\\recent" in _head(each.octets).lower()]
    again = [each for each in runs[-1].of_kind("update_metadata") if each.status == "OK"]
    observed = f"{len(sending)} commands name \\Recent, {len(again)} changes of flags in the second run"
    wrong = [each.entry for each in sending] + [each.entry for each in again]
    return Ruling(r"\Recent neither sent nor taken for a change", observed, tuple(wrong))


_SETS_FLAGS = frozenset({"APPEND", "STORE", "UID STORE"})


def _head(octets: bytes) -> bytes:
    return octets.partition(b"\r\n")[0]


LAWS = {
    "OP02-C1": Law("folder-is-active-before-work-in-it", _folder_is_active),
    "OP02-C6": Law("active-folder-is-not-polled-by-status", _active_folder_is_not_polled),
    "OP03-C5": Law("literal-waits-for-the-continuation-request", _literal_waits),
    "OP03-C6": Law("stored-literal-is-a-message", _literal_is_a_message),
    "OP03-C7": Law("binary-data-is-encoded", _no_nul),
    "OP04-C4": Law("no-sequence-numbers-while-an-expunge-may-come", _no_risky_sequence_numbers),
    "OP08-C2": Law("folder-names-are-sent-canonically", _created_in_ascii),
    "OP08-C3": Law("folder-names-are-sent-canonically", _created_canonically),
    "OP09-C1": Law("each-synchronization-requests-the-list", _list_in_each),
    "OP13-C3": Law("flags-are-not-asked-and-changed-at-once", _no_ambiguous_flags),
    "SYN-301": Law("folder-list-is-requested", _list_first),
    "SYN-312": Law("unchanged-folders-stay-untouched", _no_folder_changes),
    "SYN-412": Law("causal-order", _nothing_too_early, passes=False),
    "SYN-508": Law("metadata-step-fetches-metadata-only", _no_body),
    "SYN-514": Law("recent-is-not-metadata", _recent_is_no_change),
    "SYN-517": Law("unchanged-metadata-is-not-written", _no_metadata_written),
    "SYN-702": Law("second-synchronization-changes-nothing", _no_transfer),
}
"""The laws by the requirements that they judge."""
