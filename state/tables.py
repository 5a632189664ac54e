"""The tables. Unique constraints, not checks in code, keep the laws (DESIGN section 3).

Every row carries `tenant` and `pair` (the connection pair's name). JSON columns hold what only
Leadloop reads back whole; everything that is searched for has a column of its own. `METADATA` is
complete once this module is imported: tables in files of their own are imported here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, UniqueConstraint
from sqlmodel import Field, SQLModel

from state import lifecycle_tables
from state.census_tables import CensusRow, SeenRow
from state.columns import METADATA, NAME, NEVER_REUSED, OWNER, REF, Scoped
from state.columns import instant as _instant
from state.columns import json_column as _json
from state.schema_tables import DriftRow, SchemaRow
from state.service_tables import (
    AlertRow,
    CommandRow,
    ErasureRow,
    LeaseRow,
    MailingRow,
    TombstoneRow,
)

__all__ = [
    "METADATA",
    "AlertRow",
    "CensusRow",
    "CommandRow",
    "DriftRow",
    "ErasureRow",
    "LeaseRow",
    "MailingRow",
    "SchemaRow",
    "SeenRow",
    "TombstoneRow",
    "lifecycle_tables",
]
"""What other modules take from here though it is defined elsewhere; the tables below besides."""


class AccountRow(Scoped, table=True):
    """Which vendor accounts a pair's state belongs to; a mismatch at start exits 3. `user_id` is
    whom we work as there, where the vendor tells."""

    __tablename__ = "accounts"
    __table_args__: ClassVar[Any] = (UniqueConstraint("tenant", "pair", "system"),)
    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(max_length=NAME)
    account_id: str = Field(max_length=NAME)
    user_id: str | None = Field(default=None, max_length=NAME)
    bound_at: datetime = _instant()


class RunRow(Scoped, table=True):
    """One run: what it was asked, what it did, how it ended."""

    __tablename__ = "runs"
    id: str = Field(primary_key=True, max_length=40)
    kind: str = Field(max_length=20)
    status: str = Field(max_length=20, index=True)
    started_at: datetime = _instant(index=True)
    finished_at: datetime | None = _instant(nullable=True)
    config_hash: str = Field(max_length=64)
    mapping_hash: str = Field(max_length=64)
    counts: dict[str, Any] = _json()
    error: dict[str, Any] | None = _json(nullable=True)


class MappingRow(Scoped, table=True):
    """A mapping that runs were made with, as a document. The one everybody was last put on the
    work list under has the latest `taken_up_at`."""

    __tablename__ = "mappings"
    __table_args__: ClassVar[Any] = (UniqueConstraint("hash", "tenant", "pair"),)
    id: int | None = Field(default=None, primary_key=True)
    hash: str = Field(max_length=64)
    body: dict[str, Any] = _json()
    taken_up_at: datetime | None = _instant(nullable=True)


class CursorRow(Scoped, table=True):
    """How far a stream has been read, in the connector's own words."""

    __tablename__ = "cursors"
    __table_args__: ClassVar[Any] = (UniqueConstraint("tenant", "pair", "system", "stream"),)
    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(max_length=NAME)
    stream: str = Field(max_length=REF)
    cursor: dict[str, Any] = _json()
    complete_at: datetime | None = _instant(nullable=True)


class InboxRow(Scoped, table=True):
    """Every pulled record change, landed before anything is done about it (law 2)."""

    __tablename__ = "inbox"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("record_id", "object", "system", "revision", *OWNER),
        Index("ix_inbox_pending", "disposition", *OWNER, "id"),
        NEVER_REUSED,
    )
    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(max_length=NAME)
    stream: str = Field(max_length=REF)
    object: str = Field(max_length=NAME)
    record_id: str = Field(max_length=REF)
    revision: str = Field(max_length=64)
    payload: dict[str, Any] | None = _json(nullable=True)
    landed_at: datetime = _instant()
    run_id: str = Field(max_length=40)
    disposition: str = Field(max_length=24)
    settled_run: str | None = Field(default=None, max_length=40)


class RecordRow(Scoped, table=True):
    """The mirror: each vendor record as last seen, with the mapped fields (ADR 0004).

    `lookup` and `lookup2` are what the record is looked up by: a person's e-mail address, an
    opportunity role's contact and opportunity, an activity's person and matter, an opportunity's
    account.
    """

    __tablename__ = "records"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("record_id", "object", "system", *OWNER),
        Index("ix_records_lookup", "lookup", "object", *OWNER),
        Index("ix_records_lookup2", "lookup2", "object", *OWNER),
        Index("ix_records_modified", "stream", "system", *OWNER, "modified_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(max_length=NAME)
    stream: str = Field(max_length=REF)
    object: str = Field(max_length=NAME)
    record_id: str = Field(max_length=REF)
    fields: dict[str, Any] = _json()
    revision: str = Field(max_length=64)
    modified_at: datetime = _instant()
    created_at: datetime | None = _instant(nullable=True)
    deleted: bool = False
    merged_into: str | None = Field(default=None, max_length=REF)
    converted_to: str | None = Field(default=None, max_length=REF)
    modified_by: str | None = Field(default=None, max_length=NAME)
    associations: dict[str, Any] = _json()
    lookup: str | None = Field(default=None, max_length=320)
    lookup2: str | None = Field(default=None, max_length=320)


class EntityRow(Scoped, table=True):
    """A golden record: one person, company or deal. An absorbed one says what it is part of."""

    __tablename__ = "entities"
    id: str = Field(primary_key=True, max_length=40)
    kind: str = Field(max_length=20, index=True)
    status: str = Field(max_length=20, default="live")
    absorbed_into: str | None = Field(default=None, max_length=40)
    created_at: datetime = _instant()
    run_id: str = Field(max_length=40)


class LinkRow(Scoped, table=True):
    """Which golden record a vendor record belongs to: at most one, by constraint (law 1)."""

    __tablename__ = "links"
    __table_args__: ClassVar[Any] = (UniqueConstraint("record_id", "object", "system", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    entity_id: str = Field(max_length=40, index=True)
    system: str = Field(max_length=NAME)
    object: str = Field(max_length=NAME)
    record_id: str = Field(max_length=REF)
    reason: str = Field(max_length=40)
    decision_id: int | None = None
    status: str = Field(max_length=20, default="live")
    linked_at: datetime = _instant()
    run_id: str = Field(max_length=40)


class AliasRow(Scoped, table=True):
    """A vendor id that now stands for another one: merge losers, converted Leads."""

    __tablename__ = "aliases"
    __table_args__: ClassVar[Any] = (UniqueConstraint("record_id", "object", "system", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(max_length=NAME)
    object: str = Field(max_length=NAME)
    record_id: str = Field(max_length=REF)
    to_object: str = Field(max_length=NAME)
    to_id: str = Field(max_length=REF)
    reason: str = Field(max_length=20)
    at: datetime = _instant()


class ShadowRow(Scoped, table=True):
    """The last agreed values of a MAP record and a CRM record: merge base and echo test."""

    __tablename__ = "shadows"
    __table_args__: ClassVar[Any] = (UniqueConstraint("entity_id", "bond", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    entity_id: str = Field(max_length=40)
    bond: str = Field(max_length=600)
    values: dict[str, Any] = _json()
    run_id: str = Field(max_length=40)


class DecisionRow(Scoped, table=True):
    """A match decision with its evidence, kept for `explain`."""

    __tablename__ = "decisions"
    __table_args__: ClassVar[Any] = NEVER_REUSED
    id: int | None = Field(default=None, primary_key=True)
    subject: str = Field(max_length=600, index=True)
    verdict: str = Field(max_length=20)
    targets: list[str] = _json()
    probability: float
    weight: float
    reason: str = Field(max_length=40)
    evidence: dict[str, Any] = _json()
    model_version: str = Field(max_length=64)
    run_id: str = Field(max_length=40)
    at: datetime = _instant()


class ReviewRow(Scoped, table=True):
    """Something only a person can decide. One open item per subject, by constraint."""

    __tablename__ = "review_items"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("subject", "open_key", *OWNER),
        NEVER_REUSED,
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=24)
    subject: str = Field(max_length=600)
    candidates: list[str] = _json()
    decision_id: int | None = None
    status: str = Field(max_length=20, index=True)
    open_key: str = Field(max_length=40)
    chosen: str | None = Field(default=None, max_length=600)
    opened_at: datetime = _instant()
    decided_at: datetime | None = _instant(nullable=True)
    run_id: str = Field(max_length=40)


class NonMatchRow(Scoped, table=True):
    """A pair a person has said is not one person; final until taken back."""

    __tablename__ = "non_matches"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("left", "right", *OWNER),
        Index("ix_non_matches_right", "right", *OWNER),
    )
    id: int | None = Field(default=None, primary_key=True)
    left: str = Field(max_length=600)
    right: str = Field(max_length=600)
    run_id: str | None = Field(default=None, max_length=40)
    at: datetime = _instant()


class EventRow(Scoped, table=True):
    """Every pulled marketing event and what became of it; unique for ever (law 3)."""

    __tablename__ = "events"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("key", "system", *OWNER),
        Index("ix_events_pending", "disposition", *OWNER, "id"),
        Index("ix_events_entity", "entity_id", *OWNER),
        NEVER_REUSED,
    )
    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(max_length=NAME)
    stream: str = Field(max_length=REF)
    key: str = Field(max_length=REF)
    kind: str = Field(max_length=24)
    occurred_at: datetime = _instant()
    email: str | None = Field(default=None, max_length=320, index=True)
    name: str = Field(max_length=REF, default="")
    details: dict[str, Any] = _json()
    filtered: bool = False
    entity_id: str | None = Field(default=None, max_length=40)
    disposition: str = Field(max_length=24)
    landed_at: datetime = _instant()
    run_id: str = Field(max_length=40)
    settled_run: str | None = Field(default=None, max_length=40)


class WorkRow(Scoped, table=True):
    """A golden record that must be planned again, and why; gone once it was. Here, in intents, dead
    letters and the ledger it may be a record that belongs to none, by its own name: opt-outs."""

    __tablename__ = "work"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("entity_id", *OWNER),
        NEVER_REUSED,
    )
    id: int | None = Field(default=None, primary_key=True)
    entity_id: str = Field(max_length=REF)
    reason: str = Field(max_length=40)


class IntentRow(Scoped, table=True):
    """A write about to be made, and its outcome: the outbox (BEHAVIOURS, Once in effect)."""

    __tablename__ = "intents"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("key", *OWNER),
        Index("ix_intents_status", "status", *OWNER, "lane", "id"),
        Index("ix_intents_entity", "entity_id", *OWNER, "status"),
        Index("ix_intents_run", "run_id", *OWNER),
        NEVER_REUSED,
    )
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(max_length=64)
    run_id: str = Field(max_length=40)
    entity_id: str = Field(max_length=REF)
    side: str = Field(max_length=8)
    system: str = Field(max_length=NAME)
    operation: str = Field(max_length=20)
    object: str = Field(max_length=NAME)
    target_id: str | None = Field(default=None, max_length=REF)
    external_field: str | None = Field(default=None, max_length=NAME)
    external_value: str | None = Field(default=None, max_length=REF)
    fields: dict[str, Any] = _json()
    lane: str = Field(max_length=16)
    reason: str = Field(max_length=40)
    depends_on: str | None = Field(default=None, max_length=64)
    fingerprint: str = Field(max_length=64, index=True)
    details: dict[str, Any] = _json()
    status: str = Field(max_length=16)
    attempts: int = 0
    result_id: str | None = Field(default=None, max_length=REF)
    created: bool | None = None
    error: dict[str, Any] | None = _json(nullable=True)
    journaled_at: datetime = _instant()
    due_at: datetime | None = _instant(nullable=True)
    done_at: datetime | None = _instant(nullable=True)


class DeadLetterRow(Scoped, table=True):
    """A change that could not be delivered, with cause and payload, until it is replayed, resolved
    by a later version of its record, or discarded. `closing` says why it is closed."""

    __tablename__ = "dead_letters"
    __table_args__: ClassVar[Any] = (
        Index("ix_dead_letters_open", "status", *OWNER, "id"),
        Index("ix_dead_letters_fingerprint", "fingerprint", *OWNER),
        NEVER_REUSED,
    )
    id: int | None = Field(default=None, primary_key=True)
    entity_id: str | None = Field(default=None, max_length=REF, index=True)
    subject: str = Field(max_length=600)
    intent_key: str | None = Field(default=None, max_length=64)
    fingerprint: str = Field(max_length=64)
    code: str = Field(max_length=64, index=True)
    field: str | None = Field(default=None, max_length=NAME)
    message: str = Field(max_length=1000)
    remedy: str = Field(max_length=1000)
    payload: dict[str, Any] = _json()
    status: str = Field(max_length=16)
    run_id: str = Field(max_length=40)
    at: datetime = _instant()
    closed_at: datetime | None = _instant(nullable=True)
    closing: dict[str, Any] | None = _json(nullable=True)


class LedgerRow(Scoped, table=True):
    """One field of one write: before, after, and why (laws 9 and 11)."""

    __tablename__ = "field_ledger"
    __table_args__: ClassVar[Any] = (Index("ix_field_ledger_entity", "entity_id", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    entity_id: str = Field(max_length=REF)
    ref: str = Field(max_length=600)
    field: str = Field(max_length=NAME)
    before: Any = _json(nullable=True)
    after: Any = _json(nullable=True)
    image: Any = _json(nullable=True)
    kept: Any = _json(nullable=True)
    operation: str = Field(max_length=20)
    rule: str = Field(max_length=REF)
    why: str = Field(max_length=40, default="")
    intent_key: str = Field(max_length=64, index=True)
    run_id: str = Field(max_length=40, index=True)
    config_hash: str = Field(max_length=64)
    at: datetime = _instant()
    undoes: list[int] | None = _json(nullable=True)
    undone_by: str | None = Field(default=None, max_length=64)


class ActivityRow(Scoped, table=True):
    """An event delivered to the CRM in one form: once, by constraint (law 3)."""

    __tablename__ = "activities"
    __table_args__: ClassVar[Any] = (UniqueConstraint("event_key", "form", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    event_key: str = Field(max_length=REF)
    form: str = Field(max_length=20)
    ref: str = Field(max_length=600)
    run_id: str = Field(max_length=40)
    at: datetime = _instant()


class BlockingRow(SQLModel, table=True):
    """One blocking key of one record: the candidate index (`state.candidates`).

    The key alone finds the rows, and nothing is kept twice: a person has some thirty of them, so
    every byte here is thirty megabytes for a million people. Whose row it is stands in the key.
    """

    metadata: ClassVar[MetaData] = METADATA

    __tablename__ = "blocking"
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)
    key: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    indexed_id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))


class IndexedRow(Scoped, table=True):
    """A record as matching sees it: JSON of its own, and its blocking keys, by which they are found
    again when the record changes."""

    __tablename__ = "indexed"
    __table_args__: ClassVar[Any] = (UniqueConstraint("record_key", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    record_key: str = Field(max_length=600)
    side: str = Field(max_length=8)
    kind: str = Field(max_length=16)
    person: str
    block_keys: bytes


class ModelRow(Scoped, table=True):
    """A linkage model that was learned, and what became of it (`state.learned`)."""

    __tablename__ = "models"
    id: int | None = Field(default=None, primary_key=True)
    version: str = Field(max_length=64)
    status: str = Field(max_length=16)
    body: dict[str, Any] = _json()
    told: dict[str, Any] = _json()
    trained_at: datetime = _instant()


class ApprovalRow(Scoped, table=True):
    """A person's word: this mapping may be applied (law 13), or this run may change so much."""

    __tablename__ = "approvals"
    __table_args__: ClassVar[Any] = (UniqueConstraint("tenant", "pair", "subject"),)
    id: int | None = Field(default=None, primary_key=True)
    subject: str = Field(max_length=REF)
    at: datetime = _instant()
    details: dict[str, Any] = _json()


class BrakeRow(Scoped, table=True):
    """A brake that holds a pair until a person's word: which, whose run set it, how much it saw."""

    __tablename__ = "brakes"
    __table_args__: ClassVar[Any] = (UniqueConstraint("kind", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=24)
    run_id: str = Field(max_length=40)
    counts: dict[str, Any] = _json()
    at: datetime = _instant()


class DueRow(Scoped, table=True):
    """An instant at which something is to be done about a subject, whether or not it changes.

    One row per kind and subject, by constraint; a worked one stays, so that it is worked once
    whatever the clock does.
    """

    __tablename__ = "due"
    __table_args__: ClassVar[Any] = (
        UniqueConstraint("subject", "kind", *OWNER),
        Index("ix_due_at", "done_at", *OWNER, "at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(max_length=24)
    subject: str = Field(max_length=REF)
    at: datetime = _instant()
    done_at: datetime | None = _instant(nullable=True)
