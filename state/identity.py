"""Golden records and identity links: which vendor records are one person, company or deal.

A vendor record belongs to at most one golden record (unique constraint, law 1). Ids that now
stand for another record (merge losers, converted Leads) are aliases and are always followed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update

from mappings.fieldmap import EntityKind
from mappings.records import RecordRef
from state.store import Tx, chunks, table_of
from state.tables import AccountRow, AliasRow, EntityRow, LinkRow, ShadowRow, WorkRow

ACCOUNTS = table_of(AccountRow)
ENTITIES = table_of(EntityRow)
LINKS = table_of(LinkRow)
ALIASES = table_of(AliasRow)
SHADOWS = table_of(ShadowRow)
WORK = table_of(WorkRow)
LINK_KEY = ("tenant", "pair", "system", "object", "record_id")
ALIAS_HOPS = 50
"""Longest alias chain followed; a longer one can only be a cycle."""


@dataclass(frozen=True, slots=True)
class Link:
    """One vendor record's place in a golden record. `status` is live, alias or gone."""

    ref: RecordRef
    entity_id: str
    reason: str
    status: str
    decision_id: int | None
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to be stored."""

    ref: RecordRef
    entity_id: str
    reason: str
    decision_id: int | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """A golden record. `status` is live, or gone once its CRM record was deleted by a person."""

    id: str
    kind: EntityKind
    status: str


def mint(namespace: str, first: RecordRef) -> str:
    """The link key of a golden record: a UUID that anyone minting it again mints the same.

    Derived from the account ids (`namespace`) and the record that was first linked, so that a
    restored or lost state finds its own creates by key instead of making them twice.
    """
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, f"leadloop:{namespace}"), str(first)))


def bind_account(tx: Tx, system: str, account_id: str, *, user_id: str | None = None) -> str:
    """The account this pair's state belongs to; binds it on first use. `user_id`, whom we work as
    there, is kept as it is now."""
    tx.insert_new(
        ACCOUNTS,
        [{"system": system, "account_id": account_id, "bound_at": tx.now}],
        ("tenant", "pair", "system"),
    )
    if user_id is not None:
        tx.change(ACCOUNTS, ("system", "account_id"),
                  [{"system": system, "account_id": account_id, "user_id": user_id}])  # fmt: skip
    return str(bound_account(tx, system))


def own_users(tx: Tx) -> frozenset[str]:
    """The vendors' users we have worked as, where they tell."""
    rows = tx.connection.execute(
        select(ACCOUNTS.c.user_id).where(tx.mine(ACCOUNTS), ACCOUNTS.c.user_id.is_not(None))
    )
    return frozenset(row.user_id for row in rows)


def bound_account(tx: Tx, system: str) -> str | None:
    """The account this pair's state belongs to, None before the first connection."""
    return tx.connection.execute(
        select(ACCOUNTS.c.account_id).where(tx.mine(ACCOUNTS), ACCOUNTS.c.system == system)
    ).scalar()


def create(tx: Tx, run_id: str, entities: Mapping[str, EntityKind]) -> None:
    """Golden records by id; those that exist are left alone."""
    tx.insert_new(
        ENTITIES,
        [
            {
                "id": entity_id,
                "kind": kind.value,
                "status": "live",
                "created_at": tx.now,
                "run_id": run_id,
            }
            for entity_id, kind in entities.items()
        ],
        ("id",),
    )


def link(tx: Tx, run_id: str, links: Sequence[NewLink]) -> None:
    """Store links; a record linked already keeps its link (the first one stands)."""
    tx.insert_new(
        LINKS,
        [
            {
                "entity_id": new.entity_id,
                "system": new.ref.system,
                "object": new.ref.object,
                "record_id": new.ref.id,
                "reason": new.reason,
                "decision_id": new.decision_id,
                "status": "live",
                "linked_at": tx.now,
                "run_id": run_id,
            }
            for new in links
        ],
        LINK_KEY,
    )


def links_of(tx: Tx, refs: Iterable[RecordRef]) -> dict[RecordRef, Link]:
    """The links of the named records; unlinked ones are left out."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for ref in refs:
        grouped.setdefault((ref.system, ref.object), []).append(ref.id)
    found: dict[RecordRef, Link] = {}
    for (system, object_name), ids in grouped.items():
        for batch in chunks(ids):
            rows = tx.connection.execute(
                select(LINKS).where(
                    tx.mine(LINKS),
                    LINKS.c.system == system,
                    LINKS.c.object == object_name,
                    LINKS.c.record_id.in_(batch),
                )
            ).all()
            for row in rows:
                ref = RecordRef(row.system, row.object, row.record_id)
                found[ref] = Link(
                    ref, row.entity_id, row.reason, row.status, row.decision_id, row.linked_at
                )
    return found


def members(tx: Tx, entity_ids: Iterable[str]) -> dict[str, list[Link]]:
    """Every link of the named golden records, oldest first."""
    found: dict[str, list[Link]] = {}
    for batch in chunks(entity_ids):
        rows = tx.connection.execute(
            select(LINKS).where(tx.mine(LINKS), LINKS.c.entity_id.in_(batch)).order_by(LINKS.c.id)
        ).all()
        for row in rows:
            ref = RecordRef(row.system, row.object, row.record_id)
            found.setdefault(row.entity_id, []).append(
                Link(ref, row.entity_id, row.reason, row.status, row.decision_id, row.linked_at)
            )
    return found


def having(tx: Tx, entity_ids: Iterable[str], object_name: str) -> list[str]:
    """Which of the named golden records ever had a record of that object."""
    found: list[str] = []
    for batch in chunks(entity_ids):
        named = tx.mine(LINKS), LINKS.c.entity_id.in_(batch), LINKS.c.object == object_name
        found += tx.connection.execute(select(LINKS.c.entity_id).where(*named).distinct()).scalars()
    return found


def entities(tx: Tx, entity_ids: Iterable[str]) -> dict[str, Entity]:
    """The named golden records; unknown ids are left out."""
    found: dict[str, Entity] = {}
    for batch in chunks(entity_ids):
        rows = tx.connection.execute(
            select(ENTITIES.c.id, ENTITIES.c.kind, ENTITIES.c.status).where(
                tx.mine(ENTITIES), ENTITIES.c.id.in_(batch)
            )
        ).all()
        found.update((i, Entity(i, EntityKind(kind), status)) for i, kind, status in rows)
    return found


def everybody(tx: Tx, *, after: str = "", limit: int = 1000) -> list[str]:
    """Ids of live golden records of every kind, in their order, a page at a time."""
    rows = tx.connection.execute(
        select(ENTITIES.c.id)
        .where(tx.mine(ENTITIES), ENTITIES.c.status == "live", ENTITIES.c.id > after)
        .order_by(ENTITIES.c.id)
        .limit(limit)
    )
    return [row.id for row in rows]


def set_status(tx: Tx, refs: Sequence[RecordRef], status: str) -> None:
    """Mark links live, alias or gone."""
    tx.change(
        LINKS,
        ("system", "object", "record_id"),
        [
            {"system": ref.system, "object": ref.object, "record_id": ref.id, "status": status}
            for ref in refs
        ],
    )


def retire(tx: Tx, entity_ids: Iterable[str], status: str = "gone") -> None:
    """Mark golden records: `gone` ones are never created again (law 8)."""
    for batch in chunks(entity_ids):
        tx.connection.execute(
            update(ENTITIES)
            .where(tx.mine(ENTITIES), ENTITIES.c.id.in_(batch))
            .values(status=status)
        )


def absorb(tx: Tx, loser: str, winner: str) -> None:
    """Every link of one golden record becomes another's: they were one all along. What else the
    loser has is handed over by `state.requeue`.
    """
    tx.connection.execute(
        update(LINKS).where(tx.mine(LINKS), LINKS.c.entity_id == loser).values(entity_id=winner)
    )
    tx.connection.execute(
        update(ENTITIES)
        .where(tx.mine(ENTITIES), ENTITIES.c.id == loser)
        .values(status="absorbed", absorbed_into=winner)
    )


def standing(tx: Tx, entity_id: str) -> str:
    """The golden record an id stands for today, through any chain of absorptions."""
    for _ in range(ALIAS_HOPS):
        into = tx.connection.execute(
            select(ENTITIES.c.absorbed_into).where(tx.mine(ENTITIES), ENTITIES.c.id == entity_id)
        ).scalar()
        if into is None:
            return entity_id
        entity_id = into
    return entity_id


def alias(tx: Tx, old: RecordRef, new: RecordRef, reason: str) -> None:
    """Remember that one vendor id now stands for another."""
    tx.upsert(
        ALIASES,
        [
            {
                "system": old.system,
                "object": old.object,
                "record_id": old.id,
                "to_object": new.object,
                "to_id": new.id,
                "reason": reason,
                "at": tx.now,
            }
        ],
        LINK_KEY,
    )


def follow(tx: Tx, ref: RecordRef) -> RecordRef:
    """The record an id stands for today, through any chain of merges and conversions."""
    for _ in range(ALIAS_HOPS):
        row = tx.connection.execute(
            select(ALIASES.c.to_object, ALIASES.c.to_id).where(
                tx.mine(ALIASES),
                ALIASES.c.system == ref.system,
                ALIASES.c.object == ref.object,
                ALIASES.c.record_id == ref.id,
            )
        ).first()
        if row is None:
            return ref
        ref = RecordRef(ref.system, row.to_object, row.to_id)
    return ref


def shadows(tx: Tx, entity_ids: Iterable[str]) -> dict[tuple[str, str], dict[str, object]]:
    """Last agreed values by (golden record, bond); a bond names a MAP and a CRM record."""
    found: dict[tuple[str, str], dict[str, object]] = {}
    for batch in chunks(entity_ids):
        rows = tx.connection.execute(
            select(SHADOWS.c.entity_id, SHADOWS.c.bond, SHADOWS.c["values"]).where(
                tx.mine(SHADOWS), SHADOWS.c.entity_id.in_(batch)
            )
        ).all()
        found.update(((entity_id, bond), values) for entity_id, bond, values in rows)
    return found


def store_shadows(
    tx: Tx, run_id: str, values: Mapping[tuple[str, str], Mapping[str, object]]
) -> None:
    """Replace the last agreed values of these bonds."""
    tx.upsert(
        SHADOWS,
        [
            {"entity_id": entity_id, "bond": bond, "values": dict(agreed), "run_id": run_id}
            for (entity_id, bond), agreed in values.items()
        ],
        ("tenant", "pair", "entity_id", "bond"),
    )


def drop_shadows(tx: Tx, entity_id: str) -> None:
    """Nothing is agreed about this golden record any more."""
    tx.connection.execute(delete(SHADOWS).where(tx.mine(SHADOWS), SHADOWS.c.entity_id == entity_id))


def move(tx: Tx, refs: Iterable[RecordRef], entity_id: str) -> None:
    """These linked records belong to another golden record from now on."""
    tx.change(
        LINKS,
        ("system", "object", "record_id"),
        [
            {"system": r.system, "object": r.object, "record_id": r.id, "entity_id": entity_id}
            for r in refs
        ],
    )


def add_work(tx: Tx, entity_ids: Iterable[str], reason: str) -> None:
    """Golden records that must be planned again."""
    tx.insert_new(
        WORK,
        [{"entity_id": entity_id, "reason": reason} for entity_id in sorted(set(entity_ids))],
        ("tenant", "pair", "entity_id"),
    )


def work(
    tx: Tx, *, after: int = 0, limit: int = 500, reasons: Sequence[str] | None = None
) -> list[tuple[int, str]]:
    """(row id, golden record id) of what must be planned again, oldest first; for the given
    reasons only, where there are any.
    """
    query = select(WORK.c.id, WORK.c.entity_id).where(tx.mine(WORK), WORK.c.id > after)
    if reasons is not None:
        query = query.where(WORK.c.reason.in_(list(reasons)))
    rows = tx.connection.execute(query.order_by(WORK.c.id).limit(limit))
    return [(row_id, entity_id) for row_id, entity_id in rows]


def in_work(tx: Tx, entity_ids: Iterable[str]) -> set[str]:
    """Which of these golden records are still to be planned again."""
    found: set[str] = set()
    for batch in chunks(entity_ids):
        rows = tx.connection.execute(
            select(WORK.c.entity_id).where(tx.mine(WORK), WORK.c.entity_id.in_(batch))
        )
        found.update(rows.scalars())
    return found


def any_linked(tx: Tx) -> bool:
    """Whether anything was ever linked."""
    return (
        tx.connection.execute(select(LINKS.c.id).where(tx.mine(LINKS)).limit(1)).first() is not None
    )


def linked(tx: Tx) -> dict[tuple[str, str], int]:
    """Live links by (system, kind of golden record)."""
    rows = tx.connection.execute(
        select(LINKS.c.system, ENTITIES.c.kind, func.count())
        .select_from(LINKS.join(ENTITIES, ENTITIES.c.id == LINKS.c.entity_id))
        .where(tx.mine(LINKS), LINKS.c.status == "live")
        .group_by(LINKS.c.system, ENTITIES.c.kind)
    )
    return {(system, kind): count for system, kind, count in rows}


def finish_work(tx: Tx, entity_ids: Iterable[str]) -> None:
    """These were planned and journaled."""
    for batch in chunks(entity_ids):
        tx.connection.execute(delete(WORK).where(tx.mine(WORK), WORK.c.entity_id.in_(batch)))


def count(tx: Tx) -> dict[str, int]:
    """Live golden records by kind."""
    rows = tx.connection.execute(
        select(ENTITIES.c.kind, func.count())
        .where(tx.mine(ENTITIES), ENTITIES.c.status == "live")
        .group_by(ENTITIES.c.kind)
    )
    return dict(rows.all())
