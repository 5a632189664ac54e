"""The tables of schema drift: what vendor objects were like, and which fields are not as needed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from state.columns import NAME, OWNER, REF, Scoped
from state.columns import instant as _instant
from state.columns import json_column as _json


class SchemaRow(Scoped, table=True):
    """A vendor object as it was described the last time: its fields by name."""

    __tablename__ = "schemas"
    __table_args__: ClassVar[Any] = (UniqueConstraint("system", "object", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(max_length=NAME)
    object: str = Field(max_length=NAME)
    fields: dict[str, Any] = _json()
    seen_at: datetime = _instant()


class DriftRow(Scoped, table=True):
    """A field that is not as the mapping needs it, since when, and what is said about it.

    Once it is as it should be again, its object is read anew: `reread` is the mirror row behind
    which that goes on, None while the field is still wrong.
    """

    __tablename__ = "drifts"
    __table_args__: ClassVar[Any] = (UniqueConstraint("system", "object", "field", "kind", *OWNER),)
    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(max_length=NAME)
    object: str = Field(max_length=NAME)
    field: str = Field(max_length=REF)
    kind: str = Field(max_length=24)
    details: dict[str, Any] = _json()
    since: datetime = _instant()
    run_id: str = Field(max_length=40)
    reread: int | None = None
