"""What follows in the state when the writes of an undo are done, in settle's transaction.

An undone value becomes the agreed one of its side, so that neither side counts as changed; a
deleted record leaves its golden record, which makes no new one until somebody asks (ADR 0019).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mappings.records import Operation, RecordRef, Side
from state import candidates, events, identity, ledger, mirror, outbox, requeue
from state.outbox import Intent
from state.store import Tx
from sync.pair import Pair

UNDONE = "undone"


def settle_undone(pair: Pair, tx: Tx, run_id: str, intents: Iterable[Intent]) -> None:
    """Draw the consequences of writes that took something back."""
    for intent in intents:
        told = intent.details.get("undo")
        if told is None:
            continue
        ledger.mark_undone(tx, told["lines"], intent.key)
        outbox.mark(tx, told["intents"], UNDONE)
        _agree(tx, run_id, intent, told)
        for word, ids in told.get("events", {}).items():
            events.dispose(tx, run_id, ids, word)
        if told.get("activity"):
            requeue.forget_activity(tx, str(told["activity"]))
        if intent.operation is Operation.DELETE:
            _forget(pair, tx, intent, gone=bool(told.get("gone")))


def _agree(tx: Tx, run_id: str, intent: Intent, told: Mapping[str, Any]) -> None:
    """Agreed values by half: the side that was written to. The other half stays what it was, so
    that somebody's edit over there still travels."""
    bond = str(told.get("bond") or "")
    halves, hold, forget = (told.get(name) or {} for name in ("halves", "hold", "forget"))
    if not bond or not (halves or hold or forget):
        return
    key = (intent.entity_id, bond)
    agreed = dict(identity.shadows(tx, [intent.entity_id]).get(key, {}))
    side = 0 if intent.side is Side.MAP else 1
    for rule, (value, _) in halves.items():
        agreed[rule] = _half(agreed.get(rule), side, value)
    agreed.update(hold)
    agreed.update({f"undone:{rule}": agreed[rule] for rule in told.get("still", ())})
    for name in forget:
        agreed.pop(name, None)
    identity.store_shadows(tx, run_id, {key: agreed})


def _half(pair: object, side: int, value: object) -> list[object]:
    both = list(pair) if isinstance(pair, (list, tuple)) else [None, None]
    both[side] = value
    return both


def _forget(pair: Pair, tx: Tx, intent: Intent, *, gone: bool) -> None:
    """The record is deleted: it leaves matching and its golden record."""
    ref = RecordRef(intent.system, intent.object, str(intent.target_id))
    known = mirror.load(tx, [ref])
    mirror.mirror(
        tx, [replace(row, record=replace(row.record, deleted=True)) for row in known.values()]
    )
    candidates.drop(tx, [str(ref)])
    link = identity.links_of(tx, [ref]).get(ref)
    if link is None or not gone:
        return
    identity.set_status(tx, [ref], "gone")
    members = identity.members(tx, [link.entity_id]).get(link.entity_id, [])
    side = pair.side_of(ref.system)
    if not any(one.status == "live" and pair.side_of(one.ref.system) is side for one in members):
        identity.retire(tx, [link.entity_id])


def kept_halves(intent: Intent, kept: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    """Rules whose restored value the vendor spelled otherwise: rule to (value, field)."""
    told = intent.details.get("undo") or {}
    return {
        rule: (kept[field], field)
        for rule, (_, field) in (told.get("halves") or {}).items()
        if field in kept
    }


def agree_kept(tx: Tx, run_id: str, intent: Intent, kept: Mapping[str, tuple[Any, str]]) -> None:
    """What the vendor made of a restored value is what its side agreed to."""
    told = dict(intent.details.get("undo") or {})
    halves = {rule: [value, field] for rule, (value, field) in kept.items()}
    _agree(tx, run_id, intent, {"bond": told.get("bond"), "halves": halves})
