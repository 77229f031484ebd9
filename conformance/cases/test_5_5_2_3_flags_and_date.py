"""5.5.2.3 store object: flags and date are those given with the object, and no flags and now where none are given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from conformance.cases.declaration import server_case
from conformance.imap.results import read_date
from conformance.imap.wire import Exchange
from conformance.model.objects import message
from conformance.scenario.awkward import octets
from conformance.scenario.judge import Judge, PreconditionNotReached
from conformance.scenario.storage import Fetched, Storage, Tester, append_line, plain_flags

OBJECT = message("with-flags-and-date").octets
DATE = "17-Jul-1996 02:44:25 -0700"
FLAGS: dict[str, tuple[str, ...]] = {
    "seen": ("\\Seen",),
    "answered": ("\\Answered",),
    "flagged": ("\\Flagged",),
    "deleted": ("\\Deleted",),
    "draft": ("\\Draft",),
    "several": ("\\Seen", "\\Flagged", "\\Draft"),
    "all-system-flags": ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"),
    "in-any-case": ("\\sEEN", "\\FLAGGED"),
    "keyword": ("$Forwarded",),
    "keywords-and-flags": ("$MDNSent", "\\Seen", "Conversation"),
}
DATES: dict[str, str] = {
    "utc": "04-Mar-2024 10:15:00 +0000",
    "west": DATE,
    "east-by-a-half-hour": "04-Mar-2024 10:15:00 +0530",
    "east-beyond-midnight": "31-Dec-2023 23:30:00 -0100",
    "far-east": "01-Jan-2024 00:30:00 +1300",
    "padded-day": " 4-Mar-2024 10:15:00 +0000",
    "leap-day": "29-Feb-2024 23:59:59 +0000",
    "summer-in-europe": "31-Mar-2024 02:30:00 +0100",
    "long-ago": "01-Jan-1985 12:00:00 +0000",
}
# How far the clocks of suite and server may be apart, and the time that no clock error explains.
CLOCKS = timedelta(minutes=15)
DAY = timedelta(days=1)


def _stored(storage: Storage, folder: bytes) -> Fetched:
    """The only object of a folder, as a session sees it that is opened now."""
    later = storage.connect()
    later.examine(folder)
    found = list(later.fetch("1:*", "UID FLAGS INTERNALDATE").values())
    if len(found) != 1:
        raise PreconditionNotReached(f"{len(found)} objects are there, 1 was stored")
    return found[0]


def _date_of(items: Fetched) -> datetime | None:
    return read_date(items.get("INTERNALDATE"))


def _control(storage: Storage, tester: Tester, *levels: str) -> bytes:
    """A new folder, on a server that stores an object without flags and date."""
    tester.append(storage.folder(tester, "Control"), OBJECT)
    return storage.folder(tester, *levels)


def _judge_flags(storage: Storage, judge: Judge, folder: bytes, given: tuple[str, ...], answer: Exchange) -> None:
    wanted = {flag.lower() for flag in given}
    permanent = storage.connect().select(folder).permanent_flags
    told = None if permanent is None else {flag.lower() for flag in permanent}
    free = told is None or "\\*" in told
    expected = {flag for flag in wanted if told is None or flag in told or (free and not flag.startswith("\\"))}
    found = plain_flags(_stored(storage, folder))
    holds = expected <= found <= wanted
    told_flags = f"{sorted(found)}, given {sorted(wanted)}, permanent {sorted(told or ())}"
    judge.check("OP03-S7", holds, f"{sorted(expected)}", told_flags, answer.entry)


@pytest.mark.parametrize("flags", FLAGS)
@server_case("store-with-flags", "OP03-S7")
def test_store_with_flags(storage: Storage, judge: Judge, flags: str) -> None:
    """A server sets the flags that come with an object, those that it keeps, and no others."""
    tester = storage.connect()
    folder = _control(storage, tester, "Flags")
    answer = tester.ask(append_line(folder, FLAGS[flags]), OBJECT)
    if judge.check("OP03-S7", answer.ok, "OK", answer.told, answer.entry):
        _judge_flags(storage, judge, folder, FLAGS[flags], answer)


@pytest.mark.parametrize("date", DATES)
@server_case("store-with-a-date", "OP03-S7")
def test_store_with_a_date(storage: Storage, judge: Judge, date: str) -> None:
    """A server sets the internal date that comes with an object, in whatever zone that is given and told."""
    tester = storage.connect()
    folder = _control(storage, tester, "Date")
    answer = tester.ask(append_line(folder, date=DATES[date]), OBJECT)
    if judge.check("OP03-S7", answer.ok, "OK", answer.told, answer.entry):
        items = _stored(storage, folder)
        given = datetime.strptime(DATES[date].strip(), "%d-%b-%Y %H:%M:%S %z")
        told = f"INTERNALDATE {items.get('INTERNALDATE')!r}"
        judge.check("OP03-S7", _date_of(items) == given, f"the same moment as {DATES[date]}", told, answer.entry)


@server_case("store-with-flags-and-date", "OP03-S7")
def test_store_with_flags_and_date(storage: Storage, judge: Judge) -> None:
    """A server sets both flags and date of each of several objects, whatever those before it were given."""
    tester = storage.connect()
    tester.select(_control(storage, tester, "Active"))
    given = datetime.strptime(DATE, "%d-%b-%Y %H:%M:%S %z")
    for number, flags in enumerate((("\\Seen",), ("\\Flagged", "\\Answered"), ("\\Draft",))):
        folder = storage.folder(tester, f"Both {number}")
        answer = tester.ask(append_line(folder, flags, DATE), OBJECT)
        if judge.check("OP03-S7", answer.ok, "OK", answer.told, answer.entry):
            _judge_flags(storage, judge, folder, flags, answer)
            date = _date_of(_stored(storage, folder))
            judge.check("OP03-S7", date == given, f"INTERNALDATE {DATE}", f"{date}", answer.entry)


def _judge_no_flags(judge: Judge, items: Fetched, answer: Exchange) -> None:
    found = sorted(plain_flags(items))
    judge.check("OP03-S10", not found, "no flags", f"{found}", answer.entry)


def _judge_now(judge: Judge, items: Fetched, answer: Exchange) -> None:
    date, now = _date_of(items), datetime.now(UTC)
    expected, told = f"about {now:%d-%b-%Y %H:%M:%S} UTC", f"INTERNALDATE {items.get('INTERNALDATE')!r}"
    if date is not None and CLOCKS < abs(date - now) < DAY:
        judge.undecided("OP03-S10", expected, f"{told}; a clock may be wrong, or a time zone", entry=answer.entry)
    else:
        judge.check("OP03-S10", date is not None and abs(date - now) <= CLOCKS, expected, told, answer.entry)


OLD: dict[str, bytes] = {
    "usual": OBJECT,
    "read-long-ago": octets("read", b"text\r\n", b"Status: RO\r\nX-Status: A\r\nX-Mozilla-Status: 0001\r\n"),
    "received-long-ago": b"Received: from a by b; Fri, 1 Mar 2024 00:00:00 +0000\r\n" + octets("received", b"text\r\n"),
    "sent-in-the-future": OBJECT.replace(b"Mon, 04 Mar 2024", b"Wed, 04 Mar 2037"),
    "without-a-date": OBJECT.replace(b"Date: Mon, 04 Mar 2024 10:15:00 +0000\r\n", b""),
}


@pytest.mark.parametrize("content", OLD)
@server_case("store-without-flags-and-date", "OP03-S10")
def test_store_without_flags_and_date(storage: Storage, judge: Judge, content: str) -> None:
    """A server stores an object without flags and dates it now when none are given, whatever its header says."""
    tester = storage.connect()
    folder = storage.folder(tester, "Defaults")
    answer = tester.append(folder, OLD[content])
    items = _stored(storage, folder)
    _judge_no_flags(judge, items, answer)
    _judge_now(judge, items, answer)


@server_case("store-with-only-one-of-both", "OP03-S10")
def test_store_with_only_one_of_both(storage: Storage, judge: Judge) -> None:
    """A server takes neither flags nor date for an object from those that were given with another."""
    tester = storage.connect()
    active = storage.folder(tester, "Active")
    tester.select(active)
    tester.append(active, OBJECT, ["\\Seen", "\\Flagged"], DATE)
    dated, flagged, plain = (storage.folder(tester, name) for name in ("Dated", "Flagged", "Plain"))
    answer = tester.append(dated, OBJECT, date=DATE)
    _judge_no_flags(judge, _stored(storage, dated), answer)
    answer = tester.append(flagged, OBJECT, ["\\Flagged"])
    _judge_now(judge, _stored(storage, flagged), answer)
    answer = tester.ask(b"APPEND " + plain + b" () {}", OBJECT)
    if not answer.ok:
        raise PreconditionNotReached(f"APPEND with an empty list of flags: {answer.told}")
    _judge_no_flags(judge, _stored(storage, plain), answer)
    _judge_now(judge, _stored(storage, plain), answer)
