"""Pages of the in-memory vendor: what there is now, and the disorder real vendors answer in."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mappings.ports import Page
from mappings.records import Event, Json, Record, RecordRef


def census_pages(
    records: Sequence[Record],
    events: Sequence[Event],
    after: Mapping[str, Json] | None,
    *,
    size: int,
) -> Iterator[Page]:
    """All records, bare, in the order of their ids, then all events. Cursor: `id`, the last one
    given, and `events`, how many were."""
    last_id, told = int((after or {}).get("id") or 0), int((after or {}).get("events") or 0)
    left = sorted((r for r in records if int(r.ref.id) > last_id), key=lambda r: int(r.ref.id))
    while True:
        part, left = left[:size], left[size:]
        happened = () if part else tuple(events[told : told + size])
        told += len(happened)
        last_id = int(part[-1].ref.id) if part else last_id
        last = not left and told >= len(events)
        bare = tuple(Record(r.ref, {}, r.revision, r.modified_at) for r in part)
        yield Page(bare, happened, {"id": str(last_id), "events": told}, last=last)
        if last:
            return


def disordered(page: Page, earlier: Mapping[RecordRef, Record], rng: random.Random | None) -> Page:
    """The page with its rows in any order, some twice, and older states of some among them."""
    if rng is None:
        return page
    before = [earlier[r.ref] for r in page.records if r.ref in earlier]
    records = [*page.records, *before, *page.records[: rng.randint(0, 2)]]
    events = [*page.events, *page.events[: rng.randint(0, 2)]]
    rng.shuffle(records)
    rng.shuffle(events)
    return replace(page, records=tuple(records), events=tuple(events))
