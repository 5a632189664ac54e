"""The durable blocking index: which records share a blocking key with an incoming one.

Resolving one person never loads the population: candidates come by key, and a key that more than
`CAP` records carry is left out (it says nothing about who somebody is).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, String, cast, column, delete, func, literal, select

from mappings.records import Side
from state.database import to_json
from state.store import Tx, chunks, table_of
from state.tables import BlockingRow, IndexedRow

BLOCKING = table_of(BlockingRow)
INDEXED = table_of(IndexedRow)
CAP = 200
"""Records one key may stand for; measured as the knee where larger blocks only add cost."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """A record as matching sees it, and its blocking keys."""

    record_key: str
    side: Side
    kind: str
    person: Mapping[str, Any]
    keys: tuple[str, ...] = ()


def index(tx: Tx, rows: Sequence[Indexed]) -> None:
    """Put records into the index, replacing what it held of them."""
    drop(tx, [row.record_key for row in rows])
    tx.insert(
        INDEXED,
        [
            {
                "record_key": row.record_key,
                "side": row.side.value,
                "kind": row.kind,
                "person": dict(row.person),
            }
            for row in rows
        ],
    )
    tx.insert(
        BLOCKING,
        [
            {"key": key, "record_key": row.record_key}
            for row in rows
            for key in sorted(set(row.keys))
        ],
    )


def drop(tx: Tx, record_keys: Iterable[str]) -> None:
    """Take records out of the index (deleted, merged away, converted)."""
    for batch in chunks(record_keys):
        tx.connection.execute(
            delete(BLOCKING).where(tx.mine(BLOCKING), BLOCKING.c.record_key.in_(batch))
        )
        tx.connection.execute(
            delete(INDEXED).where(tx.mine(INDEXED), INDEXED.c.record_key.in_(batch))
        )


def candidates(tx: Tx, keys: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """For each incoming record key, the indexed record keys that share a blocking key."""
    wanted = {name: set(own) for name, own in keys.items()}
    carriers = _carriers(tx, set().union(*wanted.values()) if wanted else set())
    found: dict[str, list[str]] = {}
    for name, own in wanted.items():
        seen: set[str] = set()
        for key in own:
            seen.update(carriers.get(key, ()))
        seen.discard(name)
        found[name] = sorted(seen)
    return found


def _carriers(tx: Tx, keys: set[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for batch in chunks(sorted(keys)):
        small = _telling(tx, batch)
        for key, record_key in tx.connection.execute(
            select(BLOCKING.c.key, BLOCKING.c.record_key).where(
                tx.mine(BLOCKING), BLOCKING.c.key.in_(small)
            )
        ):
            found.setdefault(key, []).append(record_key)
    return found


def _telling(tx: Tx, keys: Sequence[str]) -> list[str]:
    """The keys that at most CAP records carry, found without counting a large block to its end."""
    wanted = _listed(tx, keys)
    block = (
        select(literal(1))
        .where(tx.mine(BLOCKING), BLOCKING.c.key == wanted.c.key)
        .limit(CAP + 1)
        .correlate(wanted)
        .subquery()
    )
    size = select(func.count()).select_from(block).correlate(wanted).scalar_subquery()
    sizes = tx.connection.execute(select(wanted.c.key, size)).all()
    return [key for key, number in sizes if 0 < number <= CAP]


def _listed(tx: Tx, keys: Sequence[str]) -> Any:
    """The keys as a table with the one column `key`: one parameter, however many there are."""
    listed = literal(to_json(keys), String)
    if tx.connection.dialect.name == "sqlite":
        each = func.json_each(listed).table_valued(column("value", String))
        return select(each.c.value.label("key")).cte("wanted")
    each = func.json_array_elements_text(cast(listed, JSON)).table_valued(column("value", String))
    return select(each.c.value.label("key")).cte("wanted")


def people(tx: Tx, record_keys: Iterable[str]) -> dict[str, Indexed]:
    """The indexed form of the named records."""
    found: dict[str, Indexed] = {}
    for batch in chunks(record_keys):
        rows = tx.connection.execute(
            select(INDEXED).where(tx.mine(INDEXED), INDEXED.c.record_key.in_(batch))
        )
        for row in rows:
            found[row.record_key] = Indexed(row.record_key, Side(row.side), row.kind, row.person)
    return found


def population(tx: Tx, side: Side, kind: str, *, limit: int) -> Iterator[Indexed]:
    """Up to `limit` indexed records of one side, in order of their key: what is learnt from them
    must not hang on the order in which they were pulled (law 14)."""
    rows = tx.connection.execute(
        select(INDEXED)
        .where(tx.mine(INDEXED), INDEXED.c.side == side.value, INDEXED.c.kind == kind)
        .order_by(INDEXED.c.record_key)
        .limit(limit)
    )
    for row in rows:
        yield Indexed(row.record_key, Side(row.side), row.kind, row.person)


def population_size(tx: Tx, kind: str) -> int:
    """How many records of a kind are indexed."""
    return int(
        tx.connection.execute(
            select(func.count())
            .select_from(INDEXED)
            .where(tx.mine(INDEXED), INDEXED.c.kind == kind)
        ).scalar_one()
    )
