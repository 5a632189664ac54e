"""What the vendors' own people did to many records at once, seen before it is acted on (law 13).

A deletion that was pulled ends a link and retires a person, a merge joins two golden records. That
is right for a few, and a disaster when somebody has emptied an org by mistake, restored a sandbox
over it, or taken our user's view away. So the inbox is looked at after every pull: too many of one
side's linked records gone at once, and the run stops with the rows where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from mappings.fieldmap import EntityKind
from mappings.records import Record, RecordRef, Side
from state import identity, mirror
from state.mirror import LandedRow
from state.store import Tx
from sync.fold import merged_away
from sync.guard import Gone
from sync.pair import Pair

PAGE = 1000


@dataclass(slots=True)
class _Seen:
    """Linked records the inbox says are gone: deleted ones with the instant, merge losers."""

    deleted: dict[RecordRef, datetime] = field(default_factory=dict)
    merged: set[RecordRef] = field(default_factory=set)


def gone(pair: Pair) -> list[Gone]:
    """Linked records that pending rows say are deleted or merged away, by side and kind.

    A record that came back in a later row is not gone. Costs nothing before the first links, and
    a look at the inbox while nothing is gone.
    """
    with pair.store.read() as tx:
        if not identity.any_linked(tx):
            return []
    seen = _Seen()
    for rows in _pages(pair):
        with pair.store.read() as tx:
            _look(tx, rows, seen)
    if not seen.deleted and not seen.merged:
        return []
    for rows in _pages(pair):
        for row in rows:
            at = seen.deleted.get(row.record.ref)
            if at is not None and not row.record.deleted and row.record.modified_at > at:
                del seen.deleted[row.record.ref]
    with pair.store.read() as tx:
        linked = identity.linked(tx)
    return _grouped(pair, seen, linked)


def _pages(pair: Pair) -> Iterator[list[LandedRow]]:
    after = 0
    while True:
        with pair.store.read() as tx:
            rows = mirror.pending(tx, after=after, limit=PAGE)
        if not rows:
            return
        after = rows[-1].id
        yield rows


def _look(tx: Tx, rows: list[LandedRow], seen: _Seen) -> None:
    """Add what a page of the inbox says is gone and belongs to somebody."""
    deleted: dict[RecordRef, Record] = {}
    losers: set[RecordRef] = set()
    for row in rows:
        record = row.record
        losers.update(merged_away(record))
        if record.merged_into is not None:
            losers.add(record.ref)
        elif record.deleted:
            deleted[record.ref] = record
    links = identity.links_of(tx, {*deleted, *losers})
    live = {ref for ref, link in links.items() if link.status == "live"}
    seen.merged |= losers & live
    for ref in (deleted.keys() & live) - losers:
        at = deleted[ref].modified_at
        seen.deleted[ref] = max(at, seen.deleted.get(ref, at))


def _grouped(pair: Pair, seen: _Seen, linked: dict[tuple[str, str], int]) -> list[Gone]:
    found = []
    for (system, kind), count in sorted(linked.items()):
        of = (system, EntityKind(kind))
        deleted = {r for r in seen.deleted if (r.system, pair.kind_of(r)) == of}
        merged = {r for r in seen.merged if (r.system, pair.kind_of(r)) == of}
        if deleted or merged:
            side: Side = pair.side_of(system)
            own = frozenset(deleted - merged), frozenset(merged)
            found.append(Gone(side, of[1].value, *own, count))
    return found
