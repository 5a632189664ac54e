"""Tables of the closed loop: where people stand, how they moved, who has them, what was seen."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from state.columns import NAME, NEVER_REUSED, OWNER, REF, Scoped
from state.columns import instant as _instant
from state.columns import json_column as _json


class StandingRow(Scoped, table=True):
    """Where a person stands in the contract; `body` is all that evaluation keeps of them."""

    __tablename__ = "standings"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("entity_id", *OWNER),
        Index("ix_standings_stage", "stage", "lifecycle", *OWNER),
    )
    id: int | None = Field(default=None, primary_key=True)
    entity_id: str = Field(max_length=40)
    lifecycle: str | None = Field(default=None, max_length=NAME)
    stage: str | None = Field(default=None, max_length=NAME)
    since: datetime | None = _instant(nullable=True)
    body: dict[str, Any] = _json()


class MoveRow(Scoped, table=True):
    """A stage transition. `withdrawn_run` says that late evidence has shown it did not happen."""

    __tablename__ = "moves"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("entity_id", "at", "after", "move", *OWNER),
        Index("ix_moves_at", "at", *OWNER),
        NEVER_REUSED,
    )
    id: int | None = Field(default=None, primary_key=True)
    entity_id: str = Field(max_length=40)
    at: datetime = _instant()
    lifecycle: str = Field(max_length=NAME)
    before: str | None = Field(default=None, max_length=NAME)
    after: str = Field(max_length=NAME)
    move: str = Field(max_length=16)
    reason: str = Field(max_length=REF, default="")
    baseline: bool = False
    body: dict[str, Any] = _json()
    run_id: str = Field(max_length=40)
    withdrawn_run: str | None = Field(default=None, max_length=40)


class HandoffRow(Scoped, table=True):
    """A handoff; `body` is the whole of it, the columns are what is asked for."""

    __tablename__ = "handoffs"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("key", *OWNER),
        Index("ix_handoffs_entity", "entity_id", *OWNER),
        Index("ix_handoffs_status", "status", *OWNER, "owner"),
        NEVER_REUSED,
    )
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(max_length=REF)
    entity_id: str = Field(max_length=40)
    lifecycle: str = Field(max_length=NAME)
    stage: str = Field(max_length=NAME)
    status: str = Field(max_length=16)
    queue: str | None = Field(default=None, max_length=NAME)
    owner: str | None = Field(default=None, max_length=NAME)
    opened_at: datetime = _instant()
    ended_at: datetime | None = _instant(nullable=True)
    body: dict[str, Any] = _json()
    run_id: str = Field(max_length=40)


class EffectRow(Scoped, table=True):
    """Something a handoff asks for, once for ever by its key: a task, a notice."""

    __tablename__ = "effects"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("key", *OWNER),
        Index("ix_effects_entity", "entity_id", *OWNER),
        Index("ix_effects_status", "status", "kind", *OWNER),
    )
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(max_length=REF)
    entity_id: str = Field(max_length=40)
    handoff: str = Field(max_length=REF)
    kind: str = Field(max_length=16)
    user: str | None = Field(default=None, max_length=NAME)
    text: str = Field(max_length=REF)
    at: datetime = _instant()
    status: str = Field(max_length=16)
    done_at: datetime | None = _instant(nullable=True)
    run_id: str = Field(max_length=40)


class DutyRow(Scoped, table=True):
    """A line of the responsibility ledger of a person or deal: one that begins at an instant."""

    __tablename__ = "duties"
    __table_args__: ClassVar[Any] = (UniqueConstraint("entity_id", "start", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    entity_id: str = Field(max_length=40)
    start: datetime = _instant()
    end: datetime | None = _instant(nullable=True)
    team: str = Field(max_length=16)
    person: str | None = Field(default=None, max_length=NAME)
    why: str = Field(max_length=REF)
    known: bool = True


class ObservationRow(Scoped, table=True):
    """A change of a field the contract looks at, as it was seen: history is replayed from it."""

    __tablename__ = "observations"
    __table_args__: ClassVar[Any] = (UniqueConstraint("entity_id", "field", "at", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    entity_id: str = Field(max_length=40)
    field: str = Field(max_length=NAME)
    at: datetime = _instant()
    before: Any = _json(nullable=True)
    after: Any = _json(nullable=True)
    run_id: str = Field(max_length=40)


class ParticipantRow(Scoped, table=True):
    """A contact of the MAP's who took part in a call or meeting there."""

    __tablename__ = "participants"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("contact_id", *OWNER, "record_id", "object", "system"),
        Index("ix_participants_record", "record_id", *OWNER),
    )
    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(max_length=NAME)
    object: str = Field(max_length=NAME)
    record_id: str = Field(max_length=REF)
    contact_id: str = Field(max_length=REF)
