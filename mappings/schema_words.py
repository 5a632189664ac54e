"""The words JSON Schemas of Leadloop's formats are written in, for mappings and `config.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
"""The draft that editors' YAML support understands best."""

TEXT: Schema = {"type": ["string", "number"]}
"""Text as the loader takes it: a number is taken as it is written."""


def said(schema: Mapping[str, Any], description: str, **more: Any) -> Schema:
    """The schema with what an editor shows beside the key."""
    return {**schema, "description": description, **more}


def optional(schema: Mapping[str, Any]) -> Schema:
    """The schema, or nothing: a key without a value counts as absent."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    if "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return {**schema, "type": [*types, "null"]}
    return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}


def one_of(options: type[StrEnum]) -> Schema:
    """One word of an enumeration."""
    return {"enum": [option.value for option in options]}


def one_or_list(item: Mapping[str, Any]) -> Schema:
    """A list; a single value counts as a list of one."""
    return {"anyOf": [dict(item), {"type": "array", "items": dict(item)}]}


def keys(
    properties: Mapping[str, Mapping[str, Any]], required: Sequence[str] = ()
) -> dict[str, Any]:
    """A mapping with these keys and no others."""
    found = {k: dict(v) if k in required else optional(v) for k, v in properties.items()}
    return {
        "type": "object",
        "properties": found,
        "required": list(required),
        "additionalProperties": False,
    }


def table(values: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Schema:
    """A mapping whose keys are names of the user's own, or any of `names`, each with what it means,
    and no others."""
    if names is None:
        return {"type": "object", "additionalProperties": dict(values)}
    return {
        "type": "object",
        "propertyNames": {"enum": list(names)},
        "properties": {name: said(values, meaning) for name, meaning in names.items()},
        "additionalProperties": False,
    }
