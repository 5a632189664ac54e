"""The nightly reconciliation: every id the vendors have against every id that landed (ADR 0004).

Pulling asks what has changed and can be fooled; counting everything cannot. Once a night each
stream is read whole, by id and modified time: what never landed, or landed before its last edit, is
fetched; what is here and nowhere at the vendor was deleted unseen, and lands as a deletion that
nobody told. Both then travel like anything pulled: deletions are held, and the brake stops on many
of them. What the counting came to is kept for the completeness report, and people are called when
it does not add up.

It is the work of lowest urgency: a slice in every run, in the last lane, and only its findings are
fetched in the lane of repairs. Every page lands with its place, so a kill repeats a page at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from mappings.errors import PASSING, InvariantError, LeadloopError, UnreadableAnswerError
from mappings.ports import Cadence, Connector, Lane, Page, StreamSpec
from mappings.records import Record, Side
from state import census, events, mirror, quarantine
from state.census import VANISHED, Count, Here
from state.store import Tx
from sync.counted import adds_up
from sync.crash import crashpoint
from sync.pair import Pair
from sync.pull import Pulled, is_due

log = structlog.get_logger("leadloop.census")

SLICE = 200
"""Calls one run spends on counting a side: some 20 seconds, so that everyday work never waits long;
a million records are counted within the night."""
GRACE = timedelta(minutes=15)
"""What is younger than this when counting begins is left to the pull, which has its own overlap."""
BATCH = 200
"""Records here that the vendor does not have, looked at in one transaction."""
AGAIN = timedelta(hours=1)
"""How soon it is counted again while deletions that nobody told wait for a person's word: they may
have been a lost permission, and lift by themselves when the records are seen again."""
NAMES = 20
"""Records named at most of those that could not be fetched."""
PAGES, REST = "pages", "rest"


def count_all(pair: Pair, run_id: str, pulled: Pulled, *, everything: bool) -> Counter[str]:
    """A slice of counting for both sides, where it is due; what was found, by word.

    A side that could not be read is left out; one that fails meanwhile goes on with the next run.
    """
    told: Counter[str] = Counter()
    for side, specs in pulled.streams.items():
        if side in pulled.unread:
            continue
        counting = _Counting(pair, run_id, side, everything, told)
        try:
            for spec in specs:
                if spec.counted:
                    counting.go_on_with(spec)
        except PASSING as error:
            system = pair.connector(side).system
            log.info("census.interrupted", system=system, code=error.code, run_id=run_id)
    return told


@dataclass(frozen=True, slots=True)
class Sorted:
    """The records of a page by what is here of them. Ids, each in one of these."""

    landed: frozenset[str]
    missing: frozenset[str]
    behind: frozenset[str]
    risen: frozenset[str]
    recent: frozenset[str]
    aside: frozenset[str]


def sort(records: Sequence[Record], here: Here, settled: datetime) -> Sorted:
    """What each of the vendor's records is to us. Pure.

    `settled` is the instant up to which the pull must have seen everything. `behind` are records
    that landed before their last edit, `risen` ones we take for deleted.
    """
    words: dict[str, set[str]] = {}
    for record in records:
        word = _word(record, here, settled)
        words.setdefault(word, set()).add(record.ref.id)
    names = ("landed", "missing", "behind", "risen", "recent", "aside")
    return Sorted(*(frozenset(words.get(name, ())) for name in names))


def _word(record: Record, here: Here, settled: datetime) -> str:
    name, young = record.ref.id, record.modified_at >= settled
    known = here.modified.get(name)
    if name in here.landed:
        return "landed"
    if known is None:
        if name in here.aside:
            return "aside"
        return "recent" if young else "missing"
    if name in here.deleted:
        return "recent" if young else "risen"
    return "behind" if known < record.modified_at and not young else "landed"


@dataclass(slots=True)
class _Counting:
    """One side's counting within a run; `left` is how many calls it may still take."""

    pair: Pair
    run_id: str
    side: Side
    everything: bool
    told: Counter[str]
    left: int = SLICE
    _counts: dict[str, Count] = field(default_factory=dict)
    _doubtful: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        with self.pair.store.read() as tx:
            found = census.counts(tx, self._connector.system)
            self._doubtful = census.doubtful(tx, self._connector.system)
        self._counts = {count.stream: count for count in found}

    @property
    def _connector(self) -> Connector:
        return self.pair.connector(self.side)

    def go_on_with(self, spec: StreamSpec) -> None:
        """Count a stream, or go on counting it, where it is due and calls are left."""
        count, now = self._counts.get(spec.name), self.pair.clock()
        if count is None:  # its first pull read everything: it is counted from the next night on
            self._keep(Count(self._connector.system, spec.name, done_at=now))
            return
        if self.left <= 0 or not self._is_due(count, spec, now):
            return
        if count.began_at is None:
            count = replace(count, began_at=now, place=None, figures={})
        try:
            self._count(spec, count)
        except UnreadableAnswerError as error:
            self._failed(count, error)
        except PASSING:
            raise
        except LeadloopError as error:
            self._failed(count, error)

    def _is_due(self, count: Count, spec: StreamSpec, now: datetime) -> bool:
        if count.began_at is not None:
            return True
        nightly = replace(spec, cadence=Cadence.NIGHTLY)
        if is_due(nightly, count.done_at, now, everything=False, nightly=self.pair.nightly):
            return True
        waited = count.done_at is None or now - count.done_at >= AGAIN
        return spec.object in self._doubtful and (self.everything or waited)

    def _count(self, spec: StreamSpec, count: Count) -> None:
        place = count.place or {"phase": PAGES, "cursor": None}
        if place["phase"] == PAGES:
            with self.pair.in_lane(self.side, Lane.BACKFILL):
                pages = self._connector.census(spec.name, place["cursor"])
                for page in pages:
                    count = self._page(spec, count, page)
                    if self.left <= 0 and not page.last:
                        return
        if spec.object is not None:
            while (rest := self._rest(spec.object, count)) is not None:
                count = rest
                if self.left <= 0:
                    return
        self._done(count)

    def _page(self, spec: StreamSpec, count: Count, page: Page) -> Count:
        """Land what a page shows to be missing, and the place behind it."""
        self.left -= 1
        settled = _began(count) - GRACE
        with self.pair.store.read() as tx:
            page = _admitted(tx, page)
            ids = [record.ref.id for record in page.records]
            here = census.here(tx, count.system, spec.object or "", ids)
        sorted_ = sort(page.records, here, settled)
        wanted = sorted(sorted_.missing | sorted_.behind | sorted_.risen)
        found = self._fetched(spec.object or "", wanted)
        place = {"phase": REST, "after": 0} if page.last else _pages(page)
        with self.pair.store.begin() as tx:
            figures = Counter(count.figures.get("counts") or {})
            fresh = census.see(tx, count.system, spec.name, _keys(page))
            figures.update(self._records(tx, spec, sorted_, found, here, fresh))
            figures.update(self._events(tx, spec.name, page, fresh, settled))
            figures["aside"] += quarantine.set_aside(tx, self.run_id, page.malformed)
            if spec.object is not None and spec.object in self._doubtful:
                census.acquit(tx, self.run_id, count.system, spec.object, ids)
            lost = sorted(sorted_.missing & fresh - found.keys())
            names = [*(count.figures.get("names") or []), *lost][:NAMES]
            kept = replace(count, place=place, figures={"counts": dict(+figures), "names": names})
            census.keep(tx, kept)
        crashpoint("after_count")
        return kept

    def _records(
        self,
        tx: Tx,
        spec: StreamSpec,
        ids: Sorted,
        found: Mapping[str, Record],
        here: Here,
        fresh: set[str],
    ) -> Counter[str]:
        """Land what was fetched; how the page's records count, each once."""
        if spec.object is None:
            return Counter()
        back = [_back(found[i], here.modified[i]) for i in sorted(ids.risen & found.keys())]
        edits = [found[i] for i in sorted(ids.behind & found.keys())]
        news = mirror.land(tx, self.run_id, spec.name, [*back, *edits])
        known = ids.missing | ids.behind | ids.risen
        others = [record for name, record in sorted(found.items()) if name not in known]
        missing = [found[i] for i in sorted(ids.missing & found.keys())]
        mirror.land(tx, self.run_id, spec.name, [*missing, *others])
        now = census.here(tx, self._connector.system, spec.object, [r.ref.id for r in missing])
        arrived = now.modified.keys() | now.landed
        return Counter(
            found=len(fresh & (ids.landed | ids.recent | ids.aside | known)),
            landed=len(fresh & (ids.landed | ids.behind | ids.risen)),
            recent=len(fresh & ids.recent),
            aside=len(fresh & ids.aside),
            edits=news,
            fetched=len(fresh & ids.missing & arrived),
            kept_out=len(fresh & ids.missing & found.keys() - arrived),
            left=len(fresh & ids.missing - found.keys()),
        )

    def _events(
        self, tx: Tx, stream: str, page: Page, fresh: set[str], settled: datetime
    ) -> Counter[str]:
        """Land the events nobody has; how the page's events count, each once."""
        if not page.events:
            return Counter()
        new = {event.key: event for event in page.events if event.key in fresh}
        unseen = events.unseen(tx, self._connector.system, sorted(new))
        events.land(tx, self.run_id, stream, [new[key] for key in sorted(unseen)])
        kept_out = events.unseen(tx, self._connector.system, sorted(unseen))
        recent = {key for key in unseen - kept_out if new[key].occurred_at >= settled}
        return Counter(
            found=len(new),
            landed=len(new) - len(unseen),
            recent=len(recent),
            fetched=len(unseen - kept_out - recent),
            kept_out=len(kept_out),
        )

    def _rest(self, object_name: str, count: Count) -> Count | None:
        """A batch of what is here and was not seen at the vendor; None when there is no more.

        Each is asked for by id once more: what was merged away is told so by the vendor, and what
        is there after all stays.
        """
        after = int((count.place or {}).get("after") or 0)
        with self.pair.store.read() as tx:
            before = _began(count) - GRACE
            rows = census.vanished(tx, count, object_name, before=before, after=after, limit=BATCH)
            known = mirror.load(tx, [ref for _, ref in rows])
        if not rows:
            return None
        found = self._fetched(object_name, [ref.id for _, ref in rows])
        gone = [
            _deletion(one.record, _began(count))
            for ref, one in sorted(known.items(), key=lambda item: item[0].id)
            if ref.id not in found
        ]
        with self.pair.store.begin() as tx:
            figures = Counter(count.figures.get("counts") or {})
            figures["gone"] += len(gone)
            mirror.land(tx, self.run_id, count.stream, [*found.values(), *gone])
            place = {"phase": REST, "after": rows[-1][0]}
            figures_now = {**count.figures, "counts": dict(figures)}
            kept = replace(count, place=place, figures=figures_now)
            census.keep(tx, kept)
        crashpoint("after_count")
        return kept

    def _fetched(self, object_name: str, ids: Sequence[str]) -> dict[str, Record]:
        """Records by id as they are now, and whatever the vendor tells with them."""
        if not ids:
            return {}
        self.left -= 1 + len(ids) // self._connector.capabilities.read_batch
        with self.pair.in_lane(self.side, Lane.REPAIR):
            return {record.ref.id: record for record in self._connector.fetch(object_name, ids)}

    def _done(self, count: Count) -> None:
        counts = dict(count.figures.get("counts") or {})
        self._end(count, {**counts, "names": count.figures.get("names") or []})
        counts["streams"] = 1
        self.told.update({word: n for word, n in counts.items() if word not in ("landed", "found")})

    def _failed(self, count: Count, error: LeadloopError) -> None:
        """This stream cannot be counted: the next night tries again, and people are told."""
        self._end(count, {"error": error.code})
        self.told["failed"] += 1

    def _end(self, count: Count, result: Mapping[str, Any]) -> None:
        more = True
        while more:
            with self.pair.store.begin() as tx:
                more = census.forget(tx, count.system, count.stream, limit=5 * BATCH) > 0
            crashpoint("after_count")
        now = self.pair.clock()
        done = replace(
            count, began_at=None, place=None, figures={}, done_at=now, result=dict(result)
        )
        self._keep(done)
        log.info(
            "census.done",
            stream=f"{count.system}:{count.stream}",
            run_id=self.run_id,
            status="ok" if adds_up(result) else "differs",
        )

    def _keep(self, count: Count) -> None:
        with self.pair.store.begin() as tx:
            census.keep(tx, count)
        crashpoint("after_count")
        self._counts[count.stream] = count


def _began(count: Count) -> datetime:
    if count.began_at is None:
        raise InvariantError("a stream is being counted whose counting has not begun")
    return count.began_at


def _admitted(tx: Tx, page: Page) -> Page:
    """The page without erased people: of them not even an id is kept (law 8)."""
    screen = tx.screen
    if screen is None:
        return page
    return replace(
        page,
        records=tuple(
            r for r in page.records if not screen.covers_id(r.ref.system, r.ref.object, r.ref.id)
        ),
        events=tuple(e for e in page.events if not screen.covers_event(e)),
        malformed=tuple(m for m in page.malformed if not screen.covers_row(m)),
    )


def _pages(page: Page) -> dict[str, Any]:
    return {"phase": PAGES, "cursor": dict(page.cursor)}


def _keys(page: Page) -> list[str]:
    """The ids and event keys of a page; rows that make no sense are there too."""
    named = [row.id for row in page.malformed if row.id]
    return [*(r.ref.id for r in page.records), *(e.key for e in page.events), *named]


def _deletion(record: Record, began: datetime) -> Record:
    """A deletion nobody told: the record as last seen, gone since the counting began."""
    revision = f"{VANISHED}{began:%Y-%m-%dT%H:%M:%S}"
    return replace(record, deleted=True, revision=revision)


def _back(record: Record, deleted_at: datetime) -> Record:
    """A record we took for deleted and which is there: it counts from just after its deletion on,
    since coming back need not move its stamp."""
    if record.deleted or record.modified_at > deleted_at:
        return record
    later = deleted_at + timedelta(milliseconds=1)
    return replace(record, modified_at=later, revision=f"back:{record.revision}"[:64])
