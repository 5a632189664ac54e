"""What makes a sandbox's accounts like those a snapshot was taken of: changes of its schema. Pure.

Each change is in the words of the sandbox's `POST /schema`. Fields of the account's own are added,
with types, lengths, options and rights; HubSpot's own picklists get the account's options.
Salesforce's standard fields stay as every org has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings.loading import Schemas
from mappings.ports import FieldSchema
from mappings.records import Side

_SALESFORCE = {
    "number": "Number", "currency": "Currency", "boolean": "Checkbox", "date": "Date",
    "datetime": "DateTime", "picklist": "Picklist", "multipicklist": "MultiselectPicklist",
    "email": "Email", "phone": "Phone", "url": "Url",
}  # fmt: skip
_HUBSPOT = {
    "number": ("number", "number"), "currency": ("number", "number"), "date": ("date", "date"),
    "boolean": ("bool", "booleancheckbox"), "datetime": ("datetime", "date"),
    "picklist": ("enumeration", "select"), "multipicklist": ("enumeration", "checkbox"),
    "phone": ("string", "phonenumber"),
}  # fmt: skip
_GROUPS = {
    "contacts": "contactinformation",
    "companies": "companyinformation",
    "deals": "dealinformation",
}
_LONGEST = 255
"""Characters of a Text field; what is longer is a text area."""


def changes_of(schemas: Schemas) -> list[dict[str, Any]]:
    """Every change, HubSpot's first, in the snapshot's order."""
    return [*_hubspot(schemas), *_salesforce(schemas)]


def _hubspot(schemas: Schemas) -> Iterator[dict[str, Any]]:
    for name, schema in schemas.get(Side.MAP, {}).items():
        for field in schema.fields.values():
            definition = _property(name, field)
            yield _change("hubspot", name, "add", definition)  # one that is there stays as it is
            if field.options and not field.name.startswith("hs_"):
                yield _change("hubspot", name, "retype", definition)


def _property(object_name: str, field: FieldSchema) -> dict[str, Any]:
    kind, widget = _HUBSPOT.get(field.type, ("string", "text"))
    made: dict[str, Any] = {
        "name": field.name,
        "label": field.label,
        "type": kind,
        "fieldType": widget,
        "groupName": _GROUPS.get(object_name, "contactinformation"),
    }
    if kind == "enumeration":
        made["options"] = [
            {"label": option, "value": option, "displayOrder": number, "hidden": False}
            for number, option in enumerate(field.options)
        ]
    if kind == "bool":
        made["options"] = [
            {"label": label, "value": value, "displayOrder": number, "hidden": False}
            for number, (value, label) in enumerate((("true", "Yes"), ("false", "No")))
        ]
    return made


def _salesforce(schemas: Schemas) -> Iterator[dict[str, Any]]:
    for name, schema in schemas.get(Side.CRM, {}).items():
        for field in schema.fields.values():
            if field.name.endswith("__c") and field.type not in {"reference", "other"}:
                yield _change("salesforce", name, "add", _custom(field))


def _custom(field: FieldSchema) -> dict[str, Any]:
    long = field.type == "text" and (field.length or 0) > _LONGEST
    made: dict[str, Any] = {
        "name": field.name,
        "label": field.label,
        "type": "LongTextArea" if long else _SALESFORCE.get(field.type, "Text"),
        "required": field.required,
    }
    if field.length and field.type == "text":
        made["length"] = field.length
    if field.options:
        made |= {"picklist": list(field.options), "restricted": field.restricted}
    if field.external_id:
        made["externalId"] = True
    if field.unique:
        made["unique"] = True
    if field.calculated:
        made["formula"] = "of the account"
    return made


def _change(system: str, object_name: str, action: str, field: dict[str, Any]) -> dict[str, Any]:
    return {"system": system, "object": object_name, "action": action, "field": field}
