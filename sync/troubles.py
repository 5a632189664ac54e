"""What somebody woken at three in the morning wants to know of a pair: what is wrong, since when,
what waits because of it and until when, and the command that goes on. Reads the state alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from state import due, outbox, quota, trouble
from state.quota import Account
from state.store import Store
from sync import circuit
from sync.alerts import facts_of
from sync.circuit import Standing
from sync.conditions import Condition, conditions

if TYPE_CHECKING:
    from sync.config import Config, PairConfig, SystemConfig


NO_TROUBLES: dict[str, Any] = {"troubles": [], "told": 0, "deferred": {}, "due": {}}
"""What `troubles_of` gives where there is no state yet."""


def troubles_of(config: Config, pair: PairConfig, store: Store) -> dict[str, Any]:
    """What is wrong with a pair, JSON-able but for datetimes.

    `troubles` worst first, each with its code, words, remedy, since when, and whether people were
    told; `told` how many addresses are; `quota` how each vendor account stands; `deferred` writes
    that wait, by system and lane; `due` what is to come without an edit, by kind.
    """
    facts = facts_of(config, pair, store)
    found = sorted(conditions(facts), key=lambda one: one.severity.value)
    systems = {one.name: one for one in (pair.map_system, pair.crm_system)}
    with store.read() as tx:
        known = {one.system: one for one in quota.accounts(tx, systems)}
        waiting = outbox.open_by_lane(tx)
        to_come = due.waiting(tx)
        told = {one.key: one for one in trouble.alerts(tx)}
    with store.for_pair(quota.SHARED).read() as tx:
        told |= {one.key: one for one in trouble.alerts(tx)}
    deferred: dict[str, dict[str, int]] = {}
    for (system, lane), count in sorted(waiting.items()):
        deferred.setdefault(system, {})[lane] = count
    return {
        "troubles": [_trouble(one, told.get(one.key)) for one in found],
        "told": len(config.notifications),
        "quota": [
            _account(known.get(name, Account(name)), system, facts.now)
            for name, system in systems.items()
        ],
        "deferred": deferred,
        "due": {kind: {"count": n, "first_at": at} for kind, (n, at) in sorted(to_come.items())},
    }


def _trouble(condition: Condition, alert: trouble.Alert | None) -> dict[str, Any]:
    return {
        "code": condition.code,
        "severity": condition.severity.value,
        "what": condition.what,
        "remedy": condition.remedy,
        "since": alert.since if alert else None,
        "told_at": alert.told_at if alert else None,
        "not_told": alert is not None and alert.told_at is None and alert.failed_at is not None,
    }


def _account(account: Account, system: SystemConfig, now: datetime) -> dict[str, Any]:
    stands = circuit.standing(account, now)
    lanes = circuit.deferred_lanes(account, share=system.leadloop_share, now=now)
    until = {
        Standing.PARKED: account.parked_until,
        Standing.OPEN: account.probe_at,
    }.get(stands)
    if until is None and lanes and account.seen_at is not None:
        until = account.seen_at + circuit.BELIEVED_FOR
    ours = None
    if account.daily_limit is not None:
        ours = int(account.daily_limit * system.leadloop_share)
    return {
        "system": account.system,
        "daily_limit": account.daily_limit,
        "daily_used": account.daily_used,
        "our_limit": ours,
        "seen_at": account.seen_at,
        "circuit": stands.value,
        "code": account.code,
        "failures": account.failures,
        "failing_since": account.failed_at,
        "parked_until": account.parked_until,
        "tried_again_at": until,
        "lanes_waiting": [lane.value for lane in lanes],
    }
