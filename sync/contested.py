"""When the fields that both sides have changed were changed, asked of the vendors' field history.

Only fields about which a rule wants to know are asked for (`owner: none`, `overwrite: newest`), and
only where both sides moved: an ordinary cycle costs no call. What a vendor does not tell stays
unknown, and the decision says so; the time of the record is never taken for the field's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from mappings.fieldmap import FieldRule
from mappings.records import Record, Side
from mappings.survivorship import is_contested, may_be_contested
from sync.bonds import states_of
from sync.histories import histories
from sync.pair import Pair
from sync.views import EntityView, Times

Key = tuple[str, str, str]
"""Object, record id, field."""
Contested = tuple[FieldRule, Record, Record]
"""A rule, and the two records whose fields it joins."""


def with_times(pair: Pair, views: Sequence[EntityView]) -> list[EntityView]:
    """The views, with what the vendors' histories tell about contested fields.

    No transaction is open while they are asked. A side that cannot be asked tells nothing.
    """
    contested = {view.entity_id: list(_contested(view)) for view in views}
    every = [one for own in contested.values() for one in own]
    if not every:
        return list(views)
    known = {side: _asked(pair, side, every) for side in Side}
    return [_timed(view, contested[view.entity_id], known) for view in views]


def _contested(view: EntityView) -> Iterator[Contested]:
    left, right = view.map_record, view.crm_record
    if left is None or right is None or not any(map(may_be_contested, view.mapping.fields)):
        return
    for rule, state in states_of(view.mapping, left, right, view.shadow):
        if is_contested(rule, state):
            yield rule, left, right


def _place(contested: Contested, side: Side) -> Key:
    rule, left, right = contested
    record = left if side is Side.MAP else right
    field = rule.map if side is Side.MAP else rule.crm[right.ref.object]
    return record.ref.object, record.ref.id, field


def _asked(pair: Pair, side: Side, contested: Sequence[Contested]) -> dict[Key, datetime]:
    """When the contested fields of one side changed last, as far as the vendor tells."""
    wanted: dict[str, dict[str, list[str]]] = {}
    for one in contested:
        name, record_id, field = _place(one, side)
        wanted.setdefault(name, {}).setdefault(record_id, []).append(field)
    found: dict[Key, datetime] = {}
    for name, fields in sorted(wanted.items()):
        told = histories(pair, side, name, fields)
        found.update(((name, *key), versions[0].at) for key, versions in told.items())
    return found


def _timed(
    view: EntityView, contested: Sequence[Contested], known: Mapping[Side, Mapping[Key, datetime]]
) -> EntityView:
    times: dict[str, Times] = {
        one[0].key: (
            known[Side.MAP].get(_place(one, Side.MAP)),
            known[Side.CRM].get(_place(one, Side.CRM)),
        )
        for one in contested
    }
    return replace(view, times=times) if times else view
