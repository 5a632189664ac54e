"""Creating, changing and deleting records: one road for HTTP handlers, the world and the admin.

A save reads the body, checks it, lets the org derive what it derives, stores the row and lets the
consequences happen (histories, roll-ups of activity, permission changes). It is all or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.clock import VirtualClock
from sandbox.faults import Faults
from sandbox.salesforce import rules
from sandbox.salesforce.access import GRANT_OBJECTS, Access
from sandbox.salesforce.checks import Checks, converted_lead
from sandbox.salesforce.duplicates import DuplicateRules
from sandbox.salesforce.effects import Effects
from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.fields import Field, ObjectType, Row, Value
from sandbox.salesforce.ids import Minter, to_18
from sandbox.salesforce.objects import standard_objects
from sandbox.salesforce.table import Table
from sandbox.salesforce.times import from_stamp, stamp

_SYSTEM = "salesforce"
_SEARCH_LAG = 40.0
"""Seconds a search misses a change where the fault search_lag names none."""
RECYCLE_DAYS = 15
"""How long deleted records stay in the recycle bin (FACTS section 4)."""


@dataclass(frozen=True)
class Caller:
    """Who writes and how: `guard` applies field-level security; `at` backdates; the rest are
    the request headers that change a save (FACTS section 4).
    """

    user_id: str
    guard: bool = False
    at: datetime | None = None
    allow_duplicates: bool = True
    record_details: bool = False
    auto_assign: bool = True
    path: str = ""

    @property
    def reader(self) -> str | None:
        """The user whose field-level security counts, None for the org itself."""
        return self.user_id if self.guard else None


class Records:
    """Every record of the org, by object."""

    def __init__(self, clock: VirtualClock, faults: Faults) -> None:
        self.clock = clock
        self.faults = faults
        self.minter = Minter()
        self.tables = {name: Table(kind) for name, kind in standard_objects().items()}
        self.access = Access(self.tables)
        self.checks = Checks(self.tables, self.access)
        self.duplicates = DuplicateRules(self.tables)
        self.effects = Effects(self.tables, self.minter)
        self.unsearchable: dict[str, datetime] = {}
        """Records the search index does not know yet, and until when (the fault search_lag)."""
        self._lowered = {name.lower(): name for name in self.tables}

    # ------------------------------------------------------------------ finding

    def table(self, sobject: str) -> Table:
        """The table of an object named in any case; an unknown name is NOT_FOUND."""
        known = self._lowered.get(sobject.lower())
        if known is None:
            raise not_found()
        return self.tables[known]

    def kind(self, sobject: str) -> ObjectType:
        """The object itself."""
        return self.table(sobject).kind

    def visible_fields(self, kind: ObjectType, user_id: str | None) -> Iterator[Field]:
        """The fields the user may read, in describe's order."""
        return (
            field
            for field in kind.fields.values()
            if self.access.can_read(user_id, kind.name, field)
        )

    def live(self, sobject: str, record_id: str) -> Row:
        """The record, or the 404 recorded for absent and deleted ones."""
        long = to_18(record_id)
        row = None if long is None else self.table(sobject).rows.get(long)
        if row is None or row.get("IsDeleted"):
            raise not_found()
        return row

    def writable(self, sobject: str, record_id: str) -> Row:
        """The record to be changed; deleted ones answer ENTITY_IS_DELETED, as in life."""
        long = to_18(record_id)
        row = None if long is None else self.table(sobject).rows.get(long)
        if row is None:
            raise not_found()
        if row.get("IsDeleted"):
            raise SalesforceError("ENTITY_IS_DELETED", "entity is deleted")
        return row

    # ------------------------------------------------------------------ writing

    def create(self, sobject: str, body: Mapping[str, object], caller: Caller) -> str:
        """Create a record and return its id."""
        table = self.table(sobject)
        kind = table.kind
        if not kind.createable:
            message = f"entity type {kind.name} does not support create"
            raise SalesforceError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)
        sent = self.checks.read_body(kind, body, caller.reader, creating=True)
        now = stamp(caller.at or self.clock.now())
        row = self._fresh(kind, sent, caller, now)
        self.checks.required(kind, row, None)
        self._check(table, row, sent)
        self._complete(kind, row, None, sent, now)
        self.duplicates.check(
            kind.name, row, caller.allow_duplicates, details=caller.record_details
        )
        row["Id"] = self.minter.mint(kind.prefix)
        self._store(table, row, None, caller, now)
        return str(row["Id"])

    def update(
        self, sobject: str, record_id: str, body: Mapping[str, object], caller: Caller
    ) -> None:
        """Change fields of a record; a save without a difference still moves its stamps."""
        table = self.table(sobject)
        kind = table.kind
        old = self.writable(sobject, record_id)
        if not kind.updateable:
            message = f"entity type {kind.name} does not support update"
            raise SalesforceError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)
        if old.get("IsConverted"):
            raise converted_lead()
        sent = self.checks.read_body(kind, body, caller.reader, creating=False)
        now = stamp(caller.at or self.clock.now())
        row = dict(old)
        for name, value in sent.items():
            rules.put(row, name, value)
        self.checks.required(kind, row, sent)
        moved = {name: value for name, value in sent.items() if old.get(name) != value}
        self._check(table, row, moved)
        self._complete(kind, row, old, sent, now)
        if moved:
            self.duplicates.check(
                kind.name, row, caller.allow_duplicates, details=caller.record_details
            )
        self._touch(kind, row, caller.user_id, now)
        self._store(table, row, old, caller, now)

    def delete(self, sobject: str, record_id: str, caller: Caller) -> None:
        """Put a record, and what hangs on it, into the recycle bin."""
        table = self.table(sobject)
        old = self.writable(sobject, record_id)
        if not table.kind.deletable:
            message = f"entity type {table.kind.name} does not support delete"
            raise SalesforceError("INSUFFICIENT_ACCESS_OR_READONLY", message)
        now = stamp(caller.at or self.clock.now())
        for child_table, child in list(self.effects.children(table.kind.name, str(old["Id"]))):
            self.bury(child_table, child, caller.user_id, now)
        self.bury(table, old, caller.user_id, now)

    def bury(
        self, table: Table, old: Row, user_id: str, now: str, *, master: str | None = None
    ) -> None:
        """Mark a row deleted (and merged into `master`, for the losers of a merge)."""
        row = dict(old)
        row["IsDeleted"] = True
        if master is not None:
            row["MasterRecordId"] = master
        self._touch(table.kind, row, user_id, now)
        table.put(row)
        self.effects.gone(table.kind.name, row, old)
        self._noticed(table.kind)

    def undelete(self, record_id: str, caller: Caller) -> str:
        """Take a record, and what went with it, out of the recycle bin; returns its id."""
        table, old = self.buried(record_id)
        now = stamp(caller.at or self.clock.now())
        together = list(self.effects.buried_with(table.kind.name, old))
        for each, row in [(table, old), *together]:
            restored = {
                name: value
                for name, value in row.items()
                if name not in {"IsDeleted", "MasterRecordId"}
            }
            self._touch(each.kind, restored, caller.user_id, now)
            each.put(restored)
            self.effects.returned(each.kind.name, restored)
            self._noticed(each.kind)
        return str(old["Id"])

    def purge(self, record_id: str) -> str:
        """Remove a record from the recycle bin for good; getDeleted still tells of it."""
        table, old = self.buried(record_id)
        table.forget(str(old["Id"]))
        return str(old["Id"])

    def buried(self, record_id: str) -> tuple[Table, Row]:
        """The table and row of a record in the recycle bin."""
        long = to_18(record_id)
        if long is None:
            raise SalesforceError("MALFORMED_ID", f"malformed id {record_id}")
        table = self.checks.table_of(long)
        row = None if table is None else table.rows.get(long)
        if table is None or row is None:
            raise SalesforceError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if not row.get("IsDeleted"):
            message = "Entity is not in the recycle bin"
            raise SalesforceError("UNDELETE_FAILED", message)
        return table, row

    def change_quietly(
        self, table: Table, record_id: str, changes: Mapping[str, Value], *, user_id: str, now: str
    ) -> None:
        """A system change: sets fields and moves the stamps, checks nothing."""
        row = dict(table.rows[record_id])
        for name, value in changes.items():
            rules.put(row, name, value)
        self._touch(table.kind, row, user_id, now)
        table.put(row)

    def empty_recycle_bin(self) -> None:
        """Forget records deleted more than 15 days ago."""
        limit = stamp(self.clock.now() - timedelta(days=RECYCLE_DAYS))
        for table in self.tables.values():
            expired = 0
            for when, record_id in table.deleted:
                if when >= limit:
                    break
                expired += 1
                if record_id in table.rows and table.rows[record_id].get("IsDeleted"):
                    table.forget(record_id)
            del table.deleted[:expired]

    # ------------------------------------------------------------------ parts of a save

    def _fresh(self, kind: ObjectType, sent: Row, caller: Caller, now: str) -> Row:
        row: Row = {}
        for field in kind.fields.values():
            if field.default is not None and (field.createable or field.defaulted):
                rules.put(row, field.name, field.default)
        for name, value in sent.items():
            if value is not None or not kind.fields[name].defaulted:
                rules.put(row, name, value)
        if "OwnerId" in kind.fields and row.get("OwnerId") is None:
            row["OwnerId"] = self._default_owner(kind.name, caller)
        if "CreatedDate" in kind.fields:
            row["CreatedDate"], row["CreatedById"] = now, caller.user_id
        self._touch(kind, row, caller.user_id, now)
        return row

    def _default_owner(self, sobject: str, caller: Caller) -> str:
        assigned = self.effects.lead_assignment if sobject == "Lead" else None
        return assigned if assigned is not None and caller.auto_assign else caller.user_id

    def _check(self, table: Table, row: Row, sent: Row) -> None:
        self.checks.references(table.kind, row, sent)
        self.checks.unique(table, row, sent)
        if table.kind.name == "FieldPermissions":
            self.checks.permission_field(row)

    def _complete(self, kind: ObjectType, row: Row, old: Row | None, sent: Row, now: str) -> None:
        saving = rules.Saving(row, old, frozenset(sent), now, self.tables)
        rules.complete(kind.name, saving)

    @staticmethod
    def _touch(kind: ObjectType, row: Row, user_id: str, now: str) -> None:
        if "LastModifiedDate" in kind.fields:
            row["LastModifiedDate"], row["LastModifiedById"] = now, user_id
        if "SystemModstamp" in kind.fields:
            row["SystemModstamp"] = now

    def _store(self, table: Table, row: Row, old: Row | None, caller: Caller, now: str) -> None:
        name = table.kind.name
        path = caller.path or f"/services/data/sobjects/{name}"
        late = self.faults.draw(_SYSTEM, "late_commit", path)
        until = None
        if late is not None:
            until = self.clock.now() + timedelta(seconds=late.value or 0)
        lag = self.faults.draw(_SYSTEM, "search_lag", path)
        if lag is not None:
            seconds = _SEARCH_LAG if lag.value is None else lag.value
            self.unsearchable[str(row["Id"])] = self.clock.now() + timedelta(seconds=seconds)
        table.put(row, late_until=until)
        self.effects.after(name, row, old, caller.user_id, now)
        self._noticed(table.kind)

    def _noticed(self, kind: ObjectType) -> None:
        if kind.name in GRANT_OBJECTS:
            self.access.forget()

    def is_searchable(self, record_id: str) -> bool:
        """Whether the search index knows the record's latest form."""
        until = self.unsearchable.get(record_id)
        if until is not None and until <= self.clock.now():
            del self.unsearchable[record_id]
            until = None
        return until is None

    def release_late(self) -> None:
        """Let late commits become visible whose time has come."""
        for table in self.tables.values():
            if table.late:
                table.release(self.clock.now())

    def modified(self, row: Row) -> datetime:
        """When a row was last changed."""
        return from_stamp(str(row.get("LastModifiedDate") or row["SystemModstamp"]))
