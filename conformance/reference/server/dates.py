"""The date-time and date forms of RFC 3501 section 9."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBERS = {name.lower(): number for number, name in enumerate(MONTHS, 1)}
_DATE_TIME = re.compile(r"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_DATE = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{4})")


def parse_date_time(text: str) -> datetime:
    """A date-time such as `17-Jul-1996 02:44:25 -0700`, with its own zone. Raises ValueError."""
    match = _DATE_TIME.fullmatch(text)
    if match is None or match[2].lower() not in _MONTH_NUMBERS:
        raise ValueError(f"{text!r} is not a date-time")
    offset = timedelta(hours=int(match[8]), minutes=int(match[9]))
    zone = timezone(-offset if match[7] == "-" else offset)
    clock = (int(match[4]), int(match[5]), min(int(match[6]), 59))
    return datetime(int(match[3]), _MONTH_NUMBERS[match[2].lower()], int(match[1]), *clock, tzinfo=zone)


def parse_date(text: str) -> date:
    """A date such as `1-Feb-1994`. Raises ValueError."""
    match = _DATE.fullmatch(text)
    if match is None or match[2].lower() not in _MONTH_NUMBERS:
        raise ValueError(f"{text!r} is not a date")
    return date(int(match[3]), _MONTH_NUMBERS[match[2].lower()], int(match[1]))


def format_date_time(moment: datetime) -> bytes:
    """The quoted date-time of an INTERNALDATE answer: the day is padded with a space, the zone is the moment's own."""
    minutes = int((moment.utcoffset() or timedelta()).total_seconds()) // 60
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    return f'"{moment.day:2}-{MONTHS[moment.month - 1]}-{moment.year:04} {moment:%H:%M:%S} {zone}"'.encode()
