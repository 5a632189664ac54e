"""What a changed schema does to a mapping: judged by the shipped one against made-up schemas."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from mappings.drift import Drift, DriftKind, drifts, narrowed
from mappings.fieldmap import PairMapping
from mappings.loader import load_mapping
from mappings.loading import Schemas
from mappings.ports import FieldSchema, ObjectSchema
from mappings.records import Side
from mappings.required_fields import CRM_KEY, EVENT_KEY, activity_writes, fields_to_read


@pytest.fixture(scope="module")
def mapping() -> PairMapping:
    """The mapping Leadloop ships."""
    return load_mapping(Path(str(resources.files("mappings"))) / "presets/hubspot-salesforce.yaml")


@pytest.fixture(scope="module")
def whole(mapping: PairMapping) -> Schemas:
    """Both vendors with every field the mapping needs, as text."""
    needed = {side: dict(objects) for side, objects in fields_to_read(mapping).items()}
    for name, written in activity_writes(mapping).items():
        needed[Side.CRM][name] = (*needed[Side.CRM].get(name, ()), *written, EVENT_KEY)
    return {
        side: {
            name: ObjectSchema(name, {f: FieldSchema(f, f"Label of {f}", "text") for f in fields})
            for name, fields in objects.items()
        }
        for side, objects in needed.items()
    }


def changed(
    schemas: Schemas,
    side: Side,
    object_name: str,
    *,
    without: str = "",
    new: FieldSchema | None = None,
) -> Schemas:
    """The schemas with one field taken away and one put in."""
    old = schemas[side][object_name]
    fields = {name: field for name, field in old.fields.items() if name != without}
    if new is not None:
        fields[new.name] = new
    return {**schemas, side: {**schemas[side], object_name: replace(old, fields=fields)}}


def one(found: tuple[Drift, ...]) -> Drift:
    """The only drift there is."""
    (drift,) = found
    return drift


def test_what_is_as_it_was_has_not_drifted(mapping: PairMapping, whole: Schemas) -> None:
    """No drift, and no rule rests, whether or not anything was described before."""
    assert drifts(mapping, whole, whole) == drifts(mapping, whole, {}) == ()
    assert narrowed(mapping, whole, ()) == mapping


def test_objects_nobody_could_describe_are_not_judged(mapping: PairMapping) -> None:
    """A side that did not answer has lost nothing."""
    assert drifts(mapping, {}, {}) == ()


def test_a_removed_field_rests_in_its_object_alone(mapping: PairMapping, whole: Schemas) -> None:
    """A title gone from Lead parks its rule for Leads, names its line, and nothing else."""
    now = changed(whole, Side.CRM, "Lead", without="Title")
    drift = one(drifts(mapping, now, whole))
    (rule,) = [r for r in mapping.objects[0].fields if r.crm.get("Lead") == "Title"]
    assert (drift.kind, drift.at[0], drift.rules) == (
        DriftKind.REMOVED,
        str(rule.at),
        (rule.key,),
    )
    rests = [r for r in narrowed(mapping, now, [drift]).objects[0].fields if r.parked]
    assert [(r.map, r.parked, r.key) for r in rests] == [(rule.map, frozenset({"Lead"}), rule.key)]
    assert not drift.stops_creating
    assert not drift.stops_matching


def test_a_renamed_field_names_the_one_that_looks_like_it(
    mapping: PairMapping, whole: Schemas
) -> None:
    """A new field with the label of the lost one is offered; the rule rests until a person says."""
    twin = FieldSchema("Job__c", "Label of Title", "text")
    drift = one(drifts(mapping, changed(whole, Side.CRM, "Lead", without="Title", new=twin), whole))
    assert (drift.kind, drift.now) == (DriftKind.RENAMED, "Job__c")
    assert "Job__c" in drift.remedy
    assert len(drift.rules) == 1


@pytest.mark.parametrize(("type_", "rests"), [("number", True), ("url", False), ("date", True)])
def test_a_retyped_field_rests_where_the_values_do_not_fit(
    mapping: PairMapping, whole: Schemas, type_: str, rests: bool
) -> None:
    """Text that became a number or a date is no place for titles; another kind of text is."""
    new = FieldSchema("Title", "Label of Title", type_)
    found = drifts(mapping, changed(whole, Side.CRM, "Lead", new=new), whole)
    assert [(d.kind, d.before, d.now) for d in found] == [
        (DriftKind.RETYPED, "text", type_) for _ in range(rests)
    ]


def test_a_field_that_may_no_longer_be_written_rests(mapping: PairMapping, whole: Schemas) -> None:
    """A permission that was taken away is a drift; one that never was there is not."""
    closed = FieldSchema("Title", "Label of Title", "text", createable=False, updateable=False)
    now = changed(whole, Side.CRM, "Lead", new=closed)
    assert one(drifts(mapping, now, whole)).kind is DriftKind.READ_ONLY
    assert drifts(mapping, now, now) == ()


def test_a_demanded_field_without_a_value_is_told(mapping: PairMapping, whole: Schemas) -> None:
    """A new record must have it and no rule promises it: no rule rests because of that."""
    wanted = FieldSchema("Region__c", "Region", "text", required=True)
    drift = one(drifts(mapping, changed(whole, Side.CRM, "Lead", new=wanted), whole))
    assert (drift.kind, drift.field, drift.rules) == (DriftKind.REQUIRED, "Region__c", ())


def test_an_option_that_is_gone_is_named_and_refused_by_value(
    mapping: PairMapping, whole: Schemas
) -> None:
    """The rule goes on for the options that are left; what it takes is in the rule."""
    before = FieldSchema("Title", "T", "picklist", options=("CTO", "CEO"), restricted=True)
    after = replace(before, options=("CEO",))
    now = changed(whole, Side.CRM, "Lead", new=after)
    drift = one(drifts(mapping, now, changed(whole, Side.CRM, "Lead", new=before)))
    assert (drift.kind, drift.before, drift.rules) == (DriftKind.OPTIONS, "CTO", ())
    (rule,) = [
        r for r in narrowed(mapping, now, [drift]).objects[0].fields if r.crm.get("Lead") == "Title"
    ]
    assert rule.options == {Side.CRM: frozenset({"CEO"})}
    assert not rule.parked


def test_the_shortest_length_counts(mapping: PairMapping, whole: Schemas) -> None:
    """A length the vendor describes is kept to, like one in the file."""
    short = FieldSchema("Title", "T", "text", length=40)
    now = changed(whole, Side.CRM, "Lead", new=short)
    (rule,) = [
        r for r in narrowed(mapping, now, ()).objects[0].fields if r.crm.get("Lead") == "Title"
    ]
    assert rule.max_length == 40


@pytest.mark.parametrize(
    ("side", "object_name", "field"), [(Side.CRM, "Lead", "Email"), (Side.MAP, "contacts", "email")]
)
def test_without_addresses_nobody_is_matched(
    mapping: PairMapping, whole: Schemas, side: Side, object_name: str, field: str
) -> None:
    """An address that cannot be read any more would make everybody look new (law 1)."""
    found = drifts(mapping, changed(whole, side, object_name, without=field), whole)
    assert one(found).stops_matching


def test_without_its_key_no_record_is_made(mapping: PairMapping, whole: Schemas) -> None:
    """A record without Leadloop's key could be made twice: none is made (law 1)."""
    now = changed(whole, Side.CRM, "Lead", without=CRM_KEY)
    drift = one(drifts(mapping, now, whole))
    assert drift.stops_creating
    assert narrowed(mapping, now, [drift]).objects[0].create_crm is None


def test_person_accounts_are_refused(mapping: PairMapping, whole: Schemas) -> None:
    """Where a person may be an Account and a Contact at once nobody is matched, and it is said."""
    now = changed(whole, Side.CRM, "Contact", new=FieldSchema("IsPersonAccount", "P", "boolean"))
    drift = one(drifts(mapping, now, whole))
    assert (drift.kind, drift.stops_matching) == (DriftKind.PERSON_ACCOUNTS, True)
    assert "person accounts" in drift.what


def test_options_kept_elsewhere_are_not_missed(mapping: PairMapping, whole: Schemas) -> None:
    """HubSpot describes deal stages without options, for those stand in the pipelines."""
    stage = FieldSchema("dealstage", "Stage", "picklist", restricted=True)
    assert drifts(mapping, changed(whole, Side.MAP, "deals", new=stage), whole) == ()
