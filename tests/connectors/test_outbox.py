"""A second kind of system keeps the contract: a file of tables, shared with another program."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.base import NullLimiter, iso, load
from connectors.outbox import OutboxConnector, open_file
from mappings.errors import ConfigurationError, InvariantError, UnavailableError
from mappings.records import Json, Operation, OutcomeStatus, Write
from tests.connectors.test_memory import Time
from tests.contract import Bench, ConnectorContract, Puller, by_key

TABLES = """
CREATE TABLE person (
    id TEXT PRIMARY KEY, modified TEXT, archived BOOLEAN, merged_into TEXT,
    name TEXT NOT NULL CHECK (length(name) <= 40), email TEXT, opted_out BOOLEAN,
    company_id TEXT, leadloop_id TEXT UNIQUE
);
CREATE TABLE note (text TEXT);
"""


class Calls(NullLimiter):
    """Counts transactions: every call asks the limiter first. After `until` of them the other
    program lets go of the file."""

    def __init__(self) -> None:
        self.count = 0
        self.until = 0
        self.holder: sqlite3.Connection | None = None

    def acquire(self, bucket: str = "default") -> None:
        """One more."""
        self.count += 1
        if self.holder is not None and self.until == 0:
            self.holder.close()
            self.holder = None
        self.until -= 1


class OutboxBench(Bench):
    """A file with people, and the other program that works on it."""

    object_name = "person"
    archive_stream = "person"
    key_field = "leadloop_id"
    text_field = "name"
    keeps_history = False
    write_batch = 500

    def __init__(self, folder: Path) -> None:
        self.path = folder / "exchange.sqlite"
        with sqlite3.connect(self.path) as db:
            db.executescript(TABLES)
        self.time = Time()
        self.limiter = Calls()
        self._fails: bool | None = None
        self.connector = OutboxConnector(
            self.path,
            limiter=self.limiter,
            sleep=self.time.sleep,
            clock=self.time.now,
            opener=self._open,
        )

    def _open(self, path: Path) -> sqlite3.Connection:
        """The file, on a disk that may fail as the next change is committed."""
        applied, self._fails = self._fails, None

        class Failing(sqlite3.Connection):
            def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
                if sql != "COMMIT" or applied is None:
                    return super().execute(sql, parameters)
                super().execute("COMMIT" if applied else "ROLLBACK")
                raise sqlite3.OperationalError("disk I/O error")

        return open_file(path, factory=Failing)

    def sql(self, text: str, values: Sequence[object] = ()) -> list[Any]:
        """What the other program does."""
        db = self.limiter.holder or sqlite3.connect(self.path)
        rows = db.execute(text, values).fetchall()
        if db is not self.limiter.holder:
            db.commit()
            db.close()
        return rows

    def fields(self, number: int) -> dict[str, Json]:
        """A person."""
        return {"name": f"Person {number}", "email": f"person{number}@example.com"}

    def spoilt(self, number: int) -> dict[str, Json]:
        """A name longer than the table takes."""
        return {**self.fields(number), "name": "long " * 20}

    def put(self, number: int) -> str:
        """Insert."""
        self.flood(1, number)
        return f"p{number:06}"

    def flood(self, count: int, start: int) -> None:
        """Insert many at one instant."""
        for number in range(start, start + count):
            values = (f"p{number:06}", iso(self.time.at), *self.fields(number).values())
            self.sql("INSERT INTO person (id, modified, name, email) VALUES (?, ?, ?, ?)", values)

    def edit(self, record_id: str, text: str) -> None:
        """Update."""
        values = (text, iso(self.time.at), record_id)
        self.sql("UPDATE person SET name = ?, modified = ? WHERE id = ?", values)

    def remove(self, record_id: str) -> None:
        """Archive."""
        values = (iso(self.time.at), record_id)
        self.sql("UPDATE person SET archived = 1, modified = ? WHERE id = ?", values)

    def merge(self, winner: str, loser: str) -> str:
        """Merge."""
        values = (winner, iso(self.time.at), loser)
        self.sql("UPDATE person SET merged_into = ?, modified = ? WHERE id = ?", values)
        return winner

    def live(self) -> set[str]:
        """Live ids."""
        alive = "archived IS NOT 1 AND merged_into IS NULL"
        return {row[0] for row in self.sql(f"SELECT id FROM person WHERE {alive}")}  # noqa: S608

    def read(self, record_id: str) -> Mapping[str, Json]:
        """Fields."""
        text = "SELECT name, email, opted_out, company_id FROM person WHERE id = ?"
        (row,) = self.sql(text, (record_id,))
        return dict(zip(("name", "email", "opted_out", "company_id"), row, strict=True))

    def calls(self) -> int:
        """Transactions since the last asking."""
        count, self.limiter.count = self.limiter.count, 0
        return count

    def lose_reply(self, *, applied: bool) -> None:
        """The disk fails at the next commit."""
        self._fails = applied

    def storm(self, calls: int) -> None:
        """The other program keeps the file to itself for so many calls."""
        self.limiter.holder = sqlite3.connect(self.path, isolation_level=None)
        self.limiter.holder.execute("BEGIN EXCLUSIVE")
        self.limiter.until = calls

    def wait(self, seconds: float) -> None:
        """Pass time."""
        self.time.at += timedelta(seconds=seconds)

    @property
    def slept(self) -> float:
        """Seconds waited."""
        return self.time.slept


@pytest.fixture
def bench(tmp_path: Path) -> OutboxBench:
    """A fresh file."""
    return OutboxBench(tmp_path)


class TestOutboxContract(ConnectorContract):
    """The contract, kept by a file of tables."""


def test_consent_and_joins_are_columns(bench: OutboxBench) -> None:
    """An opt-out sets its flags, a join the column named after the other object, and both may be
    sent twice."""
    record_id = bench.put(1)
    fields: dict[str, Json] = {"email": "x@example.com", "subscription": None, "opted_out": 1}
    out = Write("o", Operation.OPT_OUT, "person", fields, id=record_id)
    ends = {"to_object": "company", "to_id": "c1"}
    join = Write("j", Operation.ASSOCIATE, "person", ends, id=record_id)
    apart = Write("d", Operation.DISSOCIATE, "person", ends, id=record_id)
    for row in (out, out, join, join):
        assert bench.connector.write([row])[0].status is OutcomeStatus.OK
    read = bench.read(record_id)
    assert (read["opted_out"], read["company_id"], read["email"]) == (
        1,
        "c1",
        "person1@example.com",
    )
    bench.connector.write([apart])
    assert bench.read(record_id)["company_id"] is None


def test_a_value_is_never_part_of_a_query(bench: OutboxBench) -> None:
    """Quotes, statements and NUL arrive as they are, as values and as keys; a column or table that
    is not there is refused however it is spelled, before SQLite takes its name for a text."""
    nasty = "'; DROP TABLE person; --\u0000\" \u202e"
    row = Write(
        "n", Operation.CREATE, "person", {"name": nasty}, external_id=("leadloop_id", nasty)
    )
    (outcome,) = bench.connector.write([row])
    (found,) = bench.connector.find("person", "leadloop_id", [nasty])
    assert (found.ref.id, found.fields["name"]) == (outcome.id, nasty)
    for name in ('nothing" OR 1=1 --', "nothing"):
        with pytest.raises(InvariantError):
            bench.connector.find("person", name, ["nothing"])
        with pytest.raises(InvariantError):
            bench.connector.fetch(name, ["1"])
        refused = Write("r", Operation.UPDATE, "person", {name: "x"}, id=str(outcome.id))
        (told,) = bench.connector.write([refused])
        assert told.error is not None
        assert told.error.code == "field.unknown"


def test_rows_that_make_no_sense_are_set_aside(bench: OutboxBench) -> None:
    """A row without a time, with a time that is none, or with a strange flag never hides and stops
    nothing; once it is put right it comes."""
    good, bad, flag = bench.put(1), bench.put(2), bench.put(3)
    bench.sql("UPDATE person SET modified = '02.03.2026' WHERE id = ?", (bad,))
    bench.sql("UPDATE person SET archived = 'perhaps' WHERE id = ?", (flag,))
    puller = bench.puller()
    for _ in range(2):
        (page,) = puller.pages()
        assert {(m.id, m.reason) for m in page.malformed} >= {(bad, "unreadable_row")}
    assert puller.live() == {good}
    bench.edit(bad, "Well again")
    bench.sql("UPDATE person SET archived = 0 WHERE id = ?", (flag,))
    puller.pull()
    assert puller.live() == {good, bad, flag}


def test_a_merge_of_a_merge_leads_to_its_end(bench: OutboxBench) -> None:
    """Fetching a record merged twice brings every station and the one that lives, round or not."""
    first, second, third = bench.put(1), bench.put(2), bench.put(3)
    bench.merge(second, first)
    bench.merge(third, second)
    found = {r.ref.id: r.merged_into for r in bench.connector.fetch("person", [first])}
    assert found == {first: second, second: third, third: None}
    bench.merge(first, third)
    assert len(bench.connector.fetch("person", [first])) == 3


def test_only_the_exchanges_tables_are_read(bench: OutboxBench, tmp_path: Path) -> None:
    """Streams are tables with the four columns; a table without them is refused with what it lacks,
    and a file that is gone, or is none, is unavailable."""
    assert [s.name for s in bench.connector.streams()] == ["person"]
    with pytest.raises(InvariantError) as raised:
        Puller(bench.connector, "note").pull()
    assert "merged_into" in raised.value.remedy
    rubbish = tmp_path / "rubbish.sqlite"
    rubbish.write_bytes(b"no database" * 500)
    for path in (rubbish, tmp_path / "nowhere.sqlite"):
        with pytest.raises(UnavailableError):
            OutboxConnector(path, limiter=NullLimiter(), sleep=bench.time.sleep).check()
    assert not (tmp_path / "nowhere.sqlite").exists()


def test_what_is_erased_is_not_in_the_file(bench: OutboxBench) -> None:
    """An erased person's bytes are overwritten."""
    gone = bench.put(4711)
    assert b"person4711@" in bench.path.read_bytes()
    bench.connector.erase("person", [gone])
    assert b"person4711@" not in bench.path.read_bytes()


def test_a_key_of_the_dead_creates_nothing(bench: OutboxBench) -> None:
    """A create whose key belongs to an archived record is refused: the dead stay dead."""
    row = bench.create(1, key="k")
    (made,) = bench.connector.write([row])
    bench.remove(str(made.id))
    (again,) = by_key(bench.connector.write([row])).values()
    assert again.status is OutcomeStatus.REJECTED
    assert bench.live() == set()


def test_it_is_loaded_by_its_name(bench: OutboxBench) -> None:
    """`load` builds it from its settings, and names the one that is missing."""
    connector = load("outbox", {"file": str(bench.path)})
    assert connector.check().account_id == "exchange"
    with pytest.raises(ConfigurationError, match="file"):
        load("outbox", {})
