"""What the tables have in common: names, lengths, columns, and whose a row is."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Column, MetaData
from sqlmodel import Field, SQLModel

from state.types import JsonColumn, UtcDateTime

TENANT = 64
NAME = 128
REF = 255

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s",  # a table has one at most
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)
"""All tables. Constraints have names, so that a migration can change them on both databases."""

OWNER = ("tenant", "pair")
"""Where these stand in an index is not taste: after what is searched for. Every row of a pair has
them, so an index that began with them would look as good as any other to a planner without
statistics (PostgreSQL during a first load), and every look-up would read the whole table."""

NEVER_REUSED = {"sqlite_autoincrement": True}
"""For tables whose row ids are kept elsewhere or typed by people: a deleted row's id stays its."""


def json_column(*, nullable: bool = False) -> Any:
    """A column of JSON."""
    return Field(default=None, sa_column=Column(JsonColumn, nullable=nullable))


def instant(*, nullable: bool = False, index: bool = False) -> Any:
    """A column of an aware UTC instant."""
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=nullable, index=index))


class Scoped(SQLModel):
    """What every row says first: whose it is."""

    metadata: ClassVar[MetaData] = METADATA

    tenant: str = Field(max_length=TENANT, default="default")
    pair: str = Field(max_length=NAME)
