"""A shared SQLite file as a system: what another program leaves for us, and where we leave ours.

For software that has no API but can read and write a table. One table an object, one row a record;
the columns are the fields. Four columns are the exchange's own, and every table needs them:

- `id` TEXT PRIMARY KEY: never used again for another record;
- `modified` TEXT: when a row last changed, as `2026-03-02T08:00:00.000Z`. Whoever writes, sets it;
- `archived` BOOLEAN, 1 for deleted rows: a row that is merely gone is noticed by the nightly count;
- `merged_into` TEXT, the id of the record that a merge has left.

Quirks turned right here:

- A quoted name SQLite does not know is read as a text (sqlite.org/quirks.html, section 8): names
  are held against the table before they get into a query.
- The other program's transactions lock the file: a pause is asked for, as at any busy vendor.
- A commit that fails may stand all the same: its rows are unknown, and looked up by their key.
- SQLite stores anything anywhere: a row without a time is set aside, BOOLEAN is made true or false.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from connectors.base import (
    Answer,
    Caller,
    Clock,
    Sleep,
    instant,
    iso,
    moment,
    rejected,
    setting,
    utc_now,
    write_batches,
)
from connectors.payloads import RowFaultError, Sifted, scalars, sift, unreadable
from connectors.retrying import NotSentError, ReplyLostError, Verdict, rate_limited
from mappings.errors import InvariantError, RecordRejectedError, UnavailableError
from mappings.ports import (
    AccountInfo,
    Cadence,
    Capabilities,
    FieldDefinition,
    FieldSchema,
    Landed,
    Limiter,
    ObjectSchema,
    Page,
    StreamSpec,
)
from mappings.records import (
    JOINS,
    Json,
    Operation,
    Outcome,
    OutcomeStatus,
    Record,
    RecordRef,
    Version,
    Write,
)

SYSTEM = "outbox"
CAPABILITIES = Capabilities(
    write_batch=500,  # our own choice: one short transaction, so that the other program can work
    read_batch=500,  # our own choice; SQLite takes 32,766 variables (sqlite.org/limits.html)
    overlap_seconds=300.0,  # assumed: the other program's transactions and clock, as for vendors
    granularity_seconds=0.001,
    native_upsert=True,
    reads_back=True,
)
_OWN = ("id", "modified", "archived", "merged_into")
_PAGE = 200
_LOOK = 10_000
"""Rows of a window that are looked through at once; a larger one is read by pages."""
_OVERLAP = timedelta(seconds=CAPABILITIES.overlap_seconds)
_STAMP = "YYYY-YY-YYTYY:YY:YY.YYYZ".replace("Y", "[0-9]")
_STAMPED = f"(typeof(modified) = 'text' AND modified GLOB '{_STAMP}')"
_BUSY = (5, 6)  # sqlite.org/rescode.html
_LOCKED_OUT = 423
_TYPES = {"BOOLEAN": "boolean", "DATE": "date", "DATETIME": "datetime"}
_TYPES |= dict.fromkeys(("INTEGER", "NUMERIC", "REAL"), "number")
_DECLARED = {"number": "NUMERIC", "currency": "NUMERIC", "boolean": "BOOLEAN", "date": "DATE"}

Row = dict[str, Any]
Database = sqlite3.Connection
Opener = Callable[[Path], Database]
Work = Callable[..., Any]
"""What is done within one transaction: given the file, and details."""


def open_file(path: Path, *, factory: type[Database] = Database) -> Database:
    """The file, which must be there; it waits for no lock, and transactions begin where we say."""
    place = f"{path.absolute().as_uri()}?mode=rw"
    found = sqlite3.connect(place, 0, isolation_level=None, factory=factory, uri=True)
    found.row_factory = sqlite3.Row
    found.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten
    return found


class OutboxConnector:
    """One file on the `Connector` protocol."""

    system = SYSTEM
    capabilities = CAPABILITIES

    def __init__(
        self,
        path: Path,
        *,
        limiter: Limiter,
        sleep: Sleep = time.sleep,
        clock: Clock = utc_now,
        opener: Opener = open_file,
    ) -> None:
        self._path = path
        self._caller = Caller(SYSTEM, limiter, _judge, sleep=sleep)
        self._clock = clock
        self._open = opener

    def configure(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Every column is always read: nothing to set."""

    def set_backfill(self, *, on: bool) -> None:
        """A file has no automation to keep still: nothing to set."""

    def check(self) -> AccountInfo:
        """The file is the account, by its name."""
        self._read(_tables)
        return AccountInfo(self._path.stem, None, sqlite3.sqlite_version)

    def describe(self, object_name: str) -> ObjectSchema:
        """The columns in neutral types, none where there is no table; a unique one is a key."""
        return ObjectSchema(object_name, self._read(_columns, object_name))

    def ensure_fields(self, definitions: Sequence[FieldDefinition]) -> list[Outcome]:
        """Add the missing columns, unique ones with their index."""
        return [self._write(_ensure, wanted) for wanted in definitions]

    def streams(self) -> tuple[StreamSpec, ...]:
        """One stream a table that has the exchange's own columns."""
        found = self._read(_tables)
        return tuple(StreamSpec(name, name, Cadence.FAST, counted=True) for name in found)

    def changes(
        self, stream: str, since: Mapping[str, Json] | None, *, landed: Landed
    ) -> Iterator[Page]:
        """The quiet check in one call, else the window by (modified, id), a page a call.

        Archived and merged rows are among them. Cursor: `at`, from when on to look; inside a pull
        `start`, when it began, and `after`, the place behind the last row.
        """
        at, start = moment(since, "at"), moment(since, "start")
        after, looked = (since or {}).get("after"), start is not None
        start = start or self._clock()  # before reading: what is written meanwhile comes next time
        settled = {"at": iso(start - _OVERLAP)}
        if at is not None and not looked:
            rows, unstamped = self._read(_stamped, stream, _SINCE, (iso(at), _LOOK))
            found = _sifted(stream, [*rows, *unstamped])
            if len(rows) < _LOOK and not _unseen(landed, stream, found):
                yield Page((), (), settled, last=True, malformed=found.malformed)
                return
        while True:
            place = (iso(at) if at else "", *(after or ("", "")), _PAGE)
            rows, unstamped = self._read(_stamped, stream, _KEYSET, place)
            last = len(rows) < _PAGE
            found = _sifted(stream, [*rows, *(unstamped if last else ())])
            after = after if last else [rows[-1]["modified"], rows[-1]["id"]]
            cursor = {"at": iso(at) if at else None, "start": iso(start), "after": after}
            fresh = tuple(_unseen(landed, stream, found))
            yield Page(fresh, (), settled if last else cursor, last=last, malformed=found.malformed)
            if last:
                return

    def census(self, stream: str, after: Mapping[str, Json] | None) -> Iterator[Page]:
        """Ids and stamps of all live rows, by id. Cursor: `after`, the id a page ended with."""
        place = str((after or {}).get("after") or "")
        while True:
            rows = self._read(_select, stream, _LIVE_BY_ID, (place, _PAGE))
            found = _sifted(stream, rows)
            place = rows[-1]["id"] if rows else place
            bare = tuple(Record(r.ref, {}, r.revision, r.modified_at) for r in found.good)
            last = len(rows) < _PAGE
            yield Page(bare, (), {"after": place}, last=last, malformed=found.malformed)
            if last:
                return

    def fetch(self, object_name: str, ids: Sequence[str]) -> list[Record]:
        """The rows as they are now; a merged one comes with the row it has become part of."""
        found: dict[str, Record] = {}
        wanted = list(dict.fromkeys(ids))
        while wanted:
            found |= {record.ref.id: record for record in self._in(object_name, "id", wanted).good}
            masters = dict.fromkeys(r.merged_into for r in found.values() if r.merged_into)
            wanted = [one for one in masters if one not in found and one not in wanted]
        return [r for r in found.values() if not r.deleted or r.merged_into]

    def find(self, object_name: str, field_name: str, values: Sequence[str]) -> list[Record]:
        """Rows whose column equals one of the values to the letter, archived ones included."""
        found = self._in(object_name, field_name, [v for v in dict.fromkeys(values) if v])
        if found.malformed:  # "not there" would be wrong, and might create a record twice
            raise unreadable(SYSTEM, found.malformed[0].payload)
        return found.good

    def versions(
        self, object_name: str, fields: Mapping[str, Sequence[str]]
    ) -> dict[tuple[str, str], tuple[Version, ...]]:
        """Nothing: a table keeps no history of its fields."""
        del object_name, fields
        return {}

    def write(self, rows: Sequence[Write]) -> list[Outcome]:
        """One outcome a row; a batch is one transaction, in which a refused row stands alone."""
        if len({(row.operation, row.object) for row in rows}) > 1:
            raise InvariantError("A write holds rows of one operation and one object.")
        return write_batches(rows, CAPABILITIES.write_batch, self._send)

    def archive(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Mark rows as archived; twice, or where nothing is, it is no error."""
        return self.write([Write(i, Operation.DELETE, object_name, {}, id=i) for i in ids])

    def erase(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Remove rows for good, their bytes in the file overwritten; copies the other program made
        are its own business. The nightly count notices what is gone."""
        if ids:
            self._write(_remove, object_name, ids)
        return [Outcome(one, OutcomeStatus.OK, one) for one in ids]

    def close(self) -> None:
        """Nothing is open between calls."""

    def _in(self, object_name: str, field_name: str, values: Sequence[str]) -> Sifted[Record]:
        rows: list[Row] = []
        for begin in range(0, len(values), CAPABILITIES.read_batch):
            part = values[begin : begin + CAPABILITIES.read_batch]
            rows += self._read(_equal, object_name, field_name, part)
        return _sifted(object_name, rows)

    def _send(self, rows: Sequence[Write]) -> list[Outcome]:
        stamp = iso(self._clock())
        outcomes: list[Outcome] = self._write(lambda db: [_row(db, row, stamp) for row in rows])
        return outcomes

    def _read(self, work: Work, *details: Any) -> Any:
        return self._caller.read(lambda: self._within("BEGIN", work, details)).parsed

    def _write(self, work: Work, *details: Any) -> Any:
        return self._caller.write(lambda: self._within("BEGIN IMMEDIATE", work, details)).parsed

    def _within(self, begin: str, work: Work, details: Sequence[Any]) -> Answer:
        """One transaction. Raises NotSentError and ReplyLostError, as `Caller` wants them."""
        try:
            db = self._open(self._path)
        except sqlite3.Error:
            raise NotSentError from None
        with closing(db):
            committing = False
            try:
                db.execute(begin)
                result = work(db, *details)
                committing = True
                db.execute("COMMIT")
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY:
                    return Answer(_LOCKED_OUT, {}, b"")
                if committing:
                    raise ReplyLostError from None
                remedy = "Check the file: `sqlite3 FILE 'PRAGMA integrity_check'`."
                message = "outbox: the file cannot be worked with"
                raise UnavailableError(message, system=SYSTEM, remedy=remedy) from None
        return Answer(200, {}, b"", [] if result is None else result)


def _judge(answer: Answer) -> Verdict | None:
    return rate_limited(SYSTEM, 1.0) if answer.status == _LOCKED_OUT else None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(db: Database, object_name: str) -> str:
    """The table as a query names it. Raises InvariantError when it is not one of the exchange's."""
    if not set(_OWN) <= set(_declared(db, object_name)):
        raise InvariantError(
            "outbox: a table is not there, or lacks a column of the exchange's own",
            code="remote.refused",
            system=SYSTEM,
            object=object_name,
            remedy=f"Every table of the file needs the columns {', '.join(_OWN)}.",
        )
    return _quoted(object_name)


def _declared(db: Database, object_name: str) -> dict[str, str]:
    """The columns of a table by name, with their types in neutral words."""
    rows = db.execute(f"PRAGMA table_info({_quoted(object_name)})")
    return {row["name"]: _TYPES.get(str(row["type"]).upper(), "text") for row in rows}


def _tables(db: Database) -> list[str]:
    rows = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    return [row["name"] for row in rows if set(_OWN) <= set(_declared(db, row["name"]))]


def _remove(db: Database, object_name: str, ids: Sequence[str]) -> None:
    text = f"DELETE FROM {_table(db, object_name)} WHERE id = ?"  # noqa: S608 - checked
    db.executemany(text, [(one,) for one in ids])


def _select(db: Database, object_name: str, rest: str, values: Sequence[object] = ()) -> list[Row]:
    text = f"SELECT * FROM {_table(db, object_name)} {rest}"  # noqa: S608 - parts of ours, checked
    flags = {n for n, kind in _declared(db, object_name).items() if kind == "boolean"} - {*_OWN}
    found = [dict(row) for row in db.execute(text, values)]  # in which they are numbers
    return [{n: bool(v) if n in flags and v in (0, 1) else v for n, v in r.items()} for r in found]


_LIVE = "archived IS NOT 1 AND coalesce(merged_into, '') = ''"
_LIVE_BY_ID = f"WHERE id > ? AND {_LIVE} ORDER BY id LIMIT ?"
_SINCE = f"WHERE {_STAMPED} AND modified >= ? LIMIT ?"
_KEYSET = (
    f"WHERE {_STAMPED} AND modified >= ? AND (modified, id) > (?, ?) ORDER BY modified, id LIMIT ?"
)
_UNSTAMPED = f"WHERE NOT {_STAMPED} LIMIT ?"


def _stamped(
    db: Database, stream: str, where: str, values: Sequence[object]
) -> tuple[list[Row], list[Row]]:
    """Rows of a window, and rows that belong to none: those without a time."""
    return _select(db, stream, where, values), _select(db, stream, _UNSTAMPED, (_PAGE,))


def _equal(db: Database, object_name: str, field: str, values: Sequence[str]) -> list[Row]:
    if field not in _declared(db, object_name):
        raise InvariantError(
            "outbox: a column is not there", code="remote.refused", system=SYSTEM, field=field
        )
    marks = ", ".join("?" * len(values))
    return _select(db, object_name, f"WHERE {_quoted(field)} IN ({marks})", values)


def _sifted(object_name: str, rows: Sequence[Row]) -> Sifted[Record]:
    return sift(rows, lambda raw: _record(object_name, raw), system=SYSTEM, stream=object_name)


def _record(object_name: str, raw: Mapping[str, Any]) -> Record:
    """A row as a record; its revision is a digest, since one stamp may stand for two edits."""
    if not isinstance(raw["id"], str) or not raw["id"]:
        raise RowFaultError("wrong_id", "id")
    if raw["archived"] not in (None, 0, 1):
        raise RowFaultError("wrong_flag", "archived")
    fields = {n: v for n, v in scalars(raw).items() if n not in _OWN}
    text = json.dumps([raw[name] for name in _OWN] + [fields], sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return Record(
        ref=RecordRef(SYSTEM, object_name, raw["id"]),
        fields=fields,
        revision=f"{raw['modified']}/{digest}",
        modified_at=instant(raw["modified"]),
        deleted=bool(raw["archived"]) or bool(raw["merged_into"]),
        merged_into=raw["merged_into"] or None,
    )


def _unseen(landed: Landed, stream: str, found: Sifted[Record]) -> list[Record]:
    fresh = landed.unseen(stream, [(r.ref.id, r.revision) for r in found.good])
    return [record for record in found.good if record.ref.id in fresh]


def _columns(db: Database, object_name: str) -> dict[str, FieldSchema]:
    table = _table(db, object_name) if _declared(db, object_name) else _quoted(object_name)
    types, unique = _declared(db, object_name), set()
    for index in db.execute(f"PRAGMA index_list({table})").fetchall():
        names = [r["name"] for r in db.execute(f"PRAGMA index_info({_quoted(index['name'])})")]
        unique |= set(names) if index["unique"] and len(names) == 1 else set()
    return {
        row["name"]: FieldSchema(
            name=row["name"],
            label=row["name"],
            type=types[row["name"]],
            required=bool(row["notnull"]) and row["dflt_value"] is None,
            createable=row["name"] not in _OWN,
            updateable=row["name"] not in _OWN,
            unique=row["name"] in unique,
            external_id=row["name"] in unique,
        )
        for row in db.execute(f"PRAGMA table_info({table})")
    }


def _ensure(db: Database, wanted: FieldDefinition) -> Outcome:
    table, column = _table(db, wanted.object), _quoted(wanted.name)
    created = wanted.name not in _declared(db, wanted.object)
    if created:
        kind = _DECLARED.get(wanted.type, "TEXT")
        db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    if wanted.unique and not _columns(db, wanted.object)[wanted.name].unique:
        index = _quoted(f"{wanted.object}_{wanted.name}")
        db.execute(f"CREATE UNIQUE INDEX {index} ON {table} ({column})")
    return Outcome(f"{wanted.object}.{wanted.name}", OutcomeStatus.OK, created=created)


def _row(db: Database, row: Write, stamp: str) -> Outcome:
    """Write one row; refused by the table's own rules, it leaves the others of its batch alone."""
    fields = _fields(row)
    known = set(_declared(db, row.object)) - set(_OWN)
    unknown = sorted(set(fields) - known)
    nested = sorted(name for name, value in fields.items() if isinstance(value, dict | list))
    if unknown or nested:
        code = "field.unknown" if unknown else "value.invalid"
        return _refusal(row, code, (unknown or nested)[0])
    act = _create if row.operation is Operation.CREATE else _change
    db.execute("SAVEPOINT one")
    try:
        return act(db, row, fields, stamp)
    except (sqlite3.IntegrityError, sqlite3.DataError, UnicodeEncodeError, OverflowError):
        db.execute("ROLLBACK TO one")
        return _refusal(row, "record.invalid", None)
    finally:
        db.execute("RELEASE one")


def _fields(row: Write) -> dict[str, Json]:
    """The columns an operation sets on the row it names."""
    if row.operation in JOINS:
        joined = row.operation is Operation.ASSOCIATE
        return {f"{row.fields['to_object']}_id": row.fields["to_id"] if joined else None}
    consent = row.operation in (Operation.OPT_OUT, Operation.OPT_IN)
    said = ("email", "subscription", "explanation") if consent else ()
    return {name: value for name, value in row.fields.items() if name not in said}


def _create(db: Database, row: Write, fields: Mapping[str, Json], stamp: str) -> Outcome:
    """Create by key: the row that has it already is updated."""
    if row.external_id is None:
        raise InvariantError("A create needs the key it is upserted by.")
    name, key = row.external_id
    found = _equal(db, row.object, name, [key])
    if found:
        return _set(db, row, found[0], fields, stamp)
    values = {**fields, name: key, "id": uuid4().hex, "modified": stamp, "archived": 0}
    columns, marks = ", ".join(map(_quoted, values)), ", ".join("?" * len(values))
    text = f"INSERT INTO {_table(db, row.object)} ({columns}) VALUES ({marks})"  # noqa: S608
    db.execute(text, tuple(values.values()))
    return _done(db, row, values["id"], created=True)


def _change(db: Database, row: Write, fields: Mapping[str, Json], stamp: str) -> Outcome:
    """Update a row, or archive it; the dead are not brought back."""
    found = _equal(db, row.object, "id", [str(row.id)])
    dead = not found or found[0]["archived"] or found[0]["merged_into"]
    if row.operation is Operation.DELETE:
        if dead:
            return Outcome(row.key, OutcomeStatus.OK, row.id)
        fields = {"archived": 1}
    if not found:
        return _refusal(row, "record.not_found", None)
    return _set(db, row, found[0], fields, stamp)


def _set(db: Database, row: Write, now: Row, fields: Mapping[str, Json], stamp: str) -> Outcome:
    """Give a row that is alive its new values; where they are its values, nothing moves."""
    if now["archived"] or now["merged_into"]:
        return _refusal(row, "record.deleted", None)
    if any(now[name] != value for name, value in fields.items()):
        values = {**fields, "modified": stamp}
        sets = ", ".join(f"{_quoted(name)} = ?" for name in values)
        text = f"UPDATE {_table(db, row.object)} SET {sets} WHERE id = ?"  # noqa: S608
        db.execute(text, (*values.values(), now["id"]))
    return _done(db, row, now["id"], created=False if row.operation is Operation.CREATE else None)


def _done(db: Database, row: Write, record_id: str, *, created: bool | None) -> Outcome:
    found = _sifted(row.object, _equal(db, row.object, "id", [record_id])).good
    return Outcome(row.key, OutcomeStatus.OK, record_id, created, record=next(iter(found), None))


def _refusal(row: Write, code: str, field: str | None) -> Outcome:
    # Our own words: no value of the record, no text of SQLite's.
    where = {"system": SYSTEM, "object": row.object, "field": field}
    return rejected(row, RecordRejectedError("outbox: the table refused it", code=code, **where))


def connect(
    settings: Mapping[str, str], *, limiter: Limiter, sleep: Sleep, clock: Clock
) -> OutboxConnector:
    """The entry point of `connectors.base.load`. Setting: `file`, which must be there."""
    file = Path(setting(settings, SYSTEM, "file"))
    return OutboxConnector(file, limiter=limiter, sleep=sleep, clock=clock)
