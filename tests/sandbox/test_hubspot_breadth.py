"""What HubSpot's own client can ask is answered: users, tokens, e-mails, campaigns, folders,
labels, schemas, webhook subscriptions; and what the account's app may not use is refused as the
vendor refuses it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from sandbox.clock import VirtualClock
from sandbox.faults import Faults
from sandbox.hubspot import HubSpotAccount, build_app
from sandbox.hubspot.webhooks import APP_ID
from tests.sandbox.hubspot_server import START, TOKEN, Hub, served

_WORDS = {"objectType": "contacts", "fromObjectType": "contacts", "toObjectType": "companies"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A fresh account."""
    with served() as started:
        yield started


def operations() -> list[tuple[str, str]]:
    """Every (method, path template) of hubspot-api-client, read from its source."""
    spec = find_spec("hubspot")
    assert spec is not None
    folder = Path(spec.submodule_search_locations[0]) if spec.submodule_search_locations else Path()
    found = {
        (match[2], match[1])
        for file in folder.glob("**/api/*.py")
        for match in re.finditer(
            r'call_api\(\s*"([^"]+)",\s*"([A-Z]+)"', file.read_text(encoding="utf-8")
        )
    }
    found |= {
        (match[1], match[2])
        for file in folder.glob("**/api/*.py")
        for match in re.finditer(
            r'method="([A-Z]+)",\s*resource_path="([^"]+)"', file.read_text(encoding="utf-8")
        )
    }
    return sorted(found)


def test_every_operation_of_the_official_client_has_a_handler() -> None:
    """No call hubspot-api-client can make meets a path, or a method of a path, nobody serves."""
    listed = operations()
    assert len(listed) > 500
    app = build_app(HubSpotAccount(VirtualClock(START), Faults(), token=TOKEN))

    async def unserved() -> list[str]:
        missing = []
        for method, template in listed:
            path = re.sub(r"\{(\w+)\}", lambda each: _WORDS.get(each[1], "1"), template)
            match = await app.router.resolve(make_mocked_request(method, path))
            if match.http_exception is not None:
                missing.append(f"{method} {template}")
        return missing

    assert asyncio.run(unserved()) == []


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/crm/v3/imports/", "crm.import"),
        ("/crm/v3/imports/12/errors", "crm.import"),
        ("/files/v3/files/search", "files"),
        ("/automation/v4/flows", "automation"),
        ("/cms/v3/hubdb/tables", "hubdb"),
        ("/marketing/v3/marketing-events/", "crm.objects.marketing_events.read"),
        ("/marketing/v3/transactional/smtp-tokens", "transactional-email"),
    ],
)
def test_what_the_app_may_not_use_is_refused_by_scope(hub: Hub, path: str, scope: str) -> None:
    """403 MISSING_SCOPES with the scope that is lacking, at the prefix and anywhere below it."""
    answer = hub.call("GET", path)
    body = answer.json()
    assert (answer.status_code, body["category"]) == (403, "MISSING_SCOPES")
    assert body["context"] == {"requiredGranularScopes": [scope]}
    assert hub.call("GET", path, token=None).status_code == 401


def test_users_are_the_owners_seen_from_the_other_side(hub: Hub) -> None:
    """An owner's userId is a user's id; who is removed is an archived owner."""
    [first] = hub.get("/settings/v3/users/")["results"]
    owner = hub.get("/crm/v3/owners/")["results"][0]
    assert (first["id"], first["email"]) == (str(owner["userId"]), owner["email"])
    made = hub.post("/settings/v3/users/", {"email": "new@sandbox.example"}, 201)
    assert (
        hub.call("POST", "/settings/v3/users/", {"email": "NEW@sandbox.example"}).status_code == 409
    )
    assert hub.call("POST", "/settings/v3/users/", {"email": "nobody"}).status_code == 400
    by_email = "/settings/v3/users/new@sandbox.example"
    assert hub.get(by_email, idProperty="EMAIL")["id"] == made["id"]
    page = hub.get("/settings/v3/users/", limit=1)
    assert page["paging"]["next"]["after"] == first["id"]
    assert [one["id"] for one in hub.get("/settings/v3/users/", after=first["id"])["results"]] == [
        made["id"]
    ]
    assert hub.call("DELETE", f"/settings/v3/users/{made['id']}").status_code == 204
    assert hub.call("GET", f"/settings/v3/users/{made['id']}").status_code == 404
    assert len(hub.get("/crm/v3/owners/", archived="true")["results"]) == 1
    assert hub.get("/settings/v3/users/teams")["results"][0]["userIds"] == [first["id"]]
    assert hub.get("/settings/v3/users/roles")["results"][0]["id"] == first["roleId"]


def test_tokens_say_whose_they_are(hub: Hub) -> None:
    """Access tokens, refresh tokens and the private app's are told about; others are 404."""
    tokens = hub.account.tokens
    granted = tokens.grant(
        {
            "grant_type": "refresh_token",
            "client_id": tokens.client_id,
            "client_secret": tokens.client_secret,
            "refresh_token": tokens.refresh_token,
        }
    )
    told = hub.get(f"/oauth/v1/access-tokens/{granted['access_token']}")
    assert (told["hub_id"], told["app_id"], told["token_type"]) == (
        hub.account.portal_id,
        APP_ID,
        "access",
    )
    assert 0 < told["expires_in"] <= 1800
    refresh = hub.get(f"/oauth/v1/refresh-tokens/{tokens.refresh_token}")
    assert refresh["client_id"] == tokens.client_id
    info = hub.post("/oauth/v2/private-apps/get/access-token-info", {"tokenKey": TOKEN})
    assert info["hubId"] == hub.account.portal_id
    for path in ("/oauth/v1/access-tokens/no", "/oauth/v1/refresh-tokens/no"):
        assert hub.call("GET", path).status_code == 404
    body = {"tokenKey": "no"}
    assert hub.call("POST", "/oauth/v2/private-apps/get/access-token-info", body).status_code == 404
    [limit] = hub.get("/integrations/v1/limit/daily")
    assert limit["currentUsage"] > 0


def test_marketing_emails_are_counted_from_their_events(hub: Hub) -> None:
    """A sent e-mail's figures are those of its events; drafts are made, changed and archived."""
    hub.account.add_campaign(77, "Spring", subject="Hello")
    kinds = ["SENT", "SENT", "DELIVERED", "DELIVERED", "OPEN", "CLICK"]
    hub.account.add_email_events(
        {
            "type": kind,
            "recipient": "a@x.example",
            "emailCampaignId": 77,
            "id": str(n),
            "created": n,
        }
        for n, kind in enumerate(kinds, 1)
    )
    listed = hub.get("/marketing/v3/emails/", includeStats="true")
    [sent] = listed["results"]
    assert (listed["total"], sent["subject"], sent["isPublished"]) == (1, "Hello", True)
    assert sent["stats"]["counters"]["delivered"] == 2
    assert sent["stats"]["ratios"]["openratio"] == 50.0
    span = {"startTimestamp": "1970-01-01T00:00:00Z", "endTimestamp": "2030-01-01T00:00:00Z"}
    figures = hub.get("/marketing/v3/emails/statistics/list", **span)
    assert figures["campaignAggregations"]["77"]["counters"]["sent"] == 2
    assert hub.call("GET", "/marketing/v3/emails/statistics/list").status_code == 400
    draft = hub.post("/marketing/v3/emails/", {"name": "Draft"}, 201)
    place = f"/marketing/v3/emails/{draft['id']}"
    assert hub.call("PATCH", place, {"subject": "Now"}).json()["subject"] == "Now"
    assert hub.call("PATCH", f"/marketing/v3/emails/{sent['id']}", {}).status_code == 400
    assert hub.call("DELETE", place).status_code == 204
    assert hub.call("GET", place).status_code == 404
    assert hub.call("POST", "/marketing/v3/emails/", {}).status_code == 400


def test_campaigns_show_the_properties_asked_for(hub: Hub) -> None:
    """A campaign has a GUID, shows what `properties` names, bundles assets and goes."""
    made = hub.post("/marketing/v3/campaigns", {"properties": {"hs_name": "Launch"}}, 201)
    assert made["properties"] == {"hs_name": "Launch"}
    place = f"/marketing/v3/campaigns/{made['id']}"
    assert hub.get(place)["properties"] == {}
    assert hub.get(place, properties="hs_name,hs_notes")["properties"] == {
        "hs_name": "Launch",
        "hs_notes": None,
    }
    assert hub.call("PUT", f"{place}/assets/FORM/42").status_code == 204
    assert [one["id"] for one in hub.get(f"{place}/assets/FORM")["results"]] == ["42"]
    assert hub.call("POST", "/marketing/v3/campaigns", {"properties": {}}).status_code == 400
    assert hub.call("DELETE", place).status_code == 204
    assert hub.call("GET", place).status_code == 404
    assert hub.get("/marketing/v3/campaigns") == {"total": 0, "results": []}


def test_lists_stand_in_folders(hub: Hub) -> None:
    """A folder shows what is in it, goes into no folder of its own, and stays while it is full."""
    outer = hub.post("/crm/v3/lists/folders", {"name": "Outer"})["folder"]
    inner = hub.post("/crm/v3/lists/folders", {"name": "In", "parentFolderId": outer["id"]})[
        "folder"
    ]
    made = hub.post(
        "/crm/v3/lists/", {"name": "L", "objectTypeId": "0-1", "processingType": "MANUAL"}
    )["list"]
    body = {"listId": made["listId"], "newFolderId": inner["id"]}
    assert hub.call("PUT", "/crm/v3/lists/folders/move-list", body).status_code == 204
    root = hub.get("/crm/v3/lists/folders")["folder"]
    assert root["childNodes"][0]["childNodes"][0]["childLists"] == [int(made["listId"])]
    base = f"/crm/v3/lists/folders/{outer['id']}"
    assert hub.call("PUT", f"{base}/move/{inner['id']}").status_code == 400
    assert hub.call("DELETE", base).status_code == 400
    renamed = hub.call("PUT", f"{base}/rename", params={"newFolderName": "Top"}).json()
    assert renamed["folder"]["name"] == "Top"
    assert (
        hub.get("/crm/v3/lists/idmapping", legacyListId=made["listId"])["listId"]
        == (made["listId"])
    )
    both = hub.post("/crm/v3/lists/idmapping", [made["listId"], "99"])
    assert both["missingLegacyListIds"] == ["99"]


def test_labels_are_defined_used_and_taken_away(hub: Hub) -> None:
    """A label has an id in each direction; it goes off a pair of records by itself, or whole."""
    contact = hub.account.create("contacts", {"email": "l@x.example"})
    company = hub.account.create("companies", {"name": "L"})
    path = "/crm/v4/associations/contacts/companies/labels"
    body = {"name": "advisor", "label": "Advisor", "inverseLabel": "Advised by"}
    one, back = hub.post(path, body)["results"]
    assert [one["label"], back["label"]] == ["Advisor", "Advised by"]
    assert hub.call("POST", path, body).status_code == 409
    place = f"/crm/v4/objects/contacts/{contact}/associations/companies"
    kinds = [{"associationCategory": "USER_DEFINED", "associationTypeId": one["typeId"]}]
    assert hub.call("PUT", f"{place}/{company}", kinds).status_code == 201
    hub.call("PUT", f"/crm/v4/objects/contacts/{contact}/associations/default/companies/{company}")
    [seen] = hub.get(f"/crm/v4/objects/companies/{company}/associations/contacts")["results"]
    assert "Advised by" in [kind["label"] for kind in seen["associationTypes"]]
    pair = {"from": {"id": contact}, "to": {"id": company}, "types": kinds}
    archive = "/crm/v4/associations/contacts/companies/batch/labels/archive"
    assert hub.call("POST", archive, {"inputs": [pair]}).status_code == 204
    [left] = hub.get(place)["results"]
    assert "Advisor" not in [kind["label"] for kind in left["associationTypes"]]
    change = {"associationTypeId": one["typeId"], "label": "Counsel"}
    assert hub.call("PUT", path, change).status_code == 204
    assert "Counsel" in [each["label"] for each in hub.get(path)["results"]]
    assert hub.call("DELETE", f"{path}/{one['typeId']}").status_code == 204
    assert hub.call("DELETE", f"{path}/{one['typeId']}").status_code == 404
    limits = "/crm/v4/associations/definitions/configurations/contacts/companies"
    entry = {"category": "HUBSPOT_DEFINED", "typeId": 279, "maxToObjectIds": 1}
    hub.post(f"{limits}/batch/create", {"inputs": [entry]})
    assert hub.get(limits)["results"][0]["userEnforcedMaxToObjectIds"] == 1
    assert hub.call("POST", f"{limits}/batch/purge", {"inputs": [entry]}).status_code == 204
    assert hub.get(limits)["results"] == []


def test_schemas_are_changed_and_deleted(hub: Hub) -> None:
    """Labels change, associations come and go, and a type with records cannot be deleted."""
    made = hub.post(
        "/crm-object-schemas/v3/schemas",
        {
            "name": "car",
            "labels": {"singular": "Car", "plural": "Cars"},
            "properties": [{"name": "vin", "label": "VIN", "type": "string", "fieldType": "text"}],
        },
        201,
    )
    place = f"/crm/v3/schemas/{made['objectTypeId']}"
    changed = hub.call("PATCH", place, {"labels": {"singular": "Auto", "plural": "Autos"}}).json()
    assert changed["labels"]["singular"] == "Auto"
    link = hub.post(f"{place}/associations", {"toObjectTypeId": "0-1"}, 201)
    assert (link["toObjectTypeId"], link["fromObjectTypeId"]) == ("0-1", made["objectTypeId"])
    assert hub.call("DELETE", f"{place}/associations/{link['id']}").status_code == 204
    assert hub.call("DELETE", f"{place}/associations/{link['id']}").status_code == 404
    record = hub.post(f"/crm/v3/objects/{made['objectTypeId']}", {"properties": {"vin": "1"}}, 201)
    assert hub.call("DELETE", place).status_code == 400
    hub.call("DELETE", f"/crm/v3/objects/{made['objectTypeId']}/{record['id']}")
    assert hub.call("DELETE", place).status_code == 204
    assert hub.call("GET", place).status_code == 400


def test_webhook_subscriptions_are_kept_and_point_the_sender(hub: Hub) -> None:
    """Settings and an active subscription make a target; without either nobody is told."""
    base = f"/webhooks/v3/{APP_ID}"
    assert hub.call("GET", f"{base}/settings").status_code == 404
    assert hub.call("GET", "/webhooks/v3/1/settings").status_code == 404
    assert hub.call("PUT", f"{base}/settings", {"targetUrl": "ftp://x"}).status_code == 400
    settings = {"targetUrl": "https://me.example/in", "throttling": {"maxConcurrentRequests": 5}}
    assert hub.call("PUT", f"{base}/settings", settings).json()["throttling"] == {
        "maxConcurrentRequests": 5
    }
    wanted = {"eventType": "contact.propertyChange", "propertyName": "email", "active": True}
    made = hub.post(f"{base}/subscriptions", wanted, 201)
    target = hub.account.webhooks.target
    assert target is not None
    assert (target.url, target.duplicates) == ("https://me.example/in", 0.0)
    assert hub.call("POST", f"{base}/subscriptions", wanted).status_code == 400
    assert hub.call("POST", f"{base}/subscriptions", {"eventType": "x"}).status_code == 400
    place = f"{base}/subscriptions/{made['id']}"
    assert hub.call("PATCH", place, {"active": False}).json()["active"] is False
    assert hub.account.webhooks.target is None
    again = {"inputs": [{"id": int(made["id"]), "active": True}]}
    assert hub.post(f"{base}/subscriptions/batch/update", again)["results"][0]["active"] is True
    assert len(hub.get(f"{base}/subscriptions")["results"]) == 1
    assert hub.call("DELETE", place).status_code == 204
    assert hub.call("GET", place).status_code == 404
    key = {"hapikey": hub.account.tokens.developer_key}
    assert hub.call("DELETE", f"{base}/settings", token=None).status_code == 401
    assert hub.call("DELETE", f"{base}/settings", token=None, params=key).status_code == 204
    assert hub.account.webhooks.target is None


def test_a_pipeline_has_an_audit_nobody_wrote(hub: Hub) -> None:
    """The audit of a pipeline is empty; that of none is 404."""
    empty: dict[str, Any] = {"results": []}
    assert hub.get("/crm/v3/pipelines/deals/default/audit") == empty
    assert hub.call("GET", "/crm/v3/pipelines/deals/none/audit").status_code == 404


def test_custom_events_are_defined_with_their_properties(hub: Hub) -> None:
    """A definition is known by its full name; its properties come and go, HubSpot's own stay."""
    base = "/events/v3/event-definitions"
    wanted = {
        "label": "Plan upgraded",
        "primaryObject": "CONTACT",
        "propertyDefinitions": [{"name": "plan", "label": "Plan", "type": "string"}],
    }
    made = hub.post(base, wanted)
    full = f"pe{hub.account.portal_id}_plan_upgraded"
    assert (made["fullyQualifiedName"], made["primaryObjectId"]) == (full, "0-1")
    assert "plan" in [one["name"] for one in made["properties"]]
    assert hub.call("POST", base, wanted).status_code == 409
    for bad in ({}, {"label": "x", "name": "UPPER"}, {"label": "x", "primaryObject": "NOPE"}):
        assert hub.call("POST", base, bad).status_code == 400
    listed = hub.get(base)
    assert (listed["total"], "properties" in listed["results"][0]) == (1, False)
    assert "properties" in hub.get(base, includeProperties="true")["results"][0]
    place = f"{base}/{full}"
    assert (
        hub.call("PATCH", place, {"label": "Upgraded"}).json()["labels"]["singular"] == "Upgraded"
    )
    seats = {"name": "seats", "label": "Seats", "type": "number"}
    assert hub.post(f"{place}/property", seats)["type"] == "number"
    assert hub.call("POST", f"{place}/property", seats).status_code == 409
    changed = hub.call("PATCH", f"{place}/property/seats", {"label": "Places"})
    assert changed.json()["label"] == "Places"
    assert hub.call("DELETE", f"{place}/property/seats").status_code == 204
    assert hub.call("DELETE", f"{place}/property/hs_browser").status_code == 400
    assert hub.call("DELETE", f"{place}/property/seats").status_code == 404
    assert hub.call("DELETE", place).status_code == 204
    assert hub.call("GET", place).status_code == 404


def test_older_apis_associate_as_well(hub: Hub) -> None:
    """By company, by deal and by numbered definition: what one puts together the others show."""
    contact = hub.account.create("contacts", {"email": "old@x.example"})
    company = hub.account.create("companies", {"name": "Old"})
    deal = hub.account.create("deals", {"dealname": "Old", "dealstage": "contractsent"})
    place = f"/companies/v2/companies/{company}/contacts/{contact}"
    assert hub.call("PUT", place).json()["companyId"] == int(company)
    link = f"/crm-associations/v1/associations/{contact}/HUBSPOT_DEFINED/1"
    assert hub.get(link) == {"results": [int(company)], "hasMore": False, "offset": 1}
    assert hub.call("DELETE", place).status_code == 204
    assert hub.get(link)["results"] == []
    path = f"/deals/v1/deal/{deal}/associations/CONTACT?id={contact}"
    assert hub.call("PUT", path).status_code == 204
    deals = hub.get(f"/deals/v1/deal/associated/contact/{contact}/paged")
    assert [one["dealId"] for one in deals["deals"]] == [int(deal)]
    assert hub.call("DELETE", path).status_code == 204
    row = {"fromObjectId": int(deal), "toObjectId": int(company), "definitionId": 5}
    base = "/crm-associations/v1/associations"
    for act, left in (("", 1), ("/delete", 0), ("/create-batch", 1), ("/delete-batch", 0)):
        body: Any = [row] if act.endswith("batch") else row
        assert hub.call("PUT", base + act, body).status_code == 204
        assert len(hub.get(f"{base}/{company}/HUBSPOT_DEFINED/6")["results"]) == left
    for bad in ({**row, "definitionId": 99}, {**row, "definitionId": "x"}):
        assert hub.call("PUT", base, bad).status_code == 400
    assert hub.call("PUT", base, {**row, "toObjectId": 999}).status_code == 404
    call = {"engagement": {"type": "CALL"}, "associations": {"contactIds": [int(contact)]}}
    hub.post("/engagements/v1/engagements", call)
    done = hub.get(f"/engagements/v1/engagements/associated/CONTACT/{contact}/paged")
    assert [one["engagement"]["type"] for one in done["results"]] == ["CALL"]


def test_one_owner_and_one_event_by_id(hub: Hub) -> None:
    """The older APIs show single owners and e-mail events; others are 404."""
    owner = hub.get("/owners/v2/owners")[0]
    assert hub.get(f"/owners/v2/owners/{owner['ownerId']}") == owner
    assert hub.call("GET", "/owners/v2/owners/1").status_code == 404
    hub.account.add_email_events(
        [{"type": "OPEN", "recipient": "a@x.example", "id": "e-1", "created": 5}]
    )
    assert hub.get("/email/public/v1/events/5/e-1")["type"] == "OPEN"
    assert hub.call("GET", "/email/public/v1/events/5/e-2").status_code == 404
