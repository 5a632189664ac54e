"""The schemas as files: JSON for editors, and a page of every key for people.

`docs/reference/mapping.md` and `docs/reference/config.md` are what `reference_page` answers; a test
keeps them equal, so that a key without a word of explanation cannot land.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mappings.json_schema import mapping_schema
from mappings.schema_words import Schema
from mappings.steps import TRANSFORMS
from sync.config_schema import config_schema

MAPPING_SCHEMA = "mapping.schema.json"
CONFIG_SCHEMA = "config.schema.json"

_INTROS: Mapping[str, str] = {
    "mapping": "Every key of the files under `mappings/`. `NAME` is a name of yours or one of"
    " those listed, `[]` an entry of a list; a single entry may stand without the list.",
    "config": "Every key of `config.yaml`. `NAME` is a name of yours. Secrets are given as"
    " `${NAME}` of an environment variable, or in a file by the key that ends in `_file`.",
}


def schema_of(which: str) -> Schema:
    """The JSON Schema of `mapping` files or of the `config`."""
    return mapping_schema() if which == "mapping" else config_schema()


def schema_files() -> dict[str, str]:
    """What a workspace holds for editors: file name to text."""
    return {
        MAPPING_SCHEMA: json.dumps(mapping_schema(), indent=1, ensure_ascii=False) + "\n",
        CONFIG_SCHEMA: json.dumps(config_schema(), indent=1, ensure_ascii=False) + "\n",
    }


def reference_page(which: str) -> str:
    """The reference page in Markdown: a table row for each key, at any depth."""
    schema = schema_of(which)
    title = str(schema["title"]).removeprefix("Leadloop ").capitalize()
    command = f"Written by `leadloop schema {which} --markdown`; without the option, JSON Schema."
    lines = [f"# {title} keys", "", _INTROS[which], "", command, ""]
    lines += ["| Key | Values | Meaning |", "|---|---|---|"]
    lines += [_row(path, one) for path, one in documented_keys(schema).items()]
    if which == "mapping":
        lines += _transforms()
    return "\n".join(lines) + "\n"


def documented_keys(schema: Mapping[str, Any]) -> dict[str, Schema]:
    """Each key's schema by its dotted path, parents first. Where systems of different kinds have
    the same key, it stands once with the choices of all.
    """
    found: dict[str, Schema] = {}
    for path, one in _walk(schema, ""):
        known = found.setdefault(path, one)
        if known is not one and "enum" in known:
            found[path] = known | {"enum": list(dict.fromkeys([*known["enum"], *one["enum"]]))}
    return found


def _walk(schema: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Schema]]:
    inner = _alike(schema)
    if inner is not None:
        yield from _walk(inner, f"{prefix}NAME.")
    else:
        for key, one in schema.get("properties", {}).items():
            yield f"{prefix}{key}", one
            yield from _walk(one, f"{prefix}{key}.")
    if "items" in schema:
        yield from _walk(schema["items"], f"{prefix.removesuffix('.')}[].")
    choices = schema.get("anyOf", ())
    lists = [choice for choice in choices if choice.get("type") == "array"]
    for choice in lists or choices:  # of "one, or a list of them" the list alone
        yield from _walk(choice, prefix)


def _alike(schema: Mapping[str, Any]) -> Schema | None:
    """What every entry holds, where all entries hold the same."""
    inner = schema.get("additionalProperties")
    if isinstance(inner, dict):
        return inner
    entries = list(schema.get("properties", {}).values())
    if not entries or "propertyNames" not in schema:
        return None
    return {key: value for key, value in entries[0].items() if key != "description"}


def _transforms() -> list[str]:
    rows = []
    for name, step in TRANSFORMS.items():
        argument = f"({step.argument})" if step.argument else ""
        rows.append(f"| `{name}{argument}` | {step.says}{' *' if step.converts else ''} |")
    intro = (
        "Named under `transform`, applied from left to right to what goes from HubSpot to"
        " Salesforce, or from Salesforce to HubSpot where the rule says `direction: to_map`. Blank"
        " stays blank. Steps marked with * read another kind of value than they write: they need"
        " one direction."
    )
    return ["", "## Transforms", "", intro, "", "| Step | What it does |", "|---|---|", *rows]


def _row(path: str, schema: Schema) -> str:
    meaning = str(schema["description"])
    if "default" in schema:
        meaning += f" Default: `{_plain(schema['default'])}`."
    return f"| `{path}` | {_values(schema)} | {meaning} |"


def _values(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    if _alike(schema) is not None and "properties" in schema:
        return f"{', '.join(f'`{name}`' for name in schema['properties'])}, each with its own"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        named = dict.fromkeys(_values(choice) for choice in schema["anyOf"])
        return " or ".join(word for word in named if word)
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "string" in types:
        return "text"
    word = {
        "boolean": "`true`, `false`", "integer": "whole number", "number": "number",
        "array": "list", "object": "keys", "null": "",
    }[types[0]]  # fmt: skip
    bounds = f" {schema['minimum']} to {schema['maximum']}" if "minimum" in schema else ""
    return word + bounds


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
