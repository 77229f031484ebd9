"""Servers that create, list and remove folders wrongly are failed by the requirement that they break."""

from __future__ import annotations

import re

import pytest

from conformance.faults.hooks import Hook, answers_ok, dropping, faulty, replacing
from conformance.outcomes import Outcome
from conformance.reference.server import Behaviour
from conformance.reference.server.accounts import Account
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.commands_folders import delete
from conformance.reference.server.commands_list import list_folders
from conformance.reference.server.errors import Refused
from conformance.reference.server.session import Outcome as Answer
from conformance.reference.server.session import Session
from conformance.reference.server.store import Mailbox
from conformance.selftest.running import judged, run_cases

CLAUSES = ("5.5.2.8", "5.5.2.9", "5.5.2.11")


class _NoSuperiors(Account):
    """Wants every superior to exist."""

    def create(self, name: str) -> Mailbox:
        for superior in self.naming.superiors(name.rstrip("/")):
            self.mailbox(superior)
        return super().create(name)


class _CreatesAgain(Account):
    """Says OK to a name that exists."""

    def create(self, name: str) -> Mailbox:
        return self.mailboxes.get(self.naming.key(name)) or super().create(name)


class _EmptiesExisting(Account):
    """Refuses a name that exists, and empties the folder."""

    def create(self, name: str) -> Mailbox:
        existing = self.mailboxes.get(self.naming.key(name))
        if existing is not None:
            existing.expunge(existing.messages)
        return super().create(name)


def _folded_names(session: Session, arguments: Arguments) -> Answer:
    """CREATE that folds whole names, modified BASE64 included."""
    arguments.space()
    session.user.create(arguments.folder().lower())
    return None


class _CaseSensitiveInbox(Account):
    """Knows INBOX in capitals only."""

    def mailbox(self, name: str) -> Mailbox:
        if name.upper() == "INBOX" and name != "INBOX":
            raise Refused("there is no such folder")
        return super().mailbox(name)


class _ShortNames(Account):
    """Cuts names off."""

    def create(self, name: str) -> Mailbox:
        return super().create(name[:40])


class _ConstantValidity(Account):
    """Gives every folder the same UIDVALIDITY, and its UIDs from 1 on."""

    def _take_validity(self) -> int:
        return 1


class _Undead(Account):
    """Brings removed objects back when the folder is created again."""

    def delete(self, name: str) -> None:
        self._kept = getattr(self, "_kept", {}) | {name: self.mailbox(name)}
        super().delete(name)

    def create(self, name: str) -> Mailbox:
        made = super().create(name)
        former = getattr(self, "_kept", {}).get(name)
        if former is not None and former.messages:
            made.append([message.draft() for message in former.messages])
        return made


class _RemovesInferiors(Account):
    """Removes the inferiors as well."""

    def delete(self, name: str) -> None:
        for inferior in self._inferiors(self.naming.key(name)):
            super().delete(self.mailboxes[inferior].name)
        super().delete(name)


class _RemovesWholeLevels(Account):
    """Removes a level that is no folder with all its inferiors."""

    def delete(self, name: str) -> None:
        if self.naming.key(name) in self.mailboxes:
            super().delete(name)
            return
        for inferior in self._inferiors(self.naming.key(name)):
            super().delete(self.mailboxes[inferior].name)


class _KeepsSuperior(Account):
    """Says OK to the removal of a folder with inferiors and keeps it."""

    def delete(self, name: str) -> None:
        if not self._inferiors(self.naming.key(name)):
            super().delete(name)


class _RemovesByPrefix(Account):
    """Removes every folder whose name begins so."""

    def delete(self, name: str) -> None:
        others = [each for each in self.mailboxes.values() if each.name.startswith(name) and each.name != name]
        super().delete(name)
        for each in others:
            super().delete(each.name)


class _EmptiesInbox(Account):
    """Refuses to remove INBOX, and empties it."""

    def delete(self, name: str) -> None:
        if name.upper() == "INBOX":
            inbox = self.mailbox("INBOX")
            inbox.expunge(inbox.messages)
        super().delete(name)


class _UnknownIsFine(Account):
    """Says OK to the removal of what is not there."""

    def delete(self, name: str) -> None:
        if self.naming.key(name) in self.mailboxes:
            super().delete(name)


class _Welcomes(Account):
    """Puts the last object of INBOX's neighbour into every new folder."""

    def create(self, name: str) -> Mailbox:
        made = super().create(name)
        for other in self.mailboxes.values():
            if other is not made and other.messages:
                made.append([other.messages[-1].draft()])
                break
        return made


def _refuses_and_removes(session: Session, arguments: Arguments) -> Answer:
    delete(session, arguments)
    raise Refused("not removed")


def _listing_without(pattern: bytes) -> Hook:
    """A LIST that leaves out the lines that a pattern matches."""
    matches = re.compile(pattern)
    return Hook(
        rewrite=lambda octets: b"".join(
            line for line in octets.splitlines(keepends=True) if not matches.match(line) or b" LIST " not in line
        )
    )


class _Stale(Session):
    """Lists the folders there were at its first LIST."""


def _stale_list(session: Session, arguments: Arguments) -> Answer:
    names = session.user.names
    kept = session.__dict__.setdefault("names", names())
    session.user.names = lambda: kept  # type: ignore[method-assign]
    try:
        return list_folders(session, arguments)
    finally:
        session.user.names = names  # type: ignore[method-assign]


def _subscribed_only(session: Session, arguments: Arguments) -> Answer:
    names = session.user.names
    session.user.names = lambda: {  # type: ignore[method-assign]
        name: mailbox for name, mailbox in names().items() if name in session.user.subscriptions.values()
    }
    try:
        return list_folders(session, arguments)
    finally:
        session.user.names = names  # type: ignore[method-assign]


def _any_pattern(session: Session, arguments: Arguments) -> Answer:
    matches = session.user.naming.matches
    session.user.naming.matches = lambda pattern, name: True  # type: ignore[method-assign]  # noqa: ARG005
    try:
        return list_folders(session, arguments)
    finally:
        session.user.naming.matches = matches  # type: ignore[method-assign]


def _percent_as_star(session: Session, arguments: Arguments) -> Answer:
    matches = session.user.naming.matches
    session.user.naming.matches = lambda pattern, name: matches(pattern.replace("%", "*"), name)  # type: ignore[method-assign]
    try:
        return list_folders(session, arguments)
    finally:
        session.user.naming.matches = matches  # type: ignore[method-assign]


def _prefix_match(session: Session, arguments: Arguments) -> Answer:
    matches = session.user.naming.matches
    session.user.naming.matches = lambda pattern, name: matches(pattern + "*", name)  # type: ignore[method-assign]
    try:
        return list_folders(session, arguments)
    finally:
        session.user.naming.matches = matches  # type: ignore[method-assign]


def _status_of_first(octets: bytes) -> bytes:
    """Every STATUS after the first of an answer has the values of the first."""
    values = re.findall(rb"STATUS .*? (\([^)]*\))\r\n", octets)
    return re.sub(rb"(STATUS .*? )\([^)]*\)\r\n", lambda found: found[1] + values[0] + b"\r\n", octets)


CREATE = {
    "says OK and creates nothing": (Hook(commands={"CREATE": answers_ok}), "OP08-S1"),
    "puts objects of another folder into a new one": (Hook(account=_Welcomes), "OP08-S1"),
    "cuts long names off": (Hook(account=_ShortNames), "OP08-S1"),
    "wants superiors first": (Hook(account=_NoSuperiors), "OP08-S2"),
    "says OK to an existing name": (Hook(account=_CreatesAgain), "OP08-S3"),
    "empties an existing folder": (Hook(account=_EmptiesExisting), "OP08-S3"),
    "uses identifiers again": (Hook(account=_ConstantValidity), "OP08-S4"),
    "folds modified BASE64": (Hook(commands={"CREATE": _folded_names}), "OP08-S7"),
    "says OK to CREATE INBOX": (Hook(account=_CreatesAgain), "OP08-S6"),
}
LIST = {
    "only subscribed folders": (Hook(commands={"LIST": _subscribed_only}), "OP09-S1"),
    "leaves out the third level": (_listing_without(rb'.*"/" "[^"]*/[^"]*/'), "OP09-S1"),
    "leaves out names with a space": (_listing_without(rb'.* "[^"]* [^"]*"'), "OP09-S1"),
    "leaves out non-ASCII names": (_listing_without(rb'.* "[^"]*&'), "OP09-S1"),
    "takes % for *": (Hook(commands={"LIST": _percent_as_star}), "OP09-S5"),
    "ignores the pattern": (Hook(commands={"LIST": _any_pattern}), "OP09-S5"),
    "matches beginnings": (Hook(commands={"LIST": _prefix_match}), "OP09-S5"),
    "tells no delimiter": (Hook(rewrite=dropping(b'LIST (\\Noselect) "/" ""')), "OP09-S2"),
    "tells another delimiter": (
        Hook(rewrite=replacing(b'LIST (\\Noselect) "/" ""', b'LIST (\\Noselect) "." ""')),
        "OP09-S2",
    ),
    "marks folders as \\Noselect": (Hook(rewrite=replacing(b"(\\HasNoChildren)", b"(\\Noselect)")), "OP09-S2"),
    "marks superiors as \\Noinferiors": (Hook(rewrite=replacing(b"\\HasChildren", b"\\Noinferiors")), "OP09-S2"),
    "says that superiors have no children": (
        Hook(rewrite=replacing(b"\\HasChildren", b"\\HasNoChildren")),
        "OP09-S2",
    ),
    "says that leaves have children": (Hook(rewrite=replacing(b"\\HasNoChildren", b"\\HasChildren")), "OP09-S2"),
    "shows bare levels as folders": (Hook(rewrite=replacing(b"\\Noselect ", b"")), "OP09-S6"),
    "leaves out bare levels": (Hook(rewrite=dropping(b"(\\Noselect \\HasChildren)")), "OP09-S9"),
    "lists what there was before": (Hook(commands={"LIST": _stale_list}, session=_Stale), "OP09-S3"),
    "tells the status of another folder": (Hook(rewrite=_status_of_first), "OP09-S4"),
    "tells no status of empty folders": (Hook(rewrite=dropping(b"(MESSAGES 0 UIDNEXT")), "OP09-S4"),
    "another delimiter below": (
        Hook(rewrite=lambda octets: re.sub(rb'LIST (\([^)]*\)) "/" ("[^"]*/[^"]*/)', rb'LIST \1 "." \2', octets)),
        "OP09-S7",
    ),
    "keeps inbox apart from INBOX": (Hook(account=_CaseSensitiveInbox), "OP09-S8"),
    "\\Unmarked on a bare level": (
        Hook(rewrite=replacing(b"(\\Noselect ", b"(\\Noselect \\Unmarked ")),
        "OP09-S10",
    ),
}
REMOVE = {
    "says OK and removes nothing": (Hook(commands={"DELETE": answers_ok}), "OP11-S1"),
    "says NO and removes": (Hook(commands={"DELETE": _refuses_and_removes}), "OP11-S1"),
    "brings objects back": (Hook(account=_Undead), "OP11-S1"),
    "removes names that begin alike": (Hook(account=_RemovesByPrefix), "OP11-S1"),
    "removes inferiors": (Hook(account=_RemovesInferiors), "OP11-S2"),
    "keeps the superior": (Hook(account=_KeepsSuperior), "OP11-S2"),
    "says OK to an unknown name": (Hook(account=_UnknownIsFine), "OP11-S3"),
    "removes whole levels": (Hook(account=_RemovesWholeLevels), "OP11-S3"),
    "empties INBOX": (Hook(account=_EmptiesInbox), "OP11-S3"),
    "uses identifiers again": (Hook(account=_ConstantValidity), "OP11-S4"),
    "says OK to what it does not do": (Hook(account=_UnknownIsFine), "OP11-S5"),
}
FAULTS = [
    pytest.param(fault, requirement, id=f"{requirement} {name}")
    for table in (CREATE, LIST, REMOVE)
    for name, (fault, requirement) in table.items()
]
WARNINGS = {"OP08-S2", "OP08-S8", "OP09-S10"}


@pytest.mark.parametrize(("fault", "requirement"), FAULTS)
def test_a_fault_is_failed_by_the_requirement_it_breaks(fault: Hook, requirement: str) -> None:
    """The requirement fails, or warns where it is a recommendation."""
    with faulty(fault) as server:
        found = run_cases(server, select=[requirement])
    assert found[requirement] == ("warn" if requirement in WARNINGS else "fail")


LEGAL = {
    "usual": Behaviour(),
    "no extension": Behaviour(extensions=frozenset()),
    "delimiter": Behaviour(delimiter="."),
    "no hierarchy": Behaviour(delimiter=None),
    "lower case": Behaviour(name_case="lower"),
    "upper case": Behaviour(name_case="upper"),
    "without case": Behaviour(name_case="insensitive"),
    "literals": Behaviour(name_style="literal"),
    "atoms": Behaviour(name_style="atom"),
    "bare levels hidden from *": Behaviour(noselect_matches_star=False),
    "UIDVALIDITY kept": Behaviour(recreate_keeps_uid_validity=True),
    "large numbers": Behaviour(first_uid_validity=4_294_900_000, first_uid=4_294_900_000),
}


@pytest.mark.parametrize("behaviour", LEGAL.values(), ids=LEGAL)
def test_a_legal_server_fails_nothing(behaviour: Behaviour) -> None:
    """Whatever a server is free to do, no case about folders fails or warns."""
    with faulty(Hook(behaviour=behaviour)) as server:
        report = judged(server, select=CLAUSES)
    wrong = {
        each.id: each.observed for each in report.cases if each.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)
    }
    assert not wrong
    assert report.cases
