"""Legal servers: what RFC 3501 and its extensions leave to a server, and that no test case may find wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from conformance.faults.hooks import Hook, Rewrite, faulty
from conformance.faults.implementations import in_memory
from conformance.imap.endpoint import Credentials
from conformance.model.folders import FolderPath
from conformance.reference.server import Behaviour
from conformance.reference.server.accounts import Account, Clock
from conformance.reference.server.behaviour import ALL_EXTENSIONS, SELECT_ITEMS
from conformance.reference.server.engine import ServerConnection
from conformance.reference.server.session import Session
from conformance.reference.server.store import Draft, FlagOperation, Mailbox, Message, Watcher
from conformance.reference.server.view import MailboxView
from conformance.scenario.variations import VARIATIONS
from conformance.servers.protocol import Account as StorageAccount
from conformance.servers.protocol import StorageServer
from conformance.servers.simulation import SimulatedServer

_USUAL = Behaviour()
_TAGGED = re.compile(rb"(?m)^([A-Za-z]+\d+ (?:OK|NO|BAD))\b")
_COERCED = ("SYN-801",)
_FEW_FLAGS = ("\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "\\Draft")


@dataclass(frozen=True)
class LegalServer:
    """A server that is right, and what is unusual about it; `root` is where the folders of an account begin.

    `unsettled` names the requirements that test cases may leave inconclusive, because they cannot be shown there, or
    warn of, because a SHOULD is not followed.
    """

    sentence: str
    hook: Hook
    root: FolderPath = ()
    unsettled: tuple[str, ...] = ()

    def open(self) -> StorageServer:
        """The server in memory, to be used as a context manager."""
        return _BelowRoot(self.hook, self.root) if self.root else in_memory(self.hook)


class _BelowRoot(SimulatedServer):
    """A server whose accounts begin at a folder."""

    def __init__(self, hook: Hook, root: FolderPath) -> None:
        super().__init__(faulty(hook).server, clock=lambda: datetime.now(UTC))
        self._root = root

    def fresh_account(self) -> StorageAccount:
        return replace(super().fresh_account(), root=self._root)


def _behaves(sentence: str, behaviour: Behaviour, unsettled: tuple[str, ...] = ()) -> LegalServer:
    return LegalServer(sentence, Hook(behaviour=behaviour), unsettled=unsettled)


# What it holds, and how


class _Gaps(Mailbox):
    """Leaves UIDs out: they ascend, and need not be contiguous (RFC 3501 2.3.1.1)."""

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        stored = super().append(drafts)
        self.uid_next += 9
        return stored


class _Leaps(Mailbox):
    """Its mod-sequences rise by a hundred (RFC 7162 3.1)."""

    def _next_modseq(self) -> int:
        self.highest_modseq += 99
        return super()._next_modseq()


class _Echoes(Mailbox):
    """Tells changed flags to the session that changed them, too, also after .SILENT (RFC 3501 7.4.2)."""

    def store(
        self, messages: Iterable[Message], operation: FlagOperation, flags: Iterable[str], by: Watcher | None = None
    ) -> list[Message]:
        del by
        return super().store(messages, operation, flags)


class _AllRecent(MailboxView):
    r"""Cannot tell which session is the first, so that every message is `\Recent` (RFC 3501 2.3.2)."""

    def _claim_recent(self, messages: Sequence[Message]) -> None:
        self.recent.update(message.uid for message in messages)


class _LowerCaseFlags(Session):
    """Writes system flags in lower case: flags are case-insensitive (RFC 3501 9)."""

    def flags_of(self, message: Message) -> bytes:
        return _lowered(super().flags_of(message))

    def flags_line(self) -> bytes:
        return b"FLAGS" + _lowered(super().flags_line()[5:])

    def permanent_flags_line(self) -> bytes:
        return _lowered(super().permanent_flags_line())


def _lowered(octets: bytes) -> bytes:
    return re.sub(rb"\\(?:Seen|Answered|Flagged|Deleted|Draft|Recent)\b", lambda found: found[0].lower(), octets)


class _Furnished(Account):
    """Comes with a folder besides INBOX."""

    def __init__(self, credentials: Credentials, behaviour: Behaviour, clock: Clock) -> None:
        super().__init__(credentials, behaviour, clock)
        self.create("Drafts")


class _TellsRemovalsWhenAsked(ServerConnection):
    """Tells removals only in answers to commands that ask for news, or remove."""

    def _may_tell_removals(self, name: str) -> bool:
        return name in {"NOOP", "CHECK", "IDLE", "EXPUNGE", "UID EXPUNGE", "MOVE", "UID MOVE", "CLOSE"}


# What it says, octet by octet


def _before_answers(line: bytes) -> Rewrite:
    """Sends one more untagged response before each tagged one, but not among the octets of objects."""
    return lambda octets: (
        octets if b"BODY[" in octets or b"CAPABILITY" in octets else _TAGGED.sub(line + rb"\r\n\1", octets)
    )


def _by_line(pattern: bytes, change: Callable[[re.Match[bytes]], bytes]) -> Rewrite:
    """Changes what matches in lines outside of objects."""
    found = re.compile(pattern, re.MULTILINE)
    return lambda octets: octets if b"BODY[" in octets else found.sub(change, octets)


_lower_case = _by_line(
    rb"(?<=^\* )(?:\d+ )?[A-Z]+\b|(?<=^[A-Z]\d )OK\b|(?<=^[A-Z]\d\d )OK\b", lambda found: found[0].lower()
)
_own_inbox = _by_line(rb'^(\* LIST \([^)]*\) (?:NIL|"[^"]*") )"INBOX"', lambda found: found[1] + b'"Inbox"')
_no_texts = _by_line(rb"^([A-Z]+\d+ (?:OK|NO|BAD) (?:\[[^\]]*\] )?).*\r$", lambda found: found[1] + b"x\r")


LEGAL_SERVERS: dict[str, LegalServer] = (
    {
        "delimiter-dot": _behaves("Its hierarchy has the delimiter of a dot.", Behaviour(delimiter=".")),
        "no-hierarchy": _behaves("It has no hierarchy.", Behaviour(delimiter=None)),
        "names-in-lower-case": _behaves("It makes new names lower case.", Behaviour(name_case="lower"), _COERCED),
        "names-in-upper-case": _behaves("It makes new names upper case.", Behaviour(name_case="upper"), _COERCED),
        "names-without-case": _behaves("It compares names without case.", Behaviour(name_case="insensitive")),
        "bare-levels-hidden": _behaves("LIST * leaves bare levels out.", Behaviour(noselect_matches_star=False)),
        "no-capability-in-greeting": _behaves("It greets without CAPABILITY.", Behaviour(capability_in_greeting=False)),
        "no-capability-after-login": _behaves(
            "It tells no CAPABILITY at login.", Behaviour(capability_after_login=False)
        ),
        "no-login-command": _behaves("It refuses LOGIN and offers AUTHENTICATE.", Behaviour(login_disabled=True)),
        "selection-in-another-order": _behaves(
            "It answers SELECT in another order.", Behaviour(select_order=tuple(reversed(SELECT_ITEMS)))
        ),
        "items-in-another-order": _behaves(
            "It answers FETCH in another order.", Behaviour(fetch_item_order="reversed")
        ),
        "updates-first": _behaves("It tells news before the answer.", Behaviour(updates_before_answer=True)),
        "highest-expunge-first": _behaves("It tells the highest EXPUNGE first.", Behaviour(expunge_highest_first=True)),
        "no-expunge-in-uid-commands": _behaves(
            "It tells no EXPUNGE in UID commands.", Behaviour(expunge_in_uid_commands=False)
        ),
        "uid-in-updates": _behaves("It tells the UID with changed flags.", Behaviour(uid_in_updates=True)),
        "refuses-before-the-literal": _behaves("It refuses before the object.", Behaviour(refuse_before_literal=True)),
        "vanished-tells-all": _behaves("VANISHED tells all that is not there.", Behaviour(vanished_reports_all=True)),
        "no-idle": _behaves("It offers no IDLE.", _USUAL.without("IDLE")),
        "no-notices": _behaves("It says nothing during IDLE.", Behaviour(idle_push=False), ("SYN-206",)),
        "no-notices-and-no-idle": _behaves(
            "It never says anything unasked.", replace(_USUAL, idle_push=False).without("IDLE")
        ),
        "no-new-keywords": _behaves(
            "It keeps no new keywords.", Behaviour(new_keywords=False, permanent_flags=_FEW_FLAGS)
        ),
        "flags-of-its-own": _behaves("It has a flag of its own.", Behaviour(flag_extensions=("\\read-report-sent",))),
        "short-lines": _behaves("It takes lines of 8000 octets.", Behaviour(max_line=8000)),
        "small-annotations": _behaves("It takes annotations of 1024 octets.", Behaviour(max_annotation=1024)),
        "small-objects": _behaves("It takes objects of 16 MiB.", Behaviour(max_literal=2**24)),
        "the-least": _behaves(
            "It offers nothing that it need not.",
            Behaviour(
                extensions=frozenset(),
                first_uid=2**32 - 400,
                fetch_item_order="reversed",
                updates_before_answer=True,
                expunge_in_uid_commands=False,
            ),
        ),
        "the-most": _behaves(
            "It tells all that it may.",
            Behaviour(
                first_modseq=2**62,
                expunge_highest_first=True,
                uid_in_updates=True,
                vanished_reports_all=True,
                fetch_item_order="reversed",
            ),
        ),
        "uids-continue": _behaves(
            "A folder made again continues its UIDs.",
            Behaviour(recreate_keeps_uid_validity=True, refuse_before_literal=True, delimiter="."),
        ),
        "flat-with-large-identifiers": _behaves(
            "It is flat, and its numbers are large.",
            Behaviour(delimiter=None, first_uid=2**32 - 400, first_uid_validity=2**31),
        ),
        "capitals-and-no-notices": _behaves(
            "Its names are capitals.", Behaviour(name_case="upper", idle_push=False), _COERCED
        ),
        "literals-and-large-uids": _behaves(
            "Names come as literals, items in another order.",
            Behaviour(
                name_style="literal",
                fetch_item_order="reversed",
                updates_before_answer=True,
                delimiter=".",
                first_uid=4294900000,
            ),
        ),
        "bare-and-flat": _behaves(
            "It is flat, without extensions and new keywords.",
            Behaviour(extensions=frozenset(), delimiter=None, name_style="atom", new_keywords=False),
        ),
        "lenient-in-case": _behaves(
            "It ignores case and refuses early.",
            Behaviour(
                name_case="insensitive",
                recreate_keeps_uid_validity=True,
                expunge_in_uid_commands=False,
                refuse_before_literal=True,
            ),
        ),
        "gaps-between-uids": LegalServer("It leaves UIDs out.", Hook(mailbox=_Gaps)),
        "leaps-of-mod-sequences": LegalServer("Its mod-sequences rise by a hundred.", Hook(mailbox=_Leaps)),
        "echoes-silent-changes": LegalServer(
            "It tells changed flags also after .SILENT.", Hook(mailbox=_Echoes), unsettled=("OP13-S8",)
        ),
        "all-is-recent": LegalServer("Everything is recent to every session.", Hook(view=_AllRecent)),
        "more-folders": LegalServer("An account comes with a folder besides INBOX.", Hook(account=_Furnished)),
        "removals-told-when-asked": LegalServer("It tells removals to NOOP.", Hook(connection=_TellsRemovalsWhenAsked)),
        "responses-in-lower-case": LegalServer("It writes responses in lower case.", Hook(rewrite=_lower_case)),
        "flags-in-lower-case": LegalServer("It writes system flags in lower case.", Hook(session=_LowerCaseFlags)),
        "inbox-in-another-case": LegalServer("It lists Inbox.", Hook(rewrite=_own_inbox)),
        "no-texts": LegalServer("Its answers have hardly any text.", Hook(rewrite=_no_texts)),
        "unknown-codes": LegalServer(
            "It says OK with an unknown code all the time.",
            Hook(rewrite=_before_answers(rb"* OK [XNOISE 1 (2 3)] hello")),
        ),
        "capabilities-again-and-again": LegalServer(
            "It tells its capabilities all the time.",
            Hook(
                rewrite=_before_answers(
                    b"* CAPABILITY IMAP4rev1 " + b" ".join(sorted(x.encode() for x in ALL_EXTENSIONS))
                )
            ),
        ),
        "long-texts": LegalServer("It says long texts.", Hook(rewrite=_before_answers(rb"* OK " + b"x" * 5000))),
        "few-permanent-flags": _behaves(
            "It keeps few flags.", Behaviour(new_keywords=False, permanent_flags=("\\Deleted", "\\Seen"))
        ),
        "deleted-is-the-only-flag": _behaves(
            "It keeps no flag but one.", Behaviour(new_keywords=False, permanent_flags=("\\Deleted",))
        ),
        "folders-below-a-prefix": LegalServer(
            "Personal folders lie below a prefix.", Hook(behaviour=Behaviour(personal_prefix="Mail/")), ("Mail",)
        ),
    }
    | {
        f"varied-{name}": _behaves("It is one of the servers of the random cases.", behaviour)
        for name, behaviour in VARIATIONS.items()
    }
    | {
        f"without-{name.lower().rstrip('+')}": _behaves(f"It does not offer {name}.", _USUAL.without(name))
        for name in sorted(ALL_EXTENSIONS - {"IDLE", "UIDPLUS"})
    }
)
"""Servers by id; each differs from the reference server in what its sentence says."""
