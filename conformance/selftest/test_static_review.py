"""Tests of the static review: claims against what is mandatory, each other, and CAPABILITY."""

from __future__ import annotations

import pytest

from conformance.execution.static_review import static_review
from conformance.report import Claim
from conformance.spec import Role, ics_items, review_rules


def claims(role: Role, **changed: bool) -> dict[str, Claim]:
    """The default claims of a role but for these, whose names have `_` for `.` and `-`."""
    return {
        f"{role}:{item.name}": Claim(
            claimed=changed.get(item.name.replace(".", "_").replace("-", "_"), item.default == "yes"), source="declared"
        )
        for item in ics_items()
        if role in item.roles
    }


def broken(role: Role, **changed: bool) -> list[str]:
    """The rules that the claims do not hold."""
    return [each.rule for each in static_review(claims(role, **changed), role) if each.holds is False]


@pytest.mark.parametrize("role", list(Role))
def test_the_defaults_are_consistent(role: Role) -> None:
    """Whoever says nothing contradicts nothing."""
    assert broken(role) == []
    assert any(each.holds for each in static_review(claims(role), role))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"role_client": False}, "claims to be a Message Storage Client"),
        ({"binding_imap": False}, "binding"),
        ({"direction_upload": False}, "uploaded"),
        ({"direction_download": False}, "downloaded"),
        ({"kind_message": False, "kind_file_transfer": False, "kind_session": False, "kind_media": False}, "kind"),
        ({"trigger_user": False}, "event"),
        ({"QRESYNC": True}, "QRESYNC"),
    ],
)
def test_a_client_that_contradicts_itself_is_told(changed: dict[str, bool], words: str) -> None:
    """Each rule is broken by the claims that it is about, and by no other rule's."""
    (rule,) = broken(Role.CLIENT, **changed)
    assert words in rule


def test_a_trigger_of_any_kind_is_enough() -> None:
    """What a rule joins by `or` holds with any of it."""
    assert broken(Role.CLIENT, trigger_user=False, trigger_periodic=True) == []


def test_notifications_need_a_means() -> None:
    """A server that notifies has IDLE, NOTIFY or something else."""
    assert len(broken(Role.SERVER, notification=True)) == 1
    assert broken(Role.SERVER, notification=True, IDLE=True) == []


@pytest.mark.parametrize(("claimed", "observed"), [(True, False), (False, True)])
def test_claims_have_to_agree_with_capability(claimed: bool, observed: bool) -> None:  # noqa: FBT001
    """Claimed and not announced is told, and so is announced and denied."""
    ics = claims(Role.SERVER) | {"server:MOVE": Claim(claimed=claimed, source="declared", observed=observed)}
    (told,) = (each for each in static_review(ics, Role.SERVER) if each.holds is False)
    assert told.told == "otherwise: MOVE"


def test_nothing_is_said_without_capability() -> None:
    """A server that could not be asked is neither right nor wrong."""
    assert [each.holds for each in static_review(claims(Role.SERVER), Role.SERVER)][-1] is None


def test_nothing_is_reviewed_without_claims() -> None:
    """No claims, no rows."""
    assert list(static_review({}, Role.CLIENT)) == []


def test_rules_name_items_of_their_roles() -> None:
    """A rule about an item that nobody is asked for could never be broken."""
    names = {role: {item.name for item in ics_items() if role in item.roles} for role in Role}
    for rule in review_rules():
        terms = set(f"{rule.when} {rule.demands}".split()) - {"and", "or", "not"}
        assert all(terms <= names[role] for role in rule.roles), rule
