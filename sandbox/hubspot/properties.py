"""Property definitions of one object type: what may be written, and how it is described.

`PropertyBook` keeps the definitions, gives them in the shape of the v3 API and of the older v1
one, and refuses what HubSpot refuses (FACTS section 2, Properties).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.hubspot.errors import HubSpotError, integer_in, not_found, objects_in, validation
from sandbox.hubspot.hints import EDITOR, hints
from sandbox.hubspot.times import iso, shown

TYPES = frozenset(
    {"string", "number", "date", "datetime", "enumeration", "bool", "phone_number", "json"}
)
FIELD_TYPES = frozenset(
    {
        "text", "textarea", "number", "date", "select", "radio", "checkbox", "booleancheckbox",
        "file", "html", "phonenumber", "calculation_equation", "calculation_read_time",
        "calculation_score", "calculation_rollup",
    }
)  # fmt: skip
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
MAX_UNIQUE = 10
"""Unique properties allowed per object type (FACTS section 2)."""


@dataclass(frozen=True)
class Option:
    """One choice of an enumeration."""

    value: str
    label: str
    display_order: int = -1
    hidden: bool = False
    description: str | None = None


@dataclass
class Property:
    """One property definition; times are milliseconds, None where HubSpot shows none."""

    name: str
    label: str
    type: str
    field_type: str
    group: str
    description: str = ""
    options: tuple[Option, ...] = ()
    read_only_value: bool = False
    read_only_definition: bool = False
    calculated: bool = False
    hidden: bool = False
    form_field: bool = False
    external_options: bool = False
    unique: bool = False
    hubspot_defined: bool = False
    display_order: int = -1
    created: int | None = None
    updated: int | None = None
    archived: bool = False
    archived_at: int | None = None
    values: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        self.values = frozenset(option.value for option in self.options)

    def v3(self) -> dict[str, Any]:
        """The definition as `/crm/v3/properties` shows it."""
        body: dict[str, Any] = {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group,
            "options": [_option_v3(option) for option in self.options],
            "displayOrder": self.display_order,
            "calculated": self.calculated,
            "externalOptions": self.external_options,
            "archived": self.archived,
            "hasUniqueValue": self.unique,
            "hidden": self.hidden,
            "modificationMetadata": {
                "archivable": not self.hubspot_defined,
                "readOnlyDefinition": self.read_only_definition,
                "readOnlyValue": self.read_only_value,
            },
            "formField": self.form_field,
            "dataSensitivity": "non_sensitive",
        }
        if self.hubspot_defined:
            body["hubspotDefined"] = True
        else:
            body |= {"createdUserId": str(EDITOR), "updatedUserId": str(EDITOR)}
            body["showCurrencySymbol"] = False
        for key, ms in (
            ("createdAt", self.created),
            ("updatedAt", self.updated),
            ("archivedAt", self.archived_at),
        ):
            if ms is not None:
                body[key] = shown(iso(ms))
        return body

    def v1(self) -> dict[str, Any]:
        """The definition as `/properties/v1/contacts/properties` shows it [R]."""
        return {
            "name": self.name,
            "label": self.label,
            "description": self.description,
            "groupName": self.group,
            "type": self.type,
            "fieldType": self.field_type,
            "hidden": self.hidden,
            "options": [_option_v1(option) for option in self.options],
            "updatedAt": self.updated,
            "searchableInGlobalSearch": False,
            "hasUniqueValue": self.unique,
            "optionSortStrategy": None,
            "readOnlyDefinition": self.read_only_definition,
            "calculated": self.calculated,
            "currencyPropertyName": None,
            "readOnlyValue": self.read_only_value,
            "displayOrder": self.display_order,
            "hubspotDefined": True if self.hubspot_defined else None,
            "externalOptions": self.external_options,
            "formField": self.form_field,
            "mutableDefinitionNotDeletable": False,
            "favorited": False,
            "favoritedOrder": -1,
            "displayMode": "current_value",
            "isCustomizedDefault": False,
            "fieldLevelPermission": None,
            **hints(self),
            "createdAt": self.created,
        }


class PropertyBook:
    """The definitions of one object type, by name; archived ones stay listable."""

    def __init__(self, label: str, standard: str, *, at: int) -> None:
        self.label = label
        self._live: dict[str, Property] = {}
        self._archived: dict[str, Property] = {}
        self._groups: dict[str, dict[str, Any]] = {}
        for prop in parse_table(standard, at=at):
            self._live[prop.name] = prop

    def __contains__(self, name: str) -> bool:
        return name in self._live

    def __iter__(self) -> Iterator[Property]:
        return iter(self._live.values())

    def find(self, name: str) -> Property | None:
        """The live definition, or None."""
        return self._live.get(name)

    def archived(self) -> list[Property]:
        """The archived definitions."""
        return list(self._archived.values())

    def read(self, name: str, *, archived: bool = False) -> Property:
        """The definition, or 404 PropertyDefinitionError.PROPERTY_DOESNT_EXIST."""
        found = (self._archived if archived else self._live).get(name)
        if found is None:
            raise not_found(f"Property {name!r} does not exist on {self.label}")
        return found

    def groups(self) -> list[dict[str, Any]]:
        """The property groups: those made, and those properties stand in."""
        for name in dict.fromkeys(prop.group for prop in self._live.values()):
            if name not in self._groups:
                self._groups[name] = _group(name, name.replace("_", " ").title(), len(self._groups))
        return list(self._groups.values())

    def group(self, name: str) -> dict[str, Any]:
        """One group, or 404."""
        for found in self.groups():
            if found["name"] == name:
                return found
        raise not_found(f"Property group {name!r} does not exist on {self.label}")

    def create_group(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Add a group from its JSON; 409 when there is one of the name."""
        name, label = body.get("name"), body.get("label")
        if not isinstance(name, str) or not name or not isinstance(label, str):
            raise validation("Invalid input JSON: some required fields were not set: [name, label]")
        if any(found["name"] == name for found in self.groups()):
            raise HubSpotError(
                409,
                "OBJECT_ALREADY_EXISTS",
                f"A property group named '{name}' already exists.",
                sub_category="Properties.GROUP_EXISTS",
            )
        self._groups[name] = _group(name, label, integer_in(body, "displayOrder", -1))
        return self._groups[name]

    def change_group(self, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change a group's label or order."""
        found = self.group(name)
        found.update({key: changes[key] for key in ("label", "displayOrder") if key in changes})
        return found

    def remove_group(self, name: str) -> None:
        """Remove a group; 400 while properties stand in it."""
        self.group(name)
        if any(prop.group == name for prop in self._live.values()):
            raise validation(f"Property group {name} still has properties.")
        del self._groups[name]

    def uniques(self) -> list[str]:
        """Names of the properties whose values must be unique."""
        return [prop.name for prop in self._live.values() if prop.unique]

    def create(self, definition: Mapping[str, Any], *, at: int) -> Property:
        """Add a property from its v3 JSON; 400 or 409 in the vendor's words."""
        prop = parse_definition(definition, at=at)
        if prop.name in self._live:
            raise HubSpotError(
                409,
                "OBJECT_ALREADY_EXISTS",
                f"A property named '{prop.name}' already exists.",
                sub_category="Properties.PROPERTY_EXISTS",
            )
        own = [each for each in self._live.values() if each.unique and not each.hubspot_defined]
        if prop.unique and len(own) >= MAX_UNIQUE:
            raise validation(f"At most {MAX_UNIQUE} unique properties are allowed per object.")
        self._archived.pop(prop.name, None)
        self._live[prop.name] = prop
        return prop

    def update(self, name: str, changes: Mapping[str, Any], *, at: int) -> Property:
        """Change label, type, options and the like; the uniqueness flag never changes."""
        prop = self.read(name)
        if prop.read_only_definition:
            raise validation(f"The definition of property {name} is read only.")
        merged = {**prop.v3(), **changes, "name": name, "hasUniqueValue": prop.unique}
        parsed = parse_definition(merged, at=at)
        self._live[name] = replace(
            parsed, created=prop.created, hubspot_defined=prop.hubspot_defined
        )
        return self._live[name]

    def archive(self, name: str, *, at: int) -> None:
        """Archive a property; HubSpot's own ones are refused, unknown ones are no matter."""
        prop = self._live.get(name)
        if prop is None:
            return
        if prop.hubspot_defined:
            raise validation(f"Property {name} is defined by HubSpot and cannot be archived.")
        del self._live[name]
        prop.archived, prop.archived_at = True, at
        self._archived[name] = prop


def _group(name: str, label: str, order: int) -> dict[str, Any]:
    return {"name": name, "label": label, "displayOrder": order, "archived": False}


def parse_definition(definition: Mapping[str, Any], *, at: int) -> Property:
    """A custom property from v3 JSON; needs name, label, type, fieldType, groupName."""
    missing = [
        key
        for key in ("name", "label", "type", "fieldType", "groupName")
        if not isinstance(definition.get(key), str) or not definition[key]
    ]
    if missing:
        raise validation(
            f"Invalid input JSON: some required fields were not set: [{', '.join(missing)}]"
        )
    name = str(definition["name"])
    if not _NAME.fullmatch(name):
        raise validation(
            f"Property name '{name}' is invalid: lower case letters, digits and underscores, "
            "starting with a letter."
        )
    if definition["type"] not in TYPES or definition["fieldType"] not in FIELD_TYPES:
        raise validation(
            f"Invalid type {definition['type']!r} or fieldType {definition['fieldType']!r}."
        )
    options = objects_in(definition, "options")
    if definition["type"] == "bool" and not options:
        options = [{"value": "true", "label": "Yes"}, {"value": "false", "label": "No"}]
    return Property(
        name=name,
        label=str(definition["label"]),
        type=str(definition["type"]),
        field_type=str(definition["fieldType"]),
        group=str(definition["groupName"]),
        description=str(definition.get("description") or ""),
        options=tuple(_parse_option(raw, index) for index, raw in enumerate(options)),
        calculated=bool(definition.get("calculationFormula")),
        hidden=bool(definition.get("hidden", False)),
        form_field=bool(definition.get("formField", False)),
        external_options=bool(definition.get("externalOptions", False)),
        unique=bool(definition.get("hasUniqueValue", False)),
        display_order=integer_in(definition, "displayOrder", -1),
        created=at,
        updated=at,
    )


def parse_table(table: str, *, at: int) -> Iterator[Property]:
    """The definitions of a `standard_*` table, see there for the notation."""
    group = ""
    for line in table.splitlines():
        if line.startswith("@"):
            group = line[1:]
        elif line:
            yield _parse_line(line, group, at)


def _parse_line(line: str, group: str, at: int) -> Property:
    cells = [cell.strip() for cell in line.split(" | ")]
    name, label, kind, field_type, *rest = cells
    flags = rest[0] if rest else ""
    options = rest[1].split(", ") if len(rest) > 1 else []
    pairs = [option.strip().partition("=") for option in options]
    return Property(
        name=name,
        label=label,
        type=kind,
        field_type=field_type,
        group=group,
        options=tuple(
            Option(value, text or value, index) for index, (value, _, text) in enumerate(pairs)
        ),
        read_only_value="R" in flags,
        read_only_definition="R" in flags or "D" in flags,
        calculated="C" in flags,
        hidden="H" in flags,
        form_field="F" in flags,
        external_options="X" in flags,
        unique="U" in flags,
        hubspot_defined=True,
        created=at,
        updated=at,
    )


def _parse_option(raw: Mapping[str, Any], index: int) -> Option:
    if "value" not in raw or "label" not in raw:
        raise validation("Every option needs a label and a value.")
    return Option(
        value=str(raw["value"]),
        label=str(raw["label"]),
        display_order=integer_in(raw, "displayOrder", index),
        hidden=bool(raw.get("hidden", False)),
        description=raw.get("description"),
    )


def _option_v3(option: Option) -> dict[str, Any]:
    body: dict[str, Any] = {
        "label": option.label,
        "value": option.value,
        "displayOrder": option.display_order,
        "hidden": option.hidden,
    }
    if option.description is not None:
        body["description"] = option.description
    return body


def _option_v1(option: Option) -> dict[str, Any]:
    return {
        "hidden": option.hidden,
        "description": option.description,
        "label": option.label,
        "readOnly": None,
        "displayOrder": option.display_order,
        "doubleData": None,
        "value": option.value,
    }
