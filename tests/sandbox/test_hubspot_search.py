"""CRM search of the HubSpot sandbox: operators, limits, lag, exact totals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.sandbox.hubspot_server import START, Hub, served

SEARCH = "/crm/v3/objects/contacts/search"


@pytest.fixture(scope="module")
def people() -> Iterator[Hub]:
    """Five contacts made one day apart, read by all tests here; rate limits off."""
    with served() as hub:
        hub.account.limits.enabled = False
        rows = [
            ("ann@alpha.example", "Ann", "Basel", "lead", "NEW"),
            ("bob@alpha.example", "Bob", "Bern", "customer", "OPEN"),
            ("cy@beta.example", "Cy", "", "lead", ""),
            ("dee@beta.example", "Dee", "basel", "opportunity", "NEW"),
            ("ed@gamma.example", "Ed", "Zug", "", "OPEN"),
        ]
        for day, (email, first, city, stage, status) in enumerate(rows):
            values = {"email": email, "firstname": first, "city": city,
                      "lifecyclestage": stage, "hs_lead_status": status,
                      "numemployees": "1-5" if day else ""}  # fmt: skip
            at = START - timedelta(days=10 - day)
            hub.account.create("contacts", {k: v for k, v in values.items() if v}, at=at)
        yield hub


def names(answer: dict[str, Any]) -> str:
    """Initials of the contacts found, in order."""
    return "".join(each["properties"]["firstname"][0] for each in answer["results"])


@pytest.mark.parametrize(
    ("name", "operator", "value", "expected"),
    [
        ("email", "EQ", "ANN@alpha.example", "A"),
        ("city", "EQ", "basel", "AD"),
        ("city", "NEQ", "Basel", "BE"),
        ("city", "IN", ["basel", "zug"], "ADE"),
        ("city", "IN", ["Basel"], ""),
        ("city", "NOT_IN", ["basel"], "BE"),
        ("hs_lead_status", "EQ", "new", ""),
        ("hs_lead_status", "IN", ["NEW"], "AD"),
        ("city", "HAS_PROPERTY", None, "ABDE"),
        ("city", "NOT_HAS_PROPERTY", None, "C"),
        ("email", "CONTAINS_TOKEN", "*alpha*", "AB"),
        ("email", "CONTAINS_TOKEN", "beta", "CD"),
        ("email", "NOT_CONTAINS_TOKEN", "beta", "ABE"),
        ("createdate", "GTE", str(int((START - timedelta(days=8)).timestamp() * 1000)), "CDE"),
        ("createdate", "LT", "2026-02-22", "AB"),
        ("createdate", "BETWEEN", ("2026-02-21", "2026-02-23"), "BC"),
        ("lastmodifieddate", "GT", "2026-02-23T00:00:00.000Z", "DE"),
        ("hs_object_id", "GT", "0", "ABCDE"),
    ],
)  # fmt: skip
def test_operators(people: Hub, name: str, operator: str, value: object, expected: str) -> None:
    """Each operator finds what HubSpot's would, with an exact total."""
    answer = people.search("contacts", (name, operator, value))
    assert names(answer) == expected
    assert answer["total"] == len(expected)


def test_groups_are_or_filters_and(people: Hub) -> None:
    """Groups are alternatives, the filters within one all hold, nobody is returned twice."""
    alpha = {"propertyName": "email", "operator": "CONTAINS_TOKEN", "value": "alpha"}
    basel = {"propertyName": "city", "operator": "EQ", "value": "Basel"}
    either = {"filterGroups": [{"filters": [alpha]}, {"filters": [basel]}]}
    assert names(people.post(SEARCH, either)) == "ABD"
    both = {"filterGroups": [{"filters": [alpha, basel]}]}
    assert names(people.post(SEARCH, both)) == "A"


def test_keyset_paging_by_id(people: Hub) -> None:
    """Modified since t, id above the last one, sorted by id: every record once."""
    seen, last = "", "0"
    while True:
        page = people.search(
            "contacts",
            ("lastmodifieddate", "GTE", "2026-02-20"),
            ("hs_object_id", "GT", last),
            sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            properties=["firstname"],
            limit=2,
        )
        if not page["results"]:
            break
        seen += names(page)
        last = page["results"][-1]["id"]
    assert seen == "ABCDE"


def test_sort_and_offset(people: Hub) -> None:
    """One sort, either way; `after` is an offset and the last page has none."""
    page = people.post(SEARCH, {"sorts": ["-createdate"], "limit": 3})
    assert (names(page), page["paging"]["next"]["after"]) == ("EDC", "3")
    rest = people.post(SEARCH, {"sorts": ["-createdate"], "limit": 3, "after": "3"})
    assert (names(rest), "paging" in rest) == ("BA", False)


_FILTER = {"propertyName": "city", "operator": "EQ", "value": "x"}


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 100, "after": "9950"},
        {"filterGroups": [{"filters": [_FILTER]}] * 6},
        {"filterGroups": [{"filters": [_FILTER] * 7}]},
        {"filterGroups": [{"filters": [_FILTER] * 5}] * 4},
        {"sorts": ["city", "email"]},
        {"query": "x" * 3000},
        {"filterGroups": [{"filters": [{**_FILTER, "propertyName": "nonsense"}]}]},
        {"filterGroups": [{"filters": [{**_FILTER, "operator": "LIKE"}]}]},
    ],
)
def test_limits_of_search(people: Hub, body: dict[str, Any]) -> None:
    """What is beyond the vendor's limits is a 400 VALIDATION_ERROR."""
    answer = people.call("POST", SEARCH, body)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_new_records_appear_after_their_lag() -> None:
    """A search misses a new record at first and finds it 40 s later at the latest."""
    with served(search_lag=1.0) as hub:
        created = hub.post(
            "/crm/v3/objects/contacts", {"properties": {"email": "n@demo.example"}}, 201
        )
        assert hub.get(f"/crm/v3/objects/contacts/{created['id']}")["id"] == created["id"]
        find = ("email", "EQ", "n@demo.example")
        hub.account.clock.move(1.9)
        assert hub.search("contacts", find)["total"] == 0
        hub.account.clock.move(38.2)
        assert hub.search("contacts", find)["total"] == 1


def test_changes_and_archives_lag_too() -> None:
    """The index answers by the old value for up to 2 s; an archived record still counts."""
    with served(search_lag=0.0) as hub:
        one = hub.account.create("contacts", {"email": "n@demo.example", "city": "Bern"})
        hub.account.search_lag = 1.0
        hub.account.update("contacts", one, {"city": "Basel"})
        stale = hub.search("contacts", ("city", "EQ", "Bern"), properties=["city"])
        assert [each["properties"]["city"] for each in stale["results"]] == ["Basel"]
        hub.account.clock.move(2.1)
        assert hub.search("contacts", ("city", "EQ", "Bern"))["total"] == 0
        hub.account.archive("contacts", one)
        gone = hub.search("contacts", ("city", "EQ", "Basel"))
        assert (gone["total"], gone["results"]) == (1, [])
        hub.account.clock.move(2.1)
        assert hub.search("contacts", ("city", "EQ", "Basel"))["total"] == 0


def test_backdated_history_is_visible_at_once() -> None:
    """Records a world backdates are in the index already, since their lag lies in the past."""
    with served(search_lag=1.0) as hub:
        hub.account.create("contacts", {"email": "o@x.example"}, at=START - timedelta(days=3))
        assert hub.search("contacts", ("email", "EQ", "o@x.example"))["total"] == 1


def test_search_by_association() -> None:
    """`associations.company` finds the contacts of a company."""
    with served() as hub:
        one = hub.account.create("contacts", {"email": "n@demo.example"})
        hub.account.create("contacts", {"email": "m@demo.example"})
        company = hub.account.create("companies", {"name": "Acme"})
        hub.account.associate("contacts", one, "companies", company)
        found = hub.search("contacts", ("associations.company", "EQ", company))
        assert [each["id"] for each in found["results"]] == [one]


@pytest.mark.parametrize("lag", [0.0, 1.0])
def test_backfill_by_keyset_agrees_with_a_plain_search(lag: float) -> None:
    """The short way a backfill takes finds what any search finds, pending changes included."""
    with served(search_lag=lag) as hub:
        hub.account.limits.enabled = False
        for n in range(60):
            at = START - timedelta(minutes=n % 3)
            hub.account.create("contacts", {"email": f"p{n}@x.example"}, at=at)
        ids = list(hub.account.ids("contacts"))
        hub.account.update("contacts", ids[5], {"city": "Basel"})
        for archived in (False, True):
            if archived:
                hub.account.archive("contacts", ids[9])
            bounds = [("lastmodifieddate", "GTE", "0"), ("hs_object_id", "GT", ids[3])]
            quick = hub.search("contacts", *bounds, sorts=["hs_object_id"], limit=100)
            plain = hub.search("contacts", *bounds, limit=100)
            assert quick == plain
            assert 0 < quick["total"] < 57


def test_indexed_search_agrees_with_a_scan() -> None:
    """Whatever the index used, the answer is that of looking at every record."""
    with served() as hub:
        hub.account.limits.enabled = False
        account = hub.account
        for n in range(300):
            at = START - timedelta(minutes=n * 37 % 300)
            account.create("contacts", {"email": f"p{n}@x.example"}, at=at)
        ids = list(account.ids("contacts"))
        for n in range(0, 300, 7):
            account.update("contacts", ids[n], {"city": "Basel"}, at=START - timedelta(minutes=n))
        for one in ids[::11]:
            account.archive("contacts", one)
        for minutes in (0, 10, 150, 400):
            since = START - timedelta(minutes=minutes)
            bound = str(int(since.timestamp() * 1000))
            expected = [
                one
                for one in account.ids("contacts")
                if str(account.get("contacts", one)["lastmodifieddate"])
                >= since.strftime("%Y-%m-%dT%H:%M:%S.000Z")
            ]
            answer = hub.search("contacts", ("lastmodifieddate", "GTE", bound), limit=200)
            assert answer["total"] == len(expected)
            assert [each["id"] for each in answer["results"]] == expected[:200]
