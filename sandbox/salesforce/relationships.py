"""Child relationships: which objects point at one, and what the vendor calls the way back."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.salesforce.fields import Field, ObjectType
from sandbox.salesforce.records import Records
from sandbox.salesforce.table import Table

_NAMES: dict[tuple[str, str], str] = {
    ("Account", "ParentId"): "ChildAccounts",
    ("AccountHistory", "AccountId"): "Histories",
    ("Campaign", "ParentId"): "ChildCampaigns",
    ("CampaignMember", "CampaignId"): "CampaignMembers",
    ("CampaignMember", "ContactId"): "CampaignMembers",
    ("CampaignMember", "LeadId"): "CampaignMembers",
    ("CampaignMemberStatus", "CampaignId"): "CampaignMemberStatuses",
    ("Contact", "AccountId"): "Contacts",
    ("ContactHistory", "ContactId"): "Histories",
    ("EmailMessage", "RelatedToId"): "Emails",
    ("EmailMessageRelation", "RelationId"): "EmailMessageRelations",
    ("Event", "WhatId"): "Events",
    ("Event", "WhoId"): "Events",
    ("LeadHistory", "LeadId"): "Histories",
    ("Opportunity", "AccountId"): "Opportunities",
    ("Opportunity", "CampaignId"): "Opportunities",
    ("OpportunityContactRole", "ContactId"): "OpportunityContactRoles",
    ("OpportunityContactRole", "OpportunityId"): "OpportunityContactRoles",
    ("OpportunityFieldHistory", "OpportunityId"): "Histories",
    ("Task", "WhatId"): "Tasks",
    ("Task", "WhoId"): "Tasks",
    ("TopicAssignment", "EntityId"): "TopicAssignments",
    ("TopicAssignment", "TopicId"): "TopicAssignments",
}
"""Names of child relationships by child and field, as recorded; those of opportunities are the
object reference's. A reference that is not here has no name to ask by.
"""
_LOOSE = frozenset(
    {
        ("Account", "ParentId"),
        ("Campaign", "ParentId"),
        ("EmailMessage", "RelatedToId"),
        ("Opportunity", "CampaignId"),
    }
)
"""Named relationships whose children outlive the parent."""


@dataclass(frozen=True)
class Child:
    """One object that points at the parent by `field`; `name` is None where nobody may ask.
    `cascades` says whether it is deleted with the parent.
    """

    table: Table
    field: Field
    name: str | None
    cascades: bool


def children_of(records: Records, kind: ObjectType) -> list[Child]:
    """Every child of an object, by child and field name."""
    found = [
        _child(table, field)
        for table in records.tables.values()
        for field in table.kind.fields.values()
        if kind.name in field.reference_to and field.name not in {"Id", "MasterRecordId"}
    ]
    return sorted(found, key=lambda one: (one.table.kind.name, one.field.name))


def _child(table: Table, field: Field) -> Child:
    key = (table.kind.name, field.name)
    name = field.relationship if field.custom else _NAMES.get(key)
    return Child(table, field, name, cascades=key in _NAMES and key not in _LOOSE)
