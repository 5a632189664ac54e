"""npm's `@hubspot/api-client` and `jsforce`: scripts beside this file, judged by the stores."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import Bench


@pytest.fixture(scope="module")
def hubspot(node: Any) -> dict[str, Any]:
    """What `node/hubspot.mjs` did and found."""
    found: dict[str, Any] = node("hubspot.mjs")
    return found


def test_hubspot_reads_every_contact(bench: Bench, hubspot: dict[str, Any]) -> None:
    """GetAll walked every page: the contacts it names are those that were live."""
    found = {row["id"] for row in hubspot["contacts"]}
    stored = bench.rows("hubspot", "contacts")
    ours = {hubspot["made"], *hubspot["batch"]}
    assert len(found) == len(hubspot["contacts"])
    assert found <= {row["id"] for row in stored}
    assert not found & ours
    live = {row["id"] for row in stored if not row["archived"]}
    assert live - found <= {*ours, hubspot["merged"]} | _made_later(stored, hubspot["made"])


def _made_later(stored: list[dict[str, Any]], first: str) -> set[str]:
    return {row["id"] for row in stored if int(row["id"]) >= int(first)}


def test_hubspot_writes_what_it_says(bench: Bench, hubspot: dict[str, Any]) -> None:
    """Creates, a batch, an association with both types, a merge whose old id resolves."""
    stored = bench.live("hubspot", "contacts")
    assert hubspot["search"] == {"total": 1, "id": hubspot["made"], "firstname": "No"}
    assert len(hubspot["batch"]) == 50
    assert set(hubspot["batch"]) <= set(stored)
    assert hubspot["linked"] == [[int(hubspot["company"]), [1, 279]]]
    assert hubspot["resolved"] == hubspot["merged"]
    emails = stored[hubspot["merged"]]["properties"]["hs_additional_emails"]
    assert emails == "node-other@clients.example"


def test_hubspot_errors_logins_and_schema(bench: Bench, hubspot: dict[str, Any]) -> None:
    """Errors carry HubSpot's statuses and categories; an OAuth session works as well."""
    assert hubspot["failures"] == {
        "missing": {"status": 404, "category": "OBJECT_NOT_FOUND"},
        "conflict": {"status": 409, "category": "CONFLICT"},
        "invalid": {"status": 400, "category": "VALIDATION_ERROR"},
    }
    assert hubspot["portal"] == bench.info["hubspot"]["portal_id"]
    assert hubspot["owners"] > 0
    assert hubspot["types"] > 150
    assert hubspot["stages"] >= 7


@pytest.fixture(scope="module")
def jsforce(node: Any) -> dict[str, Any]:
    """What `node/jsforce.mjs` did and found."""
    found: dict[str, Any] = node("jsforce.mjs")
    return found


def test_jsforce_logs_in_by_oauth_and_session(jsforce: dict[str, Any]) -> None:
    """Client credentials, another connection's session and a refresh token work; SOAP login()
    does not, as in new orgs.
    """
    assert jsforce["identity"].startswith("00D")
    assert jsforce["refreshed"] == 1
    assert jsforce["soapLogin"].startswith("INVALID_OPERATION")


def test_jsforce_queries_agree_with_the_org(bench: Bench, jsforce: dict[str, Any]) -> None:
    """Pages, children and deleted rows are those of the stores."""
    leads = {row["Id"]: row for row in bench.rows("salesforce", "Lead")}
    found = jsforce["leads"]
    assert len(found) == len(set(found)) > 2_000
    before = {key for key in leads if key <= found[-1] and not leads[key]["IsDeleted"]}
    assert before <= set(found) <= set(leads)
    of_account: dict[str, list[str]] = {}
    for contact in bench.live("salesforce", "Contact").values():
        if contact["AccountId"] in jsforce["children"]:
            of_account.setdefault(contact["AccountId"], []).append(contact["Id"])
    children = {key: sorted(ids) for key, ids in of_account.items()}
    converted = jsforce["converted"]["contactId"]
    assert {key: [one for one in ids if one != converted] for key, ids in children.items()} == (
        jsforce["children"]
    )
    assert {"Lead", "Contact", "EmailMessage", "LeadHistory"} <= set(jsforce["objects"])
    assert {"Id", "LastName", "IsConverted", "SystemModstamp"} <= set(jsforce["fields"])


def test_jsforce_writes_one_and_many(bench: Bench, jsforce: dict[str, Any]) -> None:
    """CRUD, collections of 200 with one bad row, Bulk 2.0 with one bad row."""
    assert jsforce["read"] == "Boss"
    assert jsforce["many"] == {"good": 199, "bad": ["REQUIRED_FIELD_MISSING"]}
    assert jsforce["updated"] == jsforce["retrieved"] == jsforce["destroyed"] == 199
    assert jsforce["gone"] == "NOT_FOUND"
    assert jsforce["loaded"] == {"good": 120, "bad": ["REQUIRED_FIELD_MISSING"]}
    assert jsforce["bulk"] == 120
    live = bench.live("salesforce", "Lead").values()
    assert sum(row["Company"] == "Bulk Force" for row in live) == 120


def test_jsforce_converts_merges_undeletes_and_searches(
    bench: Bench, jsforce: dict[str, Any]
) -> None:
    """What only SOAP can do has happened in the org; a search by name finds who was converted."""
    rows = {row["Id"]: row for row in bench.rows("salesforce", "Lead")}
    converted = jsforce["converted"]
    assert converted["success"] is True
    assert rows[converted["leadId"]]["ConvertedContactId"] == converted["contactId"]
    master, loser = jsforce["twins"]
    assert jsforce["merged"][0]["mergedRecordIds"] == [loser]
    assert (rows[loser]["IsDeleted"], rows[loser]["MasterRecordId"]) == (True, master)
    assert jsforce["undeleted"] == [True]
    assert jsforce["back"].startswith("Many ")
    assert ["Contact", "Jay"] in jsforce["search"]
    assert "DailyApiRequests" in jsforce["limits"]


@pytest.fixture(scope="module")
def more_hubspot(node: Any) -> dict[str, Any]:
    """What `node/hubspot_more.mjs` did and found."""
    found: dict[str, Any] = node("hubspot_more.mjs")
    return found


def test_hubspot_pages_searches_and_upserts(bench: Bench, more_hubspot: dict[str, Any]) -> None:
    """A search over three pages brings everybody once; an upsert knows old from new; a batch read
    tells what it did not find.
    """
    assert more_hubspot["searched"] == [130, 130]
    assert more_hubspot["upserted"] == [10, 5]
    assert more_hubspot["read"] == [3, 1]
    live = bench.live("hubspot", "contacts").values()
    assert sum(row["properties"].get("jobtitle") == "Upserted" for row in live) == 10


def test_hubspot_shows_the_rest_of_the_account(bench: Bench, more_hubspot: dict[str, Any]) -> None:
    """Labels, groups, users, e-mails, webhooks and tokens are there; imports are refused."""
    assert more_hubspot["labels"] == [["Advisor"]] * 3
    assert more_hubspot["groups"] is True
    assert more_hubspot["property"] == 404
    assert "owner@sandbox.example" in more_hubspot["users"]
    assert more_hubspot["roles"] == 1
    assert more_hubspot["emails"] > 0
    assert more_hubspot["schemas"] == 0
    assert more_hubspot["imports"] == [403, "MISSING_SCOPES"]
    assert more_hubspot["webhooks"] == ["contact.creation"]
    assert more_hubspot["token"] == bench.info["hubspot"]["portal_id"]


@pytest.fixture(scope="module")
def more_jsforce(node: Any) -> dict[str, Any]:
    """What `node/jsforce_more.mjs` did and found."""
    found: dict[str, Any] = node("jsforce_more.mjs")
    return found


def test_jsforce_loads_by_bulk_1(bench: Bench, more_jsforce: dict[str, Any]) -> None:
    """Bulk 1.0 loads and queries; the row that fails says why."""
    assert more_jsforce["loaded"] == {"good": 30, "bad": ["REQUIRED_FIELD_MISSING"]}
    assert more_jsforce["queried"] == 30
    assert more_jsforce["groups"] == [["Bulk One", 30]]
    live = bench.live("salesforce", "Lead").values()
    assert sum(row["Company"] == "Bulk One" for row in live) == 31


def test_jsforce_builds_screens(more_jsforce: dict[str, Any]) -> None:
    """Tabs, theme, actions, layouts, list views and rules are understood."""
    assert {"Account", "Lead"} <= set(more_jsforce["tabs"])
    assert more_jsforce["theme"] == len(more_jsforce["tabs"])
    assert more_jsforce["actions"] == ["LogACall"]
    assert (more_jsforce["recent"], more_jsforce["approvals"]) == (0, [])
    assert more_jsforce["layout"] > 30
    assert more_jsforce["compact"] == "SYSTEM"
    assert more_jsforce["listview"] == {"size": 25, "label": "All Leads"}
    assert more_jsforce["rules"] == {}


def test_jsforce_follows_trees_and_logs_out(more_jsforce: dict[str, Any]) -> None:
    """A tree's child leads to its parent; no Apex is there; a revoked token ends the session."""
    assert more_jsforce["parent"] is True
    assert more_jsforce["tooling"] == ["CustomField"]
    assert more_jsforce["apex"] is False
    assert more_jsforce["updated"]
    assert more_jsforce["missing"] == "NOT_FOUND"
    assert more_jsforce["loggedOut"] != "no"
