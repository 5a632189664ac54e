"""CRM objects of the HubSpot sandbox, through the vendor's SDK and over bare HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hubspot import HubSpot
from hubspot.crm.contacts import (
    BatchInputSimplePublicObjectBatchInputForCreate,
    PublicMergeInput,
    PublicObjectSearchRequest,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.contacts.exceptions import ApiException

from tests.sandbox.hubspot_server import TOKEN, Hub, served

CONTACTS = "/crm/v3/objects/contacts"
UNIQUE = {
    "name": "leadloop_key",
    "label": "Key",
    "type": "string",
    "fieldType": "text",
    "groupName": "contactinformation",
    "hasUniqueValue": True,
}


@pytest.fixture
def hub() -> Iterator[Hub]:
    """An account without search lag."""
    with served() as running:
        yield running


def contact(hub: Hub, email: str, **more: str) -> str:
    """A contact made over HTTP; its id."""
    body = {"properties": {"email": email, **more}}
    return str(hub.post(CONTACTS, body, 201)["id"])


def test_sdk_creates_finds_and_merges(hub: Hub) -> None:
    """The vendor's own client creates, searches, batch-creates and merges unmodified."""
    api = HubSpot(access_token=TOKEN, host=hub.url, base_url=hub.url).crm.contacts
    made = api.basic_api.create(
        simple_public_object_input_for_create=SimplePublicObjectInputForCreate(
            properties={"email": "Ada+a@demo.example", "firstname": "Ada"}
        )
    )
    assert made.properties["email"] == "ada+a@demo.example"
    batch = api.batch_api.create(
        batch_input_simple_public_object_batch_input_for_create=(
            BatchInputSimplePublicObjectBatchInputForCreate(
                inputs=[{"properties": {"email": f"p{n}@demo.example"}} for n in range(20)]
            )
        )
    )
    assert len(batch.results) == 20
    wanted = {"propertyName": "email", "operator": "EQ", "value": "p3@demo.example"}
    found = api.search_api.do_search(
        public_object_search_request=PublicObjectSearchRequest(
            filter_groups=[{"filters": [wanted]}], properties=["email"], limit=5
        )
    )
    assert found.total == 1
    merged = api.basic_api.merge(
        public_merge_input=PublicMergeInput(
            primary_object_id=made.id, object_id_to_merge=found.results[0].id
        )
    )
    read = api.basic_api.get_by_id(found.results[0].id, properties=["hs_additional_emails"])
    assert read.id == merged.id
    assert read.properties["hs_additional_emails"] == "p3@demo.example"
    with pytest.raises(ApiException) as caught:
        api.basic_api.get_by_id("999999999")
    assert caught.value.status == 404


def test_batch_results_are_shuffled(hub: Hub) -> None:
    """A batch answers in another order than it was asked, as 15 of 16 recorded ones did."""
    inputs = [{"properties": {"email": f"p{n}@demo.example"}} for n in range(30)]
    body = hub.post(f"{CONTACTS}/batch/create", {"inputs": inputs}, 201)
    emails = [each["properties"]["email"] for each in body["results"]]
    assert sorted(emails) == sorted(each["properties"]["email"] for each in inputs)
    assert emails != [each["properties"]["email"] for each in inputs]


def test_duplicate_email_is_refused_on_create_and_update(hub: Hub) -> None:
    """One address belongs to one contact: 409 names the other, whatever the letters' case."""
    first = contact(hub, "one@demo.example")
    second = contact(hub, "two@demo.example")
    answer = hub.call("POST", CONTACTS, {"properties": {"email": "ONE@demo.example"}})
    assert (answer.status_code, answer.json()["category"]) == (409, "CONFLICT")
    assert answer.json()["message"] == f"Contact already exists. Existing ID: {first}"
    change = {"properties": {"email": "one@demo.example"}}
    assert hub.call("PATCH", f"{CONTACTS}/{second}", change).status_code == 409


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("no_such_property", "x", "PROPERTY_DOESNT_EXIST"),
        ("hs_lead_status", "new", "INVALID_OPTION"),
        ("closedate", "soon", "INVALID_DATE"),
        ("hs_email_optout", "true", "READ_ONLY_VALUE"),
        ("email", "not an address", "INVALID_EMAIL"),
        ("hubspot_owner_id", "12", "INVALID_OPTION"),
    ],
)
def test_bad_values_are_refused(hub: Hub, name: str, value: str, code: str) -> None:
    """A value HubSpot would not store is a 400 VALIDATION_ERROR whose message embeds the code."""
    answer = hub.call("POST", CONTACTS, {"properties": {name: value}})
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    listed = json.loads(answer.json()["message"].removeprefix("Property values were not valid: "))
    assert [(each["name"], each["error"]) for each in listed] == [(name, code)]


def test_values_are_strings_and_empty_ones_null(hub: Hub) -> None:
    """Numbers come back as strings, never-set properties as null, unknown ones not at all."""
    deal = {"dealname": "D", "amount": 12.5, "dealstage": "closedwon", "closedate": 1772409600000}
    made = hub.post("/crm/v3/objects/deals", {"properties": deal}, 201)
    read = hub.get(
        f"/crm/v3/objects/deals/{made['id']}",
        properties="amount,hs_is_closed_won,closedate,description,nonsense",
    )
    assert read["properties"]["amount"] == "12.5"
    assert read["properties"]["hs_is_closed_won"] == "true"
    assert read["properties"]["closedate"] == "2026-03-02T00:00:00Z"
    assert read["properties"]["description"] is None
    assert "nonsense" not in read["properties"]


def test_lifecycle_goes_forward_only(hub: Hub) -> None:
    """A step back answers 200 and changes nothing, until the stage is cleared first."""
    one = contact(hub, "one@demo.example", lifecyclestage="opportunity")
    back = hub.call("PATCH", f"{CONTACTS}/{one}", {"properties": {"lifecyclestage": "lead"}})
    assert back.status_code == 200
    assert hub.account.get("contacts", one)["lifecyclestage"] == "opportunity"
    for value in ("", "lead"):
        hub.call("PATCH", f"{CONTACTS}/{one}", {"properties": {"lifecyclestage": value}})
    assert hub.account.get("contacts", one)["lifecyclestage"] == "lead"


def test_arrays_repeat_or_use_commas(hub: Hub) -> None:
    """properties=a&properties=b and properties=a,b mean the same."""
    one = contact(hub, "one@demo.example", city="Basel")
    repeated = hub.get(f"{CONTACTS}/{one}", properties=["city", "country"])
    assert repeated == hub.get(f"{CONTACTS}/{one}", properties="city,country")


def test_dated_paths_are_the_same_api(hub: Hub) -> None:
    """The 2026-03 paths answer as the v3 ones do."""
    one = contact(hub, "one@demo.example")
    for old, new in (
        (f"{CONTACTS}/{one}", f"/crm/objects/2026-03/0-1/{one}"),
        ("/crm/v3/properties/contacts/email", "/crm/properties/2026-03/CONTACT/email"),
        ("/crm/v3/pipelines/deals", "/crm/pipelines/2026-03/deals"),
    ):
        assert hub.get(old) == hub.get(new)


def test_archiving_keeps_the_modified_date(hub: Hub) -> None:
    """An archived record leaves the live list for the archived one with its old date."""
    one = contact(hub, "one@demo.example")
    before = hub.get(f"{CONTACTS}/{one}")["updatedAt"]
    hub.account.clock.move(60)
    assert hub.call("DELETE", f"{CONTACTS}/{one}").status_code == 204
    assert hub.get(CONTACTS)["results"] == []
    [gone] = hub.get(CONTACTS, archived="True")["results"]
    assert (gone["id"], gone["archived"], gone["updatedAt"]) == (one, True, before)
    assert hub.call("GET", f"{CONTACTS}/{one}").status_code == 404


def test_list_pages_by_id(hub: Hub) -> None:
    """Following `after` gives every record once; the last page has no paging."""
    made = [contact(hub, f"p{n}@demo.example") for n in range(7)]
    seen: list[str] = []
    after = "0"
    while after:
        page = hub.get(CONTACTS, limit=3, after=after)
        seen += [each["id"] for each in page["results"]]
        after = page.get("paging", {}).get("next", {}).get("after", "")
    assert seen == made


def test_history_is_newest_first(hub: Hub) -> None:
    """A property's history lists every value with its source, newest first."""
    one = hub.account.create("contacts", {"email": "h@demo.example", "city": "Bern"})
    hub.account.clock.move(5)
    hub.call("PATCH", f"{CONTACTS}/{one}", {"properties": {"city": "Basel"}})
    read = hub.get(f"{CONTACTS}/{one}", propertiesWithHistory="city")
    versions = read["propertiesWithHistory"]["city"]
    assert [(each["value"], each["sourceType"]) for each in versions] == [
        ("Basel", "INTEGRATION"),
        ("Bern", "CRM_UI"),
    ]


def test_create_without_trace_ids_is_all_or_nothing(hub: Hub) -> None:
    """One bad input spoils a batch create, unless each input has its own objectWriteTraceId."""
    good = {"properties": {"email": "good@demo.example"}}
    bad = {"properties": {"email": "bad"}}
    answer = hub.call("POST", f"{CONTACTS}/batch/create", {"inputs": [good, bad]})
    assert answer.status_code == 400
    assert hub.account.find_contact("good@demo.example") is None
    traced = [{**good, "objectWriteTraceId": "a"}, {**bad, "objectWriteTraceId": "b"}]
    body = hub.post(f"{CONTACTS}/batch/create", {"inputs": traced}, 207)
    assert body["numErrors"] == 1
    assert body["errors"][0]["context"]["objectWriteTraceId"] == ["b"]
    assert hub.account.find_contact("good@demo.example") is not None


def test_upsert_by_email_fails_whole_by_unique_property_in_part(hub: Hub) -> None:
    """idProperty=email is all or nothing, a custom unique property allows partial success."""
    hub.post("/crm/v3/properties/contacts", UNIQUE, 201)

    def inputs(name: str) -> dict[str, object]:
        values = [("k1@demo.example", "Basel"), ("k2@demo.example", "x" * 70_000)]
        return {
            "inputs": [
                {"id": key, "idProperty": name, "properties": {"city": city}}
                for key, city in values
            ]
        }

    whole = hub.call("POST", f"{CONTACTS}/batch/upsert", inputs("email"))
    assert whole.status_code == 400
    assert list(hub.account.ids("contacts")) == []
    part = hub.post(f"{CONTACTS}/batch/upsert", inputs("leadloop_key"), 207)
    assert [each["new"] for each in part["results"]] == [True]
    again = hub.post(
        f"{CONTACTS}/batch/upsert",
        {"inputs": [{"id": "k1@demo.example", "idProperty": "leadloop_key", "properties": {}}]},
    )
    assert [each["new"] for each in again["results"]] == [False]


def test_unique_property_holds_one_value_once(hub: Hub) -> None:
    """A value of a hasUniqueValue property on another record is refused, and is an idProperty."""
    hub.post("/crm/v3/properties/contacts", UNIQUE, 201)
    one = contact(hub, "one@demo.example", leadloop_key="K-1")
    body = {"properties": {"email": "two@demo.example", "leadloop_key": "K-1"}}
    assert hub.call("POST", CONTACTS, body).status_code == 400
    assert hub.get(f"{CONTACTS}/K-1", idProperty="leadloop_key")["id"] == one
    found = hub.post(
        f"{CONTACTS}/batch/read", {"inputs": [{"id": "K-1"}], "idProperty": "leadloop_key"}
    )
    assert [each["id"] for each in found["results"]] == [one]


@pytest.mark.parametrize("fresh", [True, False])
def test_merged_ids_resolve_in_single_calls_only(hub: Hub, fresh: bool) -> None:
    """After a merge old ids read as the survivor, new id or not, and fail in batch updates."""
    hub.account.writer.merge_mints_new_id = fresh
    one, two = contact(hub, "one@demo.example"), contact(hub, "two@demo.example", city="Bern")
    body = hub.post(f"{CONTACTS}/merge", {"primaryObjectId": one, "objectIdToMerge": two})
    assert (body["id"] not in {one, two}) is fresh
    assert hub.get(f"{CONTACTS}/{two}", properties="city")["properties"]["city"] == "Bern"
    assert hub.get(f"{CONTACTS}/{two}")["id"] == body["id"]
    change = {"inputs": [{"id": two, "properties": {"city": "Basel"}}]}
    failed = hub.post(f"{CONTACTS}/batch/update", change, 207)
    assert failed["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert list(hub.account.ids("contacts")) == [body["id"]]
    assert hub.account.find_contact("two@demo.example") == body["id"]


def test_gdpr_delete_is_permanent_yet_the_address_may_return(hub: Hub) -> None:
    """An erased contact is in no list, and the same address can be created again."""
    contact(hub, "one@demo.example")
    erase = {"objectId": "one@demo.example", "idProperty": "email"}
    hub.post(f"{CONTACTS}/gdpr-delete", erase, 204)
    assert hub.get(CONTACTS)["results"] == hub.get(CONTACTS, archived="true")["results"] == []
    assert contact(hub, "one@demo.example")


def test_associations_in_both_directions(hub: Hub) -> None:
    """A default association is seen from both ends, in v4 lists, batch reads and object reads."""
    one = contact(hub, "one@demo.example")
    body = {"properties": {"name": "Acme", "domain": "acme.example"}}
    company = hub.post("/crm/v3/objects/companies", body, 201)
    assert company["properties"]["website"] == "acme.example"
    put = f"/crm/v4/objects/contacts/{one}/associations/default/companies/{company['id']}"
    assert hub.call("PUT", put).status_code == 200
    back = hub.get(f"/crm/v4/objects/companies/{company['id']}/associations/contacts")
    assert back["results"][0]["toObjectId"] == int(one)
    types = {each["typeId"] for each in back["results"][0]["associationTypes"]}
    assert types == {280, 2}
    read = hub.get(f"{CONTACTS}/{one}", associations="companies")
    assert [e["id"] for e in read["associations"]["companies"]["results"]] == [company["id"]]
    found = hub.post(
        "/crm/v4/associations/contacts/companies/batch/read", {"inputs": [{"id": one}]}
    )
    assert found["results"][0]["from"]["id"] == one


def test_batch_create_associates(hub: Hub) -> None:
    """A batch create makes the associations its inputs ask for, or refuses the input."""
    company = hub.account.create("companies", {"name": "Acme"})
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}
    one = {"properties": {"email": "one@demo.example"},
           "associations": [{"to": {"id": company}, "types": [kind]}]}  # fmt: skip
    made = hub.post(f"{CONTACTS}/batch/create", {"inputs": [one]}, 201)["results"][0]["id"]
    ends = hub.get(f"/crm/v4/objects/contacts/{made}/associations/companies")["results"]
    assert [each["toObjectId"] for each in ends] == [int(company)]
    lost = {**one, "associations": [{"to": {"id": "1"}, "types": [kind]}],
            "properties": {"email": "two@demo.example"}}  # fmt: skip
    assert hub.call("POST", f"{CONTACTS}/batch/create", {"inputs": [lost]}).status_code == 404
    assert hub.account.find_contact("two@demo.example") is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CONTACTS, []),
        (CONTACTS, {"properties": "email"}),
        (f"{CONTACTS}/batch/read", {"inputs": [1]}),
        (f"{CONTACTS}/batch/create", {"inputs": [{}] * 101}),
        (f"{CONTACTS}/search", {"filterGroups": [1]}),
        (f"{CONTACTS}/search", {"sorts": {"a": 1}}),
        ("/crm/v3/properties/contacts", {**UNIQUE, "options": [1]}),
        ("/crm/v3/schemas", {"name": "o", "labels": {}, "properties": [1]}),
        ("/marketing/v3/forms/", {"name": "F", "fieldGroups": [1]}),
        ("/crm/v4/associations/contacts/companies/batch/create", {"inputs": [{"from": 1}]}),
        ("/communication-preferences/v3/subscribe", {"emailAddress": 1}),
    ],
)
def test_malformed_bodies_are_refused(hub: Hub, path: str, body: object) -> None:
    """A body of the wrong shape is a 400 in the vendor's form, never a crash."""
    answer = hub.call("POST", path, body)
    assert (answer.status_code, answer.json()["status"]) == (400, "error")
    assert answer.json()["message"]


def test_property_life(hub: Hub) -> None:
    """A property is created once, changed, archived; its uniqueness never changes."""
    path = "/crm/v3/properties/contacts"
    hub.post(path, UNIQUE, 201)
    assert hub.call("POST", path, UNIQUE).status_code == 409
    change = {"label": "Other", "hasUniqueValue": False}
    changed = hub.call("PATCH", f"{path}/leadloop_key", change).json()
    assert (changed["label"], changed["hasUniqueValue"]) == ("Other", True)
    assert hub.call("DELETE", f"{path}/leadloop_key").status_code == 204
    assert hub.call("GET", f"{path}/leadloop_key").status_code == 404
    assert hub.call("DELETE", f"{path}/email").status_code == 400


def test_tasks_need_a_timestamp(hub: Hub) -> None:
    """A task without hs_timestamp is refused; a completed one gets its completion date."""
    path = "/crm/v3/objects/0-27"
    task = {"hs_task_subject": "Call", "hs_task_status": "COMPLETED"}
    assert hub.call("POST", path, {"properties": task}).status_code == 400
    made = hub.post(path, {"properties": {**task, "hs_timestamp": "2026-03-02T09:00:00Z"}}, 201)
    values = hub.account.get("tasks", made["id"])
    assert values["hs_task_completion_date"]
