"""Salesforce's describe in neutral words, and the creation of Leadloop's own fields.

A field made through the Tooling API is visible to nobody at first: the permission set `Leadloop`
grants it, and is assigned to the API user. Task fields are defined on Activity.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from connectors.base import Answer
from connectors.salesforce_soql import literal
from connectors.salesforce_wire import SYSTEM, Wire, code_of, expect
from mappings.errors import AuthenticationError, RecordRejectedError
from mappings.ports import FieldDefinition, FieldSchema, ObjectSchema
from mappings.records import Outcome, OutcomeStatus

PERMISSION_SET = "Leadloop"
_NUMBER_DIGITS = 18  # the vendor's longest number, assumed from the Tooling API's field metadata

_NEUTRAL = {
    "string": "text",
    "textarea": "text",
    "encryptedstring": "text",
    "id": "text",
    "email": "email",
    "phone": "phone",
    "url": "url",
    "boolean": "boolean",
    "int": "number",
    "double": "number",
    "percent": "number",
    "long": "number",
    "currency": "currency",
    "date": "date",
    "datetime": "datetime",
    "picklist": "picklist",
    "combobox": "picklist",
    "multipicklist": "multipicklist",
    "reference": "reference",
}
_METADATA = {
    "number": "Number",
    "currency": "Currency",
    "boolean": "Checkbox",
    "date": "Date",
    "datetime": "DateTime",
    "email": "Email",
    "phone": "Phone",
    "url": "Url",
}


class Describes(Protocol):
    """What `ensure_fields` asks of the connector."""

    def describe(self, object_name: str) -> ObjectSchema:
        """The object's fields."""


def object_schema(object_name: str, described: Mapping[str, Any]) -> ObjectSchema:
    """The fields of a describe."""
    fields = [_field(raw) for raw in described["fields"]]
    return ObjectSchema(
        object_name,
        {f.name: f for f in fields},
        createable=bool(described.get("createable", True)),
        updateable=bool(described.get("updateable", True)),
    )


def _field(raw: Mapping[str, Any]) -> FieldSchema:
    kind = _NEUTRAL.get(str(raw.get("type")), "other")
    picked = kind in ("picklist", "multipicklist")
    values = raw.get("picklistValues") or ()
    createable = bool(raw.get("createable"))
    return FieldSchema(
        name=str(raw["name"]),
        label=str(raw.get("label", raw["name"])),
        type=kind,
        length=int(raw["length"]) if raw.get("length") else None,
        options=tuple(str(v["value"]) for v in values if v.get("active", True)) if picked else (),
        restricted=bool(raw.get("restrictedPicklist")),
        required=createable and not raw.get("nillable") and not raw.get("defaultedOnCreate"),
        createable=createable,
        updateable=bool(raw.get("updateable")),
        unique=bool(raw.get("unique")),
        external_id=bool(raw.get("externalId")),
        calculated=bool(raw.get("calculated")),
    )


def ensure_fields(
    connector: Describes, wire: Wire, definitions: Sequence[FieldDefinition]
) -> list[Outcome]:
    """Create what is missing, and grant it; one outcome per definition."""
    outcomes: list[Outcome] = []
    made: list[FieldDefinition] = []
    for object_name in dict.fromkeys(d.object for d in definitions):
        known = connector.describe(object_name).fields
        for wanted in (d for d in definitions if d.object == object_name):
            if wanted.name in known:
                outcomes.append(_check(wanted, known[wanted.name]))
                continue
            refused = _create(wire, wanted)
            if refused is None:
                made.append(wanted)
            else:
                outcomes.append(refused)
    return [*outcomes, *(_grant(wire, made) if made else ())]


def _create(wire: Wire, wanted: FieldDefinition) -> Outcome | None:
    """Create one field; None when it is there now, else the refusal."""
    owner = "Activity" if wanted.object in ("Task", "Event") else wanted.object
    body = {"FullName": f"{owner}.{wanted.name}", "Metadata": _metadata(wanted)}
    try:
        answer = wire.send("POST", "tooling/sobjects/CustomField", body)
    except AuthenticationError:
        return _refused(wanted, "auth.forbidden", "may not be created by the API user")
    # DUPLICATE_DEVELOPER_NAME: it is there, only the API user cannot see it yet.
    if answer.status < 300 or code_of(answer) == "DUPLICATE_DEVELOPER_NAME":
        return None
    return _refused(wanted, "field.refused", "was refused")


def _metadata(wanted: FieldDefinition) -> dict[str, Any]:
    kind = _METADATA.get(wanted.type, "Text")
    metadata: dict[str, Any] = {
        "label": wanted.label,
        "type": kind,
        "description": wanted.description,
    }
    if kind == "Text":
        metadata |= {
            "length": wanted.length,
            "externalId": wanted.unique,
            "unique": wanted.unique,
        }
        if wanted.unique:
            metadata["caseSensitive"] = False
    elif kind in ("Number", "Currency"):
        metadata |= {"precision": _NUMBER_DIGITS, "scale": wanted.scale}
    elif kind == "Checkbox":
        metadata["defaultValue"] = "false"
    return metadata


def _grant(wire: Wire, made: Sequence[FieldDefinition]) -> list[Outcome]:
    """Let the API user read and write the new fields, through the permission set."""
    try:
        parent = _permission_set(wire)
        _assign(wire, parent)
        records = [
            {
                "attributes": {"type": "FieldPermissions"},
                "ParentId": parent,
                "SobjectType": d.object,
                "Field": f"{d.object}.{d.name}",
                "PermissionsRead": True,
                "PermissionsEdit": True,
            }
            for d in made
        ]
        results = []
        for start in range(0, len(records), 200):
            body = {"allOrNone": False, "records": records[start : start + 200]}
            results += _created(wire.send("POST", "composite/sobjects", body))
    except (AuthenticationError, _GrantRefusedError):
        return [_refused(d, "auth.forbidden", "was made, but may not be granted") for d in made]
    return [_granted(d, result) for d, result in zip(made, results, strict=True)]


def _granted(wanted: FieldDefinition, result: Mapping[str, Any]) -> Outcome:
    codes = {str(e.get("statusCode")) for e in result.get("errors") or ()}
    if result.get("success") or codes & {"DUPLICATE_VALUE"}:
        return Outcome(_key(wanted), OutcomeStatus.OK, created=True)
    return _refused(wanted, "auth.forbidden", "was made, but may not be granted")


def _permission_set(wire: Wire) -> str:
    text = f"SELECT Id FROM PermissionSet WHERE Name = {literal(PERMISSION_SET)}"  # noqa: S608
    found = expect(wire.query(text))["records"]
    if found:
        return str(found[0]["Id"])
    body = {"Name": PERMISSION_SET, "Label": PERMISSION_SET}
    return _new_id(wire.send("POST", "sobjects/PermissionSet/", body))


def _assign(wire: Wire, parent: str) -> None:
    user = wire.identity.rstrip("/").rpartition("/")[2]
    body = {"AssigneeId": user, "PermissionSetId": parent}
    answer = wire.send("POST", "sobjects/PermissionSetAssignment/", body)
    if answer.status >= 300 and not code_of(answer).startswith("DUPLICATE"):
        raise _GrantRefusedError


def _new_id(answer: Answer) -> str:
    if answer.status >= 300:
        raise _GrantRefusedError
    return str(answer.parsed["id"])


def _created(answer: Answer) -> list[dict[str, Any]]:
    if answer.status >= 300 or not isinstance(answer.parsed, list):
        raise _GrantRefusedError
    return answer.parsed


class _GrantRefusedError(Exception):
    """A step of granting was refused: the fields are there, a person must grant them."""


def _check(wanted: FieldDefinition, found: FieldSchema) -> Outcome:
    textual = ("text", "email", "url", "phone")
    alike = found.type == wanted.type or {found.type, wanted.type} <= {"number", "currency"}
    if not alike and not (found.type in textual and wanted.type in textual):
        return _refused(wanted, "field.mismatch", f"is there with the type {found.type}")
    if wanted.unique and not (found.unique and found.external_id):
        return _refused(wanted, "field.mismatch", "is there, but no unique external id")
    return Outcome(_key(wanted), OutcomeStatus.OK, created=False)


def _key(wanted: FieldDefinition) -> str:
    return f"{wanted.object}.{wanted.name}"


def _refused(wanted: FieldDefinition, code: str, what: str) -> Outcome:
    owner = "Activity" if wanted.object in ("Task", "Event") else wanted.object
    label = re.sub(r"__c$", "", wanted.name)
    size = f" of length {wanted.length}" if wanted.type == "text" else ""
    unique = ", marked Unique and External ID" if wanted.unique else ""
    remedy = (
        f"In Salesforce: Setup > Object Manager > {owner} > Fields & Relationships > New. Type "
        f"{_METADATA.get(wanted.type, 'Text')}{size}, label `{wanted.label}`, field name "
        f"`{label}`{unique}. Make it visible and editable for the API user, by a permission set "
        f"called {PERMISSION_SET} assigned to it. To let `leadloop doctor --fix` do it, the API "
        "user needs Customize Application and Manage Profiles and Permission Sets."
    )
    error = RecordRejectedError(
        f"The field {_key(wanted)} {what}",
        code=code,
        system=SYSTEM,
        object=wanted.object,
        field=wanted.name,
        remedy=remedy,
    )
    return Outcome(_key(wanted), OutcomeStatus.REJECTED, error=error)
