"""The durable blocking index: which records share a blocking key with an incoming one.

Resolving one person never loads the population: candidates come by key, and a key that more than
`CAP` records carry is left out (it says nothing about who somebody is). Where the keys of one
person lead to more than are worth looking at, the keys that the fewest carry go first. Three
questions answer for one person or for thousands: how large the blocks are, who is in those that
count, and the records of these, each once.

They, and what is written a row for each key, go to the database in its own words: for one person
the expression language costs several times what the database does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import Row, delete, func, insert, select

from mappings.records import Side
from state.database import from_json, to_json
from state.store import Tx, chunks, table_of
from state.tables import BlockingRow, IndexedRow

BLOCKING = table_of(BlockingRow)
INDEXED = table_of(IndexedRow)
CAP = 200
"""Records one key may stand for; measured as the knee where larger blocks only add cost."""
ENOUGH = 100
"""Rows of blocks that are looked at for one person, the smallest blocks first. Measured: of a
million people it leaves out none of the true matches that all keys lead to, and three candidates in
four (docs/benchmarks.md)."""
_AT_ONCE = 5_000
"""Keys, or records, that one question names."""
_BYTES = 6
"""What a key takes."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """A record as matching sees it, JSON that only matching reads, and its blocking keys: numbers
    from -2**47 to 2**47 - 1 (`matching.blocking.key_of`). Those read from the index are without.
    """

    record_key: str
    side: Side
    kind: str
    person: Any
    keys: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Near:
    """Who shares a key: for each incoming record key the candidates' record keys, sorted, and every
    candidate's record."""

    found: Mapping[str, list[str]]
    records: Mapping[str, Indexed]


# --- writing --------------------------------------------------------------------------------------


def index(tx: Tx, rows: Iterable[Indexed]) -> None:
    """Put records into the index, replacing what it held of them; of two with one record key the
    last one counts. What is there already as it should be is not written again."""
    newest = {row.record_key: row for row in rows}
    for batch in chunks(newest.values()):
        held = _held(tx, [row.record_key for row in batch])
        stored = {row.record_key: _stored(row) for row in batch}
        fresh = [row for row in batch if row.record_key not in held]
        numbers = {name: row.id for name, row in held.items()}
        numbers |= _inserted(tx, [stored[row.record_key] for row in fresh])
        changed = [
            {"id": row.id, **stored[name]}
            for name, row in held.items()
            if stored[name] != {column: getattr(row, column) for column in stored[name]}
        ]
        tx.change(INDEXED, ["id"], changed)
        before = {(key, row.id) for row in held.values() for key in _unpacked(row.block_keys)}
        after = {(key, numbers[row.record_key]) for row in batch for key in row.keys}
        _unblock(tx, before - after)
        _block(tx, after - before)


def drop(tx: Tx, record_keys: Iterable[str]) -> None:
    """Take records out of the index (deleted, merged away, converted)."""
    for batch in chunks(record_keys):
        held = _held(tx, batch)
        _unblock(tx, {(key, row.id) for row in held.values() for key in _unpacked(row.block_keys)})
        tx.connection.execute(
            delete(INDEXED).where(INDEXED.c.id.in_([row.id for row in held.values()]))
        )


def _held(tx: Tx, record_keys: Sequence[str]) -> dict[str, Row[Any]]:
    rows = tx.connection.execute(
        select(INDEXED).where(tx.mine(INDEXED), INDEXED.c.record_key.in_(record_keys))
    )
    return {row.record_key: row for row in rows}


def _stored(row: Indexed) -> dict[str, Any]:
    return {
        "record_key": row.record_key,
        "side": row.side.value,
        "kind": row.kind,
        "person": to_json(row.person),
        "block_keys": b"".join(
            key.to_bytes(_BYTES, "big", signed=True) for key in sorted(set(row.keys))
        ),
    }


def _unpacked(keys: bytes) -> Iterator[int]:
    for at in range(0, len(keys), _BYTES):
        yield int.from_bytes(keys[at : at + _BYTES], "big", signed=True)


def _inserted(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The new rows' numbers by record key."""
    if not rows:
        return {}
    statement = insert(INDEXED).returning(INDEXED.c.record_key, INDEXED.c.id)
    made = tx.connection.execute(statement, [tx.scoped(row) for row in rows])
    return {row.record_key: row.id for row in made}


def _block(tx: Tx, pairs: set[tuple[int, int]]) -> None:
    _many(tx, "INSERT INTO blocking (key, indexed_id) VALUES (?, ?)", pairs)


def _unblock(tx: Tx, pairs: set[tuple[int, int]]) -> None:
    _many(tx, "DELETE FROM blocking WHERE key = ? AND indexed_id = ?", pairs)


def _many(tx: Tx, statement: str, pairs: set[tuple[int, int]]) -> None:
    """Run it for each key and number, in the order in which the index has them."""
    if pairs:
        scope = _scope(tx)
        rows = sorted((key ^ scope, number) for key, number in pairs)
        tx.connection.exec_driver_sql(_spelt(tx, statement), rows)


def _spelt(tx: Tx, statement: str) -> str:
    """The statement with its parameters as the driver writes them."""
    return statement if tx.connection.dialect.name == "sqlite" else statement.replace("?", "%s")


def _scope(tx: Tx) -> int:
    """What a tenant and pair add to their keys, so that no other's records are among theirs."""
    named = f"{tx.tenant}\x1f{tx.pair}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(named, digest_size=_BYTES).digest(), "big", signed=True)


# --- asking ---------------------------------------------------------------------------------------


def near(tx: Tx, keys: Mapping[str, Iterable[int]], *, enough: int | None = None) -> Near:
    """Who shares a blocking key with each incoming record key, and their records. With `enough`
    blocks are left out, the largest first, once so many rows were looked at for a person; the
    smallest one counts however large it is."""
    numbers = _numbers(tx, keys, enough)
    records = dict(_records(tx, _all(numbers)))
    return Near(
        _named(numbers, {number: row.record_key for number, row in records.items()}),
        {row.record_key: row for row in records.values()},
    )


def candidates(tx: Tx, keys: Mapping[str, Iterable[int]]) -> dict[str, list[str]]:
    """For each incoming record key, the indexed record keys that share a blocking key."""
    numbers = _numbers(tx, keys, None)
    names = {int(row[0]): str(row[1]) for row in _read(tx, _NAME, _all(numbers))}
    return _named(numbers, names)


def _all(numbers: Mapping[str, set[int]]) -> list[int]:
    return sorted(set().union(*numbers.values()))


def _named(numbers: Mapping[str, set[int]], names: Mapping[int, str]) -> dict[str, list[str]]:
    return {
        name: sorted({names[number] for number in own if number in names} - {name})
        for name, own in numbers.items()
    }


def _numbers(tx: Tx, keys: Mapping[str, Iterable[int]], enough: int | None) -> dict[str, set[int]]:
    """For each incoming record key the numbers of the records that share a key."""
    scope = _scope(tx)
    wanted = {name: {key ^ scope for key in own} for name, own in keys.items()}
    every = sorted(set().union(*wanted.values()))
    sizes = {key: size for key, size in _asked(tx, _SIZES, every) if 0 < size <= CAP}
    wanted = {name: telling(own, sizes, enough) for name, own in wanted.items()}
    carriers: dict[int, list[int]] = {}
    for key, number in _asked(tx, _BLOCKS, sorted(set().union(*wanted.values()))):
        carriers.setdefault(key, []).append(number)
    return {
        name: {number for key in own for number in carriers.get(key, ())}
        for name, own in wanted.items()
    }


def telling(keys: set[int], sizes: Mapping[int, int], enough: int | None) -> set[int]:
    """Of a person's keys those that are followed, by how many records carry each: all of them, or
    with `enough` the ones that the fewest carry, as `near` promises."""
    known = keys & sizes.keys()
    if enough is None:
        return known
    rows, found = 0, set[int]()
    for key in sorted(known, key=lambda one: (sizes[one], one)):
        rows += sizes[key]
        if found and rows > enough:
            break
        found.add(key)
    return found


_MANY = f"LIMIT {CAP + 1}"
_SIZES = {
    "sqlite": f"""
        SELECT wanted.value, (
            SELECT count(*)
            FROM (SELECT 1 FROM blocking WHERE blocking.key = wanted.value {_MANY})
        ) FROM json_each(?) AS wanted""",  # noqa: S608 - a number of ours, as below
    "postgresql": f"""
        SELECT wanted.key, (
            SELECT count(*)
            FROM (SELECT 1 FROM blocking WHERE blocking.key = wanted.key {_MANY}) AS carrying
        ) FROM unnest(%s::bigint[]) AS wanted (key)""",  # noqa: S608
}
"""How many records carry each key, a large block not counted to its end."""

_BLOCKS = {
    "sqlite": """
        SELECT blocking.key, blocking.indexed_id
        FROM json_each(?) AS wanted CROSS JOIN blocking ON blocking.key = wanted.value""",
    "postgresql": "SELECT key, indexed_id FROM blocking WHERE key = ANY(%s)",
}
"""The numbers of the records that carry each key."""

_RECORDS = {
    "sqlite": """
        SELECT {columns} FROM json_each(?) AS wanted CROSS JOIN indexed ON indexed.id = wanted.value
        WHERE indexed.tenant = ? AND indexed.pair = ?""",
    "postgresql": """
        SELECT {columns} FROM indexed
        WHERE id = ANY(%s) AND indexed.tenant = %s AND indexed.pair = %s""",
}
"""Records by their numbers."""
_NAME = "indexed.id, indexed.record_key"
_WHOLE = f"{_NAME}, indexed.side, indexed.kind, indexed.person"


def _asked(tx: Tx, question: Mapping[str, str], keys: Sequence[int]) -> Iterator[Sequence[Any]]:
    for batch in chunks(keys, _AT_ONCE):
        statement = question[tx.connection.dialect.name]
        yield from tx.connection.exec_driver_sql(statement, (_listed(tx, batch),))


def _records(tx: Tx, numbers: Iterable[int]) -> Iterator[tuple[int, Indexed]]:
    for number, *row in _read(tx, _WHOLE, numbers):
        yield number, _indexed(*row)


def _read(tx: Tx, columns: str, numbers: Iterable[int]) -> Iterator[Sequence[Any]]:
    statement = _RECORDS[tx.connection.dialect.name].format(columns=columns)
    for batch in chunks(numbers, _AT_ONCE):
        yield from tx.connection.exec_driver_sql(
            statement, (_listed(tx, batch), tx.tenant, tx.pair)
        )


def _listed(tx: Tx, numbers: list[int]) -> Any:
    """Numbers as the one parameter that names them all."""
    return to_json(numbers) if tx.connection.dialect.name == "sqlite" else numbers


def people(tx: Tx, record_keys: Iterable[str]) -> dict[str, Indexed]:
    """The indexed form of the named records."""
    found: dict[str, Indexed] = {}
    for batch in chunks(record_keys):
        found |= {
            row.record_key: _indexed(row.record_key, row.side, row.kind, row.person)
            for row in _held(tx, batch).values()
        }
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
        yield _indexed(row.record_key, row.side, row.kind, row.person)


def _indexed(record_key: str, side: str, kind: str, person: str) -> Indexed:
    return Indexed(record_key, Side(side), kind, from_json(person))


def population_size(tx: Tx, kind: str) -> int:
    """How many records of a kind are indexed."""
    return int(
        tx.connection.execute(
            select(func.count())
            .select_from(INDEXED)
            .where(tx.mine(INDEXED), INDEXED.c.kind == kind)
        ).scalar_one()
    )


def forget(tx: Tx, numbers: Iterable[int]) -> int:
    """Remove the keys of these rows of `indexed`, which go next; how many there were."""
    gone = 0
    for batch in chunks(numbers):
        rows = tx.connection.execute(
            select(INDEXED.c.id, INDEXED.c.block_keys).where(INDEXED.c.id.in_(batch))
        )
        pairs = {(key, row.id) for row in rows for key in _unpacked(row.block_keys)}
        _unblock(tx, pairs)
        gone += len(pairs)
    return gone
