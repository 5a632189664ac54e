"""What loading a mapping needs everywhere: where faults go, and what is known of the fields.

Online, `schemas` hold what the vendors describe, and a field that is not there does not exist.
Offline, the vendors' standard fields stand in: they say what a field is, and recognise slips of
the pen, but cannot know an account's own fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mappings.errors import Position
from mappings.ports import FieldSchema, ObjectSchema
from mappings.positions import Faults, nearest, suggest
from mappings.records import Side
from mappings.sections import Section, wrong
from mappings.standard_fields import is_custom, standard_schemas

Schemas = Mapping[Side, Mapping[str, ObjectSchema]]
"""What the vendors describe, by side and object name."""

_SHORTEST, _LONG, _SLIPS_LONG = 4, 8, 2

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NAMES_AT = {
    Side.MAP: "HubSpot shows it in Settings, Properties: letters, digits and underscores.",
    Side.CRM: "Salesforce shows it in the Object Manager as API name, such as `Department__c`.",
}
_HIDDEN = {
    Side.MAP: "Correct the name, or create the property in HubSpot (Settings, Properties). If it is"
    " there, it holds sensitive data: give the app the scope for that.",
    Side.CRM: "Correct the name, or create the field in Salesforce (Setup, Object Manager). If it "
    "is there, the API user may not see it: give its permission set read and edit access "
    "(Field-Level Security).",
}
"""What to do about a field that a describe lacks. Salesforce describes only fields the user may
see, so that one that is hidden and one that is not there look alike; assumed of HubSpot: properties
with sensitive data are left out for an app without their scope, every other one is shown."""


@dataclass(frozen=True)
class Loading:
    """What loading needs everywhere: where faults go, what the vendors describe, and the picklist
    tables that rules may name.
    """

    faults: Faults
    schemas: Schemas | None
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    places: dict[tuple[Position, str], Position] = field(default_factory=dict)
    """Where the parts of a rule stand, by the rule's own place and the part's name (`place`)."""

    def note(self, rule_at: Position, part: str, at: Position) -> None:
        """Remember where a part of a rule stands: a key of it, `crm.Lead`, `values.hot`."""
        self.places[rule_at, part] = at

    def place(self, rule_at: Position, *parts: str) -> Position:
        """Where the first of these parts that the rule has stands, else the rule itself."""
        known = (self.places.get((rule_at, part)) for part in parts)
        return next((at for at in known if at is not None), rule_at)

    def at_crm(self, rule_at: Position, object_name: str) -> Position:
        """Where a rule names its field of a CRM object."""
        return self.place(rule_at, f"crm.{object_name}", "crm")

    def described(self, side: Side, object_name: str) -> ObjectSchema | None:
        """The object as the account describes it; None offline, and where it is not there."""
        found = (self.schemas or {}).get(side, {}).get(object_name)
        return found if found is not None and found.is_there else None

    def schema(self, side: Side, object_name: str) -> ObjectSchema | None:
        """The object as described, else as the vendor ships it, else None."""
        live = (self.schemas or {}).get(side, {}).get(object_name)
        if live is not None:
            return live if live.is_there else None
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
        known = schema.fields if schema is not None else {}
        if side is Side.CRM and _HALF_CUSTOM.fullmatch(name) and name not in known:
            self.faults.add(
                at, f"`{name}` is no name Salesforce gives a field.",
                f"Did you mean `{name[:-2]}__c`? Fields of your own end in two underscores and c.",
                code="config.field_name",
            )  # fmt: skip
            return None
        if not _is_name(side, name) and slip_of(name, known) is None:
            self.faults.add(
                at, f"`{name}` can be no field's name.",
                "Write the internal name, not the label: " + _NAMES_AT[side],
                code="config.field_name",
            )  # fmt: skip
            return None
        if schema is None or name in schema.fields:
            return schema.fields[name] if schema is not None else None
        if self.is_live(side, object_name):
            self.faults.add(
                at, f"{object_name} has no field `{name}` that the API user may see.",
                f"{_meant(name, schema.fields)}{_HIDDEN[side]}",
                code="config.unknown_field",
            )  # fmt: skip
            return None
        if custom or is_custom(side, name):
            return None
        slip = slip_of(name, schema.fields)
        fix = _elsewhere(side, name) or (f"Did you mean `{slip}`?" if slip is not None else "")
        if fix:
            self.faults.add(
                at, f"{object_name} has no field `{name}`.",
                f"{fix} If the account has this field, add `custom: true`.",
                code="config.unknown_field",
            )  # fmt: skip
        return None

    def crm_names(self, section: Section, key: str, objects: Sequence[str]) -> dict[str, str]:
        """`crm: Field` (for every object) or `crm: {Object: Field}` as object to field."""
        node = section.node(key)
        if node is None:
            return {}
        if isinstance(node.value, str):
            object_name, dot, name = node.text.partition(".")
            if dot and object_name in objects:
                self.faults.add(
                    node.at, f"`{node.text}` is no field name.",
                    f"Write `{{{object_name}: {name}}}` for the field of one object.",
                    code="config.field_name",
                )  # fmt: skip
                return {object_name: name}
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


_HALF_CUSTOM = re.compile(r"[A-Za-z][A-Za-z0-9_]*[A-Za-z0-9]_[cC]")


def _is_name(side: Side, name: str) -> bool:
    """Whether a vendor could call a field so: Salesforce ends its own ones in __c, lower case."""
    custom = side is Side.CRM and name.lower().endswith("__c")
    return _WORD.fullmatch(name) is not None and (not custom or name.endswith("__c"))


def _elsewhere(side: Side, name: str) -> str:
    """Which standard objects of the CRM have a field of exactly that name; "" for none."""
    if side is not Side.CRM:
        return ""
    schemas = standard_schemas(side)
    owner = next((o for o in ("Lead", "Contact", *schemas) if name in schemas[o].fields), None)
    return "" if owner is None else f"{owner} has one: name it as `{{{owner}: {name}}}`."


def _meant(name: str, known: Iterable[str]) -> str:
    hit = nearest(name, known)
    return f"Did you mean `{hit}`? Otherwise: " if hit is not None else ""


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
