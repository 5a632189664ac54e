"""What the accounts let the API user do with the mapped objects, as far as their describe tells.

Asked only where there is a describe: offline nobody knows an account's rights. Salesforce answers
for the very user that asks; HubSpot's properties say only what no app may write.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.fieldmap import FieldRule, ObjectMapping
from mappings.loading import Loading
from mappings.ports import FieldSchema
from mappings.records import Side

_GRANT = "Give the API user's permission set that right"


def check_rights(entry: ObjectMapping, loading: Loading) -> None:
    """Record every record that may not be made or edited; warn of fields that may be half."""
    _objects(entry, loading)
    for rule in entry.fields:
        for side, object_name, field in _written(entry, rule, loading):
            at = rule.at if side is Side.MAP else loading.at_crm(rule.at, object_name)
            if rule.clear and field.required:
                loading.faults.add(
                    loading.place(rule.at, "clear"),
                    f"`clear: true` would blank {object_name}.{field.name}, which is required.",
                    "Remove `clear`: the vendor refuses a record without the value.",
                    code="config.required_field",
                )
            if field.calculated or field.createable == field.updateable:
                continue
            if field.createable:
                loading.faults.warn(
                    at,
                    f"{object_name}.{field.name} can be set on a new record and never changed.",
                    f"{_GRANT}, or map another field: every later change would be refused.",
                    code="config.read_only",
                )
            elif _creates(entry, side, object_name):
                loading.faults.warn(
                    at,
                    f"{object_name}.{field.name} cannot be set on a new record, only changed.",
                    f"{_GRANT}, or map another field: a new {object_name} with it is refused.",
                    code="config.read_only",
                )


def _objects(entry: ObjectMapping, loading: Loading) -> None:
    for side, object_name in _places(entry):
        schema = loading.described(side, object_name)
        if schema is None:
            continue
        if _creates(entry, side, object_name) and not schema.createable:
            key = "create_crm" if side is Side.CRM else "create_map"
            instead = "none" if side is Side.CRM else "false"
            loading.faults.add(
                entry.at,
                f"The API user may not create a {object_name}.",
                f"{_GRANT}, or write `{key}: {instead}`.",
                code="config.forbidden",
            )
        if not schema.updateable and any(
            rule.writes(side) and _is_about(entry, rule, side, object_name) for rule in entry.fields
        ):
            loading.faults.add(
                entry.at,
                f"The API user may not edit a {object_name}.",
                f"{_GRANT}, or let no rule write to it (`direction`).",
                code="config.forbidden",
            )


def _places(entry: ObjectMapping) -> list[tuple[Side, str]]:
    return [(Side.MAP, entry.map_object), *((Side.CRM, name) for name in entry.crm_objects)]


def _creates(entry: ObjectMapping, side: Side, object_name: str) -> bool:
    return entry.create_map if side is Side.MAP else object_name in entry.creatable


def _is_about(entry: ObjectMapping, rule: FieldRule, side: Side, object_name: str) -> bool:
    return object_name == entry.map_object if side is Side.MAP else object_name in rule.crm


def _written(
    entry: ObjectMapping, rule: FieldRule, loading: Loading
) -> Iterator[tuple[Side, str, FieldSchema]]:
    """The described fields a rule writes."""
    for side, object_name in _places(entry):
        schema = loading.described(side, object_name)
        if schema is None or not rule.writes(side):
            continue
        name = rule.map if side is Side.MAP else rule.crm.get(object_name, "")
        if name in schema.fields:
            yield side, object_name, schema.fields[name]
