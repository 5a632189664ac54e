"""What every HubSpot and Salesforce account has: standard fields, their types and lengths.

Lets a mapping be checked before any account is connected. The table is `standard_fields.json`:
Lead, Contact, Account and Campaign as Salesforce described them (v42, FACTS section 4), fields
that newer versions or options add, HubSpot's documented default properties. It says what a field
is, never that an account lacks one: only a live describe knows that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources

from mappings.ports import FieldSchema, ObjectSchema
from mappings.records import Side

SYSTEMS = {Side.MAP: "hubspot", Side.CRM: "salesforce"}
"""Which vendor's table stands for a side while nothing is connected."""


@cache
def standard_schemas(side: Side) -> Mapping[str, ObjectSchema]:
    """The vendor's standard objects by name. Labels are the names; picklist options are absent."""
    text = resources.files("mappings").joinpath("standard_fields.json").read_text("utf-8")
    tables = json.loads(text)[SYSTEMS[side]]
    return {
        name: ObjectSchema(name, {f: _field(f, words.split()) for f, words in fields.items()})
        for name, fields in tables.items()
    }


def standard_field(side: Side, object_name: str, field_name: str) -> FieldSchema | None:
    """One standard field, None when the table does not hold it."""
    schema = standard_schemas(side).get(object_name)
    return schema.fields.get(field_name) if schema is not None else None


def is_custom(side: Side, field_name: str) -> bool:
    """Whether the name is certainly a custom field's: Salesforce marks them `__c`."""
    return side is Side.CRM and field_name.endswith("__c")


def _field(name: str, words: list[str]) -> FieldSchema:
    writable = "readonly" not in words
    return FieldSchema(
        name=name,
        label=name,
        type=words[0],
        length=int(words[1]) if len(words) > 1 and words[1].isdecimal() else None,
        required="required" in words,
        createable=writable,
        updateable=writable,
        calculated=not writable,
    )
