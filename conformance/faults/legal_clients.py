"""Legal clients: variants of the reference client that are right, and that no test case may find wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from conformance.clients.protocol import StorageClient
from conformance.clients.reference import ReferenceClient
from conformance.clients.simulation import SimulatedClient
from conformance.faults.hooks import ClientHook
from conformance.faults.implementations import RewritingClient
from conformance.faults.legal import (
    asking,
    changing,
    choosing,
    connecting,
    limits,
    listening,
    ordering,
    resynchronizing,
)


@dataclass(frozen=True)
class LegalClient:
    """A client that is right: what is unusual about it, what it claims, and how many runs it may need to converge.

    `unsettled` names the requirements that test cases may leave inconclusive or warn of, because the text leaves them
    open or one run of this client does not show them. `adapter` makes the client.
    """

    sentence: str
    hook: ClientHook
    claims: Mapping[str, bool] = field(default_factory=dict)
    runs: int = 2
    unsettled: tuple[str, ...] = ()
    adapter: Callable[[ClientHook], StorageClient] = RewritingClient

    @property
    def on_loopback(self) -> bool:
        """Whether it needs sockets and time."""
        return self.adapter is _on_loopback

    def open(self) -> StorageClient:
        """The client, to be used as a context manager."""
        return self.adapter(self.hook)


def _on_loopback(hook: ClientHook) -> StorageClient:
    return ReferenceClient(hook.synchronizer, background=hook.background)


def _adapter(kind: type[SimulatedClient]) -> Callable[[ClientHook], StorageClient]:
    return lambda hook: kind(hook.synchronizer)


LEGAL_CLIENTS: dict[str, LegalClient] = {
    "stores-before-it-fetches": LegalClient(
        "It changes the server before local storage.", ClientHook(ordering.StoresFirst)
    ),
    "removes-before-anything-new": LegalClient(
        "It removes before it carries over what is new.", ClientHook(ordering.RemovesFirst)
    ),
    "flags-before-objects": LegalClient(
        "It carries flags over first and fetches last.", ClientHook(ordering.MetadataFirst)
    ),
    "new-everywhere-before-removals": LegalClient(
        "It goes through all folders twice and removes only then.", ClientHook(ordering.NewEverywhereFirst)
    ),
    "creates-folders-as-it-goes": LegalClient(
        "It creates each folder just before it fills it.", ClientHook(ordering.FolderByFolder)
    ),
    "uploads-every-other-run": LegalClient(
        "It only downloads in every other run.",
        ClientHook(ordering.UploadsEveryOtherRun),
        unsettled=("SYN-515", "SYN-709", "SYN-716", "OP06-C4"),
    ),
    "fills-folders-next-time": LegalClient(
        "It fills a new folder in the run after that which made it.", ClientHook(ordering.FillsFoldersNextTime)
    ),
    "fetches-headers-first": LegalClient("It fetches headers before bodies.", ClientHook(asking.HeadersFirst)),
    "fetches-header-and-text": LegalClient(
        "It fetches the header and the text of an object apart.", ClientHook(asking.HeaderAndText)
    ),
    "fetches-in-pieces": LegalClient("It fetches objects in pieces.", ClientHook(asking.InPieces)),
    "fetches-newest-first": LegalClient(
        "It fetches one object at a time, the newest first.", ClientHook(asking.NewestFirst)
    ),
    "fetches-examined-without-peek": LegalClient(
        "It fetches BODY[] from folders that it has only examined.", ClientHook(asking.NoPeek)
    ),
    "searches-before-it-fetches": LegalClient(
        "It searches for all UIDs before it fetches metadata.", ClientHook(asking.SearchesFirst)
    ),
    "lists-by-sequence-numbers": LegalClient("It lists a folder by sequence numbers.", ClientHook(asking.ByNumbers)),
    "examines-before-it-selects": LegalClient(
        "It examines a folder before it selects it.", ClientHook(asking.ExaminesFirst)
    ),
    "looks-after-storing": LegalClient(
        "It fetches metadata of what it has stored.", ClientHook(asking.LooksAfterStoring)
    ),
    "asks-for-changes-only": LegalClient(
        "It asks for what changed since a mod-sequence.", ClientHook(resynchronizing.KnowsChanges)
    ),
    "resynchronizes-quickly": LegalClient(
        "It selects with QRESYNC.", ClientHook(resynchronizing.QuickResynchronization)
    ),
    "selects-and-lists-at-once": LegalClient(
        "It sends SELECT and FETCH in a pipeline.", ClientHook(resynchronizing.SelectsAndLists)
    ),
    "stores-in-a-pipeline": LegalClient(
        "It has several APPENDs in flight.", ClientHook(resynchronizing.StoresInAPipeline)
    ),
    "sends-more-commands": LegalClient(
        "It sends NOOP, CHECK, STATUS, LIST, LSUB and ID in between.", ClientHook(asking.MoreCommands)
    ),
    "closes-every-folder": LegalClient("It ends every folder with CLOSE.", ClientHook(asking.Closes)),
    "uses-no-extension": LegalClient("It uses RFC 3501 alone.", ClientHook(asking.UsesNoExtension)),
    "says-no-farewell": LegalClient(
        "It ends its connection without LOGOUT.", ClientHook(asking.SaysNoFarewell), unsettled=("SYN-711",)
    ),
    "skips-unchanged-folders": LegalClient(
        "It selects no folder that STATUS shows unchanged.", ClientHook(asking.SkipsUnchanged)
    ),
    "subscribes-to-its-folders": LegalClient(
        "It subscribes to the folders that it creates.", ClientHook(asking.Subscribes)
    ),
    "stores-many-in-one-command": LegalClient("It stores with MULTIAPPEND.", ClientHook(changing.StoresMany)),
    "sets-flags-after-storing": LegalClient(
        "It stores objects without flags and sets them by STORE.", ClientHook(changing.FlagsAfterwards)
    ),
    "changes-flag-by-flag": LegalClient(
        "It changes one flag of one object in a command.", ClientHook(changing.FlagByFlag)
    ),
    "replaces-unchanged-flags": LegalClient(
        "It replaces flags, unless they changed meanwhile.", ClientHook(changing.WholeFlagSets)
    ),
    "removes-one-by-one": LegalClient("It marks and expunges object by object.", ClientHook(changing.RemovesOneByOne)),
    "expunges-without-uids": LegalClient(
        "It uses EXPUNGE and spares the marks of others.", ClientHook(changing.PlainExpunge)
    ),
    "renames-on-the-server": LegalClient(
        "It renames on the server what was renamed locally.", ClientHook(changing.Renames)
    ),
    "copies-on-the-server": LegalClient(
        "It lets the server copy what was moved locally.", ClientHook(changing.CopiesOnServer)
    ),
    "keeps-what-changed": LegalClient(
        "It keeps an object that one side removed and the other changed.",
        ClientHook(choosing.ChangeWins),
        unsettled=("SYN-602", "SYN-603"),
    ),
    "removed-folders-go": LegalClient(
        "It removes a folder with what came into it meanwhile.",
        ClientHook(choosing.RemovalOfFoldersWins),
        unsettled=("SYN-417", "SYN-606", "SYN-607"),
    ),
    "keeps-equal-objects-twice": LegalClient(
        "It carries equal objects over that came on both sides.", ClientHook(choosing.KeepsBoth)
    ),
    "starts-anew-when-renumbered": LegalClient(
        "It fetches everything again after a new UIDVALIDITY.", ClientHook(choosing.StartsAnew), unsettled=("SYN-611",)
    ),
    "holds-no-keywords": LegalClient("It holds no keywords.", ClientHook(limits.NoKeywords), {"flags.keywords": False}),
    "knows-no-read-report": LegalClient(
        "It does not know read-report-sent.", ClientHook(limits.NoReadReport), {"flags.read-report-sent": False}
    ),
    "knows-no-annotations": LegalClient(
        "It knows nothing of METADATA.", ClientHook(limits.NoAnnotations), {"METADATA": False}
    ),
    "keeps-line-feeds": LegalClient("It keeps objects with bare line feeds.", ClientHook(limits.LineFeeds)),
    "tries-again-at-once": LegalClient(
        "It tries a failed run again within the same run.", ClientHook(), adapter=_adapter(connecting.TriesAgain)
    ),
    "several-connections": LegalClient(
        "It makes a connection for each folder.",
        ClientHook(connecting.AConnectionAFolder),
        adapter=_adapter(connecting.SeveralConnections),
    ),
    "adds-a-header": LegalClient(
        "It adds a header field to what it stores.",
        ClientHook(connecting.AddsHeader),
        adapter=_adapter(connecting.ComparesContent),
    ),
    "writes-commands-in-lower-case": LegalClient(
        "It writes commands in lower case.", ClientHook(sends=asking.in_lower_case)
    ),
    "listens-to-nothing": LegalClient(
        "It does not listen for notifications.",
        ClientHook(background=listening.Deaf),
        {"trigger.notification": False},
        adapter=_on_loopback,
    ),
    "ignores-notices": LegalClient(
        "It hears notifications and ignores them.",
        ClientHook(background=listening.IgnoresNotices),
        {"trigger.notification": False},
        adapter=_on_loopback,
    ),
    "polls-instead-of-idling": LegalClient(
        "It polls with NOOP although IDLE is offered.", ClientHook(background=listening.Polls), adapter=_on_loopback
    ),
    "waits-for-quiet": LegalClient(
        "It waits until nothing was changed for half a second.",
        ClientHook(background=listening.WaitsForQuiet),
        adapter=_on_loopback,
    ),
    "server-flags-win": LegalClient(
        "It takes the flags of the server where both sides changed some.",
        ClientHook(choosing.ServerWins),
        unsettled=("SYN-510",),
    ),
    "client-flags-win": LegalClient(
        "It takes the flags of local storage where both sides changed some.",
        ClientHook(choosing.ClientWins),
        unsettled=("SYN-510",),
    ),
    "refuses-when-renumbered": LegalClient(
        "It ends with an error at a new UIDVALIDITY.",
        ClientHook(choosing.RefusesNewIdentifiers),
        unsettled=("SYN-321", "SYN-609", "SYN-610", "SYN-611"),
    ),
    "marks-without-expunging": LegalClient(
        "It removes by a mark alone.", ClientHook(choosing.MarksOnly), {"logical-delete": True}
    ),
    "marks-and-claims-nothing": LegalClient(
        "It removes by a mark alone, and does not say so.",
        ClientHook(choosing.MarksOnly),
        unsettled=("SYN-410", "OP06-C1", "SYN-417", "SYN-701"),
    ),
    "holds-seen-only": LegalClient(
        "It holds no system flag but Seen.",
        ClientHook(limits.OnlySeen),
        {"flags.system": False, "flags.read-report-sent": False},
    ),
    "only-downloads": LegalClient("It only downloads.", ClientHook(limits.Downloads), {"direction.upload": False}),
    "only-uploads": LegalClient("It only uploads.", ClientHook(limits.Uploads), {"direction.download": False}),
    "only-messages": LegalClient(
        "It synchronizes CPM Messages only.",
        ClientHook(limits.OnlyMessages),
        {"kind.file-transfer": False, "kind.session": False, "kind.media": False},
    ),
    "no-media-objects": LegalClient(
        "It synchronizes no standalone Media Objects.", ClientHook(limits.NoMedia), {"kind.media": False}
    ),
    "creates-no-folders": LegalClient(
        "Its user cannot create folders.",
        ClientHook(limits.CreatesNoFolders),
        {"folder.create": False},
        unsettled=("SYN-417", "SYN-606", "SYN-607"),
    ),
    "removes-no-folders": LegalClient(
        "Its user cannot remove folders.", ClientHook(limits.RemovesNoFolders), {"folder.remove": False}
    ),
}
"""Clients by id, of which no test case may fail any; each does what its sentence says, and everything else rightly."""
