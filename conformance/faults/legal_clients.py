"""Legal clients: variants of the reference client that are right, and that no test case may find wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from conformance.clients.protocol import StorageClient
from conformance.clients.simulation import SimulatedClient
from conformance.faults.hooks import ClientHook
from conformance.faults.implementations import RewritingClient
from conformance.faults.legal import asking, changing, choosing, connecting, limits, ordering


def _in_memory(hook: ClientHook) -> StorageClient:
    return RewritingClient(hook) if hook.sends or hook.hears else SimulatedClient(hook.synchronizer)


@dataclass(frozen=True)
class LegalClient:
    """A client that is right: what is unusual about it, what it claims, and how many runs it may need to converge.

    `adapter` makes it in memory.
    """

    sentence: str
    hook: ClientHook
    claims: Mapping[str, bool] = field(default_factory=dict)
    runs: int = 2
    adapter: Callable[[ClientHook], StorageClient] = _in_memory

    def open(self) -> StorageClient:
        """The client, to be used as a context manager."""
        return self.adapter(self.hook)


def _adapter(kind: type[SimulatedClient]) -> Callable[[ClientHook], StorageClient]:
    return lambda hook: kind(hook.synchronizer)


_STEPS: dict[str, LegalClient] = {
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
        "It only downloads in every other run.", ClientHook(ordering.UploadsEveryOtherRun)
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
        "It asks for what changed since a mod-sequence.", ClientHook(asking.KnowsChanges)
    ),
    "sends-more-commands": LegalClient(
        "It sends NOOP, CHECK, STATUS, LIST, LSUB and ID in between.", ClientHook(asking.MoreCommands)
    ),
    "closes-every-folder": LegalClient("It ends every folder with CLOSE.", ClientHook(asking.Closes)),
    "uses-no-extension": LegalClient("It uses RFC 3501 alone.", ClientHook(asking.UsesNoExtension)),
    "says-no-farewell": LegalClient("It ends its connection without LOGOUT.", ClientHook(asking.SaysNoFarewell)),
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
        "It keeps an object that one side removed and the other changed.", ClientHook(choosing.ChangeWins)
    ),
    "server-flags-win": LegalClient(
        "It takes the flags of the server where both sides changed some.", ClientHook(choosing.ServerWins)
    ),
    "client-flags-win": LegalClient(
        "It takes the flags of local storage where both sides changed some.", ClientHook(choosing.ClientWins)
    ),
    "removed-folders-go": LegalClient(
        "It removes a folder with what came into it meanwhile.", ClientHook(choosing.RemovalOfFoldersWins)
    ),
    "keeps-equal-objects-twice": LegalClient(
        "It carries equal objects over that came on both sides.", ClientHook(choosing.KeepsBoth)
    ),
    "starts-anew-when-renumbered": LegalClient(
        "It fetches everything again after a new UIDVALIDITY.", ClientHook(choosing.StartsAnew)
    ),
    "refuses-when-renumbered": LegalClient(
        "It ends with an error at a new UIDVALIDITY.", ClientHook(choosing.RefusesNewIdentifiers)
    ),
    "marks-without-expunging": LegalClient(
        "It removes by a mark alone.", ClientHook(choosing.MarksOnly), {"logical-delete": True}
    ),
    "holds-no-keywords": LegalClient("It holds no keywords.", ClientHook(limits.NoKeywords), {"flags.keywords": False}),
    "holds-seen-only": LegalClient(
        "It holds no system flag but Seen.", ClientHook(limits.OnlySeen), {"flags.system": False}
    ),
    "knows-no-read-report": LegalClient(
        "It does not know read-report-sent.", ClientHook(limits.NoReadReport), {"flags.read-report-sent": False}
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
        "Its user cannot create folders.", ClientHook(limits.CreatesNoFolders), {"folder.create": False}
    ),
    "removes-no-folders": LegalClient(
        "Its user cannot remove folders.", ClientHook(limits.RemovesNoFolders), {"folder.remove": False}
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
}
LEGAL_CLIENTS: dict[str, LegalClient] = _STEPS
