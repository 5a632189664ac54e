"""The store: short transactions over the state, scoped to one tenant and connection pair.

`with store.begin() as tx:` commits when the block ends without an error and rolls back
otherwise. No transaction is open during a network call. What can be asked and told lives in the
sibling modules (`inbox`, `mirror`, `identity`, `events`, `outbox`, `reviews`, `runs`,
`candidates`), as functions whose first argument is the transaction.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Engine, Table, and_, bindparam, insert, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ColumnElement
from sqlmodel import SQLModel

from mappings.ports import Screen
from state import lease, lock, scratch
from state.database import READ_ONLY, sqlite_path
from state.failures import translated
from state.lease import Fence, Holder

T = TypeVar("T")

IN_LIST = 500
"""Values in one IN list: far below SQLite's 32,766 and PostgreSQL's 65,535 parameters."""


def chunks(items: Iterable[T], size: int = IN_LIST) -> Iterator[list[T]]:
    """Lists of at most `size` items, in order."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def table_of(row: type[SQLModel]) -> Table:
    """The Core table behind a SQLModel class."""
    return row.__table__  # type: ignore[attr-defined, no-any-return]


def aside(column: Column[Any]) -> ColumnElement[Any]:
    """The column as a condition beside the look-up, never as the way to the rows.

    SQLite takes `status = 'open'` for a better way than a list of 500 keys, and then reads every
    open row for every list.
    """
    return column.concat("")


@lru_cache(maxsize=1024)
def _owned(table: Table, tenant: str, pair: str) -> ColumnElement[bool]:
    # Built once: a run asks hundreds of queries, and building their words costs more than SQLite.
    return and_(table.c.tenant == tenant, table.c.pair == pair)


@dataclass(frozen=True, slots=True)
class Tx:
    """One transaction. `now` is the business clock's reading when it began; whom `screen` covers is
    not stored.
    """

    connection: Connection
    tenant: str
    pair: str
    now: datetime
    screen: Screen | None = None

    def mine(self, table: Table) -> ColumnElement[bool]:
        """The condition every query starts with: this tenant's rows of this pair."""
        return _owned(table, self.tenant, self.pair)

    def scoped(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row with tenant and pair filled in."""
        return {"tenant": self.tenant, "pair": self.pair, **row}

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Plain insert; a broken constraint is an error."""
        if rows:
            self.connection.execute(insert(table), [self.scoped(row) for row in rows])

    def insert_new(
        self, table: Table, rows: Sequence[Mapping[str, Any]], unique: Sequence[str]
    ) -> None:
        """Insert the rows that are not there yet; the others are left as they are."""
        if not rows:
            return
        statement: Any = self._insert(table).on_conflict_do_nothing(index_elements=list(unique))
        self.connection.execute(statement, [self.scoped(row) for row in rows])

    def upsert(
        self,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        unique: Sequence[str],
        *,
        when: Callable[[Any], ColumnElement[bool]] | None = None,
    ) -> None:
        """Insert, or overwrite every given column of the row that is there.

        `when` is given the new row's columns and says whether the old row gives way to it.
        """
        if not rows:
            return
        statement: Any = self._insert(table)
        changed = {
            name: statement.excluded[name]
            for name in rows[0]
            if name not in unique and name not in {"tenant", "pair"}
        }
        statement = statement.on_conflict_do_update(
            index_elements=list(unique),
            set_=changed,
            where=when(statement.excluded) if when else None,
        )
        self.connection.execute(statement, [self.scoped(row) for row in rows])

    def change(self, table: Table, key: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Set columns of rows named by their `key` columns; every row gives the same columns.

        One prepared statement for all of them; a row that is not there changes nothing.
        """
        if not rows:
            return
        named = and_(self.mine(table), *(table.c[name] == bindparam(f"_{name}") for name in key))
        changed: dict[str, Any] = {
            name: bindparam(f"new_{name}") for name in rows[0] if name not in key
        }
        self.connection.execute(
            update(table).where(named).values(changed),
            [
                {(f"_{name}" if name in key else f"new_{name}"): row[name] for name in row}
                for row in rows
            ],
        )

    def _insert(self, table: Table) -> Any:
        flavour = sqlite if self.connection.dialect.name == "sqlite" else postgresql
        return flavour.insert(table)


@dataclass(frozen=True, slots=True)
class Store:
    """The state of one tenant and pair. `clock` is the business clock.

    `fence` is shared by all stores of one opened state: who holds the state writes under it.
    `screen` keeps erased people out.
    """

    engine: Engine
    clock: Callable[[], datetime]
    tenant: str = "default"
    pair: str = "default"
    fence: Fence = field(default_factory=Fence, compare=False)
    screen: Screen | None = field(default=None, compare=False)

    @property
    def file(self) -> Path | None:
        """The file of a SQLite state, None for a server's and one in memory."""
        return sqlite_path(self.engine.url)

    @contextlib.contextmanager
    def begin(self) -> Iterator[Tx]:
        """A write transaction: commits at the end of the block, rolls back on an error.

        Raises LeaseLostError where this process held the state and has lost it.
        """
        with translated(self.file), self.engine.begin() as connection:
            lease.check(connection, self.fence)
            yield Tx(connection, self.tenant, self.pair, self.clock(), self.screen)

    @contextlib.contextmanager
    def read(self) -> Iterator[Tx]:
        """A reading transaction: one consistent view, no lock against writers; writes fail."""
        with translated(self.file), self._reader().connect() as connection:
            yield Tx(connection, self.tenant, self.pair, self.clock(), self.screen)

    def _reader(self) -> Engine:
        if self.engine.dialect.name == "sqlite":
            return self.engine.execution_options(**{READ_ONLY: True})
        return self.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    def for_pair(self, pair: str) -> Store:
        """The same state, seen from another connection pair."""
        return replace(self, pair=pair)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Store]:
        """A throw-away copy to plan on; this store is left as it was."""
        with translated(), scratch.scratch(self.engine) as engine:
            yield replace(self, engine=engine, fence=Fence())

    @contextlib.contextmanager
    def exclusive(self, holder: Holder = "command") -> Iterator[None]:
        """Hold the state alone, under a lease number of our own (`state.lease`).

        Raises StateHeldError when another process has it.
        """
        with (
            lock.exclusive(self.engine),
            lease.taken(self.engine, self.fence, holder=holder, now=self.clock()),
        ):
            yield

    def holder(self) -> str | None:
        """Who holds the state at this moment: `daemon`, `command`, or None for nobody."""
        if not lock.is_held(self.engine):
            return None
        with translated(), self._reader().connect() as connection:
            return lease.last_holder(connection)

    def close(self) -> None:
        """Release all connections."""
        self.engine.dispose()
