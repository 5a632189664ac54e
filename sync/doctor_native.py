"""HubSpot's own Salesforce integration beside ours: whether it is there, and what both would write.

It keeps the ids of its Salesforce records in two contact properties (BEHAVIOURS) [K]. Assumed: the
properties stay when it is removed, so the schema cannot tell whether it is at work, and what is
found is a warning.
"""

from __future__ import annotations

from collections.abc import Mapping

from mappings.fieldmap import EntityKind, FieldRule, PairMapping
from mappings.ports import ObjectSchema
from sync.native_links import ID_PROPERTIES

DEFAULT_FIELDS: Mapping[str, frozenset[str]] = {
    "Contact": frozenset(
        {
            "FirstName",
            "LastName",
            "Email",
            "Phone",
            "Fax",
            "Title",
            "Salutation",
            "LeadSource",
            "Description",
            "OwnerId",
            "HasOptedOutOfEmail",
            "MailingStreet",
            "MailingCity",
            "MailingState",
            "MailingPostalCode",
            "MailingCountry",
        }
    ),
    "Lead": frozenset(
        {
            "FirstName",
            "LastName",
            "Email",
            "Phone",
            "Fax",
            "Title",
            "Salutation",
            "LeadSource",
            "OwnerId",
            "HasOptedOutOfEmail",
            "Company",
            "Website",
            "Industry",
            "AnnualRevenue",
            "NumberOfEmployees",
            "Rating",
            "Status",
            "Street",
            "City",
            "State",
            "PostalCode",
            "Country",
        }
    ),
}
"""What the integration maps by itself and nobody can unmap: knowledge.hubspot.com, "Sync Salesforce
leads and contacts to HubSpot", which names them by label. Assumed: the labels mean Salesforce's
standard fields. Mappings that somebody added to it are not known here.
"""


def traces(mapping: PairMapping, schemas: Mapping[str, ObjectSchema]) -> list[str]:
    """The integration's id properties that the MAP's person object has."""
    people = mapping.of_kind(EntityKind.PERSON)
    schema = schemas.get(people.map_object) if people is not None else None
    return [name for name in ID_PROPERTIES if schema is not None and name in schema.fields]


def shared_rules(mapping: PairMapping) -> list[FieldRule]:
    """The rules about people whose CRM field the integration maps by itself, in file order."""
    return [
        rule
        for entry in mapping.objects
        if entry.kind is EntityKind.PERSON
        for rule in entry.fields
        if _is_shared(rule)
    ]


def _is_shared(rule: FieldRule) -> bool:
    return any(name in DEFAULT_FIELDS.get(object_, ()) for object_, name in rule.crm.items())
