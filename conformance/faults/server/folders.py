"""What the faults of 5.5.2.8, 5.5.2.9 and 5.5.2.11 replace: folders that are created, listed or removed wrongly."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice

from conformance.faults.hooks import Hook, Rewrite, answers_ok, dropping, replacing
from conformance.imap.names import decode_name
from conformance.reference.server import Behaviour
from conformance.reference.server.accounts import Account
from conformance.reference.server.arguments import Arguments
from conformance.reference.server.commands_folders import delete
from conformance.reference.server.commands_list import list_folders
from conformance.reference.server.engine import COMMANDS
from conformance.reference.server.errors import Refused
from conformance.reference.server.session import Handler, Outcome, Session
from conformance.reference.server.store import Mailbox

Names = dict[str, Mailbox | None]
Matches = Callable[[str, str], bool]

_LISTED = re.compile(rb'(\* LIST \([^)]*\) "[^"]*" ")((?:[^"\\]|\\.)*)("\r\n)')


class FillsNewFolders(Account):
    """Puts an object of another folder into every new one."""

    def create(self, name: str) -> Mailbox:
        made = super().create(name)
        for other in self.mailboxes.values():
            if other is not made and other.messages:
                made.append([other.messages[-1].draft()])
                break
        return made


class ShortNames(Account):
    """Cuts names off."""

    def create(self, name: str) -> Mailbox:
        return super().create(name[:40])


class NeedsSuperiors(Account):
    """Wants every superior to exist."""

    def create(self, name: str) -> Mailbox:
        for superior in self.naming.superiors(name.rstrip("/")):
            self.mailbox(superior)
        return super().create(name)


class CreatesAgain(Account):
    """Says OK to a name that exists."""

    def create(self, name: str) -> Mailbox:
        return self.mailboxes.get(self.naming.key(name)) or super().create(name)


class CreatesInbox(Account):
    """Says OK to CREATE of INBOX."""

    def create(self, name: str) -> Mailbox:
        return self.mailbox("INBOX") if name.upper() == "INBOX" else super().create(name)


class SecondInbox(Account):
    """Takes INBOX in another case for a name like others when it is created."""

    def create(self, name: str) -> Mailbox:
        if name.upper() != "INBOX" or name in self.mailboxes:
            return super().create(name)
        self.mailboxes[name] = self._new_mailbox(name)
        return self.mailboxes[name]


class ConstantValidity(Account):
    """Gives every folder the same UIDVALIDITY, and its UIDs from 1 on."""

    def _take_validity(self) -> int:
        return 1


class ForgetsEmptied(Account):
    """Keeps of a removed folder the identifiers of the objects that were still there, and no higher ones."""

    def _bury(self, key: str, mailbox: Mailbox) -> None:
        mailbox.uid_next = max((each.uid for each in mailbox.messages), default=0) + 1
        super()._bury(key, mailbox)


class KeepsTheDelimiter(Account):
    """Takes a trailing delimiter for a part of the name."""

    def create(self, name: str) -> Mailbox:
        return self._put(self._new_mailbox(name)) if name.endswith("/") else super().create(name)


class RefusesTheDelimiter(Account):
    """Takes a trailing delimiter for an empty level."""

    def create(self, name: str) -> Mailbox:
        if name.endswith("/"):
            raise Refused("the folder name has an empty level", "CANNOT")
        return super().create(name)


class OnlyDeclares(Account):
    """Takes a name with a trailing delimiter for a declaration, and creates nothing."""

    def create(self, name: str) -> Mailbox:
        return self._new_mailbox(name) if name.endswith("/") else super().create(name)


class TakesEightBits(Account):
    """Creates folders whose names hold octets above 127, which it shows as modified UTF-7."""

    def create(self, name: str) -> Mailbox:
        ascii_name = "".join(each if each.isascii() else "?" for each in name)
        return super().create(ascii_name)


def create_folded(session: Session, arguments: Arguments) -> Outcome:
    """CREATE that folds whole names, modified BASE64 included."""
    arguments.space()
    session.user.create(arguments.folder().lower())
    return None


def listing(change: Callable[[Account, Names], Names]) -> Hook:
    """A LIST of other names than there are."""

    def handler(session: Session, arguments: Arguments) -> Outcome:
        user, names = session.user, session.user.names
        user.names = lambda: change(user, names())  # type: ignore[method-assign]
        try:
            return list_folders(session, arguments)
        finally:
            user.names = names  # type: ignore[method-assign]

    return Hook(commands={"LIST": handler})


def matching(change: Callable[[Matches, str, str], bool]) -> Hook:
    """A LIST that takes other names for matching."""

    def handler(session: Session, arguments: Arguments) -> Outcome:
        naming, matches = session.user.naming, session.user.naming.matches
        naming.matches = lambda pattern, name: change(matches, pattern, name)  # type: ignore[method-assign]
        try:
            return list_folders(session, arguments)
        finally:
            naming.matches = matches  # type: ignore[method-assign]

    return Hook(commands={"LIST": handler})


def unlisted(pattern: bytes) -> Hook:
    """A LIST that leaves out the lines that a pattern matches."""
    matches = re.compile(pattern)

    def rewrite(octets: bytes) -> bytes:
        lines = octets.splitlines(keepends=True)
        return b"".join(line for line in lines if not matches.match(line) or b" LIST " not in line)

    return Hook(rewrite=rewrite)


def spelling(change: Rewrite) -> Hook:
    """A LIST that spells names otherwise, between their quotes."""
    return Hook(rewrite=lambda octets: _LISTED.sub(lambda found: found[1] + change(found[2]) + found[3], octets))


def selecting_ascii(name: str) -> Handler:
    """SELECT or EXAMINE that looks for the name as it is decoded."""

    def handler(session: Session, arguments: Arguments) -> Outcome:
        if b"&" in arguments._line:
            raise Refused("there is no such folder", "NONEXISTENT")
        return COMMANDS[name].handler(session, arguments)

    return handler


def status_of_the_first(octets: bytes) -> bytes:
    """Every STATUS after the first of an answer has the values of the first."""
    values = re.findall(rb"STATUS .*? (\([^)]*\))\r\n", octets)
    return re.sub(rb"(STATUS .*? )\([^)]*\)\r\n", lambda found: found[1] + values[0] + b"\r\n", octets)


class CaseSensitiveInbox(Account):
    """Knows INBOX in capitals only."""

    def mailbox(self, name: str) -> Mailbox:
        if name.upper() == "INBOX" and name != "INBOX":
            raise Refused("there is no such folder")
        return super().mailbox(name)


def delete_and_refuse(session: Session, arguments: Arguments) -> Outcome:
    """DELETE that removes, and says NO."""
    delete(session, arguments)
    raise Refused("not removed")


class KeepsSuperior(Account):
    """Says OK to the removal of a folder with inferiors and keeps it."""

    def delete(self, name: str) -> None:
        if not self._inferiors(self.naming.key(name)):
            super().delete(name)


class UnknownIsFine(Account):
    """Says OK to the removal of what is not there."""

    def delete(self, name: str) -> None:
        if self.naming.key(name) in self.mailboxes:
            super().delete(name)


class RemovesWholeLevels(Account):
    """Removes a level that is no folder with all its inferiors."""

    def delete(self, name: str) -> None:
        if self.naming.key(name) in self.mailboxes:
            super().delete(name)
            return
        for inferior in self._inferiors(self.naming.key(name)):
            super().delete(self.mailboxes[inferior].name)


class EmptiesInbox(Account):
    """Refuses to remove INBOX, and empties it."""

    def delete(self, name: str) -> None:
        if name.upper() == "INBOX":
            inbox = self.mailbox("INBOX")
            inbox.expunge(inbox.messages)
        super().delete(name)


def _serving(name: str, handler: Handler) -> Hook:
    return Hook(commands={name: handler})


_TOP = b'LIST (\\Noselect) "/" ""'

HOOKS = {
    "create-does-nothing": _serving("CREATE", answers_ok),
    "new-folders-are-not-empty": Hook(account=FillsNewFolders),
    "empty-folders-are-not-listed": listing(
        lambda _, names: {name: each for name, each in names.items() if each is None or each.messages}
    ),
    "long-names-are-cut-off": Hook(account=ShortNames),
    "superiors-have-to-exist": Hook(account=NeedsSuperiors),
    "existing-folder-is-created-again": Hook(account=CreatesAgain),
    "every-folder-has-one-validity": Hook(account=ConstantValidity),
    "delimiter-stays-in-the-name": Hook(account=KeepsTheDelimiter),
    "trailing-delimiter-is-refused": Hook(account=RefusesTheDelimiter),
    "trailing-delimiter-creates-nothing": Hook(account=OnlyDeclares),
    "inbox-is-created": Hook(account=CreatesInbox),
    "second-inbox-is-created": Hook(account=SecondInbox),
    "modified-base64-is-folded": _serving("CREATE", create_folded),
    "eight-bit-names-are-created": Hook(account=TakesEightBits),
    "only-subscribed-folders-are-listed": listing(
        lambda user, names: {name: each for name, each in names.items() if name in user.subscriptions.values()}
    ),
    "third-level-is-not-listed": unlisted(rb'.*"/" "[^"]*/[^"]*/'),
    "names-with-space-not-listed": unlisted(rb'.* "[^"]* [^"]*"'),
    "non-ascii-names-not-listed": unlisted(rb'.* "[^"]*&'),
    "list-ends-at-fifty-folders": listing(lambda _, names: dict(islice(names.items(), 50))),
    "no-delimiter-is-told": Hook(rewrite=dropping(_TOP)),
    "another-delimiter-is-told": Hook(rewrite=replacing(_TOP, _TOP.replace(b"/", b"."))),
    "folders-are-marked-noselect": Hook(rewrite=replacing(b"(\\HasNoChildren)", b"(\\Noselect)")),
    "superiors-are-marked-noinferiors": Hook(rewrite=replacing(b"\\HasChildren", b"\\Noinferiors")),
    "superiors-have-no-children": Hook(rewrite=replacing(b"\\HasChildren", b"\\HasNoChildren")),
    "leaves-have-children": Hook(rewrite=replacing(b"\\HasNoChildren", b"\\HasChildren")),
    "list-status-of-another-folder": Hook(rewrite=status_of_the_first),
    "list-status-without-empty-folders": Hook(rewrite=dropping(b"(MESSAGES 0 UIDNEXT")),
    "percent-crosses-the-delimiter": matching(lambda matches, pattern, name: matches(pattern.replace("%", "*"), name)),
    "pattern-is-ignored": matching(lambda *_: True),
    "pattern-matches-beginnings": matching(lambda matches, pattern, name: matches(pattern + "*", name)),
    "bare-levels-look-like-folders": Hook(rewrite=replacing(b"\\Noselect ", b"")),
    "non-ascii-names-not-selectable": Hook(commands={name: selecting_ascii(name) for name in ("SELECT", "EXAMINE")}),
    "names-are-listed-decoded": spelling(lambda name: decode_name(name).encode()),
    "another-delimiter-below": Hook(
        rewrite=lambda octets: re.sub(rb'LIST (\([^)]*\)) "/" ("[^"]*/[^"]*/)', rb'LIST \1 "." \2', octets)
    ),
    "inbox-is-case-sensitive": Hook(account=CaseSensitiveInbox),
    "bare-levels-are-not-listed": Hook(rewrite=dropping(b"(\\Noselect \\HasChildren)")),
    "bare-levels-are-unmarked": Hook(rewrite=replacing(b"(\\Noselect ", b"(\\Noselect \\Unmarked ")),
    "delete-does-nothing": _serving("DELETE", answers_ok),
    "delete-removes-and-refuses": _serving("DELETE", delete_and_refuse),
    "superior-is-not-removed": Hook(account=KeepsSuperior),
    "unknown-folder-is-removed": Hook(account=UnknownIsFine),
    "bare-level-goes-with-inferiors": Hook(account=RemovesWholeLevels),
    "delete-empties-inbox": Hook(account=EmptiesInbox),
    "emptied-folder-forgets-identifiers": Hook(
        account=ForgetsEmptied, behaviour=Behaviour(recreate_keeps_uid_validity=True)
    ),
}
