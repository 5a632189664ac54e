"""Single acts by hand and how an account is set up, through the admin endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.harness import Running, running

DATA = "/services/data/v61.0"
CONTACTS = "/crm/v3/objects/contacts"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An empty sandbox."""
    with running(tmp_path_factory.mktemp("acts"), world=None) as started:
        yield started


def act(client: Running, system: str, name: str, **more: Any) -> Any:
    """Do one thing by hand; what it made."""
    answer = client.admin("POST", "/acts", {"system": system, "act": name, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def setting(client: Running, system: str, **settings: Any) -> None:
    """Set something up."""
    answer = client.admin("POST", "/settings", {"system": system, **settings})
    assert answer.status_code == 200, answer.text


def test_a_persons_life_in_hubspot(client: Running) -> None:
    """Created, edited, opted out, archived, restored, merged, erased: by hand, as by API."""
    fields = {"email": "life@demo.example"}
    key = act(client, "hubspot", "create", object="contacts", fields=fields)["id"]
    act(client, "hubspot", "edit", object="contacts", id=key, fields={"city": "Ulm"})
    act(client, "hubspot", "unsubscribe", email="life@demo.example")
    read = client.hubspot("GET", f"{CONTACTS}/{key}?properties=city,hs_email_optout").json()
    shown = read["properties"]
    assert (shown["city"], shown["hs_email_optout"]) == ("Ulm", "true")
    act(client, "hubspot", "archive", object="contacts", id=key)
    assert client.hubspot("GET", f"{CONTACTS}/{key}").status_code == 404
    act(client, "hubspot", "restore", object="contacts", id=key)
    again = client.hubspot("GET", f"{CONTACTS}/{key}").json()
    assert (again["archived"], again["id"]) == (False, key)
    other = act(
        client, "hubspot", "create", object="contacts", fields={"email": "two@demo.example"}
    )["id"]
    survivor = act(client, "hubspot", "merge", object="contacts", id=key, other=other)["id"]
    assert client.hubspot("GET", f"{CONTACTS}/{other}").json()["id"] == survivor
    act(client, "hubspot", "erase", id=survivor)
    assert client.hubspot("GET", f"{CONTACTS}/{survivor}").status_code == 404


def test_a_restored_address_must_be_free(client: Running) -> None:
    """An archived contact whose address somebody has meanwhile cannot be restored."""
    fields = {"email": "taken@demo.example"}
    key = act(client, "hubspot", "create", object="contacts", fields=fields)["id"]
    act(client, "hubspot", "archive", object="contacts", id=key)
    act(client, "hubspot", "create", object="contacts", fields=fields)
    body = {"system": "hubspot", "act": "restore", "object": "contacts", "id": key}
    refused = client.admin("POST", "/acts", body)
    assert refused.status_code == 400
    assert "already exists" in refused.json()["message"]


def test_a_leads_life_in_salesforce(client: Running) -> None:
    """Created, edited, deleted, undeleted, merged, converted; the purged are gone for good."""
    fields = {"LastName": "Life", "Company": "C"}
    key = act(client, "salesforce", "create", object="Lead", fields=fields)["id"]
    act(client, "salesforce", "edit", object="Lead", id=key, fields={"Title": "Boss"})
    act(client, "salesforce", "delete", object="Lead", id=key)
    assert client.salesforce("GET", f"{DATA}/sobjects/Lead/{key}").status_code == 404
    act(client, "salesforce", "undelete", id=key)
    assert client.salesforce("GET", f"{DATA}/sobjects/Lead/{key}").json()["Title"] == "Boss"
    twin = act(client, "salesforce", "create", object="Lead", fields=fields)["id"]
    act(client, "salesforce", "merge", object="Lead", id=key, others=[twin])
    act(client, "salesforce", "purge", id=twin)
    done = act(client, "salesforce", "convert", id=key, opportunity="Deal")
    assert client.salesforce("GET", f"{DATA}/sobjects/Lead/{key}").json()["IsConverted"] is True
    assert done["opportunityId"].startswith("006")
    ids = client.admin("GET", "/state/salesforce/Lead").text
    assert key in ids
    assert twin not in ids


@pytest.mark.parametrize(
    "wrong",
    [
        {"system": "hubspot", "act": "hug"},
        {"system": "nobody", "act": "create"},
        {"system": "hubspot", "act": "edit", "object": "contacts"},
        {"system": "salesforce", "act": "undelete", "id": "rubbish"},
        {"system": "salesforce", "act": "delete", "object": "Lead", "id": "00Q000000000000AAA"},
    ],
)
def test_an_act_that_cannot_be_is_refused(client: Running, wrong: dict[str, Any]) -> None:
    """Unknown acts, missing words and absent records are a 400 with a message."""
    answer = client.admin("POST", "/acts", wrong)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_duplicate_rules_alert_or_block(client: Running) -> None:
    """An alert rule gives way to allowSave, a blocking one does not; off lets everybody in."""
    body = {"LastName": "Twin", "Company": "C", "Email": "rule@demo.example"}
    setting(client, "salesforce", duplicate_rules={"Lead": "alert"})
    path = f"{DATA}/sobjects/Lead"
    assert client.salesforce("POST", path, body).status_code == 201
    refused = client.salesforce("POST", path, body)
    assert refused.json()[0]["errorCode"] == "DUPLICATES_DETECTED"
    assert refused.json()[0]["duplicateResut"]["allowSave"] is True
    assert save_anyway(client, path, body) == 201
    setting(client, "salesforce", duplicate_rules={"Lead": "block"})
    assert save_anyway(client, path, body) == 400
    setting(client, "salesforce", duplicate_rules={"Lead": "off"})
    assert client.salesforce("POST", path, body).status_code == 201


def save_anyway(client: Running, path: str, body: dict[str, str]) -> int:
    """The status of a create with the duplicate rule header."""
    headers = {
        "Authorization": f"Bearer {client.login()}",
        "Sforce-Duplicate-Rule-Header": "allowSave=true",
    }
    url = client.info["salesforce"]["login_url"] + path
    return client.session.post(url, json=body, headers=headers, timeout=30).status_code


def test_lead_assignment_can_be_refused_by_header(client: Running) -> None:
    """An active assignment rule gives new leads its owner, unless Sforce-Auto-Assign says no."""
    users = [row for row in client.admin("GET", "/state/salesforce/User").text.splitlines() if row]
    import json

    owner = json.loads(users[0])["Id"]
    setting(client, "salesforce", lead_assignment=owner)
    path, body = f"{DATA}/sobjects/Lead", {"LastName": "Assigned", "Company": "C"}
    made = client.salesforce("POST", path, body).json()["id"]
    assert client.salesforce("GET", f"{path}/{made}").json()["OwnerId"] == owner
    headers = {"Authorization": f"Bearer {client.login()}", "Sforce-Auto-Assign": "FALSE"}
    url = client.info["salesforce"]["login_url"] + path
    made = client.session.post(url, json=body, headers=headers, timeout=30).json()["id"]
    assert client.salesforce("GET", f"{path}/{made}").json()["OwnerId"] != owner
    setting(client, "salesforce", lead_assignment=None)


def test_history_is_kept_where_it_is_switched_on(client: Running) -> None:
    """Contact history begins when an administrator switches it on."""
    setting(client, "salesforce", history=["Lead", "Opportunity", "Contact"])
    key = act(client, "salesforce", "create", object="Contact", fields={"LastName": "H"})["id"]
    act(client, "salesforce", "edit", object="Contact", id=key, fields={"Title": "Boss"})
    soql = f"SELECT Field, OldValue, NewValue FROM ContactHistory WHERE ContactId = '{key}'"  # noqa: S608
    rows = client.salesforce("GET", f"{DATA}/query?q={soql}").json()["records"]
    assert ("Title", None, "Boss") in {(r["Field"], r["OldValue"], r["NewValue"]) for r in rows}


def test_person_accounts_show_in_describe(client: Running) -> None:
    """Switched on, describe of Account has IsPersonAccount; it cannot be switched off again."""
    path = f"{DATA}/sobjects/Account/describe"

    def names() -> set[str]:
        return {field["name"] for field in client.salesforce("GET", path).json()["fields"]}

    assert "IsPersonAccount" not in names()
    setting(client, "salesforce", person_accounts=True)
    assert {"IsPersonAccount", "PersonContactId", "PersonEmail"} <= names()
    off = {"system": "salesforce", "person_accounts": False}
    assert client.admin("POST", "/settings", off).status_code == 400


def test_a_missing_scope_is_403(client: Running) -> None:
    """A denied scope answers 403 with the scope that is needed."""
    setting(client, "hubspot", denied_scopes=["crm.objects.deals.read"])
    refused = client.hubspot("GET", "/crm/v3/objects/deals")
    assert refused.status_code == 403
    assert refused.json()["category"] == "MISSING_SCOPES"
    setting(client, "hubspot", denied_scopes=[])
    assert client.hubspot("GET", "/crm/v3/objects/deals").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"system": "hubspot"},
        {"system": "hubspot", "colour": "red"},
        {"system": "hubspot", "merge_mints_new_id": "maybe"},
        {"system": "salesforce", "short_page_rate": 2},
        {"system": "salesforce", "history": ["Campaign"]},
        {"system": "salesforce", "duplicate_rules": {"Lead": "shout"}},
    ],
)
def test_a_setting_that_is_none_is_refused(client: Running, wrong: dict[str, Any]) -> None:
    """Rubbish is a 400 with a message."""
    answer = client.admin("POST", "/settings", wrong)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_the_docs_of_admin_name_every_path() -> None:
    """Every admin path stands in the how-to, so that nobody has to read the source."""
    page = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "sandbox.md"
    text = page.read_text(encoding="utf-8")
    for path in ("/email-events", "/truth", "/faults", "/calls", "/schema", "/clock", "/world",
                 "/acts", "/settings", "/webhooks", "/state"):  # fmt: skip
        assert path in text
