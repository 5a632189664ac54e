"""Pages of a Salesforce query: the condition of a window, and what an answer says of its pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.base import instant
from connectors.payloads import object_of, unreadable
from connectors.salesforce_soql import literal
from connectors.salesforce_wire import SYSTEM


def window(at: datetime | None, after: Sequence[str] | None = None) -> str:
    """The condition of a window from `at` on, behind the row (stamp, id) where there is one."""
    if after:
        stamp, last_id = literal(instant(after[0])), literal(after[1])
        newer = f"SystemModstamp > {stamp}"
        return f"({newer} OR (SystemModstamp = {stamp} AND Id > {last_id}))"
    return f"SystemModstamp >= {literal(at)}" if at else ""


def is_done(body: Any) -> bool:
    """Whether a query's page is its last. Raises UnreadableAnswerError when it does not say."""
    done = object_of(SYSTEM, body).get("done")
    if not isinstance(done, bool):
        raise unreadable(SYSTEM, body)
    return done


def total_of(body: Any) -> int:
    """How many rows a query has. Raises UnreadableAnswerError when it does not say."""
    total = object_of(SYSTEM, body).get("totalSize")
    if isinstance(total, bool) or not isinstance(total, int):
        raise unreadable(SYSTEM, body)
    return total


def more_of(body: Mapping[str, Any]) -> str:
    """Where the next page is: a path on the instance, never another host."""
    url = body.get("nextRecordsUrl")
    if not isinstance(url, str) or not re.fullmatch(r"/services/data/[\w./-]{1,200}", url):
        raise unreadable(SYSTEM, body)
    return url
