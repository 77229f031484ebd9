"""The laws of the store: UIDs, UIDVALIDITY, mod-sequences, flags and folder trees, without a protocol."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.imap.endpoint import Credentials
from conformance.reference.server.accounts import Account, Accounts
from conformance.reference.server.behaviour import MAX_MOD_SEQUENCE, MAX_UID, MAX_UID_VALIDITY, Behaviour
from conformance.reference.server.errors import Refused
from conformance.reference.server.store import Content, Draft, Mailbox

DAY = datetime(2026, 2, 3, tzinfo=UTC)


def draft(text: bytes = b"x", *flags: str) -> Draft:
    """A message to store."""
    return Draft(Content(text), frozenset(flags), DAY)


def account(behaviour: Behaviour | None = None) -> Account:
    """An account with an empty INBOX."""
    return Account(Credentials("user", "secret"), behaviour or Behaviour())


STEPS = st.lists(st.tuples(st.sampled_from(["append", "flag", "unflag", "expunge", "renew"]), st.integers(0, 5)))


@settings(deadline=None)
@given(STEPS)
def test_laws_hold_over_any_history(steps: list[tuple[str, int]]) -> None:
    """UIDs ascend and are never reused, UIDNEXT moves with additions only, every change has a higher mod-sequence."""
    owner = account()
    used: set[tuple[int, int]] = set()
    for step, number in steps:
        mailbox = owner.mailbox("INBOX")
        before = (mailbox.uid_next, mailbox.highest_modseq, mailbox.uid_validity)
        changed = take_step(owner, mailbox, step, number, used)
        mailbox = owner.mailbox("INBOX")
        if step == "renew":
            assert mailbox.uid_validity > before[2]
            used |= {(mailbox.uid_validity, message.uid) for message in mailbox.messages}
            continue
        assert (mailbox.uid_next > before[0]) == (step == "append" and number > 0)
        assert (mailbox.highest_modseq > before[1]) == changed
        uids = [message.uid for message in mailbox.messages]
        assert uids == sorted(set(uids))
        assert all(uid < mailbox.uid_next for uid in uids)
        assert max((message.modseq for message in mailbox.messages), default=0) <= mailbox.highest_modseq


def take_step(owner: Account, mailbox: Mailbox, step: str, number: int, used: set[tuple[int, int]]) -> bool:
    """Do one step and tell whether it changed anything that has a mod-sequence."""
    chosen = mailbox.messages[:number]
    if step == "renew":
        owner.renew_uid_validity("INBOX")
        return True
    if step == "append":
        added = owner.append(mailbox, [draft()] * number) if number else []
        fresh = {(mailbox.uid_validity, message.uid) for message in added}
        assert not fresh & used
        used |= fresh
        return bool(added)
    if step == "expunge":
        return bool(mailbox.expunge(chosen))
    return bool(mailbox.store(chosen, "add" if step == "flag" else "remove", ["\\Seen"]))


def test_a_recreated_name_gets_a_greater_uid_validity() -> None:
    """Also when a folder with an older UIDVALIDITY is renamed to it."""
    owner = account()
    old = owner.create("old").uid_validity
    first = owner.create("a").uid_validity
    owner.delete("a")
    second = owner.create("a").uid_validity
    owner.delete("a")
    owner.rename("old", "a")
    assert old < first < second < owner.mailbox("a").uid_validity


def test_rename_keeps_identifiers_and_takes_inferiors_along() -> None:
    """A folder never seen under its new name keeps UIDVALIDITY and UIDs."""
    owner = account()
    mailbox = owner.create("a")
    owner.append(mailbox, [draft()])
    owner.create("a/b")
    owner.rename("a", "x/y")
    assert owner.mailbox("x/y") is mailbox
    assert list(owner.names()) == ["INBOX", "x", "x/y", "x/y/b"]


def test_recreation_may_continue_the_old_uids() -> None:
    """The legal variant of RFC 3501 section 6.3.3: the same UIDVALIDITY and higher UIDs."""
    owner = account(Behaviour(recreate_keeps_uid_validity=True))
    mailbox = owner.create("a")
    owner.append(mailbox, [draft(), draft()])
    validity, modseq = mailbox.uid_validity, mailbox.highest_modseq
    owner.delete("a")
    again = owner.create("a")
    assert (again.uid_validity, again.messages, again.uid_next) == (validity, [], 3)
    assert again.highest_modseq > modseq
    assert [uid for _, uid in again.expunge_log] == [1, 2]
    owner.delete("a")
    younger = owner.create("b").uid_validity
    owner.rename("b", "a")
    owner.rename("a", "c")
    assert owner.create("a").uid_validity > younger


IMPOSSIBLE = [
    "",
    "/",
    "a//b",
    "/a",
    "\xe9",
    "a\tb",
    "&",
    "a&b",
    "&AOk",
    "&AOk-&AOk-",
    "&AGE-",
    "&AOl=-",
    "&AOl-",
    "&2AA-",
]
POSSIBLE = ["&AOk-", "&aOk-", "a&-b", "&U,BTFw-/&ZeVnLIqe-", "&AOk-&-", " x ", 'q"\\', "%*", "NIL", "(]{"]


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_names_that_cannot_be(name: str) -> None:
    """Empty levels, control and 8-bit characters and what is not canonical modified UTF-7 are refused."""
    with pytest.raises(Refused):
        account().create(name)


@pytest.mark.parametrize("name", POSSIBLE)
def test_names_that_can_be(name: str) -> None:
    """Every other printable name is created under exactly that name."""
    owner = account()
    assert owner.create(name).name == name
    assert name in owner.names()


def test_case_variants() -> None:
    """INBOX is one name in all cases; modified BASE64 is never folded; the other cases follow the behaviour."""
    assert account().mailbox("iNbOx").name == "INBOX"
    assert account().create("inbox/x").name == "INBOX/x"
    folding = account(Behaviour(name_case="insensitive"))
    folding.create("Box")
    with pytest.raises(Refused, match="exists"):
        folding.create("bOX")
    assert folding.create("bOX/Sub").name == "Box/Sub"
    assert {folding.create(name).name for name in ("&AOk-", "&aOk-")} == {"&AOk-", "&aOk-"}
    assert account(Behaviour(name_case="lower")).create("X&AOk-Y").name == "x&AOk-y"
    assert account(Behaviour(name_case="upper")).create("x&AOk-y").name == "X&AOk-Y"


def test_flags_are_kept_in_one_spelling() -> None:
    """System flags have their own spelling, keywords the first one seen; setting a set flag changes nothing."""
    mailbox = account().mailbox("INBOX")
    (message,) = mailbox.append([draft(b"x", "\\SEEN", "Foo")])
    assert message.flags == {"\\Seen", "Foo"}
    assert mailbox.store([message], "add", ["FOO", "\\seen"]) == []
    assert mailbox.store([message], "replace", ["foo"]) == [message]
    assert message.flags == {"Foo"}


def test_flags_that_are_not_permanent_are_dropped() -> None:
    """What PERMANENTFLAGS leaves out does not persist."""
    owner = account(Behaviour(permanent_flags=("\\Seen",), new_keywords=False))
    (message,) = owner.mailbox("INBOX").append([draft(b"x", "\\Seen", "\\Flagged", "foo")])
    assert message.flags == {"\\Seen"}


def test_limits_of_the_numbers() -> None:
    """The last UID, UIDVALIDITY and mod-sequence are given, and then nothing more is stored or created."""
    owner = account(Behaviour(first_uid=MAX_UID - 1, first_uid_validity=MAX_UID_VALIDITY))
    mailbox = owner.mailbox("INBOX")
    with pytest.raises(Refused, match="identifiers"):
        mailbox.append([draft()] * 3)
    assert [message.uid for message in mailbox.append([draft()] * 2)] == [MAX_UID - 1, MAX_UID]
    assert mailbox.uid_next == 2**32 - 1
    with pytest.raises(Refused, match="UIDVALIDITY"):
        owner.create("a")
    mailbox = account(Behaviour(first_modseq=MAX_MOD_SEQUENCE - 1)).mailbox("INBOX")
    (message,) = mailbox.append([draft()])
    assert message.modseq == MAX_MOD_SEQUENCE
    with pytest.raises(Refused, match="mod-sequences"):
        mailbox.expunge([message])
    assert mailbox.messages == [message]


def test_quota_and_read_only_refuse_without_a_trace() -> None:
    """A full account and a read-only folder take nothing, in no part."""
    owner = account()
    inbox = owner.mailbox("INBOX")
    owner.quota = 10
    with pytest.raises(Refused) as refusal:
        owner.append(inbox, [draft(b"123456"), draft(b"12345")])
    assert refusal.value.code == "OVERQUOTA"
    owner.append(inbox, [draft(b"1234567890")])
    inbox.expunge(inbox.messages)
    owner.append(inbox, [draft(b"1234567890")])
    inbox.read_only = True
    owner.quota = None
    with pytest.raises(Refused, match="read-only"):
        owner.append(inbox, [draft()])
    assert inbox.uid_next == 3


def test_accounts_are_apart_and_named() -> None:
    """Fresh names never clash, a known user is an error, a password never shows."""
    accounts = Accounts(Behaviour())
    accounts.add("user1", "hidden")
    one, other = accounts.add(), accounts.add()
    assert len({"user1", one.user, other.user}) == 3
    with pytest.raises(ValueError, match="user1"):
        accounts.add("user1")
    assert "hidden" not in repr(accounts.account("user1").credentials)
    accounts.account(one.user).create("a")
    assert "a" not in accounts.account(other.user).names()


@pytest.mark.parametrize(
    "wrong",
    [
        {"extensions": frozenset({"QRESYNC"})},
        {"extensions": frozenset({"NONSENSE"})},
        {"first_uid": 0},
        {"first_uid": 2**32},
        {"first_modseq": 2**63},
        {"delimiter": "ab"},
        {"select_order": ("FLAGS",)},
    ],
)
def test_illegal_behaviour_is_refused(wrong: dict[str, object]) -> None:
    """A Behaviour can only say what a server may legally do."""
    with pytest.raises(ValueError):
        Behaviour(**wrong)  # type: ignore[arg-type]


def test_dependents_go_with_an_extension() -> None:
    """Without CONDSTORE there is no QRESYNC."""
    assert not {"CONDSTORE", "QRESYNC"} & Behaviour().without("CONDSTORE").extensions
