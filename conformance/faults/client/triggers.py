"""Reference clients that are broken where they run by themselves: a timer, a watch, an ear, or who runs beside whom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from conformance.faults.hooks import ClientHook
from conformance.imap.syntax import Response
from conformance.model.triggers import Triggers
from conformance.reference.client.background import Background
from conformance.reference.client.client import Client
from conformance.reference.client.object_step import ObjectStep
from conformance.reference.client.report import Report
from conformance.reference.client.server_folders import INBOX
from conformance.reference.client.synchronizer import Synchronizer
from conformance.reference.client.triggers import LocalChanges, Notifications, Timer, Trigger


class OnlyOnce(Timer):
    """Armed once and never again."""

    fired = False

    def is_due(self) -> bool:
        due = super().is_due() and not self.fired
        self.fired |= due
        return due


class ArmedOnce(Background):
    """Its timer fires once."""

    def timer(self, period: float) -> Trigger:
        return OnlyOnce(period)


class RestartedByActivity(Background):
    """Every change of local storage sets the timer back."""

    def run(self, client: Client, triggers: list[Trigger]) -> None:
        activity = LocalChanges(client.storage)
        timer = cast("Timer", triggers[0])

        class Restarted(Timer):
            def is_due(self) -> bool:
                if activity.is_due():
                    activity.begin()
                    self.begin()
                return super().is_due()

        super().run(client, [Restarted(timer.period)])


class Never(Background):
    """Does nothing whatever happens."""

    def run(self, client: Client, triggers: list[Trigger]) -> None:
        del client, triggers
        self._stopped.wait()


class BusyAtZero(Background):
    """A period of zero is no pause at all."""

    def run(self, client: Client, triggers: list[Trigger]) -> None:
        if triggers:
            super().run(client, triggers)
        while not self._stopped.is_set():
            self.synchronize(client)


class SeenAdditions(LocalChanges):
    """Knows the names of objects alone, and forgets none."""

    def is_due(self) -> bool:
        return not self._handles() <= cast("set[str]", self._seen or set())

    def begin(self) -> None:
        self._seen = cast("set[str]", self._seen or set()) | self._handles()

    def _handles(self) -> set[str]:
        return {handle for path in self._storage.folders() for handle in self._storage.objects(path)}


class OnlyAdditions(Background):
    """Nothing but new objects makes it synchronize."""

    def local_changes(self, client: Client) -> Trigger:
        return SeenAdditions(client.storage)


class NoFlags(LocalChanges):
    """Is blind to flags."""

    def content(self) -> object:
        return {path: set(self._storage.objects(path)) for path in self._storage.folders()}


class OnlyObjects(Background):
    """Flags do not make it synchronize."""

    def local_changes(self, client: Client) -> Trigger:
        return NoFlags(client.storage)


class ForgetsMeanwhile(Background):
    """What local storage holds after a synchronization is taken for synchronized."""

    def run(self, client: Client, triggers: list[Trigger]) -> None:
        self._watched = triggers
        super().run(client, triggers)

    def synchronize(self, client: Client) -> Report:
        report = super().synchronize(client)
        for each in self._watched:
            each.begin()
        return report


class Deaf(Notifications):
    """Marks the change as seen, and that is all."""

    def hear(self, _: Response) -> None:
        return None


class NoticeIsEnough(Background):
    """It hears, and does not synchronize."""

    def notifications(self, client: Client) -> Notifications:
        return Deaf(lambda: self._listen(client), self._problem)


class StaleView(Notifications):
    """Removes what a notice names from local storage, by the numbers that were true when it began to listen."""

    client: Client
    known: tuple[str, ...] = ()

    def hear(self, notice: Response) -> None:
        objects = self.client.storage.objects(INBOX)
        self.known = self.known or tuple(objects)
        if notice.name == "EXPUNGE" and notice.number is not None:
            doomed = objects.get(self.known[notice.number - 1])
            if doomed is not None:
                self.client.storage.remove_object(doomed)
        super().hear(notice)


class AppliesStaleNumbers(Background):
    """It takes notices for orders."""

    def notifications(self, client: Client) -> Notifications:
        stale = StaleView(lambda: self._listen(client), self._problem)
        stale.client = client
        return stale


class Unguarded(Client):
    """Two runs at a time on one directory."""

    @contextmanager
    def _alone(self) -> Iterator[None]:
        yield


class WithoutGuard(Background):
    """It does not look whether another one runs."""

    def open(self) -> Client:
        return Unguarded(self.directory, synchronizer=self.synchronizer)


class SideBySide(Background):
    """Every trigger has a thread of its own, and nothing keeps them apart."""

    def start(self) -> None:
        wanted = self.wanted
        each = (Triggers(period=wanted.period), Triggers(local_changes=wanted.local_changes))
        self._parts = [WithoutGuard(self.directory, one, self.endpoint, self.credentials, self.root) for one in each]
        super().start()
        for part in self._parts:
            part.start()

    def run(self, client: Client, triggers: list[Trigger]) -> None:
        super().run(client, [each for each in triggers if isinstance(each, Notifications)])

    def stop(self) -> None:
        for part in self._parts:
            part.stop()
        super().stop()


class Deadlocked(Background):
    """Two triggers that are due at the same time wait for each other."""

    def run(self, client: Client, triggers: list[Trigger]) -> None:
        while not self._stopped.wait(0.05):
            due = [each for each in triggers if each.is_due()]
            if len(due) > 1:
                self._stopped.wait()
            elif due:
                due[0].begin()
                self.synchronize(client)


class Stumbling(Background):
    """Every second synchronization finds the server gone."""

    def synchronize(self, client: Client) -> Report:
        if len(self.reports) % 2:
            return super().synchronize(client)
        return self._failed("the server is gone")


class RequestDropped(Synchronizer):
    """A request that comes after a synchronization is dropped, as if that one had been enough."""

    def run(self) -> None:
        if not self.context.base.folders():
            super().run()


class FetchesFirst(ObjectStep):
    """Fetches nothing into a folder that it has synchronized before."""

    def fetch_new(self) -> None:
        if not self.rows:
            super().fetch_new()


class FetchesOnce(Synchronizer):
    """Brings the content of a folder, and never what is new in it."""

    object_step = FetchesFirst


HOOKS = {
    "later-requests-are-dropped": ClientHook(RequestDropped),
    "period-elapses-once": ClientHook(background=ArmedOnce),
    "no-trigger-is-heeded": ClientHook(background=Never),
    "timer-restarted-by-activity": ClientHook(background=RestartedByActivity),
    "period-zero-never-rests": ClientHook(background=BusyAtZero),
    "only-additions-are-noticed": ClientHook(background=OnlyAdditions),
    "changes-of-flags-unnoticed": ClientHook(background=OnlyObjects),
    "changes-during-a-run-unnoticed": ClientHook(background=ForgetsMeanwhile),
    "notice-only-marked-as-seen": ClientHook(background=NoticeIsEnough),
    "notices-applied-by-stale-numbers": ClientHook(background=AppliesStaleNumbers),
    "triggers-run-side-by-side": ClientHook(background=SideBySide),
    "triggers-wait-for-each-other": ClientHook(background=Deadlocked),
}
