"""Schema drift: what a mapping says against what both vendors' objects are like now. Pure.

A field that was removed, renamed, retyped or made read-only parks the rules that name it, in that
object alone: nothing is read from it or written to it, everything else goes on. An object that
wants a value the mapping cannot promise gets no record made without it. Lengths and options are
taken over into the rules, so that a value that does not fit is refused by itself and not with its
whole record. All of it is judged by the schema as it is now: when that heals, so does the mapping.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mappings.conditions import names_in
from mappings.errors import Position
from mappings.fieldmap import EntityKind, FieldRule, ObjectMapping, PairMapping
from mappings.loading import Schemas
from mappings.mapping_checks import fits
from mappings.ports import FieldSchema
from mappings.records import Side
from mappings.required_fields import CRM_KEY, EVENT_KEY, MAP_KEY, activity_writes, required_fields
from mappings.transforms import ALTERNATIVES, ANY, template_names

EMAILS = "emails"
"""The attribute of identity nobody is matched without: its field gone, all would look new."""


PERSON_ACCOUNT = "IsPersonAccount"
"""The field by which an org's person accounts show."""


class DriftKind(StrEnum):
    """What happened to a field."""

    REMOVED = "removed"
    RENAMED = "renamed"
    RETYPED = "retyped"
    READ_ONLY = "read_only"
    REQUIRED = "required"
    OPTIONS = "options"
    PERSON_ACCOUNTS = "person_accounts"


@dataclass(frozen=True, slots=True)
class Drift:
    """One field that is not as the mapping needs it.

    `at` are the places in the mapping it touches, `rules` the rules that rest because of it;
    `before` and `now` say what changed (a type, a name, options). `stops_creating` says that no
    record of the object is made while it lasts, `stops_matching` that nobody can be told apart.
    """

    side: Side
    object: str
    field: str
    kind: DriftKind
    at: tuple[str, ...]
    rules: tuple[str, ...] = ()
    before: str = ""
    now: str = ""
    stops_creating: bool = False
    stops_matching: bool = False

    @property
    def name(self) -> str:
        """The field with its object."""
        return f"{self.object}.{self.field}"

    @property
    def what(self) -> str:
        """What happened, in words. Names of fields, types and options, never a record's value."""
        words = {
            DriftKind.REMOVED: "is not there any more",
            DriftKind.RENAMED: f"is not there any more; {self.now} looks like it",
            DriftKind.RETYPED: f"is {self.now} now, which the rule's values do not fit",
            DriftKind.READ_ONLY: "can no longer be written",
            DriftKind.REQUIRED: "has become required",
            DriftKind.OPTIONS: f"no longer takes {self.before}",
            DriftKind.PERSON_ACCOUNTS: "is there: the org has person accounts, which Leadloop does "
            "not handle",
        }
        return f"{self.name} {words[self.kind]}"

    @property
    def remedy(self) -> str:
        """What a person can do about it."""
        line = self.at[0] if self.at else "the mapping"
        words = {
            DriftKind.REMOVED: f"Restore the field, or correct {line}.",
            DriftKind.RENAMED: f"Write {self.now} in {line}, or give the field its name back.",
            DriftKind.RETYPED: f"Give the field its type back, or correct `type` in {line}.",
            DriftKind.READ_ONLY: f"Give the API user the right to edit it, or correct {line}.",
            DriftKind.REQUIRED: f"Give the rule in {line} a `default`, or make it optional again.",
            DriftKind.PERSON_ACCOUNTS: "Point config.yaml at an org without person accounts: a "
            "person who is an Account and a Contact at once would be written twice.",
            DriftKind.OPTIONS: f"Add them again, or name others in `values`: {line}.",
        }
        return words[self.kind]


@dataclass(frozen=True, slots=True)
class _Use:
    """One place where a mapping names a field."""

    side: Side
    object: str
    field: str
    at: Position
    rule: FieldRule | None = None
    any_type: bool = False
    writes: bool = False
    creates: bool = False
    matches: bool = False


def drifts(mapping: PairMapping, now: Schemas, before: Schemas) -> tuple[Drift, ...]:
    """Every field that is not as the mapping needs it, in the order of the mapping.

    `before` is what was described the last time; objects that `now` lacks are not judged.
    """
    found: dict[tuple[Side, str, str, DriftKind], Drift] = {}
    for use in _uses(mapping):
        schema = now.get(use.side, {}).get(use.object)
        if schema is None:
            continue
        old = before.get(use.side, {}).get(use.object)
        known = old.fields if old is not None else {}
        drift = _judged(use, schema.fields, known)
        if drift is not None:
            key = (use.side, use.object, use.field, drift.kind)
            found[key] = _together(found[key], drift) if key in found else drift
    for drift in (*_demands(mapping, now), *_person_accounts(mapping, now)):
        found.setdefault((drift.side, drift.object, drift.field, drift.kind), drift)
    return tuple(found.values())


def _uses(mapping: PairMapping) -> Iterator[_Use]:
    for entry in mapping.objects:
        for rule in entry.fields:
            to_map, to_crm = rule.writes(Side.MAP), rule.writes(Side.CRM)
            yield _Use(Side.MAP, entry.map_object, rule.map, rule.at, rule, writes=to_map)
            for name, field in rule.crm.items():
                yield _Use(Side.CRM, name, field, rule.at, rule, writes=to_crm)
            yield from _read_besides(entry, rule)
        yield from _identity(entry)
        yield from _asked_of_new(entry)
    people = mapping.of_kind(EntityKind.PERSON)
    for consent in mapping.consent:
        for name, field in consent.crm.items():
            yield _Use(Side.CRM, name, field, consent.at, writes=True)
    if people is not None:
        for outcome in mapping.outcomes:
            yield _Use(Side.MAP, people.map_object, outcome.map, outcome.at, writes=True)
    yield from _own(mapping)
    if people is not None:
        for name, fields in activity_writes(mapping).items():
            for field in (*fields, EVENT_KEY):
                yield _Use(Side.CRM, name, field, people.at, writes=True)


def _asked_of_new(entry: ObjectMapping) -> Iterator[_Use]:
    """What decides whether a record is kept in step, and what it becomes."""
    for text in (entry.include, *(rule.when for rule in entry.create_when)):
        for name in names_in(text):
            yield _Use(Side.MAP, entry.map_object, name, entry.at, creates=True)


def _read_besides(entry: ObjectMapping, rule: FieldRule) -> Iterator[_Use]:
    """What a rule's template and condition read; whatever kind of field it is will do."""
    objects = [entry.map_object] if rule.source is Side.MAP else list(rule.crm)
    for name in (*template_names(rule.template), *names_in(rule.when)):
        for object_name in objects:
            yield _Use(rule.source, object_name, name, rule.at, rule, any_type=True)


def _identity(entry: ObjectMapping) -> Iterator[_Use]:
    for rule in entry.identity:
        matches = entry.kind is EntityKind.PERSON and rule.attribute == EMAILS
        for name in rule.map:
            yield _Use(Side.MAP, entry.map_object, name, entry.at, matches=matches)
        for object_name, names in rule.crm.items():
            for name in names:
                yield _Use(Side.CRM, object_name, name, entry.at, matches=matches)


def _own(mapping: PairMapping) -> Iterator[_Use]:
    """Leadloop's own fields; without its key no record can be made that is surely found again."""
    places = {entry.map_object: entry.at for entry in mapping.objects}
    for entry in mapping.objects:
        places.update(dict.fromkeys(entry.crm_objects, entry.at))
    for side, definitions in required_fields(mapping).items():
        for wanted in definitions:
            if wanted.object in places:
                key = wanted.name in (MAP_KEY, CRM_KEY)
                at = places[wanted.object]
                yield _Use(side, wanted.object, wanted.name, at, writes=True, creates=key)


def _judged(
    use: _Use, fields: Mapping[str, FieldSchema], known: Mapping[str, FieldSchema]
) -> Drift | None:
    """What is wrong with the field of one use, if anything."""
    field, old = fields.get(use.field), known.get(use.field)
    if field is None:
        twin = _twin(old, fields, known)
        kind = DriftKind.RENAMED if twin else DriftKind.REMOVED
        return replace(
            _drift(use, kind, now=twin or ""),
            stops_creating=use.creates,
            stops_matching=use.matches,
        )
    if use.rule is not None and not use.any_type and not _holds(use, use.rule, field):
        return _drift(use, DriftKind.RETYPED, before=old.type if old else "", now=field.type)
    if use.writes and old is not None and _writable(old) and not _writable(field):
        return _drift(use, DriftKind.READ_ONLY)
    if use.rule is not None and use.writes and field.restricted and field.options:
        gone = _lost(use, use.rule, field, old)
        if gone:
            return replace(_drift(use, DriftKind.OPTIONS, before=", ".join(gone)), rules=())
    return None


def _drift(use: _Use, kind: DriftKind, *, before: str = "", now: str = "") -> Drift:
    rules = (use.rule.key,) if use.rule is not None else ()
    return Drift(use.side, use.object, use.field, kind, (str(use.at),), rules, before, now)


def _together(first: Drift, second: Drift) -> Drift:
    """One drift of a field that several places name."""
    return replace(
        first,
        at=tuple(dict.fromkeys((*first.at, *second.at))),
        rules=tuple(dict.fromkeys((*first.rules, *second.rules))),
        stops_creating=first.stops_creating or second.stops_creating,
        stops_matching=first.stops_matching or second.stops_matching,
    )


_TEXTUAL = frozenset({"text", "email", "phone", "url", "picklist", "multipicklist"})


def _holds(use: _Use, rule: FieldRule, field: FieldSchema) -> bool:
    """Whether the field can still hold the rule's values: text does not go into a number. Values
    that the rule converts come from a field of any type."""
    if rule.source_type is not None and use.side is rule.source:
        return True
    if not fits(rule, field):
        return False
    textual = rule.type.value in _TEXTUAL and not rule.values and not rule.transform
    return not textual or field.type in _TEXTUAL or field.type in {"reference", "other"}


def _twin(
    old: FieldSchema | None, fields: Mapping[str, FieldSchema], known: Mapping[str, FieldSchema]
) -> str | None:
    """The new field that has the label and type of the one that is gone."""
    if old is None:
        return None
    new = (field for name, field in fields.items() if name not in known)
    return next((f.name for f in new if (f.label, f.type) == (old.label, old.type)), None)


def _writable(field: FieldSchema) -> bool:
    return field.createable or field.updateable


def _lost(use: _Use, rule: FieldRule, field: FieldSchema, old: FieldSchema | None) -> list[str]:
    """Options the rule writes that the field no longer takes: those its table leads to, and of a
    rule without one those the field had before."""
    had = set(old.options) if old is not None else set()
    if rule.values and use.side is Side.CRM:
        had = {values.split(ALTERNATIVES)[0] for values in rule.values.values()}
    elif rule.values:
        had = set(rule.values)
    return sorted(had - {ANY} - set(field.options))


def _demands(mapping: PairMapping, now: Schemas) -> Iterator[Drift]:
    """Fields an object wants of a new record that the mapping promises no value for."""
    known = now.get(Side.CRM, {})
    created = [(entry, name) for entry in mapping.objects for name in entry.creatable]
    for entry, schema in [(entry, known[name]) for entry, name in created if name in known]:
        promised = {
            r.crm[schema.object]: r
            for r in entry.fields
            if schema.object in r.crm and r.writes(Side.CRM)
        }
        for field in schema.fields.values():
            rule = promised.get(field.name)
            if field.required and field.createable and (rule is None or rule.default is None):
                at = rule.at if rule is not None else entry.at
                yield Drift(Side.CRM, schema.object, field.name, DriftKind.REQUIRED, (str(at),))
    yield from _activity_demands(mapping, now)


def _activity_demands(mapping: PairMapping, now: Schemas) -> Iterator[Drift]:
    """The same of what activities become: Leadloop has no other value for it."""
    people = mapping.of_kind(EntityKind.PERSON)
    if people is None:
        return
    for name, written in activity_writes(mapping).items():
        schema = now.get(Side.CRM, {}).get(name)
        for field in schema.fields.values() if schema is not None else ():
            if field.required and field.createable and field.name not in written:
                yield Drift(Side.CRM, name, field.name, DriftKind.REQUIRED, (str(people.at),))


def _person_accounts(mapping: PairMapping, now: Schemas) -> Iterator[Drift]:
    """An org with person accounts shows it in Account's and Contact's describe (FACTS section 4,
    Objects; taken from general knowledge there): they can be switched on and never off.
    """
    for entry in mapping.objects:
        for name in entry.crm_objects:
            schema = now.get(Side.CRM, {}).get(name)
            if schema is not None and PERSON_ACCOUNT in schema.fields:
                kind, at = DriftKind.PERSON_ACCOUNTS, (str(entry.at),)
                yield Drift(Side.CRM, name, PERSON_ACCOUNT, kind, at, stops_matching=True)


def narrowed(mapping: PairMapping, schemas: Schemas, found: Sequence[Drift]) -> PairMapping:
    """The mapping with the touched rules parked, and lengths and options filled in."""
    parked: dict[str, set[str]] = {}
    for drift in found:
        for key in drift.rules:
            parked.setdefault(key, set()).add(drift.object)
    stopped = {drift.object for drift in found if drift.stops_creating}
    return replace(
        mapping, objects=tuple(_entry(e, schemas, parked, stopped) for e in mapping.objects)
    )


def _entry(
    entry: ObjectMapping, schemas: Schemas, parked: Mapping[str, set[str]], stopped: set[str]
) -> ObjectMapping:
    rules = tuple(
        replace(
            rule,
            parked=frozenset(parked.get(rule.key, ())),
            max_length=_length(rule, schemas),
            options=_options(entry, rule, schemas),
        )
        for rule in entry.fields
    )
    stops = entry.map_object in stopped
    return replace(
        entry,
        fields=rules,
        create_crm=None if stops or entry.create_crm in stopped else entry.create_crm,
        create_when=tuple(
            replace(rule, object=None if stops or rule.object in stopped else rule.object)
            for rule in entry.create_when
        ),
        create_map=entry.create_map and not stops,
    )


def _described(rule: FieldRule, schemas: Schemas) -> list[FieldSchema]:
    crm = schemas.get(Side.CRM, {})
    found = (crm[o].fields.get(f) for o, f in rule.crm.items() if o in crm)
    return [field for field in found if field is not None]


def _length(rule: FieldRule, schemas: Schemas) -> int | None:
    """The shortest of the fields' lengths and the file's own."""
    lengths = [f.length for f in _described(rule, schemas) if f.length and f.type != "reference"]
    if rule.max_length is not None:
        lengths.append(rule.max_length)
    return min(lengths, default=None)


def _options(entry: ObjectMapping, rule: FieldRule, schemas: Schemas) -> dict[Side, frozenset[str]]:
    """What each side takes, where it refuses everything else; of several fields, what all take."""
    own = schemas.get(Side.MAP, {}).get(entry.map_object)
    there = own.fields.get(rule.map) if own is not None else None
    sides = {Side.MAP: [there] if there is not None else [], Side.CRM: _described(rule, schemas)}
    found: dict[Side, frozenset[str]] = {}
    for side, fields in sides.items():
        strict = [frozenset(f.options) for f in fields if f.restricted and f.options]
        if strict:
            found[side] = frozenset.intersection(*strict)
    return found
