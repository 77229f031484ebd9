"""What the faults of 5.5.2.6 replace: removal that takes too much or too little, or is told wrongly."""

from __future__ import annotations

from conformance.faults.hooks import Hook, answers_ok
from conformance.faults.server import removal

HOOKS = {
    "one-marked-object-stays": Hook(mailbox=removal.marking(lambda marked, _: marked[:-1])),
    "oldest-marked-object-stays": Hook(mailbox=removal.marking(lambda marked, _: marked[1:])),
    "one-unmarked-object-goes-too": Hook(
        mailbox=removal.marking(lambda marked, folder: [*marked, *folder.messages[-1:]])
    ),
    "all-objects-go": Hook(mailbox=removal.marking(lambda _, folder: folder.messages)),
    "marking-removes-at-once": Hook(commands={"UID STORE": removal.store_that_removes}),
    "expunged-objects-come-back": Hook(mailbox=removal.Revived),
    "expunge-only-tells": Hook(commands={"EXPUNGE": removal.expunge_that_only_tells}),
    "expunge-does-nothing": Hook(commands={"EXPUNGE": answers_ok}),
    "uids-of-the-removed-used-again": Hook(mailbox=removal.UidsUsedAgain),
    "leaving-a-folder-expunges": Hook(session=removal.ExpungedAtTheEnd),
    "uid-expunge-takes-all-marked": Hook(commands={"UID EXPUNGE": removal.uid_expunge_of_all_marked}),
    "uid-expunge-takes-the-unmarked": Hook(commands={"UID EXPUNGE": removal.uid_expunge_of_unmarked}),
    "move-leaves-the-originals": Hook(account=removal.MoveThatCopies),
    "move-expunges": Hook(account=removal.MoveThatExpunges),
    "removals-told-at-any-time": Hook(connection=removal.Eager),
    "removals-told-in-fetch": Hook(connection=removal.eager_in("FETCH")),
    "removals-told-in-store": Hook(connection=removal.eager_in("STORE")),
    "removals-told-in-search": Hook(connection=removal.eager_in("SEARCH")),
    "removals-told-amid-fetch": Hook(connection=removal.EagerInTheMiddle),
    "store-refuses-vanished-uids": Hook(commands={"UID STORE": removal.store_that_refuses_the_vanished}),
    "vanished-uid-taken-for-first": Hook(connection=removal.VanishedTakenForFirst),
    "last-removal-is-not-told": Hook(session=removal.OneNoticeShort),
    "removals-told-by-old-numbers": Hook(session=removal.NumbersOfBefore),
    "removals-told-by-uid": Hook(session=removal.UidsForNumbers),
    "close-only-unselects": Hook(commands={"CLOSE": removal.close_that_removes_nothing}),
    "closing-tells-removals": Hook(commands={"CLOSE": removal.close_that_tells}),
    "close-leaves-the-folder-active": Hook(commands={"CLOSE": removal.close_that_stays}),
    "close-removes-under-examine": Hook(commands={"CLOSE": removal.close_that_removes_anyway}),
    "close-refused-under-examine": Hook(commands={"CLOSE": removal.close_that_needs_write}),
    "expunge-works-under-examine": Hook(session=removal.ReadOnlyForgotten),
    "numbers-stay-after-removals": Hook(view=removal.NeverRenumbered),
    "numbers-move-untold": Hook(view=removal.RenumberedUntold),
    "others-are-not-told-of-removals": Hook(connection=removal.OnlyOwnRemovals),
    "removals-told-before-a-literal": Hook(connection=removal.EagerForLiterals),
}
