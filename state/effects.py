"""What handoffs ask for in the world: tasks to be made, notices to be given. Each once, by its key.

An effect is `open` until it is carried out (`done`), is no longer wanted (`dropped`), or would have
to be told to somebody where nobody is to be told (`untold`). It stays, so that a decision taken
twice asks for nothing twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from state.lifecycle_tables import EffectRow
from state.store import Tx, chunks, table_of

EFFECTS = table_of(EffectRow)
OPEN, DONE, DROPPED, UNTOLD = "open", "done", "dropped", "untold"


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing to be done. `handoff` is the key of what asks for it, `user` the CRM user it is
    for, None for whoever runs marketing; `done_at` is when it was over, however.
    """

    key: str
    entity_id: str
    handoff: str
    kind: str
    user: str | None
    text: str
    at: datetime
    status: str = OPEN
    done_at: datetime | None = None


def ask(tx: Tx, run_id: str, effects: Sequence[Effect]) -> None:
    """Have these done; one that was asked for before stays as it is."""
    tx.insert_new(
        EFFECTS,
        [
            {"key": e.key, "entity_id": e.entity_id, "handoff": e.handoff, "kind": e.kind,
             "user": e.user, "text": e.text, "at": e.at, "status": OPEN, "run_id": run_id}
            for e in effects
        ],
        ("key", "tenant", "pair"),
    )  # fmt: skip


def close(tx: Tx, keys: Iterable[str], status: str) -> None:
    """These are over, in that way; what was over before stays as it was."""
    for batch in chunks(sorted(set(keys))):
        tx.connection.execute(
            update(EFFECTS)
            .where(tx.mine(EFFECTS), EFFECTS.c.key.in_(batch), EFFECTS.c.status == OPEN)
            .values(status=status, done_at=tx.now)
        )


def of_people(
    tx: Tx, entity_ids: Iterable[str], *, status: str | None = None
) -> dict[str, list[Effect]]:
    """What was asked for golden records, in order; of one `status`, where one is named."""
    found: dict[str, list[Effect]] = defaultdict(list)
    for batch in chunks(sorted(set(entity_ids))):
        query = select(EFFECTS).where(tx.mine(EFFECTS), EFFECTS.c.entity_id.in_(batch))
        if status is not None:
            query = query.where(EFFECTS.c.status == status)
        for row in tx.connection.execute(query.order_by(EFFECTS.c.at, EFFECTS.c.id)):
            found[row.entity_id].append(_effect(row))
    return dict(found)


def waiting(tx: Tx, kind: str, *, limit: int = 1000, but: Collection[str] = ()) -> list[Effect]:
    """The oldest open ones of a kind, those for the users named in `but` ("": for none) left
    out."""
    rows = tx.connection.execute(
        select(EFFECTS)
        .where(tx.mine(EFFECTS), EFFECTS.c.status == OPEN, EFFECTS.c.kind == kind)
        .where(func.coalesce(EFFECTS.c.user, "").not_in(list(but)))
        .order_by(EFFECTS.c.at, EFFECTS.c.id)
        .limit(limit)
    )
    return [_effect(row) for row in rows]


def count(tx: Tx, kind: str) -> int:
    """How many of a kind are open."""
    found = tx.connection.execute(
        select(func.count()).where(
            tx.mine(EFFECTS), EFFECTS.c.status == OPEN, EFFECTS.c.kind == kind
        )
    ).scalar_one()
    return int(found)


def absorb(tx: Tx, loser: str, winner: str) -> None:
    """What was asked for one golden record is asked for the one that has absorbed it."""
    tx.connection.execute(
        update(EFFECTS)
        .where(tx.mine(EFFECTS), EFFECTS.c.entity_id == loser)
        .values(entity_id=winner)
    )


def _effect(row: object) -> Effect:
    names = ("key", "entity_id", "handoff", "kind", "user", "text", "at", "status", "done_at")
    return Effect(*(getattr(row, name) for name in names))
