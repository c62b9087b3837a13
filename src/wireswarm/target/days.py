"""Days in UTC, their `dd-MM-yyyy`, and moments in Unix milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from wireswarm.target.answers import Refusal

DAY_MS = 86_400_000
"""Milliseconds of a day."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.date().toordinal()
_MILLISECOND = timedelta(milliseconds=1)
_DAY = re.compile("([0-9]{2})-([0-9]{2})-([0-9]{4})")
# A record that is kept has a day that a `date` can tell, also some milliseconds later.
_FIRST_YEAR, _LAST_YEAR = 1970, 2999


def day_of(moment: int) -> date:
    """The day that a moment is part of."""
    return date.fromordinal(_EPOCH_ORDINAL + moment // DAY_MS)


def start_of(day: date) -> int:
    """The day's first moment."""
    return (day.toordinal() - _EPOCH_ORDINAL) * DAY_MS


def span_of(day: date) -> tuple[int, int]:
    """The day's first moment, and the next day's."""
    start = start_of(day)
    return start, start + DAY_MS


def show_day(day: date) -> str:
    """Write `dd-MM-yyyy`."""
    return f"{day.day:02}-{day.month:02}-{day.year:04}"


def parse_day(text: str, field: str) -> date:
    """Read `dd-MM-yyyy`.

    Raises:
        Refusal: 400, it is not written so, or there is no such day.
    """
    if match := _DAY.fullmatch(text):
        day, month, year = map(int, match.groups())
        try:
            return date(year, month, day)
        except ValueError:
            pass
    raise Refusal(400, f"{field} is not a date as dd-MM-yyyy")


def parse_moment(text: str, field: str) -> int:
    """Read ISO 8601; without an offset it is UTC.

    Raises:
        Refusal: 400, it is not written so, or the year is not one from 1970 to 2999.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, f"{field} is not a time as ISO 8601") from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise Refusal(400, f"{field} is out of range")
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND
