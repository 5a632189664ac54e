"""Deletions that queries do not show any more, from Salesforce's log of them (getDeleted).

queryAll shows a deleted record for as long as it lies in the recycle bin. One that was deleted for
good, or whose bin somebody has emptied since the last pull, is in no query; only the log still
tells of it, for 15 days at most. Asked every quarter of an hour, it tells what the nightly count
would find out up to a day later.

[GET sobjects/X/deleted: `start` and `end` without their seconds; `latestDateCovered` is where the
next asking begins, and may stay behind for hours while transactions are open; more than 600,000 ids
are EXCEEDED_ID_LIMIT; a start more than 15 days ago is INVALID_REPLICATION_DATE.] The log may be
cut short (`earliestDateAvailable`), and shows only what the API user may see: it is no proof that
nothing else is gone, and the nightly count stays. Why getUpdated is not asked: ADR 0036.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.base import Answer, instant, iso, moment
from connectors.payloads import Sifted, object_of, rows_in, sift, understanding, unreadable
from connectors.salesforce_records import record_id
from connectors.salesforce_soql import name
from connectors.salesforce_wire import SYSTEM, Wire, code_of, expect
from mappings.ports import Landed, Page
from mappings.records import Json, Record, RecordRef

KIND = "deleted"
"""What streams of this kind begin with."""
FURTHEST = timedelta(days=14)
"""How far back the log is asked: a day less than the vendor's 15, so that clocks may differ."""
FIRST = timedelta(hours=1)
"""How far back it is asked the first time: everything older was never read either."""
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Log:
    """One object's log. `look_up` reads records by id, deleted ones included; `landed` knows what
    has landed of the object's own stream; `now` is the vendor's time, as late as it is known."""

    object_name: str
    wire: Wire
    look_up: Callable[[Sequence[str]], Sifted[Record]]
    landed: Landed
    now: datetime

    def pages(self, since: Mapping[str, Json] | None) -> Iterator[Page]:
        """One page: what is gone from the recycle bin too, with nothing but its id and time, and
        what lies there without having landed. Cursor: `at`, up to when the log is known."""
        now = _minute(self.now)
        at = max(_minute(moment(since, "at") or now - FIRST), now - FURTHEST)
        if at >= now:  # the same minute still: there is nothing to ask for
            yield Page((), (), {"at": iso(at)}, last=True)
            return
        told, covered = self._told(at, now)
        found = self.look_up([record.ref.id for record in told.good])
        there = {record.ref.id for record in found.good}
        there |= {row.id for row in found.malformed}
        buried = [record for record in found.good if record.deleted]
        unseen = self.landed.unseen(self.object_name, [(r.ref.id, r.revision) for r in buried])
        records = [
            *(record for record in buried if record.ref.id in unseen),
            *(record for record in told.good if record.ref.id not in there),
        ]
        aside = (*told.malformed, *found.malformed)
        yield Page(tuple(records), (), {"at": iso(covered)}, last=True, malformed=aside)

    def _told(self, start: datetime, end: datetime) -> tuple[Sifted[Record], datetime]:
        """What the log says of a span, and up to when that is all; too many ids are asked for in
        halves, a minute of them at least."""
        answer = self._asked(start, end)
        if code_of(answer) == "EXCEEDED_ID_LIMIT" and end - start > _MINUTE:
            middle = _minute(start + (end - start) / 2)
            first, covered = self._told(start, middle)
            if covered < middle:
                return first, covered
            second, covered = self._told(middle, end)
            both = Sifted([*first.good, *second.good], (*first.malformed, *second.malformed))
            return both, covered
        body = object_of(SYSTEM, expect(answer))
        with understanding(lambda: unreadable(SYSTEM, body)):
            covered = instant(body["latestDateCovered"])
        found = sift(
            rows_in(SYSTEM, body, "deletedRecords"),
            self._gone,
            system=SYSTEM,
            stream=f"{KIND}:{self.object_name}",
            latest=answer.date(lambda: self.now),
        )
        return found, max(start, min(covered, end))

    def _asked(self, start: datetime, end: datetime) -> Answer:
        span = {"start": _seconds(start), "end": _seconds(end)}
        return self.wire.get(f"sobjects/{name(self.object_name)}/deleted/", span)

    def _gone(self, raw: Mapping[str, Any]) -> Record:
        """A deletion that tells nothing but itself."""
        at = instant(str(raw["deletedDate"]))
        ref = RecordRef(SYSTEM, self.object_name, record_id(raw["id"]))
        return Record(ref, {}, f"purged:{iso(at)}", at, deleted=True)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _seconds(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
