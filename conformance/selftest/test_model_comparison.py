"""The comparison finds every contradiction of the oracle, and the table names the requirement it breaks."""

from __future__ import annotations

import pytest

from conformance.model.comparison import Nature, compare
from conformance.model.equality import Equality
from conformance.model.objects import message
from conformance.model.oracle import expect
from conformance.model.policy import Direction, Policy
from conformance.model.states import ObservedObject, Side, Snapshot, StoreState, is_permanent
from conformance.scenario.attribution import broken_requirement
from conformance.scenario.content import CONVERSATION, holding, item, usual_base

BASE = usual_base()


def observed(state: StoreState) -> Snapshot:
    """The snapshot of a store that holds exactly this state."""
    folders = {
        path: tuple(ObservedObject(each.content.octets, each.flags, each.name) for each in items.values())
        for path, items in state.folders.items()
    }
    return Snapshot(folders)


def broken(base: StoreState, local: StoreState, server: StoreState, after: tuple[StoreState, StoreState]) -> set[str]:
    """The requirements broken by a client that leaves the two states `after`."""
    findings = compare(expect(base, local, server), observed(after[0]), observed(after[1]))
    return {broken_requirement(each) for each in findings.differences}


def test_a_right_client_breaks_nothing() -> None:
    """No difference is found where both sides hold what the oracle demands."""
    server = BASE.put(CONVERSATION, item("message-9"))
    assert not broken(BASE, BASE, server, (server, server))


def test_both_sides_agreeing_is_not_enough() -> None:
    """A removal that comes back on both sides is found, although both sides agree."""
    server = BASE.remove(CONVERSATION, "message-1")
    assert broken(BASE, BASE, server, (BASE, BASE)) == {"SYN-406"}


NEW = BASE.put(CONVERSATION, item("message-9"))
LESS = BASE.remove(CONVERSATION, "message-1")
SEEN = BASE.put(CONVERSATION, item("message-1", "\\Seen"))


@pytest.mark.parametrize(
    ("local", "server", "after", "wanted"),
    [
        (BASE, NEW, (BASE, NEW), {"SYN-403"}),
        (NEW, BASE, (NEW, BASE), {"SYN-408"}),
        (BASE, LESS, (BASE, LESS), {"SYN-406"}),
        (LESS, BASE, (LESS, BASE), {"SYN-410"}),
        (LESS, BASE, (BASE, BASE), {"SYN-410"}),
        (BASE, SEEN, (BASE, SEEN), {"SYN-501"}),
        (SEEN, BASE, (SEEN, BASE), {"SYN-503"}),
        (SEEN, BASE, (BASE, BASE), {"SYN-503"}),
        (BASE, SEEN, (BASE, BASE), {"SYN-501"}),
        (BASE, BASE, (BASE, LESS), {"SYN-411"}),
        (BASE, BASE, (LESS, BASE), {"SYN-407"}),
        (BASE, BASE, (SEEN, SEEN), {"SYN-509"}),
        (NEW, BASE, (BASE, BASE), {"SYN-407", "SYN-408"}),
    ],
)
def test_each_fault_breaks_its_requirement_only(
    local: StoreState, server: StoreState, after: tuple[StoreState, StoreState], wanted: set[str]
) -> None:
    """One wrong step of a client is attributed to the requirement of that step and to no other."""
    assert broken(BASE, local, server, after) == wanted


@pytest.mark.parametrize(
    ("local", "server", "after", "wanted"),
    [
        (BASE, BASE.with_folder(("N",)), (BASE, BASE.with_folder(("N",))), {"SYN-303"}),
        (BASE.with_folder(("N",)), BASE, (BASE.with_folder(("N",)), BASE), {"SYN-304"}),
        (BASE, BASE.without_folder(("Archive",)), (BASE, BASE), {"SYN-305"}),
        (BASE.without_folder(("Archive",)), BASE, (BASE, BASE), {"SYN-306"}),
        (BASE, BASE, (BASE, BASE.with_folder(("N",))), {"SYN-110"}),
    ],
)
def test_folder_faults(
    local: StoreState, server: StoreState, after: tuple[StoreState, StoreState], wanted: set[str]
) -> None:
    """A wrong folder is attributed to the direction in which it was to travel."""
    assert broken(BASE, local, server, after) == wanted


def test_a_lost_copy_among_equals_is_found() -> None:
    """Two objects of equal octets are two: a client that keeps one copy has lost one."""
    same = message("twin")
    twins = StoreState().put(CONVERSATION, holding("one", same), holding("two", same))
    single = StoreState().put(CONVERSATION, holding("one", same))
    findings = compare(expect(StoreState(), StoreState(), twins), observed(single), observed(twins))
    assert [(each.nature, each.side) for each in findings.differences] == [(Nature.MISSING, Side.LOCAL)]


def test_a_doubled_object_is_found() -> None:
    """One object more than once is a duplicate."""
    doubled = BASE.put(CONVERSATION, holding("again", item("message-1").content))
    assert broken(BASE, BASE, BASE, (BASE, doubled)) == {"SYN-705"}


def test_altered_octets_are_found() -> None:
    """An object with one octet changed is missing, and another one that nobody stored is there."""
    altered = NEW.put(CONVERSATION, holding("message-9", message("message-9", "Are you on the tram?")))
    assert broken(BASE, BASE, NEW, (altered, NEW)) == {"SYN-403", "SYN-103"}


def test_line_ends_do_not_matter() -> None:
    """A store that keeps LF line ends holds the same objects."""
    bare = Snapshot(
        {
            path: tuple(ObservedObject(each.octets.replace(b"\r\n", b"\n"), each.flags) for each in objects)
            for path, objects in observed(BASE).folders.items()
        }
    )
    assert not compare(expect(BASE, BASE, BASE), bare, observed(BASE)).differences


def test_mime_equality_sees_through_an_added_header() -> None:
    """The weaker equality ignores a header that the client adds, and still sees a changed text."""
    octets = message("message-1").octets
    assert Equality.MIME.identity(b"X-TUID: abc\r\n" + octets) == Equality.MIME.identity(octets)
    assert Equality.MIME.identity(octets.replace(b"train", b"tram")) != Equality.MIME.identity(octets)


def test_disputed_folder_has_to_end_alike() -> None:
    """A folder removed here and filled there is a failure only if the two sides differ afterwards."""
    server = BASE.put(("Archive",), item("message-9"))
    gone = BASE.without_folder(("Archive",))
    kept = gone.put(("Archive",), item("message-9"))
    assert not broken(BASE, gone, server, (gone, gone))
    assert not broken(BASE, gone, server, (kept, kept))
    assert broken(BASE, gone, server, (gone, kept)) == {"SYN-703"}
    assert broken(BASE, gone, server, (kept, gone)) == {"SYN-703"}


def test_flags_of_equal_objects_are_asked_for_only_where_all_of_them_are() -> None:
    """Of two equal objects one is out of scope: its flags are not looked for on the side where it is not."""
    same = message("twin")
    local = StoreState().put(CONVERSATION, holding("one", same))
    server = local.put(CONVERSATION, holding("two", same, "\\Seen"))
    upload_only = Policy(direction=Direction.UPLOAD)
    findings = compare(expect(local, local, server, upload_only), observed(local), observed(server))
    assert not findings.differences


def test_which_flags_a_server_keeps() -> None:
    r"""Those that it lists, and with `\*` every keyword; all where it lists nothing (RFC 3501 7.1)."""
    assert is_permanent("\\Seen", None)
    assert is_permanent("\\seen", ["\\Seen"])
    assert not is_permanent("\\Draft", ["\\Seen", "\\*"])
    assert is_permanent("CpmMuted", ["\\*"])
    assert not is_permanent("CpmMuted", ["\\Seen"])
