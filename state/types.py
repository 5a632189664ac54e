"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, String, TypeDecorator
from sqlalchemy.types import TypeEngine

from state import failures


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant with microseconds. Naive values are refused, never guessed.

    SQLite has no time type: there it is text of fixed width, so that comparing sorts by time.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, timestamptz elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(32))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """To the database. Raises ValueError for a naive datetime."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = "a naive datetime reached the store; every instant must be aware"
            raise ValueError(message)
        value = value.astimezone(UTC)
        if dialect.name != "sqlite":
            return value
        return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From the database, always aware UTC. Raises StateError for what is no instant."""
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        try:
            return datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise failures.damaged() from None


JsonColumn = JSON(none_as_null=True)
"""JSON text on SQLite, JSON on PostgreSQL; None is NULL. Never JSONB: that refuses NUL escapes."""
