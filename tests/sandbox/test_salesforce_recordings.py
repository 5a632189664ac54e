"""Every recorded Salesforce interaction, replayed against the sandbox.

Each recording is replayed by itself: the records its answer speaks of are put into the org under
their recorded ids first, then the request is sent and status, headers and the body are compared:
queries and describes value by value, single records and outcomes key by key and type by type, with
their error codes. Right differences stand in DIFFERENCES with a reason; nothing else may differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import pytest

from sandbox.salesforce.fields import Row
from sandbox.salesforce.org import SalesforceOrg
from tests.paths import SHARED
from tests.sandbox.shapes import differences
from tests.sandbox.test_salesforce_server import Site, serving

DIFFERENCES = {
    "childRelationships[]: entries": "the org has fewer objects than a Developer Edition; those"
    " whose child both have must be the recorded ones to the last key",
    "privacy": "HasOptedOutOfEmail, HasOptedOutOfFax and DoNotCall are visible here and hidden by"
    " field-level security in the recorded org; nothing else may be extra",
    "custom fields": "the recorded org gained four Account fields over the months; records read"
    " before lack the later ones",
    "usage": "the allowance is 115,000 a day, in the recorded org 15,000",
    "portal users": "User.AccountId and User.ContactId: no portal users here",
    "newer": "Opportunity.ContactId came with API v46; the recordings are of v42",
    "LastViewedDate": "nobody looks at records in the sandbox, so the two dates are null",
}
_PORTAL = {("User", "AccountId"), ("User", "ContactId")}
_NEWER = {("Opportunity", "ContactId")}
_GAINED = {"ABM_Rank__c", "ABM_Tier__c", "Custom_External_ID__c", "email_field__c"}
_PRIVACY = {"HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall"}
_CUSTOM: dict[str, list[dict[str, object]]] = {
    "Account": [
        {"name": "email_field__c", "type": "Email", "label": "email_field"},
        {"name": "Custom_External_ID__c", "type": "Text", "length": 100,
         "label": "Custom_External_ID"},
        {"name": "ABM_Rank__c", "type": "Number", "label": "ABM_Rank"},
        {"name": "ABM_Tier__c", "type": "Number", "label": "ABM_Tier"},
    ],
    "Contact": [
        {"name": "Custom_External_ID__c", "type": "Text", "length": 191, "externalId": True,
         "unique": True, "label": "Custom External ID"},
        {"name": "checkbox_field__c", "type": "Checkbox", "label": "checkbox field"},
        {"name": "datetime_field__c", "type": "DateTime", "label": "datetime field"},
        {"name": "number_field__c", "type": "Number", "label": "number field"},
        {"name": "percent_field__c", "type": "Percent", "label": "percent field"},
        {"name": "phone_field__c", "type": "Phone", "label": "phone field"},
        {"name": "picklist_field__c", "type": "Picklist", "label": "picklist field",
         "picklist": ["Red", "Blue", "Green"], "restricted": True},
        {"name": "text_field__c", "type": "Text", "length": 191, "label": "text field"},
        {"name": "textarea_field__c", "type": "LongTextArea", "length": 32768,
         "label": "textarea field"},
        {"name": "url_field__c", "type": "Url", "label": "url field"},
        {"name": "email_field__c", "type": "Email", "label": "email field"},
        {"name": "date_field__c", "type": "Date", "label": "date_field"},
        {"name": "currency_field__c", "type": "Currency", "scale": 2, "label": "currency_field"},
        {"name": "float_field__c", "type": "Number", "scale": 2, "label": "float_field"},
    ],
}  # fmt: skip
_ID = re.compile(r"\b[0-9A-Za-z]{15}[A-Z0-5]{3}\b")
_KINDS = {"001": "Account", "003": "Contact", "00Q": "Lead", "005": "User", "701": "Campaign",
          "00v": "CampaignMember", "0TO": "Topic", "0FT": "TopicAssignment"}  # fmt: skip
_MINIMAL: dict[str, Row] = {
    "Account": {"Name": "Before"},
    "Contact": {"LastName": "Before", "Name": "Before"},
    "Lead": {"LastName": "Before", "Name": "Before", "Company": "Before",
             "Status": "Open - Not Contacted", "CleanStatus": "Pending", "IsUnreadByOwner": True},
    "User": {"LastName": "Before", "Name": "Before", "IsActive": True, "Username": "before"},
    "Campaign": {"Name": "Before"},
    "CampaignMember": {"Status": "Sent"},
    "Topic": {"Name": "Before"},
    "TopicAssignment": {},
}  # fmt: skip


def _load() -> list[dict[str, Any]]:
    if SHARED is None:
        return []
    path = SHARED / "wire" / "recordings" / "salesforce.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


RECORDINGS = _load()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An org with the recorded org's own custom fields."""
    with serving(tmp_path_factory.mktemp("org")) as running:
        for sobject, definitions in _CUSTOM.items():
            for definition in definitions:
                running.org.add_field(sobject, definition)
        yield running


def _place(org: SalesforceOrg, record_id: str, values: Row) -> None:
    """Put a record under a recorded id, as if it had always been there."""
    kind = _KINDS.get(record_id[:3])
    if kind is None:
        return
    table = org.records.tables[kind]
    stamp = "2021-12-02T18:23:39.000+0000"
    audit: Row = {"CreatedDate": stamp, "CreatedById": org.admin_user_id,
                  "LastModifiedDate": stamp, "LastModifiedById": org.admin_user_id,
                  "SystemModstamp": stamp, "OwnerId": org.admin_user_id,
                  "CleanStatus": "Pending"}  # fmt: skip
    known = {name: value for name, value in audit.items() if name in table.kind.fields}
    kept: Row = {
        name: value
        for name, value in values.items()
        if name in table.kind.fields
        and not isinstance(value, dict)
        and value is not None
        and value is not False
        and name != "PhotoUrl"
    }
    table.put({**known, **_MINIMAL[kind], **kept, "Id": record_id})


def _prepare(org: SalesforceOrg, recording: dict[str, Any]) -> None:
    """Build the state a recording needs, and only that."""
    for name in _KINDS.values():
        if name != "User":
            table = org.records.tables[name]
            for record_id in list(table.rows):
                table.forget(record_id)
            table.deleted.clear()
    response = recording["response"]
    made = recording["method"] == "POST" and recording["status"] in {200, 201}
    asked = unquote(json.dumps([recording["query"], recording["request"], recording["path"]]))
    absent = recording["status"] == 404
    for record_id in () if absent else _ID.findall(asked):
        _place(org, record_id, {})
    if "/Soap/" in recording["path"] or made:
        return
    if isinstance(response, dict) and "records" in response:
        for record in response["records"]:
            _place(org, record["attributes"]["url"].rsplit("/", 1)[1], _with_filter(record, asked))
    elif isinstance(response, dict) and "Id" in response:
        for value in response.values():
            if isinstance(value, str) and _ID.fullmatch(value) and value[:3] in _KINDS:
                _place(org, value, {})
        _place(org, response["Id"], response)


def _with_filter(record: dict[str, Any], asked: str) -> Row:
    """The record's values, with the value the query filtered by where it was not selected."""
    values: Row = dict(record)
    for name, value in re.findall(r"(\w+) = '([^']*)'", asked):
        values.setdefault(name, value)
    for name, value in re.findall(r"(\w+) IN \('([^']*)'", asked):
        values.setdefault(name, value)
    return values


def _send(site: Site, recording: dict[str, Any]) -> Any:
    request = recording["request"]
    query = "&".join(f"{key}={value}" for key, value in recording["query"].items())
    url = site.url + recording["path"] + (f"?{query}" if query else "")
    if isinstance(request, str):
        token = str(site.session.headers["Authorization"]).removeprefix("Bearer ")
        return site.session.post(
            url, data=request.replace("SCRUBBED", token).encode(),
            headers={"Content-Type": "text/xml", "SOAPAction": '""'}, timeout=30,
        )  # fmt: skip
    return site.session.request(recording["method"], url, json=request, timeout=30)


@pytest.mark.skipif(not RECORDINGS, reason="the recordings are not beside this checkout")
@pytest.mark.parametrize("number", range(len(RECORDINGS)))
def test_recording(recorded: Site, number: int) -> None:
    """Status, vendor header names and the body's shape are those of the live cloud."""
    recording = RECORDINGS[number]
    _prepare(recorded.org, recording)
    answer = _send(recorded, recording)
    assert answer.status_code == recording["status"], answer.text
    _same_headers(recording["headers"], answer.headers)
    if "/Soap/" in recording["path"]:
        assert re.findall(r"<[^?][^>]*>", answer.text) != []
        assert _tags(answer.text) == _tags(recording["response"])
    elif recording["path"].endswith("/describe"):
        _same_describe(answer.json(), recording["response"], recorded.org)
    else:
        _same_body(answer.json(), recording["response"], recorded.org)


def _kinds() -> list[int]:
    """The first recording of each method, resource and status; describe, which has gained keys
    since, is left out."""
    first: dict[tuple[str, str, int], int] = {}
    for number, one in enumerate(RECORDINGS):
        if not one["path"].endswith("/describe"):
            resource = _ID.sub("ID", one["path"])
            first.setdefault((one["method"], resource, one["status"]), number)
    return list(first.values())


@pytest.mark.skipif(not RECORDINGS, reason="the recordings are not beside this checkout")
@pytest.mark.parametrize("version", ["59.0", "68.0"])
@pytest.mark.parametrize("number", _kinds())
def test_newer_versions_answer_alike(recorded: Site, number: int, version: str) -> None:
    """What was recorded at v42 has the same status, codes and shape at newer versions."""
    text = re.sub(r"(?<=/v)42\.0|(?<=/u/)42\.0", version, json.dumps(RECORDINGS[number]))
    newer = json.loads(text)
    _prepare(recorded.org, newer)
    answer = _send(recorded, newer)
    assert answer.status_code == newer["status"], answer.text
    if "/Soap/" in newer["path"]:
        assert _tags(answer.text) == _tags(newer["response"])
    else:
        _same_body(answer.json(), newer["response"], recorded.org)


def _same_headers(theirs: dict[str, str], ours: Mapping[str, str]) -> None:
    """Every recorded header, and of the vendor's own no other; values in the recorded form."""
    own = {name.lower() for name in ours} - {"date", "server", "content-length"}
    assert own == {name.lower() for name in theirs}
    assert ours["Content-Type"].replace(" ", "") == theirs["Content-Type"].replace(" ", "")
    if "Sforce-Limit-Info" in theirs:
        form = r"api-usage=\d+/\d+"
        assert re.fullmatch(form, theirs["Sforce-Limit-Info"])
        assert re.fullmatch(form, ours["Sforce-Limit-Info"])


def _tags(text: str) -> list[str]:
    return re.findall(r"</?[A-Za-z:]+", text)


def _same_body(ours: Any, theirs: Any, org: SalesforceOrg) -> None:
    if isinstance(theirs, dict) and "records" in theirs:
        # Without ORDER BY the order is nobody's promise; every value must be the recorded one.
        assert _in_order(ours) == _in_order(theirs)
        return
    if isinstance(theirs, dict) and "attributes" in theirs:
        extra = set(ours) - set(theirs)
        assert extra <= _PRIVACY | _GAINED
        viewed = {"LastViewedDate", "LastReferencedDate"}
        kept = [key for key in theirs if key not in viewed]
        assert differences(
            {key: theirs[key] for key in kept}, {key: ours[key] for key in kept}
        ) == set()  # fmt: skip
        return
    assert differences(theirs, ours) == set()
    assert _codes(ours) == _codes(theirs)


def _in_order(answer: dict[str, Any]) -> dict[str, Any]:
    records = sorted(answer["records"], key=lambda one: str(one["attributes"]["url"]))
    return {**answer, "records": records}


def _codes(body: Any) -> list[str]:
    return re.findall(r'"(?:statusCode|errorCode)": "(\w+)"', json.dumps(body))


def _same_describe(ours: dict[str, Any], theirs: dict[str, Any], org: SalesforceOrg) -> None:
    """Every value of describe is the recorded one; of child relationships those both have."""
    assert list(ours) == list(theirs) or set(ours) == set(theirs)
    loose = {"childRelationships", "urls", "fields"}
    for key in set(theirs) - loose:
        assert ours[key] == theirs[key], key
    assert _without_host(ours["urls"]) == _without_host(theirs["urls"])
    assert _children(ours, org) == _children(theirs, org)
    known = {field["name"]: field for field in ours["fields"]}
    listed = [field["name"] for field in theirs["fields"]]
    assert [name for name in known if name not in _PRIVACY] == listed
    for field in theirs["fields"]:
        assert _field(known[field["name"]]) == _field(field), field["name"]


def _children(described: dict[str, Any], org: SalesforceOrg) -> list[dict[str, Any]]:
    listed = [
        one
        for one in described["childRelationships"]
        if one["childSObject"] in org.records.tables
        and (one["childSObject"], one["field"]) not in _PORTAL | _NEWER
    ]
    return sorted(listed, key=lambda one: (one["childSObject"], one["field"]))


def _without_host(urls: dict[str, str]) -> dict[str, str]:
    return {name: re.sub(r"^https?://[^/]+", "", url) for name, url in urls.items()}


def _field(field: dict[str, Any]) -> dict[str, Any]:
    return {**field, "picklistValues": sorted(one["value"] for one in field["picklistValues"])}
