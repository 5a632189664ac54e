"""How a pair's vendor accounts stand, and which writes wait for them: how many, for how long, why
and until when. Reads the state alone, for `leadloop status` and the daemon's metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mappings.ports import Lane
from state import figures, quota, trouble
from state.quota import Account
from state.store import Tx
from sync import circuit
from sync.blocks import POISON
from sync.circuit import Standing
from sync.config import PairConfig, SystemConfig

BRAKED = "guard.rejections"
"""Why everything but opt-outs waits while the poison brake is on."""


def accounts_of(tx: Tx, pair: PairConfig, now: datetime) -> list[dict[str, Any]]:
    """Both accounts of a pair, JSON-able but for datetimes: standing, calls used and left of our
    share, failures in a row, and until when which lanes wait.
    """
    systems = (pair.map_system, pair.crm_system)
    known = {one.system: one for one in quota.accounts(tx, [one.name for one in systems])}
    return [_account(known.get(one.name, Account(one.name)), one, now) for one in systems]


def deferred_of(
    tx: Tx, pair: PairConfig, now: datetime, accounts: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Writes that are journaled and not sent, by system and lane in the order of law 12: count,
    ages, since when the oldest waits; `why` is the code of what keeps them, None where the next run
    takes them, `until` when that ends, where it is known.
    """
    named = {one.kind: one.name for one in (pair.map_system, pair.crm_system)}
    standing = {str(one["system"]): one for one in accounts}
    braked = trouble.brake(tx, POISON) is not None
    order = [lane.value for lane in Lane]
    rows = sorted(figures.backlog(tx, now), key=lambda one: (one.system, order.index(one.lane)))
    found = []
    for row in rows:
        account = standing[named[row.system]] if row.system in named else {}
        why, until = _kept_by(account, row.lane, braked=braked)
        found.append(
            {
                "system": row.system,
                "lane": row.lane,
                "count": row.count,
                "by_age": dict(row.by_age),
                "oldest_at": row.oldest_at,
                "why": why,
                "until": until,
            }
        )
    return found


def _kept_by(
    account: Mapping[str, Any], lane: str, *, braked: bool
) -> tuple[str | None, datetime | None]:
    if account and account["circuit"] != Standing.CLOSED.value:
        return account["code"], account["tried_again_at"]
    if account and lane in account["lanes_waiting"]:
        return "remote.lane_deferred", account["tried_again_at"]
    if braked and lane != Lane.CONSENT.value:
        return BRAKED, None
    return None, None


def _account(account: Account, system: SystemConfig, now: datetime) -> dict[str, Any]:
    stands = circuit.standing(account, now)
    lanes = circuit.deferred_lanes(account, share=system.leadloop_share, now=now)
    until = {
        Standing.PARKED: account.parked_until,
        Standing.OPEN: account.probe_at,
    }.get(stands)
    if until is None and lanes and account.seen_at is not None:
        until = account.seen_at + circuit.BELIEVED_FOR
    ours = left = None
    if account.daily_limit is not None:
        ours = int(account.daily_limit * system.leadloop_share)
    if ours is not None and account.daily_used is not None:
        left = max(0, ours - account.daily_used)
    return {
        "system": account.system,
        "daily_limit": account.daily_limit,
        "daily_used": account.daily_used,
        "our_limit": ours,
        "our_left": left,
        "seen_at": account.seen_at,
        "circuit": stands.value,
        "code": account.code,
        "failures": account.failures,
        "failing_since": account.failed_at,
        "parked_until": account.parked_until,
        "tried_again_at": until,
        "lanes_waiting": [lane.value for lane in lanes],
    }
