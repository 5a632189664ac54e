"""A snapshot of both accounts' schema: what the mapped objects' fields are, in one JSON file.

Names, types, lengths, picklist options and rights of fields; no record, no account id, no secret:
it may lie in a repository, so that mappings are checked in CI against the accounts as they are.
Reading checks everything; a file that was cut or edited into nonsense is never half believed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mappings.errors import ConfigurationError
from mappings.loading import Schemas
from mappings.ports import FieldSchema, ObjectSchema
from mappings.records import Side

KIND = "leadloop-schema"
FORMAT = 1
LARGEST = 64_000_000
"""Bytes of a file that is still taken for a snapshot: some hundred thousand fields."""


def snapshot_text(pairs: Mapping[str, Schemas]) -> str:
    """The snapshot of these pairs' schemas as JSON, the same for the same schemas."""
    body = {
        "kind": KIND,
        "format": FORMAT,
        "pairs": {
            pair: {
                side.value: {name: _object(schema) for name, schema in sorted(objects.items())}
                for side, objects in schemas.items()
            }
            for pair, schemas in pairs.items()
        },
    }
    return json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _object(schema: ObjectSchema) -> dict[str, Any]:
    """Fields by name and rights, without what is as usual."""
    plain = asdict(FieldSchema("", "", "text"))
    rights = {"createable": schema.createable, "updateable": schema.updateable}
    return {name: has for name, has in rights.items() if not has} | {
        "fields": {
            name: {k: v for k, v in asdict(field).items() if k != "name" and v != plain.get(k)}
            | {"type": field.type}
            for name, field in schema.fields.items()
        }
    }


def read_snapshot(path: Path) -> dict[str, Schemas]:
    """The schemas in the file, by pair. Raises ConfigurationError: `snapshot.missing`,
    `snapshot.unreadable`.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise _fault(f"{path} is too large to be a snapshot")
        body = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no snapshot at {path}",
            code="snapshot.missing",
            remedy="Make one: `leadloop snapshot --out schema.json`.",
        ) from None
    except (OSError, ValueError, RecursionError):
        raise _fault(f"{path} cannot be read as a snapshot") from None
    if not isinstance(body, dict) or body.get("kind") != KIND or body.get("format") != FORMAT:
        raise _fault(f"{path} is no snapshot this version reads")
    try:
        return {pair: _schemas(sides) for pair, sides in body["pairs"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _fault(f"{path} is not as `leadloop snapshot` wrote it") from None


def _schemas(sides: Mapping[str, Any]) -> Schemas:
    return {
        Side(side): {
            name: ObjectSchema(
                name,
                {f: _field(f, says) for f, says in one["fields"].items()},
                createable=bool(one.get("createable", True)),
                updateable=bool(one.get("updateable", True)),
            )
            for name, one in objects.items()
        }
        for side, objects in sides.items()
    }


def _field(name: str, says: Mapping[str, Any]) -> FieldSchema:
    return FieldSchema(
        name=name, **{"label": name, **says, "options": tuple(says.get("options", ()))}
    )


def _fault(message: str) -> ConfigurationError:
    return ConfigurationError(
        message, code="snapshot.unreadable", remedy="Make a new one: `leadloop snapshot`."
    )
