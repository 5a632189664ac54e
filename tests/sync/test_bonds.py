"""The fields of one pair of records: what is written, agreed, expected, refused."""

from __future__ import annotations

from mappings.fieldmap import ObjectMapping
from mappings.records import Json, Record, Side
from sync.bonds import BondPlan, plan_bond, plan_creation
from tests.sync.simulation import record
from tests.sync.world import preset

PEOPLE: ObjectMapping = preset().object("people")
SYSTEMS = {Side.MAP: "hubspot", Side.CRM: "salesforce"}
TITLE = next(rule.key for rule in PEOPLE.fields if rule.map == "jobtitle")
SOURCE = next(rule.key for rule in PEOPLE.fields if rule.map == "hs_analytics_source")


def contact(**fields: Json) -> Record:
    """A MAP contact."""
    return record(preset(), Side.MAP, "contacts", "1", **fields)


def lead(**fields: Json) -> Record:
    """A Lead."""
    return record(preset(), Side.CRM, "Lead", "00Q1", **fields)


def planned(left: Record, right: Record, **shadow: tuple[Json, Json]) -> BondPlan:
    """The plan of a pair; the shadow by MAP field."""
    keys = {rule.map: rule.key for rule in PEOPLE.fields}
    agreed = {keys[name]: pair for name, pair in shadow.items()}
    return plan_bond(PEOPLE, left, right, agreed or None, systems=SYSTEMS)


def test_a_change_is_written_with_its_before_image_and_what_is_then_agreed() -> None:
    """The write, the note of the change, and the shadow that becomes true with it."""
    plan = planned(contact(jobtitle="Poet"), lead(Title="Clerk"), jobtitle=("Clerk", "Clerk"))
    assert plan.writes[Side.CRM] == {"Title": "Poet"}
    assert plan.writes[Side.MAP] == {}
    (change,) = plan.changes[Side.CRM]
    assert (change.field, change.before, change.after, change.rule) == (
        "Title",
        "Clerk",
        "Poet",
        TITLE,
    )
    assert plan.expected[Side.CRM] == {TITLE: ("Poet", "Poet", "Title")}
    assert TITLE not in plan.agreed
    assert plan.reasons[TITLE] == "changed_in_map"


def test_each_rule_ends_as_exactly_one_thing() -> None:
    """A field that both records have is agreed, written or refused, never two of these."""
    plan = planned(
        contact(jobtitle="Poet", phone="+442079460000", address="x" * 300, firstname="Ada"),
        lead(Title="Clerk", Phone=None, FirstName="Augusta", City="London"),
    )
    groups = [set(plan.agreed), set(plan.expected[Side.MAP]), set(plan.expected[Side.CRM])]
    refused = {"address"}
    applies = {rule.key for rule in PEOPLE.fields if "Lead" in rule.crm}
    refused_keys = {rule.key for rule in PEOPLE.fields if rule.map in refused}
    assert groups[0] | groups[1] | groups[2] | refused_keys == applies
    assert sum(map(len, groups)) + len(refused_keys) == len(applies)
    assert [r.error.code for r in plan.rejections] == ["value.too_long"]
    assert (plan.rejections[0].object, plan.rejections[0].record_id) == ("Lead", "00Q1")


def test_values_go_in_each_vendors_own_spelling() -> None:
    """Strings to HubSpot; picklist values through the table to Salesforce, never back."""
    plan = planned(contact(hs_analytics_source="REFERRALS"), lead(City="London"))
    assert plan.writes[Side.CRM]["LeadSource"] == "Partner Referral"
    assert plan.writes[Side.MAP] == {"city": "London"}
    plan = planned(contact(), lead(LeadSource="Web"))
    assert plan.writes[Side.MAP] == {}
    assert plan.agreed[SOURCE] == (None, "Web")


def test_fields_a_record_does_not_show_are_left_alone() -> None:
    """A field that was not read is unknown, not blank: nothing is decided about it."""
    hidden = lead()
    shown = Record(hidden.ref, {"FirstName": "Ada"}, "r0", hidden.modified_at)
    plan = planned(contact(jobtitle="Poet", firstname="Ada"), shown)
    assert plan.writes[Side.CRM] == {}
    assert set(plan.reasons) == {rule.key for rule in PEOPLE.fields if rule.map == "firstname"}


def test_a_rule_for_another_object_does_not_apply() -> None:
    """Company is a Lead's field; a Contact has an Account."""
    person = record(preset(), Side.CRM, "Contact", "0031")
    plan = planned(contact(company="Byron Ltd", jobtitle="Poet"), person)
    assert plan.writes[Side.CRM] == {"Title": "Poet"}


def test_a_creation_takes_defaults_and_leaves_blanks_out() -> None:
    """What Salesforce requires is there, what is unknown is not sent, what is too long is told."""
    creation = plan_creation(
        PEOPLE,
        contact(email="ada@example.com", address="x" * 300),
        to=Side.CRM,
        object_name="Lead",
        system="salesforce",
    )
    assert creation.fields == {
        "Email": "ada@example.com",
        "LastName": "[not provided]",
        "Company": "[not provided]",
    }
    assert [change.before for change in creation.changes] == [None] * 3
    assert [r.error.code for r in creation.rejections] == ["value.too_long"]
    company = next(rule.key for rule in PEOPLE.fields if rule.map == "company")
    assert creation.expected[company] == (None, "[not provided]", "Company")


def test_a_creation_in_the_map_follows_directions_back() -> None:
    """Only what may flow to the MAP is taken from the CRM record."""
    creation = plan_creation(
        PEOPLE,
        lead(Title="Clerk", LeadSource="Web", Company="[not provided]"),
        to=Side.MAP,
        object_name="contacts",
        system="hubspot",
    )
    assert creation.fields == {"jobtitle": "Clerk"}


def test_a_field_can_be_taken_out_of_a_plan_with_all_that_belongs_to_it() -> None:
    """An address another contact has is left alone; the other fields go as planned."""
    plan = planned(contact(), lead(Email="ada@example-byron.com", City="London"))
    assert plan.writes[Side.MAP] == {"email": "ada@example-byron.com", "city": "London"}
    spared = plan.without(Side.MAP, "email")
    assert spared.writes[Side.MAP] == {"city": "London"}
    assert [change.field for change in spared.changes[Side.MAP]] == ["city"]
    assert {value[2] for value in spared.expected[Side.MAP].values()} == {"city"}
    assert "taken_elsewhere" in spared.reasons.values()
    assert spared.writes[Side.CRM] == plan.writes[Side.CRM]


def test_a_placeholder_address_is_a_blank() -> None:
    """It replaces nothing, is replaced by a real address, and travels nowhere."""
    plan = planned(contact(email="ada@example-byron.com"), lead(Email="na@na.com"))
    assert plan.writes[Side.CRM] == {"Email": "ada@example-byron.com"}
    assert planned(contact(), lead(Email="test@test.com")).writes[Side.MAP] == {}
