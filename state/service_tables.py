"""Tables of the running service: who holds the state, and what people ask of the daemon."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, MetaData
from sqlmodel import Field, SQLModel

from state.columns import METADATA, NEVER_REUSED, OWNER, Scoped
from state.columns import instant as _instant
from state.columns import json_column as _json


class LeaseRow(SQLModel, table=True):
    """Whose turn it is to write this state: one row, whose `epoch` grows with every holder."""

    metadata: ClassVar[MetaData] = METADATA
    __tablename__ = "lease"
    id: int | None = Field(default=None, primary_key=True)
    epoch: int
    holder: str = Field(max_length=16)
    taken_at: datetime = _instant()


class CommandRow(Scoped, table=True):
    """Work a person asked for while a daemon holds the state, and what became of it."""

    __tablename__ = "commands"
    __table_args__: ClassVar[Any] = (Index("ix_commands_status", "status", *OWNER), NEVER_REUSED)
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=20)
    arguments: dict[str, Any] = _json()
    status: str = Field(max_length=16)
    requested_at: datetime = _instant()
    epoch: int | None = None
    attempts: int = 0
    claimed_at: datetime | None = _instant(nullable=True)
    progress: dict[str, Any] | None = _json(nullable=True)
    run_id: str | None = Field(default=None, max_length=40)
    exit_code: int | None = None
    result: dict[str, Any] | None = _json(nullable=True)
    error: dict[str, Any] | None = _json(nullable=True)
    finished_at: datetime | None = _instant(nullable=True)
