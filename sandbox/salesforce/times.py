"""Salesforce's spelling of instants and days.

Datetimes are kept as the vendor writes them, `2021-12-02T18:23:39.000+0000`: UTC, whole seconds,
no colon (FACTS section 4, recorded). All have that one form, so comparing the text compares time.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

_DATETIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII
)


def stamp(at: datetime) -> str:
    """An aware datetime in the vendor's form; fractions of a second are cut off."""
    utc = at.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def from_stamp(text: str) -> datetime:
    """The aware datetime of the vendor's form."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def parse_datetime(text: str) -> str | None:
    """A datetime as clients send it (any offset, any fraction), in the vendor's form; else None."""
    match = _DATETIME.fullmatch(text)
    if match is None:
        return parse_date_as_datetime(text)
    zone = (match[3] or "Z").replace("Z", "+0000").replace(":", "")
    try:
        return stamp(datetime.strptime(f"{match[1]}T{match[2]}{zone}", "%Y-%m-%dT%H:%M:%S%z"))
    except ValueError:
        return None


def parse_date_as_datetime(text: str) -> str | None:
    """A date alone stands for its midnight, UTC."""
    day = parse_date(text)
    return None if day is None else f"{day}T00:00:00.000+0000"


def parse_date(text: str) -> str | None:
    """`YYYY-MM-DD`, alone or at the head of a datetime; None where it is no date."""
    head = text[:10]
    try:
        day = date.fromisoformat(head)
    except ValueError:
        return None
    if len(text) > len(head) and _DATETIME.fullmatch(text) is None:
        return None
    return day.isoformat()


def http_date(at: datetime) -> str:
    """The form of the Date and Last-Modified headers."""
    return at.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
