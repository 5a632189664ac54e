"""Which rows a plain query shows, and in what order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from operator import itemgetter
from typing import Any

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import Row
from sandbox.salesforce.soql import ast
from sandbox.salesforce.soql.scope import Names, Scope

ARCHIVE_DAYS = 365
"""Closed tasks and past events older than this leave query() (FACTS section 4)."""


def present(scope: Scope, rows: Iterable[Row]) -> Iterator[Row]:
    """Rows query() shows: not deleted, not archived."""
    if scope.kind.name not in {"Task", "Event"}:
        return (row for row in rows if "IsDeleted" not in row)
    limit = (scope.today - timedelta(days=ARCHIVE_DAYS)).isoformat()
    return (row for row in rows if "IsDeleted" not in row and not is_archived(row, limit))


def is_archived(row: Row, limit: str) -> bool:
    """Closed, and due (or, without a due date, created) before the day `limit`."""
    if not row.get("IsClosed") and "StartDateTime" not in row:
        return False
    return str(row.get("ActivityDate") or row["CreatedDate"])[:10] < limit


def ordered(scope: Names, query: ast.Query, rows: Iterable[Row]) -> list[Row]:
    """Rows in the order a query asks for."""
    found_rows = list(rows)
    for order in reversed(query.order_by):
        found = scope.resolve(order.key)
        if found.field.is_long_text or found.field.type == "address":
            message = f"field '{found.field.name}' can not be sorted in a query call"
            raise SalesforceError("INVALID_FIELD", message)
        if found.names == ("Id",):  # never null and nearly in order already: the quick way
            found_rows.sort(key=itemgetter("Id"), reverse=order.descending)
            continue
        folded = found.field.is_text
        keyed = [(found.get(row), row) for row in found_rows]
        nulls = [row for value, row in keyed if value is None]
        others = [
            (value.lower() if folded and isinstance(value, str) else value, row)
            for value, row in keyed
            if value is not None
        ]
        others.sort(key=_first, reverse=order.descending)
        known = [row for _, row in others]
        found_rows = known + nulls if order.nulls_last else nulls + known
    return found_rows


def _first(pair: tuple[Any, Row]) -> Any:
    return pair[0]
