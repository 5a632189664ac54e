"""What loading a mapping needs everywhere: where faults go, and what is known of the fields.

Online, `schemas` hold what the vendors describe, and a field that is not there does not exist.
Offline, the vendors' standard fields stand in: they say what a field is, and recognise slips of
the pen, but cannot know an account's own fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mappings.errors import Position
from mappings.ports import FieldSchema, ObjectSchema
from mappings.positions import Faults, suggest
from mappings.records import Side
from mappings.sections import Section, wrong
from mappings.standard_fields import is_custom, standard_schemas

Schemas = Mapping[Side, Mapping[str, ObjectSchema]]
"""What the vendors describe, by side and object name."""

_SHORTEST, _LONG, _SLIPS_LONG = 4, 8, 2


@dataclass(frozen=True)
class Loading:
    """What loading needs everywhere: where faults go, what the vendors describe, and the picklist
    tables that rules may name.
    """

    faults: Faults
    schemas: Schemas | None
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def schema(self, side: Side, object_name: str) -> ObjectSchema | None:
        """The object as described, else as the vendor ships it, else None."""
        if self.schemas is not None and object_name in self.schemas.get(side, {}):
            return self.schemas[side][object_name]
        return standard_schemas(side).get(object_name)

    def is_live(self, side: Side, object_name: str) -> bool:
        """Whether the object's fields come from a describe, so that absence means absence."""
        return self.schemas is not None and object_name in self.schemas.get(side, {})

    def field(
        self, side: Side, object_name: str, name: str, at: Position, *, custom: bool = False
    ) -> FieldSchema | None:
        """The field's schema. Records a fault when it certainly or very likely does not exist.

        Offline, a name without schema may be an account's own field: it is refused only where it
        looks like a slip of a standard one, which `custom: true` overrides.
        """
        schema = self.schema(side, object_name)
        if schema is None or name in schema.fields:
            return schema.fields[name] if schema is not None else None
        live = self.is_live(side, object_name)
        slip = slip_of(name, schema.fields)
        if not live and (custom or is_custom(side, name) or slip is None):
            return None
        fix = suggest(name, schema.fields, "Create the field, or correct the name.")
        if not live:
            fix = f"Did you mean `{slip}`? If the account has this field, add `custom: true`."
        self.faults.add(
            at, f"{object_name} has no field `{name}`.", fix, code="config.unknown_field"
        )
        return None

    def crm_names(self, section: Section, key: str, objects: Sequence[str]) -> dict[str, str]:
        """`crm: Field` (for every object) or `crm: {Object: Field}` as object to field."""
        node = section.node(key)
        if node is None:
            return {}
        if isinstance(node.value, str):
            return dict.fromkeys(objects, node.text)
        if not isinstance(node.value, dict):
            wrong(self.faults, node, f"`{key}`", "a field name, or a mapping of object to field")
            return {}
        found = {}
        for object_name, at, value in section.entries(key):
            if object_name not in objects:
                self.unknown_object(object_name, at, objects)
            elif isinstance(value.value, str):
                found[object_name] = value.text
            else:
                wrong(self.faults, value, f"The field of {object_name}", "a field name")
        return found

    def unknown_object(self, name: str, at: Position, objects: Sequence[str]) -> None:
        """Record that a CRM object is not among the mapping's, where it names any."""
        if not objects:
            return
        self.faults.add(
            at, f"`{name}` is none of the CRM objects of this mapping.",
            suggest(name, objects, f"Use one of: {', '.join(objects)}."),
            code="config.unknown_object",
        )  # fmt: skip


def slip_of(name: str, known: Iterable[str]) -> str | None:
    """The standard name this is a slip of the pen of: a letter or two off, or other case."""
    from rapidfuzz.distance import DamerauLevenshtein
    from rapidfuzz.process import extract

    plain = _plain(name)
    names = {_plain(candidate): candidate for candidate in known}
    if plain in names:
        return names[plain]
    hits = extract(
        plain, list(names), scorer=DamerauLevenshtein.distance, score_cutoff=_SLIPS_LONG, limit=5
    )
    for other, distance, _ in hits:
        allowed = _SLIPS_LONG if len(other) >= _LONG else 1
        # phone2 is another phone, and of very short names everything is a slip.
        another = plain.startswith(other) and plain[len(other) :].isdigit()
        if distance <= allowed and len(other) >= _SHORTEST and not another:
            return names[other]
    return None


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
