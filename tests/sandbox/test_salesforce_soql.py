"""SOQL over the org in memory: what each clause finds, and what is refused in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.clock import VirtualClock
from sandbox.faults import Faults
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.org import SalesforceOrg

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def org() -> SalesforceOrg:
    """Four leads, one contact at an account, one deal, an old closed task."""
    made = SalesforceOrg(VirtualClock(NOW), Faults(), client_id="a", client_secret="b")
    made.add_field("Lead", {"name": "Tags__c", "type": "MultiselectPicklist"})
    people = [
        ("Ann", "Archer", "ann@a.example", "Web", 10, "red;blue"),
        ("Bob", "Baker", "BOB@b.example", None, 20, "red"),
        ("Cleo", "O'Hara", "cleo@c.example", "Other", 30, None),
        (None, "100%_x", None, "Web", None, None),
    ]
    for index, (first, last, email, source, size, tags) in enumerate(people):
        made.create(
            "Lead",
            {"FirstName": first, "LastName": last, "Company": f"Co{index}", "Email": email,
             "LeadSource": source, "NumberOfEmployees": size, "Tags__c": tags},
            at=NOW - timedelta(days=index * 10),
        )  # fmt: skip
    account = made.create("Account", {"Name": "Acme"})
    contact = made.create("Contact", {"LastName": "Doe", "AccountId": account})
    made.create("Opportunity", {"Name": "Deal", "StageName": "Closed Won", "Amount": 5000,
                                "CloseDate": "2026-03-01", "AccountId": account})  # fmt: skip
    made.create("Task", {"Subject": "Old", "Status": "Completed", "WhoId": contact,
                         "ActivityDate": "2025-01-01"})  # fmt: skip
    made.create("Task", {"Subject": "New", "WhoId": contact, "WhatId": account})
    return made


def _names(org: SalesforceOrg, where: str) -> list[str]:
    found = org.query(f"SELECT LastName FROM Lead WHERE {where} ORDER BY LastName")  # noqa: S608
    return [str(one["LastName"]) for one in found]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Email = 'bob@b.example'", ["Baker"]),
        ("Email = 'nobody@b.example'", []),
        ("Email IN ('ANN@a.example', 'bob@b.example')", ["Archer", "Baker"]),
        ("Email NOT IN ('ann@a.example')", ["100%_x", "Baker", "O'Hara"]),
        ("Email = null", ["100%_x"]),
        ("Email != null AND LeadSource = 'web'", ["Archer"]),
        ("LeadSource != 'Web'", ["Baker", "O'Hara"]),
        ("NumberOfEmployees > 10", ["Baker", "O'Hara"]),
        ("NumberOfEmployees >= 10 AND NumberOfEmployees < 30", ["Archer", "Baker"]),
        ("NOT NumberOfEmployees > 10", ["100%_x", "Archer"]),
        ("(LeadSource = 'Other' OR LeadSource = null)", ["Baker", "O'Hara"]),
        ("LeadSource = 'Web' AND (Email = null OR FirstName LIKE 'a%')", ["100%_x", "Archer"]),
        ("LastName = 'O\\'Hara'", ["O'Hara"]),
        ("LastName LIKE '%\\%\\_x'", ["100%_x"]),
        ("LastName LIKE '_aker'", ["Baker"]),
        ("Name LIKE 'ann archer'", ["Archer"]),
        ("IsConverted = false AND LastName LIKE 'b%'", ["Baker"]),
        ("Tags__c INCLUDES ('blue', 'green')", ["Archer"]),
        ("Tags__c INCLUDES ('red;blue', 'green')", ["Archer"]),
        ("Tags__c EXCLUDES ('blue')", ["100%_x", "Baker", "O'Hara"]),
        ("CreatedDate = TODAY", ["Archer"]),
        ("CreatedDate = LAST_N_DAYS:15", ["Archer", "Baker"]),
        ("CreatedDate < LAST_N_DAYS:15", ["100%_x", "O'Hara"]),
        ("CreatedDate = LAST_MONTH", ["Baker", "O'Hara"]),
        ("SystemModstamp >= 2026-02-20T08:00:00Z", ["Archer", "Baker"]),
        ("SystemModstamp > 2026-02-20T08:00:00.000+0000", ["Archer"]),
        ("SystemModstamp <= 2026-02-10T09:00:00+01:00", ["100%_x", "O'Hara"]),
        ("Owner.Name = 'Ada Admin' AND Company = 'co1'", ["Baker"]),
        ("OwnerId IN (SELECT Id FROM User WHERE LastName = 'Admin')",
         ["100%_x", "Archer", "Baker", "O'Hara"]),
        ("Id NOT IN (SELECT WhoId FROM Task)", ["100%_x", "Archer", "Baker", "O'Hara"]),
    ],
)  # fmt: skip
def test_where(org: SalesforceOrg, where: str, found: list[str]) -> None:
    """Each condition finds exactly the leads it describes."""
    assert _names(org, where) == found


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("SELECT FROM Lead", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM Lead WHERE A = 1 AND B = 2 OR C = 3", "MALFORMED_QUERY", "'OR'"),
        ("SELECT Nope FROM Lead", "INVALID_FIELD", "No such column 'Nope' on entity 'Lead'"),
        ("SELECT Nope.Name FROM Lead", "INVALID_FIELD", "Didn't understand relationship 'Nope'"),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported"),
        ("SELECT Id, Id FROM Lead", "INVALID_FIELD", "duplicate field selected"),
        ("SELECT Id FROM Lead WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Lead WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID"),
        ("SELECT Id FROM Lead WHERE NumberOfEmployees = '5'", "INVALID_FIELD", "of type int"),
        ("SELECT Id FROM Lead WHERE CreatedDate > '2026-01-01'", "INVALID_FIELD", "dateTime"),
        ("SELECT FIELDS(ALL) FROM Lead", "MALFORMED_QUERY", "LIMIT of at most 200"),
        ("SELECT Id FROM Lead OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
        ("SELECT Id FROM Lead WHERE LastName = 'a\\q'", "MALFORMED_QUERY", "escape"),
    ],
)
def test_refusals(org: SalesforceOrg, query: str, code: str, words: str) -> None:
    """A wrong query is refused with the vendor's code and words, not answered wrongly."""
    with pytest.raises(SalesforceError) as refused:
        org.query(query)
    assert refused.value.code == code
    assert words in refused.value.message


def test_order_limit_offset_and_nulls(org: SalesforceOrg) -> None:
    """Several sort keys, nulls first by default and last when asked; OFFSET before LIMIT."""
    text = "SELECT LastName FROM Lead ORDER BY NumberOfEmployees DESC NULLS LAST, LastName"
    assert [one["LastName"] for one in org.query(text)] == ["O'Hara", "Baker", "Archer", "100%_x"]
    first = org.query("SELECT LastName FROM Lead ORDER BY NumberOfEmployees LIMIT 1")
    assert first[0]["LastName"] == "100%_x"
    second = org.query("SELECT LastName FROM Lead ORDER BY LastName LIMIT 1 OFFSET 1")
    assert second[0]["LastName"] == "Archer"


def test_stamp_order_needs_no_sort_and_is_right(org: SalesforceOrg) -> None:
    """The keyset form pages by (SystemModstamp, Id) without omission or repetition."""
    seen: list[object] = []
    where = "SystemModstamp >= 2026-01-01T00:00:00Z"
    while True:
        page = org.query(
            f"SELECT Id, SystemModstamp FROM Lead WHERE {where}"  # noqa: S608
            " ORDER BY SystemModstamp, Id LIMIT 1"
        )
        if not page:
            break
        seen.append(page[0]["Id"])
        stamp, record_id = page[0]["SystemModstamp"], page[0]["Id"]
        where = f"SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > '{record_id}')"
    expected = org.query("SELECT Id FROM Lead ORDER BY SystemModstamp ASC, Id ASC")
    assert seen == [one["Id"] for one in expected]
    assert len(seen) == 4


def test_parents_are_nested_and_absent_ones_null(org: SalesforceOrg) -> None:
    """Owner.Name nests one object, Account.Owner.Name two; a missing parent is null."""
    contact = org.query("SELECT Id, Account.Name, Account.Owner.Name, Owner.Email FROM Contact")[0]
    account = contact["Account"]
    assert isinstance(account, dict)
    assert account["Name"] == "Acme"
    assert account["Owner"]["Name"] == "Ada Admin"
    task = org.query("SELECT Who.Name, Who.Type, What.Name FROM Task WHERE Subject = 'New'")[0]
    assert isinstance(task["Who"], dict)
    assert (task["Who"]["Name"], task["Who"]["Type"]) == ("Doe", "Contact")
    lead = org.query("SELECT ConvertedAccount.Name FROM Lead LIMIT 1")[0]
    assert lead["ConvertedAccount"] is None


def test_counts_and_groups(org: SalesforceOrg) -> None:
    """COUNT(field) with an alias, groups, and the unnamed expr0."""
    assert org.query("SELECT COUNT(Id) n FROM Lead")[0]["n"] == 4
    assert org.query("SELECT COUNT(Email) FROM Lead")[0]["expr0"] == 3
    groups = org.query("SELECT LeadSource, COUNT(Id) n FROM Lead GROUP BY LeadSource")
    assert {one["LeadSource"]: one["n"] for one in groups} == {"Web": 2, None: 1, "Other": 1}
    sums = org.query("SELECT SUM(Amount) s, MAX(CloseDate) m FROM Opportunity")[0]
    assert (sums["s"], sums["m"]) == (5000.0, "2026-03-01")


def test_fields_groups(org: SalesforceOrg) -> None:
    """FIELDS(ALL) needs a limit and gives all; STANDARD and CUSTOM split it."""
    every = set(org.query("SELECT FIELDS(ALL) FROM Lead LIMIT 1")[0])
    standard = set(org.query("SELECT FIELDS(STANDARD) FROM Lead LIMIT 1")[0])
    custom = set(org.query("SELECT FIELDS(CUSTOM) FROM Lead LIMIT 1")[0])
    assert standard | custom == every
    assert standard & custom == {"attributes"}
    assert "Tags__c" in custom


def test_old_closed_tasks_leave_query_but_not_query_all(org: SalesforceOrg) -> None:
    """A closed Task due more than 365 days ago is found by queryAll alone."""
    text = "SELECT Subject FROM Task ORDER BY Subject"
    assert [one["Subject"] for one in org.query(text)] == ["New"]
    assert [one["Subject"] for one in org.query(text, all_rows=True)] == ["New", "Old"]
