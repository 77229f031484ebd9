"""The scenario of a client test case: a base, changes on both sides, one synchronization, and the judgement.

A scenario works on a fresh account and on empty local storage. The client reaches the server through the recording
proxy; the suite's own hands use connections of their own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from conformance.clients.protocol import (
    ClientTimeout,
    StorageClient,
    SyncResult,
    listening_address,
    observes_local_storage,
)
from conformance.imap.interception import Interceptor
from conformance.imap.operations import Operation, read_operations
from conformance.imap.proxies import Proxy, proxy_before
from conformance.imap.transcript import Transcript
from conformance.lifetime import Lifetime
from conformance.model.comparison import Difference, Findings, Lens, Nature, Remark, compare
from conformance.model.folders import FolderPath, display
from conformance.model.needs import claimed_kinds, needed_for, of_claimed_kinds
from conformance.model.oracle import Doubts, Expectation, Row, Standing, expect
from conformance.model.policy import EVERYTHING, Policy
from conformance.model.settlement import Triple, settled
from conformance.model.states import Flags, ObservedObject, Side, Snapshot, StoreState, is_permanent
from conformance.outcomes import Outcome, Reason
from conformance.problems import AdapterProblem
from conformance.scenario.attribution import TWINS, broken_requirement, plain_requirements
from conformance.scenario.judge import Judge, NotApplicable, PreconditionNotReached
from conformance.scenario.marks import sift
from conformance.scenario.sides import LocalSide, ServerSide, StoreSide
from conformance.scenario.stage import Stage
from conformance.scenario.store import INBOX, ServerStore
from conformance.scenario.visibility import ON_THE_SERVER, changes_the_server, moves_flags
from conformance.servers.protocol import Ability, Account
from conformance.spec import Role

_FLAG_NATURES = (Nature.FLAG_NOT_SET, Nature.FLAG_NOT_CLEARED)
_FOLDER_NATURES = (Nature.FOLDER_MISSING, Nature.FOLDER_SURPLUS, Nature.FOLDER_UNKNOWN)
ALL = frozenset({"*"})
CHANGES = (
    "create_folder",
    "remove_folder",
    "rename_folder",
    "store_object",
    "remove_object",
    "update_metadata",
    "copy_object",
)
"""The operations that change what the server holds."""


@dataclass(frozen=True)
class SyncRun:
    """One synchronization as it was seen: what the client reported, and what it did on the wire."""

    result: SyncResult
    transcript: Transcript
    first: int
    last: int

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """What the client did, read from the transcript when it is first asked for."""
        return tuple(read_operations(self.transcript, since=self.first, until=self.last))

    def of_kind(self, *kinds: str) -> list[Operation]:
        """The operations of these kinds, in the order of their commands."""
        return [each for each in self.operations if each.kind in kinds]


class Scenario(Lifetime):
    """A context manager around one fresh account; see the module's text for the order of its use."""

    def __init__(self, stage: Stage, judge: Judge, transcript: Transcript) -> None:
        if stage.client is None:
            raise PreconditionNotReached("no client is under test")
        self.stage, self.judge, self.transcript = stage, judge, transcript
        self.client: StorageClient = stage.client
        judge.sees_local_storage = observes_local_storage(stage.client)
        self.base = StoreState()
        self.policy = EVERYTHING
        self.expectation = Expectation((), ())
        self.findings = Findings(())
        self.strayed: list[Difference] = []
        self.marked: Sequence[tuple[FolderPath, ObservedObject]] = ()
        self.runs: list[SyncRun] = []
        self.doubts: Doubts | None = None
        self.seen_on_server = Snapshot()
        self._untouched = True
        self._hidden: frozenset[str] = frozenset()
        self._interceptor: Interceptor | None = None

    def _start(self, started: ExitStack) -> None:
        stage = self.stage
        self.account = stage.server.fresh_account()
        started.callback(stage.server.release, self.account)
        self.transcript.protect(self.account.credentials.password)
        self.store = started.enter_context(ServerStore(self.account, self.transcript, stage.bounds.answer))
        self._furniture = {INBOX, *self.store.furniture}
        self.proxy = started.enter_context(self._proxy())
        self.client.reset(self._account_of_the_client())
        self.on_server = ServerSide(self.store, self.judge.step)
        self.on_client = LocalSide(self.client, stage.equality, self.judge.step)
        self.on_server.require = self.on_client.require = self.require

    def _proxy(self) -> Proxy:
        """A base that is established from local storage starts anew, before a server that is presented alike."""
        own = self.account
        logs_in_as = own.credentials if own.proxied_login else None
        host = listening_address(self.client)
        proxy = proxy_before(own.endpoint, self.transcript, host=host, logs_in_as=logs_in_as)
        proxy.hide, proxy.intercept = self._hidden, self._interceptor
        return proxy

    def _account_of_the_client(self) -> Account:
        """The account as the client reaches it: through the proxy, and with the proxy's password where it has one."""
        credentials = self.proxy.door or self.account.credentials
        self.transcript.protect(credentials.password)
        return replace(self.account, endpoint=self.proxy.endpoint, credentials=credentials)

    def require(self, items: Iterable[str]) -> None:
        """Raise `NotApplicable` unless the client claims these ICS items."""
        missing = self.stage.unclaimed(Role.CLIENT, tuple(items))
        if missing:
            raise NotApplicable(f"the client does not claim {missing!r}")

    @contextmanager
    def if_claimed(self) -> Iterator[None]:
        """What is done in here is done beside what the test case is about; what the client does not claim ends it."""
        try:
            yield
        except NotApplicable as unclaimed:
            self.judge.remark(f"left out: {unclaimed}")

    def replace_device(self) -> None:
        """Give the client empty local storage and no base, as on a new device; the server keeps what it has."""
        self.require(["direction.download"])
        self.judge.step("replace the device: local storage is empty, nothing was ever synchronized")
        self.client.reset(self._account_of_the_client())
        self.base = StoreState()
        self.on_client.state = StoreState()
        self._untouched = True

    def establish(self, state: StoreState) -> None:
        """Make `state` the base by a real first synchronization of the client.

        It starts from the server's side; where the client does not get there, from its own local storage on a fresh
        account. Raises `PreconditionNotReached` if neither ends with both sides equal. Objects of a kind that the
        client does not claim are of one that it claims instead.
        """
        state = self._claimed(state)
        self.judge.step(f"base, established by a first synchronization: {_told(state)}")
        self.store.fill(state)
        self.on_server.state = state
        differences = self._settle()
        if not self.judge.sees_local_storage:
            self._require_fetched(state)
        elif differences:
            differences = self._establish_from_local(state)
        if differences:
            first = differences[0]
            raise PreconditionNotReached(
                f"the base could not be established: {first.subject} in {display(first.path)} ({first.side}): "
                f"expected {first.expected}, observed {first.observed}"
            )
        self.transcript.note("suite", "the base is established")

    def _require_fetched(self, state: StoreState) -> None:
        """Where nobody sees local storage, the wire has to show that the objects of the base were brought there."""
        fetched = {(each.folder, uid) for run in self.runs for each in run.of_kind("fetch_object") for uid in each.uids}
        wanted = sum(1 for _ in state.items())
        if len(fetched) < wanted:
            raise PreconditionNotReached(f"the client fetched {len(fetched)} of the {wanted} objects of the base")

    def begin(self, state: StoreState, primary: str | None = None) -> bool:
        """Make `state` the base like `establish`, but judge that first synchronization; whether it went well.

        What went wrong breaks `primary`, or without that the requirements of the table. A client that does not claim to
        download starts from its own local storage, which is not judged.
        """
        if "direction.download" in self.stage.unclaimed_of_client:
            self.establish(state)
            return True
        state = self._claimed(state)
        self.judge.step(f"base, established by a first synchronization: {_told(state)}")
        self.store.fill(state)
        self.on_server.state = state
        self._settle()
        if primary and self.findings.differences:
            self.judge_end_state(primary, covers=ALL)
            return False
        for difference in self._telling_differences():
            self._contradict(broken_requirement(difference), difference)
        return not self.findings.differences

    def _claimed(self, state: StoreState) -> StoreState:
        return of_claimed_kinds(state, claimed_kinds(self.stage.unclaimed_of_client))

    def _establish_from_local(self, state: StoreState) -> Sequence[Difference]:
        self._resources.close()
        self.__enter__()
        self._untouched = True
        for path in sorted(state.folders):
            self.client.create_folder(path)
            for item in state.folders[path].values():
                self.client.put(path, item.content.octets, item.flags)
        self.base, self.on_client.state, self.on_server.state = StoreState(), state, StoreState()
        return self._settle()

    def synchronize(self) -> SyncRun:
        """Let the client synchronize until both sides are as the oracle demands, at most as often as allowed.

        Afterwards `findings` holds what contradicts the oracle. Without any, the models of base and both sides are the
        state that was reached. `strayed` holds what was missing on a side after the first of these synchronizations
        though neither side had removed it, also if a later one brought it back.
        """
        self.judge.step("synchronize")
        self._settle()
        return self.runs[-1]

    def synchronizations(self) -> list[SyncRun]:
        """Synchronize; all the runs that the client needed for it."""
        before = len(self.runs)
        self.synchronize()
        return self.runs[before:]

    def _settle(self) -> Sequence[Difference]:
        if self._untouched:
            self._verify_preparation()
        self.expectation = self._expect()
        for number in range(1, self.stage.bounds.runs + 1):
            self.runs.append(self.run_once())
            self.findings = self._compared()
            if number == 1:
                self.strayed = [each for each in self.findings.differences if _is_stray(each)]
            if not self.findings.differences:
                if number > 1:
                    self.judge.remark(f"both sides agreed after {number} synchronizations")
                self._adopt(settled(self.expectation, self._states, self.seen_on_server, self.stage.equality))
                break
        if self.findings.differences and self._only_flags_differ():
            return ()
        return self.findings.differences

    def changed_folders(self) -> set[FolderPath]:
        """The folders in which something is new or gone on one of the sides, and those that are new themselves."""
        sides = self.on_client.state.folders, self.on_server.state.folders
        return {path for side in sides for path in side if side[path] != self.base.folders.get(path)}

    def as_demanded(self) -> bool:
        """Whether both sides are, at this moment, as one more synchronization would have to leave them."""
        self.expectation = self._expect()
        return not self._compared().differences

    def _expect(self) -> Expectation:
        return expect(*self._states.states, self.policy, self.doubts)

    @property
    def _states(self) -> Triple:
        return Triple(self.base, self.on_client.state, self.on_server.state)

    def _compared(self) -> Findings:
        """What contradicts the oracle; of the server alone where local storage cannot be seen."""
        if self.judge.sees_local_storage:
            local, self.seen_on_server = self.snapshots()
            return compare(self.expectation, local, self.seen_on_server, self._lens)
        server = self.seen_on_server = self._server_snapshot()
        findings = compare(self.expectation, server, server, self._lens)
        return Findings(tuple(each for each in findings.differences if each.side is Side.SERVER))

    def _verify_preparation(self) -> None:
        """Hold both sides against their models before the client acts, so that it is blamed for its own doing only.

        Raises `AdapterProblem` if local storage does not show what was put into it, `PreconditionNotReached` if the
        server does not hold what was stored.
        """
        sides: dict[StoreSide, Snapshot] = {self.on_server: self._server_snapshot()}
        if self.judge.sees_local_storage:
            sides = {self.on_client: self._in_scope(self.client.snapshot()), **sides}
        for side, snapshot in sides.items():
            as_it_is = expect(side.state, side.state, side.state)
            wrong = [
                each
                for each in compare(as_it_is, snapshot, snapshot, self.stage.lens()).differences
                if each.nature not in _FLAG_NATURES
            ]
            if wrong:
                text = f"{side.side}: {wrong[0].subject}: expected {wrong[0].expected}, observed {wrong[0].observed}"
                if side is self.on_client:
                    mend = "the client's adapter has to show in `snapshot` what was put; see `cpm-conformance doctor`"
                    raise AdapterProblem(f"what was prepared is not there: {text}", mend)
                raise PreconditionNotReached(f"what was prepared is not there: {text}")

    @cached_property
    def _lens(self) -> Lens:
        """Without flags that the server does not keep (RFC 3501 7.1, PERMANENTFLAGS)."""
        return replace(self.stage.lens(), keeps=self.server_keeps)

    def server_keeps(self, flag: str, path: FolderPath) -> bool:
        """Whether the server says that it keeps a flag of the objects in a folder."""
        return is_permanent(flag, self.store.permanent_flags(path))

    def _adopt(self, states: Triple) -> None:
        self._untouched, self.doubts = True, None
        self.base, self.on_client.state, self.on_server.state = states.states

    def _only_flags_differ(self) -> bool:
        """Take flags that both sides agree on as they are: a base with other flags is still a base."""
        if self.policy != EVERYTHING or any(each.nature not in _FLAG_NATURES for each in self.findings.differences):
            return False
        seen: dict[tuple[str, FolderPath, str | None, Nature], set[Side]] = defaultdict(set)
        for each in self.findings.differences:
            seen[each.subject, each.path, each.flag, each.nature].add(each.side)
        if any(len(sides) < 2 for sides in seen.values()):
            return False
        state = self.expectation.settled()
        for subject, path, flag, nature in seen:
            item = state.get(path, subject)
            if item is not None and flag is not None:
                changed = item.flags | {flag} if nature is Nature.FLAG_NOT_CLEARED else item.flags - {flag}
                state = state.put(path, replace(item, flags=changed))
        self._adopt(Triple(state, state, state))
        return True

    def disturb(
        self,
        interceptor: Interceptor,
        told: str,
        synchronize: Callable[[], SyncResult] | None = None,
        *,
        timeout: float | None = None,
    ) -> SyncRun:
        """One synchronization over connections that the interceptor sees; the next ones are undisturbed again.

        A client that does not end within `timeout` seconds, as in `synchronize`, is ended and has not succeeded.
        """
        self.judge.step(f"synchronize, and {told}")
        self.proxy.intercept = interceptor
        bound = timeout or self.stage.bounds.synchronize
        try:
            run = self.run_once(synchronize or (lambda: self._ended(bound)))
        finally:
            self.proxy.intercept = None
        if self.proxy.problems:
            raise self.proxy.problems.pop()
        self.runs.append(run)
        return run

    def repeat(self) -> tuple[SyncRun, list[Operation], bool]:
        """One more synchronization right after one: the run, what it changed, and whether both sides are as before.

        The server has to be the same with all its UIDs; local storage may name its objects anew.
        """
        before = self.snapshots()
        run = self.run_once()
        after = self.snapshots()
        changes = [each for each in run.of_kind(*CHANGES) if each.changed]
        same = before[1] == after[1] and self.same(before, after)
        self._untouched = same
        return run, changes, same

    def require_renewal(self) -> None:
        """Raise `NotApplicable` unless a folder of this server can be given a new UIDVALIDITY."""
        if Ability.NEW_UID_VALIDITY not in self.stage.server.abilities:
            raise NotApplicable("the server's adapter cannot renew a UIDVALIDITY", Reason.NO_ABILITY)

    def renew_uid_validity(self, path: FolderPath, told: str | None = None) -> None:
        """Let the server give a folder a new UIDVALIDITY, and its objects new UIDs; `told` is the step in words."""
        self.judge.step(told or f"on the server: give {display(path)} a new UIDVALIDITY")
        self.store.close()
        self.stage.server.renew_uid_validity(self.account, self.store.name(path))

    def intercept(self, interceptor: Interceptor, told: str) -> None:
        """From now on let the interceptor see, and change, whatever client and server say to each other."""
        self.proxy.intercept = self._interceptor = interceptor
        self.judge.step(told)

    def _ended(self, timeout: float) -> SyncResult:
        try:
            return self.client.synchronize(timeout)
        except ClientTimeout as problem:
            return SyncResult(success=False, detail=str(problem))

    def run_once(self, synchronize: Callable[[], SyncResult] | None = None) -> SyncRun:
        """One synchronization, bounded in time, with everything it did on the wire."""
        self._untouched = False
        first = self.transcript.note("suite", "synchronize begins").number
        result = synchronize() if synchronize else self.client.synchronize(self.stage.bounds.synchronize)
        self.proxy.wait_idle(self.stage.bounds.answer)
        last = self.transcript.note("suite", f"synchronize ends: {'success' if result.success else 'failure'}").number
        run = SyncRun(result, self.transcript, first, last)
        if not self.judge.sees_local_storage and not run.operations:
            raise PreconditionNotReached("the client asked nothing of the server while it was to synchronize")
        return run

    def snapshots(self) -> tuple[Snapshot, Snapshot]:
        """Local storage and server as they are now, without empty folders that the account came with."""
        return self._in_scope(self.client.snapshot()), self._server_snapshot()

    def _server_snapshot(self) -> Snapshot:
        """The server without what the client has removed by a mark; `marked` is what of that is in doubt (A12)."""
        snapshot = self._in_scope(self.store.snapshot())
        alive, marked = sift(snapshot, self._states.states, self.stage.equality)
        claimed = "logical-delete" not in self.stage.unclaimed_of_client
        counts = bool(marked) and (claimed or not self._is_seen_to_expunge())
        self.marked = marked if counts and not claimed else ()
        return alive if counts else snapshot

    def _is_seen_to_expunge(self) -> bool:
        removals = (each for run in self.runs for each in run.of_kind("remove_object"))
        return any({"EXPUNGE", "MOVE"} & {*each.items} for each in removals)

    def _in_scope(self, snapshot: Snapshot) -> Snapshot:
        own = {path for path in self._furniture if not any(path in each.folders for each in self._states.states)}
        kept = {path: objects for path, objects in snapshot.folders.items() if objects or path not in own}
        return Snapshot(kept) if len(kept) < len(snapshot.folders) else snapshot

    def judge_end_state(self, primary: str, *also: str, covers: Collection[str] = ()) -> None:
        """Judge the end state: every difference breaks its requirement, the named ones pass if nothing breaks them.

        `primary` takes over what the table gives to a requirement in `covers` (`ALL`: everything). None passes where
        objects or folders are not as demanded: the stimulus has not had its effect, so nothing was exercised.
        """
        self.judge_marks(primary)
        for difference in self._telling_differences():
            found = broken_requirement(difference)
            covered = found != primary and (found in covers or covers == ALL)
            follows = plain_requirements([difference]) if covered else []
            self._contradict(primary if covered else found, difference, follows)
        self.weigh_open_outcomes(primary)
        exercised = all(each.nature in _FLAG_NATURES for each in self.findings.differences)
        for requirement in (primary, *also):
            if self.judge.outcome_of(requirement) is not Outcome.NOT_RUN:
                continue
            if moves_flags(requirement, self.expectation, self._lens.holds) is False:
                self.judge.not_applicable(requirement, "the client does not claim, or the server not keep, these flags")
            else:
                self._pass_or_leave(requirement, exercised)

    def plainly_broken(self) -> list[str]:
        """The plain requirements that the differences break: what contradicts a narrower one may follow from them."""
        return plain_requirements(self._telling_differences())

    def judge_strays(self) -> bool:
        """Contradict what forbids to remove, even for a while, what neither side has removed; whether nothing was."""
        for each in self.strayed:
            self._contradict(broken_requirement(each), each)
        return not self.strayed

    def judge_marks(self, *also: str) -> None:
        r"""What was removed locally and is on the server still, marked `\Deleted`, decides neither way (A12)."""
        if not self.marked:
            return
        (path, each), more = self.marked[0], len(self.marked) - 1
        observed = f"UID {each.handle} in {display(path)}{f' and {more} more' if more else ''} marked \\Deleted (A12)"
        for requirement in dict.fromkeys(("SYN-410", *TWINS["SYN-410"], *also)):
            self.judge.undecided(requirement, "what was removed locally is gone from the server", observed)

    def _telling_differences(self) -> list[Difference]:
        """Without those that the difference of their folder already tells."""
        return [each for each in self.findings.differences if each.because is None]

    def weigh_open_outcomes(self, primary: str) -> None:
        """What the text leaves open is recorded; news that were discarded are a warning."""
        for remark in self.findings.remarks:
            where = f"{remark.subject} in {display(remark.path)}"
            self.judge.remark(f"{where}: {remark.text}: {remark.standing}")
            if remark.standing is Standing.DISCARDS:
                self.judge.recommended(primary, f"{where} kept on both sides", f"gone: {remark.text}")

    @property
    def repeats_seen(self) -> list[Remark]:
        """The objects of which there are more copies than one since a synchronization was broken off."""
        more = (Row.NEW_LOCALLY, Row.NEW_ON_SERVER)
        demands = {(each.path, each.item.name) for each in self.expectation.items if each.row in more}
        open_ones = [each for each in self.findings.remarks if each.standing is Standing.OPEN]
        return [each for each in open_ones if (each.path, each.subject) in demands]

    def agreement(self) -> tuple[bool, Counter[str]]:
        """Whether both sides hold the same objects in the same folders, and how often each content is on the server."""
        identity = self.stage.equality.identity
        sides = [Counter((path, identity(each.octets)) for path, each in side.objects()) for side in self.snapshots()]
        return sides[0] == sides[1], Counter(content for _, content in sides[1].elements())

    def refused_untouched(self, run: SyncRun, before: tuple[Snapshot, Snapshot]) -> bool:
        """Whether the client told a failure and left both sides as they were: a safe, if unhelpful, outcome (A29)."""
        return not run.result.success and self.same(self.snapshots(), before)

    def same(self, one: tuple[Snapshot, Snapshot], other: tuple[Snapshot, Snapshot]) -> bool:
        """Whether both sides hold the same folders, objects and flags; a store may name its objects anew."""
        lens = self.stage.lens()
        return all(
            set(here.folders) == set(there.folders) and _contents(here, lens) == _contents(there, lens)
            for here, there in zip(one, other, strict=True)
        )

    def without(self, *capabilities: str) -> None:
        """From now on present the server to the client without these capabilities."""
        self.proxy.hide = self._hidden = frozenset(capabilities)
        self.judge.step(f"present the server without {', '.join(capabilities)}")

    def _pass_or_leave(self, requirement: str, exercised: bool) -> None:  # noqa: FBT001  (two outcomes of one question)
        shown = requirement in ON_THE_SERVER and changes_the_server(self.expectation)
        if exercised and not self.judge.sees_local_storage and not shown:
            self.judge.unseen(requirement)
        elif exercised:
            self.judge.passed(requirement)
        else:
            expected = "the synchronization has its effect, so that this can be seen"
            self.judge.undecided(requirement, expected, "it has not: see the other findings", Reason.NOT_EXERCISED)

    def _contradict(self, requirement: str, difference: Difference, follows: Collection[str] = ()) -> None:
        place = "" if difference.nature in _FOLDER_NATURES else f" in {display(difference.path)}"
        where = f"{difference.subject}{place}, {difference.side}"
        entry = self._deciding_entry(difference.path)
        for each in (requirement, *TWINS.get(requirement, ())):
            expected, observed = f"{where}: {difference.expected}", f"{difference.nature}: {difference.observed}"
            self.judge.contradicted(each, expected, observed, entry, follows)

    def _deciding_entry(self, path: FolderPath) -> int | None:
        """The last operation of the client in that folder, else the end of its synchronization."""
        if not self.runs:
            return None
        name = self.store.name(path) if path else ""
        in_folder = [each.entry for run in self.runs for each in run.operations if each.folder == name]
        return max(in_folder, default=self.runs[-1].last)

    def follow(self, policy: Policy) -> None:
        """Tell the client to follow a policy from now on."""
        self.require(needed_for(policy))
        self.client.set_policy(policy)
        self.policy = policy
        self.judge.step(f"policy: {policy}")


def _is_stray(difference: Difference) -> bool:
    missing = difference.nature in (Nature.MISSING, Nature.FOLDER_MISSING)
    return missing and difference.row is Row.KEPT and difference.because is None


def _contents(snapshot: Snapshot, lens: Lens) -> Counter[tuple[FolderPath, str, Flags]]:
    objects = snapshot.objects()
    return Counter((path, lens.equality.identity(each.octets), lens.flags(each.flags)) for path, each in objects)


def _told(state: StoreState) -> str:
    parts = [
        f"{display(path)} holding {', '.join(items) or 'nothing'}" for path, items in sorted(state.folders.items())
    ]
    return "; ".join(parts) or "nothing at all"
