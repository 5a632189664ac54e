"""Planning a person: complete, repeatable, and silent once carried out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mappings.fieldmap import ActivityForm, CreateRule, PairMapping
from mappings.ports import Lane
from mappings.records import Event, EventKind, Json, Operation, Record, Side
from mappings.required_fields import CRM_KEY, EVENT_KEY, MAP_KEY
from state.events import StoredEvent
from sync.intents import event_key
from sync.plan_people import plan_person
from sync.views import EntityView, Rules
from tests.sync.simulation import AT, after, record, view_of
from tests.sync.world import preset

ROUNDS = 2
"""Plans a person needs at most: one, and the follow-up of a creation."""

RULES = Rules(preset(), "hubspot", "salesforce", "hubspot-1:salesforce-1")
WORDS = [None, "", " ", "Ada", "ada", "Zoë", "[not provided]", "x" * 300, "a\r\nb", "Web", "7"]
PHONES = [None, "", "+44 20 7946 0000", "+442079460000", "n/a", "020 7946 0000"]
MAP_FIELDS = [rule.map for rule in preset().object("people").fields]
flags = st.sampled_from([None, False, True])


@st.composite
def contacts(draw: st.DrawFn, record_id: str) -> Record:
    """A MAP contact with any values."""
    fields: dict[str, Json] = {
        name: draw(st.sampled_from(PHONES if "phone" in name else WORDS)) for name in MAP_FIELDS
    }
    fields["email"] = draw(st.sampled_from([None, "ada@example.com", "no address"]))
    fields["hs_email_optout"] = draw(st.sampled_from([None, "false", "true"]))
    fields[MAP_KEY] = draw(st.sampled_from([None, "e1", "another"]))
    return record(preset(), Side.MAP, "contacts", record_id, **fields)


@st.composite
def people_in_crm(draw: st.DrawFn, object_name: str, record_id: str) -> Record:
    """A Lead or Contact with any values."""
    fields: dict[str, Json] = {
        rule.crm[object_name]: draw(st.sampled_from(PHONES if "hone" in rule.map else WORDS))
        for rule in preset().object("people").fields
        if object_name in rule.crm
    }
    fields["Email"] = draw(st.sampled_from([None, "ada@example.com", "ada@other.example.com"]))
    fields["HasOptedOutOfEmail"] = draw(flags)
    fields[CRM_KEY] = draw(st.sampled_from([None, "e1"]))
    return record(preset(), Side.CRM, object_name, record_id, **fields)


@st.composite
def stored_events(draw: st.DrawFn) -> tuple[StoredEvent, ...]:
    """Up to five events of any kind."""
    kinds = draw(st.lists(st.sampled_from(EventKind), max_size=5))
    return tuple(happened(number, kind) for number, kind in enumerate(kinds, 1))


@st.composite
def views(draw: st.DrawFn) -> EntityView:
    """A person: one or two MAP contacts, up to two CRM records, events, with or without shadow."""
    own = [draw(contacts("1"))]
    if draw(st.booleans()):
        own.append(draw(contacts("2")))
    crm: list[Record] = []
    if draw(st.booleans()):
        crm.append(draw(people_in_crm("Lead", "00Q1")))
    if draw(st.booleans()):
        crm.append(draw(people_in_crm("Contact", "0031")))
    shadow: dict[str, tuple[Json, Json]] | None = None
    agreed_before: bool = draw(st.booleans())
    if crm and agreed_before:
        shadow = {
            rule.key: (draw(st.sampled_from(WORDS[3:])), draw(st.sampled_from(WORDS[3:])))
            for rule in preset().object("people").fields[:4]
        }
    return view_of(preset(), tuple(own), tuple(crm), draw(stored_events()), shadow=shadow)


def happened(number: int, kind: EventKind = EventKind.FORM_FILL, **changes: Any) -> StoredEvent:
    """A stored event."""
    event = Event(
        "hubspot",
        kind,
        f"k{number}",
        AT + timedelta(minutes=number),
        "ada@example.com",
        "Contact us",
    )
    return StoredEvent(number, replace(event, **changes), "e1", "pending")


@given(views())
def test_what_is_planned_and_done_needs_no_second_plan(view: EntityView) -> None:
    """Law 4: after the plan is carried out, and its follow-up where something was created, there
    is nothing left to plan, whatever the records said."""
    seen: tuple[StoredEvent, ...] = ()
    for _ in range(ROUNDS):
        view, seen = after(preset(), view, plan_person(view, RULES), RULES, seen)
    final = plan_person(view, RULES)
    assert [(i.operation, i.object, i.fields) for i in final.intents] == []
    assert view.events == ()


@given(views())
def test_a_plan_is_repeatable_and_its_keys_are_unique(view: EntityView) -> None:
    """The same view gives the same intents; no two intents share a key; dependents come after
    what they wait for."""
    plan = plan_person(view, RULES)
    assert plan.intents == plan_person(view, RULES).intents
    keys = [intent.key for intent in plan.intents]
    assert len(set(keys)) == len(keys)
    for position, intent in enumerate(plan.intents):
        assert intent.depends_on is None or intent.depends_on in keys[:position]
        assert intent.reason
        assert intent.details["changes"]


@given(views())
def test_each_event_is_accounted_for_exactly_once(view: EntityView) -> None:
    """Laws 2 and 3: every event is carried by a write or has a disposition, and no Task event is
    carried twice."""
    plan = plan_person(view, RULES)
    delivered = [
        i for intent in plan.intents for i in intent.details.get("events", {}).get("delivered", ())
    ]
    carried = {
        i
        for intent in plan.intents
        for ids in intent.details.get("events", {}).values()
        for i in ids
    }
    settled = [i for ids in plan.events.values() for i in ids]
    assert len(set(delivered)) == len(delivered)
    assert len(set(settled)) == len(settled)
    assert carried | set(settled) == {stored.id for stored in view.events}
    assert not set(delivered) & set(settled)


@given(views())
def test_an_opt_out_on_any_record_reaches_every_record(view: EntityView) -> None:
    """Law 7: once anyone says no, every record that can say so is written in the first lane; and
    an opt-out is never taken back."""
    plan = plan_person(view, RULES)
    consent = {i.target_id for i in plan.intents if i.operation is Operation.OPT_OUT}
    if view.refused:
        open_map = {
            r.ref.id
            for r in view.map_records
            if r.fields["email"] and r.fields["hs_email_optout"] != "true"
        }
        open_crm = {
            r.ref.id for r in view.crm_records if r.fields["HasOptedOutOfEmail"] is not True
        }
        addressed = {
            i.target_id
            for i in plan.intents
            if i.operation is Operation.UPDATE and "email" in i.fields and i.side is Side.MAP
        }
        assert consent == open_map | open_crm | addressed
    else:
        assert consent == set()
    for intent in plan.intents:
        if intent.operation is Operation.OPT_OUT:
            assert intent.lane is Lane.CONSENT
        assert intent.fields.get("HasOptedOutOfEmail") is not False
        assert "hs_email_optout" not in intent.fields


@given(views())
def test_no_mapped_blank_overwrites(view: EntityView) -> None:
    """Law 5: the preset lets no blank replace a value, on either side."""
    for intent in plan_person(view, RULES).intents:
        for change in intent.details["changes"]:
            if ">" in change["rule"] and intent.operation is Operation.UPDATE:
                assert change["after"] not in (None, ""), change


@given(views())
def test_only_linked_records_are_written(view: EntityView) -> None:
    """Law 1: somebody who has a CRM record gets no second one; every update names a record of
    theirs."""
    plan = plan_person(view, RULES)
    ids = {r.ref.id for r in (*view.map_records, *view.crm_records)}
    created = [i for i in plan.intents if i.operation is Operation.CREATE and i.object != "Task"]
    assert len(created) == (0 if view.crm_records else 1)
    for intent in plan.intents:
        if intent.operation is not Operation.CREATE:
            assert intent.target_id in ids


@given(views(), st.randoms(use_true_random=False))
def test_the_order_of_events_decides_nothing(view: EntityView, random: Any) -> None:
    """Shuffled events give the same writes."""
    shuffled = list(view.events)
    random.shuffle(shuffled)
    one = plan_person(view, RULES)
    two = plan_person(replace(view, events=tuple(shuffled)), RULES)
    assert sorted(i.key for i in one.intents) == sorted(i.key for i in two.intents)


def ada(**fields: Json) -> Record:
    """A MAP contact."""
    named = {"firstname": "Ada", "lastname": "Byron", "email": "ada@example.com"}
    return record(preset(), Side.MAP, "contacts", "1", **{**named, **fields})


def lead(**fields: Json) -> Record:
    """Her Lead."""
    named = {"FirstName": "Ada", "LastName": "Byron", "Email": "ada@example.com", CRM_KEY: "e1"}
    return record(preset(), Side.CRM, "Lead", "00Q1", **{**named, **fields})


def test_a_new_person_becomes_a_lead_with_what_salesforce_requires() -> None:
    """The creation goes through the link key, carries defaults, and their Task waits for it."""
    view = view_of(preset(), (ada(lastname=None),), (), (happened(1),))
    plan = plan_person(view, RULES)
    create, *rest = plan.intents
    assert (create.operation, create.object) == (Operation.CREATE, "Lead")
    assert (create.external_field, create.external_value) == (CRM_KEY, "e1")
    assert create.fields["LastName"] == create.fields["Company"] == "[not provided]"
    (task,) = [intent for intent in rest if intent.object == "Task"]
    assert task.depends_on == create.key
    assert task.fields["WhoId"] == {"$id_of": create.key}
    assert (task.external_field, task.external_value) == (EVENT_KEY, event_key("hubspot", "k1"))


def test_what_somebody_becomes_goes_by_their_properties() -> None:
    """A creation policy with conditions: the record, its fields, what depends on it and the
    outcome are of the object the first condition that holds names."""
    mapping = preset()
    people = mapping.object("people")
    customers = CreateRule("Contact", 'lifecyclestage == "customer"', people.at)
    entry = replace(people, create_when=(customers,))
    others = [one for one in mapping.objects if one is not people]
    rules = replace(RULES, mapping=replace(mapping, objects=(entry, *others)))
    for stage, made in (("customer", "Contact"), ("lead", "Lead")):
        view = view_of(mapping, (ada(lifecyclestage=stage),), (), (happened(1),))
        create, *rest = plan_person(replace(view, mapping=entry), rules).intents
        assert (create.operation, create.object) == (Operation.CREATE, made)
        assert ("Company" in create.fields) is (made == "Lead")
        outcomes = [i.fields for i in rest if i.side is Side.MAP]
        assert [one.get("leadloop_crm_object") for one in outcomes] == [made]
        assert {i.depends_on for i in rest} == {create.key}


def test_nobody_is_created_against_the_rules() -> None:
    """Law 8 and the inclusion rule: neither the deleted nor the excluded are created; what became
    of their events is said."""
    view = view_of(preset(), (ada(),), (), (happened(1),))
    for refused, word in (
        (replace(view, creatable=False), "crm_deleted"),
        (replace(view, included=False), "out_of_scope"),
    ):
        plan = plan_person(refused, RULES)
        assert [i for i in plan.intents if i.operation is Operation.CREATE] == []
        assert plan.events == {word: (1,)}


def test_consent_goes_for_people_out_of_scope_too() -> None:
    """Law 7: an excluded person's opt-out is carried; their fields are not."""
    view = view_of(preset(), (ada(hs_email_optout="true", jobtitle="Poet"),), (lead(),))
    plan = plan_person(replace(view, included=False), RULES)
    assert [(i.operation, i.object) for i in plan.intents if i.side is Side.CRM] == [
        (Operation.OPT_OUT, "Lead")
    ]


def test_only_the_primary_contact_writes_fields() -> None:
    """Of two contacts of one person the first writes and is written to; both get outcomes."""
    second = replace(ada(jobtitle="Clerk"), ref=replace(ada().ref, id="2"))
    view = view_of(preset(), (ada(jobtitle="Poet"), second), (lead(),))
    writes = {i.target_id: i.fields for i in plan_person(view, RULES).intents}
    assert writes["00Q1"]["Title"] == "Poet"
    assert writes["1"][MAP_KEY] == "e1"
    assert MAP_KEY not in writes["2"]
    assert writes["1"]["leadloop_crm_id"] == writes["2"]["leadloop_crm_id"] == "00Q1"


def test_form_fills_before_go_live_make_no_task() -> None:
    """Law 13: history is baseline; what happens afterwards is a Task."""
    mapping = replace(preset(), go_live=AT + timedelta(minutes=2))
    view = view_of(preset(), (ada(),), (lead(),), (happened(1), happened(3)))
    plan = plan_person(view, replace(RULES, mapping=mapping))
    assert plan.events["baseline"] == (1,)
    tasks = [intent for intent in plan.intents if intent.object == "Task"]
    assert [task.details["events"] for task in tasks] == [{"delivered": [3]}]


def campaigns(**names: str) -> PairMapping:
    """The preset, form fills as campaign members."""
    return replace(
        preset(),
        activities={**preset().activities, EventKind.FORM_FILL: ActivityForm.CAMPAIGN_MEMBER},
        campaigns={name.replace("_", " "): campaign for name, campaign in names.items()},
    )


def test_a_campaign_has_a_person_once_however_often_they_answer() -> None:
    """Law 3: two fills of one form are one membership by its key; without a Campaign the event
    says so."""
    view = view_of(preset(), (ada(),), (lead(),), (happened(1), happened(2)))
    plan = plan_person(view, replace(RULES, mapping=campaigns(Contact_us="7011")))
    members = [intent for intent in plan.intents if intent.object == "CampaignMember"]
    assert {intent.external_value for intent in members} == {event_key("e1", "campaign:7011")}
    assert members[0].fields["LeadId"] == "00Q1"
    carried = {i for m in members for ids in m.details["events"].values() for i in ids} | {
        i for ids in plan.events.values() for i in ids
    }
    assert carried == {1, 2}
    plan = plan_person(view, replace(RULES, mapping=campaigns()))
    assert plan.events["no_campaign"] == (1, 2)


def test_an_update_carries_its_before_image() -> None:
    """Law 9: every changed field with what it replaces and the rule that asked for it."""
    view = view_of(
        preset(),
        (ada(jobtitle="Poet"),),
        (lead(Title="Clerk"),),
        shadow={"jobtitle>Contact.Title/Lead.Title": ("Clerk", "Clerk")},
    )
    (update,) = [i for i in plan_person(view, RULES).intents if i.side is Side.CRM]
    (title,) = [c for c in update.details["changes"] if c["field"] == "Title"]
    assert (title["before"], title["after"]) == ("Clerk", "Poet")
    assert title["rule"] == "jobtitle>Contact.Title/Lead.Title"
