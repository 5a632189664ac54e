"""Cases for a mapping: records that are given, writes that are expected. Writes nothing.

A case is judged by the very functions a run plans with (`sync.bonds`), so that what passes here is
what would be written. It covers what the mapping decides about fields: inclusion, direction,
ownership, transforms, picklists, defaults, lengths, creation. Fields a case does not name are
blank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mappings.applying import created_as
from mappings.conditions import condition_of
from mappings.errors import Position
from mappings.fieldmap import ObjectMapping, PairMapping
from mappings.loader import FORMAT, mapping_files
from mappings.loading import Schemas
from mappings.ports import FieldSchema
from mappings.positions import Faults, Node, read_document, suggest
from mappings.records import Json, Record, RecordRef, Side
from mappings.required_fields import rule_reads
from mappings.sections import Section, wrong
from mappings.values import canonical
from sync.bonds import Conflict, Rejection, plan_bond, plan_creation, value_of
from sync.intents import FieldChange

SYSTEMS = {Side.MAP: "hubspot", Side.CRM: "salesforce"}
CASE_KEYS = ("name", "object", "given", "expect")
GIVEN_KEYS = ("map", "crm", "agreed")
EXPECT_KEYS = ("map", "crm", "rejected", "conflicts")

Fields = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Values:
    """Fields of both sides; `crm_object` is "" where there is no CRM record."""

    map: Fields | None
    crm: Fields | None
    crm_object: str


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `rejected` are codes of refused values, `conflicts` MAP fields no rule decides."""

    name: str
    entry: ObjectMapping
    given: Values
    agreed: Values | None
    expect: Values
    rejected: tuple[str, ...]
    conflicts: tuple[str, ...]
    at: Position


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the mapping would do with the given records."""

    changes: Mapping[Side, Sequence[FieldChange]]
    crm_object: str
    rejections: Sequence[Rejection] = ()
    conflicts: Sequence[Conflict] = ()


def read_cases(path: Path, mapping: PairMapping, faults: Faults) -> list[Case]:
    """The cases of a file, or of the *.yaml files of a directory; faults are recorded."""
    found: list[Case] = []
    files = mapping_files(path) if path.exists() else []
    if not files:
        faults.add(
            Position(str(path), 1, 1), f"There are no cases at `{path}`.",
            "Name a file of cases, or a directory of *.yaml files.", code="config.missing_file",
        )  # fmt: skip
    for file in files:
        top = Section(read_document(file, faults), faults, "a file of cases", ("format", "cases"))
        if top.need("format", f"Begin the file with `format: {FORMAT}`."):
            top.whole("format", FORMAT, low=FORMAT, high=FORMAT)
        for node in top.items("cases"):
            case = _case(node, mapping, faults)
            found += [case] if case is not None else []
    return found


def check_cases(cases: Sequence[Case], faults: Faults, schemas: Schemas | None = None) -> None:
    """Record every case that does not come out as expected, with what would happen instead; by
    `schemas`, as far as given, also what a vendor would refuse of it.
    """
    for case in cases:
        outcome = outcome_of(case)
        wrongs = [*differences(case, outcome), *_refusals(case, outcome, schemas or {})]
        if wrongs:
            faults.add(
                case.at, f"The case `{case.name}` does not hold: {'; '.join(wrongs)}.",
                "Correct the mapping, or what the case expects.", code="config.case_failed",
            )  # fmt: skip


def outcome_of(case: Case) -> Outcome:
    """What a run would write for the given records."""
    entry, given = case.entry, case.given
    map_record = _record(entry, Side.MAP, entry.map_object, given.map)
    crm_record = _record(entry, Side.CRM, given.crm_object, given.crm)
    nothing = Outcome({Side.MAP: (), Side.CRM: ()}, given.crm_object)
    if map_record is not None and not condition_of(entry)(map_record.fields):
        return nothing
    if map_record is not None and crm_record is not None:
        bond = plan_bond(
            entry, map_record, crm_record, _shadow(case, given.crm_object), systems=SYSTEMS
        )
        return Outcome(bond.changes, given.crm_object, bond.rejections, bond.conflicts)
    created = created_as(entry, map_record.fields) if map_record is not None else None
    if map_record is not None and created is not None:
        made = plan_creation(
            entry, map_record, to=Side.CRM, object_name=created, system=SYSTEMS[Side.CRM]
        )
        changes = {Side.MAP: (), Side.CRM: made.changes}
        return Outcome(changes, created, made.rejections)
    if crm_record is not None and entry.create_map:
        made = plan_creation(
            entry, crm_record, to=Side.MAP, object_name=entry.map_object, system=SYSTEMS[Side.MAP]
        )
        return Outcome({Side.MAP: made.changes, Side.CRM: ()}, given.crm_object, made.rejections)
    return nothing


def differences(case: Case, outcome: Outcome) -> list[str]:
    """Where the outcome is not what the case expects, in words; empty when it is."""
    found = []
    expect = case.expect
    if expect.crm and expect.crm_object != outcome.crm_object:
        found.append(f"it would write {outcome.crm_object or 'no CRM record'}")
    for side, wanted in ((Side.MAP, expect.map), (Side.CRM, expect.crm)):
        found += _unlike(case.entry, outcome.changes[side], wanted or {})
    for what, told, wanted_words in (
        ("rejected", sorted(r.error.code for r in outcome.rejections), sorted(case.rejected)),
        ("conflicts", sorted(c.map_field for c in outcome.conflicts), sorted(case.conflicts)),
    ):
        if told != wanted_words:
            found.append(f"`{what}` would be [{', '.join(told)}]")
    return found


def _unlike(entry: ObjectMapping, changes: Sequence[FieldChange], wanted: Fields) -> list[str]:
    written = {change.field: change for change in changes}
    types = {rule.key: rule.type for rule in entry.fields}
    found = []
    for name in sorted(wanted.keys() | written.keys()):
        change = written.get(name)
        if change is None:
            found.append(f"`{name}` would not be written")
        elif name not in wanted:
            found.append(f"`{name}` would be written, too, as {_shown(change.after)}")
        elif change.after != canonical(wanted[name], types[change.rule]):
            found.append(f"`{name}` would be {_shown(change.after)}")
    return found


def _refusals(case: Case, outcome: Outcome, schemas: Schemas) -> list[str]:
    """What the vendors would refuse of the outcome: options there are not, text that is too long,
    fields that a record is not created with or cannot be changed in."""
    found = []
    for side, changes in outcome.changes.items():
        name = case.entry.map_object if side is Side.MAP else outcome.crm_object
        schema = schemas.get(side, {}).get(name)
        given = case.given.map if side is Side.MAP else case.given.crm
        if schema is None:
            continue
        for change in changes:
            why = _refusal(schema.fields.get(change.field), change.after, creating=given is None)
            found += [f"{name} would refuse `{change.field}`: {why}"] if why else []
    return found


def _refusal(field: FieldSchema | None, value: Json, *, creating: bool) -> str | None:
    if field is None:
        return "there is no such field"
    if not (field.createable if creating else field.updateable):
        return "it cannot be written"
    if not isinstance(value, str):
        return None
    parts = value.split(";") if field.type == "multipicklist" else [value]
    if field.restricted and field.options and not set(parts) <= set(field.options):
        return "the value is none of its options"
    if field.length and len(value) > field.length:
        return f"it takes {field.length} characters"
    return None


def _shown(value: Json) -> str:
    return "blank" if value is None else f"`{value}`"


def _record(
    entry: ObjectMapping, side: Side, object_name: str, fields: Fields | None
) -> Record | None:
    """A record with every mapped field, blank where the case does not name it."""
    if fields is None:
        return None
    blank = dict.fromkeys(_known(entry, side, object_name))
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    ref = RecordRef(SYSTEMS[side], object_name, "1")
    return Record(ref, {**blank, **fields}, revision="1", modified_at=moment)


def _known(entry: ObjectMapping, side: Side, object_name: str) -> list[str]:
    return list(dict.fromkeys(rule_reads(entry, side, object_name)))


def _shadow(case: Case, crm_object: str) -> dict[str, tuple[Json, Json]] | None:
    if case.agreed is None:
        return None
    left, right = case.agreed.map or {}, case.agreed.crm or {}
    return {
        rule.key: (
            value_of(rule, Side.MAP, rule.map, left),
            value_of(rule, Side.CRM, rule.crm[crm_object], right),
        )
        for rule in case.entry.fields
        if crm_object in rule.crm
    }


def _case(node: Node, mapping: PairMapping, faults: Faults) -> Case | None:
    section = Section(node, faults, "a case", CASE_KEYS)
    needs = {
        "name": "Say what it shows.",
        "object": "Name the object mapping it is about, such as people.",
        "given": "Give the records, as `map: {...}` and `crm: {Lead: {...}}`.",
    }
    has = [section.need(key, fix) for key, fix in needs.items()]
    if not all(has):
        return None
    names = {entry.name: entry for entry in mapping.objects}
    wanted = section.text("object")
    if wanted not in names:
        faults.add(
            section.place("object"), f"There is no object mapping `{wanted}`.",
            suggest(wanted, names, ""), code="config.unknown_object",
        )  # fmt: skip
        return None
    entry = names[wanted]
    given, expect = section.node("given"), section.node("expect")
    if given is None:
        return None
    inner = Section(given, faults, "`given`", GIVEN_KEYS)
    agreed = inner.node("agreed")
    agreed_part = Section(agreed, faults, "`agreed`", ("map", "crm")) if agreed else None
    result = Section(expect, faults, "`expect`", EXPECT_KEYS) if expect is not None else None
    return Case(
        name=section.text("name"),
        entry=entry,
        given=_values(inner, entry),
        agreed=_values(agreed_part, entry) if agreed_part else None,
        expect=_values(result, entry) if result else Values(None, None, ""),
        rejected=tuple(text for text, _ in result.names("rejected")) if result else (),
        conflicts=tuple(text for text, _ in result.names("conflicts")) if result else (),
        at=section.place("name"),
    )


def _values(section: Section, entry: ObjectMapping) -> Values:
    """`map: {property: value}` and `crm: {Object: {field: value}}`."""
    node = section.node("map")
    left = _fields(node, entry, Side.MAP, entry.map_object, section.faults) if node else None
    objects = list(section.entries("crm"))
    for name, at, _ in objects:
        if name not in entry.crm_objects or len(objects) > 1:
            section.faults.add(
                at, f"`{name}` cannot stand here.",
                f"Give one of: {', '.join(entry.crm_objects)}.", code="config.unknown_object",
            )  # fmt: skip
    if not objects or objects[0][0] not in entry.crm_objects:
        return Values(left, None, "")
    name, _, fields = objects[0]
    return Values(left, _fields(fields, entry, Side.CRM, name, section.faults), name)


def _fields(
    node: Node, entry: ObjectMapping, side: Side, object_name: str, faults: Faults
) -> dict[str, Json]:
    if not isinstance(node.value, dict):
        wrong(faults, node, f"the fields of {object_name}", "a mapping (key: value)")
        return {}
    known = _known(entry, side, object_name)
    found: dict[str, Json] = {}
    for name, item in node.value.items():
        if name not in known:
            faults.add(
                item.at, f"No rule is about {object_name}.{name}.", suggest(name, known, ""),
                code="config.unknown_field",
            )  # fmt: skip
        if isinstance(item.node.value, dict | list):
            wrong(faults, item.node, f"`{name}`", "one value")
        else:
            plain = item.node.value
            found[name] = plain if plain is None or isinstance(plain, bool) else item.node.text
    return found
