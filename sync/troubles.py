"""What somebody woken at three in the morning wants to know of a pair: what is wrong, since when,
whether anybody was told, and the command that goes on. Reads the state alone. What waits because
of it stands in `sync.standing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from state import due, quota, trouble
from state.store import Store
from sync.alerts import facts_of
from sync.conditions import CONFIGURATION, Condition, conditions, refused_configuration

if TYPE_CHECKING:
    from sync.config import Config, PairConfig


NO_TROUBLES: dict[str, Any] = {"troubles": [], "told": 0, "due": {}}
"""What `troubles_of` gives where there is no state yet."""


def troubles_of(config: Config, pair: PairConfig, store: Store) -> dict[str, Any]:
    """What is wrong with a pair, JSON-able but for datetimes.

    `troubles` worst first, each with its code, words, remedy, since when, and whether people were
    told; `told` how many addresses are; `due` what is to come without an edit, by kind.
    """
    facts = facts_of(config, pair, store)
    found = conditions(facts)
    with store.read() as tx:
        to_come = due.waiting(tx)
        told = {one.key: one for one in trouble.alerts(tx)}
    with store.for_pair(quota.SHARED).read() as tx:
        told |= {one.key: one for one in trouble.alerts(tx)}
    files = told.get(CONFIGURATION)
    if files is not None and files.over_at is None:
        found.append(refused_configuration(None))
    found.sort(key=lambda one: one.severity.value)
    return {
        "troubles": [_trouble(one, told.get(one.key)) for one in found],
        "told": len(config.notifications),
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
