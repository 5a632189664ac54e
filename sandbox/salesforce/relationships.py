"""Child relationships: which objects point at one, and what the vendor calls the way back."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.salesforce.fields import Field, ObjectType
from sandbox.salesforce.records import Records
from sandbox.salesforce.table import Table

_LISTED = frozenset(
    {"AccountId", "WhoId", "WhatId", "LeadId", "ContactId", "CampaignId", "OpportunityId"}
)
"""Reference fields whose children are listed on the parent; the others have no name to ask by."""
_HISTORIES = frozenset({"AccountHistory", "ContactHistory", "LeadHistory"})


@dataclass(frozen=True)
class Child:
    """One object that points at the parent by `field`; `name` is None where nobody may ask."""

    table: Table
    field: Field
    name: str | None


def children_of(records: Records, kind: ObjectType) -> list[Child]:
    """Every child of an object, by child and field name."""
    found = [
        Child(table, field, _name(table.kind, field))
        for table in records.tables.values()
        for field in table.kind.fields.values()
        if kind.name in field.reference_to and field.name != "Id"
    ]
    return sorted(found, key=lambda one: (one.table.kind.name, one.field.name))


def _name(child: ObjectType, field: Field) -> str | None:
    if field.name not in _LISTED:
        return f"{field.relationship}" if field.custom and field.relationship else None
    if child.name in _HISTORIES:
        return "Histories"
    return child.plural.replace(" ", "")
