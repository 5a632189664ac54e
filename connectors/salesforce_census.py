"""What Salesforce has now, by id and stamp alone: the nightly reconciliation's reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connectors.base import Answer
from connectors.payloads import Sifted
from connectors.salesforce_soql import literal, select
from mappings.ports import Page
from mappings.records import Json, Record


def census(
    object_name: str,
    after: Mapping[str, Json] | None,
    *,
    deletable: bool,
    query: Callable[[str], Answer],
    sifted: Callable[[Answer], Sifted[Record]],
    following: Callable[[Answer], Answer | None],
) -> Iterator[Page]:
    """Pages in the order of ids, 2,000 rows a call. Cursor: `id`, the last one read.

    `following` gives the next page of a query, the answer itself on the last, and None when the
    vendor has forgotten the query: it is asked anew behind the last id.
    """
    last_id = str((after or {}).get("id") or "")
    answer: Answer | None = None
    while True:
        if answer is None:
            answer = query(_asked(object_name, last_id, deletable=deletable))
        found = sifted(answer)
        last_id = found.good[-1].ref.id if found.good else last_id
        more = following(answer)
        last = more is answer
        cursor: dict[str, Any] = {"id": last_id}
        yield Page(tuple(found.good), (), cursor, last=last, malformed=found.malformed)
        if last:
            return
        answer = more


def _asked(object_name: str, last_id: str, *, deletable: bool) -> str:
    """The query behind an id. Queries see deleted rows too (queryAll); here they are not meant."""
    parts = [f"IsDeleted = {literal(value=False)}"] if deletable else []
    parts += [f"Id > {literal(last_id)}"] if last_id else []
    fields = ("Id", "SystemModstamp")
    return select(fields, object_name, where=" AND ".join(parts), order="Id")
