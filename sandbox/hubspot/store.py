"""The records of one object type with the indexes that keep 100,000 of them quick.

Two truths live side by side, as at the vendor: what is stored (`Record.values`) and what the
search index has seen of it so far (`Record.seen`). While nothing is pending both are one dict, so
that nothing is copied; a change that the index will learn of later leaves the old dict with it.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator

from sandbox.hubspot.properties import PropertyBook
from sandbox.hubspot.times import iso

Change = tuple[int, str, dict[str, tuple[str | None, str]]]
"""(milliseconds, source, {property: (old, new)})"""

Values = dict[str, str]


class Record:
    """One CRM record. `values` holds every property that was ever set, "" when cleared."""

    __slots__ = ("archived_at", "changes", "created", "id", "seen", "source", "values")

    def __init__(self, record_id: int, values: Values, *, created: int, source: str) -> None:
        self.id = record_id
        self.values = values
        self.created = created
        self.source = source
        self.archived_at: int | None = None
        self.seen: Values | None = None
        self.changes: list[Change] | None = None


class SortedKeys:
    """(text, id) pairs in order, cheap to append; entries grow stale and are weeded at times."""

    def __init__(self) -> None:
        self._keys: list[tuple[str, int]] = []
        self._late: list[tuple[str, int]] = []

    def __len__(self) -> int:
        return len(self._keys) + len(self._late)

    def add(self, key: str, record_id: int) -> None:
        """Enter a pair; the old pair of the same record stays until `weed`."""
        entry = (key, record_id)
        if not self._keys or self._keys[-1] <= entry:
            self._keys.append(entry)
        else:
            self._late.append(entry)

    def between(self, low: str | None, high: str | None) -> list[tuple[str, int]]:
        """The pairs with low <= key <= high, in order, stale ones included."""
        self._settle()
        start = 0 if low is None else bisect_left(self._keys, (low, -1))
        end = len(self._keys) if high is None else bisect_right(self._keys, (high, 1 << 62))
        return self._keys[start:end]

    def first(self) -> str | None:
        """The lowest key entered, None when there is none."""
        self._settle()
        return self._keys[0][0] if self._keys else None

    def weed(self, fresh: Iterable[tuple[str, int]]) -> None:
        """Start anew from `fresh`."""
        self._keys, self._late = sorted(fresh), []

    def _settle(self) -> None:
        if len(self._late) > 200:
            self._keys.extend(self._late)
            self._keys.sort()
        else:
            for entry in self._late:
                insort(self._keys, entry)
        self._late = []


class ObjectStore:
    """Live, archived and merged-away records of one object type.

    `type_id` is the wire's id (`0-1`), `name` the path word (`contacts`), `singular` the word of
    messages (`CONTACT`). `created_name` and `modified_name` are the properties that carry the
    record's times (FACTS section 2: contacts use `lastmodifieddate`).
    """

    def __init__(
        self,
        *,
        type_id: str,
        name: str,
        singular: str,
        book: PropertyBook,
        created_name: str = "hs_createdate",
        modified_name: str = "hs_lastmodifieddate",
        defaults: tuple[str, ...] = (),
        hashed: tuple[str, ...] = (),
    ) -> None:
        self.type_id = type_id
        self.name = name
        self.singular = singular
        self.book = book
        self.created_name = created_name
        self.modified_name = modified_name
        self.defaults = defaults
        self.live: dict[int, Record] = {}
        self.archived: dict[int, Record] = {}
        self.survivors: dict[int, int] = {}
        self._hashes: dict[str, dict[str, tuple[int, ...]]] = {name: {} for name in hashed}
        self.by_modified = SortedKeys()
        self.by_created = SortedKeys()
        self._ids: list[int] = []
        self._pending: list[tuple[int, int]] = []
        self._unseen: dict[int, Record] = {}
        self.extra_emails: dict[str, int] = {}

    @property
    def system_names(self) -> tuple[str, str, str]:
        """The properties every search and list result carries."""
        return (self.created_name, self.modified_name, "hs_object_id")

    # --- finding ---------------------------------------------------------------------------

    def resolve(self, record_id: int) -> Record | None:
        """The live record of an id, following merges to the survivor."""
        seen = 0
        while record_id in self.survivors and seen < 1000:
            record_id = self.survivors[record_id]
            seen += 1
        return self.live.get(record_id)

    def indexed(self, name: str) -> bool:
        """Whether `lookup` can answer for a property."""
        return name in self._hashes

    def lookup(self, name: str, value: str) -> tuple[int, ...]:
        """Ids of live records whose stored value, lower case, equals `value`."""
        return self._hashes[name].get(value.lower(), ())

    def index(self, name: str) -> None:
        """Begin to index a property by value (for unique properties)."""
        if name in self._hashes:
            return
        self._hashes[name] = {}
        for record in self.live.values():
            self._hash(name, record.values.get(name), record.id)

    def ids_after(self, after: int, *, archived: bool = False) -> list[int]:
        """Ids greater than `after`, ascending; of the live or of the archived records."""
        if archived:
            return sorted(record_id for record_id in self.archived if record_id > after)
        return self._ids[bisect_right(self._ids, after) :]

    def unseen(self) -> Iterator[Record]:
        """Records whose search entry lags behind, archived ones included."""
        return iter(self._unseen.values())

    # --- changing --------------------------------------------------------------------------

    def add(self, record: Record, *, at: int, visible: int, now: int) -> None:
        """Enter a new record; searches find it from `visible` (milliseconds) on."""
        self.live[record.id] = record
        insort(self._ids, record.id)
        self.by_created.add(iso(record.created), record.id)
        self.by_modified.add(iso(at), record.id)
        for name in self._hashes:
            self._hash(name, record.values.get(name), record.id)
        if visible > now:
            self._delay(record, visible)
        else:
            record.seen = record.values

    def change(
        self, record: Record, new: Values, *, at: int, source: str, visible: int, now: int
    ) -> None:
        """Store `new` values on a live record, stamp it `at`, keep what they replace."""
        if visible > now:
            self._lag(record, visible)
        values = record.values
        entry = {name: (values.get(name), value) for name, value in new.items()}
        if record.changes is None:
            record.changes = []
        record.changes.append((at, source, entry))
        for name, value in new.items():
            if name in self._hashes:
                self._unhash(name, values.get(name), record.id)
                self._hash(name, value, record.id)
            values[name] = value
        self.stamp(record, at)

    def stamp(self, record: Record, at: int) -> None:
        """Set the modified time."""
        text = iso(at)
        record.values[self.modified_name] = text
        self.by_modified.add(text, record.id)
        if len(self.by_modified) > 3 * len(self.live) + 1000:
            name = self.modified_name
            self.by_modified.weed((r.values[name], r.id) for r in self.live.values())

    def archive(self, record: Record, *, at: int, visible: int, now: int) -> None:
        """Move a record to the archive; the modified date stays (FACTS section 2)."""
        self._drop(record)
        record.archived_at = at
        self.archived[record.id] = record
        if visible > now:
            self._lag(record, visible)
        else:
            record.seen = None

    def restore(self, record: Record, *, at: int, visible: int, now: int) -> None:
        """Move a record back from the archive, modified `at`."""
        del self.archived[record.id]
        record.archived_at = None
        self._unseen.pop(record.id, None)
        record.seen = None
        self.live[record.id] = record
        insort(self._ids, record.id)
        self.by_created.add(iso(record.created), record.id)
        for name in self._hashes:
            self._hash(name, record.values.get(name), record.id)
        self.stamp(record, at)
        if visible > now:
            self._delay(record, visible)
        else:
            record.seen = record.values

    def remove(self, record: Record) -> None:
        """Take a record away for good (merge loser, erased person)."""
        self._drop(record)
        record.seen = None
        self.archived.pop(record.id, None)
        self._unseen.pop(record.id, None)

    def catch_up(self, now: int) -> None:
        """Let the search index see what is due by `now` (milliseconds)."""
        while self._pending and self._pending[0][0] <= now:
            _, record_id = heapq.heappop(self._pending)
            record = self._unseen.pop(record_id, None)
            if record is not None:
                record.seen = record.values if record.archived_at is None else None

    def settle(self) -> None:
        """Let the search index see everything at once."""
        self.catch_up(1 << 62)

    # --- inside ----------------------------------------------------------------------------

    def _drop(self, record: Record) -> None:
        if self.live.pop(record.id, None) is not None:
            del self._ids[bisect_left(self._ids, record.id)]
        for name in self._hashes:
            self._unhash(name, record.values.get(name), record.id)

    def _lag(self, record: Record, visible: int) -> None:
        if record.seen is record.values:
            record.seen = dict(record.values)
        self._delay(record, visible)

    def _delay(self, record: Record, visible: int) -> None:
        heapq.heappush(self._pending, (visible, record.id))
        self._unseen[record.id] = record

    def _hash(self, name: str, value: str | None, record_id: int) -> None:
        if value:
            index = self._hashes[name]
            key = value.lower()
            index[key] = (*index.get(key, ()), record_id)

    def _unhash(self, name: str, value: str | None, record_id: int) -> None:
        if value:
            index = self._hashes[name]
            key = value.lower()
            left = tuple(other for other in index.get(key, ()) if other != record_id)
            if left:
                index[key] = left
            else:
                index.pop(key, None)
