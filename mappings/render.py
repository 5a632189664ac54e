"""A loaded mapping as text again: one YAML document in the format it was written in.

What differs between files that mean the same (comments, order of keys, splitting into files,
tables by name, defaults left out) is gone, so that two texts differ where their mappings do.
Loading the text gives a mapping of the same hash.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any

from mappings.fieldmap import (
    FieldRule,
    IdentityRule,
    ObjectMapping,
    PairMapping,
    TooLong,
    rule_key,
)
from mappings.records import EventKind
from mappings.transforms import ALTERNATIVES

FORMAT = 1
_WIDE = 4_096


def render_mapping(data: Mapping[str, Any]) -> str:
    """A document of `mapping_data` as the text of a file."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # typed as None
    yaml.width = _WIDE
    out = io.StringIO()
    yaml.dump(dict(data), out)
    return out.getvalue()


def mapping_data(mapping: PairMapping) -> dict[str, Any]:
    """The mapping as the document its file holds."""
    data: dict[str, Any] = {"format": FORMAT}
    if mapping.go_live is not None:
        data["go_live"] = mapping.go_live.isoformat()
    data["objects"] = {entry.name: _object(entry) for entry in mapping.objects}
    data["activities"] = {
        kind.value: form.value
        for kind, form in mapping.activities.items()
        if kind is not EventKind.CUSTOM
    }
    data["consent"] = [
        {"crm": dict(rule.crm), "subscription": rule.subscription or "all"}
        for rule in mapping.consent
    ]
    data["outcomes"] = {rule.fact.value: rule.map for rule in mapping.outcomes}
    data["campaigns"] = dict(mapping.campaigns)
    data["custom_events"] = {name: form.value for name, form in mapping.custom_events.items()}
    data["touches"] = sorted(source.value for source in mapping.touches)
    return {key: value for key, value in data.items() if value not in ({}, [])}


def _object(entry: ObjectMapping) -> dict[str, Any]:
    return {
        "kind": entry.kind.value,
        "map": entry.map_object,
        "crm": list(entry.crm_objects),
        "create_crm": _creation(entry),
        "create_map": entry.create_map,
        **({"include": entry.include} if entry.include else {}),
        "identity": {rule.attribute: _identity(rule) for rule in entry.identity},
        "fields": [rule_data(rule) for rule in entry.fields],
    }


def _creation(entry: ObjectMapping) -> Any:
    otherwise = entry.create_crm or "none"
    if not entry.create_when:
        return otherwise
    rules = [{"object": rule.object or "none", "when": rule.when} for rule in entry.create_when]
    return [*rules, {"object": otherwise}]


def _identity(rule: IdentityRule) -> dict[str, Any]:
    return {"map": list(rule.map), "crm": {name: list(own) for name, own in rule.crm.items()}}


def rule_data(rule: FieldRule) -> dict[str, Any]:
    """A field rule as its file holds it, defaults included, keys that say nothing left out."""
    owner = rule.owner.value if rule.owner is not None else "none"
    data: dict[str, Any] = {
        "map": rule.map,
        "crm": dict(rule.crm),
        "direction": rule.direction.value,
        "owner": owner,
        "overwrite": rule.overwrite.value,
        "clear": rule.clear,
        "type": rule.type.value,
        "aggregate": rule.aggregate.value if rule.aggregate else None,
        "when": rule.when or None,
        "template": rule.template or None,
        "transform": list(rule.transform) or None,
        "values": {name: _alternatives(text) for name, text in rule.values.items()} or None,
        "default": rule.default,
        "too_long": rule.too_long.value if rule.too_long is not TooLong.REJECT else None,
        "max_length": rule.max_length,
        "custom": True,
    }
    return {key: value for key, value in data.items() if value is not None}


def _alternatives(text: str) -> str | list[str]:
    parts = text.split(ALTERNATIVES)
    return parts[0] if len(parts) == 1 else parts


def rule_digests(data: Mapping[str, Any]) -> dict[str, str]:
    """What each pair of fields is mapped by in a document of `mapping_data`, as a digest by
    `object mapping|rule key`: another digest is another meaning. Rules that share a pair of fields
    share its digest.
    """
    found: dict[str, list[str]] = {}
    for name, entry in data.get("objects", {}).items():
        for rule in entry["fields"]:
            text = json.dumps(rule, sort_keys=True, ensure_ascii=False)
            found.setdefault(f"{name}|{rule_key(rule['map'], rule['crm'])}", []).append(text)
    return {
        key: hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
        for key, texts in found.items()
    }
