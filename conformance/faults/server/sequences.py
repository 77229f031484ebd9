"""Servers with one fault that shows only after two or three steps, and what they have to be failed by."""

from __future__ import annotations

from dataclasses import dataclass, replace

from conformance.faults.hooks import Hook
from conformance.faults.server import fetch, removal, selection, store
from conformance.faults.server import sequence_parts as parts
from conformance.faults.server import sequence_views as views
from conformance.reference.server.session import Handler


@dataclass(frozen=True)
class SequenceFault:
    """A fault: how it is put into a server, in one sentence, and the requirements of which one has to tell of it.

    `is_mild` marks what may only be warned of.
    """

    name: str
    sentence: str
    fault: Hook
    requirements: tuple[str, ...]
    is_mild: bool = False


def _both(name: str, handler: Handler) -> dict[str, Handler]:
    """A command by number and by UID."""
    return dict.fromkeys((name, f"UID {name}"), handler)


IDENTIFIERS = (
    SequenceFault(
        "uids-follow-the-highest",
        "The next UID follows the highest that is there, so that the UID of a removed newest object is given again.",
        Hook(mailbox=removal.UidsUsedAgain),
        ("OP02-S4", "OP02-S8", "OP03-S5"),
    ),
    SequenceFault(
        "uids-fall-back-with-the-connection",
        "When a connection ends, each folder goes on with the UID after the highest that is there.",
        Hook(connection=parts.FallsBackAtTheEnd),
        ("OP02-S4", "OP02-S8", "OP03-S5"),
    ),
    SequenceFault(
        "validity-by-name",
        "A folder that is created again has the UIDVALIDITY of before, and UIDs from 1 on.",
        Hook(account=parts.ValidityByName),
        ("OP02-S8", "OP08-S4", "OP02-S4"),
    ),
    SequenceFault(
        "copies-not-in-uidnext",
        "UIDNEXT takes no notice of copies.",
        parts.UIDNEXT_WITHOUT_COPIES,
        ("OP02-S1", "OP02-S8"),
    ),
    SequenceFault(
        "uidnext-falls-with-expunge",
        "UIDNEXT is the highest UID that is there, and one more.",
        Hook(mailbox=selection.FallingBack),
        ("OP02-S4", "OP02-S8", "OP03-S5"),
    ),
    SequenceFault(
        "appenduid-counts",
        "APPENDUID tells the number of the object, which is its UID until one is removed.",
        store.telling(parts.number_for_uid),
        ("OP03-S4",),
    ),
    SequenceFault(
        "copyuid-of-the-source",
        "COPYUID tells the UIDs of the source as those of the copies.",
        Hook(commands=_both("COPY", parts.copy_telling_sources)),
        ("OP03-S4",),
    ),
    SequenceFault(
        "uids-close-up",
        "UIDs close up when objects are removed.",
        Hook(mailbox=selection.Renumbering),
        ("OP02-S4", "OP02-S9", "OP02-S8"),
    ),
    SequenceFault(
        "interruption-takes-a-uid",
        "An APPEND that is cut off uses up a UID.",
        Hook(connection=parts.InterruptionTakesUid),
        ("OP02-S8",),
    ),
    SequenceFault(
        "uids-begin-again",
        "UIDs begin again from 1 when the last object of a folder was removed.",
        Hook(mailbox=parts.BeginsAgainWhenEmpty),
        ("OP02-S4", "OP02-S8", "OP03-S5"),
    ),
)
FLAGS = (
    SequenceFault(
        "equal-objects-share-flags",
        "Objects of a folder with the same octets have the same flags.",
        Hook(mailbox=parts.SharesFlags),
        ("OP13-S1", "OP06-S1"),
    ),
    SequenceFault(
        "copies-share-flags",
        "A flag that is set on an object is set on its copies in other folders.",
        Hook(account=parts.KnowsCopies, mailbox=parts.FlagsReachCopies),
        ("OP13-S1",),
    ),
    SequenceFault(
        "copies-without-flags",
        "A copy has no flags.",
        Hook(commands=_both("COPY", parts.copy_without_flags)),
        ("OP13-S7",),
        is_mild=True,
    ),
    SequenceFault(
        "rename-loses-flags",
        "RENAME keeps the objects without their flags.",
        Hook(account=parts.RenameLosesFlags),
        ("OP13-S7", "OP13-S10"),
    ),
    SequenceFault(
        "flags-of-the-connection",
        "Flags that were set are lost when the connection that set them ends.",
        Hook(connection=parts.FlagsEndWithConnection, mailbox=parts.RemembersChanges, view=parts.RemembersView),
        ("OP13-S7", "OP13-S10"),
    ),
    SequenceFault(
        "close-loses-flags",
        "CLOSE takes back the flags that were set since the folder was selected.",
        Hook(commands={"CLOSE": parts.close_losing_flags}, mailbox=parts.RemembersChanges, view=parts.RemembersView),
        ("OP13-S7", "OP13-S10"),
    ),
    SequenceFault(
        "lost-update",
        "STORE changes the flags that the session last knew of, and so takes back what another session set meanwhile.",
        Hook(mailbox=parts.LosesUpdates, view=parts.RemembersView),
        ("OP13-S1", "OP13-S7", "OP13-S10", "OP04-S2", "OP13-S3", "OP02-S5"),
    ),
    SequenceFault(
        "peek-by-number-sees",
        r"BODY.PEEK[] by number sets \Seen.",
        Hook(commands={"FETCH": views.fetch_that_sees}),
        ("OP04-S8",),
    ),
    SequenceFault(
        "keyword-lost-with-a-flag",
        "When a system flag is taken away, the keywords go, too.",
        Hook(mailbox=parts.KeywordsGoWithFlags),
        ("OP13-S1", "OP13-S10"),
    ),
    SequenceFault(
        "removal-of-one-flag-of-all",
        "-FLAGS takes all flags away from an object that has more than one.",
        Hook(mailbox=parts.TakesAllFlags),
        ("OP13-S1", "OP13-S7"),
    ),
    SequenceFault(
        "replacement-adds",
        "FLAGS keeps the flags that an object has.",
        Hook(mailbox=parts.ReplacementAdds),
        ("OP13-S1", "OP13-S7"),
    ),
    SequenceFault(
        "silent-changes-are-not-kept",
        "What .SILENT changes is lost when the session leaves the folder.",
        Hook(
            session=parts.ForgetsSilentChanges,
            mailbox=parts.RemembersChanges,
            view=parts.RemembersView,
            commands={name: parts.store_noting_silence(name) for name in ("STORE", "UID STORE")},
        ),
        ("OP13-S7", "OP13-S1", "OP13-S10", "OP06-S1"),
    ),
    SequenceFault(
        "flags-as-first-fetched",
        "A session shows the flags that an object had when the session first fetched it.",
        Hook(session=fetch.FirstFlags),
        ("OP13-S1", "OP13-S7", "OP04-S2", "OP13-S10", "OP04-S4", "OP02-S1", "OP04-S8", "OP02-S17"),
    ),
    SequenceFault(
        "removed-flags-not-seen-by-others",
        "A session with the folder open does not see that another one takes a flag away.",
        Hook(view=views.SeesAdditionsOnly, session=views.ShowsWhatItSaw),
        ("OP13-S7", "OP13-S1"),
    ),
    SequenceFault(
        "store-by-number-after-own-expunge",
        "STORE by number counts from the folder as it was before the session's own EXPUNGE.",
        Hook(commands={"STORE": views.store_counting_the_removed}, view=views.CountsRemovals),
        ("OP13-S1", "OP13-S7", "OP02-S10", "OP06-S6", "OP13-S10", "OP04-S2", "OP02-S9"),
    ),
)
REMOVAL = (
    SequenceFault(
        "marks-are-remembered",
        r"EXPUNGE takes what was once marked, though \Deleted was taken away again.",
        Hook(mailbox=parts.RemembersMarks),
        ("OP06-S1",),
    ),
    SequenceFault(
        "expunge-of-own-marks",
        "EXPUNGE leaves what another session marked.",
        Hook(
            commands={"EXPUNGE": views.expunge_of_own_marks}, mailbox=parts.RemembersChanges, view=parts.RemembersView
        ),
        ("OP06-S1",),
    ),
    SequenceFault(
        "expunge-of-what-was-selected",
        "EXPUNGE leaves what was stored since the session selected the folder.",
        Hook(commands={"EXPUNGE": views.expunge_of_what_was_selected}, view=parts.RemembersView),
        ("OP06-S1",),
    ),
    SequenceFault(
        "uid-expunge-of-all-marked",
        "UID EXPUNGE takes no notice of its UIDs.",
        Hook(commands={"UID EXPUNGE": removal.uid_expunge_of_all_marked}),
        ("OP06-S1",),
    ),
    SequenceFault(
        "uid-expunge-of-unmarked",
        "UID EXPUNGE takes no notice of the marks.",
        Hook(commands={"UID EXPUNGE": removal.uid_expunge_of_unmarked}),
        ("OP06-S1", "OP06-S4"),
    ),
    SequenceFault(
        "close-of-own-marks",
        "CLOSE leaves what another session marked.",
        Hook(commands={"CLOSE": views.close_of_own_marks}, mailbox=parts.RemembersChanges, view=parts.RemembersView),
        ("OP06-S1", "OP06-S5"),
    ),
    SequenceFault(
        "close-removes-nothing",
        "CLOSE expunges nothing.",
        Hook(commands={"CLOSE": removal.close_that_removes_nothing}),
        ("OP06-S1", "OP06-S5"),
    ),
    SequenceFault(
        "close-removes-after-examine",
        "CLOSE expunges a folder that is active for reading only.",
        Hook(commands={"CLOSE": removal.close_that_removes_anyway}),
        ("OP06-S5",),
    ),
    SequenceFault(
        "leaving-expunges",
        "What is marked goes whenever its folder is left.",
        Hook(session=removal.ExpungedAtTheEnd),
        ("OP02-S3", "OP06-S1", "OP06-S4"),
    ),
    SequenceFault(
        "selection-expunges-the-former",
        "SELECT expunges the folder that was active.",
        selection.selecting(selection.expunges_what_it_leaves),
        ("OP02-S3", "OP06-S1", "OP06-S4"),
    ),
    SequenceFault(
        "renumbered-untold",
        "Numbers move when another session expunges, and nobody is told.",
        Hook(view=removal.RenumberedUntold),
        ("OP13-S1", "OP02-S9", "OP02-S10", "OP02-S11", "OP13-S7", "OP06-S4", "OP04-S14", "OP04-S13"),
    ),
    SequenceFault(
        "numbers-of-before",
        "Notices of several removals do not count the ones before them.",
        Hook(session=removal.NumbersOfBefore),
        ("OP06-S4", "OP06-S6", "OP02-S9", "OP02-S10"),
    ),
    SequenceFault(
        "one-notice-short",
        "The last of several removals is not told.",
        Hook(session=removal.OneNoticeShort),
        ("OP06-S4", "OP02-S11", "OP02-S12", "OP02-S9", "OP02-S10"),
    ),
    SequenceFault(
        "expunged-objects-return",
        "What another session expunged is back when an object is stored.",
        Hook(mailbox=parts.ReturnsWithTheNext),
        ("OP06-S1",),
    ),
    SequenceFault(
        "equal-object-goes-too",
        "EXPUNGE also takes unmarked objects with the same octets.",
        Hook(mailbox=parts.TakesTheEqual),
        ("OP06-S1", "OP06-S4"),
    ),
    SequenceFault(
        "copies-go-too",
        "EXPUNGE also takes the copies of what it removes.",
        Hook(account=parts.KnowsCopies, mailbox=parts.TakesTheCopies),
        ("OP06-S1", "SYN-802"),
    ),
    SequenceFault(
        "numbers-stay",
        "A session counts on as before its notices of removals, until it selects the folder again.",
        Hook(view=removal.NeverRenumbered),
        ("OP02-S9", "OP02-S10", "OP13-S1", "OP04-S14", "OP06-S6", "OP06-S1", "OP04-S3", "OP02-S11", "OP13-S7"),
    ),
)
STORING = (
    SequenceFault(
        "one-of-each",
        "An object with the octets of one that is there is not stored.",
        Hook(account=store.KeepsOneOfEach),
        ("OP03-S1", "OP03-S4"),
    ),
    SequenceFault(
        "stored-in-the-active-folder-too",
        "APPEND to another folder also stores in the one that is active.",
        Hook(commands={"APPEND": parts.append_here_too}),
        ("OP03-S1",),
    ),
    SequenceFault(
        "several-backwards",
        "Several objects of one APPEND are stored in the opposite order.",
        Hook(account=store.Backwards),
        ("OP03-S1", "OP03-S4"),
    ),
    SequenceFault(
        "only-the-first",
        "Of several objects of one APPEND the first is stored.",
        Hook(account=store.OnlyTheFirst),
        ("OP03-S1", "OP03-S4"),
    ),
    SequenceFault(
        "part-is-kept",
        "What came of an object is stored when the connection ends in it.",
        store.cutting(),
        ("OP03-S2",),
    ),
    SequenceFault(
        "first-of-several-is-kept",
        "The first of several objects is stored when the connection ends in the second.",
        Hook(connection=parts.KeepsTheFirst),
        ("OP03-S2",),
    ),
    SequenceFault(
        "octets-of-the-removed",
        "The first object that is stored after a removal gets the octets of what was removed.",
        Hook(mailbox=parts.NextGetsTheLost),
        ("OP03-S1", "SYN-801"),
    ),
    SequenceFault(
        "octets-move-up",
        "When objects are removed, each of the others gets the octets of the one after it.",
        Hook(mailbox=fetch.ShiftingMailbox),
        ("OP04-S1", "OP02-S4", "OP04-S5"),
    ),
)
FOLDERS = (
    SequenceFault(
        "delete-takes-inferiors",
        "DELETE removes what is below the folder.",
        Hook(account=views.RemovesInferiors),
        ("OP11-S2",),
    ),
    SequenceFault(
        "delete-takes-what-begins-alike",
        "DELETE removes every folder whose name begins so and that is not below it.",
        Hook(account=views.RemovesByPrefix),
        ("OP11-S1",),
    ),
    SequenceFault(
        "rename-leaves-inferiors",
        "RENAME leaves what is below the folder where it was.",
        Hook(account=views.RenameLeavesInferiors),
        ("OP09-S3",),
    ),
    SequenceFault(
        "rename-loses-objects",
        "RENAME loses the newest object.",
        Hook(account=views.RenameLosesObjects),
        ("OP09-S3",),
    ),
    SequenceFault(
        "rename-takes-what-begins-alike",
        "RENAME also renames folders whose names begin so.",
        Hook(account=views.RenamesByPrefix),
        ("OP09-S3",),
    ),
    SequenceFault(
        "old-name-stays",
        "After RENAME the folder has its old name, too.",
        Hook(account=views.OldNameStays),
        ("OP09-S3", "OP08-S1"),
    ),
    SequenceFault(
        "create-gives-back",
        "A folder that is created again has the objects of before.",
        Hook(account=views.Undead),
        ("OP11-S1", "OP08-S1"),
    ),
    SequenceFault(
        "create-empties",
        "CREATE of a folder that exists is refused, and empties it.",
        Hook(account=views.EmptiesExisting),
        ("OP08-S3", "OP06-S1"),
    ),
    SequenceFault(
        "append-creates",
        "APPEND creates a folder again that was removed.",
        replace(store.missing(views.append_creating), account=views.KnowsFormerNames),
        ("OP03-S3",),
    ),
    SequenceFault(
        "names-without-case",
        "A name finds the first folder that was created with it in any case, though both can be created.",
        Hook(account=views.FindsInAnyCase),
        ("OP03-S1", "OP08-S1", "OP11-S1", "OP06-S1", "OP09-S3", "OP03-S3"),
    ),
    SequenceFault(
        "stale-list",
        "A session lists the folders there were at its first LIST.",
        Hook(commands={"LIST": views.stale_list}),
        ("OP08-S1", "OP11-S1", "OP09-S3"),
    ),
)
CHANGES = (
    SequenceFault(
        "flags-do-not-raise-modseq",
        "Changes of flags raise no mod-sequences.",
        Hook(mailbox=selection.SteadyFlags),
        ("OP02-S5", "OP13-S3", "OP04-S4"),
    ),
    SequenceFault(
        "taking-flags-does-not-raise-modseq",
        "Taking a flag away raises no mod-sequence.",
        Hook(mailbox=parts.SteadyRemovals),
        ("OP02-S5", "OP13-S3", "OP04-S4"),
    ),
    SequenceFault(
        "changedsince-forgets-after-expunge",
        "CHANGEDSINCE leaves out what changed before the last removal.",
        fetch.fetching(views.fetch_since_the_last_removal),
        ("OP04-S4", "OP04-S15"),
    ),
    SequenceFault(
        "changedsince-of-own-changes",
        "CHANGEDSINCE leaves out what other sessions flagged while the folder was open.",
        Hook(
            commands={"UID FETCH": views.fetch_of_own_changes}, mailbox=parts.RemembersChanges, view=parts.RemembersView
        ),
        ("OP04-S4",),
    ),
    SequenceFault(
        "unchangedsince-ignored",
        "STORE takes no notice of UNCHANGEDSINCE.",
        Hook(commands=_both("STORE", views.store_unconditionally)),
        ("OP13-S3",),
    ),
    SequenceFault(
        "one-vanished-short",
        "VANISHED (EARLIER) leaves out the last of several removals.",
        Hook(mailbox=parts.ForgetsARemoval),
        ("OP04-S15",),
    ),
    SequenceFault(
        "closed-removals-forgotten",
        "VANISHED (EARLIER) leaves out what CLOSE removed.",
        Hook(commands={"CLOSE": views.close_without_log}),
        ("OP04-S15",),
    ),
    SequenceFault(
        "copies-have-old-modseq",
        "COPY raises no mod-sequence.",
        Hook(commands=_both("COPY", parts.copy_with_old_modseq)),
        ("OP02-S5", "OP04-S4", "OP13-S3"),
    ),
)
ASKING = (
    SequenceFault(
        "stale-status",
        "STATUS counts the objects as when it was first asked, until one is stored.",
        Hook(commands={"STATUS": views.stale_status}),
        ("OP02-S16",),
    ),
    SequenceFault(
        "search-of-the-selection",
        "SEARCH goes by the flags at the time of the selection.",
        Hook(commands={name: views.stale_search(name) for name in ("SEARCH", "UID SEARCH")}, view=parts.RemembersView),
        ("OP13-S7",),
    ),
    SequenceFault(
        "parts-go-on",
        "A partial FETCH begins an octet later every time.",
        views.PARTS_GO_ON,
        ("OP04-S10",),
    ),
    SequenceFault(
        "additions-untold",
        "EXISTS is told by SELECT only.",
        Hook(session=selection.TellsNoAdditions),
        ("OP02-S11", "OP02-S10"),
    ),
    SequenceFault(
        "additions-untold-after-removals",
        "EXISTS is not told together with removals.",
        Hook(session=views.TellsOneThing),
        ("OP02-S11", "OP02-S10"),
    ),
    SequenceFault(
        "one-too-many",
        "The size that is told to another session is one too many.",
        Hook(session=selection.TellsHowManyCame),
        ("OP02-S11", "OP02-S10", "OP02-S12"),
    ),
    SequenceFault(
        "newest-only",
        "Of several objects that are stored, another session sees the newest.",
        Hook(view=store.OwnView),
        ("OP02-S11", "OP03-S1"),
    ),
    SequenceFault(
        "move-copies",
        "MOVE leaves the objects where they were.",
        Hook(account=removal.MoveThatCopies),
        ("OP06-S1",),
    ),
    SequenceFault(
        "size-with-flags",
        "RFC822.SIZE counts the flags.",
        fetch.fetching(fetch.answering(fetch.counts_flags)),
        ("OP04-S9", "OP04-S5"),
    ),
)
SEQUENCE_FAULTS = (*IDENTIFIERS, *FLAGS, *REMOVAL, *STORING, *FOLDERS, *CHANGES, *ASKING)
