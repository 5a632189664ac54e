"""Signs of a second installation: records with our key that this state did not make.

Keys are derived (ADR 0006), so that two states that work on one pair of accounts mint the same ones
and make nobody twice. What the other makes is found by its key, as it would be after this state
was lost; but records that are younger than the state can only have been made by somebody who does
not share it, or by itself before an older backup was put back.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, func, select

from state.identity import ACCOUNTS, LINKS
from state.mirror import RECORDS
from state.store import Tx

BY_KEY = "link_key"
"""The reason of a link that was found by its key alone."""


def made_elsewhere(tx: Tx, system: str, since: datetime) -> int:
    """How many records of a system were found by their key since then, though they were made after
    this state was bound to the account."""
    same = and_(
        RECORDS.c.tenant == LINKS.c.tenant,
        RECORDS.c.pair == LINKS.c.pair,
        RECORDS.c.system == LINKS.c.system,
        RECORDS.c.object == LINKS.c.object,
        RECORDS.c.record_id == LINKS.c.record_id,
    )
    bound = (
        select(ACCOUNTS.c.bound_at)
        .where(tx.mine(ACCOUNTS), ACCOUNTS.c.system == system)
        .scalar_subquery()
    )
    query = (
        select(func.count())
        .select_from(LINKS.join(RECORDS, same))
        .where(
            tx.mine(LINKS),
            LINKS.c.system == system,
            LINKS.c.reason == BY_KEY,
            RECORDS.c.created_at > bound,
            RECORDS.c.created_at > since,
        )
    )
    return int(tx.connection.execute(query).scalar_one())
