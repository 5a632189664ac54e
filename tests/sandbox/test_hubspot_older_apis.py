"""HubSpot's older APIs over bare HTTP: contacts and lists v1, companies v2, deals and engagements
v1, forms v2, subscriptions v1. Each sees the records of the newer ones.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.hubspot_server import Hub, served

CONTACT = "/contacts/v1/contact"
LISTS = "/contacts/v1/lists"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """An account without search lag."""
    with served() as running:
        yield running


def values(**named: str) -> dict[str, list[dict[str, str]]]:
    """A v1 write of contact properties."""
    return {"properties": [{"property": name, "value": value} for name, value in named.items()]}


def test_contacts_are_created_once_and_updated(hub: Hub) -> None:
    """A create is 200, the second one 409 CONTACT_EXISTS with the vid; updates are 204."""
    made = hub.post(CONTACT, values(email="v1@demo.example", firstname="Vee"))
    vid = made["vid"]
    assert made["properties"]["firstname"]["value"] == "Vee"
    again = hub.call("POST", CONTACT, values(email="V1@demo.example"))
    assert again.status_code == 409
    assert again.json()["error"] == "CONTACT_EXISTS"
    assert again.json()["identityProfile"]["vid"] == vid
    hub.post(f"{CONTACT}/vid/{vid}/profile", values(firstname="Wee"), 204)
    hub.post(f"{CONTACT}/email/v1@demo.example/profile", values(lastname="One"), 204)
    profile = hub.get(f"{CONTACT}/vid/{vid}/profile")
    versions = profile["properties"]["firstname"]["versions"]
    assert [each["value"] for each in versions] == ["Wee", "Vee"]
    assert hub.get(f"/crm/v3/objects/contacts/{vid}")["properties"]["lastname"] == "One"


def test_create_or_update_says_which(hub: Hub) -> None:
    """CreateOrUpdate by address answers isNew once, and keeps the vid."""
    path = f"{CONTACT}/createOrUpdate/email/up@demo.example"
    first, second = hub.post(path, values(city="Ulm")), hub.post(path, values(city="Bonn"))
    assert (first["isNew"], second["isNew"]) == (True, False)
    assert first["vid"] == second["vid"]
    assert hub.account.get("contacts", str(first["vid"]))["city"] == "Bonn"


def test_a_batch_is_all_or_nothing(hub: Hub) -> None:
    """One bad contact refuses the batch with validationResults; a good batch is 202."""
    good = {"email": "b1@demo.example", **values(firstname="Bee")}
    bad = {"email": "b2@demo.example", **values(nosuch="1")}
    refused = hub.call("POST", f"{CONTACT}/batch", [good, bad])
    assert refused.status_code == 400
    assert refused.json()["validationResults"][0]["error"] == "PROPERTY_DOESNT_EXIST"
    assert "category" not in refused.json()
    assert hub.account.find_contact("b1@demo.example") is None
    assert hub.call("POST", f"{CONTACT}/batch", [good]).status_code == 202
    assert hub.account.find_contact("b1@demo.example") is not None


def test_what_is_not_there_is_404(hub: Hub) -> None:
    """Unknown vids, addresses and lists answer 404 in the older words."""
    for path in (f"{CONTACT}/vid/99/profile", f"{CONTACT}/email/no@demo.example/profile"):
        answer = hub.call("GET", path)
        assert (answer.status_code, answer.json()["message"]) == (404, "contact does not exist")
    assert hub.call("GET", f"{LISTS}/7").status_code == 404
    assert hub.call("GET", "/companies/v2/companies/99").status_code == 404
    assert hub.call("GET", "/engagements/v1/engagements/99").status_code == 404


def test_pages_of_contacts_omit_and_repeat_nobody(hub: Hub) -> None:
    """250 contacts come once through `all` by vid, and once through `recent`, newest first."""
    for number in range(250):
        hub.account.create("contacts", {"email": f"p{number}@demo.example"})
    for path, keys in (
        ("all/contacts/all", {"vidOffset": "vid-offset"}),
        ("recently_updated/contacts/recent",
         {"vidOffset": "vid-offset", "timeOffset": "time-offset"}),
    ):  # fmt: skip
        found: list[int] = []
        query: dict[str, object] = {"count": 100}
        while True:
            page = hub.get(f"{LISTS}/{path}", **query)
            found += [row["vid"] for row in page["contacts"]]
            if not page["has-more"]:
                break
            query |= {name: page[key] for name, key in keys.items()}
        assert len(found) == len(set(found)) == 250


def test_static_lists_take_vids_and_addresses(hub: Hub) -> None:
    """Members are added by vid and address, unknown ones named, and follow a merge."""
    one = hub.account.create("contacts", {"email": "l1@demo.example"})
    two = hub.account.create("contacts", {"email": "l2@demo.example"})
    made = hub.post(LISTS, {"name": "Static", "dynamic": False})
    path = f"{LISTS}/{made['listId']}"
    body = {"vids": [int(one), 99], "emails": ["l2@demo.example", "no@demo.example"]}
    added = hub.post(f"{path}/add", body)
    assert sorted(added["updated"]) == sorted([int(one), int(two)])
    assert (added["invalidVids"], added["invalidEmails"]) == ([99], ["no@demo.example"])
    assert hub.post(f"{path}/add", {"vids": [int(one)]})["discarded"] == [int(one)]
    survivor = hub.account.merge("contacts", one, two)
    members = hub.get(f"{path}/contacts/all")["contacts"]
    assert [row["vid"] for row in members] == [int(survivor)]
    assert hub.get(path)["metaData"]["size"] == 1
    assert hub.post(f"{path}/remove", {"vids": [int(survivor)]})["updated"] == [int(survivor)]
    assert hub.call("DELETE", path).status_code == 204
    assert hub.get(LISTS)["lists"] == []


def test_dynamic_lists_follow_their_filters(hub: Hub) -> None:
    """v1 filters and a v3 filter branch decide who is in; nobody is put in by hand, and what the
    sandbox cannot evaluate is refused when the list is made.
    """
    ulm = hub.account.create("contacts", {"email": "u@demo.example", "city": "Ulm"})
    hub.account.create("contacts", {"email": "b@demo.example", "city": "Bonn"})
    filters = [[{"property": "city", "operator": "EQ", "value": "Ulm"}]]
    made = hub.post(LISTS, {"name": "In Ulm", "dynamic": True, "filters": filters})
    path = f"/crm/v3/lists/{made['listId']}"
    members = hub.get(f"{path}/memberships")["results"]
    assert [row["recordId"] for row in members] == [ulm]
    hub.account.update("contacts", ulm, {"city": "Bonn"})
    assert hub.get(f"{path}/memberships")["results"] == []
    assert hub.call("PUT", f"{path}/memberships/add", [ulm]).status_code == 400
    is_bonn = {"operationType": "MULTISTRING", "operator": "IS_EQUAL_TO", "values": ["Bonn"]}
    leaf = {"filterType": "PROPERTY", "property": "city", "operation": is_bonn}
    branch = {
        "filterBranchType": "OR",
        "filterBranches": [{"filterBranchType": "AND", "filters": [leaf]}],
    }
    body = {"name": "In Bonn", "objectTypeId": "0-1", "processingType": "DYNAMIC"}
    v3 = hub.post("/crm/v3/lists", {**body, "filterBranch": branch})["list"]
    assert v3["size"] == 2
    odd = {"filterBranchType": "AND", "filters": [{"filterType": "FORM_SUBMISSION"}]}
    refused = {**body, "name": "Odd", "filterBranch": odd}
    assert hub.call("POST", "/crm/v3/lists", refused).status_code == 400
    taken = hub.call("POST", "/crm/v3/lists", {**body, "filterBranch": branch})
    assert taken.json()["subCategory"] == "ILS.DUPLICATE_LIST_NAMES"


def test_companies_and_deals_in_the_old_shape(hub: Hub) -> None:
    """v2 and v1 create, read, update and page; a company is found by its domain."""
    made = hub.post(
        "/companies/v2/companies", {"properties": [{"name": "domain", "value": "old.example"}]}
    )
    key = made["companyId"]
    changed = hub.call(
        "PUT", f"/companies/v2/companies/{key}", {"properties": [{"name": "name", "value": "Old"}]}
    ).json()
    assert changed["properties"]["name"]["versions"][0]["value"] == "Old"
    found = hub.post("/companies/v2/domains/old.example/companies", {"limit": 5})
    assert [row["companyId"] for row in found["results"]] == [key]
    body = {
        "associations": {"associatedCompanyIds": [key]},
        "properties": [
            {"name": "dealname", "value": "Old deal"},
            {"name": "dealstage", "value": "closedwon"},
        ],
    }
    deal = hub.post("/deals/v1/deal", body)
    assert deal["associations"]["associatedCompanyIds"] == [key]
    paged = hub.get("/deals/v1/deal/paged", properties="dealname")
    assert [row["dealId"] for row in paged["deals"]] == [deal["dealId"]]
    recent = hub.get("/companies/v2/companies/recent/modified")
    assert (recent["total"], recent["results"][0]["companyId"]) == (1, key)
    assert hub.call("DELETE", f"/deals/v1/deal/{deal['dealId']}").status_code == 204
    assert hub.call("DELETE", f"/companies/v2/companies/{key}").json()["deleted"] is True


def test_engagements_are_the_activity_objects(hub: Hub) -> None:
    """A posted note is a note of v3; a v3 call is listed as an engagement, by change and by id."""
    contact = hub.account.create("contacts", {"email": "e@demo.example"})
    body = {
        "engagement": {"type": "NOTE", "timestamp": 1_772_000_000_000},
        "associations": {"contactIds": [int(contact)]},
        "metadata": {"body": "Called back"},
    }
    note = hub.post("/engagements/v1/engagements", body)
    key = note["engagement"]["id"]
    read = hub.get(f"/crm/v3/objects/notes/{key}", properties="hs_note_body")
    assert read["properties"]["hs_note_body"] == "Called back"
    call = hub.post(
        "/crm/v3/objects/calls", {"properties": {"hs_timestamp": "2026-03-02T09:00:00Z"}}, 201
    )
    after = hub.get("/engagements/v1/engagements/modified/after", after=0, limit=1)
    assert after["hasMore"] is True
    rest = hub.get("/engagements/v1/engagements/modified/after", after=after["after"])
    ids = [each["engagement"]["id"] for each in after["results"] + rest["results"]]
    assert sorted(ids) == sorted([key, int(call["id"])])
    assert hub.get("/engagements/v1/engagements/paged")["results"][0]["engagement"]["id"] == key
    patch = {"metadata": {"body": "Written again"}}
    hub.call("PATCH", f"/engagements/v1/engagements/{key}", patch)
    assert hub.account.get("notes", str(key))["hs_note_body"] == "Written again"
    assert hub.call("DELETE", f"/engagements/v1/engagements/{key}").status_code == 204
    assert hub.call("POST", "/engagements/v1/engagements", {}).status_code == 400


def test_forms_and_subscriptions_in_the_old_shape(hub: Hub) -> None:
    """Forms v2 lists definitions, subscriptions v1 tells and takes answers."""
    guid = hub.account.create_form({"name": "Old form", "fieldGroups": []})
    listed = hub.get("/forms/v2/forms")
    assert [(row["guid"], row["formType"]) for row in listed] == [(guid, "HUBSPOT")]
    assert hub.get(f"/forms/v2/forms/{guid}")["name"] == "Old form"
    base = "/email/public/v1/subscriptions"
    kind = hub.get(base)["subscriptionDefinitions"][0]["id"]
    body = {"subscriptionStatuses": [{"id": kind, "subscribed": False}]}
    changed = hub.call("PUT", f"{base}/o@demo.example", body).json()
    assert changed["subscriptionStatuses"][0]["optState"] == "OPT_OUT"
    hub.call("PUT", f"{base}/o@demo.example", {"unsubscribeFromAll": True})
    assert hub.get(f"{base}/o@demo.example")["status"] == "unsubscribed"
    timeline = hub.get(f"{base}/timeline")["timeline"]
    kinds = {change["changeType"] for row in timeline for change in row["changes"]}
    assert kinds == {"SUBSCRIPTION_STATUS", "PORTAL_STATUS"}
    assert hub.get("/automation/v3/workflows") == {"workflows": []}


def test_properties_groups_owners_and_pipelines_v1(hub: Hub) -> None:
    """The old schema calls see what the new ones make, and the other way round."""
    body = {"name": "old_group", "displayName": "Old group"}
    assert hub.post("/properties/v1/contacts/groups", body)["displayName"] == "Old group"
    prop = {
        "name": "old_one", "label": "Old one", "type": "string", "fieldType": "text",
        "groupName": "old_group",
    }  # fmt: skip
    hub.post("/properties/v1/contacts/properties", prop)
    assert hub.get("/crm/v3/properties/contacts/old_one")["groupName"] == "old_group"
    assert hub.call("DELETE", "/crm/v3/properties/contacts/groups/old_group").status_code == 400
    renamed = {**prop, "label": "Renamed"}
    path = "/properties/v1/contacts/properties/named/old_one"
    assert hub.call("PUT", path, renamed).json()["label"] == "Renamed"
    assert hub.call("DELETE", path).status_code == 204
    assert hub.call("DELETE", "/crm/v3/properties/contacts/groups/old_group").status_code == 204
    assert hub.get("/owners/v2/owners")[0]["email"] == "owner@sandbox.example"
    assert hub.get("/deals/v1/pipelines")[0]["stages"][-1]["stageId"] == "closedlost"
    listed = hub.get("/crm-pipelines/v1/pipelines/tickets")["results"]
    assert listed[0]["stages"][0]["label"] == "New"
