"""Every recorded HubSpot interaction is replayed: the sandbox must answer as the cloud did.

For each one the state it needs is built in a fresh account (ids differ, so they are mapped), the
request is sent over HTTP, and status, vendor header names and the whole shape of the body are
compared, with the property values that do not depend on time or id. What is rightly different is
listed place by place with its reason; nothing is left out of the comparison as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from sandbox.hubspot.account import FORCED_LAG
from tests.paths import SHARED
from tests.sandbox.hubspot_server import TOKEN, Hub, served
from tests.sandbox.shapes import differences

CUSTOM = "2-3604285"
VOLATILE = {
    "createdate", "lastmodifieddate", "hs_createdate", "hs_lastmodifieddate", "hs_object_id",
    "hs_all_contact_vids",
}  # fmt: skip
PROPERTIES, SCHEMAS = "/properties/v1/contacts/properties", "/crm/v3/schemas"
DIFFERENCES: dict[str, dict[str, str]] = {
    PROPERTIES: {
        "[].fieldLevelPermission: extra": "the older of the two recordings lacks this key",
        "[].createdAt: null against integer": "HubSpot's oldest properties have no dates in life",
        "[].updatedAt: null against integer": "as createdAt",
        "[].deleted: boolean against null": "six of HubSpot's own say false, the others null",
        "[].showCurrencySymbol: boolean against null": "five of HubSpot's own say false",
        "[].options[].description: string against null": "options have no descriptions here",
        "[].options[].doubleData: integer against null": "options of numbers; there are none here",
        "[].options[].readOnly: boolean against null": "nobody here locks an option",
        "[].options[]: 191 entries against 8": "hs_language: the common ones of 191 languages",
        "[].options[]: 23 entries against 0": "hs_sa_first_engagement_descr: HubSpot computes it",
        "[].options[]: 525 entries against 0": "hs_timezone: any zone is accepted",
        "[].options[]: 9 entries against 4": "hs_emailconfirmationstatus: HubSpot computes it",
    },
    SCHEMAS: {
        "properties[].createdUserId: extra": "the one property made with the schema has no maker",
        "properties[].showCurrencySymbol: extra": "nor does it say how to show money",
    },
}
"""Differences that are right, by path and place, with the reason. Nothing else may differ."""
NEWER_PROPERTIES = {
    "hs_first_subscription_create_date", "hs_has_active_subscription", "hs_latest_source",
    "hs_latest_source_data_1", "hs_latest_source_data_2", "hs_latest_subscription_create_date",
    "hs_linkedin_url", "hs_marketable_status", "hs_object_source", "hs_object_source_label",
    "hs_sequences_actively_enrolled_count", "hs_timezone",
}  # fmt: skip
"""Contact properties that came after one of the recordings or both."""
NEWER_SYSTEM_PROPERTIES = {"hubspot_owner_id", "hubspot_owner_assigneddate"}
"""Custom objects had no owners when the recordings were made; they have now [D]."""
OTHER_OPTIONS = {
    "hs_language", "hs_sa_first_engagement_descr", "hs_timezone", "hs_emailconfirmationstatus",
}  # fmt: skip
OTHER_NOW = {
    "hs_timezone": {"externalOptions"},  # any zone is taken, so its options are external here
    "hs_sequences_is_enrolled": {"calculated"},  # became calculated between the two recordings
    "hs_testpurge": {"readOnlyDefinition"},  # HubSpot's own leftovers: read-only values of an
    "hs_testrollback": {"readOnlyDefinition"},  # open definition, which nobody else has
    "hs_email_optout_9714480": {"label"},  # the account names its subscription types itself
}
"""Keys whose value is rightly another one, by property."""
SAME = (
    "type", "fieldType", "groupName", "label", "hidden", "readOnlyValue", "readOnlyDefinition",
    "calculated", "formField", "hasUniqueValue", "externalOptions", "hubspotDefined",
    "createdUserId", "externalOptionsReferenceType", "referencedObjectType", "numberDisplayHint",
    "textDisplayHint", "optionsAreMutable", "searchTextAnalysisMode", "displayMode",
)  # fmt: skip
"""Keys of a property whose very values must be the recorded ones."""
ACCOUNT_TIER = {
    "x-hubspot-ratelimit-daily", "x-hubspot-ratelimit-max", "x-hubspot-ratelimit-secondly",
}  # fmt: skip
"""Headers whose value is the account's tier: recorded Free/Starter, here Professional."""


@cache
def recordings() -> tuple[dict[str, Any], ...]:
    """All interactions, in recorded order."""
    if SHARED is None:
        return ()
    text = (SHARED / "wire" / "recordings" / "hubspot.jsonl").read_text(encoding="utf-8")
    return tuple(json.loads(line) for line in text.splitlines())


def cases() -> list[Any]:
    """One case an interaction, or one skipped case where there are no recordings."""
    if not recordings():
        skip = pytest.mark.skip(reason="the recordings are not beside this checkout")
        return [pytest.param(-1, marks=skip)]
    return [
        pytest.param(index, id=f"{index}-{row['method']}-{row['status']}")
        for index, row in enumerate(recordings())
    ]


@pytest.mark.parametrize("index", cases())
def test_answers_as_recorded(index: int) -> None:
    """The sandbox answers the recorded request with the recorded status, headers and body."""
    row = recordings()[index]
    with served() as hub:
        ids = build(hub, row)
        request = mapped(row["request"], ids) if row["method"] != "GET" else None
        response = hub.call(row["method"], row["path"], request, token=token_for(hub, row))
        assert response.status_code == row["status"], response.text
        compare_headers(row["headers"], response.headers)
        if row["status"] == 204:
            assert response.content == b""
        else:
            compare(row, response.json(), {new: old for old, new in ids.items()})


def renamed(path: str) -> list[str]:
    """Other names of a recorded path of CRM objects: by plural, type id, version and date."""
    kind, rest = path.removeprefix("/crm/v3/objects/").split("/", 1)
    plain, type_id = {"CONTACT": ("contacts", "0-1"), "COMPANY": ("companies", "0-2")}.get(
        kind, ("p_acme_object", kind)
    )
    return [
        f"/crm/v3/objects/{plain}/{rest}",
        f"/crm/v3/objects/{type_id}/{rest}",
        f"/crm/v4/objects/{plain}/{rest}",
        f"/crm/objects/2026-03/{plain}/{rest}",
    ]


def kinds() -> list[Any]:
    """The first recording of each kind of call of CRM objects, under each of its other names."""
    first: dict[tuple[str, int], int] = {}
    for index, row in enumerate(recordings()):
        if row["path"].startswith("/crm/v3/objects/"):
            first.setdefault((row["path"], row["status"]), index)
    return [
        pytest.param(index, path, id=f"{index}-{path}")
        for index in first.values()
        for path in renamed(recordings()[index]["path"])
    ]


@pytest.mark.skipif(not recordings(), reason="the recordings are not beside this checkout")
@pytest.mark.parametrize(("index", "path"), kinds())
def test_answers_as_recorded_under_other_names(index: int, path: str) -> None:
    """Whatever a call's object and version are named, the answer is the recorded one."""
    row = recordings()[index]
    with served() as hub:
        ids = build(hub, row)
        response = hub.call(row["method"], path, mapped(row["request"], ids))
        assert response.status_code == row["status"], response.text
        if row["status"] != 204:
            compare(row, response.json(), {new: old for old, new in ids.items()})


def token_for(hub: Hub, row: Mapping[str, Any]) -> str:
    """Recordings without daily headers were made by OAuth token (FACTS section 2)."""
    if "X-HubSpot-RateLimit-Daily" in row["headers"]:
        return TOKEN
    tokens = hub.account.tokens
    form = {
        "grant_type": "refresh_token",
        "client_id": tokens.client_id,
        "client_secret": tokens.client_secret,
        "refresh_token": tokens.refresh_token,
    }
    reply = hub.session.post(f"{hub.url}/oauth/v1/token", data=form, timeout=10)
    return str(reply.json()["access_token"])


def vendor_headers(headers: Mapping[str, str]) -> set[str]:
    """Names of the headers the vendor itself sets, lower case."""
    return {
        name.lower()
        for name in headers
        if name.lower().startswith("x-hubspot") or name.lower() == "retry-after"
    }


def compare_headers(theirs: Mapping[str, str], ours: Mapping[str, str]) -> None:
    """The vendor's headers and no others of its kind, with the recorded form of value."""
    assert vendor_headers(ours) == vendor_headers(theirs)
    assert ours.get("Content-Type") == theirs.get("Content-Type")
    for name, value in theirs.items():
        if not name.lower().startswith("x-hubspot"):
            continue
        assert ours[name].isdigit() == value.isdigit()
        if "Remaining" not in name and name.lower() not in ACCOUNT_TIER:
            assert ours[name] == value


# --- building the state ----------------------------------------------------------------------


def build(hub: Hub, row: Mapping[str, Any]) -> dict[str, str]:
    """Bring the account into the state the recording was made in; {recorded id: ours}."""
    define(hub)
    path, status = row["path"], row["status"]
    if status == 429:
        for _ in range(hub.account.limits.searches):
            hub.account.limits.take(search=True)
        return {}
    if path.endswith("/search"):
        return build_search(hub, row)
    if path.endswith("/batch/update"):
        kind = path.split("/")[-3]
        return {
            result["id"]: create(hub, kind, result["properties"], blank=True)
            for result in row["response"]["results"]
        }
    if path.endswith("/batch/archive"):
        kind = path.split("/")[-3]
        return {
            each["id"]: create(hub, kind, {"name": "To go", "acme_object_property": each["id"]})
            for each in row["request"]["inputs"]
        }
    return {}


def define(hub: Hub) -> None:
    """The custom object and custom properties of the recorded account."""
    schema = next(row["response"] for row in recordings() if row["path"].endswith(CUSTOM))
    own = [each for each in schema["properties"] if not each.get("hubspotDefined")]
    hub.account.catalogue.add_custom(
        {
            **schema,
            "name": "acme_object",
            "properties": own,
            "associatedObjects": ["CONTACT"],
        },
        at=hub.account.now(),
    )
    for row in recordings():
        if row["path"].startswith("/properties/v1"):
            for each in row["response"]:
                if each["hubspotDefined"] is None and each["name"] != "hs_object_id":
                    definition = {**each, "label": each["label"] or each["name"]}
                    hub.account.ensure_property("contacts", definition)
    for name in ("acme_custom_text", "acme_custom_number"):
        if any(name in json.dumps(row["response"]) for row in recordings()):
            text = {"name": name, "label": name, "type": "string", "fieldType": "text",
                    "groupName": "contactinformation"}  # fmt: skip
            hub.account.ensure_property("contacts", text)


def build_search(hub: Hub, row: Mapping[str, Any]) -> dict[str, str]:
    """Records that match now, that the index still takes for a match, and archived ones."""
    kind = row["path"].split("/")[-2]
    wanted = [group["filters"][0] for group in row["request"]["filterGroups"]]
    name = wanted[0]["propertyName"]
    values = {each["value"] for each in wanted}
    ids = {}
    for result in row["response"]["results"]:
        properties = result["properties"]
        stale = properties.get(name) not in values
        first = {**properties, name: wanted[0]["value"]} if stale else properties
        ids[result["id"]] = create(hub, kind, first)
        if stale:
            with_lag(lambda: hub.account.update(kind, ids[result["id"]], {name: properties[name]}))  # noqa: B023 - called at once
    for _ in range(row["response"]["total"] - len(row["response"]["results"])):
        gone = create(hub, kind, {name: wanted[0]["value"]})
        with_lag(lambda: hub.account.archive(kind, gone))  # noqa: B023 - called at once
    return ids


def with_lag(change: Any) -> None:
    """Make a change the search index has not seen yet."""
    token = FORCED_LAG.set(30.0)
    try:
        change()
    finally:
        FORCED_LAG.reset(token)


def create(
    hub: Hub, kind: str, properties: Mapping[str, str | None], *, blank: bool = False
) -> str:
    """A record with these values; `blank` changes them a little, so that an update has work."""
    store = hub.account.catalogue.find(kind)
    values = {
        name: value
        for name, value in properties.items()
        if value is not None and name in store.book and name not in VOLATILE
    }
    if blank:
        values = {name: value for name, value in values.items() if name in {"email", "domain"}}
        values.setdefault("acme_object_property" if kind == CUSTOM else "website", "before")
    record = hub.account.create(kind, values)
    cleared = {name: "" for name, value in properties.items() if value == "" and not blank}
    if cleared:
        hub.account.update(kind, record, {**dict.fromkeys(cleared, "1"), **cleared})
    return record


# --- comparing -------------------------------------------------------------------------------


def mapped(body: Any, ids: Mapping[str, str]) -> Any:
    """The recorded request with our ids."""
    if isinstance(body, dict):
        return {
            key: ids.get(value, value) if key == "id" else mapped(value, ids)
            for key, value in body.items()
        }
    if isinstance(body, list):
        return [mapped(each, ids) for each in body]
    return body


def compare(row: Mapping[str, Any], ours: Any, back: Mapping[str, str]) -> None:
    """Assert that our body has the recorded shape and the values that can be equal."""
    theirs, path = row["response"], row["path"]
    if path == PROPERTIES:
        compare_definitions(theirs, ours)
    elif path.startswith(SCHEMAS):
        compare_schemas(path, theirs, ours)
    elif isinstance(theirs, dict) and "results" in theirs:
        compare_results(theirs, ours, back)
    else:
        assert differences(theirs, ours) == set()
        if row["status"] >= 400:
            assert {**ours, "correlationId": None} == {**theirs, "correlationId": None}


def compare_results(theirs: Any, ours: Any, back: Mapping[str, str]) -> None:
    """Compare records one by one, whatever their order: shape whole, values without time or id."""
    recorded, answered = (
        {**body, "results": sorted(body["results"], key=fingerprint)} for body in (theirs, ours)
    )
    assert differences(recorded, answered) == set()
    assert ours.get("total") == theirs.get("total")
    for one, other in zip(recorded["results"], answered["results"], strict=True):
        assert fingerprint(other) == fingerprint(one)
        if back:
            assert back[other["id"]] == one["id"]


def fingerprint(record: Mapping[str, Any]) -> str:
    """The property values that depend on neither time nor id."""
    values = {k: v for k, v in record["properties"].items() if k not in VOLATILE}
    return json.dumps(values, sort_keys=True)


def compare_definitions(theirs: list[Any], ours: list[Any]) -> None:
    """The list of properties is whole, and each is described as recorded."""
    recorded = {each["name"]: each for each in theirs}
    answered = {each["name"]: each for each in ours}
    # The account's subscription types are its own, so are the flags they make.
    own = {name for name in answered if name.startswith("hs_email_optout_")}
    missing = {name for name in recorded if not name.startswith("hs_email_optout_")} - set(answered)
    assert missing == set()
    assert set(answered) - set(recorded) - own <= NEWER_PROPERTIES
    shared = sorted(set(recorded) & set(answered))
    found = differences([recorded[n] for n in shared], [answered[n] for n in shared])
    assert found <= set(DIFFERENCES[PROPERTIES])
    for name in shared:
        same = [key for key in SAME if key not in OTHER_NOW.get(name, set())]
        one, other = recorded[name], answered[name]
        if one["hubspotDefined"] is None:  # a user of the recorded account made it
            same.remove("createdUserId")
        assert {key: other[key] for key in same} == {key: one[key] for key in same}, name
        if name not in OTHER_OPTIONS:
            assert _options(other) == _options(one), name


def _options(prop: Mapping[str, Any]) -> list[str]:
    return [option["value"] for option in prop["options"]]


def compare_schemas(path: str, theirs: Any, ours: Any) -> None:
    """The custom object's schema: all keys, its properties, its associations."""
    pairs = []
    for body in (theirs, ours):
        listed = body.get("results", [body])
        pairs.append(next(each for each in listed if each["objectTypeId"] == CUSTOM))
    if path == SCHEMAS:
        assert set(ours) == set(theirs)
    recorded, answered = pairs
    one, other = ({prop["name"]: prop for prop in each["properties"]} for each in pairs)
    assert set(one) ^ set(other) == NEWER_SYSTEM_PROPERTIES
    bodies = [
        {**each, "properties": [props[name] for name in sorted(one)]}
        for each, props in ((recorded, one), (answered, other))
    ]
    assert differences(*bodies) <= set(DIFFERENCES[SCHEMAS])
    links = [
        {(a["fromObjectTypeId"], a["toObjectTypeId"], a["name"]) for a in each["associations"]}
        for each in pairs
    ]
    assert links[0] == links[1]
