"""The closed loop's memory: standings, moves, handoffs, duties, observed changes.

What is decided is `lifecycle`'s business; here it is rows. Bodies are JSON that only `lifecycle`
reads. Everything can be written again: the same decision taken twice leaves one row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, select, update

from mappings.fieldmap import EntityKind
from mappings.records import Json
from state.identity import ENTITIES
from state.lifecycle_tables import DutyRow, HandoffRow, MoveRow, ObservationRow, StandingRow
from state.store import Tx, chunks, table_of

STANDINGS = table_of(StandingRow)
MOVES = table_of(MoveRow)
HANDOFFS = table_of(HandoffRow)
DUTIES = table_of(DutyRow)
OBSERVATIONS = table_of(ObservationRow)

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a golden record stands: the columns reports count by, and the whole of it."""

    entity_id: str
    lifecycle: str | None
    stage: str | None
    since: datetime | None
    body: Body


@dataclass(frozen=True, slots=True)
class Move:
    """One transition. Two with the same record, instant, stage and kind are one."""

    entity_id: str
    at: datetime
    lifecycle: str
    before: str | None
    after: str
    move: str
    reason: str
    baseline: bool
    body: Body

    @property
    def identity(self) -> tuple[datetime, str, str]:
        """What tells it from the record's other moves."""
        return (self.at, self.after, self.move)


@dataclass(frozen=True, slots=True)
class Handoff:
    """One handoff, named by its key for ever."""

    key: str
    entity_id: str
    lifecycle: str
    stage: str
    status: str
    queue: str | None
    owner: str | None
    opened_at: datetime
    ended_at: datetime | None
    body: Body


@dataclass(frozen=True, slots=True)
class Duty:
    """A line of the ledger: whose job it was in [start, end)."""

    entity_id: str
    start: datetime
    end: datetime | None
    team: str
    person: str | None
    why: str
    known: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """A field that was seen to have changed, by the name contracts use."""

    entity_id: str
    field: str
    at: datetime
    before: Json
    after: Json


def standings(tx: Tx, entity_ids: Iterable[str]) -> dict[str, Standing]:
    """Where these golden records stand; who was never evaluated is left out."""
    found: dict[str, Standing] = {}
    for row in _of(tx, STANDINGS, entity_ids):
        found[row["entity_id"]] = Standing(
            row["entity_id"], row["lifecycle"], row["stage"], row["since"], row["body"]
        )
    return found


def evaluated(tx: Tx) -> int:
    """How many people have ever been evaluated; deals have rows of their own beside them."""
    people = exists().where(
        tx.mine(ENTITIES),
        ENTITIES.c.id == STANDINGS.c.entity_id,
        ENTITIES.c.kind == EntityKind.PERSON.value,
        ENTITIES.c.status == "live",
    )
    query = select(func.count()).select_from(STANDINGS).where(tx.mine(STANDINGS), people)
    return int(tx.connection.execute(query).scalar_one())


def put_standings(tx: Tx, rows: Sequence[Standing]) -> None:
    """Keep where golden records stand now."""
    tx.upsert(
        STANDINGS,
        [
            {"entity_id": r.entity_id, "lifecycle": r.lifecycle, "stage": r.stage,
             "since": r.since, "body": dict(r.body)}
            for r in rows
        ],
        ("entity_id", "tenant", "pair"),
    )  # fmt: skip


def count_stages(tx: Tx) -> dict[tuple[str, str], int]:
    """How many golden records stand at each (lifecycle, stage)."""
    rows = tx.connection.execute(
        select(STANDINGS.c.lifecycle, STANDINGS.c.stage, func.count())
        .where(tx.mine(STANDINGS), STANDINGS.c.stage.is_not(None))
        .group_by(STANDINGS.c.lifecycle, STANDINGS.c.stage)
    )
    return {(lifecycle, stage): count for lifecycle, stage, count in rows}


def moves(tx: Tx, entity_ids: Iterable[str]) -> dict[str, list[Move]]:
    """The moves of golden records, oldest first, without those that are withdrawn."""
    found: dict[str, list[Move]] = defaultdict(list)
    rows = (row for row in _of(tx, MOVES, entity_ids) if row["withdrawn_run"] is None)
    for row in sorted(rows, key=lambda row: (row["at"], row["id"])):
        found[row["entity_id"]].append(_move(row))
    return dict(found)


def add_moves(tx: Tx, run_id: str, rows: Sequence[Move]) -> None:
    """Write moves down; those that are there already stay as they are, unless they were withdrawn:
    what is true again counts again.
    """
    if not rows:
        return
    wanted = {(row.entity_id, *row.identity): row for row in rows}
    withdrawn = [
        known for known in _of(tx, MOVES, {row.entity_id for row in rows})
        if known["withdrawn_run"] is not None
    ]  # fmt: skip
    _correct(tx, [(known, wanted.get(_named(known))) for known in withdrawn])
    tx.insert_new(
        MOVES, [_move_row(row, run_id) for row in rows],
        ("entity_id", "at", "after", "move", "tenant", "pair"),
    )  # fmt: skip


def rewrite_moves(tx: Tx, run_id: str, entity_id: str, rows: Sequence[Move]) -> None:
    """The golden record's moves are these and no others: late evidence has changed its past. What
    is no longer true is kept as withdrawn, what is true again counts again, and a move that came
    about otherwise than was thought (from another stage, for another reason) is told as it was.
    """
    wanted = {(row.entity_id, *row.identity): row for row in rows}
    counting = [row for row in _of(tx, MOVES, [entity_id]) if row["withdrawn_run"] is None]
    _correct(tx, [(known, wanted.get(_named(known))) for known in counting])
    tx.change(
        MOVES, ("id",),
        [
            {"id": known["id"], "withdrawn_run": run_id}
            for known in counting
            if _named(known) not in wanted
        ],
    )  # fmt: skip
    add_moves(tx, run_id, rows)


def _correct(tx: Tx, pairs: Iterable[tuple[Mapping[str, Any], Move | None]]) -> None:
    """Have rows say what their move is now; a row without one is left alone."""
    changed = [
        {**_move_row(now, known["run_id"]), "id": known["id"], "withdrawn_run": None}
        for known, now in pairs
        if now is not None and (known["withdrawn_run"] is not None or now != _move(known))
    ]
    tx.change(MOVES, ("id",), changed)


def _named(row: Mapping[str, Any]) -> tuple[str, datetime, str, str]:
    """What tells a move's row from all others."""
    move = _move(row)
    return (move.entity_id, *move.identity)


def absorb(tx: Tx, run_id: str, loser: str, winner: str) -> None:
    """What is known of one golden record belongs to the one that has absorbed it.

    Its moves are withdrawn, since the winner's history is gone through anew with all of it; changes
    observed and handoffs go on as the winner's.
    """
    seen = observations(tx, [loser]).get(loser, [])
    observe(tx, run_id, [replace(one, entity_id=winner) for one in seen])
    for table in (OBSERVATIONS, STANDINGS, DUTIES):
        tx.connection.execute(delete(table).where(tx.mine(table), table.c.entity_id == loser))
    moved = update(MOVES).where(
        tx.mine(MOVES), MOVES.c.entity_id == loser, MOVES.c.withdrawn_run.is_(None)
    )
    tx.connection.execute(moved.values(withdrawn_run=run_id))
    theirs = update(HANDOFFS).where(tx.mine(HANDOFFS), HANDOFFS.c.entity_id == loser)
    tx.connection.execute(theirs.values(entity_id=winner))


def handoffs(tx: Tx, entity_ids: Iterable[str]) -> dict[str, list[Handoff]]:
    """The handoffs of golden records, oldest first."""
    found: dict[str, list[Handoff]] = defaultdict(list)
    for row in sorted(_of(tx, HANDOFFS, entity_ids), key=lambda row: (row["opened_at"], row["id"])):
        found[row["entity_id"]].append(_handoff(row))
    return dict(found)


def handoffs_with(tx: Tx, statuses: Sequence[str]) -> list[Handoff]:
    """Every handoff with one of these statuses, oldest first."""
    rows = tx.connection.execute(
        select(HANDOFFS)
        .where(tx.mine(HANDOFFS), HANDOFFS.c.status.in_(list(statuses)))
        .order_by(HANDOFFS.c.opened_at, HANDOFFS.c.id)
    )
    return [_handoff(dict(row)) for row in rows.mappings()]


def put_handoffs(tx: Tx, run_id: str, rows: Sequence[Handoff]) -> None:
    """Keep handoffs as they are now."""
    tx.upsert(
        HANDOFFS,
        [
            {"key": r.key, "entity_id": r.entity_id, "lifecycle": r.lifecycle, "stage": r.stage,
             "status": r.status, "queue": r.queue, "owner": r.owner, "opened_at": r.opened_at,
             "ended_at": r.ended_at, "body": dict(r.body), "run_id": run_id}
            for r in rows
        ],
        ("key", "tenant", "pair"),
    )  # fmt: skip


def open_by_owner(tx: Tx, statuses: Sequence[str]) -> dict[str, int]:
    """How many handoffs with one of these statuses each owner has."""
    rows = tx.connection.execute(
        select(HANDOFFS.c.owner, func.count())
        .where(
            tx.mine(HANDOFFS),
            HANDOFFS.c.status.in_(list(statuses)),
            HANDOFFS.c.owner.is_not(None),
        )
        .group_by(HANDOFFS.c.owner)
    )
    return {owner: count for owner, count in rows}  # noqa: C416 - rows are no pairs to dict()


def given_by_queue(tx: Tx) -> dict[tuple[str, str], int]:
    """How many leads each owner was given of each queue, by (queue, owner)."""
    rows = tx.connection.execute(
        select(HANDOFFS.c.queue, HANDOFFS.c.owner, func.count())
        .where(tx.mine(HANDOFFS), HANDOFFS.c.owner.is_not(None), HANDOFFS.c.queue.is_not(None))
        .group_by(HANDOFFS.c.queue, HANDOFFS.c.owner)
    )
    return {(queue, owner): count for queue, owner, count in rows}


def duties(tx: Tx, entity_ids: Iterable[str]) -> dict[str, list[Duty]]:
    """The ledgers of golden records, oldest line first."""
    found: dict[str, list[Duty]] = defaultdict(list)
    for row in sorted(_of(tx, DUTIES, entity_ids), key=lambda row: row["start"]):
        found[row["entity_id"]].append(_duty(row))
    return dict(found)


def duty_at(tx: Tx, entity_id: str, at: datetime) -> Duty | None:
    """Whose job it was at an instant; None before the ledger begins or after it ends."""
    row = (
        tx.connection.execute(
            select(DUTIES)
            .where(tx.mine(DUTIES), DUTIES.c.entity_id == entity_id, DUTIES.c.start <= at)
            .order_by(DUTIES.c.start.desc())
            .limit(1)
        )
        .mappings()
        .first()
    )
    found = _duty(dict(row)) if row is not None else None
    return found if found is not None and (found.end is None or at < found.end) else None


def put_duties(tx: Tx, ledgers: Mapping[str, Sequence[Duty]]) -> None:
    """The ledgers of these golden records are these lines and no others."""
    for batch in chunks(sorted(ledgers)):
        tx.connection.execute(delete(DUTIES).where(tx.mine(DUTIES), DUTIES.c.entity_id.in_(batch)))
    tx.insert(
        DUTIES,
        [
            {"entity_id": entity_id, "start": r.start, "end": r.end, "team": r.team,
             "person": r.person, "why": r.why, "known": r.known}
            for entity_id, rows in ledgers.items()
            for r in rows
        ],
    )  # fmt: skip


def observe(tx: Tx, run_id: str, rows: Sequence[Observation]) -> None:
    """Note changes of fields; one noted before stays as it was."""
    tx.insert_new(
        OBSERVATIONS,
        [
            {"entity_id": r.entity_id, "field": r.field, "at": r.at, "before": r.before,
             "after": r.after, "run_id": run_id}
            for r in rows
        ],
        ("entity_id", "field", "at", "tenant", "pair"),
    )  # fmt: skip


def observations(tx: Tx, entity_ids: Iterable[str]) -> dict[str, list[Observation]]:
    """What was observed of golden records, oldest first."""
    found: dict[str, list[Observation]] = defaultdict(list)
    for row in sorted(_of(tx, OBSERVATIONS, entity_ids), key=lambda row: (row["at"], row["field"])):
        found[row["entity_id"]].append(
            Observation(row["entity_id"], row["field"], row["at"], row["before"], row["after"])
        )
    return dict(found)


def _of(tx: Tx, table: Any, entity_ids: Iterable[str]) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    for batch in chunks(sorted(set(entity_ids))):
        found = tx.connection.execute(
            select(table).where(tx.mine(table), table.c.entity_id.in_(batch))
        )
        names = list(found.keys())
        rows += [dict(zip(names, row, strict=True)) for row in found]
    return rows


def _move(row: Mapping[str, Any]) -> Move:
    return Move(
        row["entity_id"], row["at"], row["lifecycle"], row["before"], row["after"], row["move"],
        row["reason"], row["baseline"], row["body"],
    )  # fmt: skip


def _move_row(move: Move, run_id: str) -> dict[str, Any]:
    return {
        "entity_id": move.entity_id, "at": move.at, "lifecycle": move.lifecycle,
        "before": move.before, "after": move.after, "move": move.move, "reason": move.reason,
        "baseline": move.baseline, "body": dict(move.body), "run_id": run_id,
    }  # fmt: skip


def _handoff(row: Mapping[str, Any]) -> Handoff:
    return Handoff(
        row["key"], row["entity_id"], row["lifecycle"], row["stage"], row["status"], row["queue"],
        row["owner"], row["opened_at"], row["ended_at"], row["body"],
    )  # fmt: skip


def _duty(row: Mapping[str, Any]) -> Duty:
    return Duty(
        row["entity_id"], row["start"], row["end"], row["team"], row["person"], row["why"],
        row["known"],
    )  # fmt: skip
