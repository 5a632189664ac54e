"""Where the records of one object live, and the indexes that find them.

Rows are dicts of the fields that have a value. A sorted list of (SystemModstamp, Id) answers the
incremental reads; hash indexes on text and reference fields are built when first asked for and
kept from then on. Nothing is copied on reading: callers must not change a row they were given.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from sys import intern

from sandbox.salesforce.fields import Field, ObjectType, Row, Value

_LAST = "\uffff"
_SHARED = frozenset(
    {"OwnerId", "CreatedById", "LastModifiedById", "SystemModstamp", "CreatedDate", "Status",
     "LastModifiedDate", "StageName", "LeadSource", "Industry", "Company", "AccountId", "City",
     "Country", "State", "MailingCity", "MailingCountry", "MailingState", "WhoId", "ActivityDate"}
)  # fmt: skip
Bucket = str | set[str]


@dataclass(frozen=True)
class Late:
    """A commit others cannot see yet: until `visible_at` queries see `before` (None: nothing)."""

    visible_at: datetime
    before: Row | None


class Table:
    """The records of one object by Id, deleted ones included until the recycle bin empties."""

    def __init__(self, kind: ObjectType) -> None:
        self.kind = kind
        self.rows: dict[str, Row] = {}
        self.late: dict[str, Late] = {}
        self.deleted: list[tuple[str, str]] = []
        self.live = 0
        self._modified: list[tuple[str, str]] = []
        self._hashes: dict[str, dict[Value, Bucket]] = {}

    # ------------------------------------------------------------------ writing

    def put(self, new: Row, *, late_until: datetime | None = None) -> None:
        """Store a row under its Id, replacing the one that was there."""
        record_id = str(new["Id"])
        old = self.rows.get(record_id)
        for name in _SHARED:
            value = new.get(name)
            if type(value) is str:
                new[name] = intern(value)
        self.rows[record_id] = new
        self.live += (not new.get("IsDeleted")) - (old is not None and not old.get("IsDeleted"))
        for name, buckets in self._hashes.items():
            self._rehash(buckets, self.kind.fields[name], old, new)
        if late_until is not None:
            waiting = self.late.get(record_id)
            before = waiting.before if waiting is not None else old
            self.late[record_id] = Late(late_until, before)
        elif record_id not in self.late:
            self._move(record_id, old, new)
        was_deleted = old is not None and bool(old.get("IsDeleted"))
        if new.get("IsDeleted") and not was_deleted:
            insort(self.deleted, (str(new.get("SystemModstamp", "")), record_id))
        elif was_deleted and not new.get("IsDeleted"):
            self.deleted = [entry for entry in self.deleted if entry[1] != record_id]

    def forget(self, record_id: str) -> None:
        """Remove a row for good (the recycle bin was emptied)."""
        self.late.pop(record_id, None)
        old = self.rows.pop(record_id)
        self.live -= not old.get("IsDeleted")
        for name, buckets in self._hashes.items():
            self._rehash(buckets, self.kind.fields[name], old, None)
        self._move(record_id, old, None)

    def drop_field(self, name: str) -> None:
        """Forget a field's values and its index."""
        self._hashes.pop(name, None)
        for row in self.rows.values():
            row.pop(name, None)

    def release(self, now: datetime) -> None:
        """Let late commits be seen whose time has come."""
        due = [key for key, late in self.late.items() if late.visible_at <= now]
        for record_id in due:
            late = self.late.pop(record_id)
            self._move(record_id, late.before, self.rows.get(record_id))

    def _move(self, record_id: str, old: Row | None, new: Row | None) -> None:
        before = None if old is None else old.get("SystemModstamp")
        after = None if new is None else new.get("SystemModstamp")
        if before == after:
            return
        if before is not None:
            place = bisect_left(self._modified, (str(before), record_id))
            if place < len(self._modified) and self._modified[place] == (before, record_id):
                del self._modified[place]
        if after is not None:
            entry = (str(after), record_id)
            if not self._modified or self._modified[-1] < entry:
                self._modified.append(entry)
            else:
                insort(self._modified, entry)

    # ------------------------------------------------------------------ reading

    def seen(self, record_id: str) -> Row | None:
        """The row as queries see it now: late commits are not there yet."""
        if self.late and record_id in self.late:
            return self.late[record_id].before
        return self.rows.get(record_id)

    def all_seen(self) -> Iterator[Row]:
        """Every row queries see, oldest Id first within a load."""
        if not self.late:
            yield from self.rows.values()
            return
        for record_id in self.rows:
            row = self.seen(record_id)
            if row is not None:
                yield row

    def between(self, low: str | None, high: str | None) -> Iterator[Row]:
        """Rows with low <= SystemModstamp <= high, in order of (SystemModstamp, Id)."""
        start = 0 if low is None else bisect_left(self._modified, (low, ""))
        stop = len(self._modified) if high is None else bisect_right(self._modified, (high, _LAST))
        for _, record_id in self._modified[start:stop]:
            row = self.seen(record_id)
            if row is not None:
                yield row

    def count_between(self, low: str | None, high: str | None) -> int:
        """How many rows `between` would give."""
        start = 0 if low is None else bisect_left(self._modified, (low, ""))
        stop = len(self._modified) if high is None else bisect_right(self._modified, (high, _LAST))
        return max(0, stop - start)

    def matching(self, field: Field, value: Value) -> list[str]:
        """Ids of rows (deleted ones too) whose `field` equals `value` as the vendor compares."""
        buckets = self._hashes.get(field.name)
        if buckets is None:
            buckets = self._build(field)
        found = buckets.get(fold(field, value))
        if found is None:
            return []
        return [found] if isinstance(found, str) else sorted(found)

    def _build(self, field: Field) -> dict[Value, Bucket]:
        buckets: dict[Value, Bucket] = {}
        for row in self.rows.values():
            self._rehash(buckets, field, None, row)
        self._hashes[field.name] = buckets
        return buckets

    @staticmethod
    def _rehash(
        buckets: dict[Value, Bucket], field: Field, old: Row | None, new: Row | None
    ) -> None:
        before = None if old is None else fold(field, old.get(field.name))
        after = None if new is None else fold(field, new.get(field.name))
        if before == after:
            return
        if old is not None and before is not None:
            _remove(buckets, before, str(old["Id"]))
        if new is not None and after is not None:
            _insert(buckets, after, str(new["Id"]))


def fold(field: Field, value: Value) -> Value:
    """The value as equality sees it: text without case, except ids and case-sensitive fields."""
    if (
        isinstance(value, str)
        and field.type not in {"id", "reference"}
        and not field.case_sensitive
    ):
        return value.lower()
    return value


def _insert(buckets: dict[Value, Bucket], key: Value, record_id: str) -> None:
    found = buckets.get(key)
    if found is None:
        buckets[key] = record_id
    elif isinstance(found, set):
        found.add(record_id)
    else:
        buckets[key] = {found, record_id}


def _remove(buckets: dict[Value, Bucket], key: Value, record_id: str) -> None:
    found = buckets.get(key)
    if isinstance(found, set):
        found.discard(record_id)
        if not found:
            del buckets[key]
    elif found == record_id:
        del buckets[key]
