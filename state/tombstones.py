"""Erasures and what keeps the erased from coming back: keyed hashes, never a name (law 8).

An erasure is `open` until everything it asked for is done, and `done` from then on. Its tombstones
count from the moment it is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update

from state.failures import decodes
from state.store import Tx, chunks, table_of
from state.tables import ErasureRow, TombstoneRow

ERASURES = table_of(ErasureRow)
TOMBSTONES = table_of(TombstoneRow)
OPEN, DONE, LIFTED = "open", "done", "lifted"


@dataclass(frozen=True, slots=True)
class StoredErasure:
    """One erasure. `left` is what is still to be done, empty once nothing is; `counts` what was."""

    id: str
    at: datetime
    status: str
    people: int
    left: Mapping[str, Any]
    counts: Mapping[str, Any]


def begin(
    tx: Tx,
    erasure_id: str,
    *,
    at: datetime,
    people: int,
    digests: Iterable[str],
    left: Mapping[str, Any],
) -> None:
    """Open an erasure, its tombstones with it. One that is known already is left alone."""
    row = {
        "id": erasure_id,
        "at": at,
        "status": OPEN,
        "people": people,
        "left": dict(left),
        "counts": {},
    }
    tx.insert_new(ERASURES, [row], ("id",))
    rows = [{"digest": digest, "erasure_id": erasure_id} for digest in sorted(set(digests))]
    tx.insert_new(TOMBSTONES, rows, ("tenant", "pair", "digest"))


def update_left(
    tx: Tx, erasure_id: str, left: Mapping[str, Any], counts: Mapping[str, Any]
) -> None:
    """What is still to be done now, and what was done so far."""
    values: dict[str, Any] = {"left": dict(left), "counts": dict(counts)}
    if not left:
        values["status"] = DONE
    tx.connection.execute(
        update(ERASURES)
        .where(tx.mine(ERASURES), ERASURES.c.id == erasure_id, ERASURES.c.status == OPEN)
        .values(**values)
    )


def open_erasures(tx: Tx) -> list[StoredErasure]:
    """Erasures that are not done, oldest first."""
    rows = tx.connection.execute(
        select(ERASURES)
        .where(tx.mine(ERASURES), ERASURES.c.status == OPEN)
        .order_by(ERASURES.c.at, ERASURES.c.id)
    )
    return [_erasure(row) for row in rows]


def known(tx: Tx, erasure_ids: Iterable[str]) -> dict[str, str]:
    """The status of those of the named erasures that this state knows."""
    found: dict[str, str] = {}
    for batch in chunks(erasure_ids):
        rows = tx.connection.execute(
            select(ERASURES.c.id, ERASURES.c.status).where(
                tx.mine(ERASURES), ERASURES.c.id.in_(batch)
            )
        )
        found.update((erasure_id, status) for erasure_id, status in rows)
    return found


def digests(tx: Tx) -> frozenset[str]:
    """Every tombstone of the pair."""
    return frozenset(
        tx.connection.execute(select(TOMBSTONES.c.digest).where(tx.mine(TOMBSTONES))).scalars()
    )


def erasures_of(tx: Tx, wanted: Iterable[str]) -> set[str]:
    """Which erasures left one of these tombstones."""
    found: set[str] = set()
    for batch in chunks(wanted):
        found.update(
            tx.connection.execute(
                select(TOMBSTONES.c.erasure_id)
                .where(tx.mine(TOMBSTONES), TOMBSTONES.c.digest.in_(batch))
                .distinct()
            ).scalars()
        )
    return found


def lift(tx: Tx, digests_: Iterable[str]) -> int:
    """These tombstones no longer count; how many there were."""
    gone = 0
    for batch in chunks(sorted(set(digests_))):
        gone += tx.connection.execute(
            delete(TOMBSTONES).where(tx.mine(TOMBSTONES), TOMBSTONES.c.digest.in_(batch))
        ).rowcount
    return gone


def mark_lifted(tx: Tx, erasure_id: str, why: Mapping[str, Any]) -> None:
    """A person has allowed them back: why, and when they agreed."""
    tx.connection.execute(
        update(ERASURES)
        .where(tx.mine(ERASURES), ERASURES.c.id == erasure_id)
        .values(status=LIFTED, counts=dict(why))
    )


@decodes
def _erasure(row: Row[Any]) -> StoredErasure:
    return StoredErasure(row.id, row.at, row.status, row.people, row.left, row.counts)
