"""HubSpot's ways of writing time: ISO text in UTC, and milliseconds since 1970.

Stored values are always `YYYY-MM-DDTHH:MM:SS.mmmZ`, so that text order is time order. On the wire
a whole second loses its `.000`, as recorded traffic shows ([R]: `2022-02-17T19:25:29Z`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS = 86_400_000


def iso(ms: int) -> str:
    """The stored text of an instant given in milliseconds."""
    at = _EPOCH + timedelta(milliseconds=ms)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def shown(text: str) -> str:
    """The stored text as the wire shows it."""
    return text[:-5] + "Z" if text.endswith(".000Z") else text


def millis(at: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime, exactly."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def parse_ms(text: str) -> int:
    """Milliseconds from epoch-ms digits, an ISO date or an ISO date-time; ValueError otherwise.

    A date-time without a zone is read as UTC (assumed).
    """
    stripped = text.strip()
    if stripped.lstrip("-").isdigit():
        return int(stripped)
    if len(stripped) < 10 or stripped[4] != "-":
        raise ValueError(text)
    at = datetime.fromisoformat(stripped)
    return millis(at if at.tzinfo else at.replace(tzinfo=UTC))


def parse_date(text: str) -> str:
    """`YYYY-MM-DD` from a date or midnight-UTC milliseconds; ValueError otherwise."""
    stripped = text.strip()
    if stripped.lstrip("-").isdigit():
        ms = int(stripped)
        if ms % _DAY_MS:
            raise ValueError(text)
        return iso(ms)[:10]
    return date.fromisoformat(stripped).isoformat()
