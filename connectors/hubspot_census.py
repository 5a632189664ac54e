"""What HubSpot has now, whole streams: the nightly reconciliation's reading.

Records come from the list, which knows all live ones at once (search lags behind), with their
stamp alone. Events have no shorter form: they are read whole, newest first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.base import Clock, iso, moment
from connectors.hubspot_events import Batch
from connectors.hubspot_marketing import Marketing
from connectors.hubspot_read import Reader, next_of
from connectors.hubspot_wire import expect
from mappings.ports import Page
from mappings.records import Json


def record_census(
    read: Reader, object_name: str, after: Mapping[str, Json] | None, clock: Clock
) -> Iterator[Page]:
    """Pages of bare records, 100 a call. Cursor: `list`, where the next page begins."""
    place: str | None = (after or {}).get("list")
    while True:
        answer = read.page(object_name, place, bare=True)
        found = read.sifted(object_name, answer, answer.date(clock))
        place = next_of(expect(answer), place)
        last = place is None
        yield Page(tuple(found.good), (), {"list": place}, last=last, malformed=found.malformed)
        if last:
            return


def email_census(marketing: Marketing, after: Mapping[str, Json] | None) -> Iterator[Page]:
    """Pages of e-mail events, 1,000 a call. Cursor: `until`, the oldest instant read."""
    until = moment(after, "until")
    batch = marketing.email_events(None, until)
    while True:
        until = min((event.occurred_at for event in batch.events), default=until)
        yield _page(batch, {"until": iso(until) if until else None})
        if batch.more is None:
            return
        batch = batch.more()


def form_census(
    marketing: Marketing, guid: str, after: Mapping[str, Json] | None
) -> Iterator[Page]:
    """Pages of a form's submissions, 50 a call. Cursor: `after`, where the next page begins."""
    batch = marketing.submissions(guid, (after or {}).get("after"))
    while True:
        yield _page(batch, {"after": batch.after})
        if batch.more is None:
            return
        batch = batch.more()


def _page(batch: Batch, cursor: Mapping[str, Json]) -> Page:
    return Page((), batch.events, cursor, last=batch.more is None, malformed=batch.malformed)
