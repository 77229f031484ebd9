"""What faults replace that show only after two or three steps: objects, flags, folders and views of one server."""

from __future__ import annotations

from dataclasses import replace

from conformance.faults.hooks import Hook
from conformance.faults.server import fetch, removal, selection, store
from conformance.faults.server import sequence_parts as parts
from conformance.faults.server import sequence_views as views
from conformance.reference.server.session import Handler


def _both(name: str, handler: Handler) -> dict[str, Handler]:
    """A command by number and by UID."""
    return dict.fromkeys((name, f"UID {name}"), handler)


COPIES_WITHOUT_FLAGS = Hook(commands=_both("COPY", parts.copy_without_flags))
"""Is no fault: that COPY keeps flags is a SHOULD of RFC 3501 6.4.7, and a warning."""

HOOKS = {
    "uids-follow-the-highest": Hook(mailbox=removal.UidsUsedAgain),
    "uids-fall-back-with-the-connection": Hook(connection=parts.FallsBackAtTheEnd),
    "validity-by-name": Hook(account=parts.ValidityByName),
    "copies-not-in-uidnext": parts.UIDNEXT_WITHOUT_COPIES,
    "uidnext-falls-with-expunge": Hook(mailbox=selection.FallingBack),
    "appenduid-counts": store.telling(parts.number_for_uid),
    "copyuid-of-the-source": Hook(commands=_both("COPY", parts.copy_telling_sources)),
    "uids-close-up": Hook(mailbox=selection.Renumbering),
    "interruption-takes-a-uid": Hook(connection=parts.InterruptionTakesUid),
    "uids-begin-again": Hook(mailbox=parts.BeginsAgainWhenEmpty),
    "equal-objects-share-flags": Hook(mailbox=parts.SharesFlags),
    "copies-share-flags": Hook(account=parts.KnowsCopies, mailbox=parts.FlagsReachCopies),
    "rename-loses-flags": Hook(account=parts.RenameLosesFlags),
    "flags-of-the-connection": Hook(
        connection=parts.FlagsEndWithConnection, mailbox=parts.RemembersChanges, view=parts.RemembersView
    ),
    "close-loses-flags": Hook(
        commands={"CLOSE": parts.close_losing_flags}, mailbox=parts.RemembersChanges, view=parts.RemembersView
    ),
    "lost-update": Hook(mailbox=parts.LosesUpdates, view=parts.RemembersView),
    "peek-by-number-sees": Hook(commands={"FETCH": views.fetch_that_sees}),
    "keyword-lost-with-a-flag": Hook(mailbox=parts.KeywordsGoWithFlags),
    "removal-of-one-flag-of-all": Hook(mailbox=parts.TakesAllFlags),
    "replacement-adds": Hook(mailbox=parts.ReplacementAdds),
    "silent-changes-are-not-kept": Hook(
        session=parts.ForgetsSilentChanges,
        mailbox=parts.RemembersChanges,
        view=parts.RemembersView,
        commands={name: parts.store_noting_silence(name) for name in ("STORE", "UID STORE")},
    ),
    "flags-as-first-fetched": Hook(session=fetch.FirstFlags),
    "removed-flags-not-seen-by-others": Hook(view=views.SeesAdditionsOnly, session=views.ShowsWhatItSaw),
    "store-by-number-after-own-expunge": Hook(
        commands={"STORE": views.store_counting_the_removed}, view=views.CountsRemovals
    ),
    "marks-are-remembered": Hook(mailbox=parts.RemembersMarks),
    "expunge-of-own-marks": Hook(
        commands={"EXPUNGE": views.expunge_of_own_marks}, mailbox=parts.RemembersChanges, view=parts.RemembersView
    ),
    "expunge-of-what-was-selected": Hook(
        commands={"EXPUNGE": views.expunge_of_what_was_selected}, view=parts.RemembersView
    ),
    "uid-expunge-of-all-marked": Hook(commands={"UID EXPUNGE": removal.uid_expunge_of_all_marked}),
    "uid-expunge-of-unmarked": Hook(commands={"UID EXPUNGE": removal.uid_expunge_of_unmarked}),
    "close-of-own-marks": Hook(
        commands={"CLOSE": views.close_of_own_marks}, mailbox=parts.RemembersChanges, view=parts.RemembersView
    ),
    "close-removes-nothing": Hook(commands={"CLOSE": removal.close_that_removes_nothing}),
    "close-removes-after-examine": Hook(commands={"CLOSE": removal.close_that_removes_anyway}),
    "leaving-expunges": Hook(session=removal.ExpungedAtTheEnd),
    "selection-expunges-the-former": selection.selecting(selection.expunges_what_it_leaves),
    "renumbered-untold": Hook(view=removal.RenumberedUntold),
    "numbers-of-before": Hook(session=removal.NumbersOfBefore),
    "one-notice-short": Hook(session=removal.OneNoticeShort),
    "expunged-objects-return": Hook(mailbox=parts.ReturnsWithTheNext),
    "equal-object-goes-too": Hook(mailbox=parts.TakesTheEqual),
    "copies-go-too": Hook(account=parts.KnowsCopies, mailbox=parts.TakesTheCopies),
    "numbers-stay": Hook(view=removal.NeverRenumbered),
    "one-of-each": Hook(account=store.KeepsOneOfEach),
    "stored-in-the-active-folder-too": Hook(commands={"APPEND": parts.append_here_too}),
    "several-backwards": Hook(account=store.Backwards),
    "only-the-first": Hook(account=store.OnlyTheFirst),
    "part-is-kept": store.cutting(),
    "first-of-several-is-kept": Hook(connection=parts.KeepsTheFirst),
    "octets-of-the-removed": Hook(mailbox=parts.NextGetsTheLost),
    "octets-move-up": Hook(mailbox=fetch.ShiftingMailbox),
    "delete-takes-inferiors": Hook(account=views.RemovesInferiors),
    "delete-takes-what-begins-alike": Hook(account=views.RemovesByPrefix),
    "rename-leaves-inferiors": Hook(account=views.RenameLeavesInferiors),
    "rename-loses-objects": Hook(account=views.RenameLosesObjects),
    "rename-takes-what-begins-alike": Hook(account=views.RenamesByPrefix),
    "old-name-stays": Hook(account=views.OldNameStays),
    "create-gives-back": Hook(account=views.Undead),
    "create-empties": Hook(account=views.EmptiesExisting),
    "append-creates": replace(store.missing(views.append_creating), account=views.KnowsFormerNames),
    "names-without-case": Hook(account=views.FindsInAnyCase),
    "stale-list": Hook(commands={"LIST": views.stale_list}),
    "flags-do-not-raise-modseq": Hook(mailbox=selection.SteadyFlags),
    "taking-flags-does-not-raise-modseq": Hook(mailbox=parts.SteadyRemovals),
    "changedsince-forgets-after-expunge": fetch.fetching(views.fetch_since_the_last_removal),
    "changedsince-of-own-changes": Hook(
        commands={"UID FETCH": views.fetch_of_own_changes}, mailbox=parts.RemembersChanges, view=parts.RemembersView
    ),
    "unchangedsince-ignored": Hook(commands=_both("STORE", views.store_unconditionally)),
    "one-vanished-short": Hook(mailbox=parts.ForgetsARemoval),
    "closed-removals-forgotten": Hook(commands={"CLOSE": views.close_without_log}),
    "copies-have-old-modseq": Hook(commands=_both("COPY", parts.copy_with_old_modseq)),
    "stale-status": Hook(commands={"STATUS": views.stale_status}),
    "search-of-the-selection": Hook(
        commands={name: views.stale_search(name) for name in ("SEARCH", "UID SEARCH")}, view=parts.RemembersView
    ),
    "parts-go-on": views.PARTS_GO_ON,
    "additions-untold": Hook(session=selection.TellsNoAdditions),
    "additions-untold-after-removals": Hook(session=views.TellsOneThing),
    "one-too-many": Hook(session=selection.TellsHowManyCame),
    "newest-only": Hook(view=store.OwnView),
    "move-copies": Hook(account=removal.MoveThatCopies),
    "size-with-flags": fetch.fetching(fetch.answering(fetch.counts_flags)),
}
