"""HubSpot's property definitions in neutral words, and the creation of Leadloop's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Answer
from connectors.hubspot_wire import SYSTEM, Paths, Wire, expect, problem
from mappings.errors import AuthenticationError, RecordRejectedError
from mappings.ports import FieldDefinition, FieldSchema, ObjectSchema
from mappings.records import Outcome, OutcomeStatus

GROUP = "leadloop"
TEXT_LENGTH = 65_536
"""The longest text value of any property (FACTS section 2)."""

_WIRE_TYPES = {
    "text": ("string", "text"),
    "email": ("string", "text"),
    "url": ("string", "text"),
    "phone": ("string", "phonenumber"),
    "number": ("number", "number"),
    "currency": ("number", "number"),
    "date": ("date", "date"),
    "datetime": ("datetime", "date"),
}


_NO_OBJECT = "Unable to infer object type from"
"""How HubSpot says, with a 400, that the account has no such object."""


def is_unknown_object(answer: Answer) -> bool:
    """Whether HubSpot refused a call because there is no object of that name."""
    if answer.status == 404:
        return True
    return answer.status == 400 and _NO_OBJECT in str(problem(answer).get("message"))


def object_schema(object_name: str, definitions: Sequence[Mapping[str, Any]]) -> ObjectSchema:
    """The properties of an object, archived ones left out."""
    fields = [_field(object_name, d) for d in definitions if not d.get("archived")]
    return ObjectSchema(object_name, {f.name: f for f in fields})


def _field(object_name: str, raw: Mapping[str, Any]) -> FieldSchema:
    kind = _neutral_type(raw)
    rights = raw.get("modificationMetadata") or {}
    writable = not (rights.get("readOnlyValue") or raw.get("calculated"))
    options = tuple(str(o["value"]) for o in raw.get("options") or ())
    name = str(raw["name"])
    # `email` of a contact is unique although its definition denies it (FACTS section 2).
    unique = bool(raw.get("hasUniqueValue")) or (object_name == "contacts" and name == "email")
    picked = kind in ("picklist", "multipicklist")
    return FieldSchema(
        name=name,
        label=str(raw.get("label", name)),
        type=kind,
        length=TEXT_LENGTH if raw.get("type") == "string" else None,
        options=options if picked else (),
        restricted=picked,
        createable=writable,
        updateable=writable,
        unique=unique,
        external_id=bool(raw.get("hasUniqueValue")),
        calculated=bool(raw.get("calculated")),
    )


def _neutral_type(raw: Mapping[str, Any]) -> str:
    kind, widget = raw.get("type"), raw.get("fieldType")
    if kind == "string" and raw.get("name") == "email":
        return "email"
    if kind == "phone_number" or widget == "phonenumber":
        return "phone"
    if kind == "number" and raw.get("showCurrencySymbol"):
        return "currency"
    if kind == "enumeration" and widget == "checkbox":
        return "multipicklist"
    plain = {
        "string": "text",
        "number": "number",
        "bool": "boolean",
        "enumeration": "picklist",
        "date": "date",
        "datetime": "datetime",
    }
    return plain.get(str(kind), "other")


def ensure_properties(
    wire: Wire, paths: Paths, definitions: Sequence[FieldDefinition]
) -> list[Outcome]:
    """Create what is missing; a property that is there but of another kind is a refusal."""
    outcomes: list[Outcome] = []
    for object_name in dict.fromkeys(d.object for d in definitions):
        listed = expect(wire.get(paths.properties(object_name)))["results"]
        known = object_schema(object_name, listed).fields
        wanted = [d for d in definitions if d.object == object_name]
        missing = [d for d in wanted if d.name not in known]
        outcomes += [_check(d, known[d.name]) for d in wanted if d.name in known]
        outcomes += [_create(wire, paths, definition) for definition in missing]
    return outcomes


def _ensure_group(wire: Wire, paths: Paths, object_name: str) -> None:
    body = {"name": GROUP, "label": "Leadloop", "displayOrder": -1}
    # 409: the group is there already, which is what was wanted.
    wire.send("POST", paths.properties(object_name, "/groups"), body)


def _create(wire: Wire, paths: Paths, wanted: FieldDefinition) -> Outcome:
    kind, widget = _WIRE_TYPES.get(wanted.type, ("string", "text"))
    body: dict[str, Any] = {
        "name": wanted.name,
        "label": wanted.label,
        "type": kind,
        "fieldType": widget,
        "groupName": GROUP,
        "description": wanted.description,
        "hasUniqueValue": wanted.unique,
    }
    if wanted.type == "boolean":
        choices = [("true", "Yes", 0), ("false", "No", 1)]
        body |= {"type": "bool", "fieldType": "booleancheckbox"}
        body["options"] = [
            {"value": v, "label": text, "displayOrder": n, "hidden": False}
            for v, text, n in choices
        ]
    try:
        answer = wire.send("POST", paths.properties(wanted.object), body)
        if answer.status in (400, 404):  # the first of its group: the group comes first
            _ensure_group(wire, paths, wanted.object)
            answer = wire.send("POST", paths.properties(wanted.object), body)
    except AuthenticationError:
        return _refused(wanted, "auth.missing_scopes", "may not be created with this token")
    if answer.status in (200, 201, 409):
        return Outcome(_key(wanted), OutcomeStatus.OK, created=answer.status != 409)
    category = str(problem(answer).get("category", ""))
    code = "field.limit" if "LIMIT" in category else "field.refused"
    return _refused(wanted, code, "was refused")


def _check(wanted: FieldDefinition, found: FieldSchema) -> Outcome:
    kind = "text" if wanted.type in ("email", "url") else wanted.type
    alike = found.type == kind or {found.type, kind} <= {"number", "currency"}
    if not alike:
        return _refused(wanted, "field.mismatch", f"is there with the type {found.type}")
    if wanted.unique and not found.external_id:
        return _refused(wanted, "field.mismatch", "is there, but without unique values")
    return Outcome(_key(wanted), OutcomeStatus.OK, created=False)


def _key(wanted: FieldDefinition) -> str:
    return f"{wanted.object}.{wanted.name}"


def _refused(wanted: FieldDefinition, code: str, what: str) -> Outcome:
    kind, widget = _WIRE_TYPES.get(wanted.type, ("string", "text"))
    unique = ", and require unique values" if wanted.unique else ""
    remedy = (
        f"In HubSpot: Settings > Properties > {wanted.object} > Create property. Group Leadloop, "
        f"label `{wanted.label}`, internal name `{wanted.name}`, field type {widget} ({kind})"
        f"{unique}. The private app needs the scope crm.schemas.{wanted.object}.write to do it."
    )
    error = RecordRejectedError(
        f"The property {_key(wanted)} {what}",
        code=code,
        system=SYSTEM,
        object=wanted.object,
        field=wanted.name,
        remedy=remedy,
    )
    return Outcome(_key(wanted), OutcomeStatus.REJECTED, error=error)
