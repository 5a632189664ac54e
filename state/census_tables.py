"""Tables of the nightly reconciliation: how far each stream was counted, and what was seen."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from state.columns import NAME, OWNER, REF, Scoped
from state.columns import instant as _instant
from state.columns import json_column as _json


class CensusRow(Scoped, table=True):
    """One stream's reconciliation: the one under way, and what the last whole one came to.

    `began_at` is None between two of them. `place` and `figures` are those of the one under way.
    """

    __tablename__ = "census"
    __table_args__: ClassVar[Any] = (UniqueConstraint("stream", "system", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(max_length=NAME)
    stream: str = Field(max_length=REF)
    began_at: datetime | None = _instant(nullable=True)
    place: dict[str, Any] | None = _json(nullable=True)
    figures: dict[str, Any] = _json()
    done_at: datetime | None = _instant(nullable=True)
    result: dict[str, Any] | None = _json(nullable=True)


class SeenRow(Scoped, table=True):
    """An id or event key the vendor has, as the reconciliation under way has seen it."""

    __tablename__ = "census_seen"
    __table_args__: ClassVar[Any] = (UniqueConstraint("key", "stream", "system", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(max_length=NAME)
    stream: str = Field(max_length=REF)
    key: str = Field(max_length=REF)
