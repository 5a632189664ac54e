"""Match decisions, review items and the pairs a person has ruled out (law 14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, String, cast, func, literal, select, update

from state.failures import decodes
from state.store import Tx, chunks, table_of
from state.tables import DecisionRow, NonMatchRow, ReviewRow

DECISIONS = table_of(DecisionRow)
REVIEWS = table_of(ReviewRow)
NON_MATCHES = table_of(NonMatchRow)


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """Something only a person can decide: which of the candidates `subject` belongs to."""

    id: int
    kind: str
    subject: str
    candidates: tuple[str, ...]
    decision_id: int | None
    status: str
    chosen: str | None
    opened_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A match decision with its evidence."""

    id: int
    subject: str
    verdict: str
    targets: tuple[str, ...]
    probability: float
    weight: float
    reason: str
    evidence: Mapping[str, Any]
    model_version: str
    run_id: str
    at: datetime


def record_decisions(tx: Tx, run_id: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Store decisions and return their ids by subject.

    A row gives subject, verdict, targets, probability, weight, reason, evidence, model_version.
    """
    tx.insert(DECISIONS, [{**row, "run_id": run_id, "at": tx.now} for row in rows])
    found: dict[str, int] = {}
    for batch in chunks([str(row["subject"]) for row in rows]):
        newest = tx.connection.execute(
            select(DECISIONS.c.subject, func.max(DECISIONS.c.id))
            .where(tx.mine(DECISIONS), DECISIONS.c.subject.in_(batch))
            .group_by(DECISIONS.c.subject)
        )
        found.update((subject, decision_id) for subject, decision_id in newest)
    return found


def decisions_of(tx: Tx, subjects: Iterable[str]) -> list[StoredDecision]:
    """Every decision about the named records, oldest first."""
    found: list[StoredDecision] = []
    for batch in chunks(subjects):
        rows = tx.connection.execute(
            select(DECISIONS)
            .where(tx.mine(DECISIONS), DECISIONS.c.subject.in_(batch))
            .order_by(DECISIONS.c.id)
        )
        found.extend(_decision(row) for row in rows)
    return found


def decision(tx: Tx, decision_id: int) -> StoredDecision | None:
    """One decision by id."""
    row = tx.connection.execute(
        select(DECISIONS).where(tx.mine(DECISIONS), DECISIONS.c.id == decision_id)
    ).first()
    return _decision(row) if row is not None else None


def open_items(tx: Tx, run_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Open review items (kind, subject, candidates, decision_id); an open one is refreshed."""
    tx.upsert(
        REVIEWS,
        [
            {
                **row,
                "status": "open",
                "open_key": "open",
                "opened_at": tx.now,
                "run_id": run_id,
            }
            for row in rows
        ],
        ("tenant", "pair", "subject", "open_key"),
    )


def items(
    tx: Tx, *, status: str | None = "open", kind: str | None = None, limit: int = 1000
) -> list[ReviewItem]:
    """Review items, oldest first."""
    query = select(REVIEWS).where(tx.mine(REVIEWS))
    if status is not None:
        query = query.where(REVIEWS.c.status == status)
    if kind is not None:
        query = query.where(REVIEWS.c.kind == kind)
    return [_item(row) for row in tx.connection.execute(query.order_by(REVIEWS.c.id).limit(limit))]


def item(tx: Tx, item_id: int) -> ReviewItem | None:
    """One review item by id."""
    row = tx.connection.execute(
        select(REVIEWS).where(tx.mine(REVIEWS), REVIEWS.c.id == item_id)
    ).first()
    return _item(row) if row is not None else None


def open_subjects(tx: Tx, subjects: Iterable[str]) -> set[str]:
    """Which of these records are waiting for a person's decision."""
    found: set[str] = set()
    for batch in chunks(subjects):
        found.update(
            tx.connection.execute(
                select(REVIEWS.c.subject).where(
                    tx.mine(REVIEWS), REVIEWS.c.open_key == "open", REVIEWS.c.subject.in_(batch)
                )
            ).scalars()
        )
    return found


def open_count(tx: Tx, kind: str | None = None) -> int:
    """Open review items."""
    query = (
        select(func.count())
        .select_from(REVIEWS)
        .where(tx.mine(REVIEWS), REVIEWS.c.status == "open")
    )
    if kind is not None:
        query = query.where(REVIEWS.c.kind == kind)
    return int(tx.connection.execute(query).scalar_one())


def close(tx: Tx, item_id: int, status: str, chosen: str | None = None) -> None:
    """Decide an item: accepted (with the record chosen), rejected, or resolved by new data."""
    tx.connection.execute(
        update(REVIEWS)
        .where(tx.mine(REVIEWS), REVIEWS.c.id == item_id)
        .values(status=status, open_key=f"closed:{item_id}", chosen=chosen, decided_at=tx.now)
    )


def close_subjects(tx: Tx, subjects: Iterable[str], status: str) -> None:
    """Close the open items of records that new data has decided."""
    for batch in chunks(subjects):
        tx.connection.execute(
            update(REVIEWS)
            .where(tx.mine(REVIEWS), REVIEWS.c.open_key == "open", REVIEWS.c.subject.in_(batch))
            .values(
                status=status,
                open_key=literal("closed:").concat(cast(REVIEWS.c.id, String)),
                chosen=None,
                decided_at=tx.now,
            )
        )


def rule_out(tx: Tx, pairs: Sequence[tuple[str, str]], *, run_id: str | None = None) -> None:
    """Remember that these pairs are not one person, whichever way round; `run_id` is the undo that
    found it out."""
    tx.insert_new(
        NON_MATCHES,
        [{"left": min(pair), "right": max(pair), "run_id": run_id, "at": tx.now} for pair in pairs],
        ("tenant", "pair", "left", "right"),
    )


def ruled_out(tx: Tx, records: Iterable[str]) -> set[tuple[str, str]]:
    """Every ruled-out pair that touches one of these records, as (smaller, larger)."""
    found: set[tuple[str, str]] = set()
    for batch in chunks(records):
        for end in (NON_MATCHES.c.left, NON_MATCHES.c.right):
            rows = tx.connection.execute(
                select(NON_MATCHES.c.left, NON_MATCHES.c.right).where(
                    tx.mine(NON_MATCHES), end.in_(batch)
                )
            )
            found.update((left, right) for left, right in rows)
    return found


@decodes
def _item(row: Row[Any]) -> ReviewItem:
    return ReviewItem(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        candidates=tuple(row.candidates),
        decision_id=row.decision_id,
        status=row.status,
        chosen=row.chosen,
        opened_at=row.opened_at,
        decided_at=row.decided_at,
    )


@decodes
def _decision(row: Row[Any]) -> StoredDecision:
    return StoredDecision(
        id=row.id,
        subject=row.subject,
        verdict=row.verdict,
        targets=tuple(row.targets),
        probability=row.probability,
        weight=row.weight,
        reason=row.reason,
        evidence=row.evidence,
        model_version=row.model_version,
        run_id=row.run_id,
        at=row.at,
    )
