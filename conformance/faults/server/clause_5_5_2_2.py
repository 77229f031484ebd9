"""What the faults of 5.5.2.2 replace: selections that tell or do the wrong thing, UIDs that do not last, and STATUS."""

from __future__ import annotations

import re
from functools import partial

from conformance.faults.hooks import Hook, Rewrite, answers_ok, dropping
from conformance.faults.server import selection, store
from conformance.faults.server.selection import replaced, selecting, telling
from conformance.reference.server import Behaviour


def _sent(rewrite: Rewrite) -> Hook:
    return Hook(rewrite=rewrite)


def _less(match: re.Match[bytes]) -> bytes:
    return match[1] + b"%d" % (int(match[2]) - 1)


def _examine_only(pattern: bytes, replacement: bytes) -> Hook:
    changed = telling(lambda _, line: re.sub(pattern, replacement, line))
    return Hook(commands={"EXAMINE": changed.commands["EXAMINE"]})


HOOKS = {
    "recent-is-left-out": _sent(dropping(b" RECENT\r\n")),
    "exists-is-left-out": _sent(dropping(b" EXISTS\r\n")),
    "flags-are-left-out": _sent(dropping(b"* FLAGS ")),
    "uidnext-is-left-out": _sent(dropping(b"[UIDNEXT")),
    "uidvalidity-is-left-out": _sent(dropping(b"[UIDVALIDITY")),
    "examine-leaves-out-uidnext": _examine_only(rb"\* OK \[UIDNEXT.*\r\n", b""),
    "uidnext-after-the-tagged-ok": _sent(
        replaced(rb"(\* OK \[UIDNEXT.*\r\n)((?:\*.*\r\n)*)(A\d+ OK.*\r\n)", rb"\2\3\1")
    ),
    "exists-counts-the-account": telling(selection.counts_the_account),
    "unseen-is-a-count": telling(selection.counts_the_unseen),
    "unseen-is-told-with-all-seen": telling(selection.always_has_an_unseen),
    "unseen-is-always-one": _sent(replaced(rb"\[UNSEEN \d+\]", b"[UNSEEN 1]")),
    "recent-counts-all": telling(selection.counts_all_as_recent),
    "recent-is-always-zero": _sent(replaced(rb"^\* \d+ RECENT", b"* 0 RECENT")),
    "uidnext-is-the-last-uid": _sent(replaced(rb"(\[UIDNEXT )(\d+)", _less)),
    "uidvalidity-is-zero": _sent(replaced(rb"\[UIDVALIDITY \d+", b"[UIDVALIDITY 0")),
    "exists-as-first-selected": telling(selection.remembering(rb" EXISTS")),
    "unseen-as-first-selected": telling(selection.remembering(rb"\[UNSEEN")),
    "uidnext-as-first-selected": telling(selection.remembering(rb"\[UIDNEXT")),
    "kept-flag-not-permanent": _sent(replaced(rb"(PERMANENTFLAGS \([^)]*)\\Draft ?", rb"\1")),
    "permanent-flag-not-kept": Hook(
        behaviour=Behaviour(permanent_flags=("\\Answered", "\\Flagged", "\\Deleted", "\\Seen")),
        rewrite=replaced(rb"(PERMANENTFLAGS \()(?=\\)", rb"\1\\Draft "),
    ),
    "examine-names-permanent-flags": _sent(replaced(rb"FLAGS \(\)", rb"FLAGS (\\Seen)")),
    "failed-select-keeps-the-folder": selecting(selection.Failing(selection.keeps_the_old)),
    "select-of-unknown-is-ok": selecting(selection.Failing(selection.says_ok)),
    "select-of-unknown-is-bad": selecting(selection.Failing(selection.says_bad)),
    "select-creates-the-unknown": selecting(selection.creates),
    "failed-select-expunges": selecting(selection.Failing(selection.expunges_the_old)),
    "bare-level-can-be-selected": Hook(account=selection.LevelsAreFolders),
    "first-folder-stays-active": selecting(selection.keeps_the_first),
    "select-expunges-what-it-leaves": selecting(selection.expunges_what_it_leaves),
    "logout-expunges": Hook(commands={"LOGOUT": selection.expunges_at_logout}),
    "select-sets-seen": selecting(partial(selection.reads_all, when=[False])),
    "examine-sets-seen": selecting(partial(selection.reads_all, when=[True])),
    "any-selection-sets-seen": selecting(selection.reads_all),
    "renumbered-with-lower-uidvalidity": Hook(mailbox=selection.Aging, behaviour=selection.YOUNG),
    "uids-descend": Hook(mailbox=selection.Descending),
    "one-uidvalidity-for-all": Hook(account=selection.OneValidity),
    "highestmodseq-is-left-out": _sent(dropping(b"[HIGHESTMODSEQ")),
    "highestmodseq-and-nomodseq": _sent(replaced(rb"^(\* OK \[HIGHEST.*\r\n)", rb"\1* OK [NOMODSEQ] none\r\n")),
    "examine-leaves-out-highestmodseq": _examine_only(rb"\* OK \[HIGHESTMODSEQ.*\r\n", b""),
    "highestmodseq-is-the-former": _sent(replaced(rb"(\[HIGHESTMODSEQ )(\d+)", _less)),
    "flags-leave-highestmodseq": Hook(mailbox=selection.SteadyFlags),
    "additions-leave-highestmodseq": Hook(mailbox=selection.SteadyAdditions),
    "highestmodseq-as-first-selected": telling(selection.remembering(rb"HIGHESTMODSEQ")),
    "highestmodseq-is-always-one": _sent(replaced(rb"(\[HIGHESTMODSEQ )\d+", rb"\g<1>1")),
    "read-only-announced-read-write": _sent(replaced(rb"\[READ-ONLY\] SELECT", b"[READ-WRITE] SELECT")),
    "read-only-is-not-announced": _sent(replaced(rb"\[READ-ONLY\] SELECT", b"SELECT")),
    "read-only-told-at-the-end": _sent(replaced(rb"\[READ-ONLY\] SELECT completed", b"SELECT [READ-ONLY]")),
    "examine-is-select": Hook(
        view=selection.AlwaysWritable, rewrite=replaced(rb"\[READ-WRITE\] EXAMINE", b"[READ-ONLY] EXAMINE")
    ),
    "examine-announces-read-write": _sent(replaced(rb"\[READ-ONLY\] EXAMINE", b"[READ-WRITE] EXAMINE")),
    "examine-announces-nothing": _sent(replaced(rb"\[READ-ONLY\] EXAMINE", b"EXAMINE")),
    "uid-store-works-after-examine": selection.unguarded("UID STORE"),
    "store-works-after-examine": selection.unguarded("STORE"),
    "uid-move-works-after-examine": selection.unguarded("UID MOVE"),
    "expunge-works-after-examine": selection.unguarded("EXPUNGE"),
    "uid-expunge-works-after-examine": selection.unguarded("UID EXPUNGE"),
    "close-expunges-after-examine": selection.unguarded("CLOSE"),
    "reading-sets-seen-after-examine": selection.unguarded("UID FETCH"),
    "examine-takes-recent": Hook(view=selection.TakesRecent),
    "uidnext-follows-the-highest-uid": Hook(mailbox=selection.FallingBack),
    "flag-changes-raise-uidnext": Hook(mailbox=selection.Counting),
    "select-raises-uidnext": selecting(selection.raises_the_next),
    "failed-append-raises-uidnext": store.when_refused(store.takes_an_identifier),
    "uids-close-up-at-once": Hook(mailbox=selection.Renumbering),
    "numbers-follow-dates": Hook(view=selection.ByDate),
    "numbers-have-gaps": _sent(replaced(rb"^\* (\d+) FETCH", lambda match: b"* %d FETCH" % (int(match[1]) * 2))),
    "numbers-begin-at-zero": _sent(replaced(rb"^\* (\d+) FETCH", lambda match: b"* %d FETCH" % (int(match[1]) - 1))),
    "additions-told-by-select-only": Hook(session=selection.TellsNoAdditions),
    "additions-counted-one-too-many": Hook(session=selection.TellsHowManyCame),
    "smaller-exists-for-expunge": Hook(session=selection.Reducing),
    "smaller-exists-before-expunge": Hook(session=selection.ReducingFirst),
    "removals-are-never-told": Hook(session=selection.ForgettingRemovals),
    "flag-changes-told-on-request": Hook(session=selection.TellsNoFlags),
    "flag-changes-told-of-the-next": Hook(session=selection.TellsFlagsOfTheNext),
    "bad-select-leaves-the-folder": Hook(commands={"SELECT": partial(selection.leaves_at_bad, name="SELECT")}),
    "bad-fetch-leaves-the-folder": Hook(commands={"UID FETCH": partial(selection.leaves_at_bad, name="UID FETCH")}),
    "bad-examine-protects-the-folder": selecting(selection.protects_at_bad),
    "read-write-is-not-announced": _sent(replaced(rb"\[READ-WRITE\] ", b"")),
    "read-write-announced-read-only": _sent(replaced(rb"\[READ-WRITE\]", b"[READ-ONLY]")),
    "status-takes-recent": selection.status_and(selection.takes_recent),
    "status-sets-seen": selection.status_and(selection.reads),
    "status-expunges": selection.status_and(lambda _, mailbox: mailbox.expunge(mailbox.deleted())),
    "status-selects": selection.status_and(lambda session, mailbox: session.select(mailbox, examine=False)),
    "status-examines": selection.status_and(lambda session, mailbox: session.select(mailbox, examine=True)),
    "status-leaves-the-folder": selection.status_and(lambda session, _: session.deselect()),
    "status-protects-the-folder": selection.status_and(selection.protects),
    "status-knows-every-name": Hook(commands={"STATUS": selection.knows_every_name}),
    "status-tells-nothing": Hook(commands={"STATUS": answers_ok}),
    "status-tells-more-than-asked": _sent(replaced(rb"(STATUS .*)\(UNSEEN", rb"\1(MESSAGES 4 UNSEEN")),
    "status-unseen-is-a-number": _sent(replaced(rb"(STATUS .*UNSEEN )\d+", rb"\g<1>1")),
    "status-messages-one-short": _sent(replaced(rb"(STATUS .*MESSAGES )(\d+)", _less)),
    "status-recent-is-zero": _sent(replaced(rb"(STATUS .*RECENT )\d+", rb"\g<1>0")),
    "status-uidnext-is-one": _sent(replaced(rb"(STATUS .*UIDNEXT )\d+", rb"\g<1>1")),
    "status-has-another-uidvalidity": _sent(replaced(rb"(STATUS .*UIDVALIDITY )(\d+)", rb"\g<1>9\2")),
    "status-highestmodseq-is-one": _sent(replaced(rb"(STATUS .*HIGHESTMODSEQ )\d+", rb"\g<1>1")),
    "flags-are-empty": _sent(replaced(rb"^\* FLAGS \([^)]*\)", b"* FLAGS ()")),
    "flags-leave-out-keywords": _sent(replaced(rb"(?i)(?<=\* FLAGS )(.*) ?Cpm-Kept", rb"\1")),
    "flags-leave-out-draft": _sent(replaced(rb"(\* FLAGS .*)\\Draft ?", rb"\1")),
    "examine-flags-name-seen-only": _examine_only(rb"\* FLAGS \([^)]*\)", rb"* FLAGS (\\Seen)"),
}
