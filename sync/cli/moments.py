"""Points in time as people type them on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from sync.cli.output import shown
from sync.cli.session import UsageFault

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def moment_of(text: str | None, now: datetime) -> datetime | None:
    """ISO 8601 (UTC unless it says otherwise), or so long ago: 30m, 24h, 7d. None stays None.

    Raises UsageFault (exit 2) for anything else.
    """
    if text is None:
        return None
    ago = re.fullmatch(r"(\d{1,6})([mhd])", text.strip())
    if ago is not None:
        return now - int(ago[1]) * UNITS[ago[2]]
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageFault(
            f"`{shown(text)}` is no point in time",
            remedy="Write it like 2026-03-02T08:00Z, or as how long ago: 30m, 24h, 7d.",
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
