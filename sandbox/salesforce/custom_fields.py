"""Custom fields made, removed and retyped, by the Tooling API or by an administrator's hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sandbox.salesforce.access import ACTIVITIES
from sandbox.salesforce.coerce import coerce
from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.fields import NUMBERS, Field
from sandbox.salesforce.records import Records

_TYPES = {
    "text": "string", "string": "string", "checkbox": "boolean", "boolean": "boolean",
    "currency": "currency", "date": "date", "datetime": "datetime", "email": "email",
    "number": "double", "double": "double", "int": "double", "percent": "percent",
    "phone": "phone", "picklist": "picklist", "multiselectpicklist": "multipicklist",
    "multipicklist": "multipicklist", "textarea": "textarea", "longtextarea": "textarea",
    "html": "textarea", "url": "url", "lookup": "reference", "reference": "reference",
}  # fmt: skip
_LENGTHS = {"string": 255, "email": 80, "phone": 40, "picklist": 255, "url": 255}
_MULTI_LENGTH = 4099
_AREA_LENGTH = 255
_LONG_AREA_LENGTH = 32768
_DEFAULT_PRECISION = 18
_KEYED = frozenset({"string", "double", "email"})
_TEXT_MAX = 255


def targets(sobject: str) -> tuple[str, ...]:
    """Custom fields of Activity appear on Task and Event (FACTS section 4)."""
    return ACTIVITIES if sobject == "Activity" else (sobject,)


def add(
    records: Records, sobject: str, definition: Mapping[str, object], *, guarded: bool
) -> Field:
    """Create a field from `{"name", "type", ...}`; a taken name is DUPLICATE_DEVELOPER_NAME."""
    field = build(definition, guarded=guarded)
    kinds = [records.kind(name) for name in targets(sobject)]
    for kind in kinds:
        if kind.find(field.name) is not None:
            message = (
                f"There is already a field named {field.name.removesuffix('__c')} on {sobject}."
            )
            raise SalesforceError("DUPLICATE_DEVELOPER_NAME", message, ["FullName"])
    for kind in kinds:
        kind.put(field)
    return field


def remove(records: Records, sobject: str, name: str) -> None:
    """Drop a field everywhere it appears, with its values and its permissions."""
    for target in targets(sobject):
        table = records.table(target)
        field = table.kind.find(name)
        if field is None:
            raise not_found()
        table.kind.drop(field.name)
        table.drop_field(field.name)
    records.access.forget()


def retype(records: Records, sobject: str, definition: Mapping[str, object]) -> Field:
    """Replace a field's type; its values are kept where they fit the new one, else emptied."""
    name = str(definition["name"])
    made: Field | None = None
    for target in targets(sobject):
        table = records.table(target)
        old = table.kind.find(name)
        if old is None:
            raise not_found()
        made = replace(
            build({"label": old.label, **definition}, guarded=old.guarded), name=old.name
        )
        made = replace(made, custom=old.custom)
        kept = {key: row[made.name] for key, row in table.rows.items() if made.name in row}
        table.drop_field(made.name)
        table.kind.put(made)
        for key, value in kept.items():
            try:
                fitted = coerce(made, value)
            except SalesforceError:
                continue  # the vendor empties what the new type cannot hold
            if fitted is not None and fitted is not False:
                table.rows[key][made.name] = fitted
    assert made is not None  # noqa: S101 - targets() names at least one object
    return made


def build(definition: Mapping[str, object], *, guarded: bool) -> Field:
    """The field a definition describes, checked as the Metadata API checks it. One with a `formula`
    is calculated: nobody writes it, and its value is whatever a test puts there.
    """
    name = str(definition["name"])
    name = name if name.lower().endswith("__c") else f"{name}__c"
    spelled = str(definition.get("type", "Text"))
    kind = _TYPES.get(spelled.lower())
    if kind is None:
        message = f"{spelled} is not a valid value for the enum 'FieldType'"
        raise SalesforceError("INVALID_TYPE", message, ["type"])
    label = definition.get("label")
    field = Field(
        name=name,
        label=str(label) if label else name.removesuffix("__c").replace("_", " "),
        type=kind,
        createable="formula" not in definition,
        updateable="formula" not in definition,
        calculated="formula" in definition,
        nillable=not (definition.get("required") or kind == "boolean"),
        defaulted=kind == "boolean",
        custom=True,
        external_id=bool(definition.get("externalId")),
        unique=bool(definition.get("unique")),
        case_sensitive=bool(definition.get("caseSensitive")),
        id_lookup=bool(definition.get("externalId")),
        guarded=guarded and not definition.get("required"),
        extra="plaintextarea" if kind == "textarea" else None,
    )
    _check_key(field)
    return _sized(_with_options(field, definition), definition, spelled.lower())


def _check_key(field: Field) -> None:
    if field.external_id and field.type not in _KEYED:
        message = f"Can not specify 'externalId' for a CustomField of type {field.type}"
        raise SalesforceError("FIELD_INTEGRITY_EXCEPTION", message, ["externalId"])
    if field.unique and field.type not in _KEYED:
        message = f"Can not specify 'unique' for a CustomField of type {field.type}"
        raise SalesforceError("FIELD_INTEGRITY_EXCEPTION", message, ["unique"])


def _with_options(field: Field, definition: Mapping[str, object]) -> Field:
    values = definition.get("picklist") or ()
    if isinstance(values, (list, tuple)) and values:
        field = replace(field, picklist=tuple(str(value) for value in values))
    target = definition.get("referenceTo")
    if field.type == "reference" and target:
        names = [target] if isinstance(target, str) else list(target)  # type: ignore[call-overload]
        relation = str(definition.get("relationshipName") or field.name.removesuffix("__c"))
        field = replace(field, reference_to=tuple(names), relationship=f"{relation}__r", length=18)
    default = definition.get("defaultValue")
    if field.type == "boolean" and default in {True, "true"}:
        field = replace(field, default=True)
    return replace(field, restricted=bool(definition.get("restricted")))


def _sized(field: Field, definition: Mapping[str, object], spelled: str) -> Field:
    if field.type in NUMBERS:
        precision = _whole(definition.get("precision"), _DEFAULT_PRECISION)
        return replace(field, precision=precision, scale=_whole(definition.get("scale"), 0))
    if field.type == "textarea":
        default = _AREA_LENGTH if spelled == "textarea" else _LONG_AREA_LENGTH
        return replace(field, length=_whole(definition.get("length"), default))
    if field.type == "multipicklist":
        return replace(field, length=_MULTI_LENGTH)
    if field.type == "string":
        length = _whole(definition.get("length"), _TEXT_MAX)
        if not 1 <= length <= _TEXT_MAX:
            message = f"Text field length must be between 1 and {_TEXT_MAX}"
            raise SalesforceError("FIELD_INTEGRITY_EXCEPTION", message, ["length"])
        return replace(field, length=length)
    return replace(field, length=_LENGTHS.get(field.type, field.length))


def _whole(value: object, default: int) -> int:
    return default if value is None else int(str(value))
