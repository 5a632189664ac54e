"""Which field rules apply to two records, or to one that is to become two, and what that one
becomes. Pure.

A rule with `when` applies where its condition holds for the record it reads. Several rules may
write one field, each for its own kind of record (a pipeline, a business unit): of those the first
that applies does, so that never two of them write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mappings.conditions import creates_for, holds_for
from mappings.fieldmap import FieldRule, ObjectMapping
from mappings.records import Json, Side


def rules_for(
    mapping: ObjectMapping, crm_object: str, fields: Mapping[Side, Mapping[str, Json]]
) -> Iterable[FieldRule]:
    """The rules about a CRM object that apply, in the order of the file.

    `fields` are the records' by side. Where a side has none yet, conditions on it do not hold. A
    parked rule does not apply, and no later one takes its place.
    """
    if mapping.unconditional is not None:
        return mapping.unconditional.get(crm_object, ())
    return _first_that_hold(mapping, crm_object, fields)


def _first_that_hold(
    mapping: ObjectMapping, crm_object: str, fields: Mapping[Side, Mapping[str, Json]]
) -> Iterator[FieldRule]:
    objects = {crm_object, mapping.map_object}
    written: set[tuple[Side, str]] = set()
    for rule in mapping.fields:
        if crm_object not in rule.crm:
            continue
        if rule.when and not _holds(mapping, rule, fields):
            continue
        named = {Side.MAP: rule.map, Side.CRM: rule.crm[crm_object]}
        targets = {(side, name) for side, name in named.items() if rule.writes(side)}
        if written.isdisjoint(targets):
            written |= targets
            if not rule.parked & objects:
                yield rule


def created_as(mapping: ObjectMapping, fields: Mapping[str, Json]) -> str | None:
    """The CRM object that a MAP record of these fields becomes where it has no counterpart; None:
    it is matched and never created."""
    for rule in mapping.create_when:
        if creates_for(mapping, rule, fields):
            return rule.object
    return mapping.create_crm


def _holds(
    mapping: ObjectMapping, rule: FieldRule, fields: Mapping[Side, Mapping[str, Json]]
) -> bool:
    record = fields.get(rule.source)
    return record is not None and holds_for(mapping, rule, record)
