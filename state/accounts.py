"""What came in, by what became of it: the figures behind the completeness report. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import String, Table, cast, func, literal_column, select
from sqlalchemy.sql import ColumnElement

from mappings.records import EventKind
from state.events import ACTIVITIES, EVENTS
from state.mirror import INBOX
from state.store import Tx

DAY = "10"
"""Characters of a date. Literal in the query: PostgreSQL groups by no parameter."""


@dataclass(frozen=True, slots=True)
class Received:
    """How many rows of one stream landed on one day (UTC) and ended alike."""

    stream: str
    day: str
    disposition: str
    count: int


def records(tx: Tx) -> list[Received]:
    """Record changes in the inbox, by stream, day and disposition."""
    return _received(tx, INBOX)


def events(tx: Tx) -> list[Received]:
    """Marketing events, by stream, day and disposition."""
    return _received(tx, EVENTS)


def _received(tx: Tx, table: Table) -> list[Received]:
    first: ColumnElement[int] = literal_column("1")
    length: ColumnElement[int] = literal_column(DAY)
    day = func.substr(cast(table.c.landed_at, String), first, length)
    columns = (table.c.system, table.c.stream, day, table.c.disposition)
    query = select(*columns, func.count()).where(tx.mine(table)).group_by(*columns)
    return [
        Received(f"{system}:{stream}", str(at), disposition, count)
        for system, stream, at, disposition, count in tx.connection.execute(query).all()
    ]


def record_names(tx: Tx, dispositions: Sequence[str], *, limit: int) -> list[tuple[str, str]]:
    """(disposition, record) of inbox rows that ended so, oldest first."""
    rows = tx.connection.execute(
        select(INBOX.c.disposition, INBOX.c.system, INBOX.c.object, INBOX.c.record_id)
        .where(tx.mine(INBOX), INBOX.c.disposition.in_(dispositions))
        .order_by(INBOX.c.id)
        .limit(limit)
    )
    return [(word, f"{system}:{name}:{record}") for word, system, name, record in rows]


def event_names(tx: Tx, dispositions: Sequence[str], *, limit: int) -> list[tuple[str, str]]:
    """(disposition, event key) of events that ended so, oldest first."""
    rows = tx.connection.execute(
        select(EVENTS.c.disposition, EVENTS.c.system, EVENTS.c.key)
        .where(tx.mine(EVENTS), EVENTS.c.disposition.in_(dispositions))
        .order_by(EVENTS.c.id)
        .limit(limit)
    )
    return [(word, f"{system}:{key}") for word, system, key in rows]


def form_fills(tx: Tx) -> dict[str, int]:
    """Form fills by disposition."""
    query = (
        select(EVENTS.c.disposition, func.count())
        .where(tx.mine(EVENTS), EVENTS.c.kind == EventKind.FORM_FILL.value)
        .group_by(EVENTS.c.disposition)
    )
    return dict(tx.connection.execute(query).all())


def activities(tx: Tx) -> dict[str, int]:
    """Activities the CRM has taken, by form."""
    query = (
        select(ACTIVITIES.c.form, func.count())
        .where(tx.mine(ACTIVITIES))
        .group_by(ACTIVITIES.c.form)
    )
    return dict(tx.connection.execute(query).all())
