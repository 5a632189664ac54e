"""Tables of the running service: who holds the state, what people ask of the daemon and are told by
it, whom they had erased, and what is known of the vendors' accounts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, MetaData, UniqueConstraint
from sqlmodel import Field, SQLModel

from state.columns import METADATA, NAME, NEVER_REUSED, OWNER, REF, Scoped
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


class ErasureRow(Scoped, table=True):
    """One erasure: when, how many people, how far it is.

    `left` holds what is still to be done, whom it is about included; it is emptied when nothing is.
    """

    __tablename__ = "erasures"
    __table_args__: ClassVar[Any] = (Index("ix_erasures_status", "status", *OWNER),)
    id: str = Field(primary_key=True, max_length=40)
    at: datetime = _instant()
    status: str = Field(max_length=16)
    people: int
    left: dict[str, Any] = _json()
    counts: dict[str, Any] = _json()


class TombstoneRow(Scoped, table=True):
    """A keyed hash of something an erased person was known by (law 8). The key is not in here."""

    __tablename__ = "tombstones"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("digest", *OWNER),
        Index("ix_tombstones_erasure", "erasure_id", *OWNER),
    )
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(max_length=64)
    erasure_id: str = Field(max_length=40)


class QuotaRow(Scoped, table=True):
    """What is known of a vendor account: its allowance, until when it is parked, its circuit, and
    when it was called of late, by bucket.

    An account belongs to every pair that uses it: `pair` is `*` in these rows, `system` the name
    the configuration gives the account.
    """

    __tablename__ = "quota"
    __table_args__: ClassVar[Any] = (UniqueConstraint("tenant", "pair", "system"),)
    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(max_length=NAME)
    daily_limit: int | None = None
    daily_used: int | None = None
    seen_at: datetime | None = _instant(nullable=True)
    parked_until: datetime | None = _instant(nullable=True)
    failures: int = 0
    failed_at: datetime | None = _instant(nullable=True)
    opened_at: datetime | None = _instant(nullable=True)
    probe_at: datetime | None = _instant(nullable=True)
    code: str | None = Field(default=None, max_length=64)
    calls: dict[str, Any] | None = _json(nullable=True)


class AlertRow(Scoped, table=True):
    """A state people are told about: gone once they were told that it is over."""

    __tablename__ = "alerts"
    __table_args__: ClassVar[Any] = (UniqueConstraint("key", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(max_length=REF)
    code: str = Field(max_length=64)
    since: datetime = _instant()
    over_at: datetime | None = _instant(nullable=True)
    told_at: datetime | None = _instant(nullable=True)
    failed_at: datetime | None = _instant(nullable=True)


class MailingRow(Scoped, table=True):
    """A report that is mailed: to which address (a digest) of which month, and how that stands."""

    __tablename__ = "mailings"
    __table_args__: ClassVar[Any] = (UniqueConstraint("key", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(max_length=NAME)
    status: str = Field(max_length=16)
    attempts: int = 0
    at: datetime = _instant()
