"""What the faults of 5.5.2.13 replace: metadata that is changed, kept or told wrongly."""

from __future__ import annotations

from conformance.faults.hooks import Hook, answers_ok
from conformance.faults.server import metadata
from conformance.reference.server import Behaviour

SOME_FLAGS = Behaviour(permanent_flags=("\\Deleted", "\\Seen"))
EXTRA_FLAG = Behaviour(flag_extensions=("\\XCpmUnlisted",), new_keywords=False)

HOOKS = {
    "added-flags-replace": metadata.storing(lambda some, how, flags: (some, "replace" if how == "add" else how, flags)),
    "removed-flags-take-all": metadata.hearing(rb"-FLAGS\S* .*\r", b"FLAGS ()\r"),
    "replacing-flags-adds": metadata.storing(
        lambda some, how, flags: (some, "add" if how == "replace" else how, flags)
    ),
    "only-the-first-named-flag": metadata.storing(lambda some, how, flags: (some, how, flags[:1])),
    "system-flags-by-case": metadata.hearing(rb"\\(FLAGGED|SEEN)", b"keyword"),
    "silent-store-changes-nothing": metadata.hearing(rb"UID STORE 2 \S*FLAGS\.SILENT .*\r", b"NOOP\r"),
    "empty-flag-list-not-understood": metadata.storing_with(metadata.without_empty_lists),
    "uid-store-changes-nothing": Hook(commands={"UID STORE": answers_ok}),
    "only-the-first-named-object": metadata.storing(lambda some, how, flags: (some[:1], how, flags)),
    "range-turned-round-is-cut": metadata.hearing(rb" 6:3 ", b" 6 "),
    "star-below-the-range-is-nothing": metadata.hearing(rb" 109:\* ", b" 109 "),
    "uids-taken-for-numbers": metadata.hearing(rb"UID STORE 4 ", b"STORE 4 "),
    "unlisted-flags-are-kept": Hook(mailbox=metadata.KeepsEverything, behaviour=SOME_FLAGS),
    "unlisted-extensions-are-kept": Hook(session=metadata.ListsOnlySystemFlags, behaviour=EXTRA_FLAG),
    "unlisted-keywords-are-kept": Hook(session=metadata.ListsOnlySystemFlags),
    "read-only-folders-are-changed": Hook(session=metadata.WritesUnderExamine),
    "flag-changes-without-mod-sequence": Hook(mailbox=metadata.SameModSequence),
    "every-mod-sequence-rises": Hook(mailbox=metadata.EveryModSequence),
    "highestmodseq-stands-still": metadata.saying(rb"HIGHESTMODSEQ \d+", b"HIGHESTMODSEQ 1"),
    "unchangedsince-is-overheard": metadata.hearing(rb"\(UNCHANGEDSINCE \d+\) ", b""),
    "modified-is-not-told": metadata.saying(rb"\[MODIFIED [^]]*\] ", b""),
    "modified-names-all": metadata.saying(rb"\[MODIFIED 2\]", b"[MODIFIED 1:3]"),
    "unchangedsince-refuses-all": metadata.hearing(rb"UNCHANGEDSINCE \d+", b"UNCHANGEDSINCE 0"),
    "unchangedsince-zero-is-no-condition": metadata.hearing(rb"SINCE 0\b", b"SINCE 9999"),
    "folder-metadata-ends-with-connection": Hook(connection=metadata.MetadataOfTheSession),
    "folder-metadata-is-cut-short": metadata.saying(rb'"family"', b'"fam"'),
    "folder-metadata-quotes-are-changed": metadata.annotating(
        lambda changes: {entry: value and value.replace(b'"', b"'") for entry, value in changes.items()}
    ),
    "folders-share-their-metadata": Hook(account=metadata.MetadataOfTheAccount),
    "folder-metadata-is-not-removed": metadata.annotating(
        lambda changes: {entry: value for entry, value in changes.items() if value is not None}
    ),
    "folder-metadata-is-refused": Hook(commands={"SETMETADATA": metadata.refused}),
    "folder-metadata-is-dropped": Hook(commands={"SETMETADATA": answers_ok}),
    "shared-metadata-becomes-private": metadata.annotating(
        lambda changes: {entry.replace("shared", "private"): value for entry, value in changes.items()}
    ),
    "private-annotations-are-shared": metadata.with_annotations(metadata.mixed),
    "annotation-quotes-are-changed": metadata.with_annotations(metadata.altered),
    "annotations-are-dropped": metadata.with_annotations(metadata.dropped),
    "flags-of-each-session": Hook(view=metadata.OwnCopy),
    "flags-end-with-the-selection": Hook(session=metadata.ForgetfulAtTheEnd),
    "draft-becomes-seen": metadata.hearing(rb"\\Draft(?=\)\r)", b"\\\\Seen"),
    "store-tells-nothing": metadata.hearing(rb"FLAGS (?=[(\\])", b"FLAGS.SILENT "),
    "store-tells-no-uid": Hook(session=metadata.TellsNoUid),
    "silent-is-not-heard": metadata.hearing(rb"\.SILENT", b""),
    "store-tells-only-its-argument": metadata.storing_with(metadata.store_telling_its_argument),
    "flags-of-others-are-not-told": Hook(view=metadata.NotToldOfFlags),
    "new-keywords-are-dropped": Hook(mailbox=metadata.DropsKeywords),
    "keywords-are-not-in-flags": Hook(session=metadata.HidesKeywords),
    "keywords-by-case": Hook(mailbox=metadata.KeywordsByCase),
    "keywords-after-the-tenth-dropped": Hook(mailbox=metadata.FewKeywords),
    "looks-run-before-changes": Hook(connection=metadata.OutOfOrder),
    "later-changes-are-left-out": Hook(connection=metadata.OnlyTheFirst),
}
