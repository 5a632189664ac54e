"""How late rows show up, observed; and how far back a cursor must therefore look.

A vendor's stamp is not the moment at which a row can be seen: transactions commit later, and search
indexes lag behind (HubSpot's by up to 38 s in recordings, FACTS section 2). A cursor that settles
steps back by an overlap of at least five minutes (BEHAVIOURS, Cursors). Where rows turn up that the
reading before should have shown and did not, the overlap becomes twice the longest lateness seen,
up to an hour; what is later still is for the nightly reconciliation. It shrinks again, slowly.

In the cursor: `read`, when the last whole reading began by the vendor's clock, and `lag`, seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from connectors.base import instant, iso, moment
from mappings.ports import Page
from mappings.records import Json, Record

LONGEST = timedelta(hours=1)
"""The longest overlap, and the latest a row may be to count: a record that was restored, or that we
may see only now, is no late commit."""
FADES = 0.999
"""What remains of the lateness seen after each whole reading: half of it after half a day of
readings a minute apart (assumed: a bad day of the vendor's is remembered for a day)."""


def overlap_for(lag: float, least: timedelta) -> timedelta:
    """How far back to look for a lateness of `lag` seconds. Pure."""
    return max(least, min(LONGEST, timedelta(seconds=2 * lag)))


def widened(
    pages: Iterable[Page], since: Mapping[str, Json] | None, *, least: timedelta
) -> Iterator[Page]:
    """The pages, the last one's cursor set back by what was observed.

    `pages` hold rows that have not landed, and end with the cursor `at`, which is `least` before
    their reading began.
    """
    read, lag = moment(since, "read"), float((since or {}).get("lag") or 0.0)
    for page in pages:
        lag = max(lag, _latest(page.records, read))
        kept: dict[str, Json] = {"read": iso(read)} if read else {}
        cursor = {**page.cursor, **kept, "lag": lag}
        if page.last and page.cursor.keys() <= {"at", "unsettled"}:
            began = instant(page.cursor["at"]) + least
            at = began - overlap_for(lag, least)
            fading = round(lag * FADES, 3)
            cursor = {**page.cursor, "at": iso(at), "read": iso(began), "lag": fading}
        yield replace(page, cursor=cursor)


def _latest(records: Iterable[Record], read: datetime | None) -> float:
    """Seconds by which the latest of these rows missed the reading before; 0 for none."""
    if read is None:
        return 0.0
    late = (read - record.modified_at for record in records)
    return max((by.total_seconds() for by in late if by <= LONGEST), default=0.0)
